"""Batches as checks use them: split, on the model's device, cut to a few samples, or with other inputs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from nbinspect.calling import Parts, entering, split_batch, to_device
from nbinspect.capture.loader import BatchSource
from nbinspect.errors import LoaderError
from nbinspect.nested import map_tensors, tensors_in
from nbinspect.sanity import arrays
from nbinspect.sanity.check import MissingNeed, ProgramRaised
from nbinspect.sanity.limits import Limits
from nbinspect.subject import Subject, kind_of

WITHOUT_TENSORS = "a batch with tensors"
"""What is missing where a batch holds none, and no arrays."""


@dataclass(frozen=True, eq=False)
class Batch:
    """A batch of the user's loader on the model's device."""

    subject: Subject = field(repr=False)
    raw: Any
    """As the loader gives it, with its arrays as tensors."""
    parts: Parts
    """Inputs and targets."""
    indices: tuple[int, ...] | None = None
    """The data set's index of each sample, where the loader tells."""
    epoch: int = 0
    """How many passes over the loader had been completed before it."""
    of_arrays: bool = False
    """Whether the loader gives NumPy arrays, which the user's own functions are to get."""

    @property
    def given(self) -> Any:
        """What the user's own functions get."""
        return arrays.as_arrays(self.raw) if self.of_arrays else self.raw

    @property
    def inputs(self) -> list[tuple[str, Tensor]]:
        """What the model is called with, without the targets, by the names of its arguments; the only one is ``x``."""
        given = self.parts.target_name if self.parts.whole is not None else None  # to a model that computes its loss
        found = entering(self.subject, self.raw, self.parts)
        return [(name, tensor) for name, tensor in found if given is None or re.split(r"[.\[]", name)[0] != given]

    @property
    def targets(self) -> Tensor | None:
        """The targets, if they are one tensor."""
        return self.parts.targets if isinstance(self.parts.targets, Tensor) else None

    @cached_property
    def size(self) -> int:
        """Number of samples, N: what most tensors agree on along the batch axis, of two the inputs'; 0 for none."""
        axis = self.subject.batch_axis
        tensors = [tensor for _, tensor in (*self.inputs, *tensors_in(self.parts.targets, ""))]
        first = [tensor.shape[axis if tensor.dim() > axis else 0] for tensor in tensors if tensor.dim()]
        return max(first, key=first.count) if first else 0

    def mapped(self, change: Callable[[Tensor], Tensor]) -> Batch:
        """Return this batch with `change` applied to each tensor of its inputs; targets stay."""
        owned = {id(tensor) for _, tensor in tensors_in(self.parts.inputs, "")}
        if self.subject.split is not None and self.subject.forward is not None:
            owned |= {id(t) for _, t in tensors_in(self.raw, "")} - {
                id(t) for _, t in tensors_in(self.parts.targets, "")
            }
        return self.changed(lambda tensor: change(tensor) if id(tensor) in owned else tensor, targets=False)

    def with_inputs(self, others: dict[str, Tensor]) -> Batch:
        """Return this batch with some of its `inputs`, by name, replaced; targets stay."""
        instead = {id(tensor): others[name] for name, tensor in self.inputs if name in others}
        return self.changed(lambda tensor: instead.get(id(tensor), tensor), targets=False)

    def taken(self, samples: Sequence[int]) -> Batch:
        """Return the samples at these positions alone.

        Raises:
            MissingNeed: if the batch cannot be cut into samples (packed, ragged, or a graph's).
        """
        size, axis = self.size, self.subject.batch_axis
        if not size or any(isinstance(part, PackedSequence) for part in (self.parts.inputs, self.parts.targets)):
            raise MissingNeed("a batch that can be cut into samples")
        index = torch.tensor(list(samples))

        def cut(tensor: Tensor) -> Tensor:
            along = next((a for a in (axis, 0) if tensor.dim() > a and tensor.shape[a] == size), None)
            return tensor if along is None else tensor.index_select(along, index.to(tensor.device))

        taken, known = self.changed(cut), self.indices
        indices = tuple(known[at] for at in samples) if known is not None and len(known) == size else known
        return replace(taken, raw=_lists_cut(taken.raw, samples, size), indices=indices)

    def changed(self, change: Callable[[Tensor], Tensor], *, targets: bool = True) -> Batch:
        """Return the batch with its tensors changed, each once, so that those that are one stay one.

        Without `targets` these stay, also where an input is the same tensor.
        """
        made: dict[int, Tensor] = {}

        def once(tensor: Tensor) -> Tensor:
            if id(tensor) not in made:
                made[id(tensor)] = change(tensor)
            return made[id(tensor)]

        whole = map_tensors(once, dict(self.parts.whole)) if self.parts.whole is not None else None
        kept = map_tensors(once, self.parts.targets) if targets else self.parts.targets
        parts = Parts(map_tensors(once, self.parts.inputs), kept, self.parts.target_name, whole)
        return replace(self, raw=map_tensors(once, self.raw), parts=parts)


def _lists_cut(raw: Any, samples: Sequence[int], size: int) -> Any:
    """Cut lists of a mapping that hold an entry a sample, such as texts."""
    if not isinstance(raw, dict):
        return raw
    return {
        key: [part[i] for i in samples] if isinstance(part, list) and len(part) == size else part
        for key, part in raw.items()
    }


def make_batch(subject: Subject, raw: Any, indices: tuple[int, ...] | None = None, epoch: int = 0) -> Batch:
    """Return a batch on the model's device; the given one is left unchanged.

    Raises:
        ProgramRaised: if it holds no tensor and no array, or the user's `split` raises.
    """
    known = arrays.as_tensors(raw)
    if known is None and next(tensors_in(raw, ""), None) is None:
        raise ProgramRaised(f"{WITHOUT_TENSORS}, this one is {kind_of(raw)}; give `split` or change collate_fn")
    moved, _ = to_device(subject, raw if known is None else known)
    return _split(Batch(subject, moved, Parts(moved, None, ""), indices, epoch, known is not None))


def _split(batch: Batch) -> Batch:
    try:
        own = batch.of_arrays and batch.subject.split is not None
        parts = split_batch(batch.subject, arrays.as_arrays(batch.raw, copy=False) if own else batch.raw)
    except Exception as error:
        raise ProgramRaised(f"a `split` that runs ({type(error).__name__}: {error})") from error
    if own:
        inputs, targets = arrays.joined((parts.inputs, parts.targets), batch.raw)
        parts = replace(parts, inputs=inputs, targets=targets)
    return replace(batch, parts=parts)


def made_again(batch: Batch, raw: Any) -> Batch:
    """Return a batch of other tensors in the same form, split anew.

    Raises:
        ProgramRaised: if the user's `split` raises.
    """
    return _split(Batch(batch.subject, raw, Parts(raw, None, ""), of_arrays=batch.of_arrays))


@contextmanager
def reading(subject: Subject, loader: Any, limits: Limits) -> Iterator[Iterator[Batch]]:
    """Give the batches of a loader one by one, from its first on, again and again; the loader is left undisturbed.

    Raises:
        MissingNeed: if it cannot be read without disturbing it.
        ProgramRaised: if it raises, or gives no batch.
    """
    try:
        source = BatchSource(loader)
    except LoaderError as error:
        raise MissingNeed(f"a loader that can be read: {error}") from error

    def batches() -> Iterator[Batch]:
        while True:
            with limits.watching():
                try:
                    fetched = source.next()
                except LoaderError as error:
                    raise ProgramRaised(f"a loader that gives batches: {error}") from error
                batch = make_batch(subject, fetched.batch, fetched.indices, fetched.epoch)
            yield batch

    try:
        yield batches()
    finally:
        source.close()


def batches_in(loader: Any) -> int | None:
    """Return how many batches an epoch has; None where the loader does not tell, or has none."""
    try:
        return len(loader) or None
    except (TypeError, NotImplementedError):
        return None
