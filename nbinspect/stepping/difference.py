"""Two models on the same input, side by side: the first operation where they part ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from nbinspect.calling import to_device
from nbinspect.capture.door import refuse_beside_training
from nbinspect.capture.operations import Level
from nbinspect.errors import InputError
from nbinspect.nested import map_tensors
from nbinspect.stepping.gap import Tolerance
from nbinspect.stepping.inputs import Batches
from nbinspect.stepping.modes import Modes
from nbinspect.stepping.parting import Difference, parting
from nbinspect.stepping.passes import Pass
from nbinspect.subject import Subject, kind_of


def first_difference(
    a: Any,
    b: Any,
    batch: Any = None,
    *,
    atol: float | None = None,
    rtol: float | None = None,
    level: Level = "operation",
    training: tuple[bool | None, bool | None] = (None, None),
    timeout: float = 60.0,
) -> Difference:
    """Run two models on the same input and random numbers, step by step, and return the first step that differs.

    Both run on clones, and wait for each other after each step; the models and the random states are left unchanged.
    The input is moved to each model's device and, where the models differ in dtype, cast to its own.

    Args:
        a: a model, or an `Inspector`.
        b: what it is compared with: another model, another checkpoint of it, or it on another device or in another
            dtype.
        batch: what the models are called with, a tuple as positional and a dict as named arguments; for an `Inspector`
            a batch as its loader gives it, and by default one from there.
        atol: absolute difference that is none; by default 0, so that bits count. Where the two differ in dtype or
            device, by default 8 times the spacing of the coarser type's numbers at the greatest value of the tensor.
        rtol: the same relative to each value.
        level: what counts as a step.
        training: train or eval mode of each; by default their own.
        timeout: seconds that one step may take.

    Raises:
        InputError: if a or b is no model, or there is no batch.
        CaptureError: if a model cannot be copied, is in use in another thread, or a step takes too long.
    """
    for name, tolerance in (("atol", atol), ("rtol", rtol)):
        if tolerance is not None and not tolerance >= 0:
            raise InputError(f"{name}: expected a number of 0 or more, got {tolerance!r}")
    one, other = _subject_of(a, "a"), _subject_of(b, "b")
    batches = _batches(one, other, batch, a)
    for subject in (one, other):
        refuse_beside_training(subject.model)
    modes = Modes.here()
    passes = [
        Pass(subject, given, modes, level=level, training=mode)
        for subject, given, mode in zip((one, other), batches, training, strict=True)
    ]
    try:
        return parting(passes[0], passes[1], Tolerance(atol, rtol), timeout)
    finally:
        for each in passes:
            each.stop()


def _subject_of(model: Any, name: str) -> Subject:
    found = getattr(model, "subject", model) if not isinstance(model, nn.Module) else model
    if isinstance(found, Subject):
        return found
    if not isinstance(found, nn.Module):
        raise InputError(f"{name}: expected a torch.nn.Module or an Inspector, got {kind_of(model)}")
    return Subject(found, None, forward=_called, split=_whole)


def _called(model: nn.Module, batch: Any) -> Any:
    if isinstance(batch, Mapping):
        return model(**batch)
    return model(*batch) if isinstance(batch, tuple) else model(batch)


def _whole(batch: Any) -> tuple[Any, Any]:
    return batch, None


def _batches(one: Subject, other: Subject, batch: Any, a: Any) -> tuple[Any, Any]:
    """Return the batch for each of the two: on its device, and in its dtype where that is not the same."""
    if batch is None and one.loader is None:
        raise InputError(f"batch: expected what the models are called with, got none, and {kind_of(a)} has no loader")
    given = Batches(one, batch, None)
    current = given.current
    given.close()
    kinds = [_kind_of(subject.network) for subject in (one, other)]
    moved = [to_device(subject, current)[0] for subject in (one, other)]
    if kinds[0] is kinds[1]:
        return moved[0], moved[1]
    return _cast(moved[0], kinds[0]), _cast(moved[1], kinds[1])


def _cast(batch: Any, kind: torch.dtype | None) -> Any:
    if kind is None:
        return batch
    return map_tensors(lambda tensor: tensor.to(kind) if tensor.is_floating_point() else tensor, batch)


def _kind_of(network: nn.Module) -> torch.dtype | None:
    return next((parameter.dtype for parameter in network.parameters() if parameter.is_floating_point()), None)
