"""Small programs as examples for the checks that train: with a step to be judged, or a batch to be learnt by heart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from nbinspect.sanity.check import Arguments


def stepping(step: Callable[..., Any] | None, **more: Any) -> Arguments:
    """Return a network of two layers with SGD and a step, None for a standard one, and `more` arguments."""
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
    loader = [(torch.randn(16, 4), torch.randint(3, (16,))) for _ in range(4)]
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    arguments = {"model": model, "loader": loader, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}
    return {**arguments, "train_step": step, **more}


def memorising(*layers: nn.Module) -> Arguments:
    """Return a network of these layers, from 8 features to 4 classes, with Adam and a batch to learn by heart."""
    model, batch = nn.Sequential(*layers), (torch.randn(16, 8), torch.arange(16) % 4)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    return {"model": model, "loader": [batch], "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


def in_order(model: nn.Module, batch: Any, optimizer: Any, loss_fn: Any) -> float:
    """Clear, go forward and back, update."""
    optimizer.zero_grad()
    loss = loss_fn(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    return float(loss.detach())


def with_zeros(model: nn.Module, batch: Any, optimizer: Any, loss_fn: Any) -> float:
    """Set old gradients to zero where others drop them."""
    optimizer.zero_grad(set_to_none=False)
    loss = loss_fn(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    return float(loss.detach())
