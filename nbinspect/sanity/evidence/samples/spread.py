"""Which operation carries a change of the inputs to where it must not go: two passes, compared step by step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import torch
from torch import Tensor

from nbinspect.capture.operations import Call, Tracer
from nbinspect.nested import tensors_in
from nbinspect.records import Place
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import tensor_output

_Step: TypeAlias = tuple[str, str, int]
"""Module, operation, and how often that one ended there before: a mask without padding saves some steps elsewhere."""


@dataclass(frozen=True)
class Spread:
    """The operation at which a change first goes too far."""

    name: str
    """As PyTorch spells it: ``torch.lstm``, ``Tensor.view``."""
    path: str
    """The module that it runs in; empty for the model itself."""
    place: Place | None
    given: tuple[tuple[int, ...], ...]
    """The shapes of the tensors that it was given."""
    made: tuple[int, ...]
    """The shape of the tensor that it made."""
    step: _Step
    """Which step of the pass it is."""
    is_within: bool
    """Whether it runs in a module, and the model is given nothing in which the change has gone too far before."""

    @property
    def where(self) -> str:
        """The operation with its module, to be read: ``torch.lstm in encoder``."""
        return f"{self.name} in {self.path}" if self.path else self.name


def first_spread(
    program: Program, before: Batch, after: Batch, spreads: Callable[[Tensor, Tensor], bool]
) -> Spread | None:
    """Return the operation that first carries a change too far, of those that the outputs come from; None if none.

    Two passes in eval mode, with the same random numbers.

    Args:
        program: the model.
        before: a batch.
        after: the same with other inputs.
        spreads: whether what a step made of the two differs where it must not; gets tensors of one shape or not.
    """
    first = _Kept()
    _traced(program, before, first.ended)
    second = _Compared(first.made, spreads)
    outputs = _traced(program, after, second.ended)
    target = tensor_output(outputs)
    found = second.sources.get(id(target), next(iter(second.sources.values()), None))
    given = zip(first.given, second.given, strict=False)
    is_late = any(one.shape == other.shape and spreads(one, other) for one, other in given)
    return replace(found, is_within=False) if found is not None and is_late else found


def is_of_step(program: Program, spread: Spread | None) -> bool:
    """Return whether it may be the user's own step, which augments and pairs, that carries a change, and no model."""
    return program.goes_through_step and (spread is None or not spread.is_within)


def require_within(program: Program, spread: Spread | None) -> None:
    """Judge a change no further where the user's own step may carry it.

    Raises:
        MissingNeed: if it may.
    """
    if is_of_step(program, spread):
        by = "" if spread is None else f": {spread.name} is there"
        raise MissingNeed(f"a train_step that mixes nothing itself before it calls the model{by}")


def given_at(program: Program, batch: Batch, spread: Spread) -> tuple[list[Tensor], list[Tensor]]:
    """Return what a step is given on a batch, and the tokens that embeddings look up after it; in eval mode, copied."""
    given: list[Tensor] = []
    read: list[Tensor] = []
    counted: Counter[tuple[str, str]] = Counter()

    def ended(call: Call, value: Any) -> Any:
        if _step_of(call, counted) == spread.step:
            given.extend(tensor.detach().clone() for tensor in call.given)
        elif given and call.name == "F.embedding" and call.given:
            read.append(call.given[0].detach().clone())
        return value

    _traced(program, batch, ended)
    return given, read


def _traced(program: Program, batch: Batch, ended: Callable[[Call, Any], Any]) -> Any:
    tracer = Tracer(program.network, "operation", ended, batch=batch.raw, by_value=batch.of_arrays)
    with program.running(training=False), tracer:
        return program.outputs(batch)


class _Kept:
    """Copies of what each step made."""

    def __init__(self) -> None:
        self.made: dict[_Step, list[Tensor]] = {}
        self.given: list[Tensor] = []
        """What the model itself was given."""
        self._ended: Counter[tuple[str, str]] = Counter()

    def ended(self, call: Call, value: Any) -> Any:
        self.given += _given_to_model(call)
        step = _step_of(call, self._ended)
        self.made[step] = [tensor.detach().clone() for _, tensor in tensors_in(value, "")]
        return value


class _Compared:
    """Follows what differs too far from the first pass back to the step at which it began."""

    def __init__(self, before: dict[_Step, list[Tensor]], spreads: Callable[[Tensor, Tensor], bool]) -> None:
        self.sources: dict[int, Spread] = {}
        self.given: list[Tensor] = []
        self._before = before
        self._ended: Counter[tuple[str, str]] = Counter()
        self._spreads = spreads
        self._held: list[Tensor] = []  # an id names a tensor only while it lives

    def ended(self, call: Call, value: Any) -> Any:
        self.given += _given_to_model(call)
        step = _step_of(call, self._ended)
        earlier = self._before.get(step, [])
        made = [tensor for _, tensor in tensors_in(value, "")]
        self._held += made
        if len(made) != len(earlier):
            return value
        inherited = next((self.sources[id(part)] for part in call.given if id(part) in self.sources), None)
        for one, other in zip(earlier, made, strict=True):
            if one.layout is torch.strided and self._spreads(one, other.detach()):
                shapes = tuple(tuple(part.shape) for part in call.given)
                own = Spread(
                    call.name, call.path, call.place, shapes, tuple(other.shape), step, call.parent is not None
                )
                self.sources.setdefault(id(other), inherited or own)
            elif not call.in_place:
                self.sources.pop(id(other), None)
        return value


def _given_to_model(call: Call) -> list[Tensor]:
    is_model = call.module is not None and call.parent is None and not call.path
    return [tensor.detach().clone() for tensor in call.given if tensor.layout is torch.strided] if is_model else []


def _step_of(call: Call, ended: Counter[tuple[str, str]]) -> _Step:
    ended[call.path, call.name] += 1
    return call.path, call.name, ended[call.path, call.name]
