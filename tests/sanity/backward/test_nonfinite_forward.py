from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from nbinspect.records import CheckResult
from nbinspect.sanity.backward.nonfinite_forward import CHECK, bad
from tests.sanity.running import run_one

pytestmark = pytest.mark.slow

X, Y = (
    torch.randn(8, 4, generator=torch.Generator().manual_seed(1)),
    torch.randn(8, 3, generator=torch.Generator().manual_seed(2)),
)


class Around(nn.Module):
    """A linear layer with something done to what it gives."""

    def __init__(self, change: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.head, self.change = nn.Linear(4, 3), change

    def forward(self, x: Tensor) -> Tensor:
        return self.change(self.head(x))


def judged(change: Callable[[Tensor], Tensor], x: Tensor = X, **options: Any) -> CheckResult:
    return run_one(CHECK, model=Around(change), loader=[(x, Y)], loss_fn=nn.MSELoss(), **options)


def test_the_first_operation_is_named_with_what_it_was_given() -> None:
    """The logarithm of zero is named with its line, and its range beside it."""
    result = run_one(CHECK, **bad())
    assert result.status == "fail"
    assert result.where == "torch.log"
    assert any(measurement.measured == "0 … 31" for measurement in result.measurements)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda x: torch.exp(x + 1000) / torch.exp(x + 1000), "torch.exp"),
        (lambda x: torch.log(x - x - 1), "torch.log"),
        (lambda x: (x * 0) / (x * 0), "div"),
        (
            lambda x: torch.softmax(x.masked_fill(torch.ones_like(x, dtype=torch.bool), float("-inf")), 1),
            "torch.softmax",
        ),
    ],
)
def test_what_overflows_or_is_not_defined_is_found(change: Callable[[Tensor], Tensor], name: str) -> None:
    """Overflow, a logarithm below zero, nothing over nothing and a row that is wholly masked are named."""
    result = judged(change)
    assert result.status == "fail"
    assert name in result.where
    assert result.place is not None
    assert result.place.file == __file__


def test_a_row_that_a_buffer_masks_wholly_is_found_at_the_softmax() -> None:
    """An additive mask of infinities is laid on purpose; the softmax that gets nothing else is to blame."""
    mask = torch.full((8, 3), float("-inf"))
    result = judged(lambda x: torch.softmax(x + mask, 1))
    assert result.status == "fail"
    assert result.where == "torch.softmax"


def test_masks_of_infinities_are_silent() -> None:
    """Additive and filled masks that leave something pass, in attention and in the output."""
    mask = torch.full((3, 3), float("-inf")).triu(1)
    assert judged(lambda x: torch.softmax(x[:, None, :] + mask, -1).sum(1)).status == "pass"
    masked = run_one(
        CHECK,
        model=Around(lambda x: x.masked_fill(torch.tensor([False, False, True]), float("-inf"))),
        loader=[(X, torch.zeros(8, dtype=torch.long))],
        loss_fn=nn.CrossEntropyLoss(),
    )
    assert masked.status == "pass"


def test_an_infinity_under_where_that_spoils_the_gradient_is_found() -> None:
    """A branch that `torch.where` does not take still sends its infinite slope back."""
    result = judged(lambda x: torch.where(x > 9, torch.log(x * 0), x))
    assert result.status == "fail"
    assert "gradient" in result.detail
    assert result.where == "torch.log"


def test_a_broken_weight_is_named_and_broken_data_are_left_to_another_check() -> None:
    """NaN in a parameter fails by its name; NaN in the batch cannot be judged here."""
    model = nn.Linear(4, 3)
    with torch.no_grad():
        model.weight[0, 0] = float("nan")
    result = run_one(CHECK, model=model, loader=[(X, Y)], loss_fn=nn.MSELoss())
    assert result.status == "fail"
    assert result.where == "weight"
    assert judged(lambda x: x, X * float("nan")).status == "inconclusive"


def test_a_later_batch_is_looked_at() -> None:
    """A batch on which the forward breaks is found behind one on which it does not."""
    loader = [(torch.ones(8, 4), Y), (torch.zeros(8, 4), Y)]
    result = run_one(
        CHECK,
        model=nn.Linear(4, 3),
        loader=loader,
        loss_fn=nn.MSELoss(),
        forward=lambda model, batch: model(batch[0].log()),
    )
    assert result.status == "fail"


def test_ugly_outputs_are_handled() -> None:
    """Outputs in a mapping without any loss are looked at; integers and none pass."""

    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(4, 3)

        def forward(self, x: Tensor) -> dict[str, Any]:
            return {"logits": torch.log(self.head(x) * 0 - 1), "ids": x.argmax(1), "none": None}

    assert run_one(CHECK, model=Named(), loader=[X]).status == "fail"
    assert run_one(CHECK, model=nn.Identity(), loader=[torch.arange(4)]).status == "pass"


def spread_out(model: nn.Module, batch: Any) -> Tensor:
    """Errors on targets that are divided by the spread of the batch."""
    return of_standardised(model(batch[0]), batch[1])


def of_standardised(outputs: Tensor, y: Tensor) -> Tensor:
    return nn.functional.mse_loss(outputs, y * ((y - y.mean(0)).square().sum(0) / (len(y) - 1)).rsqrt())


def spread_step(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer) -> Tensor:
    optimizer.zero_grad()
    loss = spread_out(model, batch)
    loss.backward()
    optimizer.step()
    return loss.detach()


def but_alone(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer) -> Tensor | None:
    return None if len(batch[0]) < 2 else spread_step(model, batch, optimizer)


def but_finite(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer) -> Tensor:
    optimizer.zero_grad()
    loss = spread_out(model, batch)
    loss.backward()
    if loss.isfinite():
        optimizer.step()
    return loss.detach()


class Followed(nn.Linear):
    """A linear layer, beside the running average of its weights."""

    def __init__(self) -> None:
        super().__init__(4, 3)
        self.average = nn.Parameter(torch.zeros(3, 4), requires_grad=False)


def but_followed(model: Followed, batch: Any, optimizer: torch.optim.Optimizer) -> Tensor:
    loss = but_finite(model, batch, optimizer)
    with torch.no_grad():
        model.average.lerp_(model.weight, 0.1)
    return loss


def but_of_unit_length(model: nn.Linear, batch: Any, optimizer: torch.optim.Optimizer) -> Tensor:
    loss = but_finite(model, batch, optimizer)
    with torch.no_grad():
        model.weight.div_(model.weight.norm())
    return loss


def but_mended(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer) -> Tensor:
    optimizer.zero_grad()
    loss = spread_out(model, batch)
    loss.backward()
    for parameter in model.parameters():
        if parameter.grad is not None:
            parameter.grad.nan_to_num_(0.0, 1e5, -1e5)
    optimizer.step()
    return loss.detach()


def of_batches(size: int, *, trained: bool = False, **own: Any) -> CheckResult:
    data = TensorDataset(X[:7], Y[:7])
    model = Followed()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    if trained:
        spread_step(model, (X, Y), optimizer)
    loader = DataLoader(data, size, shuffle=True)
    return run_one(CHECK, model=model, loader=loader, optimizer=optimizer, task="other", **own)


def test_a_last_batch_of_one_on_which_the_step_breaks_the_weights_fails_at_its_operation() -> None:
    """The single sample at the end of an epoch has no spread, and the step divides by it: that line is told."""
    result = of_batches(3, train_step=spread_step)
    assert result.status == "fail"
    assert "div" in result.where
    assert result.place is not None
    assert result.place.function == "of_standardised"
    assert "has 1 sample." in result.detail
    assert "drop_last" in result.remedy


@pytest.mark.parametrize("step", [but_alone, but_finite, but_followed, but_of_unit_length, but_mended])
def test_a_step_that_leaves_such_a_batch_out_passes(step: Any) -> None:
    """A step that returns, does not update or mends gradients harms nothing, whatever else it writes to weights."""
    assert of_batches(3, train_step=step).status == "pass"
    assert of_batches(3, train_step=step, loss_fn=of_standardised).status == "pass"
    assert of_batches(4, train_step=spread_step).status == "pass"


def test_what_may_leave_the_last_batch_out_is_a_warning() -> None:
    """Without a step of the user's own, or where it has outlived training, nobody knows whether that batch is used."""
    assert of_batches(3, train_step=spread_step, trained=True).status == "warn"
    assert of_batches(3, loss_fn=of_standardised).status == "warn"
    for total, status in ((2, "warn"), (4, "warn"), (6, "fail"), (7, "fail")):
        assert of_batches(3, train_step=spread_step, total_steps=total).status == status
    assert of_batches(1, loss_fn=of_standardised).status == "fail"


@pytest.mark.parametrize(("change", "name"), [(torch.log, "torch.log"), (torch.sqrt, "torch.sqrt")])
def test_a_loss_that_the_step_alone_makes_infinite_is_found(change: Callable[[Tensor], Tensor], name: str) -> None:
    """NaN that only the user's own step makes, and updates by, fails at its operation, whatever the gradient is."""

    def step(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer) -> Tensor:
        optimizer.zero_grad()
        loss = (model(batch[0]) - batch[1]).square().mean() + change(model.weight - 9).mean()
        loss.backward()
        optimizer.step()
        return loss.detach()

    model = nn.Linear(4, 3)
    given = {"optimizer": torch.optim.SGD(model.parameters(), 0.1), "loss_fn": nn.MSELoss()}
    result = run_one(CHECK, model=model, loader=[(X, Y)], train_step=step, **given)
    assert result.status == "fail"
    assert result.where == name


class Choosing(nn.Module):
    """Attends to those of the places that its own scores are above zero at."""

    def __init__(self, *, guarded: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.score, self.head, self.guarded = nn.Linear(4, 1), nn.Linear(4, 1), guarded

    def forward(self, x: Tensor) -> Tensor:
        scores = self.score(x).squeeze(2)
        hidden = scores < 0
        if self.guarded:
            hidden = hidden & ~hidden.all(1, keepdim=True)
        weights = scores.masked_fill(hidden, float("-inf")).softmax(1)
        chosen: Tensor = self.head((weights[:, :, None] * x).sum(1))
        return chosen


def of_choosing(*, guarded: bool) -> CheckResult:
    """Of one sample, in the sixth batch, all scores are below zero."""
    model = Choosing(guarded=guarded)
    x = torch.randn(64, 6, 4, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        x += 2.0 * model.score.weight
        x[43] = -6.0 * model.score.weight
    loader = DataLoader(TensorDataset(x, torch.randn(64, 1)), 8)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    return run_one(CHECK, model=model, loader=loader, loss_fn=nn.MSELoss(), optimizer=optimizer)


def test_a_mask_that_leaves_nothing_some_steps_on_fails() -> None:
    """All is finite at first, and in the sixth step a row of the mask is full; where that is guarded it passes."""
    result = of_choosing(guarded=False)
    assert (result.status, result.where, result.confirmed) == ("fail", "Tensor.softmax", True)
    assert result.summary.endswith("training steps before: 5")
    assert of_choosing(guarded=True).status == "pass"
