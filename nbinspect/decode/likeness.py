"""Labels and outputs of pairs: whether two inputs belong together, and how far apart a network puts them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nbinspect.capture.losses import classifies, compares, is_of_cosines, tells_two_apart
from nbinspect.capture.tensors import readable
from nbinspect.decode.names import Names, number
from nbinspect.decode.outputs import NAME, OUTPUT_KEYS, output_of
from nbinspect.decode.targets import sample_texts
from nbinspect.nested import fields_of, tensors_in
from nbinspect.records import Floats, Labels

_NO_NAMES = Names(None, None)


def is_of_two(target: Tensor) -> bool:
    """Whether a target has one value a sample, and those are 0 and 1 or −1 and 1 alone."""
    if target.is_complex() or not target.dim() or target.numel() != len(target):
        return False
    return bool(((target == 0) | (target == 1)).all() | (target.abs() == 1).all())


def names_for(target: Tensor, names: Names, loss_fn: Any) -> Names:
    """Return the names of the classes that a target (N, …) has; none for two values of a loss of other names."""
    fitting = names.count in (None, 2) or not (compares(loss_fn) or tells_two_apart(loss_fn))
    return names if fitting or not is_of_two(target) else _NO_NAMES


def read_likeness(outputs: Any, goal: Tensor, loss_fn: Any, *, paired: bool) -> Labels | None:
    """Return how far apart the inputs of each sample are put, or their embedding; None of outputs of another kind.

    Args:
        outputs: of the network: a distance (N,), an embedding (N, D) or one of each input.
        goal: the target (N, …).
        loss_fn: the user's loss, by whose names it is told what outputs are.
        paired: whether two inputs of one shape entered.
    """
    found = output_of(outputs, len(goal))
    if found is None or found.dim() > 2:
        return None
    alone = found.dim() == 1 or found.shape[1] == 1
    pair = None if alone else _pair(outputs, found)
    if not compares(loss_fn):
        judged = classifies(loss_fn) or tells_two_apart(loss_fn) or _is_named(outputs)
        if judged or not paired or not is_of_two(goal) or (pair is None and not alone):
            return None
    if pair is not None:
        return _between(*pair, cosine=is_of_cosines(loss_fn))
    if alone:
        return _numbers(found.reshape(-1).cpu().double().numpy(), "")
    return Labels(NAME, "regression", sample_texts(found.cpu(), _NO_NAMES), found[:, 0].cpu().double().numpy(), ())


def _is_named(outputs: Any) -> bool:
    """Whether what a network returned calls a part of it logits or predictions."""
    fields = fields_of(outputs) or {}
    return any(fields.get(key) is not None for key in OUTPUT_KEYS)


def _pair(outputs: Any, first: Tensor) -> tuple[Tensor, Tensor] | None:
    """Return the first two outputs (N, D) of one shape, where there are two."""
    read = (readable(tensor)[0] for _, tensor in tensors_in(outputs, ""))
    alike = [each for each in read if each is not None and each.shape == first.shape and each.is_floating_point()]
    return (alike[0], alike[1]) if len(alike) > 1 else None


def _between(one: Tensor, other: Tensor, *, cosine: bool) -> Labels:
    one, other = one.float(), other.float()
    told = torch.cosine_similarity(one, other) if cosine else (one - other).norm(dim=1)
    return _numbers(told.cpu().double().numpy(), "cos " if cosine else "dist ")


def _numbers(values: Floats, word: str) -> Labels:
    return Labels(NAME, "regression", tuple(f"{word}{number(value)}" for value in values.tolist()), values, ())
