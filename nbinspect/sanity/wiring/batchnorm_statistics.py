"""`batchnorm-statistics`: has BatchNorm values enough, and do the statistics that it keeps fit what it is given?"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nbinspect.records import CheckResult, Place, TaskRecord
from nbinspect.sanity.check import Arguments, Check, failed, measured, passed, warned
from nbinspect.sanity.evidence.layers.lost import lost
from nbinspect.sanity.evidence.layers.normed import Normed, last_of_one, normed
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded
from nbinspect.sanity.trials.own_steps.modes import teller_of_eval_mode
from nbinspect.sanity.trials.own_steps.one_domain import of_one_domain_each
from nbinspect.sanity.trials.own_steps.shared_norm import mixed, shared_norms

_SINGLE = "Expected more than 1 value per channel"


def run(
    program: Program,
    attempt: Recorded,
    task: TaskRecord,
    *,
    least: int = 3,
    shift: float = 1.0,
    ratio: float = 4.0,
    slowest: float = 1e-3,
    largest: float = 1e-2,
    apart: float = 2.0,
) -> CheckResult:
    """Fail on BatchNorm of one value per channel, with a swapped eps, or in a trained model that eval mode loses.

    The last where a mean is off by more than `shift` standard deviations, or a variance by a factor of `ratio`, of
    statistics that are settled or never moved, and the loss in eval mode is at chance. Swapped are an eps above
    `largest` and a momentum below `slowest`. Fewer than `least` values per channel are a warning. Statistics of 0 and 1
    that a momentum of zero keeps for ever fail before any step, where a variance is off by a factor of `apart` or a
    mean by half of `shift`; so do one BatchNorm behind several layers, whose mixture loses eval mode, and batches of
    one domain each, which a copy that was trained loses in eval mode, unlike one trained on mixed batches.
    """
    failure = attempt.failure
    if failure is not None and _SINGLE in failure.error:
        step = attempt.record.steps[failure.step] if failure.step is not None else None
        return _single("this batch has one", step.path if step else "", failure.place)
    layers = list(normed(attempt))
    if not layers:
        return passed("no BatchNorm in train mode")
    fewest = min(layers, key=lambda layer: layer.values)
    count = last_of_one(program.subject.loader) if program.subject.train_step is None else None
    for layer in layers:
        if count is not None and layer.of_sample == 1:
            return _single(f"the last batch of {count:,} samples has one", layer.path, layer.place)
    if fewest.values < least:
        return warned(
            f"{fewest.values:g} values per channel",
            measured("values per channel", fewest.values, f"at least {least}"),
            title="BatchNorm on very few values",
            detail="What it gives is then hardly more than the signs of its inputs.",
            remedy="Use larger batches, or GroupNorm or LayerNorm, which need none.",
            where=fewest.path,
            place=fewest.place,
        )
    if swapped := [layer for layer in layers if layer.eps > largest and 0 < layer.momentum < slowest]:
        return _swapped(swapped[0])
    fixed = [layer for layer in layers if layer.is_fixed and (layer.ratio > apart or layer.shift > shift / 2)]
    if fixed and (say := teller_of_eval_mode(program, attempt.batch, fixed[0].path)) is not None:
        return _fixed(fixed[0], say)
    mixtures = (mixed(program, attempt, *one) for one in shared_norms(attempt, layers))
    if (mixture := next(filter(None, mixtures), None)) is not None:
        return mixture
    settled = [layer for layer in layers if layer.is_settled or layer.is_stuck]
    off = [layer for layer in settled if layer.shift > shift or layer.ratio > ratio]
    found = lost(program, attempt, task, off[0]) if off and attempt.error is None else None
    state = "settled" if settled else f"not settled (batches: {fewest.batches})"
    found = found or of_one_domain_each(program, attempt, task, layers)
    return found or passed(f"at least {fewest.values:g} values a channel; statistics {state}")


def _single(which: str, path: str, place: Place | None) -> CheckResult:
    return failed(
        f"one value per channel: {which}",
        measured("values per channel", 1, "2 or more"),
        title="BatchNorm on one value per channel",
        detail=f"BatchNorm needs a spread, and {which} sample alone: it raises in train mode.",
        remedy="Give the training loader drop_last=True, or a batch_size that leaves no single sample.",
        code="+ DataLoader(…, drop_last=True)",
        where=path,
        place=place,
    )


def _swapped(layer: Normed) -> CheckResult:
    return failed(
        f"eps {layer.eps:g}, momentum {layer.momentum:g}",
        measured(f"momentum of {layer.path}", layer.momentum, "0.1, or 0.01 to 0.3"),
        measured(f"eps of {layer.path}", layer.eps, "1e-05, or up to 0.001"),
        title="BatchNorm's eps and momentum are swapped",
        detail="The statistics that eval mode relies on hardly ever move, and what it gives is not of unit scale.",
        remedy=f"Give both by name: eps={layer.momentum:g}, momentum={layer.eps:g}.",
        code=f"+ BatchNorm(…, eps={layer.momentum:g}, momentum={layer.eps:g})",
        where=layer.path,
        place=layer.place,
    )


def _fixed(layer: Normed, say: Callable[..., CheckResult]) -> CheckResult:
    return say(
        "momentum 0: the statistics stay 0 and 1",
        measured(f"momentum of {layer.path}", layer.momentum, "0.1, or 0.01 to 0.3"),
        measured("mean of its input off the one kept, in standard deviations", layer.shift, "below 0.5"),
        measured("variance of its input against the one kept, as a factor", layer.ratio, "below 2"),
        title="BatchNorm's statistics never move",
        detail=f"A momentum of 0 gives new batches no weight: {layer.path} keeps the mean 0 and the variance 1 that it "
        "was made with, and eval mode normalises by these, not by those of the data.",
        remedy="Use momentum=0.1, the weight of a new batch, or momentum=None for the average over all batches.",
        code="+ BatchNorm(…, momentum=0.1)",
        where=layer.path,
        place=layer.place,
    )


def good(samples: int = 32) -> Arguments:
    """Return a network with BatchNorm, and batches of eight that leave no single sample."""
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))
    data = TensorDataset(torch.randn(samples, 4), torch.randint(2, (samples,)))
    return {"model": model, "loader": DataLoader(data, batch_size=8), "loss_fn": nn.CrossEntropyLoss()}


def bad() -> Arguments:
    """Return the same with one sample more."""
    return good(33)


CHECK = Check(
    name="batchnorm-statistics",
    stage="wiring",
    question="Has BatchNorm values enough, and do its statistics fit?",
    why="A last batch of one sample ends the epoch with an error; statistics that fit no batch break eval mode.",
    remedy="Drop the last batch, and gather the statistics anew where eval mode is far worse than train mode.",
    cost=1,
    run=run,
    good=good,
    bad=bad,
    explains=("runs", "overfit-one-batch", "learning-rate"),
    sources=("T-mode",),
    silent="fresh models on mixed batches, frozen or siamese BatchNorm, fine-tuning with little momentum",
)
