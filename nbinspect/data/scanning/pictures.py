"""Pictures made small: grey values for signatures and contrast, a few colours for comparisons."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nbinspect.data.scanning.summary import Summary, sums_of
from nbinspect.decode.image import picture_layout
from nbinspect.records import Floats

_LUMA = (0.299, 0.587, 0.114)
_ROWS, _COLUMNS = 8, 9
_SIDE, _COLOUR_SIDE = 8, 4
_BOX = 4
_ENOUGH = 16


@dataclass(frozen=True, eq=False)
class Small:
    """Pictures made small, in the values that they had."""

    grey: Floats
    """(n, 8, 9) float32."""
    embedding: Floats
    """(n, K ≤ 64) float32: 8×8 grey values, or 4×4 of three colours."""
    brightness: Floats
    """(n,) mean of grey, as `contrast` its deviation."""
    contrast: Floats


def channels_first(values: Tensor) -> Tensor:
    """Return pictures of any layout as (n, C, H, W)."""
    layout = picture_layout(tuple(values.shape), values.dtype)
    if values.dim() == 3:
        return values.unsqueeze(1)
    return values.movedim(3, 1) if layout == "HWC" else values


def made_small(pictures: Tensor, summary: Summary) -> Small:
    """Return (n, C, H, W) float32 pictures made small; `summary` is theirs. NaN count as 0."""
    n, channels = pictures.shape[:2]
    if summary.broken.any():
        pictures = pictures.nan_to_num(0.0, 0.0, 0.0)
    colour = channels in (3, 4)
    grey = _grey(pictures)
    sums = (summary.sums if channels == 1 else sums_of(grey.reshape(n, 1, -1))[0]).along(1)
    # both sizes in one product, for each is a pass over all pixels
    side = _COLOUR_SIDE if colour else _SIDE
    both = _pooled(pictures[:, :3] if colour else grey.unsqueeze(1), (_ROWS, side), (_COLUMNS, side))
    small = _grey(both[:, :, :_ROWS, :_COLUMNS])
    embedding = both[:, :, _ROWS:, _COLUMNS:].reshape(n, -1)
    return Small(small.numpy(), embedding.numpy(), sums.shown(sums.mean), sums.std)


def small_grey(content: Any) -> Floats | None:
    """Return (8, 9) grey values of a picture as a data set holds it: Pillow's, an array or a tensor; else None."""
    if hasattr(content, "resize") and hasattr(content, "convert"):
        grey = content if content.mode in ("L", "F") else content.convert("L")
        return np.asarray(grey.resize((_COLUMNS, _ROWS), _BOX), dtype=np.float32)
    if not isinstance(content, np.ndarray | Tensor) or content.ndim not in (2, 3):
        return None
    values = torch.as_tensor(content)
    layout = picture_layout((1, *values.shape), values.dtype)
    if layout is None or values.is_complex():
        return None
    pictures = channels_first(values.unsqueeze(0)).float().nan_to_num(0.0, 0.0, 0.0)
    small: Floats = _pooled(_grey(pictures), (_ROWS,), (_COLUMNS,))[0].numpy()
    return small


def _grey(pictures: Tensor) -> Tensor:
    """(n, H, W) from (n, C, H, W)."""
    channels = pictures.shape[1]
    if channels == 1:
        return pictures[:, 0]
    if channels not in (3, 4):
        return pictures.mean(1)
    grey = pictures[:, 0] * _LUMA[0]
    return grey.add_(pictures[:, 1], alpha=_LUMA[1]).add_(pictures[:, 2], alpha=_LUMA[2])


def _pooled(planes: Tensor, rows: tuple[int, ...], columns: tuple[int, ...]) -> Tensor:
    """Return means of planes (…, H, W) over windows, which overlap where planes are small; several sizes side by side.

    The result is (…, sum of rows, sum of columns).
    """
    thick = planes.shape[-2] // _ENOUGH
    if thick > 1:  # of many rows a few sums will do, which are faster to have than products
        height = planes.shape[-2] // thick * thick
        bands = [planes[..., start:height:thick, :] for start in range(thick)]
        planes = bands[0] + bands[1]
        for band in bands[2:]:
            planes += band
        planes /= thick
    across = planes @ _windows(planes.shape[-1], columns).T
    # turned round, for planes times one matrix is one product, and one matrix times planes is one for each
    return (across.transpose(-1, -2) @ _windows(planes.shape[-2], rows).T).transpose(-1, -2)


@lru_cache(maxsize=64)
def _windows(size: int, counts: tuple[int, ...]) -> Tensor:
    """(sum of counts, size) weights of means over windows that cover an axis."""
    weights = torch.zeros(sum(counts), size)
    places = [(number, count) for count in counts for number in range(count)]
    for row, (number, count) in zip(weights, places, strict=True):
        start, stop = number * size // count, -(-(number + 1) * size // count)
        row[start:stop] = 1 / (stop - start)
    return weights
