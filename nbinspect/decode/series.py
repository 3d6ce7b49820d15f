"""Time series and signals of any length as the least and greatest value in each stretch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from nbinspect.capture.tensors import channel_axis
from nbinspect.decode.names import names_of
from nbinspect.errors import InputError
from nbinspect.records import Floats, Series

_POINTS = 512
_CHANNELS = 16
_PAYLOAD = 8 * 2**20
_AT_ONCE = 2**22


def decode_series(
    series: Tensor | Sequence[Tensor],
    name: str,
    *,
    channel_names: Sequence[object] | None = None,
    sample_rate: float | None = None,
) -> Series:
    """Return (N, T), (N, C, T) or (N, T, C), or N series of different lengths, as envelopes of at most 512 stretches.

    The first 16 channels are shown, fewer of very large batches. Stretch p of P holds the steps from ⌊p·T/P⌋ to below
    ⌈(p+1)·T/P⌉, and is reduced where the samples are; `sample_rate` is in Hz. Leaves the series unchanged.
    Source: K-before-net.

    Raises:
        InputError: for other shapes, and where the number of names is not C.
    """
    samples = channels_first(series, name)
    channels = samples[0].shape[-2] if len(samples) else 0
    length = max((sample.shape[-1] for sample in samples), default=0)
    shown = min(channels, _CHANNELS, max(1, _PAYLOAD // (8 * 64 * max(1, len(samples)))))
    points = min(length, _POINTS, max(1, _PAYLOAD // (8 * max(1, shown) * max(1, len(samples)))))
    low = np.empty((len(samples), shown, points), dtype=np.float32)
    high = np.empty_like(low)
    for rows, block in _blocks(samples, shown, length):
        low[rows], high[rows] = _envelope(block, points)
    names = names_of("channel", channel_names, shown, channels, name)
    return Series(name, low, high, names, channels, length, sample_rate)


def channels_first(series: Tensor | Sequence[Tensor], name: str) -> Tensor | list[Tensor]:
    """Return series as a view (N, C, T), or as a list of N views (C, T) where their lengths differ.

    Raises:
        InputError: for other shapes, and for lists of which the channels differ.
    """
    if isinstance(series, Tensor):
        if series.dim() not in (2, 3):
            raise InputError(
                f"{name}: expected series (N, T) or (N, C, T), got {tuple(series.shape)}; choose the decoder 'values'"
            )
        if series.dim() == 2:
            return series.unsqueeze(1)
        return series if channel_axis(series.shape, floating=True) == 1 else series.transpose(1, 2)
    samples = [sample.unsqueeze(0) if sample.dim() == 1 else sample for sample in series]
    widths = [{sample.shape[axis] for sample in samples} for axis in (0, -1)] if samples else []
    if any(sample.dim() != 2 for sample in samples) or (samples and min(map(len, widths)) > 1):
        shapes = ", ".join(str(tuple(sample.shape)) for sample in series[:3])
        raise InputError(f"{name}: expected series (C, T) that differ in T alone, got {shapes}; pad them to one shape")
    steps_first = samples and len(widths[0]) > len(widths[1])
    return [sample.T for sample in samples] if steps_first else samples


def _blocks(samples: Tensor | list[Tensor], channels: int, length: int) -> Iterator[tuple[slice, Tensor]]:
    """A few samples at a time as float (n, C, T), shorter ones filled up with NaN; so memory stays small."""
    if isinstance(samples, Tensor):
        step = max(1, _AT_ONCE // max(1, channels * length))
        for start in range(0, len(samples), step):
            yield slice(start, start + step), _float32(samples[start : start + step, :channels])
        return
    for position, sample in enumerate(samples):
        missing = (0, length - sample.shape[1])
        padded = torch.nn.functional.pad(_float32(sample[:channels]), missing, value=float("nan"))
        yield slice(position, position + 1), padded.unsqueeze(0)


def _float32(values: Tensor) -> Tensor:
    """Values in float32; finite ones beyond its range become its ends, so that they still count as finite."""
    if values.dtype != torch.float64:
        return values.float()
    end = torch.finfo(torch.float32).max
    return torch.where(values.isfinite(), values.clamp(-end, end), values).float()


def _envelope(block: Tensor, points: int) -> tuple[Floats, Floats]:
    """(n, C, P) least and greatest finite value of each stretch of (n, C, T); NaN where there is none."""
    length = block.shape[-1]
    if points == 0 or not block.numel():
        empty = np.full((*block.shape[:2], points), np.nan, dtype=np.float32)
        return empty, empty
    places = torch.arange(points, device=block.device)
    first = places * length // points
    last = ((places + 1) * length + points - 1) // points - 1
    offsets = torch.arange(int((last - first).max()) + 1, device=block.device)
    steps = torch.minimum(first[:, None] + offsets, last[:, None])
    finite = block.isfinite()
    ends = []
    for sign in (-1, 1):
        greatest = torch.where(finite, sign * block, -torch.inf)[..., steps].amax(-1)
        ends.append(torch.where(greatest == -torch.inf, torch.nan, sign * greatest).cpu().numpy())
    return ends[0], ends[1]
