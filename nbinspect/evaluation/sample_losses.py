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
from torch.nn.utils.rnn import PackedSequence
from torch.overrides import TorchFunctionMode

from nbinspect.calling import call_loss
from nbinspect.capture.task import LOSSES
from nbinspect.decode.names import IGNORED
from nbinspect.errors import CaptureError
from nbinspect.evaluation.samples import picked
from nbinspect.nested import axis_of, tensors_in
from nbinspect.subject import Subject

How = Literal["together", "alone", "none"]
"""In one call for all samples, in one call for each, or not at all."""

_UNCUT = (Mapping, str, bytes, int, float)
"""What a list holds one of for each sample."""
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
        counted: Tensor = goal != self.options.get("ignore_index", IGNORED)
        return counted.float() if weight is None else weight[goal.clamp(0, len(weight) - 1)] * counted


class LossWatch(TorchFunctionMode):
    """While entered, notes the calls of PyTorch's losses."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[LossSeen] = []

    @property
    def seen(self) -> LossSeen | None:
        """The last call."""
        return self.calls[-1] if self.calls else None

    def of(self, prediction: Tensor | None) -> LossSeen | None:
        """Return the last call on this prediction or a view of it, else on one of its shape, else the last of all."""
        if prediction is None or len(self.calls) < 2:
            return self.seen
        place, shape = prediction.untyped_storage().data_ptr(), prediction.shape[1:]
        own = [call for call in self.calls if call.outputs.untyped_storage().data_ptr() == place]
        alike = [call for call in self.calls if call.outputs.shape[1:] == shape]
        return (own or alike or self.calls)[-1]

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = _FUNCTIONS.get(function)
        result = function(*args, **(kwargs or {}))
        if name is not None:
            given = _signature(function).bind(*args, **(kwargs or {})).arguments
            outputs, targets = given.pop("input", None), given.pop("target", None)
            if isinstance(outputs, Tensor) and isinstance(targets, Tensor):
                kept = {key: part for key, part in given.items() if key not in ("size_average", "reduce")}
                self.calls.append(LossSeen(name, function, outputs, targets, kept))
        return result


def watched_loss(subject: Subject, outputs: Any, targets: Any) -> tuple[Any, LossWatch]:
    """Return what the user's loss gives, and the calls of PyTorch's losses that it made."""
    with LossWatch() as watch:
        loss = call_loss(subject, outputs, targets)
    return loss, watch


def losses_alone(
    subject: Subject, outputs: Any, targets: Any, size: int, refused: dict[int, Exception] | None = None
) -> Tensor | None:
    """Return what the user's loss gives on each sample alone (N,), NaN where it refuses it.

    None where it refuses all of them, where samples cannot be told apart, or where there is no loss.

    Args:
        subject: the live objects.
        outputs: what the model returned for N samples.
        targets: of the same samples.
        size: number of samples, N.
        refused: is given the place of each sample that the loss refuses, and what it raised.
    """
    if subject.loss_fn is None or targets is None:
        return None
    axis = subject.batch_axis
    if not (_can_be_cut(outputs, size, axis) and _can_be_cut(targets, size, axis)):
        return None
    found: list[Tensor | None] = []
    raised: dict[int, Exception] = {}
    for n in range(size):
        try:
            loss = torch.as_tensor(subject.loss_fn(_cut(outputs, [n], size, axis), _cut(targets, [n], size, axis)))
            found.append(loss.detach().float().reshape(()))
        except Exception as error:  # noqa: BLE001, PERF203 - one label may be bad, or the loss be one over whole batches
            raised[n] = error
            found.append(None)
    first = next((loss for loss in found if loss is not None), None)
    if refused is not None:
        refused |= raised
    if first is None:
        return None
    return torch.stack([torch.full_like(first, torch.nan) if loss is None else loss for loss in found])


def losses_together(
    subject: Subject, outputs: Any, targets: Any, size: int, refused: dict[int, Exception] | None = None
) -> Tensor | None:
    """Return the loss of each sample (N,) from one call of the user's loss; None where that gives none.

    It is that of the last loss of PyTorch's in it; `how_to_take` finds out whether it is all of the user's loss. Where
    that call raises, a single sample may be to blame: then the losses are taken one by one.
    """
    try:
        together = _in_one_call(subject, outputs, targets, size)
    except Exception:  # noqa: BLE001 - whatever the user's loss raises of a bad label
        return losses_alone(subject, outputs, targets, size, refused)
    if together is None and subject.batch_axis:
        return losses_alone(subject, outputs, targets, size, refused)
    return together


def seen_of_sound(subject: Subject, outputs: Any, targets: Any, size: int) -> tuple[Any, LossWatch]:
    """Return what `watched_loss` gives for those of the samples that the user's loss does not refuse alone.

    Raises:
        CaptureError: where it refuses all of them.
    """
    sound, axis = _sound(losses_alone(subject, outputs, targets, size)), subject.batch_axis
    if not sound:
        raise CaptureError("the loss takes none of the samples alone")
    return watched_loss(subject, _cut(outputs, sound, size, axis), _cut(targets, sound, size, axis))


def _in_one_call(subject: Subject, outputs: Any, targets: Any, size: int) -> Tensor | None:
    seen = watched_loss(subject, outputs, targets)[1].seen
    if seen is None or (subject.batch_axis and axis_of(seen.targets, size, subject.batch_axis) != 0):
        return None  # where time comes first, the values do not lie sample by sample
    return seen.by_sample(size)


def _of_sound(subject: Subject, outputs: Any, targets: Any, size: int, alone: Tensor) -> Tensor | None:
    """The losses from one call for the samples that the loss does not refuse, NaN of the others."""
    sound, axis = _sound(alone), subject.batch_axis
    try:
        rest = _in_one_call(subject, _cut(outputs, sound, size, axis), _cut(targets, sound, size, axis), len(sound))
    except Exception:  # noqa: BLE001 - the user's loss may raise anything; then they are taken one by one
        return None
    if rest is None:
        return None
    whole = torch.full_like(alone, torch.nan)
    whole[sound] = rest.to(whole)
    return whole


def _sound(alone: Tensor | None) -> list[int]:
    return [] if alone is None else torch.nonzero(~alone.isnan()).flatten().tolist()


def _can_be_cut(value: Any, size: int, axis: int) -> bool:
    """Whether something in a value speaks of each sample apart."""
    if is_listed(value, size):
        return True
    if isinstance(value, dict) and any(isinstance(part, list) and len(part) == size for part in value.values()):
        return True
    packed = isinstance(value, PackedSequence)  # the samples of each step, one after the other
    return not packed and any(axis_of(tensor, size, axis) is not None for _, tensor in tensors_in(value, ""))


def is_listed(value: Any, size: int) -> bool:
    """Whether a value is a list with one mapping, string or number for each of `size` samples."""
    return isinstance(value, list | tuple) and len(value) == size > 0 and all(isinstance(v, _UNCUT) for v in value)


def _cut(value: Any, samples: list[int], size: int, axis: int) -> Any:
    if is_listed(value, size):
        return [value[n] for n in samples] if isinstance(value, list) else tuple(value[n] for n in samples)
    return picked(value, samples, size, axis)


def how_to_take(subject: Subject, outputs: Any, targets: Any, size: int) -> tuple[How, Tensor | None]:
    """Return how the samples' losses are taken, and these losses (N,): in one call only where it gives the same.

    A sample that the loss refuses has NaN, and says nothing of how those of the others are taken.
    """
    if subject.loss_fn is None or targets is None or not size:
        return "none", None
    alone = losses_alone(subject, outputs, targets, size)
    try:
        together = _in_one_call(subject, outputs, targets, size)
    except Exception:  # noqa: BLE001 - the user's loss may raise anything; then those that it takes tell
        together = None if alone is None else _of_sound(subject, outputs, targets, size, alone)
    if together is not None and (alone is None or _are_same(together.float(), alone)):
        return "together", together.float()
    return ("none", None) if alone is None else ("alone", alone)


def _are_same(together: Tensor, alone: Tensor) -> bool:
    # a loss that gives a plain number leaves no word of the device
    return torch.allclose(together, alone.to(together.device), rtol=1e-3, atol=1e-5, equal_nan=True)
