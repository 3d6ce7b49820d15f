"""`unused-input`: does every input, and every column of a table, reach the outputs?"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nbinspect.records import CheckResult
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import (
    Arguments,
    Check,
    MissingNeed,
    failed,
    inconclusive,
    measured,
    passed,
    skipped,
    warned,
)
from nbinspect.sanity.evidence.samples.awake import stirred
from nbinspect.sanity.evidence.samples.unread import Unread, changes, read_inputs, unread
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded


def run(program: Program, batches: tuple[Batch, ...], recorded: Recorded, *, most: int = 16) -> CheckResult:
    """Fail where an input that varies has no gradient at all, and exchanging it among samples changes no output.

    Looks at `most` samples of two batches: the first in the model as it is, the second in a copy with noise on all
    weights. A model that takes no smaller batches, as of a graph, gets the first batch whole.
    """
    cuts = [batch.taken(range(min(most, batch.size))) for batch in batches[:2] if batch.size]
    if not cuts or not recorded.batch.inputs:
        return skipped("samples that can be told apart")
    other = stirred(program)
    both = [(program, cuts[0]), (other, cuts[-1])]
    if len(cuts) > 1 and {name for name, _ in cuts[0].inputs} != {name for name, _ in cuts[1].inputs}:
        both[1] = (other, cuts[0])
    try:
        readings = [read_inputs(one, cut) for one, cut in both]
    except MissingNeed:
        if cuts[0].size == batches[0].size:
            raise
        both = [(one, batches[0]) for one in (program, other)]
        readings = [read_inputs(one, whole) for one, whole in both]
    if not readings[1].reached:  # as by codes that send gradients back in training alone
        readings[1] = read_inputs(*both[1], training=True)
    if not (readings[1].reached or _are_read(*both[1])):
        return inconclusive("no input reaches the outputs", settle="See `constant-output` and `detached-graph`.")
    found = unread(other, [cut for _, cut in both], readings, recorded)
    if not found:
        return passed(f"all of {', '.join(readings[0].silent)} are read")
    return _told(found, program, sum(cut.size for _, cut in both))


def _are_read(program: Program, batch: Batch) -> bool:
    """Whether the outputs change with any input though none has a gradient: by whole numbers, as arrays."""
    return any(changes(program, [batch], name, None) for name, _ in batch.inputs)


def _told(found: list[Unread], program: Program, samples: int) -> CheckResult:
    certain = [one for one in found if one.is_certain]
    names = [_name(one, program) for one in certain or found]
    return (failed if certain else warned)(
        f"{' and '.join(names)} not read",
        *(measured(f"gradient of the outputs by {name}, {samples} samples", 0.0, "not 0 everywhere") for name in names),
        title=f"The model does not read {names[0]}",
        detail=f"No output depends on {' and '.join(names)}, which vary among samples: there is no gradient by them, "
        "and exchanging them changes nothing.",
        remedy=f"Use {names[0]} in forward, or leave it out of the batch.",
        where=names[0],
    )


def _name(one: Unread, program: Program) -> str:
    if not one.columns:
        return one.name
    known = None if one.are_channels else program.subject.feature_names
    shown = [str(known[i]) if known is not None and i < len(known) else str(i) for i in one.columns[:8]]
    more = f" and {len(one.columns) - 8} more" if len(one.columns) > 8 else ""
    kind = "channel" if one.are_channels else "column"
    return f"{kind}{'s' if len(one.columns) > 1 else ''} {', '.join(shown)}{more} of {one.name}"


class _Two(nn.Module):
    """Joins two inputs; `second` is which one it takes as the second."""

    def __init__(self, second: int) -> None:
        super().__init__()
        self.head, self.second = nn.Linear(8, 2), second

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        out: Tensor = self.head(torch.cat([a, (a, b)[self.second]], 1))
        return out


def good() -> Arguments:
    """Return a model that joins its two inputs."""
    batch = (torch.randn(16, 4), torch.randn(16, 4), torch.randint(2, (16,)))
    return {"model": _Two(1), "loader": [batch], "loss_fn": nn.CrossEntropyLoss()}


def bad() -> Arguments:
    """Return one that joins the first input with itself."""
    return {**good(), "model": _Two(0)}


CHECK = Check(
    name="unused-input",
    stage="wiring",
    question="Is every input read?",
    why="An input that is joined wrongly or overwritten costs accuracy, and nothing tells.",
    remedy="Use the input in forward, or leave it out of the batch.",
    cost=4,
    run=run,
    good=good,
    bad=bad,
    explains=("input-independent-baseline", "overfit-one-batch", "shuffled-labels"),
    sources=("S-unused",),
    silent="constant or padded columns; pixels and series; masks, and indices that have no table in the model; weights "
    "that begin at zero; a channel of pictures is a warning",
)
