"""`unused-result`: is there a call whose result nothing uses, and whose line throws it away?"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from nbinspect.capture.kinds import word_of
from nbinspect.capture.module_hooks import stepped_modules
from nbinspect.records import CheckResult, Place
from nbinspect.sanity.check import Arguments, Check, failed, measured, passed, skipped
from nbinspect.sanity.evidence.passes.uses import calls_by_line, unused_calls
from nbinspect.sanity.evidence.source.classes import keeps_things
from nbinspect.sanity.evidence.source.example import written
from nbinspect.sanity.evidence.source.statements import Dropped, dropped_at
from nbinspect.sanity.recorded import Operation, Recorded
from nbinspect.subject import Subject


def run(subject: Subject, recorded: Recorded) -> CheckResult:
    """Fail where no later step uses what a call made, and its statement stands alone or is overwritten unread."""
    if recorded.record.notes:
        return skipped("a pass short enough to be kept whole")
    modules = stepped_modules(subject.network)
    lines, unused = calls_by_line(recorded), unused_calls(recorded)
    for place, calls in lines.items():
        dropped = dropped_at(recorded.record, place) if unused.intersection(calls) else None
        if dropped is None:
            continue
        meant = [call for call in calls if _is_call(call, dropped)]
        if dropped.again == place.line and len({call.step.path for call in meant}) == len(meant):
            meant = meant[:-1]  # the last round's result outlives the loop
        if meant and unused.issuperset(meant) and all(_is_quiet(call, modules) for call in meant):
            return _found(meant, dropped, place)
    return passed(f"{sum(map(len, lines.values()))} calls on your lines, none for nothing")


def _is_call(call: Operation, dropped: Dropped) -> bool:
    """Whether a step is the call that a statement consists of, and not one of its arguments."""
    if call.step.kind == "operation":
        return word_of(call.step.name) == dropped.called.strip("_").lower()
    return not dropped.owner or call.step.path.rpartition(".")[2] == dropped.called


def _is_quiet(call: Operation, modules: dict[str, nn.Module]) -> bool:
    """Whether a call can have been meant for its result alone: no hooks, nothing kept, no statistics gathered."""
    if call.step.kind == "operation":
        return True
    parts = list(modules[call.step.path].modules())
    hooked = any(part._forward_hooks or part._forward_pre_hooks for part in parts)
    return call.step.grad_enabled and not hooked and not any(keeps_things(type(part)) for part in parts)


def _found(calls: Sequence[Operation], dropped: Dropped, place: Place) -> CheckResult:
    step = calls[0].step
    variable = dropped.owner if step.name.startswith("Tensor.") else dropped.given
    code = f"- {dropped.text}\n+ {variable} = {dropped.text}" if variable.isidentifier() and not dropped.name else ""
    fate = (
        f"`{dropped.name}` is given another value in line {dropped.again}, unread"
        if dropped.name
        else "nothing keeps it"
    )
    return failed(
        f"{dropped.text}: its result is dropped",
        measured("later uses of what it made", 0, "1 or more"),
        title=f"The result of {dropped.text} is dropped",
        detail=f"`{dropped.text}` changes nothing in place: it gives a new tensor, and {fate}.",
        remedy=f"Hand the result on: `{variable or 'x'} = {dropped.text}`."
        if not dropped.name
        else f"Feed `{dropped.name}` into the call in line {dropped.again}, or remove this one.",
        where=step.path if step.kind == "module" else step.name,
        place=place,
        code=code,
    )


_CARELESS = """
class Careless(nn.Sequential):
    def forward(self, x):
        h = self[0](x)
        h.relu()
        return self[1](h)
"""


def _program(model: nn.Module) -> Arguments:
    batch = (torch.randn(8, 4), torch.randint(3, (8,)))
    return {"model": model, "loader": [batch], "loss_fn": nn.CrossEntropyLoss()}


def good() -> Arguments:
    """Return two layers with a rectifier between."""
    return _program(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)))


def bad() -> Arguments:
    """Return two layers, and a rectifier between whose result is dropped."""
    return _program(written("Careless", _CARELESS)(nn.Linear(4, 8), nn.Linear(8, 3)))


CHECK = Check(
    name="unused-result",
    stage="wiring",
    question="Is there a call whose result nothing uses?",
    why="`x.relu()` alone changes nothing: the network runs, without the layer that you see in its code.",
    remedy="Give the result a name and use it: `x = x.relu()`.",
    cost=0,
    run=run,
    good=good,
    bad=bad,
    explains=("unused-parameters", "no-nonlinearity", "unused-input", "overfit-one-batch"),
    sources=("S-unused",),
    silent="views, in-place operations, outputs left over of several, what is kept, printed or returned",
)
