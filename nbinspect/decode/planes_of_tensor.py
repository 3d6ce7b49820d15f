"""How tensors of any shape are looked at: which axes are planes, rows and columns, and what they are called."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from nbinspect.capture.tensors import channel_axis

Kind: TypeAlias = Literal["maps", "matrix", "attention", "vector", "number", "none"]

_SMALLEST_PICTURE = 49
_SOFT = ("softmax", "Softmax", "scaled_dot_product_attention")


@dataclass(frozen=True)
class Layout:
    """How a tensor is looked at: as planes (N, P, H, W), N = 1 where no sample is to be chosen."""

    kind: Kind
    values: Tensor
    axes: tuple[str, str, str]
    samples: int = 0
    choosing: bool = False
    """Whether the samples are along N, so that one of them is shown."""


def layout_of(values: Tensor, size: int, operation: str, *, attention: bool, entering: bool) -> Layout:
    """Return how an activation of this shape is looked at, as a view where that is possible.

    Args:
        values: of any shape, dense and real.
        size: N, the number of samples of the batch.
        operation: what made it.
        attention: whether its rows are attention weights, see `attends`.
        entering: whether it is an input of the model, of which the channels may come last.
    """
    shape, axes = values.shape, values.dim()
    batched = axes > 0 and shape[0] == size
    samples = size if batched else 0
    if axes == 0:
        return Layout("number", values.reshape(1, 1, 1, 1), ("", "", ""))
    if axes == 1:
        return Layout("vector", values.reshape(1, 1, 1, -1), ("", "", "sample" if batched else "feature"), samples)
    if axes == 2:
        columns = "feature" if values.is_floating_point() else "position"
        names = ("", "sample", columns) if batched else ("", "row", "column")
        return Layout("matrix", values[None, None], names, samples)
    if attention:
        # torch's own multi-head attention folds the heads into the batch
        folded = axes == 3 and not batched and size > 0 and shape[0] % size == 0
        heads = (
            values.reshape(size, -1, *shape[1:]) if folded else values if axes > 3 or not batched else values[:, None]
        )
        batched = batched or folded
        heads = heads.flatten(1, -3) if batched else heads.flatten(0, -3)[None]
        return Layout("attention", heads, ("head", "query", "key"), size if batched else 0, batched)
    if not batched:
        names = ("position", "sample", "feature") if axes == 3 and shape[1] == size else ("plane", "row", "column")
        return Layout("maps", values.flatten(0, -3)[None], names)
    if axes == 3:
        timed = "1d" in operation  # the Conv1D of transformers is a linear layer
        names = ("", "channel", "time") if timed else ("", "position", "feature")
        return Layout("matrix", values[:, None], names, samples, choosing=True)
    if entering and axes == 4 and channel_axis(shape, floating=True) == 3:
        values = values.movedim(3, 1)
    names = ("channel" if axes == 4 else "plane", "height", "width")
    return Layout("maps", values.flatten(1, -3), names, samples, choosing=True)


def attends(values: Tensor, operation: str) -> bool:
    """Whether rows are shares of a whole, as of a softmax: none below 0, each sums to 1, masked ones to 0 or NaN."""
    if not values.is_floating_point() or values.dim() not in (3, 4) or values.shape[-1] < 2:
        return False
    across = values.dim() == 4 and operation.endswith(_SOFT)  # of three axes it may be the classes of each position
    if values.shape[-2] != values.shape[-1] and not across:
        return False
    sums = values.sum(-1, dtype=torch.float32)
    whole = (sums - 1).abs() < (1e-3 if values.element_size() > 2 else 2e-2)
    empty = sums.isnan() | (sums == 0)
    fits = (whole | empty).all() & (2 * whole.sum() >= sums.numel()) & ~(values < 0).any()
    return bool(fits.item())


def layout_of_weights(values: Tensor) -> tuple[Layout, str]:
    """Return how weights are looked at, and a sentence on the numbers of the planes where they need one."""
    shape = values.shape
    if values.dim() < 2:
        return layout_of(values, -1, "", attention=False, entering=False), ""
    if values.dim() == 2:
        side = math.isqrt(shape[1])
        if side**2 == shape[1] >= _SMALLEST_PICTURE:
            return Layout("maps", values.reshape(1, -1, side, side), ("unit", "height", "width")), ""
        return Layout("matrix", values[None, None], ("", "unit", "input")), ""
    planes = values.flatten(0, -3)[None]
    if values.dim() == 3:
        return Layout("maps", planes, ("filter", "input channel", "time")), ""
    each = math.prod(shape[1:-2])
    if each == 1:
        return Layout("maps", planes, ("filter", "height", "width")), ""
    channels = " (red, green, blue)" if shape[1] == 3 and values.dim() == 4 else ""
    words = f"plane {each}·k + c is input channel c{channels} of filter k"
    return Layout("maps", planes, ("filter and input channel", "height", "width")), words
