"""Small programs with a user's own training step, for the checks that judge steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))


def batches(count: int = 4, size: int = 16) -> list[Any]:
    x = torch.randn(count * size, 4)
    y = x[:, :3].argmax(1)
    return list(zip(x.split(size), y.split(size), strict=True))


def program(train_step: Callable[..., Any] | None, model: nn.Module | None = None, **more: Any) -> dict[str, Any]:
    """Arguments of `check`: a network, SGD at 0.1, four batches, cross-entropy."""
    model = network() if model is None else model
    arguments = {"model": model, "loader": batches(), "loss_fn": nn.CrossEntropyLoss(), "train_step": train_step}
    if "optimizer" not in more:
        arguments["optimizer"] = torch.optim.SGD(model.parameters(), 0.1)
    return {**arguments, **more}


def loss_of(model: nn.Module, batch: Any) -> Tensor:
    return F.cross_entropy(model(batch[0]), batch[1])


def usual(model: nn.Module, batch: Any, optimizer: Any) -> Tensor:
    optimizer.zero_grad()
    loss = loss_of(model, batch)
    loss.backward()
    optimizer.step()
    return loss


def accumulating(every: int) -> Callable[..., Tensor]:
    """A step that updates and clears on each k-th call."""
    calls = [0]

    def step(model: nn.Module, batch: Any, optimizer: Any) -> Tensor:
        calls[0] += 1
        loss = loss_of(model, batch)
        (loss / every).backward()
        if calls[0] % every == 0:
            optimizer.step()
            optimizer.zero_grad()
        return loss

    return step


def scaled(model: nn.Module, batch: Any, optimizer: Any, scaler: Any) -> Tensor:
    optimizer.zero_grad()
    loss = loss_of(model, batch)
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
    return loss
