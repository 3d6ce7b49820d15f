"""Losses of short runs on copies, to compare a program as it is with a changed one."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from nbinspect.records import Chart, Floats
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.running.maximising import are_maximising, maximising_of
from nbinspect.sanity.trials.running.trainee import Trainee, trained

Losses = tuple[float, ...]


def losses_of(
    program: Program,
    batches: Sequence[Batch],
    count: int,
    *,
    own: bool = True,
    before: Callable[[Trainee], None] | None = None,
    around: Callable[[Trainee], AbstractContextManager[Any]] | None = None,
) -> Losses | None:
    """Return the loss that each of a few training steps began with, draws held; it ends early where one is not finite.

    None where there can be no such run: no loss, no optimizer, a step that does not run on a copy. Under an optimizer
    that maximises they have their sign turned, so that they fall as it learns.

    Args:
        program: left unchanged.
        batches: taken in turn; of one batch the losses show how it is memorised.
        count: how many steps.
        own: as in `trained`.
        before: called with the trainee before the first step, to change it.
        around: entered while the steps are taken.
    """
    losses: list[float] = []
    try:
        with trained(program, own=own) as trainee:
            if before is not None:
                before(trainee)
            sign = -1 if are_maximising(maximising_of(trainee.optimizers.values())) else 1
            with nullcontext() if around is None else around(trainee):
                for number in range(count):
                    batch = batches[number % len(batches)]
                    loss = trainee.step(batch, held=True).loss
                    loss = trainee.loss(batch) if loss is None else loss  # of a silent step as it is after it
                    losses.append(sign * loss)
                    if not math.isfinite(losses[-1]):
                        break
    except MissingNeed:
        return None
    return tuple(losses)


def chart_of(title: str, losses: Mapping[str, Losses | None]) -> tuple[Chart, ...]:
    """Return the losses of several runs as one picture; none where a run is missing."""
    known = {name: values for name, values in losses.items() if values}
    if len(known) < len(losses):
        return ()
    lines = padded(known.values())
    at = np.arange(len(lines[0]), dtype=float)
    return (Chart("lines", title, "training step", "loss", tuple(known), lines, at),)


def padded(lines: Collection[Sequence[float]], least: int = 0) -> tuple[Floats, ...]:
    """Return lines as arrays of one length, that of the longest and `least` at least, with NaN behind the shorter."""
    longest = max(least, *map(len, lines))
    return tuple(np.array([*line, *[np.nan] * (longest - len(line))]) for line in lines)


def ends_at(losses: Losses | None) -> float:
    """Return the loss at the end: the mean of the last three; infinite where there is none, or it ran off."""
    if not losses or not all(map(math.isfinite, losses)):
        return math.inf
    return sum(losses[-3:]) / len(losses[-3:])


def fell(losses: Losses | None) -> float:
    """Return by how much a loss fell; minus infinity where there is none, or it ran off."""
    return losses[0] - ends_at(losses) if losses else -math.inf
