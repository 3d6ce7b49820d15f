from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nbinspect.errors import InputError, NbinspectError
from nbinspect.figures.dynamics_animation import dynamics_animation
from nbinspect.records import DynamicsRecord
from tests.dynamics.records_of_runs import TASKS, broken, empty, probe_of, run_of, trace

pytestmark = pytest.mark.slow


def frames(file: bytes) -> list[Image.Image]:
    with Image.open(io.BytesIO(file)) as image:
        found = []
        for place in range(getattr(image, "n_frames", 1)):
            image.seek(place)
            found.append(image.convert("RGB"))
            found[-1].info["duration"] = image.info.get("duration")
        return found


def animated(record: DynamicsRecord, **how: Any) -> bytes:
    found = dynamics_animation(record, **how)
    assert isinstance(found, bytes)
    return found


def test_predictions_move() -> None:
    """There is a frame a reading, all of one size, each unlike the one before, and the last stays longer."""
    file = animated(run_of(steps=60, every=20), fps=5)
    shown = frames(file)
    assert len(shown) == 4
    assert len({each.size for each in shown}) == 1
    assert all(np.any(np.asarray(a) != np.asarray(b)) for a, b in zip(shown[1:], shown[:-1], strict=True))
    assert [each.info["duration"] for each in shown] == [200] * 3 + [2000]


def test_of_many_readings_some_are_shown() -> None:
    """At most so many frames are shown, evenly, and the first and the last reading are among them."""
    record = run_of("regression", steps=400, every=4)
    few = frames(animated(record, most=3))
    assert len(few) == 3
    ends = frames(animated(record, most=2))
    first, middle, last = (np.asarray(each, dtype=float) for each in few)
    for end, own in zip(ends, (first, last), strict=True):  # as alike as two palettes allow
        assert np.abs(np.asarray(end) - own).mean() < 0.5 < np.abs(np.asarray(end) - middle).mean()
    assert len(frames(animated(record, most=1))) == 1


def test_a_long_run_stays_small() -> None:
    """Four frames of pictures take far less than four pictures of their own would."""
    assert len(animated(run_of(steps=1200, every=100), most=4)) < 150_000


@pytest.mark.parametrize("task", TASKS)
def test_every_task_moves(task: str) -> None:
    """Each kind of task gives an animation, also where all is NaN."""
    record = run_of(task, steps=20)
    assert len(frames(animated(record))) == 2
    assert frames(animated(broken(record, -1), most=1))


ODD = {
    "nothing": empty(),
    "no readings": empty(probes=(probe_of("other"),), readings=((),)),
    "no probe": empty(steps=2, traces=(trace("loss", [1, 2], [1.0, 0.5]),)),
    "one reading": run_of(steps=0),
}


@pytest.mark.parametrize("kind", ODD)
def test_without_movement_there_is_one_frame(kind: str) -> None:
    """A record with at most one reading gives a single picture that says what there is."""
    (only,) = frames(animated(ODD[kind]))
    assert len(np.unique(np.asarray(only))) > 3


def test_the_animation_is_written_to_a_path(tmp_path: Path) -> None:
    """Given a path, the very bytes are written there, and the path comes back."""
    record, path = run_of("other", steps=20), tmp_path / "run.gif"
    assert dynamics_animation(record, path) == path
    assert dynamics_animation(record, str(path)) == path
    assert path.read_bytes() == animated(record)


@pytest.mark.parametrize(
    "how", [{"most": 0}, {"most": 2.0}, {"most": True}, {"fps": 0}, {"fps": 60}, {"fps": "8"}, {"probe": 3}]
)
def test_arguments_that_cannot_be_used_are_refused(how: dict[str, Any]) -> None:
    """The error names the argument and what came."""
    with pytest.raises(InputError, match=f"{next(iter(how))}: expected .* got "):
        dynamics_animation(empty(), **how)


def test_without_pillow_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Pillow is missing, the error says what to install."""
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(NbinspectError, match=r"pip install 'nbinspect\[notebooks\]'"):
        dynamics_animation(empty())
