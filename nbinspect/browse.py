"""Going through the batches of a subject: the next one, the same samples again, the other split, predictions."""

from __future__ import annotations

from typing import Any, Literal

from nbinspect.capture.batch import CapturedBatch, capture_batch
from nbinspect.capture.loader import BatchSource, Fetched
from nbinspect.capture.predictions import evaluate
from nbinspect.decode.batch import Decoders, check_decoders, decode_batch, with_predictions
from nbinspect.errors import LoaderError, NbinspectError
from nbinspect.records import DecodedBatch
from nbinspect.subject import Subject

Split = Literal["train", "validation"]


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
        return self._show_fetched(self._source().next())

    def again(self) -> DecodedBatch:
        """Show the same samples again, fetched and augmented anew, and keep the old ones as `previous`."""
        before = self.shown
        self._show_fetched(self._source().again())
        self.previous = before
        return self._shown()

    def switch(self, split: Split) -> DecodedBatch:
        """Show a batch of the other split.

        Raises:
            LoaderError: if there is no loader for that split.
        """
        if split == "validation" and self.subject.val_loader is None:
            raise LoaderError("there is no validation loader: give Inspector(…, val_loader=…)")
        before, self.split = self.split, split
        try:
            return self.next()
        except NbinspectError:
            self.split = before
            raise

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

    def _source(self) -> BatchSource:
        if self.split not in self._sources:
            loader = self.subject.loader if self.split == "train" else self.subject.val_loader
            if loader is None:
                raise LoaderError("there is no loader: give Inspector(model, loader), or batch(…) a batch to show")
            self._sources[self.split] = BatchSource(loader)
        return self._sources[self.split]

    def _show_fetched(self, fetched: Fetched) -> DecodedBatch:
        captured = capture_batch(self.subject, fetched.batch, split=self.split, how="probe", indices=fetched.indices)
        return self.receive(captured)

    def _shown(self) -> DecodedBatch:
        if self.shown is None:
            raise NbinspectError("there is no batch yet: call next() or run one forward of the model")
        return self.shown
