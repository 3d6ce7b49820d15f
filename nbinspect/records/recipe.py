"""The recipe: what practitioners do before they trust a training run, and how far this program has come with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

StepState = Literal["done", "attention", "todo", "off"]
RoomName = Literal["recipe", "data", "batch", "forward", "sanity", "dynamics"]


@dataclass(frozen=True)
class RecipeStep:
    """One thing to do, and what is known of it."""

    id: str
    title: str
    """In the imperative: ``Look at the data itself``."""
    advice: str
    """One sentence."""
    sources: tuple[str, ...]
    """Ids of the advice that it is taken from: ``K-look``."""
    state: StepState
    """`done`: run, and nothing wrong was found; `attention`: run, and something was, or the program raises against it;
    `todo`: not run, in part, or without an answer; `off`: needs what was not given, or does not apply."""
    text: str
    """What was found, how far it was done, or what has to be given; empty where there is nothing to say."""
    certain: bool
    """Whether what was found is certainly wrong, and is to be mended rather than looked at."""
    room: RoomName
    """Where it is done."""
    action: str | None
    """What is started there, in a few words: ``Scan the data``; None where it is only looked at."""


@dataclass(frozen=True)
class RecipeChapter:
    """Steps that belong together."""

    title: str
    steps: tuple[RecipeStep, ...]


@dataclass(frozen=True)
class RecipeRecord:
    """The whole recipe, and what to do next."""

    chapters: tuple[RecipeChapter, ...]
    next: str | None
    """Id of the step to do next; None where no more can be done. Without a loader it is a step that needs one."""
    next_text: str
    """Why that one, in a sentence."""
    done: int
    """Steps that are done; those that need attention are not."""
    total: int
    """Steps that can be done with what was given."""

    def step(self, name: str) -> RecipeStep | None:
        """Return the step of this id, or None."""
        return next((step for chapter in self.chapters for step in chapter.steps if step.id == name), None)
