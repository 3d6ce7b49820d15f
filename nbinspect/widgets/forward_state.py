"""What the page is told of a stepper: where it stands, which steps differ, and the tensor at the cursor."""

from __future__ import annotations

from typing import Any

from nbinspect.errors import NbinspectError
from nbinspect.nested import tensors_in
from nbinspect.records import ActivationView
from nbinspect.stepping.looking import INPUT
from nbinspect.stepping.stepper import ForwardStepper
from nbinspect.wire import pack


def cursor_of(stepper: ForwardStepper) -> dict[str, Any]:
    """Return where a stepper stands, as JSON values."""
    runs, subject = stepper.runs, stepper.runs.subject
    return {
        "state": stepper.state,
        "index": stepper.cursor,
        "reached": stepper.reached,
        "view": stepper.view,
        "failure": pack(stepper.failure),
        "breakpoints": [
            {"id": each.id, "text": each.text, "on": each.on, "hits": each.hits} for each in stepper.breakpoints
        ],
        "hit": stepper.hit,
        "effect": _effect(stepper),
        "edits": [f"step {index} replaced" for index in sorted(stepper.runs.changes)]
        + ["input edited"] * stepper.runs.batches.edited,
        "text": "",
        "training": subject.network.training if runs.training is None else runs.training,
        "can": _can(stepper),
        "notes": [stepper.stale] if stepper.stale else [],
    }


def live_of(stepper: ForwardStepper) -> dict[str, Any]:
    """Return the steps that differ from the untouched run: those from the first change on."""
    if stepper.runs.batches.edited:
        first = 0
    elif stepper.runs.changes:
        first = min(stepper.runs.changes)
    else:
        return {"first": 0, "steps": []}
    return {"first": first, "steps": pack([step for step in stepper.steps if step.index >= first])}


def exhibit_of(stepper: ForwardStepper, sample: int) -> ActivationView | None:
    """Return the tensor at the cursor, the input at the start, the outputs at the end; None where there is none."""
    size = stepper.runs.batches.size
    sample = min(sample, max(0, size - 1))
    try:
        if stepper.state == "ready":
            return stepper.look(INPUT, sample=sample)
        if stepper.step is not None:
            return stepper.look(sample=sample)
        outputs = [tensor for _, tensor in tensors_in(stepper.outputs, "")]
        if outputs:
            return stepper.looker.look(0, stepper.steps, outputs[0], sample=sample)
    except NbinspectError:
        pass  # nothing to look at here; the page says so
    return None


def _effect(stepper: ForwardStepper) -> Any:
    return pack(stepper.effect) if stepper.state in ("suspended", "finished") else None


def _can(stepper: ForwardStepper) -> dict[str, bool]:
    goes_on = stepper.state in ("ready", "suspended")
    forwards = goes_on or stepper.view is not None
    running, is_open = stepper.state == "running", stepper.state != "closed"
    subject = stepper.runs.subject
    return {
        "restart": is_open and not running,
        "over": forwards,
        "into": forwards,
        "out": goes_on,
        "run": goes_on,
        "back": bool(stepper.steps) and not running,
        "stop": running,
        "replace": stepper.state == "suspended" and stepper.view is None,
        "gradients": is_open and not running,
        "edit": is_open and not running,
        "next": subject.loader is not None,
    }
