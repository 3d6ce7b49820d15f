"""The ends of activations that cannot leave them."""

from __future__ import annotations

from typing import TypeAlias

Bounds: TypeAlias = tuple[float, float]

_BOUNDS: dict[str, Bounds] = {
    **dict.fromkeys(("sigmoid", "sigmoid_", "Sigmoid", "softmax", "Softmax", "hardsigmoid", "Hardsigmoid"), (0.0, 1.0)),
    **dict.fromkeys(("tanh", "tanh_", "Tanh", "hardtanh", "Hardtanh", "softsign", "Softsign"), (-1.0, 1.0)),
}


def bounds_of(name: str) -> Bounds | None:
    """Return both ends of what an operation or module of this name gives; None for those without."""
    return _BOUNDS.get(name.rpartition(".")[2])
