"""All that is found in a data set that was scanned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from nbinspect.data.findings.balance import imbalance, missing_labels, nameless_labels, order_pattern
from nbinspect.data.findings.defects import blank, missing_values, not_finite, shapes, unreadable, useless_features
from nbinspect.data.findings.duplicates import conflicts, duplicates, overlap
from nbinspect.data.findings.found import Found
from nbinspect.data.findings.near import near_duplicates
from nbinspect.data.findings.outliers import outliers
from nbinspect.data.findings.shift import absent_classes, shift
from nbinspect.data.findings.space import are_telling
from nbinspect.records import DatasetRecord

_RANK = {"warn": 0, "note": 1, "ok": 2}
_COLUMNS = ("duplicate", "near", "conflict", "other_split", "outlier", "distance")


def find(record: DatasetRecord, other: DatasetRecord | None = None) -> DatasetRecord:
    """Return a record with what was found in it: columns of its own, findings, the gravest first, and notes.

    Args:
        record: what was scanned; left unchanged. What was found in it before is found anew.
        other: the other split, compared with it; left unchanged.
    """
    plain = replace(record, columns=tuple(c for c in record.columns if c.name not in _COLUMNS), findings=())
    found = list(_looked(plain, other)) if record.rows else [unreadable(plain)]
    findings = sorted((one for part in found for one in part.findings), key=lambda one: _RANK[one.level])
    notes = dict.fromkeys([*plain.notes, *(note for part in found for note in part.notes)])
    columns = sorted((c for part in found for c in part.columns), key=lambda column: _COLUMNS.index(column.name))
    return replace(plain, columns=(*plain.columns, *columns), findings=tuple(findings), notes=tuple(notes))


def _looked(record: DatasetRecord, other: DatasetRecord | None) -> Iterator[Found]:
    telling = are_telling(record)
    yield unreadable(record)
    yield not_finite(record)
    yield duplicates(record, telling=telling)
    yield conflicts(record, telling=telling)
    if other is not None:
        yield overlap(record, other, telling=telling)
        yield absent_classes(record, other)
        yield shift(record, other)
    yield near_duplicates(record) if telling else Found()
    yield missing_labels(record)
    yield nameless_labels(record)
    yield imbalance(record)
    yield order_pattern(record)
    yield blank(record)
    yield missing_values(record)
    yield shapes(record)
    yield useless_features(record)
    yield outliers(record)
