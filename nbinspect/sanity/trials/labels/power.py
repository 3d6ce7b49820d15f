"""Whether samples are enough to say that labels cannot be learnt, and of a kind of which that can be said so soon."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp

import torch
from torch import Tensor

from nbinspect.nested import tensors_in
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.evidence.data.contents import contents
from nbinspect.sanity.trials.labels.fresh import labels_of

_SEEN, _SHARE, _MOST_VALUES = 192, 3, 2**23
"""Samples to be memorised, at most; of a small set only one in so many; and how many numbers they may have."""
_OTHERS, _RARE, _A_CLASS = 400, 100, 15
_YES_OR_NO = 2


def parted(stream: Sequence[Batch]) -> tuple[Sequence[Batch], Sequence[Batch]]:
    """Return the first batches, to be memorised, about 200 samples or a third of fewer, and all others."""
    samples = values = 0
    wanted = min(_SEEN, sum(batch.size for batch in stream) // _SHARE)
    for number, batch in enumerate(stream):
        size = sum(tensor.numel() for _, tensor in tensors_in(batch.raw, ""))
        if number and (samples >= wanted or values + size > _MOST_VALUES):
            return stream[:number], stream[number:]
        samples, values = samples + batch.size, values + size
    return stream, ()


def too_few(seen: Sequence[Batch], others: Sequence[Batch]) -> str:
    """Return why these samples do not tell, for a weak link would not show; empty where they do."""
    known = [labels_of(batch)[0].detach().reshape(batch.size, -1).cpu() for batch in (*seen, *others)]
    trained, fresh = sum(batch.size for batch in seen), sum(batch.size for batch in others)
    if fresh < _OTHERS:
        return f"{fresh} samples beside the {trained} that are trained on; {_OTHERS} would do"
    if known[0].is_floating_point() and not _are_whole(known):
        return ""
    rare, classes = max((_of_classes(column, fresh) for column in torch.cat(known).unbind(1)), key=_fit)
    if rare < _RARE:
        return f"{rare:.0f} samples of other classes than the most common one; {_RARE} would do"
    if trained / classes < _A_CLASS:
        return f"{trained / classes:.0f} samples a class to learn from; {_A_CLASS} would do"
    return ""


def _of_classes(labels: Tensor, fresh: int) -> tuple[float, float]:
    """Return how many of other samples are not of the most common class, and how many classes there are in effect."""
    _, counts = torch.unique(labels, return_counts=True)
    shares = counts / counts.sum()
    return float(1 - shares.max()) * fresh, exp(float(-(shares * shares.log()).sum()))


def _fit(found: tuple[float, float]) -> tuple[bool, float]:
    """Return by what one of several labels of a sample tells more than another: enough of both, then fewer classes."""
    return found[0] >= _RARE, -found[1]


def is_plain(batch: Batch) -> bool:
    """Return whether the inputs are pictures or a table of quantities, which some model learns from in a few steps.

    Of tokens, sequences and yes-or-no features what matters may be their order or parity, which takes far longer.
    """
    for tensor in contents(batch).values():
        if not tensor.is_floating_point() or tensor.dim() not in (2, 4) or tensor.layout is not torch.strided:
            return False
        rows = tensor.detach().reshape(len(tensor), -1)
        distinct = (rows.sort(0).values.diff(dim=0) != 0).sum(0) + 1
        varied = distinct[distinct > 1]
        if not len(varied) or float((varied > _YES_OR_NO).double().mean()) < 0.5:
            return False
    return True


def _are_whole(known: Sequence[torch.Tensor]) -> bool:
    return all(bool((labels == labels.round()).all()) for labels in known)
