"""Two entries of a journal as a static page: the verdict, what differed, both curves, what it did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from nbinspect.figures.markup import Markup, tag
from nbinspect.figures.page import page
from nbinspect.figures.paper import source_of
from nbinspect.figures.verdicts import MARKS, TONES
from nbinspect.figures.words import clean
from nbinspect.journal.difference import Difference, shown
from nbinspect.journal.entry import Entry

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def comparison_html(
    entries: tuple[Entry, Entry],
    verdict: str,
    rows: Mapping[str, Sequence[Difference]],
    *,
    unknown: Sequence[str],
    is_plain: bool,
    figure: Figure | None,
) -> str:
    """Return a comparison as a static page without scripts, light or dark as the notebook is.

    Args:
        entries: the two.
        verdict: the sentence above all.
        rows: what differed, and what that did, each with its title.
        unknown: sections that only one of the entries has.
        is_plain: whether what differed tells what changed the outcome.
        figure: of both curves.
    """
    head = tag("header", tag("span", "Journal ", class_="title"), *map(_line, "ab", entries))
    colour = "ok" if is_plain else "warn"
    said = tag("section", tag("p", tag("b", verdict, class_=colour)), class_=f"diagnosis {colour}-edge")
    alone = tag("p", f"known of one alone: {', '.join(map(clean, unknown))}", class_="soft") if unknown else None
    tables = [_table(title, entries, of) for title, of in rows.items()]
    left = tag("div", tables[0], alone, class_="findings")
    right = tag("div", *tables[1:], None if figure is None else _picture(figure), class_="findings")
    return page("sanity", head, said, tag("div", left, right, class_="both"))


def _line(letter: str, entry: Entry) -> Markup:
    return tag("p", tag("b", letter), " ", str(entry), *(tag("p", clean(n, 400), class_="soft") for n in entry.notes))


def _table(title: str, entries: tuple[Entry, Entry], rows: Sequence[Difference]) -> Markup | None:
    if not rows:
        return None
    names = (f"{letter} · {entry.id}" for letter, entry in zip("ab", entries, strict=True))
    head = tag("thead", tag("tr", tag("th", ""), *(tag("th", name) for name in names)))
    body = [tag("tr", tag("td", clean(f"{d.section} {d.name}", 80)), *(_cell(d, v) for v in (d.a, d.b))) for d in rows]
    return tag("details", tag("summary", tag("b", title)), tag("table", head, tag("tbody", *body)), open="")


def _cell(difference: Difference, value: object) -> Markup:
    if difference.section == "check" and value in MARKS:
        status = str(value)
        return tag("td", f"{MARKS[status]} {status}", class_=TONES.get(status, "soft"))
    return tag("td", shown(value))


def _picture(figure: Figure) -> Markup:
    return tag("div", tag("img", src=source_of(figure), alt="both losses over the steps"), class_="picture")
