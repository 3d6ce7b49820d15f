"""Steps against the gradient of a recorded pass, on a copy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded


def descended(program: Program, backward: Recorded, rates: tuple[float, ...]) -> Iterator[tuple[float, Any, float]]:
    """Give the outputs and the loss after one step of each length, each from where the program is; it stays unchanged.

    Args:
        program: copied once.
        backward: the recorded pass whose gradients are stepped against.
        rates: lengths, as shares of the length of all parameters that have a gradient.
    """
    copy = program.copied()
    moved = {name: g for name, g in backward.gradients.items() if g is not None and name in copy.parameters}
    before = {name: copy.parameters[name].detach().clone() for name in moved}
    length = sum(float(g.double().pow(2).sum()) for g in moved.values()) ** 0.5
    size = sum(float(p.double().pow(2).sum()) for p in before.values()) ** 0.5
    for rate in rates if 0 < length < float("inf") else ():
        with torch.no_grad():
            for name, gradient in moved.items():
                copy.parameters[name].copy_(before[name] - rate * max(size, 1.0) / length * gradient)
        with copy.running():
            outputs = copy.outputs(backward.batch)
            loss = float(copy.scalar_loss(outputs, backward.batch))
        yield rate, outputs, loss
