"""How far two tensors of one shape lie apart."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.parameter import is_lazy

_LOOSE = 8
"""How many times the spacing of numbers of the coarser type, relative to the greatest value, is no difference."""


@dataclass(frozen=True)
class Tolerance:
    """What is no difference: nothing, where neither is given and both tensors are of one dtype and device."""

    atol: float | None = None
    rtol: float | None = None

    def share(self, one: Tensor, other: Tensor, change: Tensor, *, coarse: float) -> float:
        """Return the share of values that differ by more than is allowed."""
        given = self.atol is not None or self.rtol is not None
        allowed: Tensor | float = (self.atol or 0.0) + (self.rtol or 0.0) * other.abs().nan_to_num(0.0, 0.0, 0.0)
        if not given:
            allowed = _LOOSE * coarse * _magnitude(one, other)
        return float((change > allowed).double().mean())


@dataclass(frozen=True)
class Gap:
    """How far two tensors lie apart."""

    greatest: float
    relative: float
    share: float


def gap_between(one: Tensor, other: Tensor, tolerance: Tolerance) -> Gap | None:
    """Return how far two tensors of one shape lie apart; None where there are no values to compare."""
    if not (_has_values(one) and _has_values(other)):
        return None
    same_kind = one.dtype is other.dtype and one.device == other.device
    coarse = 0.0 if same_kind else max(_spacing(one.dtype), _spacing(other.dtype))
    before, after = _wide(one), _wide(other)
    same = (before == after) | (before.isnan() & after.isnan())
    change = (before - after).abs().where(~same, 0.0).nan_to_num(nan=torch.inf, posinf=torch.inf)
    greatest = float(change.max())
    magnitude = _magnitude(before, after)
    return Gap(
        greatest, greatest / magnitude if magnitude else greatest, tolerance.share(before, after, change, coarse=coarse)
    )


def _has_values(tensor: Tensor) -> bool:
    """Whether there are numbers that can be read: none in a lazy parameter, none inside `vmap`."""
    if tensor.is_meta or tensor.is_nested or is_lazy(tensor):
        return False
    return tensor.numel() > 0 and not torch._C._functorch.is_functorch_wrapped_tensor(tensor)


def _wide(tensor: Tensor) -> Tensor:
    plain = tensor.detach().to_dense() if tensor.layout is not torch.strided else tensor.detach()
    plain = plain.dequantize() if plain.is_quantized else plain
    return plain.to("cpu").to(torch.complex128 if plain.is_complex() else torch.float64)


def _spacing(dtype: torch.dtype) -> float:
    return float(torch.finfo(dtype).eps) if dtype.is_floating_point or dtype.is_complex else 0.0


def _magnitude(one: Tensor, other: Tensor) -> float:
    return max(float(tensor.abs().nan_to_num(0.0, 0.0, 0.0).max()) for tensor in (one, other))
