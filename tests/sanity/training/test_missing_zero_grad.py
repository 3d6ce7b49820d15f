from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from nbinspect.sanity.training.missing_zero_grad import CHECK
from tests.sanity.running import run_one
from tests.sanity.training.steps import accumulating, loss_of, network, program, scaled, usual


def never(model: nn.Module, batch: Any, optimizer: Any) -> Any:
    loss = loss_of(model, batch)
    loss.backward()  # piles up
    optimizer.step()
    return loss


def once_an_epoch(model: nn.Module, batch: Any, optimizer: Any, step: int) -> Any:
    if step % 100 == 0:
        optimizer.zero_grad()
    return never(model, batch, optimizer)


@pytest.mark.parametrize("step", [never, once_an_epoch])
def test_gradients_that_pile_up_fail(step: Any) -> None:
    """Never clearing, and clearing once an epoch, fail at the line of the backward pass, with both losses."""
    result = run_one(CHECK, **program(step))
    assert result.status == "fail"
    assert result.place is not None
    assert "# piles up" in Path(result.place.file).read_text(encoding="utf-8").splitlines()[result.place.line - 1]
    assert "optimizer.zero_grad()" in result.code
    assert len(result.charts) == 1
    assert result.confirmed
    assert float(result.measurements[2].measured) < float(result.measurements[1].measured)


def at_the_end(model: nn.Module, batch: Any, optimizer: Any) -> Any:
    loss = never(model, batch, optimizer)
    optimizer.zero_grad()
    return loss


def by_none(model: nn.Module, batch: Any, optimizer: Any) -> Any:
    for parameter in model.parameters():
        parameter.grad = None
    return never(model, batch, optimizer)


def by_zeros(model: nn.Module, batch: Any, optimizer: Any) -> Any:
    optimizer.zero_grad(set_to_none=False)
    return never(model, batch, optimizer)


@pytest.mark.parametrize("step", [usual, at_the_end, by_none, by_zeros, accumulating(2), accumulating(4), None])
def test_every_way_to_clear_is_silent(step: Any) -> None:
    """At the start, at the end, by None, by zeros, and after accumulation alike."""
    assert run_one(CHECK, **program(step)).status == "pass"


def test_a_scaler_is_silent() -> None:
    """Scaled gradients that are cleared are no old ones."""
    assert run_one(CHECK, **program(scaled, scaler=torch.amp.GradScaler("cpu", init_scale=1024.0))).status == "pass"


def test_accumulation_that_never_clears_fails() -> None:
    """What piles up over updates is found also where each second call updates."""
    calls = [0]

    def step(model: nn.Module, batch: Any, optimizer: Any) -> Any:
        calls[0] += 1
        loss = loss_of(model, batch)
        loss.backward()
        if calls[0] % 2 == 0:
            optimizer.step()
        return loss

    assert run_one(CHECK, **program(step)).status == "fail"


def test_an_adversarial_pair_that_clears_its_own_is_silent() -> None:
    """Gradients that the other network's loss leaves behind, and that are cleared before their own, do no harm."""
    model = nn.ModuleDict({"g": nn.Linear(4, 4), "d": nn.Linear(4, 3)})
    g, d = (torch.optim.SGD(model[name].parameters(), 0.01) for name in "gd")

    def step(batch: Any) -> Any:
        d.zero_grad()
        nn.functional.cross_entropy(model["d"](model["g"](batch[0])), batch[1]).backward()
        d.step()
        g.zero_grad()
        loss = -nn.functional.cross_entropy(model["d"](model["g"](batch[0])), batch[1])
        loss.backward()
        g.step()
        return loss

    assert run_one(CHECK, **program(step, model, optimizer=None)).status == "pass"


def test_parameters_that_nobody_updates_are_silent() -> None:
    """Gradients of a body that no optimizer holds pile up, and are never used."""
    model = network()
    head = torch.optim.SGD(model[2].parameters(), 0.1)
    assert run_one(CHECK, **program(usual, model, optimizer=head)).status == "pass"


def test_an_optimizer_with_a_closure_is_silent() -> None:
    """LBFGS clears in the closure that it is given."""
    model = network()
    optimizer = torch.optim.LBFGS(model.parameters(), 0.1, max_iter=3)
    assert run_one(CHECK, **program(None, model, optimizer=optimizer)).status == "pass"


@pytest.mark.parametrize(("clears", "status"), [(True, "pass"), (False, "fail")])
def test_a_closure_that_only_adds_fails(clears: bool, status: str) -> None:
    """Gradients that the closure makes inside of the optimizer's step are those that it finds."""

    def step(model: nn.Module, batch: Any, optimizer: Any) -> Any:
        def closure() -> Any:
            if clears:
                optimizer.zero_grad()
            loss = loss_of(model, batch)
            loss.backward()
            return loss

        return optimizer.step(closure)

    assert run_one(CHECK, **program(step)).status == status
