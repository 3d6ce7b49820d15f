"""Targets that do not suit the loss that they are given to: exact evidence, a finding each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nbinspect.capture.kinds import word_of
from nbinspect.records import Measurement
from nbinspect.sanity.check import measured
from nbinspect.sanity.evidence.losses.comparisons import Comparison, comparisons
from nbinspect.sanity.evidence.losses.losses import class_axis_size
from nbinspect.sanity.evidence.passes.lineage import Source, argument, reaching, source_of, source_of_output
from nbinspect.sanity.recorded import Operation, Recorded, tensor_output
from nbinspect.sanity.task import OF_CLASSES
from nbinspect.subject import Subject

BIT_LOSSES = ("F.binary_cross_entropy", "F.binary_cross_entropy_with_logits")
"""Losses of a yes or no."""
_SLACK = 1e-3
_BY_MODEL = " A model of transformers does so with num_labels={} and labels of a whole type."
_FEW, _OFTEN = 10, 0.3
"""Classes that floats may stand for, and how often the rarest comes at least, of an equal share."""


@dataclass(frozen=True, eq=False)
class Unsuited:
    """Targets that a loss cannot be meant for."""

    operation: Operation
    title: str
    detail: str
    remedy: str
    measurement: Measurement
    certain: bool = True


def unsuited(recorded: Recorded, subject: Subject) -> Iterator[Unsuited]:
    """Give what is found, the certain ones of each loss first. Source: S-loss-task."""
    wanted = reaching(recorded)
    yield from _of_one_unit(recorded, wanted)
    for loss in recorded.named(*OF_CLASSES, *BIT_LOSSES):
        at, given = argument(loss, "target", 1), argument(loss, "input", 0)
        if loss.step.index not in wanted or at is None or given is None:
            continue
        source = source_of(recorded, loss, at)
        if loss.step.name in BIT_LOSSES:
            found = None if may_leave_out(recorded, loss) else _bits(loss, loss.given[at].detach())
        else:
            found = _classes(loss, at, source)
        if found is not None:
            yield found
    yield from _indices(recorded, subject)
    for loss in recorded.named("F.poisson_nll_loss"):
        at = argument(loss, "target", 1)
        below = float((loss.given[at].detach() < 0).double().mean()) if at is not None else 0.0
        if loss.step.index in wanted and below and not may_leave_out(recorded, loss):
            yield _below_zero(loss, below)


def _of_one_unit(recorded: Recorded, wanted: frozenset[int]) -> Iterator[Unsuited]:
    """Find a softmax, or a cross-entropy, over a single class: it is 1, whatever the network gives."""
    said: dict[str, Any] = {
        "title": "Softmax of one unit",
        "detail": "A softmax over one unit is 1 whatever the network gives: the output is constant, its gradient zero.",
        "remedy": "Use a sigmoid with BCE for two classes, no activation for regression, or C outputs for C classes.",
        "measurement": measured("units that the softmax chooses from", 1, "at least 2"),
    }
    for loss in recorded.named(*OF_CLASSES):
        if loss.step.index in wanted and class_axis_size(loss.given[0]) == 1:
            yield Unsuited(loss, **said)
    returned = tensor_output(recorded.outputs)
    ends = [source_of_output(recorded, returned)] if returned is not None else []
    ends += [source_of(recorded, one, at) for one in recorded.operations if one.in_loss for at in range(len(one.given))]
    for end in ends:
        maker = end.maker if end is not None else None
        if maker is not None and word_of(maker.step.name) in ("softmax", "log_softmax") and _is_still(maker):
            yield Unsuited(maker, **said)


def _is_still(softmax: Operation) -> bool:
    made = softmax.made[0].detach() if softmax.made else torch.zeros(0)
    still = 1 if word_of(softmax.step.name) == "softmax" else 0
    return made.numel() > 1 and 1 in made.shape and bool((made == still).all())


def _classes(loss: Operation, at: int, source: Source) -> Unsuited | None:
    """Judge the targets of cross-entropy: indices, or a distribution over the classes a sample."""
    targets = loss.given[at].detach()
    if not targets.is_floating_point():
        if source.word == "argmax" and source.maker is not None and source.maker.step.inputs[0].step is None:
            return _multi_hot(loss, source.maker.given[0].detach().movedim(-1, 1), "argmax keeps one of them")
        casts = (one.given[0].detach() for one in source.passed if _is_cast_to_whole(one))
        cut = next(casts, None)  # and not the table that it is a column of
        return _continuous(loss, cut) if source.from_batch and cut is not None and _has_fractions(cut) else None
    if targets.shape != loss.given[0].shape:
        return _continuous(loss, targets) if _has_fractions(targets) else None
    sums = targets.sum(1 if targets.dim() > 1 else 0)
    if not targets.isfinite().all():
        return None
    if bool(((sums - 1).abs() < 1e-2).logical_or(sums == 0).all()) and bool((targets >= -_SLACK).all()):
        return None
    found = _multi_hot(loss, targets, "cross-entropy shares a probability of 1 among them")
    if found is None:
        far = bool((targets < -_SLACK).any()) or (_has_fractions(targets) and float((sums - 1).abs().mean()) > 0.5)
        found = _continuous(loss, targets, certain=far)
    from_batch = source.from_batch or source.word == "one_hot"
    return found if from_batch else Unsuited(**{**vars(found), "certain": False})


def _is_cast_to_whole(one: Operation) -> bool:
    return one.given[0].is_floating_point() and any(not made.is_floating_point() for made in one.made)


def _has_fractions(targets: Tensor) -> bool:
    return bool(targets.isfinite().all() and (targets != targets.round()).any())


def _multi_hot(loss: Operation, targets: Tensor, loses: str) -> Unsuited | None:
    bits = ((targets == 0) | (targets == 1)).all() if targets.dim() > 1 else torch.tensor(data=False)
    several = (targets.sum(1) > 1).double().mean() if targets.dim() > 1 else torch.tensor(0.0)
    if not bool(bits) or not several:
        return None
    return Unsuited(
        loss,
        "One-of-C loss on multi-hot targets",
        f"{float(several):.0%} of the samples have several labels; {loses}, so the others are learnt as mistakes.",
        "Use BCEWithLogitsLoss on the multi-hot targets: a decision for each label.",
        measured("labels a sample, at most", int(targets.sum(1).max()), "1"),
    )


def _continuous(loss: Operation, targets: Tensor, *, certain: bool = True) -> Unsuited:
    low, high = float(targets.min()), float(targets.max())
    return Unsuited(
        loss,
        "Cross-entropy on continuous targets",
        "Cross-entropy takes a class index, or a distribution over the classes, for each sample; these are quantities.",
        "Use MSELoss or SmoothL1Loss with one output for each quantity.",
        measured("targets", f"{low:.4g} to {high:.4g}", "class indices, or rows that sum to 1"),
        certain,
    )


def may_leave_out(recorded: Recorded, loss: Operation) -> bool:
    """Whether some of its targets may count for nothing: by weights of zero, or as losses are not averaged as such."""
    weight = argument(loss, "weight", 2)
    if weight is not None and bool((loss.given[weight] == 0).any()):
        return True
    made = loss.made[0] if loss.made else None
    takers = [one for one in recorded.operations if any(each is made for each in one.given)]
    return made is not None and made.dim() > 0 and not any(word_of(one.step.name) in ("mean", "sum") for one in takers)


def _bits(loss: Operation, targets: Tensor) -> Unsuited | None:
    """Judge the targets of binary cross-entropy: beyond 0 and 1 the loss has no lower bound."""
    outside = ((targets < -_SLACK) | (targets > 1 + _SLACK)).double().mean() if targets.numel() else torch.tensor(0.0)
    if not outside:
        return None
    return Unsuited(
        loss,
        "Binary cross-entropy on targets outside 0 and 1",
        f"{float(outside):.0%} of the targets lie outside of [0, 1], where the loss has no lower bound.",
        "Map labels to 0 and 1, or use MSELoss if they are quantities, CrossEntropyLoss if they are class indices.",
        measured("targets", f"{float(targets.min()):.4g} to {float(targets.max()):.4g}", "0 to 1"),
    )


def _below_zero(loss: Operation, share: float) -> Unsuited:
    return Unsuited(
        loss,
        "Poisson loss on negative targets",
        f"{share:.0%} of the targets are negative. Counts are not: the loss has no lower bound on those.",
        "Give it counts as they are, not standardised, or use MSELoss or a Gaussian likelihood.",
        measured("negative targets", f"{share:.1%}", "0%"),
    )


def _indices(recorded: Recorded, subject: Subject) -> Iterator[Unsuited]:
    """Find a distance to class indices, as if class 3 lay between 2 and 4."""
    for one in comparisons(recorded):
        targets = one.target.tensor.detach()
        if not one.target.from_batch or targets.numel() == 0 or not bool((targets == targets.round()).all()):
            continue
        classes = torch.unique(targets)
        counted = torch.equal(classes.double(), torch.arange(len(classes), device=classes.device).double())
        named = _classes_told(subject)
        columns = one.predicted.shape[-1] if one.predicted.dim() > 1 and _is_one_column(one.wanted) else 0
        whole = not targets.is_floating_point()
        certain = len(classes) > 2 and (named > int(classes[-1]) or (whole and counted and columns == len(classes)))
        likely = counted and 2 < len(classes) <= max(3, targets.numel() // 3) and (whole or _are_balanced(one, targets))
        if subject.task == "regression" or classes[0] < 0 or not (certain or likely):
            continue
        yield Unsuited(
            one.operation,
            "Squared error on class indices",
            f"The targets are 0 to {int(classes[-1])}; a distance takes class 0 for a worse mistake on class 2 than 1.",
            "Use CrossEntropyLoss with an output for each class; if they are quantities, give task='regression'."
            + (_BY_MODEL.format(int(classes[-1]) + 1) if subject.loss_fn is None and not one.operation.in_loss else ""),
            measured("different targets", len(classes), "quantities, not classes"),
            certain,
        )


def _are_balanced(one: Comparison, targets: Tensor) -> bool:
    """Whether numbers, each for one output, come about equally often, as classes do and counts do not."""
    counts = torch.unique(targets, return_counts=True)[1]
    is_one_output = one.predicted.dim() < 2 or one.predicted.shape[-1] == 1
    return is_one_output and len(counts) <= _FEW and len(counts) * int(counts.min()) >= _OFTEN * targets.numel()


def _is_one_column(wanted: Tensor) -> bool:
    """Whether there is a single column, or copies of one."""
    return wanted.shape[-1] == 1 or (wanted.dim() > 1 and bool((wanted == wanted[..., :1]).all()))


def _classes_told(subject: Subject) -> int:
    """Return how many classes the user or the data set says that there are; 0 where nobody does."""
    named: Callable[[Any], int] = lambda names: len(names) if hasattr(names, "__len__") else 0  # noqa: E731 - used here alone
    told = named(subject.class_names) or named(getattr(getattr(subject.loader, "dataset", None), "classes", None))
    return told or (2**31 if subject.task in ("classification", "segmentation") else 0)
