"""How much of the outputs is due to the inputs, and how much to what the network draws at random while it trains."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.evidence.awake import stirred
from nbinspect.sanity.evidence.contents import contents
from nbinspect.sanity.program import Program, seed_all
from nbinspect.sanity.recorded import tensor_output


@dataclass(frozen=True)
class Heard:
    """Root mean squares of changes of the outputs, in train mode, in a copy with noise on all weights."""

    by_inputs: float
    """When all inputs are set to zero but masks and lengths, under the same draws."""
    by_draws: float
    """When the network draws anew, for the same inputs."""
    samples: float
    """When the outputs of one sample are taken for another."""


def heard(program: Program, batch: Batch) -> Heard | None:
    """Return what changes the outputs on a batch; None where that cannot be told. The program is left unchanged."""
    own = contents(batch)
    try:
        copy = stirred(program)
        with copy.running(training=True):
            outputs = tensor_output(copy.outputs(batch))
        with copy.running(training=True):
            silent = tensor_output(copy.outputs(batch.with_inputs({n: torch.zeros_like(t) for n, t in own.items()})))
        with copy.running(training=True):
            seed_all(program.seed, "other draws")
            redrawn = tensor_output(copy.outputs(batch))
    except MissingNeed:
        return None
    except Exception:  # noqa: BLE001 - a network need not take zeros
        return None
    if outputs is None or silent is None or redrawn is None or not outputs.is_floating_point():
        return None
    if outputs.shape != silent.shape or outputs.shape != redrawn.shape or not outputs.dim():
        return None
    return Heard(_change(outputs, silent), _change(outputs, redrawn), _change(outputs, outputs.roll(1, 0)))


def _change(one: Tensor, other: Tensor) -> float:
    return float((one.double() - other.double()).square().mean().sqrt())
