"""Predictions and losses on a captured batch, in eval mode, a sample at a time."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from nbinspect.calling import call_model, split_batch, to_device
from nbinspect.capture.batch import CapturedBatch
from nbinspect.capture.door import probing, refuse_beside_training
from nbinspect.errors import CaptureError
from nbinspect.nested import map_tensors, sliced
from nbinspect.preserve import preserve
from nbinspect.records import Floats
from nbinspect.subject import Subject


@dataclass(frozen=True)
class Evaluation:
    """What the network makes of a batch: detached outputs, and the loss of each sample where there is one."""

    outputs: Any
    losses: Floats | None
    """(N,) float64."""


def evaluate(subject: Subject, captured: CapturedBatch) -> Evaluation:
    """Run the captured batch through the network in eval mode without gradients; everything is left unchanged.

    Raises:
        CaptureError: if the batch as a whole is not at hand, or if the forward raises.
    """
    if captured.batch is None:
        raise CaptureError("predictions need the whole batch, and only the call of the model was seen; use Next batch")
    refuse_beside_training(subject.model)
    batch, _ = to_device(subject, captured.batch)
    parts = split_batch(subject, batch)
    with preserve(subject.model, subject.loss_fn), probing(), torch.no_grad():
        subject.model.eval()
        try:
            outputs = call_model(subject, batch, parts)
        except Exception as error:
            raise CaptureError(f"the forward raised {type(error).__name__}: {error}") from error
        losses = _losses(subject.loss_fn, outputs, parts.targets, captured.record.size)
    return Evaluation(map_tensors(lambda tensor: tensor.detach(), outputs), losses)


def _losses(loss_fn: Any, outputs: Any, targets: Any, size: int) -> Floats | None:
    """Return the loss of each sample alone, or None where the loss cannot be taken a sample at a time."""
    if loss_fn is None or targets is None:
        return None
    if isinstance(loss_fn, nn.Module) and hasattr(loss_fn, "reduction"):
        loss_fn = copy.copy(loss_fn)
        loss_fn.reduction = "mean"
    try:
        each = [
            loss_fn(sliced(outputs, position, position + 1, size), sliced(targets, position, position + 1, size))
            for position in range(size)
        ]
        return torch.stack([torch.as_tensor(loss).double().reshape(()) for loss in each]).cpu().numpy()
    except Exception:  # noqa: BLE001 - a loss over pairs or over whole batches refuses a single sample; there is then none to show
        return None
