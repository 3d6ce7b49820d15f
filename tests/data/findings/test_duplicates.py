from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from sklearn.datasets import load_digits, load_wine
from torch.utils.data import DataLoader, TensorDataset

from nbinspect.data.findings.duplicates import conflicts, duplicates, overlap
from nbinspect.data.findings.space import are_telling
from nbinspect.data.scanning.scan import scan
from tests.data.scanned_records import scanned

DIGITS = load_digits()
WORDS = tuple(map(str, range(10)))


def planted() -> tuple[np.ndarray, np.ndarray]:
    """Digits of which 30 come again, one of them three times, and 12 again with another label, in a random order."""
    pictures, labels = DIGITS.images, DIGITS.target
    again, wrong = np.r_[0:28, 5, 5], np.arange(100, 112)
    rows = np.concatenate([pictures, pictures[again], pictures[wrong]])
    codes = np.concatenate([labels, labels[again], (labels[wrong] + 1) % 10])
    order = np.random.default_rng(0).permutation(len(rows))
    return rows[order], codes[order]


def test_repeats_are_those_that_pandas_finds() -> None:
    """Each repeat names the earliest equal sample by its index, and counts and groups agree with a group-by."""
    rows, labels = planted()
    indices = 10 + 3 * np.arange(len(rows))
    record = scanned(rows, labels, words=WORDS)
    record.columns[0].values[:] = indices
    found = duplicates(record, telling=True)
    table = pd.DataFrame({"row": list(map(bytes, rows.astype(np.uint8))), "label": labels, "index": indices})
    first = table.groupby(["row", "label"])["index"].transform("min").to_numpy()
    assert found.columns[0].values.tolist() == np.where(first == indices, -1, first).tolist()
    (finding,) = found.findings
    assert (finding.level, finding.count, finding.query) == ("warn", 30, "duplicate.notna()")
    groups = table.groupby(["row", "label"]).indices.values()
    assert {tuple(sorted(group)) for group in groups if len(group) > 1} == set(finding.groups)
    assert len(finding.groups[0]) == 4
    assert finding.text.startswith("30 samples equal an earlier one in every value: ")


def test_equal_inputs_with_other_targets_are_named_on_both_sides() -> None:
    """Each sample of a contradiction names one that has its input and another target."""
    rows, labels = planted()
    found = conflicts(scanned(rows, labels, words=WORDS), telling=True)
    (finding,) = found.findings
    assert (finding.level, finding.count, len(finding.groups)) == ("warn", 24, 12)
    partners = found.columns[0].values
    for row in np.flatnonzero(partners >= 0):
        assert np.array_equal(rows[row], rows[partners[row]])
        assert labels[row] != labels[partners[row]]
    table = pd.DataFrame({"row": list(map(bytes, rows.astype(np.uint8))), "label": labels})
    several = table.groupby("row")["label"].transform("nunique") > 1
    assert np.flatnonzero(partners >= 0).tolist() == np.flatnonzero(several).tolist()


def test_samples_of_the_other_split_are_counted_and_named() -> None:
    """A leaked split is found to the sample, and each names the one there, whatever the labels."""
    order = np.random.default_rng(1).permutation(len(DIGITS.images))
    train, validation = order[:1200], np.r_[order[1200:], order[:37]]
    ours = scanned(DIGITS.images[validation], DIGITS.target[validation], words=WORDS, split="validation")
    theirs = scanned(DIGITS.images[train], DIGITS.target[train], words=WORDS)
    found = overlap(ours, theirs, telling=True)
    (finding,) = found.findings
    assert (finding.level, finding.count) == ("warn", 37)
    partners = found.columns[0].values
    assert partners[-37:].tolist() == list(range(37))
    assert (partners[:-37] == -1).all()
    assert overlap(theirs, scanned(DIGITS.images[order[1200:]], np.zeros(597)), telling=True).findings[0].level == "ok"


def test_real_data_without_repeats_gives_none() -> None:
    """Digits and wine have neither duplicates nor contradictions, and that is said."""
    for rows, data in ((DIGITS.images, DIGITS), (load_wine().data, load_wine())):
        record = scanned(rows, data.target, words=data.target_names)
        for look in (duplicates, conflicts):
            (finding,) = look(record, telling=are_telling(record)).findings
            assert (finding.level, finding.count) == ("ok", 0)


def test_rows_of_few_values_are_no_cause_for_alarm() -> None:
    """Rows equal by chance are counted exactly, at level note; blank pictures and single numbers not at all."""
    random = np.random.default_rng(0)
    rows, labels = random.integers(0, 3, (3000, 4)), random.integers(0, 2, 3000)
    record = scanned(rows, labels, words="ab")
    assert not are_telling(record)
    assert are_telling(scanned(DIGITS.images, DIGITS.target, words=WORDS))
    (finding,) = duplicates(record, telling=False).findings
    used = (rows != rows[:, :1]).any(1)
    pairs = np.column_stack([rows, labels])[used]
    assert (finding.level, finding.count) == ("note", len(pairs) - len(np.unique(pairs, axis=0)))
    assert "by chance" in finding.text
    assert conflicts(record, telling=False).findings[0].level == "note"
    blanks = np.concatenate([np.zeros((300, 8, 8)), DIGITS.images])
    assert duplicates(scanned(blanks, np.zeros(len(blanks)), words="a"), telling=True).findings[0].level == "ok"
    assert duplicates(scanned(random.normal(size=(50, 1)), np.zeros(50)), telling=True).findings == ()


def test_unlabelled_samples_and_numbers_contradict_nobody() -> None:
    """A sample without a label is no contradiction, and repeated measurements of a number are a note."""
    rows, labels = planted()
    unlabelled = np.where(np.arange(len(labels)) % 2, labels, -1)
    record = scanned(rows, unlabelled, words=WORDS)
    partners = conflicts(record, telling=True).columns[0].values
    assert (partners[unlabelled < 0] == -1).all()
    assert conflicts(scanned(rows, labels), telling=True).findings[0].level == "note"


def test_unknown_contents_give_nothing() -> None:
    """Without hashes, as of samples of an unknown kind, nothing is said."""
    record = scanned(DIGITS.images, DIGITS.target, words=WORDS, input_hashes=np.zeros(0, np.int64))
    assert duplicates(record, telling=True).findings == ()
    assert conflicts(record, telling=True).findings == ()
    assert overlap(record, record, telling=True).findings == ()


def test_groups_are_bounded() -> None:
    """Of many groups the 200 largest are given, of a large one 50 rows; the count stays exact."""
    rows = np.random.default_rng(0).normal(size=(400, 9)).repeat(2, axis=0)
    rows = np.concatenate([rows, rows[:1].repeat(98, axis=0)])
    (finding,) = duplicates(scanned(rows, np.zeros(len(rows)), words="a"), telling=True).findings
    assert finding.count == 498
    assert len(finding.groups) == 200
    assert [len(group) for group in finding.groups[:2]] == [50, 2]


def test_repeats_of_most_samples_are_meant() -> None:
    """Where more than half of the samples repeat another's input, repeats and contradictions are noted alone."""
    pictures, labels = np.repeat(DIGITS.images[:200], 2, axis=0), np.repeat(DIGITS.target[:200], 2)
    labels[::8] = (labels[::8] + 1) % 10
    record = scanned(pictures, labels, words=WORDS)
    for look, count in ((duplicates, 150), (conflicts, 100)):
        (finding,) = look(record, telling=True).findings
        assert (finding.level, finding.count) == ("note", count)
        assert finding.text.endswith("; most samples repeat another's input, as where repeats are meant")


def test_repeats_of_one_number_are_found() -> None:
    """Inputs of one number are no blank samples: as many repeats are found as pandas finds, without alarm."""
    numbers = np.random.default_rng(0).integers(0, 30, 90).astype(np.float32)[:, None]
    x = torch.from_numpy(numbers)
    record = scan(DataLoader(TensorDataset(x, x.clone()), 8), progress=False)
    (found,) = [each for each in record.findings if each.kind == "duplicates"]
    assert (found.level, found.count) == ("note", int(pd.Series(numbers[:, 0]).duplicated().sum()))
    assert any(each.kind == "conflicting labels" for each in record.findings)


def test_it_is_said_where_all_samples_are_blank() -> None:
    """Where each sample is one value throughout, a note says that equal ones were not looked for."""
    rows = np.repeat(np.arange(12.0)[:, None], 5, axis=1)
    found = duplicates(scanned(rows, np.zeros(12)), telling=True)
    assert (found.columns, found.findings) == ((), ())
    assert found.notes[0].startswith("Every sample is blank")
