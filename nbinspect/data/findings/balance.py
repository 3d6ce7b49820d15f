"""What the labels of a data set are like: how often each comes, in which order, and where there is none."""

from __future__ import annotations

import numpy as np

from nbinspect.data.findings.found import Found, Level, is_are, samples
from nbinspect.data.query.spelling import equals, spelled
from nbinspect.decode.names import outside
from nbinspect.records import Column, DataFinding, DatasetRecord
from nbinspect.records.arrays import Floats
from nbinspect.sanity.evidence.data.order import label_changes

_ENOUGH = 50
_FEW = 40
_RATIO, _WORTH_A_NOTE = 10.0, 3.0
_EXPECTED = 10
_SORTED, _SMOOTH, _SURE = 0.1, 0.9, 8.0


def imbalance(record: DatasetRecord) -> Found:
    """Compare how often the classes of each target come; a rare one may have had bad luck. Source: K-imbalance."""
    found = [_imbalance_of(record, target) for target in record.targets if target.kind == "class"]
    return Found((), tuple(finding for finding in found if finding is not None))


def _imbalance_of(record: DatasetRecord, label: Column) -> DataFinding | None:
    counts = np.bincount(label.values[label.values >= 0], minlength=len(label.words))
    total = int(counts.sum())
    present = np.flatnonzero(counts)
    if total < _ENOUGH or len(present) < 2:
        return None
    common, rare = int(counts.argmax()), int(present[counts[present].argmin()])
    most, least = int(counts[common]), int(counts[rare])
    ratio = most / (least + 2 * np.sqrt(least + 1) + 2)
    few = total < _EXPECTED * len(present)
    level: Level = "warn" if ratio > _RATIO and not few else "note" if ratio > _WORTH_A_NOTE else "ok"
    absent = len(counts) - len(present)
    text = f"{len(present):,} classes: {most:,} of {label.words[common]}, {least:,} of {label.words[rare]}"
    if most == least:
        text = f"{len(present):,} classes of {most:,} sample{'s' * (most > 1)} each"
    if level != "ok":
        text += f", {most / least:.3g} : 1; always naming {label.words[common]} is right in {most / total:.1%}"
    if absent and record.complete:
        text += f"; {absent:,} class{'es have' if absent > 1 else ' has'} no sample"
        level = "note" if level == "ok" and not few else level
    query = equals(label.name, label.words[rare]) if level != "ok" else ""
    text = text if len(record.targets) == 1 else f"{label.name}: {text}"
    return DataFinding("imbalance", level, text, least if level != "ok" else 0, query)


def order_pattern(record: DatasetRecord) -> Found:
    """Find data that is stored in the order of its labels. Source: S-order."""
    label = record.column("label")
    if label is None or label.kind not in ("class", "number"):
        return Found()
    values = label.values.astype(np.float64)
    values = values[values >= 0] if label.kind == "class" else values[np.isfinite(values)]
    if len(values) < _FEW:
        return Found()
    kinds = len(np.unique(values))
    smooth = label.kind == "number" and kinds > len(values) / 4
    text = _smooth(values) if smooth else _runs(values, kinds)
    split = "split by time where they follow in time" if smooth else "shuffle before splitting"
    advice = f"; let the training loader shuffle, and {split}"
    return Found((), (DataFinding("order", "note", text + advice, len(values)),)) if text else Found()


def _runs(values: Floats, kinds: int) -> str:
    if not 2 <= kinds <= len(values) / 4:
        return ""
    changes, expected, deviation = label_changes(values)
    if changes > _SORTED * expected or (expected - changes) / deviation < _SURE:
        return ""
    times = "once" if changes == 1 else f"{changes:,} times"
    return f"The data set is sorted by label: it changes {times} among {len(values):,} samples, not {expected:,.0f}"


def _smooth(values: Floats) -> str:
    ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    if ranks.std() == 0 or len(np.unique(values)) < 2:
        return ""
    correlation = float(np.corrcoef(ranks[1:], ranks[:-1])[0, 1])
    if correlation < _SMOOTH or correlation * np.sqrt(len(values)) < _SURE:
        return ""
    return f"Labels of samples that follow each other are alike (rank correlation {correlation:.2f})"


def nameless_labels(record: DatasetRecord) -> Found:
    """Find labels that are outside the names of the classes."""
    label = record.column("label")
    if label is None or label.kind != "class":
        return Found()
    counts = np.bincount(label.values[label.values >= 0], minlength=len(label.words)).tolist()
    count, which = outside(dict(zip(label.words, counts, strict=True)))
    if not count:
        return Found()
    text = f"Labels {which}, in {samples(count)} of {record.rows:,}"
    query = "label.str.endswith(' class names)')"
    return Found((), (DataFinding("nameless labels", "warn", text, count, query),))


def missing_labels(record: DatasetRecord) -> Found:
    """Find samples without a class or number for a label."""
    columns = [column for column in record.targets if column.kind in ("class", "number")]
    none = [column.values < 0 if column.kind == "class" else np.isnan(column.values) for column in columns]
    missing = np.any(none, axis=0) if none else np.zeros(record.rows, np.bool_)
    count = int(missing.sum())
    if not count:
        return Found()
    query = " or ".join(f"{spelled(column.name)}.isna()" for column in columns)
    text = f"{samples(count)} of {record.rows:,} {is_are(count)} without a label"
    level: Level = "warn" if count < record.rows else "note"
    return Found((), (DataFinding("missing labels", level, text, count, query),))
