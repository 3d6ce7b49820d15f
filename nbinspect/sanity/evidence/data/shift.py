"""How far two sets of samples lie apart, channel by channel, beyond what sampling does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from nbinspect.records import Flags, Floats
from nbinspect.sanity.evidence.data.columns import Column

_SURE = 8.0
_SURE_OF_SPREAD = 5.0
_CARRIERS = 10
_ENOUGH, _TIGHT, _MOVED = 16, 0.03, 0.1
_MANY, _SURE_OF_ORDER, _FITS = 24, 5.0, 2.0
_FAR = 0.5
_STRETCHES, _LEAST, _SERIAL = 8, 8, 10.0


@dataclass(frozen=True, eq=False)
class Shift:
    """The differences of the channels or features that were followed, (K,) each."""

    distance: Floats
    """Of the means, in deviations of single values; 0 where sampling may have made it."""
    ratio: Floats
    """Of the larger deviation to the smaller; 1 where sampling may have made it."""


def other_form(train: Column, val: Column) -> tuple[str, str, str] | None:
    """Return what of their form differs, dtype or shape, and that of each; None where both have one form."""
    if train.dtypes.isdisjoint(val.dtypes) and train.is_floating != val.is_floating:
        return "dtype", ", ".join(sorted(train.dtypes)), ", ".join(sorted(val.dtypes))
    one, other = ({len(shape) for shape in column.shapes} for column in (train, val))
    turned = train.shapes != val.shapes and len(train.shapes) == len(val.shapes) == 1 and _sorted(train) == _sorted(val)
    channels = len(train.count), len(val.count)
    varies = train.axis == "all" or val.axis == "all" or train.axis != val.axis
    if (
        turned
        or one.isdisjoint(other)
        or (train.is_floating and not varies and channels[0] != channels[1] and not _is_long(train))
    ):
        return "shape", str(sorted(train.shapes)[0]), str(sorted(val.shapes)[0])
    return None


def _sorted(column: Column) -> list[int]:
    """Return the lengths of the one shape, in which transposed pictures agree."""
    return sorted(min(column.shapes))


def _is_long(column: Column) -> bool:
    """Whether the axis taken for channels may be time: of (T, F) it is the shorter one."""
    return any(len(shape) == 2 for shape in column.shapes)


def shift_between(one: Column, other: Column, *, in_order: bool = False) -> Shift:
    """Compare two tensors of the same channels, in which a sample counts as one observation.

    With `in_order`, so does a stretch of the data set where samples are like their neighbours, as in time: a date, or a
    price, is elsewhere in any later stretch.
    """
    deviations = [column.std[column.followed] for column in (one, other)]
    least = 1e-3 * float(np.nan_to_num(deviations).max()) + 1e-12
    pooled = np.maximum(np.sqrt((deviations[0] ** 2 + deviations[1] ** 2) / 2), least)
    gap = np.abs(_mean(one.centres) - _mean(other.centres))
    noise = _error(one, in_order=in_order) + _error(other, in_order=in_order) + 1e-12
    distance = np.where(gap / noise > _SURE, gap / pooled, 0.0)
    larger, smaller = np.maximum(*deviations), np.maximum(np.minimum(*deviations), least)
    ratio = np.where(_differs_in_spread(one, other, in_order=in_order), larger / smaller, 1.0)
    return Shift(np.nan_to_num(distance), np.nan_to_num(ratio, nan=1.0))


def channels_reordered(
    one: Column, other: Column, groups: Sequence[tuple[Flags, Flags]] = ()
) -> tuple[int, ...] | None:
    """Return the order in which three channels of pictures fit those of the other, if theirs surely does not.

    Told by the means of the channels, or by means and squares together, of all samples or in each group of them, as of
    a class: colours that are balanced over all may not be so in a class.
    """
    if one.axis != "channel" or not one.followed.size == other.followed.size == 3:
        return None
    orders = [list(order) for order in permutations(range(3))]
    means = _mean(one.centres), _mean(other.centres)
    noise = float(np.hypot(_error(one), _error(other)).max()) + 1e-12
    ways = [([float(np.linalg.norm(means[0] - means[1][order])) / noise for order in orders], _SURE, 3.0)]
    everything = [(np.ones(len(one.centres), dtype=bool), np.ones(len(other.centres), dtype=bool))]
    for parts in (everything, groups):
        large = [part for part in parts if min(part[0].sum(), part[1].sum()) >= _MANY]
        if large:
            ways.append(([_apart(one, other, order, large) for order in orders], _SURE_OF_ORDER, _FITS))
    for apart, sure, fits in ways:
        best = int(np.argmin(apart))
        if best > 0 and apart[0] > sure and apart[best] < min(apart[0] / 4, fits):
            return tuple(orders[best])
    return None


def _apart(one: Column, other: Column, order: list[int], groups: Sequence[tuple[Flags, Flags]]) -> float:
    """Return how far samples are apart with the other's channels in an order: about 1 by chance (Hotelling's T²)."""
    columns = one.centres, one.spreads, other.centres[:, order], other.spreads[:, order]
    known = np.nan_to_num(one.centres)
    level, scale = float(known.mean()), float(known.std()) + 1e-12
    found = []
    for first, second in groups:
        sides = []
        for centres, spreads, chosen in ((*columns[:2], first), (*columns[2:], second)):
            values = np.nan_to_num(centres[chosen] - level) / scale
            sides.append(np.hstack([values, values**2, np.nan_to_num(spreads[chosen]) / scale]))
        gap = sides[0].mean(0) - sides[1].mean(0)
        noise = sum(np.cov(side.T) / len(side) for side in sides)
        found.append(float(gap @ np.linalg.pinv(noise, rcond=1e-9, hermitian=True) @ gap) / len(gap))
    return float(np.sqrt(np.mean(found)))


def other_range(one: Column, other: Column) -> int | None:
    """Return which channel has other ends in the other set, as of another mean and std; None where none surely has.

    Both ends must be the same for nearly every sample of a set, as of bytes that reach 0 and 255, and the line that
    carries one pair of ends to the other must carry the mean as well.
    """
    if min(len(one.lows), len(other.lows)) < _ENOUGH or one.followed.size != other.followed.size:
        return None
    for at, row in enumerate(one.followed):
        ends, others = _bounds(one, at), _bounds(other, at)
        if ends is None or others is None:
            continue
        (low, high), (below, above) = ends, others
        reached = below + (above - below) / (high - low) * (one.mean[row] - low)
        gap = abs(one.mean[row] - other.mean[row])
        moved = max(abs(low - below), abs(high - above)) > _MOVED * (high - low)
        sure = gap > _SURE * (_error(one)[at] + _error(other)[at])
        if moved and sure and abs(reached - other.mean[row]) < gap / 4:
            return int(row)
    return None


def cut_off(one: Column, other: Column) -> int | None:
    """Return which channel of the other set is the first one's with the fractions cut off; None where none surely is.

    All its values must be whole, with the means of the first one's when cut off, and far from those as they are: beside
    the spread of bytes a fraction is nothing. Those of the first lie from -1 to 1, as of bytes that were divided: where
    larger ones have fractions, those may be noise that was added to whole numbers, to make more of few samples.
    """
    if one.is_whole or not other.is_whole or not len(one.followed) or not np.array_equal(one.followed, other.followed):
        return None
    if max(np.nanmax(one.high, initial=0), -np.nanmin(one.low, initial=0)) > 1:
        return None
    means = _mean(other.centres)
    gap, left = np.abs(_mean(one.centres) - means), np.abs(_mean(one.cuts) - means)
    noise = _error(one) + _error(other) + 1e-12
    moved = (gap > np.maximum(_SURE * noise, _FAR * one.std[one.followed])) & (left < gap / 4)
    return int(one.followed[gap.argmax()]) if bool(moved.any() and (left <= 4 * noise).all()) else None


def ends_of(column: Column, row: int) -> tuple[float, float]:
    """Return least and greatest value of a channel."""
    return float(column.low[row]), float(column.high[row])


def _bounds(column: Column, at: int) -> tuple[float, float] | None:
    """Return least and greatest value of nearly every sample; None where they differ."""
    values = np.stack([column.lows[:, at], column.highs[:, at]])
    if not np.isfinite(values).all():
        return None
    parts = np.quantile(values, (0.1, 0.5, 0.9), axis=1).T
    across = float(parts[1][1] - parts[0][1])
    tight = across > 0 and max(part[2] - part[0] for part in parts) < _TIGHT * across
    return (float(parts[0][1]), float(parts[1][1])) if tight else None


def _error(column: Column, *, in_order: bool = False) -> Floats:
    """Return the standard error of each mean, from how the samples' own means differ, or those of stretches of them."""
    apart = column.centres - _mean(column.centres)
    result: Floats = np.sqrt(_mean(apart**2) / len(column.centres))
    return np.maximum(result, _error_of_stretches(column.centres, column)) if in_order else result


def _error_of_stretches(values: Floats, column: Column) -> Floats:
    """Return (K,) the standard error of means of values (N, K), from stretches of the data set; 0 without an order.

    And 0 where stretches differ no more than parts drawn at random do.
    """
    none: Floats = np.zeros(values.shape[1])
    if len(column.at) != len(values) or len(values) < _STRETCHES * _LEAST:
        return none
    parts = np.array_split(np.nan_to_num(values)[np.argsort(column.at, kind="stable")], _STRETCHES)
    across = np.var([part.mean(0) for part in parts], axis=0, ddof=1)
    inside = np.mean([part.var(0) for part in parts], axis=0) * _STRETCHES / len(values)
    result: Floats = np.where(across > _SERIAL * inside, np.sqrt(across / _STRETCHES), none)
    return result


def _mean(values: Floats) -> Floats:
    """Return (K,) the mean of finite values; 0 where there is none."""
    known = np.isfinite(values)
    result: Floats = np.where(known, values, 0).sum(0) / np.maximum(known.sum(0), 1)
    return result


def _differs_in_spread(one: Column, other: Column, *, in_order: bool) -> Floats:
    """Tell whether squares differ by more than chance allows if both came from one distribution.

    What fewer than ten samples carry, a rare word or a few outliers, is no evidence.
    """
    squares = [part.spreads**2 + (part.centres - _mean(part.centres)) ** 2 for part in (one, other)]
    both = np.nan_to_num(np.concatenate(squares))
    error = both.std(0) * np.sqrt(1 / len(squares[0]) + 1 / len(squares[1])) + 1e-12
    if in_order:
        serial = (_error_of_stretches(part, column) for part, column in zip(squares, (one, other), strict=True))
        error = np.maximum(error, np.hypot(*serial))
    first, second = (_mean(part) for part in squares)
    carriers = both.sum(0) ** 2 / np.maximum((both**2).sum(0), 1e-300)
    result: Floats = (np.abs(first - second) / error > _SURE_OF_SPREAD) & (carriers > _CARRIERS)
    return result
