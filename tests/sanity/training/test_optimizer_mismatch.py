from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from nbinspect.sanity.training.optimizer_mismatch import CHECK
from nbinspect.sanity.training.updates_not_applied import CHECK as APPLIED
from tests.sanity.running import run_one
from tests.sanity.training.steps import batches, loss_of, network, program, usual


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


@pytest.mark.filterwarnings("ignore:optimizer contains a parameter group with duplicate")
@pytest.mark.parametrize(("second", "status"), [("one", "fail"), ("two", "pass"), ("tied", "warn")])
def test_a_part_that_is_given_twice_in_place_of_another_fails(second: str, status: str) -> None:
    """Of twins, one listed twice and the other not at all fails; a tied weight listed twice beside others does not."""
    torch.manual_seed(0)
    model = nn.ModuleDict({"one": nn.Linear(4, 3), "two": nn.Linear(4, 3)})
    others = {"one": [*model["one"].parameters()], "two": [*model["two"].parameters()], "tied": [model["one"].weight]}
    optimizer = torch.optim.SGD([*model["one"].parameters(), *others[second]], 0.1)

    def step(model: Any, batch: Any, optimizer: Any) -> Any:
        optimizer.zero_grad()
        loss = sum(nn.functional.cross_entropy(model[name](batch[0]), batch[1]) for name in ("one", "two"))
        loss.backward()
        optimizer.step()
        return loss

    found = run_one(CHECK, model=model, loader=batches(), train_step=step, optimizer=optimizer)
    assert found.status == status


@pytest.mark.filterwarnings("ignore:optimizer contains a parameter group with duplicate")
@pytest.mark.parametrize(
    ("kind", "statuses"),
    [
        ("in its place", ("fail", "fail")),
        ("named twice", ("warn", "pass")),
        ("a weight alone", ("warn", "pass")),
        ("beside several", ("warn", "pass")),
    ],
)
def test_a_part_that_is_given_twice_in_place_of_the_one_beside_it_fails(kind: str, statuses: tuple[str, str]) -> None:
    """Of two judges of other shapes one is listed twice, and the other never changes; shared parts are listed so."""
    torch.manual_seed(0)
    body = nn.Linear(4, 4)
    model = nn.ModuleDict(
        {"body": body, "one": nn.Linear(4, 3), "two": nn.Sequential(body, nn.ReLU(), nn.Linear(4, 3))}
    )
    if kind == "named twice":
        model["again"] = model["one"]
    if kind != "beside several":
        model["two"] = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))
    again = [model["one"].weight] if kind == "a weight alone" else [*model["one"].parameters()]
    first = [] if kind == "beside several" else [*body.parameters()]
    optimizer = torch.optim.SGD([*first, *model["one"].parameters(), *again], 0.1)

    def step(model: Any, batch: Any, optimizer: Any) -> Any:
        optimizer.zero_grad()
        judged = model["one"](model["body"](batch[0])), model["two"](batch[0])
        loss = sum(nn.functional.cross_entropy(one, batch[1]) for one in judged)
        loss.backward()
        optimizer.step()
        return loss

    found = [
        run_one(one, model=model, loader=batches(), train_step=step, optimizer=optimizer) for one in (CHECK, APPLIED)
    ]
    assert tuple(one.status for one in found) == statuses
