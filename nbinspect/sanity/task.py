"""What kind of task a program solves, told from its loss, its targets and its outputs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from nbinspect.capture.task import LOSSES, named_loss, tell_task
from nbinspect.records import TaskRecord
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.evidence.passes.lineage import argument, reaching
from nbinspect.sanity.recorded import Operation, Recorded, tensor_output
from nbinspect.subject import Subject

OF_CLASSES = ("F.cross_entropy", "F.nll_loss")
"""Losses of one class of C: their targets are indices, or a share for each class."""
OF_NUMBERS = ("F.mse_loss", "F.l1_loss", "F.smooth_l1_loss", "F.huber_loss")
"""Losses that are a distance between numbers."""


@dataclass(frozen=True, eq=False)
class LossCall:
    """The call of one of PyTorch's losses in the recorded pass."""

    name: str
    """``F.cross_entropy``"""
    operation: Operation
    outputs: Tensor
    """What it was given as outputs of the model: logits, probabilities, predictions."""
    targets: Tensor


def loss_call(recorded: Recorded) -> LossCall | None:
    """Return the last call of a loss of PyTorch's in the pass, in the loss function or in the model; None without.

    What is only logged comes last where nothing else was called.
    """
    return next(iter(_loss_calls(recorded)[-1:]), None)


def _loss_calls(recorded: Recorded) -> list[LossCall]:
    found = [call for one in recorded.named(*LOSSES) if (call := _called(one)) is not None]
    if len(found) > 1:
        wanted = reaching(recorded)
        found = [call for call in found if call.operation.step.index in wanted and _has_graph(call)] or found
    return [call for call in found if call.operation.in_loss] or found


def _has_graph(call: LossCall) -> bool:
    return any(one.requires_grad for one in call.operation.step.outputs)


def _called(operation: Operation) -> LossCall | None:
    outputs, targets = argument(operation, "input", 0), argument(operation, "target", 1)
    if outputs is None or targets is None:
        return None
    return LossCall(operation.step.name, operation, operation.given[outputs], operation.given[targets])


def infer_task(subject: Subject, batch: Batch, recorded: Recorded) -> TaskRecord:
    """Return the user's task, or the one that loss, targets and outputs point to; ``other`` where they do not.

    Of several losses the last is gone by, which the answer says.
    """
    calls = _loss_calls(recorded) if recorded.error is None else []
    call = next(iter(calls[-1:]), None)
    name = call.name if call is not None else named_loss(subject.loss_fn)
    outputs = call.outputs if call is not None else tensor_output(recorded.outputs)
    targets = call.targets if call is not None else batch.targets
    has_loss = call is None and subject.loss_fn is None and isinstance(recorded.loss, Tensor)
    is_unread = has_loss and targets is not None and not _reads(recorded, targets)
    if is_unread:
        targets = None  # such as labels, where training goes without
    told = tell_task(subject, name, outputs, targets, inputs=[tensor for _, tensor in batch.inputs], size=batch.size)
    if is_unread and not told.given:
        told = replace(told, why=told.why.replace("there are no targets", "the loss reads no targets of the batch"))
    return told if told.given or len(calls) < 2 else replace(told, why=f"{told.why}; the last of {len(calls)} losses")


def _reads(recorded: Recorded, tensor: Tensor) -> bool:
    """Whether an operation of the pass is given a tensor of the batch."""
    return any(one is tensor for operation in recorded.operations for one in operation.given)


def task_of(recorded: Recorded, task: TaskRecord) -> TaskRecord:
    """Return the task, told anew from the user's own step where it is that which was recorded, and nothing else told.

    Args:
        recorded: what trains.
        task: what is known without it.
    """
    if not recorded.of_step or task.given or task.kind != "other":
        return task
    return infer_task(recorded.batch.subject, recorded.batch, recorded)
