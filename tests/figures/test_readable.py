from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from nbinspect.figures.dynamics_page import dynamics_html
from nbinspect.figures.readable import picture
from tests.dynamics.records_of_runs import run_of
from tests.figures.reading import Page


def plots_of(html: str) -> list[dict[str, Any]]:
    """The numbers of all plots of a page."""
    found = [attributes.get("data-plots") for tag, attributes in Page(html).elements if tag == "img"]
    return [plot for text in found if text for plot in json.loads(text)]


@pytest.fixture
def figure() -> Figure:
    """A logarithmic plot of two lines, one broken, with a rule across, and a picture beside it."""
    made = Figure(figsize=(6, 3))
    left, right = made.subplots(1, 2)
    left.plot([1, 10, 100], [0.1, 0.01, 0.001], color="#ff0000", label="<b>train</b>")
    left.plot([1, np.nan, 3, 4], [np.inf, 1, 0.5, 0.25])
    left.axvline(7, color="black")
    left.set(xscale="log", xlabel="step")
    right.imshow(np.zeros((2, 2)))
    return made


def test_the_numbers_of_a_plot_come_with_its_picture(figure: Figure) -> None:
    """Each line has its name, colour and finite points; rules across and pictures are left out."""
    (plot,) = plots_of(picture(figure, "two lines"))
    assert plot["lines"] == [
        ["<b>train</b>", "#ff0000", [1, 10, 100], [0.1, 0.01, 0.001]],
        ["", "#1f77b4", [3, 4], [0.5, 0.25]],
    ]
    assert (plot["along"], plot["log"]) == ("step", [True, False])


def test_a_place_in_the_picture_is_read_as_the_plot_has_it(figure: Figure) -> None:
    """A point of a line lies in the picture where matplotlib puts it."""
    left, top, width, height = (plot := plots_of(picture(figure, "two lines"))[0])["box"]
    axes = figure.axes[0]
    across, up = figure.transFigure.inverted().transform(axes.transData.transform((10, 0.01)))
    x, y = (across - left) / width, 1 - (1 - up - top) / height
    low, high = plot["x"]
    assert low * (high / low) ** x == pytest.approx(10, rel=1e-2)
    assert plot["y"][0] + (plot["y"][1] - plot["y"][0]) * y == pytest.approx(0.01, abs=1e-3)


def test_long_lines_are_thinned() -> None:
    """A line of many points keeps its ends and 200 points at most."""
    made = Figure()
    made.subplots().plot(np.arange(10_000), np.arange(10_000))
    ((_, _, x, y),) = plots_of(picture(made, "long"))[0]["lines"]
    assert (len(x), x[0], x[-1]) == (200, 0, 9999)
    assert x == y


def test_plots_of_a_run_are_read_where_they_lie() -> None:
    """The plots of a page of a run lie in its picture, below each other, with the names of their lines."""
    plots = plots_of(dynamics_html(run_of("classification", steps=60)))
    assert len(plots) >= 2
    assert plots[0]["lines"][0][0] == "train"
    tops = [plot["box"][1] for plot in plots]
    assert tops == sorted(tops)
    assert all(0 <= side <= 1 for plot in plots for side in plot["box"])
