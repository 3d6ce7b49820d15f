"""Whether a network tells anything of the labels of samples that it was not trained on.

Its loss with each sample's own label is set beside that with the labels exchanged among the samples of the batch, as
often as it takes to know what chance does. Labels that come in an order, and outputs that are far too sure, then
mislead nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import isfinite, sqrt
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from nbinspect.calling import call_loss
from nbinspect.nested import tensors_in
from nbinspect.records import TaskRecord
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.evidence.data.contents import sample_axis
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import tensor_output
from nbinspect.sanity.trials.running.trainee import needing, trained

_EXCHANGES = 24
_ROUNDING = 1e-6
_FEWEST = 4
_IGNORED = -100


@dataclass(frozen=True)
class Look:
    """The loss of one batch beside that with its labels exchanged among its samples."""

    own: float
    exchanged: float
    """Mean over several exchanges."""
    deviations: float
    """By how many deviations of an exchange the own labels are better; 0 where an exchange changes nothing."""
    samples: int
    """How many; 0 where all have the same label, so that nothing can be told."""


def strength(looks: Sequence[Look]) -> float:
    """Return how many deviations several looks come to together: all of them, or their later half where that is more.

    Where inputs and labels have no link this is about normal with a deviation of 1.
    """
    telling = [look.deviations for look in looks if look.samples]
    later = telling[len(telling) // 2 :]
    return max((sum(part) / sqrt(len(part)) for part in (telling, later) if part), key=abs, default=0.0)


def looked_at(program: Program, task: TaskRecord, batch: Batch) -> Look:
    """Return what a network, as it is in train mode, tells of the labels of a batch; nothing is changed.

    Raises:
        MissingNeed: as `labels_of`, or if there is no loss that can be computed from outputs and labels, or the program
            does not take this batch.
    """
    targets, axis = labels_of(batch)
    generator = torch.Generator().manual_seed(program.seed)
    orders = [
        torch.randperm(batch.size, generator=generator, device="cpu").to(targets.device) for _ in range(_EXCHANGES)
    ]
    with needing("a loss of every batch"), program.running(training=True):
        outputs = program.outputs(batch)
        own = _loss(program, task, outputs, targets)
        others = [_loss(program, task, outputs, targets.index_select(axis, order)) for order in orders]
    deviation, mean = (float(part) for part in torch.std_mean(torch.tensor(others, dtype=torch.float64)))
    varied = bool((targets != targets.narrow(axis, 0, 1)).any())
    tells = varied and isfinite(own) and isfinite(mean) and deviation > _ROUNDING * abs(mean)
    return Look(own, mean, (mean - own) / deviation if tells else 0.0, batch.size if varied else 0)


def looks_while_training(
    program: Program, task: TaskRecord, stream: Sequence[Batch], steps: int, sure: float
) -> tuple[Look, ...]:
    """Train a copy with the user's own step, and look at each batch before it is trained on; the program is unchanged.

    It ends as soon as the looks are `sure` deviations strong.

    Args:
        program: the original; without an optimizer of its own Adam is taken.
        task: for models that compute their loss themselves.
        stream: batches of one epoch.
        steps: at most.
        sure: when to end.

    Raises:
        MissingNeed: as `looked_at` and `trained`.
    """
    has_own = program.subject.optimizer is not None or program.subject.train_step is not None
    looks: list[Look] = []
    with trained(program, optimizer=None if has_own else partial(torch.optim.Adam, lr=1e-3)) as trainee:
        for batch in stream[: steps + 1]:
            looks.append(looked_at(trainee.program, task, batch))
            if len(looks) >= _FEWEST and strength(looks) >= sure:
                break
            if len(looks) < min(len(stream), steps + 1):
                trainee.step(batch, held=True)
    return tuple(looks)


def labels_of(batch: Batch) -> tuple[Tensor, int]:
    """Return the labels of a batch and the axis of its samples.

    Raises:
        MissingNeed: if they are not one tensor, have none for each sample, or are the inputs themselves.
    """
    targets = batch.targets
    axis = None if targets is None else sample_axis(targets, batch)
    if targets is None or axis is None or batch.size < 2:
        raise MissingNeed("batches of samples with a label, or several, for each")
    within = [tensor for _, tensor in tensors_in(batch.parts.inputs, "")]
    if any(one.shape == targets.shape and torch.equal(one.to(targets.dtype), targets) for one in within):
        raise MissingNeed("labels that are not the inputs themselves")
    return targets, axis


def _loss(program: Program, task: TaskRecord, outputs: Any, targets: Tensor) -> float:
    """Return the loss of outputs under some labels: the user's, or the usual one of the task."""
    if program.subject.loss_fn is not None:
        with program.limits.watching():
            found = call_loss(program.subject, outputs, targets)
    else:
        found = _usual_loss(task, tensor_output(outputs), targets)
    if not isinstance(found, Tensor) or found.is_complex():
        raise MissingNeed("a loss that outputs and labels alone give")
    return float(found.detach().double().mean())


def _usual_loss(task: TaskRecord, outputs: Tensor | None, targets: Tensor) -> Tensor | None:
    if outputs is None:
        return None
    if not targets.is_floating_point() and outputs.dim() == targets.dim() + 1:
        logits = outputs.movedim(-1, 1) if task.kind == "language-model" else outputs
        if _are_classes(targets, logits.shape[1]):
            return functional.cross_entropy(logits, targets)
    if outputs.numel() != targets.numel():
        return None
    if task.kind == "regression":
        return functional.mse_loss(outputs.reshape(targets.shape), targets.to(outputs.dtype))
    if not bool(((targets >= 0) & (targets <= 1)).all()):
        return None
    return functional.binary_cross_entropy_with_logits(outputs.reshape(targets.shape), targets.to(outputs.dtype))


def _are_classes(targets: Tensor, classes: int) -> bool:
    told = targets[targets != _IGNORED]
    return classes > 1 and bool(((told >= 0) & (told < classes)).all())
