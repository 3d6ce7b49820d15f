"""Moving averages: tensors that move towards a trainable one of their shape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

_OFF = 0.01
_ULPS, _STILL_ULPS = 4, 64


def followers(changed: Iterable[str], now: Mapping[str, Tensor], before: Mapping[str, Tensor]) -> frozenset[str]:
    """Return which of the changed tensors without `requires_grad` moved towards a trainable one of the same shape.

    Args:
        changed: names of tensors that changed.
        now: all tensors by name; left unchanged.
        before: their values before.
    """
    found = set()
    for name in (name for name in changed if not now[name].requires_grad):
        own = name.split(".", 1)[-1]
        leaders = [other for other, t in now.items() if t.requires_grad and t.shape == now[name].shape]
        leaders.sort(key=lambda leader: not leader.endswith(own))  # the likeliest first
        goals = (goal for leader in leaders for goal in (now[leader], before[leader]))
        if any(_moved_towards(now[name], before[name], goal) for goal in goals):
            found.add(name)
    return frozenset(found)


def _moved_towards(now: Tensor, before: Tensor, goal: Tensor) -> bool:
    """Whether a tensor went a part of the straight way to a goal, but for what rounding adds."""
    if any(t.layout is not torch.strided or not t.is_floating_point() for t in (now, goal)):
        return False
    moved, way = ((end.detach().double() - before.double()).flatten() for end in (now, goal))
    rounding = _ULPS * torch.finfo(now.dtype).eps * float(before.abs().max()) if before.numel() else 0.0
    if before.numel() and max(float(moved.abs().max()), float(way.abs().max())) <= rounding * _STILL_ULPS / _ULPS:
        return True  # an average of what stands still, which it has reached but for the rounding of many steps
    length = float(way @ way)
    share = float(moved @ way) / length if length else 0.0
    if not 0 < share <= 1 + 1e-3:
        return False
    rest = (moved - share * way).abs()
    return float(rest.norm()) <= _OFF * float(moved.norm()) or float(rest.max()) <= rounding
