from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from nbinspect.errors import InputError
from nbinspect.records import CheckResult
from nbinspect.sanity.check import Check, passed
from nbinspect.sanity.choose import chosen, near, settings_checked
from nbinspect.subject import make_subject


def plain() -> CheckResult:
    return passed("fine")


def with_thresholds(*, share: float = 0.7, names: tuple[str, ...] = ()) -> CheckResult:
    return passed("fine")


def check(name: str, stage: Any, run: Any = plain) -> Check:
    return Check(name, stage, "?", "", "", 0, run, dict, None)


CATALOGUE = (
    check("label-range", "data"),
    check("runs", "wiring"),
    check("dead-units", "init", with_thresholds),
    check("loss-at-init", "init"),
)


def settings(**given: Any) -> None:
    settings_checked(CATALOGUE, make_subject(nn.Linear(2, 2), [torch.ones(2, 2)], **given))


@pytest.mark.parametrize(
    ("only", "skip", "names"),
    [
        (None, None, ["label-range", "runs", "dead-units", "loss-at-init"]),
        ("init", None, ["dead-units", "loss-at-init"]),
        (["loss-at-init", "data"], None, ["label-range", "loss-at-init"]),
        (None, ["init", "runs"], ["label-range"]),
        ("init", "dead-units", ["loss-at-init"]),
        (("runs", "runs"), (), ["runs"]),
        ({"runs": 1}, None, ["runs"]),
        ([], None, []),
        ("runs", "wiring", []),
    ],
    ids=str,
)
def test_names_and_stages_choose_checks_in_the_order_of_the_catalogue(only: Any, skip: Any, names: list[str]) -> None:
    """A stage stands for its checks, `skip` goes before `only`, and what is asked for twice runs once."""
    assert [each.name for each in chosen(CATALOGUE, only, skip)] == names


@pytest.mark.parametrize("argument", ["only", "skip"])
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("dead-unit", "no check or stage 'dead-unit'; did you mean 'dead-units'"),
        (["runs", "dead_units"], "no check or stage 'dead_units'; did you mean 'dead-units'"),
        ("INIT", "no check or stage 'INIT'; did you mean 'init'"),
        ("zzz", "no check or stage 'zzz'; known are label-range, runs, dead-units, loss-at-init, data, init, wiring"),
        ([7], "no check or stage 7; known are"),
        (7, "expected names of checks or stages, got a int"),
        (True, "expected names of checks or stages, got a bool"),
    ],
)
def test_names_that_do_not_exist_are_refused(argument: str, given: Any, said: str) -> None:
    """An unknown name is an error that names the argument and the nearest name, or all where none is near."""
    with pytest.raises(InputError, match=f"{argument}: {said}"):
        chosen(CATALOGUE, **{argument: given})


def test_near_names_are_few() -> None:
    """At most three near names are given, in whatever case they were written, else all."""
    assert near("Runs", ["runs", "dead-units"]) == "; did you mean 'runs'?"
    assert near("loss", ["loss-a", "loss-b", "loss-c", "loss-d"]).count("loss-") == 3
    assert near("zzz", ["a", "b"]) == "; known are a, b"
    assert near("zzz", []) == "; there is none"


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"thresholds": {"dead-units": {"share": 1, "names": ("a",)}}, "intended": {"runs": "a reason"}},
        {"thresholds": {"runs": {}}, "intended": {}},
        {"total_steps": 10, "batch_axis": 1, "causal": False, "padding_value": -1.5, "device": "cpu"},
        {"total_steps": np.int64(10), "padding_value": np.float32(0), "device": torch.device("cpu")},
    ],
    ids=str,
)
def test_settings_that_can_be_used_pass(given: dict[str, Any]) -> None:
    """Settings that name what there is, of the right kind, are let through, NumPy's numbers among them."""
    settings(**given)


def test_schedulers_and_scalers_are_known_by_what_they_do() -> None:
    """PyTorch's own schedulers and scalers are let through, and what has no such method is not."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=0.1)
    scheduler, scaler = torch.optim.lr_scheduler.StepLR(optimizer, 3), torch.amp.GradScaler("cpu", enabled=False)
    settings(scheduler=scheduler, scaler=scaler)
    with pytest.raises(InputError, match=r"scheduler: expected a scheduler of torch\.optim\.lr_scheduler, got 0\.1"):
        settings(scheduler=0.1)
    with pytest.raises(InputError, match=r"scaler: expected a torch\.amp\.GradScaler, got True"):
        settings(scaler=True)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"thresholds": {"dead-unit": {}}}, "thresholds: no check 'dead-unit'; did you mean 'dead-units'"),
        ({"intended": {"run": "x"}}, "intended: no check 'run'; did you mean 'runs'"),
        ({"intended": {"init": "x"}}, "intended: no check 'init'"),
        ({"intended": {"runs": None}}, "intended: expected the reason for runs as a string, got a NoneType"),
        ({"intended": ["runs"]}, "intended: expected a dict by the names of checks, got a list"),
        ({"thresholds": 0.5}, "thresholds: expected a dict by the names of checks, got a float"),
        ({"thresholds": {"dead-units": 0.5}}, "thresholds: expected a dict of dead-units's thresholds, got a float"),
        ({"thresholds": {"dead-units": {"shares": 1}}}, "dead-units has no threshold 'shares'; did you mean 'share'"),
        ({"thresholds": {"dead-units": {"share": "most"}}}, "dead-units: expected a number for share, got 'most'"),
        ({"thresholds": {"runs": {"share": 1}}}, "runs has no threshold 'share'; there is none"),
        ({"total_steps": 0}, "total_steps: expected a number of steps above 0, got 0"),
        ({"total_steps": 1.5}, "total_steps: expected a number of steps above 0, got 1.5"),
        ({"batch_axis": -1}, "batch_axis: expected an axis, 0 or above, got -1"),
        ({"batch_axis": True}, "batch_axis: expected an axis, 0 or above, got True"),
        ({"causal": 1}, "causal: expected True or False, got 1"),
        ({"padding_value": "<pad>"}, "padding_value: expected a number, got '<pad>'"),
        ({"device": "gpu"}, "device: 'gpu' cannot be used: Expected one of cpu"),
        ({"device": 3.5}, "device: 3.5 cannot be used"),
    ],
    ids=str,
)
def test_settings_that_cannot_be_used_are_refused(given: dict[str, Any], said: str) -> None:
    """A setting of the wrong kind, or one that names what there is not, is an error that says what was expected."""
    with pytest.raises(InputError, match=said):
        settings(**given)
