from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset

from nbinspect.records import CheckResult
from nbinspect.sanity.data.nonfinite_data import CHECK
from tests.sanity.running import run_one

pytestmark = pytest.mark.slow


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


class Saturating(nn.Module):
    """A recurrent network, whose gates swallow infinities."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(2, 8, batch_first=True)
        self.head = nn.Linear(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.gru(x)[1][0])


class Flooring(Saturating):
    """The same behind a floor."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.clamp(min=-10))


def test_what_only_the_gradient_does_not_survive_fails() -> None:
    """Infinities that gates swallow leave a finite loss and NaN for gradients; behind a floor they are a warning."""
    x = torch.randn(8, 5, 2)
    x[..., 0] = (x[..., 0].clamp(min=0)).log()
    batch = (x, torch.randn(8, 1))
    statuses = [
        run_one(CHECK, model=m, loader=[batch], loss_fn=nn.MSELoss()).status for m in (Saturating(), Flooring())
    ]
    assert statuses == ["fail", "warn"]


def test_gaps_that_are_chosen_away_too_late_for_the_gradient_are_a_warning() -> None:
    """Where the loss itself replaces what is missing, the fault is in the loss, whose gradient another check reads."""

    def chosen(outputs: Tensor, targets: Tensor) -> Tensor:
        return torch.where(targets.isnan(), 0.0, (outputs - targets).square()).mean()

    y = torch.randn(8, 3)
    y[::2, 0] = float("nan")
    assert found(torch.randn(8, 4), y, loss_fn=chosen).status == "warn"


def long_set(x: Tensor, model: nn.Module, *, keep: int | None = None) -> CheckResult:
    data: Any = TensorDataset(x, torch.arange(len(x)) % 3)
    loader = DataLoader(Subset(data, range(keep)) if keep else data, batch_size=50, shuffle=True)
    return run_one(CHECK, model=model, loader=loader, loss_fn=nn.CrossEntropyLoss())


def test_a_rare_gap_in_a_long_set_is_found() -> None:
    """Rows that a data set holds are looked at beyond those that were read; not those that the loader never gives."""
    x = torch.randn(4_000, 4)
    x[3_900, 2] = float("nan")
    result = long_set(x, nn.Linear(4, 3))
    assert (result.status, result.where, result.summary) == ("fail", "feature 2 of x", "0.03% NaN in feature 2 of x")
    assert long_set(x, nn.Linear(4, 3), keep=2_500).status == "pass"


class Rows(Dataset[Any]):
    """Rows of several arrays of its own."""

    def __init__(self, **arrays: Any) -> None:
        vars(self).update(arrays)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.x[index], self.y[index]

    def __len__(self) -> int:
        return len(self.x)


def test_arrays_that_do_not_arrive_are_no_finding() -> None:
    """Of the arrays that a data set holds those count that its samples are made of, whatever else it keeps."""
    x, y, seen = torch.randn(2_200, 4), torch.randn(2_200), np.full(2_200, np.nan)
    kept = {"raw": [seen, seen[:7]], "names": ["a"] * 2_200, "none": None, "mask": torch.zeros(2_200, 0)}
    loader = DataLoader(Rows(x=x, y=y, **kept), batch_size=50, shuffle=True)
    given = {"model": nn.Sequential(nn.Linear(4, 1), nn.Flatten(0)), "loss_fn": nn.MSELoss(), "loader": loader}
    assert run_one(CHECK, **given).status == "pass"
    y[::400] = float("inf")
    assert run_one(CHECK, **given).status == "fail"


class Filling(nn.Sequential):
    """A network that fills gaps first."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.nan_to_num())


def test_a_rare_gap_that_the_network_fills_is_a_warning() -> None:
    """A batch with such a row is tried as a batch that was read is, full so that its norms have several samples."""
    x = torch.randn(4_000, 4)
    x[3_900, 2] = float("nan")
    assert long_set(x, Filling(nn.BatchNorm1d(4), nn.Linear(4, 3))).status == "warn"


def masking_step(model: nn.Module, batch: tuple[Tensor, Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step that leaves missing targets out itself."""
    known = ~batch[1].isnan()
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(batch[0])[known], batch[1][known])
    loss.backward()
    optimizer.step()
    return loss.detach()


def plain_step(model: nn.Module, batch: tuple[Tensor, Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step that does not."""
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    return loss.detach()


def test_a_step_that_masks_gaps_itself_is_a_warning() -> None:
    """Where the plain loss is NaN the user's own step is what counts."""
    y = torch.randn(8, 3)
    y[::2, 0] = float("nan")
    model = nn.Linear(4, 3)
    given = {"model": model, "loss_fn": nn.MSELoss(), "optimizer": torch.optim.SGD(model.parameters(), 0.1)}
    statuses = [found(torch.randn(8, 4), y, train_step=step, **given).status for step in (masking_step, plain_step)]
    assert statuses == ["warn", "fail"]


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
