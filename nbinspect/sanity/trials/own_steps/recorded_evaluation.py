"""One call of the user's own evaluation, recorded on a copy operation by operation."""

from __future__ import annotations

import time

from nbinspect.capture.forward import Recorder, drawn_up
from nbinspect.capture.operations import Tracer
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.limits import Hung
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Kept, Operation, Recorded
from nbinspect.sanity.trials.running.trainee import trained


def record_evaluation(program: Program, batch: Batch) -> Recorded | None:
    """Call the user's `eval_step` once on a copy, and return what it computed; its losses are among the operations.

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
            kept = Kept(recorder)
            started = time.perf_counter()
            with Tracer(trainee.program.network, "operation", kept.ended, batch=batch.raw):
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
