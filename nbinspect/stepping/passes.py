"""One forward pass on a clone, that can be suspended after each step, changed there, and gone on with."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal, TypeAlias

import torch
from numpy.typing import NDArray
from torch import Tensor

from nbinspect.calling import call_loss, call_model, set_mode, split_batch, to_device
from nbinspect.capture.forward import Recorder, drawn_up, failure_of, measured_inputs, measured_tensors, number
from nbinspect.capture.operations import Call, Level, Tracer
from nbinspect.capture.recorder import MOST_STEPS
from nbinspect.clone import clones_of, parameter_versions
from nbinspect.nested import map_tensors, tensors_in
from nbinspect.records import Failure, ForwardRecord, Step
from nbinspect.stepping.guard import ParameterGuard
from nbinspect.stepping.modes import Modes
from nbinspect.stepping.worker import Stopped, Worker
from nbinspect.subject import Subject

State: TypeAlias = Literal["ready", "running", "suspended", "finished", "failed", "stopped"]
Until: TypeAlias = "Callable[[Call, Any], bool]"

_SAMPLE = 512
_MANY_SAMPLES = 1024


class Pass:
    """A pass of a subject's model on a batch, on a thread of its own.

    Args:
        subject: its model is cloned; the clone shares the parameters.
        batch: as the loader gave it; what the forward writes to it in place is not seen outside.
        modes: those that the pass runs in, and the random states that it begins with.
        level: what counts as a step.
        training: train or eval mode; by default each module's own.
        changes: what steps, by their index, are made to give instead, as `replace` does it.
        parameters: values of parameters and buffers, by name, to use instead of the model's own.
        track_inputs: whether autograd follows the input's floating point numbers, for gradients with respect to them.

    Raises:
        CaptureError: if the model cannot be copied.
    """

    def __init__(
        self,
        subject: Subject,
        batch: Any,
        modes: Modes,
        *,
        level: Level,
        training: bool | None = None,
        changes: dict[int, Tensor] | None = None,
        parameters: dict[str, Tensor] | None = None,
        track_inputs: bool = False,
    ) -> None:
        self.cursor: Call | None = None
        """The step that has just ended, where the pass is suspended."""
        self.value: Any = None
        """What that step made: the live tensors."""
        self.outputs: Any = None
        self.loss: Any = None
        self.failure: Failure | None = None
        self.seconds = 0.0
        self.reached = -1
        """The greatest index of a step that has begun."""
        self.changes = changes or {}
        self.samples: dict[tuple[int, int], NDArray[Any]] = {}
        """Up to 512 values of each output by (step, output), of the steps that `steps` has given."""
        self.versions = parameter_versions(subject.network)
        """Those of the model's parameters as the pass began."""
        self._model = subject.network
        clone, loss_fn, forward, split = clones_of(
            self._model, subject.loss_fn, subject.forward, subject.split, values=parameters
        )
        if training is not None:
            set_mode(clone, training)
        self.training = clone.training
        self._subject = replace(subject, model=clone, loss_fn=loss_fn, forward=forward, split=split)
        with torch.inference_mode(False):
            self.inputs = map_tensors(lambda tensor: _copied(tensor, track_inputs), to_device(subject, batch)[0])
        """The batch on the model's device; what the forward gets are copies."""
        self._fresh_samples: dict[tuple[int, int], NDArray[Any]] = {}
        self._recorder = Recorder(samples=self._fresh_samples)
        self._until: Until = _never
        self._steps: tuple[Step, ...] = ()
        self._more = False
        self._running = False
        self._over = False
        self._stopped = False
        self._level: Level = level
        self._worker = Worker(self._work, modes)

    @property
    def stale(self) -> str | None:
        """A sentence where the parameters were changed after the pass began; else None."""
        changed = self.state in ("suspended", "running") and parameter_versions(self._model) != self.versions
        return "parameters were changed after this pass began: what follows uses the new ones" if changed else None

    @property
    def state(self) -> State:
        """Where the pass stands."""
        if self._stopped:
            return "stopped"
        if self._worker.ended and not self._running:
            return "failed" if self.failure is not None else "finished" if self._over else "stopped"
        if self._running:
            return "running"
        return "suspended" if self.cursor is not None else "ready"

    @property
    def at(self) -> Call | None:
        """The step at the cursor, where the pass is suspended."""
        return self.cursor if self.state == "suspended" else None

    def live_at(self, index: int, output: int) -> tuple[Tensor | None, tuple[Tensor, ...]]:
        """Return one live tensor that a step made, and all that it was given; none unless suspended just after it."""
        if self.at is None or self.at.index != index:
            return None, ()
        made = [tensor for _, tensor in tensors_in(self.value, "")]
        return (made[min(output, len(made) - 1)] if made else None), self.at.given

    def advance(self, until: Until, timeout: float | None = None) -> bool:
        """Let the pass go on until `until` holds after a step, or to its end; False if that takes beyond `timeout`."""
        self._until = until
        self._running = True
        return self._come(lambda: self._worker.advance(timeout))

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for a pass that is running; False if it goes on beyond `timeout`."""
        return not self._running or self._come(lambda: self._worker.wait(timeout))

    def steps(self) -> tuple[Step, ...]:
        """Return the steps that have ended, in the order in which they began."""
        if self._more and not self._running:
            self._steps = tuple(self._recorder.steps())
            self._thin_samples()
            self._more = False
        return self._steps

    def ended_steps(self) -> tuple[Step, ...]:
        """Return the same on the pass's own thread, while it runs."""
        self._more = True
        return tuple(self._recorder.steps())

    def record(self) -> ForwardRecord:
        """Return the pass so far as a record."""
        steps = self.steps()
        return drawn_up(
            self._subject,
            self.inputs,
            steps,
            self.failure,
            level=self._level,
            inputs=measured_inputs(self._subject, self.inputs),
            outputs=measured_tensors(tensors_in(self.outputs, "output")),
            training=self.training,
            grad_enabled=any(step.grad_enabled for step in steps),
            loss=number(self.loss),
            seconds=self.seconds,
            notes=self._recorder.notes,
        )

    def replace(self, tensor: Tensor) -> None:
        """Have the pass go on with another tensor than the one at the cursor; both are alike in all but values."""
        assert self.cursor is not None
        self.changes[self.cursor.index] = tensor
        self.value = _swapped(self.cursor, self.value, tensor)
        if self.cursor.index < MOST_STEPS:
            with torch._C.DisableTorchFunction():
                self._recorder.again(self.value)
        self._more = True

    def stop(self) -> bool:
        """End the pass and let go of its live tensors; False if its thread is blocked and had to be abandoned."""
        ended = self._worker.ended
        released = self._worker.stop()
        self._running = False
        self.cursor = self.value = None
        self._until = _never
        self._stopped = not ended
        return released

    def _come(self, worker: Callable[[], bool]) -> bool:
        try:
            arrived = worker()
        except BaseException:
            self.stop()
            raise
        self._running = not arrived
        return arrived

    def _work(self) -> None:
        started = time.perf_counter()
        error: BaseException | None = None
        tracer: Tracer | None = None
        try:
            batch = map_tensors(lambda tensor: tensor.clone(), self.inputs)
            parts = split_batch(self._subject, batch)
            tracer = Tracer(self._subject.network, self._level, self._ended, self._begins, batch=batch)
            with ParameterGuard(self._subject.network), tracer:
                self.outputs = call_model(self._subject, batch, parts)
        except Stopped:
            raise
        except BaseException as raised:  # noqa: BLE001 - whatever the model raises is what is to be shown
            error = raised
        failed = tracer.failed if tracer is not None else None
        if error is None:
            try:
                self.loss = call_loss(self._subject, self.outputs, parts.targets)
            except Exception as raised:  # noqa: BLE001 - the same
                error, failed = raised, None
        self.seconds = time.perf_counter() - started
        self.cursor = self.value = None
        if error is not None:
            self.failure = failure_of(error, failed, tuple(self._recorder.steps()))
        del error  # its traceback holds live tensors
        self._over = True

    def _begins(self, call: Call) -> None:
        self._worker.check()
        self.reached = call.index

    def _ended(self, call: Call, value: Any) -> Any:
        self._worker.check()
        self.reached = max(self.reached, call.index)
        self._more = True
        if call.failed:
            return self._recorder.ended(call, value)
        if call.index in self.changes:
            value = _swapped(call, value, self.changes[call.index])
        self._recorder.ended(call, value)
        if len(self._fresh_samples) > _MANY_SAMPLES:
            self._thin_samples()
        if self._until(call, value):
            self.cursor, self.value = call, value
            del value  # the pass must not hold what is replaced
            self._worker.pause()
            value = self.value
            self.cursor = self.value = None
        return value

    def _thin_samples(self) -> None:
        for key, values in self._fresh_samples.items():
            self.samples[key] = values[:: -(-len(values) // _SAMPLE) or 1].copy()
        self._fresh_samples.clear()


def _copied(tensor: Tensor, track: bool) -> Tensor:
    follow = tensor.requires_grad or (track and tensor.is_floating_point())
    return tensor.detach().clone().requires_grad_(follow)


def _never(_: Call, __: Any) -> bool:
    return False


def _swapped(call: Call, value: Any, tensor: Tensor) -> Any:
    """Return what a step made with its first tensor replaced; one that was written in place is written to."""
    first = next((found for _, found in tensors_in(value, "")), None)
    if first is None:
        return value
    if call.in_place:
        with torch.no_grad():
            first.copy_(tensor)
        return value
    return map_tensors(lambda found: tensor if found is first else found, value)
