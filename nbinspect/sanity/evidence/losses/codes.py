"""Labels of a yes-or-no loss that stand for no and yes by other numbers than 0 and 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from nbinspect.sanity.evidence.data.scan import Scan
from nbinspect.sanity.evidence.losses.targets import BIT_LOSSES, may_leave_out
from nbinspect.sanity.evidence.passes.lineage import argument, reaching, source_of
from nbinspect.sanity.program import Program, as_scalar
from nbinspect.sanity.recorded import Recorded, tensor_output

_ENDS = 0.7
_BYTE = 255
_FAINT = 0.1


@dataclass(frozen=True)
class Codes:
    """Two numbers that are the only labels, or nearly so, and go into the loss as they are."""

    no: float
    yes: float
    loss: float
    """Of the first batch."""
    mapped: float
    """The same with 0 and 1 instead."""
    is_faint: bool
    """Whether they are 0 and next to nothing, as masks divided twice."""


def odd_codes(program: Program, recorded: Recorded, scan: Scan) -> Codes | None:
    """Return the two labels that binary cross-entropy is given, if these are others than 0 and 1.

    They are whole, or 0 and next to nothing; of masks in bytes, 0 and 255, some pixels may lie between. Labels that
    the loss leaves out are none of these. None where that cannot be told.
    """
    if recorded.error is not None:
        return None
    wanted = reaching(recorded)
    for loss in recorded.named(*BIT_LOSSES):
        at, given = argument(loss, "target", 1), argument(loss, "input", 0)
        if at is None or given is None or loss.step.index not in wanted:
            continue
        if not source_of(recorded, loss, at).from_batch or loss.given[at].is_complex():
            continue
        ends = _two_codes(loss.given[at].detach(), scan)
        if ends is None:
            continue
        no, yes = ends
        mapped = ((loss.given[at].detach() - no) / (yes - no)).to(loss.given[given].dtype)
        logits = loss.step.name == BIT_LOSSES[1]
        plain = F.binary_cross_entropy_with_logits if logits else F.binary_cross_entropy
        if may_leave_out(recorded, loss):
            found = _losses(program, recorded, loss.given[at])
        else:
            outputs = loss.given[given].detach()
            found = float(plain(outputs, mapped * (yes - no) + no)), float(plain(outputs, mapped))
        if found is not None:
            return Codes(no, yes, *found, is_faint=yes <= _FAINT)
    return None


def _two_codes(targets: Tensor, scan: Scan) -> tuple[float, float] | None:
    """Return the two labels among these targets, and among all that was read; None where there are others, or 0 and 1.

    So it is where the scan has no tensor that lies between the same two.
    """
    values = torch.unique(targets).double().cpu().numpy()
    if len(values) < 2 or not np.isfinite(values).all():
        return None
    low, high = float(values[0]), float(values[-1])
    if len(values) > 2:
        at_ends = float(((targets == low) | (targets == high)).double().mean())
        if (low, high) != (0, _BYTE) or targets.dim() < 3 or at_ends < _ENDS:
            return None
    elif {low, high} == {0, 1} or not (low % 1 == 0 == high % 1 or (low == 0 and high <= _FAINT)):
        return None
    if len(values) == 2 and scan.labels is not None and not np.array_equal(np.unique(scan.labels), values):
        return None
    columns = list(scan.targets.values()) or list(scan.inputs.values())
    return (low, high) if any((one.low.min(), one.high.max()) == (low, high) for one in columns) else None


def _losses(program: Program, recorded: Recorded, given_targets: Tensor) -> tuple[float, float] | None:
    """Return the loss as it is and with 0 and 1 for targets; None where it leaves out a label that is neither."""
    batch, targets, given = recorded.batch, recorded.batch.targets, tensor_output(recorded.outputs)
    is_apart = program.subject.loss_fn is None or recorded.of_step or targets is None
    if is_apart or not isinstance(recorded.outputs, Tensor) or given is None or targets is None:
        return None
    no, yes = targets.min(), targets.max()
    mapped = batch.changed(
        lambda tensor: ((tensor - no) / (yes - no)).to(tensor.dtype) if tensor is targets else tensor
    )
    try:
        with program.running(gradients=True):
            outputs = given.detach().clone().requires_grad_()
            loss = as_scalar(program.loss(outputs, batch), program.subject)
            (slope,) = program.gradients(loss, [outputs], batch)
            other = float(program.scalar_loss(outputs.detach(), mapped))
    except Exception:  # noqa: BLE001 - the user's loss may refuse outputs without their model in any way
        return None
    if slope is None or not slope.numel() == targets.numel() == given_targets.numel():
        return None
    for value in (no.item(), yes.item()):
        if value not in (0, 1) and not bool((slope.reshape(-1)[targets.reshape(-1) == value] != 0).any()):
            return None
    return float(loss.detach()), other
