"""Blocks put together into the record of a data set: memory grows with the columns, not with the samples' content."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nbinspect.data.scanning.comparable import comparable
from nbinspect.data.scanning.content import Features, merged
from nbinspect.data.scanning.describing import Block
from nbinspect.data.scanning.embedding import Embedded
from nbinspect.data.scanning.look import Layout
from nbinspect.data.scanning.targets import Targets
from nbinspect.data.scanning.worded import Worded
from nbinspect.decode.names import names_of
from nbinspect.errors import InputError
from nbinspect.records import Column, FeatureFacts, Floats, Integers
from nbinspect.subject import Subject

TEXTS = 100_000
_FOLDED = 256
_HELP = {
    "min": "Least finite value of the input as the network gets it.",
    "mean": "Mean of the finite values of the input as the network gets it.",
    "std": "Standard deviation of the finite values of the input as the network gets it.",
    "max": "Greatest finite value of the input as the network gets it.",
    "zeros": "Share of the input's values that are 0.",
    "nonfinite": "Share of the input's values that are NaN or infinite.",
    "brightness": "Mean grey value of the input as the network gets it: of bytes as a share of 255, else as it is.",
    "contrast": "Standard deviation of the grey values: of bytes as a share of 255, else as they are.",
    "missing": "Share of the features that are NaN.",
    "shape": "Shape of the input, without the axis of samples.",
    "dtype": "Type of the input's values.",
    "text": "The first 200 characters.",
}
_TOKENS = "Tokens of the text that count, padding left out."


@dataclass(frozen=True, eq=False)
class Gathered:
    """All that was put together so far."""

    columns: tuple[Column, ...]
    label_kind: str
    features: tuple[FeatureFacts, ...]
    notes: tuple[str, ...]
    arrays: dict[str, Any]
    """``input_hashes``, ``target_hashes``, ``signatures``, ``blank``, ``embedded``, ``embedding``."""


class Gathering:
    """Takes in blocks, and puts them together at any time."""

    def __init__(self, layout: Layout, subject: Subject) -> None:
        self._layout = layout
        self._subject = subject
        self.rows = 0
        self._indices: list[Integers] = []
        self._numbers: dict[str, list[Floats]] = {}
        self._words: dict[str, Worded] = {}
        self._labels = Targets(subject)
        self._embedded = Embedded()
        self._features: list[Features] = []
        self._arrays: dict[str, list[NDArray[Any]]] = {}
        self._notes: dict[str, None] = {}

    def add(self, block: Block, indices: Integers) -> None:
        """Take in what is known of the samples of one batch."""
        size, content = len(indices), block.content
        self._indices.append(indices)
        for name in dict.fromkeys([*self._numbers, *content.numbers]):
            known = self._numbers.setdefault(name, [np.full(self.rows, np.nan)] if self.rows else [])
            known.append(content.numbers.get(name, np.full(size, np.nan)))
        for name in dict.fromkeys([*self._words, *content.words]):
            if name not in self._words:
                self._words[name] = Worded()
                self._words[name].add(None, self.rows)
            kept = name != "text" or self.rows < TEXTS
            self._words[name].add(content.words.get(name) if kept else None, size)
        arrays: dict[str, NDArray[Any]] = {"input_hashes": block.inputs, "target_hashes": block.targets}
        arrays |= {"signatures": content.signatures, "held": block.held, "blank": content.blank, "sides": content.sides}
        for name, array in arrays.items():
            self._arrays.setdefault(name, []).append(array)
        self._labels.add(block.labels, size)
        self._embedded.add(content.embedding)
        self._notes |= dict.fromkeys(block.notes)
        self._add_features(content.features)
        self.rows += size

    def _add_features(self, features: Features | None) -> None:
        if features is None or (self._features and len(features.missing) != len(self._features[0].missing)):
            return
        self._features.append(features)
        if len(self._features) >= _FOLDED:
            self._features = [merged(self._features)]

    def gathered(self) -> Gathered:
        """Return all so far; what was taken in stays as it is."""
        kind, labels, notes = self._labels.columns()
        arrays: dict[str, Any] = {name: self._whole(name) for name in self._arrays}
        if self.rows:
            own, held = arrays["input_hashes"], arrays.pop("held")
            arrays["input_hashes"], said = comparable(own, held, random=self._layout.random)
            notes += [said] if said else []
        arrays["embedded"], arrays["embedding"] = self._embedded.gathered()
        lengths = _lengths(arrays.pop("sides", np.zeros((0, 0))))
        index = np.concatenate([*self._indices, np.zeros(0, np.int64)]).astype(np.int64)
        columns = [Column("index", "index", index, "sample", help="Where the sample is in its data set.")]
        columns += [*self._sample_columns(), *lengths, *labels]
        return Gathered(tuple(columns), kind, self._facts(), (*self._notes, *notes), arrays)

    def _whole(self, name: str) -> NDArray[Any]:
        """Return what is known of all samples; nothing where it is not known of each."""
        parts = self._arrays[name]
        whole = np.concatenate(parts)
        return whole if len(whole) == self.rows else whole[:0]

    def _sample_columns(self) -> list[Column]:
        helps = _HELP | {"length": _TOKENS}
        words = {
            name: self._words[name].column(name, "text" if name == "text" else "class", "sample", helps[name])
            for name in ("shape", "dtype", "text")
            if name in self._words
        }
        numbers = {name: np.concatenate(parts) for name, parts in self._numbers.items()}
        text = [replace(words.pop("text"), about="input")] if "text" in words else []
        told = [Column(name, "number", values, "input", help=helps[name]) for name, values in numbers.items()]
        return [*words.values(), *told, *text]

    def _facts(self) -> tuple[FeatureFacts, ...]:
        if not self._features:
            return ()
        whole = merged(self._features)
        count, sums = len(whole.missing), whole.sums
        mean, std, low, high = sums.shown(sums.mean), sums.std, sums.shown(sums.low), sums.shown(sums.high)
        first: dict[int, int] = {}
        hashes = whole.hashes.tolist()
        names = self._feature_names(count)
        facts = []
        for place, name in enumerate(names):
            same = first.setdefault(hashes[place], place) if hashes else place
            missing = float(whole.missing[place] / max(1, whole.total))
            facts.append(
                FeatureFacts(
                    name,
                    float(mean[place]),
                    float(std[place]),
                    float(low[place]),
                    float(high[place]),
                    missing,
                    constant=bool(low[place] == high[place] and sums.count[place] == whole.total and self.rows > 1),
                    same_as="" if same == place else names[same],
                )
            )
        return tuple(facts)

    def _feature_names(self, count: int) -> tuple[str, ...]:
        what = "feature" if self._layout.form == "table" else "channel"
        own = self._layout.features if len(self._layout.features) == count else None
        try:
            return names_of(what, self._subject.feature_names or own, count, count, self._layout.main)
        except InputError:  # names for something else, which the batch view says
            return names_of(what, own, count, count, self._layout.main)


def _lengths(sides: Floats) -> list[Column]:
    """Return the column of the steps of series (N, 2): along the axis that varies, where none or both do the longer."""
    known = sides[np.isfinite(sides).all(1)]
    if not known.size:
        return []
    low, high = known.min(0), known.max(0)
    varies = np.flatnonzero(low < high)
    axis = int(varies[0]) if len(varies) == 1 else int(high[1] >= high[0])
    along = f", along axis {axis + 1}" if high[0] > 1 else ""
    return [Column("length", "number", sides[:, axis].copy(), "input", help=f"Steps of the series{along}.")]
