"""A training step of the user's own whose loss is not finite, and which updates parameters by it all the same."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from nbinspect.sanity.batches import Batch
from nbinspect.sanity.evidence.numbers.nonfinite import is_finite
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.running.own_step import OwnStep, record_step
from nbinspect.sanity.trials.running.watch import is_same


def broken_by(program: Program, batch: Batch) -> OwnStep | None:
    """Record the user's own step on a batch; None where its loss is finite, or no parameter is updated by it.

    A step that leaves such a batch out, or whose scaler does, harms nothing, whatever else it writes: averages of
    weights, weights of unit length. Nor does one that makes the gradients finite. The copy that was recorded has the
    parameters of the original again, so that none is taken for what made the loss.

    Args:
        program: left unchanged.
        batch: left unchanged.
    """
    own = record_step(program, batch)
    if own is None or is_finite(own.recorded.loss) or not is_finite(list(program.parameters.values())):
        return None
    after = own.program.parameters
    written = {name: one for name, one in program.parameters.items() if not is_same(after[name].detach(), one.detach())}
    is_broken = not is_finite([after[name] for name in written]) or _moved(own, written)
    with torch.no_grad():
        for name, parameter in written.items():
            after[name].copy_(parameter)
    return own if is_broken else None


def _moved(own: OwnStep, written: Iterable[str]) -> bool:
    """Return whether what was written got a gradient of its own, where all gradients are finite, and nothing shows."""
    gradients = own.recorded.gradients
    found = [gradient for name in written if (gradient := gradients.get(name)) is not None]
    return is_finite(list(gradients.values())) and any(bool(gradient.any()) for gradient in found)
