"""Where the error of an explorer's network comes from: its errors on each set of samples, taken apart."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nbinspect.data.explorer.explorer import Doing, Explorer, Split
from nbinspect.data.explorer.works import CancelledError, Told, predicting_split
from nbinspect.errors import InputError
from nbinspect.records import DatasetRecord, DecompositionRecord


def decompose(
    explorer: Explorer,
    told: Told,
    *,
    train_validation: Any = None,
    test: Any = None,
    human: Any = None,
    metric: str | None = None,
) -> DecompositionRecord:
    """Take the error of the network apart, by its errors on the training and validation data and on further loaders.

    Args:
        explorer: of both splits; what is not predicted yet is.
        told: is told how far it has come.
        train_validation: a loader of samples like those of training that the network was not trained on.
        test: a loader of samples that nobody has looked at.
        human: a `HumanBaseline`, its record, or the irreducible error as a number.
        metric: ``error rate``, ``loss`` or ``rmse``; by default the first that there is.

    Raises:
        InputError: without validation data, or where the network's error on samples is not known.
    """
    from nbinspect.data.decomposition.decomposing import decompose as taken_apart
    from nbinspect.data.human.asking import HumanBaseline

    if explorer.subject.val_loader is None:
        raise InputError("decompose: expected validation data beside that of training: give Inspector(…, val_loader=…)")
    records = [_predicted(explorer, told, split) for split in explorer.splits]
    records += [_predicted_loader(explorer, told, loader) for loader in (train_validation, test) if loader is not None]
    names = {"error rate": "correct", "rmse": "error", "loss": "loss"}
    known = next((each for each, name in names.items() if records[0].column(name) is not None), "loss")
    chosen = metric or known
    sets = [f"{split} data" for split in explorer.splits]
    sets += [name for name, loader in (("train_validation", train_validation), ("test", test)) if loader is not None]
    values = [_known(record, names.get(chosen, chosen), of) for record, of in zip(records, sets, strict=True)]
    further = iter(values[2:])
    return taken_apart(
        values[0],
        values[1],
        train_validation=None if train_validation is None else next(further),
        test=None if test is None else next(further),
        human=human.result() if isinstance(human, HumanBaseline) else human,
        metric=chosen,
    )


def _predicted(explorer: Explorer, told: Told, split: Split) -> DatasetRecord:
    """Return the record of a split with the network's predictions."""
    if explorer.views[split].record.column("loss") is None and explorer.views[split].record.column("correct") is None:
        for doing in predicting_split(explorer, split):
            told(doing)
    if explorer.cancelled:
        raise CancelledError("cancelled before there was an answer")
    return explorer.views[split].record


def _predicted_loader(explorer: Explorer, told: Told, loader: Any) -> DatasetRecord:
    """Return what the network makes of the samples of one more loader."""
    beside = Explorer(replace(explorer.subject, loader=loader, val_loader=None))
    beside.target_scale = explorer.target_scale

    def onward(doing: Doing) -> None:
        told(doing)
        if explorer.cancelled:
            beside.cancel()

    for doing in beside.scanning():
        onward(doing)
    return _predicted(beside, onward, "train")


def _known(record: DatasetRecord, name: str, of: str) -> NDArray[Any]:
    """Return the values of a column that are known; `of` is which samples these are, in words."""
    column = record.column(name)
    if column is None:
        others = [each for each in ("loss", "correct", "error") if record.column(each) is not None]
        raise InputError(
            f"decompose: expected {name!r} for each sample of the {of} ({record.name}), there is none: "
            f"{_reason(record)}; known there: {', '.join(others) or 'nothing'}"
        )
    if column.kind == "flag":
        told = [record.column(each) for each in ("label", "prediction")]
        there = [each.values >= 0 for each in told if each is not None and each.kind == "class"]
        right: NDArray[Any] = column.values[np.logical_and.reduce(there)] if there else column.values
        return right
    finite: NDArray[Any] = column.values[np.isfinite(column.values)]
    return finite


def _reason(record: DatasetRecord) -> str:
    """Return why it cannot be told whether predictions are right."""
    label, prediction = record.column("label"), record.column("prediction")
    if not record.rows:
        return "no sample of it could be read"
    if label is None:
        return "its samples have no label"
    if prediction is None:
        return f"its label is a {label.kind}, and the outputs cannot be read as predictions of it"
    return f"its label is a {label.kind} and the prediction a {prediction.kind}"
