from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing, suppress

import numpy as np
import pytest
import torch

from nbinspect.errors import InputError
from nbinspect.runlog.follow import Follow
from nbinspect.runlog.log import RunLog
from nbinspect.runlog.looks import Look
from nbinspect.runlog.ranks import compare_ranks
from tests.runlog.logged import another_python

pytestmark = pytest.mark.slow

NAMES = ["fc.weight", "fc.bias", "norm.weight"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with trainings on two ranks, each named by its mistake; one start of two processes for all."""
    folder = tmp_path_factory.mktemp("ranks")
    mistakes = ["none", "unobserved", "no-wrapper", "no-sampler", "waits"]
    command = [sys.executable, "-m", "tests.runlog.rank_program", str(folder), *mistakes]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def test_a_healthy_run_on_two_ranks_is_silent(trained):
    """Two ranks with DistributedDataParallel and DistributedSampler: both are recorded and nothing is found."""
    assert compare_ranks(trained / "none") == ()
    follow = Follow(trained / "none")
    fresh = follow.poll()
    assert fresh.steps == 128
    assert len(fresh.readings[0]) >= 2
    assert [moment for moment in fresh.moments if moment.kind in ("alert", "problem")] == []
    with closing(sqlite3.connect(trained / "none" / "rank-1.sqlite")) as db:
        steps = [step for (step,) in db.execute("SELECT step FROM look ORDER BY step")]
        assert db.execute("SELECT count(*) FROM news").fetchone() == (0,)
    assert steps == [1, 2, 4, 8, 16, 32, 64, 100]


def test_ranks_without_a_wrapper_are_named(trained):
    """Two ranks whose model is not wrapped drift apart; the first step, the layer and the question are named."""
    (found,) = compare_ranks(trained / "no-wrapper")
    assert found.kind == "alert"
    assert found.text.startswith(f"rank 1's parameters differ from rank 0's since step {found.step}: 0.weight; is the")
    assert "DistributedDataParallel" in found.text
    assert found.step <= 8


def test_ranks_that_see_the_same_batches_are_named(trained):
    """Two ranks without a DistributedSampler and of one seed see the same batches, and Follow says so once."""
    found = compare_ranks(trained / "no-sampler")
    words = "ranks 0 and 1 see the same batches: give the loader a DistributedSampler, and call set_epoch"
    assert [moment.text for moment in found] == [words]
    follow = Follow(trained / "no-sampler")
    assert [moment.text for moment in follow.poll().moments if moment.kind == "alert"] == [words]
    assert follow.poll() is None


def test_a_loss_that_asks_other_ranks_does_not_hang(trained):
    """A loss with a collective inside cannot be probed on one rank; the run goes on to its end all the same."""
    assert compare_ranks(trained / "waits") == ()
    assert Follow(trained / "waits").poll().steps == 128


STEPS = (1, 2, 4, 8, 16, 32, 64, 100, 200, 300)


def written(path, rank, values, *, samples=None, loss=1.0, wrapped=False, names=NAMES, steps=STEPS):
    """The log of a rank whose looks have `values(step)` as its parameters."""
    about = {"ranks": {"parameters": names, "wrapped": wrapped, "group": [0, 1] if wrapped else None}}
    log = RunLog(path, rank, about=about)
    for step in steps:
        parameters = np.asarray(values(step), dtype=np.float32).reshape(len(names), 1) * np.ones(4, dtype=np.float32)
        digest = f"{rank} {step}" if samples is None else samples(step)
        log.look(Look(step, 100, loss(step) if callable(loss) else loss, digest, parameters))
    return log


def both(path, first, second, **how):
    """What is found of two ranks with these parameters; `how` holds for both, as a pair where they differ."""
    for rank, values in enumerate((first, second)):
        written(
            path,
            rank,
            values,
            **{name: value[rank] if isinstance(value, tuple) else value for name, value in how.items()},
        ).close()
    return [moment.text for moment in compare_ranks(path)]


def same(step):
    return [step, step / 2, 1.0]


def test_parameters_that_come_apart_later_are_named_from_there(tmp_path):
    """The first look from which they differ to the end, and the layer that differed there, are named."""
    found = both(tmp_path, same, lambda step: [step, step * (0.5 if step < 32 else 0.6), 1.0], wrapped=True)
    assert len(found) == 1
    assert found[0].startswith("rank 1's parameters differ from rank 0's since step 32: fc.bias; something changes")


@pytest.mark.parametrize(
    "second",
    [
        lambda step: np.multiply(same(step), 1 + 1e-6),
        lambda step: [step * (2 if step < 300 else 1), step / 2, 1.0],
        lambda step: [step * 2, step / 2, 1.0],
    ],
    ids=["rounding", "brought-together", "sharded"],
)
def test_differences_that_are_meant_are_silent(tmp_path, second):
    """Rounding, replicas that are averaged from time to time, and layers sharded by design are no mistake."""
    assert both(tmp_path, same, second) == []


def test_other_networks_are_not_compared(tmp_path):
    """Ranks of a pipeline hold other parameters, and nothing is said of them."""
    assert both(tmp_path, same, lambda step: [9.0, 9.0, 9.0], names=(NAMES, ["a", "b", "c"])) == []


@pytest.mark.parametrize(
    ("samples", "found"),
    [(str, 1), (lambda step: "one batch", 0), (lambda step: "", 0)],
    ids=["changing", "one-batch", "unseen"],
)
def test_only_batches_that_change_tell(tmp_path, samples, found):
    """Ranks that overfit one batch on purpose, or whose batches are not seen, are not accused."""
    assert len(both(tmp_path, same, same, samples=samples)) == found


def test_batches_that_were_the_same_at_times_are_silent(tmp_path):
    """One look with other batches on the ranks is enough to believe that they see their own."""
    other = (str, lambda step: "x" if step == 64 else str(step))
    assert both(tmp_path, same, same, samples=other) == []


def test_shards_of_one_network_may_see_the_same(tmp_path):
    """Where some layers are sharded and others alike, ranks see the same batches by design."""
    assert both(tmp_path, same, lambda step: [step * 2, step / 2, 1.0], samples=str) == []


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        ((1.0, 30.0), "the loss of rank 1 is 30, of rank 0 1, with the same parameters"),
        ((1.0, float("nan")), "the loss of rank 1 is not finite since step 100, that of rank 0 is"),
        ((1.0, 3.0), ""),
        ((-1.0, 30.0), ""),
        ((1.0, lambda step: 30.0 if step == 300 else 1.0), ""),
        ((float("nan"), float("nan")), ""),
    ],
)
def test_losses_that_differ_wildly_are_named(tmp_path, loss, words):
    """Tenfold at three looks in a row, or not finite on one rank alone; less, or once, is no matter."""
    found = both(tmp_path, same, same, loss=loss)
    assert len(found) == bool(words)
    assert all(text.startswith(words) for text in found)


def test_a_rank_that_was_killed_is_named(tmp_path):
    """A rank whose process is gone while another goes on is named with its last step."""
    code = """
import os, signal, sys
from tests.runlog.test_ranks import same, written
log = written(sys.argv[1], 1, same, steps=(1, 2, 4))
log.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""
    log = written(tmp_path, 0, same)
    log.flush()
    with another_python(code, tmp_path) as child:
        child.wait(60)
    assert [moment.text for moment in compare_ranks(tmp_path)] == ["rank 1 stopped at step 4: its process was killed"]
    log.close()
    assert len(compare_ranks(tmp_path)) == 1


def test_a_rank_that_ended_by_an_error_is_named(tmp_path):
    """A rank that ended by an exception before the others is named with it; one that ended in peace is not."""
    written(tmp_path, 0, same).close()
    written(tmp_path, 1, same, steps=(1, 2, 4)).close("ended by ValueError: odd")
    written(tmp_path, 2, same, steps=(1, 2, 4)).close()
    found = [moment.text for moment in compare_ranks(tmp_path)]
    assert found == ["rank 1 stopped at step 4, the others came to 300: ended by ValueError: odd"]


def test_one_rank_or_none_is_silent(tmp_path):
    """A folder without logs, or with that of one rank, gives nothing."""
    assert compare_ranks(tmp_path / "none") == ()
    written(tmp_path, 0, same).close()
    assert compare_ranks(tmp_path) == ()


@pytest.mark.parametrize("column", ["loss", "losses", "parameters", "samples"])
@pytest.mark.parametrize("value", ["x", b"\xff", 10**18, -1.5])
def test_a_damaged_look_is_read_or_refused(tmp_path, column, value):
    """Whatever stands in a look, it is compared or refused by one kind of error."""
    for rank in (0, 1):
        written(tmp_path, rank, same).close()
    with closing(sqlite3.connect(tmp_path / "rank-1.sqlite")) as db:
        db.execute(f"UPDATE look SET {column} = ?", (value,))
        db.commit()
    with suppress(InputError):
        assert isinstance(compare_ranks(tmp_path), tuple)


@pytest.mark.parametrize("about", ["[", "{}", '{"ranks": 3}', '{"ranks": {"parameters": [["x"]], "group": "y"}}'])
def test_damaged_facts_make_ranks_incomparable(tmp_path, about):
    """Facts of another form than a rank writes are as good as none."""
    for rank in (0, 1):
        written(tmp_path, rank, same).close()
    with closing(sqlite3.connect(tmp_path / "rank-1.sqlite")) as db:
        db.execute("UPDATE session SET about = ?", (about,))
        db.commit()
    assert compare_ranks(tmp_path) == ()


def test_the_weights_are_those_of_an_unobserved_run(trained):
    """Recording on two ranks changes no bit of weights and buffers, with dropout and batch statistics."""
    weights = [torch.load(trained / f"{name}.pt", weights_only=True) for name in ("none", "unobserved")]
    assert (trained / "none" / "rank-1.sqlite").exists()
    assert not (trained / "unobserved").exists()
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
