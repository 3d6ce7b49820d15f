"""A plain call of the model with a batch that raises, where the user may call it in another way."""

from __future__ import annotations

from dataclasses import replace

from nbinspect.capture.naming import failing_line
from nbinspect.records import CheckResult
from nbinspect.sanity.check import MissingNeed, StepRaised, failed, inconclusive
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded
from nbinspect.sanity.trials.running.trainee import trained


def by_own_step(program: Program, attempt: Recorded, plain: CheckResult) -> CheckResult:
    """Judge by the user's own step, which may call the model in another way than a plain call does."""
    try:
        with trained(program) as trainee:
            trainee.step(attempt.batch)
    except StepRaised as raised:
        error = raised.__cause__ or raised
        text = f"{type(error).__name__}: {error}".rstrip(": ")
        if attempt.failure is not None and text == attempt.failure.error:
            return plain
        return failed(
            text.splitlines()[0][:120],
            title="Your train_step raises on a real batch",
            detail=f"Taken on a copy, it raises {text}",
            remedy="Mend the line that raises.",
            where="train_step",
            place=failing_line(error),
        )
    except MissingNeed as missing:
        return unsettled(plain, f"Your train_step was not tried: it needs {missing}. ")
    done = "your train_step runs; a plain call does not: give `forward` or `split`"
    return replace(unsettled(plain), status="pass", summary=done)


def unsettled(plain: CheckResult, why: str = "") -> CheckResult:
    """Tell that nobody said how the model is called, and a plain call raises."""
    return inconclusive(
        "a plain call with the batch raises",
        settle=f"{why}It raises {plain.summary}; checks that need that pass are skipped. Say how the model is called "
        "by forward=lambda model, batch: …, or what it is given by split=lambda batch: (inputs, targets).",
    )
