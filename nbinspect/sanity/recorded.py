"""The recorded pass that checks share: forward and loss, operation by operation, and one backward, kept live."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import Tensor

from nbinspect.calling import call_loss, call_model
from nbinspect.capture.forward import Recorder, drawn_up, failure_of, measured_inputs, number, unwritten
from nbinspect.capture.operations import Call, Tracer
from nbinspect.nested import tensors_in
from nbinspect.records import Failure, ForwardRecord, Step
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed, ProgramRaised
from nbinspect.sanity.program import Program
from nbinspect.subject import Subject


@dataclass(frozen=True, eq=False)
class Operation:
    """A step of the pass with its tensors, which are live: part of the graph, and no copies."""

    step: Step
    given: tuple[Tensor, ...]
    """In the order of ``step.inputs``."""
    made: tuple[Tensor, ...]
    """In the order of ``step.outputs``."""
    in_loss: bool
    """Whether it ran after the model had returned: in the loss function, or in the user's own step."""


@dataclass(frozen=True, eq=False)
class Recorded:
    """A pass in the model's own mode, on the first batch; backward was run once, and the graph's buffers are gone."""

    batch: Batch
    record: ForwardRecord
    """Of forward and loss; with gradients of activations where backward ran."""
    operations: tuple[Operation, ...]
    """One a step, in the order of ``record.steps``; modules' calls too."""
    outputs: Any
    """What the model returned."""
    loss: Any
    """What the loss gave, whatever it is; None where there is none."""
    gradients: dict[str, Tensor | None]
    """Of each trainable parameter by name, those of a loss module as ``loss_fn.…``; None where none flows.
    Empty where no backward could run, and then `no_backward` says why."""
    no_backward: str
    error: BaseException | None
    """What the forward or the loss raised."""
    of_step: bool = False
    """Whether it is of the user's own training step, taken on a copy, whose tensors these are."""

    @property
    def failure(self) -> Failure | None:
        """Why the forward or the loss ended early; None where they did not."""
        return self.record.failure

    @cached_property
    def by_index(self) -> dict[int, Operation]:
        """The steps by their index."""
        return {operation.step.index: operation for operation in self.operations}

    @property
    def differentiates(self) -> bool:
        """Whether derivatives are taken on the way to the loss."""
        return _differentiate(self.record.steps)

    def named(self, *names: str) -> Iterator[Operation]:
        """Give the operations of these names, ``F.cross_entropy``, in order; modules' calls are not among them."""
        return (one for one in self.operations if one.step.kind == "operation" and one.step.name in names)

    def maker(self, tensor: Tensor) -> Operation | None:
        """Return the operation that made this very tensor; None where none did."""
        return self._makers.get(id(tensor))

    @cached_property
    def _makers(self) -> dict[int, Operation]:
        makers: dict[int, Operation] = {}
        for one in self.operations:
            if one.step.kind == "operation":
                makers |= {id(tensor): one for tensor in one.made}
        return makers


def _differentiate(steps: Iterable[Step]) -> bool:
    return any(step.name == "torch.autograd.grad" for step in steps)


def missing_pass(subject: Subject) -> MissingNeed:
    """Return the need of a pass that runs, to be raised: a step of the user's own may call the model in another way."""
    outside = "" if subject.train_step is None else " outside of your train_step"
    return MissingNeed(f"a forward pass and a loss that run{outside}; see `runs`", "raised")


def finished(attempt: Recorded, subject: Subject) -> Recorded:
    """Return a pass that ran to the end.

    Raises:
        MissingNeed: if it did not.
    """
    if attempt.error is not None:
        raise missing_pass(subject)
    return attempt


def with_gradients(attempt: Recorded, subject: Subject) -> Recorded:
    """Return a pass that ran to the end and had a backward pass.

    Raises:
        MissingNeed: if it did not.
    """
    if finished(attempt, subject).no_backward:
        raise MissingNeed(f"a backward pass: {attempt.no_backward}")
    return attempt


@dataclass(frozen=True, eq=False)
class Trial:
    """What came of running the program on its first batch."""

    attempt: Recorded | None
    """The recorded pass, which may have failed; None where there was no batch to run it on."""
    raised: ProgramRaised | None
    """What the loader or `split` raised, at the first batch or a later one that was read."""


@dataclass(frozen=True, eq=False)
class Evaluated:
    """What the model gives in eval mode, without a graph, on the first batch."""

    batch: Batch
    outputs: Any
    loss: Any
    """What the loss gives on it, whatever it is; None where there is none, or the loss takes what training gives."""


class Kept:
    """Keeps the live tensors of each step beside what the recorder measures."""

    def __init__(self, recorder: Recorder) -> None:
        self.tensors: dict[int, tuple[tuple[Tensor, ...], tuple[Tensor, ...]]] = {}
        self.count = 0
        self.called = 0
        """How many steps there were when the last call of the model, or of a part of it from outside, had returned."""
        self._recorder = recorder

    def ended(self, call: Call, value: Any) -> Any:
        """Keep the tensors of a step, and hand it on to the recorder."""
        made = tuple(tensor for _, tensor in tensors_in(value, "output"))
        self.tensors[call.index] = (call.given, made)
        self.count = max(self.count, call.index + 1)
        # a loss that is a part of the model has no parameters, as a rule, and is no end of the forward
        if call.module is not None and call.parent is None and next(call.module.parameters(), None) is not None:
            self.called = self.count
        return self._recorder.ended(call, value)


def record(program: Program, batch: Batch) -> Recorded:
    """Run forward, loss and backward on a batch in the model's own mode, and return every step, live.

    What the forward or the loss raises is recorded. All that the passes change is put back.
    """
    subject = program.subject
    recorder = Recorder(gradients=True)
    kept = Kept(recorder)
    tracer = Tracer(program.network, "operation", kept.ended, batch=batch.raw, by_value=batch.of_arrays)
    outputs: Any = None
    loss: Any = None
    error: Exception | None = None
    loss_begins = None
    with program.running(gradients=True), unwritten(batch.raw):
        entered = measured_inputs(subject, batch.raw)
        program.count(batch)
        started = time.perf_counter()
        try:
            with program.limits.watching(), tracer:
                outputs = call_model(subject, batch.given, batch.parts)
                loss_begins = (kept.called or None) if program.goes_through_step else kept.count
                loss = call_loss(subject, outputs, batch.parts.targets)
        except Exception as raised:  # noqa: BLE001 - recorded; `runs` tells of it
            error = raised
        seconds = time.perf_counter() - started
        gradients, no_backward = ({}, "the forward pass raised") if error else _backward(program, loss, batch)
        steps = tuple(recorder.steps())
        program.differentiates |= _differentiate(steps)
        recorder.release()
        failure = None if error is None else failure_of(error, tracer.failed, steps)
        drawn = drawn_up(
            subject,
            batch.raw,
            steps,
            failure,
            level="operation",
            inputs=entered,
            outputs=(),
            training=program.network.training,
            grad_enabled=True,
            loss=number(loss),
            seconds=seconds,
            notes=recorder.notes,
        )
    operations = tuple(
        Operation(step, *kept.tensors[step.index], in_loss=loss_begins is not None and step.index >= loss_begins)
        for step in steps
    )
    return Recorded(batch, drawn, operations, outputs, loss, gradients, no_backward, error)


def _backward(program: Program, loss: Any, batch: Batch) -> tuple[dict[str, Tensor | None], str]:
    """Return the gradient of each trainable parameter, or why there is none."""
    if loss is None:
        outside = "" if program.subject.train_step is None else " outside of your train_step; give loss_fn"
        return {}, f"there is no loss{outside}"
    if not isinstance(loss, Tensor) or loss.numel() != 1:
        return {}, "the loss is not one value"
    if not loss.requires_grad:
        return {}, "the loss depends on no parameter that requires a gradient"
    wanted = {name: parameter for name, parameter in program.parameters.items() if parameter.requires_grad}
    try:
        found = program.gradients(loss.sum(), list(wanted.values()), batch)
    except RuntimeError as error:
        return {}, f"the backward pass raised {type(error).__name__}: {error}"
    return dict(zip(wanted, found, strict=True)), ""


def tensor_output(outputs: Any) -> Tensor | None:
    """Return the tensor that a model returned, whatever its dtype; of several the floating one that is named logits.

    Else the first floating one that has an axis; None where there is none.
    """
    if isinstance(outputs, Tensor):
        return outputs
    found = {name: tensor for name, tensor in tensors_in(outputs, "") if tensor.is_floating_point()}
    named = (name for name in found if "logits" in name)
    chosen = next(named, None) or next((name for name, tensor in found.items() if tensor.dim() > 0), None)
    return None if chosen is None else found[chosen]
