"""Two entries of a journal as a static page: the verdict, what differed, both curves, what it did."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

from nbinspect.figures.markup import Markup, tag
from nbinspect.figures.page import page
from nbinspect.figures.verdicts import MARKS, TONES
from nbinspect.figures.words import clean
from nbinspect.journal.comparison import Comparison, Difference, shown
from nbinspect.journal.entry import Entry

_RESOLUTION = 144


def comparison_html(comparison: Comparison) -> str:
    """Return a comparison as a static page without scripts, light or dark as the notebook is."""
    head = tag("header", tag("span", "Journal ", class_="title"), *map(_line, "ab", (comparison.a, comparison.b)))
    colour = "warn" if comparison.things > 1 else "ok"
    verdict = tag("section", tag("p", tag("b", comparison.verdict, class_=colour)), class_=f"diagnosis {colour}-edge")
    unknown = None
    if comparison.unknown:
        unknown = tag("p", f"known of one alone: {', '.join(map(clean, comparison.unknown))}", class_="soft")
    left = tag("div", _table("What differed", comparison, comparison.differences), unknown, class_="findings")
    right = tag("div", _table("What it did", comparison, comparison.outcomes), _curves(comparison), class_="findings")
    return page("sanity", head, verdict, tag("div", left, right, class_="both"))


def _line(letter: str, entry: Entry) -> Markup:
    return tag("p", tag("b", letter), " ", str(entry), *(tag("p", clean(n, 400), class_="soft") for n in entry.notes))


def _table(title: str, comparison: Comparison, rows: Sequence[Difference]) -> Markup | None:
    if not rows:
        return None
    names = (f"{letter} · {entry.id}" for letter, entry in zip("ab", (comparison.a, comparison.b), strict=True))
    head = tag("thead", tag("tr", tag("th", ""), *(tag("th", name) for name in names)))
    body = [tag("tr", tag("td", clean(f"{d.section} {d.name}", 80)), *(_cell(d, v) for v in (d.a, d.b))) for d in rows]
    return tag("details", tag("summary", tag("b", title)), tag("table", head, tag("tbody", *body)), open="")


def _cell(difference: Difference, value: object) -> Markup:
    if difference.section == "check" and value in MARKS:
        status = str(value)
        return tag("td", f"{MARKS[status]} {status}", class_=TONES.get(status, "soft"))
    return tag("td", shown(value))


def _curves(comparison: Comparison) -> Markup | None:
    if not any("loss" in entry.curves for entry in (comparison.a, comparison.b)):
        return None
    file = io.BytesIO()
    comparison.figure().savefig(file, format="png", dpi=_RESOLUTION)
    source = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")
    return tag("div", tag("img", src=source, alt="both losses over the steps"), class_="picture")
