"""The data view: what an `Explorer` scans, finds and shows, on a page."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import traitlets

from nbinspect.data.explorer import works
from nbinspect.data.explorer.arrangement import Sort
from nbinspect.data.explorer.error_sources import decompose
from nbinspect.data.explorer.explorer import Explorer, Split
from nbinspect.errors import NbinspectError
from nbinspect.figures.data import data_figure
from nbinspect.records import DatasetRecord
from nbinspect.subject import Subject
from nbinspect.widgets.cells import AfterCells
from nbinspect.widgets.data_desk import DataDesk, Found
from nbinspect.widgets.data_requests import DataRequests
from nbinspect.widgets.data_sheet import sheet_of
from nbinspect.widgets.main_thread import MainThread
from nbinspect.widgets.notebook_view import NotebookView, front_end
from nbinspect.wire import PACKED

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from torch.utils.data import Subset

    from nbinspect.data.human.asking import HumanBaseline
    from nbinspect.records import (
        BaselineRecord,
        Confusion,
        DataMap,
        DecompositionRecord,
        HumanRecord,
        LabelIssues,
        LearningCurve,
        Slices,
    )

_CLOSED = "this view is closed: open another with inspector.data()"


class DataView(NotebookView):
    """The samples of the loaders, scanned and looked at; open it with `Inspector.data`.

    Works without a page too; what needs a scan that is under way waits for its end. The model, the loaders, their data
    sets and generators and the random states are left unchanged, also on exceptions and interrupts.
    """

    _esm, _css = front_end("data")
    dataset = traitlets.Any(None, allow_none=True).tag(sync=True)
    view = traitlets.Any(None, allow_none=True).tag(sync=True)
    sample = traitlets.Int(None, allow_none=True).tag(sync=True)
    """The row of the sample that is open."""
    status = traitlets.Dict().tag(**PACKED)

    def __init__(self, subject: Subject, *, scan: bool = True, limit: int | None = None) -> None:
        self.explorer = Explorer(subject, limit=limit)
        super().__init__()
        main = MainThread()
        self._desk = DataDesk(self.explorer, main, self._put)
        self._cells = AfterCells(self._after_cell)
        self._requests = DataRequests(self, self._desk, main)
        if scan:
            with contextlib.suppress(KeyboardInterrupt):  # in a script, where what was scanned would be lost with it
                self._desk.start_scan()

    def scan(self) -> DatasetRecord:
        """Scan every split to the end, with progress on the page; what was scanned stands, however it ends."""
        if self._open().busy:
            self._desk.finish()
        else:
            self._desk.wait_for(self._desk.start_scan())
        return self.record

    def cancel(self) -> None:
        """Have the work that is under way, or waits for a cell's end, come to an end; what it has found stands."""
        self.explorer.cancel()

    @property
    def record(self) -> DatasetRecord:
        """What was scanned of the split that is looked at, as a plain record."""
        return self._ready().view.record

    def switch(self, split: Split) -> None:
        """Look at the other split: ``train`` or ``validation``. Raises LoaderError where there is none."""
        self._ready().switch(split)
        self.sample = None
        self._desk.publish()

    def show(self, index: int, split: Split = "train") -> None:
        """Open the sample with this index of a split's data set. Raises NbinspectError where it was not scanned yet."""
        self.sample = self._open().turn_to(index, split)

    @property
    def desk(self) -> DataDesk:
        """Where this view works."""
        return self._desk

    def to_frame(self) -> pd.DataFrame:
        """Return every column and the marks of all rows as a DataFrame with the data set's index as index."""
        return self._ready().frame()

    def filter(self, query: str = "") -> pd.DataFrame:
        """Show and return the rows that a query asks for, all by default; QueryError says why it cannot be read."""
        return self._arrange(query=query)

    def sort(self, column: str | None, *, descending: bool = False) -> pd.DataFrame:
        """Sort what is shown by a column, None as the data set has it, and return it."""
        return self._arrange(sort=None if column is None else Sort(column, descending))

    @property
    def selected(self) -> pd.DataFrame:
        """The rows that are selected, as `to_frame` has them."""
        explorer = self._ready()
        return explorer.frame(explorer.view.selected)

    @property
    def selected_indices(self) -> list[int]:
        """The data set's indices of the rows that are selected."""
        return [int(index) for index in self.selected.index]

    def select(self, indices: Sequence[int]) -> None:
        """Select the samples with these indices of the data set. Raises InputError for one that was not scanned."""
        view = self._ready().view
        view.select(view.rows_of(indices))
        self._desk.publish()

    def mark(self, mark: str | None, indices: Sequence[int] | None = None) -> None:
        """Mark samples, the selected ones by default, as ``suspicious`` or ``excluded``; None takes marks away."""
        view = self._ready().view
        view.mark(mark, None if indices is None else view.rows_of(indices))
        self._desk.publish()

    def indices(self, *, without: str | Sequence[str] | None = "excluded") -> list[int]:
        """Return the indices of the samples that were scanned and are not marked so; see `Explorer.indices`."""
        return self._ready().indices(without=without)

    def subset(self, *, without: str | Sequence[str] | None = "excluded") -> Subset[Any]:
        """Return the data set without the samples that are marked so; see `Explorer.subset`."""
        return self._ready().subset(without=without)

    def to_csv(self, path: str | Path) -> str:
        """Write what is shown, in its order, to a file, and return its path."""
        return self._ready().csv(path)

    def predict(self, *, target_scale: Any = None) -> pd.DataFrame:
        """Run the network on every sample (eval mode, no gradients), and return what is shown, largest loss first.

        `target_scale`: mean and standard deviation that targets were scaled with; errors then come in original units.
        """
        self._ready()
        self._desk.wait_for(self._desk.start_predict(target_scale))
        return self._arrange()

    def confusion(self) -> Confusion:
        """Return which classes the network mixes up; see `works.confusion`."""
        return self._work(works.confusion)

    def slices(self) -> Slices:
        """Return the samples on which the error is larger than on the rest; see `works.slices`."""
        return self._work(works.slices)

    def label_issues(self) -> LabelIssues:
        """Return labels that are likely to be wrong, as columns too; see `works.label_issues`."""
        return self._work(works.label_issues)

    def nearest(self, index: int, *, count: int = 8) -> works.Nearest:
        """Return the training samples most like the one with this index, for the network; see `works.nearest`."""
        (row,) = self._ready().view.rows_of([index]).tolist()
        return self._work(works.nearest, row=row, count=count)

    def map(self, method: str = "pca", *, of: str = "inputs") -> DataMap:
        """Draw all samples as a map, ``pca`` or ``umap``, by ``inputs`` or the ``network``; see `works.map_of`."""
        return self._desk.draw_map(self._work(works.map_of, method=method, of=of))

    def baselines(self) -> BaselineRecord:
        """Return how well simple models predict, beside the network; see `works.baselines`."""
        return self._work(works.baselines)

    def learning_curve(self) -> LearningCurve:
        """Return whether more data would help; see `works.learning_curve`."""
        return self._work(works.learning_curve)

    def human(self, n: int = 50, *, twice: float = 0.0, path: str | Path | None = None) -> HumanBaseline:
        """Begin to have a person label samples, on the page or by `answer`; see `data.human.asking.HumanBaseline`."""
        self._ready()
        return self._desk.start_human(n=n, twice=twice, path=path)

    def human_result(self) -> HumanRecord:
        """Return what a person's answers come to, beside the network. Raises InputError before `human` was called."""
        self._ready()
        return self._desk.human_result()

    def decompose(self, **options: Any) -> DecompositionRecord:
        """Take the error apart; see `data.explorer.error_sources.decompose`."""
        return self._work(decompose, **options)

    def figure(self, **options: Any) -> Figure:
        """Return what is shown as a matplotlib figure; options as in `nbinspect.figures.data.data_figure`."""
        return data_figure(sheet_of(self._ready(), self._desk.charts), **options)

    def to_html(self, path: str | Path, *, hover: bool = True) -> Path:
        """Write what is shown as one HTML file, and return its path; `hover` as in `Report.to_html`."""
        self._desk.forget_page()
        return super().to_html(path, hover=hover)

    def freeze(self) -> None:
        """Replace the live output in the notebook by a static page without scripts, and close the view."""
        self._desk.forget_page()
        super().freeze()

    def close(self) -> None:
        """End what is under way; a static page stays in the notebook."""
        if not self._closed:
            self._closed = True
            self._desk.close()
            self._cells.stop()
            self.status = {**self.status, "state": "closed", "text": _CLOSED, "work": None}
            self._output.close()
            self.layout.close()  # a widget of its own, with a comm of its own
        super().close()

    def waiting(self) -> None:
        """Say that a click has arrived and waits for the running cell."""
        self._desk.say("waiting", "waits for the running cell to end")

    def _open(self) -> DataDesk:
        if self._closed:
            raise NbinspectError(_CLOSED)
        return self._desk

    def _ready(self) -> Explorer:
        """Give the explorer once nothing is under way. Raises NbinspectError where there is nothing to look at."""
        self._open().finish()
        if not self.explorer.views:
            raise NbinspectError(f"nothing was scanned yet: {self._desk.text or 'call scan() first'}")
        return self.explorer

    def _work(self, work: Callable[..., Found], **options: Any) -> Found:
        self._ready()
        return self._desk.work(functools.partial(work, **options))

    def _arrange(self, **changes: Any) -> pd.DataFrame:
        explorer = self._ready()
        explorer.view.arrange(**changes)
        self._desk.publish()
        return explorer.frame(explorer.view.shown.rows)

    def _after_cell(self) -> None:
        self._desk.say_again()
        if self._desk.outdated and not self._desk.busy:
            self._output.outdate()
            self._output.renew(self.model_id)

    def _html(self) -> str:
        return self._desk.html()

    def _summary(self) -> str:
        return self._desk.summary()

    def _title(self) -> str:
        return f"Data · {type(self.explorer.subject.network).__name__}"
