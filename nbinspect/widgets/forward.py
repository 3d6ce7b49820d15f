"""The forward view: a `ForwardStepper` on a page."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import traitlets

from nbinspect.browse import Held
from nbinspect.errors import NbinspectError
from nbinspect.figures.forward_page import forward_html, forward_text
from nbinspect.figures.page import waiting_html, waiting_text
from nbinspect.records import ActivationView, ForwardRecord, Step
from nbinspect.stepping.breakpoints import Breakpoint, Where
from nbinspect.stepping.recorded import RecordedPass
from nbinspect.stepping.stepper import ForwardStepper
from nbinspect.subject import Subject, keeps_samples
from nbinspect.widgets.cells import AfterCells, Names
from nbinspect.widgets.forward_requests import ForwardRequests
from nbinspect.widgets.forward_state import cursor_of, exhibit_of, live_of
from nbinspect.widgets.notebook_view import NotebookView, front_end
from nbinspect.wire import PACKED, pack

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from torch import Tensor

_NOTHING_LIVE: dict[str, Any] = {"first": 0, "steps": []}


class ForwardView(NotebookView):
    """A forward pass, stepped through like a program in a debugger; open it with `Inspector.forward`.

    Works without a page too: every command of `stepper` is here, and the page follows. The model, its buffers and
    gradients, its hooks and the random states are left unchanged.
    """

    _esm, _css = front_end("forward")
    passed = traitlets.Any(None, allow_none=True).tag(sync=True)
    live = traitlets.Any(_NOTHING_LIVE).tag(sync=True)
    cursor = traitlets.Any(None, allow_none=True).tag(**PACKED)
    exhibit = traitlets.Any(None, allow_none=True).tag(sync=True)
    sample = traitlets.Int(None, allow_none=True).tag(sync=True)
    """Which sample of the batch is shown; None stands for the first, as long as none was picked."""
    status = traitlets.Dict().tag(**PACKED)

    def __init__(self, subject: Subject, batch: Any, **options: Any) -> None:
        self.stepper = ForwardStepper(subject, batch, **options)
        self.untouched: ForwardRecord | None = None
        """The whole pass on this batch, with nothing replaced."""
        self._taken: Held | None = None
        self._names = Names(subject.model)
        super().__init__()
        self._cells = AfterCells(self._after_cell)
        self._requests = ForwardRequests(self)
        with contextlib.suppress(NbinspectError), self.working("runs a whole pass"):
            self._show(self.stepper.runs.untouched.record())

    @property
    def step(self) -> Step | None:
        """The step at the cursor, or the one that `back` has gone to."""
        return self.stepper.step

    @property
    def tensor(self) -> Tensor:
        """The first live tensor that the step at the cursor made."""
        return self.stepper.tensor

    def over(self) -> Step | None:
        """Go on to the next step that is not inside a module called from here; all of these as in `ForwardStepper`."""
        return self._command("over")

    def into(self) -> Step | None:
        """Go on to the very next step, inside a module too."""
        return self._command("into")

    def out(self) -> Step | None:
        """Go on to the end of the module that the cursor is in."""
        return self._command("out")

    def run(self) -> Step | None:
        """Go on to the next breakpoint, or to the end."""
        return self._command("run")

    def run_to(self, where: Where | Step) -> Step | None:
        """Go on to a place, from the start again where it lies behind."""
        return self._command("run_to", where)

    def back(self) -> Step | None:
        """Look at the step before, as it was recorded."""
        return self._command("back")

    def restart(self) -> None:
        """Go back to the start."""
        self._command("restart")

    def stop(self) -> None:
        """End the pass where it is."""
        self._command("stop")

    def replace(self, tensor: Any) -> None:
        """Have the pass go on with another tensor than `tensor`, of the same shape, dtype and device."""
        self._command("replace", tensor)

    def edit(self, batch: Any) -> None:
        """Step through another input, and compare it with the batch before the first edit."""
        self._command("edit", batch)

    def break_on(self, where: Where, *, share: float = 0.5) -> Breakpoint:
        """Suspend every pass at a place, or where what a step made meets a condition."""
        with self.working("sets a breakpoint"):
            return self.stepper.break_on(where, share=share)

    def next_batch(self) -> None:
        """Step through the loader's next batch."""
        with self.working("reads the next batch"):
            self._begin(self.stepper.runs.batches.fetch(), None)

    def take(self, held: Held, sample: int | None = None) -> None:
        """Step through a batch that another view holds, and show this sample of it."""
        with self.working("runs a whole pass"):
            self._begin(held.batch, sample)
            self._taken = held

    @property
    def holding(self) -> Held:
        """The batch that is stepped through, before any edit, to be handed on."""
        batches = self.stepper.runs.batches
        if self._taken is not None and self._taken.batch is batches.original:
            return self._taken
        fetched = batches.fetched if batches.fetched and batches.fetched.batch is batches.original else None
        indices = None if fetched is None else fetched.indices
        if indices is not None and (len(indices) != batches.size or not keeps_samples(self.stepper.runs.subject)):
            indices = None
        return Held(batches.original, "train", indices)

    def train(self, mode: bool = True) -> None:
        """Step through the pass in train mode, or in eval mode; the model's own mode is left unchanged."""
        with self.working("runs a whole pass"):
            self.stepper.restart(training=mode)
            self._show(self.stepper.runs.untouched.record())

    def gradients(self) -> None:
        """Run backward too, and show the gradients of the loss beside each activation and parameter."""
        with self.working("runs the pass forward and backward"):
            self._show(self.stepper.record(gradients=True).record)

    def record(self, **options: Any) -> RecordedPass:
        """Return a whole pass in one go; options as in `ForwardStepper.record`."""
        return self.stepper.record(**options)

    def look(self, step: int | None = None, **options: Any) -> ActivationView:
        """Return what a person can look at of a step; options as in `Looker.look`."""
        return self.stepper.look(step, **options)

    def figure(self, **options: Any) -> Figure:
        """Return the statistics through the depth of the network as a matplotlib figure."""
        return RecordedPass(self._recorded()).figure(**options)

    def to_frame(self) -> pd.DataFrame:
        """Return a row a step and output as a pandas DataFrame."""
        return RecordedPass(self._recorded()).to_frame()

    def close(self) -> None:
        """End the pass and let go of every tensor; a static page stays in the notebook."""
        if not self._closed:
            self._cells.stop()
            self._output.close()
            self._closed = True
            self.stepper.close()
            self.layout.close()  # a widget of its own, with a comm of its own
        super().close()

    def publish(self) -> None:
        """Tell the page where the stepper stands now."""
        with self.hold_sync():
            self.cursor = cursor_of(self.stepper)
            self.live = live_of(self.stepper)
            shown = exhibit_of(self.stepper, self.sample or 0)
            self.exhibit = None if shown is None else pack(shown)
            self._say("idle", "")

    def waiting(self) -> None:
        """Say that a click has arrived and waits for the running cell."""
        self._say("waiting", "waits for the running cell to end")

    @contextlib.contextmanager
    def working(self, text: str) -> Iterator[None]:
        """Say what is being done, then show the outcome; an error is shown in the view and raised."""
        if self._closed:
            raise NbinspectError("this view is closed: open another with inspector.forward()")
        self._say("busy", text)
        try:
            yield
        except NbinspectError as error:
            self.publish()
            self._say("error", str(error))
            raise
        except BaseException:
            self.publish()
            raise
        self.publish()

    def _command(self, name: str, *arguments: Any) -> Step | None:
        with self.working(f"steps {name}" if name in ("over", "into", "out", "back") else name.replace("_", " ")):
            step: Step | None = getattr(self.stepper, name)(*arguments)
        return step

    def _say(self, state: str, text: str) -> None:
        self.status = {"state": state, "text": text, "stale": self._names.rebound()}

    def _after_cell(self) -> None:
        self.cursor = cursor_of(self.stepper)  # the page is told only where that differs
        self._say(self.status["state"], self.status["text"])
        self._output.renew(self.model_id)

    def _begin(self, batch: Any, sample: int | None) -> None:
        self.stepper.restart(batch=batch)
        self.sample = sample
        self._show(self.stepper.runs.untouched.record())

    def _show(self, untouched: ForwardRecord) -> None:
        if self.untouched is None:
            self._output.outdate()
        self.untouched = untouched
        self.passed = pack(untouched)

    def _recorded(self) -> ForwardRecord:
        if self.untouched is None:
            raise NbinspectError(f"no pass has been recorded: {self.status['text']}")
        return self.untouched

    def _html(self) -> str:
        if self.untouched is None:
            return waiting_html("forward", self.status["text"])
        return forward_html(self.untouched, exhibit_of(self.stepper, self.sample or 0) if not self._closed else None)

    def _summary(self) -> str:
        return waiting_text("forward", self.status["text"]) if self.untouched is None else forward_text(self.untouched)

    def _title(self) -> str:
        return f"Forward · {type(self.stepper.runs.subject.network).__name__}"
