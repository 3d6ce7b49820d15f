"""Outputs as a perfect network would give them, in the form that the loss takes, and how good outputs are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from nbinspect.nested import map_tensors
from nbinspect.records import TaskRecord
from nbinspect.sanity.evidence.comparisons import comparisons
from nbinspect.sanity.evidence.lineage import source_of, source_of_output
from nbinspect.sanity.evidence.losses import are_probabilities
from nbinspect.sanity.recorded import Recorded, tensor_output
from nbinspect.sanity.task import loss_call

_SURE = 6.0
"""The margin in logits of a right answer: a probability of 0.998, so that losses with smoothing go down too."""


@dataclass(frozen=True, eq=False)
class Answers:
    """What a program's outputs and targets mean for its task."""

    task: str
    form: str
    """``logits``, ``log-probabilities``, ``probabilities`` or ``values``."""
    outputs: Any
    """As the model returned them."""
    tensor: Tensor
    """The one among them that is compared with the targets, detached."""
    targets: Tensor
    """As they enter the loss."""
    direct: bool
    """Whether the loss is seen to compare these very outputs with these targets."""

    def perfect(self) -> Any:
        """Return outputs that a perfect network would give."""
        better = self._best().to(self.tensor.dtype)
        return map_tensors(lambda one: better if _is_same(one, self.tensor) else one.detach(), self.outputs)

    def worth(self, outputs: Any) -> float:
        """Return how bad outputs are: cross-entropy of logits in nats, squared error of values."""
        found = tensor_output(outputs)
        tensor = (found if found is not None else self.tensor).detach().double()
        targets = self.targets
        if self.form == "values":
            return float(((tensor - targets.reshape(tensor.shape)) ** 2).mean())
        if self.task in ("binary", "multilabel"):
            bits = targets.reshape(tensor.shape).double()
            if self.form == "probabilities":
                return float(F.binary_cross_entropy(tensor.clamp(0, 1), bits))
            return float(F.binary_cross_entropy_with_logits(tensor, bits))
        logits = tensor.clamp_min(1e-30).log() if self.form == "probabilities" else tensor
        return float(F.cross_entropy(logits, targets.long()))

    def _best(self) -> Tensor:
        if self.form == "values":
            return self.targets.reshape(self.tensor.shape)
        if self.task in ("binary", "multilabel"):
            logits = (2 * self.targets.reshape(self.tensor.shape).double() - 1) * _SURE
            return logits.sigmoid() if self.form == "probabilities" else logits
        known = self.targets.clamp(0, self.tensor.shape[1] - 1).long()
        logits = F.one_hot(known, self.tensor.shape[1]).movedim(-1, 1).double() * (_SURE + 2)
        if self.form == "probabilities":
            return logits.softmax(1)
        return logits.log_softmax(1) if self.form == "log-probabilities" else logits


def answers(task: TaskRecord, recorded: Recorded) -> Answers | None:
    """Return what outputs and targets mean; None where their shapes or values do not tell."""
    found = tensor_output(recorded.outputs)
    if found is None or not found.is_floating_point() or not bool(found.isfinite().all()):
        return None
    targets, direct = _compared(task, recorded, found)
    if targets is None:
        return None
    tensor, kind = found.detach(), task.kind
    if kind == "regression":
        fits = targets.is_floating_point() and tensor.numel() == targets.numel() and bool(targets.isfinite().all())
        return Answers(kind, "values", recorded.outputs, tensor, targets, direct) if fits else None
    if kind in ("binary", "multilabel"):
        bits = tensor.numel() == targets.numel() and bool(((targets == 0) | (targets == 1)).all())
        form = "probabilities" if task.loss == "F.binary_cross_entropy" or _between(tensor) else "logits"
        return Answers(kind, form, recorded.outputs, tensor, targets, direct) if bits else None
    indices = kind in ("classification", "segmentation") and tensor.dim() > 1 and not targets.is_floating_point()
    if not indices or targets.shape != (tensor.shape[0], *tensor.shape[2:]):
        return None
    if not bool(((targets >= 0) & (targets < tensor.shape[1])).all()):
        return None
    return Answers(kind, _form_of(tensor), recorded.outputs, tensor, targets, direct)


def _compared(task: TaskRecord, recorded: Recorded, outputs: Tensor) -> tuple[Tensor | None, bool]:
    """Return the targets as they enter the loss, and whether they are seen to be compared with the outputs there."""
    bottom = source_of_output(recorded, outputs)
    bottom_tensor = bottom.tensor if bottom is not None else outputs
    raw = recorded.batch.targets
    if task.kind == "regression":
        found = next((one for one in comparisons(recorded) if one.prediction.tensor is bottom_tensor), None)
        return (raw, False) if found is None else (found.wanted, True)
    call = loss_call(recorded)
    if call is not None:
        return call.targets.detach(), source_of(recorded, call.operation, 0).tensor is bottom_tensor
    # rows of many more columns than there are labels are embeddings
    is_row = outputs.dim() < 2 or raw is None or len(torch.unique(raw)) * 2 >= outputs.shape[1]
    return raw, is_row


def _form_of(tensor: Tensor) -> str:
    if are_probabilities(tensor):
        return "probabilities"
    normalised = bool((tensor <= 0).all()) and bool((tensor.double().logsumexp(1).abs() < 1e-3).all())
    return "log-probabilities" if normalised else "logits"


def _between(tensor: Tensor) -> bool:
    return bool(((tensor >= 0) & (tensor <= 1)).all())


def _is_same(one: Tensor, tensor: Tensor) -> bool:
    return one.shape == tensor.shape and one.data_ptr() == tensor.data_ptr()
