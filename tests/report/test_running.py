from __future__ import annotations

import inspect
import json
from typing import Any

import pytest
import torch
from torch import nn

import nbinspect
from nbinspect import Inspector, check
from nbinspect.errors import InputError
from nbinspect.records import Progress
from nbinspect.report.report import Report
from nbinspect.subject import Subject
from tests.sanity.states import state_of

FEW = ["runs", "label-range"]


def program(**other: Any) -> dict[str, Any]:
    torch.manual_seed(0)
    loader = [(torch.randn(8, 4), torch.arange(8) % 3) for _ in range(3)]
    return {"model": nn.Linear(4, 3), "loader": loader, "loss_fn": nn.CrossEntropyLoss(), **other}


def timeless(report: Report) -> Any:
    """What a report says, without how long it took."""
    found = json.loads(report.to_json())
    for part in (found, *found["results"]):
        del part["seconds"]
    return found


def test_the_signature_is_the_public_one() -> None:
    """Model, loader and loss come by position, all else by name, with these defaults."""
    parameters = inspect.signature(check).parameters
    positional = [name for name, each in parameters.items() if each.kind is not each.KEYWORD_ONLY]
    assert positional == ["model", "loader", "loss_fn"]
    assert {name: each.default for name, each in parameters.items() if each.kind is each.KEYWORD_ONLY} == {
        **dict.fromkeys(["optimizer", "val_loader", "train_step", "eval_step", "scheduler", "scaler", "total_steps"]),
        **dict.fromkeys(["forward", "split", "task", "causal", "padding_value"]),
        "batch_axis": 0,
        **dict.fromkeys(["class_names", "intended", "thresholds", "device", "only", "skip"]),
        "seed": 0,
        "time_budget": 120,
        "progress": None,
        "plain": False,
    }
    known = {*inspect.signature(Subject).parameters, "only", "skip", "seed", "time_budget", "progress", "plain"}
    assert set(parameters) <= known


def test_an_inspector_is_checked_as_its_program_is() -> None:
    """`check(inspector)` gives the report of the same program, and takes the options of a run."""
    arguments = program(task="classification", intended={"runs": "a test"})
    expected = timeless(check(**arguments, only=FEW, seed=3))
    assert timeless(check(Inspector(**arguments), only=FEW, seed=3)) == expected
    assert expected["seed"] == 3
    assert expected["task"]["given"]


def test_a_model_with_names_of_an_inspector_is_a_model() -> None:
    """Modules that are called as parts of an inspector are left alone."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.subject = nn.Linear(4, 3)
            self.journal, self.witness = nn.Identity(), nn.Identity()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = self.subject(x)
            return found

    assert len(check(**program(model=Net()), only=FEW).results) == len(FEW)


def test_what_an_inspector_holds_is_not_given_twice() -> None:
    """Objects beside an inspector are refused by name, for one of the two would be left out."""
    inspector = Inspector(**program())
    with pytest.raises(InputError, match=r"loader, task: give these to Inspector"):
        check(inspector, [], task="regression")
    with pytest.raises(InputError, match="batch_axis: give these to Inspector"):
        check(inspector, batch_axis=1)


def never(*_: Any) -> None:
    raise AssertionError("something was run")


class Untouched(nn.Linear):
    forward = never  # type: ignore[assignment] # never called


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"only": "rns"}, "only: no check or stage 'rns'; did you mean 'runs'"),
        ({"only": ["runs", "wirng"]}, "only: no check or stage 'wirng'; did you mean 'wiring'"),
        ({"skip": ["RUNS!"]}, "skip: no check or stage 'RUNS!'; did you mean 'runs'"),
        ({"only": 5}, "only: expected names of checks or stages, got a int"),
        ({"only": "runs", "skip": "wiring"}, "no check is left to run"),
        ({"only": []}, "no check is left to run"),
        ({"thresholds": {"label-rnge": {}}}, "thresholds: no check 'label-rnge'; did you mean 'label-range'"),
        ({"intended": {"run": "why"}}, "intended: no check 'run'; did you mean 'runs'"),
        ({"intended": {"runs": True}}, "intended: expected the reason for runs as a string, got a bool"),
        ({"task": "clasification"}, "task: expected one of classification"),
        ({"device": "gpu"}, "device: 'gpu' cannot be used"),
        ({"seed": 0.5}, "seed: expected an integer, got a float"),
        ({"seed": True}, "seed: expected an integer, got a bool"),
        ({"time_budget": 0}, "time_budget: expected seconds above 0, got 0"),
        ({"time_budget": float("nan")}, "time_budget: expected seconds above 0, got nan"),
        ({"time_budget": "1 min"}, "time_budget: expected seconds above 0, got '1 min'"),
        ({"progress": "bar"}, "progress: expected a function of a Progress, got a str"),
        ({"loader": None}, r"loader: expected an iterable of batches, got None; write \[\(x, y\)\]"),
        ({"loader": torch.ones(3)}, "loader: expected an iterable of batches such as a DataLoader, got a torch.Tensor"),
        ({"loss_fn": "mse"}, "loss_fn: expected a callable"),
        ({"model": nn.Linear}, r"model: expected an instance, got the class Linear; write Linear\(…\)"),
        ({"optimizer": torch.optim.SGD}, "optimizer: expected an instance, got the class SGD"),
        ({"val_loader": 3}, "val_loader: expected an iterable"),
    ],
    ids=str,
)
def test_what_cannot_be_used_is_refused_before_anything_is_run(wrong: dict[str, Any], said: str) -> None:
    """Unknown names and objects of the wrong kind are errors that say what was expected, and no model is called."""
    with pytest.raises(InputError, match=said):
        check(**{**program(model=Untouched(4, 3), progress=never), **wrong})


def test_an_inspector_without_a_loader_is_refused() -> None:
    """Nothing can be said without data, which must not look like health."""
    with pytest.raises(InputError, match="loader: expected an iterable of batches, got None"):
        check(Inspector(nn.Linear(4, 3)))


def test_only_and_skip_choose() -> None:
    """A stage stands for its checks, and what is skipped is not in the report."""
    report = check(**program(), only=["runs", "data"], skip="nothing-to-learn")
    names = [each.check for each in report.results]
    assert {each.stage for each in report.results} == {"data", "wiring"}
    assert "runs" in names
    assert "nothing-to-learn" not in names


def test_progress_is_told_and_may_cancel() -> None:
    """Each check is told of before it runs, and an answer of False ends the run with what there is."""
    seen: list[Progress] = []
    check(**program(), only=FEW, progress=seen.append)
    assert [each.done for each in seen] == sorted(each.done for each in seen)
    assert {each.check for each in seen} == {*FEW, ""}
    assert {each.total for each in seen} == {2}
    stopped = check(**program(), only=FEW, progress=lambda told: told.done == 0)
    assert stopped.record.cut == "cancelled"
    assert stopped.skipped == ("runs",)


def test_a_check_leaves_no_trace() -> None:
    """Weights, gradients, modes, optimizer and random states are the same bytes after a run."""
    arguments = program()
    optimizer = torch.optim.Adam(arguments["model"].parameters())
    before = state_of(arguments["model"], optimizer, arguments["loader"])
    assert isinstance(nbinspect.check(**arguments, optimizer=optimizer, only="wiring"), nbinspect.Report)
    assert state_of(arguments["model"], optimizer, arguments["loader"]) == before
