"""A model that works in train mode alone, for eval mode relies on statistics that do not fit."""

from __future__ import annotations

from math import log

from nbinspect.records import TaskRecord
from nbinspect.sanity.check import CheckResult, failed, measured, warned
from nbinspect.sanity.evidence.layers.normed import Normed, chart_of, normed
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded

_APART = 4.0


def lost(program: Program, attempt: Recorded, task: TaskRecord, layer: Normed) -> CheckResult | None:
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
        remedy="Gather them anew with torch.optim.swa_utils.update_bn(loader, model)"
        + (f", with momentum=0.1 instead of {layer.momentum:g}." if layer.is_stuck else "."),
        code="+ torch.optim.swa_utils.update_bn(loader, model)",
        where=layer.path,
        place=layer.place,
        charts=(chart_of(list(normed(attempt))),),
    )


def lost_as_it_is(program: Program, attempt: Recorded, task: TaskRecord) -> CheckResult | None:
    """Tell of a model in eval mode at chance, that statistics of the batch itself would make far better than that.

    That it has learnt, and these are what it relied on, is what tells it from a model that knows other data. Without
    an optimizer or a step it may be tried on purpose on data that are unlike those that it was trained on.
    """
    off = [one for one in normed(attempt, training=False) if one.shift > 1 or one.ratio > _APART]
    own, chance = attempt.record.loss, uninformed(attempt, task)
    if not off or program.network.training or own is None or chance is None or own < chance / 2:
        return None
    copy = program.copied()
    paths = {one.path for one in normed(attempt, training=False)}
    with copy.running():
        for path, module in copy.network.named_modules():
            module.training = path in paths
        loss = copy.scalar_loss(copy.outputs(attempt.batch), attempt.batch).item()
    if not (loss < chance / 2 and own - loss > chance / 2):
        return None
    layer, subject = off[0], program.subject
    return (warned if subject.optimizer is None and subject.train_step is None else failed)(
        f"loss {own:.3g} in eval mode, {loss:.3g} with the batch's own statistics",
        measured("loss of this batch in eval mode", own, f"{loss:.4g}, as with the statistics of the batch"),
        measured(f"mean of {layer.path}'s input off the one kept, in standard deviations", layer.shift, "below 1"),
        measured(f"variance of {layer.path}'s input against the one kept, as a factor", layer.ratio, "below 4"),
        title="BatchNorm's statistics do not fit its inputs",
        detail=f"The model is in eval mode, where {layer.path} relies on statistics far from what it is given: those "
        "of other weights, as an average of weights without its buffers has, or of other inputs.",
        remedy="Gather them anew with torch.optim.swa_utils.update_bn(loader, model), or load the buffers too.",
        code="+ torch.optim.swa_utils.update_bn(loader, model)",
        where=layer.path,
        place=layer.place,
        confirmed=True,
    )


def uninformed(attempt: Recorded, task: TaskRecord) -> float | None:
    """Return the loss of a model that knows the targets' distribution alone; None where it cannot be told."""
    targets = attempt.batch.targets
    if task.kind in ("classification", "segmentation", "language-model") and task.classes:
        return log(task.classes)
    if task.kind in ("binary", "multilabel"):
        return log(2)
    if task.loss != "F.mse_loss" or targets is None or not targets.is_floating_point() or targets.numel() < 2:
        return None
    return float(targets.var())
