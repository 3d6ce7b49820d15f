"""How pictures were normalised: as the user says, as the data set's transform says, or as the values themselves do."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from nbinspect.capture.tensors import describe
from nbinspect.decode.image import channels_first
from nbinspect.decode.planes import Doubles, Samples, channel_count, channel_summary, subsample, value_range
from nbinspect.decode.transforms import Constants, constants_on, numbers
from nbinspect.errors import InputError
from nbinspect.records import Normalisation, Statistics

_KNOWN = (
    ("ImageNet constants", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ("CLIP constants", (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
    ("CIFAR-10 constants", (0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616)),
    ("CIFAR-10 constants", (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.201)),
    ("CIFAR-100 constants", (0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761)),
    ("MNIST constants", (0.1307,), (0.3081,)),
    ("mean 0.5 and std 0.5", (0.5,), (0.5,)),
)
_LOOKED_AT = 8192
_CHANNELS = 16
_NEAR = 0.02
_BYTES = (64, 256.5)
"""Values that reach this far, and no further, are taken to be in 0…255."""


def find_normalisation(
    argument: Any, dataset: Any, images: Samples, statistics: Statistics | None
) -> tuple[Normalisation | None, str]:
    """Return how pictures, as in `decode_image`, were normalised, and what is to be said of it in words.

    That is `argument`, a pair (mean, std) or a `Normalisation`, where one is given; else the mean and std found on the
    data set or its transforms, if the values agree; else well-known constants that the values fit; else the range of
    this batch. None where the values need none, and the note says why. Leaves the data set and the pictures unchanged.
    Source: K-pretrained-mean.

    Raises:
        InputError: for an argument that is no such pair, or does not fit the channels; for images that are no pictures.
    """
    samples = channels_first(images, "images")
    channels = channel_count(samples)
    known = statistics or describe(samples, "images", "input", batch_size=len(samples)).statistics
    summary = channel_summary(known, channels)
    if argument is not None:
        return _given(argument, channels, summary), ""
    if np.isnan(summary).all():
        return None, "there are no finite values"
    found = [each for each in constants_on(dataset) if max(len(each.mean), len(each.std)) in (1, channels)]
    plain = _why_none(samples[0].dtype, summary)
    if plain:
        unused = next((each for each in found if max(each.mean) > _NEAR), None)
        return None, f"{plain}; {unused.place} does not look applied" if unused else plain
    values = [subsample(samples, channel, _LOOKED_AT) for channel in range(min(channels, _CHANNELS))]
    agreed = _agreed(found, values, channels)
    if agreed:
        return agreed, ""
    estimated = _whole_numbers(values, summary) or _well_known(values, summary, samples[0].dtype)
    note = f"{found[0].place} does not fit the values" if found else ""
    return estimated or _stretched(*value_range(samples, summary)), note


def _given(argument: Any, channels: int, summary: Doubles) -> Normalisation:
    """The argument, checked, and in units in which the raw values of this batch lie in 0…1."""
    known = isinstance(argument, Normalisation)
    try:
        first, second = (argument.mean, argument.std) if known else argument
    except (TypeError, ValueError):
        raise InputError(
            f"normalisation: expected a pair (mean, std), got a {type(argument).__name__}; "
            f"write normalisation=((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))"
        ) from None
    mean, std = _checked("mean", first, channels), _checked("std", second, channels)
    if std.min() <= 0:
        raise InputError(f"normalisation: expected a std above 0, got {std.min():g}; the order is (mean, std)")
    source = argument.source if known else "argument"
    raw = summary[[0, 3]] * std + mean
    bottom, top = (0.0, 1.0) if np.isnan(raw).all() else (float(np.nanmin(raw)), float(np.nanmax(raw)))
    bottom = 0.0 if abs(bottom) < 1e-3 * top else bottom
    if bottom >= -1 and top <= 2:
        return _record(mean, std, source)
    if bottom >= -1 and _BYTES[0] < top < _BYTES[1]:
        return _record(mean / 255, std / 255, f"{source}, divided by 255")
    span = (top - bottom) or 1.0
    return _record((mean - bottom) / span, std / span, f"{source}, with {bottom:.3g}…{top:.3g} shown as 0…1")


def _checked(name: str, given: Any, channels: int) -> Doubles:
    values = numbers(given)
    if values is None:
        kind = type(given).__name__
        raise InputError(f"normalisation: expected {name} as a finite number, or one a channel, got a {kind}")
    if len(values) not in (1, channels):
        wanted = "1 value" if channels == 1 else f"1 or {channels} values"
        raise InputError(f"normalisation: expected {wanted} of {name}, one a channel, got {len(values)}")
    return np.broadcast_to(np.array(values), channels)


def _record(mean: Doubles, std: Doubles, source: str) -> Normalisation:
    return Normalisation(tuple(map(float, mean)), tuple(map(float, std)), source)


def _why_none(dtype: torch.dtype, summary: Doubles) -> str:
    """Why pictures can be shown as they are; empty where they cannot."""
    if dtype in (torch.uint8, torch.bool):
        return "8-bit values" if dtype == torch.uint8 else "true or false"
    low, high = np.nanmin(summary[0]), np.nanmax(summary[3])
    if low < -_NEAR * high or high > 1 + _NEAR:
        return ""
    if 0 < high < 1.001 / 255:
        return f"values lie in 0…{high:.2g}, as if divided by 255 twice"
    return "values already lie in 0…1"


def _agreed(found: list[Constants], values: list[Doubles], channels: int) -> Normalisation | None:
    """The first constants of a data set that bring nearly all values into 0…1, or into 0…255."""
    for each in found:
        mean, std = np.broadcast_to(each.mean, channels), np.broadcast_to(each.std, channels)
        raw = np.concatenate([part * s + m for part, m, s in zip(values, mean, std, strict=False)])
        bottom, top = np.quantile(raw, (0.01, 0.99))
        if bottom > -0.1 and top < 1.1:
            return _record(mean, std, each.place)
        if bottom > -0.1 * 255 and _BYTES[0] < top < 1.1 * 255:
            return _record(mean / 255, std / 255, f"{each.place}, divided by 255")
    return None


def _whole_numbers(values: list[Doubles], summary: Doubles) -> Normalisation | None:
    """Counts from 0 up, of which 255 or the greatest is white."""
    top = float(np.nanmax(summary[3]))
    if np.nanmin(summary[0]) < 0 or not all(np.array_equal(part, part.round()) for part in values):
        return None
    white = 255.0 if _BYTES[0] < top < _BYTES[1] else top
    channels = summary.shape[1]
    return _record(
        np.zeros(channels), np.full(channels, 1 / white), f"estimated: whole numbers 0…{white:g}, not scaled"
    )


def _well_known(values: list[Doubles], summary: Doubles, dtype: torch.dtype) -> Normalisation | None:
    """The constants of a well-known data set that explain the values, if any do."""
    channels = summary.shape[1]
    fitting = []
    for name, *pair in _KNOWN:
        if len(pair[0]) in (1, channels):
            mean, std = (np.broadcast_to(np.array(part), channels) for part in pair)
            ends = summary[[0, 3]] * std + mean
            if np.nanmin(ends) >= -_NEAR and np.nanmax(ends) <= 1 + _NEAR:
                gap = float(np.nanmax(abs(ends - [[0], [1]])))
                fitting.append((_share_of_bytes(values, mean, std, dtype), gap, name, mean, std))
    if not fitting:
        return None
    share, _, name, mean, std = max(fitting, key=lambda each: each[0])
    if share >= 0.9:
        reason = f"{math.floor(100 * share)} % of the distinct values fall on the 1/255 grid"
        return _record(mean, std, f"estimated: {name}, {reason}")
    _, gap, name, mean, std = min(fitting, key=lambda each: each[1])
    if gap <= _NEAR:
        return _record(mean, std, f"estimated: {name}, every channel then reaches from 0 to 1 within 2 %")
    return None


def _share_of_bytes(values: list[Doubles], mean: Doubles, std: Doubles, dtype: torch.dtype) -> float:
    """The share of the distinct values that were k/255 before; 0 where they are too few or too coarse to tell."""
    distinct = [np.unique(part) for part in values]
    steps = [255 * (part * s + m) for part, m, s in zip(distinct, mean, std, strict=False)]
    blur = torch.finfo(dtype).eps / 2 * max(abs(part).max() for part in distinct if len(part)) * std.max() * 255
    if blur > 0.2 or sum(map(len, steps)) < 16:
        return 0.0
    away = np.concatenate([abs(part - part.round()) for part in steps])
    return float(np.mean(away < _NEAR + blur))


def _stretched(low: Doubles, high: Doubles) -> Normalisation:
    span = np.where(high > low, high - low, 1.0)
    return _record(-low / span, 1 / span, "estimated from this batch's range")
