"""One call of the user's own evaluation or training step, recorded whole on a copy, operation by operation."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from nbinspect.calling import set_mode
from nbinspect.capture.forward import Recorder, drawn_up
from nbinspect.capture.operations import Call, Tracer
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed, StepRaised
from nbinspect.sanity.limits import Hung
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Kept, Operation, Recorded
from nbinspect.sanity.trials.running.backward_calls import BackwardCalls
from nbinspect.sanity.trials.running.trainee import trained

_CALLS = 4
"""Of the model, after which an evaluation that goes through a whole loader has shown what it computes."""
_BYTES = 2**28
"""That the live tensors of an evaluation may take, one call of the model aside."""


class _Enough(BaseException):
    """Ends the user's evaluation; a BaseException, so that no `except Exception` of the user's swallows it."""


class _Few(Kept):
    """Keeps the tensors of the first calls of the model, and ends the evaluation with the next."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder)
        self._calls = self._bytes = 0

    def ended(self, call: Call, value: Any) -> Any:
        """Keep the tensors of a step, until there are enough."""
        replaced = super().ended(call, value)
        self._bytes += sum(tensor.nbytes for tensor in self.tensors[call.index][1] if not tensor.is_sparse)
        self._calls += call.kind == "module" and not call.path
        if self._calls > _CALLS or (self._calls > 1 and self._bytes > _BYTES):
            raise _Enough
        return replaced


def record_evaluation(program: Program, batch: Batch) -> Recorded | None:
    """Call the user's `eval_step` once on a copy, and return what it computed; its losses are among the operations.

    One that goes through a whole loader is ended after a few batches.

    None where there is none, or it does not run on a copy. What it leaves behind, it leaves in the copy.

    Args:
        program: left unchanged; the call is counted as a step.
        batch: what is evaluated; left unchanged.
    """
    if program.subject.eval_step is None:
        return None
    try:
        return _recorded(program, batch)
    except (MissingNeed, RuntimeError, Hung):
        return None


def record_whole_step(program: Program, batch: Batch) -> Recorded | None:
    """Call the user's `train_step` once on a copy, and return what it computed, whatever its losses and how many.

    Its loss is a tuple of them: of what backward passes began from; None where there was no such pass.

    None where there is none, or it does not run on a copy.

    Args:
        program: left unchanged; the call is counted as a step.
        batch: what is trained on; left unchanged.
    """
    if program.subject.train_step is None:
        return None
    try:
        return _recorded(program, batch, training=True)
    except (MissingNeed, RuntimeError, Hung):
        return None


def raised_by_evaluation(program: Program, batch: Batch) -> BaseException | None:
    """Return what the user's `eval_step` raises on a copy; None where it runs, is not given, or cannot be tried.

    What it raises while it is recorded counts only if it does so without.
    """
    if program.subject.eval_step is None:
        return None
    try:
        try:
            _recorded(program, batch)
        except StepRaised:
            with trained(program, idle=True) as trainee:
                set_mode(trainee.program.network, training=False)
                trainee.evaluate(batch)
    except StepRaised as raised:
        return raised.__cause__ or raised
    except (MissingNeed, RuntimeError, Hung):
        return None
    return None


def _recorded(program: Program, batch: Batch, *, training: bool = False) -> Recorded:
    with trained(program, idle=not training) as trainee:
        set_mode(trainee.program.network, training)
        recorder = Recorder()
        kept = _Few(recorder)
        started = time.perf_counter()
        losses = BackwardCalls()

        @contextmanager
        def watching(own: Batch) -> Iterator[None]:
            network = trainee.program.network
            with losses, Tracer(network, "operation", kept.ended, batch=own.raw, by_value=own.of_arrays):
                yield

        with suppress(_Enough):
            if training:
                trainee.step(batch, around=watching)
            else:
                with watching(batch):
                    trainee.evaluate(batch)
        steps = tuple(recorder.steps())
        recorder.release()
        record = drawn_up(
            trainee.program.subject,
            batch.raw,
            steps,
            None,
            level="operation",
            inputs=(),
            outputs=(),
            training=training,
            grad_enabled=training,
            loss=None,
            seconds=time.perf_counter() - started,
            notes=recorder.notes,
        )
    operations = tuple(Operation(step, *kept.tensors[step.index], in_loss=False) for step in steps)
    why = "a step with several losses has no single one" if training else "an evaluation has none"
    loss = tuple(losses.found) if training and losses.found else None
    return Recorded(batch, record, operations, None, loss, {}, why, None, of_step=True)
