"""Samples as points of a plane, in which like samples are near each other."""

from __future__ import annotations

import numpy as np

from nbinspect.data.findings.space import points_of
from nbinspect.errors import InputError
from nbinspect.records import DataMap, DatasetRecord
from nbinspect.records.arrays import Floats, Integers

METHODS = ("pca", "umap")
_MOST = {"pca": 100_000, "umap": 20_000}
_WIDEST = 512
_OF = {
    "image": "pixels, pooled",
    "text": "counts of tokens, hashed",
    "table": "features, scaled alike",
    "values": "values, scaled alike",
    "series": "values, pooled",
    "audio": "samples, pooled",
}


def map_of(record: DatasetRecord, method: str = "pca", features: Floats | None = None) -> DataMap:
    """Return where samples lie in a plane: along the two directions of the widest spread, or by UMAP.

    Args:
        record: left unchanged.
        method: ``pca``, or ``umap`` where umap-learn is installed; it draws 20,000 samples where there are more.
        features: (N, K) of all samples or (M, K) of the embedded ones, to use in place of the record's embedding; left
            unchanged.

    Raises:
        InputError: for an unknown method, features of another number, too few samples, or without umap-learn.
    """
    if method not in METHODS:
        raise InputError(f"expected a method of {', '.join(METHODS)}, got {method!r}")
    rows, points = _points(record, features)
    if len(rows) < 3 or not points.shape[1]:
        raise InputError(f"expected 3 samples or more whose content can be compared, got {len(rows)}; scan more")
    chosen = np.sort(np.random.default_rng(0).permutation(len(rows))[: _MOST[method]])
    rows, points = rows[chosen], points[chosen]
    if method == "umap":
        plane, name = _umap(points), "UMAP"
    else:
        plane, shares = principal(points)
        name = f"PCA ({shares[0]:.0%} and {shares[1]:.0%} of the variance)"
    of = _OF[record.form] if features is None else "the network's features"
    return DataMap(rows, plane[:, 0], plane[:, 1], name, of, sampled=len(rows) < record.rows)


def _points(record: DatasetRecord, features: Floats | None) -> tuple[Integers, Floats]:
    if features is None:
        return record.embedded, points_of(record)
    rows = {record.rows: np.arange(record.rows), len(record.embedded): record.embedded}.get(len(features))
    if rows is None or features.ndim != 2:
        got = f"{features.shape}"
        raise InputError(f"expected features of {record.rows} samples, as (samples, features), got {got}")
    known = np.isfinite(features).all(1)
    return rows[known], features[known].astype(np.float32)


def principal(points: Floats) -> tuple[Floats, Floats]:
    """Return (M, 2) float32 along the directions of the widest spread, and their (2,) shares of the variance.

    Each direction points to where its largest weight is positive. More than 512 columns are first mixed at random into
    512, which keeps distances nearly as they are.
    """
    if points.shape[1] > _WIDEST:
        mix = np.random.default_rng(0).standard_normal((points.shape[1], _WIDEST), np.float32)
        points = points @ (mix / np.sqrt(np.float32(_WIDEST)))
    centred = points - points.mean(0, dtype=np.float64).astype(np.float32)
    spread, directions = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    best = directions[:, ::-1][:, :2]
    signs = np.sign(best[np.abs(best).argmax(0), np.arange(best.shape[1])])
    plane = np.zeros((len(points), 2), np.float32)
    plane[:, : best.shape[1]] = centred @ (best * signs).astype(np.float32)
    shares = np.zeros(2)
    shares[: best.shape[1]] = spread[::-1][:2] / max(float(spread.sum()), 1e-300)
    return plane, shares


def _umap(points: Floats) -> Floats:
    try:
        from umap import UMAP
    except ImportError:
        raise InputError(
            "expected umap-learn for this map; pip install nbinspect[umap], or take method='pca'"
        ) from None
    plane: Floats = UMAP(random_state=0, n_jobs=1).fit_transform(points)
    return plane
