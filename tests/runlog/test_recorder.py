from __future__ import annotations

import json
import signal

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nbinspect import Inspector
from nbinspect.errors import InputError
from nbinspect.runlog.follow import Follow
from nbinspect.runlog.recorder import Recorder
from tests.journal.test_storage import full_disk
from tests.runlog.logged import another_python

pytestmark = pytest.mark.slow


class Program:
    """A small classifier with dropout and batch statistics, and its loop."""

    def __init__(self):
        torch.manual_seed(0)
        self.model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 3))
        x = torch.randn(96, 6)
        self.loader = DataLoader(TensorDataset(x, x[:, :3].argmax(1)), batch_size=8, shuffle=True)
        self.loss_fn = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1, momentum=0.9)

    def train(self, epochs=2, each=lambda loss: None, loss_fn=None):
        for _ in range(epochs):
            for x, y in self.loader:
                self.optimizer.zero_grad()
                loss = (loss_fn or self.loss_fn)(self.model(x), y)
                loss.backward()
                self.optimizer.step()
                each(loss)

    @property
    def all(self):
        return self.model, self.loader, self.loss_fn


@pytest.fixture
def program():
    return Program()


def test_a_run_is_recorded_and_followed(program, tmp_path):
    """A loop inside the block is recorded without an edit: steps, losses, readings of the probe, and its end."""
    losses = []
    with Recorder(tmp_path / "a", *program.all, size=8):
        program.train(each=lambda loss: losses.append(loss.item()))
    follow = Follow(tmp_path / "a")
    found = follow.poll()
    (loss,) = (part for part in found.traces if part.name == "loss")
    assert loss.step.tolist() == list(range(1, 25))
    assert loss.mean.tolist() == pytest.approx(losses, rel=1e-6)
    assert found.readings[0][0].step == 0
    assert found.readings[0][-1].step == 24
    assert found.probes[0].batch.batch.size == 8
    assert follow.text == "ended at step 24; all that was written is here"


def test_what_the_run_was_is_kept(program, tmp_path):
    """The log has the model, the versions, the ranks, and the settings of the optimizer that was seen at work."""
    with Recorder(tmp_path / "a", *program.all, probe=None):
        program.train(1)
    follow = Follow(tmp_path / "a")
    follow.poll()
    about = follow.about
    assert about["model"]["class"] == "Sequential"
    assert about["versions"]["torch"] == torch.__version__
    assert (about["optimizers"][0]["class"], about["optimizers"][0]["groups"][0]["momentum"]) == ("SGD", 0.9)
    assert about["ranks"]["world"] == 1
    assert json.dumps(about)


def test_the_weights_are_those_of_a_run_alone(program, tmp_path):
    """Weights, buffers and random states at the end are bit for bit those of the run without a recorder."""
    alone = Program()
    alone.train()
    state = torch.get_rng_state()
    program = Program()
    with Recorder(tmp_path / "a", *program.all, size=8, budget=0.5):
        program.train()
    assert torch.equal(torch.get_rng_state(), state)
    ours, theirs = program.model.state_dict(), alone.model.state_dict()
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)


def test_an_inspector_will_do(program, tmp_path):
    """An inspector is taken as it is; its loader and options are not given a second time."""
    inspector = Inspector(program.model, program.loader, program.loss_fn, class_names=["a", "b", "c"])
    with Recorder(tmp_path / "a", inspector):
        program.train(1)
    assert Follow(tmp_path / "a").poll().probes[0].classes == ("a", "b", "c")
    with pytest.raises(InputError, match="give them there"):
        Recorder(tmp_path / "b", inspector, program.loader)


def test_a_loss_and_numbers_are_given_by_hand(program, tmp_path):
    """Where the loss cannot be seen it is given after each step, with numbers of one's own."""
    recorder = Recorder(tmp_path / "a", program.model, program.loader, nn.functional.cross_entropy, probe=None)
    program.loader = recorder.watch(program.loader)
    program.train(1, lambda loss: recorder.step(loss=loss, lucky=7.0), nn.functional.cross_entropy)
    recorder.detach()
    traces = {part.name: part for part in Follow(tmp_path / "a").poll().traces}
    assert traces["loss"].step.tolist() == traces["lucky"].step.tolist() == list(range(1, 13))
    assert set(traces["lucky"].mean.tolist()) == {7.0}


def test_recording_goes_on_after_an_end(program, tmp_path):
    """Detached and attached again, the same recorder goes on in the same folder; another one is refused."""
    recorder = Recorder(tmp_path / "a", *program.all, probe=None)
    for _ in range(2):
        with recorder:
            program.train(1)
    found = Follow(tmp_path / "a").poll()
    (loss,) = (part for part in found.traces if part.name == "loss")
    assert loss.step.tolist() == list(range(1, 25))
    with pytest.raises(InputError, match="there is a run already"), Recorder(tmp_path / "a", *program.all):
        pass
    assert not program.model._forward_hooks, "who was refused leaves no hook"


def test_a_start_that_fails_leaves_the_folder_free(program, tmp_path):
    """Where the first batch is interrupted nothing is left behind, and a second try takes the same folder."""

    class Interrupted:
        def __iter__(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Recorder(tmp_path / "a", program.model, Interrupted(), program.loss_fn):
        pass
    assert not program.model._forward_hooks
    with Recorder(tmp_path / "a", *program.all, probe=None):
        program.train(1)
    assert Follow(tmp_path / "a").poll().steps == 12


def test_an_error_of_the_training_goes_on_and_is_kept(program, tmp_path):
    """An exception leaves the block as it was, and the log says how the run ended."""

    def stumble(_):
        raise KeyError("odd")

    with pytest.raises(KeyError), Recorder(tmp_path / "a", *program.all, probe=None):
        program.train(1, stumble)
    follow = Follow(tmp_path / "a")
    follow.poll()
    assert follow.text == "ended by KeyError: 'odd' at step 1; all that was written is here"


def test_training_goes_on_on_a_full_disk(program, tmp_path):
    """With the disk full from the first step on, training ends as ever, with one warning, and all is written later."""
    recorder = Recorder(tmp_path / "a", *program.all, probe=None).attach()
    with full_disk(), pytest.warns(RuntimeWarning, match="full") as caught:
        program.train(1, lambda _: (recorder.observer.tell(), recorder.log.flush()))
    assert len(caught) == 1
    recorder.detach()
    found = Follow(tmp_path / "a").poll()
    assert found.steps == 12
    assert [moment.kind for moment in found.moments] == ["problem"]


def test_a_killed_script_leaves_what_it_wrote(tmp_path):
    """A script that is killed at step 12 leaves the steps that were flushed, and is said to be killed."""
    code = """
import os, signal, sys
from nbinspect.runlog.recorder import Recorder
from tests.runlog.test_recorder import Program
program = Program()
recorder = Recorder(sys.argv[1], *program.all, size=4).attach()
program.train(1)
recorder.observer.tell()
recorder.log.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""
    with another_python(code, tmp_path / "a") as child:
        assert child.wait(100) == -signal.SIGKILL
    follow = Follow(tmp_path / "a")
    assert follow.poll().steps == 12
    assert follow.text == "the trainer was killed at step 12; all that was written is here"
    assert follow.record.probes


def test_a_probe_that_would_wait_is_refused(program, tmp_path, monkeypatch):
    """On several ranks SyncBatchNorm in train mode is not probed on one of them alone."""
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    model = nn.SyncBatchNorm.convert_sync_batchnorm(program.model)
    with pytest.raises(InputError, match="SyncBatchNorm in train mode"):
        Recorder(tmp_path / "a", model, program.loader, program.loss_fn, train_mode=True)


def test_another_rank_writes_a_small_log_alone(program, tmp_path, monkeypatch):
    """A rank other than 0 probes nothing and writes its looks to a file of its own."""
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with Recorder(tmp_path / "a", *program.all) as recorder:
        assert recorder.observer is None
        program.train(1, lambda _: recorder.step(lucky=1.0))
        assert list(recorder.watch([1, 2])) == [1, 2]
    assert [each.name for each in (tmp_path / "a").iterdir()] == ["rank-1.sqlite"]


def test_a_run_leaves_a_page_in_its_folder(program, tmp_path):
    """When recording ends the folder has the run as one file, and an appended session renews it."""
    for steps in (12, 24):
        with Recorder(tmp_path / "a", *program.all, size=8, resume=True):
            program.train(1)
        page = (tmp_path / "a" / "report.html").read_text(encoding="utf-8")
        assert page.startswith("<!doctype html>")
        assert f">{steps} steps<" in page
        assert "Probe batch after step" in page
    assert {entry.name for entry in (tmp_path / "a").iterdir()} == {"rank-0.sqlite", "report.html"}


def test_a_page_that_is_not_wanted_is_not_written(program, tmp_path):
    """With report=False the folder has the log alone."""
    with Recorder(tmp_path / "a", *program.all, probe=None, report=False):
        program.train(1)
    assert [entry.name for entry in (tmp_path / "a").iterdir()] == ["rank-0.sqlite"]


def test_a_page_that_cannot_be_written_is_told_in_the_log(program, tmp_path):
    """Where something stands in the place of the page the run ends as ever, is kept whole, and its log says why."""
    (tmp_path / "a" / "report.html").mkdir(parents=True)
    with Recorder(tmp_path / "a", *program.all, probe=None):
        program.train(1)
    follow = Follow(tmp_path / "a")
    found = follow.poll()
    (problem,) = (moment.text for moment in found.moments if moment.kind == "problem")
    assert problem.startswith("report.html was not written: to_html: ")
    assert "is a directory" in problem.lower()
    assert (found.steps, follow.text) == (12, "ended at step 12; all that was written is here")


def test_a_page_says_how_far_a_run_came_that_raised(program, tmp_path):
    """A loop that raises ends with its page, and with its own error."""

    def fail(loss):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), Recorder(tmp_path / "a", *program.all, probe=None):
        program.train(1, fail)
    assert ">1 step<" in (tmp_path / "a" / "report.html").read_text(encoding="utf-8")
