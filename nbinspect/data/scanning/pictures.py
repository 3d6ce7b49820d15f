"""Pictures made small: grey values for signatures and contrast, a few colours for comparisons."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nbinspect.data.scanning.summary import spread_of
from nbinspect.decode.image import picture_layout
from nbinspect.records import Floats

_LUMA = (0.299, 0.587, 0.114)
_ROWS, _COLUMNS = 8, 9
_SIDE, _COLOUR_SIDE = 8, 4
_BOX = 4
_ENOUGH = 16
_ALIKE = 16


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


def made_small(pictures: Tensor) -> Small:
    """Return (n, C, H, W) float32 pictures of finite values made small."""
    n, channels = pictures.shape[:2]
    colour = channels in (3, 4)
    grey = _grey(pictures)
    brightness, contrast = spread_of(grey.reshape(n, -1))
    side = _COLOUR_SIDE if colour else _SIDE
    across = _across(_banded(pictures[:, :3] if colour else grey.unsqueeze(1)), side)
    small = _of_rows(_grey(across[..., side:]), _ROWS)
    values = _of_rows(across[..., :side], side)
    return Small(small.numpy(), values.reshape(n, -1).numpy(), brightness, contrast)


def small_grey(content: Any) -> Floats | None:
    """Return (8, 9) grey values of a picture as a data set holds it: Pillow's, an array or a tensor; else None."""
    if hasattr(content, "resize") and hasattr(content, "convert"):
        plain = content if content.mode in ("L", "F", "RGB") else content.convert("L")
        # in two steps, which come to nearly the same in half the time
        small_picture = plain.resize((_COLUMNS, _ROWS), _BOX, reducing_gap=3.0)
        grey = small_picture.convert("L") if small_picture.mode == "RGB" else small_picture
        return np.asarray(grey, dtype=np.float32)
    if not isinstance(content, np.ndarray | Tensor) or content.ndim not in (2, 3):
        return None
    values = torch.as_tensor(content, device="cpu")
    layout = picture_layout((1, *values.shape), values.dtype)
    if layout is None or values.is_complex():
        return None
    pictures = channels_first(values.unsqueeze(0)).float().nan_to_num(0.0, 0.0, 0.0)
    small: Floats = _of_rows(_across(_banded(_grey(pictures)), 0), _ROWS)[0].numpy()
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


def _banded(planes: Tensor) -> Tensor:
    """Return planes (…, H, W) of many rows as the means of fewer bands of rows: of eight, where that is exact."""
    height = planes.shape[-2]
    thick = height // _ROWS if height % _ROWS == 0 else height // _ENOUGH
    if thick < 2:
        return planes
    whole = planes[..., : height // thick * thick, :]
    return whole.reshape(*planes.shape[:-2], -1, thick, planes.shape[-1]).sum(-2) / thick


def _across(planes: Tensor, side: int) -> Tensor:
    """Return (…, H, side + 9) means of planes (…, H, W) over windows of columns, of two sizes side by side."""
    both = _windows(planes.shape[-1], (side, _COLUMNS))
    return (planes @ both.T)[..., : side + _COLUMNS]


def _of_rows(planes: Tensor, rows: int) -> Tensor:
    """Return (…, rows, W) means of planes (…, H, W) over windows, which overlap where planes are small."""
    if planes.shape[-2] == rows:
        return planes
    # turned round, for planes times one matrix is one product, and one matrix times planes is one for each
    return (planes.transpose(-1, -2) @ _windows(planes.shape[-2], (rows,)).T).transpose(-1, -2)


@lru_cache(maxsize=64)
def _windows(size: int, counts: tuple[int, ...]) -> Tensor:
    """(sum of counts, size) weights of means over windows that cover an axis; rows of zeros make a product faster."""
    rows = -(-sum(counts) // _ALIKE) * _ALIKE if len(counts) > 1 else counts[0]
    weights = torch.zeros(rows, size, dtype=torch.float32, device="cpu")  # whatever the user's defaults are
    places = [(number, count) for count in counts for number in range(count)]
    for row, (number, count) in zip(weights, places, strict=False):
        start, stop = number * size // count, -(-(number + 1) * size // count)
        row[start:stop] = 1 / (stop - start)
    return weights
