from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nbinspect.records import CheckResult
from nbinspect.sanity.data.target_scale import CHECK
from tests.sanity.running import run_one


def on(y: Tensor, model: nn.Module | None = None, loss_fn: Any = None) -> CheckResult:
    torch.manual_seed(0)
    model = nn.Linear(4, y.shape[1]) if model is None else model
    return run_one(CHECK, model=model, loader=[(torch.randn(len(y), 4), y)], loss_fn=loss_fn or nn.MSELoss())


class Rescaled(nn.Module):
    def __init__(self, mean: float, std: float) -> None:
        super().__init__()
        self.fc, self.mean, self.std = nn.Linear(4, 1), mean, std

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x) * self.std + self.mean


def test_prices_fail_with_the_numbers_to_use() -> None:
    """Targets in hundred thousands fail, and the remedy holds their mean and deviation."""
    y = 200_000 + 90_000 * torch.randn(64, 1)
    result = on(y)
    assert result.status == "fail"
    assert f"{float(y.double().std(correction=0)):.4g}" in result.code
    assert f"{float(y.double().mean()):.4g}" in result.code


def test_a_far_mean_fails() -> None:
    """Targets around 50 with a deviation of 2 are far off outputs around 0."""
    assert on(50 + 2 * torch.randn(64, 1)).status == "fail"


def test_one_of_several_outputs_is_named() -> None:
    """In several outputs the one on another scale is named."""
    result = on(torch.randn(64, 3) * torch.tensor([1.0, 1.0, 5e4]))
    assert (result.status, result.where) == ("fail", "output 2")


def test_silent_where_the_model_rescales_or_the_bias_fits() -> None:
    """A model that undoes the scale itself, or whose bias sits at the mean, is healthy."""
    y = 200_000 + 90_000 * torch.randn(64, 1)
    assert on(y, Rescaled(2e5, 9e4)).status == "pass"
    biased = nn.Linear(4, 1)
    nn.init.constant_(biased.bias, 50.0)
    assert on(50 + 2 * torch.randn(64, 1), biased).status == "pass"


@pytest.mark.parametrize("scale", [0.1, 1.0, 5.0])
def test_silent_on_usual_targets(scale: float) -> None:
    """Targets near unit scale pass."""
    assert on(scale * torch.randn(64, 2)).status == "pass"


def test_a_last_layer_at_zero_hides_the_models_own_scale() -> None:
    """Where nothing comes out yet, a wide spread of the targets is worth a look at most."""
    model = Rescaled(0.0, 9e4)
    nn.init.zeros_(model.fc.weight)
    nn.init.zeros_(model.fc.bias)
    assert on(9e4 * torch.randn(64, 1), model).status == "warn"


def test_targets_that_are_all_but_zero_fail() -> None:
    """Micrometres in metres fail with their deviation, under the same factor as prices."""
    y = 1e-6 * torch.randn(64, 1)
    result = on(y)
    assert result.status == "fail"
    assert f"{float(y.double().std(correction=0)):.4g}" in result.code
    assert on(1e-2 * torch.randn(64, 1)).status != "fail"


def test_small_targets_of_one_output_or_of_few_samples_are_no_defect() -> None:
    """Beside an output of unit scale, or where most targets are zero and some are one, small targets are healthy."""
    assert on(torch.randn(64, 2) * torch.tensor([1.0, 1e-5])).status == "pass"
    sparse = torch.zeros(40_000, 1)
    sparse[0] = 1.0
    assert on(sparse).status == "pass"


def test_outputs_that_are_too_large_are_no_fault_of_the_targets() -> None:
    """A last layer drawn a thousand times too large is not told as targets that are too small."""
    model = nn.Linear(4, 1)
    nn.init.normal_(model.weight, std=1e3)
    assert on(torch.randn(64, 1), model).status == "pass"


def test_targets_that_the_network_made_are_no_data() -> None:
    """A code book near zero, to which an encoder is drawn, has a scale that training settles."""

    class Coded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.codes = nn.Linear(4, 2), nn.Parameter(1e-5 * torch.randn(8, 2))

        def forward(self, x: Tensor, labels: Tensor) -> dict[str, Tensor]:
            z = self.fc(x)
            nearest = torch.cdist(z, self.codes).argmin(1)
            return {"loss": nn.functional.mse_loss(z, self.codes[nearest].detach()), "z": z}

    batch = {"x": torch.randn(32, 4), "labels": torch.randn(32, 2)}
    assert run_one(CHECK, model=Coded(), loader=[batch], task="regression").status == "skip"


def test_losses_with_a_scale_of_their_own_are_not_judged() -> None:
    """Counts under a Poisson loss are compared with log rates, which says nothing of scale."""
    assert on(torch.poisson(torch.full((64, 1), 500.0)), loss_fn=nn.PoissonNLLLoss()).status == "skip"


def test_classification_is_skipped() -> None:
    """Class indices have no scale."""
    batch = (torch.randn(8, 4), torch.randint(3, (8,)))
    assert run_one(CHECK, model=nn.Linear(4, 3), loader=[batch], loss_fn=nn.CrossEntropyLoss()).status == "skip"


def test_too_few_or_missing_targets_are_inconclusive() -> None:
    """From one sample, or from NaN, nothing is concluded."""
    assert on(torch.tensor([[9e5]])).status == "inconclusive"
    assert on(torch.full((8, 1), float("nan"))).status == "inconclusive"
