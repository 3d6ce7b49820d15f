"""`missing-zero-grad`: are gradients cleared between updates?"""

from __future__ import annotations

from typing import Any

from torch import nn

from nbinspect.records import CheckResult
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import Arguments, Check, failed, measured, passed
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.own_steps.clearing import with_clearing
from nbinspect.sanity.trials.running.comparison import chart_of, ends_at
from nbinspect.sanity.trials.running.observed import Observed
from nbinspect.sanity.trials.running.stepping import in_order, stepping
from nbinspect.sanity.trials.running.text import mentions_of, place_of
from nbinspect.sanity.trials.running.watch import Update

_LEAST = 3


def run(
    program: Program, batch: Batch, observed: Observed, *, least_share: float = 0.01, control_steps: int = 12
) -> CheckResult:
    """Fail where update after update uses gradients that an earlier one has used already.

    Args:
        program: left unchanged.
        batch: what the run with cleared gradients is tried on.
        observed: steps on a copy.
        least_share: norm of what was left, as a share of the sum of old and new gradients.
        control_steps: of each run that is compared.
    """
    by_optimizer: dict[frozenset[str], list[Update]] = {}
    for update in (update for one in observed.steps for update in one.events.updates):
        by_optimizer.setdefault(frozenset(update.sizes), []).append(update)
    later = [updates[1:] for updates in by_optimizer.values()]
    piled = [updates for updates in later if len(updates) >= _LEAST and all(_share(u) > least_share for u in updates)]
    if not piled:
        most = max((_share(update) for updates in later for update in updates), default=0.0)
        return passed("cleared between updates" if most <= least_share else "cleared between most updates")
    shares = sorted(_share(update) for update in piled[0])
    old = measured("norm of gradients used before, as a share of the sum that the last update used", shares[-1], "0")
    as_it_is, cleared, rate = with_clearing(program, batch, control_steps)
    how = "cleared" if rate == 1 else f"cleared, at {rate:g} times the rate"
    ends = {"as it is": ends_at(as_it_is), how: ends_at(cleared)}
    tried = [
        measured(f"loss of a batch after {control_steps} steps {name}", end, "lower") for name, end in ends.items()
    ]
    step = program.subject.train_step
    backward = mentions_of(step, "backward")
    return failed(
        f"{len(piled[0])} of {len(piled[0])} updates use old gradients again",
        old,
        *(tried if as_it_is and cleared else ()),
        title="Gradients are never cleared",
        detail="backward() adds to what lies in .grad, and nothing clears it between updates: each step goes along the "
        "sum of all gradients so far.",
        remedy="Call optimizer.zero_grad() before loss.backward(), once an update.",
        code="+ optimizer.zero_grad()" + (f"\n  {backward[0].line}" if len(backward) == 1 else "\n  loss.backward()"),
        where="train_step",
        place=backward[0].place if len(backward) == 1 else place_of(step),
        charts=chart_of("Loss of one batch", {"as it is": as_it_is, how: cleared}),
        confirmed=ends_at(cleared) < ends_at(as_it_is),
    )


def _share(update: Update) -> float:
    return update.carried / update.arrived if update.arrived > 0 else 0.0


def _uncleared(model: nn.Module, batch: Any, optimizer: Any, loss_fn: Any) -> Any:
    loss = loss_fn(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    return loss


def good() -> Arguments:
    """Return a step that clears first."""
    return stepping(in_order)


def bad() -> Arguments:
    """Return one that never does."""
    return stepping(_uncleared)


CHECK = Check(
    name="missing-zero-grad",
    stage="training",
    question="Are gradients cleared between updates?",
    why="backward() adds up: uncleared, each step goes along all gradients so far, and the loss swings or grows.",
    remedy="Call optimizer.zero_grad() before loss.backward(), once an update.",
    cost=48,
    run=run,
    good=good,
    bad=bad,
    explains=(
        *("clipping-always-on", "overfit-one-batch", "input-independent-baseline", "shuffled-labels"),
        *("learning-rate", "update-ratio"),
    ),
    sources=("S-not-applied",),
    silent="gradients that accumulate over several batches and are cleared after the update",
)
