from __future__ import annotations

import math
import signal
import threading
import time
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from torch import nn

from nbinspect import Journal
from nbinspect.errors import InputError
from nbinspect.journal import run as run_module
from nbinspect.journal.storage import reading
from tests.journal.programs import HOSTILE, another_python
from tests.journal.test_storage import full_disk

pytestmark = pytest.mark.slow


@pytest.fixture
def journal(tmp_path) -> Journal:
    return Journal(tmp_path / "runs.db")


def test_values_come_back_as_they_were_logged(journal):
    """Steps, values and their order come back exactly, of tensors, NumPy and Python numbers, NaN and infinities too."""
    with journal.run("a") as run:
        run.log(0, 0.1, accuracy=1)
        run.log(np.int64(1), torch.tensor(0.25, requires_grad=True), accuracy=np.float32(0.5))
        run.log(2, float("nan"))
        run.log(7, math.inf, **{HOSTILE: -math.inf})
        run.log(3, torch.tensor([2.0], dtype=torch.bfloat16))
    curves = journal[run.id].curves
    np.testing.assert_array_equal(curves["loss"].values, [0.1, 0.25, math.nan, math.inf, 2.0])
    assert curves["loss"].steps.tolist() == [0, 1, 2, 7, 3]
    assert curves["accuracy"].values.tolist() == [1.0, 0.5]
    assert [curve.values.tolist() for name, curve in curves.items() if "DROP TABLE" in name] == [[-math.inf]]
    assert (np.diff(curves["loss"].seconds) >= 0).all()
    assert run.unsaved == 0


@pytest.mark.parametrize(
    ("step", "values", "message"),
    [
        (0.5, {}, "step: expected an integer, got a float"),
        (2**80, {}, "64 bits"),
        (0, {"loss": "low"}, "loss: expected a number, got a str"),
        (0, {"loss": torch.ones(2)}, r"got a torch.Tensor of the shape \(2,\)"),
        (0, {"acc": [1]}, "acc: expected a number"),
    ],
)
def test_what_is_no_number_is_refused_at_once(journal, step, values, message):
    """A step or a value of the wrong kind is an error with its name, and nothing of that call is kept."""
    with journal.run("a") as run, pytest.raises(InputError, match=message):
        run.log(step, **values)
    assert journal[run.id].curves == {}


@pytest.mark.parametrize(
    ("error", "status", "notes"),
    [
        (None, "finished", ()),
        (KeyboardInterrupt(), "interrupted", ()),
        (LookupError(f"no {HOSTILE}"), "failed", (f"LookupError: no {HOSTILE}".replace("\ud800", "\\ud800"),)),
    ],
)
def test_the_end_of_a_run_tells_how_it_went(journal, error, status, notes):
    """A run that raises is kept with what it logged and the exception's words, and the exception goes on."""

    def trained():
        with journal.run("a") as run:
            run.log(0, 1.0)
            if error is not None:
                raise error

    with pytest.raises(type(error)) if error is not None else nullcontext():
        trained()
    entry = journal[1]
    assert (entry.status, entry.notes, entry.loss) == (status, notes, 1.0)
    assert entry.seconds >= 0


def test_a_run_without_a_block_is_ended_by_name(journal):
    """A run that spans several cells is running until it is finished with a word of one's own."""
    run = journal.run("a", note="first")
    run.note("second")
    assert journal[run.id].status == "running"
    assert journal[run.id].seconds is None
    run.finish("stopped early")
    assert (journal[run.id].status, journal[run.id].notes) == ("stopped early", ("first", "second"))


def test_values_are_written_within_a_second_without_another_call(journal):
    """What was logged last is on the disk soon, also if nothing more is logged and the run does not end."""
    run = journal.run("a")
    run.log(0, 1.0)
    timer = run._timer
    timer.join(10)
    assert not timer.is_alive()
    assert journal[run.id].loss == 1.0
    assert not any(thread.name == "nbinspect journal" for thread in threading.enumerate())


LOGS_FOREVER = """
run_module._EVERY = 0.003
run = journal.run("killed", config={"lr": 0.1})
step = 0
while True:
    run.log(step, 0.5 * step)
    step += 1
    timer = run._timer
    if step % 50 == 0 and timer is not None:
        timer.join()
        print(step, flush=True)
"""


@pytest.mark.parametrize("lines", [1, 7, 40])
def test_a_killed_process_loses_nothing_that_was_committed(tmp_path, lines):
    """After SIGKILL in the middle of logging the file is whole, has every value that was saved, and says killed."""
    file = tmp_path / "runs.db"
    with another_python(LOGS_FOREVER, file) as child:
        said = [child.stdout.readline() for _ in range(lines)]
        child.kill()
        assert child.wait(60) == -signal.SIGKILL
    journal = Journal(file)
    entry = journal[1]
    curve = entry.curves["loss"]
    assert len(curve.steps) >= int(said[-1]) > 0
    assert curve.steps.tolist() == list(range(len(curve.steps)))
    np.testing.assert_array_equal(curve.values, 0.5 * curve.steps)
    assert (entry.status, entry.seconds, entry.configuration["config"]) == ("killed", None, {"lr": 0.1})
    assert journal.runs()["status"].tolist() == ["killed"]
    with reading(file) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert journal.act("goes on") == 2


def test_a_process_that_ends_in_peace_writes_what_waits(tmp_path):
    """A script that logs and ends without finishing its run loses nothing."""
    with another_python(
        "run = journal.run('a')\nfor step in range(30): run.log(step, step)", tmp_path / "runs.db"
    ) as child:
        assert child.wait(60) == 0
    entry = Journal(tmp_path / "runs.db")[1]
    assert entry.curves["loss"].values.tolist() == list(range(30))
    assert entry.status == "killed", "its process is gone, and it never said that it was finished"


@pytest.mark.parametrize("meanwhile", [nullcontext, reading], ids=["alone", "while-read"])
def test_a_full_disk_warns_once_and_keeps_the_values(journal, monkeypatch, meanwhile):
    """While the disk is full the loop goes on with one warning, and with room again all of it is written in order."""
    monkeypatch.setattr(run_module, "_EVERY", 0.001)
    run = journal.run("a")

    def trained():
        for step in range(30):
            run.log(step, float(step))
            timer = run._timer
            if timer is not None:
                timer.join(10)
        run.note("still here")
        run.finish()

    # with a reader the file can be opened, and it is the commit that fails
    with meanwhile(journal.path), full_disk(), pytest.warns(RuntimeWarning, match=r"full; run 1 goes on") as caught:
        trained()
    assert [warning.filename for warning in caught] == [__file__]
    assert run.unsaved == 32
    run.finish()
    entry = journal[run.id]
    assert entry.curves["loss"].values.tolist() == list(range(30))
    assert (entry.status, entry.notes, run.unsaved) == ("finished", ("still here",), 0)


def test_a_file_that_is_gone_never_breaks_the_loop(journal):
    """A block around a training loop ends with a warning, and no error, where the journal was deleted meanwhile."""

    def trained():
        with journal.run("a") as run:
            journal.path.unlink()
            for step in range(10):
                run.log(step, 1.0)
        return run

    with pytest.warns(RuntimeWarning, match="not there any more"):
        run = trained()
    assert run.unsaved == 11


def test_logging_is_cheap_beside_a_step(journal):
    """Logging costs less than a tenth of the smallest training step, in the median over many."""
    model = nn.Linear(6, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x, steps, logs = torch.randn(8, 6), [], []
    with journal.run("a") as run:
        for step in range(400):
            start = time.perf_counter()
            loss = model(x).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            between = time.perf_counter()
            run.log(step, loss)
            steps.append(between - start)
            logs.append(time.perf_counter() - between)
    assert np.median(logs) < 0.1 * np.median(steps)


def test_a_run_does_not_change_the_training(journal):
    """Weights and random states after a logged run are those of the same run without a journal."""

    def trained(log):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(6, 4), nn.Dropout(), nn.Linear(4, 1))
        optimizer = torch.optim.Adam(model.parameters())
        for step in range(20):
            loss = model(torch.randn(8, 6)).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            log(step, loss)
        return [*(parameter.detach().clone() for parameter in model.parameters()), torch.get_rng_state()]

    plain = trained(lambda *_: None)
    with journal.run("a") as run:
        assert all(map(torch.equal, plain, trained(run.log)))
