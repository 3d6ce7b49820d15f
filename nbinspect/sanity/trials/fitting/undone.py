"""Whether the user's own training step undoes what its optimizer does: standard steps beside it, on one batch."""

from __future__ import annotations

from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.fitting.curve import Curve
from nbinspect.sanity.trials.fitting.fit import Way, fit
from nbinspect.sanity.trials.rates.rates import without_schedule
from nbinspect.sanity.trials.running.trainee import trained
from nbinspect.subject import rate_of

_LEARNT = 0.6
_BLIND = 0.9
_FASTER = 10.0
_FEW = 4
_LOWERED = 0.5


def standard_curve(program: Program, batch: Batch, own: Curve, most: int) -> Curve | None:
    """Return the curve of standard steps with the user's optimizer that learn a batch; None if they do not either.

    None as well where the user's step may only be slower: where it gathers gradients and has not used them yet; or its
    loss goes down, and it does not update at every call, sets lower rates itself, or learns at ten times the rate. The
    program is left unchanged.

    Args:
        program: with a step and an optimizer of the user's, else None is returned.
        batch: the same at every step.
        own: of the user's own step, which does no better than a network that ignores its inputs.
        most: steps of each of the two runs; four more are observed.
    """
    if program.subject.train_step is None or program.subject.optimizer is None or own.goal.gap is None:
        return None
    try:
        curve = fit(program, batch, own.goal, Way("a standard step", own=False, changed=without_schedule), most).curve
        if not (curve.is_reached or curve.left < _LEARNT) or _is_slower(program, batch, own):
            return None
    except MissingNeed:
        return None
    return curve


def _is_slower(program: Program, batch: Batch, own: Curve) -> bool:
    with trained(program) as trainee:
        steps = [trainee.step(batch, held=True, observed=True) for _ in range(_FEW)]
        rates = [rate_of(group, base=True) or 0.0 for one in trainee.optimizers.values() for group in one.param_groups]
    if not any(update.rewritten for step in steps for update in step.events.updates):
        return steps[-1].events.carried > 0  # gradients that wait for an update after many calls
    if own.kind != "falls":
        return False
    for step in steps:
        used = [rate for update in step.events.updates if update.rewritten for rate in update.rates]
        if not used or max(used) < _LOWERED * max(rates, default=0.0):
            return True
    return fit(program, batch, own.goal, Way("your step, faster", factor=_FASTER), len(own.losses)).curve.left < _BLIND
