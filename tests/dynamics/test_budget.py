from __future__ import annotations

import math

import numpy as np
import pytest

from nbinspect.dynamics.budget import Budget


def spent_on(cost: float, step: float, share: float, seconds: float, per_step: float = 0.0) -> tuple[float, Budget]:
    """The seconds spent in a run whose clock is told by hand, and its budget."""
    budget = Budget(share, {"work": (1.0, 0.0)}, per_step)
    now = spent = 0.0
    budget.begin(now)
    for number in range(int(seconds / step)):
        now += step + per_step
        budget.stepped(now, number + 1)
        if budget.due("work", now):
            now += cost
            spent += cost
            budget.spend("work", cost, now)
    budget.stepped(now, int(seconds / step))
    return spent, budget


@pytest.mark.parametrize("cost", [0.0001, 0.01, 0.5])
def test_work_stays_within_its_share(cost: float) -> None:
    """Whatever work costs, it takes most of its share of the time and no more, or is done at every step."""
    spent, _ = spent_on(cost, 0.01, 0.02, 200.0)
    assert spent <= 0.02 * 200 + 2 * cost + 1e-6
    assert spent >= min(0.6 * 0.02 * 200, 0.9 * cost * 20_000)


def test_the_overhead_told_is_the_one_spent() -> None:
    """The overhead is the spent time over the time without it."""
    spent, budget = spent_on(0.01, 0.01, 0.05, 100.0)
    assert budget.overhead == pytest.approx(spent / 100.0, rel=1e-6)


def test_what_every_step_costs_is_paid_first() -> None:
    """Where the steps' own cost takes half of the share, only the other half is left for work."""
    spent, budget = spent_on(0.001, 0.001, 0.02, 100.0, per_step=0.00001)
    assert 0.006 * 100 < spent < 0.011 * 100
    assert budget.overhead == pytest.approx(0.02, rel=0.1)


def test_the_shortest_steps_leave_a_tenth_for_work() -> None:
    """Where only what every step costs is more than the share, a tenth of the share is still spent on work."""
    spent, budget = spent_on(0.001, 0.0001, 0.02, 100.0, per_step=0.00002)
    assert 0.001 * 100 < spent < 0.0025 * 120
    assert budget.overhead > 0.1


def test_a_pause_pays_for_nothing() -> None:
    """Time in which nothing is trained does not make work due, and is no part of the run's time."""
    budget = Budget(0.01, {"work": (1.0, 0.0)})
    budget.begin(0.0)
    budget.expect("work", 1.0, 0.0)
    budget.stepped(50.0, 1)
    budget.idle(1000.0)
    assert not budget.due("work", 1050.0)
    assert budget.due("work", 1101.0)
    budget.stepped(1051.0, 2)
    assert budget.seconds == pytest.approx(51.0)


def test_work_that_is_begun_is_not_due_again() -> None:
    """Held work does not keep the next time from being that of other work."""
    budget = Budget(0.01, {"a": (0.5, 1.0), "b": (0.5, 2.0)})
    budget.begin(0.0)
    budget.hold("a")
    budget.spend("b", 0.0, 0.0)
    assert math.isinf(np.float64(budget._works["a"].due))
    assert budget.next == 2.0


def test_before_the_first_step_there_is_no_overhead() -> None:
    """Without time there is no share of it."""
    assert math.isnan(Budget(0.02, {}).overhead)
