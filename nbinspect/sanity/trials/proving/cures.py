"""Remedies that can be tried on a copy: what a finding says is wrong is put right, and both are trained alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from nbinspect.nested import map_tensors
from nbinspect.sanity.evidence.losses.losses import Misfit, misfits
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded


@dataclass(frozen=True)
class Cure:
    """A remedy, as it is done to a copy of the program."""

    name: str
    """What it does, after ``with``: ``logits``, ``PyTorch's own initialisation``."""
    apply: Callable[[Program], None]
    """Changes a copy."""
    is_of_loss: bool = True
    """Whether it changes the loss alone, so that a copy that was trained without it can be judged by it."""


def cure_for(check: str, recorded: Recorded) -> Cure | None:
    """Return the remedy of a check's finding as something that can be tried; None where there is none."""
    if check in ("init-scale", "symmetric-init"):
        return Cure("PyTorch's own initialisation", _initialised_anew, is_of_loss=False)
    loss_fn, outputs = recorded.batch.subject.loss_fn, recorded.outputs
    if loss_fn is None or not isinstance(outputs, Tensor):
        return None
    if check == "silent-broadcast":
        targets = recorded.batch.targets
        fits = targets is not None and targets.numel() == outputs.numel() and targets.shape != outputs.shape
        return _with_loss("outputs in the shape of the targets", _reshaped) if fits else None
    if check == "loss-input":
        found = next(misfits(recorded), None)
        return None if found is None or found.values.shape != outputs.shape else _of_misfit(found)
    return None


def _of_misfit(misfit: Misfit) -> Cure | None:
    if misfit.given == "probabilities":
        if misfit.takes == "log-probabilities" or misfit.word == "cross_entropy":
            # to cross-entropy the logarithm of a softmax is as good as the logits: they differ by a constant a row
            name = "log-probabilities" if misfit.takes == "log-probabilities" else "logits"
            return _with_loss(name, lambda outputs, _: outputs.clamp_min(1e-12).log())
        return _with_loss("logits", lambda outputs, _: outputs.clamp(1e-6, 1 - 1e-6).logit())
    if misfit.takes == "log-probabilities":
        return _with_loss("log-probabilities", lambda outputs, _: functional.log_softmax(outputs, 1))
    return _with_loss("probabilities", lambda outputs, _: outputs.sigmoid())


def _reshaped(outputs: Tensor, targets: Any) -> Tensor:
    return outputs.reshape(targets.shape) if isinstance(targets, Tensor) else outputs


def _with_loss(name: str, change: Callable[[Tensor, Any], Tensor]) -> Cure:
    def apply(copy: Program) -> None:
        before: Any = copy.subject.loss_fn

        def loss_fn(outputs: Any, targets: Any) -> Any:
            return before(map_tensors(lambda one: change(one, targets), outputs), targets)

        copy.change(loss_fn=loss_fn)

    return Cure(name, apply)


def _initialised_anew(copy: Program) -> None:
    for module in copy.network.modules():
        reset: Any = getattr(module, "reset_parameters", None)
        if callable(reset) and not isinstance(module, nn.modules.batchnorm._NormBase):
            with torch.no_grad():
                reset()
