"""What a data view shows, put together for a figure or a static page."""

from __future__ import annotations

from nbinspect.data.explorer.charts import Charts, Histogram, histogram_of
from nbinspect.data.explorer.explorer import Explorer
from nbinspect.data.explorer.marks import MARKS
from nbinspect.errors import NbinspectError
from nbinspect.figures.data_sheet import ColumnCounts, DataSheet

_ROWS = 24
_FIRST = ("index", "prediction", "confidence", "loss", "correct", "mark")
"""What a reader looks for first, the targets after the index."""
_COLUMNS = ("loss", "confidence", "length", "brightness", "mean", "std")
_HISTOGRAMS = 4


def sheet_of(explorer: Explorer, charts: Charts, *, fetched: bool = True) -> DataSheet:
    """Return what is shown now, with the samples of the first rows, if they are to be fetched; all is left unchanged.

    Samples that cannot be fetched are told, not raised.
    """
    view = explorer.view
    rows, cells = view.window(0, _ROWS)
    samples, places, why = None, dict[int, int](), ""
    try:
        found, own = explorer.preview(rows if fetched else rows[:0])
        samples, places = found.batch, {row: place for place, row in enumerate(own.tolist())}
        why = next(iter(found.errors.values()), "")
    except NbinspectError as error:
        why = str(error)
    columns = list(view.columns)
    told = [place for place, name in enumerate(columns) if name == "index" or any(own[place] for own in cells)]
    targets = [column.name for column in view.record.targets]
    first = list(dict.fromkeys((*_FIRST[:1], *targets, *_FIRST[1:])))
    told.sort(key=lambda place: first.index(columns[place]) if columns[place] in first else len(first))
    names = dict.fromkeys((charts.histogram_column or "", *targets[:2], *_COLUMNS))
    drawn = [histogram_of(view, name, explorer.other) for name in names if name in view.columns]
    return DataSheet(
        view.record,
        view.asked.query,
        len(view.shown.rows),
        tuple(columns[place] for place in told),
        tuple(tuple(texts[place] for place in told) for texts in cells),
        samples,
        tuple(places.get(row, -1) for row in rows.tolist()),
        why,
        tuple(map(_counts, drawn[:_HISTOGRAMS])),
        tuple((mark, int((view.marked == code).sum())) for code, mark in enumerate(MARKS)),
    )


def _counts(drawn: Histogram) -> ColumnCounts:
    bins = drawn.bins
    return ColumnCounts(bins.column, bins.edges, bins.words, bins.more, drawn.all, drawn.shown, drawn.other)
