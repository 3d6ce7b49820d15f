"""Which labels a loss leaves out."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from nbinspect.nested import map_tensors
from nbinspect.sanity.recorded import Recorded
from nbinspect.subject import Subject

_IGNORED = -100


def is_ignored(value: int, subject: Subject, attempt: Recorded) -> bool:
    """Whether the loss leaves out a label: by its `ignore_index`, or as it shows on targets that hold it once."""
    targets = attempt.batch.targets
    if subject.loss_fn is None or value == getattr(subject.loss_fn, "ignore_index", _IGNORED):
        return True  # a model that computes its own loss does not say what it leaves out
    if attempt.error is None and targets is not None and bool((targets == value).any()):
        return True
    if targets is None or not targets.numel() or isinstance(subject.loss_fn, nn.CrossEntropyLoss | nn.NLLLoss):
        return False
    tried = targets.detach().cpu().clone()
    tried.reshape(-1)[0] = value
    # on an accelerator an index out of range would end the process's use of it, so the loss is asked on the CPU
    given = map_tensors(lambda tensor: tensor.detach().cpu(), attempt.outputs)
    loss_fn = copy.deepcopy(subject.loss_fn).cpu() if isinstance(subject.loss_fn, nn.Module) else subject.loss_fn
    try:
        with torch.no_grad():
            loss = loss_fn(given, tried)
    except Exception:  # noqa: BLE001 - whatever it raises, it does not take this label
        return False
    return isinstance(loss, Tensor)
