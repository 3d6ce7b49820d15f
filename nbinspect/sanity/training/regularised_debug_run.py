"""`regularised-debug-run`: does regularisation keep the network from fitting even one batch?"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch
from torch import nn

from nbinspect.records import CheckResult
from nbinspect.sanity.check import Arguments, Check, failed, inconclusive, measured, passed, warned
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.fitting.drawn_anew import of_draws
from nbinspect.sanity.trials.fitting.fit import fit, yours
from nbinspect.sanity.trials.fitting.overfitting import Overfitting, moves
from nbinspect.sanity.trials.fitting.pictures import curves_chart, shown, way
from nbinspect.sanity.trials.fitting.usual import is_usual, of_what_is_kept
from nbinspect.sanity.trials.own_steps.train_only import handed_on, train_only
from nbinspect.sanity.trials.own_steps.undropped import dropped_by_functions, without_functions
from nbinspect.sanity.trials.own_steps.unpenalised import penalty_of, without_penalties
from nbinspect.sanity.trials.running.plain import plain_trainee
from nbinspect.sanity.trials.running.trainee import Trainee, trained

_WITH, _WITHOUT = 35, 30


def run(
    program: Program, overfitting: Overfitting, *, learnt: float = 0.75, fitted: float = 0.25, stuck: float = 0.9
) -> CheckResult:
    """Fail where a batch is fitted without regularisation, and not learnt at all in more steps with it.

    Where it is hardly learnt, regularised as usual, or only unknown random draws can be to blame, it is a warning.

    Args:
        program: left unchanged.
        overfitting: the run on the batch with dropout's masks held, shared.
        learnt: share of the loss above its floor, beside the best outputs that ignore the inputs, below which the
            regularised run is doing well enough.
        fitted: the same, at which a batch counts as fitted.
        stuck: the same, above which nothing has been learnt.
    """
    own, whole = yours(program), overfitting.whole
    batch, goal = overfitting.batch, whole.goal
    with trained(program, own=own.own, optimizer=own.optimizer) as trainee:
        off = (*plain_trainee(trainee), *dropped_by_functions(trainee, batch))
        layers = train_only(trainee, batch)
        off = (*off, *handed_on(trainee, layers))
    is_open = whole.goal.gap is not None and whole.left >= learnt  # else no penalty is in the way
    penalty = penalty_of(program, batch) if is_open else None
    off = off if penalty is None else (f"penalty on the weights {penalty.value:.3g}", *off)
    if not off:
        return of_draws(program, overfitting, _WITH, learnt=fitted, stuck=stuck)
    if goal.gap is None:
        settle = "Train on one batch without regularisation, and with it, and compare the losses."
        return inconclusive("the floor of the loss is not known", settle=settle)
    if whole.left < learnt and all(text.startswith("weight decay") for text in off):
        return passed(f"with {_listed(off)} the loss of the batch goes {way(whole)}")
    # a run that is slow shows nothing in few steps
    own = replace(own, factor=1.0 if whole.is_reached or not moves(whole) else 3.0)
    usual = replace(own, name="as it is", held=False)
    kept = fit(program, batch, goal, usual, _WITH, done=lambda curve: curve.is_over(learnt)).curve
    if kept.left < learnt:
        return passed(f"with {_listed(off)} the loss of the batch goes {way(kept)}", shown("the batch", kept))
    bare = replace(own, name="without regularisation", begun=partial(_bare, layers=layers))
    bare = bare if penalty is None else replace(bare, changed=without_penalties)
    is_slow = kept.left < stuck or (penalty is not None and whole.left < stuck)
    enough = 2 * fitted if kept.is_settled and not is_slow else fitted  # what stands still needs less to be told from
    most = _WITH + _WITHOUT - len(kept.losses) + 1
    free = fit(program, batch, goal, bare, most, done=lambda curve: curve.is_over(enough)).curve
    numbers = [measured("switched off for the second run", _listed(off), "nothing that hinders it")]
    numbers += [shown("the batch", curve) for curve in (kept, free)]
    charts = (curves_chart("Loss of one batch, with and without regularisation", (kept, free)),)
    if is_slow and free.left > enough:
        return passed(f"with {_listed(off)} the loss of the batch goes {way(kept)}", *numbers, charts=charts)
    if free.left > enough:
        settle = "Train on one batch for longer, without regularisation and with it, and compare the losses."
        return inconclusive("neither run has fitted the batch yet", *numbers, settle=settle, charts=charts)
    common = all(map(is_usual, off))
    return (warned if is_slow or common else failed)(
        f"{'hardly' if is_slow else 'not'} learnt with {_listed(off)}, fitted without",
        *numbers,
        title=f"{'Usual' if common else 'Too much'} regularisation keeps a batch from being fitted",
        detail=f"Without {_listed(off)} the loss of one batch goes {way(free)}; with it {way(kept)}."
        + (" These sizes are usual: what makes so much of them, as weights drawn too large do?" if common else ""),
        remedy="Switch regularisation off until a batch is fitted, then put it back piece by piece: dropout of 0.1 to "
        "0.5, weight decay of 0.0001 to 0.1, a penalty far below the loss." + of_what_is_kept(off),
        where=off[0].rpartition(" ")[0],
        place=None if penalty is None else penalty.place,
        charts=charts,
        confirmed=True,
    )


def _bare(trainee: Trainee, layers: tuple[str, ...]) -> None:
    """Switch off all regularisation that is known, and layers that act in train mode alone."""
    plain_trainee(trainee)
    without_functions(trainee)
    handed_on(trainee, layers)


def _listed(off: tuple[str, ...]) -> str:
    rest = f" and {len(off) - 3} more" if len(off) > 3 else ""
    return ", ".join(off[:3]) + rest


def _program(share: float) -> Arguments:
    model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Dropout(share), nn.Linear(64, 4))
    batch = (torch.randn(16, 8), torch.arange(16) % 4)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    return {"model": model, "loader": [batch], "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


def good() -> Arguments:
    """Return a network with moderate dropout."""
    return _program(0.3)


def bad() -> Arguments:
    """Return one whose dropout leaves hardly a unit."""
    return _program(0.98)


CHECK = Check(
    name="regularised-debug-run",
    stage="training",
    question="Does regularisation keep the network from fitting even one batch?",
    why="Under too much of it nothing is learnt, and a bug elsewhere cannot be told from it.",
    remedy="Switch regularisation off until one batch is fitted, then put it back piece by piece.",
    cost=_WITH + _WITHOUT + 1,
    run=run,
    good=good,
    bad=bad,
    explains=("overfit-one-batch", "capacity", "shuffled-labels", "learning-rate"),
    sources=("K-simplify", "S-regularise"),
    silent="moderate regularisation; augmentation, penalties that loss_fn adds: nobody outside can switch these off",
)
