from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from nbinspect.records import CheckResult
from nbinspect.sanity.registry import CHECKS
from nbinspect.sanity.runner import run_checks
from nbinspect.sanity.training import lr_schedule
from nbinspect.sanity.trials.proving.proof import STEPS
from nbinspect.subject import make_subject
from tests.sanity.states import state_of

pytestmark = pytest.mark.slow


def found(name: str, model: nn.Module, loss_fn: Any, batch: tuple[Tensor, Tensor], **options: Any) -> CheckResult:
    """The result of a check in a run that trains too."""
    checks = [check for check in CHECKS if check.name == name] + [lr_schedule.CHECK]
    return run_checks(make_subject(model, [batch], loss_fn, **options), checks).results[0]


def batch() -> tuple[Tensor, Tensor]:
    x = torch.randn(64, 8, generator=torch.Generator().manual_seed(0))
    return x, x[:, :3].argmax(1)


def network(*last: nn.Module) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 3), *last)


def losses_by_hand(model: nn.Module, loss_fn: Any, data: tuple[Tensor, Tensor]) -> list[float]:
    """The loss after each of the steps of Adam at 0.01."""
    optimizer, losses = torch.optim.Adam(model.parameters(), lr=1e-2), []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss_fn(model(data[0]), data[1]).backward()
        optimizer.step()
        losses.append(loss_fn(model(data[0]), data[1]).item())
    return losses


def test_a_softmax_before_cross_entropy_is_confirmed_with_both_numbers() -> None:
    """The numbers are those of training by hand with the softmax, and without it."""
    result = found("loss-input", network(nn.Softmax(1)), nn.CrossEntropyLoss(), batch())
    assert result.status == "fail"
    assert result.confirmed
    as_it_is = losses_by_hand(network(nn.Softmax(1)), functional.cross_entropy, batch())[-1]
    without = losses_by_hand(network(), functional.cross_entropy, batch())[-1]
    told = [float(one.measured) for one in result.measurements[-2:]]
    assert told == pytest.approx([as_it_is, without], rel=1e-2)
    assert f"{without:.3g} with logits" in result.detail
    assert [line[-1] for line in result.charts[0].values] == pytest.approx([as_it_is, without], rel=1e-2)


def test_logits_into_nll_are_judged_by_the_right_loss() -> None:
    """A loss without a lower bound falls further than the right one; by the right one both are compared."""
    result = found("loss-input", network(), nn.NLLLoss(), batch())
    assert result.confirmed
    as_it_is, cured = (float(one.measured) for one in result.measurements[-2:])
    assert 0 < cured < as_it_is


def test_a_broadcast_is_confirmed() -> None:
    """Outputs in the shape of the targets fit a batch that the (N, N) mean cannot."""
    x, _ = batch()
    regression = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 1))
    result = found("silent-broadcast", regression, lambda o, t: ((o - t) ** 2).mean(), (x, x[:, 0]))
    assert result.confirmed


def test_without_checks_that_train_nothing_is_trained() -> None:
    """A run of the wiring alone leaves its findings unconfirmed and takes no training step."""
    checks = [check for check in CHECKS if check.name == "loss-input"]
    record = run_checks(make_subject(network(nn.Softmax(1)), [batch()], nn.CrossEntropyLoss()), checks)
    assert record.results[0].status == "fail"
    assert not record.results[0].confirmed
    assert record.steps == 0


def test_a_finding_stands_where_its_remedy_cannot_be_tried() -> None:
    """A program that cannot be copied keeps its failure, unconfirmed."""

    class Uncopied(nn.Sequential):
        def __deepcopy__(self, memo: Any) -> Any:
            raise TypeError("not to be copied")

    model = Uncopied(*network(nn.Softmax(1)))
    result = found("loss-input", model, nn.CrossEntropyLoss(), batch())
    assert result.status == "fail"
    assert not result.confirmed


def test_the_program_is_left_as_it_was() -> None:
    """Weights, gradients, optimizer and random states stay as they were."""
    model, data = network(nn.Softmax(1)), batch()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    before = state_of(model, optimizer)
    assert found("loss-input", model, nn.CrossEntropyLoss(), data, optimizer=optimizer).confirmed
    assert state_of(model, optimizer) == before
