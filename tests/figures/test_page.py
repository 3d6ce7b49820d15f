from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from nbinspect.capture.forward import record_forward
from nbinspect.figures.batch_page import batch_html
from nbinspect.figures.data_page import data_html
from nbinspect.figures.dynamics_page import dynamics_html
from nbinspect.figures.forward_page import forward_html
from nbinspect.figures.page import page, waiting_html
from nbinspect.figures.sanity_page import sanity_html
from nbinspect.records import DecodedBatch
from nbinspect.subject import make_subject
from tests.dynamics.records_of_runs import run_of
from tests.figures.reading import Page
from tests.figures.sanity_runs import sick
from tests.figures.sheets_of_data import sheet
from tests.figures.stripped import stripped

Kinds = dict[str, DecodedBatch]


def forward(_: Kinds) -> str:
    x, y = torch.randn(4, 8), torch.arange(4)
    model = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 4))
    return forward_html(record_forward(make_subject(model, [(x, y)], cross_entropy), (x, y)))


PAGES: dict[str, Callable[[Kinds], str]] = {
    "batch of pictures": lambda kinds: batch_html(kinds["colour"]),
    "batch of text": lambda kinds: batch_html(kinds["text"]),
    "batch of a table": lambda kinds: batch_html(kinds["table"]),
    "batch of series": lambda kinds: batch_html(kinds["series"]),
    "data": lambda kinds: data_html(sheet(kinds["grey"])),
    "forward": forward,
    "sanity": lambda _: sanity_html(sick()),
    "classes over time": lambda _: dynamics_html(run_of("classification", steps=60)),
    "masks over time": lambda _: dynamics_html(run_of("segmentation", steps=60)),
    "tokens over time": lambda _: dynamics_html(run_of("language-model", steps=60)),
    "waiting": lambda _: waiting_html("batch", "waits for a forward pass"),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_read_without_its_style(name: str, kinds: Kinds) -> None:
    """Where a viewer drops styles and classes, all words and pictures are left, and no two facts run together."""
    whole = PAGES[name](kinds)
    left = stripped(whole)
    before, after = Page(whole), Page(left)
    assert "".join(after.text) == "".join(before.text)
    sources = [attributes["src"] for tag, attributes in before.elements if tag == "img"]
    assert [attributes["src"] for tag, attributes in after.elements if tag == "img"] == sources
    assert all(str(source).startswith("data:image/png;base64,") for source in sources)
    assert all(attributes["alt"] for tag, attributes in after.elements if tag == "img")
    seen = " ".join(re.sub(r"<(?!/?(?:b|i|code|span)\b)[^>]*>", " ", left).split())
    shown = " ".join(re.sub(r"<[^>]*>", "", seen).split())
    for fact in re.findall(r'class="fact">([^<]*)<', whole):
        assert re.search(rf"(?<!\w){re.escape(' '.join(fact.split()))}(?!\w)", shown), fact


def test_a_picture_keeps_its_words_without_style() -> None:
    """Each sample of a probe stands in a cell of a table, its picture with its target and prediction."""
    left = stripped(dynamics_html(run_of("classification", steps=60)))
    cells = re.findall(r"<td>(?:(?!</td>).)*<img(?:(?!</td>).)*</td>", left, flags=re.DOTALL)
    cells = [cell for cell in cells if "flips" in cell]
    assert len(cells) == 24
    assert all(cell.count("<img") == 2 and re.search("[✓✕] ", cell) for cell in cells)


def test_a_page_has_its_style_within() -> None:
    """A page is one element of its kind, with the common style and its own."""
    html = page("batch", "<b>")
    assert html.startswith('<div class="nbinspect-page nbinspect-batch"><style>')
    assert html.endswith("&lt;b&gt;</div>")
    assert ".sheet img" in html
