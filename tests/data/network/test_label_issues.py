from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris, load_wine

from nbinspect.data.network.feature_space import Features
from nbinspect.data.network.label_issues import confident_learning, label_issues
from nbinspect.data.query.matching import rows_matching
from nbinspect.data.table.frame import to_frame
from nbinspect.errors import InputError
from tests.data.columns import classes, numbers, record

pytestmark = pytest.mark.slow

DATA = {"iris": load_iris, "wine": load_wine, "digits": load_digits}


def made(rows, labels, **options):
    words = [f"class {place}" for place in range(int(labels.max()) + 1)]
    return record(classes("label", labels, words), embedding=rows, **options)


def flipped(labels, share=0.05, seed=0):
    """Labels of which a share is another class, and where."""
    rng = np.random.default_rng(seed)
    where = np.sort(rng.choice(len(labels), round(share * len(labels)), replace=False))
    again, count = labels.copy(), labels.max() + 1
    again[where] = (again[where] + rng.integers(1, count, len(where))) % count
    return again, where


@pytest.mark.parametrize("name", DATA)
def test_clean_labels_are_hardly_doubted(name):
    """Of iris, wine and half of digits at most one label in a hundred is a candidate."""
    data = DATA[name]()
    found, _ = label_issues(made(data.data[:900], data.target[:900]))
    assert len(found.rows) <= 0.01 * len(data.target)
    assert found.accuracy > 0.9


@pytest.fixture(scope="module")
def digits():
    data = load_digits()
    labels, where = flipped(data.target[:1000])
    found = made(data.data[:1000], labels)
    return found, where, data.target[:1000], label_issues(found)


def test_flipped_labels_are_found(digits):
    """Of digits with one label in twenty flipped more than half are found, and nine in ten candidates are flipped."""
    _, where, truth, (found, _) = digits
    hits = np.isin(found.rows, where)
    assert hits.mean() >= 0.9
    assert hits.sum() / len(where) >= 0.55
    named = [word == f"class {truth[row]}" for word, row in zip(found.suggested, found.rows, strict=True)]
    assert np.mean(named) >= 0.85
    assert (np.diff(found.quality) >= 0).all()
    assert found.sentence.startswith(f"{len(found.rows)} of 1,000 labels")


def test_the_lowest_qualities_are_those_of_flipped_labels(digits):
    """The quality of each label is a chance, and ranks flipped labels below sound ones in 97 of 100 pairs."""
    from sklearn.metrics import roc_auc_score

    _, where, _, (_, (quality, _)) = digits
    assert ((quality.values >= 0) & (quality.values <= 1)).all()
    assert roc_auc_score(np.isin(np.arange(1000), where), -quality.values) > 0.97


def test_columns_show_the_candidates(digits):
    """A query for rows with a suggestion selects the candidates, and each suggestion is a class of the labels."""
    given, _, _, (found, columns) = digits
    frame = to_frame((*given.columns, *columns))
    np.testing.assert_array_equal(rows_matching(frame, "suggested.notna()"), np.sort(found.rows))
    assert (frame["suggested"].astype(object).iloc[found.rows] == list(found.suggested)).all()
    assert (frame["label"].astype(object).iloc[found.rows] == list(found.given)).all()


def test_without_cleanlab_the_same_labels_are_doubted(digits, monkeypatch):
    """Our own confident learning gives the candidates and qualities of cleanlab."""
    given, _, _, (found, (quality, _)) = digits
    assert found.method.startswith("cleanlab")
    for name in [name for name in sys.modules if name.partition(".")[0] == "cleanlab"]:
        monkeypatch.setitem(sys.modules, name, None)
    again, (own, _) = label_issues(given)
    assert again.method == "confident learning"
    np.testing.assert_array_equal(again.rows, found.rows)
    np.testing.assert_allclose(own.values, quality.values)


@pytest.mark.parametrize("seed", range(5))
def test_confident_learning_agrees_with_cleanlab(seed):
    """On random chances of three to seven classes both doubt the same labels, one in a hundred aside."""
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    rng = np.random.default_rng(seed)
    count = 3 + seed
    labels = np.r_[np.arange(count), rng.choice(count, 600, p=rng.dirichlet(np.full(count, 2.0)))]
    chances = rng.dirichlet(np.ones(count), len(labels)) + 0.8 * np.eye(count)[labels] * rng.random((len(labels), 1))
    chances /= chances.sum(1, keepdims=True)
    found, quality = confident_learning(labels, chances)
    wanted = find_label_issues(labels, chances, filter_by="confident_learning", n_jobs=1)
    assert (found != wanted).mean() <= 0.01
    np.testing.assert_allclose(quality, get_label_quality_scores(labels, chances))


def test_labels_that_nothing_tells_are_not_doubted():
    """Where models of random or weak features cannot tell the labels none is a candidate, and it says why."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, 400)
    for strength in (0.0, 0.9):
        rows = rng.normal(size=(400, 6)) + strength * np.eye(5, 6)[labels]
        found, (quality, suggested) = label_issues(made(rows, labels))
        assert len(found.rows) == 0
        assert "none is called a candidate" in found.notes[0]
        assert np.isfinite(quality.values).all()
        assert (suggested.values == -1).all()


def test_small_classes_and_samples_without_label_are_left_out():
    """Their quality is NaN, and a note counts them."""
    data = load_iris()
    labels = data.target.copy()
    labels[100:145], labels[:7] = 0, -1
    found, (quality, _) = label_issues(made(data.data, labels))
    assert found.judged == 138
    assert np.isnan(quality.values[[*range(7), *range(145, 150)]]).all()
    assert "5 samples of classes with fewer than 10 samples" in found.notes[0]
    few, (none, _) = label_issues(made(data.data[:60], data.target[:60] * 0))
    assert few.sentence.startswith("Fewer than two classes")
    assert np.isnan(none.values).all()


def test_features_of_the_network_come_with_a_warning():
    """On training data it says that they follow the labels, on validation data there is nothing to warn of."""
    data = load_iris()
    features = Features(np.arange(150), data.data.astype(np.float32), "what enters head (Linear), 4 numbers")
    features.values[3] = np.nan  # was not predicted
    train, _ = label_issues(made(data.data, data.target), features)
    assert train.judged == 149
    assert train.of == features.of
    assert "fitted to these labels" in train.notes[0]
    assert label_issues(made(data.data, data.target, split="validation"), features)[0].notes == ()


def test_progress_is_told_and_may_end_the_work():
    """Shares rise to one, and what the listener raises comes through."""
    data, shares = load_iris(), []
    label_issues(made(data.data, data.target), progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1

    def stop(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        label_issues(made(data.data, data.target), progress=stop)


def test_labels_that_are_no_classes_are_refused():
    """Numbers and missing labels are told apart in the error."""
    with pytest.raises(InputError, match="the label is a number"):
        label_issues(record(numbers("label", np.arange(30)), embedding=np.ones((30, 2))))
    with pytest.raises(InputError, match="there are no labels"):
        label_issues(record(numbers("mean", np.arange(30)), embedding=np.ones((30, 2))))


def test_without_scikit_learn_it_says_what_to_install(monkeypatch):
    """The extra is named in one sentence."""
    for name in [name for name in sys.modules if name.startswith("sklearn")]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match=r"nbinspect\[data\]"):
        label_issues(made(np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 2))


def test_several_numbers_are_no_labels_to_doubt():
    """Labels of several numbers are called so, and not missing."""
    with pytest.raises(InputError, match="the labels are several numbers each"):
        label_issues(record(numbers("label_0", [0.5]), numbers("label_1", [0.5])))


_FRESH = """
import random
import numpy as np
from nbinspect.data.learnable.quick_models import quick_models
from nbinspect.data.network.label_issues import label_issues
from tests.data.columns import classes, record
before = random.getstate(), np.random.get_state()[1].tolist()
quick_models("classes", 10)
assert before[0] == random.getstate()
rows = np.random.default_rng(0).normal(size=(40, 2))
label_issues(record(classes("label", np.arange(40) % 2, "ab"), embedding=rows))
assert before == (random.getstate(), np.random.get_state()[1].tolist())
"""


def test_the_first_call_draws_nothing():
    """In a fresh process, where scikit-learn is imported first, the random states stay; a process takes its time."""
    subprocess.run([sys.executable, "-c", _FRESH], check=True, cwd=Path(__file__).parents[3])
