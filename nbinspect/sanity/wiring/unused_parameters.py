"""`unused-parameters`: are there trained parameters that the loss never reaches?"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nbinspect.records import CheckResult, Place
from nbinspect.sanity.check import Arguments, Check, failed, inconclusive, measured, passed, skipped, warned
from nbinspect.sanity.evidence.passes.flow import follow
from nbinspect.sanity.evidence.passes.logged import without_logged
from nbinspect.sanity.evidence.passes.reach import (
    is_library_part,
    modules_of,
    trainable,
    trains_alike,
    trains_by_one_loss,
    unreached,
)
from nbinspect.sanity.evidence.passes.uncalled import gravity_of_uncalled, may_be_picked
from nbinspect.sanity.evidence.samples.one_way import unread_direction
from nbinspect.sanity.evidence.source.classes import assigned_at
from nbinspect.sanity.evidence.source.picking import passes_alike
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded


def run(program: Program, recordings: tuple[Recorded, ...]) -> CheckResult:
    """Fail where parameters of modules that ran get no gradient, not even zeros, in any pass."""
    wanted = trainable(program)
    ran = [one for one in recordings if not one.no_backward]
    if not wanted or not ran:
        return skipped(f"a backward pass: {recordings[0].no_backward}" if wanted else "trainable parameters")
    missing = unreached(program, ran)
    flows = [follow(one, missing) for one in ran] if missing else []
    kept = without_logged(program, ran[0], flows[0]) if flows else ()
    logged = [one for one in flows[0].cuts if one not in kept] if flows else []
    cut = {name for flow in flows for one in flow.cuts for name in one.parameters}
    numbers = {name for one in logged for name in one.parameters} - {name for one in kept for name in one.parameters}
    cut -= numbers
    used = {name for flow in flows for name in flow.used}
    # a head that is returned may wait for its turn, unless the loss is seen to take the same parts of them every time
    always = trains_alike(program.subject)
    returned = set[str]() if always else {name for flow in flows for name in flow.returned}
    # so may what a number was made of, that the text of a pass can look at, or whose loss it can leave out for now
    returned |= set() if always and passes_alike(program.network) else numbers
    calls = {one.step.path for r in ran for one in r.operations if one.step.kind == "module"}
    found: dict[str, list[str]] = {"fail": [], "warn": [], "": []}
    for name in missing.keys() - cut:
        if name in used:
            is_picked = name in returned or may_be_picked(program, name, missing, ran)
            gravity = "warn" if is_picked else "fail"
        else:
            gravity = gravity_of_uncalled(program.network, name, calls, missing)
        found["" if is_library_part(program.network, name) else gravity].append(name)
    own = [name for name in wanted if not is_library_part(program.network, name)]
    if not found["fail"] and (way := unread_direction(program, ran, own)) is not None:
        return _found(program, way.names, len(wanted), ran[0], certain=True, parts=way.part)
    names = found["fail"] or found["warn"]
    if not names:
        told = (f"{len(missing.keys() - cut)} not picked or not yours", f"{len(cut)} cut off: see `detached-graph`")
        spared = [text for text in told if not text.startswith("0 ")]
        reached = f"{len(wanted) - len(missing)} of {len(wanted)} trainable parameters reached"
        return passed(", ".join([reached, *spared]))
    return _found(program, sorted(names), len(wanted), ran[0], certain=bool(found["fail"]))


def _found(
    program: Program, names: Sequence[str], count: int, recorded: Recorded, *, certain: bool, parts: str = ""
) -> CheckResult:
    parts, of_all = parts or modules_of(names, program.network), f"{len(names)} of {count}"
    number = measured("trainable parameters without a gradient", of_all, "0")
    if not trains_by_one_loss(program.subject):
        return inconclusive(f"{of_all} not reached by this loss", number, settle="Give the loss that trains them.")
    tell = failed if certain else warned
    return tell(
        f"{parts}: {of_all} parameters get no gradient",
        number,
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
    silent="frozen parts, experts and heads not picked, twins that follow by hand, unused parts of published models",
)
