from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from nbinspect.figures.baselines import baseline_rows, baselines_figure, curve_rows, learning_curve_figure
from nbinspect.records import BaselineRecord, BaselineScore, LearningCurve
from tests.figures.reading import HOSTILE, drawn, texts

NAN = float("nan")


def table(*scores: BaselineScore, **how: Any) -> BaselineRecord:
    facts: dict[str, Any] = {"task": "classes", "metric": "accuracy", "unit": "", "verdict": "learnable"}
    facts |= {"sentence": "It can be learned.", "samples": 100, "features": 3, "classes": 2, "folds": 5}
    return BaselineRecord(scores=scores, notes=(), seconds=1.0, **(facts | how))


def curve(**how: Any) -> LearningCurve:
    sizes, scores = np.array([25, 50, 100]), np.array([0.7, 0.8, 0.85])
    facts: dict[str, Any] = {"model": "logistic regression", "metric": "accuracy", "sizes": sizes, "scores": scores}
    facts |= {"low": scores - 0.05, "high": scores + 0.02, "samples": 150, "gain": 0.02, "gain_low": 0.01}
    facts |= {"gain_high": 0.03, "answer": "helps", "sentence": "It would help.", "notes": (), "seconds": 1.0}
    return LearningCurve(**(facts | how))


CONSTANT = BaselineScore("most common class", 0.1, 0.08, 0.12, NAN)
NETWORK = BaselineScore("your network", 0.832, 0.8, 0.86, NAN)


def bars(figure: Figure) -> list[Any]:
    return list(figure.axes[0].containers[0])  # type: ignore[arg-type]


def test_bars_are_the_scores() -> None:
    """Each bar is as long as its score, the first on top, and the network's has a colour of its own."""
    figure = baselines_figure(table(CONSTANT, NETWORK))
    assert [bar.get_width() for bar in bars(figure)] == pytest.approx([10, 83.2])
    assert len({to_hex(bar.get_facecolor()) for bar in bars(figure)}) == 2
    assert {"It can be learned.", "10.0 %", "83.2 %", "your network", "right answers in %"} <= set(texts(figure))
    assert figure.axes[0].yaxis_inverted()
    assert drawn(figure).startswith(b"\x89PNG")
    assert not plt.get_fignums()


def test_rows_are_those_of_the_table() -> None:
    """Classes have shares with intervals, numbers R² with the mean error in their unit, series that error alone."""
    assert baseline_rows(table(CONSTANT)) == [
        ("model", "accuracy", "95 % interval"),
        ("most common class", "10.0 %", "8.0 % … 12.0 %"),
    ]
    mean = BaselineScore("mean", -0.0003, -0.01, 0.01, 65.77)
    assert baseline_rows(table(mean, metric="R²", unit="mm"))[0][-1] == "mean error (mm)"
    assert baseline_rows(table(mean, metric="R²"))[1] == ("mean", "0.00", "−0.01 … 0.01", "65.8")
    last = BaselineScore("last value", 1.8123, 1.7, 1.9, 1.8123)
    assert baseline_rows(table(last, metric="mean absolute error"))[1] == ("last value", "1.81", "1.7 … 1.9")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text(text: str) -> None:
    """A unit, a name or a sentence from elsewhere is drawn as it is, cut, and starts no formula."""
    odd = BaselineScore(text, NAN, NAN, NAN, NAN)
    for figure in (
        baselines_figure(table(odd, CONSTANT, sentence=text, unit=text, metric="mean absolute error")),
        learning_curve_figure(curve(sentence=text, model=text)),
    ):
        assert drawn(figure).startswith(b"\x89PNG")


def test_the_curve_is_drawn_over_its_sizes() -> None:
    """The line has the scores in percent at their sizes, and its rows say the same."""
    figure = learning_curve_figure(curve())
    (line,) = figure.axes[0].get_lines()
    np.testing.assert_allclose(line.get_ydata(), [70, 80, 85])
    np.testing.assert_array_equal(line.get_xdata(), [25, 50, 100])
    assert drawn(figure).startswith(b"\x89PNG")
    assert curve_rows(curve())[1] == ("25", "70.0 %", "65.0 % … 72.0 %")


def test_without_scores_there_is_a_word() -> None:
    """Where nothing could be measured the figure says so under its sentence."""
    none = np.zeros(0)
    for figure in (
        baselines_figure(table()),
        learning_curve_figure(curve(sizes=none, scores=none, low=none, high=none)),
    ):
        assert "nothing was measured" in texts(figure)
        assert drawn(figure).startswith(b"\x89PNG")
