"""How often what costs time may be done, so that watching a run stays within its share of the run's time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from nbinspect.errors import InputError


def checked_share(budget: object) -> float:
    """Return a share of a run's time; raise InputError for what is none."""
    if isinstance(budget, bool) or not isinstance(budget, int | float) or not 0 < budget <= 1:
        raise InputError(f"budget: expected a share of the run's time such as 0.02, got {budget!r}")
    return float(budget)


@dataclass
class _Work:
    part: float
    least: float
    costs: deque[float] = field(default_factory=lambda: deque(maxlen=3))
    due: float = 0.0

    @property
    def cost(self) -> float:
        """What it takes as a rule: the least of the last times, for one may have met with something else."""
        return min(self.costs, default=0.0)


class Budget:
    """Spreads a share of a run's time over kinds of work, each as often as its measured cost allows.

    Work that took ``c`` seconds is due again after ``c / (share · part)`` seconds of training, and not before its
    least interval: dear work becomes rare, cheap work stays frequent. What every step costs is taken off first, and
    all together is never more than the share of the time so far, but for work that takes longer than it ever has.

    Args:
        share: of the run's time that all of it may take, 0.02 = 2 %.
        works: for each kind its part of the share and the least seconds between two times.
        per_step: seconds that watching costs at every step, whatever is due.
    """

    def __init__(self, share: float, works: Mapping[str, tuple[float, float]], per_step: float = 0.0) -> None:
        self.share = share
        self._works = {name: _Work(part, least) for name, (part, least) in works.items()}
        self._per_step = per_step
        self._spent = self._before = 0.0
        self._began: float | None = None
        self._last = 0.0
        self._steps = 0

    def begin(self, now: float) -> None:
        """Start the run's clock; all work is due at once."""
        if self._began is None:
            self._began = self._last = now

    def restart(self, now: float) -> None:
        """Have the run's time begin now; what was spent before was no part of it, and costs stay known."""
        self._began = self._last = now
        self._spent = 0.0

    def idle(self, seconds: float) -> None:
        """Take time out of the run in which nothing was trained, such as a pause."""
        if self._began is not None:
            self._began += seconds
            self._last += seconds
            for work in self._works.values():
                work.due += seconds

    def stepped(self, now: float, steps: int) -> None:
        """Note how far the run is."""
        self._last, self._steps = max(now, self._last), steps

    @contextmanager
    def unpaid(self) -> Iterator[None]:
        """Leave what is done in this block, where nothing is trained, out of what was spent."""
        spent = self._spent
        try:
            yield
        finally:
            self._spent = spent

    def due(self, name: str, now: float) -> bool:
        """Whether this kind of work may be done now; one that cannot be paid for yet is put off until it can."""
        work = self._works[name]
        if now < work.due or self._began is None:
            return False
        work.due = max(work.due, self._began + (self._spent + work.cost) / self._left())
        return now >= work.due

    @property
    def next(self) -> float:
        """When the first of them is due."""
        return min(work.due for work in self._works.values())

    def spend(self, name: str, seconds: float, now: float) -> None:
        """Note that it was done and what it took."""
        work = self._works[name]
        self._spent += seconds
        work.costs.append(seconds)
        work.due = now + max(work.least, work.cost / (self._left() * work.part))

    @property
    def per_step(self) -> float:
        """The share of the run's time that every step's own cost takes."""
        return self._steps * self._per_step / self.seconds if self.seconds > 0 else 0.0

    def make_lean(self, part: float) -> None:
        """Note that a step costs only so much of what it did, from here on."""
        self._before += self._steps * self._per_step * (1 - part)
        self._per_step *= part

    def expect(self, name: str, seconds: float, now: float) -> None:
        """Say what a kind of work will take that was never done, so that its first time can be paid for too."""
        work = self._works[name]
        work.costs.append(seconds)
        work.due = now + seconds / (self._left() * work.part)

    def hold(self, name: str) -> None:
        """Have a kind of work, which has been begun, not be due again before it is done."""
        self._works[name].due = float("inf")

    @property
    def seconds(self) -> float:
        """The run's time so far."""
        return 0.0 if self._began is None else self._last - self._began

    @property
    def overhead(self) -> float:
        """The share of the run's time that watching has taken; NaN before there is any."""
        taken = self._spent + self._before + self._steps * self._per_step
        return taken / (self.seconds - taken) if self.seconds > taken else float("nan")

    def _left(self) -> float:
        """The share that is left for work once every step's own cost is paid, a tenth of it at least."""
        return max(0.1 * self.share, self.share - self.per_step)
