"""The first look at a batch: which task it is, how its outputs lie, and how the samples' losses are taken."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from nbinspect.calling import Parts
from nbinspect.capture.forward import number
from nbinspect.capture.task import named_loss, tell_task
from nbinspect.decode.names import IGNORED, Names
from nbinspect.evaluation.layout import Layout, goal_of, lay_out, prediction_of
from nbinspect.evaluation.reduction import token_losses
from nbinspect.evaluation.sample_losses import (
    How,
    LossSeen,
    LossWatch,
    how_to_take,
    is_listed,
    seen_of_sound,
    watched_loss,
)
from nbinspect.nested import fields_of, tensors_in
from nbinspect.records import Integers, TaskRecord
from nbinspect.subject import Subject


@dataclass(frozen=True, eq=False)
class FirstLook:
    """What is found out once about a batch and the outputs for it."""

    subject: Subject
    size: int
    task: TaskRecord
    layout: Layout
    outputs: Any
    prediction: Tensor | None
    """The outputs as one tensor (N, …)."""
    goal: Tensor | None
    """The targets as one tensor (N, …)."""
    how: How
    """How losses are taken; ``none`` too where those of a language model follow from its tokens."""
    losses: Tensor | None
    """(N,)"""
    seen: LossSeen | None
    refusal: Exception | None = None
    """What the user's loss raised, where it takes none of the samples."""

    def names(self, columns: Integers) -> tuple[str, ...]:
        """Return the user's names of these outputs, of a binary task of both classes; empty where there are none."""
        names = Names.of(self.subject.class_names)
        if not names.given or self.layout.kind in ("regression", "other", "language-model"):
            return ()
        if self.layout.kind == "binary":  # one column speaks of two classes
            return (names[0], names[1]) if names.count in (None, 2) else ()
        if self.layout.kind == "segmentation":
            return tuple(
                names[each] for each in range(max(2, self.layout.shape[0] if len(self.layout.shape) > 2 else 2))
            )
        return tuple(names[int(column)] for column in columns)


def look(subject: Subject, parts: Parts, outputs: Any, size: int, seen: LossSeen | None) -> FirstLook:
    """Find out how outputs of a batch are read; the user's loss is called on it, and on each sample alone.

    Args:
        subject: the live objects.
        parts: of the batch, on the model's device: those that the model was called with.
        outputs: what the model returned for them.
        size: number of samples, N.
        seen: the last loss of PyTorch's that the model itself called.
    """
    axis = subject.batch_axis
    refusal: Exception | None = None
    prediction = output_of(outputs, size, axis) if size else None
    goal = goal_of(parts.targets, outputs, size, axis) if size else None
    total: Any = (fields_of(outputs) or {}).get("loss")
    if subject.loss_fn is not None and parts.targets is not None:
        total, watch, refusal = _of_users_loss(subject, outputs, parts.targets, size)
        if watch is not None:
            seen = watch.of(prediction)
    task = tell_task(
        subject,
        named_loss(subject.loss_fn) if seen is None else seen.name,
        prediction if seen is None else seen.outputs,
        goal if seen is None else seen.targets,
        inputs=[tensor for _, tensor in tensors_in(parts.inputs, "")],
        size=size,
    )
    class_last = seen is None or seen.outputs.dim() != 3
    ignored = IGNORED if seen is None else int(seen.options.get("ignore_index", IGNORED))
    layout = lay_out(task, prediction, goal, class_last, ignored)
    how, losses = how_to_take(subject, outputs, parts.targets, size)
    whole = number(total)
    if losses is not None and bool(losses.isnan().all()) and whole is not None and math.isfinite(whole):
        how, losses = "none", None  # a loss of a batch as a whole, as of how its samples differ
    if layout.kind == "language-model" and prediction is not None and goal is not None:
        layout, told = _shifted(layout, prediction, goal, total, causal="CausalLM" in type(outputs).__name__)
        if told is not None or losses is None:
            how, losses = "none", token_losses(layout, prediction, goal).nanmean(1)
    elif subject.loss_fn is None and seen is not None and prediction is not None and goal is not None:
        losses = _of_model(seen, prediction, goal, total)
        how = "none" if losses is None else "together"
    return FirstLook(subject, size, task, layout, outputs, prediction, goal, how, losses, seen, refusal)


def output_of(outputs: Any, size: int, axis: int = 0) -> Tensor | None:
    """Return `prediction_of`; None too for a list with a mapping for each sample, as of boxes."""
    return None if is_listed(outputs, size) else prediction_of(outputs, size, axis)


def _of_users_loss(
    subject: Subject, outputs: Any, targets: Any, size: int
) -> tuple[Any, LossWatch | None, Exception | None]:
    """What the user's loss gives, the losses of PyTorch's in it, and what it raised where it takes no sample."""
    try:
        return *watched_loss(subject, outputs, targets), None
    except Exception as error:  # noqa: BLE001 - the user's loss may raise anything, and of one bad label for all
        refusal = error
    try:
        return *seen_of_sound(subject, outputs, targets, size), None
    except Exception:  # noqa: BLE001 - as above; then there are no losses to show
        return None, None, refusal


def _shifted(
    layout: Layout, prediction: Tensor, goal: Tensor, total: Any, *, causal: bool
) -> tuple[Layout, float | None]:
    """Find out whether an output speaks of the token in its place or of the next, by which has the model's loss.

    The second part is that loss, where it is the mean over tokens; else None.
    """
    ahead = replace(layout, shift=1)
    if not isinstance(total, Tensor) or total.numel() != 1 or goal.shape[1] < 2:
        return (ahead if causal and goal.shape[1] > 1 else layout), None
    wanted = float(total)
    found = [float(token_losses(each, prediction, goal).nanmean()) for each in (layout, ahead)]
    strays = [abs(mean - wanted) for mean in found]
    best = 1 if strays[1] < strays[0] or (causal and not strays[0] < strays[1]) else 0
    same = strays[best] <= 1e-3 * abs(wanted) + 1e-5
    return (layout, ahead)[best], (wanted if same else None)


def _of_model(seen: LossSeen, prediction: Tensor, goal: Tensor, total: Any) -> Tensor | None:
    """The samples' losses of a model that computes its own; None where that loss is not the call that was seen."""
    try:
        losses = seen.by_sample(len(prediction), prediction, goal)
    except Exception:  # noqa: BLE001 - what was seen may be a loss of something else
        return None
    whole = seen.outputs.numel() == prediction.numel() and seen.options.get("weight") is None
    if losses is None or not whole or not isinstance(total, Tensor):
        return losses
    return losses if torch.allclose(losses.nanmean(), total.float(), rtol=1e-3, atol=1e-5) else None
