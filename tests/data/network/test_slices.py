from __future__ import annotations

import numpy as np
import pytest

from nbinspect.data.network.slices import worst_slices
from nbinspect.data.query.matching import rows_matching
from nbinspect.data.table.frame import to_frame
from nbinspect.errors import InputError
from nbinspect.records import Column
from tests.data.columns import classes, index, numbers


def columns(seed, count):
    """A label of ten classes, five numbers that go together in part, and a flag."""
    rng = np.random.default_rng(seed)
    first = rng.normal(size=count)
    parts = {"mean": first, "brightness": first + 0.1 * rng.normal(size=count), "std": rng.lognormal(size=count)}
    return [
        index(count),
        classes("label", rng.integers(0, 10, count), "abcdefghij"),
        *(numbers(name, values) for name, values in parts.items()),
        Column("duplicate", "index", np.where(rng.random(count) < 0.1, 1, -1), "finding"),
    ]


def correct(flags):
    return Column("correct", "flag", np.asarray(flags, np.bool_), "model")


@pytest.mark.parametrize(("count", "rate"), [(200, 0.4), (1500, 0.03)])
def test_errors_that_are_spread_by_luck_give_no_slices(count, rate):
    """Of sixty data sets whose errors are random at most three have any slice, be the error rate low or high."""
    found = 0
    for seed in range(60):
        made = columns(seed, count)
        found += bool(worst_slices([*made, correct(np.random.default_rng(seed + 999).random(count) > rate)]).slices)
    assert found <= 3


def test_losses_with_a_long_tail_give_no_slices():
    """Of sixty data sets whose losses are random, heavy-tailed and alike everywhere at most three have a slice."""
    found = 0
    for seed in range(60):
        losses = np.random.default_rng(seed + 999).lognormal(0, 2, 1000)
        found += bool(worst_slices([*columns(seed, 1000), numbers("loss", losses, "model")]).slices)
    assert found <= 3


def planted(seed=0, count=4000):
    """Errors of one in twenty, of half among dark samples of class d, and of a quarter in class h."""
    made, rng = columns(seed, count), np.random.default_rng(seed + 1)
    label, brightness = made[1].values, made[3].values
    dark = (label == 3) & (brightness < np.quantile(brightness, 0.25))
    chance = np.where(dark, 0.5, np.where(label == 7, 0.25, 0.05))
    return [*made, correct(rng.random(count) > chance)], dark, label == 7


def test_planted_slices_are_found_once_each():
    """A pair of conditions and a whole class stand out, and nothing that they explain is told besides them."""
    made, dark, whole = planted()
    found = worst_slices(made)
    rows = [rows_matching(to_frame(made), each.query) for each in found.slices]
    assert found.slices[-1].text == "label h"
    np.testing.assert_array_equal(rows[-1], np.flatnonzero(whole))
    others = np.unique(np.concatenate(rows[:-1]))
    assert np.isin(others, np.flatnonzero(dark)).mean() > 0.9
    assert np.isin(np.flatnonzero(dark), others).mean() > 0.9
    assert found.sentence.startswith(f"The error rate is {100 * found.slices[0].error:.1f} % on")


def test_figures_of_a_slice_are_those_of_its_samples():
    """Count, error, rest and share equal those of the rows that its query selects, and its interval holds the error."""
    made, *_ = planted()
    wrong = ~made[-1].values
    for each in worst_slices(made).slices:
        inside = np.zeros(len(wrong), np.bool_)
        inside[rows_matching(to_frame(made), each.query)] = True
        assert each.count == inside.sum()
        assert each.error == pytest.approx(wrong[inside].mean())
        assert each.rest == pytest.approx(wrong[~inside].mean())
        assert each.share == pytest.approx(wrong[inside].sum() / wrong.sum())
        assert each.low < each.error < each.high
        assert each.p < 0.05


def test_without_right_and_wrong_the_error_is_what_counts():
    """Of numbers it is the absolute error, with neither that nor correctness the loss; NaN is left out."""
    rng, made = np.random.default_rng(0), columns(0, 2000)
    off = rng.normal(size=2000) * np.where(made[1].values == 2, 4, 1)
    off[:50] = np.nan
    found = worst_slices([*made, numbers("error", off, "model"), numbers("loss", off**2, "model")])
    assert (found.measure, found.samples, found.slices[0].text) == ("mean absolute error", 1950, "label c")
    assert worst_slices([*made, numbers("loss", off**2, "model")]).measure == "mean loss"


def test_differences_that_matter_to_nobody_are_no_slices():
    """An error a twentieth larger is not told, however sure it is."""
    made = columns(0, 200_000)
    chance = np.where(made[1].values == 1, 0.315, 0.3)
    assert not worst_slices([*made, correct(np.random.default_rng(5).random(200_000) > chance)]).slices


def test_small_data_sets_have_no_slices():
    """Where no part has twenty samples, or none is known to be right or wrong, a sentence says so."""
    few = [index(30), classes("label", [0, 1] * 15, "ab"), correct([True, False] * 15)]
    assert worst_slices(few).slices == ()
    assert "too few" in worst_slices(few).sentence
    unknown = worst_slices([*columns(0, 100), numbers("correct", np.full(100, np.nan), "model")])
    assert unknown.sentence == "Of no sample is it known how wrong the network is."


def test_without_predictions_it_says_so():
    """Columns that tell no error are refused in one sentence."""
    with pytest.raises(InputError, match="expected predictions with their errors"):
        worst_slices(columns(0, 100))
