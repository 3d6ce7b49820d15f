"""Sheets of data sets as a view would put them together."""

from __future__ import annotations

from typing import Any

import numpy as np

from nbinspect.figures.data_sheet import ColumnCounts, DataSheet
from nbinspect.records import DataFinding, DecodedBatch, FeatureFacts, SampleFailure
from tests.data.records_of_data import HOSTILE, animals


def spread(column: str = "mean", **counts: Any) -> ColumnCounts:
    own: dict[str, Any] = {"edges": np.arange(5.0), "words": (), "more": 0}
    own |= {"all": np.array([1, 4, 2, 0]), "shown": np.array([0, 4, 1, 0]), "other": None}
    return ColumnCounts(column, **{**own, **counts})


def sheet(samples: DecodedBatch | None = None, count: int = 4, **changes: Any) -> DataSheet:
    """A sheet whose texts are hostile, with what a scan may find."""
    record = animals(
        name=HOSTILE,
        total=12,
        complete=False,
        failed=3,
        failures=(SampleFailure(7, f"OSError: {HOSTILE}"),),
        findings=(
            DataFinding("imbalance", "ok", "2 classes alike", 0),
            DataFinding("duplicates", "warn", f"3 duplicates of {HOSTILE}", 3, "duplicate.notna()"),
        ),
        features=(
            FeatureFacts(HOSTILE, 1.0, 0.0, 1.0, 1.0, 0.0, constant=True),
            FeatureFacts("b", np.nan, np.nan, np.nan, np.nan, 0.25, same_as=HOSTILE),
        ),
        notes=(f"said {HOSTILE}",),
    )
    own: dict[str, Any] = {
        "query": f"label == '{HOSTILE}'",
        "shown": count,
        "columns": ("index", HOSTILE),
        "rows": tuple((str(row), HOSTILE) for row in range(count)),
        "samples": samples,
        "places": tuple(range(count)) if samples is not None else (-1,) * count,
        "why": "",
        "histograms": (spread(), spread(HOSTILE, edges=np.zeros(0), words=(HOSTILE, "b", "c", "d"), other=np.ones(4))),
        "marks": (("suspicious", 0), ("excluded", 2)),
    }
    return DataSheet(record, **{**own, **changes})
