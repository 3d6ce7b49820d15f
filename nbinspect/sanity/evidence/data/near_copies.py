"""Samples that are next to the same as another one, far nearer than samples are to each other, and their classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nbinspect.records import CheckResult, Flags, Floats, Integers
from nbinspect.sanity.check import measured, warned
from nbinspect.sanity.evidence.data.rows import Rows

_MOST, _LEAST = 3000, 40
_NEAR = 0.1
_PAIRS, _SHARE = 20, 0.5
_FIFTH = 5


@dataclass(frozen=True)
class NearCopies:
    """Pairs of near copies, each the other's nearest, of which half or more have two classes."""

    pairs: int
    apart: int
    """How many of them have two classes."""
    distance: float
    """Their median distance, as a share of what is usual there."""
    example: tuple[int, int]
    """The indices of two of them."""


def of_near_copies(rows: Rows) -> CheckResult | None:
    """Tell of near copies with two classes, which may be meant: pairs that differ in nothing but what decides."""
    found = near_contradictions(rows)
    if found is None:
        return None
    one, other = found.example
    return warned(
        f"{found.apart:,} of {found.pairs:,} pairs of near copies have two classes",
        measured("pairs of near copies that have two classes", f"{found.apart / found.pairs:.0%}", "next to none"),
        measured("how far these differ, beside other samples' nearest", f"{found.distance:.1%}", f"above {_NEAR:.0%}"),
        title="Near copies with different classes",
        detail=f"{found.pairs:,} samples have a copy that differs from them by {found.distance:.1%} of what is "
        f"usual between nearest samples, and {found.apart:,} of these have two classes: samples {one} and {other}.",
        remedy="Compare such pairs, and drop or correct them; where only details tell classes apart, all is well.",
        where=f"sample {one}",
    )


def near_contradictions(rows: Rows) -> NearCopies | None:
    """Return the near copies among samples of measured values where they have two classes as often as one; else None.

    Nearest are those of the least distance at the places that were kept, each of which counts by its spread. Usual is
    that of most samples, or from the fifth nearest where this is less, as where samples lie close together. Copies lie
    apart from the rest: fewer samples are up to three times as far from their nearest, of which there are always more
    else. Where most samples have one that is near, as frames of a film have, none is told from the usual.
    """
    kept = _of_measurements(rows)
    if len(kept) < _LEAST:
        return None
    distance, fifth, nearest = _nearest(rows.places[kept])
    usual = np.minimum(np.median(distance), fifth)
    at = np.arange(len(kept))
    mates = at[(nearest[nearest] == at) & (at < nearest) & (distance < _NEAR * usual)]
    labels = rows.classes[kept]
    apart = mates[labels[mates] != labels[nearest[mates]]]
    between = ((distance >= _NEAR * usual) & (distance < 3 * _NEAR * usual)).sum()
    if between > len(mates) or len(apart) < max(_PAIRS, _SHARE * len(mates)):
        return None
    first = int(apart[0])
    example = int(rows.indices[kept[first]]), int(rows.indices[kept[nearest[first]]])
    return NearCopies(len(mates), len(apart), float(np.median(distance[apart] / usual[apart])), example)


def _of_measurements(rows: Rows) -> Integers:
    """Return positions of rows of floats or of pictures of bytes with a class, each content once; none of others."""
    if not all("float" in kind or (kind == "uint8" and len(shape) > 1) for kind, shape in rows.form):
        return np.zeros(0, dtype=np.int64)
    used = np.flatnonzero(~rows.flat & np.isfinite(rows.classes) & np.isfinite(rows.places).all(1))
    kept = used[np.sort(np.unique(rows.inputs[used], return_index=True)[1])]
    return kept[:: max(1, -(-len(kept) // _MOST))] if rows.are_telling else kept[:0]


def _nearest(places: Floats) -> tuple[Floats, Floats, Integers]:
    """Return how far each row is from its nearest and from its fifth nearest, and which the nearest is."""
    spread = places.std(0)
    used: Flags = spread > 0
    table = (places[:, used] - places[:, used].mean(0)) / spread[used]
    squares = (table**2).sum(1)
    found = np.empty(len(table)), np.empty(len(table)), np.empty(len(table), dtype=np.int64)
    for start in range(0, len(table), 500):
        part = slice(start, start + 500)
        apart = squares[part, None] + squares[None] - 2 * table[part] @ table.T
        apart[np.arange(len(apart)), np.arange(start, start + len(apart))] = np.inf
        found[2][part] = apart.argmin(1)
        for distance, rank in zip(found, (0, _FIFTH - 1), strict=False):
            distance[part] = np.sqrt(np.maximum(np.partition(apart, rank, axis=1)[:, rank], 0))
    return found
