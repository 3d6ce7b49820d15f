"""`silent-broadcast`: does an operation pair every sample with every other, where N pairs were meant?"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import (
    Arguments,
    Check,
    CheckResult,
    Measurement,
    MissingNeed,
    failed,
    measured,
    passed,
    warned,
)
from nbinspect.sanity.evidence.losses.crossing import Crossing, crossing, crossings
from nbinspect.sanity.evidence.losses.unmatched import is_unmatched
from nbinspect.sanity.evidence.passes.lineage import where_of
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded, finished
from nbinspect.sanity.trials.own_steps.recorded_evaluation import record_whole_step
from nbinspect.sanity.trials.running.own_step import record_again


def run(program: Program, batch: Batch, training_attempt: Recorded) -> CheckResult:
    """Fail where (N,) meets (N, 1) on the way to a loss, and the N × N results are averaged.

    So where (1, N) does, if the loss is the same for any order of the outputs, and judges each of them alone.
    """
    for recorded in _passes(program, batch, training_attempt):
        candidates = [one for one in crossings(recorded) if one.compares or not one.explicit]
        if any(one.is_table for one in candidates) and not is_unmatched(program, recorded):
            candidates = [one for one in candidates if not one.is_table]
        if candidates and _scales(program, batch, recorded, candidates[0]):
            return _told(program, batch, recorded, candidates[0])
    return passed("no operation pairs every sample with every other")


def _passes(program: Program, batch: Batch, attempt: Recorded) -> list[Recorded]:
    """Return what trains: one pass, or the user's own step with its several losses beside that of the model."""
    own = program.subject.train_step is not None and not attempt.of_step
    whole = record_whole_step(program, batch) if own else None
    if whole is not None and attempt.error is not None:
        return [whole]
    return [*([whole] if whole is not None else []), finished(attempt, program.subject)]


def _told(program: Program, batch: Batch, recorded: Recorded, found: Crossing) -> CheckResult:
    count, step = found.count, found.operation.step
    one, other = (use.shape for use in step.inputs[:2])
    return (warned if found.explicit and not found.is_table else failed)(
        f"{count} × {count} values for {count}",
        *_measurements(program, batch, recorded, found),
        title="Every sample is compared with every other",
        detail=f"{step.name} was given {one} and {other}, which broadcast to {count} × {count} values where {count} "
        "were meant; averaged, they pull every output towards the same value.",
        remedy="Give both the same shape before they meet.",
        where=where_of(found.operation),
        place=step.place,
        code=_code(found),
    )


def _scales(program: Program, batch: Batch, recorded: Recorded, found: Crossing) -> bool:
    """Whether both axes are that of the samples: on half of the batch both must be shorter."""
    if batch.size < 2:
        return False
    try:
        half = batch.taken(range(batch.size // 2))
    except MissingNeed:
        return found.count == batch.size
    whole = recorded.of_step and isinstance(recorded.loss, tuple)
    again = record_whole_step(program, half) if whole else record_again(program, half, recorded)
    if again is None:
        return found.count == batch.size
    same = again.by_index.get(found.operation.step.index)
    if again.error is not None or same is None or same.step.name != found.operation.step.name:
        return found.count == batch.size
    fewer = crossing(again, same)
    return fewer is not None and fewer.count < found.count


def _measurements(program: Program, batch: Batch, recorded: Recorded, found: Crossing) -> list[Measurement]:
    """Return how many values there are, and the loss beside the one of outputs in the shape of the targets."""
    told = [measured("values made of N samples", f"{found.count**2:,}", f"{found.count:,}")]
    outputs, targets, loss = recorded.outputs, batch.targets, recorded.loss
    if not isinstance(outputs, Tensor) or targets is None or outputs.numel() != targets.numel():
        return told
    if recorded.of_step or outputs.shape == targets.shape or not isinstance(loss, Tensor) or loss.numel() != 1:
        return told
    with program.running():
        try:
            matching = float(program.scalar_loss(outputs.detach().reshape(targets.shape), batch))
        except Exception:  # noqa: BLE001 - the user's loss may want the shape that it got
            return told
    return [*told, measured("loss", float(loss.detach()), f"{matching:.4g} with shapes that match")]


def _code(found: Crossing) -> str:
    if not found.operation.in_loss or not found.compares:
        return ""
    if found.is_table:
        return "+ targets = targets.reshape(outputs.shape)  # before the loss compares them"
    name = "outputs" if found.wide_learns else "targets"
    return f"+ {name} = {name}.squeeze(1)  # before the loss compares them"


def good() -> Arguments:
    """Return a regression whose outputs have the shape of the targets."""
    model = nn.Sequential(nn.Linear(4, 1), nn.Flatten(0))
    return {
        "model": model,
        "loader": [(torch.randn(8, 4), torch.randn(8))],
        "loss_fn": lambda a, b: ((a - b) ** 2).mean(),
    }


def bad() -> Arguments:
    """Return the same with outputs (N, 1)."""
    return good() | {"model": nn.Linear(4, 1)}


CHECK = Check(
    name="silent-broadcast",
    stage="wiring",
    question="Are the shapes that meet in the loss, or in the forward, those that you mean?",
    why="(N,) with (N, 1) gives N × N without an error, and the best that such a loss can learn is the mean target.",
    remedy="Squeeze the outputs or unsqueeze the targets, so that both have one shape.",
    cost=1,
    run=run,
    good=good,
    bad=bad,
    explains=(
        *("batch-leak", "loss-direction", "final-bias", "overfit-one-batch", "input-independent-baseline"),
        *("shuffled-labels", "learning-rate"),
    ),
    sources=("T-shapes",),
    silent="bias, scalar, mask and affine broadcasting; pairwise losses, and (N, 1) against (N, K) quantiles",
)
