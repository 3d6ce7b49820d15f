"""The exact batch that enters the network, caught at the door of the model's own forward."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from nbinspect.calling import TARGET_KEYS, Parts, call_model, split_batch, to_device
from nbinspect.capture.door import Door, Visit, probing, refuse_beside_training
from nbinspect.capture.duplicates import duplicate_samples
from nbinspect.capture.module_hooks import stepped_modules
from nbinspect.capture.samples import Entry, entries, is_listed, packed_size, told_size
from nbinspect.capture.tensors import batch_size, describe, length_of
from nbinspect.errors import CaptureError, told
from nbinspect.nested import axis_of, map_tensors, moved_to, tensors_in
from nbinspect.preserve import preserve
from nbinspect.records import BatchRecord, Origin
from nbinspect.subject import Subject, keeps_samples, note_of


@dataclass(frozen=True)
class CapturedBatch:
    """A captured batch with its live tensors; `record` is the part that outlives them."""

    record: BatchRecord
    inputs: tuple[Entry, ...]
    """Copies of what entered, as it was before the forward could work on it in place; the samples come first."""
    targets: Any
    """The samples come first here too."""
    target_name: str
    batch: Any
    """The batch as the loader gave it; None where only the call was seen."""
    parts: Parts | None = None
    """Copies of what the user's `split` made of it, which may draw other noise another time; None where there is none.
    """

    def on_cpu(self) -> CapturedBatch:
        """Return the same batch with its tensors in host memory, so that no accelerator memory is held."""
        cpu = torch.device("cpu")
        inputs = tuple((name, moved_to(value, cpu)) for name, value in self.inputs)
        rest = {name: moved_to(getattr(self, name), cpu) for name in ("targets", "batch", "parts")}
        return replace(self, inputs=inputs, **rest)


def capture_batch(
    subject: Subject,
    batch: Any,
    *,
    split: Literal["train", "validation"] = "train",
    how: Literal["probe", "given"] = "given",
    indices: tuple[int, ...] | None = None,
) -> CapturedBatch:
    """Run one forward on a batch and record what entered the network, tensor by tensor.

    The forward runs in the model's own train or eval mode and is undone by `preserve`: weights, buffers, gradients and
    random states are left unchanged. An error that it raises is recorded, and the batch is still whole.
    Source: K-before-net, D-look.

    Raises:
        CaptureError: if the batch holds no tensor, or another thread is at work on the model.
    """
    if next(tensors_in(batch, ""), None) is None:
        raise CaptureError(f"expected a batch with tensors, got {_outline(batch)}; give `split` or change collate_fn")
    refuse_beside_training(subject.model)
    fed, moved = to_device(subject, batch)
    parts = split_batch(subject, fed)
    own = None if subject.split is None else map_tensors(torch.clone, parts)  # the forward may write to them
    door = Door(_doors(subject))
    with preserve(subject.model), probing(), door:
        error = _error_of(subject, fed, parts)
    notes = [*note_of(subject), *([moved] if moved else [])]
    if door.visits:
        seen = door.visits[0]
        if seen.path:
            paths = ", ".join(dict.fromkeys(each.path for each in door.visits))
            notes.append(f"{type(subject.network).__name__} itself is not called, only {paths}: shown at the first")
    else:
        notes.append("the forward raised before any module ran: these are the tensors that were to be passed")
        seen = Visit("", {"inputs": parts.inputs}, subject.network.training, None, torch.is_grad_enabled())
    origin = Origin(_place(subject, seen.path), split, how, None, tuple(notes))
    captured = build(
        seen,
        parts.targets,
        parts.target_name,
        origin=origin,
        batch=batch,
        indices=indices if keeps_samples(subject) else None,
        error=error,
        axis=subject.batch_axis,
    )
    return replace(captured, parts=own)


def build(
    seen: Visit,
    targets: Any,
    target_name: str,
    *,
    origin: Origin,
    batch: Any = None,
    indices: tuple[int, ...] | None = None,
    error: str | None = None,
    axis: int = 0,
) -> CapturedBatch:
    """Describe what was seen at the door, beside its targets; one transfer to the host a tensor.

    Samples along another `axis` than the first come first in the result; the record has the shapes as they were fed.
    """
    arguments = dict(seen.arguments)
    inside = next((key for key in (target_name, *TARGET_KEYS) if key in arguments), None)
    if inside is not None and (targets is None or _equal(arguments[inside], targets)):
        # a model that computes its own loss: what entered it as labels are the targets
        targets, target_name = arguments.pop(inside), inside
    hint = told_size(arguments, targets, batch, axis)
    entered = [entry for name, value in arguments.items() for entry in entries(value, name, hint, axis)]
    goals = list(entries(targets, target_name, hint, axis))
    fed = [*entered, *goals]
    size = packed_size(arguments, targets) or batch_size([value for _, value in fed], axis)
    turned = [(name, _turned(value, size, axis) if isinstance(value, Tensor) else value) for name, value in fed]
    tensors = [
        describe(value, name, "input" if place < len(entered) else "target", batch_size=size, fed=fed[place][1])
        for place, (name, value) in enumerate(turned)
    ]
    inputs = tuple(turned[: len(entered)])
    twins = duplicate_samples([value for _, value in inputs if length_of(value) == size])
    if indices is not None and len(indices) != size:
        indices = None
    record = BatchRecord(
        size,
        tuple(tensors),
        seen.training,
        seen.autocast,
        seen.grad_enabled,
        origin,
        indices,
        error,
        (twins,) if twins else (),
    )
    return CapturedBatch(record, inputs, samples_first(targets, size, axis), target_name, batch)


def samples_first(value: Any, size: int, axis: int) -> Any:
    """Return a nested value with the samples along the first axis of each tensor that has them along another.

    The turned tensors are views. Samples that are given one by one, and packed ones, stay as they are.
    """
    if not axis:
        return value
    kept = {id(tensor) for tensor in _one_by_one(value, size, axis)}
    return map_tensors(lambda each: each if id(each) in kept else _turned(each, size, axis), value)


def _turned(tensor: Tensor, size: int, axis: int) -> Tensor:
    along = axis_of(tensor, size, axis) if axis and not tensor.is_nested else None
    return tensor.movedim(along, 0) if along else tensor


def _one_by_one(value: Any, size: int, axis: int) -> Iterator[Tensor]:
    """Yield the tensors that are, or belong to, one sample each."""
    if not isinstance(value, Mapping | list | tuple):
        return
    if isinstance(value, PackedSequence):
        yield value.data
        return
    if is_listed(value, size, axis):
        yield from (tensor for _, tensor in tensors_in(value, ""))
        return
    for part in value.values() if isinstance(value, Mapping) else value:
        yield from _one_by_one(part, size, axis)


def _equal(one: Any, other: Any) -> bool:
    pairs = zip_longest(tensors_in(one, ""), tensors_in(other, ""), fillvalue=("", None))
    return all(
        a is not None and b is not None and a.shape == b.shape and bool((a == b).all()) for (_, a), (_, b) in pairs
    )


def _doors(subject: Subject) -> dict[str, nn.Module]:
    """The network itself; with the user's own `forward`, which may call parts of it, every module that is seen."""
    if subject.forward is None:
        return {"": subject.network}
    return stepped_modules(subject.network)


def _place(subject: Subject, path: str) -> str:
    name = type(subject.network).__name__
    return f"{name}.{path}" if path else name


def _error_of(subject: Subject, batch: Any, parts: Parts) -> str | None:
    try:
        call_model(subject, batch, parts)
    except Exception as error:  # noqa: BLE001 - the user's forward may raise anything
        return told(error)
    return None


def _outline(batch: Any) -> str:
    if isinstance(batch, Mapping):
        return (
            f"a {type(batch).__name__} of {', '.join(f'{key}: {type(part).__name__}' for key, part in batch.items())}"
        )
    if isinstance(batch, list | tuple):
        return f"a {type(batch).__name__} of {', '.join(type(part).__name__ for part in batch[:8])}"
    return f"a {type(batch).__name__}"
