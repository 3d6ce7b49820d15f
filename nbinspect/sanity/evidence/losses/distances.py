"""Losses of numbers that are written by hand, as the calls of a squared error that they come to."""

from __future__ import annotations

from nbinspect.sanity.evidence.losses.comparisons import comparisons
from nbinspect.sanity.evidence.passes.lineage import source_of_output
from nbinspect.sanity.recorded import Recorded, tensor_output
from nbinspect.sanity.task import LossCall


def by_subtraction(recorded: Recorded) -> LossCall | None:
    """Return outputs and targets of the one subtraction that a loss begins with; None where it begins otherwise.

    The outputs are those of the model as they are, and the targets data of the batch.
    """
    outputs = tensor_output(recorded.outputs)
    if outputs is None or not outputs.is_floating_point():
        return None
    end = source_of_output(recorded, outputs)
    bottom = outputs if end is None else end.tensor
    found = [one for one in comparisons(recorded) if one.prediction.tensor is bottom]
    if len(found) != 1 or found[0].predicted.shape != found[0].wanted.shape:
        return None
    one = found[0]
    return LossCall("F.mse_loss", one.operation, one.predicted, one.wanted)
