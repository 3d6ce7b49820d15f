"""Samples far from all others: by one of their numbers, or by the distance to their neighbours."""

from __future__ import annotations

import numpy as np

from nbinspect.data.findings.found import Found, Level, indices_of, samples
from nbinspect.data.findings.neighbours import nearest
from nbinspect.data.findings.space import points_of
from nbinspect.records import Column, DataFinding, DatasetRecord
from nbinspect.records.arrays import Flags, Floats

_FEW = 20
_FAR, _GROSS = 8.0, 30.0
_RARE = 0.01
_FIFTH = 5
_TIMES = 3.0
_COMPARED = 2 * 10**8
_REFERENCE = 2000
_NOT_JUDGED = ("nonfinite", "missing")  # they have findings of their own
_IN_UNITS = ("min", "mean", "std", "max")
"""Columns in the unit of the input's values."""
_ROUNDING = 1e-4
"""Share of the usual magnitude below which columns differ by rounding alone."""
_STEP = 0.1 / _FAR
"""Least deviation of a column that is mostly one value, as a share of its level: a tenth off is not far."""
_NORMAL = 1.4826


def outliers(record: DatasetRecord) -> Found:
    """Find samples by robust z-score of their numbers, or by the distance to their fifth neighbour.

    Source: K-sort.
    """
    if record.rows < _FEW:
        return Found()
    scores = {c.name: np.abs(robust_scores(c.values, level=_level(record, c))) for c in _judged(record)}
    columns: list[Column] = []
    queries: list[str] = []
    far = np.zeros(record.rows, np.bool_)
    largest = np.zeros(record.rows)
    if scores:
        table = np.stack(list(scores.values()))
        largest = table.max(0)
        far = largest > _FAR
        queries.append(f"outlier > {_FAR:g}")
        about = "the largest robust z-score, (value − median) / deviation, of its numbers: " + ", ".join(scores)
        columns.append(Column("outlier", "number", largest, "finding", help=about))
    distances, apart, notes = _distances(record)
    if distances is not None:
        limit = _limit(distances, apart)
        queries.append(f"distance > {limit:g}")
        about = "the distance to its fifth nearest sample, over the usual one"
        columns.append(Column("distance", "number", distances, "finding", help=about))
        far = far | (distances > limit)
    if not far.any():
        return Found(tuple(columns), (), notes)
    text = f"{samples(int(far.sum()))} far from the others: {_named(record, scores, largest, distances, far)}"
    level: Level = "warn" if largest.max() > _GROSS and far.mean() < _RARE else "note"
    return Found(tuple(columns), (DataFinding("outliers", level, text, int(far.sum()), " or ".join(queries)),), notes)


def _judged(record: DatasetRecord) -> list[Column]:
    """Return the columns of numbers that say how much; of a text that is its length, as tokens are names.

    In a table none does, as they are over features of different units; its rows are judged by their neighbours.
    """
    if record.form == "table":
        return []
    numbers = [column for column in record.columns if column.kind == "number" and column.about == "input"]
    if record.form == "text":
        return [column for column in numbers if column.name == "length"]
    return [column for column in numbers if column.name not in _NOT_JUDGED]


def _level(record: DatasetRecord, column: Column) -> float:
    """Return the usual magnitude of what a column measures; of a share that is all."""
    if column.name == "zeros":
        return 1.0
    parts = [column.values]
    if column.name in _IN_UNITS:
        parts += [each.values for name in ("min", "max") if (each := record.column(name)) is not None]
    sizes = [np.abs(part[np.isfinite(part)]) for part in parts]
    return max((float(np.median(size)) for size in sizes if len(size)), default=0.0)


def robust_scores(values: Floats, *, level: float = 0.0) -> Floats:
    """Return (N,) how many deviations each value lies from the median, each side by its own deviation; NaN becomes 0.

    Of positive values the logarithms count where they are nearer, as sizes and counts have a long tail, and of any
    values with long tails their inverse hyperbolic sines. Where more than half are one value, the deviation comes from
    the range of nearly all; where nearly all are, none is far. Of whole numbers a deviation is 1 at least; of others no
    smaller than rounding of values of that `level`, and than a step of theirs where more than half are one value.
    """
    finite = values[np.isfinite(values)]
    floor = _floor(finite, level)
    scores = _scores(values, floor)
    if len(finite) and (finite > 0).all():
        logs = _scores(np.log(values), floor / float(np.median(finite)))
        scores = np.where(np.abs(logs) < np.abs(scores), logs, scores)
    if (np.abs(scores) > _FAR).sum() > _RARE * len(scores):
        tails = _scores(np.arcsinh(scores), 0.0)
        scores = np.where(np.abs(tails) < np.abs(scores), tails, scores)
    return scores


def _floor(finite: Floats, level: float) -> float:
    """Return the least deviation that finite values are taken to have."""
    middle = float(np.median(finite)) if len(finite) else 0.0
    whole = 1.0 if (finite == np.round(finite)).all() else 0.0
    mostly_one = float(np.median(np.abs(finite - middle))) == 0 if len(finite) else False
    return max(whole, (_STEP if mostly_one else _ROUNDING) * max(level, abs(middle)))


def _scores(values: Floats, floor: float) -> Floats:
    finite = np.isfinite(values)
    if not finite.any():
        return np.zeros(len(values))
    middle = float(np.median(values[finite]))
    away = np.where(finite, values - middle, 0.0)
    low, high = (_deviation(part[finite]) for part in (-away, away))
    scale = np.where(away > 0, high, low)
    return np.divide(away, np.maximum(scale, floor), out=np.zeros(len(values)), where=scale > 0)


def _deviation(away: Floats) -> float:
    """Return the deviation of the values above the median, from how far they are away."""
    side = away[away >= 0]
    usual = float(np.median(side)) * _NORMAL
    whole = float(np.median(np.abs(away))) * _NORMAL
    if min(usual, whole) > 0:
        return max(usual, 0.5 * whole)
    below = float(np.quantile(np.abs(away), 0.99, method="lower"))  # of few, without a share of the farthest one
    return (below or float(np.quantile(np.abs(away), 0.99))) / 2.576


def _distances(record: DatasetRecord) -> tuple[Floats | None, float, tuple[str, ...]]:
    """Return (N,) the distance to the fifth neighbour over the usual one, NaN for samples that are not embedded.

    With it come the distance of any two samples, over the usual one as well, and notes.
    """
    points = points_of(record)
    count = len(points)
    if count < _FEW:
        return None, 0.0, ()
    most = min(count, max(_REFERENCE, _COMPARED // count))
    chosen = np.sort(np.random.default_rng(0).permutation(count)[:most])
    own = np.full(count, -1)
    own[chosen] = np.arange(most)
    fifth = nearest(points, points[chosen], _FIFTH, own=own)[1][:, -1].astype(np.float64)
    usual = float(np.median(fifth))
    if not usual > 0:
        return None, 0.0, ()
    distances = np.full(record.rows, np.nan)
    distances[record.embedded] = fifth / usual
    said = f"Distances to neighbours are to those among {most:,} samples drawn at random from {record.rows:,}"
    pairs = points[chosen] - points[np.roll(chosen, most // 2)]
    apart = float(np.median(np.linalg.norm(pairs, axis=1))) / usual
    return distances, apart, (said,) if most < record.rows else ()


def _limit(distances: Floats, apart: float) -> float:
    """Return the distance from which on a sample is far, as a query spells it: its neighbours are no nearer than any.

    In few dimensions the last ones of a tail have no near neighbours either.
    """
    known = distances[np.isfinite(distances) & (distances > 0)]
    return float(f"{max(_TIMES, apart, float(np.exp(_FAR * _deviation(np.log(known))))):.3g}")


def _named(
    record: DatasetRecord,
    scores: dict[str, Floats],
    largest: Floats,
    distances: Floats | None,
    far: Flags,
) -> str:
    """Return the first few, the farthest first, and by what."""
    apart = np.zeros(record.rows) if distances is None else np.nan_to_num(distances)
    rank = np.where(far, np.maximum(largest / _FAR, apart / _TIMES), -1.0)
    said: list[str] = []
    for row in np.argsort(-rank, kind="stable")[: min(3, int(far.sum()))]:
        index = indices_of(record)[row]
        if largest[row] > _FAR:
            name = max(scores, key=lambda name: float(scores[name][row]))
            column = record.column(name)
            value = float("nan") if column is None else column.values[row]
            called = "z" if any("z-score" in text for text in said) else "robust z-score"
            said.append(f"sample {index} ({name} {value:.3g}, {called} {largest[row]:.1f})")
        else:
            said.append(f"sample {index} (neighbours {apart[row]:.1f} times as far as usual)")
    return ", ".join(said) + (", …" if far.sum() > 3 else "")
