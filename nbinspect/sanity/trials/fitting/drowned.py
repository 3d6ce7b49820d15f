"""Whether the user's own training step reads its inputs, and hears them beside what it draws at random."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import CheckResult, MissingNeed, failed, measured
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import tensor_output
from nbinspect.sanity.trials.fitting.curve import Curve
from nbinspect.sanity.trials.fitting.fit import Way, adam, fit, yours
from nbinspect.sanity.trials.fitting.heard import change_of, is_unread
from nbinspect.sanity.trials.fitting.pictures import curves_chart, shown
from nbinspect.sanity.trials.fitting.unheard import of_steps
from nbinspect.sanity.trials.rates.rates import without_schedule
from nbinspect.sanity.trials.rates.taken_over import RatesTaken
from nbinspect.sanity.trials.running.own_step import record_step

_DROWNED = 0.05
_LEARNT, _BLIND = 0.8, 0.9
_STEPS = 30


def of_own_step(program: Program, batch: Batch, zeroed: Batch, real: Curve) -> CheckResult | None:
    """Fail where the user's step does not read its inputs, or adds draws in which they drown; else None.

    They drown where zeroed inputs change the outputs within the step far less than other draws do, steps with draws
    anew do no better than outputs that ignore the inputs, and standard steps at the same rates, without these draws,
    learn the batch.

    Args:
        program: left unchanged; without a step of the user's own the answer is None.
        batch: as it is.
        zeroed: with its inputs set to zero.
        real: of the user's steps on the batch, which have not learnt it.
    """
    if program.subject.train_step is None:
        return None
    if is_unread(program, batch, zeroed):
        return of_steps(real)
    by_inputs, by_draws = _changes(program, batch, zeroed)
    if not by_inputs < _DROWNED * by_draws:
        return None
    try:
        taken = RatesTaken()
        anew = replace(yours(program), held=False, name="your step, draws anew", begun=taken.note)
        noisy = fit(program, batch, real.goal, anew, _STEPS, done=lambda _: False).curve
        plain = (
            adam(1e-3)
            if program.subject.optimizer is None
            else Way("a standard step", own=False, changed=without_schedule, begun=taken.take)
        )
        clean = fit(program, batch, real.goal, plain, _STEPS).curve
    except MissingNeed:
        return None
    return _of_drowning(noisy, clean, by_inputs / by_draws) if noisy.left > _BLIND and clean.left <= _LEARNT else None


def _changes(program: Program, batch: Batch, zeroed: Batch) -> tuple[float, float]:
    """Return how much zeroed inputs, and other draws, change what the model returns within the user's step."""
    other = Program(program.given, program.limits, program.seed + 1, program.whole, original=program)
    found: list[Tensor] = []
    for one, at in ((program, batch), (program, zeroed), (other, batch)):
        own = record_step(one, at)
        outputs = None if own is None else tensor_output(own.recorded.outputs)
        if outputs is None or not outputs.is_floating_point() or (found and found[0].shape != outputs.shape):
            return 0.0, 0.0
        found.append(outputs)
    return change_of(found[0], found[1]), change_of(found[0], found[2])


def _of_drowning(noisy: Curve, clean: Curve, share: float) -> CheckResult:
    return failed(
        "random draws of your step drown the inputs",
        shown("the batch", noisy),
        shown("the batch", clean),
        measured("change of the outputs within your step with inputs zeroed, of that by other draws", share, "about 1"),
        title="Your step draws so much that its inputs drown",
        detail=f"Within your step other draws change the outputs {1 / max(share, 1e-9):.0f} times as much as zeroed "
        f"inputs do, and its steps leave {noisy.left:.0%} of the loss; standard steps without these draws leave "
        f"{clean.left:.0%}.",
        remedy="Add noise in the unit of the inputs, and look at how much of them your augmentation leaves.",
        charts=(curves_chart("Loss of one batch, with and without what your step draws", (noisy, clean)),),
        confirmed=True,
    )
