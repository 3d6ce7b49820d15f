"""`unused-parameters`: are there trained parameters that the loss never reaches?"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import torch
from torch import Tensor, nn

from nbinspect.records import CheckResult, Place
from nbinspect.sanity.check import (
    Arguments,
    Check,
    MissingNeed,
    failed,
    inconclusive,
    measured,
    passed,
    skipped,
    warned,
)
from nbinspect.sanity.evidence.passes.gravity import judged, judged_uncalled
from nbinspect.sanity.evidence.passes.reach import (
    is_library_part,
    modules_of,
    trainable,
    trains_by_one_loss,
    unreached,
)
from nbinspect.sanity.evidence.samples.one_way import unread_direction
from nbinspect.sanity.evidence.source.classes import assigned_at
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded
from nbinspect.sanity.trials.running.observed import observe
from nbinspect.sanity.trials.running.own_step import Training

_NUMBER = "trainable parameters without a gradient"


def run(program: Program, training: Training) -> CheckResult:
    """Fail where parameters of modules that ran get no gradient, not even zeros, in any pass or step."""
    own, wanted = training.program, trainable(training.program)
    ran = [one for one in training.recordings if not one.no_backward]
    if not wanted:
        return skipped("trainable parameters")
    if not ran and program.subject.train_step is None:
        return skipped(f"a backward pass: {training.recordings[0].no_backward}")
    if not ran:
        return _in_steps(program, training)
    missing = unreached(own, ran)
    if missing and training.of_step:  # parts may take turns
        later = training.later(program)
        missing = {name: one for name, one in missing.items() if name not in later}
    found = judged(own, missing, ran)
    names = [name for name in wanted if not is_library_part(own.network, name)]
    if not found.forgotten and (way := unread_direction(program, ran, names)) is not None:
        return _found(own, way.names, len(wanted), ran[0], certain=True, parts=way.part)
    if some := found.forgotten or found.doubtful:
        answer = _found(own, some, len(wanted), ran[0], certain=bool(found.forgotten))
        if answer.status == "inconclusive":
            with suppress(MissingNeed):
                steps = _in_steps(program, training)
                return steps if steps.status == "fail" else answer
        return answer
    told = (f"{found.spared} not picked or not yours", f"{found.cut} cut off: see `detached-graph`")
    reached = f"{len(wanted) - len(missing)} of {len(wanted)} trainable parameters reached"
    return passed(", ".join([reached, *(text for text in told if not text.startswith("0 "))]))


def _in_steps(program: Program, training: Training) -> CheckResult:
    """Judge steps of the user's own with several losses: by what nothing calls, and no gradient comes for."""
    observed, wanted = observe(program, training.batches), trainable(program)
    moved = observed.rewritten.union(*(step.events.arrived for step in observed.steps))
    missing = {name: one for name, one in wanted.items() if name not in moved}
    found = judged_uncalled(program, missing, training.recordings)
    if found.forgotten:
        return _told(program, found.forgotten, len(wanted), training.recordings[0], certain=True)
    return passed(f"{len(wanted) - len(missing)} of {len(wanted)} trainable parameters reached in your steps")


def _found(
    program: Program, names: Sequence[str], count: int, recorded: Recorded, *, certain: bool, parts: str = ""
) -> CheckResult:
    of_all = f"{len(names)} of {count}"
    if not recorded.of_step and not trains_by_one_loss(program.subject):
        number = measured(_NUMBER, of_all, "0")
        return inconclusive(f"{of_all} not reached by this loss", number, settle="Give the loss that trains them.")
    return _told(program, names, count, recorded, certain=certain, parts=parts)


def _told(
    program: Program, names: Sequence[str], count: int, recorded: Recorded, *, certain: bool, parts: str = ""
) -> CheckResult:
    parts, of_all = parts or modules_of(names, program.network), f"{len(names)} of {count}"
    tell = failed if certain else warned
    return tell(
        f"{parts}: {of_all} parameters get no gradient",
        measured(_NUMBER, of_all, "0"),
        title=f"The loss never uses {parts}",
        detail=f"Nothing that the loss is made of comes from trainable parameters of {parts}: they stay as they were "
        "initialised.",
        remedy=f"Use what {parts} gives on the way to the loss, or remove it from the model.",
        where=parts,
        place=_place(program, recorded, names),
    )


def _place(program: Program, recorded: Recorded, names: Sequence[str]) -> Place | None:
    """Return the first line that used one of these parameters, or that made the first of them."""
    wanted = set(names)
    own = {id(parameter) for name, parameter in program.network.named_parameters() if name in wanted}
    used = (one.step.place for one in recorded.operations if own & {id(tensor) for tensor in one.given})
    made = assigned_at(type(program.network), names[0].split(".")[0])
    return next(used, made[0] if made is not None else None)


class _Forgetful(nn.Sequential):
    def forward(self, x: Tensor) -> Tensor:
        self[1](torch.relu(self[0](x)))
        return self[2](torch.relu(self[0](x)))  # type: ignore[no-any-return] # torch's


def _program(model: nn.Module) -> Arguments:
    batch = (torch.randn(8, 4), torch.randint(3, (8,)))
    return {"model": model, "loader": [batch], "loss_fn": nn.CrossEntropyLoss()}


def good() -> Arguments:
    """Return three layers, one after the other."""
    parts = (nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3))
    return _program(nn.Sequential(*parts))


def bad() -> Arguments:
    """Return three layers, the second of which runs for nothing."""
    return _program(_Forgetful(nn.Linear(4, 8), nn.Linear(8, 8), nn.Linear(8, 3)))


CHECK = Check(
    name="unused-parameters",
    stage="wiring",
    question="Does the loss reach every parameter that is to be trained?",
    why="A layer whose result is dropped is never trained, and the model is smaller than you think.",
    remedy="Use the layer's result on the way to the loss, or remove the layer.",
    cost=4,
    run=run,
    good=good,
    bad=bad,
    explains=("overfit-one-batch", "updates-not-applied"),
    sources=("S-unused",),
    silent="frozen parts, experts and heads not picked, twins that follow by hand, unused parts of published models, "
    "a last bias that shifts outputs which are only differentiated",
)
