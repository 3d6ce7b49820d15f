"""Whether layers that were drawn too large make an untrained network confident, told by a copy with usual ones."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from math import inf, isfinite

import torch

from nbinspect.capture.kinds import word_of
from nbinspect.records import CheckResult
from nbinspect.sanity.batches import Batch, reading
from nbinspect.sanity.check import MissingNeed, failed, measured
from nbinspect.sanity.evidence.layers.depth import Layer, through_depth
from nbinspect.sanity.evidence.layers.head import head_before, oversize
from nbinspect.sanity.evidence.losses.chance import Chance, chance_of
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded, record
from nbinspect.sanity.trials.running.comparison import losses_of

_WRONG, _LEFT = 3.0, 0.2
"""Times chance, from where on a network is confident and wrong; and what may be left of what the loss is above it."""
_OVERSIZED, _SEVERAL, _USUAL = 4.0, 2, 2**0.5
"""Size of weights, times the root of their inputs: too large from there, in so many layers; and as He draws them."""
_STEPS, _BATCHES = 10, 3
_SCALES = ("mul", "multiply", "div", "divide", "true_divide")


def calmed(program: Program, recorded: Recorded, layers: Sequence[Layer], chance: Chance | None) -> CheckResult | None:
    """Fail where several layers before the last are too large, and the loss is near chance on a copy with usual ones.

    None where it is no classifier that begins far above chance, or comes down to chance in a few steps.

    Args:
        program: left unchanged; its steps are counted.
        recorded: the shared pass.
        layers: all of the network, from input to output.
        chance: the loss, and what it would be by chance.
    """
    if chance is None or chance.is_regression or not isfinite(chance.measured):
        return None
    if not chance.measured > _WRONG * chance.uninformed > 0:
        return None
    head = head_before(recorded, chance.call.operation)
    before = [one for one in layers if one.gradient is not None and (head is None or one.name != head.name)]
    scaled = _scaled(recorded)
    loud = [one for one in before if oversize(one) > _OVERSIZED and one.operation.step.index not in scaled]
    if len(loud) < _SEVERAL:
        return None
    other, usual = _with_usual(program, recorded, loud), chance.uninformed
    if not (other < _WRONG * usual and other - usual < _LEFT * (chance.measured - usual)):
        return None
    batches = list[Batch]()
    with suppress(MissingNeed), reading(program.subject, program.subject.loader, program.limits) as source:
        batches += islice(source, _BATCHES)
    losses = losses_of(program, batches or (recorded.batch,), _STEPS)
    if losses is not None and min(losses, default=inf) < chance.uninformed:
        return None
    worst = max(loud, key=oversize)
    std, wanted = float(worst.weight.detach().double().std()), _USUAL / (worst.weight[0].numel()) ** 0.5
    return failed(
        f"{len(loud)} layers are drawn up to {oversize(worst) / _USUAL:.2g} times too large",
        measured("loss at the start as it is", chance.measured, f"{other:.4g} with these layers as He draws them"),
        measured(f"std of {worst.name}", std, f"{wanted:.3g} (He), {wanted / _USUAL:.3g} (Xavier, LeCun)"),
        title="Layers are drawn too large",
        detail=f"{', '.join(one.name for one in loud[:3])}: each multiplies the signal severalfold, so that the "
        f"untrained network is confident and wrong. With weights of the usual size the loss begins at {other:.4g}, "
        f"where chance gives {chance.uninformed:.4g}.",
        remedy=f"Initialise with smaller weights, kaiming_normal_ for ReLU (std {wanted:.3g} at {worst.name}).",
        where=worst.name,
        place=worst.operation.step.place,
        code="+ for weight in (p for p in model.parameters() if p.dim() > 1):\n+     nn.init.kaiming_normal_(weight)",
        charts=(
            through_depth(
                "Size of weights",
                "times that of usual ones",
                [one.name for one in layers],
                [oversize(one) for one in layers],
            ),
        ),
        confirmed=True,
    )


def _scaled(recorded: Recorded) -> set[int | None]:
    """Return the steps whose result is scaled by a number right away, as networks are whose weights are all about 1."""
    by_numbers = (one for one in recorded.operations if word_of(one.step.name) in _SCALES and len(one.given) == 1)
    return {one.step.inputs[0].step for one in by_numbers}


def _with_usual(program: Program, recorded: Recorded, loud: Sequence[Layer]) -> float:
    """Return the loss of a copy with these layers scaled to the usual size; infinite where there is none."""
    try:
        copy = program.copied()
        with torch.no_grad():
            for one in loud:
                copy.parameters[one.name].mul_(_USUAL / oversize(one))
        found = chance_of(record(copy, recorded.batch))
    except (MissingNeed, KeyError, RuntimeError):
        return inf
    return found.measured if found is not None else inf
