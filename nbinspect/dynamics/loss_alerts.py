"""Alerts on the run as a whole: its losses, its rates and its pace."""

from __future__ import annotations

import numpy as np

from nbinspect.dynamics.evidence import SETTLING, Evidence, Finding, highest_rate, rise_of_rate

PIECES, SHORTEST = 10, 30
"""Stretches that a run is cut into, and how many steps each has at least."""
LOST = 0.3
"""Share of what was gained that a rising loss has lost again."""
WORSE, LEAST_RISE, GAP = 1.25, 0.1, 0.25
"""Validation loss over its best, and its rise over what was gained; training accuracy less validation accuracy."""
ASLEEP = 1e-5
"""Of its highest value: a rate below it changes nothing."""
PACES, SLOWER = 100, 0.45
"""Tenths of a second of either pace, and their ratio."""


def rising(run: Evidence) -> Finding | None:
    """The training loss has risen and stayed up: by 30 % of what was gained. Source: T-overfit-signs."""
    width = max(SHORTEST, run.span / PIECES)
    if run.span < max(SETTLING, 3 * width):
        return None
    edges = np.arange(run.begin, run.step - 2 * width + 1, width)
    pieces = [run.loss.between(edge, edge + width) for edge in edges]
    if min(map(len, pieces)) < 5:
        return None
    levels = np.array([float(np.median(piece)) for piece in pieces])
    best, start = int(levels.argmin()), abs(levels[0])
    gained = max(levels[0] - levels[best], 0.5 * start)
    recent = [
        run.loss.between(run.step - width, run.step - width / 2),
        run.loss.between(run.step - width / 2, run.step),
    ]
    high = float(np.quantile(pieces[best], 0.9))
    for part in recent:
        if not len(part) or np.median(part) < levels[best] + LOST * gained or np.quantile(part, 0.25) <= high:
            return None
    up = np.flatnonzero(levels > levels[best] + 0.5 * LOST * gained)
    up = up[up > best]
    since = int(edges[up[0]] if len(up) else run.step - width)
    now = float(np.median(np.concatenate(recent)))
    why = rise_of_rate(run, since, 2 * width)
    likely = f", {why}: it is likely too high" if why else ": the learning rate may be too high, or the data changed"
    return Finding(f"The training loss rose from {levels[best]:.3g} to {now:.3g} since step {since:,}{likely}", since)


def asleep(run: Evidence) -> Finding | None:
    """The rate has sunk to nothing long before the end, and no layer changes any more. Source: K-schedule."""
    groups = {part: line for part, line in run.parts("rate").items() if len(line) and line.values.max() > 0}
    if not groups:
        return None
    since = run.begin
    for line in groups.values():
        awake = np.flatnonzero(line.values >= ASLEEP * line.values.max())
        if awake[-1] == len(line) - 1:
            return None
        since = max(since, int(line.steps[awake[-1] + 1]))
    steps, ratios = run.layer_line("update ratio")
    moved = ratios[:, steps > since].max(initial=0.0)
    if run.step - since < max(50, 0.15 * run.span) or moved > 1e-5:
        return None
    now = _last_rate(run)
    text = (
        f"The learning rate sank to {now:.3g} at step {since:,}, and nothing is learnt since: the schedule is too short"
    )
    return Finding(text, since)


def _last_rate(run: Evidence) -> float:
    return max(float(line.values[-1]) for line in run.parts("rate").values() if len(line))


def slow(run: Evidence) -> Finding | None:
    """No layer changes enough for anything to be learnt, for the rate is tiny and stays so. Source: S-weights."""
    steps, ratios = run.layer_line("update ratio")
    if run.span < SETTLING or len(steps) < 5 or not len(run.loss):
        return None
    largest = float(ratios.max())
    accuracy = run.accuracy(run.begin)
    limit = 1e-4 if accuracy < 0.6 else 1e-5
    unmoved = abs(run.fall(run.begin, run.step)) < 0.03
    if not 0 < largest < limit or accuracy > 0.9 or run.warming or not unmoved or not highest_rate(run) < 2e-4:
        return None
    text = (
        f"No layer has changed by more than {largest:.1g} of its weights at any step, and the loss stays at "
        f"{run.loss.level(run.middle, run.step):.3g}: the learning rate of {highest_rate(run):.3g} is likely too low"
    )
    return Finding(text, run.begin)


def overfitting(run: Evidence) -> Finding | None:
    """Validation loss has risen from its best while training loss fell, or accuracy lies far behind. Source: K-long."""
    line = run.line("validation loss")
    if len(line) < 4 or run.span < SETTLING:
        return None
    best = int(line.values.argmin())
    lowest, at = float(line.values[best]), int(line.steps[best])
    later = line.values[best + 1 :][-3:]
    width = max(SHORTEST, run.span / PIECES)
    then = run.loss.level(at - width / 2, at + width / 2)
    now = run.loss.level(run.step - width, run.step)
    if len(later) < 2 or not now < min(0.9 * then, 0.8 * float(later[-1])):
        return _far_behind(run)
    start = run.loss.level(run.begin, run.begin + 5)
    gained, rose = max(start, float(line.values[0])) - lowest, float(later.min()) - lowest
    if not rose >= max((WORSE - 1) * lowest, _share_lost(run, at) * gained) > 0:
        return _far_behind(run)
    text = (
        f"Validation loss rose from {lowest:.3g} at step {at:,}, its best, to {later[-1]:.3g}, while training loss "
        f"fell from {then:.3g} to {now:.3g}: the network overfits since then"
    )
    return Finding(text, at)


def _share_lost(run: Evidence, best: int) -> float:
    """What share of its gain validation loss must lose: more while accuracy holds, for then confidence alone grows."""
    line = run.line("validation accuracy")
    then, later = line.values[line.steps <= best], line.since(best).values
    return LOST if len(then) and len(later) and later[-3:].mean() > then[-1] - 0.02 else LEAST_RISE


def _far_behind(run: Evidence) -> Finding | None:
    accuracy, own = run.line("validation accuracy"), run.line("probe accuracy")
    if len(accuracy) < 4 or len(own) < 5 or run.probe is None or run.probe.split != "train":
        return None
    size = len(run.probe.targets) if run.probe.targets is not None else 0
    if size < 12 or own.values[-5:].min() < 1 or accuracy.values[-3:].max() > 1 - GAP:
        return None
    since = int(own.steps[np.flatnonzero(own.values < 1)[-1]]) if (own.values < 1).any() else run.begin
    text = (
        f"All {size} training samples of the probe are right since step {since:,}, and {accuracy.values[-1]:.0%} of "
        f"the validation data: the network has learnt the training data by heart"
    )
    return Finding(text, since)


def slowed(run: Evidence) -> Finding | None:
    """Training goes on at less than half its former pace for long."""
    for name in ("samples per second", "steps per second"):
        line = run.line(name)
        if len(line) < 2 * PACES:
            continue
        before, after = float(np.median(line.values[:-PACES])), line.values[-PACES:]
        if max(np.median(part) for part in np.array_split(after, 4)) < SLOWER * before:
            since, now = int(line.steps[-PACES]), float(np.median(after))
            return Finding(
                f"Training went from {before:,.3g} to {now:,.3g} {name} since step {since:,}: something slows it", since
            )
    return None
