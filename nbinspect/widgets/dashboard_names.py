"""What the notebook's variables mean now that meant the parts of a dashboard's program."""

from __future__ import annotations

from typing import Any

from nbinspect.errors import InputError
from nbinspect.subject import Subject, make_subject
from nbinspect.widgets.cells import Names

_PARTS = ("model", "loader", "val_loader", "loss_fn", "optimizer")
_LEFT_OUT = "the optimizer does not train the new model, and is left out: make one of its parameters"


class ProgramNames:
    """The variables that mean the model of a subject, its loaders, its loss function and its optimizer.

    Args:
        subject: what is inspected.
        before: what was inspected until now; None at first.
    """

    def __init__(self, subject: Subject, before: Subject | None = None) -> None:
        self._subject = subject
        given = {part: getattr(subject, part) for part in _PARTS}
        self._names = {part: Names(meant) for part, meant in given.items() if meant is not None}
        lost = before is not None and before.optimizer is not None and subject.optimizer is None
        self.word = _LEFT_OUT if lost else ""
        """What was left out on the way from the one before."""

    @property
    def stale(self) -> str | None:
        """A sentence that names the variables that mean another object than what is inspected; None without any."""
        names = list(dict.fromkeys(name for others in self._others().values() for name in others))
        if not names:
            return None
        if len(names) == 1:
            return f"{names[0]} is another object now: this shows the old one"
        return f"{', '.join(names[:-1])} and {names[-1]} are other objects now: this shows the old ones"

    @property
    def changed(self) -> dict[str, Any]:
        """The parts that the variables mean now in place of the old ones; one that they are not at one about is not."""
        found = {
            part: {id(each): each for each in others.values() if self._fits(part, each)}
            for part, others in self._others().items()
        }
        return {part: next(iter(each.values())) for part, each in found.items() if len(each) == 1}

    def _others(self) -> dict[str, dict[str, Any]]:
        """Return by part what its variables mean instead; a loop over both loaders makes none of them another."""
        own = {id(getattr(self._subject, part)) for part in _PARTS}
        return {
            part: {name: value for name, value in names.others().items() if value is None or id(value) not in own}
            for part, names in self._names.items()
        }

    def _fits(self, part: str, value: Any) -> bool:
        try:
            make_subject(**{"model": self._subject.model, part: value})
        except InputError:
            return False
        return value is not None
