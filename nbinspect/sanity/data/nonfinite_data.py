"""`nonfinite-data`: are there NaN or Inf in inputs or targets?"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from nbinspect.records import Chart, CheckResult, Measurement
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import Arguments, Check, MissingNeed, failed, measured, passed, warned
from nbinspect.sanity.evidence.data.columns import Column
from nbinspect.sanity.evidence.data.held import held_amiss
from nbinspect.sanity.evidence.data.scan import Scan
from nbinspect.sanity.evidence.numbers.nonfinite import is_finite, is_left_out
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import record
from nbinspect.sanity.trials.running.trainee import trained

_SHOWN = 8
_LEAST = 1e-4


def run(scan: Scan, program: Program) -> CheckResult:
    """Fail on NaN or Inf in what was read, or in rows beyond that which the data set holds.

    Merely warn where outputs, loss and gradients are finite all the same.
    """
    columns = [*scan.inputs.values(), *scan.targets.values()]
    rows, batch, part = _rows(columns), scan.nonfinite, 1.0
    if not rows and (later := held_amiss(program, scan)) is not None:
        rows, batch, part = _rows(later.columns), later.batch, later.part
    if not rows or batch is None:
        return passed(f"{sum(int(column.count.sum()) for column in columns):,} values, all finite")
    worst, row = rows[0]
    more = f", and in {len(rows) - 1} more" if len(rows) > 1 else ""
    summary = f"{_kinds(worst, row, part)} in {worst.label(row)}{more}"
    rest = {"where": worst.label(row), "charts": (_chart(rows, part),)}
    if _is_coped_with(program, batch):
        return warned(
            summary,
            *_measurements(rows, part),
            title="NaN or Inf in the data, which the program copes with",
            detail=f"{summary}. With a batch that holds them loss and gradients are finite, or an operation leaves "
            "them out: they seem to be handled.",
            remedy="Make sure that they are masked on purpose; declare masked entries with padding_value=…",
            **rest,
        )
    return failed(
        summary,
        *_measurements(rows, part),
        title="NaN or Inf in the data",
        detail=f"{summary}. One such value makes loss or gradient, and then every weight, NaN.",
        remedy="Drop or impute these entries where the data is loaded, or mask them and declare padding_value=…",
        **rest,
    )


def _rows(columns: list[Column]) -> list[tuple[Column, int]]:
    """Return channels and features with NaN or Inf, those with most of them first."""
    used = [column for column in columns if not column.is_additive_mask]
    rows = [(column, row) for column in used for row in np.flatnonzero(column.nan + column.inf).tolist()]
    return sorted(rows, key=lambda found: -_share(*found))


def _share(column: Column, row: int) -> float:
    return float((column.nan[row] + column.inf[row]) / column.count[row])


def _kinds(column: Column, row: int, part: float) -> str:
    kinds = [name for name, count in (("NaN", column.nan[row]), ("Inf", column.inf[row])) if count]
    share = part * _share(column, row)
    return f"{f'{share:.2%}' if share >= _LEAST else f'under {_LEAST:.2%}'} {' and '.join(kinds)}"


def _measurements(rows: list[tuple[Column, int]], part: float) -> tuple[Measurement, ...]:
    return tuple(measured(column.label(row), _kinds(column, row, part), "none") for column, row in rows[:_SHOWN])


def _chart(rows: list[tuple[Column, int]], part: float) -> Chart:
    shares = np.array([100 * part * _share(*found) for found in rows[:_SHOWN]])
    names = tuple(column.label(row) for column, row in rows[:_SHOWN])
    return Chart("bars", "Values that are not finite", "", "share [%]", names, (shares,), np.zeros(0), (0.0, 0.0))


def _is_coped_with(program: Program, batch: Batch) -> bool:
    """Whether outputs, loss and gradients of a batch with such values are finite, or these are left out on purpose.

    Else the user's own step is what counts: one is taken on a copy.
    """
    try:
        tried = record(program, batch)
    except Exception:  # noqa: BLE001 - the user's model may refuse such a batch in any way
        return False
    if tried.error is None and is_finite(tried.outputs) and is_finite(tried.loss):
        return is_finite(list(tried.gradients.values())) or is_left_out(tried)
    if program.subject.train_step is None:
        return False
    try:
        with trained(program) as trainee:
            loss = trainee.step(batch).loss
            made = [(tensor, tensor.grad) for tensor in trainee.parameters.values()]
            return is_finite(loss) and is_finite(made)
    except MissingNeed:
        return False


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
    cost=2,
    run=run,
    good=good,
    bad=bad,
    explains=(
        *("nonfinite-forward", "nonfinite-gradient", "train-val-shift", "overfit-one-batch"),
        *("input-independent-baseline", "shuffled-labels", "learning-rate"),
    ),
    sources=("K-corrupt", "S-missing"),
    silent="entries declared by padding_value; masks of 0 and −Inf; a warning where loss and gradients stay finite",
)
