"""A whole forward pass, recorded: every step with the statistics of what it made, and gradients where asked for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.grad_mode import _unsafe_preserve_version_counter

from nbinspect.calling import Parts, call_loss, call_model, entering, set_mode, split_batch, to_device
from nbinspect.capture.door import probing, refuse_beside_training
from nbinspect.capture.explain import explain
from nbinspect.capture.gradients import parameter_gradients
from nbinspect.capture.naming import failing_line, source_of
from nbinspect.capture.operations import Call, Level, Tracer
from nbinspect.capture.recorder import Recorder, measured_tensors
from nbinspect.capture.samples import size_of_any
from nbinspect.errors import CaptureError
from nbinspect.nested import tensors_in
from nbinspect.preserve import preserve
from nbinspect.records import Activation, Failure, ForwardRecord, Place, SourceCode, Step
from nbinspect.subject import Subject, note_of

__all__ = ["Recorder", "as_called", "drawn_up", "failure_of", "measured_inputs", "measured_tensors", "record_forward"]


@dataclass
class _Run:
    """What a pass has come to."""

    outputs: Any = None
    loss: Any = None
    error: Exception | None = None
    seconds: float = 0.0


def record_forward(
    subject: Subject, batch: Any, *, level: Level = "operation", gradients: bool = False, training: bool | None = None
) -> ForwardRecord:
    """Run one forward pass on a batch and return every step of it, with the statistics of what it made.

    Runs in the caller's grad and autocast mode. An exception of the model or of the loss is recorded with the pass up
    to there. Of more than 20,000 steps the first are kept, and a note says so. The model, its gradients and buffers,
    the batch and the random states are left unchanged. Source: S-layers, T-shapes, T-numerics.

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
    tracer = Tracer(subject.network, level, recorder.ended, batch=batch)
    with preserve(subject.model, subject.loss_fn), unwritten(batch), as_called(), ExitStack() as modes:
        modes.callback(recorder.release)
        if training is not None:
            set_mode(subject.model, training)
        if gradients:
            modes.enter_context(torch.inference_mode(mode=False))
            modes.enter_context(torch.enable_grad())
        entered = measured_inputs(subject, batch, parts)
        run = _run(subject, batch, parts, tracer)
        found = parameter_gradients(subject.network, run.loss, batch) if gradients and run.error is None else ()
        steps = tuple(recorder.steps())
        failure = None if run.error is None else failure_of(run.error, tracer.failed, steps)
        returned = measured_tensors(tensors_in(run.outputs, "output"))
        training = subject.network.training
        loss = number(run.loss)
    return drawn_up(
        subject,
        batch,
        steps,
        failure,
        level=level,
        inputs=entered,
        outputs=returned,
        training=training,
        grad_enabled=gradients or torch.is_grad_enabled(),
        loss=loss,
        seconds=run.seconds,
        parameters=found,
        notes=(*filter(None, [moved]), *recorder.notes),
    )


def drawn_up(
    subject: Subject,
    batch: Any,
    steps: tuple[Step, ...],
    failure: Failure | None,
    notes: tuple[str, ...] = (),
    **rest: Any,
) -> ForwardRecord:
    """Return the record of a pass; what follows from the model, the batch and the steps is worked out here."""
    return ForwardRecord(
        model=type(subject.network).__name__,
        steps=steps,
        sources=sources_of(steps, failure),
        size=size_of_any(subject, batch),
        autocast=next((step.autocast for step in steps), None),
        failure=failure,
        notes=(*note_of(subject), *notes),
        **rest,
    )


def _run(subject: Subject, batch: Any, parts: Parts, tracer: Tracer) -> _Run:
    """Run the pass under the tracer, and the loss after it; whatever they raise is what is to be shown."""
    run = _Run()
    started = time.perf_counter()
    try:
        with tracer:
            run.outputs = call_model(subject, batch, parts)
    except Exception as error:  # noqa: BLE001 - recorded
        run.error = error
    run.seconds = time.perf_counter() - started
    if run.error is None:
        try:
            run.loss = call_loss(subject, run.outputs, parts.targets)
        except Exception as error:  # noqa: BLE001 - recorded
            run.error = error
            tracer.failed = None
    return run


def number(loss: Any) -> float | None:
    """Return a loss of one value as a number; None for anything else."""
    if isinstance(loss, Tensor):
        return float(loss.detach()) if loss.numel() == 1 and not (loss.is_complex() or loss.is_meta) else None
    return float(loss) if isinstance(loss, int | float) else None


@contextmanager
def unwritten(batch: Any) -> Iterator[None]:
    """Put back what a forward writes to the tensors of a batch in place."""
    tensors = {id(tensor): tensor for _, tensor in tensors_in(batch, "")}
    with torch._C.DisableTorchFunction(), torch.no_grad(), ExitStack() as versions:
        kept = [(t, t.detach().clone(), t._version) for t in tensors.values() if not (t.is_inference() or t.is_nested)]
        for tensor, _, _ in kept:
            versions.enter_context(_unsafe_preserve_version_counter(tensor))
        after = versions.pop_all()
    try:
        yield
    finally:
        with torch._C.DisableTorchFunction(), torch.no_grad(), after:
            for tensor, before, version in kept:
                if tensor._version != version:
                    tensor.detach().copy_(before)


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


def failure_of(error: BaseException, failed: Call | None, steps: tuple[Step, ...]) -> Failure:
    """Return why a pass ended early: the innermost step that raised, the line, and what the shapes were."""
    step = next((step for step in steps if failed is not None and step.index == failed.index), None)
    text = f"{type(error).__name__}: {error}".rstrip(": ")
    return Failure(text, step.index if step else None, failing_line(error), explain(step, error))


def sources_of(steps: tuple[Step, ...], failure: Failure | None = None) -> tuple[SourceCode, ...]:
    """Return the text of every function that the steps were called from."""
    places = [step.place for step in steps] + [failure.place if failure else None]
    functions: dict[tuple[str, int], Place] = {(place.file, place.first): place for place in places if place}
    return tuple(filter(None, map(source_of, functions.values())))


def measured_inputs(subject: Subject, batch: Any, parts: Parts | None = None) -> tuple[Activation, ...]:
    """Return the facts and statistics of what the model is called with; of all the batch where that cannot be told.

    `parts` are those of the batch, where it has been split already.
    """
    try:
        found = entering(subject, batch, parts or split_batch(subject, batch))
    except Exception:  # noqa: BLE001 - the user's own `split` may raise anything, and the pass itself tells of it
        found = list(tensors_in(batch, "batch"))
    return measured_tensors(found)
