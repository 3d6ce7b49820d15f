"""`train-eval-mode`: is dropout on, and BatchNorm on the batch, in training and in training alone?"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from nbinspect.records import CheckResult, Measurement
from nbinspect.sanity.batches import Batch, batches_in
from nbinspect.sanity.check import Arguments, Check, MissingNeed, failed, measured, passed, warned
from nbinspect.sanity.evidence.source.statements import line_at
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded
from nbinspect.sanity.trials.own_steps.modes import Active, Seen, active_dropout, is_meant, rests, watched, with_flag


def run(program: Program, batch: Batch, recorded: Recorded) -> CheckResult:
    """Fail where dropout ignores eval mode, or the user's own steps run in the other's mode.

    The steps begin in the modes that the model has now, on copies.
    """
    active = active_dropout(program, batch)
    if active:
        return _ignores(active[0], recorded)
    notes = []
    for name, training in (("train_step", True), ("eval_step", False)):
        if getattr(program.subject, name) is None:
            notes.append(f"needs {name}")
            continue
        try:
            calls = watched(program, name, batch)
        except MissingNeed as missing:
            notes.append(f"{name}: needs {missing}")
            continue
        if calls[-1].is_all(training=not training):
            if not (training and rests(program.network, calls[-1])):
                return _wrong(program, name, calls, training)
            notes.append(f"{name}: eval mode keeps frozen BatchNorm at rest")
            continue
        heeds = any(seen.parts for seen in calls)
        notes.append(f"{name} runs in {_mode(training)} mode" if heeds else f"{name}: nothing heeds the mode")
    return passed(f"no dropout in eval mode; {'; '.join(notes)}")


def _mode(training: bool) -> str:
    return "train" if training else "eval"


def _wrong(program: Program, name: str, calls: list[Seen], training: bool) -> CheckResult:
    """Tell of a step in the wrong mode; one that was merely not told to leave eval mode may have a loop that does."""
    seen, earlier = calls[-1], calls[-1].number
    parts = [path for path, mode in seen.parts.items() if mode is not training]
    wrong, right = _mode(not training), _mode(training)
    effect = (
        "BatchNorm keeps its old statistics and dropout is off" if training else "dropout is on, and BatchNorm learns"
    )
    switch = "model.train()" if training else "model.eval()"
    which = f"call {earlier + 1} of {name}" if earlier else name
    found = Measurement(f"mode of {', '.join(parts[:3]) or 'the model'} in {which}", wrong, right)
    if earlier:  # a loop may call model.train() where an epoch begins
        certain = earlier % (batches_in(program.subject.loader) or earlier) != 0
    else:
        certain = program.network.training if training else seen.without_graph
    how = f"Call {earlier} leaves the model in eval mode, and the next" if earlier else f"Called as it is, {name}"
    return (failed if certain else warned)(
        f"{which} runs in {wrong} mode",
        found,
        title=f"{'Training' if training else 'Evaluation'} in {wrong} mode",
        detail=f"{how} runs the model in {wrong} mode: {effect}.",
        remedy=f"Call {switch} at the beginning of {name}" + ("." if certain else ", unless the loop around it does."),
        code=f"+ {switch}",
        where=parts[0] if parts else name,
    )


def _ignores(active: Active, recorded: Recorded) -> CheckResult:
    line = line_at(recorded.record, active.place)
    return (warned if is_meant(line) else failed)(
        f"{active.name} drops values in eval mode",
        measured("share of values changed in eval mode", active.changed, "0"),
        title=f"{active.name} ignores eval mode",
        detail=f"{active.name} is a function and drops unless it is told not to: predictions change from call to call.",
        remedy="Pass dropout_p=rate if self.training else 0.0."
        if "attention" in active.name
        else "Pass training=self.training, or use nn.Dropout.",
        code=with_flag(line),
        where=f"{active.name} in {active.path}" if active.path else active.name,
        place=active.place,
    )


class _Drops(nn.Module):
    """Drops some of its hidden units; `heeds` tells whether in training alone."""

    def __init__(self, *, heeds: bool) -> None:
        super().__init__()
        self.body, self.head, self.heeds = nn.Linear(4, 16), nn.Linear(16, 2), heeds

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.body(x))
        out: Tensor = self.head(functional.dropout(h, 0.5, self.training) if self.heeds else functional.dropout(h, 0.5))
        return out


def good() -> Arguments:
    """Return a network whose dropout is told the mode."""
    batch = (torch.randn(16, 4), torch.randint(2, (16,)))
    return {"model": _Drops(heeds=True), "loader": [batch], "loss_fn": nn.CrossEntropyLoss()}


def bad() -> Arguments:
    """Return one whose dropout is always on."""
    return {**good(), "model": _Drops(heeds=False)}


CHECK = Check(
    name="train-eval-mode",
    stage="wiring",
    question="Do dropout and BatchNorm know whether this is training?",
    why="Dropout that stays on, or BatchNorm in the wrong mode, makes predictions random or wrong, and raises nothing.",
    remedy="Call model.train() and model.eval(), and pass training=self.training to F.dropout.",
    cost=4,
    run=run,
    good=good,
    bad=bad,
    explains=(
        *("batchnorm-statistics", "evaluation-changes-model", "overfit-one-batch", "shuffled-labels"),
        *("regularised-debug-run",),
    ),
    sources=("T-mode", "D-regularise"),
    silent="frozen BatchNorm inside a training model; dropout kept on by name (training=True) is a warning; sampling",
)
