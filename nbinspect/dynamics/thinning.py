"""Bounded memory for a run of any length: old detail is thinned, extremes and the recent past stay."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nbinspect.records import Reading, Trace

POINTS, POINTS_OF_PART = 2048, 512
"""Points kept of a number of the whole run, and of one of a layer or group; 20 bytes a point on the page."""
READINGS, READING_BYTES = 256, 8 << 20
"""Readings kept of a probe, and the bytes that they may take together."""
Columns: TypeAlias = "dict[str, NDArray[Any]]"
NAMES = 256
"""Numbers kept at most, each by its name and part."""


class Traces:
    """Numbers over the steps of a run.

    The last half of the points of each are steps as they were; older ones are merged in pairs, the shortest stretches
    first, so that the whole run stays in view at about one resolution, each point with its extremes.
    """

    def __init__(self, points: int = POINTS, points_of_part: int = POINTS_OF_PART) -> None:
        self._points = points
        self._points_of_part = points_of_part
        self._lines: dict[tuple[str, str], _Line] = {}
        self._lock = threading.Lock()

    def extend(self, traces: Iterable[Trace]) -> None:
        """Append points, each after those that are there."""
        with self._lock:
            for trace in traces:
                line = self._line(trace.name, trace.part)
                if line is not None:
                    line.append(_columns_of(trace))

    def traces(self) -> tuple[Trace, ...]:
        """Return all that is kept."""
        with self._lock:
            return tuple(line.trace(name, part) for (name, part), line in self._lines.items())

    def _line(self, name: str, part: str) -> _Line | None:
        line = self._lines.get((name, part))
        if line is None and len(self._lines) < NAMES:
            line = self._lines[name, part] = _Line(self._points_of_part if part else self._points)
        return line


class Readings:
    """The readings of one probe: the recent ones as they were made, of older ones the more jittery of each two."""

    def __init__(self, most: int = READINGS, limit_bytes: int = READING_BYTES) -> None:
        self._most = most
        self._limit = limit_bytes
        self._kept: list[Reading] = []
        self._lock = threading.Lock()

    def add(self, reading: Reading, pinned: Collection[int] = ()) -> None:
        """Append a reading; what is thinned then spares the first one and those of the steps that are pinned."""
        with self._lock:
            self._kept.append(reading)
            if len(self._kept) > max(4, min(self._most, self._limit // max(1, _size(reading)))):
                self._thin(pinned)

    def readings(self) -> tuple[Reading, ...]:
        """Return all that is kept, in the order of the steps."""
        with self._lock:
            return tuple(self._kept)

    def _thin(self, pinned: Collection[int]) -> None:
        """Drop one of each two neighbours in the older half, the closest neighbours first."""
        half = len(self._kept) // 2 // 2 * 2
        pairs = [(self._kept[n], self._kept[n + 1]) for n in range(0, half, 2)]
        spans = [later.step - earlier.step for earlier, later in pairs]
        widest = float(np.median(spans))
        kept: list[Reading] = []
        for number, ((earlier, later), span) in enumerate(zip(pairs, spans, strict=True)):
            spared = span > widest or earlier.step in pinned or later.step in pinned
            if spared:
                kept += [earlier, later]
            else:
                kept.append(earlier if number == 0 or _restless(earlier) > _restless(later) else later)
        self._kept[:half] = kept


class _Line:
    """The points of one number: a column of steps, extremes, sums, and how many finite and other values each has."""

    def __init__(self, points: int) -> None:
        self._most = points
        self._columns: Columns = {key: np.zeros(0, dtype=np.int64 if key == "step" else np.float64) for key in _MERGED}

    def append(self, columns: Columns) -> None:
        self._columns = {key: np.concatenate([kept, columns[key]]) for key, kept in self._columns.items()}
        while len(self._columns["step"]) > self._most:
            self._thin()

    def _thin(self) -> None:
        half = len(self._columns["step"]) // 2 // 2 * 2
        pairs = {key: column[:half].reshape(-1, 2) for key, column in self._columns.items()}
        weights = (pairs["count"] + pairs["broken"]).sum(1)
        merged = weights <= np.median(weights)
        one = {key: _MERGED[key](pair, axis=1) for key, pair in pairs.items()}
        order = np.repeat(np.where(merged, 1, 2), np.where(merged, 1, 2))
        for key, column in self._columns.items():
            older = np.empty(len(order), dtype=column.dtype)
            older[order == 1] = one[key][merged]
            older[order == 2] = pairs[key][~merged].reshape(-1)
            self._columns[key] = np.concatenate([older, column[half:]])

    def trace(self, name: str, part: str) -> Trace:
        columns = self._columns
        count = columns["count"]
        mean = np.divide(columns["sum"], count, out=np.full(len(count), np.nan), where=count > 0)
        none = count == 0
        low, high = (np.where(none, np.nan, columns[key]).astype(np.float32) for key in ("low", "high"))
        broken = columns["broken"].astype(np.int32)
        return Trace(name, part, columns["step"].copy(), low, mean.astype(np.float32), high, broken)


_MERGED: dict[str, Callable[..., Any]] = {
    "step": np.max,
    "low": np.min,
    "high": np.max,
    "sum": np.sum,
    "count": np.sum,
    "broken": np.sum,
}


def _columns_of(trace: Trace) -> Columns:
    """Return the points of a trace, each of which counts as one step."""
    some = np.isfinite(trace.mean)
    low, high = np.where(some, trace.low, np.inf), np.where(some, trace.high, -np.inf)
    total = np.where(some, trace.mean, 0.0).astype(np.float64)
    counts = {"count": some.astype(np.float64), "broken": trace.broken.astype(np.float64)}
    return {"step": trace.step.astype(np.int64), "low": low, "high": high, "sum": total, **counts}


def _size(reading: Reading) -> int:
    return sum(part.nbytes for part in vars(reading).values() if isinstance(part, np.ndarray))


def _restless(reading: Reading) -> float:
    known = reading.jitter[np.isfinite(reading.jitter)]
    return float(known.mean()) if len(known) else 0.0
