"""`unregistered-parameters`: does the loss depend on weights that `model.parameters()` does not list?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from nbinspect.records import CheckResult, Measurement
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import Arguments, Check, failed, measured, passed, skipped, warned
from nbinspect.sanity.evidence.passes.flow import memory_of
from nbinspect.sanity.evidence.passes.reach import leaves_of, optimised
from nbinspect.sanity.evidence.passes.unlisted import Unlisted, makers_of_new, unlisted_in
from nbinspect.sanity.evidence.source.classes import assigned_at
from nbinspect.sanity.evidence.source.statements import line_at
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Operation, Recorded, finished, tensor_output
from nbinspect.sanity.trials.own_steps.unlisted_of_step import unlisted_of_step

_UNTRAINED = "an optimizer made of it never changes them"


def run(program: Program, batch: Batch, attempt: Recorded) -> CheckResult:
    """Fail where the graph of the loss ends in weights that the model holds, or makes, without listing them."""
    recorded = attempt
    ends = (recorded.loss, tensor_output(recorded.outputs)) if recorded.error is None else ()
    root = next((end for end in ends if isinstance(end, Tensor) and end.requires_grad), None)
    if root is None:
        return _of_step(program, batch, attempt)
    inputs = (tensor for _, tensor in recorded.batch.inputs)
    known = {id(tensor) for tensor in (*program.network.buffers(), *program.parameters.values(), *inputs)}
    leaves = {key: leaf for key, leaf in leaves_of(root).items() if key not in known}
    unlisted = list(unlisted_in(program.network))
    if held := [one for one in unlisted if any(id(tensor) in leaves for tensor in one.tensors)]:
        if program.goes_through_step:
            return _of_step(program, batch, attempt)
        return _told(program, held[0], [tensor for tensor in held[0].tensors if id(tensor) in leaves])
    for one in unlisted:
        # a parameter that was moved, cast or scaled on its way to the attribute is a result, and no parameter
        behind = {key: leaf for tensor in one.tensors for key, leaf in _behind(tensor).items() if key in leaves}
        if behind:
            return _told(program, one, list(behind.values()))
    inside = recorded.operations
    if program.goes_through_step:  # which may call layers beside the model, and whose optimizers hold them
        inside = tuple(one for one in inside if one.step.parent is not None)
    return _loose(program, recorded, [one for one in leaves.values() if isinstance(one, nn.Parameter)], inside)


def _behind(tensor: Tensor) -> Mapping[int, Tensor]:
    """Return the parameters that a tensor was computed from where it was made, by id; none for what a layer gave."""
    found = {} if tensor.grad_fn is None else leaves_of(tensor)
    return found if len(found) == 1 and all(isinstance(leaf, nn.Parameter) for leaf in found.values()) else {}


def _of_step(program: Program, batch: Batch, attempt: Recorded) -> CheckResult:
    """Judge by the losses of the user's own step, where the pass outside of it has no graph."""
    reached = unlisted_of_step(program, batch)
    if reached is None:
        finished(attempt, program.subject)
        return skipped("a loss or an output with a graph")
    if not reached:
        return passed("every trained tensor of your step is listed, or outside of the model")
    worst = min(reached, key=lambda one: one.is_trained)
    return _told(program, worst.found, worst.found.tensors, by_hand=worst.is_trained)


def _told(program: Program, found: Unlisted, used: Sequence[Tensor], *, by_hand: bool = False) -> CheckResult:
    """Tell of tensors that the loss depends on; those that an optimizer holds `by_hand` are trained all the same."""
    name = f"self.{found.attribute}"
    place, line = assigned_at(type(found.holder), found.attribute) or (None, "")
    by_hand = by_hand or (optimised(program.subject) or set()).issuperset(map(id, used))
    lost = "`state_dict()` and `.to()` leave them out"
    fate = f"an optimizer of their own trains them, but {lost}" if by_hand else f"{_UNTRAINED}; {lost}"
    return (warned if by_hand or found.may_be_meant else failed)(
        f"{len(used)} tensors in {name} are not in model.parameters()",
        _count(used),
        title=f"{name} is not registered",
        detail=f"The loss depends on the weights in `{name}`, and `model.parameters()` does not list them: {fate}.",
        remedy=f"Wrap it: `{name} = {found.remedy}(…)`.",
        where=f"{found.path}.{found.attribute}".lstrip("."),
        place=place,
        code=found.code(line),
    )


def _loose(program: Program, recorded: Recorded, leaves: Sequence[Tensor], inside: Sequence[Operation]) -> CheckResult:
    """Judge weights that no module holds: made by forward itself, or of a layer outside of the model."""
    held = optimised(program.subject) or set()
    makers = makers_of_new(recorded)
    users = {id(given): one.step for one in inside if not one.in_loss for given in one.given}
    loose = [leaf for leaf in leaves if id(leaf) in users.keys() - held]
    made = [leaf for leaf in loose if memory_of(leaf) in makers]
    if not loose:
        return passed(f"every trained tensor is listed ({len(program.parameters)})")
    step = makers[memory_of(made[0])] if made else users[id(loose[0])]
    # a layer made at the first call and kept may have its optimizer made later
    certain = bool(made) and not line_at(recorded.record, step.place).startswith("self.")
    return (failed if certain else warned)(
        f"{len(made or loose)} tensors made inside forward" if made else f"{len(loose)} tensors outside of the model",
        _count(made or loose),
        title="Weights are made inside forward" if made else "The model uses weights that it does not hold",
        detail="The outputs depend on weights that `model.parameters()` does not list: no optimizer knows them.",
        remedy="Make the layer in `__init__`, as an attribute of the model, and call it in `forward`.",
        where=step.name,
        place=step.place,
    )


def _count(tensors: Sequence[Tensor]) -> Measurement:
    values = f"{len(tensors)} ({sum(tensor.numel() for tensor in tensors):,} values)"
    return measured("trained tensors that are not listed", values, "0")


class _Listed(nn.Module):
    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.layers = kind([nn.Linear(4, 8), nn.Linear(8, 3)])

    def forward(self, x: Tensor) -> Any:
        return self.layers[1](torch.relu(self.layers[0](x)))


def _program(kind: Any) -> Arguments:
    batch = (torch.randn(8, 4), torch.randint(3, (8,)))
    return {"model": _Listed(kind), "loader": [batch], "loss_fn": nn.CrossEntropyLoss()}


def good() -> Arguments:
    """Return layers in an `nn.ModuleList`."""
    return _program(nn.ModuleList)


def bad() -> Arguments:
    """Return layers in a plain list."""
    return _program(list)


CHECK = Check(
    name="unregistered-parameters",
    stage="wiring",
    question="Does `model.parameters()` list all weights that the loss depends on?",
    why="Layers in a plain list or dict run as usual, but no optimizer, checkpoint or device move knows of them.",
    remedy="Hold layers in `nn.ModuleList` or `nn.ModuleDict`, weights in `nn.Parameter`.",
    cost=0,
    run=run,
    good=good,
    bad=bad,
    explains=(
        *("optimizer-mismatch", "updates-not-applied", "overfit-one-batch", "input-independent-baseline"),
        *("shuffled-labels", "learning-rate", "update-ratio"),
    ),
    sources=("S-not-applied", "S-unused"),
    silent="parameters of loss modules, inputs that require a gradient, inner loops, models hidden on purpose",
)
