from __future__ import annotations

from typing import Any

import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F

from nbinspect.sanity.training.capacity import CHECK, bad, good
from tests.sanity.running import run_one


def test_more_width_that_changes_nothing_is_a_warning_with_both_losses() -> None:
    """Samples that have become one stay at log 4 at any width."""
    result = run_one(CHECK, **bad())
    assert result.status == "warn"
    single, wide = (float(m.measured.split()[2]) for m in result.measurements[:2])
    assert single == pytest.approx(1.386, abs=0.05)
    assert wide == pytest.approx(1.386, abs=0.05)
    assert result.charts[0].names == ("Adam at 0.05", "twice the width") or len(result.charts[0].names) == 2


def test_a_batch_that_is_fitted_or_still_moves_costs_no_step_of_its_own() -> None:
    """A wide network, and one at a rate under which the loss falls slowly, pass."""
    assert run_one(CHECK, **good()).status == "pass"
    slow = good()
    slow["optimizer"] = torch.optim.Adam(slow["model"].parameters(), 1e-3)
    assert run_one(CHECK, **slow).status == "pass"


def test_linear_networks_and_unknown_floors_get_no_warning() -> None:
    """A linear regression on noise does not bend however wide; a loss with a penalty has no floor that is known."""
    generator = torch.Generator().manual_seed(2)
    model, batch = nn.Linear(4, 1), (torch.randn(64, 4, generator=generator), torch.randn(64, 1, generator=generator))
    linear: dict[str, Any] = {"model": model, "loader": [batch], "loss_fn": F.mse_loss}
    assert run_one(CHECK, **linear, optimizer=torch.optim.SGD(model.parameters(), 0.1)).status == "pass"

    def penalised(outputs: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(outputs, targets) + outputs.square().mean()

    assert run_one(CHECK, **good() | {"loss_fn": penalised}).status == "inconclusive"


@pytest.mark.parametrize(("units", "classes", "status"), [(2, 10, "warn"), (16, 10, "pass"), (2, 3, "pass")])
def test_too_few_units_for_the_classes_are_a_warning(units: int, classes: int, status: str) -> None:
    """Two units, each on or off, hardly tell ten classes apart, and four do better; for three classes they may do."""
    torch.manual_seed(4)
    held = load_digits()
    x, y = torch.tensor(held.data[128:160] / 8 - 1, dtype=torch.float32), torch.tensor(held.target[128:160]) % classes
    hidden = nn.Sequential(nn.Linear(64, units), nn.ReLU(), nn.Linear(units, units), nn.ReLU())
    model = nn.Sequential(hidden, nn.Linear(units, classes))
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    found = run_one(CHECK, model=model, loader=[(x, y)], loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer)
    assert found.status == status, found
    assert status == "pass" or "narrow" in found.title
    assert found.steps <= 150 + CHECK.cost
