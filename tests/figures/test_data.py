from __future__ import annotations

from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
import torch

from nbinspect.errors import InputError
from nbinspect.figures.data import data_figure, histogram_figure
from tests.figures.reading import drawn, texts
from tests.figures.sheets_of_data import sheet, spread


def test_a_figure_has_facts_findings_histograms_and_samples(make):
    """Facts, warnings, the names of the columns and the labels of the samples are written; hostile ones as they are."""
    batch = make(torch.rand(4, 3, 9, 9), torch.arange(4) % 2, class_names=["cat", "dog"])
    figure = data_figure(sheet(batch))
    words = " ".join(texts(figure))
    for part in ("6 samples", "scanned 50 %", "3 unreadable", "2 excluded", "▲ 3 duplicates", "mean", "cat", "dog"):
        assert part in words
    assert "classes alike" not in words
    assert drawn(figure)[:4] == b"\x89PNG"


def test_bars_have_the_height_of_the_counts():
    """Each histogram draws the counts of all and of what is shown over the very edges."""
    figure = histogram_figure(spread(other=np.array([2.0, 0, 0, 1])), 2.4)
    stairs = [patch.get_data() for axes in figure.axes for patch in axes.patches]
    assert [list(data.values) for data in stairs] == [[1, 4, 2, 0], [0, 4, 1, 0], [2, 0, 0, 1]]
    assert list(stairs[0].edges) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("kind", ["grey", "text", "table", "series", "audio", "values", "no steps", "empty", "ragged"])
def test_samples_of_every_kind_are_drawn(kinds, kind):
    """Whatever the decoder, the figure can be saved and pyplot's settings are left unchanged."""
    before = dict(mpl.rcParams)
    batch = kinds[kind]
    assert drawn(data_figure(sheet(batch, batch.batch.size), samples=3))
    assert dict(mpl.rcParams) == before


def test_odd_histograms_are_drawn():
    """No values, one word, hundreds of words and counts of zero are drawn as well."""
    words = tuple(f"class {number}" for number in range(150))
    many = spread(edges=np.zeros(0), words=words, all=np.ones(150, int), shown=np.zeros(150, int), more=9_850)
    none = spread(all=np.zeros(4, int), shown=np.zeros(4, int))
    one = spread(edges=np.zeros(0), words=("a",), all=np.array([3]), shown=np.array([1]))
    nothing = spread(edges=np.zeros(0), words=(), all=np.zeros(0, int), shown=np.zeros(0, int))
    words_drawn = " ".join(texts(data_figure(sheet(histograms=(many, none, one, nothing, spread())))))
    assert "+9,976 more" in words_drawn


def test_a_number_of_samples_below_one_is_refused():
    """The argument is told with what it got."""
    with pytest.raises(InputError, match="samples: expected a whole number from 1, got 0"):
        data_figure(sheet(), samples=0)


def test_samples_are_named_by_their_index(make):
    """Below a sample, or before its row, stands its index in the data set."""
    for decoder, inputs in (("image", torch.rand(3, 3, 9, 9)), ("table", torch.rand(3, 5))):
        batch = make(inputs, torch.arange(3) % 2, decoder=decoder)
        batch = replace(batch, batch=replace(batch.batch, indices=(7, 123_456, 90)))
        words = [text.strip() for text in texts(data_figure(sheet(batch)))]
        assert {"7", "123456", "90"} <= set(words)
