"""Steps of the user's own that go up their gradient, told by what the gradient changes and not by all that changes."""

from __future__ import annotations

from typing import Any

from nbinspect.records import CheckResult
from nbinspect.sanity.check import failed, measured
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.running.own_step import OwnStep, record_step


def climb(program: Program, own: OwnStep) -> float:
    """Return the cosine of the gradient and what it changes in a step: 1 straight up it, -1 down; 0 if not seen.

    Of a step that seems to go up it, that is half the difference to one whose gradients come with the other sign:
    momentum of earlier steps, decay and noise are in both.

    Args:
        program: the original, as it was before the step; another step may be taken on a copy.
        own: the step, whose copy holds what it came to.
    """
    plain = _cosine(own, program)
    if plain <= 0:
        return plain
    other = record_step(program, own.recorded.batch, changed=_flipped)
    return 0.0 if other is None else _cosine(own, other.program)


def _cosine(own: OwnStep, other: Program) -> float:
    """Return the cosine of the gradient and the difference of two states of the parameters."""
    product = lengths = sizes = 0.0
    for name, gradient in own.recorded.gradients.items():
        if gradient is not None and name in own.program.parameters and name in other.parameters:
            here, there = own.program.parameters[name].detach().double(), other.parameters[name].detach().double()
            change, slope = here - there, gradient.to_dense().double()
            product += float((change * slope).sum())
            lengths, sizes = lengths + float(change.square().sum()), sizes + float(slope.square().sum())
    return product / (lengths * sizes) ** 0.5 if lengths * sizes > 0 else 0.0


def _flipped(copy: Program) -> None:
    """Turn the sign of all gradients of a copy."""
    wanted: dict[str, Any] = dict(copy.parameters)  # torch's hooks are not typed
    for one in wanted.values():
        if one.requires_grad:
            one.register_hook(lambda gradient: -gradient)


def of_climb(own: OwnStep, cosine: float, *, along: float = 0.9) -> CheckResult | None:
    """Fail where a step whose gradient is right goes up it: parameters moved along the gradient instead of against it.

    Args:
        own: the step.
        cosine: of what the gradient changed and the gradient.
        along: from which on it goes up.
    """
    if cosine < along:
        return None
    maker = own.recorded.maker(own.recorded.loss)
    return failed(
        "the step goes up the gradient",
        measured("cosine of the step and the gradient", cosine, "below 0"),
        title="The step goes up the gradient",
        detail="The gradient of your train_step takes outputs towards the targets where parameters move against it; "
        "they move along it, so that each step makes predictions worse.",
        remedy="Subtract the gradient: p -= lr * p.grad.",
        where="train_step",
        place=maker.step.place if maker is not None else None,
    )
