"""Labels of a yes-or-no loss that stand for no and yes by other numbers than 0 and 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nbinspect.sanity.batches import Batch
from nbinspect.sanity.evidence.data.scan import Scan
from nbinspect.sanity.evidence.losses.targets import BIT_LOSSES
from nbinspect.sanity.evidence.passes.lineage import argument, reaching, source_of
from nbinspect.sanity.program import Program, as_scalar
from nbinspect.sanity.recorded import Recorded, tensor_output


@dataclass(frozen=True)
class Codes:
    """Two whole numbers that are the only labels, and go into the loss as they are."""

    no: int
    yes: int
    loss: float
    """Of the first batch."""
    mapped: float
    """The same with 0 and 1 instead."""


def odd_codes(program: Program, recorded: Recorded, scan: Scan) -> Codes | None:
    """Return the two labels that binary cross-entropy is given, if these are others than 0 and 1.

    None where a label of them is one that the loss leaves out, or where that cannot be told.
    """
    batch, targets = recorded.batch, recorded.batch.targets
    if recorded.error is not None or targets is None or not _are_given(recorded):
        return None
    values = torch.unique(targets.detach()).double().cpu().numpy()
    if len(values) != 2 or not np.isfinite(values).all() or (values % 1).any() or set(values) == {0, 1}:
        return None
    if scan.labels is not None and not np.array_equal(np.unique(scan.labels), values):
        return None
    ends = [(column.low.min(), column.high.max()) for column in scan.targets.values()]
    if ends != [tuple(values)]:
        return None
    no, yes = map(int, values)
    mapped = batch.changed(lambda tensor: (tensor == yes).to(tensor.dtype) if tensor is targets else tensor)
    try:
        found = _losses(program, recorded, targets, mapped)
    except Exception:  # noqa: BLE001 - the user's loss may refuse outputs without their model in any way
        return None
    return None if found is None else Codes(no, yes, *found)


def _are_given(recorded: Recorded) -> bool:
    """Whether a binary cross-entropy of which the loss is made has the batch's targets for its own."""
    wanted = reaching(recorded)
    for loss in recorded.named(*BIT_LOSSES):
        at = argument(loss, "target", 1)
        if at is not None and loss.step.index in wanted and source_of(recorded, loss, at).from_batch:
            return True
    return False


def _losses(program: Program, recorded: Recorded, targets: Tensor, mapped: Batch) -> tuple[float, float] | None:
    """Return the loss as it is and with 0 and 1 for targets; None where it leaves out a label that is neither."""
    given = tensor_output(recorded.outputs)
    if program.subject.loss_fn is None or not isinstance(recorded.outputs, Tensor) or given is None:
        return None
    with program.running(gradients=True):
        outputs = given.detach().clone().requires_grad_()
        loss = as_scalar(program.loss(outputs, recorded.batch), program.subject)
        (slope,) = program.gradients(loss, [outputs], recorded.batch)
        other = float(program.scalar_loss(outputs.detach(), mapped))
    if slope is None or slope.numel() != targets.numel():
        return None
    for value in torch.unique(targets).tolist():
        if value not in (0, 1) and not bool((slope.reshape(-1)[targets.reshape(-1) == value] != 0).any()):
            return None
    return float(loss.detach()), other
