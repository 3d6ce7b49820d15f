"""Why an operation refused what it was given, in terms of the shapes at that line."""

from __future__ import annotations

from nbinspect.records import Step


def explain(step: Step | None) -> str:
    """Return what the step that raised was given, in a sentence; empty where no step raised."""
    if step is None or not step.inputs:
        return ""
    given = ", ".join(f"{use.name} {use.shape} {use.dtype}" for use in step.inputs)
    return f"{step.name} was given {given}"
