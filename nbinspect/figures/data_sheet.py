"""What a figure or a page shows of a data set: its record, the first rows that are shown, and a few histograms."""

from __future__ import annotations

from dataclasses import dataclass

from nbinspect.figures.words import brief, clean, plural
from nbinspect.records import DataFinding, DatasetRecord, DecodedBatch, Floats, Integers

SIGNS = {"warn": "▲", "note": "●", "ok": "●"}
_FINDINGS = 40


@dataclass(frozen=True, eq=False)
class ColumnCounts:
    """How a column is spread."""

    column: str
    edges: Floats
    """(K + 1,) of numbers, (0,) of words."""
    words: tuple[str, ...]
    """(K,), from data and so hostile; empty of numbers."""
    more: int
    """Words that are left out, the rarest ones."""
    all: Integers
    """(K,) of all samples; so is `shown`, of those that are shown."""
    shown: Integers
    other: Floats | None
    """(K,) of the other split, scaled to as many samples; None where there is none."""

    @property
    def about(self) -> str:
        """What the bars go over, in words: from where to where, or the most common word."""
        if not len(self.all):
            return "without values"
        if not self.words:
            return f"from {brief(float(self.edges[0]))} to {brief(float(self.edges[-1]))}"
        return f"most often {clean(self.words[int(self.all.argmax())], 60)}"


@dataclass(frozen=True, eq=False)
class DataSheet:
    """What is drawn."""

    record: DatasetRecord
    query: str
    shown: int
    """Samples that match the query."""
    columns: tuple[str, ...]
    """Those that have a value in any of these rows."""
    rows: tuple[tuple[str, ...], ...]
    """The texts of the first rows that are shown, one a column; from data, so hostile."""
    samples: DecodedBatch | None
    """The same rows, as far as they could be fetched; None where none could."""
    places: tuple[int, ...]
    """Of each row its place in `samples`, −1 where it could not be fetched."""
    why: str
    """Why samples could not be fetched; empty where they could."""
    histograms: tuple[ColumnCounts, ...]
    marks: tuple[tuple[str, int], ...]
    """Each mark and how many samples have it."""


def facts_of(sheet: DataSheet) -> list[str]:
    """Return what is known of a data set in short: ``1,797 samples``, ``10 labels``, ``scanned 40 %``."""
    record = sheet.record
    targets = [column for column in record.targets if column.kind == "class"]
    told = [clean(record.name, 60), record.split, plural(record.rows, "sample")]
    for target in targets:
        name = "" if len(record.targets) == 1 else f"{clean(target.name, 40)}: "
        told.append(f"{name}{plural(len(target.words), 'label')}")
    if not record.complete:
        share = f"{min(99.9, 100 * record.rows / record.total):.3g} %" if record.total else "a part"
        told.append(f"scanned {share}")
    if record.failed:
        told.append(f"{record.failed:,} unreadable")
    told += [f"{count:,} {clean(mark, 40)}" for mark, count in sheet.marks if count]
    if sheet.query:
        told.append(f"{sheet.shown:,} match {clean(sheet.query, 120)}")
    return told


def findings_of(record: DatasetRecord) -> list[tuple[DataFinding, str]]:
    """Return the findings that a reader should see, warnings first, each as a line behind its sign."""
    order = {"warn": 0, "note": 1, "ok": 2}
    found = sorted(record.findings, key=lambda finding: order[finding.level])[:_FINDINGS]
    return [(finding, f"{SIGNS[finding.level]} {clean(finding.text, 400)}") for finding in found]
