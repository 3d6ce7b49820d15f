"""A run of checks as a static page, as text for a terminal, and as a table."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from nbinspect.figures.markup import Markup, fragment, tag
from nbinspect.figures.page import page
from nbinspect.figures.sanity import chart_figure
from nbinspect.figures.verdicts import (
    MARKS,
    TONES,
    at,
    counts,
    facts_of_run,
    findings,
    follows,
    headline,
    sentence,
    told,
)
from nbinspect.figures.words import clean, clean_lines
from nbinspect.records import Chart, CheckResult, SanityRecord

if TYPE_CHECKING:
    import pandas as pd

_LONG = 1200
_COLUMNS = (
    *("check", "stage", "status", "summary", "title", "detail", "where", "file", "line", "remedy", "confirmed"),
    *("explained_by", "explains", "passes", "seconds"),
)


def sanity_frame(record: SanityRecord) -> pd.DataFrame:
    """Return a run as a DataFrame, one row a check, in the order of the catalogue."""
    import pandas as pd

    rows = []
    for result in record.results:
        row = {name: getattr(result, name, None) for name in _COLUMNS}
        row["explains"] = ", ".join(result.explains)
        row["file"] = result.place.file if result.place else None
        row["line"] = result.place.line if result.place else None
        rows.append(row)
    frame: pd.DataFrame = pd.DataFrame(rows, columns=list(_COLUMNS)).astype({"line": "Int64"})
    return frame


def sanity_text(record: SanityRecord) -> str:
    """Return a run as text: the diagnosis first, each finding with its numbers and remedy, then a line a check."""
    lines = [f"Sanity · {' · '.join(facts_of_run(record))}", counts(record.results), "", sentence(record)]
    lines += [f"  {line}" for line in told(record)]
    for result in findings(record):
        lines += ["", *_finding_lines(result)]
    for stage, results in _stages(record.results):
        lines += ["", stage]
        lines += [f"  {MARKS[r.status]} {r.check:<26} {clean(r.summary, 100)}".rstrip() for r in results]
    return "\n".join(lines)


def _finding_lines(result: CheckResult) -> Iterator[str]:
    confirmed = " (confirmed)" if result.confirmed else ""
    place = f" · {at(result)}" if at(result) else ""
    yield f"{MARKS[result.status]} {result.check}: {headline(result)}{confirmed}{place}"
    if result.detail:
        yield f"    {clean(result.detail, _LONG)}"
    yield from (
        f"    {clean(one.quantity)}: {clean(one.measured)} (expected {clean(one.expected)})"
        for one in result.measurements
    )
    if result.remedy:
        yield f"    remedy: {clean(result.remedy, 600)}"
    yield from (f"      {line}" for line in clean_lines(result.code).splitlines())
    if follows(result):
        yield f"    {follows(result)}"


def sanity_html(record: SanityRecord) -> str:
    """Return a run as a static page without scripts: the diagnosis on top, findings that open, a line a check."""
    facts = [tag("span", fact, class_="fact") for fact in facts_of_run(record)]
    head = tag("header", tag("span", "Sanity ", class_="title"), *facts, tag("p", counts(record.results)))
    return page(
        "sanity", head, _diagnosis(record), _notes(record), *map(_finding, findings(record)), _catalogue(record)
    )


def _diagnosis(record: SanityRecord) -> Markup:
    first = next((r for r in findings(record) if r.status != "error"), None)
    if first is None:
        return tag("section", tag("p", sentence(record), class_="ok"), class_="diagnosis")
    line = tag(
        "p",
        tag("b", f"{MARKS[first.status]} {headline(first)}", class_=TONES[first.status]),
        tag("span", at(first), class_="fact") if at(first) else None,
        tag("span", " confirmed", class_="soft") if first.confirmed else None,
    )
    because = tag("p", clean(first.detail, _LONG))
    todo = tag("p", tag("b", "Remedy: "), clean(first.remedy, 600)) if first.remedy else None
    rest = tag("p", follows(first), class_="soft") if follows(first) else None
    return tag("section", line, because, todo, rest, class_=f"diagnosis {TONES[first.status]}-edge")


def _notes(record: SanityRecord) -> Markup | None:
    lines = list(told(record))
    return tag("div", *(tag("p", line) for line in lines), class_="notes soft") if lines else None


def _finding(result: CheckResult) -> Markup:
    name = fragment(
        tag("span", f"{MARKS[result.status]} ", class_=TONES[result.status]),
        tag("b", result.check),
        f" · {headline(result)} ",
        tag("span", at(result), class_="fact") if at(result) else None,
        tag("span", follows(result), class_="soft") if follows(result) else None,
    )
    parts = [tag("p", clean(result.detail, _LONG)) if result.detail else None, _measurements(result)]
    parts += [_picture(chart) for chart in result.charts]
    if result.remedy or result.code:
        parts.append(tag("p", tag("b", "Remedy: "), clean(result.remedy, 600)))
        parts.append(tag("pre", clean_lines(result.code)) if result.code else None)
    parts.append(tag("p", " · ".join(result.sources), class_="soft"))
    return tag("details", tag("summary", name), *parts, class_="finding")


def _measurements(result: CheckResult) -> Markup | None:
    if not result.measurements:
        return None
    head = tag("tr", *(tag("th", text, scope="col") for text in ("quantity", "measured", "expected")))
    rows = (
        tag("tr", tag("td", clean(one.quantity)), tag("td", clean(one.measured)), tag("td", clean(one.expected)))
        for one in result.measurements
    )
    return tag("table", tag("thead", head), tag("tbody", *rows))


def _picture(chart: Chart) -> Markup:
    file = io.BytesIO()
    chart_figure(chart).savefig(file, format="png", dpi=110)
    source = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")
    return tag("div", tag("img", src=source, alt=clean(chart.title)), class_="picture")


def _catalogue(record: SanityRecord) -> Markup:
    rows = []
    for stage, results in _stages(record.results):
        rows.append(tag("tr", tag("th", stage, colspan=3, scope="rowgroup")))
        rows += [
            tag(
                "tr",
                tag("td", MARKS[result.status], class_=TONES[result.status], title=result.status),
                tag("td", result.check),
                tag("td", clean(result.summary, 200), class_="soft"),
            )
            for result in results
        ]
    return tag("div", tag("table", *rows), class_="statistics")


def _stages(results: Sequence[CheckResult]) -> Iterator[tuple[str, list[CheckResult]]]:
    names = dict.fromkeys(result.stage for result in results)
    yield from ((name.capitalize(), [r for r in results if r.stage == name]) for name in names)
