from __future__ import annotations

from dataclasses import replace

import pytest

from nbinspect.figures.recipe_page import recipe_html, recipe_text, score
from nbinspect.records import RecipeChapter, RecipeRecord, RecipeStep
from tests.figures.reading import HOSTILE, Page


def record(text: str = "5 checks passed") -> RecipeRecord:
    done = RecipeStep("one", "Look at it", "It shows.", ("K-look",), "done", text, False, "data", "Scan")
    attention = RecipeStep("two", "Check it", "It tells.", ("T-mode",), "attention", text, True, "sanity", "Run")
    off = RecipeStep("three", "Compare it", "It helps.", ("T-shift",), "off", text, False, "sanity", None)
    return RecipeRecord((RecipeChapter("First", (done, attention, off)),), "two", f"Mend first: {text}", 1, 2)


def test_the_page_says_what_comes_next_and_what_was_found() -> None:
    """Each step has its sign, words for it, its advice and what was found; the next one stands on top."""
    page = Page(recipe_html(record()))
    assert page.words.startswith("Recipe 1 of 2 done, 1 needs attention Next: Check it Mend first: 5 checks passed")
    assert page.words.endswith(
        "First ✓ Look at it It shows. 5 checks passed ▲ Check it It tells. 5 checks passed "
        "– Compare it It helps. 5 checks passed"
    )
    assert {"done", "needs attention", "not possible"} <= {attributes.get("title") for _, attributes in page.elements}
    assert not {"script", "button", "input"} & {tag for tag, _ in page.elements}


def test_the_text_has_a_line_a_step() -> None:
    """In a terminal each step is a line with its sign, its title and what was found."""
    lines = recipe_text(record()).splitlines()
    assert lines[0] == "Recipe · 1 of 2 done, 1 needs attention"
    assert lines[1] == "Next: Check it. Mend first: 5 checks passed"
    assert [line.split()[0] for line in lines[4:]] == ["✓", "▲", "–"]
    assert score(record()) in lines[0]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_are_shown_and_not_read(text: str) -> None:
    """What comes from names and exceptions changes neither the structure of the page nor the lines of the text."""
    assert Page(recipe_html(record(text))).structure == Page(recipe_html(record())).structure
    for following in ("two", None):
        shown = recipe_text(replace(record(text), next=following))
        assert len(shown.splitlines()) == len(recipe_text(record()).splitlines())
        assert "\x1b" not in shown
