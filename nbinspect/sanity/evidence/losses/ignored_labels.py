"""Which labels no output stands for, and which of them a loss leaves out."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from math import isfinite
from typing import Any

import torch
from torch import Tensor, nn

from nbinspect.nested import map_tensors
from nbinspect.records import TaskRecord
from nbinspect.sanity.recorded import Recorded, tensor_output
from nbinspect.sanity.task import OF_CLASSES
from nbinspect.subject import Subject

_IGNORED = -100


def labels_outside(
    tally: Mapping[int, int], task: TaskRecord, subject: Subject, attempt: Recorded
) -> dict[int, int] | None:
    """Return how often each label occurs that no output stands for; None where outputs by class are not known.

    Of a loss by hand only the highest label is told, where labels are counted from 1.
    """
    outputs = tensor_output(attempt.outputs)
    if beyond := counted_from_one(tally, task, subject, attempt):
        return {beyond: tally[beyond]}
    if outputs is None or task.classes is None or task.loss not in OF_CLASSES or not _fit(outputs, attempt):
        return None
    outside = {value: count for value, count in sorted(tally.items()) if not 0 <= value < task.classes}
    return {value: count for value, count in outside.items() if not is_ignored(value, subject, attempt)}


def _fit(outputs: Tensor, attempt: Recorded) -> bool:
    """Whether the outputs' second axis surely is that of the classes: the loss ran, or the other axes agree."""
    targets = attempt.batch.targets
    if attempt.error is None:
        return True
    return targets is not None and _fit_exactly(outputs, targets)


def is_ignored(value: int, subject: Subject, attempt: Recorded) -> bool:
    """Whether the loss leaves out a label: by its `ignore_index`, or as it shows on targets that hold it once."""
    targets = attempt.batch.targets
    if subject.loss_fn is None or value == getattr(subject.loss_fn, "ignore_index", _IGNORED):
        return True  # a model that computes its own loss does not say what it leaves out
    if attempt.error is None and targets is not None and bool((targets == value).any()):
        return True
    if targets is None or not targets.numel() or isinstance(subject.loss_fn, nn.CrossEntropyLoss | nn.NLLLoss):
        return False
    return _loss_with(value, subject, attempt) is not None


def wrapped(tally: Mapping[int, int], task: TaskRecord, subject: Subject, attempt: Recorded) -> dict[int, int]:
    """Return how often each label below 0 occurs that the loss takes for a class of its own, counted from the end.

    As indexing does: −1 has the very loss of the last class, and −2 another, that of the last but one. Only where those
    classes have labels of their own, so that one class has two, and labels are not taken modulo their number.
    """
    outputs, classes = tensor_output(attempt.outputs), task.classes or 0
    below = {value: count for value, count in sorted(tally.items()) if value < 0}
    doubled = all(-classes <= value and value + classes in tally for value in below)
    if not below or not doubled or classes < 3 or outputs is None or subject.loss_fn is None or attempt.error:
        return {}
    if _loss_with(classes, subject, attempt) is not None:
        return {}  # taken modulo: an index beyond the last class would raise
    asked = {value: _loss_with(value, subject, attempt) for value in {*below, -1, -2}}
    ends = {value: _loss_with(value + classes, subject, attempt) for value in asked}
    return (
        below if len(set(ends.values())) == len(ends) and asked == ends and all(map(_is_finite, ends.values())) else {}
    )


def _is_finite(loss: float | None) -> bool:
    return loss is not None and isfinite(loss)


def _loss_with(value: int, subject: Subject, attempt: Recorded) -> float | None:
    """Return the loss where the first label is another one; None where the loss does not take it."""
    targets = attempt.batch.targets
    if targets is None:
        return None
    tried = targets.detach().cpu().clone(memory_format=torch.contiguous_format)
    tried.view(-1)[0] = value
    given = map_tensors(lambda tensor: tensor.detach().cpu(), attempt.outputs)
    with torch.no_grad():
        loss = _asked(subject, given, tried)
    return None if loss is None else float(loss)


def _asked(subject: Subject, given: Any, tried: Tensor) -> Tensor | None:
    """Return the loss of outputs and targets on the CPU; None where it does not take them."""
    # on an accelerator an index out of range would end the process's use of it, so the loss is asked on the CPU
    loss_fn = copy.deepcopy(subject.loss_fn).cpu() if isinstance(subject.loss_fn, nn.Module) else subject.loss_fn
    try:
        loss = loss_fn(given, tried)  # type: ignore[misc] # callers know that there is one
    except Exception:  # noqa: BLE001 - whatever it raises, it does not take this label
        return None
    return loss.sum() if isinstance(loss, Tensor) else None


def counted_from_one(tally: Mapping[int, int], task: TaskRecord, subject: Subject, attempt: Recorded) -> int | None:
    """Return the highest of labels 1 to C, of which a loss by hand takes each for the output of that number but this.

    It raises no output as the others do, and is not left out. None where that is not so, and where the loss may provide
    for it: takes −1 or C + 1 in another way or not at all, raises no output by it, or most labels are this one.
    """
    outputs, targets, classes = attempt.outputs, attempt.batch.targets, task.classes or 0
    if task.loss in OF_CLASSES or classes < 3 or tally.keys() != set(range(1, classes + 1)) or attempt.error:
        return None
    if (
        subject.loss_fn is None
        or targets is None
        or not isinstance(outputs, Tensor)
        or not _fit_exactly(outputs, targets)
    ):
        return None
    last, *strange = (_raised(value, subject, outputs, targets) for value in (classes, classes + 1, -1))
    if last is None or not float(last.max()) > 0 or not bool(last.isfinite().all()):
        return None  # one that lowers all outputs may well mean none of them
    if any(one is None or not torch.equal(one, last) for one in strange) or tally[classes] > sum(tally.values()) / 2:
        return None
    raised = {value: _raised(value, subject, outputs, targets) for value in {1, classes // 2, classes - 1}}
    own = [float(one[value]) if one is not None and one.argmax() == value else 0.0 for value, one in raised.items()]
    return classes if float(last.max()) < min(own) / 2 else None


def _fit_exactly(outputs: Tensor, targets: Tensor) -> bool:
    return outputs.dim() > 1 and (*outputs.shape[:1], *outputs.shape[2:]) == targets.shape


def _raised(value: int, subject: Subject, outputs: Tensor, targets: Tensor) -> Tensor | None:
    """Return (C,) how steeply the loss has each output raised where all labels are this one."""
    given = outputs.detach().cpu().requires_grad_()
    with torch.enable_grad():
        loss = _asked(subject, given, torch.full_like(targets.cpu(), value))
    if loss is None or not loss.requires_grad:
        return None
    try:
        (slope,) = torch.autograd.grad(loss, [given], allow_unused=True)
    except Exception:  # noqa: BLE001 - a backward of the user's own may do anything
        return None
    return None if slope is None else -slope.movedim(1, -1).flatten(0, -2).double().sum(0)
