from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbinspect.records import CheckResult, Place
from nbinspect.sanity.wiring.zero_gradient_path import CHECK
from tests.sanity.running import run_one

ROWS = torch.randn(12, 4, generator=torch.Generator().manual_seed(0))
CLASSES = torch.arange(12) % 3


class Net(nn.Module):
    def __init__(self, between: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.encoder, self.head = nn.Linear(4, 8), nn.Linear(8, 3)
        self.between = between

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.between(self.encoder(x)))


def line_of(place: Place | None) -> str:
    assert place is not None
    with open(place.file, encoding="utf-8") as file:  # noqa: PTH123 - reads the one line
        return file.readlines()[place.line - 1]


def result(between: Callable[[Tensor], Tensor], loss_fn: Any = None, **more: Any) -> CheckResult:
    torch.manual_seed(0)
    program = {"model": Net(between), "loader": [(ROWS, CLASSES), (ROWS.flip(0), CLASSES)], **more}
    return run_one(CHECK, loss_fn=loss_fn or nn.CrossEntropyLoss(), **program)


@pytest.mark.parametrize(
    ("between", "name"),
    [
        (torch.round, "torch.round"),
        (lambda h: h.sign(), "Tensor.sign"),
        (lambda h: torch.floor(h * 4) / 4, "torch.floor"),
        (lambda h: h.ceil(), "Tensor.ceil"),
        (lambda h: h.trunc(), "Tensor.trunc"),
        (lambda h: torch.bernoulli(h.sigmoid()), "torch.bernoulli"),
        (lambda h: (h + 50).clamp(0, 1), "Tensor.clamp"),
        (lambda h: (h - 50).clamp(0, 1), "Tensor.clamp"),
        (lambda h: (h > 0).float(), "Tensor.gt"),
        (lambda h: h.ge(0).to(h.dtype), "Tensor.ge"),
        (lambda h: h.long().float(), "Tensor.long"),
        (lambda h: F.one_hot(h.argmax(1), 8).float(), "Tensor.argmax"),
    ],
)
def test_names_the_operation_of_derivative_zero(between: Callable[[Tensor], Tensor], name: str) -> None:
    """The encoder's two parameters, which autograd gives zeros or nothing, lie behind the operation that is named."""
    found = result(between)
    assert found.status == "fail"
    assert found.where == name
    assert "encoder" in found.title
    assert found.measurements[0].measured == "2 of 4"
    assert "(lambda h" in line_of(found.place) or "self.between" in line_of(found.place)


def test_a_clipped_loss_fails() -> None:
    """A loss that lies above its clip sends nothing back to any parameter."""
    found = result(torch.relu, lambda out, y: torch.clamp(F.cross_entropy(out, y), max=0.5))
    assert found.status == "fail"
    assert found.where == "torch.clamp"
    assert found.measurements[0].measured == "4 of 4"
    assert found.measurements[1].expected.endswith("it gives 0.5 on every element")
    assert "clip_grad_norm_" in found.remedy


def test_an_accuracy_as_loss_fails() -> None:
    """A loss made of comparisons has a derivative of zero wherever it has one."""
    found = result(torch.relu, lambda out, y: (out[:, 0].gt(0).float() - y.eq(0).float()).abs().mean())
    assert found.status == "fail"
    assert found.where == "Tensor.gt"


@pytest.mark.parametrize(
    "between",
    [
        torch.relu,
        lambda h: h + (h.round() - h).detach(),
        lambda h: h + (h.sign() - h).detach(),
        lambda h: h * (h > 0).float(),
        lambda h: torch.where(h > 0, h, 0.1 * h),
        lambda h: h.clamp(-1, 1),
        lambda h: h + torch.floor(h),
        lambda h: F.gumbel_softmax(h, hard=True),
        lambda h: h.masked_fill(h < 0, 0.0),
    ],
)
def test_straight_through_and_masks_are_silent(between: Callable[[Tensor], Tensor]) -> None:
    """Steps beside which the gradient has another way are healthy."""
    assert result(between).status == "pass"


def test_a_loss_clipped_on_some_samples_is_silent() -> None:
    """A robust loss that clips outliers still learns from the others."""

    def loss_fn(out: Tensor, y: Tensor) -> Tensor:
        each = F.cross_entropy(out, y, reduction="none")
        return each.clamp(max=float(each.detach().median())).mean()

    assert result(torch.relu, loss_fn).status == "pass"


def test_a_satisfied_hinge_is_silent() -> None:
    """A hinge loss of zero has nothing left to learn, which is no defect."""
    assert result(torch.relu, lambda out, y: (out.sum(1) - 100).clamp(min=0).mean()).status == "pass"


def test_free_bits_are_silent() -> None:
    """A term held at its floor leaves the gradient of the other term."""

    def loss_fn(out: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(out, y) + torch.clamp(0.001 * out.pow(2).mean(), min=1.0)

    assert result(torch.relu, loss_fn).status == "pass"


def test_accuracy_beside_the_loss_is_silent() -> None:
    """Thresholds for a metric do not stand between loss and network."""

    def loss_fn(out: Tensor, y: Tensor) -> Tensor:
        assert 0 <= float((out.argmax(1) == y).float().mean()) <= 1
        return F.cross_entropy(out, y)

    assert result(torch.relu, loss_fn).status == "pass"


def test_dead_gradients_without_a_step_are_another_check() -> None:
    """Zeros that no operation of derivative zero explains are left to the checks of units."""
    assert result(lambda h: torch.relu(h - 100)).status == "pass"
    assert result(lambda h: torch.relu(h.clamp(max=0.1) - 100)).status == "pass"
    assert result(lambda h: torch.relu(h - 100) + torch.round(h)).status == "pass"


def test_unseen_passes_are_skipped() -> None:
    """A loss of several values, and a network without parameters, leave nothing to ask."""
    assert result(torch.round, nn.CrossEntropyLoss(reduction="none")).status == "skip"
    found = run_one(CHECK, model=nn.Flatten(), loader=[(ROWS, ROWS)], loss_fn=nn.MSELoss())
    assert found.status == "skip"


def test_several_losses_are_inconclusive() -> None:
    """Where the user's step goes backward twice, another loss may reach what lies behind the rounding."""

    def train_step(model: nn.Module, batch: Any, optimizer: Any) -> None:
        model(batch[0]).sum().backward()
        model.encoder(batch[0]).sum().backward()

    assert result(torch.round, train_step=train_step).status == "inconclusive"
    assert result(torch.relu, train_step=train_step).status == "pass"
