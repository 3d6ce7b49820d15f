"""`input-independent-baseline`: does training on one batch need its inputs?"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from nbinspect.records import TaskRecord
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import (
    Arguments,
    Check,
    CheckResult,
    failed,
    inconclusive,
    of_unknown_task,
    passed,
    skipped,
)
from nbinspect.sanity.evidence.data.contents import relation
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.fitting.drowned import of_own_step
from nbinspect.sanity.trials.fitting.fit import fit, yours
from nbinspect.sanity.trials.fitting.handed import without_inputs
from nbinspect.sanity.trials.fitting.heard import are_alike, are_drawn, heard
from nbinspect.sanity.trials.fitting.overfitting import Overfitting
from nbinspect.sanity.trials.fitting.unheard import (
    chart_of,
    numbers_of,
    of_companions,
    of_draws,
    of_no_difference,
    of_noise,
    of_one_input,
)

_STEPS = 30
_FEW = 12
_RISEN = 2.0
_BLIND = 0.9


def run(
    program: Program,
    batches: tuple[Batch, ...],
    overfitting: Overfitting,
    task: TaskRecord,
    *,
    learnt: float = 0.8,
    leaks: float = 0.9,
    same: float = 1e-5,
    drowned: float = 0.02,
) -> CheckResult:
    """Fail where training on one batch gets below the best constant without inputs, or the inputs make no difference.

    Or where what is drawn at random, by the network or by the user's own step, drowns them.

    Args:
        program: left unchanged.
        batches: of the loader.
        overfitting: the run on the batch as it is, shared.
        task: what the targets are.
        learnt: share of the loss above its floor, beside the best outputs that ignore the inputs, below which the
            batch has been learnt.
        leaks: the same, below which nothing comes that has no inputs.
        same: how much the two curves may differ, as a share of their way, where inputs make no difference.
        drowned: share of what random draws change in the outputs, below which the inputs cannot be heard.
    """
    batch, goal, real = overfitting.batch, overfitting.whole.goal, overfitting.whole
    if task.kind == "other":
        return of_unknown_task(task)
    if batch.size == 1 < overfitting.size and are_alike(program, batches):
        return of_one_input(overfitting.size)
    is_cut = batch.size >= 4 and not relation(batch)
    zeroed = without_inputs(program, batch) if is_cut else None
    if zeroed is None:
        few = "a batch of 4 or more samples that are independent of each other"
        return skipped("inputs that can be zeroed without the targets" if is_cut else few)
    met = overfitting.meeting
    if met is not None and not met.is_regression and are_drawn(program, batch):
        return of_draws(real)
    if goal.gap is None:
        return inconclusive(
            "what can be had without inputs is not known",
            settle="Work out the loss of the best constant, or take a batch of mixed targets.",
        )
    best = min((real, *overfitting.rates), key=lambda curve: curve.left)
    own = replace(yours(program), name="inputs zeroed")
    change = heard(program, batch)
    if change is not None and 0 in (change.by_inputs, change.by_ids) and change.samples > 0:
        return of_companions(best)
    if best.left > learnt:
        blank = fit(program, zeroed, goal, own, _FEW, done=lambda _: False).curve
        return of_own_step(program, batch, zeroed, best) or of_no_difference(real, blank, same)
    if change is not None and change.by_inputs < drowned * change.by_draws:
        noisy = fit(program, batch, goal, replace(own, held=False, name="noise drawn anew"), len(best.losses)).curve
        if noisy.left > _BLIND:
            return of_noise(best, noisy, change)
    # masks that are held would tell the samples apart
    blank = fit(program, zeroed, goal, replace(own, held=False), min(_STEPS, len(best.losses))).curve
    numbers, charts = numbers_of(best, blank), (chart_of(best, blank),)
    if blank.left > leaks:
        rest = f"{blank.left:.0%} of the loss left" if blank.left < _RISEN else "the loss rises"
        return passed(f"{rest} with inputs zeroed, {best.left:.0%} left with them", *numbers)
    if task.kind == "language-model":
        settle = "Tokens of the target may enter the network on purpose; look at what it is given beside the inputs."
        return inconclusive("it trains without inputs", *numbers, settle=settle, charts=charts)
    return failed(
        f"with inputs zeroed the loss still falls to {blank.last:.3g}",
        *numbers,
        title="It trains as well with its inputs zeroed",
        detail=f"Every sample has the same inputs, and the loss falls to {blank.last:.4g}, below {goal.blind:.4g}, "
        "which is the best for outputs that are the same for all: what tells the samples apart comes another way.",
        remedy="Find what else reaches the network: the targets, an index, the place in the batch, a state that stays.",
        charts=charts,
    )


class _Leaky(nn.Module):
    """Reads the targets beside the inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(9, 64), nn.ReLU(), nn.Linear(64, 4))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.layers(torch.cat([x, y[:, None].float()], 1))  # type: ignore[no-any-return] # a Module's call


def good() -> Arguments:
    """Return a network that learns a batch from its inputs."""
    model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 4))
    batch = (torch.randn(16, 8), torch.arange(16) % 4)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    return {"model": model, "loader": [batch], "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


def bad() -> Arguments:
    """Return one that is handed the targets."""
    model = _Leaky()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    return good() | {"model": model, "optimizer": optimizer, "forward": lambda model, batch: model(*batch)}


CHECK = Check(
    name="input-independent-baseline",
    stage="training",
    question="Does training on one batch need its inputs?",
    why="A network that learns as well without inputs has learnt something else than you think.",
    remedy="Find what reaches the network beside its inputs, or where these are lost.",
    cost=_STEPS + 56,
    run=run,
    good=good,
    bad=bad,
    sources=("K-input-independent",),
    silent="batches that are not learnt yet, positions that are the same in every sample, masks of dropout",
)
