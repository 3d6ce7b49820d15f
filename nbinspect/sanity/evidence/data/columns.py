"""How the values of a tensor lie over many batches: per channel or feature, and per sample."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from nbinspect.capture.tensors import channel_axis, readable
from nbinspect.records import Floats, Integers

_FOLLOWED = 64
_MOST_SHAPES = 16
_MOST_FEATURES = 200
_TOLD = 8


@dataclass(frozen=True, eq=False)
class Column:
    """A tensor of the batches that were read; arrays are (C,), a value for each channel or feature, or as said."""

    name: str
    axis: Literal["channel", "feature", "all"]
    dtypes: frozenset[str]
    shapes: frozenset[tuple[int, ...]]
    """Of a sample, without the batch axis; 16 at most."""
    count: Integers
    """Values, NaN and Inf among them; without those declared as padding."""
    nan: Integers
    inf: Integers
    mean: Floats
    """Of finite values, as `std`, `low` and `high`; NaN where there is none."""
    std: Floats
    low: Floats
    high: Floats
    followed: Integers
    """(K,) the channels or features of which each sample's own mean and deviation are kept, 64 at most."""
    centres: Floats
    """(N, K) mean of each sample."""
    spreads: Floats
    """(N, K) standard deviation inside of each sample."""
    lows: Floats
    """(N, K) least value of each sample; inf where it has none, so -inf in `highs`."""
    highs: Floats
    cuts: Floats
    """(N, K) mean of each sample with the fractions of its values cut off."""
    is_whole: bool
    """Whether all finite values of these channels are whole numbers, whatever their type."""
    at: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    """(N,) the data set's index of each sample; (0,) where the loader does not tell."""

    @property
    def is_floating(self) -> bool:
        """Whether its values are quantities and no indices."""
        return any(dtype.startswith(("float", "bfloat", "complex")) for dtype in self.dtypes)

    @property
    def is_additive_mask(self) -> bool:
        """Whether it holds zeros and −Inf alone, as a mask that is added to attention scores."""
        plain = not self.nan.any() and np.nan_to_num(np.abs([self.low, self.high])).max(initial=0) == 0
        return bool(plain and self.inf.any())

    def only(self, samples: int) -> str:
        """Return the whole numbers that so many samples have alike, one for each channel; nothing where one differs."""
        size = math.prod(min(self.shapes)) if len(self.shapes) == 1 else 0
        everything = size and int(self.count.sum()) == samples * size and not (self.nan + self.inf).any()
        if not everything or not (self.low == self.high).all() or (self.low % 1).any():
            return ""
        values = [f"{value:g}" for value in self.low]
        return values[0] if len(set(values)) == 1 else f"[{', '.join(values[:_TOLD])}{', …' * (len(values) > _TOLD)}]"

    def label(self, row: int) -> str:
        """Return what a channel or feature is called: ``feature 3 of x``."""
        return self.name if self.axis == "all" else f"{self.axis} {row} of {self.name}"


def constant_features(column: Column) -> list[str]:
    """Name the features of a table that never change; absent categories and words, at an end of others, are none."""
    still = (column.low == column.high) & (column.nan + column.inf == 0)
    if column.axis != "feature" or not column.is_floating or not 1 < len(still) <= _MOST_FEATURES or still.all():
        return []
    ends = np.unique([column.low[~still], column.high[~still]])
    return [column.label(int(row)) for row in np.flatnonzero(still & ~np.isin(column.low, ends))]


@dataclass(eq=False)
class Gatherer:
    """Takes in a tensor batch by batch; keeps sums, and 64 numbers of each sample."""

    name: str
    padding: float | None
    _axis: int | None = None
    _channels: int = -1
    _sums: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    _reference: Floats = field(default_factory=lambda: np.zeros(0))
    _dtypes: set[str] = field(default_factory=set)
    _shapes: set[tuple[int, ...]] = field(default_factory=set)
    _samples: list[tuple[Floats, ...]] = field(default_factory=list)
    _is_whole: bool = True
    _at: list[int] = field(default_factory=list)
    _followed: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def add(self, tensor: Tensor, indices: tuple[int, ...] | None = None) -> bool:
        """Take in a batch with its samples on axis 0, left unchanged; tell whether NaN or Inf is in it."""
        values = readable(tensor)[0]
        if values is None or not values.numel() or not values.dim():
            return False
        self._dtypes.add(str(tensor.dtype).removeprefix("torch."))
        if len(self._shapes) < _MOST_SHAPES:
            self._shapes.add(tuple(values.shape[1:]))
        if self._channels < 0:
            floating = values.is_floating_point() or values.dtype is torch.uint8
            self._axis = channel_axis(values.shape, floating=floating)
        table = self._table(values.cpu().to(torch.float64))
        if self._channels < 0:
            self._begin(table)
        elif table.shape[1] != self._channels:
            self._pool()  # channels that differ from batch to batch have no common statistics
            table = table.reshape(table.shape[0], 1, -1)
        self._at += indices or ()
        return self._take(table)

    def column(self) -> Column | None:
        """Return what was gathered; None where nothing could be read."""
        if self._channels < 0:
            return None
        count, nan, inf, total, squares, low, high = self._sums
        finite = count - nan - inf
        with np.errstate(invalid="ignore", divide="ignore"):
            offset = np.where(finite > 0, total / finite, np.nan)
            std = np.sqrt(np.maximum(squares / finite - offset**2, 0))
        axis: Literal["channel", "feature", "all"] = "all"
        if self._axis is not None:
            axis = "feature" if all(len(shape) == 1 for shape in self._shapes) else "channel"
        some = finite > 0
        centres, spreads, lows, highs, cuts = (np.concatenate(part) for part in zip(*self._samples, strict=True))
        return Column(
            self.name,
            axis,
            frozenset(self._dtypes),
            frozenset(self._shapes),
            count.astype(np.int64),
            nan.astype(np.int64),
            inf.astype(np.int64),
            self._reference + offset,
            np.where(low == high, 0.0, std),
            np.where(some, low, np.nan),
            np.where(some, high, np.nan),
            self._followed,
            centres,
            spreads,
            lows,
            highs,
            cuts,
            self._is_whole,
            np.array(self._at if len(self._at) == len(centres) else [], dtype=np.int64),
        )

    def _table(self, values: Tensor) -> Floats:
        """Return (n, C, S) values."""
        if self._axis is None or values.dim() <= self._axis:
            return values.reshape(values.shape[0], 1, -1).numpy()
        return values.movedim(self._axis, 1).reshape(values.shape[0], values.shape[self._axis], -1).numpy()

    def _begin(self, table: Floats) -> None:
        self._channels = table.shape[1]
        self._sums = np.zeros((7, self._channels))
        self._sums[5], self._sums[6] = np.inf, -np.inf
        kept = np.where(np.isfinite(table), table, 0)
        self._reference = kept.mean((0, 2)) if table.size else np.zeros(self._channels)
        self._followed = np.unique(np.linspace(0, self._channels - 1, min(_FOLLOWED, self._channels)).astype(np.int64))

    def _take(self, table: Floats) -> bool:
        declared = np.isnan(table) if self.padding is not None and np.isnan(self.padding) else table == self.padding
        used = ~declared if self.padding is not None else np.ones(table.shape, dtype=bool)
        nan, inf = np.isnan(table) & used, np.isinf(table) & used
        finite = used & np.isfinite(table)
        apart = np.where(finite, table - self._reference[:, None], 0)
        self._sums[:5] += [part.sum((0, 2)) for part in (used, nan, inf, apart, apart**2)]
        lows = np.where(finite, table, np.inf).min(2, initial=np.inf)
        highs = np.where(finite, table, -np.inf).max(2, initial=-np.inf)
        self._sums[5] = np.minimum(self._sums[5], lows.min(0))
        self._sums[6] = np.maximum(self._sums[6], highs.max(0))
        kept, own = finite[:, self._followed], apart[:, self._followed]
        number = kept.sum(2)
        values = np.where(kept, table[:, self._followed], 0)
        cut = np.trunc(values)
        with np.errstate(invalid="ignore", divide="ignore"):
            centre = own.sum(2) / number
            spread = np.sqrt(np.maximum((own**2).sum(2) / number - centre**2, 0))
            means = cut.sum(2) / number
        self._is_whole &= bool((cut == values).all())
        ends = lows[:, self._followed], highs[:, self._followed]
        self._samples.append((centre + self._reference[self._followed], spread, *ends, means))
        return bool(nan.any() or inf.any())

    def _pool(self) -> None:
        """Go on as if all channels so far were one."""
        count, nan, inf, total, squares, low, high = self._sums
        finite = count - nan - inf
        reference = float(self._reference.mean())
        shift = self._reference - reference
        total, squares = total + finite * shift, squares + 2 * shift * total + finite * shift**2
        parts = [part.sum() for part in (count, nan, inf, total, squares)]
        self._sums = np.array([*parts, low.min(), high.max()])[:, None]
        self._samples = [
            (
                *(part.mean(1, keepdims=True) for part in (centre, spread)),
                low.min(1, keepdims=True),
                high.max(1, keepdims=True),
                cut.mean(1, keepdims=True),
            )
            for centre, spread, low, high, cut in self._samples
        ]
        self._reference, self._followed = np.array([reference]), np.array([0])
        self._channels, self._axis = 1, None
