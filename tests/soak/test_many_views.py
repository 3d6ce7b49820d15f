from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from ipywidgets import Widget
from ipywidgets.widgets import widget as registry
from torch import nn
from torch.optim import optimizer as hooks_of_optimizers
from torch.utils.data import DataLoader, TensorDataset

from nbinspect import Inspector, Recorder

pytestmark = pytest.mark.slow

VIEWS, ROUNDS = 8, 7
ROOMS = ("data", "batch", "forward", "sanity", "dynamics")


@pytest.fixture
def inspector() -> Inspector:
    """A small classifier with its data."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
    x = torch.randn(24, 4)
    loader = DataLoader(TensorDataset(x, x[:, :3].argmax(1)), batch_size=8, shuffle=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return Inspector(model, loader, nn.CrossEntropyLoss(), optimizer=optimizer, val_loader=loader)


@pytest.fixture
def train(inspector: Inspector) -> Callable[[], None]:
    """Trains an epoch."""
    subject = inspector.subject

    def train() -> None:
        for x, y in subject.loader:
            subject.optimizer.zero_grad()
            subject.loss_fn(subject.model(x), y).backward()
            subject.optimizer.step()

    return train


def opened(inspector: Inspector, train: Callable[[], None], run: Path) -> Iterator[Any]:
    """A view of each kind that has done its work."""
    view = inspector.batch()
    yield view
    view = inspector.batch(follow=True)
    train()
    yield view
    view = inspector.forward()
    view.into()
    yield view
    view = inspector.data()
    view.predict()
    yield view
    view = inspector.sanity()
    view.run("constant-output")
    yield view
    view = inspector.dynamics()
    with view:
        train()
    yield view
    yield inspector.dynamics(follow=run)


def opened_dashboard(inspector: Inspector) -> Any:
    """A dashboard with a view in each room."""
    dashboard = inspector.dashboard()
    for room in ROOMS:
        dashboard.open(room)
    return dashboard


def left(model: nn.Module) -> dict[str, int]:
    """What a view could leave behind, counted."""
    tables = [name for name in vars(model) if name.endswith(("_hooks", "_pre_hooks"))]
    of_optimizers = (hooks_of_optimizers._global_optimizer_pre_hooks, hooks_of_optimizers._global_optimizer_post_hooks)
    return {
        "threads": threading.active_count(),
        "widgets": len(registry._instances),
        "hooks": sum(len(getattr(module, name)) for module in model.modules() for name in tables),
        "hooks on optimizers": sum(map(len, of_optimizers)),
    }


def test_fifty_views_leave_nothing(
    inspector: Inspector, train: Callable[[], None], tmp_path: Path, record_property: Any
) -> None:
    """Of 56 views of every kind that worked and were closed no object, hook, thread or comm is left."""
    with Recorder(tmp_path / "run", inspector, report=False):
        train()
    before = left(inspector.subject.model)
    objects, gone = [], []
    for _ in range(ROUNDS):
        for view in (*opened(inspector, train, tmp_path / "run"), opened_dashboard(inspector)):
            gone.append(weakref.ref(view))
            view.close()
            assert view.comm is None
        del view
        gc.collect()
        objects.append(len(gc.get_objects()))
    record_property("objects after each round", objects)
    inspector.dashboard().close()  # an inspector keeps the last one alone
    gc.collect()
    assert [each() for each in gone if each() is not None] == []
    assert len(gone) == VIEWS * ROUNDS
    assert left(inspector.subject.model) == before
    # the first rounds load modules and fill what torch keeps of its functions
    assert objects[-1] - objects[2] < 40 * (ROUNDS - 3)
    Widget.close_all()
