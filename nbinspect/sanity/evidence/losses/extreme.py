"""Whether targets, or outputs of their sign, have the highest loss of all, as under a likeness that is minimised."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import isfinite
from typing import Any

import torch
from torch import Tensor

from nbinspect.nested import tensors_in
from nbinspect.sanity.evidence.losses.perfect import Answers
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded

_NOISE = 0.3


def is_highest(loss: Callable[[Tensor], float], outputs: Tensor, targets: Tensor) -> bool:
    """Return whether no other outputs have a higher loss than the targets themselves, and others a lower one.

    A product of outputs and targets, whose sign a critic may choose, grows with the outputs and is no such loss; a
    single target tells nothing.

    Args:
        loss: of outputs.
        outputs: what the network gives.
        targets: in the shape of the outputs.
    """
    if targets.numel() < 2:
        return False
    best = loss(targets)
    others = [loss(one) for one in _others(outputs, targets)]
    scaled = [loss(targets * factor) for factor in (0.5, 2.0, -1.0)]
    if not all(map(isfinite, (best, *others, *scaled))):
        return False
    margin = 1e-3 * max(abs(best), 1e-6)
    return max(others) < best - margin and max(scaled) <= best + margin and scaled[-1] < best - margin


def rewards_wrong_signs(loss: Callable[[Tensor], float], targets: Tensor) -> bool:
    """Return whether a loss of targets -1 and 1 ends at its floor as every output gets the wrong sign, and rises else.

    The product of a critic has no floor on either side.
    """
    if not bool((targets.abs() == 1).all()) or bool((targets == targets.flatten()[0]).all()):
        return False
    wrong, far, right, further = (loss(targets * factor) for factor in (-20.0, -200.0, 20.0, 200.0))
    if not all(map(isfinite, (wrong, far, right, further))):
        return False
    return right > wrong and abs(far - wrong) <= 1e-3 * abs(further - right)


def _others(outputs: Tensor, targets: Tensor) -> Iterator[Tensor]:
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn(targets.shape, generator=generator).to(targets)
    size = targets.std()
    yield outputs.to(targets)
    yield targets.roll(1, 0)
    yield targets + _NOISE * size * drawn
    yield targets.mean() + size * drawn


def is_likeness(program: Program, recorded: Recorded, known: Answers) -> bool:
    """Whether the loss, whatever it computes, is highest where the outputs are the targets, or of their sign."""
    part = known.tensor if known.columns is None else known.tensor[:, known.columns]
    wanted = known.targets.reshape(part.shape).to(part.dtype)

    def loss(outputs: Tensor) -> float:
        whole = outputs
        if known.columns is not None:
            (whole := known.tensor.clone())[:, known.columns] = outputs
        return loss_of(program, recorded, known.replaced(whole))

    return is_highest(loss, part, wanted) or rewards_wrong_signs(loss, wanted)


def best_of(program: Program, recorded: Recorded, known: Answers, share: float) -> float:
    """Return the loss of outputs that are by this share of the way nearer to perfect ones."""
    return min(loss_of(program, recorded, one) for one in known.better(share))


def loss_of(program: Program, recorded: Recorded, outputs: Any) -> float:
    """Return the loss of other outputs on the recorded batch."""
    with program.running():
        return float(program.scalar_loss(outputs, recorded.batch))


def sees_targets(program: Program, recorded: Recorded) -> bool:
    """Whether the loss of the recorded outputs is another with the targets of the samples exchanged."""
    targets = {id(tensor) for _, tensor in tensors_in(recorded.batch.parts.targets, "")}
    exchanged = recorded.batch.changed(lambda one: one.roll(1, 0) if id(one) in targets and one.dim() else one)
    with program.running():
        losses = [float(program.scalar_loss(recorded.outputs, batch)) for batch in (recorded.batch, exchanged)]
    return losses[0] != losses[1]
