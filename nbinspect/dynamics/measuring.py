"""What is measured of a run beside its losses, and when: instruments, each as often as the budget pays for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nbinspect.dynamics.budget import Budget
from nbinspect.dynamics.history import History
from nbinspect.dynamics.instruments import Instrument, keep_norms, timed
from nbinspect.dynamics.quantities import LayerNorms
from nbinspect.errors import place_in_user_code
from nbinspect.records import Moment
from nbinspect.subject import Subject

NORMS, TELL = "norms", "tell"
OTHERS: Mapping[str, tuple[float, float]] = {NORMS: (0.2, 0.05), TELL: (0.2, 0.1)}
"""Parts of the budget, and least seconds between two times, of the layers' norms and of telling others."""


class Measuring:
    """Measures after the steps for which the budget pays, on the thread that trains.

    Args:
        subject: what is trained; left unchanged by every instrument.
        history: where the numbers go.
        instruments: what to measure, besides the norms of the layers.
        tell: called ten times a second at most, to hand on what is fresh.
        report: called with a sentence where an instrument fails, which then is not used again.
        share: of the run's time that all of it may take.
        per_step: seconds that every step costs, whatever is measured.
    """

    def __init__(
        self,
        subject: Subject,
        history: History,
        instruments: Sequence[Instrument],
        *,
        tell: Callable[[], None],
        report: Callable[[str], None],
        share: float,
        per_step: float,
    ) -> None:
        works = {one.name: (one.part, one.least) for one in instruments}
        self.budget = Budget(share, {**works, **OTHERS}, per_step)
        self.due = 0.0
        """The time from which something is to be done after a step."""
        self._history = history
        self._instruments = list(instruments)
        self._norms = LayerNorms(subject.model)
        self._has_norms = True
        self.wants_norms = False
        """Whether it is to be called before and after the next step."""
        self._before = 0.0
        self._tell = tell
        self._report = report

    def begin(self) -> None:
        """Measure what can be measured before the first step, twice, for a first time takes longer than others."""
        now = time.perf_counter()
        self.budget.begin(now)
        for instrument in list(self._instruments):
            if instrument.estimate is not None:
                self._expect(instrument, instrument.estimate)
            if instrument.at_start and self._do(instrument, 0):
                self._do(instrument, 0)
        self._tell()  # of all that there is; later of what is fresh alone
        _, seconds = timed(self._tell)
        self.budget.expect(TELL, seconds, time.perf_counter())
        self.budget.restart(time.perf_counter())

    def before_step(self) -> None:
        """Measure the gradients and weights before a step for which `wants_norms`."""
        self._before = self._try_norms(self._norms.begin)

    def after_step(self, step: int) -> None:
        """Measure the updates after a step for which `wants_norms`."""
        self.wants_norms = False
        seconds = self._try_norms(lambda: keep_norms(self._norms.end(), step, self._history))
        self.budget.spend(NORMS, self._before + seconds, time.perf_counter())
        if news := self._norms.news():
            self._history.moment(Moment(step, "note", news))

    def work(self, step: int, now: float) -> None:
        """Do what is due."""
        self.budget.stepped(now, step)
        for instrument in list(self._instruments):
            if self.budget.due(instrument.name, now):
                self._do(instrument, step)
        if self._has_norms and self.budget.due(NORMS, now):
            self.wants_norms = True
            self.budget.hold(NORMS)
        if self.budget.due(TELL, now):
            _, seconds = timed(self._tell)
            self.budget.spend(TELL, seconds, time.perf_counter())
        self.due = self.budget.next

    def last(self, step: int) -> None:
        """Measure once more after the last step, or in a pause, whatever the budget says."""
        with self.budget.unpaid():
            for instrument in list(self._instruments):
                if instrument.at_start:
                    self._do(instrument, step)

    def _try_norms(self, work: Callable[[], None]) -> float:
        """Do something and return the seconds it took; after an error the norms are given up."""
        try:
            _, seconds = timed(work)
        except Exception as error:  # noqa: BLE001 - training goes on; the view says what cannot be measured
            self._has_norms = self.wants_norms = False
            self._fail("the norms of the layers are", error)
            return 0.0
        return seconds

    def _expect(self, instrument: Instrument, estimate: Callable[[], float]) -> None:
        seconds = self._try(instrument, estimate)
        if seconds is not None:
            self.budget.expect(instrument.name, seconds, time.perf_counter())

    def _do(self, instrument: Instrument, step: int) -> bool:
        """Measure, and tell whether that went well."""
        done = self._try(instrument, lambda: timed(lambda: instrument.measure(step)))
        if done is not None:
            self.budget.spend(instrument.name, done[1], time.perf_counter())
        return done is not None

    def _try(self, instrument: Instrument, work: Callable[[], Any]) -> Any:
        """Do something for an instrument, which is not used again after an error; None where there was one."""
        try:
            return work()
        except Exception as error:  # noqa: BLE001 - training goes on; the view says what cannot be measured
            self._instruments = [one for one in self._instruments if one is not instrument]
            self.budget.hold(instrument.name)
            self._fail(f"{instrument.name}: it is", error)
            return None

    def _fail(self, what: str, error: BaseException) -> None:
        place = place_in_user_code(error)
        self._report(
            f"{what} not measured any more: {str(error) or type(error).__name__}{f' at {place}' if place else ''}"
        )
