"""Whether the user's own step pairs inputs with the labels of other samples of the batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isclose

from torch import Tensor

from nbinspect.records import Chart, CheckResult, Measurement, TaskRecord
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed, failed, measured
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.labels.fresh import Look, labels_of, looked_at, strength
from nbinspect.sanity.trials.running.text import place_of
from nbinspect.sanity.trials.running.trainee import trained

_FEWEST, _TIMES = 20, 4
_ALIKE = 1e-5


@dataclass(frozen=True)
class Mispaired:
    """The step's own loss of a batch beside that of its pairs, and how soon standard steps learn the labels."""

    own: float
    pairs: float
    steps: int
    strength: float


def mispaired(
    program: Program, task: TaskRecord, stream: Sequence[Batch], looks: Sequence[Look], sure: float
) -> Mispaired | None:
    """Return that standard steps learn in a few what the user's own do not in four times as many, for want of pairs.

    The loss that the step returns is then that of the pairs where all inputs of a batch, all labels or both are the
    same, and another where they differ. A mixture of two samples has another one as soon as inputs differ, and a choice
    or weights of samples as soon as labels do; these may be learnt as slowly, and are no finding.

    Args:
        program: left unchanged.
        task: as in `looked_at`.
        stream: batches of one epoch.
        looks: at the labels, during the user's own steps.
        sure: deviations at which labels count as learnt.
    """
    if program.subject.train_step is None or program.subject.loss_fn is None or len(looks) <= _FEWEST:
        return None
    try:
        own, pairs = _losses(program, stream[0])
        if isclose(own, pairs, rel_tol=_ALIKE):
            return None
        for inputs, labels in ((True, True), (True, False), (False, True)):
            alike = _alike(stream[0], inputs=inputs, labels=labels)
            if alike is None or not isclose(*_losses(program, alike), rel_tol=_ALIKE):
                return None
        found: list[Look] = []
        with trained(program, own=False) as trainee:
            for batch in stream[: (len(looks) - 1) // _TIMES + 1]:
                found.append(looked_at(trainee.program, task, batch))
                if strength(found) >= sure:
                    return Mispaired(own, pairs, len(found) - 1, strength(found))
                trainee.step(batch, held=True)
    except MissingNeed:
        return None
    return None


def _alike(batch: Batch, *, inputs: bool, labels: bool) -> Batch | None:
    """Return a batch with the inputs of its first sample for all, its labels, or both; None where that cannot be."""
    size, (targets, axis) = batch.size, labels_of(batch)
    if any(not tensor.dim() or len(tensor) != size for _, tensor in batch.inputs):
        return None

    def spread(tensor: Tensor) -> Tensor:
        along, wanted = (axis, labels) if tensor is targets else (0, inputs)
        is_of_samples = tensor.dim() > along and tensor.shape[along] == size
        return tensor.narrow(along, 0, 1).expand_as(tensor).clone() if wanted and is_of_samples else tensor

    return batch.changed(spread)


def _losses(program: Program, batch: Batch) -> tuple[float, float]:
    """Return the loss that the step gives for a batch, and that of its outputs and labels with the same draws."""
    with trained(program) as trainee:
        pairs = trainee.loss(batch)
        own = trainee.step(batch, held=True).loss
    if own is None:
        raise MissingNeed("a step that returns its loss")
    return own, pairs


def of_mispaired(program: Program, found: Mispaired, shown: Measurement, charts: tuple[Chart, ...]) -> CheckResult:
    """Say that the step takes inputs and labels apart."""
    return failed(
        "the step pairs inputs with labels of other samples",
        shown,
        measured("loss of the first batch, as the step gives it", found.own, f"{found.pairs:.5g}, that of its pairs"),
        measured(f"the same after {found.steps} standard steps, in deviations", found.strength, "no higher"),
        title="The training step takes inputs and labels apart",
        detail=f"Standard steps learn the labels in {found.steps}, and yours do not. The loss that your step gives for "
        f"a batch, {found.own:.5g}, is not that of its inputs and labels, {found.pairs:.5g}, and is as soon as "
        "either are the same for all its samples.",
        remedy="Permute, sort or select inputs and labels of a batch with one index.",
        where="train_step",
        place=place_of(program.subject.train_step),
        charts=charts,
        confirmed=True,
    )
