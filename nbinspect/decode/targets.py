"""Targets that are one tensor, in words: classes, soft labels, numbers, tokens, masks and pictures."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from nbinspect.decode.image import picture_layout
from nbinspect.decode.names import IGNORED, Names, number
from nbinspect.records import Flags, Floats, Integers, Labels

ABSENT = 255
"""The class index that masks of 8 bits keep for pixels without a class."""

_CLASSES = 200
_NAMES = 8
_NUMBERS = 4
_TOKENS = 6
_SHARES = 3
_ELSEWHERE = 256
_LARGE = 2**31


def tensor_labels(target: Tensor, name: str, names: Names, *, beside: Collection[torch.Size] = ()) -> Labels:
    """Return what a dense target (N, …) says of each of the N ≥ 1 samples; leaves it unchanged.

    `beside` has the shapes of the token ids that entered: integers of such a shape are tokens, even if all are 0 or 1.
    """
    target = target.squeeze(1) if target.dim() == 2 and target.shape[1] == 1 else target
    if target.dim() == 1:
        return _vector(target, name, names)
    if target.dim() == 2:
        return _rows(target, name, names, beside_tokens=target.shape in beside)
    classes = mask_classes(target)
    if classes is not None:
        return _mask(classes, name, names)
    picture = target.dim() == 4 or picture_layout(target.shape, target.dtype) is not None
    return Labels(name, "picture" if picture else "other", ranges(target), _no_order(len(target)), ())


def mask_classes(target: Tensor) -> Tensor | None:
    """Return (N, H, W) class indices of a mask (N, H, W), (N, 1, H, W) or one-hot (N, C, H, W); None for others."""
    plain = target.squeeze(1) if target.dim() == 4 and target.shape[1] == 1 else target
    if plain.dim() == 3:
        return plain if not plain.is_floating_point() else plain.to(torch.uint8) if _binary(plain) else None
    if plain.dim() == 4 and _binary(plain) and bool((plain.sum(1) == 1).all()):
        return plain.to(torch.uint8).argmax(1)
    return None


def sample_texts(values: Iterable[Tensor], names: Names) -> tuple[str, ...]:
    """Return the names of the class indices, or the numbers, that each sample has."""
    return tuple(_numbers(each) if each.is_floating_point() else _words(each, names) for each in values)


def distinct(text: Sequence[str], values: Floats) -> tuple[str, ...]:
    """Return the distinct texts in the order of their values, then of the batch."""
    order = np.argsort(np.nan_to_num(values, nan=np.inf), kind="stable")
    return tuple(dict.fromkeys(text[place] for place in order))[:_CLASSES]


def joined(indices: Sequence[int], names: Names) -> str:
    """Return the names of several classes in one text; ``(none)`` where there are none."""
    more = f", +{len(indices) - _NAMES}" if len(indices) > _NAMES else ""
    return ", ".join(names[index] for index in indices[:_NAMES]) + more or "(none)"


def _vector(values: Tensor, name: str, names: Names) -> Labels:
    """Class indices (N,) of any type, or numbers."""
    own = values.cpu().double().numpy()
    known = own[np.isfinite(own)]
    few = bool(len(known)) and (
        bool(np.isin(known, (0, 1)).all())
        or (names.given and bool((known % 1 == 0).all() & (abs(known) < _LARGE).all()))
    )
    if values.is_floating_point() and not few:
        return Labels(name, "regression", tuple(map(number, own.tolist())), own, ())
    if values.dtype == torch.bool and not names.given:
        text = tuple(str(bool(value)) for value in own)
    else:
        text = tuple(names[int(value)] if np.isfinite(value) else number(value) for value in own.tolist())
    order = np.where(np.isfinite(own) & (own != IGNORED), own, np.nan)
    return Labels(name, "class", text, order, distinct(text, order))


def _rows(rows: Tensor, name: str, names: Names, *, beside_tokens: bool) -> Labels:
    """One-hot, soft or several labels, numbers or tokens (N, K)."""
    tokens = not rows.is_floating_point() and (beside_tokens or not _binary(rows))
    if not tokens and _binary(rows):
        if bool((rows.sum(1) == 1).all()):
            return _vector(rows.to(torch.uint8).argmax(1), name, names)
        return several((rows != 0).cpu().numpy(), name, names)
    if not tokens and sums_to_one(rows):
        return most_likely(rows, name, names)
    kind: Literal["tokens", "regression"] = "tokens" if tokens else "regression"
    return Labels(name, kind, sample_texts(rows.cpu(), names), _no_order(len(rows)), ())


def several(flags: Flags, name: str, names: Names) -> Labels:
    """Return any number of labels a sample, from flags (N, C)."""
    text = tuple(joined(np.flatnonzero(row).tolist(), names) for row in flags)
    present = np.flatnonzero(flags.any(0)).tolist()[:_CLASSES]
    none = ("(none)",) if not flags.any(1).all() else ()
    classes = tuple(dict.fromkeys(names[index] for index in present)) + none
    return Labels(name, "multilabel", text, flags.sum(1).astype(np.float64), classes)


def most_likely(shares: Tensor, name: str, names: Names) -> Labels:
    """Return the likeliest class of each row of probabilities (N, C), with its probability."""
    best, index = shares.float().max(1)
    own = index.cpu().numpy().astype(np.float64)
    short = [names[int(place)] for place in own]
    text = tuple(f"{word} {share:.2f}" for word, share in zip(short, best.tolist(), strict=True))
    return Labels(name, "soft", text, own, distinct(short, own))


def sums_to_one(rows: Tensor) -> bool:
    """Whether all rows (N, C) are probabilities; with the tolerance that half precision needs."""
    near = 1e-2 if rows.dtype in (torch.float16, torch.bfloat16) else 1e-3
    return rows.shape[1] > 1 and bool(((rows >= 0).all(1) & ((rows.float().sum(1) - 1).abs() < near)).all())


def _mask(classes: Tensor, name: str, names: Names) -> Labels:
    counts = torch.stack([_pixel_counts(each) for each in classes]).cpu().numpy()
    others = counts[:, 1:ABSENT].any() or counts[:, _ELSEWHERE:].any()
    if (names.count or 0) <= ABSENT and (others or names.given):
        counts[:, _ELSEWHERE] += counts[:, ABSENT]
        counts[:, ABSENT] = 0
    text = tuple(_pixel_shares(row, names) for row in counts)
    return Labels(name, "mask", text, (counts[:, :_ELSEWHERE] > 0).sum(1).astype(np.float64), ())


def _pixel_counts(mask: Tensor) -> Tensor:
    """(258,) pixels of each class; those of negative classes, which are ignored, and those above 255 come last."""
    own = mask.flatten().long()
    place = torch.where(own < 0, _ELSEWHERE, own.clamp(max=_ELSEWHERE + 1))
    return torch.bincount(torch.where(own == _ELSEWHERE, _ELSEWHERE + 1, place), minlength=_ELSEWHERE + 2)


def _pixel_shares(counts: Integers, names: Names) -> str:
    order = [int(index) for index in np.argsort(-counts, kind="stable") if counts[index]]
    parts = []
    for index in order[:_SHARES]:
        ends = {_ELSEWHERE: "ignored", _ELSEWHERE + 1: "classes above 255"}
        word = ends.get(index) or (names[index] if names.given else f"class {index}")
        percent = 100 * counts[index] / counts.sum()
        parts.append(f"{word} {'<1' if percent < 1 else f'{percent:.0f}'} %")
    return ", ".join(parts) + (f", +{len(order) - _SHARES}" if len(order) > _SHARES else "")


def _binary(values: Tensor) -> bool:
    return values.dtype == torch.bool or bool(((values == 0) | (values == 1)).all())


def _words(indices: Tensor, names: Names) -> str:
    """The first class indices of a sample that count."""
    own = indices.flatten()
    own = own[own != IGNORED]
    first = " ".join(map(names.bare, own[:_TOKENS].tolist()))
    return f"{first} … ({len(own)})" if len(own) > _TOKENS else first or "(none)"


def _numbers(values: Tensor) -> str:
    own = values.flatten()
    first = ", ".join(map(number, own[:_NUMBERS].tolist()))
    return f"{first} … ({len(own)})" if len(own) > _NUMBERS else first or "(none)"


def ranges(target: Tensor) -> tuple[str, ...]:
    """Return the least and greatest value of each sample (N, …); NaN where there is one."""
    if not target.numel():
        return ("(none)",) * len(target)
    rows = target.flatten(1).float()
    ends = torch.stack([rows.amin(1), rows.amax(1)], 1).tolist()
    return tuple(f"{number(low)} … {number(high)}" for low, high in ends)


def _no_order(size: int) -> Floats:
    return np.full(size, np.nan)
