from __future__ import annotations

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest

from nbinspect.figures.errors_of import confusion_figure, outputs_figure, slices_figure
from nbinspect.records import Confusion, OutputHistogram, Slice, Slices
from tests.figures.reading import HOSTILE, drawn, texts


def confusion(words, counts=None):
    count = len(words)
    own = np.arange(count * count).reshape(count, count) if counts is None else counts
    return Confusion(tuple(words), own, int(own.trace()), int(own.sum()), 0, 0, (), "12 of 36 samples are told right.")


def slice_(text, error=0.4):
    return Slice(text, "label == 'a'", 120, error, error - 0.1, error + 0.1, 0.05, 0.001, 0.3)


def slices(*texts_, measure="error rate"):
    each = tuple(slice_(text, 0.5 - 0.05 * place) for place, text in enumerate(texts_))
    return Slices(measure, 0.07, 5000, each, 700, 50, "The error rate is 40 % on 120 samples.")


def numbers(name="label"):
    joint = np.diag([5, 3, 2])
    given = (name, (), np.array([0.0, 1, 2, 3]), np.array([5, 3, 2]), np.array([4, 4, 2]), joint)
    return OutputHistogram("number", *given, 10, "mm", "Targets lie around 1 ± 1.", ("Predict log(target).",))


def words_counted(words):
    ones = np.ones(len(words), int)
    return OutputHistogram(
        "class", "label", tuple(words), np.zeros(0), ones, 2 * ones, np.zeros((0, 0), int), 3, "", "3 samples.", ()
    )


def test_a_confusion_matrix_has_its_counts_and_names():
    """Each cell that is not empty has its number, each class its name on both axes, colours are shares of the label."""
    found = confusion_figure(confusion(["cat", "dog"], np.array([[30, 10], [0, 50]])))
    assert {"cat", "dog", "30", "10", "50", "label", "prediction"} <= set(texts(found))
    for labels in (found.axes[0].get_xticklabels(), found.axes[0].get_yticklabels()):
        assert [label.get_text() for label in labels] == ["cat", "dog"]
    np.testing.assert_allclose(found.axes[0].images[0].get_array(), [[0.75, 0.25], [0, 1]])


def test_large_matrices_name_some_classes():
    """Of a hundred classes some have a name, and no cell a number."""
    found = confusion_figure(confusion([f"c{place}" for place in range(100)]))
    assert len(found.axes[0].texts) == 0
    assert 20 < len(found.axes[0].get_xticks()) <= 40


def test_slices_have_error_interval_and_count():
    """The bars are the errors in percent, the lines their intervals, and the dashes the error of all samples."""
    found = slices_figure(slices("label a", "mean below 0.2"))
    axes = found.axes[0]
    np.testing.assert_allclose([bar.get_width() for bar in axes.containers[0]], [50, 45])
    np.testing.assert_allclose([part[:, 0] for part in axes.collections[0].get_segments()], [[40, 60], [35, 55]])
    assert {"label a", "mean below 0.2", "50 · 120 samples"} <= set(texts(found))
    assert "error rate in %" in axes.get_xlabel()
    loss = slices_figure(slices("label a", measure="mean loss")).axes[0]
    assert loss.containers[0][0].get_width() == pytest.approx(0.5)
    assert loss.get_xlabel().startswith("mean loss ·")


def test_outputs_are_drawn_against_targets():
    """Numbers have both spreads and how they go together with the diagonal, classes a pair of bars."""
    found = outputs_figure([numbers(), numbers("label_1"), words_counted("abc")])
    assert len(found.findobj(lambda artist: type(artist).__name__ == "QuadMesh")) == 2
    assert {"targets", "outputs", "target (mm)", "output (mm)", "label_1 (mm)", "a", "b", "c"} <= set(texts(found))
    assert any("Predict log(target)." in text.replace("\n", " ") for text in texts(found))


def every_figure(words):
    many = [word[:50] for word in words]
    yield confusion_figure(confusion(words))
    yield slices_figure(replace(slices(*words), sentence=words[0]))
    yield outputs_figure([words_counted(words), replace(numbers(words[1]), unit=words[1], advice=tuple(many))])


def test_hostile_words_are_drawn_as_text():
    """Markup, formulas, escapes and very long words are drawn, none as a formula, and pyplot knows of no figure."""
    before = plt.get_fignums()
    for figure in every_figure(HOSTILE):
        assert drawn(figure).startswith(b"\x89PNG")
        assert not any("\x1b" in text for text in texts(figure))
        assert figure._repr_png_().startswith(b"\x89PNG")
    assert plt.get_fignums() == before


def test_nothing_to_draw_is_said():
    """Figures of nothing are small and say so."""
    nothing = replace(numbers(), samples=0, edges=np.zeros(0))
    assert "nothing to draw" in texts(confusion_figure(confusion([])))
    assert "nothing to draw" in texts(slices_figure(slices()))
    assert drawn(outputs_figure([nothing])).startswith(b"\x89PNG")
    assert drawn(outputs_figure([])).startswith(b"\x89PNG")
