from __future__ import annotations

import numpy as np
import pytest

from nbinspect.data.findings.defects import blank, missing_values, not_finite, shapes, unreadable, useless_features
from nbinspect.data.query.matching import rows_matching
from nbinspect.data.table.frame import to_frame
from nbinspect.records import FeatureFacts, SampleFailure
from tests.data.records_of_data import HOSTILE, column, record_of


def shown(record: object, finding: object) -> list[int]:
    return rows_matching(to_frame(record.columns), finding.query).tolist()


def test_unreadable_samples_are_counted_with_the_first_error() -> None:
    """The number of failures and the first error are said, and without any nothing is."""
    failures = (SampleFailure(7, f"ValueError: {HOSTILE} (data.py:3)"),)
    record = record_of(column("mean", "number", [1, 2]), failed=3, failures=failures)
    (finding,) = unreadable(record).findings
    assert finding.text == f"3 samples could not be read: sample 7, ValueError: {HOSTILE} (data.py:3)"
    assert (finding.level, finding.count) == ("warn", 3)
    assert unreadable(record_of(column("mean", "number", [1, 2]))).findings == ()


def test_blank_pictures_are_found_and_blank_rows_are_none() -> None:
    """A few blank pictures are warned of, with a query that shows them; in a table one value is no defect."""
    low, high = np.zeros(10), np.ones(10)
    low[[2, 5]] = high[[2, 5]] = 0.5
    record = record_of(column("min", "number", low), column("max", "number", high), blank=low == high)
    (finding,) = blank(record).findings
    assert (finding.level, finding.count, finding.groups) == ("warn", 2, ((2, 5),))
    assert shown(record, finding) == [2, 5]
    table = record_of(column("min", "number", low), blank=low > 0, form="table")
    assert blank(table).findings == ()
    nearly_all = record_of(column("min", "number", low), blank=np.ones(10, bool))
    assert blank(nearly_all).findings[0].level == "note"
    assert blank(nearly_all).findings[0].query == ""


def test_infinite_values_are_told_from_missing_ones() -> None:
    """In a table NaN is a missing value and infinity a defect, elsewhere both are defects."""
    nonfinite, missing = np.array([0, 0.25, 0.5, 0]), np.array([0, 0.25, 0.25, 0])
    table = record_of(column("nonfinite", "number", nonfinite), column("missing", "number", missing), form="table")
    (finding,) = not_finite(table).findings
    assert shown(table, finding) == [2]
    assert finding.text == "1 sample with infinite values"
    (lacking,) = missing_values(table).findings
    assert shown(table, lacking) == [1, 2]
    series = record_of(column("nonfinite", "number", nonfinite), form="series")
    (finding,) = not_finite(series).findings
    assert (finding.level, finding.count, shown(series, finding)) == ("warn", 2, [1, 2])
    assert not_finite(record_of(column("nonfinite", "number", np.zeros(4)))).findings == ()
    assert missing_values(series).findings == ()


def test_features_that_lack_values_are_named_the_worst_first() -> None:
    """The features with missing values are listed with their shares."""
    facts = (
        FeatureFacts("age", 1, 1, 0, 1, 0.1),
        FeatureFacts("b", 1, 1, 0, 1, 0.0),
        FeatureFacts("c", 1, 1, 0, 1, 0.4),
    )
    record = record_of(column("missing", "number", [0.3, 0]), features=facts, form="table")
    assert missing_values(record).findings[0].text.endswith("in 2 of 3 features: c (40.0%), age (10.0%)")


def test_constant_and_repeated_features_are_noted() -> None:
    """Features of one value and copies of earlier ones are named, a constant copy once."""
    facts = (
        FeatureFacts("a", 1, 1, 0, 1, 0.0),
        FeatureFacts("b", 1, 0, 1, 1, 0.0, constant=True),
        FeatureFacts("c", 1, 0, 1, 1, 0.0, constant=True, same_as="b"),
        FeatureFacts(HOSTILE, 1, 1, 0, 1, 0.0, same_as="a"),
    )
    record = record_of(column("mean", "number", [1, 2]), features=facts)
    constant, same = useless_features(record).findings
    assert (constant.level, constant.count) == ("note", 2)
    assert constant.text == "2 of 4 features with one value in all samples: b, c"
    assert same.text == f"1 of 4 features with the values of an earlier one: {HOSTILE} = a"
    one = record_of(column("mean", "number", [1]), features=facts)
    assert useless_features(one).findings == ()


def test_other_shapes_and_dtypes_are_shown() -> None:
    """A picture of another shape among many is warned of, a text with other axes a note, one shape nothing."""
    codes = np.zeros(40, int)
    codes[[3, 9]] = 1
    words = ("(3, 8, 8)", f"(1, 8, 8) '{HOSTILE}'")
    record = record_of(column("shape", "class", codes, "sample", words))
    (finding,) = shapes(record).findings
    assert (finding.level, finding.count, shown(record, finding)) == ("warn", 2, [3, 9])
    assert finding.text.startswith("2 shapes: (3, 8, 8) (38), (1, 8, 8)")
    text = record_of(column("shape", "class", codes, "sample", ("(9,)", "(1, 8)")), form="text")
    assert shapes(text).findings[0].level == "note"
    assert shapes(record_of(column("shape", "class", np.zeros(9), "sample", words))).findings == ()
    mixed = record_of(column("dtype", "class", codes, "sample", ("float32", "uint8")))
    assert shapes(mixed).findings[0].text == "2 dtypes: float32 (38), uint8 (2)"


@pytest.mark.parametrize("form", ["text", "series", "audio"])
def test_lengths_that_vary_are_nothing_odd(form):
    """Texts, series and sounds of different lengths are not named, those with another number of channels are."""
    codes = np.arange(40) % 3
    lengths = record_of(column("shape", "class", codes, "sample", ("(9, 2)", "(12, 2)", "(17, 2)")), form=form)
    assert shapes(lengths).findings == ()
    channels = record_of(column("shape", "class", codes, "sample", ("(9, 2)", "(12, 1)", "(17, 2)")), form=form)
    assert shapes(channels).findings[0].level == "note"
    pictures = record_of(column("shape", "class", codes, "sample", ("(9, 2)", "(12, 2)", "(17, 2)")))
    assert shapes(pictures).findings[0].level == "note"
