"""A loss far above those before it: seen at its own step, while its batch is still there."""

from __future__ import annotations

import math
import statistics
from collections import deque

WINDOW, SETTLED = 128, 32
"""Losses that are compared with, and how many there must be."""
EVERY, ROW = 64, 8
"""Steps between two looks at what is usual, and high losses in a row that count as usual themselves."""
TIMES, DEVIATIONS = 2.0, 10.0
"""A spike is at least so many times the median, and so many median deviations above it."""


class SpikeWatch:
    """Tells a spike from the noise of the losses before it. Source: D-spike."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=WINDOW)
        self._limit = math.inf
        self._until = SETTLED
        self._row = 0
        self.usual = math.nan
        """The median of the losses before."""

    def is_spike(self, step: int, loss: float) -> bool:
        """Whether this loss is one; most calls compare two numbers, and add one. A rise that stays is no spike."""
        found = loss > self._limit
        self._row = self._row + 1 if found else 0
        if math.isfinite(loss) and (not found or self._row > ROW):
            self._recent.append(loss)
        if step >= self._until:
            self._until = step + EVERY
            self._measure()
        return found and self._row == 1

    def _measure(self) -> None:
        if len(self._recent) < SETTLED:
            return
        self.usual = statistics.median(self._recent)
        spread = statistics.median(abs(loss - self.usual) for loss in self._recent)
        highest = max(self._recent)
        rough = max(self.usual * TIMES, self.usual + DEVIATIONS * spread) if self.usual > 0 else math.inf
        self._limit = max(rough, highest)
