"""The frame of every static page: one style, no script, no file, no network."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from nbinspect.figures.markup import Markup, tag
from nbinspect.figures.words import clean, clean_lines

_ERROR = 4000


def page(kind: str, *parts: Markup | None) -> str:
    """Return parts as one element, with the common style and that of its kind, ``batch`` or ``forward``."""
    style = _sheet("page") + _sheet(f"{kind}_page")
    return str(tag("div", tag("style", Markup(style)), *parts, class_=f"nbinspect-page nbinspect-{kind}"))


def waiting_html(kind: str, text: str) -> str:
    """Return the page of a view that has nothing to show yet, with the reason."""
    return page(kind, tag("header", tag("span", f"{kind.capitalize()} ", class_="title"), clean(text, _ERROR)))


def waiting_text(kind: str, text: str) -> str:
    """Return the same for a terminal."""
    return f"{kind.capitalize()} · {clean_lines(text)}"


@cache
def _sheet(stem: str) -> str:
    return (Path(__file__).parent / f"{stem}.css").read_text(encoding="utf-8")
