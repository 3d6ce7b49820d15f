from __future__ import annotations

import resource
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nbinspect import Inspector, Journal, NbinspectError, Recorder
from nbinspect.runlog.follow import Follow
from tests.runlog.logged import another_python

pytestmark = pytest.mark.slow

ROOM = 200
"""Bytes that a file may have on a disk that is nearly full: the first ones are taken, the rest is refused."""


@contextmanager
def nearly_full(room: int = ROOM) -> Iterator[None]:
    """In this block no file can grow beyond `room` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def program() -> Inspector:
    """A small classifier with dropout and batch statistics, with its data."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.Linear(8, 3))
    x = torch.randn(96, 4)
    loader = DataLoader(TensorDataset(x, x[:, :3].argmax(1)), batch_size=8, shuffle=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return Inspector(model, loader, nn.CrossEntropyLoss(), optimizer=optimizer, val_loader=loader)


def train(inspector: Inspector, each: Callable[[int, float], object] = lambda step, loss: None) -> list[bytes]:
    """Train an epoch, and return the bytes of weights, buffers and the random state."""
    subject = inspector.subject
    for step, (x, y) in enumerate(subject.loader):
        subject.optimizer.zero_grad()
        loss = subject.loss_fn(subject.model(x), y)
        loss.backward()
        subject.optimizer.step()
        each(step, loss.item())
    return [part.numpy().tobytes() for part in (*subject.model.state_dict().values(), torch.get_rng_state())]


def test_training_is_the_same_on_a_full_disk(tmp_path: Path) -> None:
    """With the disk full all along a run that is recorded ends bit for bit as alone, warns, and loses no step."""
    alone = train(program())
    inspector = program()
    journal = Journal(tmp_path / "journal.db")
    run = journal.run("a")
    recorder = Recorder(tmp_path / "run", inspector).attach()

    def kept(step: int, loss: float) -> None:
        run.log(step, loss)
        recorder.observer.tell()
        recorder.log.flush()

    def trained() -> list[bytes]:
        found = train(inspector, kept)
        run.note("told")
        return found

    with nearly_full(), pytest.warns(RuntimeWarning, match="full") as caught:
        watched = trained()
    assert watched == alone
    assert len({str(warning.message).split(";")[0] for warning in caught}) == len(caught) == 2
    run.finish()
    recorder.detach()
    assert Follow(tmp_path / "run").poll().steps == 12
    assert len(journal[run.id].curves["loss"].values) == 12


def test_a_disk_that_stays_full_leaves_no_half_of_a_report(tmp_path: Path) -> None:
    """Where the disk is still full at the end no report is left, the loss of steps is said, and the log can be read."""
    inspector = program()
    recorder = Recorder(tmp_path / "run", inspector).attach()

    def trained() -> None:
        train(inspector)
        recorder.detach()

    with nearly_full(), pytest.warns(RuntimeWarning) as caught:
        trained()
    assert "what was not written is lost" in str(caught[-1].message)
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"rank-0.sqlite"}
    follow = Follow(tmp_path / "run")
    follow.poll()
    assert follow.text


FILLED = """
import os, resource, signal, sys
from nbinspect import Recorder
from tests.soak.test_full_disk import nearly_full, program, train
inspector = program()
recorder = Recorder(sys.argv[1], inspector).attach()
recorder.log.flush()
room = sum(path.stat().st_size for path in recorder.path.iterdir()) + 9000
import warnings
warnings.simplefilter("ignore")
def kept(step, loss):
    recorder.observer.tell()
    recorder.log.flush()
with nearly_full(room):
    for _ in range(6):
        train(inspector, kept)
    print(recorder.log.problem, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_run_killed_on_a_disk_that_filled_up_can_be_read(tmp_path: Path) -> None:
    """What was written before the disk was full is there to the last row, though the process was killed then."""
    with another_python(FILLED, tmp_path / "run") as child:
        told, _ = child.communicate(timeout=100)
        assert child.returncode == -signal.SIGKILL
    assert "full" in told
    (file,) = (tmp_path / "run").glob("*.sqlite")
    follow = Follow(tmp_path / "run")
    assert 0 < follow.poll().steps < 72
    assert "killed" in follow.text
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def trained_view(inspector: Inspector) -> Any:
    """The view of a run that was watched."""
    view = inspector.dynamics()
    with view:
        train(inspector)
    return view


EXPORTS: dict[str, Callable[[Inspector], Callable[[Path], object]]] = {
    "batch page": lambda inspector: inspector.batch().to_html,
    "dashboard page": lambda inspector: inspector.dashboard().to_html,
    "junit": lambda inspector: inspector.sanity().run("constant-output").to_junit,
    "samples": lambda inspector: inspector.data().to_csv,
    "animation": lambda inspector: trained_view(inspector).animation,
}


@pytest.mark.parametrize("kind", EXPORTS)
def test_an_export_on_a_full_disk_leaves_the_file_before(kind: str, tmp_path: Path) -> None:
    """What cannot be written to its end is an error, and the file that was to be replaced is still whole."""
    export = EXPORTS[kind](program())
    file = tmp_path / "file"
    file.write_bytes(b"old")
    with nearly_full(), pytest.raises((OSError, NbinspectError), match=r"File too large|cannot be written"):
        export(file)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"old")]
    export(file)
    assert len(file.read_bytes()) > ROOM


def test_a_checkpoint_on_a_full_disk_leaves_no_half(tmp_path: Path) -> None:
    """A checkpoint that cannot be written to its end is an error and no file; with room again it is written."""
    view = trained_view(program())
    with nearly_full(), pytest.raises((OSError, RuntimeError)):
        view.save_checkpoint(tmp_path / "a.pt").result(10)
    assert list(tmp_path.iterdir()) == []
    view.save_checkpoint(tmp_path / "a.pt").result(10)
    assert torch.load(tmp_path / "a.pt", weights_only=True)["step"] == 12
