from __future__ import annotations

import torch
from torch import Tensor, nn

from nbinspect.sanity.wiring.runs import CHECK
from tests.sanity.running import run_one


class Misshaped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(1, 4, 3), nn.Linear(100, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return self.head(x.flatten(1))  # raises


def test_names_the_layer_and_the_line() -> None:
    """A layer that raises is named with its shapes and the line of the user's forward."""
    batch = (torch.randn(2, 1, 8, 8), torch.tensor([0, 1]))
    result = run_one(CHECK, model=Misshaped(), loader=[batch], loss_fn=nn.CrossEntropyLoss())
    assert result.status == "fail"
    assert result.place is not None
    with open(result.place.file, encoding="utf-8") as file:  # noqa: PTH123 - reads the one line
        assert "# raises" in file.readlines()[result.place.line - 1]
    assert "144" in result.detail
    assert "100" in result.detail


def test_a_loss_that_raises_is_a_failure_too() -> None:
    """Targets of a dtype that the loss refuses are found as well."""
    batch = (torch.randn(2, 4), torch.tensor([0.5, 1.0]))
    assert run_one(CHECK, model=nn.Linear(4, 3), loader=[batch], loss_fn=nn.CrossEntropyLoss()).status == "fail"
