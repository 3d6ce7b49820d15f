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
from nbinspect.sanity.evidence.passes.lineage import hands_on, roots
from nbinspect.sanity.recorded import Operation, Recorded

_WEIGHS = re.compile(r"bilinear|linear|conv\w*|\w*matmul|\w*mm|einsum|lstm|gru|rnn_\w+|multi_head\w*|embedding\w*")
_TURNS = re.compile(
    r"transpose|swapaxes|swapdims|permute|movedim|moveaxis|t|mt|contiguous|view|reshape|flatten|(un)?squeeze"
)
_JOINS = re.compile(_TURNS.pattern + r"|cat|concat\w*|[hv]?stack|unbind|chunk|split|getitem|i?add")
_FEW = 8
_NEAR_ZERO = 0.2
_NEXT_TO_NOTHING = 1e-3
_OF_WEIGHTS = 10.0
"""Numbers up to here, as a mask or what is normalised, have a scale that the weights give: products are as large."""


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


def given_entries(recorded: Recorded, *, multiplied: bool = False) -> list[tuple[Operation, Floats]]:
    """Return the operations that weigh data first, with it: in a step of the user's of the batch, where there are such.

    Or those that weigh what such data and weights were `multiplied` to. Operations that are given indices are left out.
    """
    found = list(_of_products(recorded) if multiplied else entries_of(recorded))
    of_batch = [one for one in found if any(name.startswith("batch") for name in roots(recorded, one, 0))]
    kept = of_batch if recorded.of_step and of_batch else found
    return [(one, data) for one in kept if (data := features_given(one)) is not None]


def _of_products(recorded: Recorded) -> Iterator[Operation]:
    """Give the operations that weigh products of data and weights, number by number, joined with others or not.

    So numbers are embedded beside symbols: a product has the scale of the data, whatever it is put together with. Of
    data near unit scale, as a mask, it has that of the weights, and is passed over.
    """
    plain, rows, products = set[int](), set[int](), set[int]()
    for one, weighs, uses in _met(recorded):
        step, word = one.step, word_of(one.step.name)
        weights = [use for use in step.inputs if use.origin in step.parameters or use.step in rows]
        data = [use for use in uses if use not in weights and (use.origin.startswith("batch") or use.step in plain)]
        is_product = word in ("mul", "multiply") and bool(weights) and _is_far(one, data)
        goes_on = any(use.step in products for use in step.inputs)
        if weighs and goes_on:
            yield one
        elif "embedding" in word or (step.inputs and len(weights) == len(step.inputs)):
            rows.add(step.index)
        elif is_product or (goes_on and (one.step.kind == "module" or _JOINS.fullmatch(word))):
            products.add(step.index)
        elif data and len(data) == len(step.inputs):
            plain.add(step.index)


def _is_far(operation: Operation, data: list[TensorUse]) -> bool:
    """Whether data that an operation is given goes beyond what is near unit scale."""
    return any(
        bool((tensor.detach().abs() > _OF_WEIGHTS).any())
        for use, tensor in zip(operation.step.inputs, operation.given, strict=True)
        if use in data and tensor.dtype != torch.bool
    )


def entries_of(recorded: Recorded) -> Iterator[Operation]:
    """Give the operations that weigh the data first: nothing on the way to them was weighed."""
    return (one for one, weighs, uses in _met(recorded) if weighs and len(uses) == len(one.step.inputs))


def _met(recorded: Recorded) -> Iterator[tuple[Operation, bool, list[TensorUse]]]:
    """Give each operation before the loss, whether it weighs, and which of its inputs nothing has weighed.

    So modules that hand on the one tensor that they are given, as an `nn.Identity` does.
    """
    weighed: set[int] = set()
    for one in recorded.operations:
        is_handed_on = len(one.step.inputs) == 1 and hands_on(one)
        if (one.step.kind != "operation" and not is_handed_on) or one.in_loss:
            continue
        weighs = one.step.kind == "operation" and _weighs(one)
        uses = [use for use in one.step.inputs if use.step not in weighed]
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
