"""The runner: what it supplies, what it makes of whatever a check comes to, and that it leaves no trace."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import nbinspect
from nbinspect.errors import CaptureError
from nbinspect.records import Progress, SanityRecord
from nbinspect.sanity import limits
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import Check, failed, passed, warned
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded
from nbinspect.sanity.runner import memory_wanted, run_checks
from nbinspect.subject import make_subject
from tests.sanity.states import state_of

pytestmark = pytest.mark.slow


def check(run: Any, name: str = "asked", **rest: Any) -> Check:
    return Check(name, "wiring", "?", "", "", 0, run, dict, None, **rest)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.ReLU())
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


def program(model: nn.Module | None = None, **rest: Any) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    x, y = torch.randn(32, 4, generator=generator), torch.randint(3, (32,), generator=generator)
    loader = DataLoader(TensorDataset(x, y), batch_size=8, shuffle=True, generator=generator)
    return {"model": model or Net(), "loader": loader, "loss_fn": nn.CrossEntropyLoss(), **rest}


def run(checks: list[Check], arguments: dict[str, Any] | None = None, **options: Any) -> SanityRecord:
    return run_checks(make_subject(**(arguments or program())), checks, **options)


def test_a_need_that_is_missing_skips_the_check_and_is_named() -> None:
    """A check whose need the user has not given is skipped, and says which."""
    (result,) = run([check(lambda val_loader: passed("x"))]).results
    assert (result.status, result.summary) == ("skip", "needs val_loader")
    assert result.hindrance == ""


def test_what_raises_is_an_error_with_its_cause_and_line_and_the_others_go_on() -> None:
    """An exception inside a check is that check's error, with type, message and place."""

    def breaks(batch: Batch) -> Any:
        raise KeyError("wheel")

    first, second = run([check(breaks), check(lambda batch: passed("fine"), "other")]).results
    assert first.status == "error"
    assert "KeyError" in first.detail
    assert "test_runner.py:" in first.detail
    assert first.hindrance == "raised"
    assert second.status == "pass"


def test_shared_passes_are_run_once() -> None:
    """Two checks that need the recorded pass cost one forward and one backward together."""
    calls = itertools.count()  # what a hook keeps in a list is let go of
    arguments = program()
    arguments["model"].head.register_forward_hook(lambda *_: (next(calls), None)[1])
    record = run([check(lambda recorded: passed("a"), name) for name in ("one", "two", "three")], arguments)
    assert next(calls) == 1
    assert record.passes == 2
    assert [result.passes for result in record.results] == [2, 0, 0]


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("weight", lambda net: net.head.weight.data.mul_(2)),
        ("buffer", lambda net: net.body[1].running_mean.add_(1)),
        ("mode", lambda net: net.body[2].eval()),
        ("flag", lambda net: net.head.bias.requires_grad_(False)),
        ("gradient", lambda net: setattr(net.head.bias, "grad", torch.ones(3))),
        ("hook", lambda net: net.head.register_forward_hook(lambda *_: None)),
        ("replaced", lambda net: setattr(net, "head", nn.Linear(8, 3))),
    ],
)
def test_a_check_that_changes_the_subject_is_an_error_and_is_undone(kind: str, change: Any) -> None:
    """Whatever a check changes of the model makes it an error, names it, and is put back before the next check."""
    arguments = program()
    before = state_of(arguments["model"], loader=arguments["loader"])

    def meddles(program: Program) -> Any:
        change(program.network)
        return passed("nothing happened")

    def sees(program: Program) -> Any:
        return passed("intact" if state_of(program.network)[:200] == before[:200] else "changed")

    first, second = run([check(meddles), check(sees, "next")], arguments).results
    assert first.status == "error"
    assert "changed" in first.summary
    assert second.status == "pass"
    assert state_of(arguments["model"], loader=arguments["loader"]) == before


def test_a_run_leaves_no_trace_also_on_an_interrupt() -> None:
    """After passes, a copy that was changed, and a KeyboardInterrupt, every byte is what it was."""
    arguments = program()
    model = arguments["model"]
    optimizer = torch.optim.Adam(model.parameters())
    before = state_of(model, optimizer, arguments["loader"])

    def works(recorded: Recorded, evaluated: Any, program: Program) -> Any:
        copy = program.copied()
        with torch.no_grad():
            copy.network.head.weight.zero_()
        torch.rand(3)
        return passed("")

    def interrupted(recorded: Recorded, program: Program) -> Any:
        with program.running(training=False):
            raise KeyboardInterrupt

    run([check(works)], {**arguments, "optimizer": optimizer})
    assert state_of(model, optimizer, arguments["loader"]) == before
    with pytest.raises(KeyboardInterrupt):
        run([check(interrupted)], {**arguments, "optimizer": optimizer})
    assert state_of(model, optimizer, arguments["loader"]) == before


def test_the_same_seed_gives_the_same_draws_whatever_ran_before() -> None:
    """A check draws the same numbers alone and after others, another seed gives others, and dropout repeats."""

    def draws(program: Program, batch: Batch) -> Any:
        with program.running():
            outputs = program.outputs(batch)
        return passed(f"{torch.rand(1).item()} {outputs.sum().item()}")

    def noise(recordings: Any) -> Any:
        torch.rand(100)
        return passed("")

    own = check(draws, "draws")
    alone = run([own]).results[-1].summary
    assert run([check(noise, "noise"), own]).results[-1].summary == alone
    assert run([own], seed=1).results[-1].summary != alone


def test_the_budget_cuts_the_run_and_says_so() -> None:
    """When the time is used up, what is left is skipped with the budget named, and results so far stand."""

    def slow(program: Program, batch: Batch) -> Any:
        while True:
            program.limits.ask()

    record = run([check(lambda batch: passed("quick"), "a"), check(slow, "b"), check(slow, "c")], time_budget=0.3)
    assert [result.status for result in record.results] == ["pass", "skip", "skip"]
    assert "0.3 s" in record.cut
    assert "time budget" in record.results[2].summary
    assert [result.hindrance for result in record.results] == ["", "time", "time"]


def test_a_budget_that_runs_out_costs_the_checks_that_train_for_long() -> None:
    """Those run after all others, and stand where they were asked for; progress hears each result once."""

    def slow(program: Program, batch: Batch) -> Any:
        while True:
            program.limits.ask()

    told: list[Progress] = []
    long = Check("a", "training", "?", "", "", 200, slow, dict, None)
    short = Check("b", "training", "?", "", "", 10, lambda batch: passed("quick"), dict, None)
    record = run([long, short], time_budget=0.3, progress=told.append)
    assert [(one.check, one.status) for one in record.results] == [("a", "skip"), ("b", "pass")]
    assert [result.check for one in told for result in one.results] == ["b", "a"]


class Hangs(nn.Module):
    """Never comes back from its forward."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(4, 3)
        self.never = threading.Event()

    def forward(self, x: Tensor) -> Tensor:
        self.never.wait()
        return self.head(x)

    def __deepcopy__(self, memo: Any) -> Any:
        return self


class Loops(Hangs):
    """Never ends its loop, and swallows exceptions."""

    def forward(self, x: Tensor) -> Tensor:
        while True:
            try:
                x = x + 0
            except Exception:  # noqa: BLE001, PERF203 - as users write it
                continue


class Drops(Loops):
    """Never ends either, and drops the first exception of any kind, as Python does in a finaliser."""

    def forward(self, x: Tensor) -> Tensor:
        with contextlib.suppress(BaseException):
            while True:
                time.sleep(0.01)
        return super().forward(x)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # it may ring in a finaliser
@pytest.mark.parametrize("model", [Hangs, Loops, Drops])
@pytest.mark.parametrize(("thread", "step"), [(False, None), (True, None), (False, lambda model, batch: None)])
def test_a_forward_that_hangs_is_ended_once(
    model: type[nn.Module], thread: bool, step: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A forward that never ends is ended within the budget; one check tells of it and the others are skipped."""
    monkeypatch.setattr(limits, "_AGAIN", 0.2)
    monkeypatch.setattr(limits, "LEAST", 0.5)
    if thread and model is Hangs:
        pytest.skip("a thread that waits in the operating system cannot be woken")
    found: list[SanityRecord] = []
    checks = [check(lambda recorded: passed(""), name) for name in ("first", "second")]

    def work() -> None:
        found.append(run(checks, program(model(), train_step=step), time_budget=1))

    if thread:
        running = threading.Thread(target=work)
        running.start()
        running.join(60)
        assert not running.is_alive()
    else:
        work()
    first, second = found[0].results
    assert first.status == "error"
    assert "did not end within" in first.summary
    assert second.status == "skip"


def test_progress_hears_every_result_once_and_can_cancel() -> None:
    """Progress counts up, hands out each result once, and False ends the run inside a check."""
    told: list[Progress] = []
    names = ["a", "b", "c"]
    run([check(lambda recorded: passed(""), name) for name in names], progress=told.append)
    assert [result.check for one in told for result in one.results] == names
    assert (told[-1].done, told[-1].total, told[-1].check) == (3, 3, "")
    assert all(one.done <= other.done for one, other in pairwise(told))

    def endless(program: Program, batch: Batch) -> Any:
        while True:
            with program.running():
                program.outputs(batch)

    record = run(
        [check(endless, "a"), check(endless, "b")],
        progress=lambda one: False if one.check == "a" and one.seconds > 0.2 else None,
    )
    assert record.cut == "cancelled"
    assert [(result.status, result.hindrance) for result in record.results] == [("skip", "cancelled")] * 2


def test_running_out_of_memory_skips_with_the_bytes() -> None:
    """An allocation that fails for lack of memory is no error of the check: it is skipped with what it needed."""

    def greedy(batch: Batch) -> Any:
        torch.empty(2**60, dtype=torch.uint8)
        return passed("")

    (result,) = run([check(greedy)]).results
    assert result.status == "skip"
    assert "1,099,511,627,776 MiB" in result.summary
    cuda = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has …")
    assert memory_wanted(cuda) == "20.00 MiB"
    assert memory_wanted(ValueError("out of range")) is None


def test_what_is_intended_is_waived_with_its_reason() -> None:
    """A finding that the user means to have is no failure, and says why."""
    bad = check(lambda: failed("x", title="T", detail="D.", remedy="R"), "loss-direction")
    record = run([bad], program(intended={"loss-direction": "policy gradient"}))
    assert record.results[0].status == "waived"
    assert "policy gradient" in record.results[0].detail
    assert record.diagnosis == ()


def test_thresholds_of_the_user_reach_the_check() -> None:
    """A threshold given by name replaces the check's own."""

    def asks(*, share: float = 0.5) -> Any:
        return passed(f"{share}")

    assert run([check(asks, "dead-units")]).results[0].summary == "0.5"
    given = program(thresholds={"dead-units": {"share": 0.7}})
    assert run([check(asks, "dead-units")], given).results[0].summary == "0.7"


class Clamps(nn.Module):
    """Writes to its own weights while it runs, as a weight clipping critic does."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        self.head.weight.data.clamp_(-0.01, 0.01)
        return self.head(x)


def test_a_model_that_writes_to_its_own_weights_is_no_error_of_a_check() -> None:
    """What the user's own forward writes is put back after each pass, and a note says so."""
    model = Clamps()
    before = model.head.weight.detach().clone()
    record = run([check(lambda recorded, evaluated: passed(""))], program(model))
    assert record.results[0].status == "pass"
    assert "head.weight" in record.notes[0]
    assert torch.equal(model.head.weight, before)


def test_a_model_in_training_elsewhere_is_refused() -> None:
    """Beside another thread that holds the model the run is refused before anything happens."""
    arguments = program()
    begun, end = threading.Event(), threading.Event()

    def train(model: nn.Module) -> None:
        begun.set()
        end.wait(60)

    running = threading.Thread(target=train, args=(arguments["model"],))
    running.start()
    assert begun.wait(60)
    try:
        with pytest.raises(CaptureError, match="in use in thread"):
            run([check(lambda: passed(""))], arguments)
    finally:
        end.set()
        running.join(60)


def test_warnings_and_failures_stand_in_the_diagnosis_in_order() -> None:
    """Causes stand before what follows from them, failures before warnings."""
    say = {"title": "T", "detail": "", "remedy": ""}
    checks = [
        check(lambda: warned("w", **say), "imbalance"),
        check(lambda: failed("s", **say), "symptom"),
        check(lambda: failed("c", **say), "cause", explains=("symptom",)),
    ]
    record = run(checks)
    assert record.diagnosis == ("cause", "symptom", "imbalance")
    assert record.results[1].explained_by == "cause"
    assert record.results[2].explains == ("symptom",)


def test_a_need_is_told_at_length_once() -> None:
    """A long text that several checks would repeat is told by the first; the others say where it stands."""

    def raising(model: nn.Module, batch: Any, optimizer: Any) -> None:
        raise ValueError("an explanation that is as long as those of the user's own code are wont to be")

    model = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    loader = [(torch.randn(16, 4), torch.arange(16) % 2)] * 3
    names = ["updates-not-applied", "missing-zero-grad", "memory-growth"]
    report = nbinspect.check(model, loader, nn.CrossEntropyLoss(), optimizer=optimizer, train_step=raising, only=names)
    summaries = [report[name].summary for name in names]
    assert report.skipped == tuple(names)
    assert {report[name].hindrance for name in names} == {"raised"}
    assert "an explanation" in summaries[0]
    assert summaries[1:] == ["needs a training step that runs on a copy: see `updates-not-applied`"] * 2


def test_a_task_that_the_user_calls_other_is_not_asked_for() -> None:
    """Who says that the task is another one is not told to name it; where nothing is said, its name is the need."""
    model, loader = nn.Linear(4, 2), [(torch.randn(16, 4), torch.randn(16, 3))]

    def told(**more: Any) -> list[str]:
        report = nbinspect.check(model, loader, lambda out, _: out.square().mean(), optimizer=optimizer, **more)
        return [one.summary for one in report.results]

    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    asked, said = told(), told(task="other")
    assert sum("a task that is known: give task" in text for text in asked) >= 2
    assert not any("a task that is known" in text for text in said)
    assert sum(text.startswith("task is other: ") for text in said) >= 2
