"""A whole forward pass, recorded: every step with the statistics of what it made, and gradients where asked for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from nbinspect.calling import Parts, call_arguments, call_loss, call_model, split_batch, to_device
from nbinspect.capture.door import probing, refuse_beside_training
from nbinspect.capture.explain import explain
from nbinspect.capture.health import judge_step
from nbinspect.capture.moments import Bounds, Measured, MomentsGatherer
from nbinspect.capture.naming import failing_line, source_of
from nbinspect.capture.operations import Call, Level, Tracer
from nbinspect.capture.tensors import batch_size
from nbinspect.errors import CaptureError
from nbinspect.nested import tensors_in
from nbinspect.preserve import preserve
from nbinspect.records import Activation, Failure, ForwardRecord, ParameterRecord, Place, SourceCode, Step
from nbinspect.subject import Subject

# Both ends of activations that cannot leave them, by the last word of the operation's or module's name.
_BOUNDS: dict[str, Bounds] = {
    **dict.fromkeys(("sigmoid", "sigmoid_", "Sigmoid", "softmax", "Softmax", "hardsigmoid", "Hardsigmoid"), (0.0, 1.0)),
    **dict.fromkeys(("tanh", "tanh_", "Tanh", "hardtanh", "Hardtanh", "softsign", "Softsign"), (-1.0, 1.0)),
}


@dataclass
class _Draft:
    """A step whose statistics have not been fetched yet."""

    call: Call
    outputs: list[Activation]
    step: Step | None = None


@dataclass
class Recorder:
    """Measures what each step makes, as the `ended` of a `Tracer`."""

    gradients: bool = False
    """Whether to measure the gradients that flow back through what the steps made, too."""
    samples: dict[tuple[int, int], NDArray[Any]] | None = None
    """Where to keep the subsample of each output by (step, output), to compare another pass with."""
    drafts: list[_Draft] = field(default_factory=list)
    _values: MomentsGatherer = field(default_factory=MomentsGatherer)
    _flowing: MomentsGatherer = field(default_factory=MomentsGatherer)
    _flowed: list[tuple[int, int]] = field(default_factory=list)

    def ended(self, call: Call, value: Any) -> Any:
        """Take the statistics of what a step made; gives the value itself back."""
        bounds = _BOUNDS.get(call.name.rpartition(".")[2])
        draft = _Draft(call, [])
        for name, tensor in tensors_in(value, "output"):
            self._values.add(tensor, bounds)
            if self.gradients and tensor.requires_grad:
                hook = self._flows(len(self.drafts), len(draft.outputs))
                tensor.register_hook(hook)  # type: ignore[no-untyped-call] # torch's
            draft.outputs.append(_activation(name, tensor))
        self.drafts.append(draft)
        return value

    def _flows(self, draft: int, output: int) -> Any:
        def hook(gradient: Tensor) -> None:
            with torch._C.DisableTorchFunction():
                self._flowing.add(gradient)
                self._flowed.append((draft, output))

        return hook

    def steps(self) -> list[Step]:
        """Return the steps that have ended, in the order in which they began; one transfer a device."""
        fresh = [draft for draft in self.drafts if draft.step is None]
        measured = iter(self._values.gather())
        for draft in fresh:
            values = [next(measured) for _ in draft.outputs]
            draft.outputs = list(map(_with, draft.outputs, values))
            if self.samples is not None:
                self.samples |= {(draft.call.index, n): v.sample for n, v in enumerate(values) if v.sample is not None}
            draft.step = _step(draft.call, tuple(draft.outputs))
        self._add_gradients()
        return sorted((draft.step for draft in self.drafts if draft.step is not None), key=lambda step: step.index)

    def _add_gradients(self) -> None:
        """Enter the gradients that have flowed; of a tensor used twice, the last is the whole sum."""
        flowed, self._flowed = self._flowed, []
        for (number, output), measured in zip(flowed, self._flowing.gather(), strict=True):
            draft = self.drafts[number]
            draft.outputs[output] = replace(draft.outputs[output], gradient=measured.moments)
            draft.step = _step(draft.call, tuple(draft.outputs))


def record_forward(
    subject: Subject, batch: Any, *, level: Level = "operation", gradients: bool = False, training: bool | None = None
) -> ForwardRecord:
    """Run one forward pass on a batch and return every step of it, with the statistics of what it made.

    Runs in the caller's grad and autocast mode. An exception of the model is recorded with the pass up to there. The
    model, its gradients and buffers and the random states are left unchanged. Source: S-layers, T-shapes, T-numerics.

    Args:
        subject: the model, and how to call it.
        batch: as the loader gives it; moved to the model's device where it must be.
        level: with ``module`` only calls of modules are recorded, which costs less.
        gradients: also run backward from the loss, and record the gradients of activations and parameters.
        training: train or eval mode; by default each module's own.

    Raises:
        CaptureError: if the batch holds no tensor, another thread is at work on the model, or gradients are asked for
            and there is no loss.
    """
    if next(tensors_in(batch, ""), None) is None:
        raise CaptureError("expected a batch with tensors; give `split` or change collate_fn")
    refuse_beside_training(subject.model)
    batch, moved = to_device(subject, batch)
    parts = split_batch(subject, batch)
    recorder = Recorder(gradients=gradients)
    tracer = Tracer(subject.network, level, recorder.ended)
    with preserve(subject.model, subject.loss_fn), as_called(), ExitStack() as modes:
        if training is not None:
            subject.model.train(training)
        if gradients:
            modes.enter_context(torch.enable_grad())
        entered = _measured_inputs(subject, batch, parts)
        started = time.perf_counter()
        outputs: Any = None
        failure = error = None
        try:
            with tracer:
                outputs = call_model(subject, batch, parts)
        except Exception as raised:  # noqa: BLE001 - whatever the model raises is what is to be shown
            error = raised
        seconds = time.perf_counter() - started
        loss = None if error is not None else call_loss(subject, outputs, parts.targets)
        found = _gradients(subject, loss) if gradients and error is None else ()
        steps = tuple(recorder.steps())
        if error is not None:
            failure = failure_of(error, tracer.failed, steps)
        returned = measured_tensors(outputs, "output")
        training = subject.network.training
        value = None if loss is None else float(loss.detach())
    return ForwardRecord(
        model=type(subject.network).__name__,
        level=level,
        steps=steps,
        sources=sources_of(steps, failure),
        inputs=entered,
        outputs=returned,
        size=batch_size([tensor for _, tensor in tensors_in(batch, "")]),
        training=training,
        autocast=next((step.autocast for step in steps), None),
        grad_enabled=gradients or torch.is_grad_enabled(),
        loss=value,
        seconds=seconds,
        parameters=found,
        failure=failure,
        notes=(moved,) if moved else (),
    )


@contextmanager
def as_called() -> Iterator[None]:
    """Run a model as it was written: compiled parts eagerly, and without the encoder's fast path, which hides steps."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with probing():
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def measured_tensors(value: Any, name: str) -> tuple[Activation, ...]:
    """Return the facts and statistics of every tensor of a nested value."""
    values = MomentsGatherer()
    found = []
    for place, tensor in tensors_in(value, name):
        values.add(tensor)
        found.append(_activation(place, tensor))
    return tuple(_with(activation, measured) for activation, measured in zip(found, values.gather(), strict=True))


def failure_of(error: BaseException, failed: Call | None, steps: tuple[Step, ...]) -> Failure:
    """Return why a pass ended early: the innermost step that raised, the line, and what the shapes were."""
    step = next((step for step in steps if failed is not None and step.index == failed.index), None)
    text = f"{type(error).__name__}: {error}".rstrip(": ")
    return Failure(text, step.index if step else None, failing_line(error), explain(step))


def sources_of(steps: tuple[Step, ...], failure: Failure | None = None) -> tuple[SourceCode, ...]:
    """Return the text of every function that the steps were called from."""
    places = [step.place for step in steps] + [failure.place if failure else None]
    functions: dict[tuple[str, int], Place] = {(place.file, place.first): place for place in places if place}
    return tuple(filter(None, map(source_of, functions.values())))


def _measured_inputs(subject: Subject, batch: Any, parts: Parts) -> tuple[Activation, ...]:
    if subject.forward is not None:
        return measured_tensors(batch, "batch")
    args, kwargs = call_arguments(subject, batch, parts)
    return measured_tensors(args[0] if len(args) == 1 else args, "x") + tuple(
        activation for name, value in kwargs.items() for activation in measured_tensors(value, name)
    )


def _gradients(subject: Subject, loss: Any) -> tuple[ParameterRecord, ...]:
    """Run backward from the loss without touching any `.grad`, and return every parameter with its gradient."""
    if loss is None:
        raise CaptureError("gradients need a loss: give Inspector a loss_fn and a batch with targets")
    if not isinstance(loss, Tensor) or loss.numel() != 1 or not loss.requires_grad:
        raise CaptureError(f"gradients need a loss of one value that depends on the parameters, got {_outline(loss)}")
    named = dict(subject.network.named_parameters())
    wanted = [parameter for parameter in named.values() if parameter.requires_grad]
    try:
        found = torch.autograd.grad(loss, wanted, allow_unused=True) if wanted else ()
    except RuntimeError as error:
        raise CaptureError(f"the backward pass raised {type(error).__name__}: {error}") from error
    flowing = {id(parameter): gradient for parameter, gradient in zip(wanted, found, strict=True)}
    values = MomentsGatherer()
    for parameter in named.values():
        values.add(parameter)
        gradient = flowing.get(id(parameter))
        if gradient is not None:
            values.add(gradient)
    measured = iter(values.gather())
    return tuple(
        ParameterRecord(
            name=name,
            shape=tuple(parameter.shape),
            dtype=_name(parameter.dtype),
            requires_grad=parameter.requires_grad,
            moments=next(measured).moments,
            gradient=None if flowing.get(id(parameter)) is None else next(measured).moments,
        )
        for name, parameter in named.items()
    )


def _outline(loss: Any) -> str:
    if isinstance(loss, Tensor):
        return f"shape {tuple(loss.shape)}, requires_grad={loss.requires_grad}"
    return type(loss).__name__


def _activation(name: str, tensor: Tensor) -> Activation:
    shape = tuple(tensor.shape) if not tensor.is_nested else (tensor.size(0),)
    return Activation(name, shape, _name(tensor.dtype), str(tensor.device), tensor.requires_grad, None)


def _with(activation: Activation, measured: Measured) -> Activation:
    found = replace(activation, moments=measured.moments, units=measured.units, dead=measured.dead)
    return replace(found, note=measured.note)


def _step(call: Call, outputs: tuple[Activation, ...]) -> Step:
    step = Step(
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
    return replace(step, findings=judge_step(step))


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
