from __future__ import annotations

from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from nbinspect.figures.sanity import chart_figure
from nbinspect.records import Chart
from tests.figures.reading import HOSTILE, drawn, texts
from tests.figures.sanity_runs import chart

pytestmark = pytest.mark.slow

INF, NAN = float("inf"), float("nan")
BAD, ACCENT = "#b3261e", "#1669c1"


def bars_of(figure: Figure) -> list[Rectangle]:
    """The bars of a figure, in their order from above; the band where values are expected is none of them."""
    return [each for container in figure.axes[0].containers for each in container]  # type: ignore[attr-defined]


def colours(figure: Figure) -> list[str]:
    return [to_hex(bar.get_facecolor()) for bar in bars_of(figure)]


def inside(figure: Figure) -> bool:
    """Whether nothing that is drawn reaches beyond the paper."""
    assert drawn(figure).startswith(b"\x89PNG")
    figure.draw_without_rendering()
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    return box.x0 > -0.02 and box.y0 > -0.02 and box.x1 < width + 0.02 and box.y1 < height + 0.02


def test_lines_have_their_values_and_names() -> None:
    """Each line has the values of the record, and differs from the others by colour and by dashes."""
    found = chart("lines", [2.3, 1.5, 1.48], [2.3, 0.1, 0.0], names=("as it is", "without"))
    axes = chart_figure(found).axes[0]
    first, second = axes.get_lines()
    np.testing.assert_array_equal(first.get_ydata(), [2.3, 1.5, 1.48])
    np.testing.assert_array_equal(first.get_xdata(), [0, 1, 2])
    assert first.get_color() != second.get_color()
    assert first.get_linestyle() != second.get_linestyle()
    assert {"Loss on one batch", "step", "loss (nats)"} <= set(texts(axes.figure))
    assert [each.get_text().strip() for each in axes.get_legend().get_texts()] == ["as it is", "without"]


def test_twenty_lines_differ_as_far_as_styles_go() -> None:
    """Of twenty lines the first sixteen look different, and the legend beside the axes names twelve."""
    figure = chart_figure(chart("lines", *np.random.default_rng(0).random((20, 5))))
    looks = [(line.get_color(), line.get_linestyle()) for line in figure.axes[0].get_lines()]
    assert len(set(looks[:16])) == 16
    assert len(figure.axes[0].get_legend().get_texts()) == 12
    assert inside(figure)


def test_bars_outside_of_what_is_expected_stand_out() -> None:
    """Bars are as long as their values, have these written at their ends, and are red outside of the band."""
    figure = chart_figure(chart("bars", [0.1, 0.62, 0.9], expected=(None, 0.5), x="layer", y="dead units"))
    assert [bar.get_width() for bar in bars_of(figure)] == [0.1, 0.62, 0.9]
    assert colours(figure) == [ACCENT, BAD, BAD]
    assert {"0.1", "0.62", "0.9", "dead units · expected below 0.5", "layer"} <= set(texts(figure))
    assert figure.axes[0].yaxis_inverted()


@pytest.mark.parametrize(
    ("expected", "said"),
    [((0.2, 0.7), "expected 0.2 to 0.7"), ((1e-4, None), "expected above 1.0e−04"), ((None, 5), "expected below 5")],
)
@pytest.mark.parametrize("kind", ["lines", "bars", "histogram"])
def test_the_band_is_named_and_in_view(kind: str, expected: Any, said: str) -> None:
    """Where values are expected is written at the axis, and its ends are in view even if no value is near."""
    figure = chart_figure(chart(kind, [50.0, 60.0, 55.0], expected=expected))
    assert any(text.endswith(f" · {said}") for text in texts(figure))
    low, high = figure.axes[0].get_ylim() if kind == "lines" else figure.axes[0].get_xlim()
    assert all(low <= end <= high for end in expected if end is not None)


def test_two_hundred_bars_keep_those_that_strike() -> None:
    """Of 200 bars sixty are drawn, all that lie outside or are not finite among them, and the axis says so."""
    values = np.ones(200)
    values[[7, 150, 199]] = 9.0, NAN, 9.0
    figure = chart_figure(chart("bars", values, expected=(None, 5.0)))
    assert len(bars_of(figure)) == 60
    assert colours(figure).count(BAD) == 2
    assert {"n7", "n150", "n199"} <= set(texts(figure))
    assert any("60 of 200 are drawn" in text for text in texts(figure))
    assert inside(figure)


def test_a_logarithmic_axis_says_zero_and_nan_in_words() -> None:
    """Zeros, negative numbers and NaN have no place on a logarithmic axis: their numbers stand at its edge."""
    figure = chart_figure(chart("bars", [0.0, 1e-9, -2.0, NAN, 1.0], log=True))
    assert figure.axes[0].get_xscale() == "log"
    assert {"0", "1.0e−09", "−2", "NaN", "1"} <= set(texts(figure))
    assert inside(figure)
    assert chart_figure(chart("bars", [0.0, -1.0], log=True)).axes[0].get_xscale() == "linear"


def test_a_histogram_has_its_counts() -> None:
    """Steps are as high as the counts between the edges of the record."""
    axes = chart_figure(chart("histogram", [3, 5, 2], [1, 1, 1], names=("train", "validation"))).axes[0]
    counts, edges, _ = axes.patches[0].get_data()  # type: ignore[attr-defined]
    np.testing.assert_array_equal(counts, [3, 5, 2])
    np.testing.assert_array_equal(edges, [0, 1, 2, 3])


def test_a_matrix_has_its_rows_in_order() -> None:
    """Row 0 is on top, NaN is left blank, and of many names those are written that there is space for."""
    values = np.arange(12.0).reshape(3, 4)
    values[1, 1] = NAN
    figure = chart_figure(chart("matrix", *values))
    (image,) = figure.axes[0].get_images()
    shown = image.get_array()
    np.testing.assert_array_equal(np.ma.filled(shown, -1), np.nan_to_num(values, nan=-1))
    assert figure.axes[0].yaxis_inverted()
    large = chart_figure(chart("matrix", *np.eye(200)))
    assert len([each for each in large.axes[0].get_yticklabels() if each.get_text()]) <= 24
    assert inside(large)


ODD: dict[str, Chart] = {
    "no lines": chart("lines"),
    "no points": chart("lines", []),
    "one point": chart("lines", [1.0]),
    "all nan": chart("lines", [NAN, NAN]),
    "not finite": chart("lines", [1.0, INF, NAN, -INF], log=True),
    "huge": chart("lines", [1.0, 1e308, -1e308], expected=(0.0, 1.0)),
    "no positive": chart("lines", [0.0, -1.0], log=True, expected=(None, 0.5)),
    "no bars": chart("bars", []),
    "one bar": chart("bars", [-3.0], expected=(0.0, None)),
    "equal bars": chart("bars", [0.0, 0.0, 0.0]),
    "endless bar": chart("bars", [INF, 1.0], log=True),
    "no samples": chart("histogram", [0, 0, 0], log=True),
    "one bin": chart("histogram", [4]),
    "nan edges": chart("histogram", [4, 4], at=np.array([0.0, NAN, 1.0])),
    "no matrix": chart("matrix"),
    "one value": chart("matrix", [1.0]),
    "blank matrix": chart("matrix", [NAN, NAN]),
    "wide matrix": chart("matrix", np.arange(300.0)),
    "band below zero": chart("bars", [1e-3, 10.0], log=True, expected=(0.0, 1.0)),
    "unset band": chart("bars", [1.0], expected=(NAN, INF)),
}


@pytest.mark.parametrize("kind", ODD)
def test_whatever_was_measured_is_drawn(kind: str) -> None:
    """Values that no axis can show are left out or written in words, never an exception or a warning."""
    figure = chart_figure(ODD[kind])
    assert inside(figure)
    empty = kind in ("no lines", "no points", "all nan", "no bars", "no matrix", "blank matrix", "nan edges")
    assert ("no finite value" in texts(figure)) == empty


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("kind", ["lines", "bars", "histogram", "matrix"])
def test_names_are_drawn_as_they_are(kind: str, text: str) -> None:
    """Names from a program are neither read as mathematics nor longer than the paper."""
    names = (text, "_hidden")
    values = ([1.0, 2.0],) if kind == "bars" else ([1.0, 2.0], [2.0, 1.0])
    figure = chart_figure(chart(kind, *values, names=names, title=text, x=text, y=text))
    drawn(figure)
    assert "_hidden" in [each.strip() for each in texts(figure)]
    assert figure.get_size_inches()[0] == 7.0


def test_drawing_leaves_pyplot_alone() -> None:
    """A figure belongs to no window, changes no setting of matplotlib's, and shows itself in a notebook."""
    before = dict(mpl.rcParams)
    figure = chart_figure(chart("lines", [1.0, 2.0]), width=5.0)
    assert figure._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]
    assert plt.get_fignums() == []
    assert dict(mpl.rcParams) == before
    assert figure.get_size_inches()[0] == 5.0
