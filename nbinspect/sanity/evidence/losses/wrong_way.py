"""What is said of a loss whose fall makes predictions worse."""

from __future__ import annotations

from nbinspect.records import CheckResult, Measurement, Place
from nbinspect.sanity.check import failed


def wrong_way(shown: list[Measurement], where: str = "loss_fn", place: Place | None = None) -> CheckResult:
    """Tell of it, with what was measured."""
    return failed(
        "minimising it makes predictions worse",
        *shown,
        title="The loss points the wrong way",
        detail="The loss of perfect predictions is higher than the present one, and each small step down makes the "
        "predictions worse: its sign is flipped, or it is a metric that should be maximised.",
        remedy="Multiply the loss by -1, or minimise 1 minus the metric.",
        where=where,
        place=place,
        code="" if place else "- loss = loss_fn(outputs, targets)\n+ loss = -loss_fn(outputs, targets)",
    )
