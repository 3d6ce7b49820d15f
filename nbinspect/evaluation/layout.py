"""How outputs of a probe are read: decided once, at the first look, and the same at every reading."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nbinspect.capture.tensors import readable
from nbinspect.decode.names import IGNORED
from nbinspect.decode.outputs import OUTPUT_KEYS, target_of
from nbinspect.decode.targets import sums_to_one
from nbinspect.nested import fields_of, tensors_in
from nbinspect.records import Integers, TaskRecord

COLUMNS, NUMBERS, SIDE, TOKENS = 32, 8, 64, 128
"""How much of the outputs is kept: classes, numbers of a regression, pixels a side, tokens."""
NO_CLASS = 255
"""Of masks: a pixel without a class, or with one that 8 bits cannot hold."""


@dataclass(frozen=True, eq=False)
class Layout:
    """What the axes of the outputs are, and what their numbers mean."""

    kind: str
    """The task; ``other`` where the outputs do not have the shape that it asks for."""
    shape: tuple[int, ...]
    """Of the outputs, without the samples' axis."""
    chances: bool = False
    """Whether the network gives probabilities; else logits."""
    columns: Integers | None = None
    """Which outputs are kept; None for all."""
    class_last: bool = False
    """Of language models: whether the classes are the last axis, and not the one after the samples."""
    shift: int = 0
    """Of language models: how many places ahead of its output a token stands."""
    ignored: int = IGNORED

    def scores(self, outputs: Tensor) -> Tensor:
        """Return logits of tokens (n, T, V); probabilities as their logarithms."""
        scores = (outputs if self.class_last else outputs.movedim(1, -1)).float()
        return scores.clamp_min(torch.finfo(torch.float32).tiny).log() if self.chances else scores


def prediction_of(outputs: Any, size: int, axis: int = 0) -> Tensor | None:
    """Return the tensor that speaks of each sample in what a network returned, samples first; None where none does."""
    fields = fields_of(outputs)
    for key in OUTPUT_KEYS:
        if fields is not None and fields.get(key) is not None:
            return prediction_of(fields[key], size, axis)
    for _, tensor in tensors_in(outputs, ""):
        own, _ = readable(tensor)
        if own is None or not own.dim():
            continue
        if axis and own.dim() > axis and own.shape[axis] == size:
            return own.movedim(axis, 0)
        if own.shape[0] == size:
            return own
    return None


def goal_of(targets: Any, outputs: Any, size: int, axis: int = 0) -> Tensor | None:
    """Return what the prediction is compared with, samples first: the targets, or the one of its name among several."""
    own = targets if isinstance(targets, Tensor) else target_of(outputs, targets, size, axis)
    return None if own is None else prediction_of(own, size, axis)


def lay_out(task: TaskRecord, outputs: Tensor | None, goal: Tensor | None, class_last: bool, ignored: int) -> Layout:
    """Return how these outputs (N, …) of a first look are read; a `shift` of tokens is not told here.

    Args:
        task: as inferred or given.
        outputs: of the whole probe; None where no tensor speaks of each sample.
        goal: the targets (N, …); None where they are not one tensor.
        class_last: whether the classes of tokens are the last axis, where both axes would do.
        ignored: the class index that the loss ignores.
    """
    if outputs is None:
        return Layout("other", ())
    shape, kind = tuple(outputs.shape[1:]), task.kind
    width = int(np.prod(shape)) if shape else 1
    if kind == "classification" and len(shape) == 1 and width == 1:
        kind = "binary"
    if (kind == "classification" and len(shape) == 1) or (kind == "multilabel" and len(shape) == 1):
        return Layout(kind, shape, _gives_chances(kind, task.loss, outputs), ignored=ignored)
    if kind == "binary" and width == 1:
        return Layout(kind, shape, _gives_chances(kind, task.loss, outputs), ignored=ignored)
    if kind == "binary" and shape == (2,):
        return Layout("classification", shape, _gives_chances("classification", task.loss, outputs), ignored=ignored)
    if kind == "regression" and width:
        return Layout(kind, shape, columns=_spread(width, NUMBERS))
    if kind == "segmentation" and len(shape) in (2, 3):
        form = "binary" if len(shape) == 2 or shape[0] == 1 else "classification"
        return Layout(kind, shape, _gives_chances(form, task.loss, outputs), ignored=ignored)
    if kind == "language-model" and len(shape) == 2 and goal is not None and goal.dim() == 2:
        last, first = shape[0] == goal.shape[1], shape[1] == goal.shape[1]
        if last or first:
            chances = "nll" not in task.loss and "cross_entropy" not in task.loss
            last = last and (class_last or not first)
            given = chances and sums_to_one((outputs if last else outputs.movedim(1, -1)).flatten(0, 1))
            return Layout(kind, shape, given, class_last=last, ignored=ignored)
    return Layout("other", shape)


def _gives_chances(kind: str, loss: str, outputs: Tensor) -> bool:
    if kind == "classification":
        rows = outputs.movedim(1, -1).flatten(0, -2)
        return sums_to_one(rows)
    if loss in ("F.binary_cross_entropy_with_logits", "F.soft_margin_loss", "F.multilabel_soft_margin_loss"):
        return False
    known = outputs[outputs.isfinite()]
    return loss == "F.binary_cross_entropy" or bool(((known >= 0) & (known <= 1)).all())


def _spread(count: int, most: int) -> Integers:
    """Evenly spaced places of `count`, `most` of them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int32))


def kept_classes(chances: NDArray[np.floating[Any]], goal: Integers | None) -> Integers:
    """Return which classes (C,) are kept: all up to 32, else those of the targets, then the likeliest (N, all)."""
    count = chances.shape[1]
    if count <= COLUMNS:
        return np.arange(count, dtype=np.int32)
    own = [] if goal is None else [int(each) for each in np.unique(goal) if 0 <= each < count]
    likely = [int(each) for each in np.argsort(-np.nan_to_num(chances).mean(0), kind="stable") if each not in own]
    return np.array([*own, *likely][:COLUMNS], dtype=np.int32)


def places(length: int) -> list[int]:
    """Return the places of the nearest pixels where a side of this length is reduced to 64 at most."""
    side = min(length, SIDE)
    return [int((place + 0.5) * length / side) for place in range(side)]


def mask_of(goal: Tensor, layout: Layout) -> Tensor | None:
    """Return the targets of a segmentation as classes (n, H, W), −1 for none; None where they are not of its size."""
    if goal.dim() == 4 and goal.shape[1] > 1:
        goal = goal.argmax(1)
    goal = goal.squeeze(1) if goal.dim() == 4 else goal
    if goal.dim() != 3 or goal.shape[1:] != layout.shape[-2:]:
        return None
    count = layout.shape[0] if len(layout.shape) == 3 and layout.shape[0] > 1 else 2
    whole = goal.long() if not goal.is_floating_point() else (goal > 0.5).long() if count == 2 else goal.long()
    return torch.where((whole >= 0) & (whole < count) & (whole != layout.ignored), whole, -1)
