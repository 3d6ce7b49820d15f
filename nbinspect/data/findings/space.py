"""The samples of a data set as points, near where they are alike, and what distance chance alone brings about."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nbinspect.data.findings.neighbours import nearest
from nbinspect.records import DatasetRecord
from nbinspect.records.arrays import Floats, Integers
from nbinspect.sanity.evidence.data.information import bits_of

_ASKED = 500
_NEAR, _FAR = 5, 10
_GAMMA_MEDIANS = 4.67, 9.67  # of the gamma distributions of 5 and 10: how many points lie within those neighbours
_READ = 4000


def points_of(record: DatasetRecord) -> Floats:
    """Return (M, K) float32 of the embedded samples: features of a table scaled alike, texts to length 1.

    What is not finite is taken for the mean of its column.
    """
    points: Floats = record.embedding.astype(np.float32)
    finite = np.isfinite(points)
    if not finite.all():
        counts = np.maximum(finite.sum(0), 1)
        points = np.where(finite, points, (np.where(finite, points, 0).sum(0) / counts).astype(np.float32))
    if record.form == "text":
        points = points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)
    if record.form in ("table", "values") and len(points):
        spread = points.std(0)
        points = (points - points.mean(0)) / np.where(spread > 0, spread, 1)
    return points


@dataclass(frozen=True)
class Spacing:
    """How far samples lie from each other."""

    fifth: float
    """The usual distance to the fifth neighbour."""
    dimensions: float
    """In how many directions samples vary, seen from one of them."""
    typical: float
    """The usual distance of two samples."""

    def chance(self, pairs: float, count: int) -> float:
        """Return the distance within which chance brings fewer than `pairs` of `count` points together."""
        share = 2 * pairs / max(count * _GAMMA_MEDIANS[0], 1.0)  # each pair is seen from both ends
        return float(self.fifth * min(1.0, share) ** (1 / self.dimensions))


def spacing_of(points: Floats) -> Spacing | None:
    """Return how far different points (M, K) lie from each other; None for too few, or where most are one point."""
    if len(points) < 4 * _FAR:
        return None
    random = np.random.default_rng(0)
    asked = random.permutation(len(points))[:_ASKED]
    _, distances = nearest(points[asked], points, _FAR, own=asked)
    fifth, tenth = (float(np.median(distances[:, k - 1])) for k in (_NEAR, _FAR))
    others = points[random.permutation(len(points))[: len(asked)]]
    typical = float(np.median(np.linalg.norm(points[asked] - others, axis=1)))
    if not fifth or not tenth > fifth:
        return None
    dimensions = np.log(_GAMMA_MEDIANS[1] / _GAMMA_MEDIANS[0]) / np.log(tenth / fifth)
    return Spacing(fifth, float(max(dimensions, 1.0)), typical)


def first_of_each(record: DatasetRecord) -> Integers:
    """Return places in `embedded` of samples that are neither blank nor equal to an earlier one, ascending."""
    rows = record.embedded
    used = np.flatnonzero(~record.blank[rows]) if len(record.blank) == record.rows else np.arange(len(rows))
    if len(record.input_hashes) != record.rows:
        return used
    return used[np.sort(np.unique(record.input_hashes[rows[used]], return_index=True)[1])]


def are_telling(record: DatasetRecord) -> bool:
    """Whether equal samples can be no coincidence: far more samples could be than there are."""
    if len(record.embedding):
        values = record.embedding[first_of_each(record)]
    else:
        numbers = [c.values for c in record.columns if c.kind == "number" and c.about == "input"]
        values = np.unique(np.stack(numbers, axis=1), axis=0) if numbers else np.zeros((0, 0))
    chosen = np.random.default_rng(0).permutation(len(values))[:_READ]
    bits = bits_of(np.nan_to_num(values[chosen].astype(np.float64)))
    return bits > 2 * float(np.log2(max(2, record.rows))) + 6
