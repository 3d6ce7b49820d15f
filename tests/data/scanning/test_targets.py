"""Data sets with several targets: a column of each, as the batch calls it."""

from __future__ import annotations

from collections import namedtuple

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from nbinspect.data.findings.balance import imbalance, missing_labels
from nbinspect.data.findings.duplicates import conflicts
from nbinspect.data.query.matching import rows_matching
from nbinspect.data.scanning.scan import Scan, scanned
from nbinspect.data.scanning.targets import columns_of
from nbinspect.data.table.frame import to_frame
from nbinspect.subject import make_subject

KIND = torch.arange(60) % 3
AGE = torch.linspace(0, 1, 60)
INPUTS = torch.randn(60, 5, generator=torch.Generator().manual_seed(0))
STYLES = ("art deco", "brutalist", "colonial")
Goals = namedtuple("Goals", ["kind", "age"])


class Samples(Dataset):
    """Samples that a function of their place gives."""

    def __init__(self, sample):
        self.sample = sample

    def __len__(self):
        return 60

    def __getitem__(self, place):
        return self.sample(place)


def scan_of(sample, model=None, workers=0, **options):
    loader = DataLoader(Samples(sample), 16, num_workers=workers)
    subject = make_subject(model or nn.Identity(), loader, **options)
    return scanned(Scan(subject), lambda _: None)


def told(record, name):
    column = record.column(name)
    return [column.words[code] for code in column.values] if column.words else column.values.tolist()


@pytest.mark.parametrize(
    ("sample", "names"),
    [
        (lambda i: (INPUTS[i], {"kind": KIND[i], "age": AGE[i]}), ("kind", "age")),
        (lambda i: (INPUTS[i], Goals(KIND[i], AGE[i])), ("kind", "age")),
        (lambda i: (INPUTS[i], (KIND[i], AGE[i])), ("y[0]", "y[1]")),
        (lambda i: {"x": INPUTS[i], "labels": {"kind": KIND[i], "age": AGE[i]}}, ("kind", "age")),
        (lambda i: {"x": INPUTS[i], "kind_label": KIND[i], "age_label": AGE[i]}, ("kind_label", "age_label")),
        (lambda i: {"x": INPUTS[i], "label": KIND[i], "target_age": AGE[i]}, ("label", "target_age")),
    ],
    ids=["dict", "named tuple", "tuple", "dict of dicts", "two labels", "a label and another"],
)
def test_each_target_is_a_column_of_its_own(sample, names):
    """Parts of a target, and columns of a batch that are called labels, are classes and numbers by their own names."""
    record = scan_of(sample)
    kind, age = names
    assert [(column.name, column.kind) for column in record.targets] == [(kind, "class"), (age, "number")]
    assert told(record, kind) == [str(code) for code in KIND.tolist()]
    np.testing.assert_allclose(told(record, age), AGE.numpy())
    assert len(record.target_hashes) == 60
    assert {name for feature in record.features for name in [feature.name]}.isdisjoint(names)


def test_words_of_a_target_are_its_classes_and_can_be_looked_for():
    """A target of words beside one of numbers has its words as classes, also where workers read it."""
    sample = lambda i: (INPUTS[i], {"style": STYLES[KIND[i]], "age": AGE[i]})  # noqa: E731
    record = scan_of(sample, workers=1)
    assert record.column("style").words == STYLES
    found = rows_matching(to_frame(record.columns), "brutalist")
    np.testing.assert_array_equal(found, np.flatnonzero(KIND.numpy() == 1))


def test_class_names_belong_to_the_label():
    """Of several targets the one that is called the label has the class names, the others their numbers."""
    sample = lambda i: (INPUTS[i], {"label": KIND[i], "half": KIND[i] // 2})  # noqa: E731
    record = scan_of(sample, class_names=STYLES)
    assert record.column("label").words == STYLES
    assert record.column("half").words == ("0", "1")
    assert record.label_kind == "class"


class Both(nn.Module):
    def forward(self, x, labels_in):
        return x + labels_in


def test_what_the_network_is_called_with_is_no_target():
    """A part that is called labels and enters the network stays an input."""
    sample = lambda i: {"x": INPUTS[i], "labels_in": INPUTS[i], "label": KIND[i]}  # noqa: E731
    record = scan_of(sample, Both())
    assert [column.name for column in record.targets] == ["label"]


def test_a_target_that_is_called_as_another_column_says_that_it_is_one():
    """Names that other columns have get a word before them, and no two targets one name."""
    assert columns_of(["mean", "kind", "a\nb", "a\nb", ""]) == ["label mean", "kind", "a↵b", "a↵b'", "label"]


def test_findings_speak_of_each_target():
    """Rare classes, absent labels and contradictions are found in any of several targets."""
    rare = torch.zeros(60, dtype=torch.long)
    rare[:2] = 1
    age = AGE.clone()
    age[7] = float("nan")
    inputs = INPUTS.clone()
    inputs[9] = inputs[10]
    record = scan_of(lambda i: (inputs[i], {"my kind": rare[i], "age": age[i]}))
    (finding,) = imbalance(record).findings
    assert (finding.level, finding.query) == ("note", "`my kind` == '1'")
    assert finding.text.startswith("my kind: 2 classes")
    frame = to_frame(record.columns)
    assert rows_matching(frame, finding.query).tolist() == [0, 1]
    assert rows_matching(frame, missing_labels(record).findings[0].query).tolist() == [7]
    assert conflicts(record, telling=True).findings[0].count == 2
