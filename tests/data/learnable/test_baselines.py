from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_diabetes, load_digits

from nbinspect.data.learnable.baselines import baselines, baselines_of
from nbinspect.errors import InputError
from nbinspect.records import BaselineRecord, Column, DatasetRecord
from tests.data.records_of_data import record_of

pytestmark = pytest.mark.slow

Arrays = tuple[NDArray[Any], NDArray[Any]]


@pytest.fixture(scope="module")
def digits() -> Arrays:
    """A third of the digits, for the forest's sake."""
    pictures, labels = load_digits(return_X_y=True)
    return pictures[:600], labels[:600]


def scanned(features: NDArray[Any], *columns: Column, **facts: Any) -> DatasetRecord:
    """A record of validation pictures that has these features of each."""
    rows = np.arange(len(features))
    facts |= {"embedded": rows, "embedding": features.astype(np.float32), "split": "validation"}
    return record_of(*columns, **facts)


def right(share: float, count: int, seed: int = 0) -> NDArray[np.bool_]:
    return np.random.default_rng(seed).random(count) < share


def values(record: BaselineRecord) -> dict[str, float]:
    return {score.name: score.value for score in record.scores}


def test_scores_lie_where_they_should(digits: Arrays) -> None:
    """Models get far with the digits and hold the interval about their score, the common class gets its share."""
    found = baselines_of(*digits, of="64 pixels")
    scores = values(found)
    assert list(scores) == ["most common class", "logistic regression", "naive Bayes", "random forest"]
    assert scores["most common class"] == pytest.approx(np.bincount(digits[1]).max() / 600, abs=0.01)
    assert min(scores["logistic regression"], scores["random forest"]) > 0.9
    assert all(score.low < score.value < score.high for score in found.scores)
    assert (found.verdict, found.samples, found.classes, found.folds) == ("learnable", 600, 10, 5)
    assert "from 64 pixels" in found.sentence
    assert "there is something to learn" in found.sentence


@pytest.mark.parametrize(
    ("share", "seen", "verdict", "words"),
    [
        (
            0.1,
            False,
            "network below constant",
            "learned nothing yet; if it was trained, look for a bug before you tune",
        ),
        (0.1, True, "network below constant", "%): it has learned nothing yet; if it was trained"),
        (0.8, False, "network below simple", "below a linear model; look for a bug before you tune"),
        (0.8, True, "network below simple", "though it was trained on these samples"),
        (0.975, False, "network level", "within noise"),
        (1.0, False, "network above", "better by"),
        (1.0, True, "network above", "compare on the validation set"),
    ],
)
def test_the_network_is_placed_beside_the_models(
    digits: Arrays, share: float, seen: bool, verdict: str, words: str
) -> None:
    """Whatever the order of the constant, the models and the network, the sentence says it with what to do."""
    found = baselines_of(*digits, correct=right(share, 600), seen=seen)
    assert found.verdict == verdict
    assert words in found.sentence
    assert found.scores[-1].name == "your network"
    assert found.scores[-1].value == pytest.approx(right(share, 600).mean())


@pytest.mark.parametrize(
    ("share", "verdict", "words"),
    [
        (None, "nothing to learn", "No simple model does better"),
        (0.1, "nothing to learn", "nor does your network"),
        (0.6, "network above", "takes a network"),
        (0.0, "network below constant", "Your network 0.0 % does worse"),
    ],
)
def test_shuffled_labels_are_nothing_to_learn(digits: Arrays, share: float | None, verdict: str, words: str) -> None:
    """With labels that have nothing to do with the inputs only a network that knows better is above."""
    labels = np.random.default_rng(0).permutation(digits[1])
    correct = None if share is None else right(share, 600)
    found = baselines_of(digits[0], labels, correct=correct)
    assert (found.verdict, words in found.sentence) == (verdict, True)


def test_noise_is_rarely_called_learnable() -> None:
    """None of ten data sets of pure noise, balanced or not, is called learnable."""
    rng, false = np.random.default_rng(0), 0
    for trial in range(10):  # each fits four models five times
        labels = rng.random(120) < (0.5 if trial % 2 else 0.15)
        false += baselines_of(rng.normal(size=(120, 5)), labels).verdict == "learnable"
    assert false == 0


def test_imbalance_does_not_hide_what_can_be_learned() -> None:
    """Where no answer is right more often than the common class, probabilities that tell are still something."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(2000, 2))
    labels = rng.random(2000) < 0.4 / (1 + np.exp(2 - 2 * features[:, 0]))
    found = baselines_of(features, labels)
    assert found.verdict == "learnable"
    assert "recall of each class" in found.sentence


def test_numbers_are_scored_by_r2_and_in_their_unit() -> None:
    """R² and mean error are those of scikit-learn's metrics, the mean near 0, and a network of noise is below."""
    from sklearn.metrics import mean_absolute_error, r2_score

    features, labels = load_diabetes(return_X_y=True)
    said = labels + np.random.default_rng(0).normal(0, 40, len(labels))
    found = baselines_of(features, labels, predictions=said, unit="mg/dl")
    own = found.scores[-1]
    assert own.value == pytest.approx(r2_score(labels, said))
    assert own.error == pytest.approx(mean_absolute_error(labels, said))
    assert [score.name for score in found.scores] == ["mean", "linear regression", "random forest", "your network"]
    assert abs(found.scores[0].value) < 0.01
    assert 0.4 < found.scores[1].value < 0.55
    assert (found.metric, found.verdict, "mg/dl" in found.sentence) == ("R²", "network above", True)
    bad = baselines_of(features, labels, predictions=np.full(len(labels), labels.mean()))
    assert bad.verdict == "network below constant"


def test_several_numbers_are_scored_together() -> None:
    """R² of several targets is the mean of theirs, and a target that never varies does not count."""
    from sklearn.metrics import r2_score

    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 3))
    labels = np.stack([features[:, 0], np.ones(200), 100 * rng.normal(size=200)], axis=1)
    said = labels + rng.normal(size=labels.shape)
    found = baselines_of(features, labels, predictions=said)
    assert found.scores[-1].value == pytest.approx(r2_score(labels[:, ::2], said[:, ::2]))


def test_words_and_gaps_are_taken() -> None:
    """Labels may be hostile words, the network's verdict may be unknown of some, predictions are compared as words."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 2))
    labels = np.where(features[:, 0] > 0, "<script>", "b$_{")
    correct = np.where(rng.random(200) < 0.3, np.nan, 1.0)
    found = baselines_of(features, labels, correct=correct)
    assert f"{int(np.isfinite(correct).sum())} of the 200" in found.notes[-1]
    assert found.scores[-1].value == 1
    same = baselines_of(features, labels, predictions=np.where(np.arange(200) < 20, "?", labels))
    assert same.scores[-1].value == pytest.approx(0.9)
    few = baselines_of(features, labels, correct=np.where(np.arange(200) < 10, 1.0, np.nan))
    assert few.verdict == "learnable"
    assert "left out" in few.notes[-1]


def test_bad_arrays_are_refused() -> None:
    """What the network says must be of the same samples and of the same kind."""
    features, labels = np.random.default_rng(0).random((40, 2)), np.arange(40) % 2
    for wrong in ({"correct": np.ones(39)}, {"predictions": labels.astype(str)}, {"predictions": np.ones((40, 2))}):
        with pytest.raises(InputError, match="expected"):
            baselines_of(features, labels, **wrong)
    with pytest.raises(InputError, match="predictions"):
        baselines_of(features, features[:, 0], correct=np.ones(40))


def test_too_few_samples_are_said_so() -> None:
    """Below thirty samples there is no table, and the sentence says why."""
    found = baselines_of(np.random.default_rng(0).random((12, 2)), np.arange(12) % 2)
    assert (found.verdict, found.scores) == ("cannot be told", ())
    assert found.sentence.startswith("Too few samples: 12")


def test_work_can_be_stopped(digits: Arrays) -> None:
    """Progress is told after each fit, and what it raises ends the work."""
    told: list[tuple[int, int]] = []

    def stop(done: int, total: int) -> None:
        told.append((done, total))
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        baselines_of(*digits, progress=stop)
    assert told == [(1, 20), (2, 20), (3, 20)]


def test_a_record_gives_what_its_arrays_give(digits: Arrays) -> None:
    """Of a scan the table is that of its features, labels and correctness; samples without a label do not count."""
    features, labels = digits
    codes, correct = labels.copy(), right(0.7, 600)
    codes[:50] = -1
    words = tuple("0123456789")
    columns = (Column("label", "class", codes, "target", words), Column("correct", "flag", correct, "model"))
    found = baselines(scanned(features, *columns))
    wanted = baselines_of(features[50:].astype(np.float32), labels[50:], correct=correct[50:], of="64 pooled pixels")
    assert replace(found, seconds=0) == replace(wanted, seconds=0)
    assert found.scores[-1].value == pytest.approx(correct[50:].mean())


def test_a_record_of_numbers_is_compared_in_the_units_of_its_targets() -> None:
    """Numbers as labels go with the predictions in the same unit, one or several of them."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(100, 3))
    parts = [features[:, 0] + rng.normal(size=100), features[:, 1]]
    columns = [Column(f"label_{k}", "number", part, "target") for k, part in enumerate(parts)]
    columns += [Column(f"prediction_{k}", "number", part + 0.5, "model") for k, part in enumerate(parts)]
    columns.append(Column("label_quality", "number", np.full(100, np.nan), "model"))
    found = baselines(scanned(features, *columns))
    assert found.scores[-1].error == pytest.approx(0.5)


def test_repeated_samples_are_used_once(digits: Arrays) -> None:
    """A sample that another one repeats in input and target is left out, unless most would be."""
    twice = np.concatenate([digits[0], digits[0][:200]])
    labels = np.concatenate([digits[1], digits[1][:200]])
    column = Column("label", "class", labels, "target", tuple("0123456789"))
    hashes = np.concatenate([np.arange(600), np.arange(200)])
    found = baselines(scanned(twice, column, input_hashes=hashes, target_hashes=labels.astype(np.int64)))
    assert found.samples == 600
    assert found.notes[0] == "200 samples that repeat another are left out"
    same = baselines(scanned(twice, column, input_hashes=np.zeros(800, np.int64), target_hashes=labels))
    assert same.samples == 800


def test_records_without_features_or_classes_are_refused() -> None:
    """A scan without features, without labels or with masks for labels has one clear word."""
    features = np.random.default_rng(0).random((40, 2))
    label = Column("label", "class", np.arange(40) % 2, "target", ("a", "b"))
    with pytest.raises(InputError, match="kept no features"):
        baselines(record_of(label))
    with pytest.raises(InputError, match="classes or numbers"):
        baselines(scanned(features, Column("mean", "number", features[:, 0], "input")))
    with pytest.raises(InputError, match="classes or numbers"):
        baselines(scanned(features, replace(label, kind="text")))
