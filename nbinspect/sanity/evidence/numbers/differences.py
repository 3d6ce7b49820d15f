"""Derivatives by finite differences, in float64, beside those of autograd."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

_STEPS = (1e-5, 1e-6)
_SMOOTH = 0.02


@dataclass(frozen=True)
class Slope:
    """The derivative along one direction, by autograd and by finite differences."""

    autograd: float
    finite: float
    settled: bool
    """Whether two step sizes and both sides agree: there is neither a kink nor noise, so that it is a derivative."""
    spread: float = 0.0
    """How far apart the slopes to both sides are: a small kink, at which autograd takes either."""

    @property
    def gap(self) -> float:
        """Difference of the two beyond the spread, of the larger; 0 where both are zero."""
        size = max(abs(self.autograd), abs(self.finite))
        return self.off / size if size else 0.0

    @property
    def off(self) -> float:
        """Difference of the two beyond the spread, in units of the loss."""
        return max(0.0, abs(self.autograd - self.finite) - self.spread)


def slope_along(
    function: Callable[[], float],
    points: list[Tensor],
    directions: list[Tensor],
    gradients: list[Tensor | None],
    middle: float,
) -> Slope:
    """Return the slope of a function of tensors along a direction; the tensors are moved and put back.

    Args:
        function: called with the tensors moved.
        points: float64 tensors that are moved.
        directions: as many, of the same shapes, of the size of a natural change.
        gradients: of the function at the points, by autograd; None counts as zero.
        middle: the function's value at the points.
    """
    own = sum(float((g * v).sum()) for g, v in zip(gradients, directions, strict=True) if g is not None)
    starts = [point.detach().clone() for point in points]
    found = []
    try:
        for step in _STEPS:
            ends = []
            for side in (step, -step):
                _move(points, starts, directions, side)
                ends.append(function())
            found.append(((ends[0] - middle) / step, (middle - ends[1]) / step))
    finally:
        _move(points, starts, directions, 0.0)
    slopes = [slope for pair in found for slope in pair]
    finite = sum(found[-1]) / 2
    size = max(map(abs, slopes))
    rounding = 1e-13 * abs(middle) / _STEPS[-1]
    # the larger step bends by curvature, both sides alike; a kink parts the sides of the smaller one too
    settled = max(slopes) - min(slopes) <= _SMOOTH * size + rounding and abs(finite) > rounding
    return Slope(own, finite, settled or size <= rounding, abs(found[-1][0] - found[-1][1]))


def _move(points: list[Tensor], starts: list[Tensor], directions: list[Tensor], step: float) -> None:
    with torch.no_grad():
        for point, start, direction in zip(points, starts, directions, strict=True):
            point.copy_(start + step * direction)


def directions_for(points: list[Tensor], gradients: list[Tensor | None]) -> list[Tensor]:
    """Return a random direction, leaning towards the gradient of each tensor so that none is lost among the others."""
    found = []
    for point, gradient in zip(points, gradients, strict=True):
        size = _size(point) or 1e-2
        direction = torch.randn_like(point)
        lean = _size(gradient) if gradient is not None else 0.0
        if gradient is not None and lean:
            direction = direction + gradient / lean
        found.append(size * direction.detach())
    return found


def _size(tensor: Tensor) -> float:
    return float(tensor.detach().square().mean().sqrt()) if tensor.numel() else 0.0
