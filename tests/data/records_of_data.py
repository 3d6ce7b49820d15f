"""Records of data sets as a scan would make them."""

from __future__ import annotations

from typing import Any

import numpy as np

from nbinspect.records import Column, DatasetRecord

HOSTILE = "<img src=x onerror=alert(1)>"


def column(name: str, kind: Any, values: Any, about: Any = "input", words: tuple[str, ...] = ()) -> Column:
    dtype = {"number": np.float64, "index": np.int64, "flag": np.bool_}.get(kind, np.int32)
    return Column(name, kind, np.asarray(values, dtype), about, words)


def record_of(*columns: Column, **facts: Any) -> DatasetRecord:
    """A complete record with these columns beside ``index``, unless that is given."""
    count = len(columns[0].values)
    if columns[0].name != "index":
        columns = (column("index", "index", np.arange(count), "sample"), *columns)
    own = {"name": "Digits", "split": "train", "total": count, "complete": True, "seconds": 1.0, "form": "image"}
    own |= {"label_kind": "class", "features": (), "failed": 0, "failures": ()}
    return DatasetRecord(columns=columns, **{**own, **facts})


def animals(count: int = 6, **facts: Any) -> DatasetRecord:
    """Cats, dogs and a hostile name in turn; the mean falls, and the last is missing."""
    means = np.arange(count, 0, -1) / 2.0
    means[-1] = np.nan
    words = ("cat", "dog", HOSTILE)
    return record_of(
        column("mean", "number", means),
        column("label", "class", np.arange(count) % 3, "target", words),
        column("duplicate", "index", [0 if row == 3 else -1 for row in range(count)], "finding"),
        column("correct", "flag", np.arange(count) % 2, "model"),
        **facts,
    )
