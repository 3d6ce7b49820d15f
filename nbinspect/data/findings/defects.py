"""Samples and features that are broken or say nothing: unreadable, blank, not finite, of another shape, constant."""

from __future__ import annotations

import re

import numpy as np

from nbinspect.data.findings.found import Found, Level, is_are, samples
from nbinspect.records import DataFinding, DatasetRecord

_SHOWN = 3
_MOSTLY = 0.9
_LONG = ("text", "series", "audio")


def unreadable(record: DatasetRecord) -> Found:
    """Name the samples that could not be read."""
    if not record.failed:
        return Found()
    first = f": sample {record.failures[0].index}, {record.failures[0].error}" if record.failures else ""
    text = f"{samples(record.failed)} could not be read{first}"
    return Found((), (DataFinding("unreadable", "warn", text, record.failed),))


def blank(record: DatasetRecord) -> Found:
    """Find samples all of whose values are the same; in a table that is no defect."""
    count = int(record.blank.sum())
    if not count or record.form in ("table", "values"):
        return Found()
    low, high = record.column("min"), record.column("max")
    query = ""
    if low is not None and high is not None and int((low.values == high.values).sum()) == count:
        query = "min == max"
    level: Level = "warn" if record.form in ("image", "audio") and count < record.rows / 2 else "note"
    rows = tuple(np.flatnonzero(record.blank)[:50].tolist())
    text = f"{samples(count)} {is_are(count)} blank: one value throughout"
    return Found((), (DataFinding("blank", level, text, count, query, (rows,)),))


def not_finite(record: DatasetRecord) -> Found:
    """Find samples with infinite values, and with NaN unless these are the missing values of a table."""
    column, missing = record.column("nonfinite"), record.column("missing")
    if column is None:
        return Found()
    bad = column.values > (0 if missing is None else missing.values)
    count = int(bad.sum())
    if not count:
        return Found()
    query = "nonfinite > 0" if missing is None else "nonfinite > missing"
    what = "infinite values" if missing is not None else "values that are NaN or infinite"
    return Found((), (DataFinding("not finite", "warn", f"{samples(count)} with {what}", count, query),))


def missing_values(record: DatasetRecord) -> Found:
    """Find rows of a table with missing values, and the features that lack them."""
    column = record.column("missing")
    count = 0 if column is None else int((column.values > 0).sum())
    if not count:
        return Found()
    lacking = sorted((f for f in record.features if f.missing > 0), key=lambda f: -f.missing)
    named = ", ".join(f"{feature.name} ({feature.missing:.1%})" for feature in lacking[:_SHOWN])
    text = f"{samples(count)} of {record.rows:,} with missing values"
    if lacking:
        text += f", in {len(lacking):,} of {len(record.features):,} features: {named}" + ", …" * (len(lacking) > _SHOWN)
    return Found((), (DataFinding("missing values", "warn", text, count, "missing > 0"),))


def useless_features(record: DatasetRecord) -> Found:
    """Name features of one value, and those that repeat an earlier one."""
    if record.rows < 2:
        return Found()
    constant = [feature.name for feature in record.features if feature.constant]
    same = [
        f"{feature.name} = {feature.same_as}" for feature in record.features if feature.same_as and not feature.constant
    ]
    found = []
    if constant:
        text = f"{len(constant):,} of {len(record.features):,} features with one value in all samples: "
        found.append(DataFinding("constant features", "note", text + _listed(constant), len(constant)))
    if same:
        text = f"{len(same):,} of {len(record.features):,} features with the values of an earlier one: "
        found.append(DataFinding("duplicated features", "note", text + _listed(same), len(same)))
    return Found((), tuple(found))


def shapes(record: DatasetRecord) -> Found:
    """Find samples of another shape or dtype than most; where sizes vary anyway it is worth a note.

    That texts, series and sounds have different lengths is nothing odd.
    """
    found = []
    for name in ("shape", "dtype"):
        column = record.column(name)
        if column is None or column.kind != "class":
            continue
        counts = np.bincount(column.values[column.values >= 0], minlength=len(column.words))
        present = [column.words[k] for k in np.flatnonzero(counts)]
        if len(present) < 2 or (name == "shape" and record.form in _LONG and _lengths(present)):
            continue
        order = np.argsort(-counts, kind="stable")
        usual, other = int(order[0]), int(counts.sum() - counts[order[0]])
        rare = counts[usual] >= _MOSTLY * counts.sum() and record.form not in _LONG
        listed = [f"{column.words[k]} ({counts[k]:,})" for k in order if counts[k]]
        text = f"{len(listed):,} {name}s: {_listed(listed)}"
        query = f"{name} != {column.words[usual]!r}"
        found.append(DataFinding("shapes", "warn" if rare else "note", text, other, query))
    return Found((), tuple(found))


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + ", …" * (len(names) > _SHOWN)


def _lengths(shapes: list[str]) -> bool:
    """Whether shapes differ in one axis alone."""
    sizes = [re.findall(r"\d+", shape) for shape in shapes]
    return len({len(size) for size in sizes}) == 1 and sum(len(set(axis)) > 1 for axis in zip(*sizes, strict=True)) == 1
