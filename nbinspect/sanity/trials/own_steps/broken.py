"""A training step of the user's own whose loss is not finite, and which updates parameters by it all the same."""

from __future__ import annotations

import torch

from nbinspect.sanity.batches import Batch
from nbinspect.sanity.evidence.numbers.nonfinite import is_finite
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.running.own_step import OwnStep, record_step
from nbinspect.sanity.trials.running.watch import is_same


def broken_by(program: Program, batch: Batch) -> OwnStep | None:
    """Record the user's own step on a batch; None where its loss is finite, or its parameters stay as they were.

    A step that leaves such a batch out, or whose scaler does, harms nothing. The copy that was recorded has the
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
    with torch.no_grad():
        for name, parameter in written.items():
            after[name].copy_(parameter)
    return own if written else None
