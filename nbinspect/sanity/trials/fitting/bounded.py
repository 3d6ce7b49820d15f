"""Whether outputs are held within bounds that no weights can lift, and how low two samples can then be driven."""

from __future__ import annotations

from math import isfinite

import torch

from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import tensor_output
from nbinspect.sanity.trials.fitting.curve import Curve
from nbinspect.sanity.trials.fitting.fit import adam, fit
from nbinspect.sanity.trials.fitting.floor import Goal

_FACTORS = (1e2, 1e3, 1e4)
_ALIKE = 1.1
_RATES = (0.03, 0.1)
_STEPS = 30
_STILL = 0.05
"""Share of the loss that may still go in the last third of a run that has come to its end."""


def are_bounded(program: Program, batch: Batch) -> bool:
    """Return whether outputs stay as large while all weights but whole numbers grow a hundredfold, and further.

    So do cosines, and what a saturating function gives; where a weight scales them, it grows with the others. The
    program is left unchanged.
    """
    found = [_largest(program, batch, factor) for factor in _FACTORS]
    return all(isfinite(one) and one > 0 for one in found) and max(found) <= _ALIKE * min(found)


def _largest(program: Program, batch: Batch, factor: float) -> float:
    copy = program.copied()
    with torch.no_grad():
        for parameter in copy.parameters.values():
            if parameter.is_floating_point() or parameter.is_complex():
                parameter.mul_(factor)
    with copy.running(training=True):
        outputs = tensor_output(copy.outputs(batch))
    return float("nan") if outputs is None or not outputs.numel() else float(outputs.abs().max())


def lowest(program: Program, few: Batch, goal: Goal) -> Curve | None:
    """Return Adam's best curve on a few samples, at rates far above usual ones, if it has come to its end; else None.

    It takes 60 steps at most. The program is left unchanged.
    """
    found = []
    for rate in _RATES:
        try:
            found.append(fit(program, few, goal, adam(rate), _STEPS).curve)
        except MissingNeed:
            continue
        if found[-1].is_reached:
            return None
    best = min(found, key=lambda curve: curve.left, default=None)
    if best is None or not isfinite(best.last):
        return None
    before = best.losses[-(len(best.losses) // 3) - 1]
    return best if before - best.last <= _STILL * abs(best.last) else None
