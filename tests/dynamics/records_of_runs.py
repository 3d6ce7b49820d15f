"""Records of runs, made by hand, for the tests of what shows them: plausible numbers of each task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nbinspect.capture.tensors import describe
from nbinspect.decode.image import decode_image
from nbinspect.decode.labels import decode_labels
from nbinspect.decode.overlays import decode_masks
from nbinspect.decode.table import decode_table
from nbinspect.decode.text import decode_text
from nbinspect.records import (
    BatchRecord,
    Decoded,
    DecodedBatch,
    DynamicsRecord,
    Floats,
    Moment,
    Origin,
    Pictures,
    ProbeRecord,
    Reading,
    Spike,
    Trace,
)

TASKS = ("classification", "binary", "multilabel", "regression", "segmentation", "language-model", "other")
_CHANGE = 700


def trace(name: str, step: Sequence[int], mean: Any, part: str = "", spread: float = 0.0) -> Trace:
    """Points whose stretches reach `spread` to both sides; what is not finite is counted as broken."""
    values = np.asarray(mean, dtype=np.float32)
    known = np.where(np.isfinite(values), values, np.float32(np.nan))
    broken = (~np.isfinite(values)).astype(np.int32)
    return Trace(name, part, np.asarray(step, dtype=np.int64), known - spread, known, known + spread, broken)


def batch_of(item: Decoded, values: Tensor, target: Any = None, names: Any = None) -> DecodedBatch:
    """A batch of one input, with labels or masks of its target."""
    size = len(values)
    tensors = (describe(values, "x", "input", batch_size=size),) if size else ()
    record = BatchRecord(size, tensors, False, None, False, Origin("Net", "train", "probe", None))
    masks = None
    if isinstance(item, Pictures) and isinstance(target, Tensor) and target.dim() == 3:
        masks, target = decode_masks(target, item, names), None
    labels = decode_labels(target, name="y", batch_size=size, class_names=names)
    return DecodedBatch(record, (item,), (), labels, masks, None, None, None, None)


def pictures(count: int = 24, side: int = 8) -> tuple[Decoded, Tensor]:
    """Discs whose size grows with their class."""
    rows = torch.linspace(-1, 1, side)
    distance = (rows[:, None] ** 2 + rows[None] ** 2).sqrt()
    sizes = 0.25 + 0.1 * (torch.arange(count) % 10)
    values = (sizes[:, None, None] - distance).sigmoid()[:, None] ** 2
    return decode_image(values, "x", normalisation=None, normalisation_note="", statistics=None), values


def probe_of(task: str, split: Any = "train", **other: Any) -> ProbeRecord:
    """A probe batch of 24 samples, 12 of masks and sentences."""
    item, values = pictures()
    classes, columns, names = np.arange(24) % 10, np.arange(10), tuple(f"disc {n}" for n in range(10))
    numbers = np.random.default_rng(3)
    made: dict[str, Any] = {"classification": (batch_of(item, values, torch.tensor(classes), names), classes)}
    if task == "binary":
        two = classes % 2
        made[task] = (batch_of(item, values, torch.tensor(two), ["even", "odd"]), two)
        columns, names = np.zeros(1, dtype=np.int64), ()
    elif task == "multilabel":
        several = (numbers.random((24, 6)) > 0.6).astype(np.float32)
        columns, names = np.arange(6), ("red", "green", "blue", "dark", "light", "grey")
        made[task] = (batch_of(item, values, torch.tensor(several), names), several)
    elif task in ("regression", "other"):
        rows = torch.tensor(numbers.normal(size=(24, 5)), dtype=torch.float32)
        goal = (rows[:, :2] * 2 + 1).numpy() if task == "regression" else None
        table = decode_table(rows, "x", feature_names=list("abcde"))
        columns, names = np.arange(2 if task == "regression" else 0), ()
        made[task] = (batch_of(table, rows, None if goal is None else torch.tensor(goal)), goal)
    elif task == "segmentation":
        item, values = pictures(12, 32)
        mask = (values[:, 0] > 0.25).numpy().astype(np.uint8)
        columns, names = np.arange(2), ("ground", "disc")
        made[task] = (batch_of(item, values, torch.tensor(mask).long(), names), mask)
    elif task == "language-model":
        ids = torch.tensor(numbers.integers(0, 30, size=(12, 20)))
        vocabulary = [w + s for w in ("the", "a", "cat", "dog", "sat", "ran") for s in ("", "s", "ed", "ing", "er")]
        made[task] = (batch_of(decode_text(ids, "ids", vocabulary=vocabulary), ids), ids.numpy())
        columns, names = np.zeros(0, dtype=np.int64), ()
    batch, targets = made[task]
    return ProbeRecord(split, "first 24 of the first batch", task, batch, targets, names, columns, **other)


def readings_of(probe: ProbeRecord, steps: Sequence[int]) -> tuple[Reading, ...]:
    """Predictions that come nearer to the targets, and that jitter after step 700."""
    made: list[Reading] = []
    for step in steps:
        made.append(_reading(probe, step, made))
    return tuple(made)


def _reading(probe: ProbeRecord, step: int, before: Sequence[Reading]) -> Reading:
    count = probe.batch.batch.size
    noise = np.random.default_rng(step)
    skill = 6 * (1 - np.exp(-step / 250))
    unrest = 0.4 if step <= _CHANGE else 2.5
    values, guesses, right, confidence = _predicted(probe, skill, unrest, noise)
    losses = (2.3 * np.exp(-skill / 2) + 0.05 * noise.random(count)).astype(np.float32)
    known = len(before) > 1
    last = before[-1] if before else None
    changed = np.zeros(count, dtype=np.int32)
    forgotten = changed.copy()
    if last is not None:
        changed = last.flips + ((guesses != last.guesses) if guesses.ndim == 1 else 0)
        forgotten = last.forgotten + ((last.correct == 1) & (right == 0))
    jitter = np.full(count, 0.1 * unrest if known else np.nan, dtype=np.float32)
    margin = np.where(right < 0, np.nan, np.where(right == 1, confidence, -confidence)).astype(np.float32)
    return Reading(
        step, values, guesses, losses, right, confidence, margin, jitter, changed.astype(np.int32),
        forgotten.astype(np.int32),
    )  # fmt: skip


def _predicted(probe: ProbeRecord, skill: float, unrest: float, noise: np.random.Generator) -> tuple[Any, ...]:
    """Values, guesses, correctness and confidence."""
    count, targets = probe.batch.batch.size, probe.targets
    unknown = np.full(count, -1, dtype=np.int8)
    none, dark = np.zeros((count, 0), dtype=np.int32), np.full(count, np.nan, dtype=np.float32)
    if probe.task in ("classification", "binary", "multilabel"):
        assert targets is not None
        wanted = targets if probe.task == "multilabel" else targets[:, None] == probe.columns[None]
        if probe.task == "binary":
            wanted = targets[:, None]
        logits = (skill * (wanted - 0.5) + unrest * noise.normal(size=wanted.shape)).astype(np.float32)
        if probe.task == "classification":
            powers = np.exp(logits - logits.max(1, keepdims=True))
            guesses, confidence = logits.argmax(1), (powers / powers.sum(1, keepdims=True)).max(1)
            right = guesses == targets
        else:
            chances = 1 / (1 + np.exp(-logits))
            right = ((chances > 0.5) == (wanted > 0.5)).all(1)
            guesses = (chances[:, 0] > 0.5) if probe.task == "binary" else chances.argmax(1)
            confidence = np.maximum(chances, 1 - chances)[:, 0] if probe.task == "binary" else chances.max(1)
        return logits, guesses.astype(np.int32), right.astype(np.int8), confidence.astype(np.float32)
    if probe.task == "regression":
        assert targets is not None
        values = targets * min(1.0, skill / 5) + 0.1 * unrest * noise.normal(size=targets.shape)
        return values.astype(np.float32), none, unknown, dark
    if probe.task == "segmentation":
        assert targets is not None
        wrong = noise.random(targets.shape) < 0.4 * np.exp(-skill / 3)
        return np.where(wrong, 1 - targets, targets).astype(np.uint8), none, unknown, dark
    if probe.task == "language-model":
        assert targets is not None
        values = (5 * np.exp(-skill / 3) * noise.random(targets.shape)).astype(np.float32)
        values[:, 0] = np.nan
        return values, targets.astype(np.int32), unknown, dark + np.float32(0.5)
    return np.zeros((count, 0), dtype=np.float32), none, unknown, dark


def run_of(task: str = "classification", *, steps: int = 1400, every: int = 20, second: bool = False) -> DynamicsRecord:
    """A run whose rate is raised at step 700, after which predictions jitter; `second` adds a probe of validation."""
    at = list(range(0, steps + 1, every))
    probes = (probe_of(task),) + ((probe_of(task, "validation", train_mode=True),) if second else ())
    found = tuple(readings_of(probe, at) for probe in probes)
    moments = (
        Moment(_CHANGE, "rate", "learning rate: 0.003 → 0.03"),
        Moment(912, "spike", "the loss rose to 4.1, 13 times the usual"),
        Moment(980, "alert", "Jitter of predictions rose 6× since step 700: the rate is likely too high.", _CHANGE),
    )
    item, values = pictures(4)
    worst = batch_of(item, values, torch.arange(4))
    spike = Spike(912, 4.1, 0.31, worst, np.array([9.5, 4.0, 2.0, 0.9], dtype=np.float32), "")
    traces = _traces(at, found[0], steps)
    for probe, readings in zip(probes[1:], found[1:], strict=True):
        traces += [trace("probe loss", at, [each.losses.mean() for each in readings], probe.split)]
    return DynamicsRecord(
        "Net", ("Adam",), steps, 84.0, 0.013, 0.02, probes, found, tuple(traces), moments, (spike,), (_CHANGE,), ()
    )


def _traces(at: Sequence[int], readings: Sequence[Reading], steps: int) -> list[Trace]:
    every = np.arange(1, steps + 1)
    numbers = np.random.default_rng(5)
    late = every > _CHANGE
    loss = 2.3 * np.exp(-every / 250) + (0.02 + 0.08 * late) * numbers.random(steps)
    traces = [
        trace("loss", every.tolist(), loss, spread=0.02),
        trace("rate", every.tolist(), 3e-3 * 10.0**late, "Adam"),
    ]
    for nth, layer in enumerate(("conv1", "conv2", "fc")):
        ratio = 10 ** (-3 + 0.3 * nth + late + 0.1 * numbers.normal(size=steps))
        traces.append(trace("update ratio", every.tolist(), ratio, layer))
    seldom = list(range(100, steps + 1, 100))
    traces.append(trace("validation loss", seldom, [2.4 * np.exp(-step / 280) + 0.1 for step in seldom]))
    traces.append(trace("probe loss", at, [each.losses.mean() for each in readings]))
    jitter = [float(each.jitter.mean()) for each in readings[2:]]
    return [*traces, trace("jitter", at[2:], jitter)] if jitter else traces


def empty(**other: Any) -> DynamicsRecord:
    """A run of which nothing was seen."""
    nothing: dict[str, Any] = {"readings": (), "traces": (), "moments": (), "spikes": (), "pins": (), "notes": ()}
    facts: dict[str, Any] = {"model": "Net", "optimizers": (), "steps": 0, "seconds": 0.0, "overhead": float("nan")}
    return DynamicsRecord(**(facts | {"budget": 0.02, "probes": ()} | nothing | other))


def broken(record: DynamicsRecord, since: int = 0) -> DynamicsRecord:
    """The same run whose numbers are NaN after a step."""

    def lost(values: Floats, gone: Any) -> Floats:
        return np.where(gone, np.float32(np.nan), values)

    traces = []
    for each in record.traces:
        gone = each.step > since
        ends = {key: lost(getattr(each, key), gone) for key in ("low", "mean", "high")}
        traces.append(replace(each, **ends, broken=np.where(gone, 1, each.broken).astype(np.int32)))
    readings = tuple(tuple(_lost(one) if one.step > since else one for one in each) for each in record.readings)
    return replace(record, traces=tuple(traces), readings=readings)


def _lost(reading: Reading) -> Reading:
    names = ("losses", "confidence", "margin", "jitter")
    nothing: dict[str, Any] = {name: np.full_like(getattr(reading, name), np.nan) for name in names}
    if reading.values.dtype == np.float32:
        nothing["values"] = np.full_like(reading.values, np.nan)
    if reading.guesses.ndim == 1:
        nothing["guesses"] = np.full_like(reading.guesses, -1)
    return replace(reading, **nothing, correct=np.full_like(reading.correct, -1))
