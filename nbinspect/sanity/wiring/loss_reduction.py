"""`loss-reduction`: is the loss a mean over the batch, so that the rate means what it seems to?"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nbinspect.capture.kinds import word_of
from nbinspect.records import CheckResult, Place
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import Arguments, Check, failed, inconclusive, measured, passed, warned
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded
from nbinspect.sanity.trials.own_steps.scaling import FaintTerm, faint_term, growth, plain_rate, trial
from nbinspect.sanity.trials.running.own_step import Training


def run(
    program: Program,
    training: Training,
    stream: Sequence[Batch],
    *,
    highest: float = 0.5,
    lowest: float = 0.01,
    faint: float = 0.2,
) -> CheckResult:
    """Fail where the loss grows or shrinks with the batch, and the optimizer's rate was not chosen for that.

    Args:
        program: its loss alone is run, on repeated outputs; a few steps on a copy, where the loss is a sum.
        training: the recorded pass, or the user's own step.
        stream: successive batches, for these steps.
        highest: rate for a mean from which a sum is a warning, and a failure where these steps make the loss explode.
        lowest: rate for a mean below which a loss that is divided twice is a failure.
        faint: gradient of a term that is divided twice, of that of the others, below which it is a failure.
    """
    recorded = training.recordings[0]
    twice = growth(program, recorded, 2)
    is_plain = recorded.of_step and _are(twice, 1, 1, 1)  # steps are dear
    thrice = 1.0 if is_plain else growth(program, recorded, 3)
    shown = measured("growth of the loss with twice the samples", twice, "1: a mean")
    is_mean = _are(twice, thrice, 1, 1)
    together = is_mean or not any(_are(twice, thrice, *one) for one in ((2, 3), (1 / 2, 1 / 3)))
    if together and (term := faint_term(program, recorded)) is not None:
        return _of_term(recorded, term, faint)
    if is_mean:
        return passed("a mean over the batch", shown)
    size, rate = recorded.batch.size, plain_rate(training.program)
    if _are(twice, thrice, 2, 3):
        return _of_sum(program, recorded, stream, rate, highest)
    if not _are(twice, thrice, 1 / 2, 1 / 3):
        return passed(f"depends on the samples together: {twice:.3g} with each of them twice", shown)
    harmful = rate is not None and 0 < rate < lowest * size
    effect = measured("rate that a mean would have", rate / size, f"{rate:g}") if rate else shown
    return (failed if harmful else warned)(
        "divided by the batch size twice",
        shown,
        *([effect] if effect is not shown else []),
        title="The loss is divided by the batch size twice",
        detail=f"A mean over the batch is divided by its size once more, so gradients are {size} times smaller than "
        "they seem, and change with the batch size.",
        remedy=f"Leave out the division by {size}: the loss is a mean already.",
        where="train_step" if recorded.of_step else "loss_fn",
        place=_place(recorded),
    )


def _of_term(recorded: Recorded, term: FaintTerm, faint: float) -> CheckResult:
    size = recorded.batch.size
    by_weights = "" if term.is_apart else "; weights that sum to 1 over the batch are such a division, too"
    return (failed if term.takes_targets and term.is_apart and term.weight < faint else warned)(
        f"the loss of {term.name} is divided by the batch size twice",
        measured("growth of this term with twice the samples", 0.5, "1: a mean, as the others"),
        measured("gradient on these outputs, of that on the others", term.weight, f"{term.weight * size:.3g}"),
        title="A term of the loss is divided by the batch size twice",
        detail=f"The loss of {term.name} is a mean that is divided by the batch size once more: it counts {size} times "
        "less than it seems, beside the other terms, and the less the larger the batch.",
        remedy=f"Leave out one of the divisions by {size}{by_weights}. To count less, give it a constant weight.",
        where="loss_fn",
        place=_place(recorded),
    )


def _of_sum(
    program: Program, recorded: Recorded, stream: Sequence[Batch], rate: float | None, highest: float
) -> CheckResult:
    size = recorded.batch.size
    if rate is None:
        return inconclusive("summed over the batch", settle="Give optimizer=…: a sum harms by the rate that it meets.")
    if rate == 0:
        return passed("summed over the batch, to an optimizer that rescales gradients")
    effective = measured("rate that a mean would have", rate * size, f"below {highest:g}")
    last = recorded.maker(recorded.loss) if isinstance(recorded.loss, Tensor) else None
    scaled = last is not None and word_of(last.step.name) in ("div", "mul", "true_divide", "divide")
    if scaled or rate * size < highest:
        return passed(f"summed over the batch, with a rate of {rate:g} chosen for it", effective)
    tried = trial(program, recorded, stream)
    return (failed if (harms := tried is not None and tried.harms) else warned)(
        "summed over the batch",
        measured("growth of the loss with twice the samples", 2, "1: a mean"),
        effective,
        *(() if tried is None else tried.shown),
        title="The loss is a sum over the batch",
        detail=f"Gradients are {size} times those of a mean, so the rate of {rate:g} works like {rate * size:.3g}.",
        remedy=f"Use reduction='mean', or divide the rate by {size}.",
        where="train_step" if recorded.of_step else "loss_fn",
        place=_place(recorded),
        confirmed=harms,
    )


def _are(twice: float, thrice: float, two: float, three: float) -> bool:
    return abs(twice - two) <= 0.02 * two and abs(thrice - three) <= 0.02 * three


def _place(recorded: Recorded) -> Place | None:
    maker = recorded.maker(recorded.loss) if isinstance(recorded.loss, Tensor) else None
    return maker.step.place if maker is not None else None


def good() -> Arguments:
    """Return a mean squared error under SGD."""
    model = nn.Linear(4, 1)
    batch = (torch.randn(32, 4), torch.randn(32, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    return {"model": model, "loader": [batch], "loss_fn": nn.MSELoss(), "optimizer": optimizer}


def bad() -> Arguments:
    """Return the same, divided by the batch size once more."""
    return good() | {"loss_fn": lambda outputs, targets: nn.functional.mse_loss(outputs, targets) / len(targets)}


CHECK = Check(
    name="loss-reduction",
    stage="wiring",
    question="Is the loss a mean over the batch?",
    why="A sum, or a mean divided again, multiplies the rate by the batch size or divides it, and nobody sees it.",
    remedy="Average over the batch exactly once.",
    cost=18,
    run=run,
    good=good,
    bad=bad,
    explains=(
        *("loss-at-init", "exploding-gradients", "update-ratio", "learning-rate", "clipping-always-on"),
        *("overfit-one-batch",),
    ),
    sources=("S-loss-scale",),
    silent="token means, sums over pixels, division by a constant for accumulation, a rate chosen for the sum",
)
