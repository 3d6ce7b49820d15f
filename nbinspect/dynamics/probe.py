"""A fixed batch whose predictions are read again and again while the model trains."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from nbinspect.capture.batch import capture_batch, samples_first
from nbinspect.capture.door import refuse_beside_training
from nbinspect.capture.predictions import Evaluation
from nbinspect.decode.batch import decode_batch, with_predictions
from nbinspect.dynamics.passes import Part, Passes
from nbinspect.dynamics.selection import Chosen, choose
from nbinspect.errors import CaptureError, InputError, told
from nbinspect.evaluation.first_look import FirstLook
from nbinspect.evaluation.layout import goal_of, kept_classes, prediction_of
from nbinspect.evaluation.reading import class_chances, goal_array, make_reading, no_trail
from nbinspect.evaluation.reduction import numbers_of
from nbinspect.evaluation.sample_losses import losses_alone, losses_together
from nbinspect.evaluation.samples import size_of
from nbinspect.nested import map_tensors, tensors_in
from nbinspect.records import Floats, ProbeRecord, Reading
from nbinspect.subject import Subject

CHOICES = ("first", "stratified", "hardest")
Split = Literal["train", "validation"]

_EACH_TIME, _SELDOM = 32, 8
"""Samples whose losses are taken one by one at every reading; of more, at every eighth."""


def choose_probe(
    subject: Subject,
    given: Any = None,
    *,
    how: str = "first",
    split: Split = "train",
    size: int = 24,
    train_mode: bool = False,
) -> Probe:
    """Return a probe of samples of the loader, or of a batch that is given, which is then taken whole.

    The model is run on it once; model, loader and random states are left unchanged.

    Args:
        subject: the live objects.
        given: a batch as the loader would give it; None to choose one.
        how: ``first`` of the first batch, ``stratified`` by class over 16 batches at most, or the ``hardest`` (the
            largest losses) of 8 batches.
        split: the loader to choose from, or that the given batch belongs to.
        size: how many samples to choose.
        train_mode: evaluate as training sees it, with dropout and batch statistics.

    Raises:
        InputError: for an argument that cannot be used, before anything is run.
        LoaderError: if the loader raises or gives no batch.
        CaptureError: if the model cannot be run on the batch.
    """
    check_choice(how, size)
    if split not in ("train", "validation"):
        raise InputError(f"split: expected 'train' or 'validation', got {split!r}")
    if given is not None:
        if next(tensors_in(given, ""), None) is None:
            raise InputError("probe: expected a batch with tensors, as the loader gives it")
        return Probe(subject, Chosen(given, size_of(subject, given), "given"), split=split, train_mode=train_mode)
    loader = subject.loader if split == "train" else subject.val_loader
    if loader is None:
        name = "loader" if split == "train" else "val_loader"
        raise InputError(f"there is no {name} to choose a probe from: give Inspector(…, {name}=…), or probe=batch")

    def losses(batch: Any) -> Tensor | None:
        chosen = Chosen(batch, size_of(subject, batch), "")
        found = Passes(subject, chosen, train_mode).look().losses
        return None if found is None else found.cpu()

    return Probe(subject, choose(subject, how, loader, size, losses), split=split, train_mode=train_mode)


def check_choice(how: str, size: int) -> None:
    """Raise InputError for a way to choose that there is not, or a size that is none."""
    if how not in CHOICES:
        raise InputError(f"probe: expected a batch, or one of {', '.join(map(repr, CHOICES))}, got {how!r}")
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise InputError(f"size: expected a whole number of samples, 1 or more, got {size!r}")


class Probe:
    """A fixed batch, and what the model makes of it at each reading.

    Args:
        subject: the live objects; the model's weights are read as they are at each reading.
        chosen: the samples; copies are held on the model's device.
        split: of which data they are.
        train_mode: evaluate in train mode; of a probe read in parts each has batch statistics of its own.
    """

    def __init__(self, subject: Subject, chosen: Chosen, *, split: Split = "train", train_mode: bool = False) -> None:
        refuse_beside_training(subject.model)
        self._subject = subject
        self.chosen = chosen
        """The samples as they were given."""
        self._passes = Passes(subject, chosen, train_mode)
        first = self._passes.look()
        self.size = first.size
        self._how, self._seen = first.how, first.seen
        self.has_losses = first.losses is not None
        """Whether samples have losses."""
        self.refusal = "" if self.has_losses else _refusal(first)
        """Why they have none, though a loss was given; else empty."""
        self._goal = goal_array(first.layout, first.goal)
        layout = first.layout
        if layout.kind in ("classification", "multilabel") and first.prediction is not None:
            numbers = numbers_of(layout, first.prediction, first.goal).cpu().numpy()
            chances = class_chances(layout, numbers) if layout.kind == "classification" else numbers
            layout = replace(layout, columns=kept_classes(chances, _classes_in(self._goal)))
        self._layout = layout
        self._trail = no_trail(self.size)
        self._readings = 0
        self.task = first.task
        """How the task was told."""
        self.record = self._drawn_up(chosen, first, split, train_mode)
        """What does not change about the samples."""

    @property
    def batch(self) -> Any:
        """The samples as the loader gave them, on the model's device; to be left unchanged."""
        return self._passes.batch

    def read(self, step: int) -> Reading:
        """Run the samples through the model as it is now, and return what it makes of them.

        One forward without gradients and one transfer to the host; weights, buffers, gradients, random states, modes
        and a graph that waits for its backward are left unchanged.

        Args:
            step: how many updates there were so far.

        Raises:
            CaptureError: if the forward raises, outputs have another shape than at first, or not one sample fits
                into memory.
        """
        alone = self._how == "alone" and (self.size <= _EACH_TIME or self._readings % _SELDOM == 0)
        with_losses = self._how == "together" or alone
        rows = self._passes.over(lambda outputs, part: self._reduced(outputs, part, with_losses))
        numbers: Floats = torch.cat(rows).cpu().numpy()
        losses = None
        if self._how != "none":
            numbers, losses = (
                (numbers[:, :-1], numbers[:, -1]) if with_losses else (numbers, np.full(self.size, np.nan))
            )
        reading, self._trail = make_reading(
            step, self._layout, self._trail, numbers=numbers, losses=losses, goal=self._goal
        )
        self._readings += 1
        return reading

    def _reduced(self, outputs: Any, part: Part, with_losses: bool) -> Tensor:
        axis = self._subject.batch_axis
        prediction = prediction_of(outputs, part.size, axis)
        shape = () if prediction is None or not self._layout.shape else tuple(prediction.shape[1:])
        if shape != self._layout.shape:
            raise CaptureError(
                f"the outputs for a sample have the shape {shape}, and had {self._layout.shape} at first: readings of "
                f"different shapes cannot be compared, so this probe is read no more"
            )
        if prediction is None:
            prediction = torch.zeros(part.size, 0)
        goal = goal_of(part.targets, outputs, part.size, axis)
        numbers = numbers_of(self._layout, prediction, goal)
        if not with_losses:
            return numbers
        losses = self._losses(outputs, prediction, part.targets if goal is None else goal, part)
        lost = torch.full((part.size,), torch.nan, device=numbers.device)
        return torch.cat([numbers, (lost if losses is None else losses.to(numbers))[:, None]], 1)

    def _losses(self, outputs: Any, prediction: Tensor, goal: Any, part: Part) -> Tensor | None:
        if self._how == "alone":
            return losses_alone(self._subject, outputs, part.targets, part.size)
        if self._subject.loss_fn is None:
            return None if self._seen is None else self._seen.by_sample(part.size, prediction, goal)
        return losses_together(self._subject, outputs, part.targets, part.size)

    def _drawn_up(self, chosen: Chosen, first: FirstLook, split: Split, train_mode: bool) -> ProbeRecord:
        given = chosen.words == "given"
        own = map_tensors(torch.clone, chosen.batch)  # the forward may write to it
        captured = capture_batch(
            self._subject, own, split=split, how="given" if given else "probe", indices=chosen.indices
        )
        losses = None if first.losses is None else first.losses.double().cpu().numpy()
        decoded = decode_batch(captured, self._subject)
        outputs = samples_first(first.outputs, self.size, self._subject.batch_axis)
        decoded = with_predictions(decoded, Evaluation(outputs, losses), captured, self._subject)
        columns = self._layout.columns
        if columns is None:
            count = 1 if self._layout.kind == "binary" else 0
            columns = np.arange(count, dtype=np.int32)
        targets = self._goal
        if targets is not None and self._layout.kind == "multilabel":
            targets = targets[:, columns]
        return ProbeRecord(
            split, chosen.words, self._layout.kind, decoded, targets, first.names(columns), columns, train_mode
        )


def _refusal(first: FirstLook) -> str:
    if first.refusal is not None:
        return f"the loss raised {told(first.refusal)}"
    asked = first.subject.loss_fn is not None and first.goal is not None
    return "the loss cannot be taken a sample at a time" if asked else ""


def _classes_in(goal: Any) -> Any:
    """The classes that occur among targets, given by class or by flags (N, C)."""
    return goal if goal is None or goal.ndim == 1 else np.flatnonzero(goal.any(0))
