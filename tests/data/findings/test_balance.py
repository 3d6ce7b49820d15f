from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from torch.utils.data import DataLoader, TensorDataset

from nbinspect.data.findings.balance import imbalance, missing_labels, order_pattern
from nbinspect.data.query.matching import rows_matching
from nbinspect.data.scanning.scan import scan
from nbinspect.data.table.frame import to_frame
from tests.data.records_of_data import HOSTILE, column, record_of


def labelled(codes: object, words: object = ("cat", "dog", HOSTILE), **facts: object) -> object:
    return record_of(column("label", "class", codes, "target", tuple(words)), **facts)


@pytest.mark.parametrize(
    ("counts", "level"),
    [((100, 100, 100), "ok"), ((120, 100, 90), "ok"), ((400, 100, 60), "note"), ((2000, 100, 60), "warn")],
)
def test_the_level_follows_the_ratio(counts: tuple[int, ...], level: str) -> None:
    """Figures are exact, and only classes that differ tenfold beyond bad luck are warned of."""
    record = labelled(np.repeat(np.arange(3), counts))
    (finding,) = imbalance(record).findings
    assert finding.level == level
    if level != "ok":
        assert f"{counts[0]:,} of cat, {counts[2]:,} of {HOSTILE}" in finding.text
        assert f"right in {counts[0] / sum(counts):.1%}" in finding.text
        assert len(rows_matching(to_frame(record.columns), finding.query)) == finding.count == counts[2]


def test_real_classes_are_balanced() -> None:
    """The classes of digits, iris, wine and breast cancer are no cause for alarm."""
    for load in (load_digits, load_iris, load_wine, load_breast_cancer):
        data = load()
        (finding,) = imbalance(labelled(data.target, map(str, data.target_names))).findings
        assert finding.level == "ok"


def test_a_few_labels_of_thousands_of_classes_are_no_imbalance() -> None:
    """Ten thousand classes with a few samples each are not warned of; absent ones are said where all was scanned."""
    codes = np.minimum(np.random.default_rng(0).geometric(0.0005, 20_000), 9_999)
    words = [f"class {k}" for k in range(10_000)]
    assert imbalance(labelled(codes, words)).findings[0].level != "warn"
    found = imbalance(labelled(np.repeat([0, 1], 100))).findings[0]
    assert found.text.endswith("; 1 class has no sample")
    assert found.level == "note"
    assert "no sample" not in imbalance(labelled(np.repeat([0, 1], 100), complete=False)).findings[0].text


def test_too_few_labels_or_one_class_say_nothing() -> None:
    """Below fifty labels, with one class alone, or with numbers, there is no imbalance."""
    assert imbalance(labelled([0, 1] * 20)).findings == ()
    assert imbalance(labelled(np.zeros(500, int))).findings == ()
    assert imbalance(record_of(column("label", "number", np.arange(99), "target"))).findings == ()


def test_data_sorted_by_label_is_noted() -> None:
    """Labels in runs are a note with the number of changes, those in any other order are not."""
    iris, random = load_iris().target, np.random.default_rng(0)
    (finding,) = order_pattern(labelled(iris)).findings
    assert (finding.kind, finding.level) == ("order", "note")
    assert "changes 2 times among 150 samples" in finding.text
    for codes in (random.permutation(iris), load_digits().target, np.arange(300) % 3, np.zeros(300)):
        assert order_pattern(labelled(codes, map(str, range(10)))).findings == ()


def test_numbers_that_grow_from_sample_to_sample_are_noted() -> None:
    """Sorted or slowly moving targets are noted, shuffled ones and real ones are not."""
    target = load_diabetes().target
    for values, expected in ((np.sort(target), 1), (target, 0), (np.sin(np.arange(500) / 40), 1), (np.ones(99), 0)):
        assert len(order_pattern(record_of(column("label", "number", values, "target"))).findings) == expected


def test_samples_without_a_label_are_counted() -> None:
    """Missing classes and numbers are found, of several targets in any of them."""
    codes = np.arange(100) % 3
    codes[[4, 8]] = -1
    record = labelled(codes)
    (finding,) = missing_labels(record).findings
    assert (finding.level, finding.count, finding.text) == ("warn", 2, "2 samples of 100 are without a label")
    assert rows_matching(to_frame(record.columns), finding.query).tolist() == [4, 8]
    numbers = np.arange(100.0)
    numbers[9] = np.nan
    several = record_of(
        column("label_0", "number", np.arange(100), "target"), column("label_1", "number", numbers, "target")
    )
    (finding,) = missing_labels(several).findings
    assert rows_matching(to_frame(several.columns), finding.query).tolist() == [9]
    assert missing_labels(labelled(np.full(9, -1))).findings[0].level == "note"
    assert missing_labels(record_of(column("mean", "number", [np.nan]))).findings == ()


def test_labels_outside_the_class_names_are_found() -> None:
    """Labels that have no name are counted, and the query finds their samples."""
    x, y = torch.randn(40, 3), torch.arange(40) % 4
    loader = DataLoader(TensorDataset(x, y), 8)
    record = scan(loader, class_names=["a", "b"], progress=False)
    (found,) = [each for each in record.findings if each.kind == "nameless labels"]
    assert (found.level, found.count) == ("warn", int((y > 1).sum()))
    assert found.text == "Labels outside the 2 class names: 2, 3, in 20 samples of 40"
    assert rows_matching(to_frame(record.columns), found.query).tolist() == np.flatnonzero(y > 1).tolist()
    assert not any(each.kind == "nameless labels" for each in scan(loader, progress=False).findings)
