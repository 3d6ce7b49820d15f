"""A run of checks as a static page, as text for a terminal, and as a table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from nbinspect.figures.markup import Markup, fragment, tag
from nbinspect.figures.page import page
from nbinspect.figures.readable import picture
from nbinspect.figures.sanity import chart_figure
from nbinspect.figures.verdicts import (
    LONG,
    MARKS,
    at,
    counts,
    facts_of_run,
    findings,
    follows,
    further,
    headline,
    left_open,
    lines_of,
    passes,
    sentence,
    told,
    tone,
    training,
)
from nbinspect.figures.words import clean, clean_lines, plural
from nbinspect.records import Chart, CheckResult, SanityRecord

if TYPE_CHECKING:
    import pandas as pd

_OWN = ("check", "stage", "status", "summary", "title", "detail", "where", "remedy", "confirmed", "explained_by")
_COLUMNS = (*_OWN, "explains", "file", "line", "evidence", "sources", "passes", "seconds")
_CODE_OR_NUMBER = re.compile(r"`([^`\n]{1,200})`|(?<![\w.([,])([−-]?\d+\.\d+(?:e[+−-]?\d+)?)(?!\w|\.\w)")
_WIDTH = 6.2
"""Of a picture, in inches: what the column of findings has."""


def sanity_frame(record: SanityRecord) -> pd.DataFrame:
    """Return a run as a DataFrame, one row a check, in the order of the catalogue."""
    import pandas as pd

    rows = []
    for result in record.results:
        measured = (f"{m.quantity}: {m.measured} (expected {m.expected})" for m in result.measurements)
        row = {name: getattr(result, name) for name in (*_OWN, "passes", "seconds")}
        row |= {"explains": ", ".join(result.explains), "sources": ", ".join(result.sources)}
        row["file"], row["line"] = (result.place.file, result.place.line) if result.place else (None, None)
        rows.append(row | {"evidence": "; ".join(measured)})
    frame: pd.DataFrame = pd.DataFrame(rows, columns=list(_COLUMNS)).astype({"line": "Int64"})
    return frame


def sanity_text(record: SanityRecord) -> str:
    """Return a run as text: the diagnosis first, each finding with its numbers and remedy, then a line a check."""
    lines = [f"Sanity · {' · '.join(facts_of_run(record))}", counts(record.results), "", sentence(record)]
    lines += [f"  {line}" for line in told(record)]
    for result in findings(record):
        lines += ["", *lines_of(result)]
    for stage, results in _stages(record.results):
        lines += ["", stage]
        for result in results:
            lines.append(f"  {MARKS[result.status]} {result.check:<26} {clean(result.summary, 100)}".rstrip())
            if result.status in ("inconclusive", "waived") and result.detail:
                lines.append(f"{'':<31}{clean(result.detail, LONG)}")
    return "\n".join(lines)


def sanity_html(record: SanityRecord) -> str:
    """Return a run as a static page without scripts: the diagnosis on top, a line a check, findings that open."""
    facts = [fragment(tag("span", fact, class_="fact"), " ") for fact in facts_of_run(record)]
    head = tag("header", tag("span", "Sanity ", class_="title"), *facts, tag("p", counts(record.results)))
    shown = [*findings(record), *left_open(record)]
    opened = [_opened(result, first=place == 0) for place, result in enumerate(shown)]
    found = tag("div", *opened, class_="findings") if opened else None
    return page("sanity", head, _diagnosis(record), _notes(record), found, _catalogue(record))


def _diagnosis(record: SanityRecord) -> Markup:
    first = next(findings(record), None)
    if first is None or first.status == "error":
        colour = "bad" if first else "ok" if "No defect" in sentence(record) and not record.cut else "soft"
        mark = {"bad": "! ", "ok": "● ", "soft": "– "}[colour]
        line = tag("p", tag("b", mark, sentence(record), class_=colour))
        return tag("section", line, _more(further(record)), class_=f"diagnosis {colour}-edge")
    colour = tone(first)
    line = tag(
        "p",
        tag("b", f"{MARKS[first.status]} {headline(first)} ", class_=f"headline {colour}"),
        tag("span", at(first), class_="fact") if at(first) else None,
        tag("span", " confirmed", class_="soft") if first.confirmed else None,
    )
    explains = fragment(" This ", *_names(follows(first), first.explains), ".") if first.explains else None
    because = tag("p", prose(first.detail), explains)
    remedy = tag("p", tag("b", "Remedy: "), prose(first.remedy)) if first.remedy else None
    return tag("section", line, because, remedy, _more(further(record)), class_=f"diagnosis {colour}-edge")


def _more(names: Sequence[str]) -> Markup | None:
    if not names:
        return None
    return tag("p", *_names(f"{plural(len(names), 'more finding')}: {', '.join(names)}", names), class_="soft")


def _names(text: str, names: Sequence[str]) -> Iterator[str]:
    """Give a sentence that ends in names of checks, with the names as code."""
    yield text.removesuffix(", ".join(names))
    for place, name in enumerate(names):
        yield fragment(", " if place else None, tag("code", name))


def prose(text: str) -> Markup:
    """Return a sentence with what is between backticks as code and its decimal numbers set off."""
    shown, parts, end = clean(text, LONG), [], 0
    for found in _CODE_OR_NUMBER.finditer(shown):
        parts += [shown[end : found.start()], tag("code", found[1]) if found[1] else tag("b", found[2])]
        end = found.end()
    return fragment(*parts, shown[end:])


def _notes(record: SanityRecord) -> Markup | None:
    lines = list(told(record))
    return tag("div", *(tag("p", prose(line)) for line in lines), class_="notes soft") if lines else None


def _catalogue(record: SanityRecord) -> Markup:
    return tag(
        "div",
        *(
            fragment(tag("p", stage, class_="stage"), *(_row(result) for result in results))
            for stage, results in _stages(record.results)
        ),
        class_="catalogue",
    )


def _row(result: CheckResult) -> Markup:
    """Return a line of the list; one that opens where evidence is not shown beside the list anyway."""
    line = (
        tag("span", MARKS[result.status], class_=tone(result), title=result.status),
        tag("code", result.check),
        tag("span", clean(result.summary), class_="soft"),
    )
    if result.status in ("pass", "skip") and (result.measurements or result.charts):
        return tag("details", tag("summary", *line, class_="row"), *_evidence(result))
    return tag("div", *line, class_="row")


def _opened(result: CheckResult, *, first: bool) -> Markup:
    line = fragment(
        tag("span", f"{MARKS[result.status]} ", class_=tone(result)),
        tag("b", result.check),
        f" · {headline(result)} ",
        tag("span", at(result), class_="fact") if at(result) else None,
        tag("span", " confirmed", class_="soft") if result.confirmed else None,
        tag("span", f" {follows(result)}", class_="soft") if result.explained_by else None,
    )
    return tag("details", tag("summary", line), *_evidence(result), open="" if first else None)


def _evidence(result: CheckResult) -> Iterator[Markup]:
    if result.detail:
        yield tag("p", prose(result.detail))
    if result.measurements:
        yield _measurements(result)
    yield from (_picture(chart) for chart in result.charts)
    if result.remedy:
        yield tag("p", tag("b", "Remedy: "), prose(result.remedy))
    if result.code:
        yield tag("pre", *map(_line, clean_lines(result.code).splitlines()))
    steps = [training(result.steps)] if result.steps else []
    cost = [f"{passes(result.passes)} of its own", *steps, f"{result.seconds:.2f} s"]
    yield tag("p", " · ".join([*result.sources, *cost]), class_="soft")


def _line(line: str) -> Markup:
    """Return a line of a remedy in the colour of whether it goes or comes."""
    colour = "bad" if line.startswith("-") else "ok" if line.startswith("+") else None
    return fragment(tag("span", line, class_=colour), "\n")


def _measurements(result: CheckResult) -> Markup:
    head = tag("tr", *(_cell("th", text, text != "quantity") for text in ("quantity", "measured", "expected")))
    rows = (
        tag("tr", _cell("td", one.quantity, False), _cell("td", one.measured, True), _cell("td", one.expected, True))
        for one in result.measurements
    )
    return tag("table", tag("thead", head), tag("tbody", *rows))


def _cell(kind: str, text: str, is_value: bool) -> Markup:
    return tag(kind, clean(text), class_="number" if is_value else None, scope="col" if kind == "th" else None)


def _picture(chart: Chart) -> Markup:
    drawn = picture(chart_figure(chart, width=_WIDTH), clean(chart.title))
    return tag("div", drawn, class_=f"picture {chart.kind}")


def _stages(results: Sequence[CheckResult]) -> Iterator[tuple[str, list[CheckResult]]]:
    names = dict.fromkeys(result.stage for result in results)
    yield from ((name.capitalize(), [r for r in results if r.stage == name]) for name in names)
