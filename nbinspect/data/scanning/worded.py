"""Words of many samples, each kept once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from nbinspect.records import About, Column, Integers

_MOST = 200_000


class Worded:
    """Gathers a word a sample, batch by batch: a place in the distinct words, −1 for an empty one or none."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._codes: list[Integers] = []
        self.count = 0
        """Samples so far."""

    @property
    def words(self) -> tuple[str, ...]:
        """The distinct words, 200,000 at most, in the order in which they came."""
        return tuple(self._places)

    def add(self, words: Sequence[str] | None, size: int) -> None:
        """Take in the words of `size` samples: as many, or one for all of them, or None."""
        self.count += size
        codes = [self._place(word) for word in words or [""]]
        self._codes.append(np.full(size, codes[0], np.int32) if len(codes) == 1 else np.array(codes, dtype=np.int32))

    def _place(self, word: str) -> int:
        if not word or (len(self._places) >= _MOST and word not in self._places):
            return -1
        return self._places.setdefault(word, len(self._places))

    def column(
        self, name: str, kind: Literal["class", "text"], about: About, explained: str, *, in_order: bool = False
    ) -> Column:
        """Return the column of these words, sorted where they are to be in order."""
        codes = np.concatenate([*self._codes, np.zeros(0, np.int32)])
        words = self.words
        if in_order:
            order = sorted(range(len(words)), key=words.__getitem__)
            ranks = np.empty(len(words) + 1, dtype=np.int32)
            ranks[order], ranks[-1] = np.arange(len(words)), -1
            codes, words = ranks[codes], tuple(words[place] for place in order)
        return Column(name, kind, codes, about, words, help=explained)
