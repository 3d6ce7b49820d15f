from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from nbinspect.sanity.training.optimizer_mismatch import CHECK
from tests.sanity.running import run_one
from tests.sanity.training.steps import loss_of, network, program, usual


@pytest.mark.parametrize("step", [usual, None])
def test_an_optimizer_of_another_model_fails(step: Any) -> None:
    """One that was made before the model was made anew holds four tensors that nothing uses, and lacks all four."""
    model = network()
    old = torch.optim.SGD(network().parameters(), 0.1)
    result = run_one(CHECK, **program(step, model, optimizer=old))
    assert result.status == "fail"
    assert [one.measured for one in result.measurements[:2]] == ["4 of 4", "4"]
    assert result.confirmed
    assert float(result.measurements[3].measured) < float(result.measurements[2].measured)


def test_an_optimizer_of_the_old_head_fails() -> None:
    """A head that was replaced afterwards is named."""
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    model[2] = nn.Linear(16, 3)
    result = run_one(CHECK, **program(usual, model, optimizer=optimizer))
    assert result.status == "fail"
    assert [one.measured for one in result.measurements[:2]] == ["2 of 4", "2"]
    assert result.where == "2.bias"


def test_a_head_alone_is_a_warning() -> None:
    """Parameters that no optimizer holds may be left out on purpose; frozen ones are nothing."""
    model = network()
    head = torch.optim.SGD(model[2].parameters(), 0.1)
    result = run_one(CHECK, **program(usual, model, optimizer=head))
    assert result.status == "warn"
    assert result.measurements[0].measured == "2 of 4"
    model[0].requires_grad_(requires_grad=False)
    assert run_one(CHECK, **program(usual, model, optimizer=head)).status == "pass"


def test_parameters_in_another_optimizer_are_held() -> None:
    """Several optimizers share the model, given or reached by the step."""
    model = network()
    body, head = (torch.optim.SGD(model[at].parameters(), 0.1) for at in (0, 2))

    def step(batch: Any) -> Any:
        model.zero_grad()
        loss = loss_of(model, batch)
        loss.backward()
        body.step()
        head.step()
        return loss

    assert run_one(CHECK, **program(step, model, optimizer=None)).status == "pass"
    assert run_one(CHECK, **program(step, model, optimizer=body)).status == "pass"
    assert run_one(CHECK, **program(None, model, optimizer={"a": body, "b": head})).status == "pass"


def test_tensors_beside_the_model_that_are_trained_are_silent() -> None:
    """A temperature of the user's own that gradients reach is no old tensor, even where a body is left out."""
    model, temperature = network(), nn.Parameter(torch.ones(()))
    optimizer = torch.optim.SGD([temperature, *model[2].parameters()], 0.1)

    def step(batch: Any) -> Any:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(batch[0]) * temperature, batch[1])
        loss.backward()
        optimizer.step()
        return loss

    assert run_one(CHECK, **program(step, model, optimizer=optimizer)).status == "warn"


def test_a_loss_with_parameters_of_its_own() -> None:
    """Those of a loss module count as the program's: held they are silent, left out a warning."""

    class Weighted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(()))

        def forward(self, outputs: Any, targets: Any) -> Any:
            return nn.functional.cross_entropy(outputs * self.scale, targets)

    model, loss_fn = network(), Weighted()
    both = torch.optim.SGD([*model.parameters(), *loss_fn.parameters()], 0.1)
    assert run_one(CHECK, **program(None, model, loss_fn=loss_fn, optimizer=both)).status == "pass"
    assert run_one(CHECK, **program(None, model, loss_fn=loss_fn)).status == "warn"


def test_a_factory_and_a_step_of_its_own_are_silent() -> None:
    """An optimizer made from the model, or within the step, fits."""

    def step(model: nn.Module, batch: Any) -> Any:
        return usual(model, batch, torch.optim.SGD(model.parameters(), 0.1))

    assert run_one(CHECK, **program(None, optimizer=lambda own: torch.optim.SGD(own, 0.1))).status == "pass"
    assert run_one(CHECK, **program(step, optimizer=None)).status == "pass"


@pytest.mark.parametrize("in_time", [True, False])
def test_a_head_replaced_after_all_was_frozen_fails(in_time: bool) -> None:
    """An optimizer that holds the old head alone, frozen with the rest, trains nothing; made in time it passes."""
    model = network()
    model.requires_grad_(requires_grad=False)
    if in_time:
        model[2] = nn.Linear(16, 3)
    optimizer = torch.optim.Adam(model[2].parameters(), 0.01)
    if not in_time:
        model[2] = nn.Linear(16, 3)
    result = run_one(CHECK, **program(usual, model, optimizer=optimizer))
    assert result.status == ("pass" if in_time else "fail")
    if not in_time:
        assert [one.measured for one in result.measurements[:2]] == ["2 of 2", "2"]
        assert result.confirmed


def test_a_frozen_network_beside_the_model_in_the_optimizer_is_no_failure() -> None:
    """An optimizer that holds a frozen teacher too, and lacks a part of the model, is worth a look."""
    model, teacher = network(), network().requires_grad_(requires_grad=False)
    optimizer = torch.optim.SGD([*model[2].parameters(), *teacher.parameters()], 0.1)
    assert run_one(CHECK, **program(usual, model, optimizer=optimizer)).status == "warn"
