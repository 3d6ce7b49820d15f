"""One call of the user's own evaluation, recorded on a copy operation by operation."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

from nbinspect.capture.forward import Recorder, drawn_up
from nbinspect.capture.operations import Call, Tracer
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.limits import Hung
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Kept, Operation, Recorded
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
        with trained(program, idle=True) as trainee:
            trainee.program.network.eval()
            recorder = Recorder()
            kept = _Few(recorder)
            started = time.perf_counter()
            tracer = Tracer(trainee.program.network, "operation", kept.ended, batch=batch.raw)
            with suppress(_Enough), tracer:
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
                training=False,
                grad_enabled=False,
                loss=None,
                seconds=time.perf_counter() - started,
                notes=recorder.notes,
            )
    except (MissingNeed, RuntimeError, Hung):
        return None
    operations = tuple(Operation(step, *kept.tensors[step.index], in_loss=False) for step in steps)
    return Recorded(batch, record, operations, None, None, {}, "an evaluation has none", None, of_step=True)
