"""Going through the batches of a subject: the next one, the same samples again, the other split, predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

from nbinspect.capture.batch import CapturedBatch, capture_batch
from nbinspect.capture.loader import BatchSource, Fetched
from nbinspect.capture.samples import size_in
from nbinspect.decode.batch import Decoders, check_decoders, decode_batch, with_predictions
from nbinspect.errors import LoaderError, NbinspectError
from nbinspect.evaluation.predictions import evaluate
from nbinspect.nested import map_tensors, tensors_in
from nbinspect.records import DecodedBatch
from nbinspect.subject import Subject

Split = Literal["train", "validation"]


@dataclass(frozen=True, eq=False)
class Held:
    """A batch as the loader gave it, which one view hands on to another: the very draw of every sample."""

    batch: Any
    split: Split
    indices: tuple[int, ...] | None
    """The data set's index of each sample, where the loader tells."""

    def is_same(self, other: Held | None) -> bool:
        """Whether both hold the same values, bit for bit, of the same samples."""
        if other is None or (self.split, self.indices) != (other.split, other.indices):
            return False
        pairs = [[tensor for _, tensor in tensors_in(held.batch, "")] for held in (self, other)]
        return len(pairs[0]) == len(pairs[1]) and all(map(_same_bits, *pairs))


def held_with(subject: Subject, split: Split, index: int, beside: Held | None = None) -> Held:
    """Return a batch with the sample of this index at its head, as large as another, whose samples follow it.

    Args:
        subject: the loaders and their data sets are left unchanged.
        split: which of them.
        index: of the data set.
        beside: the other batch; by default, and where it is of the other split, the loader's first.

    Raises:
        InputError: for an index that is none.
        LoaderError: if there is no such loader, it tells no indices, or a sample of the batch cannot be read.
    """
    source = BatchSource(_loader_of(subject, split))
    try:
        if beside is None or beside.split != split or beside.indices is None:
            first = source.next()
            beside = Held(first.batch, split, first.indices)
        fetched = source.fetch(headed_by(index, beside.indices or ()))
    finally:
        source.close()
    came = size_in(subject, fetched.batch)
    if came != len(fetched.indices or ()):
        raise LoaderError(
            f"{len(fetched.indices or ())} samples were asked for, and {came} came: which, cannot be told"
        )
    return Held(fetched.batch, split, fetched.indices)


def headed_by(index: int, others: Sequence[int]) -> list[int]:
    """Return as many indices as `others`, one at least, with this one before the first of the others."""
    rest = [other for other in others if other != index]
    return [index, *rest][: max(1, len(others))]


class BatchBrowser:
    """The batches of a subject one at a time, captured and decoded; the user's objects are left unchanged."""

    def __init__(self, subject: Subject, decoder: Decoders = None) -> None:
        check_decoders(decoder)
        self.subject = subject
        self.split: Split = "train"
        self.shown: DecodedBatch | None = None
        self.previous: DecodedBatch | None = None
        """The same samples, fetched before: what `again` is compared with."""
        self.captured: CapturedBatch | None = None
        self._decoder = decoder
        self._sources: dict[Split, BatchSource] = {}

    @property
    def can_repeat(self) -> bool:
        """Whether `again` has samples that it can fetch anew."""
        source = self._sources.get(self.split)
        given = self.captured is not None and self.captured.record.origin.how == "probe"
        return source is not None and source.can_repeat and given

    def next(self) -> DecodedBatch:
        """Show the next batch of the current split.

        Raises:
            NbinspectError: if the loader gives none, or nothing can be captured from it; what is shown stays.
        """
        return self._show_fetched(self._source(self.split).next(), self.split)

    def again(self) -> DecodedBatch:
        """Show the same samples again, fetched and augmented anew, and keep the old ones as `previous`."""
        before = self.shown
        self._show_fetched(self._source(self.split).again(), self.split)
        self.previous = before
        return self._shown()

    def switch(self, split: Split) -> DecodedBatch:
        """Show a batch of the other split.

        Raises:
            LoaderError: if there is no loader for that split.
        """
        _loader_of(self.subject, split)
        before, self.split = self.split, split
        try:
            return self.next()
        except NbinspectError:
            self.split = before
            raise

    def fetch(self, split: Split, indices: Sequence[int]) -> DecodedBatch:
        """Show the samples of these indices of a split's data set as one batch.

        Raises:
            InputError: for indices that are no whole numbers from 0.
            LoaderError: if there is no such loader, it tells no indices, or a sample cannot be read; what is shown
                stays.
        """
        shown = self._show_fetched(self._source(split).fetch(indices), split)
        self.split = split
        return shown

    def take(self, held: Held) -> DecodedBatch:
        """Show a batch that another view holds; `again` fetches its samples anew."""
        if held.indices is None:
            shown = self.receive(capture_batch(self.subject, held.batch, split=held.split))
        else:
            self._source(held.split).point_at(held.indices)
            shown = self._show_fetched(Fetched(held.batch, held.indices), held.split)
        self.split = held.split
        return shown

    @property
    def holding(self) -> Held | None:
        """The batch that is shown, to be handed on; None where only the call of the model was seen, or nothing."""
        captured = self.captured
        if captured is None or captured.batch is None:
            return None
        return Held(captured.batch, captured.record.origin.split, captured.record.indices)

    def show(self, batch: Any) -> DecodedBatch:
        """Show a batch that the user gives."""
        return self.receive(capture_batch(self.subject, batch, split=self.split))

    def receive(self, captured: CapturedBatch) -> DecodedBatch:
        """Show a batch that was captured elsewhere."""
        self.shown = decode_batch(captured, self.subject, self._decoder)
        self.previous = None
        self.captured = captured.on_cpu()
        return self.shown

    def predict(self) -> DecodedBatch:
        """Add the network's predictions and each sample's loss to what is shown (eval mode, no gradients)."""
        shown, captured = self._shown(), self.held()
        evaluation = evaluate(self.subject, captured)
        self.shown = with_predictions(shown, evaluation, captured, self.subject)
        return self.shown

    def held(self) -> CapturedBatch:
        """Return the captured batch that is shown, in host memory.

        Raises:
            NbinspectError: if there is none.
        """
        if self.captured is None:
            raise NbinspectError("there is no batch yet: call next() or run one forward of the model")
        return self.captured

    def close(self) -> None:
        """Stop worker processes and let go of every tensor."""
        for source in self._sources.values():
            source.close()
        self._sources.clear()
        self.captured = None

    def _source(self, split: Split) -> BatchSource:
        if split not in self._sources:
            self._sources[split] = BatchSource(_loader_of(self.subject, split))
        return self._sources[split]

    def _show_fetched(self, fetched: Fetched, split: Split) -> DecodedBatch:
        own = map_tensors(lambda tensor: tensor.clone(), fetched.batch)  # the forward may write to it
        captured = capture_batch(self.subject, own, split=split, how="probe", indices=fetched.indices)
        return self.receive(replace(captured, batch=fetched.batch))

    def _shown(self) -> DecodedBatch:
        if self.shown is None:
            raise NbinspectError("there is no batch yet: call next() or run one forward of the model")
        return self.shown


def _loader_of(subject: Subject, split: Split) -> Any:
    loader = subject.loader if split == "train" else subject.val_loader
    if loader is not None:
        return loader
    if split == "validation":
        raise LoaderError("there is no validation loader: give Inspector(…, val_loader=…)")
    raise LoaderError("there is no loader: give Inspector(model, loader), or batch(…) a batch to show")


def _same_bits(one: Tensor, other: Tensor) -> bool:
    if one is other:
        return True
    if one.shape != other.shape or one.dtype != other.dtype or one.layout != other.layout:
        return False
    try:
        return torch.equal(*(tensor.cpu().reshape(-1).view(torch.uint8) for tensor in (one, other)))
    except RuntimeError:  # sparse and quantised tensors have no bytes to view
        return False
