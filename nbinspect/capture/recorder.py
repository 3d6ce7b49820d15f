"""What the steps of a pass made, measured as they end: statistics, subsamples, gradients, findings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from nbinspect.capture.bounds import bounds_of
from nbinspect.capture.health import HealthJudge
from nbinspect.capture.moments import MomentsGatherer, Slot
from nbinspect.capture.operations import Call
from nbinspect.capture.origins import shape_of, type_name
from nbinspect.capture.summary import Measured
from nbinspect.capture.units import UnitAxes
from nbinspect.nested import tensors_in
from nbinspect.records import Activation, Step

MOST_STEPS = 20_000
_AT_ONCE = 1024  # steps whose subsamples are held before they become bars


@dataclass(eq=False)
class _Draft:
    """A step whose statistics have not been fetched yet."""

    call: Call
    outputs: list[Activation]
    slots: list[Slot]
    weights: tuple[Tensor, ...] = ()
    """Its parameters."""
    step: Step | None = None
    gradients: dict[int, Slot] = field(default_factory=dict)
    flowed: bool = False


@dataclass
class Recorder:
    """Measures what each step makes, as the `ended` of a `Tracer`; of steps beyond the first 20,000, failures alone."""

    gradients: bool = False
    """Whether to measure the gradients that flow back through what the steps made, too."""
    samples: dict[tuple[int, int], NDArray[Any]] | None = None
    """Where to keep the subsample of each output by (step, output), to compare another pass with."""
    drafts: list[_Draft] = field(default_factory=list)
    left_out: int = 0
    """Steps that were not kept, for there were too many."""
    _values: MomentsGatherer = field(default_factory=MomentsGatherer)
    _flowing: MomentsGatherer = field(default_factory=MomentsGatherer)
    _axes: UnitAxes = field(default_factory=UnitAxes)
    _judge: HealthJudge = field(default_factory=HealthJudge)
    _fresh: int = 0
    _hooks: list[tuple[Tensor, Any, bool]] = field(default_factory=list)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the record does not have, a sentence each."""
        return (f"{self.left_out:,} steps after the first {MOST_STEPS:,} are not kept",) if self.left_out else ()

    def ended(self, call: Call, value: Any) -> Any:
        """Take the statistics of what a step made; gives the value itself back."""
        if call.in_place:
            self._values.forget()
        made = [("output", value)] if isinstance(value, Tensor) else list(tensors_in(value, "output"))
        call.axes = [self._axes.enter(call.name, call.module, call.given, tensor) for _, tensor in made]
        if call.index >= MOST_STEPS and not call.failed:
            self.left_out += 1
            return value
        draft = _Draft(call, [], [], _weights(call))
        for (name, tensor), axis in zip(made, call.axes, strict=True):
            draft.slots.append(self._values.add(tensor, bounds_of(call.name), axis))
            if self.gradients and tensor.requires_grad:
                self._listen(draft, len(draft.outputs), tensor)
            draft.outputs.append(activation_of(name, tensor))
        self.drafts.append(draft)
        self._fresh += 1
        if self._fresh >= _AT_ONCE:
            self._fetch()
        return value

    def again(self, value: Any) -> None:
        """Measure the last step anew: it has been made to give something else."""
        call = self.drafts.pop().call
        self._values.forget()
        self.ended(call, value)

    def steps(self) -> list[Step]:
        """Return the steps that have ended, in the order in which they began; one transfer a device."""
        self._fetch()
        return sorted((draft.step for draft in self.drafts if draft.step is not None), key=lambda step: step.index)

    def release(self) -> None:
        """Take the hooks off leaves of the graph, which outlive the pass."""
        for tensor, handle, bare in self._hooks:
            handle.remove()
            if bare:
                tensor._backward_hooks = None
        self._hooks.clear()

    def _listen(self, draft: _Draft, output: int, tensor: Tensor) -> None:
        if torch._C._functorch.maybe_current_level() is not None:
            return

        def hook(gradient: Tensor | None) -> None:
            if gradient is None:
                return  # torch calls hooks of an unused output beside a used one with nothing
            with torch._C.DisableTorchFunction():
                # of a tensor used twice, the last that flows is the whole sum
                draft.gradients[output] = self._flowing.add(gradient, axis=None)
                draft.flowed = True

        bare = tensor._backward_hooks is None
        _ = tensor.grad_fn  # of a view that was written through another it is made anew: in `register_hook` torch dies
        handle = tensor.register_hook(hook)  # type: ignore[no-untyped-call] # torch's
        if tensor.is_leaf:
            self._hooks.append((tensor, handle, bare))

    def _fetch(self) -> None:
        self._fresh = 0
        self._values.gather()
        self._flowing.gather()
        for draft in self.drafts:
            if draft.step is None:
                self._finish(draft)
            if draft.flowed and draft.step is not None:
                for output, slot in draft.gradients.items():
                    draft.outputs[output] = replace(draft.outputs[output], gradient=slot.moments)
                draft.step = replace(draft.step, outputs=tuple(draft.outputs))
                draft.flowed = False

    def _finish(self, draft: _Draft) -> None:
        found = [slot.measured for slot in draft.slots if slot.measured is not None]
        index = draft.call.index
        if self.samples is not None:
            self.samples |= {(index, n): one.sample for n, one in enumerate(found) if one.sample is not None}
        draft.outputs = list(map(with_measured, draft.outputs, found))
        step = _step(draft.call, tuple(draft.outputs))
        draft.step = replace(
            step, findings=self._judge.findings(step, found, draft.weights, constant=draft.call.constant)
        )
        draft.slots, draft.weights = [], ()


def measured_tensors(named: Iterable[tuple[str, Tensor]]) -> tuple[Activation, ...]:
    """Return the facts and statistics of tensors with their names, as `tensors_in` gives them."""
    values = MomentsGatherer()
    found = []
    with torch._C.DisableTorchFunction():
        for place, tensor in named:
            values.add(tensor)
            found.append(activation_of(place, tensor))
        return tuple(map(with_measured, found, values.gather()))


def activation_of(name: str, tensor: Tensor) -> Activation:
    """Return what a tensor is, without its values."""
    return Activation(
        name, tuple(shape_of(tensor)), type_name(tensor.dtype), str(tensor.device), tensor.requires_grad, None
    )


def with_measured(activation: Activation, measured: Measured) -> Activation:
    """Return an activation with the statistics of its values."""
    found = replace(activation, moments=measured.moments, units=measured.units, dead=measured.dead)
    return replace(found, note=measured.note)


def _weights(call: Call) -> tuple[Tensor, ...]:
    if call.module is not None:
        return tuple(call.module.parameters(recurse=False))
    return tuple(tensor for tensor in call.given if isinstance(tensor, torch.nn.Parameter)) if call.parameters else ()


def _step(call: Call, outputs: tuple[Activation, ...]) -> Step:
    return Step(
        index=call.index,
        kind=call.kind,
        name=call.name,
        path=call.path,
        call=call.number,
        parent=None if call.parent is None else call.parent.index,
        depth=call.depth,
        place=call.place,
        inputs=call.uses,
        outputs=outputs,
        parameters=call.parameters,
        grad_enabled=call.grad_enabled,
        autocast=call.autocast,
        in_place=call.in_place,
        seconds=call.seconds,
        memory=call.memory if outputs and outputs[0].device.startswith("cuda") else None,
        note="raised" if call.failed else call.note,
    )
