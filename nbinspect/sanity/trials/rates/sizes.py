"""How far updates move weights, and at which rates."""

from __future__ import annotations

from statistics import median

import numpy as np

from nbinspect.records import Chart
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.running.observed import Observed


def sizes_of(program: Program, observed: Observed, settled: int = 3) -> dict[str, float]:
    """Return the median size of the later updates of each weight of two dimensions or more that was not zero."""
    found: dict[str, list[float]] = {}
    for step in observed.updating[settled:]:
        for update in step.events.updates:
            for name, size in update.sizes.items():
                parameter = program.parameters.get(name)
                if parameter is not None and parameter.dim() > 1 and update.found.get(name, 0.0) > 0:
                    found.setdefault(name, []).append(size)
    zero = {name for name in found if not bool(program.parameters[name].detach().any())}
    return {name: median(sizes) for name, sizes in found.items() if name not in zero}


def rates_of(observed: Observed) -> list[float]:
    """Return the largest rate of each update."""
    return [max(update.rates, default=0.0) for step in observed.updating for update in step.events.updates]


def is_warming(observed: Observed) -> bool:
    """Return whether a schedule raised the rate in these steps."""
    rates = rates_of(observed)
    return bool(observed.scheduled) and len(rates) > 1 and rates[-1] > rates[0]


def picture_of(sizes: dict[str, float], band: tuple[float, float]) -> Chart:
    """Return the sizes as bars, in the band in which they are expected."""
    values = np.array(list(sizes.values()))
    return Chart(
        "bars",
        "Updates beside weights",
        "weight",
        "|update| / |weight|",
        tuple(sizes),
        (values,),
        np.array([]),
        band,
        True,
    )
