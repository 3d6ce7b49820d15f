"""`capacity`: where the training loss stands still above its floor, does more width lower it?"""

from __future__ import annotations

import re
from operator import attrgetter

from torch import nn

from nbinspect.capture.kinds import word_of
from nbinspect.sanity.check import (
    Arguments,
    Check,
    CheckResult,
    inconclusive,
    measured,
    passed,
    skipped,
    warned,
)
from nbinspect.sanity.evidence.layers.head import narrow_head
from nbinspect.sanity.evidence.layers.narrow import waist
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded
from nbinspect.sanity.trials.fitting.doubled_width import doubled
from nbinspect.sanity.trials.fitting.fit import adam, fit
from nbinspect.sanity.trials.fitting.merged import merged, of_merged, of_single_entry, single_entry
from nbinspect.sanity.trials.fitting.narrowness import STEPS, of_narrow_head, of_waist
from nbinspect.sanity.trials.fitting.overfitting import Overfitting, adam_rates
from nbinspect.sanity.trials.fitting.pictures import curves_chart, shown, way
from nbinspect.sanity.trials.running.stepping import memorising

_STEPS, _LEFT = 25, attrgetter("left")
_BENDS = re.compile(
    r"\w*relu6?|[cs]?elu|gelu|silu|mish|(hard)?tanh|\w*sigmoid|\w*softmax|softplus|\w*swish|lstm|gru|rnn\w*|max_pool\dd"
    r"|scaled_dot_product_attention|sin|cos|exp|maximum"
)


def run(
    program: Program,
    recorded: Recorded,
    overfitting: Overfitting,
    *,
    fitted: float = 0.5,
    lower: float = 0.05,
    little: float = 0.3,
    gain: float = 0.15,
) -> CheckResult:
    """Warn where the loss of a batch stands still far above its floor, and twice the width does not lower it.

    Or where the last layer has too few units to tell the classes from, nothing is learnt with them, and twice as many
    lower the loss; or all has to go through few values, and eight times as many lower the loss; or samples become one,
    or a single value each, before the first weights.

    Args:
        program: left unchanged.
        recorded: the shared pass, which tells whether the network bends at all.
        overfitting: the run on the batch, shared.
        fitted: share of the loss above its floor, beside the best outputs that ignore the inputs, below which the
            capacity is enough for the batch.
        lower: the same, by which the loss of the wider network has to be lower.
        little: the same, below which a few values that all has to go through are enough for the batch.
        gain: the same, by which eight times as many have to lower it.
    """
    whole, batch = overfitting.whole, overfitting.batch
    if program.subject.loss_fn is None:
        return skipped("a loss_fn: a loss inside the model cannot be had of a wider one")
    if whole.goal.gap is None:
        return inconclusive("the floor of the loss is not known", settle="Compare runs of the network and a wider one.")
    one = None if whole.is_reached else merged(program, batch)
    if one is not None:
        return of_merged(one)
    entry = single_entry(recorded) if whole.left > fitted else None
    if entry is not None:
        best = min((fit(program, batch, whole.goal, adam(r), _STEPS).curve for r in adam_rates(program)), key=_LEFT)
        learnt = passed(f"with {best.name} the loss goes {way(best)}", shown("the batch", best))
        return learnt if best.left <= fitted else of_single_entry(recorded, entry, min(whole.left, best.left))
    narrow = narrow_head(recorded) if whole.left > fitted else None
    told = None if narrow is None else of_narrow_head(program, overfitting, narrow, lower)
    thin = waist(recorded) if told is None and whole.left > little else None
    told = told if thin is None else of_waist(program, overfitting, thin, little, gain)
    if told is not None:
        return told
    if whole.left <= fitted or not whole.is_settled:
        return passed(f"loss of the batch {way(whole)}: {'fitted' if whole.left <= fitted else 'still moves'}")
    if not any(_BENDS.fullmatch(word_of(one.step.name)) for one in recorded.operations if not one.in_loss):
        return passed("a linear network, which more width does not change")
    rate = adam_rates(program)[0]
    single = fit(program, batch, whole.goal, adam(rate), _STEPS).curve
    if single.left <= fitted:
        return passed(f"with {single.name} the loss goes {way(single)}", shown("the batch", single))
    try:
        wide = fit(program, batch, whole.goal, doubled(rate), _STEPS).curve
    except (RuntimeError, TypeError, ValueError) as error:
        return skipped(f"a network that runs twice side by side ({type(error).__name__})")
    gained = (single.last - wide.last) / single.gap
    numbers = [shown("the batch", single), shown("the batch", wide)]
    numbers.append(measured("share of the loss that width takes away", gained, f"above {lower:g}"))
    charts = (curves_chart("Loss of one batch, at once and twice the width", (single, wide)),)
    if gained > lower:
        return passed(f"twice the width takes {gained:.0%} away: the network is small for it", *numbers, charts=charts)
    if not (single.is_settled or wide.is_settled):
        return inconclusive("both widths still move", *numbers, settle="Train both for longer.", charts=charts)
    return warned(
        "twice the width does not lower the loss",
        *numbers,
        title="More width does not lower the training loss",
        detail=f"The loss of one batch stands still at {single.last:.4g}, far above its floor of "
        f"{whole.goal.floor:.4g}, and at {wide.last:.4g} with twice the width: it is not capacity that is missing.",
        remedy="Leave the size as it is, and look at data, wiring and loss.",
        charts=charts,
    )


def good() -> Arguments:
    """Return a network that is wide enough for its batch."""
    return memorising(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 4))


def bad() -> Arguments:
    """Return one whose normalisation of a single value wipes out what tells the samples apart, at any width."""
    return memorising(nn.Linear(8, 1), nn.LayerNorm(1), nn.Linear(1, 64), nn.ReLU(), nn.Linear(64, 4))


CHECK = Check(
    name="capacity",
    stage="training",
    question="Where the training loss stands still above its floor, does more width lower it?",
    why="A network that is too small cannot fit; one that gains nothing by being larger has another fault.",
    remedy="Where width helps, take more of it; where it does not, look at data, wiring and loss.",
    cost=4 * (_STEPS + STEPS),
    run=run,
    good=good,
    bad=bad,
    sources=("K-capacity",),
    silent="batches that are fitted, losses that still fall, linear networks; few units, or values on the way, under "
    "which the loss falls; a few samples that become one; one value that is learnt, or that tells two classes",
)
