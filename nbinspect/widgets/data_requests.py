"""What the page of a data view asks for, and how each is answered."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nbinspect.data.explorer import works
from nbinspect.data.explorer.arrangement import Brush, Sort
from nbinspect.data.explorer.charts import compared
from nbinspect.data.explorer.error_sources import decompose
from nbinspect.errors import InputError, NbinspectError
from nbinspect.widgets.data_desk import DataDesk
from nbinspect.widgets.data_state import bins_state
from nbinspect.widgets.main_thread import MainThread
from nbinspect.widgets.requests import Requests

_CSV = 200_000
"""Rows of a file that the page offers."""
_WORKS: dict[str, Callable[..., Any]] = {
    "confusion": works.confusion,
    "slices": works.slices,
    "issues": works.label_issues,
    "nearest": works.nearest,
    "outputs": works.outputs,
    "baselines": works.baselines,
    "curve": works.learning_curve,
    "decompose": decompose,
}


class DataRequests:
    """Answers the page of a data view: what reads or arranges what was scanned at once, the rest between cells."""

    def __init__(self, widget: Any, desk: DataDesk, main: MainThread) -> None:
        self._widget = widget
        self._desk = desk
        self._explorer = desk.explorer
        arranging: dict[str, Callable[..., Any]] = {
            "filter": self._filter,
            "sort": self._sort,
            "group": self._group,
            "brush": self._brush,
            "histogram": self._histogram,
            "scatter": self._scatter,
            "select": self._select,
            "mark": self._mark,
        }
        reading: dict[str, Callable[..., Any]] = {
            "rows": self._rows,
            "row": self._row,
            "groups": self._groups,
            "compare": self._compare,
            "csv": self._csv,
            **human_requests(desk),
        }
        looking = {name: self._held(method) for name, method in reading.items()}
        looking |= {name: self._held(method, publish=True) for name, method in arranging.items()}
        looking["cancel"] = desk.explorer.cancel
        working: dict[str, Callable[..., Any]] = {
            "scan": desk.start_scan,
            "predict": desk.start_predict,
            "split": self._split,
            "samples": self._samples,
            "human": self._human,
            **{name: functools.partial(self._work, work) for name, work in _WORKS.items()},
        }
        served = {name: self._served(method) for name, method in working.items()}
        self._requests = Requests(widget, main, looking=looking, working=served)

    def _held(self, method: Callable[..., Any], *, publish: bool = False) -> Callable[..., Any]:
        """Have what is shown stay as it is while a method reads it, and tell the page where it was changed."""

        def answer(**params: Any) -> Any:
            with self._explorer.lock:
                payload = method(**params)
                if publish:
                    self._desk.publish()
                return payload

        return answer

    def _served(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """Have the page told that it waits no longer, however a method ends."""

        def answer(**params: Any) -> Any:
            try:
                return method(**params)
            finally:
                self._desk.say_rest()

        return answer

    def _rows(self, start: int, count: int) -> dict[str, Any]:
        view = self._explorer.view
        rows, cells = view.window(start, count)
        return {"start": start, "rows": rows.astype(np.uint32), "columns": list(view.columns), "cells": cells}

    def _row(self, row: int) -> dict[str, Any]:
        view = self._explorer.view
        position, cells = view.one(row)
        return {"position": position, "columns": list(view.columns), "cells": cells}

    def _filter(self, query: str) -> None:
        try:
            self._explorer.view.arrange(query=str(query))
        except NbinspectError as error:
            self._desk.publish((str(query), str(error)))
            raise

    def _sort(self, column: str | None = None, descending: bool = False) -> None:
        self._explorer.view.arrange(sort=None if column is None else Sort(column, bool(descending)))

    def _group(self, column: str | None = None) -> None:
        self._explorer.view.arrange(group=column)

    def _brush(
        self, column: str | None = None, low: float | None = None, high: float | None = None, words: Any = None
    ) -> None:
        view = self._explorer.view
        if column is None:
            view.arrange(brush=None)
            return
        if words is not None and not isinstance(words, list):
            raise InputError(f"words: expected a list of words, got {type(words).__name__}")
        ends = [None if end is None else float(end) for end in (low, high)]
        brush = Brush(view.column(column).name, ends[0], ends[1], tuple(map(str, words or ())))
        self._desk.charts.draw_histogram(column)
        view.arrange(brush=brush)

    def _histogram(self, column: str) -> None:
        self._desk.charts.draw_histogram(column)

    def _scatter(self, x: str | None = None, y: str | None = None, colour: str | None = None, **drawn: Any) -> None:
        if "map" in drawn:
            self._desk.draw_map(self._desk.work(functools.partial(works.map_of, method=drawn["map"])), colour)
        else:
            self._desk.charts.draw_columns(str(x), str(y), colour)

    def _select(self, rows: Any = None, mode: Any = "set", **which: bool) -> None:
        view = self._explorer.view
        view.select(view.shown.rows if which.get("all") else [] if which.get("none") else rows, mode)

    def _mark(self, mark: str | None = None, rows: Any = None) -> None:
        self._explorer.view.mark(mark, rows)

    def _groups(self, kind: str) -> dict[str, Any]:
        findings = self._explorer.view.record.findings
        return {"groups": next((finding.groups for finding in findings if finding.kind == kind), ())}

    def _compare(self, column: str) -> dict[str, Any]:
        explorer = self._explorer
        others = {split: view.columns.get(column) for split, view in explorer.views.items() if split != explorer.split}
        bins, own, beside = compared(explorer.view.column(column), next(iter(others.values()), None))
        found: dict[str, Any] = {"train": None, "validation": None, explorer.split: own}
        found |= dict.fromkeys(others, beside)
        return {**bins_state(bins), **found}

    def _csv(self) -> dict[str, Any]:
        explorer = self._explorer
        name = "".join(sign for sign in explorer.view.record.name if sign.isalnum()) or "data"
        return {"name": f"{name}-{explorer.split}.csv", "text": explorer.csv(most=_CSV)}

    def _split(self, name: Any) -> None:
        self._explorer.switch(name)
        self._widget.sample = None
        self._desk.publish()

    def _samples(self, rows: Any, split: Any = None) -> dict[str, Any]:
        explorer = self._explorer
        found, shown = explorer.preview(rows, split)
        unread = list(found.errors)
        row_of = dict(zip(unread, explorer.views[split or explorer.split].rows_of(unread).tolist(), strict=True))
        errors = {str(row_of[index]): error for index, error in found.errors.items()}
        return {"batch": found.batch, "rows": shown, "errors": errors}

    def _human(self, n: Any = 50, twice: Any = 0.0) -> dict[str, Any]:
        asked = self._desk.go_on_human(n, twice)
        return {"words": asked.words, "keys": asked.keys, "total": asked.total, "answered": asked.answered}

    def _work(self, work: Callable[..., Any], **options: Any) -> Any:
        if work is decompose and self._desk.human is not None and self._desk.human.answered:
            options["human"] = self._desk.human
        return self._desk.work(functools.partial(work, **options))


def human_requests(desk: DataDesk) -> dict[str, Callable[..., Any]]:
    """Return what a page asks for while a person labels samples; each is answered at once."""

    def after() -> Any:
        return desk.asked().next()

    def answer(row: int, label: int | None = None, seconds: float = math.nan) -> None:
        question = desk.asked().next()
        if question is None or question.row != row:
            raise InputError(f"row {row} is not what is asked now")
        desk.asked().answer(label, seconds)

    def undo() -> None:
        desk.asked().undo()

    return {"human_next": after, "human_answer": answer, "human_undo": undo, "human_result": desk.human_result}
