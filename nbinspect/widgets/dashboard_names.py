"""What the notebook's variables mean now that meant a dashboard's model and optimizer."""

from __future__ import annotations

from typing import Any

from torch import nn

from nbinspect.subject import Subject
from nbinspect.widgets.cells import Names


class ProgramNames:
    """The variables that mean the model of a subject, and its optimizer.

    Args:
        subject: what is inspected.
    """

    def __init__(self, subject: Subject) -> None:
        self._model = Names(subject.model)
        self._optimizer = None if subject.optimizer is None else Names(subject.optimizer)

    @property
    def stale(self) -> str | None:
        """A sentence where a variable means another object than the model that is inspected; else None."""
        others = self._model.others()
        return (
            f"{', '.join(others)} is another object now: all that is shown here is of the old one" if others else None
        )

    @property
    def model(self) -> nn.Module | None:
        """The one other model that the variables mean now; None where there is none, or several."""
        found = {id(each): each for each in self._model.others().values() if isinstance(each, nn.Module)}
        return next(iter(found.values())) if len(found) == 1 else None

    @property
    def optimizer(self) -> Any:
        """The one other optimizer that the variables mean now; None where there is none, or several."""
        others = self._optimizer.others().values() if self._optimizer is not None else ()
        found = {id(each): each for each in others if hasattr(each, "param_groups")}
        return next(iter(found.values())) if len(found) == 1 else None
