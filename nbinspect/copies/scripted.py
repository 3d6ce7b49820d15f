"""Copies of scripted modules: torch copies them in C++, past the memo of a deep copy, and not as leaves."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn


def scripted_twins(module: torch.jit.ScriptModule) -> Iterator[tuple[Any, Any]]:
    """Yield a scripted module and its modules, parameters and buffers, each with its copy; gradients are copied too."""
    own = copy.deepcopy(module)
    with_leaves(own)
    for parameter, twin in zip(module.parameters(), own.parameters(), strict=True):
        twin.grad = None if parameter.grad is None else parameter.grad.detach().clone()
        yield parameter, twin
    yield from zip(module.buffers(), own.buffers(), strict=True)
    yield from zip(module.modules(), own.modules(), strict=True)


def with_leaves(network: nn.Module) -> None:
    """Make leaves of the parameters of a copy in place, so that it can be trained; those that are, stay as they are."""
    for parameter in network.parameters():
        if not parameter.is_leaf:
            parameter.detach_().requires_grad_()
