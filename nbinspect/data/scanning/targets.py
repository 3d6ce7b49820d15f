"""Targets of a whole data set: one column each, under the name that the batch has for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nbinspect.data.scanning.labelled import Labelled, Labelling, labelled
from nbinspect.decode.labels import CLASS_KEYS, several_targets
from nbinspect.decode.names import shortened
from nbinspect.errors import InputError
from nbinspect.records import Column
from nbinspect.subject import Subject

ALONE = "label"
"""The column of a target that is the only one."""
_OTHERS = {
    *("index", "shape", "dtype", "text", "length", "min", "mean", "std", "max", "zeros", "nonfinite", "missing"),
    *("brightness", "contrast", "duplicate", "conflict", "near", "other_split", "outlier", "distance", "mark"),
    *("prediction", "confidence", "margin", "loss", "correct", "error", "label_quality", "suggested"),
}
"""Columns of something else than a target."""
_NAME = 40


def labels_of(
    targets: Any, name: str, beside: Mapping[str, Any], *, size: int, subject: Subject, inputs: Sequence[Any]
) -> dict[str, Labelled]:
    """Return what each target of a batch says of its samples, by its column.

    Args:
        targets: as `split_batch` tells them; None where there are none.
        name: what the batch calls them.
        beside: further targets by their names.
        size: number of samples, N.
        subject: the live objects, of which the class names are asked for.
        inputs: what the labels may be as long as.
    """
    try:
        parts = several_targets(targets, name, size)
    except InputError:  # which the reading of it as one target says
        parts = {}
    parts = {**(parts or ({} if targets is None else {ALONE: targets})), **beside}
    names = columns_of(list(parts))
    return {
        column: labelled(part, size, _names_of(column, len(parts), subject), inputs)
        for column, part in zip(names, parts.values(), strict=True)
    }


def columns_of(names: Sequence[str]) -> list[str]:
    """Return a name for the column of each target: its own, with a word before it where another column is called so."""
    found: dict[str, None] = {}
    for name in names:
        own = shortened(name, _NAME).strip() or ALONE
        own = f"{ALONE} {own}" if own in _OTHERS else own
        while own in found:
            own += "'"
        found[own] = None
    return list(found)


def _names_of(column: str, count: int, subject: Subject) -> Any:
    """Return the class names for a target: for one that is alone, or that is called the label."""
    return subject.class_names if count == 1 or column in CLASS_KEYS else None


class Targets:
    """Gathers what targets say, batch by batch.

    Args:
        subject: the live objects; asked for `class_names`, `task` and `loss_fn` alone.
    """

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._parts: dict[str, Labelling] = {}
        self._rows = 0

    def add(self, found: Mapping[str, Labelled], size: int) -> None:
        """Take in what the targets of one batch say."""
        for name in dict.fromkeys([*self._parts, *found]):
            if name not in self._parts:
                names = _names_of(name, len(found), self._subject)
                self._parts[name] = Labelling(name, self._subject, names)
                self._parts[name].add(Labelled(""), self._rows)
            self._parts[name].add(found.get(name, Labelled("")), size)
        self._rows += size

    def columns(self) -> tuple[str, list[Column], list[str]]:
        """Return the kind of the label, ``other`` of several targets; their columns; and notes."""
        told = {name: part.columns() for name, part in self._parts.items()}
        kinds = {name: kind for name, (kind, _, _) in told.items() if kind}
        columns = [column for _, own, _ in told.values() for column in own]
        notes = [note if len(kinds) < 2 else f"{name}: {note}" for name, (_, _, own) in told.items() for note in own]
        kind = next(iter(kinds.values()), "") if len(kinds) < 2 else kinds.get(ALONE, "other")
        return kind, columns, notes
