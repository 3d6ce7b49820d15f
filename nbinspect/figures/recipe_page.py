"""The recipe as a static page and as text for a terminal."""

from __future__ import annotations

from nbinspect.figures.markup import Markup, fragment, tag
from nbinspect.figures.page import page
from nbinspect.figures.words import clean
from nbinspect.records import RecipeChapter, RecipeRecord, RecipeStep

_SIGNS = {"done": "✓", "attention": "▲", "todo": "○", "off": "–"}
_WORDS = {"done": "done", "attention": "needs attention", "todo": "to do", "off": "not possible"}
_TONES = {"done": "ok", "attention": "warn", "todo": None, "off": "soft"}
_TEXT, _WIDTH = 240, 46


def recipe_html(record: RecipeRecord) -> str:
    """Return the recipe as HTML without scripts: what to do next on top, then each chapter with its steps."""
    head = tag("header", tag("span", "Recipe ", class_="title"), tag("span", score(record), class_="soft"))
    following = None if record.next is None else record.step(record.next)
    title = tag("b", following.title) if following is not None else None
    reason = tag("span", clean(record.next_text, _TEXT))
    told = tag("p", tag("span", "Next: ", class_="soft") if title else None, title, " " if title else None, reason)
    return page("recipe", head, tag("div", told, class_="notes next"), *map(_chapter, record.chapters))


def recipe_text(record: RecipeRecord) -> str:
    """Return the recipe as text: a line a step, with what was found."""
    following = None if record.next is None else record.step(record.next)
    reason = clean(record.next_text, _TEXT)
    lines = [f"Recipe · {score(record)}", f"Next: {following.title}. {reason}" if following else reason]
    for chapter in record.chapters:
        lines += ["", chapter.title]
        lines += [
            f"  {_SIGNS[step.state]} {step.title:<{_WIDTH}} {clean(step.text, _TEXT)}".rstrip()
            for step in chapter.steps
        ]
    return "\n".join(lines)


def score(record: RecipeRecord) -> str:
    """Return ``7 of 22 done, 2 need attention``."""
    states = [step.state for chapter in record.chapters for step in chapter.steps]
    attention = states.count("attention")
    need = f", {attention} need{'s' if attention == 1 else ''} attention" if attention else ""
    return f"{record.done} of {record.total} done{need}"


def _chapter(chapter: RecipeChapter) -> Markup:
    head = tag("tr", tag("th", chapter.title, scope="col", colspan="3", class_="chapter"))
    return tag("div", tag("table", head, *map(_row, chapter.steps)), class_="chapters")


def _row(step: RecipeStep) -> Markup:
    tone = _TONES[step.state]
    sign = tag("td", _SIGNS[step.state], class_=tone, title=_WORDS[step.state])
    title = fragment(tag("b", step.title), tag("p", step.advice, class_="soft"))
    found = step.text or _WORDS[step.state]
    return tag("tr", sign, tag("td", title), tag("td", clean(found, _TEXT), class_=f"found {tone or 'soft'}"))
