from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import optuna
import pytest
import torch
from torch import nn

from nbinspect import Report, check
from nbinspect.errors import InputError, NbinspectError
from nbinspect.integrations.optuna import Space, to_optuna
from nbinspect.records import CheckResult, Measurement

optuna.logging.set_verbosity(optuna.logging.WARNING)


@pytest.fixture(scope="module")
def report() -> Report:
    """A report without a suggested rate."""
    batch = torch.randn(8, 4, generator=torch.Generator().manual_seed(0)), torch.arange(8) % 2
    return check(nn.Linear(4, 2), [batch], nn.CrossEntropyLoss(), only="nonfinite-data")


def with_rate(report: Report, measured: str) -> Report:
    """The report, with a suggestion of the check `learning-rate`."""
    told = CheckResult(
        "learning-rate", "training", "pass", "", measurements=(Measurement("suggested rate", measured, ""),)
    )
    return Report(replace(report.record, results=(*report.results, told)))


def studied(
    space: Space, value: Callable[[dict[str, Any]], float], trials: int = 60, direction: str = "minimize"
) -> Any:
    """A study of random trials in a space."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0), direction=direction)
    study.optimize(lambda trial: value(space.suggest(trial)), n_trials=trials)
    return study


def bounds(space: Space, name: str) -> tuple[float, float]:
    """The ends of a range."""
    return next((one.low, one.high) for one in space.ranges if one.name == name)


def sgd(**options: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(nn.Linear(2, 2).parameters(), **options)


def test_an_optimizer_that_makes_its_own_rate_leaves_the_default(report: Report) -> None:
    """Where a group's rate is None, as Adafactor's, the space lies around 0.001."""
    optimizer = sgd(lr=0.5)
    optimizer.param_groups[0]["lr"] = None
    assert bounds(to_optuna(report, optimizer=optimizer), "learning_rate") == pytest.approx((1e-4, 1e-2))


@pytest.mark.parametrize(
    ("measured", "rate"), [("0.02", 0.02), ("3.0e-04", 3e-4), ("3.0e−04", 3e-4), ("rate 0.5 a step", 0.5)]
)
def test_the_rate_is_searched_around_the_suggestion(report: Report, measured: str, rate: float) -> None:
    """The range of the rate is a decade to either side of what the check suggests, however the number is written."""
    space = to_optuna(with_rate(report, measured), optimizer=sgd(lr=7.0))
    assert bounds(space, "learning_rate") == pytest.approx((rate / 10, rate * 10))


def test_without_a_suggestion_the_rate_in_use_is_the_middle(report: Report) -> None:
    """The optimizer's own rate is searched around, its base one while it warms up, and 0.001 without any."""
    optimizer = sgd(lr=0.3)
    assert bounds(to_optuna(report, optimizer=optimizer), "learning_rate") == pytest.approx((0.03, 3.0))
    torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.01)
    assert bounds(to_optuna(report, optimizer=optimizer), "learning_rate") == pytest.approx((0.03, 3.0))
    assert bounds(report.to_optuna(), "learning_rate") == pytest.approx((1e-4, 1e-2))


def test_a_rate_that_is_no_number_is_passed_over(report: Report) -> None:
    """A suggestion without a number leaves the optimizer's own rate."""
    space = to_optuna(with_rate(report, "none found"), optimizer=sgd(lr=0.3))
    assert bounds(space, "learning_rate") == pytest.approx((0.03, 3.0))


def test_what_is_searched_follows_the_optimizer(report: Report) -> None:
    """Momentum is searched where there is some, betas where there are any, and options ask for the rest."""

    def names(**options: Any) -> set[str]:
        return {one.name for one in to_optuna(report, **options).ranges}

    always = {"learning_rate", "weight_decay"}
    adam = torch.optim.AdamW(nn.Linear(2, 2).parameters(), weight_decay=0.01)
    assert names(dropout=False, optimizer=sgd(lr=0.1)) == always
    assert names(dropout=False, optimizer=sgd(lr=0.1, momentum=0.9)) == always | {"one_minus_momentum"}
    assert names(dropout=False, optimizer=adam) == always | {"one_minus_beta1", "one_minus_beta2"}
    assert names(clipping=True, batch_size=32) == always | {"dropout", "clipping_norm", "batch_size"}
    assert bounds(to_optuna(report, optimizer=adam), "weight_decay") == pytest.approx((0.001, 0.1))


def test_trials_are_drawn_from_the_space(report: Report) -> None:
    """Suggested values lie in their ranges, rates evenly by their logarithm, batch sizes among the choices."""
    space = to_optuna(report, optimizer=sgd(lr=0.1), batch_size=32)
    study = studied(space, lambda _: 0.0, trials=300)
    rates = sorted(trial.params["learning_rate"] for trial in study.trials)
    assert all(0.01 <= rate <= 1.0 for rate in rates)
    assert 0.07 < rates[150] < 0.14
    assert {trial.params["batch_size"] for trial in study.trials} == {8, 16, 32, 64}


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_the_finer_space_holds_the_best_quarter(report: Report, direction: str) -> None:
    """The narrowed space lies in the coarse one, around the optimum, and just holds the best quarter of the trials."""
    space = to_optuna(report, optimizer=sgd(lr=0.1), batch_size=32, dropout=False)
    sign = 1 if direction == "minimize" else -1

    def value(params: dict[str, Any]) -> float:
        return sign * (math.log10(params["learning_rate"] / 0.05) ** 2 + 0.05 * (params["batch_size"] != 16))

    study = studied(space, value, direction=direction)
    finer = space.narrowed(study)
    best = sorted(study.trials, key=lambda trial: sign * trial.value)[:15]
    low, high = bounds(finer, "learning_rate")
    rates = [trial.params["learning_rate"] for trial in best]
    assert 0.01 <= low <= min(rates) <= 0.05 <= max(rates) <= high < 0.3
    (sizes,) = (one.choices for one in finer.ranges if one.name == "batch_size")
    assert set(sizes) == {trial.params["batch_size"] for trial in best}
    assert studied(finer, value, trials=20, direction=direction).best_value * sign <= 0.1


def test_what_did_not_matter_keeps_its_range(report: Report) -> None:
    """A hyperparameter that changes nothing keeps nearly all of its range, on the scale that it is drawn by."""
    space = to_optuna(report)
    finer = space.narrowed(studied(space, lambda params: abs(math.log(params["learning_rate"] / 1e-3))))

    def width(one: Space) -> float:
        low, high = bounds(one, "weight_decay")
        return math.log(high / low)

    assert width(finer) > 0.75 * width(space)


def test_the_frame_says_what_mattered(report: Report) -> None:
    """Importances are Optuna's own, sum to 1, and put first what the value depends on."""
    space = to_optuna(report)
    study = studied(space, lambda params: math.log10(params["learning_rate"]) ** 2 + 0.01 * params["dropout"])
    frame = space.to_frame(study)
    assert frame.hyperparameter[0] == "learning_rate"
    assert frame.importance.sum() == pytest.approx(1)
    assert frame.importance[0] > 0.9
    assert space.narrowed(study).to_frame().importance.sum() == pytest.approx(1)
    assert space.to_frame().importance.isna().all()


def test_trials_that_failed_do_not_count(report: Report) -> None:
    """Pruned, failed and non-finite trials are left out of the best."""
    space = to_optuna(report, dropout=False)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))

    def value(trial: Any) -> float:
        params = space.suggest(trial)
        if trial.number % 3 == 0:
            raise optuna.TrialPruned
        return -math.inf if trial.number % 3 == 1 else abs(math.log(params["learning_rate"] / 1e-3))

    study.optimize(value, n_trials=60)
    low, high = bounds(space.narrowed(study), "learning_rate")
    assert low < 1e-3 < high
    assert high / low < 30


def test_of_several_optimizers_the_one_of_the_highest_rate_is_searched_around(report: Report) -> None:
    """A list of two gives the momentum of the faster one."""
    weights = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
    slow, fast = (torch.optim.SGD([one], rate, momentum=rate) for one, rate in zip(weights, (0.1, 0.4), strict=True))
    alone, both = to_optuna(report, optimizer=fast), to_optuna(report, optimizer=[slow, fast])
    assert str(both) == str(alone) != str(to_optuna(report, optimizer=slow))


def test_what_cannot_be_used_is_refused(report: Report) -> None:
    """Objects of the wrong kind, shares out of range and studies without trials are refused by name."""
    space, empty = to_optuna(report), optuna.create_study()
    with pytest.raises(InputError, match=r"optimizer: expected a torch\.optim\.Optimizer"):
        to_optuna(report, optimizer=torch.optim.SGD)
    with pytest.raises(InputError, match="report: expected"):
        to_optuna("report")
    with pytest.raises(InputError, match="batch_size: expected"):
        to_optuna(report, batch_size=0)
    with pytest.raises(InputError, match="4 finished trials or more, this one has 0"):
        space.narrowed(empty)
    with pytest.raises(InputError, match="one objective, this one has 2"):
        space.narrowed(optuna.create_study(directions=["minimize", "maximize"]))
    with pytest.raises(InputError, match=r"expected an optuna\.Study"):
        space.narrowed([])
    with pytest.raises(InputError, match="share: expected"):
        space.narrowed(empty, share=0)
    with pytest.raises(InputError, match="4 finished trials or more"):
        space.to_frame(empty)


def test_a_missing_optuna_is_named_with_its_line(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without optuna the error has the line that installs it."""
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    with pytest.raises(NbinspectError, match=r"pip install 'nbinspect\[optuna\]'"):
        to_optuna(report)
