"""A batch as one figure, clean enough for print."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from nbinspect.errors import InputError
from nbinspect.figures.insets import AMBER, paper
from nbinspect.figures.panels import CHARACTER, FEATURES, LINE, SOFT, WIDTH, WRONG, Panel, draw, write, write_on
from nbinspect.figures.paper import cut
from nbinspect.figures.pictures import colour_names, value_scale
from nbinspect.figures.words import clean, facts, modes, normalisation, number, plural, provenance, row_name, score
from nbinspect.records import Decoded, DecodedBatch, Series, Table, Tokens

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARGIN = 0.2
_WARNINGS = 5


def batch_figure(
    decoded: DecodedBatch,
    *,
    samples: int = 64,
    columns: int | None = None,
    denormalised: bool = True,
    name: str | None = None,
) -> Figure:
    """Return the first `samples` of a batch as a matplotlib figure, 10 inches wide, that belongs to no window.

    Pictures are de-normalised where that is known and wanted, else as fed. `name` chooses the tensor, the main input
    otherwise; `columns` the number of pictures or series in a row. Leaves pyplot and its settings unchanged.

    Raises:
        InputError: for a number below 1 and the name of a tensor that was not decoded.
    """
    for argument, value in (("samples", samples), ("columns", columns)):
        if value is not None and (not isinstance(value, int) or value < 1):
            raise InputError(f"{argument}: expected a whole number from 1, got {value!r}")
    item = _item(decoded, name)
    figure, axes = paper(WIDTH + 2 * _MARGIN)
    count = min(samples, decoded.batch.size)
    y = _head(axes, decoded, item, count, denormalised)
    if item is not None and count:
        y = draw(Panel(axes, y, decoded, count, columns, denormalised), item)
    y = _foot(axes, y + LINE, decoded)
    return cut(figure, axes, WIDTH, y, _MARGIN)


def _item(decoded: DecodedBatch, name: str | None) -> Decoded | None:
    items = (*decoded.inputs, *decoded.targets)
    if name is None:
        return items[0] if items else None
    for item in items:
        if item.name == name:
            return item
    raise InputError(f"name: expected one of {', '.join(repr(each.name) for each in items)}, got {name!r}")


def _head(axes: Axes, decoded: DecodedBatch, item: Decoded | None, count: int, denormalised: bool) -> float:
    """Write the lines of facts."""
    batch = decoded.batch
    most = int(WIDTH / CHARACTER)
    tensors = [facts(tensor.facts) for tensor in batch.tensors]
    write(axes, 0, 0.1, "Batch", weight="bold", size=10, family="DejaVu Sans")
    write(axes, 0.55, 0.1, clean(" · ".join([*tensors[:4], *modes(batch)]), most - 9))
    tally = plural(count, "sample") if count == batch.size else f"{count:,} of {plural(batch.size, 'sample')}"
    write(axes, 0, 0.1 + 1.4 * LINE, clean(" · ".join([provenance(batch), tally, *score(decoded)]), most), color=SOFT)
    y = 0.1 + 2.4 * LINE
    if item is None:
        return y
    words = f"{clean(item.name, 60)}: {_legend(item, denormalised)}"
    for line in textwrap.wrap(words, most, max_lines=3, placeholder=" …"):
        write(axes, 0, y, line, color=SOFT)
        y += LINE
    named = colour_names(decoded, item)
    write_on(axes, 0, y, [(f"■ {clean(name, 20)}", {"color": f"#{bytes(colour).hex()}"}) for name, colour in named])
    y += LINE * bool(named)
    return y + 0.1 * LINE


def _legend(item: Decoded, denormalised: bool) -> str:
    """What the drawing means, in words."""
    if isinstance(item, Tokens):
        cut = f", the first {item.ids.shape[1]} of {item.length} tokens" if item.length > item.ids.shape[1] else ""
        return f"{clean(item.source, 80)}{cut}; slanted: special, grey: masked out"
    if isinstance(item, Table):
        cut = f"the first {FEATURES} of {item.total_features} features; " if item.total_features > FEATURES else ""
        return f"{cut}blue is a feature's least value in this batch, orange its greatest, magenta not finite"
    if isinstance(item, Series):
        rate = f" at {item.sample_rate:,.0f} Hz" if item.sample_rate else ""
        return f"{plural(item.length, 'step')}{rate}, one scale for all; a gap is not finite"
    if item.kind == "values":
        low, high = value_scale(item)
        ends = f"blue {number(low)}, white 0, orange {number(high)}" if low < 0 < high else f"{number(low)} dark blue"
        return ends if low < 0 < high else f"{ends}, {number(high)} yellow"
    natural = denormalised and item.normalisation is not None
    return f"{'de-normalised' if natural else 'as fed'}; {normalisation(item)}".rstrip("; ")


def _foot(axes: Axes, top: float, decoded: DecodedBatch) -> float:
    """Write the error of the forward pass and the first warnings."""
    most = int(WIDTH / CHARACTER)
    lines = [(f"✕ the forward raised {decoded.batch.error}", WRONG)] if decoded.batch.error else []
    found = [(row_name(t, each.row or 0), each) for t in decoded.batch.tensors for each in t.findings]
    found += [("batch", each) for each in decoded.batch.findings]
    warned = [f"▲ {where}: {each.text}" for where, each in found if each.level == "warn"]
    lines += [(text, AMBER) for text in warned[:_WARNINGS]]
    if len(warned) > _WARNINGS:
        lines.append((f"▲ {len(warned) - _WARNINGS} more", AMBER))
    for position, (text, colour) in enumerate(lines):
        write(axes, 0, top + LINE * (position + 0.5), clean(text, most), color=colour)
    return top + LINE * len(lines) if lines else top - LINE
