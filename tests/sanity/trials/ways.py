"""Every way in which a user's own training step may reach model and optimizer."""

from __future__ import annotations

import functools
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nbinspect.sanity.batches import Batch, make_batch
from nbinspect.sanity.limits import Limits
from nbinspect.sanity.program import Program
from nbinspect.subject import make_subject

WAYS = (
    "arguments",
    "global",
    "container",
    "closure",
    "default",
    "keyword default",
    "self",
    "class attribute",
    "helper",
    "module",
    "module imported inside",
    "partial",
    "callable",
    "decorated",
)
FAULT: list[type[BaseException]] = []
"""What the next step raises between backward and update; empty for nothing."""
LIVE: dict[str, Any] = {}
net: Any = None
opt: Any = None

_MODULE = """
from tests.sanity.trials.ways import work
model = optimizer = None
def step(batch):
    return work(model, batch, optimizer)
"""


class Net(nn.Module):
    """Has buffers that training moves, and draws random numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.norm, self.drop, self.head = (
            nn.Linear(4, 8, bias=False),
            nn.BatchNorm1d(8),
            nn.Dropout(0.3),
            nn.Linear(8, 3),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.drop(torch.relu(self.norm(self.body(x)))))


def work(model: Any, batch: Any, optimizer: Any) -> Tensor:
    """One usual training step."""
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    if FAULT:
        raise FAULT[0]("<b>in the step</b>")
    optimizer.step()
    return loss


def by_global(batch: Any) -> Tensor:
    return work(net, batch, opt)


def by_container(batch: Any) -> Tensor:
    return work(LIVE["model"], batch, LIVE["optimizer"])


def by_helper(batch: Any) -> Tensor:
    return by_global(batch)


def logged(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*given: Any, **named: Any) -> Any:
        return function(*given, **named)

    return wrapper


class Trainer:
    def __init__(self, model: Any, optimizer: Any) -> None:
        self.model, self.optimizer = model, optimizer

    def step(self, batch: Any) -> Tensor:
        return work(self.model, batch, self.optimizer)

    def __call__(self, batch: Any) -> Tensor:
        return self.step(batch)


class Shared:
    model: Any = None
    optimizer: Any = None

    @classmethod
    def step(cls, batch: Any) -> Tensor:
        return work(cls.model, batch, cls.optimizer)


def by_class(batch: Any) -> Tensor:
    return Shared.step(batch)


def step_by(way: str, model: Any, optimizer: Any, folder: Path) -> Callable[..., Any]:
    """A training step that reaches the model and the optimizer in one of the `WAYS`."""
    global net, opt
    net, opt = model, optimizer
    LIVE.update(model=model, optimizer=optimizer)
    Shared.model, Shared.optimizer = model, optimizer

    def closing(batch: Any) -> Tensor:
        return work(model, batch, optimizer)

    def defaulting(batch: Any, m: Any = model, o: Any = optimizer) -> Tensor:
        return work(m, batch, o)

    def naming(batch: Any, *, m: Any = model, o: Any = optimizer) -> Tensor:
        return work(m, batch, o)

    def importing(batch: Any) -> Tensor:
        import users_own_module

        return work(users_own_module.model, batch, users_own_module.optimizer)

    steps: dict[str, Callable[..., Any]] = {
        "arguments": work,
        "global": by_global,
        "container": by_container,
        "closure": closing,
        "default": defaulting,
        "keyword default": naming,
        "self": Trainer(model, optimizer).step,
        "class attribute": by_class,
        "helper": by_helper,
        "module": _module_step(model, optimizer, folder),
        "module imported inside": importing,
        "partial": functools.partial(lambda m, o, batch: work(m, batch, o), model, optimizer),
        "callable": Trainer(model, optimizer),
        "decorated": logged(closing),
    }
    return steps[way]


def _module_step(model: Any, optimizer: Any, folder: Path) -> Callable[..., Any]:
    file = folder / "users_own_module.py"
    file.write_text(_MODULE, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("users_own_module", file)
    module = importlib.util.module_from_spec(spec)
    sys.modules["users_own_module"] = module
    spec.loader.exec_module(module)
    module.model, module.optimizer = model, optimizer
    LIVE["module"] = module

    def through(batch: Any) -> Tensor:
        return module.step(batch)

    return through


def parts() -> tuple[Net, torch.optim.Optimizer, list[tuple[Tensor, Tensor]]]:
    """A network that has been trained a little, its optimizer with momentum, and batches."""
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    batches = [(torch.randn(8, 4), torch.randint(3, (8,))) for _ in range(3)]
    work(model, batches[0], optimizer)
    return model, optimizer, batches


def program_of(model: Any, loader: Any, loss_fn: Any = None, **options: Any) -> tuple[Program, list[Batch]]:
    """A program as the runner makes it, and its batches."""
    subject = make_subject(model, loader, loss_fn, **options)
    return Program(subject, Limits(60)), [make_batch(subject, raw) for raw in loader]
