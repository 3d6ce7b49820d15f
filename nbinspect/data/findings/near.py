"""Samples that are nearly the same: a picture stored anew, a text with a word changed, a row that was rounded."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from nbinspect.data.findings.found import Found, Level, examples, groups_of, partner_column, samples
from nbinspect.data.findings.space import Spacing, first_of_each, points_of, spacing_of
from nbinspect.records import Column, DataFinding, DatasetRecord
from nbinspect.records.arrays import Flags, Floats, Integers

_BITS = 8
_BANDS = 4
_LONGEST, _TRIED = 100, 5000
_CHANCE, _SIGNED_CHANCE = 0.05, 0.01
_OWN = 0.06
_TEXT, _ROW = 0.3, 0.005
_DISTINCT, _COLUMNS = 30, 2


def near_duplicates(record: DatasetRecord) -> Found:
    """Find samples nearer to each other than chance would bring two of so many, exact and blank ones left out.

    Pictures and texts must also have signatures that differ in 8 of 64 bits at most, and pictures differ by little of
    their own contrast; tables and others need columns of many distinct values. Source: K-duplicates.

    Args:
        record: left unchanged; only its embedded samples are compared.
    """
    points = points_of(record)
    rows = first_of_each(record)
    rows = rows[~_unknown(points[rows])]
    spacing = spacing_of(points[rows])
    signed = record.form in ("image", "text")
    if spacing is None or not (len(record.signatures) == record.rows if signed else _is_fine(points[rows])):
        return Found()
    # signature and contrast are evidence of their own, so that distance need not decide alone
    reach = spacing.chance(_SIGNED_CHANCE * len(rows) if signed else _CHANCE, len(rows))
    points = points[rows]
    if signed:
        pairs, crowded = pairs_alike(record.signatures[record.embedded[rows]])
    else:
        reach = min(reach, _ROW * spacing.typical)
        pairs, crowded = pairs_within(points, reach)
    pairs = pairs[_distances(points, *pairs.T) <= _allowed(points, pairs, spacing, reach, record.form)]
    notes = []
    if crowded:
        notes.append(f"Near duplicates: of crowds of like samples only {_LONGEST} neighbours of each were compared")
    if len(record.embedded) < record.rows:
        drawn = f"{len(record.embedded):,} samples drawn at random from {record.rows:,}"
        notes.append(f"Near duplicates were looked for among {drawn}")
    found = _found(record, record.embedded[rows], pairs, _distances(points, *pairs.T))
    return Found(*found, tuple(notes))


def _found(
    record: DatasetRecord, rows: Integers, pairs: Integers, distances: Floats
) -> tuple[tuple[Column, ...], tuple[DataFinding, ...]]:
    partners = np.full(record.rows, -1)
    best = np.full(record.rows, np.inf)
    for side in (0, 1):
        np.minimum.at(best, rows[pairs[:, side]], distances)
    for one, other in ((0, 1), (1, 0)):
        nearest = distances <= best[rows[pairs[:, one]]]
        partners[rows[pairs[nearest, one]]] = rows[pairs[nearest, other]]
    column = partner_column(record, "near", partners, "the sample that is nearly the same, the most alike of them")
    members = np.flatnonzero(partners >= 0)
    if not len(members):
        return (column,), ()
    groups = groups_of(members, _joined(pairs, rows, record.rows)[members])
    level: Level = "warn" if record.form in ("image", "text") else "note"
    text = f"{samples(len(members))} are nearly the same as another: {examples(groups, record)}"
    return (column,), (DataFinding("near duplicates", level, text, len(members), "near.notna()", groups),)


def _joined(pairs: Integers, rows: Integers, count: int) -> Integers:
    """Return (N,) the smallest row that pairs lead to, from neighbour to neighbour."""
    group = np.arange(count)
    one, other = rows[pairs[:, 0]], rows[pairs[:, 1]]
    while (group[one] != group[other]).any():
        least = np.minimum(group[one], group[other])
        np.minimum.at(group, one, least)
        np.minimum.at(group, other, least)
        group = group[group]
    return group


def _unknown(points: Floats) -> Flags:
    """Return which samples have the mean of every column, as one has whose values are not known."""
    if not len(points):
        return np.zeros(0, np.bool_)
    close: Flags = (np.abs(points - points.mean(0)) <= 1e-5 * points.std(0)).all(1)
    return close


def _is_fine(points: Floats) -> bool:
    """Whether equal values in several columns are no everyday matter."""
    most = np.sort([len(np.unique(column)) for column in points[:5000].T])[-_COLUMNS:]
    return len(most) == _COLUMNS and most.min() > max(_DISTINCT, 0.1 * min(len(points), 5000))


def _allowed(points: Floats, pairs: Integers, spacing: Spacing, reach: float, form: str) -> Floats:
    """Return (P,) the distance within which a pair is nearly the same."""
    if form != "image":
        return np.full(len(pairs), min(reach, _TEXT * spacing.typical))
    contrast = np.linalg.norm(points - points.mean(1, keepdims=True), axis=1)
    allowed: Floats = np.minimum(reach, _OWN * contrast[pairs].min(1))
    return allowed


def _distances(points: Floats, one: Integers, other: Integers) -> Floats:
    distances: Floats = np.linalg.norm(points[one] - points[other], axis=1)
    return distances


def pairs_alike(signatures: NDArray[np.uint64]) -> tuple[Integers, bool]:
    """Return pairs (P, 2) of signatures that differ in 8 bits at most, and whether crowds were cut short.

    They share one of eight bands of 16 bits, which those of three bits surely do and nearly all others.
    """
    bits = np.unpackbits(signatures.view(np.uint8).reshape(-1, 8), axis=1).astype(np.uint64)
    weights = np.uint64(1) << np.arange(16, dtype=np.uint64)
    ones = np.unpackbits(np.arange(2**16, dtype=np.uint16).view(np.uint8).reshape(-1, 2), axis=1).sum(1, dtype=np.uint8)

    def keep(one: Integers, other: Integers) -> Flags:
        differing = np.bitwise_xor(signatures[one], signatures[other]).view(np.uint16).reshape(-1, 4)
        return np.asarray(ones[differing].sum(1) <= _BITS)

    found, crowded = [], False
    for band in range(2 * _BANDS):
        chosen = bits[:, 16 * band : 16 * band + 16] if band < _BANDS else bits[:, band - _BANDS :: _BANDS]
        keys = chosen @ weights
        order = np.lexsort((signatures, keys))
        pairs, cut = _within(order, keys[order].astype(np.float64), 0.0, keep)
        found.append(pairs)
        crowded |= cut
    return _each_once(found), crowded


def pairs_within(points: Floats, reach: float) -> tuple[Integers, bool]:
    """Return all pairs (P, 2) within reach, and whether crowds were cut short.

    Along one direction samples are sorted into strips of twice the reach, which two sets of strips, one of them moved
    by half a strip, do for every pair; within a strip the places along another direction tell who may be near.
    """
    centred = points - points.mean(0)
    places = (centred @ np.linalg.eigh(centred.T @ centred)[1]).astype(np.float64)
    some = np.sort(places[:: max(1, len(places) // _TRIED)].T, axis=1)
    crowds = [int(np.searchsorted(along, along + reach, side="right").sum()) for along in some]
    across, along = (places[:, k] - places[:, k].min() for k in np.argsort(crowds)[:2])

    def keep(one: Integers, other: Integers) -> Flags:
        return np.asarray(_distances(points, one, other) <= reach)

    found, crowded = [], False
    for moved in (0.0, 0.5):
        keys = np.floor(across / (2 * reach) + moved) * (along.max() + 2 * reach) + along
        order = np.argsort(keys, kind="stable")
        pairs, cut = _within(order, keys[order], reach, keep)
        found.append(pairs)
        crowded |= cut
    return _each_once(found), crowded


def _each_once(found: list[Integers]) -> Integers:
    pairs = np.concatenate(found)
    count = int(pairs.max(initial=0)) + 1
    return np.stack(np.divmod(np.unique(pairs[:, 0] * count + pairs[:, 1]), count), axis=1)


def _within(
    order: Integers, keys: Floats, reach: float, keep: Callable[[Integers, Integers], Flags]
) -> tuple[Integers, bool]:
    """Return pairs of `order` to keep, whose ascending keys differ by `reach` at most, 100 steps apart at most."""
    found = [np.zeros((0, 2), np.int64)]
    left = np.arange(len(keys) - 1)
    for step in range(1, _LONGEST + 1):
        left = left[left + step < len(keys)]
        left = left[keys[left + step] - keys[left] <= reach]
        if not len(left):
            break
        pairs = np.stack([order[left], order[left + step]], axis=1)
        found.append(np.sort(pairs[keep(pairs[:, 0], pairs[:, 1])], axis=1))
    return np.concatenate(found), bool(len(left))
