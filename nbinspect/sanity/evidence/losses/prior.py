"""How far the outputs of an untrained network begin from what the targets alone would have them."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from nbinspect.sanity.evidence.losses.chance import class_shares
from nbinspect.sanity.task import OF_CLASSES, LossCall

_LEAST_TARGETS = 8
_MOST_COLUMNS = 16
_ONE_CLASS = 0.9999


@dataclass(frozen=True, eq=False)
class GapOfNumbers:
    """Outputs beside targets, in the column where their means are furthest apart."""

    given: float
    """Mean output."""
    wanted: float
    """Mean target."""
    deviations: float
    """Their distance in standard deviations of the targets."""
    outside: bool
    """Whether the mean target lies outside of all outputs."""
    bias: Tensor
    """(columns,) the mean target of each."""


@dataclass(frozen=True, eq=False)
class GapOfClasses:
    """What a bias alone would take off the loss."""

    nats: float
    bias: Tensor
    """(classes,) the logarithms of their shares; log-odds where each is a question of its own."""


def gap_of_numbers(call: LossCall, samples: int) -> GapOfNumbers | None:
    """Return the gap of a regression; None where outputs and targets differ in shape, or are few or all alike.

    Columns that are the `samples` of the batch, behind steps of time, are no outputs of their own.
    """
    outputs, targets = call.outputs.detach().double(), call.targets.detach().double()
    if outputs.shape != targets.shape or targets.numel() < _LEAST_TARGETS:
        return None
    columns = outputs.shape[-1] if outputs.dim() == 2 and outputs.shape[-1] <= _MOST_COLUMNS else 1
    if columns == samples != len(outputs):
        columns = 1
    rows, goals = outputs.reshape(-1, columns), targets.reshape(-1, columns)
    # one deviation for all columns, for those of single columns of a picture may be zero
    std = float(goals.var(0, unbiased=False).mean().sqrt())
    worst = int((goals.mean(0) - rows.mean(0)).abs().argmax())
    given, wanted = float(rows.mean(0)[worst]), float(goals.mean(0)[worst])
    outside = not float(rows[:, worst].min()) <= wanted <= float(rows[:, worst].max())
    return GapOfNumbers(given, wanted, abs(given - wanted) / std, outside, goals.mean(0)) if std > 0 else None


def gap_of_classes(call: LossCall) -> GapOfClasses | None:
    """Return what the right bias would save: the divergence of mean prediction and class shares; None for one class."""
    outputs, targets = call.outputs.detach().double(), call.targets.detach()
    if call.name in OF_CLASSES and outputs.dim() > 1:
        shares = class_shares(call)
        if float(shares.max()) > _ONE_CLASS:
            return None
        given = outputs.softmax(1).movedim(1, -1).reshape(-1, len(shares)).mean(0).clamp_min(1e-12)
        return GapOfClasses(float((shares * (shares / given).log()).sum()), shares.log())
    if outputs.shape != targets.shape or "binary_cross_entropy" not in call.name:
        return None
    columns = outputs.shape[-1] if outputs.dim() == 2 and outputs.shape[-1] <= _MOST_COLUMNS else 1
    means = targets.double().reshape(-1, columns).mean(0)
    if bool(((means == 0) | (means == 1)).all()):
        return None
    shares = means.clamp(1e-3, 1 - 1e-3)
    given = (outputs.sigmoid() if "logits" in call.name else outputs).reshape(-1, columns).mean(0).clamp(1e-6, 1 - 1e-6)
    each = shares * (shares / given).log() + (1 - shares) * ((1 - shares) / (1 - given)).log()
    return GapOfClasses(float(each.mean()), shares.logit())
