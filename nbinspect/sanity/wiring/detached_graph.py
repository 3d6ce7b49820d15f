"""`detached-graph`: is the loss, or a part of the network, cut off the graph that gradients flow through?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from nbinspect.records import CheckResult
from nbinspect.sanity.check import Arguments, Check, failed, inconclusive, measured, passed, skipped, warned
from nbinspect.sanity.evidence.passes.cuts import has_no_graph, is_stopped_target, tell
from nbinspect.sanity.evidence.passes.flow import Cut, Flow, follow
from nbinspect.sanity.evidence.passes.logged import without_logged
from nbinspect.sanity.evidence.passes.reach import (
    is_library_part,
    modules_of,
    optimised,
    trainable,
    trains_by_one_loss,
    unreached,
)
from nbinspect.sanity.evidence.source.statements import is_conditional
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded
from nbinspect.sanity.trials.running.own_step import Training


def run(program: Program, training: Training) -> CheckResult:
    """Fail where no gradient can reach trained parameters because an operation leaves the graph, which is named."""
    own, recordings = training.program, training.recordings
    wanted = trainable(own)
    if not wanted:
        return skipped("parameters that require a gradient")
    if all(has_no_graph(one.loss) for one in recordings):
        return _whole(own, recordings[0], follow(recordings[0], wanted), len(wanted))
    ran = [one for one in recordings if not one.no_backward]
    if not ran:
        return skipped(f"a backward pass: {recordings[0].no_backward}")
    cuts = _cuts(own, ran[0], missing := unreached(own, ran))
    if cuts and training.of_step:  # parts may take turns
        later = training.later(program)
        cuts = _cuts(own, ran[0], {name: one for name, one in missing.items() if name not in later})
    if not cuts:
        return passed(f"none of {len(wanted)} trainable parameters cut off")
    return _part(own, ran[0], cuts, len(wanted))


def _cuts(program: Program, recorded: Recorded, missing: Mapping[str, Tensor]) -> list[Cut]:
    flow = follow(recorded, missing)
    return [
        cut
        for cut in without_logged(program, recorded, flow)
        if cut.kind != "step" and not is_stopped_target(recorded, flow, cut)
    ]


def _whole(program: Program, recorded: Recorded, flow: Flow, count: int) -> CheckResult:
    number = measured("trainable parameters that the loss reaches", f"0 of {count}", f"{count} of {count}")
    if not trains_by_one_loss(program.subject):
        return inconclusive("your step trains by other losses too", number, settle="Give the loss that trains.")
    if not flow.cuts:
        settle = "No operation was seen that cuts the loss off: call `loss.backward()` once, and see what it says."
        return inconclusive("the loss has no graph", number, settle=settle)
    cut = flow.cuts[-1]
    told = tell(recorded, cut)
    return failed(
        f"no graph: cut by {told.name}",
        number,
        title="The loss carries no graph",
        detail=f"{told.by} cuts the loss off the network: `loss.backward()` reaches no parameter, nothing is learnt.",
        remedy=f"{told.remedy} on the way to the loss.",
        **told.shown,
    )


def _part(program: Program, recorded: Recorded, cuts: Sequence[Cut], count: int) -> CheckResult:
    told = {cut: tell(recorded, cut) for cut in cuts}
    behind: dict[object, set[str]] = {}
    for cut in cuts:
        behind.setdefault(told[cut].place, set()).update(cut.parameters)
    worst = max(told, key=lambda cut: len(behind[told[cut].place]))
    lost = sorted(set().union(*behind.values()))
    parts, of_all = modules_of(sorted(behind[told[worst].place]), program.network), f"{len(lost)} of {count}"
    number = measured("trainable parameters that only cut paths join to the loss", of_all, "0")
    if not trains_by_one_loss(program.subject):
        return inconclusive(f"{of_all} cut off from this loss", number, settle="Give the loss that trains them.")
    if recorded.of_step and is_conditional(recorded.record, told[worst].place):
        settle = "Other steps may not come to this branch: look which of yours do."
        return inconclusive(f"{of_all} cut off in the first steps", number, settle=settle)
    library = all(is_library_part(program.network, parameter) for parameter in lost)
    answer = warned if library and optimised(program.subject) is None else failed
    return answer(
        f"{parts} cut off by {told[worst].name}: {of_all} parameters",
        number,
        title=f"{parts} never gets a gradient",
        detail=f"{told[worst].by} stands between {parts} and the loss on every path: it stays as it was initialised.",
        remedy=f"{told[worst].remedy}; if {parts} is to stay frozen, say so with `requires_grad_(False)`.",
        **told[worst].shown,
    )


class _Detached(nn.Sequential):
    def forward(self, x: Tensor) -> Tensor:
        return self[1](self[0](x).detach())  # type: ignore[no-any-return] # torch's


def _program(model: nn.Module) -> Arguments:
    batch = (torch.randn(8, 4), torch.randint(3, (8,)))
    return {"model": model, "loader": [batch], "loss_fn": nn.CrossEntropyLoss()}


def good() -> Arguments:
    """Return an encoder and a head that are trained together."""
    return _program(nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 3)))


def bad() -> Arguments:
    """Return an encoder whose features are detached before the head."""
    return _program(_Detached(nn.Linear(4, 8), nn.Linear(8, 3)))


CHECK = Check(
    name="detached-graph",
    stage="wiring",
    question="Do gradients find a way from the loss to every part of the network?",
    why="A detach, a no_grad or a number too many leaves a part untrained, and the rest hides it by learning alone.",
    remedy="Keep tensors in the graph up to the loss; detach what is only logged, after the loss was made.",
    cost=2,
    run=run,
    good=good,
    bad=bad,
    explains=(
        *("unused-parameters", "updates-not-applied", "overfit-one-batch", "input-independent-baseline"),
        *("shuffled-labels", "learning-rate", "update-ratio"),
    ),
    sources=("S-not-applied", "S-unused"),
    silent="logged values, stopped targets, moving-average teachers, frozen parts, what the optimizer does not hold",
)
