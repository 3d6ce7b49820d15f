"""Which axis of an activation holds its channels or features, told by the operation that made it."""

from __future__ import annotations

import functools
import re
import weakref
from typing import Any

import torch
from torch import Tensor, nn

from nbinspect.capture.kinds import word_of
from nbinspect.capture.origins import share_memory

_LAST = re.compile(
    r"(linear|bilinear|layer_?norm|rms_?norm|embedding|embedding_bag|multi_?head_?attention(_forward)?|lstm|gru|rnn"
    r"|\w*rnn_(tanh|relu)|\w*cell|transformer\w*|scaled_dot_product_attention)"
)
_SPATIAL = re.compile(r"(conv|conv_?transpose|\w*pool|instance_?norm|\w*dropout|\w*pad|pixel_shuffle)(\d)d")
_SECOND = re.compile(r"(batch_?norm(\dd)?|sync_?batch_?norm|group_?norm|instance_?norm)")
_PRODUCTS = frozenset({"matmul", "mm", "addmm"})
_JOINS = frozenset({"cat", "concat", "concatenate"})


class UnitAxes:
    """Follows the axis of channels or features through a pass; tensors are not held."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref[Tensor], int]] = {}

    def enter(self, name: str, module: nn.Module | None, given: tuple[Tensor, ...], tensor: Tensor) -> int | None:
        """Return the axis of a tensor that a step made, and remember it; None where it has none, or nobody knows."""
        if not tensor.is_floating_point() or tensor.is_nested or tensor.dim() < 2:
            return None
        kind: Any = type(module)
        axis = axis_by_name(name if module is None else _torch_name(kind), given, tensor)
        if axis is None:
            axis = self._of(tensor)
        if axis is None:
            axis = next(filter(None, (self._inherited(name, source, tensor) for source in given)), None)
        if axis is not None:
            self._known[id(tensor)] = weakref.ref(tensor), axis
            return axis
        return usual_axis(tensor)

    def _of(self, tensor: Tensor) -> int | None:
        reference, axis = self._known.get(id(tensor), (None, 0))
        return axis if reference is not None and reference() is tensor else None

    def _inherited(self, name: str, source: Tensor, tensor: Tensor) -> int | None:
        axis = self._of(source)
        if axis is None:
            return None
        if source.shape == tensor.shape and source.stride() == tensor.stride():
            return axis
        if share_memory(source, tensor):  # a view: the axis that steps through memory as the units did
            step = source.stride(axis), source.shape[axis]
            alike = [dim for dim in range(tensor.dim()) if (tensor.stride(dim), tensor.shape[dim]) == step]
            return alike[0] if len(alike) == 1 else None
        if source.dim() == tensor.dim() and (source.shape[axis] == tensor.shape[axis] or word_of(name) in _JOINS):
            return axis
        return None


def axis_by_name(name: str, given: tuple[Tensor, ...], tensor: Tensor) -> int | None:
    """Return where an operation or a module of PyTorch's puts its units: known by its name, else None."""
    kind = _kind(name)
    if kind == "last" or (kind == "product" and len(given) > 1 and given[-1].dim() == 2):
        return tensor.dim() - 1
    if kind == "second":
        return 1
    if isinstance(kind, int):
        return max(0, tensor.dim() - 1 - kind)
    return None


def usual_axis(tensor: Tensor) -> int | None:
    """Return where channels or features mostly are; None with three axes, which may be either way."""
    return None if tensor.dim() < 2 or tensor.dim() == 3 or not tensor.is_floating_point() else 1


@functools.cache
def _kind(name: str) -> str | int | None:
    word = word_of(name)
    if word in _PRODUCTS:
        return "product"
    if _SECOND.fullmatch(word):
        return "second"
    if _LAST.fullmatch(word):
        return "last"
    spatial = _SPATIAL.search(word)
    return int(spatial[2]) if spatial is not None and spatial.end() == len(word) else None


@functools.cache
def _torch_name(kind: Any) -> str:
    """Return the name of the module of PyTorch's that a class is, or builds upon; empty for one of the user's own."""
    theirs = (part for part in kind.__mro__ if part.__module__.startswith(torch.nn.modules.__name__))
    name = next(theirs, nn.Module).__name__
    return "" if name in ("Module", "Sequential", "ModuleList", "ModuleDict") else name
