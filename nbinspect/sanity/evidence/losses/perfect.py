"""Outputs as a perfect network would give them, in the form that the loss takes, and how good outputs are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from nbinspect.capture.kinds import word_of
from nbinspect.nested import map_tensors
from nbinspect.records import TaskRecord
from nbinspect.sanity.evidence.losses.comparisons import comparisons
from nbinspect.sanity.evidence.losses.losses import are_probabilities
from nbinspect.sanity.evidence.passes.lineage import hands_on, source_of, source_of_output
from nbinspect.sanity.recorded import Recorded, tensor_output
from nbinspect.sanity.task import loss_call

_SURE = 6.0
"""The margin in logits of a right answer: a probability of 0.998, so that losses with smoothing go down too."""
_SWAPS = ("rsub", "logical_not", "bitwise_not", "invert", "eq", "ne", "lt", "le")
"""What may exchange the two values of a target."""


@dataclass(frozen=True, eq=False)
class Answers:
    """What a program's outputs and targets mean for its task."""

    kind: Literal["values", "bits", "classes"]
    form: str
    """Of the outputs: ``logits``, ``log-probabilities``, ``probabilities`` or ``values``."""
    outputs: Any
    """As the model returned them."""
    tensor: Tensor
    """The one among them that is compared with the targets, detached."""
    targets: Tensor
    """As they enter the loss."""
    direct: bool
    """Whether the loss is seen to compare these very outputs with these targets."""
    columns: slice | None = None
    """Which columns of the outputs are predictions, where others say how sure they are; None where all are."""
    is_guess: bool = False
    """Whether the form is a guess, for the loss is none that is known."""

    def better(self, share: float) -> list[Any]:
        """Return outputs that are by this share of the way nearer to perfect ones, in each form the loss may take."""
        forms = [self._best(), self.targets.reshape(self.tensor.shape)] if self.is_guess else [self._best()]
        return [self.replaced(torch.lerp(self.tensor, best.to(self.tensor.dtype), share)) for best in forms]

    def replaced(self, better: Tensor) -> Any:
        """Return the outputs with another tensor in place of the one that is compared; the others are copies."""
        return map_tensors(lambda one: better if _is_same(one, self.tensor) else one.detach().clone(), self.outputs)

    def worth(self, outputs: Any) -> dict[str, float]:
        """Return how bad outputs are, each measure by its name."""
        found = tensor_output(outputs)
        tensor = (found if found is not None else self.tensor).detach().double()
        if self.kind == "values":
            known = tensor if self.columns is None else tensor[:, self.columns]
            return {"squared error": float(((known - self.targets.reshape(known.shape)) ** 2).mean())}
        if self.kind == "bits":
            return self._worth_of_bits(tensor)
        logits = tensor.clamp_min(1e-30).log() if self.form == "probabilities" else tensor
        return {"cross-entropy, nats": float(F.cross_entropy(logits, self.targets.long()))}

    def _worth_of_bits(self, tensor: Tensor) -> dict[str, float]:
        bits = self.targets.reshape(tensor.shape).double()
        logits = tensor.clamp(0, 1).logit(1e-9) if self.form == "probabilities" else tensor
        each = F.binary_cross_entropy_with_logits(logits, bits, reduction="none")
        found = {"cross-entropy, nats": float(each.mean())}
        if self.is_guess:  # metrics such as an overlap weigh what is rare as much as the rest
            means = [float(each[bits == bit].mean()) for bit in (0, 1) if bool((bits == bit).any())]
            found["cross-entropy with 0 and 1 weighted alike, nats"] = sum(means) / len(means)
        return found

    def _best(self) -> Tensor:
        if self.kind == "values":
            best = self.tensor.clone()
            part = best if self.columns is None else best[:, self.columns]
            part.copy_(self.targets.reshape(part.shape))
            return best
        if self.kind == "bits":
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
    if found is None or not found.numel() or not found.is_floating_point() or not bool(found.isfinite().all()):
        return None
    targets, direct = _compared(task, recorded, found)
    if targets is None:
        return None
    tensor, kind, is_alike = found.detach(), task.kind, _long_axes(found) == _long_axes(targets)
    if kind == "regression":
        fits = targets.is_floating_point() and is_alike and bool(targets.isfinite().all())
        return Answers("values", "values", recorded.outputs, tensor, targets, direct) if fits else None
    if kind in ("binary", "multilabel", "segmentation") and is_alike and bool(((targets == 0) | (targets == 1)).all()):
        form = "probabilities" if task.loss == "F.binary_cross_entropy" or _between(tensor) else "logits"
        is_guess = loss_call(recorded) is None
        direct = direct and not (is_guess and _may_be_swapped(recorded))
        return Answers("bits", form, recorded.outputs, tensor, targets, direct, is_guess=is_guess)
    indices = kind in ("classification", "segmentation") and tensor.dim() > 1 and not targets.is_floating_point()
    if not indices or targets.shape != (tensor.shape[0], *tensor.shape[2:]):
        return None
    if not bool(((targets >= 0) & (targets < tensor.shape[1])).all()):
        return None
    return Answers("classes", _form_of(tensor), recorded.outputs, tensor, targets, direct)


def supposed(task: TaskRecord, recorded: Recorded) -> TaskRecord:
    """Return the task that outputs and targets of one shape suggest where it is not known; else the task itself."""
    found, targets = tensor_output(recorded.outputs), recorded.batch.targets
    if task.kind != "other" or task.given or found is None or targets is None or not found.is_floating_point():
        return task
    if not targets.is_floating_point() or found.shape[:1] != targets.shape[:1] or not found.numel():
        return task
    if not bool(((targets == 0) | (targets == 1)).all()):
        return replace(task, kind="regression")
    # a single 1 may stand for a small distance as well as for a large likeness; a map of them is one of what is there
    is_map = len(_long_axes(found)) >= len("NHW") and _long_axes(found) == _long_axes(targets)
    is_share = _between(found.detach()) or _is_squashed(recorded, found)
    return replace(task, kind="multilabel") if is_map and is_share else task


def _is_squashed(recorded: Recorded, found: Tensor) -> bool:
    """Whether the loss makes probabilities of the outputs."""
    sigmoids = (one for one in recorded.operations if one.in_loss and word_of(one.step.name) == "sigmoid")
    return any(source_of(recorded, one, 0).tensor is found for one in sigmoids)


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


def _may_be_swapped(recorded: Recorded) -> bool:
    """Whether the loss uses the targets only the other way round, as where the background is what is to be found."""
    words = {
        word_of(one.step.name)
        for one in recorded.operations
        if one.in_loss and one.step.kind == "operation" and not hands_on(one)
        for at in range(len(one.given))
        if source_of(recorded, one, at).from_batch
    }
    return bool(words) and words <= set(_SWAPS)


def _form_of(tensor: Tensor) -> str:
    if are_probabilities(tensor):
        return "probabilities"
    normalised = bool((tensor <= 0).all()) and bool((tensor.double().logsumexp(1).abs() < 1e-3).all())
    return "log-probabilities" if normalised else "logits"


def _between(tensor: Tensor) -> bool:
    return bool(((tensor >= 0) & (tensor <= 1)).all())


def _long_axes(tensor: Tensor) -> list[int]:
    return [size for size in tensor.shape if size != 1]


def _is_same(one: Tensor, tensor: Tensor) -> bool:
    return one.shape == tensor.shape and one.data_ptr() == tensor.data_ptr()
