from __future__ import annotations

import numpy as np
import pytest

from nbinspect.data.network.output_histogram import WORDS, output_histograms
from nbinspect.errors import InputError
from tests.data.columns import classes, numbers


def of(targets, outputs, **options):
    return output_histograms([numbers("label", targets), numbers("prediction", outputs, "model")], **options)[0]


def test_counts_are_those_of_numpy():
    """Outputs, targets and how they go together are counted between the same edges, without unknown ones."""
    rng = np.random.default_rng(0)
    targets, outputs = rng.normal(size=500), rng.normal(2, 3, 500)
    targets[3], outputs[7] = np.nan, np.inf
    found, known = of(targets, outputs), np.isin(np.arange(500), (3, 7), invert=True)
    np.testing.assert_array_equal(found.targets, np.histogram(targets[known], found.edges)[0])
    np.testing.assert_array_equal(found.outputs, np.histogram(outputs[known], found.edges)[0])
    np.testing.assert_array_equal(found.joint.sum(1), found.targets)
    np.testing.assert_array_equal(found.joint.sum(0), found.outputs)
    assert found.samples == found.targets.sum() == 498


def test_skewed_targets_get_advice():
    """Of prices, whose logarithm is even, it says to predict that; where there are zeros, of one more."""
    prices = np.random.default_rng(0).lognormal(0, 1.5, 500)
    assert of(prices, prices * 0.9).advice == (
        "The targets are skewed (skewness 8.2): a few large ones rule the loss. Predict log(target).",
    )
    prices[:20] = 0
    assert "log(1 + target)" in of(prices, prices).advice[0]


@pytest.mark.parametrize("shape", ["normal", "uniform", "exponential below zero", "few", "two heaps"])
def test_other_targets_get_none(shape):
    """Targets that are even, negative, few, or in two heaps are left as they are."""
    rng = np.random.default_rng(0)
    targets = {
        "normal": rng.normal(10, 2, 400),
        "uniform": rng.random(400),
        "exponential below zero": rng.lognormal(0, 1.5, 400) - 1,
        "few": rng.lognormal(0, 1.5, 30),
        "two heaps": (rng.random(400) < 0.05) * 1.0,
    }[shape]
    assert of(targets, targets).advice == ()


def test_outputs_near_the_mean_are_told():
    """A network whose outputs hardly spread is told by how much less."""
    targets = np.random.default_rng(0).normal(size=300)
    assert of(targets, 0.1 * targets).advice == (
        "The outputs spread 0.10 times as far as the targets: the network stays near their mean.",
    )


def test_a_scale_gives_original_units():
    """Skew is judged of targets as they were before they were scaled."""
    prices = np.random.default_rng(0).lognormal(0, 1.5, 500)
    scaled = (prices - prices.mean()) / prices.std()
    found = of(scaled, scaled, target_scale=(prices.mean(), prices.std()))
    assert "Predict log(target)." in found.advice[0]
    assert found.edges[-1] == pytest.approx(prices.max())
    assert of(scaled, scaled).advice == ()


def test_each_target_has_its_own():
    """Two targets give two histograms, each in its scale."""
    rows = np.random.default_rng(0).normal(size=(100, 2))
    columns = [numbers(f"label_{k}", rows[:, k]) for k in (0, 1)]
    columns += [numbers(f"prediction_{k}", rows[:, k], "model") for k in (0, 1)]
    found = output_histograms(columns, target_scale=((0, 10), (1, 5)))
    assert [each.name for each in found] == ["label_0", "label_1"]
    assert found[1].edges[0] == pytest.approx(10 + 5 * rows[:, 1].min())


def test_classes_are_counted_by_name():
    """Labels and predictions go together by word, and classes that are never predicted are named."""
    label = np.repeat([0, 1, 2, -1], [50, 30, 10, 10])
    told = classes("prediction", np.zeros(100, int), ("a", "c", "b"), "model")
    found = output_histograms([classes("label", label, "abc"), told])[0]
    assert (found.words, found.targets.tolist(), found.outputs.tolist()) == (tuple("abc"), [50, 30, 10], [90, 0, 0])
    assert found.advice == ("Never predicted, though 20 samples or more are so labelled: b.",)


def test_of_many_classes_the_most_frequent_are_shown():
    """Of a thousand classes thirty have a bar."""
    label = np.arange(2000) % 1000
    words = [f"{place:03}" for place in range(1000)]
    found = output_histograms([classes("label", label, words), classes("prediction", label, words, "model")])[0]
    assert len(found.words) == len(found.targets) == WORDS


def test_nothing_to_compare_is_refused():
    """Without predictions, or with classes against numbers, one error says what to do."""
    with pytest.raises(InputError, match="predict first"):
        output_histograms([numbers("label", [1.0])])
    with pytest.raises(InputError, match=r"the network gives prediction \(a class\)"):
        output_histograms([numbers("label", [1.0]), classes("prediction", [0], "a", "model")])
    with pytest.raises(InputError, match="target_scale"):
        of([1.0], [1.0], target_scale=(0, 0))


def test_no_known_sample_is_said():
    """Where every output is NaN there is nothing to count, and no warning."""
    assert of([1.0, 2.0], [np.nan, np.nan]).samples == 0
