"""Alerts on the gradients and updates of the layers."""

from __future__ import annotations

import numpy as np

from nbinspect.dynamics.evidence import SETTLING, Evidence, Finding, Line, rise_of_rate
from nbinspect.dynamics.quantities import names_of

POINTS = 8
"""Measurements of the layers that must say the same."""
GROWN = 100.0
"""Times by which the gradients have grown."""
LARGE = 0.1
"""Share of its weights that a layer changes at a step: ten steps replace them."""


def cut_off(run: Evidence) -> Finding | None:
    """The first layers get no gradient, or a layer one of exactly zero; others learn. Source: S-unused, D-dead."""
    lines = run.parts("gradient norm")
    total = run.line("gradient norm")
    if run.span < SETTLING or len(total) < POINTS or np.median(total.values[-POINTS:]) < 1e-6:
        return None
    since = int(total.steps[-POINTS])
    never = [layer for layer in run.trained if not len(lines.get(layer, Line()).since(since - 1))]
    upstream = list(run.trained)[: len(never)] == never  # elsewhere it is a part that this task does not use
    if never and upstream and len(never) < len(run.trained):
        own = max((int(lines[layer].steps[-1]) for layer in never if layer in lines), default=run.begin)
        text = (
            f"No gradient reaches {names_of(never)}{_from(run, own)}: detach() or no_grad() cuts it off; is that meant?"
        )
        return Finding(text, own)
    zero = {layer: line for layer, line in lines.items() if _is_zero(line, since, run)}
    if not zero or len(zero) == len(lines):
        return None
    own = max(_zero_since(line, run.begin) for line in zero.values())
    text = (
        f"The gradient of {names_of(list(zero))} is exactly zero{_from(run, own)}, while others learn: "
        f"its units are dead, or a clip or a product with zero blocks it"
    )
    return Finding(text, own)


def _is_zero(line: Line, since: int, run: Evidence) -> bool:
    own = _zero_since(line, run.begin)
    return bool(len(line.since(since - 1)) >= POINTS and run.step - own >= 0.2 * run.span and own < since)


def _zero_since(line: Line, begin: int) -> int:
    some = np.flatnonzero(line.values > 0)
    return int(line.steps[some[-1]]) if len(some) else begin


def _from(run: Evidence, step: int) -> str:
    return f" since step {step:,}" if step > run.begin else ""


def exploding(run: Evidence) -> Finding | None:
    """The gradients have grown a hundredfold, and the loss is no lower for it. Source: S-weights."""
    line = run.line("gradient norm")
    if run.span < SETTLING or len(line) < 3 * POINTS:
        return None
    before, after = line.values[:-POINTS], line.values[-POINTS:]
    usual, now, since = float(np.median(before)), float(np.quantile(after, 0.25)), int(line.steps[-POINTS])
    if not now > GROWN * usual > 0 or run.loss.level(since, run.step) < run.loss.level(run.begin, since):
        return None
    why = rise_of_rate(run, since, 0)
    likely = f", {why}: it is likely too high" if why else ": training is about to diverge"
    text = f"The gradient norm grew {now / usual:,.0f}× since step {since:,}{likely}"
    return Finding(text, since)


def hasty(run: Evidence) -> Finding | None:
    """Half of the layers change by a tenth of their weights a step, and the loss does not fall. Source: S-weights."""
    steps, ratios = run.layer_line("update ratio")
    if run.span < SETTLING or len(steps) < 2 * POINTS:
        return None
    half = np.median(ratios, axis=0)[len(steps) // 2 :]
    if np.quantile(half, 0.25) < LARGE or run.fall(run.middle, run.step) > 0.05:
        return None
    text = (
        f"Half of the layers change by {np.median(half):.0%} of their weights at every step, and the loss does not "
        f"fall: the learning rate is likely too high"
    )
    return Finding(text, int(steps[len(steps) // 2]))
