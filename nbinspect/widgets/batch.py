"""The batch view: what a `BatchBrowser` shows, on a page."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import traitlets

from nbinspect.browse import BatchBrowser, Held, Split
from nbinspect.capture.batch import CapturedBatch
from nbinspect.capture.follow import Follower
from nbinspect.decode.batch import Decoders, exact_sample, sound_of
from nbinspect.errors import NbinspectError, UnreadableLoaderError
from nbinspect.figures.batch import batch_figure
from nbinspect.figures.batch_page import batch_frame, batch_html, batch_text
from nbinspect.figures.page import waiting_html, waiting_text
from nbinspect.records import BatchRecord, DecodedBatch
from nbinspect.subject import Subject
from nbinspect.widgets.cells import AfterCells, Names
from nbinspect.widgets.main_thread import MainThread
from nbinspect.widgets.notebook_view import NotebookView, front_end
from nbinspect.widgets.requests import Requests
from nbinspect.wire import PACKED, pack

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


class BatchView(NotebookView):
    """The exact batch that enters the network; open it with `Inspector.batch`.

    Works without a page too: `record`, `next`, `again`, `switch`, `predict`, `figure`, `to_frame`. Every method leaves
    the model, the loader and the random states unchanged.
    """

    _esm, _css = front_end("batch")
    shown = traitlets.Any(None, allow_none=True).tag(sync=True)
    previous = traitlets.Any(None, allow_none=True).tag(sync=True)
    sample = traitlets.Int(None, allow_none=True).tag(sync=True)
    """Which sample of the batch is picked, by its position."""
    status = traitlets.Dict().tag(**PACKED)

    def __init__(self, subject: Subject, batch: Any, *, follow: bool, decoder: Decoders) -> None:
        self._browser = BatchBrowser(subject, decoder)
        self._names = Names(subject.model)
        self._follower: Follower | None = None
        super().__init__()
        self._cells = AfterCells(self._after_cell)
        looking = {"sample": self._sample, "sound": self._sound}
        working: dict[str, Callable[..., None]] = {"next": self.next, "again": self.again, "split": self.switch}
        working["predict"] = self.predict
        self._requests = Requests(self, MainThread(), looking=looking, working=working)
        self._open(batch, follow=follow)

    def _open(self, batch: Any, *, follow: bool) -> None:
        """Show a first batch; what stands in the way is said in the view, not raised."""
        try:
            with self._working("reads a batch"):
                if batch is None:
                    self._browser.next()
                else:
                    self._browser.show(batch)
        except UnreadableLoaderError as error:
            follow = True
            self._say("waiting", f"{error}. This view waits for the next forward pass of the model.")
        except NbinspectError:
            pass
        if follow:
            at_once = self._browser.shown is None
            told = (self._receive, self._give_way, self._failed)
            self._follower = Follower(self._browser.subject, *told, at_once=at_once)
        if self.status["state"] == "idle":
            self._say("idle", "")

    @property
    def subject(self) -> Subject:
        """What the batch enters, as it is called."""
        return self._browser.subject

    @property
    def record(self) -> BatchRecord:
        """The batch shown, as a plain record.

        Raises:
            NbinspectError: while there is none, with the reason.
        """
        self._hand_over()
        return self._decoded().batch

    def next(self) -> None:
        """Show the next batch of the current split.

        Raises:
            NbinspectError: if the loader gives none; what is shown stays. Likewise for the methods below.
        """
        with self._working("reads the next batch"):
            self._browser.next()
            self.sample = None

    def again(self) -> None:
        """Show the same samples again, fetched and augmented anew, beside what they were before."""
        with self._working("reads the same samples again"):
            self._browser.again()

    def switch(self, split: Split) -> None:
        """Show a batch of the other split: ``train`` or ``validation``."""
        with self._working(f"reads a {split} batch"):
            self._browser.switch(split)
            self.sample = None

    def fetch(self, indices: Sequence[int], split: Split = "train") -> None:
        """Show the samples of these indices of the data set as one batch."""
        with self._working("reads these samples"):
            self._browser.fetch(split, indices)
            self.sample = None

    def take(self, held: Held, sample: int | None = None) -> None:
        """Show a batch that another view holds, and pick this sample of it."""
        with self._working("shows this batch"):
            self._browser.take(held)
            self.sample = sample

    @property
    def decoded(self) -> DecodedBatch | None:
        """What the page shows; None while there is nothing."""
        return self._browser.shown

    @property
    def holding(self) -> Held | None:
        """The batch that is shown, to be handed on; None where there is none."""
        return self._browser.holding

    def predict(self) -> None:
        """Add the network's predictions and each sample's loss (eval mode, no gradients)."""
        with self._working("runs the network on this batch"):
            self._browser.predict()

    def figure(self, **options: Any) -> Figure:
        """Return the batch as a matplotlib figure; options as in `nbinspect.figures.batch.batch_figure`."""
        return batch_figure(self._decoded(), **options)

    def to_frame(self) -> pd.DataFrame:
        """Return the statistics as a pandas DataFrame, one row a tensor and channel."""
        return batch_frame(self.record)

    def freeze(self) -> None:
        """Replace the live output in the notebook by a static page without scripts, and close the view."""
        self._hand_over()
        super().freeze()

    def close(self) -> None:
        """Remove every hook, stop worker processes and let go of the batch; a static page stays in the notebook."""
        if not self._closed:
            self._closed = True
            self._cells.stop()
            if self._follower is not None:
                self._follower.detach()
            self._output.close()
            self._browser.close()
            self.layout.close()  # a widget of its own, with a comm of its own
        super().close()

    @contextlib.contextmanager
    def _working(self, text: str) -> Iterator[None]:
        """Say what is being done, then show the outcome; an error is shown in the view and raised."""
        if self._closed:
            raise NbinspectError("this view is closed: open another with inspector.batch()")
        self._say("busy", text)
        try:
            yield
        except NbinspectError as error:
            self._say("error", str(error))
            raise
        except BaseException:
            self._say("idle", "")
            raise
        self._publish()

    def _publish(self) -> None:
        browser = self._browser
        if self.shown is None:
            self._output.outdate()
        with self.hold_sync():
            self.previous = None if browser.previous is None else pack(browser.previous)
            self.shown = None if browser.shown is None else pack(browser.shown)
            self._say("idle", "")

    def _say(self, state: str, text: str) -> None:
        browser = self._browser
        can = {
            "next": browser.subject.loader is not None and not isinstance(browser.subject.loader, Iterator),
            "again": browser.can_repeat,
            "validation": browser.subject.val_loader is not None,
            "predict": browser.captured is not None and browser.captured.batch is not None,
        }
        stale = self._names.rebound()
        following = self._follower is not None
        self.status = {
            "state": state,
            "text": text,
            "stale": stale,
            "follow": following,
            "can": can,
            "split": browser.split,
        }

    def waiting(self) -> None:
        """Say that a click has arrived and waits for the running cell."""
        self._say("waiting", "waits for the running cell to end")

    def _after_cell(self) -> None:
        self._hand_over()
        if self._names.rebound() != self.status["stale"]:
            self._say(self.status["state"], self.status["text"])
        self._output.renew(self.model_id)

    def _hand_over(self) -> None:
        if self._follower is not None:
            self._follower.hand_over()

    def _receive(self, captured: CapturedBatch) -> None:
        """Show a batch that the user's own training brought; a failure is shown and never reaches the training loop."""
        try:
            self._browser.receive(captured)
            self.sample = None
            self._publish()
        except Exception as error:  # noqa: BLE001 - the training loop goes on, whatever is wrong here
            self._say("error", f"this batch cannot be shown: {type(error).__name__}: {error}")

    def _failed(self, text: str) -> None:
        self._say("error", text)

    def _give_way(self) -> None:
        self._follower = None
        self._say("idle", "another view follows this model now; this one keeps the last batch that it saw")

    def _decoded(self) -> DecodedBatch:
        if self._browser.shown is None:
            raise NbinspectError(f"no batch is shown yet: {self.status['text']}")
        return self._browser.shown

    def _html(self) -> str:
        return batch_html(self._browser.shown) if self._browser.shown else waiting_html("batch", self.status["text"])

    def _summary(self) -> str:
        return batch_text(self._browser.shown) if self._browser.shown else waiting_text("batch", self.status["text"])

    def _sample(self, name: str, sample: int) -> dict[str, Any]:
        return exact_sample(self._browser.held(), name, sample)

    def _sound(self, name: str, sample: int) -> dict[str, Any]:
        return {"wav": sound_of(self._browser.held(), self._browser.subject, name, sample)}

    def _title(self) -> str:
        return f"Batch · {type(self._browser.subject.network).__name__}"
