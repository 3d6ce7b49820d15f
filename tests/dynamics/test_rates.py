from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler as schedules

from nbinspect.dynamics.rates import change_rates, rate_groups
from nbinspect.errors import InputError

SCHEDULES: dict[str, Callable[[Any], Any]] = {
    "StepLR": lambda o: schedules.StepLR(o, 4),
    "ExponentialLR": lambda o: schedules.ExponentialLR(o, 0.9),
    "LambdaLR": lambda o: schedules.LambdaLR(o, lambda step: 1 / (1 + step)),
    "CosineAnnealingLR": lambda o: schedules.CosineAnnealingLR(o, 7),
    "CosineAnnealingWarmRestarts": lambda o: schedules.CosineAnnealingWarmRestarts(o, 5),
    "OneCycleLR": lambda o: schedules.OneCycleLR(o, 0.4, total_steps=30),
    "CyclicLR": lambda o: schedules.CyclicLR(o, 0.1, 0.5, step_size_up=3),
    "LinearLR": lambda o: schedules.LinearLR(o, 0.1, total_iters=6),
    "PolynomialLR": lambda o: schedules.PolynomialLR(o, 20),
    "SequentialLR": lambda o: schedules.SequentialLR(
        o, [schedules.ConstantLR(o, 0.5, 3), schedules.CosineAnnealingLR(o, 10)], [4]
    ),
}


def sgd(lr: Any = 0.2) -> torch.optim.SGD:
    layers = nn.Linear(2, 2), nn.Linear(2, 2)
    return torch.optim.SGD([{"params": layers[0].parameters()}, {"params": layers[1].parameters(), "lr": 0.1}], lr=lr)


def rates(optimizer: torch.optim.Optimizer, scheduler: Any, steps: int) -> list[list[float]]:
    found = []
    for _ in range(steps):
        optimizer.step()
        scheduler.step()
        found.append([float(group["lr"]) for group in optimizer.param_groups])
    return found


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_goes_on_in_proportion(name: str) -> None:
    """After a rate 3 times as high, all later rates of the schedule are 3 times what they would have been."""
    alone, changed = sgd(), sgd()
    schedule, own = SCHEDULES[name](alone), SCHEDULES[name](changed)
    rates(alone, schedule, 5)
    rates(changed, own, 5)
    for at, group in enumerate(rate_groups([changed])):
        change_rates([changed], 3 * group.rate, f"SGD/{at}")
    expected = torch.tensor(rates(alone, schedule, 12)) * 3
    assert torch.allclose(torch.tensor(rates(changed, own, 12)), expected, rtol=1e-5)


def test_a_warm_up_that_stands_at_zero_gets_the_rate_as_its_top() -> None:
    """Where the schedule is at 0 for now, the rate takes the place of the one that it warms up to."""
    optimizer = sgd()
    scheduler = schedules.LambdaLR(optimizer, lambda step: min(1.0, step / 4))
    change_rates([optimizer], 0.8)
    assert [group["lr"] for group in optimizer.param_groups] == [0.8, 0.8]
    assert rates(optimizer, scheduler, 4) == [[0.2, 0.2], [0.4, 0.4], [pytest.approx(0.6)] * 2, [0.8, 0.8]]


def test_groups_at_rest_stay_at_rest() -> None:
    """A group frozen by a rate of 0 keeps it, unless it is asked for by name."""
    optimizer = sgd()
    optimizer.param_groups[1]["lr"] = 0.0
    assert change_rates([optimizer], 0.5) == "learning rate: 0.2 → 0.5"
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.0]
    change_rates([optimizer], 0.25, "SGD/1")
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.25]


def test_a_rate_that_is_a_tensor_is_filled_in_place() -> None:
    """The tensor that a captured step reads keeps its identity, and its schedule goes on."""
    rate = torch.tensor(0.2)
    optimizer = torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=rate, foreach=True)
    scheduler = schedules.LambdaLR(optimizer, lambda _: 1.0)
    change_rates([optimizer], 0.4)
    assert optimizer.param_groups[0]["lr"] is rate
    assert rates(optimizer, scheduler, 2) == [[pytest.approx(0.4)], [pytest.approx(0.4)]]


def test_each_group_has_a_name_of_its_own() -> None:
    """Groups are called by their own names, else by number, and optimizers of one class are told apart."""
    first, second = sgd(), sgd()
    first.param_groups[0]["name"] = "body"
    for group in second.param_groups:
        group["name"] = "same"
    names = [group.name for group in rate_groups([first, second])]
    assert names == ["SGD/body", "SGD/1", "SGD 2/same (0)", "SGD 2/same (1)"]


def test_schedulers_of_other_optimizers_are_left_alone() -> None:
    """Another run in the same process keeps its schedule."""
    ours, theirs = sgd(), sgd()
    scheduler = schedules.StepLR(theirs, 4)
    change_rates([ours], 0.7)
    assert (scheduler.base_lrs, theirs.param_groups[0]["lr"]) == ([0.2, 0.1], 0.2)


def test_a_group_that_does_not_exist_is_refused() -> None:
    """The error names the groups that there are, and nothing changes."""
    optimizer = sgd()
    with pytest.raises(InputError, match=r"expected one of SGD/0, SGD/1, got 'head'"):
        change_rates([optimizer], 1.0, "head")
    assert optimizer.param_groups[0]["lr"] == 0.2


def test_optimizers_that_make_their_own_rate_have_none_to_set() -> None:
    """Groups without a rate are no groups to set one of; where there are no others, the reason is said."""
    own = torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=0.1)
    own.param_groups[0]["lr"] = None
    assert [group.name for group in rate_groups([own, sgd()])] == ["SGD 2/0", "SGD 2/1"]
    with pytest.raises(InputError, match="set_rate: the optimizer makes its rates itself"):
        change_rates([own], 0.1)
    assert own.param_groups[0]["lr"] is None
