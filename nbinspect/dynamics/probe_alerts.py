"""Alerts on what the network makes of the probe."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from nbinspect.dynamics.evidence import SETTLING, Evidence, Finding, Line, RateRise, rise_of_rate
from nbinspect.records import Floats, ProbeRecord, Reading

READINGS, LASTING = 4, 50
"""Readings that must say the same before a change and after it, and how many steps they must span."""
RESTLESS, TIMES = 0.03, 3.0
"""A mean jitter that is worth a word, and how much higher it is than before."""
UNSTEADY = 0.12
"""A mean jitter that a run without progress does not come to by the noise of its batches."""
ALIKE, EQUAL = 1e-2, 1e-5
"""A spread of outputs at which samples look alike that did not before, and at which they do from the start."""
STILL = 1e-4
"""An update ratio at which outputs stay as they were at the start."""
SAMPLES, SHARE = 4, 0.15
"""Samples that contradict the rest, at least, and as a share of the probe."""
SURPRISE = 1.5
"""The least mean loss of such a sample: its label has a probability of less than a fifth, and less than by chance."""
_MIXED, _TRIES = 0.7, 32


def shaken(run: Evidence) -> Finding | None:
    """Predictions jitter several times more than before, and the loss is higher for it. Source: K-dynamics."""
    line = run.line("jitter")
    if run.span < SETTLING or len(line) < 2 * READINGS:
        return None
    found: tuple[float, int, float, float] | None = None
    counts = range(READINGS, len(line) - READINGS + 1)
    for count in counts[:: max(1, len(counts) // _TRIES)]:
        before = float(np.median(line.values[count // 2 : count])) * _wider(line, count)
        after = line.values[count:]
        low, usual = float(np.quantile(after, 0.25)), float(np.median(after))
        if run.step - line.steps[count - 1] < max(LASTING, 0.1 * run.span):
            break
        if low > max(RESTLESS, TIMES * before) and (found is None or low / before > found[0]):
            found = low / before, int(line.steps[count - 1]), before, usual
    if found is None:
        return _unsteady(run, line)
    _, since, before, now = found
    earlier = run.loss.level(since - (run.step - since), since)
    if not run.loss.level(since, run.step) > 1.2 * earlier:
        return _unsteady(run, line)
    # what made the difference lies before the first reading that shows it, which may be long after the one before
    first = int(line.steps[line.steps > since][0])
    why = rise_of_rate(run, since, float(max(line.steps[-1] - line.steps[-READINGS], first - since)))
    since = since if why is None else why.step
    return Finding(f"Jitter of predictions rose {_times(now / before)} since step {since:,}{_too_high(why)}", since)


def _too_high(why: RateRise | None) -> str:
    return f", {why}: it is likely too high" if why else ": the learning rate is likely too high"


def _wider(line: Line, count: int) -> float:
    """By how much jitter grows where readings lie further apart than before, at most."""
    gaps = np.diff(line.steps)
    before, after = np.median(gaps[max(0, count // 2 - 1) : count - 1]), np.median(gaps[count - 1 :])
    return float(max(1.0, after / before) ** 0.5) if before > 0 else 1.0


def _times(ratio: float) -> str:
    return f"{ratio:.0f}×" if ratio < 100 else "more than 100×"


def _unsteady(run: Evidence, line: Line) -> Finding | None:
    """Jitter that is high all along, in a run that makes no progress after it had jumped at its start."""
    late = line.since(run.middle).values
    if run.span < 2 * SETTLING or len(late) < READINGS or run.fall(run.middle, run.step) > 0.05:
        return None
    usual = float(np.median(late))
    if usual < UNSTEADY or not (run.jumped or usual > 2 * UNSTEADY) or run.accuracy(run.middle) > 0.95:
        return None
    why = rise_of_rate(run, (run.middle + run.step) / 2, run.span / 4)
    since = int(run.middle) if why is None else why.step
    text = (
        f"Predictions jitter by {usual:.2f} from one reading to the next, and the loss has not fallen since step "
        f"{since:,}{_too_high(why)}"
    )
    return Finding(text, since)


def collapsed(run: Evidence) -> Finding | None:
    """All samples of the probe get the same prediction for long, though their targets differ. Source: D-dead."""
    readings = [reading for reading in run.readings if reading.values.size]
    if run.probe is None or not _targets_differ(run) or len(readings) < READINGS or run.span < SETTLING:
        return None
    spread = [_spread(reading, run.probe) for reading in readings]
    limit = ALIKE if max(spread) > 10 * ALIKE else EQUAL
    differ = np.flatnonzero(np.array(spread) > limit)
    alike = readings[differ[-1] + 1 if len(differ) else 0 :]
    since = readings[differ[-1]].step if len(differ) else run.begin
    lasts = len(alike) >= READINGS and run.step - since >= max(LASTING, 0.1 * run.span)
    if not lasts or run.fall(since, run.step) > 0.05 or (since == run.begin and _hardly_moved(run)):
        return None
    when = f" since step {since:,}" if since > run.begin else ""
    why = rise_of_rate(run, since, LASTING)
    likely = "the learning rate is likely too high" if run.jumped else "the layers before the head are likely dead"
    text = (
        f"All {len(alike[-1].values)} samples of the probe get {_name(alike[-1], run.probe)}{when}, whatever the input"
        f"{f', {why}: it is likely too high' if why else f': {likely}'}"
    )
    return Finding(text, since)


def _hardly_moved(run: Evidence) -> bool:
    """Whether outputs are alike only because they are as they were at the start."""
    _, ratios = run.layer_line("update ratio")
    return run.warming or bool(ratios.size and ratios.min() > 0 and ratios.max() < STILL)


def _name(reading: Reading, probe: ProbeRecord) -> str:
    if not reading.guesses.size:
        return "the same prediction"
    number = int(reading.guesses[0])
    own = np.flatnonzero(probe.columns == number)
    known = probe.task == "classification" and len(own) and own[0] < len(probe.classes)
    return f"class {probe.classes[own[0]]}" if known else f"class {number}"


def _targets_differ(run: Evidence) -> bool:
    targets = run.probe.targets if run.probe is not None else None
    if targets is None or len(targets) < 8 or run.probe is None:
        return False
    if run.probe.task in ("classification", "binary"):
        return bool(np.unique(targets, return_counts=True)[1].max() <= _MIXED * len(targets))
    return run.probe.task == "regression" and bool((np.asarray(targets).std(0) > 0).any())


def _spread(reading: Reading, probe: ProbeRecord) -> float:
    """By how much outputs differ among samples: probabilities, or numbers in deviations of the targets."""
    values = reading.values
    if not np.isfinite(values).all():
        return float("inf")
    if probe.task == "regression":
        own = np.asarray(probe.targets).std(0)
        return float((values.std(0)[own > 0] / own[own > 0]).max())
    same = (reading.guesses == reading.guesses[0]).all()
    return float(_chances(values).std(0).max()) if same else float("inf")


def _chances(values: Floats) -> Floats:
    """Probabilities of the columns that are kept: of one column by the sigmoid, else by softmax."""
    values = values.astype(np.float64)
    if values.shape[1] == 1:
        return np.asarray(1 / (1 + np.exp(-np.clip(values, -50, 50))))
    values = np.exp(values - values.max(1, keepdims=True))
    return np.asarray(values / values.sum(1, keepdims=True))


def nothing_learnt(run: Evidence) -> Finding | None:
    """The loss is flat, where it is without a look at the input. Source: T-overfit-signs, K-input-independent."""
    probe, late = run.probe, [reading for reading in run.readings if reading.step > run.middle]
    if probe is None or probe.targets is None or len(late) < READINGS or run.span < 5 * SETTLING:
        return None
    if not _targets_differ(run) or len(probe.targets) < 12 or run.warming:
        return None
    now, edges = run.loss.level(run.middle, run.step), np.linspace(run.begin, run.step, 11)
    if min(run.loss.level(*pair) for pair in pairwise(edges)) < 0.97 * now or run.fall(run.begin, run.step) > 0.01:
        return None
    if probe.task == "regression":
        residual = [float(np.nanmean((reading.values - probe.targets) ** 2)) for reading in late]
        if np.median(residual) < 0.95 * float(probe.targets.var(0).mean()):
            return None
        level = "no better than the mean of the targets"
    else:
        counts = np.unique(probe.targets, return_counts=True)[1]
        common, chances = float(counts.max() / counts.sum()), counts / counts.sum()
        least = float(-(chances * np.log(chances)).sum())
        if run.accuracy(run.middle) > common + 0.15 or now < 0.95 * least:
            return None
        level = f"and {run.accuracy(run.middle):.0%} of the probe right, about what the most common class gives"
    unknown = "labels may not belong to the inputs, or the learning rate is far off"
    likely = "the learning rate is likely too high" if run.jumped else unknown
    text = f"Nothing was learnt in {run.span:,} steps: the loss stays at {now:.3g}, {level}: {likely}"
    return Finding(text, run.begin)


def contradicting(run: Evidence) -> Finding | None:
    """Some samples stay wrong with confidence while the rest is learnt: look at their labels. Source: K-corrupt."""
    probe, late = run.probe, [reading for reading in run.readings if reading.step > run.middle]
    if probe is None or probe.task not in ("classification", "binary") or len(late) < 3:
        return None
    if probe.split != "train" or run.span < 2 * SETTLING:
        return None
    right = np.stack([reading.correct for reading in late]) == 1
    margin = np.stack([reading.margin for reading in late])
    if not np.isfinite(margin).all():
        return None
    learnt = right.mean(0) >= 0.8
    if learnt.mean() < 0.5:
        return None
    usual = float(np.median(margin.mean(0)[learnt]))
    against = np.flatnonzero((right.mean(0) <= 0.3) & (np.median(margin, 0) <= -0.35 * usual))
    rest = np.setdiff1d(np.arange(len(learnt)), against)
    if usual < 0.4 or len(against) < max(SAMPLES, SHARE * len(learnt)) or right[:, rest].mean() < 0.85:
        return None
    loss = np.stack([reading.losses[against] for reading in late]).mean()
    if loss < max(SURPRISE, np.log(max(2, len(probe.columns)))):
        return None
    order = against[np.argsort(margin.mean(0)[against])]
    names = ", ".join(str(number) for number in order[:8]) + (", …" if len(order) > 8 else "")
    text = (
        f"{len(against)} of {len(learnt)} samples of the probe stay wrong with confidence since step "
        f"{int(run.middle):,} while the rest is learnt: look at the labels of samples {names}"
    )
    return Finding(text, int(run.middle))
