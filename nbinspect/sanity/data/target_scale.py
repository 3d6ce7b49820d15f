"""`target-scale`: are regression targets near the scale of the outputs?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from nbinspect.records import CheckResult, Floats, TaskRecord
from nbinspect.sanity.check import Arguments, Check, failed, inconclusive, measured, passed, skipped, warned
from nbinspect.sanity.recorded import Recorded
from nbinspect.sanity.task import loss_call

_SCALED = ("F.mse_loss", "F.l1_loss", "F.smooth_l1_loss", "F.huber_loss")
_FEW = 8
_MOST_OUTPUTS = 64


@dataclass(frozen=True)
class _Output:
    """One output of the model beside its targets, as the loss compares them."""

    name: str
    mean: float
    std: float
    given_mean: float
    given_std: float

    @property
    def offset(self) -> float:
        """How far the targets are from the outputs, in deviations of either, or of one."""
        return abs(self.mean - self.given_mean) / max(self.std, self.given_std, 1.0)

    @property
    def spread(self) -> float:
        """The targets' deviation over that of the outputs, which for unit scale counts as one at least."""
        return self.std / max(self.given_std, 1.0)


def run(
    recordings: Sequence[Recorded],
    task: TaskRecord,
    *,
    spread: float = 100,
    wide: float = 30,
    offset: float = 10,
    narrow: float = 0.003,
) -> CheckResult:
    """Fail where targets spread `spread` times wider than the outputs, or lie `offset` deviations off them."""
    if task.kind != "regression":
        return skipped("a regression task")
    calls = [call for call in map(loss_call, recordings) if call is not None and call.name in _SCALED]
    calls = [call for call in calls if call.outputs.shape == call.targets.shape and call.outputs.is_floating_point()]
    if not calls:
        return skipped("a squared, absolute or Huber loss, given outputs and targets of one shape")
    outputs, targets = _table([call.outputs for call in calls]), _table([call.targets for call in calls])
    if len(targets) < _FEW or not (np.isfinite(targets).all() and np.isfinite(outputs).all()):
        return inconclusive("too few finite targets or outputs", settle=f"Give batches with {_FEW} or more of them.")
    moments = zip(targets.mean(0), targets.std(0), outputs.mean(0), outputs.std(0), strict=True)
    found = [_Output(f"output {k}", *map(float, four)) for k, four in enumerate(moments)]
    far, broad = max(found, key=lambda one: one.offset), max(found, key=lambda one: one.spread)
    near = abs(broad.mean - broad.given_mean) < 0.25 * broad.std and broad.mean**2 > broad.std**2
    if far.offset > offset:
        return _finding(failed, far, f"off the outputs by {far.offset:.3g} deviations")
    if broad.spread > wide:
        # a last layer that begins at zero gives no spread yet, whatever the model multiplies it with
        fatal = broad.spread > spread and broad.given_std > 0 and not near
        return _finding(failed if fatal else warned, broad, f"spread {broad.spread:.3g} times as wide as the outputs")
    least = min(found, key=lambda one: one.std or np.inf)
    if 0 < least.std < narrow and abs(least.mean) < narrow and least.given_std > 30 * least.std:
        return _finding(warned, least, f"std {least.std:.2g}, outputs {least.given_std:.2g}")
    return passed(
        f"targets mean {far.mean:.3g}, std {broad.std:.3g}; outputs {far.given_mean:.3g}, {broad.given_std:.3g}"
    )


def _table(tensors: Sequence[Tensor]) -> Floats:
    """Return (N, K) values, an output a column; those of pictures, and of very many outputs, as one."""
    flat = [tensor.detach().cpu().double() for tensor in tensors]
    single = any(tensor.dim() != 2 or tensor.shape[1] > _MOST_OUTPUTS for tensor in flat)
    return torch.cat([tensor.reshape(-1, 1) if single else tensor for tensor in flat]).numpy()


def _finding(verdict: Callable[..., CheckResult], one: _Output, text: str) -> CheckResult:
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
    explains=("final-bias", "loss-at-init", "exploding-gradients", "learning-rate", "update-ratio"),
    sources=("D-normalise", "S-output-histogram"),
    silent="classification; models that rescale their own output; a last bias at the mean",
)
