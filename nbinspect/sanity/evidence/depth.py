"""How signal and gradients fare through the depth: the weighted layers of a recorded pass, from input to output."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite, log10

import numpy as np
import torch
from torch import Tensor

from nbinspect.capture.kinds import word_of
from nbinspect.records import Chart
from nbinspect.sanity.evidence.lineage import ancestors
from nbinspect.sanity.recorded import Operation, Recorded

_WEIGHS = re.compile(
    r"(bi)?linear|conv(_transpose|_tbc)?\d?d?|r?matmul|mm|bmm|addmm|baddbmm|einsum|lstm|gru|rnn_(tanh|relu)|\w+_cell"
    r"|multi_head_attention_forward"
)
LEAST = 4
"""Weighted layers that make a depth."""


@dataclass(frozen=True, eq=False)
class Layer:
    """A step that multiplies by a parameter."""

    operation: Operation
    name: str
    """Its weight: ``blocks.3.fc1.weight``."""
    weight: Tensor
    gradient: Tensor | None
    """Of the loss with respect to the weight; None where none flows or none was asked for."""

    @cached_property
    def entering(self) -> float:
        """How much what it is given varies between samples."""
        inputs = (t for t in self.operation.given if t is not self.weight and _is_signal(t))
        return variation(next(inputs, None))

    @cached_property
    def leaving(self) -> float:
        """How much what it makes varies between samples."""
        return variation(next(filter(_is_signal, self.operation.made), None))

    @cached_property
    def relative_gradient(self) -> float:
        """Norm of the weight's gradient over the norm of the weight; NaN where there is none, or the weight is zero."""
        if self.gradient is None or not self.gradient.numel():
            return float("nan")
        size = norm(self.weight)
        return norm(self.gradient) / size if size else float("nan")


def layers_of(recorded: Recorded) -> tuple[Layer, ...]:
    """Return the weighted layers in the order of the forward pass, each weight once; tensors are live."""
    held = {id(tensor) for one in recorded.operations for tensor in one.given if isinstance(tensor, torch.nn.Parameter)}
    found: dict[str, Layer] = {}
    for one in recorded.operations:
        if one.step.kind != "operation" or one.in_loss or not _WEIGHS.fullmatch(word_of(one.step.name)):
            continue
        for use, tensor in zip(one.step.inputs, one.given, strict=True):
            if id(tensor) in held and tensor.dim() > 1 and tensor.is_floating_point() and use.origin not in found:
                found[use.origin] = Layer(one, use.origin, tensor, recorded.gradients.get(use.origin))
    return tuple(found.values())


def head_of(recorded: Recorded, user: Operation, length: int) -> str:
    """Return the bias of this length of the last weighted layer before an operation; empty where there is none."""
    before = {one.step.index for one in ancestors(recorded, user)}
    last = next((one for one in reversed(layers_of(recorded)) if one.operation.step.index in before), None)
    if last is None:
        return ""
    pairs = zip(last.operation.step.inputs, last.operation.given, strict=True)
    names = (use.origin for use, tensor in pairs if tensor.shape == (length,) and use.origin in recorded.gradients)
    return next(names, "")


def relative_gradients(recorded: Recorded) -> list[Layer]:
    """Return the weighted layers that have a gradient; behind one that begins at zero there is none at first."""
    return [layer for layer in layers_of(recorded) if 0 < layer.relative_gradient < float("inf")]


def variation(tensor: Tensor | None) -> float:
    """Return the root of the mean variance along the first axis, that of the samples; NaN where there is none."""
    if tensor is None or not tensor.is_floating_point() or tensor.dim() < 2 or tensor.shape[0] < 2:
        return float("nan")
    with torch.no_grad(), torch._C.DisableTorchFunction():
        values = tensor.detach().to(torch.float64)
        return float(values.var(0, unbiased=False).mean().sqrt()) if values.numel() else float("nan")


def norm(tensor: Tensor) -> float:
    """Return the norm of a dense or sparse tensor, safe from overflow and underflow of its type."""
    values = tensor.detach()
    values = values.coalesce().values() if values.is_sparse else values
    return float(torch.linalg.vector_norm(values.to(torch.float64)))


def ends(values: Sequence[float]) -> tuple[Sequence[float], Sequence[float]]:
    """Return the first and the last quarter of what was measured along the depth."""
    quarter = max(1, len(values) // 4)
    return values[:quarter], values[-quarter:]


def through_depth(title: str, quantity: str, names: Sequence[str], values: Sequence[float]) -> Chart:
    """Return bars, one a layer from input to output, on a logarithmic axis."""
    return Chart(
        kind="bars",
        title=title,
        x="weighted layer, from input to output",
        y=quantity,
        names=tuple(names),
        values=(np.asarray(values, dtype=np.float64),),
        at=np.zeros(0),
        log=True,
    )


def magnitude(value: float) -> str:
    """Return a factor in words of magnitude: ``10^-7.2``."""
    return f"10^{log10(value):.1f}" if value > 0 and isfinite(value) else f"{value:g}"


def _is_signal(tensor: Tensor) -> bool:
    return tensor.is_floating_point() and tensor.dim() > 1 and not isinstance(tensor, torch.nn.Parameter)
