"""Samples as points: of two columns, or of a map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nbinspect.data.explorer.histogram import bins_of, places
from nbinspect.errors import InputError
from nbinspect.records import Column, DataMap
from nbinspect.records.arrays import Floats, Integers

MOST = 20_000
"""Points that are drawn; of more a draw at random, the same each time."""


@dataclass(frozen=True, eq=False)
class Points:
    """M rows with a place each; `rows` ascend."""

    x: str
    """What the axis is: a column, or the axis of a map. So is `y`."""
    y: str
    rows: Integers
    xs: Floats
    """(M,) float32; so is `ys`."""
    ys: Floats
    title: str
    note: str
    """What is not drawn, in words."""


@dataclass(frozen=True, eq=False)
class Colours:
    """What the points are coloured by."""

    column: str
    codes: Integers
    """(M,) int16: a place in `words`, or the 256 steps between `low` and `high`; −1 for none."""
    words: tuple[str, ...] | None
    """None of numbers."""
    low: float | None
    high: float | None


def scattered(x: Column, y: Column, seed: int = 0) -> Points:
    """Return the samples as points of two columns; those without a number in either are left out.

    Raises:
        InputError: for a column of texts.
    """
    xs, ys = _axis("x", x), _axis("y", y)
    known = np.flatnonzero(np.isfinite(xs) & np.isfinite(ys))
    rows, note = _drawn(known, seed)
    away = len(xs) - len(known)
    notes = [note, f"{away:,} without a finite value in both are left out" if away else ""]
    told = "; ".join(filter(None, notes))
    return Points(x.name, y.name, rows, _small(xs[rows]), _small(ys[rows]), f"{y.name} against {x.name}", told)


def mapped(found: DataMap, seed: int = 0) -> Points:
    """Return a map as points."""
    chosen, note = _drawn(np.arange(len(found.rows)), seed)
    order = chosen[np.argsort(found.rows[chosen], kind="stable")]
    notes = [note, "made of samples drawn at random" if found.sampled else ""]
    return Points(
        "",
        "",
        found.rows[order],
        _small(found.x[order]),
        _small(found.y[order]),
        f"Map ({found.method} of {found.of})",
        "; ".join(filter(None, notes)),
    )


def coloured(column: Column, rows: Integers) -> Colours:
    """Return the colours of these rows: the most common 200 words, or numbers between their 1st and 99th percentile."""
    if column.kind not in ("number", "index"):
        bins = bins_of(column)
        return Colours(column.name, places(column, bins)[rows].astype(np.int16), bins.words, None, None)
    values = column.values[rows].astype(np.float64)
    known = np.isfinite(values) & ((values >= 0) | (column.kind == "number"))
    if not known.any():
        return Colours(column.name, np.full(len(rows), -1, np.int16), None, 0.0, 1.0)
    low, high = (float(end) for end in np.percentile(values[known], (1, 99), method="nearest"))
    steps = np.interp(np.where(known, values, low), (low, high), (0, 255)) if high > low else np.zeros(len(rows))
    return Colours(column.name, np.where(known, steps.round(), -1).astype(np.int16), None, low, high)


def _axis(name: str, column: Column) -> Floats:
    if column.kind == "text":
        raise InputError(f"{name}: expected a column of numbers or classes, got {column.name!r}, which holds texts")
    values = column.values.astype(np.float64)
    return values if column.kind in ("number", "flag") else np.where(values >= 0, values, np.nan)


def _drawn(rows: Integers, seed: int) -> tuple[Integers, str]:
    if len(rows) <= MOST:
        return rows, ""
    chosen = np.random.default_rng(seed).choice(len(rows), MOST, replace=False)
    return rows[np.sort(chosen)], f"{MOST:,} of {len(rows):,} samples, drawn at random"


def _small(values: Floats) -> Floats:
    """Return float32; what is too large for it stands at its end."""
    limit = float(np.finfo(np.float32).max)
    return values.clip(-limit, limit).astype(np.float32)
