"""By how many steps the targets that meet the logits in the loss are ahead of the tokens that the model was given."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from nbinspect.sanity.evidence.data.contents import contents, is_whole
from nbinspect.sanity.recorded import Operation, Recorded, tensor_output
from nbinspect.sanity.task import OF_CLASSES

_LEAST = 8
_ALIKE = 0.95


@dataclass(frozen=True, eq=False)
class Shift:
    """A loss whose targets are an input, so many steps on."""

    loss: Operation
    name: str
    """The input."""
    steps: int
    """How far the target of an output is ahead of the token at its position: 1 where the model sees that token."""
    share: float
    """Share of the targets that say so."""


def shifts(recorded: Recorded) -> list[Shift]:
    """Return how the targets of each loss over classes line up with the tokens of each input, where they do."""
    batch = recorded.batch
    if batch.subject.batch_axis not in (0, 1) or not batch.size:
        return []
    found = []
    for one in recorded.named(*OF_CLASSES):
        if len(one.given) < 2 or not is_whole(one.given[1]) or one.given[1].numel() % batch.size:
            continue
        for name, tokens in contents(recorded.batch).items():
            if tokens.dim() == 2 and is_whole(tokens) and _is_read(_by_sample(tokens, recorded), recorded):
                found += _of(one, name, _by_sample(tokens, recorded), recorded)
    return found


def shifts_of_forced(recorded: Recorded) -> list[Shift]:
    """Return the same for tokens that the model itself makes of the labels: all of them, one place further on.

    As a decoder is forced to go on from the right words, whatever it has said.
    """
    batch, labels = recorded.batch, recorded.batch.targets
    if batch.subject.batch_axis or not batch.size or labels is None or labels.dim() != 2 or not is_whole(labels):
        return []
    before, known = labels[:, :-1], labels[:, :-1] >= 0
    found = []
    if int((known & (before != labels[:, 1:])).sum()) < _LEAST:
        return []
    for lookup in recorded.named("F.embedding"):
        tokens = lookup.given[0].detach()
        is_given = any(tokens is one for _, one in batch.inputs)
        if lookup.in_loss or is_given or not is_whole(tokens) or tokens.shape != labels.shape:
            continue
        if bool((tokens[:, 1:] == before)[known].all()):
            losses = (one for one in recorded.named(*OF_CLASSES) if len(one.given) > 1 and is_whole(one.given[1]))
            fitting = (one for one in losses if one.given[1].numel() % batch.size == 0)
            found += [shift for one in fitting for shift in _of(one, "the decoder's tokens", tokens, recorded)]
    return found


def _by_sample(tokens: Tensor, recorded: Recorded) -> Tensor:
    """Return (N, T) from a vector or matrix with the axes of the batch."""
    first, n = recorded.batch.subject.batch_axis, recorded.batch.size
    return tokens.detach().reshape(-1, n).T if first else tokens.detach().reshape(n, -1)


def _is_read(tokens: Tensor, recorded: Recorded) -> bool:
    """Whether the model looks up these tokens, or a stretch of them, and not what was made of them, as by noise."""
    looked_up = (one.given[0] for one in recorded.named("F.embedding") if one.given and not one.in_loss)
    found = [one for one in looked_up if is_whole(one) and one.dim() > 1 and one.numel() % recorded.batch.size == 0]
    turned = [one.transpose(0, 1) for one in found if one.shape[1] == recorded.batch.size]
    return not found or any(_is_stretch(_by_sample(one, recorded), tokens) for one in (*found, *turned))


def _is_stretch(part: Tensor, tokens: Tensor) -> bool:
    length, known = part.shape[1], tokens >= 0
    pairs = ((tokens[:, at : at + length], known[:, at : at + length]) for at in range(tokens.shape[1] - length + 1))
    return any(bool((part == own)[is_token].all()) for own, is_token in pairs)


def _of(loss: Operation, name: str, tokens: Tensor, recorded: Recorded) -> list[Shift]:
    targets = _by_sample(loss.given[1], recorded)
    missing = tokens.shape[1] - targets.shape[1]
    if not 0 <= missing < tokens.shape[1] // 2:
        return []
    start = _first_position(loss, recorded, missing) if missing else 0
    span = range(start, min(start + targets.shape[1], tokens.shape[1] - 2))
    if len(span) < 1:
        return []
    aims = targets[:, : len(span)]
    three = [tokens[:, start + k : start + k + len(span)] for k in range(3)]
    # tokens that differ from both that follow tell the steps apart
    telling = (aims >= 0) & (three[0] != three[1]) & (three[1] != three[2]) & (three[0] != three[2])
    if int(telling.sum()) < _LEAST:
        return []
    shares = [float((aims == ahead)[telling].double().mean()) for ahead in three]
    return [Shift(loss, name, k, share) for k, share in enumerate(shares) if share >= _ALIKE]


def _first_position(loss: Operation, recorded: Recorded, missing: int) -> int:
    """Return the position of the first logit that the loss was given, where some of the outputs were left out."""
    outputs = tensor_output(recorded.outputs)
    logits = loss.given[0].detach()
    if outputs is None or outputs.dim() != 3 or recorded.batch.subject.batch_axis:
        return 0
    flat = logits if logits.dim() == 2 else logits.transpose(1, 2).flatten(0, 1)
    last = outputs.detach()[:, missing:].flatten(0, 1)
    return missing if flat.shape == last.shape and torch.equal(flat, last) else 0
