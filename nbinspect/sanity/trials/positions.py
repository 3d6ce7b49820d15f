"""Whether a network can tell positions within a sample apart: tokens of a text, pixels of an image."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from nbinspect.sanity.batches import Batch
from nbinspect.sanity.evidence.sameness import differs
from nbinspect.sanity.recorded import tensor_output

_LEAST = 8
_VARIES = 0.5


def positions_alike(outputs: Any, batch: Batch) -> int:
    """Return at how many positions along an axis each sample gets one and the same output, where its targets vary.

    0 where outputs differ, where targets hardly do along any axis, and where their axes do not match.

    Args:
        outputs: what the trained model returns, (N, …) or (N, C, …) or (N, …, C) for targets (N, …).
        batch: what it was trained on.
    """
    found, targets = tensor_output(outputs), batch.targets
    if found is None or targets is None or found.shape[:1] != targets.shape[:1] or batch.subject.batch_axis:
        return 0
    for axis in range(1, targets.dim()):
        size = targets.shape[axis]
        at = _matching(found, targets, axis)
        if size >= _LEAST and at is not None and _vary(targets, axis) and not differs(found.movedim(at, 0)):
            return size
    return 0


def _matching(found: Tensor, targets: Tensor, axis: int) -> int | None:
    """Return the axis of the outputs that is that of the targets."""
    extra = found.dim() - targets.dim()
    return next((at for at in (axis, axis + extra) if extra in (0, 1) and found.shape[at] == targets.shape[axis]), None)


def _vary(targets: Tensor, axis: int) -> bool:
    """Whether most of what targets vary by, they vary by along an axis."""
    if not targets.is_floating_point():
        return float((targets != targets.roll(1, axis)).double().mean()) > _VARIES
    values = targets.double()
    return bool(values.var(axis, unbiased=False).mean() > _VARIES * values.var(unbiased=False))
