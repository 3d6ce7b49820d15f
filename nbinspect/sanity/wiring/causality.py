"""`causality`: does a model that predicts what comes next see none of it, and is it asked for what comes next?"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from nbinspect.records import CheckResult
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import Arguments, Check, failed, inconclusive, measured, passed, skipped, warned
from nbinspect.sanity.evidence.losses.shifts import Shift, shifts, shifts_of_forced
from nbinspect.sanity.evidence.samples.ahead import Ahead, is_asked_for, look_ahead
from nbinspect.sanity.evidence.samples.awake import awakened
from nbinspect.sanity.evidence.samples.causal import OF_TARGETS, causal_evidence, inputs_of_decoder
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded

_SHARE = "change before the cut, as a share of the largest"


def run(
    program: Program,
    batch: Batch,
    attempt: Recorded,
    training_pass: Recorded,
    *,
    fail_above: float = 1e-5,
    warn_above: float = 1e-6,
) -> CheckResult:
    """Fail where outputs change with later inputs, or where the targets are not the inputs one step on."""
    recorded = training_pass
    evidence = causal_evidence(recorded) or causal_evidence(attempt)
    if not evidence:
        if (forced := shifts_of_forced(recorded)) and all(one.steps != 1 for one in forced):
            return _misaligned(forced[0], 0, "the labels, one step back, which its decoder reads")
        return skipped("causal=True, a causal mask, or the config of a causal model")
    # what an encoder reads may be seen whole
    own = inputs_of_decoder(recorded)
    runs = attempt.error is None
    looks = [one for one in look_ahead(awakened(program, batch), batch) if not own or one.name in own] if runs else []
    found = [one for one in shifts(recorded) if not own or one.name in own]
    if not looks:
        is_by_step = not runs or program.goes_through_step
        if is_by_step and found and all(one.steps != 1 for one in found):
            return _misaligned(found[0], 0, evidence)
        return skipped("an output at each position of an input")
    least = min(looks, key=lambda look: look.before)
    if least.before > warn_above:
        asked = next((look for look in looks if any(look.name == one.name for one in found)), least)
        if asked.is_told and program.subject.causal is None:
            return _unsettled("a summary of all positions", asked, fail_above)
        if evidence.startswith(OF_TARGETS) and not is_asked_for(program, batch, asked):
            return _unsettled("later inputs, and the loss ignores those", asked, fail_above)
        return _leaks(asked, evidence, fail_above)
    seen = {look.name: look.seen for look in looks}
    right = next((one for one in found if one.steps - seen.get(one.name, least.seen) == 1), None)
    if found and right is None:
        return _misaligned(found[0], seen.get(found[0].name, least.seen), evidence)
    shifted = f"; targets are {right.name}, {right.steps} step on" if right else ""
    shown = measured(_SHARE, least.before, f"0 (fails above {fail_above:g})")
    return passed(f"nothing before position {least.cut} changed{shifted}", shown)


def _leaks(look: Ahead, evidence: str, fail_above: float) -> CheckResult:
    source = look.source
    where = source.where if source else ""
    return (failed if look.before > fail_above else warned)(
        f"outputs before position {look.cut} change with inputs from it on",
        measured(_SHARE, look.before, f"0 (fails above {fail_above:g})"),
        title="The model sees what it is to predict",
        detail=f"The model is causal by {evidence}, and yet {look.name} from position {look.cut} on changes earlier "
        f"outputs{f', first at {where}' if where else ''}: it can copy its targets, and fails when it generates.",
        remedy="Block scores above the diagonal before the softmax in every layer: "
        "torch.ones(T, T, dtype=torch.bool).triu(1) is True where −inf goes.",
        where=where,
        place=source.place if source else None,
        charts=(look.chart,),
    )


def _unsettled(by: str, look: Ahead, fail_above: float) -> CheckResult:
    """Tell of outputs that look ahead where that may be meant: to a summary of all, or where nothing is predicted."""
    return inconclusive(
        f"outputs before position {look.cut} change with {by}",
        measured(_SHARE, look.before, f"0 (fails above {fail_above:g})"),
        settle="Give causal=False if the model may read all of the text that it is to write, as an autoencoder does, "
        "or the first part of it; causal=True if not.",
        charts=(look.chart,),
    )


def _misaligned(shift: Shift, seen: int, evidence: str) -> CheckResult:
    """Tell of targets that are not one step ahead of the last token `seen`, which may be another than their own."""
    ahead = shift.steps - seen
    text = "the token that it has just been given" if not ahead else f"the token {ahead} steps on"
    title = "Targets are the inputs, not shifted" if not ahead else "Targets are shifted twice"
    return failed(
        title.lower(),
        measured("steps from the last token seen to its target", ahead, "1"),
        measured(f"share of targets that are {shift.name} so shifted", shift.share, "the shift is told above 0.95"),
        title=title,
        detail=f"The model is causal by {evidence}; at each position the loss asks for {text}.",
        remedy="Compare logits[:, :-1] with tokens[:, 1:]; hand a model that shifts inside the tokens as they are.",
        where=shift.loss.step.name,
        place=shift.loss.step.place,
    )


class _Attention(nn.Module):
    """One layer of attention over tokens; `blocks` is the diagonal from which scores are blocked."""

    def __init__(self, blocks: int) -> None:
        super().__init__()
        self.embed, self.head, self.blocks = nn.Embedding(20, 16), nn.Linear(16, 20), blocks

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embed(tokens)
        mask = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(self.blocks)
        scores = (x @ x.transpose(1, 2) / 16).masked_fill(mask, float("-inf"))
        out: Tensor = self.head(torch.softmax(scores, 2) @ x)
        return out


def _loss(logits: Tensor, targets: Tensor) -> Tensor:
    return functional.cross_entropy(logits.flatten(0, 1), targets.flatten())


def good() -> Arguments:
    """Return attention that blocks all that comes later, and targets one step on."""
    tokens = torch.randint(20, (8, 13))
    return {"model": _Attention(1), "loader": [(tokens[:, :-1], tokens[:, 1:])], "loss_fn": _loss}


def bad() -> Arguments:
    """Return the same with a mask that begins one place too far."""
    return {**good(), "model": _Attention(2)}


CHECK = Check(
    name="causality",
    stage="wiring",
    question="Does a causal model see nothing of what it is to predict?",
    why="A mask that lets one later token through makes the loss fall beautifully, and the model cannot generate.",
    remedy="Block scores above the diagonal, and compare the output at t with the token at t + 1.",
    cost=1,
    run=run,
    good=good,
    bad=bad,
    explains=("loss-at-init", "overfit-one-batch", "input-independent-baseline"),
    sources=("K-dependencies",),
    silent="models that shift inside; bidirectional encoders; encoders beside a causal decoder; autoencoders",
)
