from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from multiprocessing import active_children
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from nbinspect import Inspector
from nbinspect.dynamics.observer import Observer
from nbinspect.dynamics.validation import Validation
from nbinspect.errors import LoaderError
from nbinspect.subject import make_subject


class Numbers(Dataset[Any]):
    """Samples of four numbers; `deadly` ends the process that reads it."""

    def __init__(self, deadly: int | None = None) -> None:
        self.deadly = deadly

    def __len__(self) -> int:
        return 24

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        if index == self.deadly:
            os._exit(11)
        return torch.full((4,), index / 24), index % 3


def program(deadly: int | None = None) -> tuple[nn.Module, Any, Any]:
    """A small network with dropout, its loader, and one of validation data whose workers die of a sample."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.2), nn.Linear(8, 3))
    return model, DataLoader(Numbers(), batch_size=8), DataLoader(Numbers(deadly), batch_size=8, num_workers=2)


def train(model: nn.Module, loader: Any, each: Callable[[], object] = lambda: None) -> list[bytes]:
    """Train an epoch, and return the bytes of the parameters."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for x, y in loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
        each()
    return [parameter.detach().numpy().tobytes() for parameter in model.parameters()]


def killed() -> None:
    """Kill all workers, and let their end be told to this process."""
    workers = active_children()
    assert workers
    told: list[int] = []
    before = signal.getsignal(signal.SIGCHLD)

    def heard(number: int, frame: Any) -> None:
        told.append(number)
        before(number, frame)

    signal.signal(signal.SIGCHLD, heard)
    try:
        for worker in workers:
            os.kill(worker.pid, signal.SIGKILL)
        while not told:
            time.sleep(0)  # where Python hands signals to their handlers
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_a_dead_worker_of_a_view_is_told_there_and_never_in_the_training() -> None:
    """A view's worker that is killed while the user trains interrupts nothing; the view says so, and then goes on."""
    model, loader, _ = program()
    view = Inspector(model, loader, nn.CrossEntropyLoss()).batch()
    killed()
    train(model, loader)
    with pytest.raises(LoaderError, match="a worker process of the loader died"):
        view.next()
    assert "worker" in str(view.status)
    view.next()
    assert view.record.size == 8
    view.close()
    assert not active_children()


def test_a_batch_that_kills_its_worker_is_told_in_the_view() -> None:
    """Where reading the first batch ends the worker the view opens all the same, with what happened."""
    model, _, loader = program(deadly=3)
    view = Inspector(model, loader, nn.CrossEntropyLoss()).batch()
    assert "worker" in str(view.status)
    view.close()
    assert not active_children()


def test_validation_says_that_its_worker_died() -> None:
    """A worker that dies in the middle of the validation data is an error with that cause, soon, and none is left."""
    model, loader, val_loader = program(deadly=20)
    validation = Validation(make_subject(model, loader, nn.CrossEntropyLoss(), val_loader=val_loader))
    began = time.perf_counter()
    with pytest.raises(LoaderError, match="a worker process of the loader died"):
        validation.evaluate()
    assert time.perf_counter() - began < 4, "found by asking now and then, not by the signal"
    assert not active_children()


def test_training_goes_on_where_validation_dies() -> None:
    """A run whose validation kills its workers ends with the weights of a run alone, and its time line says why."""
    alone = train(*program()[:2])
    model, loader, val_loader = program(deadly=3)
    subject = make_subject(model, loader, nn.CrossEntropyLoss(), val_loader=val_loader)
    observer = Observer(subject, probe=None, budget=1.0)
    with observer:
        watched = train(model, loader)
    assert watched == alone
    assert any("worker" in moment.text for moment in observer.record.moments if moment.kind == "problem")
    assert not active_children()
