"""Columns and records written down by hand."""

from __future__ import annotations

import numpy as np

from nbinspect.records import Column, DatasetRecord


def numbers(name, values, about="sample"):
    return Column(name, "number", np.asarray(values, np.float64), about)


def classes(name, codes, words, about="target"):
    return Column(name, "class", np.asarray(codes, np.int32), about, tuple(words))


def index(count):
    return Column("index", "index", np.arange(count), "sample")


def record(*columns, split="train", embedding=None):
    """A record of these columns, with an index before them where there is none."""
    if columns[0].name != "index":
        columns = (index(len(columns[0].values)), *columns)
    count = len(columns[0].values)
    kept = {} if embedding is None else {"embedded": np.arange(count), "embedding": embedding.astype(np.float32)}
    return DatasetRecord("Rows", split, count, True, 0.0, "table", "class", tuple(columns), (), 0, (), **kept)
