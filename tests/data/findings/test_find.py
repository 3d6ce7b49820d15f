from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_sample_image, load_wine
from torch.utils.data import DataLoader, TensorDataset

from nbinspect.data.findings.find import find
from nbinspect.data.query.matching import rows_matching
from nbinspect.data.scanning.scan import scan
from nbinspect.data.table.frame import to_frame
from nbinspect.records import SampleFailure
from tests.data.records_of_data import column, record_of
from tests.data.scanned_records import scanned

DIGITS = load_digits()
COLUMNS = ["duplicate", "near", "conflict", "outlier", "distance"]


def defective() -> tuple[object, dict[str, set[int]]]:
    """Digits with planted defects, and the rows of each."""
    pictures, labels = DIGITS.images.copy(), DIGITS.target.copy()
    pictures[[100, 101]] = 3.0
    pictures[200] *= 500
    more = np.concatenate([pictures, pictures[300:310], pictures[400:407]])
    codes = np.concatenate([labels, labels[300:310], (labels[400:407] + 1) % 10])
    codes[[20, 21]] = -1
    rows = {
        "duplicates": set(range(1797, 1807)),
        "conflicting labels": {*range(400, 407), *range(1807, 1814)},
        "missing labels": {20, 21},
        "blank": {100, 101},
        "outliers": {100, 101, 200},
    }
    failures = (SampleFailure(2000, "OSError: truncated"),)
    return scanned(more, codes, words=range(10), failed=1, failures=failures), rows


def test_planted_defects_are_found_to_the_sample() -> None:
    """Each finding counts what was planted, its query shows these rows, and nothing else is warned of."""
    record, planted = defective()
    found = find(record)
    frame = to_frame(found.columns)
    warned = {finding.kind: finding for finding in found.findings if finding.level == "warn"}
    assert set(warned) == {*planted, "unreadable"}
    for kind, rows in planted.items():
        assert set(rows_matching(frame, warned[kind].query).tolist()) == rows
        assert warned[kind].count == len(rows)
    assert [column.name for column in found.columns[-5:]] == COLUMNS


@pytest.mark.parametrize("load", [load_wine, load_iris, load_breast_cancer, load_diabetes, load_digits])
def test_real_data_raises_no_alarm(load: object) -> None:
    """Nothing is warned of in real data, as a table, as pictures, or split at random."""
    data = load()
    words = data.get("target_names", ())
    forms = [data.data] + ([data.images] if "images" in data else [])
    for rows in forms:
        order = np.random.default_rng(0).permutation(len(rows))
        split = len(rows) // 3
        ours, theirs = (scanned(rows[part], data.target[part], words=words) for part in (order[split:], order[:split]))
        for record, other in ((scanned(rows, data.target, words=words), None), (ours, theirs)):
            assert not [finding for finding in find(record, other).findings if finding.level == "warn"]


def test_a_scan_of_pictures_finds_what_was_planted() -> None:
    """Of a loader with copies, noisy copies, contradictions and a blank, all are found, and none in the crops alone."""
    photograph = load_sample_image("flower.jpg")
    places = [(y, x) for y in range(0, 363, 32) for x in range(0, 576, 32)]
    crops = torch.from_numpy(np.array([photograph[y : y + 64, x : x + 64].transpose(2, 0, 1) for y, x in places])) / 255
    labels = torch.arange(len(crops)) % 2
    clean = scan(DataLoader(TensorDataset(crops, labels), 32), progress=False)
    assert not [finding for finding in clean.findings if finding.level == "warn"]
    noise = torch.randn(30, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 0.01
    parts = [crops, crops[:7], (crops[50:80] + noise).clamp(0, 1), crops[90:94], torch.full((1, 3, 64, 64), 0.5)]
    codes = [labels, labels[:7], labels[50:80], 1 - labels[90:94], labels[:1]]
    found = scan(DataLoader(TensorDataset(torch.cat(parts), torch.cat(codes)), 32), progress=False)
    counts = {finding.kind: finding.count for finding in found.findings if finding.level == "warn"}
    near = counts.pop("near duplicates")
    assert counts == {"duplicates": 7, "conflicting labels": 8, "blank": 1}
    start = len(crops) + 7
    right = found.column("near").values[start : start + 30] == np.arange(50, 80)
    assert right.sum() >= 25
    assert near == 2 * right.sum()


def test_a_leaked_split_is_found() -> None:
    """With the other split given, shared samples are counted and shown, and the column names them."""
    train = scanned(DIGITS.images[:1200], DIGITS.target[:1200], words=range(10))
    validation = scanned(DIGITS.images[1190:], DIGITS.target[1190:], words=range(10), split="validation")
    found = find(validation, train)
    (finding,) = [finding for finding in found.findings if finding.kind == "in both splits"]
    assert (finding.level, finding.count) == ("warn", 10)
    assert rows_matching(to_frame(found.columns), finding.query).tolist() == list(range(10))
    assert found.column("other_split").values[:10].tolist() == list(range(1190, 1200))


def test_findings_are_made_anew_and_the_record_stays() -> None:
    """Finding twice gives the same columns, findings and notes once, and leaves the given record unchanged."""
    record, _ = defective()
    record = replace(record, notes=("a note",))
    columns = record.columns
    once = find(record)
    again = find(once)
    assert [column.name for column in again.columns] == [column.name for column in once.columns]
    assert [(one.kind, one.text) for one in again.findings] == [(one.kind, one.text) for one in once.findings]
    assert again.notes == once.notes
    assert once.notes[0] == "a note"
    assert record.columns is columns
    assert record.findings == ()
    levels = [finding.level for finding in once.findings]
    assert levels == sorted(levels, key=["warn", "note", "ok"].index)


def test_empty_and_tiny_data_sets_are_no_error() -> None:
    """No rows at all, one row, and rows of which nothing is known give a record."""
    for count in (0, 1, 2):
        record = scanned(DIGITS.images[:count], DIGITS.target[:count], words=range(10), embedding=np.zeros((count, 64)))
        assert find(record, record).rows == count
    bare = replace(record, columns=record.columns[:1], input_hashes=np.zeros(0, np.int64), failed=2)
    bare = replace(bare, embedding=np.zeros((0, 0)), embedded=np.zeros(0, np.int64), blank=np.zeros(0, bool))
    assert [finding.kind for finding in find(bare).findings] == ["unreadable"]


def test_a_million_rows_take_seconds() -> None:
    """Duplicates, contradictions and leaks of a million hashes are exact; a loop over rows would take minutes."""
    random = np.random.default_rng(0)
    count = 1_000_000
    inputs, targets = random.integers(-(2**62), 2**62, count), random.integers(0, 10, count)
    inputs[-5000:], targets[-5000:] = inputs[:5000], targets[:5000]
    targets[-1000:] += 10
    label = column("label", "class", targets % 10, "target", tuple("abcdefghij"))
    record = record_of(label, input_hashes=inputs, target_hashes=targets, blank=np.zeros(count, bool))
    found = {finding.kind: finding.count for finding in find(record, record).findings}
    assert (found["duplicates"], found["conflicting labels"], found["in both splits"]) == (4000, 2000, count)
