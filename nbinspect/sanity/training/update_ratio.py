"""`update-ratio`: are updates of a sensible size beside the weights that they change?"""

from __future__ import annotations

from functools import partial
from statistics import median

import torch

from nbinspect.records import CheckResult, TaskRecord
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import Arguments, Check, failed, inconclusive, measured, passed, warned
from nbinspect.sanity.evidence.untrained import is_untrained
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded
from nbinspect.sanity.trials.comparison import chart_of, ends_at, fell, losses_of
from nbinspect.sanity.trials.observed import Observed
from nbinspect.sanity.trials.sizes import is_warming, picture_of, rates_of, sizes_of
from nbinspect.sanity.trials.stepping import in_order, stepping
from nbinspect.sanity.trials.trainee import Trainee

_CREEPING = 3e-5  # too small as well where the loss stands still meanwhile, and falls far at another rate
_TRIED = 1e-2  # a step that shows within a few whether it helps
_STILL, _FAR, _FURTHER = 5e-4, 0.03, 30.0  # of the loss; how far it has to fall where updates are just very small


def run(
    program: Program,
    batch: Batch,
    observed: Observed,
    recorded: Recorded,
    task: TaskRecord,
    *,
    low: float = 1e-6,
    high: float = 0.1,
    most: float = 0.6,
    better: float = 3.0,
    control_steps: int = 15,
) -> CheckResult:
    """Fail where updates of most layers are far from a thousandth of their weights, and another rate learns better.

    Args:
        program: left unchanged.
        batch: what is learnt at either rate.
        observed: steps on a copy.
        recorded: tells, with the task, whether the network has been trained; then small steps may be meant.
        task: see `recorded`.
        low: below this share of the weights an update is too small; above `high` it is too large.
        high: see `low`.
        most: share of the layers that this must hold for.
        better: how many times as far the loss has to fall at the other rate.
        control_steps: of each of the two runs that are compared.
    """
    sizes = sizes_of(program, observed)
    if not sizes:
        return inconclusive("too few updates of weights", settle="Give a loader and a step that update more often.")
    if is_warming(observed):
        return inconclusive("the rate is still rising", settle="Look again when the warm-up is over.")
    middle = median(sizes.values())
    number = measured("size of an update beside its weights, median of layers", middle, "about 0.001")
    chart = picture_of(sizes, (low, high))
    off = [size for size in sizes.values() if not low <= size <= high]
    is_off = len(off) >= most * len(sizes) and not low <= middle <= high
    may_creep = low <= middle < _CREEPING and is_untrained(program, recorded, task)
    as_it_is = losses_of(program, (batch,), control_steps) if is_off or may_creep else None
    if not is_off and not (as_it_is and abs(fell(as_it_is)) < _STILL * abs(as_it_is[0])):
        return passed(f"median {middle:.2g} of the weights", number, charts=(chart,))
    off = off if is_off else [size for size in sizes.values() if size < _CREEPING]
    factor = _TRIED / middle if middle else 1 / _TRIED
    other = losses_of(program, (batch,), control_steps, before=partial(Trainee.scale_rates, factor=factor))
    times, least = (better, 0.05) if is_off else (_FURTHER, _FAR)
    helps = bool(other) and fell(other) > max(times * fell(as_it_is), least * abs(other[0]) if other else 0.0)
    rate = max(rates_of(observed), default=1.0)
    how = "small" if middle < low else "large"
    tried = [
        measured(f"loss of a batch after {control_steps} steps{at}", ends_at(losses), "lower")
        for at, losses in (("", as_it_is), (f" at {factor:.2g} times the rate", other))
        if losses
    ]
    if not helps:
        return passed(f"median {middle:.2g}, and another rate learns no better", number, *tried, charts=(chart,))
    return (failed if is_untrained(program, recorded, task) else warned)(
        f"updates of {middle:.2g} of the weights",
        number,
        *tried,
        title=f"Updates are far too {how}",
        detail=f"In {len(off)} of {len(sizes)} layers a step changes the weights by about {middle:.1g} of their size, "
        f"where a thousandth is usual; at a rate of {rate * factor:.2g} the loss falls much further.",
        remedy=f"Set the learning rate to about {rate * factor:.1g} instead of {rate:.2g}.",
        code=f"- lr={rate:.3g}\n+ lr={rate * factor:.1g}",
        where="optimizer",
        charts=(chart, *chart_of("Loss of one batch", {"as it is": as_it_is, "at the other rate": other})),
        confirmed=True,
    )


def good() -> Arguments:
    """Return a network at a usual rate."""
    return stepping(in_order)


def bad() -> Arguments:
    """Return one at a rate a hundred thousand times lower."""
    arguments = stepping(in_order)
    return {**arguments, "optimizer": torch.optim.SGD(arguments["model"].parameters(), 1e-6)}


CHECK = Check(
    name="update-ratio",
    stage="training",
    question="Are updates of a sensible size beside the weights that they change?",
    why="Updates of a millionth train nothing in any time there is; updates of a tenth forget what was learnt.",
    remedy="Set the learning rate so that a step changes weights by about a thousandth of their size.",
    cost=30,
    run=run,
    good=good,
    bad=bad,
    explains=("overfit-one-batch", "shuffled-labels", "input-independent-baseline"),
    sources=("S-weights",),
    silent="first steps of Adam, warm-up, tensors that start at zero, fine-tuning rates under which the loss falls",
)
