"""A run as tables: its numbers a row a step, and what the network made of the probe a row a step and sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nbinspect.figures.dynamics_words import guesses_in_words, readings_of, size_of, targets_in_words
from nbinspect.records import DynamicsRecord, ProbeRecord, Reading, Trace

if TYPE_CHECKING:
    import pandas as pd

_NUMBERS = ("loss", "confidence", "margin", "jitter")
_COLUMNS = ("step", "sample", "target", "guess", "correct", *_NUMBERS, "flips", "forgotten")
_ATTRIBUTES = {"loss": "losses"}


def dynamics_frame(record: DynamicsRecord, *, extremes: bool = False) -> pd.DataFrame:
    """Return the numbers of a run as a DataFrame, one row a step, in the order of the steps; leaves it unchanged.

    The index is the step, a column is a quantity, ``loss``, or that of one part, ``update ratio/fc1``. Where the
    history was thinned, a row stands for the stretch up to its step, with the mean over it; NaN where nothing was
    measured, or nothing finite.

    Args:
        record: of the run.
        extremes: with ``loss low`` and ``loss high`` over each stretch, and ``loss broken``, how many values were NaN
            or Inf.
    """
    import pandas as pd

    columns: dict[str, Any] = {}
    for trace in record.traces:
        name = f"{trace.name}/{trace.part}" if trace.part else trace.name
        columns[name] = _column(trace, "mean")
        if extremes:
            columns |= {f"{name} {end}": _column(trace, end) for end in ("low", "high", "broken")}
    frame: pd.DataFrame = pd.DataFrame(columns, index=None if columns else pd.Index([], dtype=np.int64))
    frame.index.name = "step"
    ordered: pd.DataFrame = frame.sort_index()
    return ordered


def _column(trace: Trace, end: str) -> pd.Series[Any]:
    import pandas as pd

    values = getattr(trace, end)
    counts = pd.array(values, dtype="Int64") if end == "broken" else values.astype(np.float64)
    column: pd.Series[Any] = pd.Series(counts, index=trace.step)
    # a run that went back to a moment may pass a step twice: what came last holds
    return column[~column.index.duplicated(keep="last")]


def readings_frame(record: DynamicsRecord, probe: int = 0) -> pd.DataFrame:
    """Return what was read of a probe as a DataFrame, one row a step and sample; the record is left unchanged.

    ``target`` and ``guess`` are class names where there are any, numbers of a regression, and missing where they take
    more than that; ``correct`` is missing where it cannot be said. Loss in the unit of the loss, confidence in 0 … 1,
    margin in −1 … 1, jitter as in `Reading`; flips and forgotten are counts up to the step.

    Raises:
        InputError: for a probe that the run does not have.
    """
    import pandas as pd

    readings = readings_of(record, probe)
    parts = [_rows(record.probes[probe], reading) for reading in readings]
    parts = parts or [{name: np.zeros(0) for name in _COLUMNS}]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in _COLUMNS}
    frame: pd.DataFrame = pd.DataFrame(columns).astype(dict.fromkeys(("step", "sample", "flips", "forgotten"), int))
    known = np.asarray(columns["correct"], dtype=np.int64)
    frame["correct"] = pd.array(known == 1, dtype="boolean")
    frame.loc[known < 0, "correct"] = pd.NA
    return frame


def _rows(probe: ProbeRecord, reading: Reading) -> dict[str, Any]:
    count = size_of(probe)
    numbers = {name: getattr(reading, _ATTRIBUTES.get(name, name)).astype(np.float64) for name in _NUMBERS}
    return {
        "step": np.full(count, reading.step),
        "sample": np.arange(count),
        "target": _values(probe, probe.targets, targets_in_words(probe)),
        "guess": _values(probe, reading.values, guesses_in_words(probe, reading)),
        "correct": reading.correct,
        **numbers,
        "flips": reading.flips,
        "forgotten": reading.forgotten,
    }


def _values(probe: ProbeRecord, values: Any, words: list[str]) -> Any:
    """The number itself where there is one a sample, else words; what has none is missing."""
    if probe.task == "regression" and values is not None and values[:1].size == 1:
        return values.reshape(-1).astype(np.float64)
    return np.array([word or None for word in words], dtype=object)
