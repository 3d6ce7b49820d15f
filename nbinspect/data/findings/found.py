"""What one look at a data set found: columns of its own, findings, and what a reader should know."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from nbinspect.records import Column, DataFinding, DatasetRecord
from nbinspect.records.arrays import Integers

Level: TypeAlias = Literal["ok", "note", "warn"]

_GROUPS, _ROWS = 200, 50
_SHOWN = 3


@dataclass(frozen=True)
class Found:
    """What one look found."""

    columns: tuple[Column, ...] = ()
    findings: tuple[DataFinding, ...] = ()
    notes: tuple[str, ...] = ()


def indices_of(record: DatasetRecord) -> Integers:
    """Return (N,) int64 indices of the samples in the data set."""
    return np.asarray(record.columns[0].values, dtype=np.int64)


def partner_column(record: DatasetRecord, name: str, partners: Integers, help_text: str) -> Column:
    """Return a column of indices from the row (N,) that belongs to each row, −1 for none."""
    values = np.append(indices_of(record), -1)[partners]
    return Column(name, "index", values, "finding", help=help_text)


def groups_of(rows: Integers, keys: Integers) -> tuple[tuple[int, ...], ...]:
    """Return the rows (R,) of one key each, the largest groups first: 200 groups of 50 rows at most."""
    order = np.lexsort((rows, keys))
    _, starts, counts = np.unique(keys[order], return_index=True, return_counts=True)
    largest = np.argsort(-counts, kind="stable")[:_GROUPS]
    return tuple(tuple(rows[order[starts[k] : starts[k] + min(counts[k], _ROWS)]].tolist()) for k in largest)


def examples(groups: Sequence[Sequence[int]], record: DatasetRecord) -> str:
    """Return the first few groups by the indices of their samples."""
    indices = indices_of(record)
    shown = ", ".join(" = ".join(str(indices[row]) for row in group[:_SHOWN]) for group in groups[:_SHOWN])
    return shown + (", …" if len(groups) > _SHOWN or any(len(group) > _SHOWN for group in groups) else "")


def samples(count: int) -> str:
    """Return a number of samples in words."""
    return "1 sample" if count == 1 else f"{count:,} samples"


def is_are(count: int) -> str:
    """Return the verb that goes with a number."""
    return "is" if count == 1 else "are"


def no_label(columns: Iterable[Column]) -> str:
    """Return why there is no label, in words: no target at all, numbers, or several targets by other names."""
    names = [column.name for column in columns if column.about == "target"]
    if any(column.name == "label_0" for column in columns):
        return "the labels are several numbers each"
    shown = ", ".join(names[:_SHOWN]) + ", …" * (len(names) > _SHOWN)
    return f"none of the targets {shown} is called label" if names else "there are no labels"
