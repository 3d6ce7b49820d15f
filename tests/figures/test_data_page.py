from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from nbinspect.figures.data_page import data_html, data_text
from tests.data.records_of_data import HOSTILE
from tests.figures.reading import HOSTILE as HOSTILES
from tests.figures.reading import Page
from tests.figures.sheets_of_data import sheet, spread


def test_a_page_has_all_that_is_known_without_scripts(make):
    """Facts, findings, rows, features and unreadable samples are written; nothing runs and nothing is fetched."""
    batch = make(torch.rand(4, 1, 8, 8), torch.arange(4))
    page = Page(data_html(sheet(batch)))
    assert {"script", "link", "iframe"}.isdisjoint(tag for tag, _ in page.elements)
    assert all(str(attributes["src"]).startswith("data:image/png") for tag, attributes in page.elements if tag == "img")
    for part in ("6 samples", "▲ 3 duplicates", "▲ constant", "▲ the same as", "25 %", "3 samples could not be read"):
        assert part in page.words
    assert page.words.index("▲ 3 duplicates") < page.words.index("● 2 classes alike")
    assert "and 2 more" in page.words
    assert "4 rows of 4" in page.words


def test_thumbnails_are_the_pictures_of_their_rows(make):
    """Each row has the picture of its own sample, in whatever order the samples came."""
    shades = torch.tensor([0.0, 1.0, 0.5]).reshape(3, 1, 1, 1).expand(3, 1, 8, 8)
    page = Page(data_html(sheet(make(shades.clone()), 3, places=(1, 0, -1), histograms=())))
    first, second = page.images()
    assert first.min() == 255
    assert second.max() == 0
    assert "–" in page.words


@pytest.mark.parametrize("kind", ["text", "table", "series", "audio"])
def test_what_is_no_picture_is_shown_by_its_decoder(kinds, kind):
    """Sequences, tables and series have a section of their own below the rows."""
    batch = kinds[kind]
    page = Page(data_html(sheet(batch, batch.batch.size)))
    assert batch.inputs[0].name in page.words.split()


@pytest.mark.parametrize("text", [HOSTILE, *HOSTILES])
def test_hostile_text_stays_text(make, text):
    """Markup in names, cells, words, queries, findings and errors adds no element to the page."""
    batch = make(torch.rand(2, 1, 8, 8))
    changes = {"query": text, "columns": (text, "b"), "rows": ((text, text),) * 2, "why": text}
    own = sheet(batch, 2, **changes, histograms=(spread(text, edges=np.zeros(0), words=(text, "b", "c", "d")),))
    plain = sheet(batch, 2, **dict.fromkeys(("query", "why"), "a"), columns=("a", "b"), rows=(("a", "a"),) * 2)
    found, expected = (
        Counter(tag for tag, _ in Page(data_html(each)).structure if tag not in ("img", "span"))
        for each in (own, plain)
    )
    assert found == expected


def test_nothing_scanned_and_nothing_fetched_are_told():
    """An empty record makes a page, and why samples could not be fetched is on it."""
    empty = spread(edges=np.zeros(0), words=(), all=np.zeros(0, int), shown=np.zeros(0, int))
    page = Page(data_html(sheet(None, 0, why="the stream is over", histograms=(empty,))))
    assert "samples could not be fetched: the stream is over" in page.words
    assert "rows of" not in page.words


def test_text_has_a_line_for_each_finding():
    """For a terminal: facts, findings, notes, the first errors and the names of the columns."""
    lines = data_text(sheet()).splitlines()
    assert "6 samples" in lines[0]
    assert lines[1].startswith("▲ 3 duplicates")
    assert lines[2].startswith("● 2 classes")
    assert any(line.startswith("✕ 7: OSError") for line in lines)
    assert lines[-1] == f"columns: index, {HOSTILE}"
