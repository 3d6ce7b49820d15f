"""Decoded pictures to the colours that are printed: look-up tables over their bytes, and a sheet of many."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nbinspect.records import Bytes, Decoded, DecodedBatch, Normalisation, Pictures, Series

# The colours of the widget's page, safe for colour-blind eyes: blue to orange about 0, and dark blue to yellow.
_DIVERGING = ((14, 52, 132), (72, 130, 200), (176, 206, 232), (248, 248, 246), (246, 196, 148), (216, 116, 44),
              (126, 44, 6))  # fmt: skip
_SEQUENTIAL = ((6, 18, 54), (22, 62, 108), (44, 108, 128), (98, 150, 122), (178, 190, 104), (252, 230, 98))
_CLASSES = ((0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (213, 94, 0), (240, 228, 66),
            (120, 94, 240))  # fmt: skip
_MARKS = ((255, 0, 200), (255, 120, 230), (150, 0, 120))
_ABSENT = 255
_FACETS = 16
_NAMED = 8
_ENLARGED = 72

Table: TypeAlias = NDArray[np.uint8]
"""(256, 3): the colour of each byte."""
Rgb: TypeAlias = tuple[int, int, int]


def tiles(
    decoded: DecodedBatch, pictures: Pictures, samples: Sequence[int], *, denormalised: bool, side: int = 128
) -> list[Bytes]:
    """Return (h, w, 3) colours of each sample, its longest side at most `side` and small ones enlarged by whole steps.

    Several channels that are no colours stand beside each other; masks and boxes lie over the pictures that they
    belong to; values that are not finite are a chequer of magenta.
    """
    order = np.asarray(samples, dtype=np.int64)
    colours = _painted(pictures, order, denormalised=denormalised)
    over = under_overlays(decoded, pictures) and colours.shape[1] == 1
    if over and decoded.masks is not None:
        _blend(colours[:, 0], decoded.masks.classes[order])
    if pictures.marks is not None:
        _stamp(colours, pictures.marks[order])
    done = []
    for sample, facets in zip(order.tolist(), colours, strict=True):
        h, w = _extent(pictures, sample)
        tile = _fitted(_mosaic(facets[:, :h, :w]), side, enlarged=side if len(facets) > 1 else _ENLARGED)
        if over and decoded.boxes is not None:
            _outline(tile, decoded.boxes.corners[decoded.boxes.sample == sample])
        done.append(tile)
    return done


def under_overlays(decoded: DecodedBatch, item: Decoded) -> bool:
    """Whether the masks and boxes of the batch lie over this tensor: the first one of pictures."""
    return item is next((each for each in decoded.inputs if isinstance(each, Pictures)), None)


def colour_names(decoded: DecodedBatch, item: Decoded) -> list[tuple[str, Rgb]]:
    """Return what has a colour of its own, and which: channels of series, classes of the mask over pictures."""
    names: tuple[str, ...] = ()
    if isinstance(item, Series) and item.total_channels > 1:
        names = item.channels
    elif decoded.masks is not None and under_overlays(decoded, item):
        names = decoded.masks.names
    return [(name, class_colour(index)) for index, name in enumerate(names[:_NAMED])]


def sprite(pictures: Sequence[Bytes], columns: int, *, gap: tuple[int, int] = (4, 4)) -> Bytes:
    """Return pictures (h, w, 3) of any sizes on one white sheet, row by row; `gap` is below and right of each."""
    height = max((tile.shape[0] for tile in pictures), default=1) + gap[0]
    width = max((tile.shape[1] for tile in pictures), default=1) + gap[1]
    sheet = np.full((max(1, math.ceil(len(pictures) / columns)) * height, columns * width, 3), 255, dtype=np.uint8)
    for position, tile in enumerate(pictures):
        top, left = position // columns * height, position % columns * width
        sheet[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return sheet


def shrunk(picture: Bytes, factor: int) -> Bytes:
    """Return the means of square blocks; what is left over at the right and bottom counts for the last block."""
    if factor == 1:
        return picture
    for axis in (0, 1):
        starts = np.arange(0, picture.shape[axis], factor)
        sums = np.add.reduceat(picture.astype(np.float64), starts, axis)
        counts = np.diff(np.append(starts, picture.shape[axis]))
        picture = sums / (counts[:, None, None] if axis == 0 else counts[:, None])  # type: ignore[assignment]
    return np.rint(picture).astype(np.uint8)


def is_colour(pictures: Pictures) -> bool:
    """Whether the channels are red, green, blue and perhaps alpha."""
    return pictures.kind == "image" and len(pictures.channels) == pictures.total_channels in (3, 4)


def class_colour(index: int) -> Rgb:
    """Return the colour of a class; after the eight of the palette the hue walks on by the golden angle."""
    if index < len(_CLASSES):
        return _CLASSES[index]
    red, green, blue = colorsys.hls_to_rgb(index * 137.508 % 360 / 360, 0.42 + 0.1 * (index % 3), 0.6)
    return round(255 * red), round(255 * green), round(255 * blue)


def map_colours(values: NDArray[np.floating[Any]], low: float, high: float) -> Bytes:
    """Return colours (…, 3) of numbers: about 0 where the ends have both signs; magenta for what is not finite."""
    stops = np.array(_DIVERGING if low < 0 < high else _SEQUENTIAL, dtype=np.float64)
    finite = np.isfinite(values)
    place = (np.where(finite, values, low) - low) / ((high - low) or 1) * (len(stops) - 1)
    parts = [np.interp(place, range(len(stops)), part) for part in stops.T]
    colours: Bytes = np.rint(np.stack(parts, axis=-1)).astype(np.uint8)
    colours[~finite] = _MARKS[0]
    return colours


def value_scale(pictures: Pictures) -> tuple[float, float]:
    """Return the values at both ends of the colours of a value map: of equal size where there are both signs."""
    low, high = float(pictures.low.min(initial=np.inf)), float(pictures.high.max(initial=-np.inf))
    reach = max(abs(low), abs(high))
    return (-reach, reach) if low < 0 < high else (low, high)


def _painted(pictures: Pictures, samples: NDArray[np.int64], *, denormalised: bool) -> Bytes:
    """(n, facets, h, w, 3): one facet of colours, or one a channel."""
    planes = pictures.planes[samples]
    if not is_colour(pictures):
        tables = [_table(pictures, channel, denormalised=denormalised) for channel in range(planes.shape[1])[:_FACETS]]
        return np.stack([table[planes[:, channel]] for channel, table in enumerate(tables)], axis=1)
    shades = [_shades(pictures, channel, range(3), denormalised)[planes[:, channel]] for channel in range(3)]
    colours = np.stack(shades, axis=-1)[:, None]
    if planes.shape[1] == 4:
        cover = (_opacity(pictures, denormalised)[planes[:, 3]] / 255)[:, None, ..., None]
        colours = np.rint(255 - (255 - colours.astype(np.float64)) * cover)
    return colours.astype(np.uint8)


def _table(pictures: Pictures, channel: int, *, denormalised: bool) -> Table:
    if pictures.kind == "image":
        return np.repeat(_shades(pictures, channel, (channel,), denormalised)[:, None], 3, axis=1)
    low, high = value_scale(pictures)
    return map_colours(_values(pictures, channel), low, high)


def _shades(pictures: Pictures, channel: int, together: Sequence[int], denormalised: bool) -> NDArray[np.uint8]:
    """(256,) brightness of each byte; the channels in `together` share one range, so that colours stay true."""
    values = _values(pictures, channel)
    if denormalised and pictures.normalisation is not None:
        shade = _natural(pictures.normalisation, channel, values)
    else:
        low, high = (float(f(end[list(together)])) for f, end in ((np.min, pictures.low), (np.max, pictures.high)))
        shade = (values - low) / ((high - low) or 1)
    return _bytes(shade)


def _opacity(pictures: Pictures, denormalised: bool) -> NDArray[np.uint8]:
    values = _values(pictures, 3)
    known = pictures.normalisation
    if denormalised and known is not None and len(known.mean) == 4:
        values = _natural(known, 3, values)
    elif pictures.high[3] > 1:
        values = values / 255
    return _bytes(values)


def _bytes(shares: NDArray[np.float64]) -> NDArray[np.uint8]:
    rounded: NDArray[np.uint8] = np.rint(255 * shares.clip(0, 1)).astype(np.uint8)
    return rounded


def _values(pictures: Pictures, channel: int) -> NDArray[np.float64]:
    """(256,) the value that each byte stands for."""
    low, high = float(pictures.low[channel]), float(pictures.high[channel])
    return low + np.arange(256) * (high - low) / 255


def _natural(known: Normalisation, channel: int, values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values * known.std[min(channel, len(known.std) - 1)] + known.mean[min(channel, len(known.mean) - 1)]


def _blend(colours: Bytes, classes: Bytes) -> None:
    """Lay the colours of the classes over pictures (n, h, w, 3), in place."""
    palette = np.array([class_colour(each) for each in range(_ABSENT)], dtype=np.float64)
    there = classes != _ABSENT
    colours[there] = np.rint(0.55 * colours[there] + 0.45 * palette[classes[there]])


def _stamp(colours: Bytes, marks: Bytes) -> None:
    """Mark what is not finite in colours (n, facets, h, w, 3), in place: every second pixel is darker."""
    rows, columns = np.indices(marks.shape[1:])
    dark = np.where((rows + columns) % 2, 0.55, 1.0)
    stamps = np.array(((0, 0, 0), *_MARKS))[marks] * dark[..., None]
    for facet in range(colours.shape[1]):
        colours[:, facet][marks > 0] = stamps[marks > 0]


def _extent(pictures: Pictures, sample: int) -> tuple[int, int]:
    """Height and width of what is there of a picture; less than the plane where a ragged list was padded."""
    h, w = pictures.planes.shape[2:]
    if pictures.sizes is None:
        return h, w
    (own_h, own_w), (all_h, all_w) = pictures.sizes[sample], pictures.size
    return min(h, max(1, round(h * own_h / all_h))), min(w, max(1, round(w * own_w / all_w)))


def _mosaic(facets: Bytes) -> Bytes:
    """(facets, h, w, 3) beside each other, about as high as wide."""
    columns = max(1, math.ceil(math.sqrt(len(facets) * facets.shape[1] / max(1, facets.shape[2]))))
    return facets[0] if len(facets) == 1 else sprite(list(facets), min(columns, len(facets)), gap=(1, 1))[:-1, :-1]


def _fitted(picture: Bytes, side: int, enlarged: int) -> Bytes:
    longest = max(*picture.shape[:2], 1)
    if longest > side:
        return shrunk(picture, math.ceil(longest / side))
    factor = max(1, min(side, enlarged) // longest)
    return picture.repeat(factor, axis=0).repeat(factor, axis=1)


def _outline(tile: Bytes, boxes: NDArray[np.floating]) -> None:
    """Draw boxes, given as shares of the sides, in yellow on black, in place."""
    h, w = tile.shape[:2]
    for box in boxes:
        left, right = (int(np.clip(round(float(x) * (w - 1)), 0, w - 1)) for x in box[[0, 2]])
        top, bottom = (int(np.clip(round(float(y) * (h - 1)), 0, h - 1)) for y in box[[1, 3]])
        for inset, colour in ((1, (0, 0, 0)), (0, (255, 212, 0))):
            first, last, near, far = top + inset, bottom - inset, left + inset, right - inset
            if first <= last and near <= far:
                tile[[first, last], near : far + 1] = colour
                tile[first : last + 1, [near, far]] = colour
