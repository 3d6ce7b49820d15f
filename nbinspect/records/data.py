"""A data set, sample by sample: columns of numbers and words, and what was found in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nbinspect.records.arrays import Flags, Floats, Integers

About = Literal["sample", "target", "input", "finding", "model", "mark"]


@dataclass(frozen=True, eq=False)
class Column:
    """One number, class, text or flag of every sample."""

    name: str
    """As a query spells it: ``label``, ``mean``, ``loss``."""
    kind: Literal["number", "class", "text", "flag", "index"]
    values: NDArray[Any]
    """(N,): float64 of a number, NaN where there is none; int32 places in `words` of a class or text, −1 for none; bool
    of a flag; int64 of an index, which names another sample as its data set counts them, −1 for none."""
    about: About
    words: tuple[str, ...] = ()
    """Of a class its names, of a text the texts; from data, so hostile."""
    unit: str = ""
    help: str = ""
    """One sentence: what it is and over which values; for a tooltip."""


@dataclass(frozen=True)
class SampleFailure:
    """A sample that could not be read."""

    index: int
    """In the data set; of a stream, in the order of reading."""
    error: str
    """The exception in one line, with the user's file and line."""


@dataclass(frozen=True)
class FeatureFacts:
    """One feature of a table, or channel of another input, over all samples that were scanned."""

    name: str
    mean: float
    """Of finite values, as `std`, `low`, `high`; NaN where there are none."""
    std: float
    low: float
    high: float
    missing: float
    """Share of NaN."""
    constant: bool = False
    same_as: str = ""
    """An earlier feature with the same value in every sample."""


@dataclass(frozen=True, eq=False)
class DataFinding:
    """Something in the data that is worth a look."""

    kind: Literal[
        "duplicates",
        "near duplicates",
        "conflicting labels",
        "in both splits",
        "outliers",
        "imbalance",
        "order",
        "not finite",
        "blank",
        "unreadable",
        "constant features",
        "duplicated features",
        "missing values",
        "shapes",
        "missing labels",
        "nameless labels",
        "shift",
    ]
    level: Literal["ok", "note", "warn"]
    text: str
    """One sentence with its figures."""
    count: int
    query: str = ""
    """The query that shows these samples; empty where it is not about samples."""
    groups: tuple[tuple[int, ...], ...] = ()
    """Rows (not indices) that belong together, the largest groups first; 200 groups of 50 rows at most."""


@dataclass(frozen=True, eq=False)
class DatasetRecord:
    """What was scanned of a data set: N samples, one row each, in ascending order of their indices."""

    name: str
    """The class of the data set, or of the loader where it has none."""
    split: Literal["train", "validation"]
    total: int | None
    """Samples that there are; None where that is unknown."""
    complete: bool
    """Whether all was scanned, unreadable samples aside."""
    seconds: float
    form: Literal["image", "text", "table", "series", "audio", "values"]
    """The decoder that fits the main input."""
    label_kind: str
    """As in `Labels.kind`; empty where there are no labels."""
    columns: tuple[Column, ...]
    """``index`` first. Each has N values."""
    features: tuple[FeatureFacts, ...]
    failed: int
    failures: tuple[SampleFailure, ...]
    """The first 100."""
    findings: tuple[DataFinding, ...] = ()
    notes: tuple[str, ...] = ()
    """What a reader should know: what was sampled, what is random at each reading, what stopped the scan."""
    input_hashes: Integers = field(default_factory=lambda: np.zeros(0, np.int64))
    """(N,) int64, equal where samples are the same to the network; where readings differ, before their transform."""
    target_hashes: Integers = field(default_factory=lambda: np.zeros(0, np.int64))
    signatures: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    """(N,) of pictures and texts: like samples differ in few of the 64 bits; (0,) of other inputs."""
    blank: Flags = field(default_factory=lambda: np.zeros(0, np.bool_))
    """(N,) whether all values of a sample are the same."""
    embedded: Integers = field(default_factory=lambda: np.zeros(0, np.int64))
    """(M,) ascending rows, 100,000 at most and then drawn at random, of which `embedding` speaks."""
    embedding: Floats = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    """(M, K ≤ 64) float32: pictures small, tables and series as they are or pooled, texts as hashed counts."""

    @property
    def rows(self) -> int:
        """The number of samples that were scanned, N."""
        return len(self.columns[0].values) if self.columns else 0

    @property
    def targets(self) -> tuple[Column, ...]:
        """The columns of what the data set says of each sample: the label, or one of each target."""
        return tuple(column for column in self.columns if column.about == "target")

    def column(self, name: str) -> Column | None:
        """Return the column of this name, or None."""
        return next((column for column in self.columns if column.name == name), None)


@dataclass(frozen=True, eq=False)
class DataMap:
    """Samples as points of a plane; near points are alike."""

    rows: Integers
    """(M,) which samples."""
    x: Floats
    """(M,) float32, as `y`."""
    y: Floats
    method: str
    """``PCA``, ``UMAP``, with the share of variance of each axis where there is one."""
    of: str
    """Of what: ``pixels, pooled``, ``the network's features``."""
    sampled: bool
