"""Which classes a network takes for which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nbinspect.data.findings.found import no_label
from nbinspect.data.network.conditions import in_one_order
from nbinspect.data.network.units import why_none
from nbinspect.data.query.spelling import equals
from nbinspect.decode.names import shortened
from nbinspect.errors import InputError
from nbinspect.records import Column, ConfusedPair, Confusion, Integers

CLASSES, PAIRS = 100, 50
_OTHERS = "(other classes)"


def confusion(columns: Sequence[Column]) -> Confusion:
    """Return how often samples of each class are taken for each other class, from ``label`` and ``prediction``.

    Of more than a hundred classes those with the most errors have rows of their own; the columns are left unchanged.

    Raises:
        InputError: if labels and predictions are not both classes.
    """
    label, prediction = (_class_column(columns, name) for name in ("label", "prediction"))
    names, own, guesses = in_one_order(label, prediction)
    known = (own >= 0) & (guesses >= 0)
    if known.any() and not set(label.words) & set(prediction.words):
        raise InputError(
            f"confusion: expected labels and predictions to be called alike, got labels {_some(label)} and predictions "
            f"{_some(prediction)}; give class_names=…, the words of the labels in the order of the network's outputs"
        )
    cells, counts = np.unique(own[known] * len(names) + guesses[known], return_counts=True)
    rows, found = np.divmod(cells, max(1, len(names)))
    pairs = _pairs(names, rows, found, counts)
    kept, others = _kept(len(names), rows, found, counts)
    matrix = np.zeros((len(kept) + bool(others),) * 2, np.int64)
    where = np.full(len(names), len(kept), np.int64)
    where[kept] = np.arange(len(kept))
    np.add.at(matrix, (where[rows], where[found]), counts)
    right, judged = int(counts[rows == found].sum()), int(known.sum())
    shown = (*(names[each] for each in kept), *((_OTHERS,) if others else ()))
    return Confusion(shown, matrix, right, judged, len(known) - judged, others, pairs, _sentence(right, judged, pairs))


def _class_column(columns: Sequence[Column], name: str) -> Column:
    column = next((each for each in columns if each.name == name), None)
    if column is not None and column.kind == "class":
        return column
    several = any(each.name == f"{name}_0" for each in columns)
    if column is not None:
        why = f"which holds a {column.kind} for each sample"
    elif several:
        why = f"and there are several numbers for each: {name}_0 and further"
    elif name == "label":
        why = f"and {no_label(columns)}"
    else:
        why = f"which is not there{why_none(columns)}"
    raise InputError(f"confusion: expected a class for each sample in the column {name!r}, {why}")


def _some(column: Column) -> str:
    shown = ", ".join(repr(shortened(word, 20)) for word in column.words[:3])
    return f"{shown}, …" if len(column.words) > 3 else shown


def _kept(count: int, rows: Integers, found: Integers, counts: Integers) -> tuple[Integers, int]:
    """Which classes have rows of their own, and how many have not."""
    if count <= CLASSES:
        return np.arange(count), 0
    wrong = np.where(rows != found, counts, 0)
    errors = np.bincount(rows, wrong, count) + np.bincount(found, wrong, count)
    kept = np.sort(np.argsort(-errors, kind="stable")[: CLASSES - 1])
    return kept, count - len(kept)


def _pairs(names: tuple[str, ...], rows: Integers, found: Integers, counts: Integers) -> tuple[ConfusedPair, ...]:
    of_label = np.bincount(rows, counts, len(names))
    wrong = np.flatnonzero(rows != found)
    most = wrong[np.argsort(-counts[wrong], kind="stable")][:PAIRS]
    return tuple(
        ConfusedPair(
            names[rows[each]],
            names[found[each]],
            int(counts[each]),
            float(counts[each] / of_label[rows[each]]),
            f"{equals('label', names[rows[each]])} and {equals('prediction', names[found[each]])}",
        )
        for each in most
    )


def _sentence(right: int, judged: int, pairs: tuple[ConfusedPair, ...]) -> str:
    if not judged:
        return "No sample has both a label and a prediction."
    said = f"{right:,} of {judged:,} samples ({100 * right / judged:.1f} %) are told right"
    if not pairs:
        return f"{said}."
    first = pairs[0]
    return (
        f"{said}; most often {shortened(first.label)} is taken for {shortened(first.prediction)}: {first.count:,} "
        f"times, {100 * first.share:.1f} % of its samples."
    )
