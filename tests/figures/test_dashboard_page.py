from __future__ import annotations

import pytest

from nbinspect.figures.dashboard_page import dashboard_html, dashboard_text, facts_in_words
from nbinspect.figures.page import waiting_html
from nbinspect.records import RecipeRecord
from tests.figures.reading import HOSTILE, Page

FACTS = {
    "model": "Net", "parameters": "1,234", "trainable": "34", "device": "cpu", "dtype": "float32", "mode": "train",
    "loader": "DataLoader", "samples": "60", "batches": "4", "batch_size": "16", "validation": "7 samples",
    "loss": "CrossEntropyLoss", "optimizer": "Adam", "rate": "0.001",
}  # fmt: skip
RECIPE = RecipeRecord((), None, "all is done", 0, 0)


def test_facts_are_told_in_few_words() -> None:
    """Each fact stands with what makes it readable, and what is not known is left out."""
    assert facts_in_words(FACTS) == [
        "1,234 parameters, 34 trainable",
        "cpu float32",
        "train mode",
        "60 samples, 4 batches of 16",
        "validation 7 samples",
        "CrossEntropyLoss",
        "Adam, rate 0.001",
    ]
    assert facts_in_words({"model": "Net", "parameters": "9", "trainable": "9", "loader": "Stream", "loss": None}) == [
        "9 parameters",
        "Stream",
    ]


def test_the_page_has_the_recipe_and_each_view() -> None:
    """Facts, recipe and the pages of the open views stand one below the other."""
    page = Page(dashboard_html(FACTS, RECIPE, [waiting_html("batch", "reads"), waiting_html("sanity", "not run")]))
    places = [page.words.index(words) for words in ("Net", "Recipe", "Batch reads", "Sanity not run")]
    assert places == sorted(places)
    text = dashboard_text(FACTS, RECIPE, ["Batch of 4\nmore", ""])
    assert text.splitlines()[0].startswith("Inspector · Net · 1,234 parameters")
    assert text.splitlines()[-1] == "Batch of 4"


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_are_escaped(text: str) -> None:
    """A class name that is markup or control characters is shown as text."""
    plain = Page(dashboard_html({**FACTS, "model": "Net", "loss": "Loss"}, RECIPE))
    hostile = Page(dashboard_html({**FACTS, "model": text, "loss": text}, RECIPE))
    assert hostile.structure == plain.structure
    assert "\x1b" not in dashboard_text({**FACTS, "model": text}, RECIPE)
