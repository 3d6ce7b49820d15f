"""What alerts look at: the numbers of a run as lines over its steps, and the readings of its first probe."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np

from nbinspect.records import Floats, Integers, ProbeRecord, Reading

SETTLING = 100
"""Steps of which nothing is said: every run is restless at first."""


@dataclass(frozen=True)
class Finding:
    """What a rule says of a run."""

    text: str
    since: int


@dataclass(frozen=True, eq=False)
class Line:
    """One number over the steps: steps (P,) ascending, values (P,) finite."""

    steps: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    values: Floats = field(default_factory=lambda: np.zeros(0, dtype=np.float32))

    def __len__(self) -> int:
        return len(self.steps)

    def between(self, first: float, last: float) -> Floats:
        """Values of the steps after `first` up to `last`."""
        return np.asarray(self.values[(self.steps > first) & (self.steps <= last)])

    def since(self, step: float) -> Line:
        """The line from after a step on."""
        later = self.steps > step
        return Line(self.steps[later], self.values[later])

    def level(self, first: float, last: float) -> float:
        """The median of the values after `first` up to `last`; NaN where there are none."""
        values = self.between(first, last)
        return float(np.median(values)) if len(values) else float("nan")


@dataclass(frozen=True, eq=False)
class Evidence:
    """A run so far."""

    step: int
    begin: int
    """The step that it is judged from: the last one at which it went back to other weights, else 0."""
    lines: dict[tuple[str, str], Line]
    """By name and part, from `begin` on."""
    readings: tuple[Reading, ...]
    """Of the first probe, from `begin` on."""
    probe: ProbeRecord | None
    trained: Collection[str] = ()
    """The layers that an optimizer of the run is to change, in the order of the network."""

    @property
    def span(self) -> int:
        """How many steps it is judged by."""
        return self.step - self.begin

    @property
    def middle(self) -> float:
        """The step half way."""
        return self.begin + self.span / 2

    def line(self, name: str, part: str = "") -> Line:
        """A number's line; an empty one where it was not measured."""
        return self.lines.get((name, part), Line())

    def parts(self, name: str) -> dict[str, Line]:
        """The lines of a number that is measured of layers or groups."""
        return {part: line for (own, part), line in self.lines.items() if own == name and part}

    @property
    def loss(self) -> Line:
        """The training loss of every step."""
        return self.line("loss")

    def fall(self, first: float, last: float) -> float:
        """The share of its level by which the training loss fell from the first to the last third of a stretch."""
        third = (last - first) / 3
        before, after = self.loss.level(first, first + third), self.loss.level(last - third, last)
        return (before - after) / max(abs(before), 1e-12)

    def accuracy(self, after: float) -> float:
        """The mean accuracy on the first probe after a step; NaN where there is none."""
        values = self.line("probe accuracy").between(after, self.step)
        return float(values.mean()) if len(values) else float("nan")

    @property
    def warming(self) -> bool:
        """Whether a learning rate is still on its way up, so that little is to be expected yet."""
        halves = [(line.between(-1, self.middle), line.values) for line in self.parts("rate").values()]
        return any(len(early) and late[-1] > 1.05 * early.max() for early, late in halves)

    @property
    def jumped(self) -> bool:
        """Whether the first steps doubled the training loss for long, or made it tenfold: the rate is too high."""
        first = self.loss.level(self.begin, self.begin + 1)
        soon, later = (self.loss.level(self.begin + 1, self.begin + steps) for steps in (5, 15))
        return first > 0 and (soon > 10 * first or later > 2 * first)

    def layer_line(self, name: str) -> tuple[Integers, Floats]:
        """Steps (P,) and values (L, P) of all layers that were measured at the same steps, as most were."""
        lines = [line for line in self.parts(name).values() if len(line)]
        if not lines:
            return Line().steps, np.zeros((0, 0), dtype=np.float32)
        steps = max((line.steps for line in lines), key=len)
        alike = [line.values for line in lines if np.array_equal(line.steps, steps)]
        return steps, np.stack(alike)


@dataclass(frozen=True)
class RateRise:
    """A learning rate that has at least doubled; its step is the first at which that was seen."""

    step: int
    before: float
    after: float

    def __str__(self) -> str:
        return f"when the learning rate went from {self.before:.3g} to {self.after:.3g}"


def rise_of_rate(evidence: Evidence, near: float, least: float) -> RateRise | None:
    """Return by how much a rate rose around a step: within `least` steps, or a tenth of the run; None if it did not."""
    around = max(least, 0.1 * evidence.span)
    for line in evidence.parts("rate").values():
        before = line.values[line.steps <= near - around][-1:]
        steps = line.steps[(line.steps > near - around) & (line.steps <= near + around)]
        within = line.between(near - around, near + around)
        if len(before) and len(within) and within.max() >= 2 * before[0] > 0:
            up = int(steps[np.argmax(within >= 2 * before[0])])
            return RateRise(up, float(before[0]), float(within.max()))
    return None


def highest_rate(evidence: Evidence) -> float:
    """The highest learning rate of any group so far; NaN where none is known."""
    return max(
        (float(line.values.max()) for line in evidence.parts("rate").values() if len(line)), default=float("nan")
    )
