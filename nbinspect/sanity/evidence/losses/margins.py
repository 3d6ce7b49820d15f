"""Labels of no and yes by other numbers than those that a loss of the user's own is made for, told from how it acts."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import torch
from torch import Tensor

from nbinspect.records import TaskRecord
from nbinspect.sanity.evidence.data.scan import Scan
from nbinspect.sanity.evidence.losses.codes import Codes
from nbinspect.sanity.evidence.losses.labels_given import column_of
from nbinspect.sanity.evidence.losses.targets import BIT_LOSSES
from nbinspect.sanity.evidence.passes.lineage import argument, hands_on, reaching, source_of
from nbinspect.sanity.recorded import Recorded
from nbinspect.subject import Subject

_SIZES = (1.0, 4.0, 16.0)
_BELOW = 0.05
_CLOSE = 1e-5
_MASK, _PAIRS = 3, 200
_OF_SIGNS = {
    "F.cosine_embedding_loss": 2,
    "F.margin_ranking_loss": 2,
    "F.hinge_embedding_loss": 1,
    "F.soft_margin_loss": 1,
}
"""Losses that take 1 and −1, and at which place."""


def below_nothing(subject: Subject, recorded: Recorded, scan: Scan, task: TaskRecord) -> Codes | None:
    """Return two labels other than 0 and 1 with which a loss sinks below 0, that ends at 0 where these are mapped.

    As overlaps of masks do that are 0 and 255. None where it is no function of outputs and targets alone, or calls
    a loss of PyTorch's that takes such labels for what they are.
    """
    targets, outputs = recorded.batch.targets, recorded.outputs
    if subject.loss_fn is None or recorded.error is not None or targets is None or not isinstance(outputs, Tensor):
        return None
    if task.kind in ("regression", "classification", "language-model") and targets.dim() < _MASK:
        return None  # of counts, say
    values = torch.unique(targets.detach()).double().cpu().numpy()
    if len(values) != 2 or outputs.numel() != targets.numel() or any(True for _ in recorded.named(*BIT_LOSSES)):
        return None
    low, high = map(float, values)
    ends = [(column.low.min(), column.high.max()) for column in scan.targets.values()]
    if {low, high} == {0, 1} or low % 1 or high % 1 or ends != [(low, high)]:
        return None
    mapped = (targets == high).to(targets.dtype)
    with suppress(Exception), torch.no_grad():  # the user's loss may refuse outputs without their model in any way
        tried, ask = list(_answers(outputs.detach(), mapped)), copy.deepcopy(subject.loss_fn)  # which may count
        as_given = [float(ask(answer, targets.detach())) for answer in tried]
        put_right = [float(ask(answer, mapped)) for answer in tried]
        known = np.isfinite([*as_given, *put_right]).all()
        best = int(np.argmin(put_right))
        if known and min(put_right) >= -_CLOSE and best < len(_SIZES) and min(as_given) < -_BELOW:
            return Codes(low, high, min(as_given), min(put_right), is_faint=False)
    return None


def _answers(outputs: Tensor, mapped: Tensor) -> Iterator[Tensor]:
    """Give outputs that are right of all labels, first, then all yes, all no; chances where the outputs are such."""
    are_chances = bool(((outputs >= 0) & (outputs <= 1)).all())
    right = (2 * mapped.reshape(outputs.shape) - 1).to(outputs.dtype)
    for sign in (right, torch.ones_like(right), -torch.ones_like(right)):
        for size in _SIZES:
            yield (size * sign).sigmoid() if are_chances else size * sign


def signs_wanted(recorded: Recorded, scan: Scan) -> bool | None:
    """Whether a loss of PyTorch's that takes 1 and −1 is given the 1 and 0 of the batch; None where 0 may be meant.

    For 0 leaves out a pair by its cosine, as of a mask or where one side is not trained, and stands for a tie in a
    ranking, unless pairs come in a random order, so that half of the labels are 0.
    """
    doubt = False
    wanted = reaching(recorded)
    for loss in recorded.named(*_OF_SIGNS) if recorded.error is None else ():
        at = argument(loss, "target", _OF_SIGNS[loss.step.name])
        source = source_of(recorded, loss, at) if at is not None and loss.step.index in wanted else None
        if at is None or source is None or not source.from_batch or not _are_bits(loss.given[at].detach()):
            continue
        if loss.step.name == "F.margin_ranking_loss":
            column = column_of(recorded, scan, source)
            labels = column.centres if column is not None else np.zeros((0, 1))
            is_half = len(labels) >= _PAIRS and abs(labels.mean() - 0.5) <= 1 / len(labels) ** 0.5
        else:
            others = [one for one in recorded.operations if one.step.kind == "operation" and one is not loss]
            is_used = any(each is source.tensor for one in others for each in one.given if not hands_on(one))
            is_half = not is_used and all(one.requires_grad for one in loss.given[:at])
        if is_half:
            return True
        doubt = True
    return None if doubt else False


def _are_bits(targets: Tensor) -> bool:
    return bool(torch.unique(targets).tolist() == [0, 1])


def wants_signs(subject: Subject, recorded: Recorded, scan: Scan) -> bool:
    """Whether labels are 0 and 1, and the loss is made for −1 and 1, so that it says nothing of samples labelled 0.

    It then depends on the product of output and label alone, is never below 0 and ends there for the right sign: a
    hinge, or the logarithm of 1 + exp(−y f). Products that go on for ever, as rewards times scores do, are none.
    """
    targets, outputs = recorded.batch.targets, recorded.outputs
    if subject.loss_fn is None or recorded.error is not None or targets is None or not isinstance(outputs, Tensor):
        return False
    labels = torch.unique(targets.detach()).tolist()
    ends = [(column.low.min(), column.high.max()) for column in scan.targets.values()]
    if labels != [0, 1] or ends != [(0, 1)] or outputs.numel() != targets.numel() or not targets.dtype.is_signed:
        return False
    given = torch.randn(outputs.shape, generator=torch.Generator().manual_seed(0)).to(outputs)
    bits = targets.detach()
    signs = 2 * bits - 1
    right = signs.reshape(outputs.shape).to(outputs.dtype)
    with suppress(Exception), torch.no_grad():  # as above
        ask = copy.deepcopy(subject.loss_fn)
        silent = _alike(ask(given, torch.zeros_like(bits)), ask(3 * given + 1, torch.zeros_like(bits)))
        of_product = _alike(ask(given, signs), ask(-given, -signs)) and not _alike(
            ask(given, signs), ask(given, -signs)
        )
        lasting = [float(ask(size * right, signs)) for size in (50.0, 100.0)]
        against = float(ask(-50 * right, signs))
        return silent and of_product and -_CLOSE <= lasting[1] <= lasting[0] < _CLOSE and against > 1
    return False


def _alike(one: Tensor, other: Tensor) -> bool:
    return one.numel() == 1 and bool(one.isfinite().all()) and torch.allclose(one, other, atol=_CLOSE)
