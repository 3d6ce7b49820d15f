"""What kind of task a program solves, told from the name of its loss, its outputs, its targets and its inputs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from nbinspect.capture.losses import compares
from nbinspect.capture.origins import type_name
from nbinspect.records import TaskRecord
from nbinspect.subject import Subject

_PER_CLASS = ("F.cross_entropy", "F.nll_loss", "F.multi_margin_loss")
_BINARY = ("F.binary_cross_entropy", "F.binary_cross_entropy_with_logits", "F.soft_margin_loss")
_NUMBERS = ("F.mse_loss", "F.l1_loss", "F.smooth_l1_loss", "F.huber_loss", "F.gaussian_nll_loss", "F.poisson_nll_loss")
LOSSES = (*_PER_CLASS, *_BINARY, *_NUMBERS, "F.multilabel_soft_margin_loss", "F.kl_div", "F.ctc_loss")
"""The losses of PyTorch that are recognised, as a recorded pass spells them."""


def tell_task(
    subject: Subject,
    loss: str,
    outputs: Tensor | None,
    targets: Tensor | None,
    *,
    inputs: Sequence[Tensor],
    size: int,
) -> TaskRecord:
    """Return the user's task, or the one that loss, targets and outputs point to; ``other`` where they do not.

    Args:
        subject: the live objects; asked for `task` and `class_names` alone.
        loss: one of `LOSSES`; empty where none was recognised.
        outputs: what the loss gets of the model, logits or predictions (N, …); None where it is no tensor.
        targets: what the loss compares them with; None where it is no tensor.
        inputs: what the model gets.
        size: number of samples, N.
    """
    kind, why = _told(loss, outputs, targets, inputs, size)
    if not loss and compares(subject.loss_fn):
        kind, why = "other", "the loss compares embeddings or distances"
    if subject.task is not None:
        kind, why = subject.task, "you said so"
    classes = _classes(kind, outputs, subject)
    return TaskRecord(kind, subject.task is not None, why, loss, classes)  # type: ignore[arg-type] # one of TASKS


def named_loss(loss_fn: Any) -> str:
    """Return the loss by the name of its class, ``F.mse_loss`` of an `nn.MSELoss`; empty for others than PyTorch's."""
    words = re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z][a-z0-9]*|[A-Z]+", type(loss_fn).__name__)
    spelled = "F." + "_".join(word.lower() for word in words)
    spelled = {"F.bce_with_logits_loss": _BINARY[1], "F.bce_loss": _BINARY[0]}.get(spelled, spelled)
    return next((name for name in LOSSES if name in (spelled, spelled.removesuffix("_loss"))), "")


def _told(
    name: str, outputs: Tensor | None, targets: Tensor | None, inputs: Sequence[Tensor], size: int
) -> tuple[str, str]:
    """Return the task and from what it was told."""
    loss = f"the loss is {name}" if name else "no loss of PyTorch's was recognised"
    if name in _PER_CLASS:
        return _of_classes(loss, outputs, targets, inputs, size)
    if name in _BINARY or name == "F.multilabel_soft_margin_loss":
        return _of_logits(loss, outputs, targets)
    if name in _NUMBERS:
        return "regression", loss
    if targets is None:
        return "other", f"{loss}, and there are no targets"
    if name == "F.kl_div":
        return "other", f"{loss}, which compares distributions: give task=…"
    return _of_targets(loss, outputs, targets, inputs)


def _of_classes(
    loss: str, outputs: Tensor | None, targets: Tensor | None, inputs: Sequence[Tensor], size: int
) -> tuple[str, str]:
    if outputs is None:
        return "classification", loss
    shape = tuple(outputs.shape)
    if outputs.dim() == 4:
        return "segmentation", f"{loss} on outputs {shape}, a class for each pixel"
    tokens = targets is not None and any(
        tensor.dim() >= 2 and not tensor.is_floating_point() and not tensor.is_complex() and tensor.dtype != torch.bool
        for tensor in inputs
    )
    per_token = targets is not None and size and targets.numel() > size and not targets.is_floating_point()
    if tokens and per_token:
        return "language-model", f"{loss} on a class for each token: outputs {shape}"
    return "classification", f"{loss} on outputs {shape}"


def _of_logits(loss: str, outputs: Tensor | None, targets: Tensor | None) -> tuple[str, str]:
    if outputs is None:
        return "binary", loss
    shape = tuple(outputs.shape)
    if outputs.dim() == 4:
        if targets is not None and _is_two_valued(targets):
            return "segmentation", f"{loss} on outputs {shape}, a mask"
        return "regression", f"{loss} on outputs {shape} with targets between 0 and 1"
    if outputs.dim() > 1 and outputs.shape[-1] > 1:
        if targets is not None and not _is_two_valued(targets):
            return "regression", f"{loss} on outputs {shape} with targets between 0 and 1"
        return "multilabel", f"{loss} on outputs {shape}, {outputs.shape[-1]} labels a sample"
    return "binary", f"{loss} on one logit a sample"


def _of_targets(loss: str, outputs: Tensor | None, targets: Tensor, inputs: Sequence[Tensor]) -> tuple[str, str]:
    """Tell from targets and outputs alone, where the loss is the user's own."""
    kind = type_name(targets.dtype)
    facts = f"{loss}; the targets are {kind} of shape {tuple(targets.shape)}"
    whole = not targets.is_floating_point() and not targets.is_complex()
    if outputs is None or not outputs.is_floating_point():
        return "other", f"{facts}, the outputs no floating tensor"
    if whole and len(inputs) == 2 and inputs[0].shape == inputs[1].shape and _is_two_valued(targets.abs()):
        return "other", f"{facts} for pairs of inputs, the outputs {tuple(outputs.shape)}: give task=…"
    if whole and targets.dim() == 1 and outputs.dim() == 2 and outputs.shape[1] > 1:
        return "classification", f"{facts}, the outputs one row of {outputs.shape[1]} a sample"
    if not whole and outputs.shape == targets.shape and not _is_two_valued(targets):
        return "regression", f"{facts}, as are the outputs"
    return "other", f"{facts} beside outputs {tuple(outputs.shape)}, which several tasks have: give task=…"


def _is_two_valued(targets: Tensor) -> bool:
    return bool(((targets == 0) | (targets == 1)).all())


def _classes(kind: str, outputs: Tensor | None, subject: Subject) -> int | None:
    if kind == "binary":
        return 2
    if kind not in ("classification", "segmentation", "language-model", "multilabel"):
        return None
    if outputs is not None and outputs.dim() > 1:
        return int(outputs.shape[-1] if kind == "multilabel" else outputs.shape[1])
    if subject.class_names is not None:
        return len(subject.class_names)
    return None
