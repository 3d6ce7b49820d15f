"""What outputs that know nothing, and outputs that know all, give a loss: between them lies what there is to learn."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

from nbinspect.errors import InputError
from nbinspect.records import TaskRecord
from nbinspect.sanity.recorded import Recorded, tensor_output

Form: TypeAlias = Literal["logits", "log-probabilities", "probabilities", "values"]
_SURE = (2.0, 4.0, 8.0, 12.0)
"""How far the logit of a right answer lies above the others; a loss that smoothes labels wants it less sure."""
_LEAST_SHARE = 1e-6


@dataclass(frozen=True, eq=False)
class Answering:
    """How outputs of a program answer: what an answer is, on which axis, in which form."""

    kind: Literal["classes", "bits", "values"]
    form: Form
    axis: int
    """Of the classes."""
    shifted: bool
    """Whether the model compares each step with the next target itself."""
    loss_fn: Callable[..., Any]
    """The user's; where the model computes its loss itself, one that gives the same."""
    row: Tensor
    """(1, …) of the outputs, for their shape and type."""
    rows: int
    """How many rows of the outputs belong to a sample; more than one where steps were flattened."""

    @property
    def shape(self) -> tuple[int, ...]:
        """What a sample has as outputs: (K,), (T, K), (K, H, W)."""
        own = tuple(self.row.shape[1:])
        return own if self.rows == 1 else (self.rows, *own)

    def given(self, outputs: Tensor) -> Tensor:
        """Return outputs (N, *shape) of a network that gives logits or numbers, as the user's model gives its own."""
        found = (outputs if self.rows == 1 else outputs.flatten(0, 1)).to(self.row.dtype)
        if self.form == "probabilities":
            return found.sigmoid() if self.kind == "bits" else found.softmax(self.axis)
        return found.log_softmax(self.axis) if self.form == "log-probabilities" else found

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of outputs as one value.

        Raises:
            InputError: if the loss raises on outputs that are not the user's model's.
        """
        try:
            found: Tensor = self.loss_fn(outputs, targets)
        except Exception as error:
            raise InputError(f"swap needs a loss that takes any outputs ({type(error).__name__}: {error})") from error
        return found

    def constants(self, samples: int, seen: list[Tensor]) -> list[Tensor]:
        """Return outputs that are the same for every sample, one of which is the best for the targets `seen`."""
        like = self._like(samples)
        targets = torch.cat(seen)
        if self.kind == "values":
            numbers = targets.reshape(len(targets), *like.shape[1:]).to(like.dtype)
            return [centre.expand_as(like).clone() for centre in (numbers.mean(0), numbers.median(0).values)]
        if self.kind == "bits":
            share = targets.double().reshape(len(targets), *like.shape[1:]).mean(0)
            share = share.clamp(_LEAST_SHARE, 1 - _LEAST_SHARE).expand_as(like).to(like.dtype)
            return [share.clone() if self.form == "probabilities" else share.logit()]
        shares = self._class_shares(like.shape[self.axis], targets).clamp_min(_LEAST_SHARE).to(like.dtype)
        view = [-1 if axis == self.axis % like.dim() else 1 for axis in range(like.dim())]
        found = shares if self.form == "probabilities" else shares.log()
        return [found.view(view).expand_as(like).clone()]

    def perfect(self, samples: int, targets: Tensor) -> list[Tensor]:
        """Return outputs as a network that knows the targets would give them, sure of them to several degrees."""
        like = self._like(samples)
        if self.kind == "values":
            return [targets.reshape(like.shape).to(like.dtype)]
        return [self._sure(like, targets, degree) for degree in _SURE]

    def _sure(self, like: Tensor, targets: Tensor, degree: float) -> Tensor:
        if self.kind == "bits":
            least = 1 / (1 + math.exp(degree))
            chances = targets.reshape(like.shape).to(like.dtype).clamp(least, 1 - least)
            return chances if self.form == "probabilities" else chances.logit()
        if targets.is_floating_point():
            chances = targets.reshape(like.shape).to(like.dtype).clamp_min(math.exp(-degree))
            return chances if self.form == "probabilities" else chances.log()
        known = targets.clamp(0, like.shape[self.axis] - 1).long()
        if self.shifted:
            known = known.roll(-1, 1)
        known = known.reshape(_without(like.shape, self.axis))
        logits = degree * F.one_hot(known, like.shape[self.axis]).movedim(-1, self.axis).to(like.dtype)
        return logits.softmax(self.axis) if self.form == "probabilities" else logits.log_softmax(self.axis)

    def _like(self, samples: int) -> Tensor:
        return self.row.expand(samples * self.rows, *self.row.shape[1:])

    def _class_shares(self, classes: int, targets: Tensor) -> Tensor:
        if targets.is_floating_point():
            return targets.double().movedim(self.axis, -1).reshape(-1, classes).mean(0)
        known = targets[(targets >= 0) & (targets < classes)].long()
        return torch.bincount(known.flatten(), minlength=classes).double() / max(1, known.numel())


def answering(task: TaskRecord, recorded: Recorded) -> Answering:
    """Return how the outputs of a recorded pass answer.

    Raises:
        InputError: if outputs, targets and loss do not tell, with what would.
    """
    outputs, targets = tensor_output(recorded.outputs), recorded.batch.targets
    loss_fn = recorded.batch.subject.loss_fn
    if recorded.loss is None or outputs is None or targets is None:
        raise InputError("swap needs a loss, and targets that are one tensor: give loss_fn, or `split`")
    if loss_fn is not None and not isinstance(recorded.outputs, Tensor):
        raise InputError("swap needs a model that returns one tensor, or computes its loss itself")
    size = recorded.batch.size
    if not size or not outputs.dim() or len(outputs) % size:
        raise InputError(f"swap needs outputs of each sample; they are {tuple(outputs.shape)} for {size} samples")
    outputs = outputs.detach()
    row, rows = torch.zeros_like(outputs[:1]), len(outputs) // size
    if task.kind == "other":
        raise InputError(f"swap needs a task that is known: {task.why}; give task=…")
    are_bits = task.kind in ("binary", "multilabel", "segmentation") or "binary_cross_entropy" in task.loss
    if are_bits and outputs.numel() == targets.numel():
        inside = not task.loss and bool(((outputs >= 0) & (outputs <= 1)).all())
        form: Form = "probabilities" if inside or task.loss == "F.binary_cross_entropy" else "logits"
        return Answering("bits", form, 0, False, loss_fn or F.binary_cross_entropy_with_logits, row, rows)
    if task.kind == "regression":
        if outputs.numel() != targets.numel():
            shapes = f"outputs are {tuple(outputs.shape)}, targets {tuple(targets.shape)}"
            raise InputError(f"swap needs a target for each output; {shapes}")
        return Answering("values", "values", 0, False, loss_fn or F.mse_loss, row, rows)
    axis = _class_axis(outputs, targets)
    shifted = False
    if loss_fn is None:
        loss_fn, shifted = _own_loss(recorded, outputs, targets, axis)
    return Answering("classes", _form_of_classes(task, outputs, axis), axis, shifted, loss_fn, row, rows)


def _form_of_classes(task: TaskRecord, outputs: Tensor, axis: int) -> Form:
    if task.loss == "F.nll_loss":
        return "log-probabilities"
    sums = bool((outputs >= 0).all()) and bool((outputs.sum(axis) - 1).abs().max() < 1e-3)
    return "probabilities" if sums and not task.loss else "logits"


def _class_axis(outputs: Tensor, targets: Tensor) -> int:
    if outputs.dim() < 2:
        raise InputError(f"swap needs an axis of classes; outputs are {tuple(outputs.shape)}")
    soft = targets.is_floating_point() and targets.shape == outputs.shape
    by_axis_1 = outputs.numel() // outputs.shape[1] == targets.numel() and tuple(_without(outputs.shape, 1)) == tuple(
        targets.shape
    )
    return 1 if soft or by_axis_1 or outputs.dim() == 2 else -1


def _without(shape: torch.Size, axis: int) -> list[int]:
    sizes = list(shape)
    del sizes[axis]
    return sizes


def _own_loss(
    recorded: Recorded, outputs: Tensor, targets: Tensor, axis: int
) -> tuple[Callable[[Tensor, Tensor], Tensor], bool]:
    """Return which cross-entropy a model computes that gives its loss itself, and whether it shifts the targets."""
    plain = partial(_plain_loss, axis)
    wanted = float(recorded.loss.detach())
    for loss, shifted in ((plain, False), (_shifted_loss, True)):
        try:
            found = float(loss(outputs, targets))
        except (RuntimeError, ValueError, IndexError):
            continue
        if abs(found - wanted) <= 1e-3 * abs(wanted):
            return loss, shifted
    raise InputError("swap needs a loss that other outputs can be given to: the model's own is none that is known")


def _plain_loss(axis: int, outputs: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(outputs.movedim(axis, 1), targets)


def _shifted_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(outputs[:, :-1].transpose(1, 2), targets[:, 1:])
