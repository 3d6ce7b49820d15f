"""What is drawn beside the rows of a split: the histogram of a column, and points of two columns or of a map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nbinspect.data.explorer.histogram import Bins, bins_of, counts
from nbinspect.data.explorer.scatter import Colours, Points, coloured, mapped, scattered
from nbinspect.data.explorer.split_view import SplitView
from nbinspect.records import Column, DataMap
from nbinspect.records.arrays import Floats, Integers


@dataclass(frozen=True, eq=False)
class Histogram:
    """Counts of each bin (K,): of all rows, of those that are shown, and of the other split."""

    bins: Bins
    all: Integers
    shown: Integers
    other: Floats | None
    """float64, scaled as if the other split had as many rows as this one; None where it has no such column."""


class Charts:
    """Which charts of a split are drawn; the split is left unchanged."""

    def __init__(self, view: SplitView) -> None:
        self._view = view
        self._points: Points | None = None
        self._axes: tuple[str, str] | None = None
        self._record = view.record
        self._counted: tuple[tuple[object, ...], Histogram] | None = None
        targets = [column.name for column in view.record.targets]
        drawn = {name for name, column in view.columns.items() if column.kind != "text"}  # of texts each has its own
        first = [name for name in ("label", *targets) if name in drawn]
        self.histogram_column = next((name for name in (*first, "mean") if name in drawn), None)
        self.colour = first[0] if first else None

    def draw_histogram(self, column: str) -> None:
        """Draw another column; a brush over the one before goes with it.

        Raises:
            InputError: if there is no such column.
        """
        name = self._view.column(column).name
        if self._view.asked.brush is not None and self._view.asked.brush.column != name:
            self._view.arrange(brush=None)
        self.histogram_column = name

    def draw_columns(self, x: str, y: str, colour: str | None = None) -> None:
        """Draw points of two columns, in the colours of a third.

        Raises:
            InputError: for a column that there is not, or one of texts as an axis.
        """
        self._checked(colour)
        self._points, self._axes = scattered(self._view.column(x), self._view.column(y)), (x, y)
        self.colour, self._record = colour, self._view.record

    def draw_map(self, found: DataMap, colour: str | None = None) -> None:
        """Draw a map of this split's record, in the colours of a column.

        Raises:
            InputError: if there is no such column.
        """
        self._checked(colour)
        self._points, self._axes = mapped(found), None
        self.colour, self._record = colour, self._view.record

    def histogram(self, other: SplitView | None) -> Histogram | None:
        """Return the histogram that is drawn, beside another split; None where none is."""
        column = self._view.columns.get(self.histogram_column or "")
        if column is None:
            return None
        beside = None if other is None else _alike(column, other.columns.get(column.name))
        of = (column, beside, self._view.shown)
        if self._counted is None or any(one is not two for one, two in zip(self._counted[0], of, strict=True)):
            self._counted = of, histogram_of(self._view, column.name, other)
        return self._counted[1]

    def points(self) -> tuple[Points, Colours | None] | None:
        """Return the points that are drawn, and their colours; None where none are."""
        if self._points is not None and self._record is not self._view.record:
            self._again()
        if self._points is None:
            return None
        column = self._view.columns.get(self.colour or "")
        return self._points, None if column is None else coloured(column, self._points.rows)

    def _again(self) -> None:
        """Draw the points of a later record; of a map only where its samples are the same."""
        own, record = self._record.columns, self._view.record
        if self._axes is not None and all(name in self._view.columns for name in self._axes):
            self.draw_columns(*self._axes, self.colour if self.colour in self._view.columns else None)
        elif self._axes is not None or not np.array_equal(own[0].values, record.columns[0].values):
            self._points = self._axes = None
        self._record = record

    def _checked(self, colour: str | None) -> None:
        if colour is not None:
            self._view.column(colour)


def histogram_of(view: SplitView, name: str, other: SplitView | None) -> Histogram:
    """Return how a column of a split is spread, beside another split.

    Raises:
        InputError: if there is no such column.
    """
    column = view.column(name)
    beside = None if other is None else _alike(column, other.columns.get(name))
    bins = bins_of(column, beside)
    share = None
    if beside is not None:
        share = counts(beside, bins) * (len(column.values) / max(1, len(beside.values)))
    return Histogram(bins, counts(column, bins), counts(column, bins, view.shown.rows), share)


def compared(column: Column, other: Column | None) -> tuple[Bins, Integers, Integers | None]:
    """Return the bins of a column and its counts in two splits."""
    beside = _alike(column, other)
    bins = bins_of(column, beside)
    return bins, counts(column, bins), None if beside is None else counts(beside, bins)


def _alike(column: Column, other: Column | None) -> Column | None:
    """Return the other column where it can be counted in the same bins."""
    numbers = ("number", "index")
    return other if other is not None and (column.kind in numbers) == (other.kind in numbers) else None
