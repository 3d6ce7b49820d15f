"""What a reader of the guide has: a network, loaders, a training step, under the names that the pages use."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset

import nbinspect


def program() -> dict[str, Any]:
    """A small healthy program that is new each time."""
    draws = torch.Generator().manual_seed(0)
    x = torch.randn(160, 1, 8, 8, generator=draws)
    y = x.flatten(1)[:, :4].argmax(1)
    dataset = TensorDataset(x[:64], y[:64])
    loader, val_loader, held_out_loader, test_loader = (
        DataLoader(TensorDataset(x[part], y[part]), batch_size=16, shuffle=part.start == 0)
        for part in (slice(0, 64), slice(64, 96), slice(96, 128), slice(128, 160))
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 4))
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def train_step(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer) -> torch.Tensor:
        optimizer.zero_grad()
        loss = loss_fn(model(batch[0]), batch[1])
        loss.backward()
        optimizer.step()
        return loss

    def train() -> None:
        for batch in loader:
            train_step(model, batch, optimizer)

    options = {"loss_fn": loss_fn, "optimizer": optimizer, "val_loader": val_loader}
    names = {"model": model, "loader": loader, "dataset": dataset, "batch": (x[:16], y[:16]), "names": list("abcd")}
    steps = {"train_step": train_step, "train": train, "inspector": nbinspect.Inspector(model, loader, **options)}
    others = {"checkpoint": copy.deepcopy(model), "batch_in_use": (x[:1], y[:1]), "loss": 0.5, "tau": 1.0}
    loaders = {"held_out_loader": held_out_loader, "test_loader": test_loader, "Subset": Subset}
    return {**options, **names, **steps, **others, **loaders, **_measured(loader, x, y)}


def _measured(loader: Any, x: torch.Tensor, y: torch.Tensor) -> dict[str, Any]:
    """Numbers that a reader has of an own network."""
    draws = np.random.default_rng(0)
    right = draws.random((2, 64)) < 0.8
    errors = draws.standard_normal((2, 64))
    features, labels = x[:64].flatten(1).numpy(), y[:64].numpy()
    return {
        "record": nbinspect.scan(loader),
        "features": features,
        "labels": labels,
        "right": right[0],
        "train_correct": right[0],
        "validation_correct": right[1],
        "train_losses": errors[0] ** 2,
        "validation_losses": errors[1] ** 2,
        "floor": 0.1,
        "train_errors": errors[0],
        "validation_errors": errors[1],
        "make_model": lambda: None,
        "train_on": lambda model, samples: None,
        "predict": lambda model, samples: np.zeros(len(samples), dtype=np.int64),
    }
