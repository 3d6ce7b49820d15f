from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState
from torch import nn
from torch.optim import optimizer as optimizers
from torch.utils.data import DataLoader, TensorDataset

from nbinspect import Inspector, Recorder
from nbinspect.records import DynamicsRecord


class Program:
    """A small program as Accelerate's own guide writes it, built anew with the same seeds."""

    def __init__(self, accumulated: int = 1, precision: str = "no") -> None:
        AcceleratorState._reset_state(True)
        GradientState._reset_state()
        torch.manual_seed(0)
        self.accelerator = Accelerator(cpu=True, gradient_accumulation_steps=accumulated, mixed_precision=precision)
        inputs = torch.randn(104, 20)
        data = TensorDataset(inputs, inputs[:, :4].argmax(1))
        model = nn.Sequential(nn.Linear(20, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 4))
        optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, 5)
        self.loss_fn = nn.CrossEntropyLoss()
        self.model, self.optimizer, self.loader, self.val_loader, self.schedule = self.accelerator.prepare(
            model, optimizer, DataLoader(data, 16, shuffle=True), DataLoader(data, 32), schedule
        )
        self.losses: list[float] = []
        self.synchronised: list[bool] = []
        self.after_batch: Callable[[], object] = lambda: None

    @property
    def inspector(self) -> Inspector:
        """An inspector of what was prepared."""
        return Inspector(self.model, self.loader, self.loss_fn, val_loader=self.val_loader)

    def train(self, epochs: int = 3) -> None:
        for _ in range(epochs):
            for x, y in self.loader:
                with self.accelerator.accumulate(self.model):
                    loss = self.loss_fn(self.model(x), y)
                    self.accelerator.backward(loss)
                    self.optimizer.step()
                    self.schedule.step()
                    self.optimizer.zero_grad()
                self.losses.append(loss.item())
                self.synchronised.append(self.accelerator.sync_gradients)
                self.after_batch()

    def step_losses(self) -> list[float]:
        """The mean loss of the batches of each step."""
        found, held = [], []
        for loss, last in zip(self.losses, self.synchronised, strict=True):
            held.append(loss)
            if last:
                found.append(sum(held) / len(held))
                held = []
        return found


def curve(record: DynamicsRecord, name: str) -> tuple[list[int], list[float]]:
    """Steps and values of a number of the run as a whole."""
    trace = next(one for one in record.traces if (one.name, one.part) == (name, ""))
    return trace.step.tolist(), trace.mean.tolist()


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Every optimizer, and Accelerate's own state, is as it was in the end."""
    before = len(optimizers._global_optimizer_post_hooks)
    yield
    assert len(optimizers._global_optimizer_post_hooks) == before
    AcceleratorState._reset_state(True)
    GradientState._reset_state()


@pytest.mark.parametrize("precision", ["no", "bf16"])
@pytest.mark.parametrize("accumulated", [1, 4])
def test_weights_are_those_of_a_run_alone(accumulated: int, precision: str) -> None:
    """What was prepared trains to the same bits within `inspector.dynamics()` as without it."""
    alone = Program(accumulated, precision)
    alone.train()
    watched = Program(accumulated, precision)
    with watched.inspector.dynamics() as dynamics:
        watched.train()
    assert watched.losses == alone.losses
    assert watched.schedule.state_dict() == alone.schedule.state_dict()
    for name, value in alone.model.state_dict().items():
        assert torch.equal(value, watched.model.state_dict()[name]), name
    assert not [one for one in dynamics.record.moments if one.kind == "problem"]
    assert len(dynamics.record.readings[0]) >= 2


@pytest.mark.parametrize("accumulated", [1, 4])
def test_steps_are_those_that_change_weights(accumulated: int) -> None:
    """Batches that only accumulate make no step; each step has the mean loss of its batches."""
    program = Program(accumulated)
    with program.inspector.dynamics() as dynamics:
        program.train()
    steps, losses = curve(dynamics.record, "loss")
    assert steps == list(range(1, sum(program.synchronised) + 1))
    assert np.allclose(losses, program.step_losses(), rtol=1e-6)
    assert dynamics.record.optimizers == ("Adam",)


def test_a_reading_leaves_the_loaders_alone() -> None:
    """Neither the probe's batches nor a validation in the middle of an epoch change where Accelerate thinks it is."""
    program = Program(accumulated=4)
    state = GradientState()
    assert state.active_dataloader is None
    dynamics = program.inspector.dynamics(probe="hardest", budget=1.0).attach()
    assert state.active_dataloader is None
    active: list[Any] = []
    program.after_batch = lambda: active.append(state.active_dataloader)
    program.train(epochs=40)
    dynamics.detach()
    assert curve(dynamics.record, "validation loss")[0]
    assert all(one is program.loader for one in active)
    assert state.active_dataloader is None


def test_a_stop_ends_the_loop() -> None:
    """A stop that is asked for ends the block after the step that is under way."""
    program = Program()
    with program.inspector.dynamics() as dynamics:
        program.after_batch = lambda: dynamics.stop() if len(program.losses) == 4 else None
        program.train()
    assert dynamics.record.steps == 5
    assert dynamics.status["state"] == "stopped"


def test_an_exception_leaves_nothing() -> None:
    """What training raises comes out, and no hook stays on the model."""
    program = Program()

    def fail() -> None:
        raise ValueError("planted")

    program.after_batch = fail
    with pytest.raises(ValueError, match="planted"), program.inspector.dynamics():
        program.train()
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in program.model.modules())


def test_a_recorder_takes_the_place_of_the_view(tmp_path: Path) -> None:
    """A prepared run that a recorder keeps can be followed, with the losses of its steps."""
    program = Program(accumulated=4)
    with Recorder(tmp_path / "run", program.inspector):
        program.train()
    record = program.inspector.dynamics(follow=tmp_path / "run").record
    assert np.allclose(curve(record, "loss")[1], program.step_losses(), rtol=1e-6)
