"""An activation, or a layer's weights, as planes that a person can look at: live tensors in, records out."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from nbinspect.capture.tensors import readable
from nbinspect.decode.planes_of_activation import Planes, look, wide
from nbinspect.decode.planes_of_tensor import Layout, attends, layout_of, layout_of_weights
from nbinspect.errors import InputError
from nbinspect.records import ActivationView

Names: TypeAlias = tuple[str, ...]

_PAGE = 16
_INPUT, _WEIGHTS = -1, -2
_FILTERS = 256
_FILTER_CELLS = 2**18


def view_activation(  # noqa: PLR0913 - by keyword each, and each a field of the record
    tensor: Tensor,
    *,
    step: int,
    output: int,
    name: str,
    size: int,
    sample: int = 0,
    first: int = 0,
    operation: str = "",
    compared: Tensor | None = None,
    compared_with: str = "",
    row_names: Names = (),
    column_names: Names = (),
) -> ActivationView:
    """Return what a person can look at of an activation; at most two device transfers. Leaves it unchanged.

    (N, C, H, W) are maps of one sample, 16 planes from the `first`; (N, heads, T, T) of rows that sum to 1 attention;
    (N, T, F) a matrix of one sample; (N, F) a matrix of all samples; (N,) and (F,) a vector. Of more axes those between
    the batch and the last two are the planes. Where the first axis is not as long as `size` there is no sample to
    choose.

    Args:
        tensor: of any shape, type, layout and device.
        step: index of the step that made it.
        output: which of the step's outputs it is.
        name: as the view shows it.
        size: N, the number of samples of the batch.
        sample: the one that is shown.
        first: number of the first plane of the page.
        operation: what made it: (N, C, T) of a one-dimensional convolution are channels over time.
        compared: what is subtracted.
        compared_with: what that is, in words.
        row_names: tokens or class names; left out where they are not as many as rows.
        column_names: likewise.

    Raises:
        InputError: for a sample or plane that is not there, and for `compared` of another shape.
    """
    with torch._C.DisableTorchFunction(), torch.no_grad():
        empty = _nothing(tensor, step, output, name, compared_with if compared is not None else "")
        if compared is not None and _shape(compared) != empty.shape:
            raise InputError(
                f"compared: expected the shape of {name}, {empty.shape}, got {_shape(compared)}; "
                f"compare tensors of one shape"
            )
        try:
            original, note = readable(tensor)
            values = original
            if original is not None and compared is not None:
                values, note = _difference(tensor, compared)
            if original is None or values is None or not values.numel():
                return replace(empty, note=note or f"no values: the shape is {empty.shape}")
            attention = attends(original, operation)
            layout = layout_of(values, size, operation, attention=attention, entering=step == _INPUT)
            return _view(replace(empty, note=note), layout, sample, first, (row_names, column_names))
        except RuntimeError as error:  # out of memory, or an operation that this kind of tensor does not know
            reason = str(error).split("\n", maxsplit=1)[0]
            return replace(empty, note=f"values cannot be read: {reason}")


def view_weights(module_path: str, weight: Tensor) -> ActivationView:
    """Return a layer's weights as pictures, which are left unchanged: of a first layer, what it looks for.

    (O, I, kh, kw) of a convolution are a plane a filter and input channel; (O, F) of a linear layer a picture a unit
    where F is a square from 49 on, such as 784, else one matrix. At most 256 planes.
    """
    with torch._C.DisableTorchFunction(), torch.no_grad():
        empty = _nothing(weight, _WEIGHTS, 0, f"{module_path}.weight" if module_path else "weight", "")
        values, note = readable(weight)
        if values is None or not values.numel():
            return replace(empty, note=note or f"no values: the shape is {empty.shape}")
        layout, words = layout_of_weights(values)
        height, width = layout.values.shape[2:]
        page = max(_PAGE, min(_FILTERS, _FILTER_CELLS // (height * width)))
        note = "; ".join(filter(None, [note, words]))
        return _view(replace(empty, note=note), layout, 0, 0, ((), ()), page=page)


def attention_of(
    query: Tensor,
    key: Tensor,
    *,
    mask: Tensor | None = None,
    is_causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """Return the weights (N, heads, T, S) that `F.scaled_dot_product_attention` gives to the values of S.

    Of half precision they are float32. A query that may attend to nothing has weights of zero. Holds no graph and
    leaves the tensors unchanged.

    Args:
        query: (N, heads, T, E), or with any other axes before the last two.
        key: (N, heads, S, E); of fewer heads each serves as many of the query's (`enable_gqa`).
        mask: what may be attended to (bool), or what is added to the scores; broadcast to (N, heads, T, S).
        is_causal: whether position t attends to the first t + 1 alone.
        scale: factor of the scores, 1 / √E by default.

    Raises:
        InputError: for shapes that do not fit each other, and for a mask beside `is_causal`.
    """
    if mask is not None and is_causal:
        raise InputError("mask: expected none beside is_causal=True, got a tensor; put the causal part into the mask")
    with torch._C.DisableTorchFunction(), torch.no_grad():
        if query.dim() < 2 or key.dim() < 2 or query.shape[-1] != key.shape[-1]:
            raise InputError(
                f"key: expected (…, S, E) with the E of the query {tuple(query.shape)}, got {tuple(key.shape)}"
            )
        asked, offered = (wide(tensor.detach()) for tensor in (query, key))
        if asked.dim() > 2 and asked.dim() == offered.dim() and 1 < offered.shape[-3] < asked.shape[-3]:
            offered = offered.repeat_interleave(asked.shape[-3] // offered.shape[-3], dim=-3)
        try:
            scores = asked @ offered.transpose(-2, -1) * (asked.shape[-1] ** -0.5 if scale is None else scale)
            scores = _masked(scores, mask, is_causal=is_causal)
        except RuntimeError as error:
            shapes = ", ".join(str(tuple(part.shape)) for part in (query, key, mask) if part is not None)
            raise InputError(f"expected a query, a key and a mask that fit each other, got {shapes}") from error
        nowhere = scores.eq(-math.inf).all(-1, keepdim=True)
        return scores.softmax(-1).masked_fill(nowhere, 0.0)


def _masked(scores: Tensor, mask: Tensor | None, *, is_causal: bool) -> Tensor:
    if is_causal:
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
    if mask is None:
        return scores
    return torch.where(mask, scores, -math.inf) if mask.dtype is torch.bool else scores + mask.detach()


def _difference(tensor: Tensor, compared: Tensor) -> tuple[Tensor | None, str]:
    """Return tensor − compared on the device of the first, in a type that holds it."""
    other = compared.detach().to(tensor.device)
    if tensor.is_complex() or other.is_complex():
        return readable(tensor.detach() - other)
    (values, note), (others, why) = readable(tensor), readable(other)
    if values is None or others is None:
        return None, note if values is None else f"what it is compared with: {why}"
    return wide(values) - wide(others), note or why


def _view(
    empty: ActivationView, layout: Layout, sample: int, first: int, names: tuple[Names, Names], *, page: int = _PAGE
) -> ActivationView:
    _, total, height, width = layout.values.shape
    if layout.choosing and not 0 <= sample < layout.samples:
        raise InputError(f"sample: expected 0 to {layout.samples - 1}, got {sample}")
    if not 0 <= first < total:
        raise InputError(f"first: expected the number of a plane, 0 to {total - 1}, got {first}")
    chosen = sample if layout.choosing else 0
    by_column = layout.kind in ("matrix", "vector", "number")
    values = layout.values.cpu() if layout.values.device.type == "mps" else layout.values  # MPS has no float64
    planes = Planes(values, chosen, first, min(page, total - first), by_column, layout.choosing)
    seen = look(planes, dead_columns=layout.kind == "matrix" and layout.samples > 0 and not layout.choosing)
    rows, columns = map(_names, names, (height, width), seen.blocks)
    return replace(
        empty,
        kind=layout.kind,
        sample=sample if layout.choosing else None,
        samples=layout.samples,
        planes=seen.planes,
        size=(height, width),
        first=first,
        total=total,
        axes=layout.axes,
        row_names=rows,
        column_names=columns,
        low=seen.low,
        high=seen.high,
        shared=seen.shared,
        dead=seen.dead,
        top=seen.top,
        excited=seen.excited,
        bars=seen.bars,
        edges=seen.edges,
    )


def _names(names: Names, size: int, block: int) -> Names:
    """Return a name for each block of rows or columns; none where there is not one for each of them."""
    if len(names) != size:
        return ()
    if block == 1:
        return names
    starts = range(0, size, block)
    return tuple(f"{names[start]} … {names[min(start + block, size) - 1]}" for start in starts)


def _shape(tensor: Tensor) -> tuple[int, ...]:
    return (tensor.size(0),) if tensor.is_nested else tuple(tensor.shape)


def _nothing(tensor: Tensor, step: int, output: int, name: str, compared: str) -> ActivationView:
    """Return a view of facts alone, with nothing to show."""
    none = np.zeros(0)
    return ActivationView(
        step=step,
        output=output,
        name=name,
        shape=_shape(tensor),
        dtype=str(tensor.dtype).removeprefix("torch."),
        device=str(tensor.device),
        kind="none",
        sample=None,
        samples=0,
        planes=np.zeros((0, 0, 0), np.float32),
        size=(0, 0),
        first=0,
        total=0,
        axes=("", "", ""),
        row_names=(),
        column_names=(),
        low=none,
        high=none,
        shared=(math.nan, math.nan),
        dead=np.zeros(0, np.bool_),
        top=np.zeros(0, np.int32),
        excited=None,
        bars=np.zeros(0, np.int64),
        edges=(math.nan, math.nan),
        compared=compared,
    )
