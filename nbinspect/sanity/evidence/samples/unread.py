"""Which inputs, and which columns of a table, reach no output: no gradient, and no change when they are exchanged."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nbinspect.nested import tensors_in
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.evidence.data.contents import is_mask, is_whole, relates, sample_axis
from nbinspect.sanity.evidence.samples.dependence import refusals
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded

_CHANNELS = 16


@dataclass(frozen=True, eq=False)
class Unread:
    """What reaches no output."""

    name: str
    """The input."""
    columns: tuple[int, ...]
    """Of a table, which columns, of pictures which channels; empty where it is the whole input."""
    is_certain: bool
    """Whether a healthy program would not hand it over: a column, a floating tensor that `forward` demands, or indices
    into a table of which the model looks up one and the same row in their stead; no channel, which may be let go."""
    are_channels: bool = False
    """Whether columns are channels of pictures."""


@dataclass(frozen=True, eq=False)
class Reading:
    """Which inputs the outputs have a gradient by, in one pass."""

    silent: dict[str, Tensor]
    """By name, (F,) of the columns of a table, or of channels of pictures, or () of any other tensor: whether the
    gradient is zero everywhere."""
    reached: bool
    """Whether any input has a gradient that is not zero, or whole numbers alone came in."""


def read_inputs(program: Program, batch: Batch, *, training: bool = False) -> Reading:
    """Run forward and backward, in eval mode by default, from all floating outputs to all floating inputs."""
    leaves = {name: t.detach().clone().requires_grad_() for name, t in batch.inputs if t.is_floating_point()}
    # the model gets copies, as it may write to what it is given
    with refusals(), program.running(training=training, gradients=True), _plain_recurrence(leaves):
        given = batch.with_inputs({name: leaf.clone() for name, leaf in leaves.items()})
        outputs = [out for out in _floating(program.outputs(given)) if out.requires_grad]
        total = sum(((out * torch.randn_like(out)).sum() for out in outputs), torch.zeros(()))
        found = program.gradients(total, list(leaves.values()), batch) if outputs else [None] * len(leaves)
    silent = {}
    for (name, leaf), gradient in zip(leaves.items(), found, strict=True):
        zero = torch.ones_like(leaf, dtype=torch.bool) if gradient is None else gradient == 0
        silent[name] = by_column(zero, leaf, batch).all(0)
    whole = [name for name, tensor in batch.inputs if not tensor.is_floating_point()]
    silent |= {name: torch.tensor(True) for name in whole}
    return Reading(silent, any(not bool(zero.all()) for zero in silent.values()) or len(whole) == len(silent))


def _floating(outputs: Any) -> Iterator[Tensor]:
    return (tensor for _, tensor in tensors_in(outputs, "") if tensor.is_floating_point())


def _plain_recurrence(leaves: dict[str, Tensor]) -> Any:
    """Switch off cuDNN where it is at work, whose recurrent layers have no backward in eval mode."""
    on_cuda = any(leaf.is_cuda for leaf in leaves.values())
    return torch.backends.cudnn.flags(enabled=False) if on_cuda else nullcontext()


def is_table(tensor: Tensor, batch: Batch) -> bool:
    """Whether an input is rows of numbers, (N, F)."""
    return tensor.dim() == 2 and tensor.is_floating_point() and tensor.shape[1] > 1 and not batch.subject.batch_axis


def are_pictures(tensor: Tensor, batch: Batch) -> bool:
    """Whether an input is pictures of a few channels, (N, C, H, W)."""
    few = tensor.dim() == 4 and 1 < tensor.shape[1] <= _CHANNELS
    return few and tensor.is_floating_point() and not batch.subject.batch_axis


def by_column(values: Tensor, tensor: Tensor, batch: Batch) -> Tensor:
    """Return (…, F) for the columns of a table, or the channels of pictures; (…,) for any other tensor."""
    if are_pictures(tensor, batch):
        return values.transpose(0, 1).flatten(1).T
    return values if is_table(tensor, batch) else values.flatten()


def unread(program: Program, batches: list[Batch], readings: list[Reading], recorded: Recorded) -> list[Unread]:
    """Return what is silent in all readings, varies among the samples, and changes no output when it is exchanged."""
    batch, found = batches[0], []
    for name, tensor in batch.inputs:
        if relates(name, tensor):  # it belongs to its rows, and has none to be exchanged for
            continue
        silences = [reading.silent[name].cpu() for reading in readings]
        varying = [_varies(dict(one.inputs)[name], one).cpu() for one in batches]
        if len({one.shape for one in (*silences, *varying)}) > 1:  # of another length in each batch, as waveforms
            silences, varying = [one.all() for one in silences], [one.any() for one in varying]
        silent, varies = torch.stack(silences).all(0), torch.stack(varying).any(0)
        if bool(silent.all()):
            if bool(varies.any()) and not changes(program, batches, name, None):
                is_quantity = tensor.is_floating_point() and is_demanded(batch, name)
                found.append(Unread(name, (), is_quantity or _is_left_to_a_default(name, recorded)))
        elif silent.dim() and are_pictures(tensor, batch):
            channels = (silent & varies).nonzero()[:, 0].tolist()
            if channels and not changes(program, batches, name, channels):
                found.append(Unread(name, tuple(channels), is_certain=False, are_channels=True))
        elif silent.dim() and may_have_columns(recorded):
            columns = (silent & varies).nonzero()[:, 0].tolist()
            if columns and changes(program, batches, name, columns):
                columns = [one for one in columns[:8] if not changes(program, batches, name, [one])]
            if columns:
                found.append(Unread(name, tuple(columns), True))
    whole = _hands_over_all(batch)
    return [one for one in found if one.columns or not whole]


def _is_left_to_a_default(name: str, recorded: Recorded) -> bool:
    """Whether an input of indices has a table of just as many rows in the model, looked up at one row everywhere.

    As segments that are not handed on to a model that takes them all to be the first. Segments are long: marks of
    words, strewn over a row, change more often than there are kinds.
    """
    wanted = dict(recorded.batch.inputs).get(name)
    if wanted is None or not is_whole(wanted) or is_mask(name, wanted) or wanted.dim() < 2:
        return False
    rows = int(wanted.max()) + 1
    lookups = [one for one in recorded.named("F.embedding") if len(one.given) > 1 and len(one.given[1]) == rows]
    return (
        len(torch.unique(wanted)) > 1
        and int(wanted.min()) >= 0
        and int((wanted.diff() != 0).sum(-1).max()) <= rows
        and bool(lookups)
        and all(one.given[0].shape == wanted.shape and len(torch.unique(one.given[0])) == 1 for one in lookups)
    )


def _varies(tensor: Tensor, batch: Batch) -> Tensor:
    axis = sample_axis(tensor, batch)
    if axis is None:
        return torch.tensor(False)
    differs = tensor != tensor.narrow(axis, 0, 1)
    return by_column(differs, tensor, batch).any(0)


def changes(program: Program, batches: list[Batch], name: str, columns: list[int] | None) -> bool:
    """Whether any output changes when an input, or some columns of it, go to other samples."""
    for batch in batches:
        tensor = dict(batch.inputs)[name]
        other = tensor.detach().roll(1, sample_axis(tensor, batch) or 0)
        if columns is not None:
            kept = torch.ones(tensor.shape[1], dtype=torch.bool, device=tensor.device)
            kept[columns] = False
            kept = kept[:, None, None] if are_pictures(tensor, batch) else kept
            other = torch.where(kept, tensor.detach(), other)
        before, after = _outputs(program, batch), _outputs(program, batch.with_inputs({name: other}))
        if len(before) != len(after) or not all(map(_same, before, after)):
            return True
    return False


def _outputs(program: Program, batch: Batch) -> list[Tensor]:
    with refusals(), program.running(training=False):
        return [tensor.detach().clone() for _, tensor in tensors_in(program.outputs(batch), "")]


def _same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.equal(torch.nan_to_num(one), torch.nan_to_num(other))


def may_have_columns(recorded: Recorded) -> bool:
    """Whether rows of numbers are a table: no pictures or series that are laid flat, nor their own targets."""
    targets, names = recorded.batch.targets, [one.step.name.lower() for one in recorded.operations]
    own = [t for _, t in recorded.batch.inputs if targets is not None and t.shape == targets.shape]
    predicted = targets is None or any(bool((tensor == targets).all()) for tensor in own)
    masked = any(name.endswith("mask") for name, _ in recorded.batch.subject.network.named_buffers())
    return not (predicted or masked or any("conv" in name or "pool" in name for name in names))


def _hands_over_all(batch: Batch) -> bool:
    """Whether the model is given the whole batch, of which some may be for others."""
    whole = batch.parts.whole is not None and any(name.startswith("x[") for name, _ in batch.inputs)
    return batch.subject.forward is not None or whole


def is_demanded(batch: Batch, name: str) -> bool:
    """Whether `forward` has a parameter for this input that has no default, and is not called ``_…``."""
    try:
        parameters = inspect.signature(batch.subject.network.forward).parameters
    except (TypeError, ValueError):
        return False
    positions = [key for key, _ in batch.inputs]
    own = parameters.get(name) or list(parameters.values())[positions.index(name) : positions.index(name) + 1]
    one = own if isinstance(own, inspect.Parameter) else next(iter(own), None)
    return one is not None and one.default is one.empty and not one.name.startswith("_")
