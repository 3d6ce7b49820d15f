"""The state of everything that a run of checks could touch, as bytes."""

from __future__ import annotations

import pickle
import random
from typing import Any

import numpy as np
import torch
from torch import nn


def state_of(model: nn.Module, optimizer: Any = None, loader: Any = None) -> bytes:
    """Parameters, buffers, gradients, modes, flags, hooks, optimizer state, generators and random states."""
    modules = [
        (path, module.training, [sorted(hooks) for key, hooks in vars(module).items() if key.endswith("_hooks")])
        for path, module in model.named_modules()
    ]
    tensors = [
        (name, tensor.requires_grad, _bytes(tensor), None if tensor.grad is None else _bytes(tensor.grad))
        for name, tensor in (*model.named_parameters(), *model.named_buffers())
    ]
    held = None if optimizer is None else optimizer.state_dict()
    states = [
        (key, name, _bytes(value) if isinstance(value, torch.Tensor) else value)
        for key, own in (held["state"].items() if held else ())
        for name, value in own.items()
    ]
    groups = held["param_groups"] if held else None
    generator = getattr(loader, "generator", None)
    drawn = [
        _bytes(torch.get_rng_state()),
        np.random.get_state()[1].tobytes(),
        random.getstate(),
        None if generator is None else _bytes(generator.get_state()),
        torch.is_grad_enabled(),
    ]
    return pickle.dumps((modules, tensors, states, groups, drawn))


def _bytes(tensor: torch.Tensor) -> bytes:
    return tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
