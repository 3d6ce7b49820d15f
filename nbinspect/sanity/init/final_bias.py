"""`final-bias`: do the outputs begin around the targets?"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nbinspect.records import CheckResult, TaskRecord
from nbinspect.sanity.check import Arguments, Check, failed, measured, passed, skipped, warned
from nbinspect.sanity.evidence.layers.head import bias_of, head_before
from nbinspect.sanity.evidence.losses.data_targets import are_data
from nbinspect.sanity.evidence.losses.distances import by_subtraction
from nbinspect.sanity.evidence.losses.prior import gap_of_classes, gap_of_numbers
from nbinspect.sanity.evidence.losses.untrained import Untrained
from nbinspect.sanity.evidence.passes.lineage import source_of
from nbinspect.sanity.recorded import Recorded
from nbinspect.sanity.task import OF_NUMBERS, LossCall, loss_call, task_of

_WRITTEN = 16
_OF_THE_TARGETS = (*OF_NUMBERS, "F.gaussian_nll_loss")
"""Losses under which outputs and targets are the same quantity; others compare logarithms, rates, distributions."""


def run(
    training_pass: Recorded,
    untrained: Untrained,
    task: TaskRecord,
    *,
    most: float = 5.0,
    watch: float = 1.0,
    far: float = 2.0,
    nats: float = 0.3,
    each: int = 10,
) -> CheckResult:
    """Compare the mean output with the mean target, in standard deviations of the targets; of classes, the shares.

    Args:
        training_pass: what trains, the user's own step where one is given.
        untrained: says that nothing has been learnt yet.
        task: what is known of it.
        most: standard deviations between the means that no healthy program has.
        watch: standard deviations worth a look.
        far: distance of the means themselves, in units of the targets, under which there is no more than a look.
        nats: what the right bias would take off the first loss, worth a look.
        each: targets a class, without which their shares are not known.
    """
    del untrained
    recorded, task = training_pass, task_of(training_pass, task)
    call = loss_call(recorded) or by_subtraction(recorded)
    if call is None or task.kind in ("other", "language-model") or not call.outputs.is_floating_point():
        return skipped("a loss of PyTorch's on numbers or on a few classes")
    if task.kind == "regression":
        if call.name not in _OF_THE_TARGETS:
            return skipped("a loss that compares outputs and targets as they are")
        if call.operation.step.name == call.name and not are_data(recorded, call):  # by hand they are known to be
            return skipped("targets that are data: these are made by the network")
        return _of_numbers(recorded, call, most, watch, far)
    if len(call.operation.given) > 2:
        return passed("the classes are weighted")
    return _of_classes(recorded, call, nats, each)


def _of_numbers(recorded: Recorded, call: LossCall, most: float, watch: float, far: float) -> CheckResult:
    gap = gap_of_numbers(call, recorded.batch.size)
    if gap is None:
        return skipped("8 or more targets of the outputs' shape")
    if not (gap.outside and gap.deviations > watch):
        return passed(f"mean output {gap.given:.3g}, mean target {gap.wanted:.3g}")
    say = failed if gap.deviations > most and abs(gap.wanted - gap.given) > far else warned
    title = f"The outputs begin at {gap.given:.3g}, the targets lie around {gap.wanted:.4g}"
    return say(
        f"mean target {gap.wanted:.4g}, mean output {gap.given:.4g}",
        measured("distance of mean output and mean target", gap.deviations, f"below {most:g} std of the targets"),
        **_advice(recorded, call, gap.bias, title),
        detail="The first steps go into moving the outputs there, with gradients that drown all others.",
    )


def _of_classes(recorded: Recorded, call: LossCall, nats: float, each: int) -> CheckResult:
    gap = gap_of_classes(call)
    if gap is None:
        return passed(f"{call.name} has no bias that theory gives")
    classes = len(gap.bias)
    what = f"shares of the {classes} classes" if classes > 1 else "share of yes among the answers"
    if call.targets.numel() < each * classes or not gap.nats > nats:
        return passed(f"the right bias would save {gap.nats:.2g} nats of {classes} class{'es' * (classes > 1)}")
    return warned(
        f"the right bias would save {gap.nats:.2g} nats",
        measured("first loss that the bias alone would save", f"{gap.nats:.3g} nats", f"below {nats:g} nats"),
        **_advice(recorded, call, gap.bias, f"The outputs do not begin at the {what}"),
        detail="The first steps only teach the network how frequent each class is.",
    )


def _advice(recorded: Recorded, call: LossCall, bias: Tensor, title: str) -> dict[str, str]:
    """Return title, remedy, place and code: the bias to set, where the last layer has one of that length.

    Behind an activation that numbers leave by, as a sigmoid, no bias has their values.
    """
    text = ", ".join(f"{value:.4g}" for value in bias.tolist()[:_WRITTEN])
    layer = head_before(recorded, call.operation)
    name = bias_of(recorded, layer, len(bias))
    at = next((at for at, one in enumerate(call.operation.given) if one is call.outputs), 0)
    maker = source_of(recorded, call.operation, at).maker
    if call.name in _OF_THE_TARGETS and layer is not None and maker is not layer.operation:
        remedy = f"Begin where the outputs are around {text}: by the bias of the last layer, or what stands behind it."
        return {"title": title, "remedy": remedy, "where": name, "code": ""}
    lines = f"+ with torch.no_grad():\n+     model.get_parameter({name!r}).copy_(torch.tensor([{text}]))"
    code = lines if name and len(bias) <= _WRITTEN else ""
    remedy = f"Begin the bias of the last layer at {text}{'' if len(bias) <= _WRITTEN else ', …'}."
    return {"title": title, "remedy": remedy, "where": name, "code": code}


def good() -> Arguments:
    """Return a regression on targets around 0."""
    return _regression(0.0)


def bad() -> Arguments:
    """Return a regression on targets around 50."""
    return _regression(50.0)


def _regression(mean: float) -> Arguments:
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(32, 4, generator=generator), mean + torch.randn(32, 1, generator=generator)
    return {"model": nn.Linear(4, 1), "loader": [(x, y)], "loss_fn": nn.MSELoss()}


CHECK = Check(
    name="final-bias",
    stage="init",
    question="Do the outputs begin around the targets?",
    why="A bias that has to travel first makes the loss fall fast and says nothing of learning.",
    remedy="Begin the last bias at the mean target; of classes, at the log-odds of their shares.",
    cost=0,
    run=run,
    good=good,
    bad=bad,
    explains=("loss-at-init", "overfit-one-batch", "learning-rate", "clipping-always-on"),
    sources=("K-final-bias",),
    silent="weighted classes, few targets a class, outputs that the model rescales itself",
)
