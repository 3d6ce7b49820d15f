"""Whether the network takes the validation data at all, where it comes in another form than the training data."""

from __future__ import annotations

from typing import Any

from nbinspect.sanity.batches import Batch, reading
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.evidence.data.columns import Column
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Trial


def takes_other_form(train: Column, val: Column) -> bool:
    """Whether no sample of one has the dtype, or the shape, of any of the other: many networks take both."""
    return train.dtypes.isdisjoint(val.dtypes) or train.shapes.isdisjoint(val.shapes)


def refused(program: Program, trial: Trial, loader: Any) -> str:
    """Return what the network raises in eval mode on the first batch of a loader.

    Nothing where it raises on the first training batch as well, or the memory ends.
    """
    known = trial.attempt
    if known is None or known.error is not None or _raised(program, known.batch):
        return ""
    try:
        with reading(program.subject, loader, program.limits) as batches:
            return _raised(program, next(batches))
    except (MissingNeed, StopIteration):
        return ""


def _raised(program: Program, batch: Batch) -> str:
    with program.running(training=False):
        try:
            program.outputs(batch)
        except MemoryError:
            return ""
        except Exception as error:  # noqa: BLE001 - the user's model may raise anything
            name = type(error).__name__
            return "" if name == "OutOfMemoryError" else f"{name}: {str(error).splitlines()[0] if str(error) else ''}"
    return ""
