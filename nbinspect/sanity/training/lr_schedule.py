"""`lr-schedule`: does the schedule fit the length of the run, and the unit in which it is stepped?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from nbinspect.records import Chart, CheckResult
from nbinspect.sanity.batches import Batch, batches_in
from nbinspect.sanity.check import Arguments, Check, failed, inconclusive, measured, passed, skipped, warned
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.rates import rates_seen
from nbinspect.sanity.trials.rates.by_number import is_stepped_at_ends, sunk_by_number
from nbinspect.sanity.trials.rates.starting_over import starting_over
from nbinspect.sanity.trials.rates.waiting import sunk_by_waiting
from nbinspect.sanity.trials.running.cadence import cadence
from nbinspect.sanity.trials.running.observed import Observed
from nbinspect.sanity.trials.running.schedule import Schedule, fault_of, schedule_of
from nbinspect.sanity.trials.running.stepping import in_order, stepping


def run(
    program: Program,
    observed: Observed,
    loader: Any,
    stream: Sequence[Batch],
    *,
    nothing: float = 1e-3,
    share: float = 0.4,
    rise: float = 3.0,
    zero: float = 0.25,
) -> CheckResult:
    """Fail where the rate is next to nothing for much of the run, or the run ends before the warm-up does.

    Args:
        program: a copy of its scheduler is stepped, without training.
        observed: tells whether the user's own step steps the scheduler.
        loader: its length is that of an epoch.
        stream: successive batches, for a scheduler that is given a metric with every update, and for rates without one.
        nothing: share of the highest rate below which training stands still.
        share: of the run, for which the rate may be that low.
        rise: how much higher than in the run the rate may go after its end; half of that, where it only rises.
        zero: share of the run, at its end, for which the rate may be exactly 0.
    """
    epoch = batches_in(loader)
    total = program.subject.total_steps
    known = total or epoch
    calls, updates = max(observed.scheduled.values(), default=0), len(observed.updating)
    every = cadence(program.subject.train_step, of_schedule=True) if total and not calls else None
    if total and epoch and not calls and not every and observed.scheduled:
        every = epoch if is_stepped_at_ends(program, stream, epoch) else None
    epochs = max(1, round(total / epoch)) if total and epoch else None
    is_by_epoch = observed.is_own and (0 < calls < 0.9 * updates or (every is not None and every == epoch))
    if is_by_epoch and not epochs:
        return inconclusive("not stepped with every update", settle="Give total_steps, and a loader with a length.")
    fault = rates_seen.wrong_way(observed) or rates_seen.sunk_by_hand(observed, known, nothing, share)
    fault = fault or sunk_by_number(program, observed, stream[0], total, nothing=nothing, share=share)
    if fault := fault or starting_over(program, observed, stream, epoch, total):
        return rates_seen.of_the_rates(fault, observed)
    if known and (found := sunk_by_waiting(program, observed, stream, nothing, (1 - share) * known)):
        return found
    pace = rates_seen.calls_an_update(observed, program.subject.train_step) if total else 1
    each = rates_seen.steps_an_update(observed, pace)
    schedule = schedule_of(program, epochs if is_by_epoch else each * known if known else None)
    if schedule is None or not (schedule.peak or schedule.base):
        return skipped("a scheduler that follows the steps")
    stepped = observed.scheduled.get(schedule.name, 0)
    if observed.is_own and stepped == 0 and not is_by_epoch:
        return _elsewhere(schedule, len(observed.steps))
    low, later = float(schedule.is_low(nothing).mean()), float(schedule.rates.max()) / (schedule.peak or 1.0)
    unit = "epochs" if is_by_epoch else "steps"
    length = f"the {schedule.total} {unit} of {'the run' if total else 'an epoch'}" if schedule.total else "1,000 steps"
    shown = (
        measured(f"share of {length} at less than {nothing:g} of the highest rate", low, f"below {share:g}"),
        measured("highest rate after the end, beside the highest before", later, f"below {rise:g}"),
    )
    rises = total is not None and schedule.rises_beyond(rise / 2, rise)
    sinks = low > share or schedule.idle > zero
    within = (None, None) if is_by_epoch or each > 1 else (epochs, epoch)
    fault = fault_of(schedule, unit, sinks=sinks, rises=rises, epochs=within[0], epoch=within[1], steps=total)
    if fault is None and each > 1 and schedule.span == total:
        fault = ("at its end too early", f"It is made for {total} steps, as many as the run has updates.", "")
    if fault is None:
        if own := rates_seen.own_fault(observed, schedule):
            return own
        way = f"from {schedule.run[0]:.3g} to {schedule.run[-1]:.3g}, at most {schedule.peak:.3g}"
        return passed(way, *shown, charts=_chart(schedule))
    (summary, detail, remedy), charts = fault, _chart(schedule)
    if each > 1:
        summary, remedy = f"{summary}, stepped {each} times an update", "Step it once with every update."
    if rates_seen.is_unclear(observed, total, epoch, each, pace):
        settle = "Step it beside optimizer.step(); if total_steps counts calls of train_step, give it in updates."
        return inconclusive(f"{summary}, if total_steps counts updates", *shown, settle=settle, charts=charts)
    if not observed.is_own:  # nobody says that it is stepped every batch
        settle = "Give the train_step that steps it: stepped once an epoch it may be right."
        return inconclusive(f"{summary}, if it is stepped every batch", *shown, settle=settle, charts=charts)
    return (failed if total or epoch else warned)(
        summary,
        *shown,
        title=f"The schedule does not fit the run: {summary}",
        detail=detail,
        remedy=remedy,
        where=schedule.name,
        charts=charts,
    )


def _elsewhere(schedule: Schedule, calls: int) -> CheckResult:
    return inconclusive(
        "not stepped by train_step",
        settle=f"{schedule.kind} is given, and the first {calls} calls of train_step do not step it: where an epoch's "
        "end does, all is well; where a later call does, look whether it does so once, and not between two updates.",
        charts=_chart(schedule),
    )


def _chart(schedule: Schedule) -> tuple[Chart, ...]:
    at = np.arange(len(schedule.run), dtype=np.float64)
    return (Chart("lines", "Learning rate", "step", "learning rate", ("rate",), (schedule.run,), at),)


def _step(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer, loss_fn: Any, scheduler: Any) -> float:
    loss = in_order(model, batch, optimizer, loss_fn)
    scheduler.step()
    return loss


def good() -> Arguments:
    """Return a cosine over the whole run."""
    return _program(lambda optimizer: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=200))


def bad() -> Arguments:
    """Return a decay meant for epochs, stepped at every batch."""
    return _program(lambda optimizer: torch.optim.lr_scheduler.StepLR(optimizer, step_size=10, gamma=0.1))


def _program(make: Callable[[Any], Any]) -> Arguments:
    arguments = stepping(_step, total_steps=200)
    return {**arguments, "scheduler": make(arguments["optimizer"])}


CHECK = Check(
    name="lr-schedule",
    stage="training",
    question="Does the schedule fit the length of the run?",
    why="A schedule stepped at the wrong unit, or made for other data, sinks the rate to nothing long before the end.",
    remedy="Give a schedule's lengths in the unit in which it is stepped.",
    cost=140,
    run=run,
    good=good,
    bad=bad,
    explains=("learning-rate", "overfit-one-batch", "update-ratio"),
    sources=("K-schedule",),
    silent="cosine and linear decay to the end; schedulers that wait for a metric and do not sink within 60 updates",
)
