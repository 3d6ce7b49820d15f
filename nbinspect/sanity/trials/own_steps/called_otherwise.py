"""A plain call of the model with a batch that raises, where the user may call it in another way; and their own step."""

from __future__ import annotations

import inspect
import traceback
from dataclasses import replace
from math import isfinite
from typing import Any

from torch import Tensor
from torch.optim import SGD
from torch.optim.lr_scheduler import LRScheduler

from nbinspect.capture.naming import failing_line
from nbinspect.records import CheckResult
from nbinspect.sanity.check import MissingNeed, StepRaised, failed, inconclusive, warned
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded
from nbinspect.sanity.trials.running.trainee import Trainee, trained
from nbinspect.whose import is_users_file

_CUT_OFF = "does not require grad"
"""Said where a loss has no graph, of which `detached-graph` tells."""


def by_own_step(program: Program, attempt: Recorded, plain: CheckResult) -> CheckResult:
    """Judge by the user's own step, which may call the model in another way than a plain call does."""
    try:
        with trained(program) as trainee:
            trainee.step(attempt.batch)
    except StepRaised as raised:
        error = raised.__cause__ or raised
        if _is_over(error, trainee):
            return unsettled(plain, f"Your train_step was not tried: its run is over ({_told(error)}). ")
        is_same = attempt.failure is not None and _told(error) == attempt.failure.error
        return plain if is_same else _of_raised(error, "Your train_step", "train_step")
    except MissingNeed as missing:
        return unsettled(plain, f"Your train_step was not tried: it needs {missing}. ")
    done = "your train_step runs; a plain call does not: give `forward` or `split`"
    return replace(unsettled(plain), status="pass", summary=done)


def of_further_steps(program: Program, attempt: Recorded) -> CheckResult | None:
    """Judge where forward and loss run: by two of the user's own steps, or by a step where the backward pass raised.

    None where they run, cannot be tried, or stop for a reason of which other checks tell.
    """
    is_own = program.subject.train_step is not None
    if not is_own and not attempt.no_backward.startswith("the backward pass raised"):
        return None
    if isinstance(attempt.loss, Tensor) and attempt.loss.numel() == 1 and not isfinite(float(attempt.loss.detach())):
        return None  # at which a step may well stop
    taken = 0
    try:
        with trained(program, optimizer=None if is_own else _still) as trainee:
            while taken < (2 if is_own else 1):
                trainee.step(attempt.batch)
                taken += 1
    except StepRaised as raised:
        error = raised.__cause__ or raised
        if _CUT_OFF in str(error) or _is_over(error, trainee):
            return None
        who = ("Your train_step" if is_own else "The backward pass") + (", taken a second time," if taken else "")
        return _of_raised(error, who, "train_step" if is_own else "loss_fn")
    except MissingNeed:
        return None
    return None


def _still(parameters: Any) -> SGD:
    return SGD(parameters, lr=0.0)


def _of_raised(error: BaseException, who: str, where: str) -> CheckResult:
    text = _told(error)
    # what the user asserts, or has a name for, may be of the copy, or of where the run stands
    doubtful = isinstance(error, AssertionError) or _is_users_kind(type(error))
    return (warned if doubtful else failed)(
        text.splitlines()[0][:120],
        title=f"{who} raises on a real batch",
        detail=f"Taken on a copy, it raises {text}",
        remedy="Mend the line that raises.",
        where=where,
        place=failing_line(error),
    )


def _is_over(error: BaseException, trainee: Trainee) -> bool:
    """Whether an error says that a run has ended, or that a table of the user's lacks the parts of a copy."""
    if isinstance(error, StopIteration | OSError | EOFError | SystemExit) or "closed file" in str(error):
        return True
    frames = [frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__)]
    if frames and frames[-1] == inspect.getfile(LRScheduler):
        return True
    parts = {id(one) for one in (*trainee.parameters.values(), *trainee.program.network.modules())}
    return isinstance(error, KeyError) and error.args[:1] != () and error.args[0] in parts


def _is_users_kind(kind: type) -> bool:
    if kind.__module__ in ("builtins", "__main__"):
        return kind.__module__ == "__main__"
    try:
        return is_users_file(inspect.getfile(kind))
    except (TypeError, OSError):
        return False


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")


def unsettled(plain: CheckResult, why: str = "") -> CheckResult:
    """Tell that nobody said how the model is called, and a plain call raises."""
    return inconclusive(
        "a plain call with the batch raises",
        settle=f"{why}It raises {plain.summary}; checks that need that pass are skipped. Say how the model is called "
        "by forward=lambda model, batch: …, or what it is given by split=lambda batch: (inputs, targets).",
    )
