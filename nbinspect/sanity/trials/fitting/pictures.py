"""Pictures and numbers of loss curves on one batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nbinspect.records import Chart, Measurement
from nbinspect.sanity.check import measured
from nbinspect.sanity.trials.fitting.curve import REACHED, Curve
from nbinspect.sanity.trials.running.comparison import padded


def curves_chart(title: str, curves: Sequence[Curve]) -> Chart:
    """Return curves of the same samples over the steps, with the band around the floor that they should reach."""
    values = padded([curve.losses for curve in curves])
    names, at = tuple(curve.name for curve in curves), np.arange(len(values[0]), dtype=float)
    return Chart("lines", title, "steps", "loss", names, values, at, band(curves[0]))


def band(curve: Curve) -> tuple[float | None, float | None]:
    """Return the floor and the highest loss that counts as near it; nothing where the floor is not known."""
    floor = curve.goal.floor
    return (None, None) if floor is None else (floor, floor + REACHED * curve.gap)


def shown(what: str, curve: Curve) -> Measurement:
    """Return the way of a curve as a measurement, beside what is expected of it."""
    _, high = band(curve)
    expected = "lower than at first; the floor is not known" if high is None else f"at most {high:.4g}"
    blind = curve.goal.blind
    if curve.goal.gap is not None and blind is not None:
        expected += f"; {blind:.4g} is the best without looking at the inputs"
    return measured(f"loss of {what}, {curve.name}", way(curve), expected)


def way(curve: Curve) -> str:
    """Return where a curve went: ``2.303 to 0.01234 in 31 steps``."""
    return f"{curve.losses[0]:.4g} to {curve.losses[-1]:.4g} in {len(curve.losses) - 1} steps"
