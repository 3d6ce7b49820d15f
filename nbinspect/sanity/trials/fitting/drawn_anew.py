"""Whether what a forward draws at random, by code of its own, keeps a batch from being learnt."""

from __future__ import annotations

from dataclasses import replace

from nbinspect.records import CheckResult
from nbinspect.sanity.check import passed, skipped, warned
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.fitting.fit import fit, yours
from nbinspect.sanity.trials.fitting.heard import varies
from nbinspect.sanity.trials.fitting.overfitting import Overfitting
from nbinspect.sanity.trials.fitting.pictures import curves_chart, shown, way


def of_draws(program: Program, overfitting: Overfitting, steps: int, *, learnt: float, stuck: float) -> CheckResult:
    """Judge a program without known regularisation, whose forward may yet drop units or add noise by its own code.

    Args:
        program: left unchanged.
        overfitting: the run on the batch with the draws held, shared.
        steps: of the run with draws anew, at most.
        learnt: share of the loss that the held run must have come below.
        stuck: share above which nothing has been learnt.
    """
    batch, held, met = overfitting.batch, overfitting.whole, overfitting.meeting
    is_known = held.goal.gap is not None and met is not None and not met.is_regression
    if not is_known or held.left > learnt or not varies(program, batch):
        return skipped("dropout, noise or weight decay that is on")
    anew = replace(yours(program), name="random draws anew", held=False)
    curve = fit(program, batch, held.goal, anew, steps, done=lambda curve: curve.is_over(stuck)).curve
    numbers = [shown("the batch", one) for one in (held, curve)]
    if curve.left < stuck:
        return passed(f"with random draws the loss of the batch goes {way(curve)}", *numbers)
    return warned(
        "learnt only while its random draws are repeated",
        *numbers,
        title="What is drawn at random keeps a batch from being learnt",
        detail=f"With the same draws at every step the loss of one batch goes {way(held)}; drawn anew {way(curve)}.",
        remedy="Look at what forward draws: noise that is too large for what it is added to, or a mask that leaves "
        "hardly anything.",
        charts=(curves_chart("Loss of one batch, draws repeated and drawn anew", (held, curve)),),
        confirmed=True,
    )
