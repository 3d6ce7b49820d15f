"""Whether a network can tell positions within a sample apart: tokens of a text, pixels of an image."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nbinspect.sanity.batches import Batch
from nbinspect.sanity.evidence.data.contents import contents, is_whole
from nbinspect.sanity.evidence.samples.awake import stirred
from nbinspect.sanity.evidence.samples.sameness import differs
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import tensor_output

_LEAST = 8
_VARIES = 0.5
_SEVERAL, _IN_DISPUTE = 16, 0.1
_ROUNDING = 20 * torch.finfo(torch.float32).eps


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


def tokens_alike(program: Program, batch: Batch) -> float:
    """Return the share of targets that another one contradicts, where equal tokens of a sample get one output.

    Such a network cannot tell places: it knows which other tokens there are, and not where. 0 where it can, in eval
    mode or with noise on all weights; where the tokens beside it make no difference to the output of a token, as in a
    table of what follows each; where the targets of equal tokens agree as a rule; and where they do so but for those of
    a single token, which may stand for any item that is hidden of a set.

    Args:
        program: left unchanged.
        batch: with tokens and targets that are both (N, T).
    """
    own, targets = contents(batch), batch.targets
    ids = next(iter(own.values())) if len(own) == 1 else None
    if ids is None or targets is None or ids.shape != targets.shape or ids.dim() != 2 or batch.subject.batch_axis:
        return 0.0
    if not is_whole(ids) or not is_whole(targets) or ids.shape[1] < _LEAST:
        return 0.0
    order = ids.argsort(dim=1, stable=True)
    samples, first = (ids.gather(1, order).diff(dim=1) == 0).nonzero(as_tuple=True)
    one, other = order[samples, first], order[samples, first + 1]
    asked = (targets[samples, one] >= 0) & (targets[samples, other] >= 0)  # negative ones are ignored
    samples, one, other = samples[asked], one[asked], other[asked]
    disputed = targets[samples, one] != targets[samples, other]
    share, rest = float(disputed.sum()) / targets.numel(), disputed
    if disputed.any():
        tokens = ids[samples, one]
        rest = disputed[tokens != tokens[disputed].mode().values]
    if len(rest) < _SEVERAL or rest.sum() < _IN_DISPUTE * targets.numel() or not rest.double().mean() > _VARIES:
        return 0.0
    try:
        for judged in (program, stirred(program)):
            with judged.running(training=False):
                found = tensor_output(judged.outputs(batch))
            if found is None or not found.is_floating_point():
                return 0.0
            at = _matching(found, targets, 1) if found.shape[:1] == ids.shape[:1] else None
            if at is None or _are_told(found.movedim(at, 1), ids, samples, (one, other)):
                return 0.0
    except Exception:  # noqa: BLE001 - no evidence from what does not run, or cannot be copied
        return 0.0
    return share


def _are_told(found: Tensor, ids: Tensor, samples: Tensor, pair: tuple[Tensor, Tensor]) -> bool:
    """Whether equal tokens of a sample get other outputs, or those of all samples the same; outputs are (N, T, …)."""
    near = _ROUNDING * float(found.abs().max())
    if not float((found[samples, pair[0]] - found[samples, pair[1]]).abs().max()) <= near:
        return True
    flat, values = ids.flatten(), found.flatten(0, 1)
    order = flat.argsort(dim=0, stable=True)
    within = flat[order].diff() == 0
    return not bool((values[order].diff(dim=0)[within].abs() > 1000 * near).any())


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
