"""Least, mean, deviation and greatest of each sample and each feature, in as few looks at the values as can be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nbinspect.records import Flags, Floats

_CANCELS = 1e3
_FEW = 512


@dataclass(frozen=True, eq=False)
class Sums:
    """What is known of groups of finite values, each array of one shape; groups may be put together."""

    count: Floats
    mean: Floats
    """0 of no values."""
    deviation: Floats
    """Sum of squared distances to the mean."""
    low: Floats
    """+Inf of no values; `high` −Inf."""
    high: Floats

    def along(self, axis: int) -> Sums:
        """Put the groups along an axis together."""
        count = self.count.sum(axis)
        mean = (self.mean * self.count).sum(axis) / np.maximum(count, 1)
        apart = (self.count * (self.mean - np.expand_dims(mean, axis)) ** 2).sum(axis)
        return Sums(
            count,
            mean,
            self.deviation.sum(axis) + apart,
            self.low.min(axis, initial=np.inf),
            self.high.max(axis, initial=-np.inf),
        )

    @property
    def std(self) -> Floats:
        """Standard deviation; NaN of no values."""
        return np.asarray(np.sqrt(np.where(self.count > 0, self.deviation / np.maximum(self.count, 1), np.nan)))

    def shown(self, values: Floats) -> Floats:
        """Return values with NaN where there were none to speak of."""
        return np.asarray(np.where(self.count > 0, values, np.nan))


def together(parts: Sequence[Sums]) -> Sums:
    """Put what is known of the same groups at several times together."""
    return Sums(*(np.stack([getattr(part, name) for part in parts]) for name in Sums.__dataclass_fields__)).along(0)


@dataclass(frozen=True, eq=False)
class Summary:
    """What the values of n samples of C features are like."""

    sums: Sums
    """(n, C)"""
    zeros: Floats
    """(n,) share of values that are 0, as `broken` and `missing`."""
    broken: Floats
    missing: Floats
    absent: Floats
    """(C,) NaN in each feature."""


@dataclass(frozen=True, eq=False)
class Look:
    """What a pass over n samples of C features found, not yet put right where values are not finite."""

    low: Floats
    """(n·C,) as `high`, `total` and `norm`, the root of the sum of squares."""
    high: Floats
    total: Floats
    norm: Floats
    zeros: Floats
    """(n,) values that are 0."""


def looked_at(values: Tensor) -> Look:
    """Return what is seen of (n, C, S) floats on the host, S above 1, in as few passes as can be; left unchanged."""
    rows = values.reshape(-1, values.shape[2])
    seen = (rows.amin(1), rows.amax(1), rows.sum(1), torch.linalg.vector_norm(rows, dim=1))
    low, high, total, norm = (part.double().numpy() for part in seen)
    return Look(low, high, total, norm, _zeros(values.reshape(len(values), -1).numpy()))


def summarised(values: Tensor, looks: Sequence[Look]) -> Summary:
    """Return the summary of (n, C, S) values on the host, left unchanged; exact to about six digits.

    `looks` are those at the values, one after the other; none are needed of single values, S = 1.
    """
    n, features, size = values.shape
    if not n or not features * size:
        nothing, unknown = np.zeros((n, features)), np.full(n, np.nan)
        sums = Sums(nothing, nothing, nothing, nothing + np.inf, nothing - np.inf)
        return Summary(sums, unknown, unknown, unknown, np.zeros(features))
    rows = values.reshape(n * features, size)
    if size == 1:
        sums, wrong = _of_singles(rows)
        zeros = _zeros(sums.mean.reshape(n, features))
    else:
        whole = [np.concatenate([getattr(look, name) for look in looks]) for name in Look.__dataclass_fields__]
        sums, wrong = _of_look(Look(*whole), size)
        zeros = whole[-1]
    absent = np.zeros(n * features)
    if len(wrong):
        absent[wrong] = _repaired(sums, rows[torch.from_numpy(wrong)].double().numpy(), wrong)
    shaped = Sums(*(getattr(sums, name).reshape(n, features) for name in Sums.__dataclass_fields__))
    missing = absent.reshape(n, features)
    values_each = features * size
    broken = 1 - shaped.count.sum(1) / values_each
    return Summary(shaped, zeros / values_each, broken, missing.sum(1) / values_each, missing.sum(0))


def spread_of(rows: Tensor) -> tuple[Floats, Floats]:
    """Return the mean and the standard deviation (R,) float64 of rows (R, S) of finite floats, left unchanged."""
    size = rows.shape[1]
    total, norm = (part.double().numpy() for part in (rows.sum(1), torch.linalg.vector_norm(rows, dim=1)))
    mean, deviation, trusted = _moments(total, norm, size)
    if not trusted.all():
        wrong = np.flatnonzero(~trusted)
        own = rows[torch.from_numpy(wrong)].double().numpy()
        mean[wrong] = own.mean(1)
        deviation[wrong] = ((own - mean[wrong, None]) ** 2).sum(1)
    return mean, np.sqrt(deviation / size)


def _moments(total: Floats, norm: Floats, size: int) -> tuple[Floats, Floats, Flags]:
    """Return means, sums of squared distances to them, and which are to be trusted: no mean far above the deviation."""
    with np.errstate(all="ignore"):
        mean = total / size
        squares = size * mean**2
        deviation = norm**2 - squares
        return mean, deviation, np.asarray(np.isfinite(norm) & (squares < _CANCELS * deviation))


def _of_singles(rows: Tensor) -> tuple[Sums, NDArray[np.intp]]:
    """Rows of one value each."""
    own = rows[:, 0].double().numpy()
    return Sums(np.ones(len(own)), own.copy(), np.zeros(len(own)), own.copy(), own.copy()), np.flatnonzero(
        ~np.isfinite(own)
    )


def _of_look(look: Look, size: int) -> tuple[Sums, NDArray[np.intp]]:
    """Return sums (R,) of rows of `size` values, and which are not to be trusted: also those with NaN."""
    low, high = look.low, look.high
    mean, deviation, trusted = _moments(look.total, look.norm, size)
    trusted &= np.isfinite(low) & np.isfinite(high) & (low < high)
    same = low == high  # a blank one needs no second look
    mean[same], deviation[same] = low[same], 0.0
    sums = Sums(np.full(len(low), float(size)), mean, deviation, low, high)
    return sums, np.flatnonzero(~trusted & ~(same & np.isfinite(low)))


def _repaired(sums: Sums, rows: Floats, places: NDArray[np.intp]) -> Floats:
    """Put right the sums of these rows (R, S), by their finite values alone; return how many NaN each has."""
    finite = np.isfinite(rows)
    sums.count[places] = count = finite.sum(1)
    own = np.where(finite, rows, 0.0)
    mean = own.sum(1) / np.maximum(count, 1)
    sums.mean[places] = mean
    sums.deviation[places] = (np.where(finite, rows - mean[:, None], 0.0) ** 2).sum(1)
    sums.low[places] = np.where(finite, rows, np.inf).min(1)
    sums.high[places] = np.where(finite, rows, -np.inf).max(1)
    return np.asarray(np.isnan(rows).sum(1), dtype=np.float64)


def _zeros(rows: NDArray[np.float32]) -> Floats:
    equal = rows == 0
    if not equal.any():
        return np.zeros(len(rows))
    if rows.shape[1] < _FEW:
        return np.asarray(equal.sum(1), dtype=np.float64)
    return np.array([np.count_nonzero(row) for row in equal], dtype=np.float64)  # faster than a sum of flags
