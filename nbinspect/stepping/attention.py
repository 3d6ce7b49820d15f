"""The weights inside fused attention, which gives only their product with the values."""

from __future__ import annotations

import torch
from torch import Tensor

from nbinspect.decode.activation import attention_of

FUSED = "F.scaled_dot_product_attention"
FUSED_NOTE = "the weights, worked out from query and key; the next step has what they make"

_ALIKE = 0.5
"""Greatest error of the output, relative to its norm, at which dropout may explain the difference."""


def fused_weights(given: tuple[Tensor, ...], output: Tensor) -> Tensor | None:
    """Return the (N, heads, T, S) weights with which fused attention made its output; None where they are not found.

    Whether it was causal, and its scale, are not among the tensors that it was given: of the usual ways, the one is
    taken whose weights give back the output best. Everything is left unchanged.

    Args:
        given: query, key and value, and the mask if there was one.
        output: what it made of them.
    """
    if len(given) < 3:
        return None
    query, key, value = (tensor.detach() for tensor in given[:3])
    mask = given[3].detach() if len(given) > 3 else None
    best, weights = _ALIKE, None
    with torch.no_grad(), torch._C.DisableTorchFunction():
        for is_causal in (False, True) if mask is None else (False,):
            for scale in (None, 1.0):
                found = attention_of(query, key, mask=mask, is_causal=is_causal, scale=scale)
                error = _error(found, value, output.detach())
                if error < best:
                    best, weights = error, found
    return weights


def _error(weights: Tensor, value: Tensor, output: Tensor) -> float:
    groups = weights.shape[-3] // value.shape[-3] if value.dim() > 2 else 1
    made = weights.float() @ value.float().repeat_interleave(groups, -3)
    return float((made - output.float()).norm() / output.float().norm().clamp(min=1e-30))
