"""A loss curve on one fixed batch: how near it has come to its floor, which kind it is, and whether it is decided."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import isfinite, log
from statistics import median
from typing import Literal

from nbinspect.sanity.trials.fitting.floor import Goal

Kind = Literal["reaches the floor", "falls", "rises", "explodes", "oscillates", "plateaus"]
REACHED = 0.1
"""What may be left of the loss above its floor: a share of what the best outputs have that ignore the inputs."""
_EXPLODES = 10.0
_LEAST = 20
_TAIL = 10
_SETTLED = 1e-3
_STILL_FALLS = 0.05


@dataclass(frozen=True)
class Curve:
    """The loss of one batch while a copy is trained on it."""

    name: str
    """Whose steps: ``your step``, ``Adam at 0.001``."""
    losses: tuple[float, ...]
    """Before each update, and after the last."""
    goal: Goal

    @property
    def base(self) -> float:
        """The floor; where it is not known, 0, or what is below all losses."""
        if self.goal.floor is not None:
            return self.goal.floor
        known = [loss for loss in self.losses if isfinite(loss)]
        return 0.0 if min(known, default=0.0) >= 0 else min(known) - 0.1 * (max(known) - min(known))

    @property
    def gap(self) -> float:
        """What is to be gained: from the best outputs that ignore the inputs, or the first loss, to the floor."""
        return self.goal.gap or max(self.losses[0] - self.base, 1e-12)

    @property
    def last(self) -> float:
        """The loss at the end: the median of the last three; not finite where one of them is not."""
        tail = self.losses[-3:]
        return median(tail) if all(map(isfinite, tail)) else float("nan")

    @property
    def left(self) -> float:
        """Share of `gap` that is left at the end; infinite where the loss is not finite."""
        return (self.last - self.base) / self.gap if isfinite(self.last) else float("inf")

    @property
    def is_reached(self) -> bool:
        """Whether the loss is at its floor, which is known."""
        return self.goal.floor is not None and self.left <= REACHED

    @property
    def kind(self) -> Kind:
        """Which kind of curve it is."""
        losses = self.losses
        if not all(map(isfinite, losses)) or losses[-1] > losses[0] + _EXPLODES * max(self.gap, abs(losses[0])):
            return "explodes"
        if self.is_reached:
            return "reaches the floor"
        if self._swings > 0.05 * self.gap and abs(losses[-1] - losses[0]) < 0.5 * self._swings * len(losses) ** 0.5:
            return "oscillates"
        if self.last > losses[0] + 0.02 * self.gap and self._is_rising:
            return "rises"
        return "falls" if self.is_falling else "plateaus"

    @property
    def is_falling(self) -> bool:
        """Whether what is left still shrinks at the end: by a twentieth, or half as fast as in the first half."""
        above = [max(loss - self.base, 1e-12) for loss in self.losses]
        sixth = max(1, len(above) // 6)
        begins, middle = median(above[:sixth]), median(above[len(above) // 2 - sixth // 2 :][: sixth + 1])
        first, second = log(begins / middle), log(middle / median(above[-sixth:]))
        return second >= _STILL_FALLS or (second > _SETTLED and second >= 0.5 * first)

    @property
    def is_settled(self) -> bool:
        """Whether it stays above its floor for good: a plateau, and not one that goes down steadily, however little."""
        changes = [after - before for before, after in pairwise(self.losses)]
        half = len(changes) // 2
        first, second = -sum(changes[:half]), -sum(changes[half:])
        downs = sum(change < 0 for change in changes[half:])
        creeps = second > 0 and second >= 0.5 * first and downs >= 0.9 * (len(changes) - half)
        return self.kind == "plateaus" and not creeps

    @property
    def climbs(self) -> bool:
        """Whether it goes up step by step, as at a rate however small."""
        changes = [after - before for before, after in pairwise(self.losses)]
        return len(changes) > 1 and sum(change > 0 for change in changes) >= 0.9 * len(changes)

    @property
    def _is_rising(self) -> bool:
        half = len(self.losses) // 2
        return median(self.losses[half:]) > median(self.losses[: half or 1])

    @property
    def _swings(self) -> float:
        """Mean size of the changes that turn back: 0 for a curve that only falls or only rises."""
        changes = [after - before for before, after in pairwise(self.losses)]
        late = changes[len(changes) // 2 :]
        turns = sum(one * other < 0 for one, other in pairwise(late))
        return sum(map(abs, late)) / len(late) if late and turns >= 0.4 * (len(late) - 1) and turns > 1 else 0.0

    def is_over(self, share: float) -> bool:
        """Return whether a run can end: what is left of the loss is below a share, or will not change."""
        return len(self.losses) > 3 and (self.left < share or self.is_decided)

    @property
    def is_decided(self) -> bool:
        """Whether more steps would not change the answer: at the floor, exploded, or settled where it is."""
        losses = self.losses
        if not isfinite(losses[-1]) or losses[-1] > losses[0] + 10 * _EXPLODES * max(self.gap, abs(losses[0])):
            return True
        at_floor = self.goal.floor is not None and max(losses[-2:]) - self.base <= REACHED * self.gap
        if at_floor and (len(losses) > 2 or losses[0] == self.base):  # one low value may be a chance
            return True
        tail = losses[-_TAIL:]
        return len(losses) > _LEAST and max(tail) - min(tail) <= 0.1 * _SETTLED * max(self.gap, tail[-1] - self.base)
