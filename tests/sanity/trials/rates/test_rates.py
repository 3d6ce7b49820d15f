from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from nbinspect import check
from nbinspect.sanity.batches import Batch, make_batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.limits import Limits
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.rates.rates import RangeTest, force_rates, highest_rate, peak_rate, range_test, run_at
from nbinspect.sanity.trials.rates.shares import shares_in_use
from nbinspect.sanity.trials.running.trainee import trained
from nbinspect.subject import make_subject

pytestmark = pytest.mark.slow


def quadratic(rate: float = 0.1, kind: Any = torch.optim.SGD, **more: Any) -> tuple[Program, list[Batch]]:
    """Least squares of one weight on inputs of 1: a step at rate r multiplies the distance by 1 - 2 r."""
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 3.0)
    raws = [(torch.ones(4, 1), torch.zeros(4, 1))] * 3
    optimizer = kind(model.parameters(), lr=rate)
    scheduler = more.pop("scheduler", lambda _: None)(optimizer)
    subject = make_subject(model, raws, nn.MSELoss(), optimizer=optimizer, scheduler=scheduler, **more)
    return Program(subject, Limits(60, lambda: False)), [make_batch(subject, raw) for raw in raws]


def test_a_run_goes_as_the_formula_says() -> None:
    """Of least squares the loss after k steps at rate r is (3 (1 - 2 r)^k)²."""
    found = run_at(*quadratic(), 0.2, 6)
    assert found.losses == pytest.approx([(3 * 0.6 ** (k + 1)) ** 2 for k in range(6)], rel=1e-5)
    assert found.start == pytest.approx(9)
    assert not found.explodes


def test_a_run_ends_where_nothing_is_to_be_hoped() -> None:
    """At a rate of 3 each step multiplies the loss by 25, which is beyond a million times the start after five."""
    found = run_at(*quadratic(), 3.0, 20)
    assert found.explodes
    assert found.losses == pytest.approx([9 * 25.0 ** (k + 1) for k in range(5)], rel=1e-4)


def test_a_run_goes_on_after_a_jump() -> None:
    """A rate that throws the loss to 25 times its start at once, and is low from then on, does not explode."""
    found = run_at(*quadratic(), 3.0, 1, then=(0.3, 19))
    assert len(found.losses) == 20
    assert found.losses[0] == pytest.approx(9 * 25)
    assert found.end < found.start
    assert not found.explodes


def test_the_range_test_finds_where_least_squares_diverges() -> None:
    """Least squares with curvature 2 diverges from a rate of 1 on, and a weight that has come home a bit later."""
    found = range_test(*quadratic(), 60)
    assert found.diverged is not None
    assert 1 <= found.diverged <= 10
    assert found.suggested is not None
    assert 0.02 <= found.suggested <= 0.5


def test_smoothing_does_not_lag() -> None:
    """The lowest smoothed loss of a valley is at its bottom."""
    rates = np.logspace(-6, 1, 51)
    found = RangeTest(rates, 1 + np.abs(np.log10(rates) + 2), 5.0)
    assert rates[int(found.smooth.argmin())] == pytest.approx(0.01, rel=0.5)


def test_rates_keep_their_proportion() -> None:
    """Groups at 0.1, 0.01 and 0 become twice that, and 0."""
    program, _ = quadratic()
    with trained(program) as trainee:
        optimizer = trainee.optimizers["optimizer"]
        optimizer.add_param_group({"params": [nn.Parameter(torch.ones(1))], "lr": 0.01})
        optimizer.add_param_group({"params": [nn.Parameter(torch.ones(1))], "lr": 0.0})
        assert highest_rate(trainee) == 0.1
        force_rates(trainee, 2.0)
        force_rates(trainee, 2.0)
        assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.2, 0.02, 0.0])


def test_a_rate_of_zero_is_none() -> None:
    """Where no group has a rate there is nothing to scale."""
    program, _ = quadratic(0.0)
    with trained(program) as trainee, pytest.raises(MissingNeed, match="above 0"):
        highest_rate(trainee)


def test_the_peak_is_that_of_the_schedule() -> None:
    """A warm-up begins at a tenth and comes to the rate of the optimizer."""
    warm = lambda o: torch.optim.lr_scheduler.LambdaLR(o, lambda n: min(1.0, 0.1 + n / 50))  # noqa: E731 - one expression
    assert peak_rate(quadratic(0.3, scheduler=warm)[0], 100) == (pytest.approx(0.3), True)
    assert peak_rate(quadratic(0.3)[0], 100) == (0.3, False)


def test_a_step_that_refuses_what_the_rate_has_ruined_has_diverged() -> None:
    """A step that raises at weights beyond all measure ends the range test; any other that raises is a missing need."""
    model = nn.Linear(1, 1, bias=False)

    def step(batch: Any, optimizer: Any) -> float:
        optimizer.zero_grad()
        loss = (model(batch[0]) ** 4).sum() if at_all else 1 / 0
        assert bool(torch.isfinite(loss))
        loss.backward()
        optimizer.step()
        return 1.0

    at_all, raws = True, [(torch.full((4, 1), 1e3), torch.zeros(4, 1))] * 3
    subject = make_subject(model, raws, optimizer=torch.optim.SGD(model.parameters(), 0.1), train_step=step)
    program = Program(subject, Limits(60, lambda: False))
    found = range_test(program, [make_batch(subject, raw) for raw in raws], 20, has_loss=False)
    assert found.losses[-1] == float("inf")
    assert len(found.losses) < 20
    at_all = False
    with pytest.raises(MissingNeed):
        range_test(program, [make_batch(subject, raw) for raw in raws], 20, has_loss=False)


def test_an_optimizer_that_makes_its_own_rate_has_none() -> None:
    """A group whose rate is None, as Adafactor's, is a missing need, and its steps are watched all the same."""
    program, batches = quadratic(kind=OwnRate)
    with trained(program) as trainee:
        with pytest.raises(MissingNeed, match="learning rate"):
            highest_rate(trainee)
        force_rates(trainee, 10.0)
        assert trainee.step(batches[0], observed=True).events.updates[0].rates == (1.0,)


class OwnRate(torch.optim.Optimizer):
    """Descends at a rate that its groups do not tell."""

    def __init__(self, parameters: Any, lr: float) -> None:
        super().__init__(parameters, {"lr": None, "own": lr})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for parameter in self.param_groups[0]["params"]:
            parameter.sub_(0.1 * parameter.grad)


class OwnSchedule(torch.optim.lr_scheduler.LRScheduler):
    def get_lr(self) -> list[Any]:
        return [None for _ in self.optimizer.param_groups]


@pytest.mark.parametrize("half", [True, False])
def test_no_check_needs_a_rate(half: bool) -> None:
    """On a program whose optimizer tells no rate, with a schedule or in float16, no check ends in an error."""
    model = nn.Linear(4, 2).half() if half else nn.Linear(4, 2)
    x, y = torch.randn(16, 4), torch.arange(16) % 2
    optimizer = OwnRate(model.parameters(), 0.1)
    more = {} if half else {"scheduler": OwnSchedule(optimizer), "total_steps": 100}
    loader = [(x.half() if half else x, y)]
    report = check(model, loader, lambda z, y: nn.functional.cross_entropy(z.float(), y), optimizer=optimizer, **more)
    assert not report.errors


def test_a_loss_that_refuses_what_is_not_a_number_has_diverged() -> None:
    """A density whose distribution checks its parameters raises in the forward pass once the weights are NaN."""

    class Density(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))

        def forward(self, x: torch.Tensor) -> torch.distributions.Normal:
            mean, spread = self.body(x).unbind(1)
            return torch.distributions.Normal(mean, spread.exp(), validate_args=True)

    model = Density()
    batches = [(torch.randn(32, 4), torch.randn(32)) for _ in range(4)]
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
    loss_fn = lambda normal, y: -normal.log_prob(y).mean()  # noqa: E731 - as people write it
    report = check(model, batches, loss_fn, optimizer=optimizer, only="learning-rate")
    assert not report.errors


def beside(
    rate: float, first: Callable[[torch.optim.Optimizer], Any], second: Callable[[torch.optim.Optimizer], Any]
) -> Program:
    """A program whose step steps two schedulers of its optimizer, one of them given."""

    def step(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer, scheduler: Any) -> None:
        optimizer.zero_grad()
        nn.functional.mse_loss(model(batch[0]), batch[1]).backward()
        optimizer.step()
        scheduler.step()
        held[0].step()

    held: list[Any] = []

    def both(optimizer: torch.optim.Optimizer) -> Any:
        given = first(optimizer)
        held.append(second(optimizer))
        return given

    return quadratic(rate, scheduler=both, train_step=step)[0]


def by_epoch(optimizer: torch.optim.Optimizer) -> Any:
    return torch.optim.lr_scheduler.StepLR(optimizer, 4)


def test_of_two_schedulers_of_one_optimizer_that_counts_which_goes_highest() -> None:
    """What multiplies a rate that another one has lowered for a warm-up does not make the rate in use."""
    program = beside(0.3, by_epoch, lambda one: torch.optim.lr_scheduler.LinearLR(one, 0.01, total_iters=50))
    assert peak_rate(program, 100) == (pytest.approx(0.3), True)
    assert shares_in_use(program) == {"optimizer": (1.0,)}


def test_a_factor_stays_one_beside_a_second_scheduler() -> None:
    """Where a schedule makes the rate of a factor, one by epochs beside it does not make it the factor."""

    def noam(optimizer: torch.optim.Optimizer) -> Any:
        return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: 1e-3 * min(1.0, (n + 1) / 10))

    for pair in ((noam, by_epoch), (by_epoch, noam)):
        assert shares_in_use(beside(1.0, *pair))["optimizer"] == (pytest.approx(1e-3),)
