"""Which columns of the outputs a loss holds against the targets, where others say how sure they are."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from typing import Any

import torch
from torch import Tensor

from nbinspect.records import TaskRecord
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.evidence.losses.perfect import Answers
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded, tensor_output

_MOST = 4
"""Groups of columns that are looked at: location, scale, and what a density may have besides."""


def located(program: Program, recorded: Recorded, task: TaskRecord) -> Answers | None:
    """Return the outputs as predictions of numbers beside what describes their density; None where they are not.

    Those columns are the predictions that may be moved together with the targets, each sample by its own amount, and
    leave the loss what it is: it then depends on their difference alone. Only the loss is run.
    """
    outputs, targets = tensor_output(recorded.outputs), recorded.batch.targets
    if task.kind != "regression" or outputs is None or targets is None or outputs.dim() != 2:
        return None
    samples, columns = outputs.shape
    width = targets.numel() // max(1, samples) if targets.numel() > 1 else 0
    if not targets.is_floating_point() or targets.shape[:1] != (samples,) or not width or columns % width:
        return None
    if not 1 < columns // width <= _MOST or not bool(outputs.isfinite().all() and targets.isfinite().all()):
        return None
    for start in range(0, columns, width):
        part = slice(start, start + width)
        known = Answers("values", "values", recorded.outputs, outputs.detach(), targets, direct=True, columns=part)
        if _moves_with(program, recorded, known):
            return known
    return None


def _moves_with(program: Program, recorded: Recorded, known: Answers) -> bool:
    """Whether the loss stays when the columns move with the targets, and not when the targets move alone."""
    outputs, targets = known.tensor, known.targets
    size = max(float(targets.std()), 1e-3)
    each = torch.linspace(-1.0, 2.0, len(outputs), device=outputs.device, dtype=outputs.dtype)[:, None] * size
    for moves in (each, each.flip(0)):
        moved = outputs.clone()
        moved[:, known.columns] += moves
        others = targets + moves.reshape(-1, *[1] * (targets.dim() - 1)).to(targets)
        pairs = ((outputs, targets), (moved, others), (outputs, others))
        try:
            now, together, alone = (_loss(program, recorded, known.replaced(one), wanted) for one, wanted in pairs)
        except MissingNeed:
            raise
        except Exception:  # noqa: BLE001 - the user's loss may want its own outputs or targets
            return False
        if not isfinite(now + together + alone) or not abs(together - now) < 1e-3 * abs(alone - now):
            return False
    return True


def _loss(program: Program, recorded: Recorded, outputs: Any, targets: Tensor) -> float:
    batch = replace(recorded.batch, parts=replace(recorded.batch.parts, targets=targets))
    with program.running():
        return float(program.scalar_loss(outputs, batch))
