"""A short run at other rates, with which updates of too small or too large a size would be of a usual one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

from nbinspect.sanity.batches import Batch
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.running.comparison import Losses, losses_of
from nbinspect.sanity.trials.running.trainee import Trainee


@dataclass(frozen=True, eq=False)
class OtherRate:
    """What came of a run at another rate."""

    losses: Losses | None
    """As `losses_of` gives them."""
    factor: float
    """What the rates were multiplied with, of all groups but those whose updates are of a usual size."""
    rate: float
    """The largest of these rates as it was; 0 where there was no run."""


def at_other_rates(
    program: Program,
    batches: Sequence[Batch],
    sizes: Mapping[str, float],
    *,
    band: tuple[float, float],
    size: float,
    count: int,
) -> OtherRate:
    """Train at a rate with which updates would have a size, as a share of the weights.

    Args:
        program: left unchanged.
        batches: taken in turn.
        sizes: of the updates as they are, by the name of the weight.
        band: a group of parameters whose updates lie in it keeps its rate.
        size: of updates, that the others are to have.
        count: how many steps.
    """
    off = [one for one in sizes.values() if not band[0] <= one <= band[1]]
    middle = median(off or sizes.values())
    factor = size / middle if middle else 1 / size
    rates = [0.0]
    before = partial(_change, sizes=sizes, band=band, factor=factor, rates=rates)
    return OtherRate(losses_of(program, batches, count, before=before), factor, max(rates))


def _change(
    trainee: Trainee, *, sizes: Mapping[str, float], band: tuple[float, float], factor: float, rates: list[float]
) -> None:
    names = {id(parameter): name for name, parameter in trainee.parameters.items()}

    def of_group(group: Mapping[str, Any]) -> float:
        found = (names.get(id(parameter), "") for parameter in group["params"])
        known = [sizes[name] for name in found if name in sizes]
        if known and band[0] <= median(known) <= band[1]:
            return 1.0
        rates.append(float(group.get("lr", 0.0)))
        return factor

    trainee.scale_rates(of_group)
