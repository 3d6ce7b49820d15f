"""`nonfinite-data`: are there NaN or Inf in inputs or targets?"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from nbinspect.records import Chart, CheckResult, Measurement
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import Arguments, Check, failed, measured, passed, warned
from nbinspect.sanity.evidence.columns import Column
from nbinspect.sanity.evidence.nonfinite import is_finite
from nbinspect.sanity.evidence.scan import Scan
from nbinspect.sanity.program import Program

_SHOWN = 8


def run(scan: Scan, program: Program) -> CheckResult:
    """Fail on NaN or Inf in what was read, and merely warn where outputs and loss are finite all the same."""
    columns = [column for column in (*scan.inputs.values(), *scan.targets.values()) if not column.is_additive_mask]
    rows = [(column, row) for column in columns for row in np.flatnonzero(column.nan + column.inf).tolist()]
    if not rows or scan.nonfinite is None:
        return passed(f"{sum(int(column.count.sum()) for column in columns):,} values, all finite")
    rows.sort(key=lambda found: -_share(*found))
    worst, row = rows[0]
    more = f", and in {len(rows) - 1} more" if len(rows) > 1 else ""
    summary = f"{_kinds(worst, row)} in {worst.label(row)}{more}"
    rest = {"where": worst.label(row), "charts": (_chart(rows),)}
    if _is_coped_with(program, scan.nonfinite):
        return warned(
            summary,
            *_measurements(rows),
            title="NaN or Inf in the data, which the program copes with",
            detail=f"{summary}. Outputs and loss of a batch that holds them are finite, so they seem to be handled.",
            remedy="Make sure that they are masked on purpose; declare masked entries with padding_value=…",
            **rest,
        )
    return failed(
        summary,
        *_measurements(rows),
        title="NaN or Inf in the data",
        detail=f"{summary}. One such value makes the loss and then every weight NaN.",
        remedy="Drop or impute these entries where the data is loaded, or mask them and declare padding_value=…",
        **rest,
    )


def _share(column: Column, row: int) -> float:
    return float((column.nan[row] + column.inf[row]) / column.count[row])


def _kinds(column: Column, row: int) -> str:
    kinds = [name for name, count in (("NaN", column.nan[row]), ("Inf", column.inf[row])) if count]
    return f"{_share(column, row):.2%} {' and '.join(kinds)}"


def _measurements(rows: list[tuple[Column, int]]) -> tuple[Measurement, ...]:
    return tuple(measured(column.label(row), _kinds(column, row), "none") for column, row in rows[:_SHOWN])


def _chart(rows: list[tuple[Column, int]]) -> Chart:
    shares = np.array([100 * _share(*found) for found in rows[:_SHOWN]])
    names = tuple(column.label(row) for column, row in rows[:_SHOWN])
    return Chart("bars", "Values that are not finite", "", "share [%]", names, (shares,), np.zeros(0), (0.0, 0.0))


def _is_coped_with(program: Program, batch: Batch) -> bool:
    """Whether outputs and loss of a batch with such values are finite."""
    try:
        with program.running():
            outputs = program.outputs(batch)
            loss = program.loss(outputs, batch)
    except Exception:  # noqa: BLE001 - the user's model may refuse such a batch in any way
        return False
    return is_finite(outputs) and is_finite(loss)


def good() -> Arguments:
    """Return a linear model on rows of finite numbers."""
    batch = (torch.randn(8, 4), torch.randint(3, (8,)))
    return {"model": nn.Linear(4, 3), "loader": [batch], "loss_fn": nn.CrossEntropyLoss()}


def bad() -> Arguments:
    """Return the same with a feature that is missing in half of the rows."""
    arguments = good()
    arguments["loader"][0][0][::2, 1] = float("nan")
    return arguments


CHECK = Check(
    name="nonfinite-data",
    stage="data",
    question="Are there NaN or Inf in inputs or targets?",
    why="One missing value turns the loss, and with the next step every weight, into NaN.",
    remedy="Find where the data set has gaps or divides by zero; drop, impute or mask those entries.",
    cost=1,
    run=run,
    good=good,
    bad=bad,
    explains=(
        *("nonfinite-forward", "nonfinite-gradient", "train-val-shift", "overfit-one-batch"),
        *("input-independent-baseline", "shuffled-labels", "learning-rate"),
    ),
    sources=("K-corrupt", "S-missing"),
    silent="entries declared by padding_value; masks of 0 and −Inf; a warning only where the loss stays finite",
)
