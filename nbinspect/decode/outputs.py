"""Outputs of a network, in words: logits, probabilities, numbers and maps of logits, beside the labels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nbinspect.capture.losses import classifies
from nbinspect.capture.tensors import readable
from nbinspect.decode.names import Names, number
from nbinspect.decode.targets import ABSENT, distinct, mask_classes, ranges, sample_texts, several, sums_to_one
from nbinspect.nested import fields_of, tensors_in
from nbinspect.records import Labels

Verdict: TypeAlias = "tuple[Labels | None, NDArray[np.int8] | None]"
"""What the outputs say, and (N,) whether they are right: 1, 0, or -1 where that cannot be said."""

NAME = "prediction"
OUTPUT_KEYS = ("logits", "out", "prediction", "predictions", "pred")
"""Under which a network that returns several parts has what speaks of each sample."""


def read_outputs(outputs: Any, labels: Labels | None, goal: Tensor | None, names: Names, loss_fn: Any) -> Verdict:
    """Return what outputs (N, …) say of each sample and whether it is right; leaves them unchanged.

    `goal` is the target as one tensor, where it is one. What the numbers mean follows from the labels' kind, the
    loss's name and, of probabilities, the numbers themselves.
    """
    found = output_of(outputs, None if labels is None else len(labels.text))
    if found is None:
        return None, None
    logits = found.squeeze(1) if found.dim() == 2 and found.shape[1] == 1 else found
    loss = str(getattr(loss_fn, "__name__", type(loss_fn).__name__)).lower().replace("_", "")
    kind = None if labels is None else labels.kind
    unknown = np.full(len(logits), -1, dtype=np.int8)
    if logits.dim() > 2:
        shift = "CausalLM" in type(outputs).__name__
        return _dense(logits, None if goal is None else goal.to(logits.device), shift=shift), unknown
    by_class = kind in ("class", "soft") or (kind is None and classifies(loss_fn))
    if logits.dim() == 1 and by_class and (labels is None or not np.nanmax(labels.values, initial=0) > 1):
        return _binary(logits, labels, goal, names, loss)
    if logits.dim() == 2 and kind == "multilabel":
        return _several(logits, labels, goal, names, loss)
    if logits.dim() == 2 and (by_class or (kind is None and names.count == logits.shape[1])):
        return _classes(logits, labels, goal, names, loss)
    values = logits.cpu().double().numpy() if logits.dim() == 1 else np.full(len(logits), np.nan)
    text = tuple(map(number, values.tolist())) if logits.dim() == 1 else sample_texts(logits.cpu(), names)
    return Labels(NAME, "regression", text, values, ()), unknown


def output_of(outputs: Any, size: int | None) -> Tensor | None:
    """Return the tensor that speaks of each of the samples in what a network returned, of any number if None."""
    fields = fields_of(outputs)
    for key in OUTPUT_KEYS:
        if fields is not None and fields.get(key) is not None:
            return output_of(fields[key], size)
    for _, tensor in tensors_in(outputs, ""):
        own, _ = readable(tensor)
        if own is not None and own.dim() and size in (None, len(own)):
            return own if own.is_floating_point() else own.float()
    return None


def target_of(outputs: Any, targets: Any, size: int, axis: int = 0) -> Tensor | None:
    """Return the target under the name of the part of the outputs that is read; None where they are not named alike.

    Of a network with several heads ``{"style": logits, "price": …}`` it is what ``{"style": classes, "price": …}`` has
    for the first of them that speaks of each sample.
    """
    given, fields = fields_of(targets), fields_of(outputs)
    if given is None or fields is None:
        return None
    named = next((key for key in OUTPUT_KEYS if fields.get(key) is not None), None) or next(
        (key for key, part in fields.items() if any(_speaks(each, size, axis) for _, each in tensors_in(part, ""))),
        None,
    )
    own = None if named is None else given.get(named)
    return own if isinstance(own, Tensor) and _speaks(own, size, axis) else None


def _speaks(part: Tensor, size: int, axis: int) -> bool:
    """Whether a tensor has an entry for each sample, along their axis or the first."""
    return bool(part.dim()) and size in (part.shape[0], part.shape[axis] if part.dim() > axis else -1)


def _chances(logits: Tensor, loss: str) -> Tensor:
    """Each logit's own probability; numbers that are probabilities already are left so, unless the loss denies it."""
    known = logits[logits.isfinite()]
    already = "logits" not in loss and bool(((known >= 0) & (known <= 1)).all())
    return logits.float() if already else logits.float().sigmoid()


def _shares(logits: Tensor) -> Tensor:
    """Probabilities of the classes (N, C), from logits, log-probabilities (which softmax gives back) or themselves."""
    return logits.float() if sums_to_one(logits) else logits.float().softmax(1)


def _binary(logits: Tensor, labels: Labels | None, goal: Tensor | None, names: Names, loss: str) -> Verdict:
    chances = _chances(logits, loss).cpu()
    index = (chances > 0.5).long()
    return _named(index, torch.where(index == 1, chances, 1 - chances), labels, goal, names)


def _classes(logits: Tensor, labels: Labels | None, goal: Tensor | None, names: Names, loss: str) -> Verdict:
    broken = logits.isnan().any(1) | logits.isposinf().any(1)
    likeliest = torch.full((2, len(logits)), torch.nan, device=logits.device)
    if not bool(broken.all()):
        sound = logits[~broken]
        best, index = (_chances(sound, loss) if "bce" in loss or "multilabel" in loss else _shares(sound)).max(1)
        likeliest[:, ~broken] = torch.stack([best, index.to(best.dtype)])
    best, index = likeliest.cpu()
    return _named(index.nan_to_num().long(), best, labels, goal, names)


def _named(index: Tensor, chance: Tensor, labels: Labels | None, goal: Tensor | None, names: Names) -> Verdict:
    """The class of each sample with its probability; of NaN nothing can be said."""
    words = [names[place] for place in index.tolist()]
    broken = chance.isnan().numpy()
    text = [f"{word} {share:.2f}" for word, share in zip(words, chance.tolist(), strict=True)]
    own = np.where(broken, np.nan, index.numpy())
    shown = tuple("NaN" if lost else each for lost, each in zip(broken, text, strict=True))
    found = Labels(NAME, "soft", shown, own, distinct(words, own))
    if labels is None:
        return found, np.full(len(words), -1, dtype=np.int8)
    # labels that are texts have no class index: their values only put them in order
    same = labels.values == own if goal is not None else np.array(labels.text) == np.array(words)
    return found, np.where(broken | np.isnan(labels.values), -1, same).astype(np.int8)


def _several(logits: Tensor, labels: Labels | None, goal: Tensor | None, names: Names, loss: str) -> Verdict:
    flags = (_chances(logits, loss) > 0.5).cpu().numpy()
    broken = logits.isnan().any(1).cpu().numpy()
    found = several(flags, NAME, names)
    text = tuple("NaN" if lost else each for lost, each in zip(broken, found.text, strict=True))
    same = np.full(len(text), -1)
    if goal is not None and goal.shape == logits.shape:
        same = ((goal != 0).cpu().numpy() == flags).all(1).astype(int)
    elif labels is not None:
        same = (np.array(labels.text) == np.array(text)).astype(int)
    return replace(found, text=text), np.where(broken, -1, same).astype(np.int8)


def _dense(logits: Tensor, goal: Tensor | None, *, shift: bool) -> Labels:
    """How much of each map or sequence is right: the share of its pixels or tokens, or the squared error."""
    if goal is not None and goal.is_floating_point() and goal.shape == logits.shape and mask_classes(goal) is None:
        errors = (logits.float() - goal.float()).square().flatten(1).mean(1).cpu().double().numpy()
        return Labels(NAME, "picture", tuple(f"squared error {number(each)}" for each in errors), errors, ())
    pair = None if goal is None or not len(logits) else _matched(logits, goal)
    if pair is None:
        return Labels(NAME, "other", ranges(logits), np.full(len(logits), np.nan), ())
    scores, classes = pair
    sequence = classes.dim() == 2
    if shift and sequence:
        scores, classes = scores[:, :-1], classes[:, 1:]
    counts = torch.stack([_hits(*each) for each in zip(scores, classes, strict=True)]).cpu().double().numpy()
    share = np.divide(counts[:, 0], counts[:, 1], out=np.full(len(counts), np.nan), where=counts[:, 1] > 0)
    unit = "tokens" if sequence else "pixels"
    text = [f"{100 * part:.0f} % of {count:,.0f} {unit}" for part, count in zip(share, counts[:, 1], strict=True)]
    shown = tuple(
        "NaN" if lost else "(none)" if np.isnan(part) else each
        for lost, part, each in zip(counts[:, 2], share, text, strict=True)
    )
    return Labels(NAME, "tokens" if sequence else "mask", shown, np.where(counts[:, 2], np.nan, share), ())


def _matched(logits: Tensor, goal: Tensor) -> tuple[Tensor, Tensor] | None:
    """Scores with classes on the last axis, and the class index of each pixel or token."""
    classes = goal if goal.dim() == 2 else mask_classes(goal)
    if classes is None or classes.is_floating_point():
        return None
    if logits.shape == classes.shape:
        return logits.unsqueeze(-1), classes
    if logits.shape[:-1] == classes.shape:
        return logits, classes
    return (logits.movedim(1, -1), classes) if logits.movedim(1, -1).shape[:-1] == classes.shape else None


def _hits(scores: Tensor, classes: Tensor) -> Tensor:
    """(3,) of one sample: how many are right, how many count, whether any score is NaN."""
    if scores.shape[-1] == 1:
        alone = scores.squeeze(-1)
        chances = bool(((alone >= 0) & (alone <= 1)).all())
        guess = (alone > (0.5 if chances else 0)).long()
    else:
        guess = scores.argmax(-1)
    counted = (classes >= 0) & ((classes != ABSENT) | (scores.shape[-1] > ABSENT))
    return torch.stack([((guess == classes) & counted).sum(), counted.sum(), scores.isnan().any().long()])
