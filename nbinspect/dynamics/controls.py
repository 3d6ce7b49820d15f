"""The controls of a run: any thread asks, and the training thread serves at the end of its step."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, Literal, TypeAlias

from torch.optim import Optimizer

from nbinspect.capture.door import between_steps
from nbinspect.dynamics.conditions import Conditions, RunStopped, RunView, require_whole
from nbinspect.dynamics.rates import change_rates, checked_rate, chosen_groups
from nbinspect.dynamics.works import Works, do_now
from nbinspect.errors import InputError, NbinspectError
from nbinspect.records import MomentKind
from nbinspect.subject import kind_of

State: TypeAlias = Literal["idle", "running", "paused", "stopped", "ended"]
_LOOK = 0.05


class Controls:
    """What was asked of a run, and where the training thread answers.

    Every public method may be called on any thread, and only notes what is asked: it happens between two steps.

    Args:
        optimizers: gives the live optimizers that have stepped, in the order in which they were first seen.
        can_pause: gives "" where a resume can arrive while the run waits, else the reason and the way out.
        report: takes the kind of a `Moment` and its sentence.
        changed: is called with the new state on the thread that changed it; `waiting` again and again during a pause.
        wake: has `settle` called soon on the main thread, as an event loop's `call_soon_threadsafe` does; without it,
            work that another thread asks for while no run goes on is refused.

    Attributes:
        watched: how the run is iterated, if it is: in a ``"loop"`` a stop ends the iteration and is not raised; with
            ``"async"`` a pause also waits in `hold`, and not in `serve`.
        paused_seconds: of all pauses together.
    """

    def __init__(
        self,
        optimizers: Callable[[], Sequence[Optimizer]],
        *,
        can_pause: Callable[[], str] = str,
        report: Callable[[MomentKind, str], object] = lambda _kind, _text: None,
        changed: Callable[[State], object] = lambda _state: None,
        waiting: Callable[[], object] = lambda: None,
        wake: Callable[[], object] | None = None,
    ) -> None:
        self.state: State = "idle"
        self.watched: Literal["", "loop", "async"] = ""
        self.paused_seconds = 0.0
        self._optimizers = optimizers
        self._can_pause = can_pause
        self._report = report
        self._changed = changed
        self._waiting = waiting
        self._wake = wake
        self._asked = True  # the first step begins the run
        self._left: int | None = None
        self._why = ""
        self._stopping = False
        self._serving = False
        self._thread: int | None = None
        self._step = 0
        self._works = Works()
        self._conditions = Conditions()
        self._news = threading.Condition(threading.RLock())  # re-entered where a work asks for more

    @property
    def stopping(self) -> bool:
        """Whether the run is to end after this step."""
        return self._stopping

    def pause(self) -> None:
        """Pause after this step, until `resume` or an Interrupt; InputError where no resume could arrive."""
        self._pause_after(0, "asked for")

    def advance(self, steps: int = 1) -> None:
        """Run this many steps more, then pause; InputError if `steps` is no whole number above 0, or as for `pause`."""
        require_whole("steps", steps)
        self._pause_after(steps, "")

    def resume(self) -> None:
        """Go on after a pause, and drop an `advance` that is still counting; without effect while the run goes on."""
        with self._asking():
            self._left = None

    def stop(self) -> None:
        """End the run after this step; InputError if none is going."""
        with self._asking():
            if not self._going():
                raise InputError("stop: no run is going")
            self._stopping = True

    def set_rate(self, rate: float, group: str | None = None) -> Future[Any]:
        """Set the learning rate of every group that is not at rest, or of the one called ``optimizer/group``.

        Schedulers go on in proportion, as `change_rates` says.

        Raises:
            InputError: if the rate is no finite number above 0, or no group has that name.
        """
        rate = checked_rate(rate)
        chosen_groups(self._optimizers(), group)
        return self.do(lambda: self._report("rate", change_rates(self._optimizers(), rate, group)))

    def do(self, work: Callable[[], Any]) -> Future[Any]:
        """Have `work` done on the training thread between two steps, and return the future of its result.

        On the training thread itself, and on the main thread while no run is going, it is done at once. Do not wait
        for the future on a thread that the training thread waits for.

        Raises:
            InputError: if `work` cannot be called.
        """
        if not callable(work):
            raise InputError(f"work: expected a function without arguments, got {kind_of(work)}")
        future: Future[Any] = Future()
        with self._asking():
            here, main = threading.get_ident(), threading.main_thread().ident
            at_once = here == (self._thread if self._going() else main)
            orphan = not (at_once or self._going() or self._wake)
            if not (at_once or orphan):
                self._works.add(future, work)
        if at_once:
            do_now(future, work)
        elif orphan:
            future.set_exception(NbinspectError("no run is going that could do this; ask for it in a cell"))
        elif self._wake and not self._going():
            self._wake()
        return future

    def pause_at(self, step: int | None = None, when: Callable[[RunView], object] | None = None) -> None:
        """Pause once, after the first step from `step` on at which ``when(run)`` is true; `run` is a `RunView`.

        Where the run cannot be paused by then, it goes on and says why.

        Raises:
            InputError: if neither is given or can be used, or the step has passed.
        """
        if isinstance(step, int) and 0 < step <= self._step and self._going():
            raise InputError(f"step: expected one after {self._step}, where the run is, got {step}")
        with self._asking():
            self._conditions.add(step, when)

    @property
    def busy(self) -> bool:
        """Whether a run is going on another thread than the calling one."""
        return self._going() and self._thread != threading.get_ident()

    def begin(self, *, elsewhere: bool = False) -> None:
        """Say that a run starts on this thread, or on one that is yet to come; a step says it too."""
        if not self._going():
            self._become("running")
        self._thread = None if elsewhere else threading.get_ident()

    def serve(self, step: int, loss: float | None = None) -> None:
        """Do what was asked; to be called on the training thread at the end of every step.

        Raises:
            RunStopped: after `stop`, unless the run is iterated and can end so.
        """
        if self._asked:
            self._serve(step, loss)

    async def hold(self) -> None:
        """Wait while the run is paused, on an event loop that goes on; to be called between two steps."""
        if self._left == 0 and not self._stopping and self._may_pause():
            with self._pause():
                while self.held():
                    with between_steps():
                        self._waiting()
                        self._works.work_off()
                    await asyncio.sleep(_LOOK)

    def settle(self) -> None:
        """Do on this thread what other threads asked for while no run was going."""
        if not self._going():
            self._works.work_off()

    def rest(self) -> None:
        """Say that no step of a run on this thread comes for now, as at a cell's end; do here what is still queued."""
        if self._going() and self._thread == threading.get_ident():
            self._become("stopped" if self._stopping else "idle")
            self._works.work_off()

    def end(self) -> None:
        """Say that the run is over: work that was not begun is refused, and a pause ends."""
        if self._going():
            self._become("stopped" if self._stopping else "ended")
        with self._asking():
            self._left = None  # nobody could end the pause
            self._conditions.clear()
            self._works.refuse("the run ended before this was done; ask for it again")

    def _going(self) -> bool:
        return self.state in {"running", "paused"}

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Change what is asked, and have the training thread look."""
        with self._news:
            yield
            self._asked = True
            self._news.notify_all()

    def _pause_after(self, steps: int, why: str) -> None:
        if reason := self._can_pause():
            raise InputError(f"the run cannot be paused: {reason}")
        with self._asking():
            self._left, self._why = steps, why

    def _become(self, state: State) -> None:
        with self._asking():
            was_going = self._going()
            self.state = state
            if was_going != self._going():
                self._stopping = False
                self._thread = None
        try:
            self._changed(state)
        except Exception as error:  # noqa: BLE001 - a view that fails must not end the training; it is reported
            self._report("problem", f"the view could not be told of a change: {type(error).__name__}: {error}")

    def _serve(self, step: int, loss: float | None) -> None:
        if self._serving:
            return  # the step of a work that trains a little
        self._serving = True
        try:
            self._step = step
            self.begin()
            with between_steps():
                self._works.work_off()
                self._count(RunView(step, math.nan if loss is None else loss))
                if self.held() and self.watched != "async" and self._may_pause():
                    self._wait()
            if self._stopping and not self.watched:
                raise RunStopped(f"stopped after step {step}, as asked")
            with self._news:
                self._asked = bool(self._works or self._conditions or self._stopping or self._left is not None)
        finally:
            self._serving = False

    def _count(self, run: RunView) -> None:
        """Count a step of `advance`, and look whether a condition holds."""
        due = self._conditions.due(run, self._report)
        with self._news:
            if due:
                self._left, self._why = 0, "pause_at"
            elif self._left:
                self._left -= 1

    def _may_pause(self) -> bool:
        if reason := self._can_pause():
            self._left = None
            self._report("problem", f"did not pause after step {self._step}: {reason}")
        return not reason

    def _wait(self) -> None:
        with self._pause():
            while self.held():
                self._waiting()
                self._works.work_off()
                with self._news:  # in short waits: an Interrupt gets through between them on every system
                    self._news.wait_for(lambda: self._works or not self.held(), timeout=_LOOK)

    def held(self) -> bool:
        """Whether a pause goes on, or is about to begin."""
        return self._left == 0 and not self._stopping

    @contextmanager
    def _pause(self) -> Iterator[None]:
        began = time.monotonic()
        try:
            if self._why:
                self._report("pause", f"paused after step {self._step}: {self._why}")
            self._become("paused")
            yield
        except BaseException:
            self._left = None
            raise
        finally:
            self.paused_seconds += time.monotonic() - began
            if self.state == "paused":
                self._become("running")
