"""A data set as a static page and as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nbinspect.figures.data import histogram_figure
from nbinspect.figures.data_sheet import ColumnCounts, DataSheet, facts_of, findings_of
from nbinspect.figures.exhibits import exhibit
from nbinspect.figures.markup import Markup, fragment, image, tag
from nbinspect.figures.page import page
from nbinspect.figures.pictures import tiles
from nbinspect.figures.readable import picture
from nbinspect.figures.words import brief, clean, plural
from nbinspect.records import DatasetRecord, FeatureFacts, Pictures

_CELL, _LONG, _ERROR = 40, 400, 1000
_SIDE = 48
_FEATURES = 64
_ALWAYS = ("index", "prediction", "correct", "mark")
_FAILURES = 20
_WIDTH = 2.4
_TONES = {"warn": "warn", "note": "soft", "ok": "ok"}


def data_html(sheet: DataSheet) -> str:
    """Return a data set as HTML that needs nothing else: no script, no file, no network; readable on any background.

    It has the facts, findings, histograms of a few columns, the first rows that are shown with their pictures, the
    features and samples that could not be read. All text from data is escaped.
    """
    chips = [fragment(tag("code", fact, class_="fact"), " ") for fact in facts_of(sheet)]
    header = tag("header", tag("span", "Data ", class_="title"), *chips)
    return page(
        "data",
        header,
        _findings(sheet),
        _histograms(sheet),
        _rows(sheet) if sheet.rows else None,
        _samples(sheet),
        _features(sheet.record.features),
        _failures(sheet.record),
    )


def data_text(sheet: DataSheet) -> str:
    """Return a data set as text: the facts, each finding on a line, and the columns with their ends."""
    record = sheet.record
    lines = [" · ".join(["Data", *facts_of(sheet)])]
    lines += [line for _, line in findings_of(record)]
    lines += [f"note: {clean(note, _LONG)}" for note in record.notes]
    lines += [f"✕ {failure.index:,}: {clean(failure.error, _LONG)}" for failure in record.failures[:3]]
    lines.append(f"columns: {', '.join(clean(name, _CELL) for name in sheet.columns)}")
    return "\n".join(lines)


def _findings(sheet: DataSheet) -> Markup | None:
    lines = [tag("p", line, class_=_TONES[finding.level]) for finding, line in findings_of(sheet.record)]
    lines += [tag("p", clean(note, _LONG), class_="soft") for note in sheet.record.notes]
    if sheet.why:
        lines.append(tag("p", f"✕ samples could not be fetched: {clean(sheet.why, _ERROR)}", class_="bad"))
    return tag("div", *lines, class_="notes") if lines else None


def _histograms(sheet: DataSheet) -> Markup | None:
    if not sheet.histograms:
        return None
    return tag("div", *map(_histogram, sheet.histograms), class_="histograms")


def _histogram(drawn: ColumnCounts) -> Markup:
    alt = f"histogram of {clean(drawn.column, 60)}, {drawn.about}"
    return tag("span", picture(histogram_figure(drawn, _WIDTH), alt), class_="picture")


def _rows(sheet: DataSheet) -> Markup:
    """The first rows as a table, with a picture of each where samples are pictures; what they share is said below."""
    pictures = dict(_thumbnails(sheet))
    told, alike = _told(sheet)
    heads = [tag("th", clean(sheet.columns[column], _CELL), scope="col") for column in told]
    head = tag("tr", tag("th", "", scope="col") if pictures else None, *heads)
    rows = [
        tag(
            "tr",
            tag("td", pictures.get(number, tag("span", "–", class_="soft"))) if pictures else None,
            *(tag("td", clean(cells[column], _CELL)) for column in told),
        )
        for number, cells in enumerate(sheet.rows)
    ]
    tally = tag("p", f"{plural(len(sheet.rows), 'row')} of {sheet.shown:,}", class_="soft")
    same = tag("p", f"The same in all of these rows: {alike}", class_="soft") if alike else None
    return tag("div", tag("div", tag("table", head, *rows), class_="scroll"), tally, same, class_="rows")


def _told(sheet: DataSheet) -> tuple[list[int], str]:
    """Return the columns that rows differ in, or that are looked for, and the others with their one value in words."""
    told, alike = [], []
    always = {*_ALWAYS, *(column.name for column in sheet.record.targets)}
    for column, name in enumerate(sheet.columns):
        texts = {cells[column] for cells in sheet.rows}
        if len(texts) == 1 and len(sheet.rows) > 1 and name not in always:
            alike.append(f"{clean(name, _CELL)} {clean(texts.pop(), _CELL)}")
        else:
            told.append(column)
    return told, " · ".join(alike)


def _thumbnails(sheet: DataSheet) -> Iterator[tuple[int, Markup]]:
    """Yield the number of a row and its picture; a picture of values lies one facet beside the other."""
    samples = sheet.samples
    item = samples.inputs[0] if samples is not None and samples.inputs else None
    if samples is None or not isinstance(item, Pictures):
        return
    numbers = [number for number, place in enumerate(sheet.places) if place >= 0]
    drawn = tiles(samples, item, [sheet.places[number] for number in numbers], denormalised=True, side=_SIDE)
    for number, tile in zip(numbers, drawn, strict=True):
        yield number, image(tile, f"sample of row {number}")


def _samples(sheet: DataSheet) -> Markup | None:
    """What is no picture, as the page of a batch shows it."""
    samples = sheet.samples
    if samples is None or not samples.inputs or isinstance(samples.inputs[0], Pictures):
        return None
    style = Path(__file__).with_name("batch_page.css").read_text(encoding="utf-8")
    return fragment(tag("style", Markup(style)), exhibit(samples, samples.inputs[0]))


def _features(features: tuple[FeatureFacts, ...]) -> Markup | None:
    if not features:
        return None
    heads = ("feature", "min", "mean", "std", "max", "missing", "")
    rows = [tag("tr", *(tag("th", head, scope="col", class_="number" if head else None) for head in heads))]
    for each in features[:_FEATURES]:
        numbers = [brief(value) for value in (each.low, each.mean, each.std, each.high)]
        odd = "▲ constant" if each.constant else f"▲ the same as {clean(each.same_as, _CELL)}" if each.same_as else ""
        missing = f"{100 * each.missing:.3g} %" if each.missing else "0"
        cells = (tag("td", cell, class_="number") for cell in (*numbers, missing))
        rows.append(tag("tr", tag("th", clean(each.name, _CELL), scope="row"), *cells, tag("td", odd, class_="warn")))
    if len(features) > _FEATURES:
        rows.append(tag("tr", tag("th", f"+{len(features) - _FEATURES} features", scope="row")))
    return tag("div", tag("table", *rows), class_="statistics")


def _failures(record: DatasetRecord) -> Markup | None:
    if not record.failed:
        return None
    shown = record.failures[:_FAILURES]
    lines = [tag("p", f"✕ {failure.index:,}: {clean(failure.error, _ERROR)}", class_="bad") for failure in shown]
    more = record.failed - len(shown)
    rest = tag("p", f"and {more:,} more", class_="soft") if more > 0 else None
    return tag("div", tag("b", f"{plural(record.failed, 'sample')} could not be read"), *lines, rest, class_="notes")
