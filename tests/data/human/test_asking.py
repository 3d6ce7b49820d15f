from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import cohen_kappa_score, confusion_matrix

from nbinspect.data.human.asking import HumanBaseline
from nbinspect.data.human.result import kappa_of
from nbinspect.errors import InputError, NbinspectError

WORDS = [f"class {place}" for place in range(5)]


@pytest.fixture
def labels() -> NDArray[np.int64]:
    return np.random.default_rng(0).choice(5, 400, p=[0.5, 0.2, 0.15, 0.1, 0.05])


def begun(labels: NDArray[np.int64], **how: Any) -> HumanBaseline:
    return HumanBaseline(np.arange(len(labels)) * 3, labels, WORDS, **how)


def answered(session: HumanBaseline, wrong: float = 0.2, seed: int = 0) -> list[tuple[int, int | None]]:
    """Answers all that is left; returns rows and answers."""
    rng, said = np.random.default_rng(seed), []
    while (asked := session.next()) is not None:
        right = int(session.labels[asked.row])
        label = right if rng.random() > wrong else None if rng.random() < 0.3 else (right + 1) % 5
        session.answer(label, 1 + asked.place)
        said.append((asked.row, label))
    return said


def test_each_class_has_its_share(labels: NDArray[np.int64]) -> None:
    """Of samples that are drawn by class each class has its share to within one, and none is drawn twice."""
    rows = [row for row, _ in answered(begun(labels, n=40))]
    counts = np.bincount(labels[rows], minlength=5)
    assert len(set(rows)) == 40
    assert np.abs(counts - 40 * np.bincount(labels) / 400).max() < 1 + 1e-9
    assert len({row for row, _ in answered(begun(labels, n=1000))}) == 400


def test_the_order_tells_nothing_and_is_the_same_again(labels: NDArray[np.int64]) -> None:
    """A seed gives the same samples in the same mixed order, another one others."""
    rows = [[row for row, _ in answered(begun(labels, n=60, seed=seed))] for seed in (1, 1, 2)]
    assert rows[0] == rows[1] != rows[2]
    assert labels[rows[0]].tolist() != sorted(labels[rows[0]].tolist())
    plain = [row for row, _ in answered(begun(labels, n=60, stratified=False))]
    assert len(set(plain)) == 60


@pytest.mark.parametrize(
    ("n", "twice", "total"), [(40, 0.25, 50), (10, 1.0, 20), (7, 0.5, 11), (1, 1.0, 2), (3, 0.0, 3)]
)
def test_repeats_come_late_and_never_at_once(labels: NDArray[np.int64], n: int, twice: float, total: int) -> None:
    """The given share is asked a second time, in the second half, with other samples between."""
    session = begun(labels, n=n, twice=twice)
    rows = [row for row, _ in answered(session)]
    assert (session.total, len(rows), len(set(rows))) == (total, total, n)
    again = [place for place, row in enumerate(rows) if row in rows[:place]]
    assert all(place >= n // 2 for place in again)
    assert n == 1 or all(rows[place] != rows[place - 1] for place in again)


def test_the_result_is_that_of_an_independent_count(labels: NDArray[np.int64]) -> None:
    """Accuracy, interval, repeats, kappa, confusion and median time agree with scikit-learn and SciPy."""
    session = begun(labels, n=60, twice=0.5)
    said = answered(session)
    found = session.result()
    first: dict[int, int] = {}
    second: dict[int, int] = {}
    for row, label in said:
        (second if row in first else first)[row] = -1 if label is None else label
    right = sum(labels[row] == label for row, label in first.items())
    assert (found.samples, found.right, found.accuracy) == (60, right, right / 60)
    ends = stats.binomtest(int(right), 60).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high), abs=1e-4)
    assert found.unknown == sum(label < 0 for label in first.values())
    assert (found.repeats, found.agreed) == (30, sum(first[row] == label for row, label in second.items()))
    pairs = [(first[row], label) for row, label in second.items()]
    assert found.kappa == pytest.approx(cohen_kappa_score(*zip(*pairs, strict=True)))
    truth = [int(labels[row]) for row in first]
    full = confusion_matrix(truth, list(first.values()), labels=[0, 1, 2, 3, 4, -1])[:5]
    np.testing.assert_array_equal(found.confusion, full)
    assert found.seconds == np.median(np.arange(90) + 1)
    np.testing.assert_array_equal(found.indices, [3 * row for row in first])
    assert f"{100 * right / 60:.1f} %" in found.sentence


def test_the_network_is_judged_on_the_same_samples(labels: NDArray[np.int64]) -> None:
    """Its accuracy is that on the samples that were asked, with McNemar's test, and unknown ones do not count."""
    session = begun(labels, n=50)
    said = dict(answered(session, wrong=0.05))
    network = np.random.default_rng(1).choice([1.0, 0.0, np.nan], 400, p=[0.6, 0.3, 0.1])
    found = session.result(network).network
    assert found is not None
    known = [row for row in said if np.isfinite(network[row])]
    own = np.array([said[row] == labels[row] for row in known])
    other = network[known] > 0
    assert (found.samples, found.network) == (len(known), other.mean())
    assert found.difference == pytest.approx(own.mean() - other.mean())
    assert found.difference_low < found.difference < found.difference_high
    one, two = int((own & ~other).sum()), int((~own & other).sum())
    assert (found.only_human, found.only_network) == (one, two)
    assert found.p == pytest.approx(stats.binomtest(one, one + two).pvalue)
    assert "the person is better by" in session.result(network).sentence
    assert "no clear difference" in session.result(np.array([said.get(r) == v for r, v in enumerate(labels)])).sentence
    assert "on which it was trained" in session.result(network, seen=True).sentence
    with pytest.raises(InputError, match="400"):
        session.result(network[:10])


def test_nothing_answered_is_no_result(labels: NDArray[np.int64]) -> None:
    """Before the first answer figures are not there rather than zero."""
    found = begun(labels).result(np.ones(400))
    assert (found.samples, found.sentence) == (0, "Nothing was answered yet.")
    assert math.isnan(found.accuracy)
    assert math.isnan(found.low)


@pytest.mark.parametrize(
    "pairs", [[(0, 0), (1, 1), (0, 1)], [(2, 2)] * 4, [(0, 1), (1, 0)], [(-1, 3), (3, 3), (-1, -1)]]
)
def test_kappa_is_cohens(pairs: list[tuple[int, int]]) -> None:
    """Agreement beyond chance is that of scikit-learn, and not defined where there is one answer only."""
    one, other = (np.array(part) for part in zip(*pairs, strict=True))
    found = kappa_of(one, other)
    if len({*one.tolist(), *other.tolist()}) == 1:
        assert math.isnan(found)
    else:
        assert found == pytest.approx(cohen_kappa_score(one, other))


def test_answers_can_be_taken_back(labels: NDArray[np.int64], tmp_path: Path) -> None:
    """The last answer is asked again, also after the file was opened anew, down to the first one."""
    session = begun(labels, n=5, path=tmp_path / "a.jsonl")
    assert session.undo() is False
    first = session.next()
    session.answer(1, 2.0)
    session.answer(None, 2.0)
    assert session.undo() is True
    again = begun(labels, n=5, path=tmp_path / "a.jsonl")
    assert again.answered == 1
    assert again.undo() is True
    assert (again.next(), again.undo()) == (first, False)
    answered(again)
    assert begun(labels, n=5, path=tmp_path / "a.jsonl").done


def test_keys_and_words_name_classes() -> None:
    """Up to 35 classes have keys, more are typed: in full, in any case, or by a beginning that only one has."""
    few = HumanBaseline([0, 1], [0, 1], ["cat", "catfish"])
    assert few.keys == ("1", "2")
    assert [few.find(text) for text in ("2", "cat", "CATF", "c", "3", "", "dog")] == [1, 0, 1, None, None, None, None]
    letters = HumanBaseline([0, 1], [0, 11], [f"w{place}" for place in range(12)])
    assert letters.keys[8:] == ("9", "a", "b", "c")
    digits = HumanBaseline([0, 1], [0, 1], ["0", "1", "cat", "B"])
    assert digits.keys == ("0", "1", "2", "b")
    assert [digits.find(key) for key in digits.keys] == [0, 1, 2, 3]
    many = HumanBaseline([0, 1], [0, 9999], [f"w{place}" for place in range(10_000)])
    assert many.keys == ()
    assert [many.find(text) for text in ("w77", "w9999", "w")] == [77, 9999, None]
    answered_many = many.result()
    assert answered_many.confusion.size == 0


@pytest.mark.parametrize("label", [5, -1, True, "class 1", 1.0, math.nan])
def test_answers_that_are_no_class_are_refused(labels: NDArray[np.int64], label: Any) -> None:
    """What is no class leaves the question open."""
    session = begun(labels)
    with pytest.raises(InputError, match="expected a class 0 … 4"):
        session.answer(label, 1.0)
    assert session.answered == 0


@pytest.mark.parametrize("how", [{"n": 0}, {"n": 2.5}, {"twice": 1.5}, {"twice": math.nan}])
def test_bad_settings_are_refused(labels: NDArray[np.int64], how: dict[str, Any]) -> None:
    """The number of samples and the share of repeats are checked before anything is asked."""
    with pytest.raises(InputError, match="expected n ≥ 1"):
        begun(labels, **how)


def test_bad_labels_are_refused() -> None:
    """Labels that are no classes, beyond the names or all unknown have one clear word each."""
    for indices, codes, word in (
        ([0, 1], [0, 5], "below the number of classes"),
        ([0, 1], [0.5, 1.0], "as integers"),
        ([0], [0, 1], "as integers"),
        ([0, 1], [-1, -1], "no samples with a label"),
        ([], [], "no samples with a label"),
    ):
        with pytest.raises(InputError, match=word):
            HumanBaseline(indices, codes, WORDS)


SCRIPT = """
import sys
import numpy as np
from nbinspect.data.human.asking import HumanBaseline
labels = np.random.default_rng(0).choice(5, 400, p=[0.5, 0.2, 0.15, 0.1, 0.05])
words = [f"class {place}" for place in range(5)]
session = HumanBaseline(np.arange(400) * 3, labels, words, n=40, twice=0.25, path=sys.argv[1])
while session.next() is not None:
    session.answer(session.answered % 5, 1.5)
    print(session.answered, flush=True)
    sys.stdin.readline()
"""


def test_a_killed_process_loses_no_answer(labels: NDArray[np.int64], tmp_path: Path) -> None:
    """After SIGKILL the next session has every answer that was given, and asks the next question."""
    path = tmp_path / "answers.jsonl"
    command = [sys.executable, "-c", SCRIPT, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for count in range(1, 8):
            assert process.stdout.readline().strip() == str(count)
            if count < 7:
                process.stdin.write("\n")
                process.stdin.flush()
        os.kill(process.pid, signal.SIGKILL)
    session = begun(labels, n=40, twice=0.25, path=path)
    assert (session.answered, session.notes) == (7, ())
    assert session.result().answers.tolist() == [0, 1, 2, 3, 4, 0, 1]
    assert session.next() == begun(labels, n=40, twice=0.25, path=path).next()


def test_a_line_that_was_cut_off_is_asked_again(labels: NDArray[np.int64], tmp_path: Path) -> None:
    """However much of the last line is missing, the answers before it stand and the file goes on from there."""
    path = tmp_path / "a.jsonl"
    session = begun(labels, n=5, path=path)
    sizes = [path.stat().st_size]
    for label in (0, 1, 2):
        session.answer(label, 1.0)
        sizes.append(path.stat().st_size)
    whole = path.read_bytes()
    for cut in sorted({*range(0, len(whole), 5), *sizes, *(size - 1 for size in sizes)}):
        path.write_bytes(whole[:cut])
        again = begun(labels, n=5, path=path)
        assert again.answered == max(0, sum(size <= cut for size in sizes) - 1)
        assert bool(again.notes) == (cut > sizes[0] and cut not in sizes)
        again.answer(3, 1.0)
        assert begun(labels, n=5, path=path).answered == again.answered


def test_files_of_something_else_are_refused(labels: NDArray[np.int64], tmp_path: Path) -> None:
    """Another data set, other settings, another program's file and damage are told apart, none is changed."""
    path = tmp_path / "a.jsonl"
    session = begun(labels, n=5, path=path)
    for _ in range(3):
        session.answer(0, 1.0)
    good = path.read_bytes()
    lines = good.splitlines(keepends=True)
    row = json.loads(lines[2])
    other = labels.copy()
    other[7] = (other[7] + 1) % 5
    cases: list[tuple[bytes, NDArray[np.int64], int, str]] = [
        (good, other, 5, "another data set"),
        (good, labels, 6, "begun with n=5"),
        (b"hello\n", labels, 5, "no answers of a human baseline"),
        (b"hello", labels, 5, "no answers of a human baseline"),
        (b"[1]\n", labels, 5, "no answers of a human baseline"),
        (b"[" * 100_000 + b"\n", labels, 5, "no answers of a human baseline"),
        (lines[0] + b"{}\n" + lines[1], labels, 5, "line 2 is damaged"),
        (lines[0] + lines[2], labels, 5, "line 2 is damaged"),
        (lines[0] + b'{"undo": 0}\n', labels, 5, "line 2 is damaged"),
        (lines[0] + lines[1] + json.dumps(row | {"label": 99}).encode() + b"\n", labels, 5, "line 3 is damaged"),
        (lines[0] + lines[1] + json.dumps(row | {"label": True}).encode() + b"\n", labels, 5, "line 3 is damaged"),
        (
            lines[0] + lines[1] + json.dumps(row | {"seconds": math.nan}).encode() + b"\n",
            labels,
            5,
            "line 3 is damaged",
        ),
        (lines[0].replace(b'"version": 1', b'"version": 9'), labels, 5, "another version"),
    ]
    for content, codes, n, word in cases:
        path.write_bytes(content)
        with pytest.raises(InputError, match=word):
            begun(codes, n=n, path=path)
        assert path.read_bytes() == content
    with pytest.raises(InputError, match="no file of answers"):
        begun(labels, path=tmp_path)
    with pytest.raises(NbinspectError, match="cannot be written"):
        begun(labels, path=tmp_path / "nowhere" / "a.jsonl")


def test_two_sessions_do_not_mix_their_answers(labels: NDArray[np.int64], tmp_path: Path) -> None:
    """A session whose file another one has written to keeps its question open and says so."""
    path = tmp_path / "a.jsonl"
    one, two = (begun(labels, n=5, path=path) for _ in range(2))
    one.answer(1, 1.0)
    with pytest.raises(NbinspectError, match="changed by another process"):
        two.answer(2, 1.0)
    assert (two.answered, begun(labels, n=5, path=path).answered) == (0, 1)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_keeps_the_question_open(labels: NDArray[np.int64], tmp_path: Path) -> None:
    """Where the answer cannot be written it does not count, and the next one can."""
    path = tmp_path / "a.jsonl"
    session = begun(labels, n=5, path=path)
    session.answer(1, 1.0)
    kept = path.rename(tmp_path / "kept.jsonl")
    path.symlink_to("/dev/full")
    with pytest.raises(NbinspectError):
        session.answer(2, 1.0)
    assert session.answered == 1
    path.unlink()
    kept.rename(path)
    session.answer(2, 1.0)
    assert begun(labels, n=5, path=path).answered == 2
