"""`learning-rate`: does the loss fall at this rate, and could it fall much faster at another?"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from nbinspect.records import CheckResult, TaskRecord
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import Arguments, Check, MissingNeed, failed, inconclusive, measured, passed, warned
from nbinspect.sanity.evidence.data.joined import joined
from nbinspect.sanity.evidence.losses.chance import chance_of
from nbinspect.sanity.evidence.losses.untrained import is_untrained
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded, record
from nbinspect.sanity.trials.rates.rate_evidence import RateEvidence, evidence_of, fell
from nbinspect.sanity.trials.rates.rates import BATCHES
from nbinspect.sanity.trials.running.maximising import Maximising, require_minimised


def run(
    program: Program,
    recorded: Recorded,
    task: TaskRecord,
    stream: tuple[Batch, ...],
    maximising: Maximising,
    *,
    steps: int = 50,
    tried: int = 20,
    far: float = 20.0,
    near: float = 2.0,
    still: float = 0.005,
) -> CheckResult:
    """Fail where the loss explodes or stays up at the rate, or does not move, and falls at another one, both on copies.

    Or where the rate leaves weights that no lower one can train any more.

    Args:
        program: left unchanged.
        recorded: tells whether there is a loss, and whether the network has been trained.
        task: of an unknown one, a rate that is too low is only a warning.
        stream: batches of the loader, taken in turn.
        maximising: what rises is not judged.
        steps: of the range test, at most.
        tried: steps at the rate, and at the suggested one.
        far: how many times below the suggested rate a rate is suspected to be too low, or above it to spoil weights.
        near: how many times above it one is tried for longer, though the range test saw no divergence there.
        still: share of the loss that it must fall by within the steps at the rate to count as moving.

    Source: D-lr.
    """
    require_minimised(maximising)
    found = evidence_of(program, stream, steps=steps, tried=tried, has_loss=isinstance(recorded.loss, torch.Tensor))
    rate, suggested, charts = found.rate, found.suggested, (found.chart,)
    is_new = is_untrained(program, recorded, task)
    if suggested is None or not (is_new or found.test.suggested):
        settle = "Within the range test no rate lowered the loss of these batches; a trained network may be at its end."
        return inconclusive("no rate lowers the loss", *found.shown, settle=settle, charts=charts)
    too_high, stays_up, short = found.is_above_divergence, False, found
    found = found.longer if too_high and found.may_come_down else found
    if not too_high and rate * far >= suggested:
        if rate >= near * suggested and fell(found.own) <= 0:  # momentum may tell later than the range test goes on
            stays_up = (found := found.longer).stays_up
        if not stays_up:
            spoilt = _of_spoilt_weights(short, recorded) if is_new and rate >= far * suggested else None
            return spoilt or passed(f"{rate:.3g}; the range test suggests {suggested:.2g}", *found.shown, charts=charts)
    above, moved, other = too_high or stays_up, fell(found.own), found.instead
    comes_down = too_high and found.own.falls_late and not found.own.explodes
    spoilt = _of_spoilt_weights(short, recorded) if is_new and too_high and (moved > 0 or comes_down) else None
    if spoilt or moved > (0 if above else still):
        text = f"{rate:.3g}, at which the loss falls by {moved:.1%} in {found.tried} steps"
        return spoilt or passed(text, *found.shown, charts=charts)
    if not above and found.own.is_rising:
        return inconclusive("the rate is still rising", *found.shown, settle="Look again when the warm-up is over.")
    if fell(found.other) < (0 if above and found.own.explodes else max(0.02, 10 * moved)):
        settle = f"At {other:.2g} the loss does not fall either."
        return inconclusive(f"{rate:.3g}; another is no better", *found.shown, settle=settle, charts=charts)
    is_clear = abs(moved) * found.horizon < 0.05 or (stays_up and not found.has_been_down)
    certain = not comes_down if too_high else is_new and task.kind != "other" and is_clear
    rises = "explodes" if found.own.explodes else "rises" if too_high else "stays up"
    said = f"{rises} from {found.own.start:.3g} to {found.own.end:.3g}" if above else f"stays at {found.own.end:.4g}"
    return (failed if certain else warned)(
        f"{rate:.3g}: the loss {rises if above else 'does not move'}",
        *found.both,
        title=f"The learning rate is too {'high' if above else 'low'}",
        detail=f"At {rate:.3g} the loss of the first batches {said} by step {len(found.own.losses)}; at {other:.2g} "
        f"it falls to {found.other.end:.3g}.",
        remedy=f"Set the rate to about {other:.1g}.",
        code=f"lr={other:.1g}",
        charts=charts,
        confirmed=True,
    )


def _of_spoilt_weights(found: RateEvidence, recorded: Recorded) -> CheckResult | None:
    """Fail where a few steps at the rate leave weights that no lower rate can train any more; only asked of classes."""
    chance = chance_of(recorded)
    if chance is None or chance.is_regression:
        return None
    spoilt = found.spoilt(constant := _of_class_shares(found, chance.prior))
    if spoilt is None:
        return None
    before, after, other = len(found.own.losses), len(spoilt.from_start.losses), spoilt.other
    return failed(
        f"{found.rate:.3g}: the loss stays at that of class shares",
        *found.shown,
        measured(f"loss after {before} steps at {found.rate:.3g}", found.own.end, f"below {constant:.4g}"),
        measured(f"the same after {after} more at {other:.3g}", spoilt.afterwards.end, f"below {constant:.4g}"),
        measured(f"loss after {after} steps at {other:.3g} alone", spoilt.from_start.end, f"below {constant:.4g}"),
        title="The learning rate is too high",
        detail=f"Steps at {found.rate:.3g} bring the loss to {found.own.end:.4g} and no lower than {constant:.4g}, "
        f"that of outputs which know the class shares alone; nor do {after} at {other:.3g} after them "
        f"({spoilt.afterwards.end:.4g}), which reach {spoilt.from_start.end:.4g} on weights that are not spoilt.",
        remedy=f"Set the rate to about {other:.1g}.",
        code=f"lr={other:.1g}",
        charts=(found.chart,),
        confirmed=True,
    )


def _of_class_shares(found: RateEvidence, of_first: float) -> float:
    """Return the loss of outputs that know the class shares alone, on all batches of a run, or else the first."""
    try:
        whole = chance_of(record(found.program, joined(found.stream[:BATCHES])))
    except MissingNeed:
        return of_first
    return of_first if whole is None else whole.prior


def good(rate: float = 3e-3) -> Arguments:
    """Return a small perceptron under Adam."""
    model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 3))
    x = torch.randn(256, 8)
    data = torch.utils.data.TensorDataset(x, x[:, :3].argmax(1))
    loader: Any = torch.utils.data.DataLoader(data, batch_size=32, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    return {"model": model, "loader": loader, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


def bad() -> Arguments:
    """Return the same at a rate of 10."""
    return good(10.0)


CHECK = Check(
    name="learning-rate",
    stage="training",
    question="Does the loss fall at this rate?",
    why="Above a certain rate training explodes, and far below it nothing happens; both look like a broken network.",
    remedy="Take a tenth of the largest rate at which the loss still falls.",
    cost=250,
    run=run,
    good=good,
    bad=bad,
    explains=("overfit-one-batch", "update-ratio", "clipping-always-on", "shuffled-labels"),
    sources=("D-lr", "K-adam"),
    silent="low rates of fine-tuning under which the loss falls; a warm-up; networks that have been trained",
)
