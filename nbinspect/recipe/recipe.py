"""`Recipe`: the recipe as it stands, to read in a notebook or a terminal."""

from __future__ import annotations

from nbinspect.figures.recipe_page import recipe_html, recipe_text
from nbinspect.recipe.evidence import Evidence
from nbinspect.recipe.progress import recipe_of
from nbinspect.records import RecipeStep


class Recipe:
    """How far a program has come with the recipe.

    Args:
        evidence: what has been run of it.
    """

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.record = recipe_of(evidence)

    @property
    def next(self) -> RecipeStep | None:
        """What to do next; None where nothing is left."""
        return None if self.record.next is None else self.record.step(self.record.next)

    def __str__(self) -> str:
        return recipe_text(self.record)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return recipe_html(self.record)
