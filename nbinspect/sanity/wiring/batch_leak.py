"""`batch-leak`: does the output of a sample depend on the inputs of the others in its batch?"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nbinspect.capture.kinds import word_of
from nbinspect.records import CheckResult, Measurement
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import Arguments, Check, failed, inconclusive, measured, passed, warned
from nbinspect.sanity.evidence.samples.dependence import Dependence
from nbinspect.sanity.evidence.samples.mixers import doubt_of, remedy_of, title_of
from nbinspect.sanity.evidence.samples.spread import Spread
from nbinspect.sanity.recorded import Recorded


def run(
    dependence: Dependence,
    recorded: Recorded,
    batches: tuple[Batch, ...],
    *,
    fail_above: float = 1e-3,
    warn_above: float = 1e-5,
) -> CheckResult:
    """Fail where exchanging one sample changes another's output by more than a share of what it changes its own."""
    found, source = dependence, dependence.source
    share = measured(
        "effect on another sample, as a share of the largest", found.across, f"0 (fails above {fail_above:g})"
    )
    if not found.matrix.any():
        settle = "No output changed when inputs did: see `constant-output`."
        return inconclusive("no output depends on any input", share, settle=settle)
    if found.is_random and found.across > warn_above:
        settle = "Random numbers are drawn in eval mode too: switch that off, and run the check again."
        return inconclusive("random in eval mode", share, settle=settle, charts=(found.chart,))
    if found.across <= warn_above or (source is not None and word_of(source.name) == "batch_norm"):
        return passed(f"largest effect of another sample {found.across:.2g}", share, charts=(found.chart,))
    doubt = doubt_of(found, recorded, batches)
    certain = found.across > fail_above and not doubt
    other = f"exchanging sample {found.exchanged} changes the output of sample {found.affected}"
    return (failed if certain else warned)(
        f"{other} by {found.across:.2g}",
        share,
        *_shapes(source),
        title=title_of(source, recorded),
        detail=f"In eval mode, {other}: predictions depend on who else is in the batch. {doubt}".strip(),
        remedy=remedy_of(source, recorded)[0],
        code=remedy_of(source, recorded)[1],
        where=source.where if source else "",
        place=source.place if source else None,
        charts=(found.chart,),
    )


def _shapes(source: Spread | None) -> tuple[Measurement, ...]:
    if source is None or not source.given:
        return ()
    return (measured(f"shape that {source.name} was given", source.given[0], f"it made {source.made}"),)


class _Views(nn.Module):
    """Reads a batch of sequences step by step; `swap` puts the steps first."""

    def __init__(self, *, swaps: bool) -> None:
        super().__init__()
        self.rnn, self.head, self.swaps = nn.GRU(3, 8), nn.Linear(8, 2), swaps

    def forward(self, x: Tensor) -> Tensor:
        steps = x.transpose(0, 1) if self.swaps else x.view(x.shape[1], x.shape[0], -1)
        out: Tensor = self.head(self.rnn(steps)[0][-1])
        return out


def good() -> Arguments:
    """Return a recurrent network whose axes of samples and steps are swapped by a transpose."""
    batch = (torch.randn(16, 10, 3), torch.randint(2, (16,)))
    return {"model": _Views(swaps=True), "loader": [batch], "loss_fn": nn.CrossEntropyLoss()}


def bad() -> Arguments:
    """Return a recurrent network whose axes are swapped by a view, which mixes the samples."""
    return {**good(), "model": _Views(swaps=False)}


CHECK = Check(
    name="batch-leak",
    stage="wiring",
    question="Does each sample's output depend on its own input alone?",
    why="A view for a transpose, or an operation along the wrong axis, mixes samples, and the loss still falls.",
    remedy="Swap axes with transpose or permute, and give softmax, norms and means the axis of features.",
    cost=2.5,
    run=run,
    good=good,
    bad=bad,
    explains=("causality", "padding-leak", "constant-output", "input-independent-baseline", "overfit-one-batch"),
    sources=("K-dependencies",),
    silent="BatchNorm, with running statistics or without; pairwise outputs; graphs; contrastive losses",
)
