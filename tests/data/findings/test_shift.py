from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2_contingency, ks_2samp
from sklearn.datasets import load_digits

from nbinspect.data.findings.shift import absent_classes, chi_square_chance, ks_statistic, shift
from nbinspect.data.query.matching import rows_matching
from nbinspect.data.table.frame import to_frame
from nbinspect.records import FeatureFacts
from tests.data.records_of_data import HOSTILE, column, record_of
from tests.data.scanned_records import scanned


def test_statistics_are_those_of_scipy() -> None:
    """The Kolmogorov-Smirnov statistic is exact, ties included, and the chance by chi-square close."""
    random = np.random.default_rng(0)
    ours, theirs = random.normal(size=700).round(1), random.normal(0.3, 1, 400).round(1)
    assert ks_statistic(ours, theirs) == pytest.approx(ks_2samp(ours, theirs).statistic)
    for shares in ([0.2, 0.3, 0.5], [0.25, 0.28, 0.47], [0.1, 0.35, 0.55]):
        counts = np.array([np.array([0.2, 0.3, 0.5]) * 2000, np.array(shares) * 500])
        expected = chi2_contingency(counts, correction=False).pvalue
        assert chi_square_chance(counts) == pytest.approx(expected, rel=0.05, abs=1e-5)
    assert chi_square_chance(np.array([[5.0], [9.0]])) == 1


def test_random_splits_of_real_data_do_not_differ() -> None:
    """Splits drawn at random raise no alarm, however often they are drawn and however few samples they have."""
    digits = load_digits()
    for seed in range(20):
        order = np.random.default_rng(seed).permutation(1797)
        for part in (order[:40], order[:500]):
            ours, theirs = (
                scanned(digits.images[rows], digits.target[rows], words=range(10)) for rows in (part, order[600:])
            )
            assert shift(ours, theirs).findings == ()


def test_inputs_that_lack_their_normalisation_are_warned_of() -> None:
    """A split of another scale is named with its medians, the largest difference first."""
    digits = load_digits()
    ours = scanned(digits.images[:900], digits.target[:900], words=range(10))
    theirs = scanned(digits.images[900:] / 16, digits.target[900:], words=range(10), split="validation")
    (finding,) = shift(ours, theirs).findings
    assert (finding.kind, finding.level, finding.count) == ("shift", "warn", 3)
    assert "differ between train and validation: " in finding.text
    middles = [np.median(part.mean((1, 2))) for part in (digits.images[:900], digits.images[900:] / 16)]
    assert "mean (median {:.3g} against {:.3g}, distributions differ by 1.00)".format(*middles) in finding.text


def test_labels_of_other_shares_are_named() -> None:
    """Classes that one split lacks are a shift of the label, matched by word and not by place."""
    random = np.random.default_rng(0)
    ours = record_of(column("label", "class", random.integers(0, 3, 600), "target", ("a", "b", "c")))
    same = record_of(column("label", "class", random.integers(0, 3, 600), "target", ("c", "a", "b")))
    other = record_of(column("label", "class", random.integers(0, 2, 600), "target", ("c", "a")), split="validation")
    assert shift(ours, same).findings == ()
    (finding,) = shift(ours, other).findings
    assert finding.level == "warn"
    assert "label (b: " in finding.text
    assert "of train, 0.0% of validation)" in finding.text


def test_classes_that_one_split_never_has_are_counted() -> None:
    """Validation's unseen classes are warned of with exact counts, and training's are noted unless they are rare."""
    random = np.random.default_rng(0)
    codes, words = random.integers(0, 3, 600), ("a", "b", HOSTILE, "rare")
    codes[7] = 3
    theirs = np.r_[np.zeros(100), np.ones(12), np.full(3, 2)].astype(int)
    train = record_of(column("label", "class", codes, "target", words))
    validation = record_of(column("label", "class", theirs, "target", ("a", "new", "it's")), split="validation")
    for record, other in ((train, validation), (validation, train)):
        unseen, unused = absent_classes(record, other).findings
        assert (unseen.level, unseen.count) == ("warn", 15)
        assert unseen.text == "15 samples of validation are of 2 classes that train never has: new (12), it's (3)"
        assert (unused.level, unused.count) == ("note", int(np.isin(codes, (1, 2)).sum()))
        assert unused.text.startswith(f"{unused.count} samples of train are of 2 classes that validation never has: ")
        asked = unseen if record is validation else unused
        assert len(rows_matching(to_frame(record.columns), asked.query)) == asked.count
        assert (unused if record is validation else unseen).query == ""
    part = record_of(column("label", "class", codes, "target", words), complete=False)
    assert [finding.level for finding in absent_classes(part, validation).findings] == ["note"]
    assert absent_classes(train, train).findings == ()
    assert absent_classes(train, record_of(column("mean", "number", np.zeros(40)))).findings == ()


def test_thousands_of_rare_classes_are_no_shift() -> None:
    """Classes too rare to compare one by one are taken together."""
    random, words = np.random.default_rng(0), tuple(map(str, range(5000)))
    ours, theirs = (
        record_of(column("label", "class", random.integers(0, 5000, n), "target", words)) for n in (8000, 800)
    )
    assert shift(ours, theirs).findings == ()


def test_features_are_compared_by_their_means() -> None:
    """A feature whose mean lies deviations away is named, one within noise or constant is not."""

    def table(means: tuple[float, ...], split: str, name: str = "x") -> object:
        facts = tuple(FeatureFacts(f"{name}{k}", mean, k * 1.0, 0, 1, 0.0) for k, mean in enumerate(means))
        return record_of(column("mean", "number", np.zeros(100)), features=facts, split=split)

    (finding,) = shift(table((1, 1, 10), "train"), table((2, 1.1, 2), "validation")).findings
    assert (finding.level, finding.count) == ("warn", 1)
    assert "feature x2 (mean 10 against 2)" in finding.text
    (finding,) = shift(table((1, 1, 10), "train", "feature "), table((2, 1.1, 2), "validation", "feature ")).findings
    assert "validation: feature 2 (mean 10 against 2)" in finding.text


def test_few_samples_and_other_columns_say_nothing() -> None:
    """Below thirty samples, and with no column in common, nothing is compared."""
    few = record_of(column("mean", "number", np.arange(20)))
    many = record_of(column("std", "number", np.arange(99) + 100.0))
    assert shift(few, few).findings == ()
    assert shift(many, record_of(column("mean", "number", np.arange(99)))).findings == ()
