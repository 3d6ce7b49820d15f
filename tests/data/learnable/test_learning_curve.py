from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from nbinspect.data.learnable.learning_curve import learning_curve, learning_curve_of
from nbinspect.errors import InputError
from nbinspect.records import Column
from tests.data.records_of_data import record_of

pytestmark = pytest.mark.slow

Arrays = tuple[NDArray[Any], NDArray[Any]]


def hard(count: int, seed: int = 0) -> Arrays:
    """Many weak features: a linear model goes on gaining for long."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(count, 60))
    return features, features @ np.random.default_rng(99).normal(size=60) + 4 * rng.normal(size=count) > 0


def easy(count: int, seed: int = 0) -> Arrays:
    """One feature that tells, and a fifth of the labels flipped: soon there is no more to gain."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(count, 1))
    return features, (features[:, 0] > 0) ^ (rng.random(count) < 0.2)


def true_score(make: Any, count: int, repeats: int = 12) -> float:
    """The share of right answers on fresh samples of a model that is fitted on `count`."""
    test, scores = make(5000, 1000), []
    for seed in range(repeats):
        features, labels = make(count, seed + 1)
        scores.append(LogisticRegression(max_iter=100, tol=1e-3).fit(features, labels).score(*test))
    return float(np.mean(scores))


def test_the_gain_of_more_data_is_foretold() -> None:
    """Where twice the data brings points it is said how many, and the true gain lies in the interval."""
    found = learning_curve_of(*hard(600))
    truth = true_score(hard, 1200) - true_score(hard, 600)
    assert found.answer == "helps"
    assert found.gain_low < truth < found.gain_high
    assert 0 < found.gain_low < found.gain < found.gain_high < 0.1
    assert found.sentence.startswith("Doubling the 600 samples would gain ")
    assert (found.samples, found.model, found.sizes.tolist()) == (600, "logistic regression", [25, 50, 100, 200, 400])


def test_where_all_is_learned_more_data_would_not_help() -> None:
    """A model that has reached its ceiling is told so, with the word that a network may gain more."""
    found = learning_curve_of(*easy(2500))
    assert found.answer == "does not help"
    assert found.gain_high < 0.01
    assert "would not help" in found.sentence
    assert "a network, which can use more data" in found.sentence


def test_a_few_samples_cannot_tell() -> None:
    """Of some dozens of samples the interval is too wide for an answer, and of fewer there is no curve at all."""
    found = learning_curve_of(*easy(100, 3))
    assert found.answer == "cannot be told"
    assert "cannot be told" in found.sentence
    none = learning_curve_of(*hard(35))
    assert (none.answer, len(none.sizes), np.isnan(none.gain)) == ("cannot be told", 0, True)
    assert "halve them twice" in none.sentence


def test_a_part_of_many_samples_speaks_for_all() -> None:
    """Where only a part is worked with, the gain is that of doubling all samples, which is smaller."""
    features, labels = hard(4000)
    part = learning_curve_of(features, labels, most=600)
    alone = learning_curve_of(features[:600], labels[:600])
    assert (part.samples, int(part.sizes[-1])) == (4000, 400)
    assert part.gain < 0.8 * alone.gain
    truth = true_score(hard, 8000) - true_score(hard, 4000)
    assert part.gain_low < truth < part.gain_high


def test_numbers_have_a_curve_of_r2() -> None:
    """Of numbers the scores are R², and rise to that of all the data."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(300, 20))
    found = learning_curve_of(features, features.sum(1) + rng.normal(size=300))
    assert found.metric == "R²"
    assert found.scores[-1] > 0.9
    assert (found.low <= found.scores).all()
    assert (found.scores <= found.high).all()


def test_your_own_network_is_trained_on_nested_parts() -> None:
    """A given `fit` gets places to train on, each set within the next one, and others to predict."""
    features, labels = easy(200)
    words = np.where(labels, "yes", "no")
    seen: list[tuple[set[int], set[int]]] = []

    def fit(train: NDArray[Any], test: NDArray[Any]) -> NDArray[Any]:
        seen.append((set(train.tolist()), set(test.tolist())))
        return LogisticRegression().fit(features[train], words[train]).predict(features[test])

    found = learning_curve_of(features, words, fit=fit)
    sizes = found.sizes.tolist()
    assert (found.model, sizes, len(seen)) == ("your network", [16, 33, 66, 133], 12)
    for fold in range(3):
        parts = [seen[3 * place + fold] for place in range(len(sizes))]
        assert [len(train) for train, _ in parts] == sizes
        assert all(small[0] < large[0] for small, large in pairwise(parts))
        assert all(not train & test for train, test in parts)
    assert set().union(*(test for _, test in seen)) == set(range(200))
    assert "a network, which" not in found.sentence


def test_predictions_of_a_wrong_shape_are_refused() -> None:
    """A `fit` that predicts another number of samples is told what was expected."""
    features, labels = easy(200)
    with pytest.raises(InputError, match=r"fit: expected predictions of 6[67] samples"):
        learning_curve_of(features, labels, fit=lambda train, test: labels[train])


def test_an_unknown_model_is_refused() -> None:
    """The names of the models that there are stand in the error."""
    with pytest.raises(InputError, match="naive Bayes"):
        learning_curve_of(*easy(200), model="svm")


def test_a_record_has_the_curve_of_its_arrays() -> None:
    """Of a scan the curve is that of its features and labels, and `fit` gets indices of the data set."""
    features, labels = easy(200)
    features = features.astype(np.float32)
    index = Column("index", "index", np.arange(200) * 7, "sample")
    label = Column("label", "class", labels.astype(np.int32), "target", ("no", "yes"))
    record = record_of(index, label, embedded=np.arange(200), embedding=features)
    found, wanted = learning_curve(record), learning_curve_of(features, labels)
    np.testing.assert_array_equal(found.scores, wanted.scores)
    assert (found.gain, found.sentence) == (wanted.gain, wanted.sentence)
    assert learning_curve(record, most=150).sizes.tolist() == [25, 50, 100]
    asked: list[int] = []

    def fit(train: NDArray[Any], test: NDArray[Any]) -> NDArray[Any]:
        asked.extend([*train.tolist(), *test.tolist()])
        return np.zeros(len(test), int)

    learning_curve(record, fit=fit)
    assert set(asked) == {7 * place for place in range(200)}
