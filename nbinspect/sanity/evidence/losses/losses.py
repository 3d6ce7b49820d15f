"""What PyTorch's losses, and logarithms in losses written by hand, were given instead of what they take."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from nbinspect.capture.kinds import word_of
from nbinspect.sanity.evidence.passes.lineage import Source, argument, reaching, source_of
from nbinspect.sanity.recorded import Operation, Recorded

LOGITS = ("F.cross_entropy", "F.binary_cross_entropy_with_logits", "F.multilabel_soft_margin_loss")
"""Losses that take logits; cross-entropy takes log-probabilities as well."""
_NAMES = {
    "cross_entropy": "cross-entropy",
    "binary_cross_entropy_with_logits": "BCE with logits",
    "binary_cross_entropy": "binary cross-entropy",
    "nll_loss": "NLL",
    "kl_div": "KL divergence",
    "ctc_loss": "CTC",
}
_SQUASHES = ("softmax", "gumbel_softmax", "sigmoid", "hardsigmoid")
_AGAIN = ("log_softmax", "softmax", "logsigmoid", "sigmoid")
_LAYERS = re.compile(
    r"linear|bilinear|conv(_transpose)?\dd|addmm|matmul|mm|bmm|baddbmm|batch_norm|layer_norm|group_norm"
)
_PRODUCTS = ("matmul", "mm", "bmm", "einsum", "mv")
_KEEPS_AWAY = ("add", "clamp", "clamp_min", "clip")
"""What logarithms written by hand put before themselves, so as not to meet 0."""


@dataclass(frozen=True, eq=False)
class Misfit:
    """A loss that was given something else than it takes."""

    loss: Operation
    source: Source
    """What it was given."""
    given: Literal["probabilities", "logits"]
    takes: Literal["logits", "log-probabilities", "probabilities"]
    values: Tensor
    """As they entered the loss, detached."""

    @property
    def word(self) -> str:
        """The loss's bare name: ``cross_entropy``."""
        return word_of(self.loss.step.name)

    @property
    def name(self) -> str:
        """The loss as people call it: ``cross-entropy``."""
        return _NAMES.get(self.word, self.word.replace("_", " "))


def is_squashed(misfit: Misfit) -> bool:
    """Whether a loss that takes logits is given what a softmax or a sigmoid has made, in so many words."""
    return misfit.loss.step.name in LOGITS and misfit.source.word in _SQUASHES


def misfits(recorded: Recorded) -> Iterator[Misfit]:
    """Give every loss on the way to the program's loss that was given something else than it takes, in order."""
    wanted = reaching(recorded)
    for one in recorded.operations:
        if one.step.kind != "operation" or one.step.index not in wanted:
            continue
        position = argument(one, "input", 0)
        if position is None or not one.given[position].is_floating_point():
            continue
        source = source_of(recorded, one, position)
        found = _misfit(recorded, one, source, one.given[position].detach())
        if found is not None:
            yield found


def _misfit(recorded: Recorded, loss: Operation, source: Source, values: Tensor) -> Misfit | None:
    name, word = loss.step.name, word_of(loss.step.name)
    squashed = source.word in _SQUASHES
    if name in LOGITS and (squashed or (name == "F.cross_entropy" and are_probabilities(values))):
        one_unit = name == "F.cross_entropy" and class_axis_size(values) < 2
        return None if one_unit else Misfit(loss, source, "probabilities", "logits", values)
    if name in ("F.nll_loss", "F.kl_div", "F.ctc_loss"):
        if squashed:
            return Misfit(loss, source, "probabilities", "log-probabilities", values)
        unfit = name != "F.kl_div" and is_layer(recorded, source) and bool((values > 1e-3).any())
        return Misfit(loss, source, "logits", "log-probabilities", values) if unfit else None
    if name == "F.binary_cross_entropy":
        outside = bool(((values < 0) | (values > 1)).any())
        return Misfit(loss, source, "logits", "probabilities", values) if outside else None
    if word in _AGAIN and squashed and (loss.in_loss or _enters_likelihood(recorded, loss)):
        return Misfit(loss, source, "probabilities", "logits", values)
    if word == "log" and loss.in_loss and _meets_targets(recorded, loss):
        return _logarithm(recorded, loss, source)
    return None


def _logarithm(recorded: Recorded, loss: Operation, source: Source) -> Misfit | None:
    """Find a logarithm, written by hand, of logits: it is NaN, or cut off, wherever one is below 0."""
    while source.maker is not None and source.word in _KEEPS_AWAY and len(source.maker.given) == 1:
        source = source_of(recorded, source.maker, 0)
    values = source.tensor.detach()
    unfit = is_layer(recorded, source) and bool((values < 0).any())
    return Misfit(loss, source, "logits", "probabilities", values) if unfit else None


def _enters_likelihood(recorded: Recorded, one: Operation) -> bool:
    return any(source_of(recorded, loss, 0).maker is one for loss in recorded.named("F.nll_loss", "F.kl_div"))


def _meets_targets(recorded: Recorded, one: Operation) -> bool:
    """Whether what an operation made is picked from, or multiplied with a tensor of the batch."""
    for later in recorded.operations:
        at = next((at for at, use in enumerate(later.step.inputs) if use.step == one.step.index), None)
        if at is None or later.step.kind != "operation":
            continue
        word = word_of(later.step.name)
        if word in ("gather", "getitem", "nll_loss"):
            return True
        others = (source_of(recorded, later, other) for other in range(len(later.given)) if other != at)
        if word == "mul" and any(other.from_batch or other.word in ("one_hot", "rsub", "sub") for other in others):
            return True
    return False


def is_layer(recorded: Recorded, source: Source) -> bool:
    """Whether a tensor comes straight from a layer with weights, which bounds it by nothing."""
    if source.maker is None:
        return False
    if source.word == "add" and source.maker.step.parameters:  # x @ W + b
        sources = (source_of(recorded, source.maker, at) for at in range(len(source.maker.given)))
        return any(one.word in _PRODUCTS for one in sources)
    return _LAYERS.fullmatch(source.word) is not None


def class_axis_size(values: Tensor) -> int:
    """Return the number of classes C that cross-entropy sees in (N, C, …) or (C,)."""
    return values.shape[1 if values.dim() > 1 else 0] if values.dim() else 0


def are_probabilities(values: Tensor) -> bool:
    """Whether each of several rows along the class axis lies in [0, 1] and sums to 1, to within float error."""
    classes = class_axis_size(values)
    if classes < 2 or values.numel() < 4 * classes:
        return False
    allowed = 1e-4 if torch.finfo(values.dtype).bits >= 32 else 1e-2
    sums = values.sum(1 if values.dim() > 1 else 0)
    return bool(((values >= 0) & (values <= 1)).all() and ((sums - 1).abs() <= allowed).all())


def floor(misfit: Misfit) -> float | None:
    """Return the lowest loss that probabilities in place of logits allow on these targets; None where it is not known.

    That of right targets is reached with the probability 1 on each. Source: S-loss-scale.
    """
    loss, values = misfit.loss, misfit.values
    at = argument(loss, "target", 1)
    if loss.step.name not in LOGITS[:2] or at is None:
        return None
    targets = loss.given[at].detach()
    if loss.step.name == LOGITS[1]:
        hard = targets.is_floating_point() and bool(((targets == 0) | (targets == 1)).all())
        weight = argument(loss, "pos_weight", 4)
        weighted = None if weight is None else loss.given[weight].detach()
        return float(F.binary_cross_entropy_with_logits(targets, targets, pos_weight=weighted)) if hard else None
    # label smoothing leaves another node in the graph
    plain = all("NllLoss" in type(made.grad_fn).__name__ for made in loss.made)
    if targets.is_floating_point() or not plain:
        return None
    return float(torch.log(torch.tensor(torch.e + class_axis_size(values) - 1, dtype=torch.float64)) - 1)
