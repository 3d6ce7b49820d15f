from __future__ import annotations

from nbinspect.recipe.evidence import Evidence, Given, Verdict
from nbinspect.recipe.recipe import Recipe


def test_the_recipe_reads_in_a_terminal_and_in_a_notebook() -> None:
    """Text and HTML have every chapter and step, what comes next, and what was found, escaped."""
    hostile = "<img src=x onerror=alert(1)>"
    recipe = Recipe(Evidence(Given(loader=True), verdicts={"loss-input": Verdict("fail", hostile, "wiring")}))
    text, html = str(recipe), recipe._repr_html_()
    assert recipe.next is not None
    assert recipe.next.id == "loss-fits"
    assert f"Mend first: {hostile}" in text
    assert hostile not in html
    assert "&lt;img src=x" in html
    for chapter in recipe.record.chapters:
        for words in (chapter.title, *(step.title for step in chapter.steps)):
            assert words in text
            assert words in html
    assert repr(recipe) == text
