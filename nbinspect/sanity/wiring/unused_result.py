"""`unused-result`: is there a call whose result nothing uses, and whose line throws it away?"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from nbinspect.capture.kinds import word_of
from nbinspect.capture.module_hooks import stepped_modules
from nbinspect.records import CheckResult, Place
from nbinspect.sanity.check import Arguments, Check, failed, measured, passed, skipped, warned
from nbinspect.sanity.evidence.passes.uses import calls_by_line, unused_calls
from nbinspect.sanity.evidence.source.classes import keeps_things
from nbinspect.sanity.evidence.source.example import written
from nbinspect.sanity.evidence.source.statements import Dropped, dropped_at
from nbinspect.sanity.recorded import Operation, Recorded
from nbinspect.subject import Subject


def run(subject: Subject, training_pass: Recorded) -> CheckResult:
    """Fail where no later step uses what a call made, and its statement stands alone or is overwritten unread.

    Warn where its variable is never read again: a line that was left over may do no harm.
    """
    recorded = training_pass
    if recorded.record.notes:
        return skipped("a pass short enough to be kept whole")
    modules = stepped_modules(subject.network)
    lines, unused, left_over = calls_by_line(recorded), unused_calls(recorded), None
    for place, calls in lines.items():
        dropped = dropped_at(recorded.record, place) if unused.intersection(calls) else None
        if dropped is None:
            continue
        meant = [call for call in calls if _is_call(call, dropped)]
        if dropped.again == place.line:
            meant = _before_the_last(meant) if meant and _is_each_of_another(meant, calls) else []
        if meant and unused.issuperset(meant) and all(_is_quiet(call, modules) for call in meant):
            found = _found(meant, dropped, place)
            if found.status == "fail":
                return found
            left_over = left_over or found
    return left_over or passed(f"{sum(map(len, lines.values()))} calls on your lines, none for nothing")


def _before_the_last(calls: list[Operation]) -> list[Operation]:
    """Return the calls in a loop but for the last round's, whose result outlives it; none of one layer's several."""
    if all(call.step.kind == "module" for call in calls):
        return calls[:-1] if len({call.step.path for call in calls}) == len(calls) else calls
    last = {call.step.parent: call for call in calls}
    return [call for call in calls if last[call.step.parent] is not call]


def _is_each_of_another(calls: list[Operation], line: Sequence[Operation]) -> bool:
    """Whether every round of a loop calls another layer on that line; what is read off a state may wait for its end."""
    paths = [one.step.path for one in line if one.step.kind == "module"]
    return calls[0].step.kind == "module" or (len(paths) >= len(calls) and len(set(paths)) == len(paths))


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
    is_left_over = bool(dropped.name) and not dropped.again
    overwritten = f"`{dropped.name}` is given another value in line {dropped.again}, unread"
    never = f"nothing after that reads `{dropped.name}`"
    fate = never if is_left_over else overwritten if dropped.name else "nothing keeps it"
    target = "what comes after it" if is_left_over else f"the call in line {dropped.again}"
    return (warned if is_left_over else failed)(
        f"{dropped.text}: its result is dropped",
        measured("later uses of what it made", 0, "1 or more"),
        title=f"The result of {dropped.text} is dropped",
        detail=f"`{dropped.text}` changes nothing in place: it gives a new tensor, and {fate}.",
        remedy=f"Hand the result on: `{variable or 'x'} = {dropped.text}`."
        if not dropped.name
        else f"Feed `{dropped.name}` into {target}, or remove this one.",
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
    silent="views, in-place operations, outputs left over of several, what is kept, printed or returned; a "
    "variable that nothing after it reads is a warning",
)
