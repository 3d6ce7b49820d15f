"""Conditions on what a step made, at which a pass is to be suspended."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from nbinspect.capture.bounds import at_ends, bounds_of
from nbinspect.capture.health import begins_at_zero, may_tell_death
from nbinspect.capture.kinds import LAYS, RECTIFIES, UNWRITTEN, word_of
from nbinspect.capture.operations import Call
from nbinspect.capture.origins import shape_of, share_memory
from nbinspect.nested import tensors_in
from nbinspect.records import Moments, Step

Earlier: TypeAlias = "Callable[[], tuple[Step, ...]]"
"""Gives the steps that have ended."""

_ZEROES = re.compile(LAYS.pattern + r"|\w*zeros?\w*")
_WEIGHS = re.compile(r"\w*conv\w*|linear")
_BELOW, _ABOVE, _NAN = 1, 2, 4


@dataclass(frozen=True)
class Made:
    """What a step made, of a batch of `size` samples."""

    value: Any
    size: int
    earlier: Earlier = tuple

    def floats(self) -> Iterator[Tensor]:
        """Yield the tensors of floating point numbers with any values."""
        for _, tensor in tensors_in(self.value, ""):
            if _has_floats(tensor):
                yield tensor.detach()


def _has_floats(tensor: Tensor) -> bool:
    """Whether there are floating point numbers to read: none in a lazy parameter, none inside `vmap`."""
    if tensor.layout is not torch.strided or is_lazy(tensor) or torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        return False
    return tensor.is_floating_point() and tensor.numel() > 0 and not tensor.is_meta


def _non_finite(call: Call, made: Made, _: float) -> str | None:
    """Match where NaN or infinities appear, not where a step hands on what an earlier one made.

    They appear in a step that makes them out of others, or that is given them from outside the pass (a parameter, the
    batch). Infinities that are laid on purpose (`full`, `masked_fill`, `where`, `x[…] =`) or come of positions, and
    negative ones from outside, are masks; what masked scores go through is no alarm until it makes NaN.
    """
    word = word_of(call.name)
    bad = next((tensor for tensor in made.floats() if not _finite(tensor)), None)
    if bad is None or UNWRITTEN.fullmatch(word):
        return None
    lost = bool(bad.isnan().any())
    outside = [kind for given, kind in _given_kinds(call, made, bad) if given is None]
    inside = [kind for given, kind in _given_kinds(call, made, bad) if given is not None]
    if any(kind & _NAN or (kind and not lost) for kind in inside):
        return None
    from_below = any(kind == _BELOW for kind in outside) and not any(kind > _BELOW for kind in outside)
    laid = call.constant or LAYS.fullmatch(word) or from_below
    if not lost and laid:
        return None
    count = int((~bad.isfinite()).sum())
    what = f"{count:,} {'NaN' if lost else 'infinite'} of {bad.numel():,} values"
    if any(outside):
        names = [use.origin for use in call.uses if use.step is None]
        return f"{call.name} gives {what}: it was given some from outside the pass, among {', '.join(names)}"
    return f"{call.name} makes {what} out of finite ones" if not any(inside) else f"{call.name} makes {what} out of inf"


def _given_kinds(call: Call, made: Made, bad: Tensor) -> Iterator[tuple[int | None, int]]:
    """Yield for each tensor that a step was given the step that made it, and which kinds of no number it held."""
    steps = {step.index: step for step in made.earlier()} if call.in_place or call.kind == "module" else {}
    for tensor, use in zip(call.given, call.uses, strict=False):
        if call.in_place and share_memory(tensor, bad):  # it has been overwritten; what was recorded tells
            before = steps.get(use.step if use.step is not None else -1)
            yield use.step, _recorded_kind(before) if before else 0
        else:
            kinds = [_kind(part) for part in Made(tensor, 0).floats()]
            yield use.step, kinds[0] if kinds else 0
    for step in steps.values():
        if step.parent == call.index:  # a module hands on what steps inside it made
            yield step.index, _recorded_kind(step)


def _recorded_kind(step: Step) -> int:
    known = _known(step)
    return _NAN * any(one.nan for one in known) | _ABOVE * any(one.inf for one in known)


def _known(step: Step) -> list[Moments]:
    return [activation.moments for activation in step.outputs if activation.moments]


def _finite(tensor: Tensor) -> bool:
    return bool(tensor.sum().isfinite()) or bool(tensor.isfinite().all())


def _kind(tensor: Tensor) -> int:
    if _finite(tensor):
        return 0
    return (
        _NAN * bool(tensor.isnan().any())
        | _ABOVE * bool((tensor == math.inf).any())
        | _BELOW * bool((tensor == -math.inf).any())
    )


def _all_zero(call: Call, made: Made, _: float) -> str | None:
    """Match where zeros come of values that vary; masks and states that begin as zeros, and their products, do not."""
    zero = any(tensor.numel() > 1 and not tensor.any() for tensor in made.floats())
    if not zero or _ZEROES.fullmatch(word_of(call.name)) or _began_as_zeros(call, made):
        return None
    given = [tensor for tensor in call.given if not isinstance(tensor, nn.Parameter) and _has_values(tensor)]
    # what was written in place is gone: such a step counts as one that was given values
    varied = call.in_place or any(bool((part != part[:1]).any()) for part in map(_flat, given))
    return f"{call.name} gives zeros only" if varied else None


def _began_as_zeros(call: Call, made: Made) -> bool:
    """Whether a step was given zeros that were laid in the pass or are held by the model, or hands on their product."""
    if begins_at_zero([tensor for tensor in call.given if isinstance(tensor, nn.Parameter)]):
        return True
    held = [
        t
        for t, use in zip(call.given, call.uses, strict=False)
        if use.step is None and not (isinstance(t, nn.Parameter) or use.origin.startswith("batch"))
    ]
    if any(_has_values(tensor) and not tensor.any() for tensor in held):
        return True
    steps = {step.index: step for step in made.earlier()}
    waiting, seen = [use.step for use in call.uses], set()
    while waiting:
        step = steps.get(index) if (index := waiting.pop()) is not None else None
        if step is None or index in seen or not any(known.min == known.max == 0 for known in _known(step)):
            continue
        if _ZEROES.fullmatch(word_of(step.name)):
            return True
        seen.add(index)
        waiting += [use.step for use in step.inputs]
    return False


def _has_values(tensor: Tensor) -> bool:
    return not (is_lazy(tensor) or tensor.is_nested or tensor.is_meta) and tensor.numel() > 0


def _flat(tensor: Tensor) -> Tensor:
    return tensor.detach().reshape(-1)


def _dead(call: Call, made: Made, share: float) -> str | None:
    """Match where units are zero on every sample; a few places are no proof of that, as in the record's findings."""
    word = word_of(call.name)
    if call.kind != "module" and not (RECTIFIES.fullmatch(word) or _WEIGHS.fullmatch(word)):
        return None
    for (_, tensor), axis in zip(tensors_in(made.value, ""), call.axes, strict=False):
        if axis is not None and _has_floats(tensor) and may_tell_death(tuple(tensor.shape), tensor.shape[axis]):
            dead = ~tensor.detach().movedim(axis, 0).flatten(1).any(1)
            if 0 < share <= dead.double().mean().item():
                return f"{int(dead.sum())} of {len(dead)} units of {call.name} are zero on every sample"
    return None


def _saturated(call: Call, made: Made, share: float) -> str | None:
    bounds = bounds_of(call.name)
    if bounds is None:
        return None
    for tensor in made.floats():
        found = at_ends(tensor, bounds).double().mean().item()
        if found >= share:
            return f"{found:.0%} of the values of {call.name} lie at an end of their range"
    return None


def _batch_axis(call: Call, made: Made, _: float) -> str | None:
    """Match where a step that is given samples along the first axis gives something else there."""
    batched = [
        shape_of(tensor)
        for tensor, use in zip(call.given, call.uses, strict=False)
        if shape_of(tensor)[:1] == (made.size,) and (use.step is not None or use.origin.startswith("batch"))
    ]
    for shape in (tuple(shape_of(tensor)) for _, tensor in tensors_in(made.value, "")):
        if batched and shape and shape[0] != made.size:
            return f"{call.name} turns {tuple(batched[0])} into {shape}: the first axis held {made.size} samples"
    return None


CONDITIONS: dict[str, Callable[[Call, Any, float], str | None]] = {
    "non-finite": _non_finite,
    "all-zero": _all_zero,
    "dead": _dead,
    "saturated": _saturated,
    "batch-axis": _batch_axis,
}
