"""`frozen-parameters-change`: does a training step leave alone what is frozen?"""

from __future__ import annotations

from typing import Any

import torch

from nbinspect.records import CheckResult
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import Arguments, Check, failed, inconclusive, measured, passed, warned
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.own_steps import thawed
from nbinspect.sanity.trials.own_steps.forgotten import forgotten_beside, of_vain
from nbinspect.sanity.trials.running.observed import Observed
from nbinspect.sanity.trials.running.stepping import in_order, stepping, with_zeros
from nbinspect.sanity.trials.running.text import mentions_of, place_of

_COUNTED = "frozen parameters that the step changed"


def run(program: Program, batch: Batch, observed: Observed) -> CheckResult:
    """Fail where parameters without `requires_grad`, or the statistics of a BatchNorm frozen on purpose, change.

    On purpose is in eval mode before the step, or in a frozen part beside another norm that the step keeps still. Or
    where a misspelt ``requires_grad``, or that of a module, froze nothing.
    """
    count = len(observed.frozen & program.parameters.keys())
    moved = thawed.rewritten_by_optimizer(observed)
    if moved:
        return _by_optimizer(program, batch, moved, count)
    written = thawed.rewritten_by_step(observed)
    if cut := thawed.shortened_when_read(program, written):
        return _by_max_norm(cut, count)
    if written and not program.writes:
        if folded := thawed.moved_by_modes(program, batch, written):
            return _by_modes(folded, count)
        return _by_step(program, batch, observed, written, count)
    if (vain := of_vain(program.network, observed.rewritten & observed.arrived)) is not None:
        return vain
    return _of_norms(program, batch, observed, count)


def _by_optimizer(program: Program, batch: Batch, names: list[str], count: int) -> CheckResult:
    left = thawed.changes_without(program, batch, names)
    tried = () if left is None else (measured("the same without their old gradients", len(left), "0"),)
    return failed(
        f"the optimizer changes {len(names)} frozen parameters",
        measured(_COUNTED, f"{len(names)} of {count}", "0"),
        *tried,
        title="The optimizer moves frozen parameters",
        detail=f"{', '.join(names[:3])}: requires_grad is False, but an old gradient lies there, so that momentum and "
        f"weight decay go on.",
        remedy="Set .grad to None when you freeze, or give the optimizer trainable parameters alone.",
        code="+ parameter.requires_grad_(False)\n+ parameter.grad = None",
        where=names[0],
        place=place_of(program.subject.train_step),
        confirmed=left == [],
    )


def _by_modes(names: list[str], count: int) -> CheckResult:
    return failed(
        f"eval mode changes {len(names)} frozen parameters",
        measured(_COUNTED, f"{len(names)} of {count}", "0"),
        title="A switch to eval mode and back moves frozen parameters",
        detail=f"{', '.join(names[:3])}: model.eval() and model.train() write to them, and each further switch moves "
        "them on, as adapters do that are folded in for evaluation and not taken out again.",
        remedy="Take out in train(True) what train(False) has folded in, or keep a copy of the frozen weight.",
        where=names[0],
        confirmed=True,
    )


def _by_step(program: Program, batch: Batch, observed: Observed, names: list[str], count: int) -> CheckResult:
    """Tell of a step that writes itself; into the trained ones too, as a loop over all parameters does, is certain."""
    is_loop = thawed.writes_to_trained(observed, names) or thawed.clamped_with_trained(program, batch, names)
    return (failed if is_loop else warned)(
        f"the step itself changes {len(names)} frozen parameters",
        measured(_COUNTED, f"{len(names)} of {count}", "0"),
        title="The step writes to frozen parameters",
        detail=f"{', '.join(names[:3])}: requires_grad is False, no optimizer touched them, and they are no average of "
        f"trained ones; the step, or the forward pass, wrote to them.",
        remedy="Leave out what has requires_grad False, or make it a buffer if the model itself keeps it up to date.",
        code="+ if parameter.requires_grad:" if is_loop else "",
        where=names[0],
        place=place_of(program.subject.train_step),
    )


def _by_max_norm(names: list[str], count: int) -> CheckResult:
    return failed(
        f"max_norm changes {len(names)} frozen parameters",
        measured(_COUNTED, f"{len(names)} of {count}", "0"),
        title="max_norm shortens frozen vectors",
        detail=f"{', '.join(names[:3])}: an embedding with max_norm writes shorter rows into its weight whenever they "
        "are looked up, whatever requires_grad says.",
        remedy="Leave max_norm out, and shorten the vectors once before you freeze them if that is meant.",
        code="- max_norm=…",
        where=names[0],
    )


def _of_norms(program: Program, batch: Batch, observed: Observed, count: int) -> CheckResult:
    found, stilled = thawed.learning_norms(program, observed)
    if not found:
        return passed(f"all {count} frozen parameters stay" if count else "nothing is frozen")
    number = measured("frozen BatchNorm layers whose statistics change", str(len(found)), "0")
    if not program.network.training and not mentions_of(program.subject.train_step, "train"):
        return inconclusive("frozen BatchNorm layers", number, settle="Call model.train() in train_step.")
    beside = {} if stilled else forgotten_beside(program, batch, found)
    paths = stilled or [*beside] or found
    told = ", in eval mode before the step." if stilled else "; that may be meant."
    if beside:
        told = f", while {beside[paths[0]]} of the same frozen part is kept still."
    return (failed if stilled or beside else warned)(
        f"statistics of {len(found)} frozen BatchNorm layers change",
        number,
        title="Frozen BatchNorm goes on learning",
        detail=f"In train mode BatchNorm averages what comes in, whatever requires_grad says: {', '.join(paths[:3])}"
        f"{told}",
        remedy="Call .eval() on the frozen part after every model.train().",
        code=f"+ model.{paths[0]}.eval()",
        where=paths[0],
        place=place_of(program.subject.train_step),
    )


def _program(step: Any) -> Arguments:
    """Return a program whose first layer was frozen after a backward pass, so that its gradients still lie there."""
    arguments = stepping(step)
    model, (x, y) = arguments["model"], arguments["loader"][0]
    arguments["loss_fn"](model(x), y).backward()
    model[0].requires_grad_(requires_grad=False)
    return {**arguments, "optimizer": torch.optim.SGD(model.parameters(), 0.1, weight_decay=0.1)}


def good() -> Arguments:
    """Return a step that drops old gradients, those of frozen parameters too."""
    return _program(in_order)


def bad() -> Arguments:
    """Return one that sets them to zero, so that weight decay goes on."""
    return _program(with_zeros)


CHECK = Check(
    name="frozen-parameters-change",
    stage="training",
    question="Do training steps leave alone what is frozen?",
    why="requires_grad=False stops new gradients only: old ones, loops over all parameters and BatchNorm go on.",
    remedy="Set .grad to None when you freeze, and call .eval() on the frozen part after model.train().",
    cost=6,
    run=run,
    good=good,
    bad=bad,
    sources=("S-not-applied",),
    silent="moving averages of trainable twins; BatchNorm left in train mode, which may be meant, is a warning",
)
