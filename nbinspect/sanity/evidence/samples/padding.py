"""Which places of the inputs are padding, and the same sequences with less of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from nbinspect.capture.kinds import word_of
from nbinspect.nested import tensors_in
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.evidence.data.contents import are_lengths, contents, is_mask
from nbinspect.sanity.evidence.samples.dependence import difference
from nbinspect.sanity.evidence.samples.spread import Spread

_ROUNDING = 64
_VISIBLE = 1e-4
_RECURS = re.compile(r"lstm|gru|rnn\w*")
_READS = re.compile(r"getitem|select|index_select|take\w*|gather|unbind|narrow|chunk|split")
_ATTENDS = re.compile(r"softmax|scaled_dot_product_attention|multi_head_attention_forward")
_HIGHEST = re.compile(r"a?max|adaptive_max_pool1d")
_CERTAIN = re.compile(f"{_RECURS.pattern}|{_READS.pattern}|{_ATTENDS.pattern}|mean|sum|b?mm|matmul|einsum")

_Lined: TypeAlias = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True, eq=False)
class Padding:
    """Sequences of several lengths, padded at their ends."""

    lengths: Tensor
    """(N,) how many real places each sequence has."""
    steps: int
    """T, with the padding."""
    told_by: str
    """What says so: ``attention_mask``, ``padding_value=0``."""
    reaches_model: bool
    """Whether the model is given it: a mask or lengths; else only the values tell."""
    unmarked_by: str = ""
    """The mask that marks none of it, though the model is given one."""


def find_padding(batch: Batch) -> Padding:
    """Return what is padding, from a mask or lengths in the batch, else from the user's `padding_value`.

    Raises:
        MissingNeed: if nothing tells, or nothing is padded at the end.
    """
    own = dict(batch.inputs)
    sequences = [tensor for tensor in contents(batch).values() if tensor.dim() > 1]
    steps = max((tensor.shape[1 - _first(batch)] for tensor in sequences), default=0)
    if not steps or batch.subject.batch_axis > 1:
        raise MissingNeed("sequences")
    found = None
    for name, tensor in own.items():
        lengths = _of_mask(name, tensor, batch, steps)
        if lengths is None and len(own) > 1 and are_lengths(tensor, sequences):
            ends = int(tensor.max()) == steps or _ends_there(sequences[0], tensor, batch)
            lengths = tensor if ends else None
        if lengths is not None:
            found = Padding(lengths.long(), steps, name, reaches_model=True)
            break
    value = batch.subject.padding_value
    if value is not None and (found is None or bool((found.lengths == steps).all())):
        found = _declared(_of_values(sequences, batch, steps, value), steps, value, found)
    if found is None:
        raise MissingNeed("padding_value, or a mask or lengths in the batch")
    if len(found.lengths) != batch.size or not bool(((found.lengths > 0) & (found.lengths < steps)).any()):
        raise MissingNeed("sequences that are padded at their end")
    return found


def _declared(lengths: Tensor, steps: int, value: float, full: Padding | None) -> Padding:
    """Return the padding that `padding_value` tells; of a mask that marks none, only where it surely is padding.

    One place of that value may be the last real one, as a token for the end is that also stands for padding.
    """
    told_by = f"padding_value={value:g}"
    if full is None:
        return Padding(lengths, steps, told_by, reaches_model=False)
    surely = len(lengths) == len(full.lengths) and bool((lengths < steps - 1).any())
    return Padding(lengths, steps, told_by, reaches_model=False, unmarked_by=full.told_by) if surely else full


def _ends_there(sequence: Tensor, lengths: Tensor, batch: Batch) -> bool:
    """Whether all places behind these lengths hold one and the same value, and none of the last places before does."""
    rows = sequence.transpose(0, 1) if _first(batch) else sequence
    if len(rows) != len(lengths) or not bool(((lengths > 0) & (lengths <= rows.shape[1])).all()):
        return False
    behind = torch.arange(rows.shape[1], device=rows.device) >= lengths.to(rows.device)[:, None]
    padding = rows[behind]
    if not padding.numel():
        return False
    last = rows[torch.arange(len(rows), device=rows.device), lengths.to(rows.device).long() - 1]
    value = padding.reshape(-1)[0]
    return bool((padding == value).all()) and not bool((last == value).reshape(len(rows), -1).all(1).any())


def _first(batch: Batch) -> int:
    return min(batch.subject.batch_axis, 1)


def _of_mask(name: str, tensor: Tensor, batch: Batch, steps: int) -> Tensor | None:
    """Return the lengths that a mask of (N, T) tells whose rows begin with real places; None for other tensors."""
    named = is_mask(name, tensor) or "pad" in name.lower()
    if not named or tensor.dim() != 2:
        return None
    rows = tensor.T if _first(batch) else tensor
    if tuple(rows.shape) != (batch.size, steps) or not bool((rows[:, :1] == rows[0, 0]).all()):
        return None
    real = rows == rows[0, 0]
    ends_once = bool((real[:, 1:] <= real[:, :-1]).all())
    return real.sum(1) if ends_once else None


def _of_values(sequences: list[Tensor], batch: Batch, steps: int, value: float) -> Tensor:
    """Return (N,) the lengths of the longest sequences; of several, as a source and its target, where both have ended.

    One that is nowhere padded may hold positions, and is not asked beside others.
    """
    ends = [_of_value(one, batch, value) for one in sequences if one.shape[1 - _first(batch)] == steps]
    told = [one for one in ends if len(one) == batch.size and bool((one < steps).any())]
    return torch.stack(told).amax(0) if told else ends[0]


def _of_value(tensor: Tensor, batch: Batch, value: float) -> Tensor:
    """Return (N,) the lengths without what is all `value` at the end."""
    rows = (tensor.transpose(0, 1) if _first(batch) else tensor) == value
    padded = rows.reshape(*rows.shape[:2], -1).all(2)
    return padded.shape[1] - padded.flip(1).long().cumprod(1).sum(1)


def shortened(batch: Batch, padding: Padding, few: int = 4, *, spare: int = 0) -> tuple[Batch, Batch, Tensor]:
    """Return the shortest sequences as they are, the same with less padding, and their lengths (n,).

    Targets are cut as well, for a model may compute its own loss. So many places of padding stay, and count as real.

    Raises:
        MissingNeed: if no sequence has more than those.
    """
    partly = ((padding.lengths > 0) & (padding.lengths + spare < padding.steps)).nonzero().flatten()
    if not len(partly):
        raise MissingNeed("sequences with more padding at their end than one place")
    short = partly[padding.lengths[partly].argsort()][:few]
    part = batch.taken(short.tolist())
    lengths = padding.lengths[short] + spare
    length, axis = int(lengths.max()), 1 - _first(batch)
    named = (*part.inputs, *tensors_in(part.parts.targets, ""))
    cut = {id(tensor): _cut(name, tensor, axis, padding.steps, length) for name, tensor in named}

    return part, part.changed(lambda tensor: cut.get(id(tensor), tensor)), lengths


def _cut(name: str, tensor: Tensor, axis: int, steps: int, length: int) -> Tensor:
    axes = range(tensor.dim()) if is_mask(name, tensor) else (axis,) if tensor.dim() > axis else ()
    for one in axes:
        if tensor.shape[one] == steps:
            tensor = tensor.narrow(one, 0, length).contiguous()  # as loaders give it
    return tensor


def change_of(whole: Tensor, short: Tensor, lengths: Tensor, steps: int) -> float | None:
    """Return the largest change of outputs at real places, as a share of the spread among samples.

    None where the two cannot be lined up; 0 for what rounding may do.
    """
    ways = [lined for lined in _lined_up(whole, short, lengths, steps) if lined[0].numel()]
    return min((_share_of(*lined) for lined in ways), default=None)


def _share_of(whole: Tensor, short: Tensor, real: Tensor) -> float:
    most = float(torch.where(real, difference(whole, short), 0.0).max())
    if most <= _ROUNDING * torch.finfo(whole.dtype).eps * float(whole.abs().max()):
        return 0.0
    middle = whole.mean(0, keepdim=True) if len(whole) > 1 else 0.0
    spread = float(torch.where(real, difference(whole, torch.zeros_like(whole) + middle), 0.0).max())
    return most / max(spread, torch.finfo(torch.float64).tiny)


def lack_one(whole: Tensor, short: Tensor, lengths: Tensor, steps: int) -> bool:
    """Whether outputs have one place less than the inputs: the model has left out the last, whether real or not."""
    at = [_lined_up_at(whole, short, lengths - fewer, steps - fewer) for fewer in (0, 1)]
    return not at[0] and bool(at[1])


def goes_beyond(before: Tensor, after: Tensor, lengths: Tensor, steps: int) -> bool:
    """Whether what a step made differs at real places, of what can be lined up."""
    if not before.is_floating_point():
        return False
    ways = [lined for lined in _lined_up(before, after, lengths, steps) if lined[0].numel()]
    return bool(ways) and all(_differs(*lined) for lined in ways)


def _differs(whole: Tensor, short: Tensor, real: Tensor) -> bool:
    return bool((torch.where(real, difference(whole, short), 0.0) > _VISIBLE * float(whole.abs().max())).any())


def _lined_up(whole: Tensor, short: Tensor, lengths: Tensor, steps: int) -> list[_Lined]:
    """Return two tensors cut to the places that both have, and which of those are real, each way that it may be meant.

    They may have one place less than the inputs, as where a model leaves out the last token that it is given.
    """
    found = (_lined_up_at(whole, short, lengths - fewer, steps - fewer) for fewer in (0, 1))
    return next((ways for ways in found if ways), [])


def _lined_up_at(whole: Tensor, short: Tensor, lengths: Tensor, steps: int) -> list[_Lined]:
    n, length = len(lengths), int(lengths.max())
    if whole.dim() != short.dim():
        return []
    flat = whole.dim() > 0 and whole.shape[0] == n * steps and short.shape[0] == n * length
    if not flat or whole.shape[1:] != short.shape[1:]:
        found = _cut_alike(whole, short, lengths, steps)
        return [found] if found is not None else []
    by_sample = [one.reshape(n, size, *one.shape[1:]) for one, size in ((whole, steps), (short, length))]
    by_place = [one.reshape(size, n, *one.shape[1:]).transpose(0, 1) for one, size in ((whole, steps), (short, length))]
    ways = (_cut_alike(one, other, lengths, steps) for one, other in (by_sample, by_place))
    return [way for way in ways if way is not None]


def _cut_alike(whole: Tensor, short: Tensor, lengths: Tensor, steps: int) -> _Lined | None:
    n, length = len(lengths), int(lengths.max())
    axes = [axis for axis, size in enumerate(whole.shape) if size != short.shape[axis]]
    if any(whole.shape[axis] != steps or short.shape[axis] != length for axis in axes):
        return None
    samples = next((a for a, size in enumerate(whole.shape) if a not in axes and size and size % n == 0), None)
    real = torch.ones((), dtype=torch.bool, device=whole.device)
    for axis in axes:
        whole = whole.narrow(axis, 0, length)
        if samples is not None:
            each = lengths.to(whole.device).repeat_interleave(whole.shape[samples] // n)
            shape = [-1 if a == axis else 1 for a in range(whole.dim())]
            place = torch.arange(length, device=whole.device).view(shape)
            real = real & (place < each.view([-1 if a == samples else 1 for a in range(whole.dim())]))
    return whole, short, real


def mixes_places(source: Spread | None) -> bool:
    """Whether an operation reads or weighs places as a mask is to prevent; edges of a convolution are no such thing."""
    return source is not None and _CERTAIN.fullmatch(word_of(source.name)) is not None


def takes_masked(source: Spread | None, given: Sequence[Tensor], lengths: Tensor, steps: int) -> bool:
    """Whether a maximum over places takes in padded ones that are all exactly 0, as masks and packing leave them.

    They win where all real values are below 0. What a convolution makes of padding is not 0 throughout.

    Args:
        source: the operation.
        given: what it is given.
        lengths: how many real places each sequence has.
        steps: how many places there are.
    """
    if source is None or not _HIGHEST.fullmatch(word_of(source.name)):
        return False
    real = torch.arange(steps) < lengths.cpu()[:, None]
    for tensor in given[:1]:
        for places in (axis for axis in range(1, tensor.dim()) if tensor.shape[axis] == steps):
            rows = tensor.movedim(places, 1).cpu()
            if len(rows) == len(lengths):
                return not bool(rows[~real].any()) and bool((rows[real] < 0).any())
    return False


def words_of(source: Spread | None) -> tuple[str, str]:
    """Return the headline and the remedy for the operation at which padding gets into real places."""
    word = word_of(source.name) if source else ""
    if _RECURS.fullmatch(word):
        return (
            "Padding runs through the recurrent layer",
            "Pack the sequences first: nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, "
            "enforce_sorted=False).",
        )
    if _READS.fullmatch(word):
        return (
            "The state is read at the padded last step",
            "Read each sequence at its own last real step: out[torch.arange(N), lengths - 1].",
        )
    if _ATTENDS.fullmatch(word):
        return "Attention reaches padded places", "Block padded keys before the softmax: pass the padding mask on."
    if _HIGHEST.fullmatch(word):
        return (
            "Padded places count in the maximum",
            "Fill padded places with less than any real value before: x.masked_fill(~mask[..., None], -torch.inf).",
        )
    if word in ("mean", "sum"):
        return (
            f"Padded places count in the {word}",
            f"Leave padded places out of the {word}: (x * mask).sum(1) / mask.sum(1).",
        )
    return "Outputs depend on the padding", "Set padded places to zero, or leave them out, where they meet real ones."
