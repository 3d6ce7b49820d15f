"""What an explorer does with what it has scanned: the network's predictions, and what follows of them."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nbinspect.data.explorer.arrangement import Sort
from nbinspect.data.explorer.explorer import Doing, Explorer, Split
from nbinspect.errors import InputError, NbinspectError
from nbinspect.records import (
    BaselineRecord,
    Column,
    Confusion,
    DataMap,
    DatasetRecord,
    ErrorInUnits,
    LabelIssues,
    LearningCurve,
    OutputHistogram,
    Slices,
)
from nbinspect.records.arrays import Floats, Integers

if TYPE_CHECKING:
    from nbinspect.data.network.predicting import Predicted

_FUTURES = (
    "where targets are what follows in the series: series_baselines(history, future) of "
    "nbinspect.data.learnable.series_baselines scores the last value and a seasonal mean too"
)

Told = Callable[[Doing], object]


class CancelledError(NbinspectError):
    """A piece of work was cancelled before it had an answer."""


@dataclass(frozen=True, eq=False)
class Nearest:
    """Training samples that a network takes for like another sample, the nearest first."""

    split: Split
    """The split that they are of."""
    rows: Integers
    distances: Floats
    """1 − cosine."""


@dataclass(frozen=True, eq=False)
class Outputs:
    """What a network puts out over a whole split."""

    histograms: tuple[OutputHistogram, ...]
    """One for each target."""
    errors: tuple[ErrorInUnits, ...]
    """One for each target that is a number."""


def predicting(explorer: Explorer, target_scale: Any = None) -> Generator[Doing, None, None]:
    """Predict the split that is looked at, a batch at each `next`, and sort it by loss; what was predicted stands.

    Raises:
        InputError: for a `target_scale` that is none.
        CaptureError: if the forward raises.
    """
    explorer.begin()
    explorer.target_scale = target_scale
    yield from predicting_split(explorer, explorer.split)
    view = explorer.view
    with explorer.lock:
        if "loss" in view.columns:
            view.arrange(sort=Sort("loss", True))


def predicting_split(explorer: Explorer, split: Split) -> Generator[Doing, None, None]:
    """Predict a split, a batch at each `next`; what was predicted stands."""
    from nbinspect.data.network.predicting import Predicting

    work = Predicting(explorer.subject, split, explorer.views[split].record, target_scale=explorer.target_scale)
    try:
        for progress in work:
            if explorer.cancelled:
                work.cancel()
            total = progress.total or 0
            share = progress.done / total if total else None
            yield Doing("predict", f"predicts the {split} data, {progress.done:,} of {total:,}", share, progress.left)
    finally:
        _take(explorer, split, work.result)


def confusion(explorer: Explorer, _: Told) -> Confusion:
    """Return which classes the network mixes up. Raises InputError where there are no predictions of classes."""
    from nbinspect.data.network.confusion import confusion as confused

    return confused(tuple(explorer.view.columns.values()))


def slices(explorer: Explorer, told: Told) -> Slices:
    """Return the samples on which the error is larger than on the rest. Raises InputError without predictions."""
    from nbinspect.data.network.slices import worst_slices

    told(Doing("slices", "looks for slices with more error"))
    return worst_slices(tuple(explorer.view.columns.values()))


def label_issues(explorer: Explorer, told: Told) -> LabelIssues:
    """Return labels that are likely to be wrong, and add the columns ``label_quality`` and ``suggested``.

    Raises:
        InputError: where labels are no classes, the scan kept no features, or scikit-learn is not installed.
    """
    from nbinspect.data.network.label_issues import label_issues as issues_of

    record = explorer.view.record
    progress = _progress(explorer, told, "issues", "fits models that have not seen the labels they judge")
    found, columns = issues_of(record, progress=progress)
    explorer.take(explorer.split, with_columns(record, columns))
    return found


def baselines(explorer: Explorer, told: Told) -> BaselineRecord:
    """Return how well simple models predict, beside the network, for series by their pooled steps.

    Raises:
        InputError: as `data.learnable.baselines.baselines`.
    """
    from nbinspect.data.learnable.baselines import baselines as scored

    progress = _progress(explorer, told, "baselines", "fits simple models")
    record = explorer.view.record
    found = scored(record, progress=progress)
    if record.form != "series" or found.task != "numbers":
        return found
    return replace(found, notes=(*found.notes, _FUTURES))


def learning_curve(explorer: Explorer, told: Told) -> LearningCurve:
    """Return whether more data would help. Raises InputError as `data.learnable.learning_curve` does."""
    from nbinspect.data.learnable.learning_curve import learning_curve as curve_of

    progress = _progress(explorer, told, "curve", "fits a model on more and more of the data")
    return curve_of(explorer.view.record, progress=progress)


def nearest(explorer: Explorer, told: Told, row: int, count: int = 8) -> Nearest:
    """Return the training samples that the network takes for most like a sample of the split that is looked at.

    Raises:
        InputError: where there are no predictions, or no such row.
    """
    from nbinspect.data.network.feature_space import nearest as nearest_of

    (own,) = explorer.view.rows_checked([row]).tolist()
    features = explorer.features.get(explorer.split)
    if features is None:
        raise InputError(f"nearest: {_unknown(explorer)}")
    if "train" not in explorer.features:
        for doing in predicting_split(explorer, "train"):
            told(doing)
    among = explorer.features.get("train")
    if among is None:
        raise InputError("nearest: the network's features of the training samples cannot be told")
    rows, distances = nearest_of(features, own, among=None if among is features else among, count=count)
    return Nearest("train", rows, distances)


def map_of(explorer: Explorer, told: Told, method: str = "pca", of: str = "inputs") -> DataMap:
    """Return all samples of the split as points of a plane, by what was scanned or by the network's features.

    Raises:
        InputError: for another method, or features that are not known.
    """
    from nbinspect.data.findings.mapping import map_of as mapped

    if of not in ("inputs", "network"):
        raise InputError(f"of: expected 'inputs' or 'network', got {of!r}")
    record, values = explorer.view.record, None
    if of == "network":
        features = explorer.features.get(explorer.split)
        if features is None:
            raise InputError(f"of: {_unknown(explorer)}")
        known = np.isfinite(features.values).all(1)
        record, values = replace(record, embedded=features.rows[known]), features.values[known]
    told(Doing("map", "draws a map"))
    return mapped(record, method, values)


def _unknown(explorer: Explorer) -> str:
    why = explorer.no_features.get(explorer.split) or "predict first"
    return f"the network's features of these samples are not known: {why}"


def outputs(explorer: Explorer, _: Told) -> Outputs:
    """Return how outputs lie beside targets, and errors of numbers in their units. Raises InputError without any."""
    from nbinspect.data.network.output_histogram import output_histograms
    from nbinspect.data.network.units import errors_in_units

    columns, scale = tuple(explorer.view.columns.values()), explorer.target_scale
    found = output_histograms(columns, target_scale=scale)
    numbers = any(each.kind == "number" for each in found)
    return Outputs(found, errors_in_units(columns, target_scale=scale) if numbers else ())


def with_columns(record: DatasetRecord, columns: tuple[Column, ...]) -> DatasetRecord:
    """Return a record with columns in the places of those of the same names, new ones at the end."""
    names = {column.name for column in columns}
    return replace(record, columns=(*(column for column in record.columns if column.name not in names), *columns))


def _take(explorer: Explorer, split: Split, found: Predicted) -> None:
    """Hold what was predicted in the place of what was predicted before."""
    if not found.samples:
        return
    record = explorer.views[split].record
    kept = tuple(column for column in record.columns if column.about != "model" or column.name in _JUDGED)
    notes = tuple(dict.fromkeys((*record.notes, *found.notes)))
    record = with_columns(replace(record, columns=kept, notes=notes), found.columns)
    explorer.no_features[split] = found.no_features
    if found.features is not None:
        explorer.features[split] = found.features
    explorer.take(split, record)


_JUDGED = ("label_quality", "suggested")
"""Columns about the network that a prediction does not replace."""


def _progress(explorer: Explorer, told: Told, work: str, text: str) -> Callable[..., None]:
    """Return what is told the share that is done, and ends the work where it was cancelled."""
    explorer.begin()
    told(Doing(work, text, 0.0))

    def progress(done: float, total: float = 1) -> None:
        if explorer.cancelled:
            raise CancelledError("cancelled before there was an answer")
        told(Doing(work, text, done / total))

    return progress
