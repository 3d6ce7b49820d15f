"""A batch as a static page, as text for a terminal, and as a table of statistics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from nbinspect.figures.exhibits import exhibit
from nbinspect.figures.markup import Markup, fragment, tag
from nbinspect.figures.page import page
from nbinspect.figures.words import (
    clean,
    clean_lines,
    facts,
    modes,
    provenance,
    row_name,
    score,
    sign,
    statistics_of,
    statistics_rows,
)
from nbinspect.records import BatchRecord, DecodedBatch, Finding, TensorRecord

if TYPE_CHECKING:
    import pandas as pd

_HEADS = ("min", "mean", "std", "max", "zeros", "NaN", "Inf")
_MOMENTS = ("min", "mean", "std", "max")
_COUNTS = ("count", "zeros", "nan", "posinf", "neginf")
_ERROR = 2000
_EXHIBITS = 6
_TENSORS = 24


def batch_html(decoded: DecodedBatch) -> str:
    """Return a batch as HTML that needs nothing else: no script, no file, no network; readable on any background.

    It has the facts, the first samples of what was decoded, the statistics with what is suspicious, notes and the
    error of the forward pass. All text from data is escaped.
    """
    batch = decoded.batch
    items = (*decoded.inputs, *decoded.targets)
    return page(
        "batch",
        _header(decoded),
        _notes(decoded),
        *(exhibit(decoded, item) for item in items[:_EXHIBITS] if batch.size),
        _statistics(batch),
    )


def batch_text(decoded: DecodedBatch) -> str:
    """Return a batch as text: facts, findings and an aligned table of statistics, for a terminal or a log."""
    batch = decoded.batch
    lines = [" · ".join([f"Batch of {batch.size:,}", *modes(batch), provenance(batch), *score(decoded)])]
    lines += [f"  {facts(tensor.facts)}" for tensor in batch.tensors]
    if batch.error:
        lines.append(f"✕ the forward raised {clean_lines(batch.error)}".replace("\n", "\n  "))
    lines += [f"note: {clean(note, 400)}" for note in (*batch.origin.notes, *decoded.notes)]
    rows: list[tuple[str, ...]] = [("tensor", *_HEADS, "")]
    for tensor in batch.tensors:
        for name, cells, found in statistics_rows(tensor):
            shown = cells or [""] * len(_HEADS)
            told = " ".join(map(sign, found)) or ("" if cells else clean(tensor.note) or "no values")
            rows.append((name, *shown, told))
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS) + 1)]
    for row in rows:
        numbers = "  ".join(cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:], strict=True))
        lines.append(f"{row[0].ljust(widths[0])}  {numbers}  {row[-1]}".rstrip())
    lines += [f"batch  {sign(finding)}" for finding in batch.findings]
    return "\n".join(lines)


def batch_frame(record: BatchRecord) -> pd.DataFrame:
    """Return the statistics of a batch as a DataFrame, one row a tensor and channel or feature."""
    import pandas as pd

    columns = ("tensor", "row", "role", "dtype", "shape", "device", *_MOMENTS, *_COUNTS, "findings")
    rows = [row for tensor in record.tensors for row in _frame_rows(tensor)]
    frame: pd.DataFrame = pd.DataFrame(rows, columns=list(columns))
    for name in _COUNTS:
        frame[name] = frame[name].astype("Int64")
    return frame


def _frame_rows(tensor: TensorRecord) -> Iterator[dict[str, object]]:
    statistics = statistics_of(tensor)
    for row in range(1 if statistics is None else len(statistics.names)):
        found = [each for each in tensor.findings if each.row == row or (each.row is None and row == 0)]
        values = {
            name: None if statistics is None else getattr(statistics, name)[row] for name in (*_MOMENTS, *_COUNTS)
        }
        yield {
            "tensor": tensor.facts.name,
            "row": row_name(tensor, row),
            "role": tensor.facts.role,
            "dtype": tensor.facts.dtype,
            "shape": tensor.facts.shape,
            "device": tensor.facts.device,
            **values,
            "findings": "; ".join(each.text for each in found) or tensor.note,
        }


def _header(decoded: DecodedBatch) -> Markup:
    batch = decoded.batch
    told = [*(facts(tensor.facts) for tensor in batch.tensors[:_EXHIBITS]), *modes(batch)]
    more = len(batch.tensors) - _EXHIBITS
    chips = [
        fragment(tag("code", text, class_="fact"), " ") for text in (*told, *([f"+{more} tensors"] if more > 0 else []))
    ]
    where = " · ".join([provenance(batch), *score(decoded)])
    return tag("header", tag("span", "Batch ", class_="title"), *chips, tag("span", where, class_="soft"))


def _notes(decoded: DecodedBatch) -> Markup | None:
    batch = decoded.batch
    lines = [tag("p", clean(note, _ERROR), class_="soft") for note in (*batch.origin.notes, *decoded.notes)]
    if batch.error:
        lines.insert(0, tag("p", f"✕ the forward raised {clean_lines(batch.error)}", class_="bad lines"))
    return tag("div", *lines, class_="notes") if lines else None


def _statistics(batch: BatchRecord) -> Markup:
    heads = [tag("th", head, scope="col", class_="number") for head in _HEADS]
    rows = [tag("tr", tag("th", "tensor", scope="col"), *heads, tag("th", "", class_="findings"))]
    for tensor in batch.tensors[:_TENSORS]:
        for name, cells, found in statistics_rows(tensor):
            numbers = [_number(head, cell) for head, cell in zip(_HEADS, cells, strict=False)]
            numbers = numbers or [tag("td", clean(tensor.note) or "no values", colspan=len(_HEADS))]
            rows.append(tag("tr", tag("th", name, scope="row"), *numbers, _findings(found)))
    if len(batch.tensors) > _TENSORS:
        rows.append(tag("tr", tag("th", f"+{len(batch.tensors) - _TENSORS} tensors", scope="row")))
    if batch.findings:
        rows.append(tag("tr", tag("th", "batch"), tag("td", "", colspan=len(_HEADS)), _findings(list(batch.findings))))
    return tag("div", tag("table", *rows), class_="statistics")


def _number(head: str, cell: str) -> Markup:
    bad = head in ("NaN", "Inf") and cell != "0"
    return tag("td", fragment("▲ " if bad else None, cell), class_="number warn" if bad else "number")


def _findings(found: list[Finding]) -> Markup:
    tones = {"warn": "warn", "ok": "ok"}
    return tag("td", *(tag("span", sign(each), " ", class_=tones[each.level]) for each in found), class_="findings")
