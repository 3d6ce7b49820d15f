from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import median_abs_deviation
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine

from nbinspect.data.findings.outliers import outliers, robust_scores
from tests.data.records_of_data import column, record_of
from tests.data.scanned_records import scanned


def test_scores_are_deviations_from_the_median() -> None:
    """Of a symmetric column the score is the distance from the median over the scaled MAD."""
    values = np.random.default_rng(0).normal(3, 2, 20_001)
    expected = (values - np.median(values)) / median_abs_deviation(values, scale="normal")
    np.testing.assert_allclose(robust_scores(values), expected, rtol=0.03)


def test_quantised_and_constant_columns_have_no_far_values() -> None:
    """Where the MAD is 0 the range of nearly all values counts, and rare values of a constant column are not far."""
    random = np.random.default_rng(0)
    mostly = np.where(random.random(1000) < 0.3, random.integers(1, 6, 1000), 0).astype(float)
    rare = np.zeros(1000)
    rare[:3] = 1
    assert np.abs(robust_scores(mostly)).max() < 4
    assert robust_scores(rare).tolist() == [0] * 1000
    assert np.abs(robust_scores(np.append(mostly, 500.0)))[-1] > 100
    assert robust_scores(np.array([np.nan, np.inf, np.nan])).tolist() == [0, 0, 0]
    assert robust_scores(np.zeros(0)).tolist() == []


@pytest.mark.parametrize("draw", ["normal", "lognormal", "exponential", "gamma", "uniform"])
def test_tails_of_usual_distributions_are_no_outliers(draw: str) -> None:
    """Of a hundred thousand values of a common distribution, long tails included, nearly none is far."""
    random = np.random.default_rng(0)
    arguments = (0.5,) if draw == "gamma" else ()
    values = getattr(random, draw)(*arguments, size=100_000)
    assert (np.abs(robust_scores(values)) > 8).mean() < 2e-4


def test_planted_samples_are_named_with_what_is_far() -> None:
    """Corrupted pictures are found among digits by index and number, and the query shows just these."""
    digits = load_digits()
    pictures = digits.images.copy()
    pictures[[5, 700]] *= 1000
    found = outliers(scanned(pictures, digits.target, words=range(10)))
    (finding,) = found.findings
    far = found.columns[0].values > 8
    far |= found.columns[1].values > float(finding.query.rpartition(" ")[2])
    assert np.flatnonzero(far).tolist() == [5, 700]
    assert (finding.level, finding.count) == ("warn", 2)
    assert "sample 5 (" in finding.text
    assert "sample 700 (" in finding.text


@pytest.mark.parametrize("load", [load_wine, load_iris, load_breast_cancer, load_diabetes, load_digits])
def test_real_data_raises_no_alarm(load: object) -> None:
    """Nothing is warned of in real tables and pictures."""
    data = load()
    record = scanned(data.get("images", data.data), np.zeros(len(data.data)))
    assert not [finding for finding in outliers(record).findings if finding.level == "warn"]


def test_standardised_pictures_have_no_far_rounding_errors() -> None:
    """Means of 0 and deviations of 1 up to rounding are no outliers, while one picture of another scale is."""
    random = np.random.default_rng(0)
    pictures = random.normal(size=(400, 16, 16))
    pictures[::3] *= 1e4
    pictures = (pictures - pictures.mean((1, 2), keepdims=True)) / pictures.std((1, 2), keepdims=True)
    means = random.normal(size=400) * 1e-8
    means[:3] = -3e-6
    record = scanned(pictures, np.zeros(400))
    record.column("mean").values[:] = means
    assert np.abs(robust_scores(means)).max() > 100
    assert outliers(record).findings == ()
    record.column("std").values[9] = 255
    assert outliers(record).findings[0].text.startswith("1 sample far from the others: sample 9 (std 255, robust z-sco")


def test_rows_of_a_table_are_judged_by_their_neighbours_alone() -> None:
    """Least, mean and largest of unlike features say nothing: raw salaries, counts and flags raise no alarm."""
    random = np.random.default_rng(0)
    table = [random.lognormal(10, 0.8, 1200), random.poisson(3, 1200), random.binomial(1, 0.1, 1200)]
    rows = np.stack([*table, random.lognormal(0, 1, 1200)], axis=1)
    found = outliers(scanned(rows, np.zeros(1200)))
    assert [column.name for column in found.columns] == ["distance"]
    assert sum(finding.count for finding in found.findings) <= 12


@pytest.mark.parametrize("draw", [(np.random.Generator.standard_t, 2), (np.random.Generator.standard_t, 1.5)])
def test_heavy_tails_on_both_sides_are_no_outliers(draw: Any) -> None:
    """Of a column with heavy tails no more than one in a hundred is far, and what is far beyond them still is."""
    values = draw[0](np.random.default_rng(0), draw[1], 5000)
    assert (np.abs(robust_scores(values)) > 8).mean() <= 0.01
    assert np.abs(robust_scores(np.append(values, 1e9)))[-1] > 8


def test_only_the_length_of_a_text_is_judged() -> None:
    """Numbers of tokens are names, so that a rare token makes no outlier, while a very long text does."""
    random = np.random.default_rng(0)
    tokens, lengths = random.integers(0, 9, 300).astype(float), random.integers(20, 60, 300).astype(float)
    tokens[5], lengths[9] = 1e6, 9000
    record = record_of(column("max", "number", tokens), column("length", "number", lengths), form="text")
    found = outliers(record)
    assert np.flatnonzero(found.columns[0].values > 8).tolist() == [9]
    assert found.findings[0].text.startswith("1 sample far from the others: sample 9 (length 9e+03")


def test_a_sample_apart_is_found_by_its_neighbours() -> None:
    """A row whose numbers are each in range lies far from all others in their combination."""
    random = np.random.default_rng(0)
    rows = random.uniform(-2, 2, (500, 1)) * [1, 1, -1, -1] + 0.05 * random.normal(size=(500, 4))
    rows[77] = 1.5, -1.5, 1.5, -1.5
    found = outliers(scanned(rows, np.zeros(500)))
    (column,) = found.columns
    distance = column.values
    assert distance.argmax() == 77
    assert found.findings[0].count == 1
    assert "sample 77 (neighbours" in found.findings[0].text


def test_distances_are_those_to_the_fifth_neighbour() -> None:
    """Distances agree with a brute-force search over standardised features, NaN where a sample is not embedded."""
    rows = np.random.default_rng(0).normal(size=(60, 3))
    part = np.arange(0, 60, 2)
    record = scanned(rows, np.zeros(60), embedded=part, embedding=rows[part].astype(np.float32))
    (column,) = outliers(record).columns
    found = column.values
    scaled = rows[part] / rows[part].astype(np.float32).std(0)
    table = np.sort(np.linalg.norm(scaled[:, None] - scaled[None], axis=2), axis=1)[:, 5]
    np.testing.assert_allclose(found[part], table / np.median(table), rtol=1e-4)
    assert np.isnan(found[1::2]).all()


def test_many_samples_are_compared_with_some_and_that_is_said() -> None:
    """Above the limit of comparisons the distances are to a part, drawn at random."""
    rows = np.random.default_rng(0).normal(size=(15_000, 3))
    found = outliers(scanned(rows, np.zeros(15_000)))
    assert found.notes[0].startswith("Distances to neighbours are to those among 13,333 samples drawn at random")


def test_few_samples_have_no_outliers() -> None:
    """Below twenty samples, and without numbers and embedding, nothing is said."""
    assert outliers(scanned(np.eye(10), np.zeros(10))).columns == ()
    assert outliers(record_of(column("length", "index", np.arange(30)))).columns == ()


@pytest.mark.parametrize("count", [40, 100, 300])
def test_one_token_fewer_among_equal_lengths_is_not_far(count: int) -> None:
    """A sequence of 11 tokens among ones of 12 is like the others, while one of 400 is not."""
    lengths = np.full(count, 12.0)
    lengths[[3, *range(100, count, 100)]] = 11
    assert outliers(record_of(column("length", "number", lengths), form="text")).findings == ()
    lengths[5::6] = 13
    lengths[7] = 400
    (finding,) = outliers(record_of(column("length", "number", lengths), form="text")).findings
    assert finding.text.startswith("1 sample far from the others: sample 7 (length 400")


@pytest.mark.parametrize("count", [100, 300])
def test_pictures_a_step_less_bright_are_not_far(count: int) -> None:
    """Where nearly all pictures reach 1, some of 0.938 are like them, and one that reaches 1000 is found."""
    pictures = np.random.default_rng(0).integers(0, 16, (count, 8, 8)) / 16
    pictures[:, 0, 0] = 1
    pictures[2::100, 0, 0] = 15 / 16
    assert outliers(scanned(pictures, np.zeros(count))).findings == ()
    pictures[11, 4, 4] = 1000
    found = outliers(scanned(pictures, np.zeros(count)))
    assert "sample 11 (" in found.findings[0].text
    assert found.findings[0].count == 1


def test_a_few_values_that_are_nought_are_not_far() -> None:
    """A share of zeros of a thousandth is none beside pictures without any, and a half is."""
    shares = np.zeros(90)
    shares[4] = 0.001
    assert outliers(record_of(column("zeros", "number", shares))).findings == ()
    shares[4] = 0.5
    assert outliers(record_of(column("zeros", "number", shares))).findings[0].count == 1
