from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nbinspect.records import CheckResult
from nbinspect.sanity.data.nonfinite_data import CHECK
from tests.sanity.running import run_one


def found(x: Tensor, y: Tensor | None = None, **more: Any) -> CheckResult:
    labels = torch.arange(len(x)) % 3 if y is None else y
    given = {"model": nn.Sequential(nn.Flatten(), nn.LazyLinear(3)), "loss_fn": nn.CrossEntropyLoss(), **more}
    given["model"](torch.zeros_like(x))
    return run_one(CHECK, loader=[(x[:4], labels[:4]), (x[4:], labels[4:])], **given)


def test_names_feature_and_share() -> None:
    """A gap in a later batch is found, with its feature and the share of its values."""
    x = torch.randn(10, 4)
    x[7, 2] = float("nan")
    result = found(x)
    assert result.status == "fail"
    assert result.where == "feature 2 of x"
    assert "10.00%" in result.summary


def test_names_the_channel_of_a_picture() -> None:
    """In pictures the channel is named, and Inf is told from NaN."""
    x = torch.randn(8, 3, 6, 6)
    x[:, 1, 0, 0] = float("inf")
    result = found(x)
    assert (result.status, result.where) == ("fail", "channel 1 of x")
    assert result.measurements[0].measured == f"{1 / 36:.2%} Inf"


def test_targets_are_looked_at_too() -> None:
    """A target that is NaN is a finding of its own."""
    y = torch.randn(8, 3)
    y[0, 0] = float("nan")
    assert found(torch.randn(8, 4), y, loss_fn=nn.MSELoss()).where == "feature 0 of y"


def test_declared_padding_is_no_gap() -> None:
    """Entries that hold the declared padding value are left out, be it NaN or an infinity."""
    for padding in (float("nan"), float("-inf")):
        x = torch.randn(8, 4)
        x[:, 3] = padding
        assert found(x, padding_value=padding).status == "pass"


def test_a_loss_that_masks_gaps_is_a_warning() -> None:
    """Missing targets that the loss leaves out are worth a look and no defect."""

    def masked(outputs: Tensor, targets: Tensor) -> Tensor:
        known = ~targets.isnan()
        return nn.functional.mse_loss(outputs[known], targets[known])

    y = torch.randn(8, 3)
    y[::2, 0] = float("nan")
    assert found(torch.randn(8, 4), y, loss_fn=masked).status == "warn"


def test_an_additive_mask_is_no_gap() -> None:
    """Zeros and −Inf alone are a mask of attention scores."""
    mask = torch.zeros(8, 4).masked_fill(torch.rand(8, 4) > 0.5, float("-inf"))
    batch = {"x": torch.randn(8, 4), "mask": mask, "y": torch.randint(3, (8,))}

    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 3)

        def forward(self, x: Tensor, mask: Tensor) -> Tensor:
            return self.fc(x * mask.softmax(1).nan_to_num())

    assert run_one(CHECK, model=Masked(), loader=[batch], loss_fn=nn.CrossEntropyLoss()).status == "pass"


@pytest.mark.parametrize("x", [torch.full((8, 4), float("nan")), torch.randn(8, 4).to(torch.bfloat16)])
def test_ugly_inputs_give_an_answer(x: Tensor) -> None:
    """NaN everywhere is a failure, and rare types are read."""
    model = nn.Linear(4, 3).to(x.dtype)
    assert found(x, model=model).status == ("fail" if x.isnan().any() else "pass")
