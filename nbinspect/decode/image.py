"""Tensors that are pictures: which axis is what, and how they become 8-bit pictures that a page can show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from nbinspect.decode.planes import Samples, channel_count, encode
from nbinspect.errors import InputError
from nbinspect.records import Normalisation, Pictures, Statistics

Layout: TypeAlias = Literal["CHW", "HWC", "HW"]

_COLOURS = {1: ("grey",), 3: ("red", "green", "blue"), 4: ("red", "green", "blue", "alpha")}
_CHANNELS = 8
_ANY_LENGTH = 99


def picture_layout(shape: Sequence[int | None], dtype: torch.dtype) -> Layout | None:
    """Return how the axes after the first are laid out if tensors of this shape look like pictures, else None.

    (N, C, H, W) and (N, H, W, C) with 1, 3 or 4 channels do; so do (N, H, W) of 8-bit values, and square ones of
    floats. ``None`` in the shape stands for a length that differs between the samples of a ragged list.
    """
    sides = [_ANY_LENGTH if length is None else length for length in shape[1:]]
    if len(sides) == 3:
        layout: Layout = "HWC" if _channels_last(sides) else "CHW"
        channels, *pixels = sides if layout == "CHW" else (sides[2], *sides[:2])
        return layout if channels in _COLOURS and min(pixels) > 1 else None
    if len(sides) == 2 and min(sides) > 3:
        square = dtype.is_floating_point and sides[0] == sides[1]
        return "HW" if square or dtype in (torch.uint8, torch.bool) else None
    return None


def decode_image(
    images: Samples,
    name: str,
    *,
    normalisation: Normalisation | None,
    normalisation_note: str,
    statistics: Statistics | None,
) -> Pictures:
    """Return pictures of any real dtype, range and number of channels as 8-bit planes of at most 128 pixels a side.

    Takes (N, C, H, W), (N, H, W, C), (N, H, W), or a list of N such samples of different sizes, on any device, and
    leaves them unchanged. Of more than 8 channels the first 8 are shown. Source: K-before-net.

    Raises:
        InputError: for other shapes, pictures without pixels, and lists of which the channels differ.
    """
    samples = channels_first(images, name)
    total = channel_count(samples)
    names = _COLOURS.get(total) or tuple(f"channel {index}" for index in range(min(total, _CHANNELS)))
    return encode(
        samples,
        name,
        "image",
        shown=slice(len(names)),
        channels=names,
        statistics=statistics,
        normalisation=None if normalisation is None else _per_channel(normalisation, len(names)),
        normalisation_note=normalisation_note,
    )


def channels_first(images: Samples, name: str) -> Samples:
    """Return pictures as a view (N, C, H, W), or as a list of views (C, H, W) where they came as a list.

    Raises:
        InputError: for other shapes, pictures without pixels, and lists of which the channels differ.
    """
    whole = isinstance(images, Tensor)
    parts = [images] if isinstance(images, Tensor) else list(images)
    sides = [part.shape[1:] if whole else part.shape for part in parts]
    if not parts or len(sides[0]) not in (2, 3) or len({len(each) for each in sides}) > 1:
        raise InputError(
            f"{name}: expected pictures (N, C, H, W), (N, H, W, C) or (N, H, W), "
            f'got {_shapes(images)}; decode it as "values"'
        )
    if len(sides[0]) == 2:
        views = [part.unsqueeze(-3) for part in parts]
    else:
        views = [part.movedim(-1, -3) for part in parts] if _channels_last(sides[0]) else parts
    if 0 in (length for view in views for length in view.shape[-3:]):
        raise InputError(f"{name}: expected pictures with at least one pixel, got {_shapes(images)}")
    if len({view.shape[-3] for view in views}) > 1:
        raise InputError(
            f"{name}: expected the same channels in each picture, got {_shapes(images)}; convert them in the data set"
        )
    return views[0] if whole else views


def _channels_last(sides: Sequence[int]) -> bool:
    # small square maps of many channels, (64, 4, 4), are no pictures of 64 × 4 pixels
    return sides[2] in _COLOURS and sides[0] not in _COLOURS and sides[1] != sides[2]


def _per_channel(normalisation: Normalisation, channels: int) -> Normalisation:
    """One mean and std for each of the channels that are shown."""
    mean, std = (
        part * channels if len(part) == 1 else part[:channels] for part in (normalisation.mean, normalisation.std)
    )
    return replace(normalisation, mean=mean, std=std)


def _shapes(images: Samples) -> str:
    if isinstance(images, Tensor):
        return f"shape {tuple(images.shape)}"
    return f"{len(images)} of shapes {', '.join(sorted({str(tuple(image.shape)) for image in images})[:4])}"
