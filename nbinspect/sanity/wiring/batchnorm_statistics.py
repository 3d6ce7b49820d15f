"""`batchnorm-statistics`: has BatchNorm values enough, and do the statistics that it keeps fit what it is given?"""

from __future__ import annotations

from contextlib import suppress

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nbinspect.records import CheckResult, TaskRecord
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import Arguments, Check, MissingNeed, measured, passed, warned
from nbinspect.sanity.evidence.layers.bad_norms import of_broken, of_fixed, of_single, of_swapped
from nbinspect.sanity.evidence.layers.lost import lost, lost_as_it_is
from nbinspect.sanity.evidence.layers.normed import Normed, last_of_one, normed
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded
from nbinspect.sanity.trials.own_steps.hasty import of_hasty
from nbinspect.sanity.trials.own_steps.last_batch import is_left_out, last_batch, raised_on
from nbinspect.sanity.trials.own_steps.modes import teller_of_eval_mode
from nbinspect.sanity.trials.own_steps.one_domain import of_one_domain_each
from nbinspect.sanity.trials.own_steps.shared_norm import mixed, shared_norms
from nbinspect.sanity.trials.own_steps.unwritten import of_unwritten

_SINGLE = "Expected more than 1 value per channel"


def run(
    program: Program,
    attempt: Recorded,
    task: TaskRecord,
    batches: tuple[Batch, ...],
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
    one domain each, which a copy that was trained loses in eval mode, unlike one trained on mixed batches. So does a
    momentum that leaves next to nothing but the last batch, where eval mode is another after another one. A norm
    written by hand, by the batch in train mode and by buffers in eval mode, fails where nothing writes these.
    """
    failure = attempt.failure
    if failure is not None and _SINGLE in failure.error:
        step = attempt.record.steps[failure.step] if failure.step is not None else None
        return of_single("this batch has one", step.path if step else "", failure.place)
    if broken := next((one for mode in (True, False) for one in normed(attempt, training=mode) if one.is_broken), None):
        return of_broken(broken)
    layers = list(normed(attempt))
    if not layers:
        found = lost_as_it_is(program, attempt, task) if failure is None else None
        found = found or of_unwritten(program, attempt, apart=apart)
        return found or passed("no BatchNorm in train mode")
    fewest = min(layers, key=lambda layer: layer.values)
    count = last_of_one(program.subject.loader) if program.subject.train_step is None else None
    alone = next((layer for layer in layers if layer.of_sample == 1), None)
    if alone is not None and count is not None:
        return of_single(f"the last batch of {count:,} samples has one", alone.path, alone.place)
    if alone is not None and _ends_alone(program):
        return of_single("the last batch of an epoch has one", alone.path, alone.place)
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
        return of_swapped(swapped[0])
    if (hasty := of_hasty(program, batches, layers)) is not None:
        return hasty
    steps = program.subject.total_steps or 0
    fixed = [
        layer
        for layer in layers
        if (layer.is_fixed or _stays(layer, steps)) and (layer.ratio > apart or layer.shift > shift / 2)
    ]
    if fixed and (say := teller_of_eval_mode(program, attempt.batch, fixed[0].path)) is not None:
        return of_fixed(fixed[0], say, steps)
    mixtures = (mixed(program, attempt, *one) for one in shared_norms(attempt, layers))
    if (mixture := next(filter(None, mixtures), None)) is not None:
        return mixture
    settled = [layer for layer in layers if layer.is_settled or layer.is_stuck]
    off = [layer for layer in settled if layer.shift > shift or layer.ratio > ratio]
    found = lost(program, attempt, task, off[0]) if off and attempt.error is None else None
    state = "settled" if settled else f"not settled (batches: {fewest.batches})"
    found = found or of_unwritten(program, attempt, apart=apart) or of_one_domain_each(program, attempt, task, layers)
    return found or passed(f"at least {fewest.values:g} values a channel; statistics {state}")


def _ends_alone(program: Program) -> bool:
    """Whether the steps of an epoch end with one sample, and raise on it, the user's own too."""
    with suppress(MissingNeed):
        last = None if is_left_out(program) else last_batch(program)
        return last is not None and last.size == 1 and _SINGLE in str(raised_on(program, last))
    return False


def _stays(layer: Normed, steps: int) -> bool:
    """Whether half of the statistics that a layer was made with are still there when all steps are taken."""
    return layer.is_fresh and steps > 0 and (1 - layer.momentum) ** steps > 0.5


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
