from __future__ import annotations

from collections import deque
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nbinspect.sanity.training.memory_growth import CHECK
from tests.sanity.running import run_one
from tests.sanity.training.steps import accumulating, loss_of, network, program, usual

pytestmark = pytest.mark.slow

kept: list[Any] = []
total: Any = 0.0


def keeps_losses(model: nn.Module, batch: Any, optimizer: Any) -> Any:
    loss = usual(model, batch, optimizer)
    kept.append(loss)
    return loss


def sums_losses(model: nn.Module, batch: Any, optimizer: Any) -> Any:
    global total  # noqa: PLW0603 - what users write
    loss = usual(model, batch, optimizer)
    total = total + loss
    return loss


def keeps_numbers(model: nn.Module, batch: Any, optimizer: Any) -> Any:
    loss = usual(model, batch, optimizer)
    kept.append(loss.item())
    kept.append(loss.detach())
    return loss


@pytest.mark.parametrize("step", [keeps_losses, sums_losses])
def test_losses_that_are_kept_fail(step: Any) -> None:
    """A list of losses and a running sum grow by the graph of each step, and are as they were afterwards."""
    result = run_one(CHECK, **program(step))
    assert result.status == "fail"
    assert float(result.measurements[0].measured) >= 1
    assert kept == []
    assert total == 0.0
    if step is keeps_losses:
        assert "kept.append(loss)" in result.code


def test_the_graph_of_a_step_is_counted() -> None:
    """What stays is the loss's own graph, node by node."""
    arguments = program(keeps_losses)
    result = run_one(CHECK, **arguments)
    seen: set[Any] = set()
    waiting = [loss_of(arguments["model"], arguments["loader"][0]).grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            waiting.extend(follower for follower, _ in node.next_functions)
    leaves = sum(type(node).__name__ == "AccumulateGrad" for node in seen)
    assert float(result.measurements[0].measured) == len(seen) - leaves, "the leaves are shared by all steps"


class Meter:
    """Keeps what it is told, in one of several ways."""

    def __init__(self) -> None:
        self.values: Any = []
        self.total: Any = 0.0
        self.places: Any = {}

    def reset(self) -> None:
        self.values = []

    def listed(self, value: Any) -> None:
        self.values.append(value)  # listed

    def summed(self, value: Any) -> None:
        self.total += value  # summed

    def mapped(self, value: Any) -> None:
        self.places[len(self.places)] = value  # mapped


class Remembers(nn.Module):
    """Keeps its outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.outputs = network(), deque()

    def forward(self, x: Tensor) -> Tensor:
        out = self.inner(x)
        self.outputs.append(out)  # remembered
        return out


def closing() -> Any:
    running = torch.zeros(())

    def step(model: nn.Module, batch: Any, optimizer: Any) -> Any:
        loss = usual(model, batch, optimizer)
        nonlocal running
        running += loss  # in place
        return loss

    return step


def by_default(model: nn.Module, batch: Any, optimizer: Any, seen: list[Any] = []) -> Any:  # noqa: B006 - users do
    loss = usual(model, batch, optimizer)
    seen.append(loss)  # default
    return loss


def metered(way: str) -> Any:
    meter = Meter()

    def step(model: nn.Module, batch: Any, optimizer: Any) -> Any:
        loss = usual(model, batch, optimizer)
        getattr(meter, way)(loss)
        return loss

    return step


@pytest.mark.parametrize(
    ("step", "model", "line", "where"),
    [
        (metered("listed"), None, "self.values.append(value)  # listed", "values"),
        (metered("summed"), None, "self.total += value  # summed", "total"),
        (metered("mapped"), None, "self.places[len(self.places)] = value  # mapped", "places"),
        (by_default, None, "seen.append(loss)  # default", "seen"),
        (closing(), None, "running += loss  # in place", "running"),
        (usual, Remembers(), "self.outputs.append(out)  # remembered", "outputs"),
        (None, Remembers(), "self.outputs.append(out)  # remembered", "outputs"),
    ],
)
def test_the_line_that_keeps_is_named(step: Any, model: Any, line: str, where: str) -> None:
    """What grows, and the line that makes it grow, are named wherever it lives: in an object, a closure, the model."""
    result = run_one(CHECK, **program(step, model))
    assert result.status == "fail"
    assert result.where == where
    assert result.place is not None
    with open(result.place.file, encoding="utf-8") as file:  # noqa: PTH123 - reads the one line
        assert file.readlines()[result.place.line - 1].strip() == line
    assert f"- {line}" in result.code
    assert ".detach()" in result.code


def bounded() -> Any:
    recent: deque[Any] = deque(maxlen=3)

    def step(model: nn.Module, batch: Any, optimizer: Any) -> Any:
        loss = usual(model, batch, optimizer)
        recent.append(loss)
        return loss

    return step


@pytest.mark.parametrize("step", [usual, keeps_numbers, bounded(), accumulating(3), None])
def test_what_does_not_grow_is_silent(step: Any) -> None:
    """Numbers, detached tensors, a cache that fills and stops, and accumulation pass."""
    assert run_one(CHECK, **program(step)).status == "pass"
    assert kept == []


class Recurrent(nn.Module):
    """Carries its state from call to call."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.cell, self.head, self.how, self.state = nn.GRUCell(4, 8), nn.Linear(8, 3), how, torch.zeros(16, 8)

    def forward(self, x: Tensor) -> Tensor:
        state = self.cell(x, self.state)
        self.state = state.detach() if self.how == "detached" else state
        return self.head(state)


@pytest.mark.parametrize("step", [usual, None])
def test_a_state_that_is_carried_with_its_graph_fails(step: Any) -> None:
    """The second step goes back through the first one's graph and raises, which is explained."""
    result = run_one(CHECK, **program(step, Recurrent("carried")))
    assert result.status == "fail"
    assert "detach()" in result.code
    assert result.where == "state"
    assert result.measurements[0].measured == "1"
    assert run_one(CHECK, **program(step, Recurrent("detached"))).status == "pass"


def test_a_state_that_is_let_go_now_and_then_is_open() -> None:
    """Truncated backpropagation that detaches every 20th step is not accused."""
    states: list[Any] = [torch.zeros(16, 8)]
    calls = [0]

    def step(model: Any, batch: Any, optimizer: Any) -> Any:
        states[0] = model.cell(batch[0], states[0])
        calls[0] += 1
        if calls[0] % 20 == 0:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model.head(states[0]), batch[1]).backward()
            optimizer.step()
            states[0] = states[0].detach()

    assert run_one(CHECK, **program(step, Recurrent("detached"))).status == "inconclusive"


def test_other_errors_are_no_finding() -> None:
    """A step that raises for another reason is skipped."""

    def raising(model: nn.Module, batch: Any, optimizer: Any) -> None:
        raise RuntimeError("<i>no</i>")

    assert run_one(CHECK, **program(raising)).status == "skip"
    assert run_one(CHECK, **program(None, optimizer=None)).status == "skip"


def trained_on(model: nn.Module, batch: Any, optimizer: Any) -> Tensor:
    optimizer.zero_grad()
    logits = model(batch[0])
    nn.functional.cross_entropy(logits, batch[1]).backward()
    optimizer.step()
    return logits


def by_switch(detaches: bool) -> Any:
    kept = []

    def step(model: nn.Module, batch: Any, optimizer: Any) -> None:
        logits = trained_on(model, batch, optimizer)
        kept.append(logits.detach() if detaches else logits)

    return step


def by_counter(every: int) -> Any:
    kept = []

    def step(model: nn.Module, batch: Any, optimizer: Any) -> None:
        kept.append(trained_on(model, batch, optimizer))
        if len(kept) % every == 0:
            kept.clear()

    return step


@pytest.mark.parametrize(
    ("step", "status"), [(by_switch(False), "fail"), (by_switch(True), "pass"), (by_counter(100), "inconclusive")]
)
def test_a_switch_that_nobody_turns_does_not_excuse_growth(step: Any, status: str) -> None:
    """What is detached under a switch that is off grows and fails; under a counter it may let go later."""
    assert run_one(CHECK, **program(step)).status == status
