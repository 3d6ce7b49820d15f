"""What stands in the middle of a static page of a batch: pictures, sentences, rows of features or series, as HTML."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from nbinspect.figures.markup import Markup, fragment, image, tag
from nbinspect.figures.pictures import Rgb, class_colour, colour_names, shrunk, tiles, value_scale
from nbinspect.figures.words import brief, clean, label_of, normalisation, number, plural, verdict
from nbinspect.records import Bytes, Decoded, DecodedBatch, Floats, Pictures, Series, Table, Tokens

_PICTURES = 64
_SERIES = 24
_ROWS = 20
_TOKENS = 96
_FEATURES = 32
_CHANNELS = 8
_PAYLOAD = 1_500_000
"""The most bytes of pixels before they are packed."""
_SMALL = 72
"""Pictures of so many pixels a side or less are never reduced; enlarged ones pack well."""
_PLOT = (64, 258)
_REPEATED = 4


def exhibit(decoded: DecodedBatch, item: Decoded) -> Markup:
    """Return a decoded tensor as HTML, with the first samples and a sentence on what is seen."""
    if isinstance(item, Pictures):
        return _pictures(decoded, item)
    if isinstance(item, Series):
        return _series(decoded, item)
    return _tokens(decoded, item) if isinstance(item, Tokens) else _table(decoded, item)


def _pictures(decoded: DecodedBatch, item: Pictures) -> Markup:
    count = min(decoded.batch.size, _PICTURES)
    natural = item.normalisation is not None
    looks = {"as fed": False, **({"de-normalised": True} if natural else {})}
    shown = {
        look: _small(tiles(decoded, item, range(count), denormalised=how), len(looks)) for look, how in looks.items()
    }
    if item.kind == "values":
        low, high = value_scale(item)
        words = f"blue {number(low)}, white 0, orange {number(high)}" if low < 0 < high else ""
        words = words or f"dark blue {number(low)}, yellow {number(high)}"
    else:
        words = f"{' | '.join(looks)} · {normalisation(item)}".rstrip("· ")
    cells = []
    for sample in range(count):
        images = [fragment(image(shown[look][sample], _alt(decoded, sample, look)), " ") for look in looks]
        cells.append(fragment(*images, _caption(decoded, sample)))
    width = (max((tile.shape[1] for tile in shown["as fed"]), default=1) + 4) * len(looks)
    return _sheet(decoded, item, words, cells, columns=max(1, 1060 // max(width + 8, 96)))


def _small(shown: list[Bytes], looks: int) -> list[Bytes]:
    """Pictures reduced alike until all together are small enough to live in a notebook."""
    if max((max(tile.shape) for tile in shown), default=0) <= _SMALL:
        return shown
    factor = math.ceil(math.sqrt(sum(tile.size for tile in shown) * looks / _PAYLOAD))
    return [shrunk(tile, factor) for tile in shown]


def _series(decoded: DecodedBatch, item: Series) -> Markup:
    count = min(decoded.batch.size, _SERIES)
    low, high = (ends[:count, :_CHANNELS].astype(np.float64) for ends in (item.low, item.high))
    known = np.isfinite(low)
    least, most = (float(low[known].min()), float(high[known].max())) if known.any() else (0.0, 1.0)
    cells = []
    for sample in range(count):
        plot = _plotted(low[sample], high[sample], least, most)
        cells.append(fragment(image(plot, _alt(decoded, sample, "series"), 0.5), _caption(decoded, sample)))
    rate = f" at {item.sample_rate:,.0f} Hz" if item.sample_rate else ""
    words = f"{plural(item.length, 'step')}{rate}, {number(least)} … {number(most)} in all; a gap is not finite"
    return _sheet(decoded, item, words, cells, columns=4)


def _plotted(low: Floats, high: Floats, least: float, most: float) -> Bytes:
    """(h, w, 4): the band of each channel (C, P) on a clear ground, at twice the size that it is shown in."""
    height, width = (2 * side for side in _PLOT)
    canvas = np.zeros((height, width, 4), dtype=np.uint8)
    points = low.shape[1]
    place = np.minimum(np.arange(width) * points // width, points - 1) if points else np.zeros(0, dtype=np.int64)
    rows = np.arange(height)[:, None]
    scale = (height - 5) / ((most - least) or 1)
    for channel in range(len(low) if points else 0):
        top, bottom = (2 + (most - ends[channel, place]) * scale for ends in (high, low))
        # each column reaches its neighbour, so that a steep line has no holes
        top[1:], bottom[1:] = np.fmin(top[1:], bottom[:-1]), np.fmax(bottom[1:], top[:-1])
        known = np.isfinite(low[channel, place])
        band = known & (rows >= np.floor(top)) & (rows <= np.ceil(bottom) + 1)
        canvas[band] = (*class_colour(channel), 255)
    return canvas


def _tokens(decoded: DecodedBatch, item: Tokens) -> Markup:
    count, length = min(decoded.batch.size, _ROWS), min(item.index.shape[1], _TOKENS)
    rows = []
    for sample in range(count):
        spans = [fragment(_token(item, sample, *run), " ") for run in _runs(item, sample, length)]
        if item.length > length:
            spans.append(tag("span", f"… {plural(item.length - length, 'more token')}", class_="soft"))
        rows.append(tag("tr", *_aside(decoded, sample), tag("td", *spans, class_="tokens")))
    words = f"{clean(item.source)}; dashed: special, struck through: masked out"
    return _section(item.name, words, tag("table", *rows), _tally(count, decoded.batch.size))


def _runs(item: Tokens, sample: int, length: int) -> Iterator[tuple[int, int]]:
    """Place and number of equal tokens in a row; fewer than four stand for themselves."""
    place = 0
    while place < length:
        looks = [(each[sample, place:length]) for each in (item.index, item.special, item.attended) if each is not None]
        same = np.logical_and.reduce([look == look[0] for look in looks])
        times = int(np.argmin(np.append(same, False)))
        yield from [(place, times)] if times >= _REPEATED else [(place + each, 1) for each in range(times)]
        place += times


def _token(item: Tokens, sample: int, place: int, times: int) -> Markup:
    kinds = ["token"]
    if item.special[sample, place]:
        kinds.append("special")
    if item.attended is not None and not item.attended[sample, place]:
        kinds.append("masked")
    piece = clean(item.pieces[item.index[sample, place]], 60)
    shown = piece.replace(" ", "␣") if piece.isspace() else piece or "∅"
    own = tag("span", shown, class_=" ".join(kinds))
    return fragment(own, tag("span", f" × {times}", class_="soft")) if times > 1 else own


def _table(decoded: DecodedBatch, item: Table) -> Markup:
    count, shown = min(decoded.batch.size, _ROWS), min(item.values.shape[1], _FEATURES)
    heads = [tag("th", clean(name, 40), scope="col", class_="number") for name in item.features[:shown]]
    more = tag("th", f"+{item.total_features - shown}", class_="number") if item.total_features > shown else None
    blank = [tag("th", name, scope="col") for name in _aside_names(decoded)]
    rows = [
        tag("tr", *_aside(decoded, sample), *(_value(float(value)) for value in item.values[sample, :shown]))
        for sample in range(count)
    ]
    body = tag("table", tag("tr", *blank, *heads, more), *rows)
    return _section(item.name, "", body, _tally(count, decoded.batch.size))


def _value(value: float) -> Markup:
    return tag("td", brief(value), class_="number" if math.isfinite(value) else "number warn")


def _sheet(decoded: DecodedBatch, item: Decoded, words: str, cells: Sequence[Markup], *, columns: int) -> Markup:
    """Cells in rows; a plain table, for it keeps its shape where a viewer drops the style."""
    lines = [cells[start : start + columns] for start in range(0, len(cells), columns)]
    rows = [tag("tr", *(tag("td", cell) for cell in line)) for line in lines]
    key = [_swatch(name, colour) for name, colour in colour_names(decoded, item)]
    body = fragment(*key, tag("table", *rows, role="presentation", class_="sheet"))
    return _section(item.name, words, body, _tally(len(cells), decoded.batch.size))


def _section(name: str, words: str, body: Markup, tally: str) -> Markup:
    head = tag("p", tag("b", clean(name, 60)), f" {words}" if words else None, class_="legend")
    return tag("div", head, tag("div", body, class_="scroll"), tag("p", tally, class_="soft"), class_="exhibit")


def _tally(shown: int, size: int) -> str:
    return plural(size, "sample") if shown == size else f"{shown:,} of {plural(size, 'sample')}"


def _swatch(name: str, colour: Rgb) -> Markup:
    style = f"color: #{bytes(colour).hex()}"
    return tag("span", tag("span", "■", style=style), f" {clean(name, 40)} ", class_="key")


def _alt(decoded: DecodedBatch, sample: int, look: str) -> str:
    label = label_of(decoded.labels, sample, 80)
    return f"sample {sample}, {look}" + (f", label {label}" if label else "")


def _caption(decoded: DecodedBatch, sample: int) -> Markup:
    """Index, label, and prediction below a picture."""
    told = verdict(decoded, sample)
    label = label_of(decoded.labels, sample, 200)
    line = tag("div", _index(sample), " ", tag("span", clean(label, 60), title=label or None), class_="caption")
    return fragment(line, tag("div", told, class_=f"caption {_tone(told)}", title=told) if told else None)


def _aside(decoded: DecodedBatch, sample: int) -> list[Markup]:
    """Index, label and prediction before a row."""
    told = verdict(decoded, sample)
    cells = [tag("th", _index(sample), scope="row")]
    if decoded.labels is not None:
        cells.append(tag("td", label_of(decoded.labels, sample, 60)))
    return [*cells, tag("td", told, class_=_tone(told))] if told else cells


def _aside_names(decoded: DecodedBatch) -> list[str]:
    return ["sample", *(["label"] if decoded.labels else []), *(["prediction"] if decoded.predictions else [])]


def _index(sample: int) -> Markup:
    return tag("span", str(sample), class_="soft")


def _tone(told: str) -> str:
    return {"✓": "ok", "✕": "bad"}.get(told[:1], "soft")
