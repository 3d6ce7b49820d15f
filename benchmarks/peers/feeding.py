"""A program of the zoo in the terms of tools that take a model, inputs, targets, a loss and an optimizer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from nbinspect.calling import Parts, call_arguments, split_batch
from nbinspect.nested import map_tensors, tensors_in
from nbinspect.subject import Subject


@dataclass(frozen=True)
class Fed:
    """The first batch of a program, and how to call its model with changed inputs."""

    subject: Subject
    inputs: dict[str, Tensor]
    """What enters the model, by name, without the targets: also those that a user's `forward` finds in the batch."""
    targets: Any
    call: Callable[[Any, Mapping[str, Tensor]], Any]
    """``call(model, inputs) -> outputs``, as nbinspect itself calls the model of this program."""
    batch_axis: int | None
    """None where inputs and targets do not have a row for each sample."""


def subject_of(arguments: Mapping[str, Any]) -> Subject:
    """Return the objects of a program, without the options that only nbinspect has."""
    known = {field.name for field in fields(Subject)}
    return Subject(**{name: value for name, value in arguments.items() if name in known})


def feed(subject: Subject, batch: Any) -> Fed:
    """Return a program's parts on this batch, split and called by the rules that nbinspect has for it."""
    parts = split_batch(subject, batch)
    given = batch if subject.forward is not None else call_arguments(subject, batch, parts)
    own = {id(tensor) for _, tensor in tensors_in(parts.inputs, "")}
    held = {id(tensor) for _, tensor in tensors_in(parts.targets, "")} - own
    inputs = {name: tensor for name, tensor in tensors_in(given, "x") if id(tensor) not in held}
    names = {id(tensor): name for name, tensor in inputs.items()}

    def call(model: Any, changed: Mapping[str, Tensor]) -> Any:
        again = map_tensors(lambda tensor: changed[names[id(tensor)]] if id(tensor) in names else tensor, given)
        if subject.forward is not None:
            return subject.forward(model, again)
        args, kwargs = again
        return model(*args, **kwargs)

    return Fed(subject, inputs, parts.targets, call, _batch_axis(subject, inputs, parts))


def first_fed(subject: Subject) -> Fed:
    """Return a program's parts on the first batch of its loader."""
    assert subject.loader is not None  # its truth is not asked for: a stream of data has no length
    return feed(subject, next(iter(subject.loader)))


def _batch_axis(subject: Subject, inputs: Mapping[str, Tensor], parts: Parts) -> int | None:
    axis = subject.batch_axis
    first = next((tensor for tensor in inputs.values() if tensor.dim() > axis), None)
    if first is None or isinstance(parts.inputs, PackedSequence):
        return None
    targets = parts.targets
    if not isinstance(targets, Tensor) or not targets.dim():
        return axis
    size = first.shape[axis]
    # targets of sequences may be flattened to (N × T,)
    return axis if any(size and length % size == 0 for length in targets.shape[: axis + 1]) else None


def optimizer_of(subject: Subject) -> Any:
    """Return the program's optimizer; several as one that steps them all, a factory's for the whole model."""
    optimizer = subject.optimizer
    if isinstance(optimizer, Mapping):
        return Several(optimizer)
    if optimizer is None or hasattr(optimizer, "param_groups"):
        return optimizer
    return optimizer(subject.model.parameters())


class Several:
    """Optimizers that are stepped together."""

    def __init__(self, parts: Mapping[str, torch.optim.Optimizer]) -> None:
        self.parts = dict(parts)

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups of all."""
        return [group for part in self.parts.values() for group in part.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Return the state of each."""
        return {name: part.state_dict() for name, part in self.parts.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Set the state of each."""
        for name, part in self.parts.items():
            part.load_state_dict(state[name])

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear the gradients of all."""
        for part in self.parts.values():
            part.zero_grad(set_to_none)

    def step(self) -> None:
        """Step all."""
        for part in self.parts.values():
            part.step()


def custom_functions(outputs: Any) -> Iterator[str]:
    """Yield the names of the user's own `autograd.Function` in the graph of these outputs."""
    waiting: list[Any] = [tensor.grad_fn for _, tensor in tensors_in(outputs, "y")]
    seen: set[Any] = set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if isinstance(node, torch.autograd.function.BackwardCFunction):
            yield type(node).__name__
        waiting += [following for following, _ in node.next_functions]
