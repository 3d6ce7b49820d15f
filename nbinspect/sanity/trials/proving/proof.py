"""The counterfactual: a finding whose remedy can be tried is tried, and both numbers are told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from math import isfinite

import numpy as np
import torch

from nbinspect.records import Chart, CheckResult
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import measured
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded
from nbinspect.sanity.trials.proving.cures import Cure, cure_for
from nbinspect.sanity.trials.running.comparison import padded
from nbinspect.sanity.trials.running.trainee import trained

STEPS = 40
"""Training steps with the remedy, and as many without it."""
_RATE = 1e-2
_CLEAR = 0.1


@dataclass(frozen=True)
class _Both:
    """The loss of one batch while a copy is trained as it is, and with the remedy."""

    as_it_is: list[float]
    cured: list[float]

    @property
    def is_proof(self) -> bool:
        """Whether the remedy takes the loss clearly lower."""
        last, cured = self.as_it_is[-1], self.cured[-1]
        return isfinite(cured) and not (isfinite(last) and last - cured <= _CLEAR * max(abs(self.cured[0]), 1e-12))


def proven(program: Program, recorded: Recorded, result: CheckResult) -> CheckResult:
    """Return a failure with what came of trying its remedy on a copy; as it was where there is none to try.

    Both copies are trained on one batch by standard steps with the user's optimizer, or Adam at 0.01 without one. What
    is compared are their own losses; where these are of different kinds, both by the remedy's.

    Args:
        program: left unchanged; the steps are counted.
        recorded: the recorded pass.
        result: a failure that is not confirmed yet.

    Raises:
        MissingNeed: where the program cannot be copied or trained.
    """
    cure = cure_for(result.check, recorded)
    if cure is None:
        return result
    own, judged = _losses(program, recorded.batch, cure, tried=False)
    _, cured = _losses(program, recorded.batch, cure, tried=True)
    both = next((one for one in (_Both(own, cured), _Both(judged, cured)) if one.is_proof), None)
    if both is None:
        return result
    shown = (
        measured(f"loss on one batch after {STEPS} steps as it is, on a copy", both.as_it_is[-1], "at its floor"),
        measured(f"the same with {cure.name}", both.cured[-1], f"below {both.as_it_is[-1]:.4g}"),
    )
    text = f"On one batch, {STEPS} steps take the loss to {both.cured[-1]:.3g} with {cure.name}, and to "
    return replace(
        result,
        detail=f"{result.detail} {text}{both.as_it_is[-1]:.3g} as it is.",
        measurements=(*result.measurements, *shown),
        charts=(_chart(both, cure), *result.charts),
        confirmed=True,
    )


def _losses(program: Program, batch: Batch, cure: Cure, *, tried: bool) -> tuple[list[float], list[float]]:
    """Return the losses after each step: the copy's own, and those that the remedy's loss gives the same outputs."""
    adam = partial(torch.optim.Adam, lr=_RATE)
    optimizer: Callable[..., torch.optim.Optimizer] | None = adam if program.subject.optimizer is None else None
    with trained(program, own=False, optimizer=optimizer, changed=cure.apply if tried else None) as trainee:
        copy = trainee.program
        judge = Program(copy.given, program.limits, program.seed, program.whole, original=program)
        if not tried and cure.is_of_loss:
            cure.apply(judge)
        own, judged = [], []
        for _ in range(STEPS):
            trainee.step(batch, held=True)
            with copy.running(training=True):
                outputs = copy.outputs(batch)
                own.append(float(copy.scalar_loss(outputs, batch)))
                judged.append(float(judge.scalar_loss(outputs, batch)))
            if not isfinite(own[-1]):
                break
        return own, judged


def _chart(both: _Both, cure: Cure) -> Chart:
    names, values = ("as it is", f"with {cure.name}"), padded((both.as_it_is, both.cured), STEPS)
    at = np.arange(1, STEPS + 1, dtype=np.float64)
    return Chart("lines", "Training on one batch", "step", "loss", names, values, at)
