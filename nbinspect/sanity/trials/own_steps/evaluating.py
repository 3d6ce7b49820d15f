"""Whether the user's own evaluation runs on what it is to evaluate."""

from __future__ import annotations

import inspect
from dataclasses import replace

from nbinspect.capture.naming import failing_line
from nbinspect.records import CheckResult
from nbinspect.sanity.batches import Batch, reading
from nbinspect.sanity.check import MissingNeed, failed, warned
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.own_steps.recorded_evaluation import raised_by_evaluation


def evaluated_batch(program: Program, batch: Batch) -> Batch:
    """Return the first batch of the `val_loader`, or another where there is none.

    Raises:
        MissingNeed: if it cannot be read.
    """
    subject = program.subject
    if subject.val_loader is None:
        return batch
    with reading(subject, subject.val_loader, program.limits) as batches:
        return next(batches)


def of_evaluation(program: Program, batch: Batch) -> CheckResult | None:
    """Fail where the `eval_step` raises on a batch of the `val_loader`; on one of the training loader it is a warning.

    None where it runs, is not given, or cannot be tried.

    Args:
        program: left unchanged; the evaluation is called on a copy.
        batch: of the training loader, where no other is given.
    """
    subject = program.subject
    if subject.eval_step is None:
        return None
    try:
        batch = evaluated_batch(program, batch)
    except MissingNeed:
        return None
    error = raised_by_evaluation(program, batch)
    if error is None or isinstance(error, SystemExit):
        return None
    text = f"{type(error).__name__}: {error}".rstrip(": ")
    # one that asks for a loader by name is no function of a batch
    names = inspect.signature(subject.eval_step).parameters
    doubtful = subject.val_loader is None or any("load" in name or name == "dl" for name in names)
    found = (warned if doubtful else failed)(
        f"in eval_step: {text.splitlines()[0][:120]}",
        title="Your eval_step raises on a real batch",
        detail=f"Called on a copy in eval mode, it raises {text}",
        remedy="Mend the line that raises.",
        where="eval_step",
        place=failing_line(error),
    )
    return replace(found, is_apart=True)
