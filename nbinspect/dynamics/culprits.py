"""The samples behind a loss spike: which of the batch have the largest loss, ready to be looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nbinspect.calling import call_arguments, split_batch, to_device
from nbinspect.capture.batch import build
from nbinspect.capture.door import note_visit, probing
from nbinspect.capture.tensors import length_of
from nbinspect.decode.batch import decode_batch
from nbinspect.dynamics.hooks import Arguments, size_of
from nbinspect.dynamics.spikes import SpikeWatch
from nbinspect.evaluation.sample_losses import how_to_take
from nbinspect.evaluation.unchanged import Unchanged
from nbinspect.nested import axis_of, map_tensors, tensors_in
from nbinspect.records import Origin, Spike
from nbinspect.subject import Subject

SAMPLES = 8
QUIET = 50
"""Steps after a spike within which others are taken for its consequences."""
_NO_BATCH = (
    "its batch is not held: the steps are so short that it would cost more than the budget, or the model is not called "
    "through its own forward; give the loop dynamics.watch(loader)"
)


class SpikeCatcher:
    """Holds what entered the model last, and keeps it where its loss turns out to be a spike.

    Args:
        subject: what is trained.
        keep: takes each spike.
    """

    def __init__(self, subject: Subject, keep: Callable[[Spike], None]) -> None:
        self.arguments: Arguments | None = None
        """What the model was called with last; None where that is not told."""
        self.targets: Any = None
        self.given: Any = None
        """The last batch of a watched loader."""
        self.watch = SpikeWatch()
        self._most = self._quiet_until = 0
        self._subject = subject
        self._keep = keep

    def look(self, step: int, loss: float) -> None:
        """Keep the batch, if its loss is a spike."""
        usual = self.watch.usual
        if not self.watch.is_spike(loss) or step < self._quiet_until:
            return
        arguments, targets = self.arguments, self.targets
        if arguments is None and self.given is not None:
            arguments, targets = called_with(self._subject, self.given)
        size = size_of(arguments) or 0
        if 2 * size >= self._most:  # the mean over few samples, as at the end of an epoch, is wide by itself
            self._quiet_until = step + QUIET
            self._keep(caught(self._subject, step, (loss, usual), arguments, targets))

    def seen(self, arguments: Arguments) -> None:
        """Take note of what entered the model."""
        self.arguments = arguments
        if self._most == 0:
            self._most = size_of(arguments) or 0

    def release(self) -> None:
        """Hold nothing any more, until something is told again."""
        self.arguments = self.targets = None


def caught(
    subject: Subject, step: int, heights: tuple[float, float], arguments: Arguments | None, targets: Any
) -> Spike:
    """Return a spike with the samples of its batch that have the largest loss, measured after the step in eval mode.

    The model and the batch are left unchanged; what cannot be found out is said in the note. Source: D-spike.

    Args:
        subject: what is trained.
        step: at which it was.
        heights: the loss, and the usual one.
        arguments: what the model was called with; None where that is not known.
        targets: what the loss compared with.
    """
    nobody = np.zeros(0, dtype=np.float32)
    if arguments is None:
        return Spike(step, *heights, None, nobody, _NO_BATCH)
    try:
        return _caught(subject, step, heights, arguments, targets)
    except Exception as error:  # noqa: BLE001 - training goes on; the view says what cannot be shown
        return Spike(step, *heights, None, nobody, f"its batch cannot be shown: {type(error).__name__}: {error}")


def called_with(subject: Subject, batch: Any) -> tuple[Arguments | None, Any]:
    """Return what the model is called with for a batch of the loader, and the targets; None where it cannot be told."""
    if subject.forward is not None:
        return None, None
    try:
        moved, _ = to_device(subject, batch)
        parts = split_batch(subject, moved)
        return call_arguments(subject, moved, parts), parts.targets
    except Exception:  # noqa: BLE001 - the user's `split` may raise anything, or memory be short; training goes on
        return None, None


def _caught(subject: Subject, step: int, heights: tuple[float, float], arguments: Arguments, targets: Any) -> Spike:
    args, kwargs = arguments
    axis = subject.batch_axis
    size = next((length_of(tensor, axis) for _, tensor in tensors_in([args, kwargs], "") if tensor.dim()), 0) or 0
    losses = _losses(subject, arguments, targets, size)
    note = "" if losses is not None else "the loss cannot be taken a sample at a time: these are the first samples"
    order = torch.arange(size) if losses is None else losses.argsort(descending=True)
    worst = order[:SAMPLES]

    def rows(tensor: Tensor) -> Tensor:
        along = axis_of(tensor, size, axis)
        return tensor if along is None else tensor.detach().index_select(along, worst.to(tensor.device))

    seen = note_visit(subject.network, "", map_tensors(rows, args), map_tensors(rows, kwargs))
    origin = Origin(type(subject.network).__name__, "train", "training", step)
    caught = build(seen, map_tensors(rows, targets), "targets", origin=origin, axis=axis)
    decoded = decode_batch(caught.on_cpu(), subject)
    known = np.full(len(worst), np.nan, dtype=np.float32) if losses is None else losses[worst].float().numpy()
    return Spike(step, *heights, decoded, known, note)


def _losses(subject: Subject, arguments: Arguments, targets: Any, size: int) -> Tensor | None:
    """Return the loss of each sample (N,) on the CPU; None where it cannot be taken a sample at a time."""
    if targets is None or not size:
        return None
    args, kwargs = arguments
    with Unchanged(subject.network, subject.loss_fn).passes(training=False), probing():
        outputs = subject.network(*args, **kwargs)
        _, found = how_to_take(subject, outputs, targets, size)
    return None if found is None else found.detach().cpu()
