"""`zero-gradient-path`: must all gradient of some parameters pass an operation whose derivative is zero?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from nbinspect.records import CheckResult, Measurement, Place
from nbinspect.sanity.check import Arguments, Check, failed, inconclusive, measured, passed, skipped, warned
from nbinspect.sanity.evidence.passes.cuts import has_no_graph, is_stopped_target, tell
from nbinspect.sanity.evidence.passes.flat import behind_flat, is_clamp
from nbinspect.sanity.evidence.passes.flow import follow
from nbinspect.sanity.evidence.passes.idle_terms import IdleTerm, idle_term
from nbinspect.sanity.evidence.passes.lone import lone_weights
from nbinspect.sanity.evidence.passes.reach import modules_of, trainable, trains_by_one_loss, unreached
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Operation, Recorded
from nbinspect.sanity.trials.running.own_step import Training


def run(program: Program, training: Training) -> CheckResult:
    """Fail where the gradient of trained parameters is exactly zero: rounding, a clamp, a softmax of one lie before it.

    Or that of a summand of the loss: a choice, rounding, a copy or weights without a graph make a number of it.
    """
    own, recordings = training.program, training.recordings
    wanted = trainable(own)
    if not wanted:
        return skipped("parameters that require a gradient")
    ran = [one for one in recordings if not one.no_backward]
    if not ran and not has_no_graph(recordings[0].loss):
        return skipped(f"a backward pass: {recordings[0].no_backward}")
    found = partial(_found, own, count=len(wanted))
    missing = unreached(own, ran)
    flow = follow(recordings[0], missing)
    steps = [cut for cut in flow.cuts if cut.kind == "step" and not is_stopped_target(recordings[0], flow, cut)]
    if steps and not (training.of_step and training.later(program) & steps[-1].parameters):
        told = tell(recordings[0], steps[-1])
        return found(told.name, sorted(steps[-1].parameters), place=told.place)
    behind = [behind_flat(one, wanted) for one in ran]
    lost = [name for name in wanted if behind and all(name in one for one in behind)]
    if lost and training.of_step:  # another batch may lie within the bounds
        later = training.later(program)
        lost = [name for name in lost if name not in later]
    if not lost:
        idle = idle_term(ran[0], wanted) if ran and trains_by_one_loss(program.subject) else None
        if idle is not None:
            return _of_idle(ran[0], idle)
        return passed(f"none of {len(wanted)} trainable parameters behind a derivative of zero")
    flat = behind[0][lost[0]]
    if summed := lone_weights(ran[0]).get(flat):
        return _of_lone(found(flat.step.name, lost, place=flat.step.place), flat, summed)
    beside = _beside(flat) if is_clamp(flat) else ()
    return found(flat.step.name, lost, *beside, place=flat.step.place)


def _found(
    program: Program, name: str, lost: Sequence[str], *more: Measurement, place: Place | None, count: int
) -> CheckResult:
    parts, of_all = modules_of(lost, program.network), f"{len(lost)} of {count}"
    number = measured("trainable parameters whose gradient is exactly zero behind it", of_all, "0")
    if not trains_by_one_loss(program.subject):
        return inconclusive(f"{of_all} behind {name} in this loss", number, settle="Give the loss that trains them.")
    return failed(
        f"{name} sends nothing back: {of_all} parameters",
        number,
        *more,
        title=f"{name} stops the gradient of {parts}",
        detail=f"The derivative of `{name}` is zero here, and every path from the loss to {parts} runs through it: "
        "these parameters never change.",
        remedy="Clip the gradient with `torch.nn.utils.clip_grad_norm_`, and leave the values as they are."
        if more
        else "Use a smooth stand-in (sigmoid, softmax), or pass the gradient straight through: "
        "`x + (step(x) - x).detach()`.",
        where=name,
        place=place,
    )


def _of_lone(result: CheckResult, softmax: Operation, summed: int) -> CheckResult:
    if result.status != "fail":
        return result
    number = measured("elements of the axis that the softmax runs over", 1, f"{summed}")
    return replace(
        result,
        measurements=(*result.measurements, number),
        detail=f"`{softmax.step.name}` runs over an axis of one element, so that every weight is 1, whatever the "
        f"scores, which get no gradient; the weighted sum after it runs over another axis, of {summed}.",
        remedy=f"Take the softmax over the axis that is summed, of {summed} elements: look at its `dim`, and at what "
        "is squeezed or unsqueezed before it.",
    )


def _of_idle(recorded: Recorded, term: IdleTerm) -> CheckResult:
    told = tell(recorded, term.cut)
    remedy = (
        "Use the probabilities themselves in place of the choice among them (softmax for argmax, sigmoid for a "
        "threshold)"
        if term.cut.kind in ("index", "step")
        else f"{told.remedy}; torch.stack joins terms and keeps their graph"
    )
    return (failed if term.is_certain else warned)(
        f"{told.name} takes the gradient from a term of the loss",
        measured("the term in this batch", term.value, "a term that has a gradient"),
        title="A term of the loss sends nothing back",
        detail=f"The loss has a summand that the parameters reach only through {told.by.rstrip(',')}: it makes the "
        "loss larger or smaller, and changes nothing of what is learnt.",
        remedy=f"{remedy}, or leave the term out of the loss and log it.",
        **told.shown,
    )


def _beside(flat: Operation) -> tuple[Measurement]:
    """Return how far what was clamped lies off what it was clamped to."""
    given, made = (float(tensor.detach().double().mean()) for tensor in (flat.given[0], flat.made[0]))
    return (measured("mean before the clamp", given, f"within its bounds, it gives {made:.4g} on every element"),)


def _program(model: nn.Module) -> Arguments:
    batch = (torch.randn(8, 4), torch.randn(8, 2))
    return {"model": model, "loader": [batch], "loss_fn": nn.MSELoss()}


class _Rounded(nn.Sequential):
    def forward(self, x: Tensor) -> Tensor:
        return self[1](torch.round(4 * torch.tanh(self[0](x))) / 4)  # type: ignore[no-any-return] # torch's


def good() -> Arguments:
    """Return two layers with tanh between."""
    return _program(nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2)))


def bad() -> Arguments:
    """Return two layers with rounded activations between."""
    return _program(_Rounded(nn.Linear(4, 8), nn.Linear(8, 2)))


CHECK = Check(
    name="zero-gradient-path",
    stage="wiring",
    question="Must all gradient of some parameters pass an operation whose derivative is zero?",
    why="Rounding, thresholds, full clamps and a softmax over one element run without complaint, and send zero back.",
    remedy="Use a smooth stand-in or a straight-through estimator; clip the gradient and not the loss.",
    cost=0,
    run=run,
    good=good,
    bad=bad,
    explains=(
        *("detached-graph", "unused-parameters", "updates-not-applied", "overfit-one-batch", "shuffled-labels"),
        *("learning-rate", "update-ratio", "gradient-check", "unused-input"),
    ),
    sources=("D-dead", "K-clip-loss"),
    silent="straight-through estimators, clamps that spare some elements, hinges that are satisfied, metrics beside "
    "the loss, counts of what steers the rest, values that are detached to be exchanged; a summand under no_grad warns",
)
