"""What the page of a data view is told: the data set in short, and what is shown of it now."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from torch import nn

from nbinspect.data.explorer.charts import Charts, Histogram
from nbinspect.data.explorer.explorer import Explorer
from nbinspect.data.explorer.histogram import Bins
from nbinspect.data.explorer.marks import MARKS
from nbinspect.data.explorer.scatter import Colours, Points
from nbinspect.data.explorer.split_view import SplitView
from nbinspect.records import Column
from nbinspect.wire import pack

_WORDS, _FEATURES, _FAILURES, _GROUPS, _SELECTED = 200, 256, 20, 2_000, 100_000


def dataset_state(explorer: Explorer) -> dict[str, Any] | None:
    """Return the facts of the split that is looked at; None before anything was scanned."""
    if explorer.split not in explorer.views:
        return None
    view = explorer.view
    record = view.record
    found = {
        "serial": explorer.serial,
        "name": record.name,
        "split": explorer.split,
        "splits": explorer.splits,
        "total": record.total,
        "scanned": record.rows,
        "complete": record.complete,
        "failed": record.failed,
        "form": record.form,
        "labelKind": record.label_kind,
        "hasModel": type(explorer.subject.network) is not nn.Identity,
        "predicted": any(name in view.columns for name in ("prediction", "loss")),
        "columns": [_column_state(column) for column in view.columns.values()],
        "findings": [replace(finding, groups=()) for finding in record.findings],
        "features": record.features[:_FEATURES],
        "failures": record.failures[:_FAILURES],
        "notes": record.notes,
        "marks": {mark: int((view.marked == code).sum()) for code, mark in enumerate(MARKS)},
    }
    packed: dict[str, Any] = pack(found)
    return packed


def view_state(
    view: SplitView, charts: Charts, other: SplitView | None, serial: int, tried: tuple[str, str] | None
) -> dict[str, Any]:
    """Return what is asked for and what is shown.

    Args:
        view: the split that is looked at.
        charts: what is drawn beside it.
        other: the other split.
        serial: counts the states.
        tried: a query that could not be read, and why not.
    """
    asked, shown = view.asked, view.shown
    groups = None if shown.groups is None else shown.groups[:_GROUPS]
    points = charts.points()
    found = {
        "serial": serial,
        "query": tried[0] if tried else asked.query,
        "queryError": tried[1] if tried else None,
        "sort": asked.sort,
        "group": asked.group,
        "groups": groups,
        "brush": asked.brush,
        "count": len(shown.rows),
        "total": view.record.rows,
        "selected": view.selected[:_SELECTED].astype(np.uint32),
        "selectedCount": len(view.selected),
        "histogram": _histogram_state(view, charts.histogram(other)),
        "scatter": None if points is None else _scatter_state(view, *points),
    }
    packed: dict[str, Any] = pack(found)
    return packed


def bins_state(bins: Bins) -> dict[str, Any]:
    """Return what a histogram counts, as the page reads it."""
    what = {"edges": bins.edges} if bins.kind == "number" else {"words": bins.words, "more": bins.more}
    return {"column": bins.column, "kind": bins.kind, **what}


def _column_state(column: Column) -> dict[str, Any]:
    found: dict[str, Any] = {name: getattr(column, name) for name in ("name", "kind", "about", "unit", "help")}
    found |= {"words": None, "low": None, "high": None, "missing": 0}
    values = column.values
    if column.kind == "number":
        finite = values[np.isfinite(values)]
        found["low"], found["high"] = (finite.min(), finite.max()) if len(finite) else (None, None)
        found["missing"] = int(np.isnan(values).sum())
    elif column.kind != "flag":
        found["missing"] = int((values < 0).sum())
    if column.kind == "class":
        found["words"] = column.words[:_WORDS]
    return found


def _histogram_state(view: SplitView, drawn: Histogram | None) -> dict[str, Any] | None:
    if drawn is None:
        return None
    brush = view.asked.brush
    brushed: Any = None
    if brush is not None:
        brushed = [brush.low, brush.high] if drawn.bins.kind == "number" else brush.words
    return {
        **bins_state(drawn.bins),
        "all": drawn.all,
        "shown": drawn.shown,
        "other": drawn.other,
        "brush": brushed,
    }


def _scatter_state(view: SplitView, points: Points, colours: Colours | None) -> dict[str, Any]:
    shown = np.zeros(view.record.rows, np.uint8)
    shown[view.shown.rows] = 1
    return {
        "x": points.x,
        "y": points.y,
        "colour": None if colours is None else colours.column,
        "rows": points.rows.astype(np.uint32),
        "xs": points.xs,
        "ys": points.ys,
        "codes": None if colours is None else colours.codes,
        "words": None if colours is None else colours.words,
        "low": None if colours is None else colours.low,
        "high": None if colours is None else colours.high,
        "shown": shown[points.rows],
        "title": points.title,
        "note": points.note,
    }
