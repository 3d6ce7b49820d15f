"""Networks that are too narrow: of few units before the last layer, or anywhere on the way, tried with more of them."""

from __future__ import annotations

from operator import attrgetter

from nbinspect.records import CheckResult
from nbinspect.sanity.check import MissingNeed, measured, warned
from nbinspect.sanity.evidence.layers.head import NarrowHead
from nbinspect.sanity.evidence.layers.narrow import Waist
from nbinspect.sanity.evidence.passes.lineage import where_of
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.fitting.curve import Curve
from nbinspect.sanity.trials.fitting.doubled_width import doubled
from nbinspect.sanity.trials.fitting.fit import Way, adam, fit
from nbinspect.sanity.trials.fitting.overfitting import BLIND, Overfitting, adam_rates
from nbinspect.sanity.trials.fitting.pictures import curves_chart, shown

STEPS = 40
"""Of a run through a narrow place, which is slow; a quarter of those that all of them take."""
_STEPS, _TIMES, _LEFT = 25, 8, attrgetter("left")


def of_narrow_head(program: Program, overfitting: Overfitting, narrow: NarrowHead, lower: float) -> CheckResult | None:
    """Warn where Adam learns nothing of the batch at either rate, and less is left of its loss at twice the width."""
    goal, rates, units, classes = overfitting.whole.goal, adam_rates(program), narrow.units, narrow.classes
    tried = []
    for make in (adam, doubled):
        try:
            curves = [fit(program, overfitting.batch, goal, make(rate), _STEPS).curve for rate in rates]
        except (MissingNeed, RuntimeError, TypeError, ValueError):
            return None
        tried.append(min(curves, key=_LEFT))
        if make is adam and not tried[0].left > BLIND:
            return None
    single, wide = tried
    if single.left - wide.left <= lower:
        return None
    return warned(
        f"{classes} classes are told from {units} unit{'s' * (units > 1)}",
        measured("units that the last layer reads", units, f"{(classes - 1).bit_length()} at the very least"),
        *(shown("the batch", curve) for curve in tried),
        title="The network is too narrow for its classes",
        detail=f"The last layer tells {classes} classes from {units} unit{'s' * (units > 1)}. Adam leaves "
        f"{single.left:.0%} of the loss of one batch, as outputs do that ignore the inputs; twice the width leaves "
        f"{wide.left:.0%}.",
        remedy=f"Give the hidden layers more units, {4 * classes} or more.",
        where=where_of(narrow.layer.operation),
        place=narrow.layer.operation.step.place,
        charts=(curves_chart("Loss of one batch, at once and twice the width", (single, wide)),),
    )


def of_waist(
    program: Program, overfitting: Overfitting, waist: Waist, little: float, gain: float
) -> CheckResult | None:
    """Warn where all goes through few values, much of the loss of a batch is left, and far less with more values.

    Args:
        program: left unchanged.
        overfitting: the run on the batch, shared.
        waist: the place.
        little: share of the loss that may be left.
        gain: share of the loss by which more values have to lower it.
    """
    goal, rates, units = overfitting.whole.goal, adam_rates(program), waist.units

    def best(ways: list[Way]) -> Curve:
        return min((fit(program, overfitting.batch, goal, way, STEPS, done=_is_there).curve for way in ways), key=_LEFT)

    try:
        single = best([adam(rate) for rate in rates])
        if not single.left > little:
            return None
        wide = best([doubled(rate, _TIMES) for rate in rates])
    except (MissingNeed, RuntimeError, TypeError, ValueError):
        return None
    if not single.left - wide.left > gain:
        return None
    name = where_of(waist.operation)
    return warned(
        f"all goes through {units} value{'s' * (units > 1)} at {name}",
        measured(f"values of a sample, or of a position, at {name}", units, "more"),
        shown("the batch", single),
        shown("the batch", wide),
        measured("share of the loss that width takes away", single.left - wide.left, f"at most {gain:g}"),
        title="The network is too narrow for its data",
        detail=f"Whatever the outputs tell of the inputs goes through {units} value{'s' * (units > 1)}. Adam leaves "
        f"{single.left:.0%} of the loss of one batch; {_TIMES} such networks side by side leave {wide.left:.0%}.",
        remedy=f"Give {name} more units, some dozens at first, unless so few are meant.",
        where=name,
        place=waist.operation.step.place,
        charts=(curves_chart(f"Loss of one batch, at once and {_TIMES} times the width", (single, wide)),),
    )


def _is_there(curve: Curve) -> bool:
    return curve.is_reached
