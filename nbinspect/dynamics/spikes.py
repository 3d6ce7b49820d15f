"""A loss far above those before it: seen at its own step, while its batch is still there."""

from __future__ import annotations

import math
import statistics
from collections import deque

SAMPLED = 4
"""Every so many steps a loss is added to what is usual; every loss is compared with the limit."""
WINDOW, SETTLED, EVERY = 32, 8, 16
"""Losses that are compared with, how many there must be, and after how many new ones the limit is worked out anew."""
ROW = 8
"""High losses in a row that count as usual themselves."""
TIMES, DEVIATIONS, ABOVE, LOST = 2.0, 10.0, 1.5, 0.1
"""A spike is at least so many times the median, so many median deviations above it, so many times all others, and
loses so much of what the run has gained: close to zero a loss may double and mean nothing."""


class SpikeWatch:
    """Tells a spike from the noise of the losses before it; a rise that stays is told once. Source: D-spike."""

    def __init__(self) -> None:
        self.limit = math.inf
        """The loss above which one is a spike."""
        self.usual = math.nan
        """The median of the losses before."""
        self._recent: deque[float] = deque(maxlen=WINDOW)
        self._new = self._row = 0
        self._top = 0.0

    def is_spike(self, loss: float) -> bool:
        """Whether this loss is one; to be asked of every loss above the limit, and of every fourth of the others."""
        found = loss > self.limit
        self._row = self._row + 1 if found else 0
        if math.isfinite(loss) and (not found or self._row > ROW):
            self._recent.append(loss)
            self._new += 1
            if self._new >= (EVERY if len(self._recent) == WINDOW else SETTLED):
                self._measure()
        return found and self._row == 1

    def _measure(self) -> None:
        self._new = 0
        self.usual = statistics.median(self._recent)
        spread = statistics.median(abs(loss - self.usual) for loss in self._recent)
        self._top = max(self._top, self.usual)
        gained = self._top - self.usual
        rough = max(self.usual * TIMES, self.usual + DEVIATIONS * spread, self.usual + LOST * gained)
        self.limit = max(rough, ABOVE * max(self._recent)) if self.usual > 0 else math.inf
