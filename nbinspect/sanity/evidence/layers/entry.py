"""Where data meets the first weights: the operations that weigh it before any other has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nbinspect.capture.kinds import word_of
from nbinspect.records import Floats, TensorUse
from nbinspect.sanity.recorded import Operation, Recorded

_WEIGHS = re.compile(r"bilinear|linear|conv\w*|\w*matmul|\w*mm|einsum|lstm|gru|rnn_\w+|multi_head\w*|embedding\w*")
_TURNS = re.compile(
    r"transpose|swapaxes|swapdims|permute|movedim|moveaxis|t|mt|contiguous|view|reshape|flatten|(un)?squeeze"
)
_FEW = 8
_NEAR_ZERO = 0.2
_NEXT_TO_NOTHING = 1e-3


@dataclass(frozen=True, eq=False)
class Entering:
    """A tensor no weights were applied to, given to an operation that weighs it, or joins it to what was weighed."""

    operation: Operation
    tensor: Tensor
    of_batch: bool
    """Whether it was computed of the batch; a constant, or what was made outside of PyTorch, was not."""


def entering(recorded: Recorded) -> Iterator[Entering]:
    """Give all that a network sees of its data: no output depends on more of it, whatever the weights are."""
    plain: set[int] = set()
    for one, weighs, uses in _met(recorded):
        if weighs or len(uses) < len(one.step.inputs):
            for use, tensor in zip(one.step.inputs, one.given, strict=True):
                if use in uses and use.origin not in one.step.parameters:
                    yield Entering(one, tensor, use.origin.startswith("batch") or use.step in plain)
        elif any(use.origin.startswith("batch") or use.step in plain for use in uses):
            plain.add(one.step.index)


def entries_of(recorded: Recorded) -> Iterator[Operation]:
    """Give the operations that weigh the data first: nothing on the way to them was weighed."""
    return (one for one, weighs, uses in _met(recorded) if weighs and len(uses) == len(one.step.inputs))


def _met(recorded: Recorded) -> Iterator[tuple[Operation, bool, list[TensorUse]]]:
    """Give each operation before the loss, whether it weighs, and which of its inputs nothing has weighed."""
    weighed: set[int] = set()
    for one in recorded.operations:
        if one.step.kind != "operation" or one.in_loss:
            continue
        uses, weighs = [use for use in one.step.inputs if use.step not in weighed], _weighs(one)
        if weighs or len(uses) < len(one.step.inputs):
            weighed.add(one.step.index)
        yield one, weighs, uses


def _weighs(operation: Operation) -> bool:
    return bool(operation.step.parameters) and _WEIGHS.fullmatch(word_of(operation.step.name)) is not None


def features_given(operation: Operation) -> Floats | None:
    """Return the data of an operation that weighs, features last, (…, F); None where it is given none but indices."""
    for use, tensor in zip(operation.step.inputs, operation.given, strict=True):
        if torch._C._functorch.is_functorch_wrapped_tensor(tensor):  # of a vmap, which is over
            continue
        if use.origin not in operation.step.parameters and tensor.is_floating_point() and tensor.dim():
            values = tensor.detach().cpu().double()
            if "conv" in operation.step.name and values.dim() > 2:
                values = values.movedim(1, -1)
            kept = values.reshape(-1, values.shape[-1])
            return kept.nan_to_num(0, 0, 0).numpy() if kept.numel() else None
    return None


def typical_size(data: Floats) -> Floats:
    """Return (F,) the median of each feature's sizes where it is not zero, or a tenth of its root mean square."""
    table = np.abs(data if len(data) >= _FEW else data.reshape(-1, 1))
    ordered = np.sort(table, axis=0)
    filled = (table > 0).sum(0)
    middle = ordered[np.clip(len(table) - filled + (filled - 1) // 2, 0, len(table) - 1), np.arange(table.shape[1])]
    many = filled >= max(_FEW, 0.05 * len(table))
    result: Floats = np.maximum(np.where(many, middle, 0), np.sqrt((table**2).mean(0)) / 10)
    return result


def widest_range(data: Floats) -> tuple[float, float]:
    """Return the mean of the feature that varies most beside its mean, and its range as a share of that.

    Features that never change, or have a mean near zero, count as none; (0, 0) where no other is there.
    """
    mean, span = np.abs(data.mean(0)), np.ptp(data, axis=0)
    if len(data) < _FEW or not bool((span > 0).any()) or bool((mean[span > 0] < _NEAR_ZERO).any()):
        return 0.0, 0.0
    shares = span / np.maximum(mean, _NEAR_ZERO)
    widest = int(shares.argmax())
    return float(data[:, widest].mean()), float(shares[widest])


def is_trainable(operation: Operation) -> bool:
    """Return whether one of the weights of an operation is trained."""
    weights = [
        given
        for use, given in zip(operation.step.inputs, operation.given, strict=True)
        if use.origin in operation.step.parameters
    ]
    return not weights or any(weight.requires_grad for weight in weights)


def is_normalised_after(recorded: Recorded, operation: Operation) -> bool:
    """Return whether a normalisation follows an operation at once, and undoes its scale."""
    return any(True for _ in _norms_after(recorded, operation))


def are_spread_after(recorded: Recorded, operation: Operation) -> bool:
    """Return whether a normalisation that follows at once gives samples their spread back.

    Beside the border, at which a padded convolution of a number other than 0 gives another one, they may have next to
    none: it is what is the same at its place in every sample that the norm spreads out then.
    """
    return any(one.made and _is_of_samples(one.made[0]) for one in _norms_after(recorded, operation))


def _norms_after(recorded: Recorded, operation: Operation) -> Iterator[Operation]:
    """Give the normalisations of what an operation makes, or of that with its axes turned."""
    turned = {operation.step.index}
    for one in recorded.operations:
        if any(use.step in turned for use in one.step.inputs):
            word = word_of(one.step.name)
            if "norm" in word:
                yield one
            elif _TURNS.fullmatch(word):
                turned.add(one.step.index)


def _is_of_samples(tensor: Tensor) -> bool:
    """Whether more than next to nothing of the variance of each channel is among samples, at one place; or few are."""
    values = tensor.detach().double().nan_to_num(0, 0, 0).flatten(2) if tensor.dim() > 2 else tensor[..., None].double()
    if len(values) < _FEW:
        return True
    among, everything = values.var(0, unbiased=False).mean(-1), values.movedim(1, 0).flatten(1).var(1, unbiased=False)
    return not bool((among < _NEXT_TO_NOTHING * everything).all())
