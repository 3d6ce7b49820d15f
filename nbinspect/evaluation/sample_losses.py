"""The loss of each sample alone, from one call of the loss where that gives the same numbers."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from nbinspect.calling import call_loss
from nbinspect.capture.task import LOSSES
from nbinspect.evaluation.samples import picked
from nbinspect.subject import Subject

How = Literal["together", "alone", "none"]
"""In one call for all samples, in one call for each, or not at all."""

_FUNCTIONS: dict[Any, str] = {getattr(functional, name[2:]): name for name in LOSSES}


@lru_cache
def _signature(function: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(function)


@dataclass(frozen=True, eq=False)
class LossSeen:
    """A call of one of PyTorch's losses, from wherever it came: a module, a user's function, the model itself."""

    name: str
    """``F.cross_entropy``"""
    function: Callable[..., Any]
    outputs: Tensor
    targets: Tensor
    options: Mapping[str, Any]
    """All its other arguments."""

    def by_sample(self, size: int, outputs: Tensor | None = None, targets: Tensor | None = None) -> Tensor | None:
        """Return the loss of each of the samples (N,), or None where its values cannot be told apart by sample.

        `outputs` and `targets` stand for those of the call, in any shape of as many values.
        """
        given = self.outputs if outputs is None else outputs.reshape(-1, *self.outputs.shape[1:])
        goal = self.targets if targets is None else targets.reshape(-1, *self.targets.shape[1:])
        values = self.function(given, goal, **{**self.options, "reduction": "none"})
        if not isinstance(values, Tensor) or not values.dim() or not size or values.numel() % size:
            return None
        total: Tensor = values.reshape(size, -1).sum(1)
        if self.options.get("reduction") in ("sum", "batchmean"):
            return total
        counts = self._counts(goal)
        each = values.numel() // size if counts is None else counts.reshape(size, -1).sum(1)
        mean: Tensor = total / each
        return mean

    def _counts(self, goal: Tensor) -> Tensor | None:
        """What each value counts in a mean over classes given by index; None where all count one."""
        if self.name not in ("F.cross_entropy", "F.nll_loss") or goal.is_floating_point():
            return None
        weight: Tensor | None = self.options.get("weight")
        counted: Tensor = goal != self.options.get("ignore_index", -100)
        return counted.float() if weight is None else weight[goal.clamp(0, len(weight) - 1)] * counted


class LossWatch(TorchFunctionMode):
    """While entered, notes the last call of one of PyTorch's losses."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: LossSeen | None = None

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = _FUNCTIONS.get(function)
        result = function(*args, **(kwargs or {}))
        if name is not None:
            given = _signature(function).bind(*args, **(kwargs or {})).arguments
            outputs, targets = given.pop("input", None), given.pop("target", None)
            if isinstance(outputs, Tensor) and isinstance(targets, Tensor):
                kept = {key: part for key, part in given.items() if key not in ("size_average", "reduce")}
                self.seen = LossSeen(name, function, outputs, targets, kept)
        return result


def watched_loss(subject: Subject, outputs: Any, targets: Any) -> tuple[Any, LossSeen | None]:
    """Return what the user's loss gives, and the call of a loss of PyTorch's that it made."""
    with LossWatch() as watch:
        loss = call_loss(subject, outputs, targets)
    return loss, watch.seen


def losses_alone(subject: Subject, outputs: Any, targets: Any, size: int) -> Tensor | None:
    """Return what the user's loss gives on each sample alone (N,); None where it refuses, or there is none."""
    if subject.loss_fn is None or targets is None:
        return None
    axis = subject.batch_axis
    try:
        each = [
            torch.as_tensor(subject.loss_fn(picked(outputs, [n], size, axis), picked(targets, [n], size, axis)))
            for n in range(size)
        ]
        return torch.stack([loss.detach().float().reshape(()) for loss in each])
    except Exception:  # noqa: BLE001 - a loss over pairs or over whole batches refuses a single sample
        return None


def losses_together(subject: Subject, outputs: Any, targets: Any, size: int) -> Tensor | None:
    """Return the loss of each sample (N,) from one call of the user's loss; None where that gives none.

    It is that of the last loss of PyTorch's in it; `how_to_take` finds out whether it is all of the user's loss.
    """
    _, seen = watched_loss(subject, outputs, targets)
    return None if seen is None else seen.by_sample(size)


def how_to_take(subject: Subject, outputs: Any, targets: Any, size: int) -> tuple[How, Tensor | None]:
    """Return how the samples' losses are taken, and these losses (N,): in one call only where it gives the same."""
    if subject.loss_fn is None or targets is None or not size:
        return "none", None
    alone = losses_alone(subject, outputs, targets, size)
    try:
        together = losses_together(subject, outputs, targets, size)
    except Exception:  # noqa: BLE001 - the user's loss may raise anything; then there are no losses to show
        together = None
    if together is not None and (
        alone is None or torch.allclose(together.float(), alone, rtol=1e-3, atol=1e-5, equal_nan=True)
    ):
        return "together", together.float()
    return ("none", None) if alone is None else ("alone", alone)
