"""Losses that take no note of which target belongs to which output, told from what they give for others."""

from __future__ import annotations

import torch
from torch import Tensor

from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded, tensor_output

_LEAST = 4
_SAME = 1e-4


def is_unmatched(program: Program, recorded: Recorded) -> bool:
    """Whether any order of the outputs has the same loss, and what is best for one does not depend on the others.

    One number is then the best answer for every sample. Distances between two sets of samples have the first, but no
    output of theirs is judged alone. Only the loss is run.
    """
    outputs, targets = tensor_output(recorded.outputs), recorded.batch.targets
    if outputs is None or outputs is not recorded.outputs or targets is None or not targets.dim():
        return False
    given = outputs.detach()
    if len(given) < _LEAST or not all(bool((one != one[:1]).any()) for one in (given, targets)):
        return False
    half = len(given) // 2
    moved = given.clone()
    moved[:half] += given.std()

    def judged(tensor: Tensor) -> tuple[float, Tensor]:
        leaf = tensor.clone().requires_grad_()
        loss = program.scalar_loss(leaf, recorded.batch)
        return float(loss.detach()), torch.autograd.grad(loss, leaf)[0]

    try:
        with program.running(gradients=True):
            (now, slopes), (turned, _), (_, beside) = (judged(one) for one in (given, given.roll(1, 0), moved))
    except Exception:  # noqa: BLE001 - the user's loss may want the outputs of its own network
        return False
    apart = float((beside[half:] - slopes[half:]).abs().max())
    return abs(turned - now) <= _SAME * abs(now) and apart <= _SAME * float(slopes.abs().max())
