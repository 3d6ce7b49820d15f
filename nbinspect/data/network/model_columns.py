"""What a network makes of the samples of a data set, gathered batch by batch into columns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nbinspect.data.findings.found import samples
from nbinspect.data.network.feature_space import SAMPLES, Features
from nbinspect.data.network.outputs import Seen
from nbinspect.decode.names import Names
from nbinspect.decode.targets import several
from nbinspect.evaluation.layout import NUMBERS, Layout
from nbinspect.records import Column, DatasetRecord, Flags, Floats, Integers

_PERCENT = "the probability that the network gives"
_LOSS = {
    "language-model": "the mean loss of the sample's tokens",
    "segmentation": "the loss of the sample, over its pixels",
}


class ModelColumns:
    """Columns of one data set's record that fill up as batches are predicted.

    Args:
        record: whose rows the columns are aligned to; left unchanged.
        names: of the classes.
        scale: mean and standard deviation that the targets were scaled with, (k,) or () each; None where they were not.
    """

    def __init__(self, record: DatasetRecord, names: Names, scale: tuple[Floats, Floats] | None) -> None:
        count = record.rows
        label = record.column("label")
        self._targets = [each for each in (record.targets if label is None else (label,)) if each.kind == "class"]
        self._names, self._scale = names, scale
        self._floats = {name: np.full(count, np.nan) for name in ("confidence", "margin", "loss")}
        self._guesses, self._goals = np.full(count, -1, np.int32), np.full(count, -1, np.int64)
        self._correct = np.full(count, -1, np.int8)
        self._numbers: NDArray[np.float64] = np.zeros((count, 0))
        self._errors: NDArray[np.float64] = np.zeros((count, 0))
        self._distances: NDArray[np.float64] = np.full(count, np.nan)
        self._refused: dict[int, str] = {}
        self._indices = record.columns[0].values
        self._texts: dict[str, int] = {}
        self._layout: Layout | None = None
        drawn = np.arange(count)
        if count > SAMPLES:
            drawn = np.sort(np.random.default_rng(0).choice(count, SAMPLES, replace=False))
        self._featured = drawn
        self._values: NDArray[np.float32] | None = None
        self.done = np.zeros(count, np.bool_)
        """(N,) which rows were predicted."""

    def add(self, rows: Integers, seen: Seen, kept: Flags) -> None:
        """Put what was seen of the kept of some rows (n,) into their places."""
        reading, layout, rows = seen.reading, seen.layout, rows[kept]
        self._layout = layout
        self._floats["confidence"][rows] = reading.confidence[kept]
        self._floats["margin"][rows] = reading.margin[kept]
        self._floats["loss"][rows] = reading.losses[kept]
        self._correct[rows] = reading.correct[kept]
        places = zip(rows.tolist(), np.flatnonzero(kept).tolist(), strict=True)
        self._refused |= {row: seen.refused[place] for row, place in places if place in seen.refused}
        if layout.kind in ("classification", "binary"):
            self._guesses[rows] = reading.guesses[kept]
            if seen.goal is not None:
                self._goals[rows] = seen.goal.reshape(-1)[kept]
        elif seen.several is not None:
            texts = several(seen.several[kept], "prediction", self._names).text
            self._guesses[rows] = [self._texts.setdefault(text, len(self._texts)) for text in texts]
            self._guesses[rows[reading.guesses[kept] < 0]] = -1
        elif layout.kind == "regression":
            self._add_numbers(rows, seen, kept)
        if seen.features is not None:
            self._add_features(rows, seen.features[kept])
        self.done[rows] = True

    def notes(self) -> tuple[str, ...]:
        """Return what a reader should know of these columns."""
        if not self._refused:
            return ()
        first = min(self._refused)
        have = "has" if len(self._refused) == 1 else "have"
        return (
            f"{samples(len(self._refused))} {have} no loss, the first at index {int(self._indices[first]):,}: the loss "
            f"raised {self._refused[first]}.",
        )

    def _add_numbers(self, rows: Integers, seen: Seen, kept: Flags) -> None:
        values = seen.reading.values[kept].astype(np.float64)
        if int(np.prod(seen.layout.shape)) > NUMBERS:
            if seen.strays is not None:
                own = seen.strays[kept] * (1.0 if self._scale is None else self._scale[1])
                self._distances[rows] = np.sqrt(np.mean(own**2, axis=1))
            return
        if not self._numbers.shape[1]:
            self._numbers = np.full((len(self.done), values.shape[1]), np.nan)
            self._errors = self._numbers.copy()
        self._numbers[rows] = values
        if seen.goal is not None:
            self._errors[rows] = (values - seen.goal[kept]) * (1.0 if self._scale is None else self._scale[1])

    def _add_features(self, rows: Integers, features: Floats) -> None:
        if self._values is None:
            self._values = np.full((len(self._featured), features.shape[1]), np.nan, np.float32)
        places = np.searchsorted(self._featured, rows)
        drawn = self._featured[np.minimum(places, len(self._featured) - 1)] == rows
        if features.shape[1] == self._values.shape[1]:  # a layer may be wider for other samples
            self._values[places[drawn]] = features[drawn]

    def features(self, of: str) -> Features | None:
        """Return the features of the samples so far; None where there are none."""
        return None if self._values is None else Features(self._featured, self._values, of)

    def columns(self) -> tuple[Column, ...]:
        """Return the columns that there are so far; what the network cannot give is absent, or NaN."""
        if self._layout is None:
            return ()
        found = [*self._predictions(self._layout)]
        helps = {
            "confidence": f"{_PERCENT} its own prediction",
            "margin": f"{_PERCENT} the label, less that of the likeliest other class: below 0 where it is wrong",
            "loss": "; ".join((_LOSS.get(self._layout.kind, "the loss of the sample alone"), *self.notes())).rstrip(
                "."
            ),
        }
        for name, values in self._floats.items():
            if np.isfinite(values).any() or (name == "loss" and np.isinf(values).any()):
                found.append(Column(name, "number", values.copy(), "model", help=helps[name]))
        if (self._correct >= 0).any():
            found.append(self._correctness())
        return (*found, *self._error_columns())

    def _predictions(self, layout: Layout) -> list[Column]:
        told = f"what the network, in eval mode, takes for the {'labels' if self._texts else 'label'}"
        if self._texts:
            return [Column("prediction", "text", self._guesses.copy(), "model", tuple(self._texts), help=told)]
        if layout.kind in ("classification", "binary"):
            return [Column("prediction", "class", self._guesses.copy(), "model", self._words(layout), help=told)]
        told = "what the network, in eval mode, gives for the target, in the units of the target as it is loaded"
        names = _numbered("prediction", self._numbers.shape[1])
        parts = zip(names, self._numbers.T, strict=True)
        return [Column(name, "number", values.copy(), "model", help=told) for name, values in parts]

    def _words(self, layout: Layout) -> tuple[str, ...]:
        """The class names, as the target that goes with these classes calls them in the record."""
        count = 2 if layout.kind == "binary" else layout.shape[0]
        fitting = layout.kind != "binary" or self._names.count in (None, count)
        names = self._names if fitting else Names(None, None)
        words = [names[index] for index in range(count)]
        for target in self._targets:
            known = (self._goals >= 0) & (self._goals < count) & (target.values >= 0)
            classes, first = np.unique(self._goals[known], return_index=True)
            codes = target.values[known][first]
            same = codes[np.searchsorted(classes, self._goals[known])] == target.values[known]
            if len(codes) and same.all() and len(np.unique(codes)) == len(codes):
                for index, code in zip(classes.tolist(), codes.tolist(), strict=True):
                    words[index] = target.words[code]
                break
        return tuple(words)

    def _correctness(self) -> Column:
        """A flag; where it cannot be said of every sample a number, NaN where not, so that nothing counts as wrong."""
        told = "whether the prediction is the label"
        if (self._correct >= 0).all():
            return Column("correct", "flag", self._correct == 1, "model", help=told)
        values = np.where(self._correct < 0, np.nan, self._correct)
        return Column("correct", "number", values, "model", help=f"{told}: 1 or 0, none where it cannot be said")

    def _error_columns(self) -> list[Column]:
        if np.isfinite(self._distances).any():
            told = f"how far the {self._width:,} numbers of a prediction are off, as their root mean square, in "
            return [Column("error", "number", self._distances.copy(), "model", help=told + self._units)]
        if not np.isfinite(self._errors).any():
            return []
        names = _numbered("error", self._errors.shape[1])
        return [
            Column(name, "number", values.copy(), "model", help=f"prediction − target, in {self._units}")
            for name, values in zip(names, self._errors.T, strict=True)
        ]

    @property
    def _units(self) -> str:
        return "the units of the target" if self._scale is None else "original units, as before the target was scaled"

    @property
    def _width(self) -> int:
        return 0 if self._layout is None else int(np.prod(self._layout.shape))


def _numbered(name: str, count: int) -> list[str]:
    return [name] if count == 1 else [f"{name}_{place}" for place in range(count)]
