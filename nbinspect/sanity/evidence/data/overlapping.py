"""Whether windows of the validation data go on where windows of the training data begin, and the other way round."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nbinspect.records import Floats, Integers
from nbinspect.sanity.evidence.data.scan import Scan

_LEAST, _MOST_SHIFTS, _MOST = 6, 16, 2048
_PROBE = 3
_BETTER = 0.75


def overlapped(train: Scan, val: Scan) -> tuple[int, int]:
    """Return of how many validation windows train holds one that begins before and one that begins after, and of all.

    They have half of their values or more in common. Where the last part is kept for validation, at most those at the
    border have such windows, and on one side. Nothing of rows whose values tell little, or that are all the same, or
    come back at the one end as they leave at the other: a shape that is moved on its ground, or round a circle.
    """
    known, asked = _of_both(train, val)
    found = [_on_both_sides(*tables) for tables in _by_axis(known, asked)]
    return max(found, default=0), len(asked)


def tell_targets(train: Scan, val: Scan) -> bool:
    """Whether windows of train tell the target of a validation window they overlap with better than the nearest others.

    By a quarter of the error. What comes after a window and is noise, or follows from a season, is told by none of them
    better. Also where targets are not one number each: as values that follow, they overlap like the windows.
    """
    known, asked = _of_both(train, val)
    given, wanted = (_targets(scan)[:_MOST] for scan in (train, val))
    if len(given) != len(known) or len(wanted) != len(asked):
        return True
    shifts = max((_shifts(*tables) for tables in _by_axis(known, asked)), key=np.count_nonzero)
    first = np.where(shifts > 0, shifts, _MOST_SHIFTS + 1)
    beside = first == first.min(1, keepdims=True)
    rows, others = known.reshape(len(known), -1), asked.reshape(len(asked), -1)
    apart = (others**2).sum(1)[:, None] + (rows**2).sum(1) - 2 * others @ rows.T
    nearest = np.argsort(np.where(shifts > 0, np.inf, apart), axis=1)[:, :2]
    used = shifts.any(1)
    by_overlap = np.abs((beside * given).sum(1) / beside.sum(1) - wanted)[used]
    by_others = np.abs(given[nearest].mean(1) - wanted)[used]
    return bool(by_overlap.mean() < _BETTER * by_others.mean())


def _of_both(train: Scan, val: Scan) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the windows of train and of validation; none where they cannot be compared."""
    tables = _windows(train), _windows(val)
    if tables[0] is None or tables[1] is None or train.rows is None or val.rows is None or not train.rows.are_telling:
        return np.zeros((0, 1)), np.zeros((0, 1))
    known, asked = tables[0][:_MOST], tables[1][:_MOST]
    return (known, asked) if known.shape[1:] == asked.shape[1:] else (np.zeros((0, 1)), np.zeros((0, 1)))


def _by_axis(known: NDArray[Any], asked: NDArray[Any]) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    return [(known.swapaxes(1, axis), asked.swapaxes(1, axis)) for axis in range(1, known.ndim)]


def _targets(scan: Scan) -> Floats:
    """Return (N,) the targets of the windows, in their order, if each is one number or class; else none."""
    found = scan.classes if _are_features(scan) or scan.rows is None else scan.rows.classes
    return found if found is not None and np.isfinite(found).all() else np.zeros(0)


def _are_features(scan: Scan) -> bool:
    """Whether windows are told by the features; of tokens, those are how often each comes."""
    return next(iter(scan.inputs.values())).is_floating or scan.rows is None


def _shifts(known: NDArray[Any], asked: NDArray[Any]) -> Integers:
    """Return (asked, known) by how many steps two windows are apart that overlap by half or more; 0 for none."""
    steps, found = known.shape[1], np.zeros((len(asked), len(known)), dtype=np.int64)
    for shift in range(min(steps // 2, _MOST_SHIFTS), 0, -1):
        for known_part, asked_part in ((known[:, shift:], asked[:, :-shift]), (known[:, :-shift], asked[:, shift:])):
            rows: dict[bytes, list[int]] = {}
            for row, part in enumerate(_listed(known_part)):
                rows.setdefault(part, []).append(row)
            for row, part in enumerate(_listed(asked_part)):
                found[row, rows.get(part, [])] = shift
    return found


def _windows(scan: Scan) -> NDArray[Any] | None:
    """Return (N, …) what the samples hold, if they are one array each, of one shape; None where that was not kept."""
    columns, rows = list(scan.inputs.values()), scan.rows
    if len(columns) != 1 or len(columns[0].shapes) != 1:
        return None
    shape = min(columns[0].shapes)
    table = scan.features if _are_features(scan) or rows is None else rows.places
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
