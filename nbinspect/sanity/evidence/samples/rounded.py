"""Whether what differs between samples is rounding alone: a copy in float64 hardly has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from nbinspect.sanity.evidence.numbers.doubled import Doubled, doubled
from nbinspect.sanity.evidence.passes.lineage import ancestors
from nbinspect.sanity.evidence.samples.sameness import along
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Operation, Recorded

_SLIGHT = 1e-2
_LEFT = 1e-5
"""Of differences in float32, in float64: rounding leaves 1e-9 of them, anything else all."""


def rounded(
    program: Program, recorded: Recorded, outputs: list[Tensor], judged: Callable[[Any], list[Tensor]]
) -> Doubled | None:
    """Return the program in float64, where outputs of different samples differ by rounding alone; None elsewhere.

    It is run only where they differ slightly.

    Args:
        program: copied; left unchanged.
        recorded: the shared pass.
        outputs: what the model gives in eval mode, a row for each sample.
        judged: picks the same out of all that it returns.
    """
    if not isinstance(recorded.loss, Tensor) or not all(one.dtype == torch.float32 for one in outputs):
        return None
    if not all(_spread(one) < _SLIGHT * max(1.0, float(one.abs().amax())) for one in outputs):
        return None
    try:
        precise = doubled(program, recorded, recorded.batch.size)
        with precise.program.running(training=False):
            again = judged(precise.program.outputs(precise.batch))
    except Exception:  # noqa: BLE001 - it may not be copied, or not take float64
        return None
    same = len(again) == len(outputs) and all(_is_rounding(*pair) for pair in zip(outputs, again, strict=True))
    return precise if same else None


def where_rounded(recorded: Recorded, precise: Recorded, output: Tensor) -> Operation | None:
    """Return the first operation, on the way to an output, that leaves differences of rounding alone."""
    maker, size, axis = recorded.maker(output), recorded.batch.size, recorded.batch.subject.batch_axis
    way = sorted(ancestors(recorded, maker), key=lambda one: one.step.index) if maker is not None else []
    for one in way:
        same = precise.by_index.get(one.step.index)
        if one.step.kind != "operation" or same is None or same.step.name != one.step.name:
            continue
        pairs = [tuple(along(x, size, axis) for x in pair) for pair in zip(one.made, same.made, strict=False)]
        known = [(a, b) for a, b in pairs if a is not None and b is not None and a.is_floating_point()]
        if known and all(_spread(a) > 0 and _is_rounding(a, b) for a, b in known):
            return one
    return None


def _is_rounding(single: Tensor, double: Tensor) -> bool:
    return single.shape == double.shape and _spread(double) <= _LEFT * _spread(single)


def _spread(samples: Tensor) -> float:
    """Return the largest difference of a sample from the first."""
    return float((samples.detach()[1:] - samples.detach()[:1]).abs().amax()) if samples.numel() else 0.0
