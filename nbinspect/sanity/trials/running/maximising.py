"""Optimizers made with ``maximize=True``: what they train by is to rise, and no loss that falls tells of learning."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nbinspect.records import CheckResult
from nbinspect.sanity.check import MissingNeed, failed, measured, skipped
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.running.trainee import trained
from nbinspect.subject import named_optimizers


def are_maximising(optimizers: Iterable[Any]) -> bool:
    """Return whether any of these optimizers maximises, in any of its groups."""
    return any(group.get("maximize") for one in optimizers for group in getattr(one, "param_groups", ()))


def is_maximised(program: Program) -> bool:
    """Return whether an optimizer of the user's maximises; what a factory makes, or a step reaches, is seen on a copy.

    Args:
        program: left unchanged; nothing of it is run.
    """
    subject = program.subject
    given = tuple(named_optimizers(subject.optimizer).values())
    if (given or subject.train_step is None) and all(hasattr(one, "param_groups") for one in given):
        return are_maximising(given)
    try:
        with trained(program) as trainee:
            return are_maximising(trainee.optimizers.values())
    except Exception:  # noqa: BLE001 - what cannot be made on a copy cannot be trained there either
        return False


def of_maximised(*, is_lower: bool) -> CheckResult:
    """Judge an optimizer that maximises, by whether perfect predictions have a lower loss than those of the network."""
    if not is_lower:
        return skipped("an optimizer that minimises its loss; this one maximises it")
    return failed(
        "the optimizer maximises a loss that is lower for better predictions",
        measured("maximize, of the optimizer", "True", "False"),
        title="The optimizer goes up where the loss is to fall",
        detail="Perfect predictions have a lower loss than those of this network, and the optimizer was made with "
        "maximize=True: each of its steps makes predictions worse.",
        remedy="Make the optimizer without maximize=True.",
        where="optimizer",
    )


def require_minimised(is_maximised: bool) -> None:
    """Go on only where no optimizer of the user's maximises.

    Raises:
        MissingNeed: if one does.
    """
    if is_maximised:
        raise MissingNeed("an optimizer that minimises its loss; this one maximises it")
