"""One split as it is looked at: what is shown of it and in which order, which rows are selected and marked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nbinspect.data.explorer.arrangement import Arrangement, arranged, column_of
from nbinspect.data.explorer.marks import Marked, carried, found_again, mark_code, mark_column, unmarked
from nbinspect.data.table.cells import cells_of
from nbinspect.errors import InputError, NbinspectError
from nbinspect.records import Column, DatasetRecord
from nbinspect.records.arrays import Integers

if TYPE_CHECKING:
    import pandas as pd

Mode = Literal["set", "add", "remove", "toggle"]

_MODES: dict[str, Callable[[Integers, Integers], Integers]] = {
    "add": np.union1d,
    "remove": np.setdiff1d,
    "toggle": np.setxor1d,
}
_WINDOW = 2_000
"""The most rows of one window."""


class SplitView:
    """What a person sees and does of one split; the record is left unchanged.

    Args:
        record: what was scanned of it.
    """

    def __init__(self, record: DatasetRecord) -> None:
        self.record = record
        self.marked: Marked = unmarked(record.rows)
        self.asked = Arrangement()
        self.selected: Integers = np.zeros(0, np.int64)
        """Ascending rows."""
        self._scanned: pd.DataFrame | None = None
        self._look()

    def take(self, record: DatasetRecord) -> int:
        """Look at a later record of the same split; return how many marks fell away.

        Marks and selection stay with their samples, and what is asked for stays as far as there are its columns.
        """
        self.marked, lost = carried(self.marked, self.record, record)
        self.selected = np.sort(found_again(self.selected, self.record, record)[0])
        self.record, self._scanned = record, None
        self._look()
        return lost

    def arrange(self, **changes: Any) -> None:
        """Change what is asked for: the fields of `Arrangement`.

        Raises:
            QueryError: for a query that cannot be read; then nothing is changed.
            InputError: for a column that there is not, likewise.
        """
        asked = replace(self.asked, **changes)
        self.shown, self.asked = arranged(self.columns, self.frame(), asked), asked

    def window(self, start: int, count: int) -> tuple[Integers, list[list[str]]]:
        """Return rows as they are shown from a place on, and the text of each of their cells."""
        first = max(0, int(start))
        rows = self.shown.rows[first : first + min(max(0, int(count)), _WINDOW)]
        return rows, self._texts(rows)

    def one(self, row: int) -> tuple[int | None, list[str]]:
        """Return the place of a row in what is shown, None where it is hidden, and the text of each of its cells.

        Raises:
            InputError: for a row that there is not.
        """
        rows = self.rows_checked([row])
        places = np.flatnonzero(self.shown.rows == rows[0])
        return (int(places[0]) if len(places) else None), self._texts(rows)[0]

    def select(self, rows: Any, mode: Mode = "set") -> None:
        """Select rows, or add them to, remove them from or toggle them in the selection.

        Raises:
            InputError: for another mode, or a row that there is not.
        """
        chosen = self.rows_checked(rows)
        if mode == "set":
            self.selected = chosen
        elif mode in _MODES:
            self.selected = _MODES[mode](self.selected, chosen)
        else:
            raise InputError(f"mode: expected set, add, remove or toggle, got {mode!r}")

    def mark(self, mark: str | None, rows: Any = None) -> None:
        """Mark rows, the selected ones by default, as ``suspicious`` or ``excluded``; None takes their marks away.

        Raises:
            InputError: for another mark, or a row that there is not.
        """
        code, chosen = mark_code(mark), self.selected if rows is None else self.rows_checked(rows)
        self.marked = self.marked.copy()
        self.marked[chosen] = code
        self._look()

    def rows_checked(self, rows: Any) -> Integers:
        """Return rows ascending, each once.

        Raises:
            InputError: for a row that there is not.
        """
        chosen = np.unique(_whole("rows", rows))
        if len(chosen) and not 0 <= chosen[0] <= chosen[-1] < self.record.rows:
            raise InputError(f"rows: expected 0 to {self.record.rows - 1}, got {chosen[0]} to {chosen[-1]}")
        return chosen

    def rows_of(self, indices: Sequence[int]) -> Integers:
        """Return the row of each index of the data set, in the same order.

        Raises:
            InputError: for an index that was not scanned.
        """
        asked, own = _whole("indices", indices), self.record.columns[0].values
        order = np.argsort(own, kind="stable")
        rows: Integers = order[np.searchsorted(own[order], asked).clip(max=len(own) - 1)] if len(own) else asked * 0
        wrong = np.flatnonzero(own[rows] != asked) if len(own) else np.arange(len(asked))
        if len(wrong):
            raise InputError(f"indices: {asked[wrong[0]]} is no index of a sample that was scanned")
        return rows

    def column(self, name: object) -> Column:
        """Return a column of the record, or the marks.

        Raises:
            InputError: if there is none of this name, with the nearest one.
        """
        return column_of(self.columns, name)

    def frame(self) -> pd.DataFrame:
        """Return the columns and the marks as a table, a row a sample; it is to be left unchanged."""
        from nbinspect.data.table.frame import to_frame

        if self._scanned is None:
            self._scanned = to_frame(self.record.columns)
        marks = to_frame([self.columns["mark"]])
        with_marks: pd.DataFrame = self._scanned.assign(mark=marks["mark"])
        return with_marks

    def _texts(self, rows: Integers) -> list[list[str]]:
        texts = [cells_of(column, rows) for column in self.columns.values()]
        return [list(cells) for cells in zip(*texts, strict=True)]

    def _look(self) -> None:
        """Bring what is shown up to date with the record and the marks."""
        self.columns = {column.name: column for column in (*self.record.columns, mark_column(self.marked))}
        try:
            self.shown = arranged(self.columns, self.frame(), self.asked)
        except NbinspectError:  # a column that was asked for has gone
            self.asked = Arrangement()
            self.shown = arranged(self.columns, self.frame(), self.asked)


def _whole(name: str, values: Any) -> Integers:
    """Return whole numbers as an array (K,)."""
    found = np.asarray(list(values) if isinstance(values, range | tuple) else values)
    if found.ndim > 1 or (found.size and found.dtype.kind not in "iu"):
        raise InputError(f"{name}: expected a list of whole numbers, got {values!r:.80}")
    return found.reshape(-1).astype(np.int64)
