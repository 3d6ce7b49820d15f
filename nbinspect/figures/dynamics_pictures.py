"""What a page and a figure both show of a reading: thumbnails, whose bars are right, how costly a token is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from nbinspect.figures.dynamics_words import probabilities, size_of
from nbinspect.figures.pictures import Rgb, colour_names, tiles
from nbinspect.records import Bytes, Flags, Floats, Integers, Masks, Pictures, ProbeRecord, Reading

_ABSENT = 255


def thumbnails(probe: ProbeRecord, count: int) -> list[Bytes]:
    """Return the pictures of the first samples (h, w, 3), without what lies over them; none where there are none."""
    pictures = _pictures(probe)
    if pictures is None or not pictures.planes.size:
        return []
    return tiles(replace(probe.batch, masks=None), pictures, range(count), denormalised=True)


def mapped(probe: ProbeRecord, classes: Bytes | None, count: int) -> list[Bytes]:
    """Return the pictures of the first samples with a map of classes (N, h, w) over them; bare maps without them."""
    pictures = _pictures(probe)
    if classes is None or classes.ndim != 3 or not classes.size:
        return []
    if pictures is None or not pictures.planes.size:
        pictures = _blank(classes)
    height, width = pictures.planes.shape[2:]
    rows, columns = (np.arange(n) * m // n for n, m in zip((height, width), classes.shape[1:], strict=True))
    masks = Masks(classes[:, rows][:, :, columns].astype(np.uint8), ())
    over = replace(probe.batch, inputs=(pictures,), masks=masks, boxes=None)
    return tiles(over, pictures, range(count), denormalised=True)


def map_names(probe: ProbeRecord) -> list[tuple[str, Rgb]]:
    """Return the first classes of maps with their colours."""
    pictures = _pictures(probe)
    return colour_names(probe.batch, pictures) if pictures is not None else []


def bars(probe: ProbeRecord, reading: Reading) -> tuple[Floats, Flags, Flags] | None:
    """Return each sample's probabilities (N, C), which columns its target has, and which are predicted instead."""
    chances = probabilities(probe, reading)
    if chances is None:
        return None
    wanted = _wanted(probe, chances.shape)
    if probe.task == "multilabel":
        predicted = chances > 0.5
    elif reading.guesses.ndim != 1:
        predicted = np.zeros_like(wanted)
    else:
        predicted = reading.guesses[:, None] == columns_of(probe, chances.shape[1])[None]
    return np.nan_to_num(chances), wanted, predicted & ~wanted


def columns_of(probe: ProbeRecord, count: int) -> Integers:
    """Return the classes of so many columns."""
    return probe.columns if len(probe.columns) == count else np.arange(count)


def token_shades(readings: Sequence[Reading], reading: Reading) -> Floats:
    """Return the loss of each token (N, T) as a share of the largest usual one of the run; NaN where none counts."""
    known = np.concatenate([each.values[np.isfinite(each.values)] for each in readings] or [np.zeros(0)])
    most = float(np.quantile(known, 0.99)) if len(known) else 0.0
    return np.clip(reading.values.astype(np.float64) / (most or 1.0), 0, 1)


def _wanted(probe: ProbeRecord, shape: tuple[int, ...]) -> Flags:
    targets, columns = probe.targets, columns_of(probe, shape[1])
    if targets is None or len(targets) != shape[0]:
        return np.zeros(shape, dtype=bool)
    if targets.ndim == 1:
        return np.asarray(targets[:, None] == columns[None])
    if targets.shape[1] != shape[1] and targets.shape[1] > columns.max(initial=-1):
        targets = targets[:, columns]
    return np.asarray(targets > 0.5) if targets.shape == shape else np.zeros(shape, dtype=bool)


def _pictures(probe: ProbeRecord) -> Pictures | None:
    found = next((item for item in probe.batch.inputs if isinstance(item, Pictures)), None)
    return found if found is not None and len(found.planes) == size_of(probe) else None


def _blank(classes: Bytes) -> Pictures:
    """White pictures to lay maps over."""
    planes = np.full((len(classes), 1, *classes.shape[1:]), _ABSENT, dtype=np.uint8)
    ends = np.zeros(1, dtype=np.float32), np.ones(1, dtype=np.float32)
    size = (classes.shape[1], classes.shape[2])
    return Pictures("maps", "image", planes, *ends, None, None, size, None, ("0",), 1, None, "", 0.0)
