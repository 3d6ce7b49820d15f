"""Whether windows of the validation data go on where windows of the training data begin, and the other way round."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nbinspect.records import Integers
from nbinspect.sanity.evidence.data.scan import Scan

_LEAST, _MOST_SHIFTS, _MOST = 6, 16, 2048
_PROBE = 3


def overlapped(train: Scan, val: Scan) -> tuple[int, int]:
    """Return of how many validation windows train holds one that begins before and one that begins after, and of all.

    They have half of their values or more in common. Where the last part is kept for validation, at most those at the
    border have such windows, and on one side. Nothing of rows whose values tell little, or that are all the same, or
    come back at the one end as they leave at the other: a shape that is moved on its ground, or round a circle.
    """
    tables = _windows(train), _windows(val)
    rows, others = train.rows, val.rows
    if tables[0] is None or tables[1] is None or rows is None or others is None or not rows.are_telling:
        return 0, 0
    known, asked = tables[0][:_MOST], tables[1][:_MOST]
    if known.shape[1:] != asked.shape[1:]:
        return 0, 0
    found = [_on_both_sides(known.swapaxes(1, axis), asked.swapaxes(1, axis)) for axis in range(1, known.ndim)]
    return max(found, default=0), len(asked)


def _windows(scan: Scan) -> NDArray[Any] | None:
    """Return (N, …) what the samples hold, if they are one array each, of one shape; None where that was not kept."""
    columns, rows = list(scan.inputs.values()), scan.rows
    if len(columns) != 1 or len(columns[0].shapes) != 1:
        return None
    shape = min(columns[0].shapes)
    # of tokens, the features are how often each comes
    table = scan.features if columns[0].is_floating or rows is None else rows.places
    is_kept = len(table) and len(shape) in (1, 2) and table.shape[1] == math.prod(shape)
    return table.reshape(-1, *shape) if is_kept else None


def _on_both_sides(known: NDArray[Any], asked: NDArray[Any]) -> int:
    """Return how many windows (N, steps, …) have a known one before them and a known one after them."""
    steps = known.shape[1]
    if steps < _LEAST:
        return 0
    before, after = np.zeros(len(asked), dtype=bool), np.zeros(len(asked), dtype=bool)
    varied = np.ptp(asked.reshape(len(asked), -1), axis=1) > 0
    whole = {part: row for row, part in enumerate(_listed(known))}
    kinds = known[list(whole.values())]
    for shift in range(1, min(steps // 2, _MOST_SHIFTS) + 1):
        for known_part, asked_part, by, found in (
            (kinds[:, shift:], asked[:, :-shift], shift, before),
            (kinds[:, :-shift], asked[:, shift:], -shift, after),
        ):
            counts = _counts(known_part, asked_part)
            rows = np.flatnonzero(counts)
            turned = np.array([part in whole for part in _listed(np.roll(asked[rows], by, axis=1))], dtype=bool)
            found[rows] |= counts[rows] > turned
    return int((before & after & varied).sum())


def _counts(known: NDArray[Any], asked: NDArray[Any]) -> Integers:
    """Return (N,) how many known rows are equal to each that is asked for; most differ in their first steps already."""
    counts = np.zeros(len(asked), dtype=np.int64)
    begins = set(_listed(known[:, :_PROBE]))
    likely = [row for row, part in enumerate(_listed(asked[:, :_PROBE])) if part in begins]
    if likely:
        held = Counter(_listed(known))
        counts[likely] = [held[part] for part in _listed(asked[likely])]
    return counts


def _listed(parts: NDArray[Any]) -> list[bytes]:
    return [part.tobytes() for part in np.ascontiguousarray(parts)]
