"""Samples that occur more than once: with equal targets, with different ones, in the other split."""

from __future__ import annotations

import numpy as np

from nbinspect.data.findings.found import Found, Level, examples, groups_of, is_are, partner_column, samples
from nbinspect.records import DataFinding, DatasetRecord
from nbinspect.records.arrays import Flags, Integers

_BY_CHANCE = "; they have few values, so that some are equal by chance"
_SEVERAL_ANSWERS = ("regression", "tokens", "picture", "soft", "")
"""Targets that may differ for one input without any being wrong."""
_ALL_BLANK = "Every sample is blank, one value throughout: equal samples were not looked for"
_DESIGNED = 0.5
"""Share of samples that repeat others from which repeats are meant."""
_MEANT = "; most samples repeat another's input, as where repeats are meant"


def duplicates(record: DatasetRecord, *, telling: bool) -> Found:
    """Find samples that equal an earlier one in input and target, blank ones left out. Source: K-duplicates.

    Args:
        record: left unchanged.
        telling: whether equal samples can be no coincidence; else nothing is warned of, nor where most are repeats.
    """
    used = _used(record)
    if used is None:
        known = record.rows and len(record.input_hashes) == record.rows
        return Found(notes=(_ALL_BLANK,) if known else ())
    keys = _numbered(record.input_hashes, record.target_hashes if len(record.target_hashes) else None)
    first = _first(keys[used], used)
    partners = np.full(record.rows, -1)
    later = first != used
    partners[used[later]] = first[later]
    column = partner_column(
        record, "duplicate", partners, "the earliest sample with the same input and target, in every value"
    )
    count = int(later.sum())
    if not count:
        return Found((column,), (DataFinding("duplicates", "ok", f"No duplicates among {samples(len(used))}", 0),))
    groups = groups_of(*_members(keys, partners))
    text = f"{samples(count)} {'equals' if count == 1 else 'equal'} an earlier one in every value: "
    meant = _are_meant(record, used)
    text += examples(groups, record) + ("" if telling else _BY_CHANCE) + _MEANT * meant
    level: Level = "warn" if telling and not meant else "note"
    return Found((column,), (DataFinding("duplicates", level, text, count, "duplicate.notna()", groups),))


def conflicts(record: DatasetRecord, *, telling: bool) -> Found:
    """Find samples of equal inputs with different targets, blank ones and those without a label left out."""
    used = _used(record)
    if used is None or len(record.target_hashes) != record.rows or not record.label_kind:
        return Found()
    label = record.column("label")
    if label is not None and label.kind in ("class", "number"):
        none = label.values < 0 if label.kind == "class" else np.isnan(label.values)
        used = used[~none[used]]
    keys, targets = _numbered(record.input_hashes), record.target_hashes
    first = _first(keys[used], used)
    differs = targets[used] != targets[first]
    other = np.full(record.rows, record.rows)
    np.minimum.at(other, first[differs], used[differs])  # the earliest that contradicts the first of its group
    partners = np.full(record.rows, -1)
    partners[used] = np.where(differs, first, np.where(other[first] < record.rows, other[first], -1))
    column = partner_column(record, "conflict", partners, "a sample with the same input and another target")
    rows = np.flatnonzero(partners >= 0)
    if not len(rows):
        text = "No two samples of the same input have different targets"
        return Found((column,), (DataFinding("conflicting labels", "ok", text, 0),))
    groups = groups_of(rows, keys[rows])
    meant = _are_meant(record, used)
    level: Level = "warn" if telling and not meant and record.label_kind not in _SEVERAL_ANSWERS else "note"
    inputs = len(np.unique(keys[rows]))
    text = f"{samples(len(rows))} of {inputs:,} equal input{'s' * (inputs > 1)} have different targets: "
    text += examples(groups, record) + ("" if telling else _BY_CHANCE) + _MEANT * meant
    return Found((column,), (DataFinding("conflicting labels", level, text, len(rows), "conflict.notna()", groups),))


def overlap(record: DatasetRecord, other: DatasetRecord, *, telling: bool) -> Found:
    """Find samples whose input is in the other split too, blank ones left out. Source: K-duplicates.

    The column names the sample of the other split by its index there.
    """
    used, theirs = _used(record), _used(other)
    if used is None or theirs is None:
        return Found()
    known, first = np.unique(other.input_hashes[theirs], return_index=True)
    places = np.searchsorted(known, record.input_hashes[used]).clip(0, max(0, len(known) - 1))
    found = known[places] == record.input_hashes[used] if len(known) else np.zeros(len(used), np.bool_)
    partners = np.full(record.rows, -1)
    partners[used[found]] = theirs[first[places[found]]]
    column = partner_column(other, "other_split", partners, f"the sample of {other.split} with the same input")
    count = int(found.sum())
    if not count:
        text = f"No sample is in {other.split} too"
        return Found((column,), (DataFinding("in both splits", "ok", text, 0),))
    rows = np.flatnonzero(partners >= 0)
    shown = ", ".join(f"{record.columns[0].values[row]} = {column.values[row]} there" for row in rows[:3])
    text = f"{samples(count)} of {record.rows:,} {is_are(count)} in {other.split} too: {shown}"
    text += (", …" if count > 3 else "") + ("" if telling else _BY_CHANCE)
    groups = groups_of(rows, _numbered(record.input_hashes)[rows])
    level: Level = "warn" if telling else "note"
    return Found((column,), (DataFinding("in both splits", level, text, count, "other_split.notna()", groups),))


def _used(record: DatasetRecord) -> Integers | None:
    """Return the rows that are not blank, None where contents are not known or all are blank."""
    if len(record.input_hashes) != record.rows or not record.rows:
        return None
    blank: Flags = record.blank if len(record.blank) == record.rows else np.zeros(record.rows, np.bool_)
    return None if blank.all() else np.flatnonzero(~blank)


def _are_meant(record: DatasetRecord, used: Integers) -> bool:
    """Whether most samples have another one's input, as views or annotations of the same things do."""
    keys = _numbered(record.input_hashes[used])
    return bool((np.bincount(keys)[keys] > 1).mean() > _DESIGNED)


def _numbered(hashes: Integers, others: Integers | None = None) -> Integers:
    """Return a number for each distinct hash, or pair of hashes."""
    keys = np.unique(hashes, return_inverse=True)[1].reshape(-1)
    if others is None:
        return keys
    more = np.unique(others, return_inverse=True)[1].reshape(-1)
    pairs: Integers = np.unique(keys * (int(more.max(initial=0)) + 1) + more, return_inverse=True)[1].reshape(-1)
    return pairs


def _first(keys: Integers, rows: Integers) -> Integers:
    """Return for each of ascending rows the first one of the same key."""
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    return rows[first[inverse.reshape(-1)]]


def _members(keys: Integers, partners: Integers) -> tuple[Integers, Integers]:
    """Return the rows that repeat or are repeated, and their keys."""
    rows = np.union1d(np.flatnonzero(partners >= 0), partners[partners >= 0])
    return rows, keys[rows]
