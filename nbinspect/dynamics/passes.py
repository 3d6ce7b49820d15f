"""Forward passes on fixed samples, in parts where they do not fit into memory, that leave no trace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.nn.parameter import is_lazy

from nbinspect.calling import Parts, call_arguments, split_batch, telling_guesses, to_device
from nbinspect.capture.door import probing
from nbinspect.dynamics.selection import Chosen
from nbinspect.errors import CaptureError, told
from nbinspect.evaluation.first_look import FirstLook, look
from nbinspect.evaluation.sample_losses import LossWatch
from nbinspect.evaluation.samples import joined, picked
from nbinspect.evaluation.unchanged import Unchanged
from nbinspect.nested import map_tensors
from nbinspect.preserve import preserve
from nbinspect.subject import Subject

Found = TypeVar("Found")

_COPIED = 2**28
"""Parameters that are copied at most for the first look."""


@dataclass(frozen=True, eq=False)
class Part:
    """Some samples of a probe, ready to be given to the model."""

    size: int
    raw: Any
    targets: Any
    call: Callable[[], Any]


class Passes:
    """Forward passes on the samples of a probe, in parts where they do not fit into memory together."""

    def __init__(self, subject: Subject, chosen: Chosen, train_mode: bool) -> None:
        self.subject, self.size = subject, chosen.size
        self._train_mode = train_mode
        self._guard = Unchanged(subject.network, subject.loss_fn)
        moved, _ = to_device(subject, chosen.batch)
        self.batch = map_tensors(lambda tensor: tensor.detach().clone(), moved)
        self._split = split_batch(subject, self.batch)  # once: a `split` of the user's own may draw other noise again
        if not self.size:  # cannot be cut into samples: packed sequences
            targets = self._split.targets
            self.size = len(targets) if isinstance(targets, Tensor) and targets.dim() else 0
        self._parts = [self._part(self.batch, self._split, self.size)]

    def over(self, work: Callable[[Any, Part], Found]) -> list[Found]:
        """Return what `work` makes of the outputs of each part, in order; all runs under the guard.

        Raises:
            CaptureError: if the forward raises, or one sample alone does not fit into memory.
        """
        while True:
            try:
                with self._guard.passes(self._train_mode), probing():
                    return [work(part.call(), part) for part in self._parts]
            except CaptureError:
                raise
            except Exception as error:
                if not is_out_of_memory(error):
                    raise CaptureError(f"the probe cannot be read: {told(error)}") from error
                reason = str(error).split("\n", maxsplit=1)[0]
            self._halve(reason)  # out of the except block, for the error holds on to the tensors of the pass

    def look(self) -> FirstLook:
        """Run the samples for the first time, and find out how outputs and losses are to be read."""
        with LossWatch() as watch:
            kept = self._first_pass()
        sizes = [size for _, size in kept]
        outputs = joined([outputs for outputs, _ in kept], sizes, self.subject.batch_axis)
        with self._guard.passes(self._train_mode), probing():
            return look(self.subject, self._split, outputs, self.size, watch.seen)

    def _first_pass(self) -> list[tuple[Any, int]]:
        """Run the samples under the whole guard, which puts back also what the forward writes to parameters."""
        network, before = self.subject.network, self._guard.whole
        small = sum(each.numel() for each in network.parameters() if not is_lazy(each)) <= _COPIED
        try:
            with preserve(network, self.subject.loss_fn, parameters=small):
                return self.over(lambda outputs, part: (_detached(outputs), part.size))
        except CaptureError:
            if before or not self._guard.whole:
                raise
        return self.over(lambda outputs, part: (_detached(outputs), part.size))

    def _part(self, batch: Any, parts: Parts, size: int) -> Part:
        subject = self.subject
        if subject.forward is not None:
            forward = subject.forward
            return Part(size, batch, parts.targets, lambda: forward(subject.network, _copied(batch)))
        args, kwargs = call_arguments(subject, batch, parts)  # once: to read a signature takes longer than some models

        def call() -> Any:
            with telling_guesses(batch, parts, args):
                return subject.network(*_copied(args), **_copied(kwargs))

        return Part(size, batch, parts.targets, call)

    def _halve(self, reason: str) -> None:
        largest = max(part.size for part in self._parts)
        if largest < 2:
            raise CaptureError(f"the probe does not fit into memory, one sample at a time neither: {reason}")
        step, starts = -(-largest // 2), range(0, self.size, -(-largest // 2))
        spans = [range(start, min(start + step, self.size)) for start in starts]
        self._parts = [self._part(self._cut(self.batch, span), self._cut_parts(span), len(span)) for span in spans]

    def _cut_parts(self, span: range) -> Parts:
        whole = self._split
        named = None if whole.whole is None else self._cut(whole.whole, span)
        return replace(whole, inputs=self._cut(whole.inputs, span), targets=self._cut(whole.targets, span), whole=named)

    def _cut(self, value: Any, span: range) -> Any:
        return picked(value, span, self.size, self.subject.batch_axis)


def _copied(value: Any) -> Any:
    """A copy that the model may write to."""
    return map_tensors(torch.clone, value)


def _detached(outputs: Any) -> Any:
    return map_tensors(torch.Tensor.detach, outputs)


def is_out_of_memory(error: Exception) -> bool:
    """Whether an operation found no room for what it makes."""
    if isinstance(error, MemoryError | torch.cuda.OutOfMemoryError):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text)
