"""Watching with fewer hooks, where steps are so short that only to be told of batches would cost too much."""

from __future__ import annotations

from nbinspect.dynamics.culprits import SpikeCatcher
from nbinspect.dynamics.hooks import Hooks, size_of
from nbinspect.dynamics.measuring import Measuring

PROVED = 50
"""Steps after which it is known what a step takes."""
MOST = 0.25
"""Of the budget, for what is done at every step."""
LEFT = 0.6
"""What is left of a step's own cost where batches are not told of."""


class Lean:
    """Decides once whether a run is watched with fewer hooks."""

    def __init__(self) -> None:
        self.is_lean = False
        self.size: int | None = None
        """Samples of a batch, as long as batches were told of; None before."""

    def look(self, step: int, measuring: Measuring, hooks: Hooks, catcher: SpikeCatcher) -> None:
        """Do without the batches, if that is needed; and have the next step announced, if its norms are wanted."""
        budget = measuring.budget
        if not self.is_lean and step >= PROVED and budget.per_step > MOST * budget.share and hooks.make_lean():
            self.is_lean = True
            self.size = size_of(catcher.arguments)
            catcher.release()
            budget.make_lean(LEFT)
        if measuring.wants_norms:
            hooks.expect_step()
