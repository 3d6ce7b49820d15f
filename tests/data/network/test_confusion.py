from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, precision_score, recall_score

from nbinspect.data.network.confusion import CLASSES, confusion
from nbinspect.data.query.matching import rows_matching
from nbinspect.data.table.frame import to_frame
from nbinspect.errors import InputError
from tests.data.columns import classes, numbers

WORDS = ("cat", "it's", "a\nb", "dog")


def mixed(words=WORDS, told=WORDS, count=400):
    """Labels and predictions of which some are missing, each with words in an order of its own."""
    rng = np.random.default_rng(0)
    label = rng.integers(-1, len(words), count)
    said = np.where(rng.random(count) < 0.6, label, rng.integers(-1, len(words), count))
    own = np.array([*(told.index(word) for word in words), -1])[said]
    return [classes("label", label, words), classes("prediction", own, told, "model")], label, said


def test_counts_are_those_of_scikit_learn():
    """Matrix, recall and precision agree, also where labels and predictions number the classes differently."""
    columns, label, said = mixed(told=WORDS[::-1])
    found, known = confusion(columns), (label >= 0) & (said >= 0)
    np.testing.assert_array_equal(found.counts, confusion_matrix(label[known], said[known]))
    np.testing.assert_allclose(found.recall, recall_score(label[known], said[known], average=None))
    np.testing.assert_allclose(found.precision, precision_score(label[known], said[known], average=None))
    assert (found.words, found.known, found.missing) == (WORDS, known.sum(), (~known).sum())
    assert found.right == (label == said)[known].sum()


def test_each_pair_selects_its_samples():
    """The query of a confused pair gives as many rows as its count, for names that would break a query too."""
    columns, *_ = mixed()
    for pair in confusion(columns).pairs:
        assert len(rows_matching(to_frame(columns), pair.query)) == pair.count > 0
        assert pair.label != pair.prediction


def test_of_many_classes_the_worst_have_rows():
    """Of a thousand classes those with errors are shown, and all others together, so that no sample is lost."""
    label = np.arange(5000) % 1000
    said = np.where(label < 30, 999, label)
    found = confusion(
        [classes("label", label, map(str, range(1000))), classes("prediction", said, map(str, range(1000)))]
    )
    assert len(found.words) == CLASSES
    assert found.others == 1000 - CLASSES + 1
    assert {*map(str, range(30)), "999"} <= set(found.words)
    assert found.counts.sum() == 5000
    assert found.right == 5000 - 150
    assert np.isnan(found.recall[-1])
    assert found.sentence.startswith("4,850 of 5,000 samples (97.0 %) are told right; most often")


def test_classes_that_nobody_has_or_tells_are_nan():
    """A class without samples has no recall, one that is never told no precision."""
    found = confusion([classes("label", [0, 0, 1], "abc"), classes("prediction", [0, 2, 0], "abc", "model")])
    np.testing.assert_array_equal(found.recall, [0.5, 0.0, np.nan])
    np.testing.assert_array_equal(found.precision, [0.5, np.nan, 0.0])


def test_nothing_known_is_said():
    """Without a sample that has both there is a sentence and no share."""
    found = confusion([classes("label", [-1, -1], "a"), classes("prediction", [0, 0], "a", "model")])
    assert (found.known, found.sentence) == (0, "No sample has both a label and a prediction.")


def test_what_is_no_class_is_refused():
    """Numbers and missing predictions are told apart in the error."""
    with pytest.raises(InputError, match="predict first"):
        confusion([classes("label", [0], "a")])
    with pytest.raises(InputError, match="holds a number"):
        confusion([numbers("label", [0.5]), numbers("prediction", [0.1], "model")])


def test_labels_and_predictions_without_a_word_in_common_are_not_compared():
    """Of words as labels and numbers as predictions nothing is told right by luck: class_names are asked for."""
    label, said = classes("label", [0, 1, 1], ["cat", "dog"]), classes("prediction", [0, 1, 0], "01", "model")
    with pytest.raises(InputError, match=r"got labels 'cat', 'dog' and predictions '0', '1'; give class_names=…"):
        confusion([label, said])


def test_what_there_is_instead_of_classes_is_said():
    """Several numbers, missing labels, and outputs of another kind are not asked to be predicted first."""
    several = [numbers("label_0", [0.5]), numbers("label_1", [0.5]), numbers("prediction_0", [0.1], "model")]
    with pytest.raises(InputError, match="several numbers for each: label_0") as raised:
        confusion(several)
    assert "predict first" not in str(raised.value)
    with pytest.raises(InputError, match="none of the targets kind, price is called label"):
        confusion([classes("kind", [0], ["a"]), numbers("price", [0.5], "target")])
    with pytest.raises(InputError, match="there are no labels"):
        confusion([numbers("mean", [0.5])])
    with pytest.raises(InputError, match=r"the network gives loss \(a number\)"):
        confusion([classes("label", [0], "a"), numbers("loss", [0.5], "model")])
