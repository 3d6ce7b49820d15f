"""How low a loss can go: the floor that the targets set, and the best that outputs do which ignore the sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isclose, isfinite

import torch
from torch import Tensor, nn
from torch.nn import functional

from nbinspect.sanity.evidence.losses.chance import alike, weights_of
from nbinspect.sanity.recorded import Recorded
from nbinspect.sanity.task import LossCall, loss_call

_OF_CLASSES = ("F.cross_entropy", "F.nll_loss")
_DISTANCES = ("F.mse_loss", "F.l1_loss", "F.smooth_l1_loss", "F.huber_loss")
_EXACT = 2e-5
_ROUNDED = 0.05
"""By how much logarithms of shares that sum to 1 are off at most, also in half precision."""
_SURE = 30.0
"""A logit that means certainty in float32."""


@dataclass(frozen=True)
class Goal:
    """What the loss of one batch can come to."""

    floor: float | None
    """Lowest loss that any outputs have on these targets; None where it cannot be computed."""
    blind: float | None
    """Lowest loss of outputs that are the same for every sample, though another at each position; None likewise."""

    @property
    def gap(self) -> float | None:
        """How much there is to gain by looking at the inputs; None where that is nothing, or not known."""
        if self.floor is None or self.blind is None or self.blind - self.floor <= 1e-6 * max(1.0, abs(self.floor)):
            return None
        return self.blind - self.floor


UNKNOWN = Goal(None, None)


def goal_of(recorded: Recorded) -> Goal:
    """Return how low the loss of a recorded batch can go, by its own call on other outputs; nothing is run anew.

    Label smoothing, soft targets, class weights and ignored targets are those of the call. A loss that is more than
    one call of a loss of PyTorch's, such as one with a penalty, has no goal that is known; nor has NLL of what are no
    log-probabilities, as where the user's own training step makes these of the outputs.

    Source: K-overfit-batch, S-loss-scale.
    """
    call = loss_call(recorded)
    if call is None or not call.outputs.is_floating_point() or not call.outputs.numel() or not call.operation.made:
        return UNKNOWN
    if call.name not in _OF_CLASSES and call.outputs.shape != call.targets.shape:
        return UNKNOWN
    if not isinstance(recorded.loss, Tensor) or recorded.loss.numel() != 1 or not _are_normalised(call):
        return UNKNOWN
    with torch.no_grad():
        measured = float(call.operation.made[0].detach().double().mean())
        if not isfinite(measured) or not isclose(float(recorded.loss.detach()), measured, rel_tol=_EXACT, abs_tol=1e-9):
            return UNKNOWN
        losses = [one for one in alike(recorded, call) if _is_exact(one, call, measured)]
        if not losses:
            return UNKNOWN
        floors = [_lowest(loss, _perfect(call, recorded)) for loss in losses]
        floor, known = floors[0], [one for one in floors if one is not None]
        if not _is_certain(recorded, call) and known and max(known) - min(known) > 1e-3:
            return UNKNOWN
        return Goal(floor, _lowest(losses[0], _blind(call, recorded)))


def _is_exact(loss: Callable[[Tensor], Tensor], call: LossCall, measured: float) -> bool:
    return isclose(float(loss(call.outputs.detach())), measured, rel_tol=_EXACT, abs_tol=1e-7)


def _are_normalised(call: LossCall) -> bool:
    """Whether NLL was given logarithms of shares, as it takes them: what sums to more than 1 has no lowest loss."""
    if call.name != "F.nll_loss" or call.outputs.dim() < 2:
        return True
    return bool((call.outputs.detach().double().logsumexp(1).abs() < _ROUNDED).all())


def _is_certain(recorded: Recorded, call: LossCall) -> bool:
    """Whether the options of the call are known, where several agree on these outputs: label smoothing has a node."""
    module = recorded.batch.subject.loss_fn
    if isinstance(module, nn.Module) and type(module).__module__ == nn.modules.loss.__name__:
        return True
    return "NllLoss" in type(call.operation.made[0].grad_fn).__name__


def _lowest(loss: Callable[[Tensor], Tensor], candidates: Iterator[Tensor]) -> float | None:
    """Return the lowest loss of some outputs, one of which is the best; None where there are none."""
    try:
        found = [float(loss(outputs)) for outputs in candidates]
    except (RuntimeError, ValueError, IndexError):
        return None
    return min((one for one in found if isfinite(one)), default=None)


def _perfect(call: LossCall, recorded: Recorded) -> Iterator[Tensor]:
    """Give the best outputs for each target of its own."""
    if call.name in _OF_CLASSES:
        yield from (_as_taken(call, one) for one in _distributions(call, recorded))
        return
    yield from _from_means(call, call.targets.detach(), call.targets.detach())


def _blind(call: LossCall, recorded: Recorded) -> Iterator[Tensor]:
    """Give the best outputs that are the same for every sample."""
    batch = recorded.batch
    size, axis = batch.size, batch.subject.batch_axis
    if call.name in _OF_CLASSES:
        for one in _distributions(call, recorded):
            mean = over_samples(one, size, axis if one.dim() > axis and axis != 1 else 0, torch.mean)
            if mean is not None:
                yield _as_taken(call, mean / mean.sum(1, keepdim=True).clamp_min(1e-30))
        return
    targets = call.targets.detach()
    mean = over_samples(targets.double(), size, axis, torch.mean)
    median = over_samples(targets.double(), size, axis, torch.median)
    if mean is not None and median is not None:
        yield from _from_means(call, mean, median)


def _from_means(call: LossCall, mean: Tensor, median: Tensor) -> Iterator[Tensor]:
    """Give outputs that stand for means or medians of targets, as the loss takes them."""
    weight = weights_of(call).get("pos_weight")
    share = mean.double().clamp(0, 1)
    if weight is not None:
        share = weight * share / (weight * share + 1 - share)
    if call.name == "F.binary_cross_entropy":
        yield share.to(call.outputs)
    elif call.name in ("F.binary_cross_entropy_with_logits", "F.multilabel_soft_margin_loss"):
        yield share.logit().clamp(-_SURE, _SURE).to(call.outputs)
    elif call.name == "F.soft_margin_loss":
        yield ((mean.double() + 1) / 2).logit().clamp(-_SURE, _SURE).to(call.outputs)
    elif call.name in _DISTANCES:
        yield mean.to(call.outputs)
        yield median.to(call.outputs)


def _distributions(call: LossCall, recorded: Recorded) -> Iterator[Tensor]:
    """Give the targets of a one-of-C loss as (N, C, …) float64 shares, weighted, with each smoothing that may be on."""
    outputs, targets = call.outputs.detach(), call.targets.detach()
    if outputs.dim() < 2:
        return
    classes = outputs.shape[1]
    if targets.is_floating_point():
        shares = targets.double()
    else:
        known = (targets >= 0) & (targets < classes)
        shares = functional.one_hot(targets.clamp(0, classes - 1).long(), classes).movedim(-1, 1).double()
        shares = shares * known.unsqueeze(1)
    if shares.shape != outputs.shape:
        return
    weight = weights_of(call).get("weight")
    weights = [None] if weight is None else [None, weight.double().view(1, -1, *[1] * (outputs.dim() - 2))]
    for smoothing in {0.0, 0.1, float(getattr(recorded.batch.subject.loss_fn, "label_smoothing", 0.0))}:
        smooth = shares * (1 - smoothing) + shares.sum(1, keepdim=True) * smoothing / classes
        yield from (smooth if one is None else smooth * one for one in weights)


def _as_taken(call: LossCall, shares: Tensor) -> Tensor:
    """Return (N, C, …) shares as logarithms, which cross-entropy takes as well as NLL does."""
    total = shares.sum(1, keepdim=True)
    even = torch.full_like(shares, 1 / shares.shape[1])
    known = torch.where(total > 0, shares / total.clamp_min(1e-30), even)
    return known.clamp_min(1e-30).log().to(call.outputs)


def over_samples(
    values: Tensor, size: int, axis: int, reduce: Callable[..., Tensor | tuple[Tensor, Tensor]]
) -> Tensor | None:
    """Return values with those of all samples replaced by their mean or median at each position, in the same shape.

    Args:
        values: (N, …) along `axis`, or flattened (N * T, …), or (T * N, …) where `axis` is 1.
        size: number of samples N.
        axis: along which the samples lie.
        reduce: `torch.mean` or `torch.median`.
    """
    if not size or not values.dim():
        return None
    along = axis if values.dim() > axis and values.shape[axis] == size else 0
    length = values.shape[along]
    if length != size and length % size:
        return None
    flat = length != size
    if flat:
        order = (size, length // size) if axis == 0 else (length // size, size)
        grid, along = values.reshape(*order, *values.shape[1:]), axis
    else:
        grid = values
    found = reduce(grid, along, keepdim=True)
    mean = found if isinstance(found, Tensor) else found[0]
    return mean.expand_as(grid).reshape(values.shape)
