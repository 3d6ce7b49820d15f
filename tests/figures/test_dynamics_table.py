from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from nbinspect.errors import InputError
from nbinspect.figures.dynamics_table import dynamics_frame, readings_frame
from tests.dynamics.records_of_runs import TASKS, broken, empty, probe_of, run_of, trace


def test_the_frame_has_a_row_a_step() -> None:
    """The index is the step in order, and each column has the numbers of one trace at its steps."""
    record = run_of(steps=60, second=True)
    frame = dynamics_frame(record)
    assert frame.index.name == "step"
    assert frame.index.tolist() == list(range(61))
    assert {"loss", "validation loss", "rate/Adam", "update ratio/fc", "probe loss/validation"} - set(frame) <= {
        "validation loss"
    }
    for each in record.traces:
        if len(each.step):
            column = frame[f"{each.name}/{each.part}" if each.part else each.name].dropna()
            assert column.index.tolist() == each.step.tolist()
            np.testing.assert_array_equal(column, each.mean.astype(np.float64))


def test_extremes_stand_beside_the_means() -> None:
    """With extremes each quantity has the ends of its stretches, and how many values were broken."""
    record = empty(steps=3, traces=(trace("loss", [1, 2, 3], [1.0, np.nan, 3.0], spread=0.5),))
    frame = dynamics_frame(record, extremes=True)
    assert frame.columns.tolist() == ["loss", "loss low", "loss high", "loss broken"]
    assert frame.loc[1].tolist() == [1.0, 0.5, 1.5, 0]
    assert frame["loss broken"].tolist() == [0, 1, 0]
    assert frame["loss"].isna().tolist() == [False, True, False]


def test_a_step_that_was_passed_twice_has_its_last_value() -> None:
    """After a run went back, a row holds what came last, and steps stay in order."""
    again = replace(trace("loss", [1, 2, 3], [3.0, 2.0, 1.0]), step=np.array([1, 2, 2]))
    frame = dynamics_frame(empty(traces=(again, trace("rate", [2, 0], [0.25, 0.5], "Adam"))))
    assert frame.index.tolist() == [0, 1, 2]
    assert frame.loc[2].tolist() == [1.0, 0.25]


def test_readings_have_a_row_a_sample() -> None:
    """Every number of every reading is in the frame, with class names for target and prediction."""
    record = run_of(steps=60)
    frame = readings_frame(record)
    assert len(frame) == 4 * 24
    for reading in record.readings[0]:
        rows = frame[frame["step"] == reading.step]
        assert rows["sample"].tolist() == list(range(24))
        assert rows["target"].tolist() == [f"disc {n % 10}" for n in range(24)]
        assert rows["guess"].tolist() == [f"disc {guess}" for guess in reading.guesses]
        assert rows["correct"].tolist() == (reading.correct == 1).tolist()
        assert rows["flips"].tolist() == reading.flips.tolist()
        assert rows["forgotten"].tolist() == reading.forgotten.tolist()
        for name, column in (("losses", "loss"), ("confidence", "confidence"), ("margin", "margin"), ("jitter",) * 2):
            np.testing.assert_array_equal(rows[column], getattr(reading, name).astype(np.float64))


@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_its_table(task: str) -> None:
    """What cannot be said of a task is missing, and never a word that looks like a value."""
    record = run_of(task, steps=40)
    for each in (record, broken(record, -1)):
        frame = readings_frame(each)
        assert len(frame) == 3 * len(record.readings[0][0].losses)
        unjudged = each is not record or task not in ("classification", "binary", "multilabel")
        assert bool(frame["correct"].isna().all()) == unjudged
    wordless = task in ("other", "segmentation", "language-model")
    assert bool(readings_frame(record)["guess"].isna().all()) == wordless


def test_one_number_a_sample_stays_a_number() -> None:
    """Target and prediction of a regression of one number are numbers that can be reckoned with."""
    record = run_of("regression", steps=20)
    probe = record.probes[0]
    assert probe.targets is not None
    one = replace(probe, targets=probe.targets[:, :1])
    readings = tuple(replace(each, values=each.values[:, :1]) for each in record.readings[0])
    frame = readings_frame(replace(record, probes=(one,), readings=(readings,)))
    rest = (frame["guess"] - frame["target"]).to_numpy()
    wanted = np.concatenate([each.values[:, 0] - one.targets[:, 0] for each in readings])  # type: ignore[index] # as above
    np.testing.assert_allclose(rest, wanted, atol=1e-6)


def test_empty_records_give_empty_frames() -> None:
    """Without steps or readings the frames have their columns and no row, and a missing probe is named."""
    assert dynamics_frame(empty()).empty
    assert dynamics_frame(empty()).index.name == "step"
    frame = readings_frame(empty(probes=(probe_of("other"),), readings=((),)))
    assert frame.empty
    assert frame.columns.tolist()[:5] == ["step", "sample", "target", "guess", "correct"]
    assert isinstance(frame["correct"].dtype, pd.BooleanDtype)
    with pytest.raises(InputError, match="probe: expected a whole number from 0 to 0, got 2"):
        readings_frame(empty(), 2)
