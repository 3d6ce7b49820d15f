"""`overfit-one-batch`: can the loss of one small batch be driven to its floor?"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any

from torch import nn

from nbinspect.records import TaskRecord
from nbinspect.sanity.check import Arguments, Check, CheckResult, failed, inconclusive, passed, warned
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.fitting.held_back import (
    of_own_optimizer,
    of_own_step,
    of_the_bound,
    of_the_positions,
    of_the_tokens,
)
from nbinspect.sanity.trials.fitting.overfitting import BLIND, Overfitting, is_fine, moves, trains_most
from nbinspect.sanity.trials.fitting.pictures import way
from nbinspect.sanity.trials.running.stepping import memorising

_CAUSES = {
    "rises": "a flipped sign, or a rate that is too high",
    "explodes": "a rate that is far too high; a logarithm, division or root of what comes near 0",
    "oscillates": "a rate that is too high; labels that change from step to step",
    "plateaus": "samples that become one on their way, dead units, a last activation that cannot give the labels, a "
    "loss that is given something else than it takes, a rate that is too low",
}


def run(
    program: Program,
    overfitting: Overfitting,
    task: TaskRecord,
    *,
    left: float = 0.25,
    left_of_many: float = 0.9,
    bound: float = 0.15,
) -> CheckResult:
    """Fail where neither the user's step nor Adam can fit two samples, or the user's undoes what others achieve.

    Args:
        program: left unchanged.
        overfitting: the runs on the first batch, shared.
        task: of task "other" no network is failed.
        left: share of the loss above its floor, beside the best outputs that ignore the inputs, with which no working
            network is left on two samples.
        left_of_many: the same where a sample has many targets, as its pixels or tokens; then it is a warning.
        bound: the same where no weights can make the outputs large, as where they are cosines.
    """
    whole, met = overfitting.whole, overfitting.meeting
    rest: dict[str, Any] = {"charts": overfitting.charts}
    is_single = overfitting.pair_targets == 2
    is_stuck = overfitting.is_stuck(left if is_single else left_of_many)
    is_away = whole.goal.floor is None and met is not None and not met.is_nearer
    if overfitting.batch.size == 1 < overfitting.size:
        settle = "Look at the loader: every sample of the first batch has the same inputs."
        return inconclusive("no two samples that differ", *overfitting.shown, settle=settle, **rest)
    if is_single and overfitting.lowest is not None and overfitting.lowest.left > bound and task.kind != "other":
        return of_the_bound(overfitting, overfitting.lowest, rest)
    if overfitting.alike and task.kind != "other":
        return of_the_positions(overfitting, rest)
    if overfitting.disputed and task.kind != "other":
        return of_the_tokens(overfitting, rest)
    if whole.is_reached or (is_fine(whole) and not is_stuck and not is_away):
        return passed(f"{overfitting.what}: loss {way(whole)}", *overfitting.shown, **rest)
    if not is_stuck and not is_away and overfitting.fitting is not None and not overfitting.moves_on:
        return _of_the_step(overfitting, rest)
    if not is_stuck or not _is_certain(overfitting) or task.kind == "other" or not trains_most(program):
        return _open(overfitting, rest)
    return _of_the_network(overfitting, failed if is_single else warned, rest)


def _is_certain(found: Overfitting) -> bool:
    """Whether two samples always get one output; or Adam settles at both rates, or at one and the batch at chance."""
    if found.pair_is_one:
        return True
    adams = [curve for curve in found.pair if curve.name.startswith("Adam")]
    if len(adams) < 2 or not adams[-1].is_settled:
        return False
    stands = found.whole.is_settled and found.whole.left >= BLIND
    return all(curve.is_settled or (stands and curve.left > 1) for curve in adams)


def _of_the_network(found: Overfitting, answer: Callable[..., CheckResult], rest: dict[str, Any]) -> CheckResult:
    """Say that two samples cannot be fitted, whoever takes the steps."""
    least = min(curve.left for curve in found.pair)
    return answer(
        f"two samples cannot be fitted: {least:.0%} of the loss stays",
        *found.shown,
        title="Not even two samples can be fitted",
        detail=f"The loss of two samples, taken again and again, plateaus far above its floor of "
        f"{found.pair[0].goal.floor:.4g}, with {found.whole.name} and with Adam. Usual causes: {_CAUSES['plateaus']}.",
        remedy="Follow the two samples through the network to where they become one, or to where the loss is cut off.",
        **rest,
    )


def _of_the_step(found: Overfitting, rest: dict[str, Any]) -> CheckResult:
    """Say what the user's own step does, where the network itself can fit the samples."""
    whole, other, kind = found.whole, found.fitting, found.whole.kind
    if found.undone is not None:
        return of_own_step(found, found.undone, rest)
    if found.plain is not None:
        return of_own_optimizer(found, found.plain, rest)
    if other is None or kind == "falls" or (kind == "plateaus" and (moves(whole) or other in found.pair[:1])):
        return passed(f"loss {way(whole)}; {other.name if other else 'two samples'} gets down", *found.shown, **rest)
    said = {
        "title": f"The loss of one batch {kind}",
        "detail": f"With {whole.name} the loss of one batch, taken again and again, {kind}; with {other.name} it "
        f"falls, so the network can fit it. Usual causes: {_CAUSES[kind]}.",
        "remedy": f"Train as {other.name} does, or compare your step with it; see `learning-rate`.",
    }
    summary = f"{kind} with {whole.name}, not with {other.name}"
    is_lost = not isfinite(whole.last) or whole.last > 100 * max(whole.gap, abs(whole.losses[0]))
    goes_up = kind in ("rises", "explodes") and len(found.rates) > 1 and all(curve.climbs for curve in found.rates)
    if goes_up or (kind == "explodes" and is_lost):
        return failed(summary, *found.shown, **said, **rest, confirmed=True)
    return warned(summary, *found.shown, **said, **rest)


def _open(found: Overfitting, rest: dict[str, Any]) -> CheckResult:
    """Say that nothing is certain, unless the labels are seen to be met."""
    whole, met = found.whole, found.meeting
    if met is not None and met.right == 1 and whole.kind != "plateaus":
        return passed("every label of the batch is met", *found.shown, **rest)
    settle = f"Train on one batch for longer. Usual causes: {_CAUSES.get(whole.kind, _CAUSES['plateaus'])}."
    if whole.goal.floor is None:
        settle = f"Work out what your loss gives for perfect outputs: its floor is not known here. {settle}"
    return inconclusive(f"loss {way(whole)}: {whole.kind}", *found.shown, settle=settle, **rest)


def good() -> Arguments:
    """Return a small network that learns a batch by heart."""
    return memorising(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 4))


def bad() -> Arguments:
    """Return one whose normalisation of a single value wipes out what tells the samples apart."""
    return memorising(nn.Linear(8, 1), nn.LayerNorm(1), nn.Linear(1, 64), nn.ReLU(), nn.Linear(64, 4))


CHECK = Check(
    name="overfit-one-batch",
    stage="training",
    question="Can the loss of one small batch be driven to its floor?",
    why="A network that cannot learn a few samples by heart has a fault that no amount of data mends.",
    remedy="Look for what makes samples one, cuts the gradient, or keeps the outputs from the labels.",
    cost=355,
    run=run,
    good=good,
    bad=bad,
    explains=("input-independent-baseline", "shuffled-labels", "capacity"),
    sources=("K-overfit-batch", "S-one-point", "T-overfit-signs"),
    silent="label smoothing and other floors of the targets, slow losses, batches that a small network underfits",
)
