"""Optimizers made with ``maximize=True``: what they train by is to rise, and no loss that falls tells of learning."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

from nbinspect.records import CheckResult
from nbinspect.sanity.check import MissingNeed, failed, measured, skipped, warned
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.running.trainee import trained
from nbinspect.subject import named_optimizers

Maximising: TypeAlias = frozenset[bool]
"""Whether groups of the optimizers maximise: both where some do, as multipliers of a constraint; empty without any."""


def maximising_of(optimizers: Iterable[Any]) -> Maximising:
    """Return whether the groups of these optimizers maximise."""
    return frozenset(bool(group.get("maximize")) for one in optimizers for group in getattr(one, "param_groups", ()))


def maximising_in(program: Program) -> Maximising:
    """Return whether the user's optimizers maximise; what a factory makes, or a step reaches, is seen on a copy.

    Args:
        program: left unchanged; nothing of it is run.
    """
    subject = program.subject
    given = tuple(named_optimizers(subject.optimizer).values())
    if (given or subject.train_step is None) and all(hasattr(one, "param_groups") for one in given):
        return maximising_of(given)
    try:
        with trained(program) as trainee:
            return maximising_of(trainee.optimizers.values())
    except Exception:  # noqa: BLE001 - what cannot be made on a copy cannot be trained there either
        return frozenset()


def are_maximising(maximising: Maximising) -> bool:
    """Return whether all that is trained maximises."""
    return maximising == {True}


def of_maximised(program: Program, maximising: Maximising, *, is_lower: bool, is_new: bool) -> CheckResult:
    """Judge optimizers that maximise, by whether perfect predictions have a lower loss than those of the network.

    Nothing is said where parts of the network are not trained, as where a change of the inputs is to mislead it.

    Args:
        program: nothing of it is run.
        maximising: of its optimizers.
        is_lower: whether perfect predictions have the lower loss.
        is_new: whether the network is untrained; else it may be meant to forget, which is a warning.
    """
    if not (is_lower and are_maximising(maximising) and trains_all(program)):
        return skipped(_need(maximising))
    return (failed if is_new else warned)(
        "the optimizer maximises a loss that is lower for better predictions",
        measured("maximize, of the optimizer", "True", "False"),
        title="The optimizer goes up where the loss is to fall",
        detail="Perfect predictions have a lower loss than those of this network, and the optimizer was made with "
        "maximize=True: each of its steps makes predictions worse.",
        remedy="Make the optimizer without maximize=True.",
        where="optimizer",
    )


def trains_all(program: Program) -> bool:
    """Return whether the optimizers that are given, or what a factory makes, have every parameter of the network."""
    parts = named_optimizers(program.subject.optimizer).values()
    groups = [group for one in parts for group in getattr(one, "param_groups", ())]
    held = {id(parameter) for group in groups for parameter in group["params"]}
    wanted = list(program.network.parameters())
    return all(one.requires_grad and (not groups or id(one) in held) for one in wanted)


def require_minimised(maximising: Maximising) -> None:
    """Go on only where no part of what the user trains maximises.

    Raises:
        MissingNeed: if one does.
    """
    if True in maximising:
        raise MissingNeed(_need(maximising))


def _need(maximising: Maximising) -> str:
    who = "this one" if are_maximising(maximising) else "a group of parameters here"
    return f"an optimizer that minimises its loss; {who} maximises it"
