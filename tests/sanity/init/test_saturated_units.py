from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from nbinspect.records import CheckResult
from nbinspect.sanity.init.saturated_units import CHECK, bad
from tests.sanity.running import run_one

X, Y = torch.randn(32, 16, generator=torch.Generator().manual_seed(1)), torch.arange(32) % 3


def judged(model: nn.Module, x: Tensor = X) -> str:
    return run_one(CHECK, model=model, loader=[(x, Y)], loss_fn=nn.CrossEntropyLoss()).status


def test_saturated_units_are_measured() -> None:
    """The share is that of values within a hundredth of the range of an end."""
    arguments = bad()
    result = run_one(CHECK, **arguments)
    with torch.no_grad():
        values = arguments["model"][:2](arguments["loader"][0][0])
    share = float((values.abs() > 0.98).double().mean())
    assert result.status == "fail"
    assert result.measurements[0].measured == f"{share:.0%}"
    assert result.charts[0].kind == "histogram"


@pytest.mark.parametrize("activation", [nn.Tanh(), nn.Sigmoid(), nn.Hardtanh(), nn.Softsign()])
def test_bounded_activations_pass_on_unit_scale(activation: nn.Module) -> None:
    """Hidden bounded units on normalised inputs are healthy."""
    assert judged(nn.Sequential(nn.Linear(16, 32), activation, nn.Linear(32, 3))) == "pass"


class Sharpened(nn.Tanh):
    """Tanh of values made large on purpose, as soft bits are."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(5 * x)


def wide(factor: float, activation: nn.Module, rate: float | None = None) -> CheckResult:
    """Tanh units behind weights of this many times the usual size, in a network that was trained at a rate or not."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(16, 64), activation, nn.Linear(64, 3))
    nn.init.normal_(model[0].weight, std=factor / 4)
    optimizer = torch.optim.Adam(model.parameters(), rate or 1e-3)
    if rate is not None:
        nn.CrossEntropyLoss()(model(X), Y).backward()
        optimizer.step()
        optimizer.zero_grad()
    return run_one(CHECK, model=model, loader=[(X, Y)], loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer)


def test_most_units_at_a_limit_are_a_defect_where_nothing_was_learnt() -> None:
    """Three quarters fail straight behind a layer as it was drawn; in a trained network, or sharpened, they warn."""
    drawn = wide(6.5, nn.Tanh())
    assert 0.7 <= float(drawn.measurements[0].measured.rstrip("%")) / 100 < 0.9
    assert drawn.status == "fail"
    assert wide(6.5, nn.Tanh(), rate=1e-4).status == "warn"
    assert wide(1.3, Sharpened()).status == "warn"
    assert wide(1.0, nn.Tanh()).status == "pass"


class Gated(nn.Module):
    """A gate, an attention and a final probability, all at their limits."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.value, self.score, self.head = (nn.Linear(16, n) for n in (16, 16, 1, 3))

    def forward(self, x: Tensor) -> Tensor:
        gate = torch.sigmoid(100 * self.gate(x))
        weight = torch.sigmoid(100 * self.score(x))
        x = (gate * self.value(x)) * weight.expand(-1, 16)
        return torch.tanh(100 * self.head(x))


def test_gates_attention_and_final_probabilities_are_silent() -> None:
    """What multiplies something, or is the output, may sit at its limits."""
    assert judged(Gated()) == "pass"


def test_a_recurrent_cell_by_hand_is_seen() -> None:
    """The state of a recurrence that feeds its own weights counts as hidden."""

    class Cell(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.enter, self.again, self.head = nn.Linear(4, 8), nn.Linear(8, 8), nn.Linear(8, 3)

        def forward(self, x: Tensor) -> Tensor:
            state = x.new_zeros(len(x), 8)
            for part in x.chunk(4, 1):
                state = torch.tanh(self.enter(part) + self.again(state))
            return self.head(state)

    assert judged(Cell()) == "pass"
    assert judged(Cell(), 1000 * X) == "fail"


def test_no_bounded_activation_and_nan_are_silent() -> None:
    """A network without such units, and one of NaN, give no finding."""
    assert judged(nn.Linear(16, 3)) == "pass"
    assert judged(nn.Sequential(nn.Linear(16, 8), nn.Tanh(), nn.Linear(8, 3)), X * float("nan")) == "pass"
