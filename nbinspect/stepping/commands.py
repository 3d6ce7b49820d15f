"""After which step a command of a debugger stops: over, into, out, run."""

from __future__ import annotations

from typing import Any

from nbinspect.capture.operations import Call
from nbinspect.stepping.passes import Pass, Until


def stop_over(going: Pass | None) -> Until:
    """Return a rule that stops after the next step that is in no more modules than the cursor."""
    cursor = None if going is None else going.at
    if cursor is None:
        return _at_the_top
    depth = cursor.depth
    return lambda call, _: call.depth <= depth


def stop_out(going: Pass | None) -> Until:
    """Return a rule that stops after the next step that is in fewer modules than the cursor."""
    cursor = None if going is None else going.at
    depth = 1 if cursor is None else cursor.depth
    return lambda call, _: call.depth < depth


def stop_at_once(_: Call, __: Any) -> bool:
    """Stop after the very next step."""
    return True


def stop_nowhere(_: Call, __: Any) -> bool:
    """Stop at breakpoints only."""
    return False


def _at_the_top(call: Call, _: Any) -> bool:
    """Stop after a step of the model's own forward, or beside it."""
    return call.depth == 0 or (call.depth == 1 and call.parent is not None and call.parent.path == "")
