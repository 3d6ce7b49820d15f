"""What is said of a run: its traces by name, its probe at a step, and both in words."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nbinspect.errors import InputError
from nbinspect.figures.words import brief, clean, plural
from nbinspect.records import Decoded, DynamicsRecord, Floats, MomentKind, ProbeRecord, Reading, Tokens, Trace

SIGNS: dict[MomentKind, str] = {
    "alert": "▲", "spike": "◆", "broken": "✕", "rate": "↕", "pin": "●", "pause": "‖",
    "back": "↩", "note": "✎", "checkpoint": "▣", "checks": "✓", "problem": "!",
}  # fmt: skip
"""The shape of each kind of moment; the face of figures has all of them."""
CLASSES = ("classification", "binary", "multilabel")
"""Tasks whose readings are logits."""
_IGNORED = 255


def trace_of(record: DynamicsRecord, name: str, part: str = "") -> Trace | None:
    """Return the trace of this name that has points; None where there is none."""
    found = (each for each in record.traces if each.name == name and each.part == part and len(each.step))
    return next(found, None)


def part_of(record: DynamicsRecord, probe: int) -> str:
    """Return the part under which the traces of a probe are kept: a second one's are told apart by its split."""
    return record.probes[probe].split if probe and probe < len(record.probes) else ""


def readings_of(record: DynamicsRecord, probe: int) -> tuple[Reading, ...]:
    """Return the readings of a probe; none where the run has no probe at all.

    Raises:
        InputError: for a probe that the run does not have.
    """
    count = len(record.probes)
    if isinstance(probe, bool) or not isinstance(probe, int) or not 0 <= probe < max(1, count):
        raise InputError(f"probe: expected a whole number from 0 to {max(1, count) - 1}, got {probe!r}")
    return record.readings[probe] if probe < min(count, len(record.readings)) else ()


def reading_at(readings: tuple[Reading, ...], step: int | None) -> Reading | None:
    """Return the newest reading that is not after `step`, the first where all are; None where there is none."""
    if not readings or step is None:
        return readings[-1] if readings else None
    before = [reading for reading in readings if reading.step <= step]
    return before[-1] if before else readings[0]


def headline(record: DynamicsRecord, probe: int = 0, reading: Reading | None = None) -> list[str]:
    """Return model, steps, loss, the probe at `reading` (the newest by default), jitter, and what watching took."""
    reading = reading or reading_at(readings_of(record, probe), None)
    told = [clean(record.model, 60), plural(record.steps, "step")]
    for name in ("loss", "validation loss", "probe loss"):
        trace = trace_of(record, name, part_of(record, probe) if name == "probe loss" else "")
        if trace is not None and (name != "probe loss" or len(told) == 2):
            told.append(f"{name} {_course(trace)}")
    if reading is not None:
        told += [f"probe {score(reading)}"] if score(reading) else []
        told += [f"jitter {brief(_mean(reading.jitter))}"] if np.isfinite(reading.jitter).any() else []
    if np.isfinite(record.overhead):
        part, budget = record.overhead, brief(100 * record.budget)
        spent = f"{brief(100 * part)} % of" if part <= 1 else f"{brief(part)} times"
        told.append(f"watching took {spent} the time; the budget is {budget} %")
    return told


def _course(trace: Trace) -> str:
    """Return ``2.31 → 0.0412``; where the last is no number, that."""
    first, last = (brief(float(trace.mean[place])) for place in (0, -1))
    return first if len(trace.step) == 1 else f"{first} → {last}"


def score(reading: Reading) -> str:
    """Return ``23 of 24 right``; else the mean loss; empty where neither is known."""
    known = int((reading.correct >= 0).sum())
    if known:
        return f"{int((reading.correct == 1).sum()):,} of {known:,} right"
    return f"mean loss {brief(_mean(reading.losses))}" if np.isfinite(reading.losses).any() else ""


def missing(record: DynamicsRecord) -> Iterator[str]:
    """Give what there is nothing of, a sentence each."""
    if not record.steps:
        yield "No step was seen."
    elif trace_of(record, "loss") is None:
        yield "No training loss was seen."
    if not record.probes:
        yield "No probe batch is watched."
    elif not any(record.readings):
        yield "The probe batch was not read yet."


def probe_words(probe: ProbeRecord) -> str:
    """Return ``24 samples for training, first 24 of the first batch, eval mode``."""
    mode = "train mode" if probe.train_mode else "eval mode"
    return f"{plural(size_of(probe), 'sample')} of the {probe.split} split, {clean(probe.chosen, 60)}, {mode}"


def size_of(probe: ProbeRecord) -> int:
    """Return the number of samples, N."""
    return probe.batch.batch.size


def probabilities(probe: ProbeRecord, reading: Reading) -> Floats | None:
    """Return the probability of each column (N, C); None where the task has no classes or nothing was kept.

    A binary task has two columns. Classes that were not kept count too: the likeliest has the reading's confidence.
    """
    values = reading.values.astype(np.float64)
    if probe.task not in CLASSES or values.ndim != 2 or not values.size:
        return None
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        if probe.task == "multilabel" or values.shape[1] == 1:
            chances: Floats = np.exp(-np.logaddexp(0, -values))
            return chances if probe.task == "multilabel" else np.hstack([1 - chances, chances])
        total = np.logaddexp.reduce(values, axis=1)
        if reading.guesses.shape == total.shape:
            at = reading.guesses[:, None] == probe.columns[None, : values.shape[1]]
            whole = np.max(values, axis=1, where=at, initial=-np.inf) - np.log(reading.confidence)
            total = np.where(np.isfinite(whole) & at.any(1), whole, total)
        shares: Floats = np.exp(values - total[:, None]).clip(0, 1)
        return shares


def class_names(probe: ProbeRecord) -> dict[int, str]:
    """Return the name of each class that has one: of the columns, and as the labels of the batch say."""
    labels, targets = probe.batch.labels, probe.targets
    names: dict[int, str] = {}
    if labels is not None and labels.kind == "class" and targets is not None and targets.ndim == 1:
        names |= zip(targets.astype(int).tolist(), labels.text, strict=False)
    return names | dict(zip(probe.columns.tolist(), probe.classes, strict=False))


def targets_in_words(probe: ProbeRecord) -> list[str]:
    """Return the target of each sample, empty where it takes more than a few words."""
    labels, targets, count = probe.batch.labels, probe.targets, size_of(probe)
    if probe.task in ("language-model", "segmentation"):
        return [""] * count
    if labels is not None and len(labels.text) == count:
        return list(labels.text)
    if targets is None or len(targets) != count:
        return [""] * count
    if targets.ndim == 1:
        names = class_names(probe)
        return [names.get(int(each), str(int(each))) for each in targets]
    return _rows_in_words(probe, targets)


def guesses_in_words(probe: ProbeRecord, reading: Reading) -> list[str]:
    """Return the prediction for each sample, empty where it takes more than a few words."""
    if probe.task in ("multilabel", "regression"):
        values = probabilities(probe, reading) if probe.task == "multilabel" else reading.values
        return [""] * len(reading.losses) if values is None else _rows_in_words(probe, values)
    if probe.task not in CLASSES or reading.guesses.ndim != 1:
        return [""] * len(reading.losses)
    names = class_names(probe)
    return ["NaN" if guess < 0 else names.get(guess, str(guess)) for guess in reading.guesses.tolist()]


def _rows_in_words(probe: ProbeRecord, rows: Floats) -> list[str]:
    """Labels that hold, of several; else the numbers themselves, the first four."""
    if probe.task == "multilabel":
        names = column_names(probe, rows.shape[1])
        return [
            ", ".join(name for name, value in zip(names, row, strict=True) if value > 0.5) or "(none)" for row in rows
        ]
    more = ", …" if rows.shape[1] > 4 else ""
    return [", ".join(brief(float(value)) for value in row[:4]) + more for row in rows]


def column_names(probe: ProbeRecord, count: int) -> list[str]:
    """Return the names of `count` columns, their numbers where they have none."""
    numbers = [str(column) for column in probe.columns[:count]]
    numbers += [str(column) for column in range(len(numbers), count)]
    return [*probe.classes[:count], *numbers[len(probe.classes[:count]) :]]


def token_words(probe: ProbeRecord, shape: tuple[int, ...]) -> list[list[str]]:
    """Return the text of the tokens that losses (N, T) are of: the targets, else the tokens that went in."""
    items: list[Decoded] = [*probe.batch.inputs, *probe.batch.targets]
    known = [item for item in items if isinstance(item, Tokens)]
    pieces = {
        int(id_): clean(item.pieces[place], 24) or "∅"
        for item in known
        for id_, place in zip(item.ids.flat, item.index.flat, strict=True)
    }
    length = shape[1]
    given = [each for each in (probe.targets, *(item.ids for item in known)) if each is not None and each.ndim == 2]
    ids = next((each[:, :length] for each in given if each.shape[1] >= length), np.full(shape, -1))
    return [[pieces.get(int(id_), str(id_) if id_ >= 0 else "∅") for id_ in row] for row in ids]


def wrong_pixels(probe: ProbeRecord, reading: Reading) -> Floats:
    """Return the share of each sample's pixels (N,) whose class is not the target's; NaN where that is not known."""
    targets = probe.targets
    if targets is None or targets.shape != reading.values.shape:
        return np.full(len(reading.losses), np.nan)
    counted = targets != _IGNORED
    wrong = ((targets != reading.values) & counted).reshape(len(targets), -1).sum(1)
    whole = counted.reshape(len(targets), -1).sum(1)
    shares: Floats = np.divide(wrong, whole, out=np.full(len(wrong), np.nan), where=whole > 0)
    return shares


def _mean(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
