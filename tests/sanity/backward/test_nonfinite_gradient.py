from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from nbinspect.sanity.backward.nonfinite_gradient import CHECK, bad
from tests.sanity.backward.test_nonfinite_forward import Around
from tests.sanity.running import run_one

X, Y = (
    torch.randn(8, 4, generator=torch.Generator().manual_seed(1)),
    torch.randn(8, 3, generator=torch.Generator().manual_seed(2)),
)


def test_the_operation_whose_slope_is_infinite_is_named() -> None:
    """The root of zero is named with its line and the smallest of what it was given."""
    result = run_one(CHECK, **bad())
    assert result.status == "fail"
    assert result.where == "torch.sqrt"
    assert any(measurement.measured == "0" for measurement in result.measurements)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda x: x + torch.linalg.vector_norm(x * 0, dim=1, keepdim=True) ** 0.5, "pow"),
        (lambda x: torch.where(x > 9, torch.sqrt(x - x), x), "torch.sqrt"),
        (lambda x: x + torch.acos(x - x + 1), "torch.acos"),
    ],
)
def test_the_usual_traps_are_found(change: Callable[[Tensor], Tensor], name: str) -> None:
    """A power below one, a root in a branch that is not taken and an angle of nothing are named."""
    result = run_one(CHECK, model=Around(change), loader=[(X, Y)], loss_fn=nn.MSELoss())
    assert result.status == "fail"
    assert name in result.where
    assert result.place is not None
    assert result.place.file == __file__


def test_healthy_and_unjudgeable_programs_are_silent() -> None:
    """Finite gradients pass, sparse ones too; a loss that is NaN itself is another check's."""
    plain = run_one(CHECK, model=nn.Linear(4, 3), loader=[(X, Y)], loss_fn=nn.MSELoss())
    assert plain.status == "pass"
    bag = nn.Sequential(nn.EmbeddingBag(10, 3, sparse=True))
    ids = torch.arange(16).reshape(8, 2) % 10
    assert run_one(CHECK, model=bag, loader=[(ids, Y)], loss_fn=nn.MSELoss()).status == "pass"
    broken = run_one(CHECK, model=nn.Linear(4, 3), loader=[(X * float("nan"), Y)], loss_fn=nn.MSELoss())
    assert broken.status == "inconclusive"
    assert run_one(CHECK, model=nn.Linear(4, 3), loader=[X]).status == "skip"
