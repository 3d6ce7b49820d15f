"""A program in which all that a user names is hostile: classes, modules, parameters, classes of labels, features."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from nbinspect import Inspector
from tests.security.hostile import HOSTILE

MARKUP = HOSTILE["img"]


class Error(Exception):
    """What the program raises."""


def as_name(text: str) -> str:
    """What is left of a text that Python allows as the name of a class, and PyTorch as that of a module."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "").replace(".", "·") or "x"


def network(text: str) -> nn.Module:
    """A network whose class, modules and parameters are called so."""
    name = as_name(text)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            inner = type(f"In {name}"[:200], (nn.Sequential,), {})(nn.Linear(4, 6), nn.ReLU())
            self.parts = nn.ModuleDict({name: inner})
            setattr(self, f"out {name}", nn.Linear(6, 3))
            self.register_parameter(f"scale {name}", nn.Parameter(torch.ones(1)))
            self.register_buffer(f"shift {name}", torch.zeros(1))

        def forward(self, x: Tensor) -> Tensor:
            hidden = self.parts[name](x.float())
            found: Tensor = getattr(self, f"out {name}")(hidden)
            return found * getattr(self, f"scale {name}")

    Net.__name__ = Net.__qualname__ = name
    return Net()


class Rows(Dataset[Any]):
    """Rows of four features; the last one cannot be read."""

    def __init__(self, text: str, count: int = 24, *, broken: bool = True) -> None:
        generator = torch.Generator().manual_seed(0)
        self.x = torch.randn(count, 4, generator=generator)
        self.text, self.broken = text, broken

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        if self.broken and index == len(self.x) - 1:
            raise Error(self.text)
        return self.x[index], index % 3


def inspector(text: str, *, journal: Any = None) -> Inspector:
    """The program, of which all is called so."""
    name = as_name(text)
    torch.manual_seed(0)
    model = network(text)
    rows = type(name, (Rows,), {})
    loss = type(name, (nn.CrossEntropyLoss,), {})()
    optimizer = type(name, (torch.optim.SGD,), {})(model.parameters(), lr=0.1)
    loader = DataLoader(rows(text, broken=False), batch_size=8)
    val_loader = DataLoader(rows(text), batch_size=8)
    names: dict[str, Any] = {"class_names": [text, f"b {text}", "c"], "feature_names": [text, f"f {text}", "g", "h"]}
    return Inspector(model, loader, loss, optimizer=optimizer, val_loader=val_loader, journal=journal, **names)


def trained(opened: Inspector, steps: int = 3) -> None:
    """Train for a few steps, as a user would."""
    subject = opened.subject
    assert subject.loader is not None
    for _ in range(steps):
        for x, y in subject.loader:
            subject.optimizer.zero_grad()
            subject.loss_fn(subject.model(x), y).backward()
            subject.optimizer.step()
