"""One call of the user's own training step, recorded on a copy operation by operation up to its backward pass."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from nbinspect.capture.forward import Recorder, drawn_up, number
from nbinspect.capture.naming import calling_line
from nbinspect.capture.operation_mode import OperationMode
from nbinspect.capture.operations import Call, Tracer
from nbinspect.nested import tensors_in
from nbinspect.records import Place, Step
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed, StepRaised
from nbinspect.sanity.limits import Hung
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Kept, Operation, Recorded, record
from nbinspect.sanity.trials.running.observed import observe
from nbinspect.sanity.trials.running.plain import quieted
from nbinspect.sanity.trials.running.trainee import Trainee, trained

Change: TypeAlias = Callable[[Program], Any]


@dataclass(frozen=True, eq=False)
class OwnStep:
    """What a call of the user's `train_step` computed before its backward pass, and the gradients of that pass."""

    recorded: Recorded
    """Its loss is what ``backward()`` was called on; its outputs are None where the model was not called once, whole.
    Tensors are those of the copy."""
    program: Program
    """The copy that the step was taken on, with the optimizers that the step reaches."""
    is_single: bool
    """Whether ``backward()`` was called once, and not again for other parts of the batch."""
    arrived: Mapping[int, Tensor]
    """The gradients of the tensors that the model, called as a whole, returned, by their ids."""


def record_step(program: Program, batch: Batch, *, changed: Change | None = None) -> OwnStep | None:
    """Take one step of the user's own on a copy, and return it as it went until it called ``backward()``.

    None where that is not seen, as without memory for a copy, or it does so on several lines, as where several networks
    or losses take turns: then no single trace tells what is trained.

    Args:
        program: the original; left unchanged, the step is counted.
        batch: left unchanged.
        changed: called with the copy before the step, to change it.
    """
    try:
        with trained(program, changed=changed) as trainee:
            watch = _Watch(trainee)
            try:
                trainee.step(batch, around=watch.watching)
            except StepRaised:
                if not watch.is_cut_off:
                    return None
            return watch.drawn()
    except (MissingNeed, RuntimeError, Hung):
        return None


def record_again(program: Program, batch: Batch, recorded: Recorded, *, still: bool = False) -> Recorded | None:
    """Record on another batch what was recorded: the user's own step, or the pass of model and loss.

    None where the step cannot be recorded on it. With `still`, a step goes without dropout and noise.
    """
    if not recorded.of_step:
        return record(program, batch)
    own = record_step(program, batch, changed=quieted if still else None)
    return None if own is None else own.recorded


@dataclass(frozen=True, eq=False)
class Training:
    """What the program trains by: a call of the user's own step, or passes of model and loss."""

    program: Program
    """Whose tensors are in the recordings: a copy of the user's, where they are of a step."""
    recordings: tuple[Recorded, ...]
    batches: tuple[Batch, ...]
    """To take steps on."""

    @property
    def of_step(self) -> bool:
        """Whether it is the user's own step."""
        return self.recordings[0].of_step

    def later(self, program: Program) -> frozenset[str]:
        """Return the parameters for which a gradient comes in further steps on copies of the program, if of a step."""
        return observe(program, self.batches).arrived if self.of_step else frozenset()


def _line_of(frame: FrameType | None) -> Place | None:
    """Return the user's line of a call that the recording mode, further out, has handed on."""
    while frame is not None and frame.f_code is not OperationMode.__torch_function__.__code__:
        frame = frame.f_back
    return calling_line(frame)


class _Watch(TorchFunctionMode):
    """Sees what a step does up to its first backward pass, and how often, and where, it calls another."""

    def __init__(self, trainee: Trainee) -> None:
        super().__init__()
        optimizers = trainee.optimizers
        optimizer: Any = next(iter(optimizers.values())) if len(optimizers) == 1 else optimizers or None
        self._program = trainee.program
        self._optimizer = optimizer
        self._recorder = Recorder()
        self._kept = Kept(self._recorder)
        self._wanted = {name: one for name, one in self._program.parameters.items() if one.requires_grad}
        self._gradients: dict[str, Tensor | None] = dict.fromkeys(self._wanted)
        self._batch: Batch | None = None
        self._loss: Tensor | None = None
        self._lines: list[Place | None] = []
        self._steps: tuple[Step, ...] = ()
        self._outputs: list[Any] = []
        self._arrived: dict[int, Tensor] = {}
        self._seconds = 0.0

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Note a backward pass."""
        if function is Tensor.backward:
            with torch._C.DisableTorchFunction():
                self._lines.append(_line_of(sys._getframe(1)))
                if self._loss is None:
                    self._loss = args[0]
                    self._steps = tuple(self._recorder.steps())
        return function(*args, **(kwargs or {}))

    @property
    def is_cut_off(self) -> bool:
        """Whether the step called its first backward pass on a loss without a graph, which raises."""
        return len(self._lines) == 1 and self._loss is not None and not self._loss.requires_grad

    @contextmanager
    def watching(self, batch: Batch) -> Iterator[None]:
        """Watch the step that is taken in this block on a batch of its own."""
        self._batch = batch
        tracer = Tracer(self._program.network, "operation", self._ended, batch=batch.raw, by_value=batch.of_arrays)
        wanted: dict[str, Any] = self._wanted  # torch's hooks are not typed
        handles = [one.register_hook(self._arriving(name)) for name, one in wanted.items()]
        started = time.perf_counter()
        try:
            with self, tracer:
                yield
        finally:
            self._seconds = time.perf_counter() - started
            for handle in handles:
                handle.remove()

    def _ended(self, call: Call, value: Any) -> Any:
        if self._loss is not None:
            return value
        kept = self._kept.ended(call, value)
        if call.module is not None and call.parent is None and not call.path and not call.failed:
            self._outputs.append(value)
            for _, tensor in tensors_in(value, ""):
                if tensor.requires_grad and not tensor.is_leaf:
                    returned: Any = tensor
                    returned.register_hook(partial(self._arrived.__setitem__, id(tensor)))
        return kept

    def _arriving(self, name: str) -> Any:
        def hook(gradient: Tensor) -> None:
            if len(self._lines) == 1:
                before = self._gradients[name]
                self._gradients[name] = gradient.detach().clone() if before is None else before + gradient.detach()

        return hook

    def drawn(self) -> OwnStep | None:
        """Return what was seen; None where no single trace tells what is trained."""
        takes_turns = len(self._lines) > 1 and (len(set(self._lines)) > 1 or None in self._lines)
        if self._loss is None or self._batch is None or takes_turns:
            return None
        copy, begins = self._program, self._kept.called or None
        copy.change(optimizer=self._optimizer)
        record = drawn_up(
            copy.subject,
            self._batch.raw,
            self._steps,
            None,
            level="operation",
            inputs=(),
            outputs=(),
            training=copy.network.training,
            grad_enabled=True,
            loss=number(self._loss),
            seconds=self._seconds,
            notes=self._recorder.notes,
        )
        operations = tuple(
            Operation(step, *self._kept.tensors[step.index], in_loss=begins is not None and step.index >= begins)
            for step in self._steps
        )
        outputs = self._outputs[0] if len(self._outputs) == 1 else None
        no_backward = "the loss depends on no parameter that requires a gradient" if self.is_cut_off else ""
        gradients = {} if no_backward else self._gradients
        given = (self._batch, record, operations, outputs, self._loss)
        recorded = Recorded(*given, gradients, no_backward, None, of_step=True)
        return OwnStep(recorded, copy, len(self._lines) == 1, self._arrived)
