"""A dashboard as a static page: what is inspected, the recipe, and the page of each view that is open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nbinspect.figures.markup import Markup, fragment, tag
from nbinspect.figures.page import page
from nbinspect.figures.recipe_page import recipe_html, score
from nbinspect.figures.words import clean
from nbinspect.records import RecipeRecord


def dashboard_html(facts: Mapping[str, str | None], recipe: RecipeRecord, views: Sequence[str] = ()) -> str:
    """Return a dashboard as HTML without scripts.

    Args:
        facts: short texts by name, as the dashboard's header has them.
        recipe: how far the program has come.
        views: the static pages of the views that are open, as their own functions make them.
    """
    chips = [fragment(tag("code", fact, class_="fact"), " ") for fact in facts_in_words(facts)]
    head = tag("header", tag("span", clean(facts.get("model") or "Inspector", 60), " ", class_="title"), *chips)
    return "".join([page("dashboard", head), recipe_html(recipe), *map(Markup, views)])


def dashboard_text(facts: Mapping[str, str | None], recipe: RecipeRecord, views: Sequence[str] = ()) -> str:
    """Return a dashboard as text: the facts, the recipe in a line, and the first line of each view that is open."""
    following = None if recipe.next is None else recipe.step(recipe.next)
    lines = [" · ".join(["Inspector", clean(facts.get("model") or "", 60), *facts_in_words(facts)])]
    lines.append(f"Recipe · {score(recipe)}" + (f" · next: {following.title}" if following else ""))
    return "\n".join([*lines, *(view.splitlines()[0] for view in views if view)])


def facts_in_words(facts: Mapping[str, str | None]) -> list[str]:
    """Return what is inspected, a few words each; what is not known is left out."""
    known = {name: clean(text, 80) for name, text in facts.items() if text}
    size = known.get("parameters", "") and f"{known['parameters']} parameters"
    if size and known.get("trainable") not in (None, known["parameters"]):
        size += f", {known['trainable']} trainable"
    where = " ".join(filter(None, (known.get("device"), known.get("dtype"))))
    batches = f"{known['batches']} batches" if "batches" in known else ""
    batches += f" of {known['batch_size']}" if batches and "batch_size" in known else ""
    samples = f"{known['samples']} samples" if "samples" in known else ""
    data = ", ".join(filter(None, (samples, batches))) or known.get("loader", "")
    validation = f"validation {known['validation']}" if "validation" in known else ""
    optimizer = known.get("optimizer", "") + (f", rate {known['rate']}" if "rate" in known else "")
    found = [size, where, f"{known['mode']} mode" if "mode" in known else "", data, validation]
    return [text for text in (*found, known.get("loss", ""), optimizer) if text]
