"""What the loss would be by chance: the very same call of it, on outputs that know nothing of the sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from math import isclose
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from nbinspect.sanity.recorded import Recorded
from nbinspect.sanity.task import OF_CLASSES, OF_NUMBERS, LossCall, loss_call

_LOGITS = frozenset(
    ["F.cross_entropy", "F.binary_cross_entropy_with_logits", "F.multilabel_soft_margin_loss", "F.soft_margin_loss"]
)
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Chance:
    """The value of a loss, beside those that outputs without knowledge of the sample would give it."""

    call: LossCall
    measured: float
    uninformed: float
    """On equal logits, or outputs of zero; in the reduction, weights and smoothing of the user's own call."""
    prior: float
    """On the best constant: the logarithms of the class shares in this batch, or the mean target."""

    @property
    def is_regression(self) -> bool:
        """Whether the loss compares numbers."""
        return self.call.name in OF_NUMBERS


def chance_of(recorded: Recorded) -> Chance | None:
    """Return the value of the pass's loss beside chance; None where the loss is none that can be computed anew."""
    call = loss_call(recorded)
    if call is None or not call.outputs.is_floating_point() or not call.outputs.numel() or not call.operation.made:
        return None
    with torch.no_grad():
        measured = float(call.operation.made[0].detach().double().mean())
        again = next(alike(recorded, call), None)
        uninformed, prior = _uninformed(call), _best_constant(call)
        if again is None or uninformed is None or prior is None:
            return None
        try:
            return Chance(call, measured, float(again(uninformed)), float(again(prior)))
        except (RuntimeError, ValueError):
            return None


def alike(recorded: Recorded, call: LossCall) -> Iterator[Callable[[Tensor], Tensor]]:
    """Give functions of other outputs that agree with a call of a loss on its own: the user's own module first."""
    with torch.no_grad():
        measured = float(call.operation.made[0].detach().double().mean())
    return (loss for loss in _candidates(recorded, call) if _reproduces(loss, call, measured))


def _reproduces(loss: Callable[[Tensor], Tensor], call: LossCall, measured: float) -> bool:
    try:
        return isclose(float(loss(call.outputs.detach())), measured, rel_tol=1e-3, abs_tol=1e-6)
    except (RuntimeError, ValueError, TypeError, IndexError):
        return False


def _candidates(recorded: Recorded, call: LossCall) -> Iterator[Callable[[Tensor], Tensor]]:
    """Give what the user's call may have been: the record has its tensors, but not its options."""
    targets = call.targets.detach()
    module = recorded.batch.subject.loss_fn
    if call.operation.in_loss and isinstance(module, nn.Module) and type(module).__module__ == nn.modules.loss.__name__:
        yield lambda outputs: module(outputs, targets).mean()
    function: Any = getattr(functional, call.name.removeprefix("F."))
    weights = weights_of(call)
    for options in _options(call.name):
        yield partial(_called, function, targets, {**weights, **options})


def _called(function: Callable[..., Tensor], targets: Tensor, options: dict[str, Any], outputs: Tensor) -> Tensor:
    return function(outputs, targets, **options).mean()


def weights_of(call: LossCall) -> dict[str, Tensor]:
    """Return the tensors beside outputs and targets in a call of a loss, by the names of its parameters."""
    named = {"args[2]": "weight"}
    uses = list(zip(call.operation.step.inputs, call.operation.given, strict=True))[2:]
    return {named.get(use.name, use.name): tensor.detach() for use, tensor in uses}


def _options(name: str) -> Iterator[dict[str, Any]]:
    reductions = ("mean", "sum", "none")
    if name not in OF_CLASSES:
        yield from ({"reduction": reduction} for reduction in reductions)
        return
    smoothings = (0.0, 0.1) if name == "F.cross_entropy" else (None,)
    for smoothing, ignored, reduction in product(smoothings, (-100, 0, -1, 255), reductions):
        smoothed = {} if smoothing is None else {"label_smoothing": smoothing}
        yield {"reduction": reduction, "ignore_index": ignored, **smoothed}


def _uninformed(call: LossCall) -> Tensor | None:
    zeros = torch.zeros_like(call.outputs)
    if call.name in _LOGITS or call.name in OF_NUMBERS:
        return zeros
    if call.name == "F.nll_loss" and call.outputs.dim() > 1:
        return zeros - torch.tensor(float(call.outputs.shape[1])).log().to(zeros)
    return zeros + 0.5 if call.name == "F.binary_cross_entropy" else None


def _best_constant(call: LossCall) -> Tensor | None:
    """Return outputs that are the same for every sample, and the best such for these targets."""
    outputs, targets = call.outputs, call.targets.detach()
    if call.name in OF_CLASSES:
        return class_shares(call).log().view(1, -1, *[1] * (outputs.dim() - 2)).expand_as(outputs).to(outputs)
    if targets.shape != outputs.shape or not targets.numel():
        return None
    mean = targets.to(torch.float64).mean(0, keepdim=True) if targets.dim() else targets.to(torch.float64)
    if call.name in OF_NUMBERS:
        return mean.expand_as(outputs).to(outputs)
    share = mean.clamp(_ROUNDING, 1 - _ROUNDING).expand_as(outputs)
    return (share if call.name == "F.binary_cross_entropy" else share.logit()).to(outputs)


def class_shares(call: LossCall) -> Tensor:
    """Return (C,) float64, the share of each class among the targets of a one-of-C loss; none is quite zero."""
    outputs, targets = call.outputs, call.targets.detach()
    classes = outputs.shape[1] if outputs.dim() > 1 else outputs.shape[0]
    if targets.is_floating_point():
        others = [axis for axis in range(targets.dim()) if axis != min(1, targets.dim() - 1)]
        counts = targets.to(torch.float64).sum(others) if others else targets.to(torch.float64)
    else:
        known = targets[(targets >= 0) & (targets < classes)].reshape(-1)
        counts = torch.bincount(known, minlength=classes).to(torch.float64)
    return (counts / counts.sum().clamp_min(1)).clamp_min(_ROUNDING)
