"""What a scan kept of each sample, as arrays that simple models can be fitted on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nbinspect.data.findings.found import is_are, samples
from nbinspect.data.learnable.quick_samples import Task
from nbinspect.errors import InputError
from nbinspect.records import Column, DatasetRecord
from nbinspect.records.arrays import Floats, Integers

_FEATURES = {
    "image": "pooled pixels",
    "text": "hashed word counts",
    "table": "features",
    "series": "pooled steps",
    "audio": "pooled steps",
    "values": "pooled values",
}


@dataclass(frozen=True, eq=False)
class Kept:
    """N samples of a record that have a label and features."""

    rows: Integers
    """(N,) of the record."""
    features: Floats
    """(N, K)."""
    labels: NDArray[Any]
    """(N,) places of classes, or (N, T) numbers."""
    task: Task
    correct: Floats | None
    """(N,) whether the network is right, NaN where that is unknown."""
    predictions: Floats | None
    """(N, T) what the network says of numbers."""
    of: str
    """``64 pooled pixels``."""
    unit: str
    notes: tuple[str, ...]


def kept_of(record: DatasetRecord) -> Kept:
    """Return features, labels and the network's predictions of the samples that a scan kept features of.

    Of samples that are equal in input and target only the first is kept, for a model that was fitted on one knows the
    other; where more than half would go, all are. The record is left unchanged.

    Raises:
        InputError: where there are no features, or labels that are neither classes nor numbers.
    """
    if not record.embedding.size:
        raise InputError(f"{record.name}: the scan kept no features of these samples to fit simple models on")
    targets = _targets(record)
    rows, places, notes = record.embedded, np.arange(len(record.embedded)), list[str]()
    if targets[0].kind == "class":
        known = targets[0].values[rows] >= 0
        rows, places = rows[known], places[known]
    first = _first_of_equal(record, rows)
    if len(rows) / 2 <= len(first) < len(rows):
        repeated = len(rows) - len(first)
        verb = "repeats" if repeated == 1 else "repeat"
        notes.append(f"{samples(repeated)} that {verb} another {is_are(repeated)} left out")
        rows, places = rows[first], places[first]
    of = f"{record.embedding.shape[1]} {_FEATURES[record.form]}"
    features, unit = record.embedding[places], targets[0].unit
    if targets[0].kind == "class":
        correct = _numbers(record.column("correct"), rows)
        return Kept(rows, features, targets[0].values[rows], "classes", correct, None, of, "", tuple(notes))
    labels = np.stack([target.values[rows] for target in targets], axis=1)
    found = [_numbers(record.column(target.name.replace("label", "prediction")), rows) for target in targets]
    there = [each for each in found if each is not None]
    said = np.stack(there, axis=1) if len(there) == len(targets) else None
    return Kept(rows, features, labels, "numbers", None, said, of, unit, tuple(notes))


def _targets(record: DatasetRecord) -> list[Column]:
    label = record.column("label")
    several = [column for column in record.columns if column.name.startswith("label_") and column.kind == "number"]
    if label is not None and label.kind in ("class", "number"):
        return [label]
    # `label_quality` is no target; those of several numbers are called label_0, label_1, …
    numbered = [column for column in several if column.name.removeprefix("label_").isdecimal()]
    if numbered:
        return numbered
    if record.label_kind == "regression":
        raise InputError(f"{record.name}: simple models predict classes or 1 to 8 numbers a sample, and there are more")
    told = "several targets a sample, or such as are neither" if record.label_kind == "other" else ""
    kind = told or (f"labels of the kind {record.label_kind!r}" if record.label_kind else "no labels")
    raise InputError(f"{record.name}: simple models predict classes or numbers, and this data set has {kind}")


def _numbers(column: Column | None, rows: Integers) -> Floats | None:
    if column is None:
        return None
    values: Floats = column.values[rows].astype(np.float64)
    return values


def _first_of_equal(record: DatasetRecord, rows: Integers) -> Integers:
    if len(record.input_hashes) != record.rows or len(record.target_hashes) != record.rows:
        return np.arange(len(rows))
    both = np.stack([record.input_hashes[rows], record.target_hashes[rows]], axis=1)
    return np.sort(np.unique(both, axis=0, return_index=True)[1])
