"""`update-ratio`: are updates of a sensible size beside the weights that they change?"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from statistics import median

import torch

from nbinspect.records import CheckResult, TaskRecord
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import Arguments, Check, failed, inconclusive, measured, passed, warned
from nbinspect.sanity.evidence.losses.untrained import is_untrained
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded
from nbinspect.sanity.trials.rates.lagging import lagging, of_those_behind
from nbinspect.sanity.trials.rates.other_rate import at_other_rates
from nbinspect.sanity.trials.rates.rate_evidence import is_run_told, steps_of_run
from nbinspect.sanity.trials.rates.sizes import is_warming, picture_of, sizes_of
from nbinspect.sanity.trials.running.comparison import Losses, chart_of, ends_at, fell, losses_of
from nbinspect.sanity.trials.running.observed import Observed
from nbinspect.sanity.trials.running.stepping import in_order, stepping

_CREEPING = 1e-4  # too small as well where the loss hardly falls in the whole run, and falls far at another rate
_SLOW = 3e-5  # the same where it stands still in a few steps
_TRIED = (1e-2, 1e-3)  # sizes that show within a few steps whether they help; the former is too large for some
_STILL, _FAR, _FALLS = 5e-4, 0.03, 0.05  # shares of the loss; how far it falls at least where it stood still, or moved
_TINY, _DRIFT = 3e-6, 0.02  # of the weights' size: an update with which they hardly move, or all of a run together
_FURTHER = 30.0


def run(
    program: Program,
    stream: tuple[Batch, ...],
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

    So it does where most layers hardly move beside others that do, and the loss falls further where they move as well.

    Args:
        program: left unchanged.
        stream: what is learnt at either rate: the first, or one after the other where updates may be too large, as one
            alone is learnt by heart at any rate.
        observed: steps on a copy.
        recorded: tells, with the task, whether the network has been trained; then small steps may be meant.
        task: see `recorded`.
        low: below this share of the weights an update is too small; above `high` it is too large.
        high: see `low`.
        most: share of the layers that this must hold for.
        better: how many times as far the loss has to fall at the other rate, or less to be left of it.
        control_steps: of each of the runs that are compared.
    """
    sizes = sizes_of(program, observed)
    if not sizes:
        return inconclusive("too few updates of weights", settle="Give a loader and a step that update more often.")
    if is_warming(observed):
        return inconclusive("the rate is still rising", settle="Look again when the warm-up is over.")
    middle = median(sizes.values())
    number = measured("size of an update beside its weights, median of layers", middle, "about 0.001")
    chart = picture_of(sizes, (low, high))
    is_off = _most(sizes, low, high, most) and not low <= middle <= high
    may_creep = low <= middle < _CREEPING and is_untrained(program, recorded, task)
    run_steps = steps_of_run(program)

    def uneven() -> CheckResult | None:
        names = lagging(program, sizes, observed, recorded, still=low, slow=_CREEPING)
        usual = median(sizes[name] for name in names) if len(names) >= most * len(sizes) else inf
        if usual > max(_TINY, _DRIFT / run_steps) or not is_untrained(program, recorded, task):
            return None
        return of_those_behind(program, stream[0], sizes, names, steps=control_steps, tried=_TRIED, chart=chart)

    learnt = stream if middle > high else stream[:1]
    as_it_is = losses_of(program, learnt, control_steps) if is_off or may_creep else None
    runs = 0 if task.kind == "other" or not is_run_told(program) else run_steps / control_steps
    if not is_off and not (as_it_is and _stands(as_it_is, middle, runs)):
        return uneven() or passed(f"median {middle:.2g} of the weights", number, charts=(chart,))
    band = (low if is_off else _CREEPING, high)
    tried = [measured(f"loss of a batch after {control_steps} steps", ends_at(as_it_is), "lower")]
    for other in (at_other_rates(program, learnt, sizes, band=band, size=size, count=control_steps) for size in _TRIED):
        told = f"loss of a batch after {control_steps} steps at {other.factor:.2g} times the rate"
        tried += [measured(told, ends_at(other.losses), "lower")] if other.losses else []
        if as_it_is and other.losses and _helps(as_it_is, other.losses, better if is_off else None):
            break
    else:
        said = f"median {middle:.2g}, and another rate learns no better"
        return uneven() or passed(said, number, *tried, charts=(chart,))
    rate, better_rate = other.rate, other.rate * other.factor
    off = [size for size in sizes.values() if not band[0] <= size <= band[1]]
    return (failed if is_untrained(program, recorded, task) else warned)(
        f"updates of {middle:.2g} of the weights",
        number,
        *tried,
        title=f"Updates are far too {'large' if middle > high else 'small'}",
        detail=f"In {len(off)} of {len(sizes)} layers a step changes the weights by about {middle:.1g} of their size, "
        f"where a thousandth is usual; at a rate of {better_rate:.2g} the loss falls much further.",
        remedy=f"Set the learning rate to about {better_rate:.1g} instead of {rate:.2g}.",
        code=f"- lr={rate:.3g}\n+ lr={better_rate:.1g}",
        where="optimizer",
        charts=(chart, *chart_of("Loss of one batch", {"as it is": as_it_is, "at the other rate": other.losses})),
        confirmed=True,
    )


def _most(sizes: Mapping[str, float], low: float, high: float, most: float) -> bool:
    return sum(not low <= size <= high for size in sizes.values()) >= most * len(sizes)


def _stands(losses: Losses, middle: float, runs: float) -> bool:
    """Whether a loss stands still in a short run of small updates, or would in as many as the training has."""
    share = abs(fell(losses)) / max(abs(losses[0]), 1e-12)
    return (middle < _SLOW and share < _STILL) or (runs > 0 and share * runs < _FALLS)


def _helps(as_it_is: Losses, other: Losses, better: float | None) -> bool:
    """Whether a loss falls so many times as far, or so many times less of it is left, or it falls from a standstill."""
    fallen, before, start = fell(other), fell(as_it_is), abs(other[0])
    if fallen > max(_FURTHER * before, _FAR * start):
        return True
    if better is None:
        return False
    is_less = 0 < ends_at(other) < ends_at(as_it_is) / better and fallen > 0
    return is_less or fallen > max(better * before, _FALLS * start)


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
    cost=90,
    run=run,
    good=good,
    bad=bad,
    explains=("overfit-one-batch", "shuffled-labels", "input-independent-baseline"),
    sources=("S-weights",),
    silent="first steps of Adam, warm-up, tensors that start at zero, fine-tuning rates under which the loss falls",
)
