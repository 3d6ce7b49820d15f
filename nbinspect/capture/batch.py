"""The exact batch that enters the network, caught at the door of the model's own forward."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor, nn

from nbinspect.calling import TARGET_KEYS, Parts, call_model, split_batch, to_device
from nbinspect.capture.door import Door, Visit, probing, refuse_beside_training
from nbinspect.capture.duplicates import duplicate_samples
from nbinspect.capture.module_hooks import stepped_modules
from nbinspect.capture.tensors import batch_size, describe, length_of
from nbinspect.errors import CaptureError, told
from nbinspect.nested import moved_to, tensors_in
from nbinspect.preserve import preserve
from nbinspect.records import BatchRecord, Origin
from nbinspect.subject import Subject

Entry: TypeAlias = "tuple[str, Tensor | list[Tensor]]"
"""A tensor and the expression that reaches it; a list stands for samples of different sizes."""


@dataclass(frozen=True)
class CapturedBatch:
    """A captured batch with its live tensors; `record` is the part that outlives them."""

    record: BatchRecord
    inputs: tuple[Entry, ...]
    """Copies of what entered, as it was before the forward could work on it in place."""
    targets: Any
    target_name: str
    batch: Any
    """The batch as the loader gave it; None where only the call was seen."""

    def on_cpu(self) -> CapturedBatch:
        """Return the same batch with its tensors in host memory, so that no accelerator memory is held."""
        cpu = torch.device("cpu")
        inputs = tuple((name, moved_to(value, cpu)) for name, value in self.inputs)
        return replace(self, inputs=inputs, targets=moved_to(self.targets, cpu), batch=moved_to(self.batch, cpu))


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
    door = Door(_doors(subject))
    with preserve(subject.model), probing(), door:
        error = _error_of(subject, fed, parts)
    notes = [moved] if moved else []
    if door.visits:
        seen = door.visits[0]
        if seen.path:
            paths = ", ".join(dict.fromkeys(each.path for each in door.visits))
            notes.append(f"{type(subject.network).__name__} itself is not called, only {paths}: shown at the first")
    else:
        notes.append("the forward raised before any module ran: these are the tensors that were to be passed")
        seen = Visit("", {"inputs": parts.inputs}, subject.network.training, None, torch.is_grad_enabled())
    origin = Origin(_place(subject, seen.path), split, how, None, tuple(notes))
    return build(seen, parts.targets, parts.target_name, origin=origin, batch=batch, indices=indices, error=error)


def build(
    seen: Visit,
    targets: Any,
    target_name: str,
    *,
    origin: Origin,
    batch: Any = None,
    indices: tuple[int, ...] | None = None,
    error: str | None = None,
) -> CapturedBatch:
    """Describe what was seen at the door, beside its targets; one transfer to the host a tensor."""
    arguments = dict(seen.arguments)
    inside = next((key for key in (target_name, *TARGET_KEYS) if key in arguments), None)
    if inside is not None and (targets is None or _equal(arguments[inside], targets)):
        # a model that computes its own loss: what entered it as labels are the targets
        targets, target_name = arguments.pop(inside), inside
    hint = _told_size(targets, batch)
    inputs = tuple(entry for name, value in arguments.items() for entry in entries(value, name, hint))
    goals = tuple(entries(targets, target_name, hint))
    size = batch_size([value for _, value in (*inputs, *goals)])
    tensors = [describe(value, name, "input", batch_size=size) for name, value in inputs]
    tensors += [describe(value, name, "target", batch_size=size) for name, value in goals]
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
    return CapturedBatch(record, inputs, targets, target_name, batch)


def size_in(subject: Subject, batch: Any) -> int:
    """Return the number of samples of a batch as `capture_batch` counts them, without a forward."""
    parts = split_batch(subject, batch)
    hint = _told_size(parts.targets, batch)
    found = (*entries(parts.inputs, "", hint), *entries(parts.targets, "", hint))
    return batch_size([value for _, value in found])


def _told_size(targets: Any, batch: Any) -> int | None:
    """Return the length of the targets, or of the first list of a dict for each sample; None where there is neither."""
    told = length_of(targets)
    if told is not None:
        return told
    for value in (targets, *(batch.values() if isinstance(batch, Mapping) else ())):
        if isinstance(value, list | tuple) and value and all(isinstance(part, Mapping) for part in value):
            return len(value)
    return None


def entries(value: Any, name: str, size: int | None) -> Iterator[Entry]:
    """Yield the tensors of a nested value; a list of samples of different sizes, or of dicts of them, is one entry."""
    if isinstance(value, list | tuple) and value:
        if _is_ragged(value, size):
            yield name, list(value)
            return
        if all(isinstance(part, Mapping) for part in value) and len({tuple(part) for part in value}) == 1:
            for key in value[0]:
                yield from entries([part[key] for part in value], f"{name}[:]['{key}']", len(value))
            return
    if isinstance(value, list | tuple | Mapping) and not hasattr(value, "_fields"):
        parts = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, part in parts:
            yield from entries(part, f"{name}[{key!r}]", size)
        return
    yield from tensors_in(value, name)


def _equal(one: Any, other: Any) -> bool:
    pairs = zip_longest(tensors_in(one, ""), tensors_in(other, ""), fillvalue=("", None))
    return all(
        a is not None and b is not None and a.shape == b.shape and bool((a == b).all()) for (_, a), (_, b) in pairs
    )


def _is_ragged(parts: Sequence[Any], size: int | None) -> bool:
    """Tell samples of different sizes from several inputs: the latter are as long as the batch."""
    if not all(isinstance(part, Tensor) and part.dim() for part in parts):
        return False
    if len({(part.dim(), part.dtype) for part in parts}) > 1:
        return False
    pictures = parts[0].dim() == 3 and size == len(parts) and {part.shape[0] for part in parts} <= {1, 3, 4}
    if all(part.shape[0] == size for part in parts) and not pictures:
        return False
    return size == len(parts) or len({part.shape for part in parts}) > 1


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
