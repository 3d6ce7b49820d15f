"""Loss and accuracy on the whole of the validation data, in eval mode, without a trace."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from nbinspect.calling import call_model, split_batch, to_device
from nbinspect.capture.door import probing
from nbinspect.capture.loader import BatchSource, Fetched
from nbinspect.errors import CaptureError, InputError, told
from nbinspect.evaluation.first_look import FirstLook, look
from nbinspect.evaluation.layout import Layout, goal_of, mask_of, prediction_of
from nbinspect.evaluation.sample_losses import LossWatch
from nbinspect.evaluation.samples import size_of
from nbinspect.evaluation.unchanged import Unchanged
from nbinspect.nested import fields_of
from nbinspect.subject import Subject

_PER_TARGET = ("classification", "language-model", "segmentation")


@dataclass(frozen=True)
class ValidationResult:
    """What a pass over validation data has come to."""

    loss: float
    """The mean over batches, each weighted by its samples; where classes are told, by its targets that count (samples,
    tokens or pixels that are not ignored). NaN where there is no loss."""
    accuracy: float | None
    """The share of samples that are right, of tokens or pixels where the task is to tell a class for each; None where
    the task has no right and wrong."""
    samples: int


class Validation:
    """Evaluates the model on its validation data; model, loader and random states are left unchanged.

    Raises:
        InputError: if there is no validation loader, or it cannot be read twice.
    """

    def __init__(self, subject: Subject) -> None:
        if subject.val_loader is None:
            raise InputError("there is no validation loader: give Inspector(…, val_loader=…)")
        if isinstance(subject.val_loader, Iterator):
            raise InputError("val_loader: a one-shot iterator is used up by one pass; give the DataLoader itself")
        self._subject = subject
        self._guard = Unchanged(subject.network, subject.loss_fn)
        self._look: FirstLook | None = None

    def evaluate(self) -> ValidationResult:
        """Return loss and accuracy over the whole validation data.

        Raises:
            LoaderError: if the loader raises or gives no batch.
            CaptureError: if the model cannot be run on a batch.
        """
        result = ValidationResult(float("nan"), None, 0)
        for result in self.parts():  # noqa: B007 - the last one is the whole
            pass
        return result

    def expected_seconds(self) -> float:
        """Return what a pass will take, from its first batch; ten batches are expected of a loader without a length.

        Raises:
            LoaderError: if the loader raises or gives no batch.
            CaptureError: if the model cannot be run on a batch.
        """
        began = time.perf_counter()
        with contextlib.closing(self.parts()) as parts:
            next(parts)
        try:
            batches = len(self._subject.val_loader)  # type: ignore[arg-type] # one without a length raises
        except TypeError:
            batches = 10
        return (time.perf_counter() - began) * batches

    def parts(self) -> Generator[ValidationResult, None, None]:
        """Yield, after each batch, what the pass has come to; the last one is the result, and one may stop before."""
        source = BatchSource(self._subject.val_loader)
        lost = weights = right = known = 0.0
        samples = number = 0
        try:
            for number, fetched in enumerate(_one_pass(source, self._subject.val_loader)):
                try:
                    found = self._batch(fetched.batch)
                except CaptureError:
                    raise
                except Exception as error:
                    raise CaptureError(f"validation stopped at batch {number}: {told(error)}") from error
                lost, weights = lost + found.loss * found.weight, weights + found.weight
                right, known, samples = right + found.right, known + found.known, samples + found.size
                loss = lost / weights if weights else float("nan")
                yield ValidationResult(loss, right / known if known else None, samples)
        finally:
            source.close()

    def _batch(self, given: Any) -> _Counts:
        subject = self._subject
        batch, _ = to_device(subject, given)
        parts, size = split_batch(subject, batch), size_of(subject, batch)
        counted = bool(size)
        size = size or (len(parts.targets) if isinstance(parts.targets, Tensor) and parts.targets.dim() else 1)
        with self._guard.passes(training=False), probing():
            if self._look is None:
                with LossWatch() as watch:
                    outputs = call_model(subject, batch, parts)
                self._look = look(subject, parts, outputs, size, watch.seen)
            else:
                outputs = call_model(subject, batch, parts)
            goal = goal_of(parts.targets, outputs, size, subject.batch_axis) if counted else None
            loss: Any = (fields_of(outputs) or {}).get("loss")
            if subject.loss_fn is not None and parts.targets is not None:
                loss = subject.loss_fn(outputs, parts.targets)
            layout = self._look.layout
            prediction = prediction_of(outputs, size, subject.batch_axis)
            device = prediction.device if prediction is not None else torch.device("cpu")
            hits = torch.zeros(2, device=device)
            if prediction is not None and goal is not None:
                hits = _hits(layout, prediction, goal)
            mean = torch.as_tensor(torch.nan if loss is None else loss, device=device).detach().float().mean()
            numbers = torch.cat([mean[None], hits.float()]).cpu()
        number, right, known = numbers.tolist()
        by_target = layout.kind in _PER_TARGET and prediction is not None and goal is not None
        weight = known if by_target else float(size)
        if not weight:  # a mean over nothing
            return _Counts(0.0, 0.0, right, known, size)
        if getattr(subject.loss_fn, "reduction", None) == "sum":
            number /= weight
        return _Counts(number, weight, right, known, size)


@dataclass(frozen=True)
class _Counts:
    loss: float
    weight: float
    right: float
    known: float
    size: int


def _one_pass(source: BatchSource, loader: Any) -> Iterator[Fetched]:
    """Give the batches up to the end of the data; a loader that tells its length is not asked for one more."""
    try:
        count = len(loader)
    except (TypeError, NotImplementedError):
        count = None
    served = 0
    while count is None or served < max(count, 1):
        fetched = source.next()
        if fetched.epoch:
            return
        served += 1
        yield fetched


def _hits(layout: Layout, outputs: Tensor, goal: Tensor) -> Tensor:
    """Return (2,) how many targets were told right, and how many count; zeros where there is no right and wrong."""
    none = torch.zeros(2, device=outputs.device)
    fixed = layout.kind not in ("language-model", "segmentation")
    if fixed and tuple(outputs.shape[1:]) != layout.shape:
        return none
    if layout.kind == "classification":
        own = goal.argmax(1) if goal.dim() == 2 and goal.shape[1] > 1 else goal.reshape(len(goal), -1)[:, 0]
        guesses, counts = outputs.argmax(1), (own >= 0) & (own != layout.ignored)
    elif layout.kind == "binary":
        own, counts = goal.reshape(len(goal), -1)[:, 0] > 0.5, torch.ones(len(goal), dtype=torch.bool)
        guesses = outputs.reshape(len(outputs)) > (0.5 if layout.chances else 0.0)
    elif layout.kind == "segmentation":
        mask = mask_of(goal, replace(layout, shape=tuple(outputs.shape[1:])))
        if mask is None:
            return none
        plain = outputs[:, 0] if outputs.dim() == 4 and outputs.shape[1] == 1 else outputs
        two = plain.dim() == 3
        guesses = (plain > (0.5 if layout.chances else 0.0)).long() if two else plain.argmax(1)
        own, counts = mask, mask >= 0
    elif layout.kind == "language-model" and goal.dim() == 2:
        scores = outputs if layout.class_last else outputs.movedim(1, -1)
        guesses, own = scores.argmax(-1), goal
        if layout.shift:
            guesses, own = guesses[:, :-1], own[:, 1:]
        counts = (own != layout.ignored) & (own >= 0)
    else:
        return none
    counts = counts.to(outputs.device)
    return torch.stack([((guesses == own) & counts).sum(), counts.sum()])
