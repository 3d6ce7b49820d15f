"""Gradients of the loss with respect to parameters, without a trace in any `.grad`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from nbinspect.capture.moments import MomentsGatherer
from nbinspect.capture.origins import type_name
from nbinspect.errors import CaptureError
from nbinspect.nested import tensors_in
from nbinspect.records import ParameterRecord


def parameter_gradients(network: nn.Module, loss: Any, batch: Any = None) -> tuple[ParameterRecord, ...]:
    """Run backward from the loss without touching any `.grad`, and return every parameter with its gradient.

    Where tensors of the batch require gradients, backward runs down to them.

    Raises:
        CaptureError: if there is no loss, it is not one number that depends on a parameter, or backward raises.
    """
    if loss is None:
        raise CaptureError("gradients need a loss: give Inspector a loss_fn and a batch with targets")
    if not isinstance(loss, Tensor) or loss.numel() != 1 or not loss.requires_grad:
        raise CaptureError(f"gradients need a loss of one value that depends on the parameters, got {_outline(loss)}")
    named = dict(network.named_parameters())
    wanted = [parameter for parameter in named.values() if parameter.requires_grad]
    inputs = [tensor for _, tensor in tensors_in(batch, "") if tensor.requires_grad]
    try:
        found = torch.autograd.grad(loss, [*wanted, *inputs], allow_unused=True) if wanted or inputs else ()
    except CaptureError:
        raise
    except Exception as error:  # a function of the user's own may raise anything
        raise CaptureError(f"the backward pass raised {type(error).__name__}: {error}{_advice(error)}") from error
    flowing = {id(parameter): gradient for parameter, gradient in zip(wanted, found, strict=False)}
    values = MomentsGatherer()
    slots = []
    for parameter in named.values():
        gradient = flowing.get(id(parameter))
        slots.append((values.add(parameter), None if gradient is None else values.add(gradient)))
    values.gather()
    return tuple(
        ParameterRecord(
            name=name,
            shape=tuple(parameter.shape),
            dtype=type_name(parameter.dtype),
            requires_grad=parameter.requires_grad,
            moments=own.moments,
            gradient=None if flown is None else flown.moments,
        )
        for (name, parameter), (own, flown) in zip(named.items(), slots, strict=True)
    )


def _outline(loss: Any) -> str:
    if isinstance(loss, Tensor):
        return f"shape {tuple(loss.shape)}, requires_grad={loss.requires_grad}"
    return type(loss).__name__


def _advice(error: Exception) -> str:
    reentrant = "use_reentrant" in str(error)
    return "; call checkpoint with use_reentrant=False" if reentrant else ""
