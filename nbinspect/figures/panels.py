"""What stands in the middle of a figure of a batch: pictures, sentences, rows of features or series."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nbinspect.figures.pictures import class_colour, map_colours, sprite, tiles
from nbinspect.figures.words import brief, clean, label_of, verdict
from nbinspect.records import Decoded, DecodedBatch, Flags, Floats, Pictures, Series, Table, Tokens

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text

WIDTH = 9.6
INK, SOFT, RIGHT, WRONG, ACCENT = "#1b1f24", "#5a6472", "#0b7a54", "#b3261e", "#1669c1"
LINE = 0.16
"""Height of a line of small text, in inches."""
CHARACTER = 0.602 * 7.5 / 72
"""Width of a character of small text, in inches; the face is monospaced."""

PLAIN: dict[str, Any] = {"parse_math": False, "usetex": False}
"""Text of data is no mathematics."""
_FACE: dict[str, Any] = {"size": 7.5, "color": INK, "family": "DejaVu Sans Mono", "va": "center", **PLAIN}
_WIDEST = 2.2
_CHANNELS = 8
FEATURES = 64
"""The most features that a table is drawn with."""


def write_on(axes: Axes, x: float, y: float, parts: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """Write texts of different styles one after the other on one line."""
    before = None
    for text, style in parts:
        if before is None:
            before = write(axes, x, y, text, **style)
        else:
            # fastened to the text before it, for how wide that is depends on the resolution
            how: dict[str, Any] = {"xycoords": before, "xytext": (4.5, 0), "textcoords": "offset points"}
            before = axes.annotate(text, (1, 0.5), annotation_clip=False, **how, **(_FACE | style))


@dataclass(frozen=True)
class Panel:
    """Where to draw which samples: axes of which the units are inches, downwards from `top`."""

    axes: Axes
    top: float
    decoded: DecodedBatch
    count: int
    """The first so many samples are drawn."""
    columns: int | None
    denormalised: bool
    indexed: bool = False
    """Whether samples are named by their index in the data set, where it is known, and not by their place."""


def draw(panel: Panel, item: Decoded) -> float:
    """Draw a decoded tensor and return where, in inches from above, it ended."""
    if isinstance(item, Pictures):
        return _draw_pictures(panel, item)
    if isinstance(item, Series):
        return _draw_series(panel, item)
    return _draw_tokens(panel, item) if isinstance(item, Tokens) else _draw_table(panel, item)


def write(axes: Axes, x: float, y: float, text: str, **style: Any) -> Text:
    """Write one line with its middle at height `y`, small and monospaced unless `style` says otherwise.

    Text from data is text: dollar signs start no formula.
    """
    return axes.text(x, y, text, **(_FACE | style))


def _draw_pictures(panel: Panel, item: Pictures) -> float:
    """Draw a contact sheet as one image, with index, label and prediction below each picture."""
    axes, top, decoded, count = panel.axes, panel.top, panel.decoded, panel.count
    shown = tiles(decoded, item, range(count), denormalised=panel.denormalised)
    tall, wide = (max(1, *(tile.shape[axis] for tile in shown)) for axis in (0, 1))
    across = panel.columns or min(count, max(1, round(math.sqrt(count * 1.6 * tall / wide))))
    caption = LINE * _lines(decoded) + 0.06
    inch = (wide + 6) / min(WIDTH / across, _WIDEST)
    sheet = sprite(shown, across, gap=(round(caption * inch), 6))
    height, width = sheet.shape[0] / inch, sheet.shape[1] / inch
    axes.imshow(sheet, extent=(0, width, top + height, top), aspect="auto", interpolation="antialiased")
    cell = height / math.ceil(count / across)
    for sample in range(count):
        left, lower = sample % across * width / across, top + sample // across * cell + tall / inch
        _caption(panel, left, lower, wide / inch, sample)
    return float(top + height)


def _draw_series(panel: Panel, item: Series) -> float:
    """Draw small multiples that share one scale; a filled band is the range of a stretch, a gap is not finite."""
    from matplotlib.collections import LineCollection, PolyCollection

    axes, top, decoded, count = panel.axes, panel.top, panel.decoded, panel.count
    across = panel.columns or min(count, 4)
    width, tall = WIDTH / across - 0.15, min(WIDTH / across * 0.35, 1.2)
    cell = tall + LINE * _lines(decoded) + 0.12
    channels = min(item.low.shape[1], _CHANNELS)
    low, high = _range(item.low[:count, :channels], item.high[:count, :channels])
    corners = [(n % across * WIDTH / across, top + n // across * cell) for n in range(count)]
    frames = [[(x, y), (x + width, y), (x + width, y + tall), (x, y + tall), (x, y)] for x, y in corners]
    axes.add_collection(LineCollection(frames, colors="#c9ced6", linewidths=0.6))
    if low < 0 < high:
        zero = [[(x, y + tall * high / (high - low)), (x + width, y + tall * high / (high - low))] for x, y in corners]
        axes.add_collection(LineCollection(zero, colors="#c9ced6", linewidths=0.6))
    for channel in range(channels):
        bands, edges = [], []
        for n, (x, y) in enumerate(corners):
            for place, *ends in _bands(item.low[n, channel], item.high[n, channel]):
                across_x = x + width * place
                lower, upper = (y + tall * (high - end) / (high - low) for end in ends)
                edges += [np.column_stack([across_x, lower]), np.column_stack([across_x, upper])]
                bands.append(np.concatenate([edges[-2], edges[-1][::-1]]))
        colour = np.array(class_colour(channel)) / 255
        axes.add_collection(PolyCollection(bands, facecolors=[(*colour, 0.4)], edgecolors="none"))
        axes.add_collection(LineCollection(edges, colors=[colour], linewidths=0.7))
    for n, (x, y) in enumerate(corners):
        _caption(panel, x, y + tall, width, n)
    return top + math.ceil(count / across) * cell


def _draw_tokens(panel: Panel, item: Tokens) -> float:
    """Write a line of tokens a sample; special ones are blue and slanted, masked ones grey."""
    axes, top, count, digits = panel.axes, panel.top, panel.count, _digits(panel)
    styles = {"special": {"color": ACCENT, "style": "italic"}, "masked": {"color": "#9aa3ae"}, "": {}}
    start = _margin(panel)
    most = int(WIDTH / CHARACTER)
    for sample in range(count):
        y = top + LINE * (sample + 0.5)
        _aside(panel, y, sample, digits)
        parts, place = [], start
        for kind, text in _runs(item, sample):
            if place >= most:
                break
            parts.append((clean(text, most - place), styles[kind]))
            place += len(text) + 1
        write_on(axes, start * CHARACTER, y, parts)
    return top + LINE * count


def _draw_table(panel: Panel, item: Table) -> float:
    """Draw a heat map, a row a sample, coloured by where a value lies between its feature's least and greatest."""
    axes, count, digits = panel.axes, panel.count, _digits(panel)
    values = item.values[:count, :FEATURES]
    start = (_margin(panel) + 1) * CHARACTER
    wide, top = _feature_names(axes, start, panel.top, [clean(name, 24) for name in item.features[:FEATURES]])
    bottom = top + LINE * count
    colours = map_colours(_standing(item.values)[:count, :FEATURES], -1, 1)
    if values.size:
        extent = (start, start + wide * values.shape[1], bottom, top)
        axes.imshow(colours, extent=extent, aspect="auto", interpolation="nearest")
    for sample in range(count):
        _aside(panel, top + LINE * (sample + 0.5), sample, digits)
    if wide > 7 * CHARACTER:
        for row, column in np.ndindex(values.shape):
            dark = colours[row, column] @ np.array([0.299, 0.587, 0.114]) < 120
            place = start + (column + 0.5) * wide, top + LINE * (row + 0.5)
            text = brief(float(values[row, column]))
            write(axes, *place, text, ha="center", size=6.5, color="white" if dark else INK)
    return bottom


def _feature_names(axes: Axes, start: float, top: float, names: list[str]) -> tuple[float, float]:
    """Write names above the columns, turned where they are too long; return a column's width and where rows begin."""
    longest = max(map(len, names), default=0) * CHARACTER
    wide = min((WIDTH - start) / max(1, len(names)), 1.1)
    if longest < wide:
        for column, name in enumerate(names):
            write(axes, start + (column + 0.5) * wide, top + LINE / 2, name, ha="center")
        return wide, top + LINE
    height = longest * 0.72 + 0.1
    wide = min((WIDTH - start - height) / len(names), 1.1)
    for column in range(0, len(names), math.ceil(LINE / wide)):
        place = start + (column + 0.5) * wide, top + height - 0.04
        write(axes, *place, names[column], rotation=45, rotation_mode="anchor", ha="left")
    return wide, top + height


def _lines(decoded: DecodedBatch) -> int:
    return 1 + (decoded.predictions is not None)


def _number(panel: Panel, sample: int) -> str:
    indices = panel.decoded.batch.indices if panel.indexed else None
    return str(sample if indices is None else indices[sample])


def _digits(panel: Panel) -> int:
    """Characters of the widest number of a sample, 4 at least."""
    return max([4, *(len(_number(panel, sample)) for sample in range(panel.count))])


def _caption(panel: Panel, left: float, top: float, width: float, sample: int) -> None:
    """Write index, label and prediction below a picture."""
    axes, decoded = panel.axes, panel.decoded
    number = _number(panel, sample)
    room = int(width / CHARACTER) - len(number) - 1
    write(axes, left, top + 0.09, number, color=SOFT)
    if room > 0:
        write(axes, left + width, top + 0.09, label_of(decoded.labels, sample, room), ha="right")
    told = clean(verdict(decoded, sample), max(1, int(width / CHARACTER)))
    if told:
        write(axes, left, top + 0.09 + LINE, told, color=_tone(told))


def _margin(panel: Panel) -> int:
    """Characters of the widest index, label and prediction before a row."""
    words = (len(" ".join(_row_words(panel.decoded, sample))) for sample in range(panel.count))
    return max(words, default=0) + 2 + _digits(panel)


def _row_words(decoded: DecodedBatch, sample: int) -> tuple[str, str]:
    return clean(verdict(decoded, sample), 20), label_of(decoded.labels, sample, 20)


def _tone(told: str) -> str:
    return {"✓": RIGHT, "✕": WRONG}.get(told[:1], SOFT)


def _aside(panel: Panel, y: float, sample: int, digits: int) -> None:
    """Write index, in so many digits, label and prediction before a row."""
    told, label = _row_words(panel.decoded, sample)
    write(panel.axes, 0, y, f"{_number(panel, sample):>{digits}}", color=SOFT)
    parts = [(label, {}), (told, {"color": _tone(told)})]
    write_on(panel.axes, (digits + 1) * CHARACTER, y, [part for part in parts if part[0]])


def _runs(item: Tokens, sample: int) -> Iterator[tuple[str, str]]:
    """Neighbouring tokens of one kind as one text."""
    before, words = "", list[str]()
    for place in range(item.index.shape[1]):
        masked = item.attended is not None and not item.attended[sample, place]
        kind = "masked" if masked else "special" if item.special[sample, place] else ""
        if kind != before and words:
            yield before, " ".join(words)
            words = []
        before = kind
        words.append(clean(item.pieces[item.index[sample, place]], 60) or "∅")
    if words:
        yield before, " ".join(words)


def _standing(values: Floats) -> Floats:
    """Place of each value between its feature's least (−1) and greatest (1); 0 where a feature is constant."""
    finite = np.where(np.isfinite(values), values.astype(np.float64), np.nan)
    known: Flags = ~np.isnan(finite)
    low = np.min(finite, axis=0, where=known, initial=np.inf)
    span = np.max(finite, axis=0, where=known, initial=-np.inf) - low
    return np.where(known, 2 * np.divide(finite - low, span, out=np.full_like(finite, 0.5), where=span > 0) - 1, np.nan)


def _range(low: Floats, high: Floats) -> tuple[float, float]:
    known = np.isfinite(low)
    if not known.any():
        return 0.0, 1.0
    least, most = float(low[known].min()), float(high[known].max())
    return (least, most) if most > least else (least - 0.5, most + 0.5)


def _bands(low: Floats, high: Floats) -> Iterator[tuple[Floats, Floats, Floats]]:
    """Places in 0…1, least and greatest values of each run without a gap; a single point becomes a short dash."""
    points = len(low)
    known = np.flatnonzero(~np.isnan(low))
    for run in np.split(known, np.flatnonzero(np.diff(known) > 1) + 1):
        if len(run):
            ends = run if len(run) > 1 else np.repeat(run, 2)
            place = ends / max(1, points - 1)
            place = place + np.array([-0.004, 0.004]) if len(run) == 1 else place
            yield place, low[ends].astype(np.float64), high[ends].astype(np.float64)
