"""The picture of labels and predictions meeting: before training on a batch, and after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from nbinspect.records import Chart, TaskRecord
from nbinspect.sanity.evidence.losses.perfect import Answers, answers
from nbinspect.sanity.recorded import Recorded, tensor_output

Floats = npt.NDArray[np.float64]
_SHOWN = 64
_EXACT = 0.1


@dataclass(frozen=True, eq=False)
class Meeting:
    """Labels, and what the network gives for them: the values, or the probability of the right label."""

    labels: Floats
    """(K,) in ascending order of `labels` and `before`; so are the others."""
    before: Floats
    after: Floats
    is_regression: bool
    right: float
    """Share of the labels that are met at the end: the likeliest is the right one; of values, within a tenth of their
    standard deviation."""

    @property
    def is_nearer(self) -> bool:
        """Whether the predictions came nearer to the labels."""
        return float(np.abs(self.after - self.labels).mean()) < float(np.abs(self.before - self.labels).mean())

    @property
    def chart(self) -> Chart:
        """The labels with the predictions before and after."""
        chosen = np.unique(np.linspace(0, len(self.labels) - 1, _SHOWN).round().astype(int))
        title = "Labels and predictions" if self.is_regression else "Probability of the right label"
        values = tuple(one[chosen] for one in (self.labels, self.before, self.after))
        y = "value" if self.is_regression else "probability"
        names = ("labels", "before training on the batch", "after it")
        return Chart("lines", title, "label, sorted", y, names, values, chosen.astype(float))


def meeting_of(recorded: Recorded, task: TaskRecord, outputs: Any) -> Meeting | None:
    """Return labels and predictions of a recorded batch, before and after training; None where they cannot be told.

    Source: K-overfit-batch.
    """
    known = answers(task, recorded) if task.kind != "other" else None
    found = tensor_output(outputs) if outputs is not None else None
    if known is None or found is None or found.shape != known.tensor.shape:
        return None
    before, after = _given(known, known.tensor), _given(known, found)
    if not bool(before.isfinite().all() and after.isfinite().all()):
        return None
    is_regression = known.kind == "values"
    targets = known.targets.reshape(before.shape) if is_regression else torch.ones_like(before)
    if is_regression:
        off = (after - targets).abs() / targets.double().std(correction=0).clamp_min(1e-12)
        met = off <= _EXACT
    elif known.kind == "bits":
        met = after > 0.5
    else:
        met = found.detach().argmax(1) == known.targets
    order = np.lexsort((_array(before), _array(targets)))
    labels, was, now = (_array(one)[order] for one in (targets, before, after))
    return Meeting(labels, was, now, is_regression, float(met.double().mean()))


def _given(known: Answers, outputs: Tensor) -> Tensor:
    """Return what outputs say for each label: its value, or the probability of the right one."""
    values = outputs.detach().double()
    if known.kind == "values":
        return values if known.columns is None else values[:, known.columns]
    if known.kind == "bits":
        share = values if known.form == "probabilities" else values.sigmoid()
        return torch.where(known.targets.reshape(share.shape) > 0, share, 1 - share)
    shares = values if known.form == "probabilities" else values.softmax(1)
    return shares.gather(1, known.targets.long().unsqueeze(1)).squeeze(1)


def _array(tensor: Tensor) -> Floats:
    return np.asarray(tensor.detach().double().reshape(-1).cpu().numpy())
