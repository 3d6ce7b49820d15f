from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nbinspect.records import CheckResult
from nbinspect.sanity import limits as module
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import passed
from nbinspect.sanity.limits import Ended, Hung, Limits
from nbinspect.sanity.program import Program
from nbinspect.sanity.runner import run_checks
from nbinspect.sanity.wiring.runs import CHECK
from nbinspect.subject import make_subject


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a call of the user's for at least a fraction of a second only."""
    monkeypatch.setattr(module, "LEAST", 0.05)


def loops(limits: Limits) -> type[BaseException] | None:
    """What ends a loop without an end."""
    try:
        with limits.watching():
            while True:
                time.monotonic()
    except (Ended, Hung) as raised:
        return type(raised)


def in_a_thread(limits: Limits) -> Any:
    """The same outside of the main thread, where no signal arrives."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(loops(limits)))
    thread.start()
    thread.join()
    return found[0]


@pytest.mark.parametrize("ended", [loops, in_a_thread])
@pytest.mark.parametrize(("spent", "raised"), [(0.0, Hung), (0.9, Ended), (0.99, Ended)])
def test_a_call_hangs_only_while_there_is_time(ended: Any, spent: float, raised: type[BaseException]) -> None:
    """A call that does not end is one that hangs; near the end of the budget there was no time for it."""
    limits = Limits(0.4)
    limits._began -= spent * 0.4
    assert ended(limits) is raised


class Loops(nn.Linear):
    """Never ends."""

    def forward(self, x: Tensor) -> Tensor:
        while True:
            time.monotonic()


def test_a_check_that_runs_out_of_time_is_skipped() -> None:
    """A pass that is slow when the budget ends is no error of its check, and the record says what was cut."""

    def run(program: Program, batch: Batch) -> CheckResult:
        program.limits._began -= 0.99 * program.limits.seconds
        with program.running():
            return passed(str(program.outputs(batch)))

    batch = (torch.randn(8, 4), torch.arange(8) % 3)
    subject = make_subject(Loops(4, 3), [batch], nn.CrossEntropyLoss())
    record = run_checks(subject, [replace(CHECK, name=name, run=run) for name in ("a", "b")], time_budget=30)
    assert [result.status for result in record.results] == ["skip", "skip"]
    assert record.results[0].summary == "not finished: time budget of 30 s"
    assert record.cut == "time budget of 30 s"
