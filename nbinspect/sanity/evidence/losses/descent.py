"""Steps against the gradient, on a copy: one from where the program is, or a few after each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import Any

import torch
from torch import Tensor

from nbinspect.sanity.batches import Batch
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
    own = copy.parameters
    moved = {name: g for name, g in backward.gradients.items() if g is not None and name in own}
    before = {name: own[name].detach().clone() for name in moved}
    length = sum(float(g.double().pow(2).sum()) for g in moved.values()) ** 0.5
    size = sum(float(p.double().pow(2).sum()) for p in before.values()) ** 0.5
    for rate in rates if 0 < length < float("inf") else ():
        with torch.no_grad():
            for name, gradient in moved.items():
                own[name].copy_(before[name] - rate * max(size, 1.0) / length * gradient)
        with copy.running():
            outputs = copy.outputs(backward.batch)
            loss = float(copy.scalar_loss(outputs, backward.batch))
        yield rate, outputs, loss


def descending(
    program: Program, backward: Recorded, rate: float, momentum: float, later: Sequence[Batch] = ()
) -> Iterator[float]:
    """Give the loss after each further step of SGD on a copy, of the batch of the next; the program stays unchanged.

    Args:
        program: copied once.
        backward: the recorded pass, whose gradients the first step takes.
        rate: the optimizer's.
        momentum: 0 for none.
        later: the batches of further steps, taken in turn; without them all are taken on the recorded one.
    """
    copy, batches = program.copied(), cycle(later or (backward.batch,))
    own = copy.parameters
    moved = {name: g for name, g in backward.gradients.items() if g is not None and name in own}
    wanted: list[Tensor] = [own[name] for name in moved]
    speeds = [torch.zeros_like(parameter) for parameter in wanted]
    gradients: list[Tensor | None] = list(moved.values())
    while True:
        with torch.no_grad():
            for parameter, speed, gradient in zip(wanted, speeds, gradients, strict=True):
                if gradient is not None:
                    parameter.sub_(speed.mul_(momentum).add_(gradient), alpha=rate)
        with copy.running(gradients=True):
            loss = copy.scalar_loss(copy.outputs(batch := next(batches)), batch)
            yield loss.item()
            gradients = copy.gradients(loss, wanted, batch)
