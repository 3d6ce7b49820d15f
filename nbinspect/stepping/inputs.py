"""The batch that is stepped through: given, fetched from the loader, or random of a shape."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from nbinspect.capture.loader import BatchSource, Fetched
from nbinspect.capture.samples import size_of_any
from nbinspect.errors import InputError, LoaderError
from nbinspect.nested import tensors_in
from nbinspect.subject import Subject, kind_of


class Batches:
    """The current batch, the one before it was edited, and the next ones of the loader.

    Raises:
        InputError: for a batch and an input_shape at once, a shape that is none, or a batch without tensors.
        LoaderError: if there is neither and the loader gives none.
    """

    def __init__(self, subject: Subject, batch: Any, input_shape: tuple[int, ...] | None) -> None:
        if batch is not None and input_shape is not None:
            raise InputError("expected a batch or an input_shape, got both: leave one out")
        self._subject = subject
        self._source: BatchSource | None = None
        self.fetched: Fetched | None = None
        """What the loader gave last, with the indices of its samples."""
        if input_shape is not None:
            batch = synthetic_batch(subject, input_shape)
        self.original = self.fetch() if batch is None else _checked(batch)
        self.current = self.original
        self._counted: Any = None
        self._size = 0

    @property
    def edited(self) -> bool:
        """Whether the current batch is another one than the pass began with."""
        return self.current is not self.original

    @property
    def size(self) -> int:
        """Number of samples, N."""
        if self._counted is not self.current:
            self._counted, self._size = self.current, size_of_any(self._subject, self.current)
        return self._size

    def fetch(self) -> Any:
        """Return the next batch of the loader, which is left unchanged."""
        if self._subject.loader is None:
            raise LoaderError("there is no loader: give a batch, or input_shape=(N, …) for a random one")
        if self._source is None:
            self._source = BatchSource(self._subject.loader)
        self.fetched = self._source.next()
        return self.fetched.batch

    def replace(self, batch: Any) -> None:
        """Make another batch the one to step through and to compare with."""
        self.original = self.current = _checked(batch)

    def edit(self, batch: Any) -> None:
        """Make an edited batch the current one; comparisons go on with the one before the first edit."""
        self.current = _checked(batch)

    def close(self) -> None:
        """Stop worker processes and let go of the batches."""
        if self._source is not None:
            self._source.close()
        self.original = self.current = self._counted = self.fetched = None


def synthetic_batch(subject: Subject, shape: tuple[int, ...]) -> Tensor:
    """Return a random batch of a shape: standard normal, or token ids where the model begins with an embedding.

    Of the dtype of the model's first floating point parameter, on the model's device. The random state of torch is
    left unchanged. Source: S-fake-batch

    Raises:
        InputError: if the shape is not one of positive lengths.
    """
    if not isinstance(shape, tuple | list) or not shape or not all(type(n) is int and n > 0 for n in shape):
        raise InputError(f"input_shape: expected lengths such as (8, 3, 32, 32), got {shape!r}")
    generator = torch.Generator("cpu").manual_seed(0)
    first = next((m for m in subject.network.modules() if next(m.parameters(recurse=False), None) is not None), None)
    with torch.inference_mode(False):
        if isinstance(first, nn.Embedding):
            batch = torch.randint(first.num_embeddings, tuple(shape), generator=generator, device="cpu")
        else:
            kinds = (parameter.dtype for parameter in subject.network.parameters() if parameter.is_floating_point())
            batch = torch.randn(tuple(shape), generator=generator, device="cpu", dtype=torch.float32)
            batch = batch.to(next(kinds, torch.get_default_dtype()))
    return batch if subject.target_device is None else batch.to(subject.target_device)


def _checked(batch: Any) -> Any:
    if next(tensors_in(batch, ""), None) is None:
        raise InputError(f"expected a batch with tensors, got {kind_of(batch)}; give `split` or change collate_fn")
    return batch
