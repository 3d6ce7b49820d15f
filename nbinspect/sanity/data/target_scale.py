"""`target-scale`: are regression targets near the scale of the outputs?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn

from nbinspect.records import CheckResult, TaskRecord
from nbinspect.sanity.check import Arguments, Check, failed, inconclusive, measured, passed, skipped, warned
from nbinspect.sanity.evidence.losses.data_targets import Output, are_data, beside_targets
from nbinspect.sanity.recorded import Recorded
from nbinspect.sanity.task import OF_NUMBERS, LossCall, loss_call

_FEW = 8


def run(
    recordings: Sequence[Recorded],
    task: TaskRecord,
    *,
    spread: float = 100,
    wide: float = 30,
    offset: float = 10,
) -> CheckResult:
    """Fail where targets spread `spread` times wider than the outputs, or as many times less, or lie far off them.

    Args:
        recordings: the shared passes.
        task: what is known of it.
        spread: times that the outputs' deviation goes into that of the targets, or the reverse in all outputs.
        wide: times that are worth a look.
        offset: deviations between the means.
    """
    if task.kind != "regression":
        return skipped("a regression task")
    calls = [call for one in recordings if (call := loss_call(one)) is not None and _is_judged(one, call)]
    if not calls:
        return skipped("a squared, absolute or Huber loss, given outputs and data of one shape")
    found = beside_targets(calls, _FEW)
    if not found:
        return inconclusive("too few finite targets or outputs", settle=f"Give batches with {_FEW} or more of them.")
    far, broad = max(found, key=lambda one: one.offset), max(found, key=lambda one: one.spread)
    near = abs(broad.mean - broad.given_mean) < 0.25 * broad.std and broad.mean**2 > broad.std**2
    if far.offset > offset:
        return _finding(failed, far, f"off the outputs by {far.offset:.3g} deviations")
    if broad.spread > wide:
        # a last layer that begins at zero gives no spread yet, whatever the model multiplies it with
        fatal = broad.spread > spread and broad.given_std > 0 and not near
        return _finding(failed if fatal else warned, broad, f"spread {broad.spread:.3g} times as wide as the outputs")
    least = min((one for one in found if one.std), key=lambda one: one.faintness, default=broad)
    if least.faintness > wide:
        text = f"of std {least.std:.2g}, outputs of {least.given_std:.2g}"
        return _finding(failed if least.faintness > spread else warned, least, text)
    return passed(
        f"targets mean {far.mean:.3g}, std {broad.std:.3g}; outputs {far.given_mean:.3g}, {broad.given_std:.3g}"
    )


def _is_judged(recorded: Recorded, call: LossCall) -> bool:
    alike = call.outputs.shape == call.targets.shape and call.outputs.is_floating_point()
    return alike and call.name in OF_NUMBERS and are_data(recorded, call)


def _finding(verdict: Callable[..., CheckResult], one: Output, text: str) -> CheckResult:
    scale = f"{one.std or 1:.4g}"
    return verdict(
        f"targets {text}",
        measured("targets", f"mean {one.mean:.4g}, std {one.std:.4g}", "mean near 0, std near 1"),
        measured("outputs", f"mean {one.given_mean:.4g}, std {one.given_std:.4g}", "near those of the targets"),
        title="Targets far from the scale of the outputs",
        detail=f"The targets have mean {one.mean:.4g} and std {one.std:.4g}, the outputs {one.given_mean:.4g} and "
        f"{one.given_std:.4g}: the loss and its gradients are dominated by that gap.",
        remedy=f"Train on (y − {one.mean:.4g}) / {scale}, and undo it when predicting.",
        code=f"+ targets = (targets - {one.mean:.4g}) / {scale}",
        where=one.name,
    )


def good() -> Arguments:
    """Return a linear model on targets of unit scale."""
    batch = (torch.randn(32, 4), torch.randn(32, 1))
    return {"model": nn.Linear(4, 1), "loader": [batch], "loss_fn": nn.MSELoss()}


def bad() -> Arguments:
    """Return the same on prices."""
    batch = (torch.randn(32, 4), 200_000 + 90_000 * torch.randn(32, 1))
    return {"model": nn.Linear(4, 1), "loader": [batch], "loss_fn": nn.MSELoss()}


CHECK = Check(
    name="target-scale",
    stage="data",
    question="Are regression targets near the scale of the outputs?",
    why="Targets in thousands make a loss in millions, and gradients that no usual learning rate survives.",
    remedy="Standardise the targets with mean and std of the training data, and undo it when predicting.",
    cost=0,
    run=run,
    good=good,
    bad=bad,
    explains=(
        *("final-bias", "loss-at-init", "exploding-gradients", "learning-rate", "update-ratio", "overfit-one-batch"),
        *("clipping-always-on",),
    ),
    sources=("D-normalise", "S-output-histogram"),
    silent="classification; models that rescale their own output; a last bias at the mean; sparse targets",
)
