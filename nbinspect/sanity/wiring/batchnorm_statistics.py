"""`batchnorm-statistics`: has BatchNorm values enough, and do the statistics that it keeps fit what it is given?"""

from __future__ import annotations

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nbinspect.records import CheckResult, Place, TaskRecord
from nbinspect.sanity.check import Arguments, Check, failed, measured, passed, warned
from nbinspect.sanity.evidence.normed import Normed, chart_of, last_of_one, normed, uninformed
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded

_SINGLE = "Expected more than 1 value per channel"


def run(
    program: Program, attempt: Recorded, task: TaskRecord, *, least: int = 3, shift: float = 1.0, ratio: float = 4.0
) -> CheckResult:
    """Fail where BatchNorm gets one value per channel, or where a model that has learnt is lost in eval mode.

    The latter where a settled layer's mean is off by more than `shift` standard deviations, or its variance by a factor
    of `ratio`, and the loss in eval mode is at chance. Fewer than `least` values per channel are a warning.
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
    settled = [layer for layer in layers if layer.is_settled]
    off = [layer for layer in settled if layer.shift > shift or layer.ratio > ratio]
    found = None
    if off and attempt.error is None:
        found = _lost(program, attempt, task, off[0])
    state = "settled" if settled else f"of {fewest.batches} batches, not settled"
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


def _lost(program: Program, attempt: Recorded, task: TaskRecord, layer: Normed) -> CheckResult | None:
    """Tell of a loss in eval mode that is far above that in train mode; None where it is not."""
    train, chance = attempt.record.loss, uninformed(attempt, task)
    if train is None:
        return None
    with program.running(training=False):
        loss = program.scalar_loss(program.outputs(attempt.batch), attempt.batch).item()
    if not loss > train + abs(train):
        return None
    certain = chance is not None and train < chance / 2 and loss - train > chance / 2
    return (failed if certain else warned)(
        f"loss {train:.3g} in train mode, {loss:.3g} in eval mode",
        measured("loss of this batch in eval mode", loss, f"{train:.4g}, as in train mode"),
        measured(f"mean of {layer.path}'s input off the one kept, in standard deviations", layer.shift, "below 1"),
        measured(f"variance of {layer.path}'s input against the one kept, as a factor", layer.ratio, "below 4"),
        title="BatchNorm's statistics do not fit its inputs",
        detail=f"After {layer.batches:,} batches {layer.path} keeps statistics far from what it is given, "
        "and eval mode relies on them: the model works in train mode alone.",
        remedy="Gather them anew with torch.optim.swa_utils.update_bn(loader, model).",
        code="+ torch.optim.swa_utils.update_bn(loader, model)",
        where=layer.path,
        place=layer.place,
        charts=(chart_of(list(normed(attempt))),),
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
    why="A last batch of one sample ends the epoch with an error; statistics that do not fit break eval mode.",
    remedy="Drop the last batch, and gather the statistics anew where eval mode is far worse than train mode.",
    cost=1,
    run=run,
    good=good,
    bad=bad,
    explains=("runs",),
    sources=("T-mode",),
    silent="fresh models before any step; frozen BatchNorm; statistics that have not settled",
)
