"""What a tensor is and how its values lie: live tensors in, records out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from math import inf
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nbinspect.capture.judge import judge
from nbinspect.capture.origins import type_name
from nbinspect.capture.statistics import Axis, measure
from nbinspect.records import Role, TensorFacts, TensorRecord

Values: TypeAlias = "Tensor | Sequence[Tensor]"
"""A batch, or a list of one tensor a sample where their shapes differ."""

_DENSE_LIMIT = 2**24
_PREVIEW = 64
_LABELS = 2**16
_PLAIN_TYPE = {torch.uint16: torch.int32, torch.uint32: torch.int64, torch.uint64: torch.float64}


def channel_axis(shape: Sequence[int | None], *, floating: bool) -> int | None:
    """Return the axis of channels or features of a batch of this shape, or None where it has neither.

    (N, F) of floats: 1. (N, C, T) of floats: 1 where C ≤ T, else (N, T, C): 2. (N, H, W, C) with 1, 3 or 4 channels: 3.
    (N, C, H, W) and more axes: 1. A length of None differs between samples and counts as long.
    """
    lengths = [inf if length is None else length for length in shape]
    if len(lengths) < 2 or (len(lengths) < 4 and not floating):
        return None
    if len(lengths) == 3:
        return 1 if lengths[1] <= lengths[2] else 2
    if len(lengths) == 4 and lengths[3] in (1, 3, 4) and lengths[1] not in (1, 3, 4):
        return 3
    return 1


def batch_size(values: Sequence[Any], axis: int = 0) -> int:
    """Return the number of samples: the length that most of the values share, the first one's on a tie."""
    lengths = [length for value in values if (length := length_of(value, axis)) is not None]
    return Counter(lengths).most_common(1)[0][0] if lengths else min(len(values), 1)


def length_of(value: Any, axis: int = 0) -> int | None:
    """Return the length of a tensor along this axis, else along its first, or of a list; None where it has none."""
    if isinstance(value, Tensor):
        along = axis if value.dim() > axis and not value.is_nested else 0  # a nested tensor has no shape
        return value.size(along) if value.dim() else None
    return len(value) if isinstance(value, list) else None


def readable(tensor: Tensor) -> tuple[Tensor | None, str]:
    """Return the values as a dense, real, detached tensor on the same device, or None; and what was done, or why not.

    Sparse tensors become dense up to 2**24 values, quantised ones de-quantised, complex ones magnitude and phase on a
    new axis 1 (axis 0 of a single number), rare types (8-bit floats, wide unsigned integers) the next plain one.
    Leaves the tensor unchanged.
    """
    if torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        return None, "inside vmap or grad: values are not read"
    values, note = tensor.detach(), ""
    if values.is_meta:
        return None, "a meta tensor has a shape and a type but no values"
    if values.is_nested:
        return None, "a nested tensor has no one shape: give its samples as a list"
    if values.is_quantized:
        return values.dequantize(), f"quantised ({tensor.dtype}): values are shown de-quantised"
    if values.layout is not torch.strided:
        if values.numel() > _DENSE_LIMIT:
            return None, f"{values.numel():,} values of a sparse tensor are too many to show it dense"
        values, note = values.to_dense(), f"{_layout(tensor)}: shown dense"
    if values.is_complex():
        values = values.to(torch.complex64) if values.dtype is torch.complex32 else values
        parts = torch.stack([values.abs(), values.angle()], dim=min(1, values.dim()))
        return parts, "; ".join(filter(None, [note, "complex: shown as magnitude and phase"]))
    if values.dtype in _PLAIN_TYPE or (values.is_floating_point() and values.element_size() == 1):
        values = values.to(_PLAIN_TYPE.get(values.dtype, torch.float32))
        note = f"{type_name(tensor.dtype)}: shown as {type_name(values.dtype)}"
    return values.resolve_neg(), note


def describe(values: Values, name: str, role: Role, *, batch_size: int, fed: Values | None = None) -> TensorRecord:
    """Return the record of a tensor, or of a list of samples of different shapes.

    Statistics are exact, per channel or feature and per sample, over the whole batch; they are worked out on the
    tensor's own device and reach the host in one transfer, two where there are NaN or infinite values. Values that
    cannot be read leave a record of facts with the reason as its note. Leaves the tensor unchanged. Source: D-normalise

    Args:
        values: (N, …), or a list of N samples; any type, layout and device.
        name: as the user would write it.
        role: what the tensor is to the network.
        batch_size: N; statistics per sample are given where the first axis has this length.
        fed: the same as it was fed, which the facts are of, where the samples were along another axis.
    """
    if isinstance(values, Tensor) and values.is_nested:
        values = fed = values.unbind()
    facts = facts_of(values if fed is None else fed, name, role)
    try:
        with torch.no_grad():
            return _record(values, facts, batch_size)
    except RuntimeError as error:  # out of memory, or an operation that this kind of tensor does not know
        reason = str(error).split("\n", maxsplit=1)[0]
        return _unread(facts, f"values cannot be read: {type(error).__name__}: {reason}")


def facts_of(values: Values, name: str, role: Role) -> TensorFacts:
    """Return what a tensor is, or a list of samples of different shapes, without a look at its values."""
    shape: tuple[int | None, ...]
    if isinstance(values, Tensor):
        strides = tuple(values.stride()) if values.layout is torch.strided else ()
        first, shape, layout, grad = values, tuple(values.shape), _layout(values), values.requires_grad
    else:
        strides, shape, layout = (), (len(values), *_common([sample.shape for sample in values])), "ragged list"
        first, grad = (values[0] if values else torch.empty(0)), any(sample.requires_grad for sample in values)
    return TensorFacts(name, role, shape, type_name(first.dtype), str(first.device), layout, strides, grad)


def _record(values: Values, facts: TensorFacts, batch_size: int) -> TensorRecord:
    ragged = not isinstance(values, Tensor)
    pairs = [readable(part) for part in _batches(values)]
    note = next((note for _, note in pairs if note), "")
    dense = [part for part, _ in pairs if part is not None]
    if len(dense) < len(pairs) or not pairs:
        return _unread(facts, note or "an empty list")
    dense = [part.cpu() if part.device.type == "mps" else part for part in dense]  # MPS has no float64
    cut = _axis(dense, facts)
    axis, names = _rows(dense[0], cut, facts)
    per_sample = ragged or length_of(values) == batch_size
    labels = dense[0].flatten() if facts.role == "target" and dense[0].numel() == batch_size <= _LABELS else None
    more = [_preview(next(iter(_batches(values))), dense[0]), *(() if labels is None else (labels,))]
    statistics, samples, histogram, rest = measure([_channels(part, cut) for part in dense], axis, names, *more)
    preview = rest[0].astype(facts.dtype) if hasattr(np, facts.dtype) else rest[0]
    findings = judge(facts, statistics, None if labels is None else rest[1])
    return TensorRecord(facts, statistics, samples if per_sample else None, histogram, findings, preview, note)


def _batches(values: Values) -> Iterator[Tensor]:
    """Give the batch, or each sample as a batch of one."""
    if isinstance(values, Tensor):
        yield values
    else:
        yield from (sample.unsqueeze(0) for sample in values)


def _axis(dense: Sequence[Tensor], facts: TensorFacts) -> int | None:
    """Return the axis of channels, where all parts have as many."""
    if facts.dtype.startswith("complex"):
        return min(1, dense[0].dim() - 1)
    shape = (len(dense), *_common([part.shape[1:] for part in dense])) if facts.shape else ()
    cut = channel_axis(shape, floating=dense[0].is_floating_point() and not facts.dtype.startswith("uint"))
    return None if cut is None or shape[cut] is None else cut


def _rows(part: Tensor, cut: int | None, facts: TensorFacts) -> tuple[Axis, tuple[str, ...]]:
    if cut is None:
        return "all", ("",)
    if facts.dtype.startswith("complex"):
        return "channel", ("magnitude", "phase")
    return "feature" if part.dim() == 2 else "channel", tuple(map(str, range(part.shape[cut])))


def _channels(part: Tensor, cut: int | None) -> Tensor:
    """Return values as (n, C, S), as a view wherever that is possible."""
    if cut == 0 or part.dim() == 0:  # a single number, and the magnitude and phase of one
        return part.reshape(1, -1, 1)
    part = part.unsqueeze(1) if cut is None else part.movedim(cut, 1)
    return part.unsqueeze(2) if part.dim() == 2 else part.flatten(2)


def _preview(original: Tensor, dense: Tensor) -> Tensor:
    """Return the first values, without a copy of the whole where it is not contiguous."""
    source = original.detach().resolve_conj() if original.dtype in (torch.complex64, torch.complex128) else dense
    source = source.to_dense() if source.layout is not torch.strided else source.to(dense.device)
    index = torch.arange(min(_PREVIEW, source.numel()), device=source.device)
    first = source[torch.unravel_index(index, source.shape)] if source.dim() and source.numel() else source.flatten()
    return first.float() if first.dtype is torch.bfloat16 else first


def _common(shapes: Sequence[Sequence[int]]) -> tuple[int | None, ...]:
    """Return the lengths that all shapes share, None for one that differs, and a single None for unlike axes."""
    if len({len(shape) for shape in shapes}) > 1:
        return (None,)
    return tuple(lengths[0] if len(set(lengths)) == 1 else None for lengths in zip(*shapes, strict=True))


def _layout(tensor: Tensor) -> str:
    if tensor.is_meta:
        return "meta"
    if tensor.is_quantized:
        return "quantised"
    if tensor.layout is not torch.strided:
        return str(tensor.layout).removeprefix("torch.")
    if tensor.is_contiguous():
        return "contiguous"
    if tensor.dim() == 4 and tensor.is_contiguous(memory_format=torch.channels_last):
        return "channels_last"
    return f"strided {tuple(tensor.stride())}"


def _unread(facts: TensorFacts, note: str) -> TensorRecord:
    nothing: NDArray[np.float32] = np.empty(0, np.float32)
    return TensorRecord(facts, None, None, None, (), nothing, note)
