"""Predictions and losses on a captured batch, in eval mode, with the loss of each sample."""

from __future__ import annotations

import torch
from torch import Tensor

from nbinspect.calling import call_model, set_mode, split_batch, to_device
from nbinspect.capture.batch import CapturedBatch, samples_first
from nbinspect.capture.door import probing, refuse_beside_training
from nbinspect.capture.predictions import Evaluation
from nbinspect.errors import CaptureError
from nbinspect.evaluation.sample_losses import how_to_take
from nbinspect.nested import map_tensors
from nbinspect.preserve import preserve
from nbinspect.subject import Subject


def evaluate(subject: Subject, captured: CapturedBatch) -> Evaluation:
    """Run the captured batch through the network in eval mode without gradients; everything is left unchanged.

    Raises:
        CaptureError: if the batch as a whole is not at hand, or if the forward raises.
    """
    if captured.batch is None:
        raise CaptureError("predictions need the whole batch, and only the call of the model was seen; use Next batch")
    refuse_beside_training(subject.model)
    batch, _ = to_device(subject, captured.batch)
    parts = split_batch(subject, batch) if captured.parts is None else to_device(subject, captured.parts)[0]
    with preserve(subject.model, subject.loss_fn), probing(), torch.no_grad():
        set_mode(subject.model, training=False)
        try:
            outputs = call_model(subject, batch, parts)
        except Exception as error:
            raise CaptureError(f"the forward raised {type(error).__name__}: {error}") from error
        _, losses = how_to_take(subject, outputs, parts.targets, captured.record.size)
    own = samples_first(map_tensors(Tensor.detach, outputs), captured.record.size, subject.batch_axis)
    return Evaluation(own, None if losses is None else losses.double().cpu().numpy())
