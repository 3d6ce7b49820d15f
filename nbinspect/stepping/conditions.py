"""Conditions on what a step made, at which a pass is to be suspended."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from nbinspect.capture.bounds import bounds_of
from nbinspect.capture.operations import Call
from nbinspect.capture.origins import share_memory
from nbinspect.nested import tensors_in
from nbinspect.records import Step

Earlier: TypeAlias = "Callable[[], tuple[Step, ...]]"
"""Gives the steps that have ended."""

_NEAR = 0.01
_LAYS = re.compile(r"\w*full(_like)?|\w*fill\w*|setitem|where|triu|tril|\w*tensor|\w*scatter\w*|index_put")
_ZEROES = re.compile(_LAYS.pattern + r"|\w*zeros?\w*")
_RECTIFIES = re.compile(r"\w*relu6?|threshold|clamp(_min)?|clip|maximum|hardswish|\w*conv\w*|linear")
_UNWRITTEN = re.compile(r"(new_)?empty\w*")
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
            if tensor.is_floating_point() and tensor.numel() and not tensor.is_meta and tensor.layout is torch.strided:
                yield tensor.detach()


def _non_finite(call: Call, made: Made, _: float) -> str | None:
    """Match where NaN or infinities appear, not where a step hands on what an earlier one made.

    They appear in a step that makes them out of others, or that is given them from outside the pass (a parameter, the
    batch). Infinities that are laid on purpose (`full`, `masked_fill`, `where`, `x[…] =`), and negative ones that come
    from outside, are masks; what masked scores go through is no alarm until it makes NaN.
    """
    word = _word(call)
    bad = next((tensor for tensor in made.floats() if not _finite(tensor)), None)
    if bad is None or _UNWRITTEN.fullmatch(word):
        return None
    lost = bool(bad.isnan().any())
    outside = [kind for given, kind in _given_kinds(call, made, bad) if given is None]
    inside = [kind for given, kind in _given_kinds(call, made, bad) if given is not None]
    if any(kind & _NAN or (kind and not lost) for kind in inside):
        return None
    laid = _LAYS.fullmatch(word) or (
        any(kind == _BELOW for kind in outside) and not any(kind > _BELOW for kind in outside)
    )
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
            known = [activation.moments for activation in before.outputs if activation.moments] if before else []
            kind = _NAN * any(one.nan for one in known) | _ABOVE * any(one.inf for one in known)
            yield use.step, kind
        else:
            kinds = [_kind(part) for part in Made(tensor, 0).floats()]
            yield use.step, kinds[0] if kinds else 0
    for step in steps.values():
        if step.parent == call.index:  # a module hands on what steps inside it made
            known = [activation.moments for activation in step.outputs if activation.moments]
            yield step.index, _NAN * any(one.nan for one in known) | _ABOVE * any(one.inf for one in known)


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
    """Match where zeros come of values that vary; a mask or a first state that is made of zeros is none."""
    zero = any(tensor.numel() > 1 and not tensor.any() for tensor in made.floats())
    if not zero or _ZEROES.fullmatch(_word(call)):
        return None
    given = [tensor for tensor in call.given if not isinstance(tensor, nn.Parameter) and tensor.numel()]
    # what was written in place is gone: such a step counts as one that was given values
    varied = call.in_place or any(bool((part != part[:1]).any()) for part in map(_flat, given))
    return f"{call.name} gives zeros only" if varied else None


def _flat(tensor: Tensor) -> Tensor:
    return tensor.detach().reshape(-1)


def _dead(call: Call, made: Made, share: float) -> str | None:
    if call.kind != "module" and not _RECTIFIES.fullmatch(_word(call)):
        return None
    for tensor in made.floats():
        if tensor.dim() >= 2:
            axis = tensor.dim() - 1 if tensor.dim() == 3 else 1
            dead = ~tensor.movedim(axis, 0).flatten(1).any(1)
            if 0 < share <= dead.double().mean().item():
                return f"{int(dead.sum())} of {len(dead)} units of {call.name} are zero on every sample"
    return None


def _saturated(call: Call, made: Made, share: float) -> str | None:
    bounds = bounds_of(call.name)
    if bounds is None:
        return None
    near = _NEAR * (bounds[1] - bounds[0])
    low = -math.inf if "softmax" in call.name.lower() else bounds[0] + near  # over many it rests close to zero
    for tensor in made.floats():
        ends = (tensor < low) | (tensor > bounds[1] - near)
        if ends.double().mean().item() >= share:
            return f"{ends.double().mean().item():.0%} of the values of {call.name} lie at an end of their range"
    return None


def _batch_axis(call: Call, made: Made, _: float) -> str | None:
    """Match where a step that is given samples along the first axis gives something else there."""
    batched = [
        tensor
        for tensor, use in zip(call.given, call.uses, strict=False)
        if tensor.dim() and tensor.shape[0] == made.size and (use.step is not None or use.origin.startswith("batch"))
    ]
    for tensor in (tensor for _, tensor in tensors_in(made.value, "")):
        if batched and tensor.dim() and tensor.shape[0] != made.size:
            shape = tuple(tensor.shape)
            return f"{call.name} turns {tuple(batched[0].shape)} into {shape}: the first axis held {made.size} samples"
    return None


def _word(call: Call) -> str:
    return call.name.rpartition(".")[2].strip("_").lower()


CONDITIONS: dict[str, Callable[[Call, Any, float], str | None]] = {
    "non-finite": _non_finite,
    "all-zero": _all_zero,
    "dead": _dead,
    "saturated": _saturated,
    "batch-axis": _batch_axis,
}
