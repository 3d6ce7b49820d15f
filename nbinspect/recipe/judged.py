"""What is known of one step of the recipe."""

from __future__ import annotations

from dataclasses import dataclass

from nbinspect.records import RoomName, StepState

NO_LOADER = "give a loader: Inspector(model, loader, loss_fn)"


@dataclass(frozen=True)
class Judged:
    """How a step stands, and how soon it is to be taken."""

    state: StepState
    text: str = ""
    certain: bool = False
    """Whether something is certainly wrong, and not only worth a look."""
    later: bool = False
    """Whether other steps are taken before: it was tried and gave no answer, or takes a person's time."""
    room: RoomName | None = None
    """Where it was found, if not where the step is done."""
