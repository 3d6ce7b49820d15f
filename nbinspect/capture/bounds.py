"""The ends of activations that cannot leave them, and which values lie there."""

from __future__ import annotations

from math import inf, isfinite
from typing import Any, TypeAlias

Bounds: TypeAlias = tuple[float, float]

_NEAR = 0.01
_BOUNDS: dict[str, Bounds] = {
    **dict.fromkeys(("sigmoid", "sigmoid_", "Sigmoid", "hardsigmoid", "Hardsigmoid"), (0.0, 1.0)),
    **dict.fromkeys(("softmax", "Softmax"), (-inf, 1.0)),  # over many it rests close to zero: its upper end tells
    **dict.fromkeys(("tanh", "tanh_", "Tanh", "hardtanh", "Hardtanh", "softsign", "Softsign"), (-1.0, 1.0)),
}


def bounds_of(name: str) -> Bounds | None:
    """Return both ends of what an operation or module of this name gives, -inf for one that it may rest at; or None."""
    return _BOUNDS.get(name.rpartition(".")[2])


def at_ends(values: Any, bounds: Bounds) -> Any:
    """Return which values of an array or a tensor lie within a hundredth of the range of an end, as flags."""
    near = _NEAR * (bounds[1] - bounds[0] if isfinite(bounds[0]) else 1.0)
    return (values < bounds[0] + near) | (values > bounds[1] - near)
