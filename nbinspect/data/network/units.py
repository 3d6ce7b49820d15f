"""Errors of predicted numbers in the units of the problem."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from nbinspect.errors import InputError
from nbinspect.records import Column, ErrorInUnits, Floats

Scale: TypeAlias = "tuple[Any, Any]"
"""Mean and standard deviation that targets were scaled with: numbers, or one for each output."""


def checked_scale(scale: Scale | None) -> tuple[Floats, Floats] | None:
    """Return mean and standard deviation as arrays, () or (k,); None for None.

    Raises:
        InputError: for anything but a pair of finite numbers, the second above 0.
    """
    if scale is None:
        return None
    try:
        mean, std = (np.asarray(part, np.float64) for part in scale)
        sound = bool(np.isfinite(mean).all() and np.isfinite(std).all() and (std > 0).all())
    except (TypeError, ValueError):
        sound = False
    if not sound:
        raise InputError(
            f"target_scale: expected (mean, std) of finite numbers, std above 0, as the targets were scaled with, got "
            f"{scale!r}"
        )
    return mean, std


def scale_at(scale: tuple[Floats, Floats] | None, place: int) -> tuple[float, float]:
    """Return mean and standard deviation of one output; 0 and 1 where targets were not scaled."""
    if scale is None:
        return 0.0, 1.0
    mean, std = (np.ravel(part) for part in scale)
    return float(mean[min(place, len(mean) - 1)]), float(std[min(place, len(std) - 1)])


def why_none(columns: Sequence[Column]) -> str:
    """Return the end of a sentence that expected other predictions, with what to do or what there is."""
    told = [f"{each.name} (a {each.kind})" for each in columns if each.about == "model"]
    return f"; the network gives {', '.join(told)}" if told else "; predict first"


def errors_in_units(columns: Sequence[Column], *, target_scale: Scale | None = None) -> tuple[ErrorInUnits, ...]:
    """Return how far predictions of numbers are off, one for each target; the columns are left unchanged.

    Source: D-units.

    Args:
        columns: with ``label`` and ``error``, or ``label_0`` and ``error_0`` and so on; errors in original units.
        target_scale: mean and standard deviation that the targets were scaled with.

    Raises:
        InputError: if there are no errors of numbers, or for a `target_scale` that is none.
    """
    by_name, scale = {column.name: column for column in columns}, checked_scale(target_scale)
    names = [name for name in by_name if name == "error" or name.removeprefix("error_").isdecimal()]
    pairs = [(by_name.get(name.replace("error", "label")), by_name[name]) for name in names]
    found = [
        _in_units(label, errors, scale_at(scale, place)[1], scaled=scale is not None)
        for place, (label, errors) in enumerate(pairs)
        if label is not None and label.kind == "number" and np.isfinite(errors.values).any()
    ]
    if not found:
        raise InputError(f"errors in units: expected labels and predictions of 1 to 8 numbers{why_none(columns)}")
    return tuple(found)


def _in_units(label: Column, errors: Column, std: float, *, scaled: bool) -> ErrorInUnits:
    known = np.isfinite(errors.values)
    off, own = errors.values[known].astype(np.float64), label.values[known].astype(np.float64)
    rmse, mae, bias = float(np.sqrt(np.mean(off**2))), float(np.abs(off).mean()), float(off.mean())
    spread = float(own.std()) * std
    unit = label.unit or ("original units" if scaled else "units of the target")
    said = (
        f"Predictions of {label.name} are off by {mae:.4g} {unit} in the mean; the root mean square is {rmse:.4g}, "
        f"against {spread:.4g} of a constant that gives the mean of the targets, and all in all they are "
        f"{abs(bias):.3g} too {'high' if bias > 0 else 'low'}."
    )
    return ErrorInUnits(label.name, rmse, mae, bias, spread, int(known.sum()), unit, said)
