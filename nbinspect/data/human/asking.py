"""A person labels samples without seeing their labels: what is asked, what was answered, and what it comes to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from nbinspect.data.human.file import Answer, AnswerFile, fingerprint
from nbinspect.data.human.result import human_record
from nbinspect.errors import InputError
from nbinspect.records import HumanQuestion, HumanRecord
from nbinspect.records.arrays import Integers

KEYS = "123456789abcdefghijklmnopqrstuvwxyz"
"""Of the classes in their order, where these are enough; else the class is typed."""


class HumanBaseline:
    """Asks for the labels of samples one by one, in random order, and keeps each answer as soon as it is given.

    Samples are drawn so that each class has the share that it has among all. Source: K-human.
    """

    def __init__(
        self,
        indices: ArrayLike,
        labels: ArrayLike,
        words: Sequence[str],
        *,
        n: int = 50,
        twice: float = 0.0,
        stratified: bool = True,
        seed: int = 0,
        path: str | Path | None = None,
    ) -> None:
        """Draw the samples, or go on where a file of answers ends.

        Args:
            indices: (N,) of the samples in their data set.
            labels: (N,) class of each as a place in `words`; samples of −1 are not asked.
            words: names of the classes.
            n: different samples to ask for, all where there are fewer.
            twice: share of them that is asked a second time, in the second half.
            stratified: by class; otherwise drawn from all alike.
            seed: of what is drawn and of the order.
            path: JSON lines, one an answer; goes on with a file of the same data set and settings.

        Raises:
            InputError: for arguments that do not fit, or a file of another data set, of other settings or damaged.
            NbinspectError: where the file cannot be written.
        """
        self.indices, self.labels = _checked(indices, labels, len(words))
        self.words = tuple(str(word) for word in words)
        count = int((self.labels >= 0).sum())
        if not isinstance(n, int) or n < 1 or not 0 <= twice <= 1:
            raise InputError(f"expected n ≥ 1 samples and a share twice of 0 … 1, got n={n!r} and twice={twice!r}")
        if not count:
            raise InputError("there are no samples with a label to compare a person's answers with")
        self._plan = _planned(self.labels, min(n, count), twice, stratified=stratified, seed=seed)
        settings = {"n": n, "twice": float(twice), "stratified": stratified, "seed": seed}
        self._file = None
        self._answers: list[Answer] = []
        self.notes: tuple[str, ...] = ()
        if path is not None:
            self._file = AnswerFile(Path(path), settings | {"data": fingerprint(self.indices, self.labels, self.words)})
            asked = [int(self.indices[row]) for row in self._plan]
            self._answers, self.notes = self._file.read(asked, len(self.words))

    @property
    def keys(self) -> tuple[str, ...]:
        """A key for each class: its name where that is one letter or digit, else the first free one of 1 … 9, a … z.

        Empty where there are more than 35 classes, which are typed.
        """
        if len(self.words) > len(KEYS):
            return ()
        names = [word.strip().lower() for word in self.words]
        own = [name if name in ("0", *KEYS) and names.index(name) == n else "" for n, name in enumerate(names)]
        free = (key for key in KEYS if key not in own)
        return tuple(key or next(free) for key in own)

    @property
    def total(self) -> int:
        """Questions, those that are asked twice counted twice."""
        return len(self._plan)

    @property
    def answered(self) -> int:
        """Questions that were answered."""
        return len(self._answers)

    @property
    def done(self) -> bool:
        """Whether all questions were answered."""
        return self.answered == self.total

    def next(self) -> HumanQuestion | None:
        """Return what to ask now; the same until it is answered, and None at the end."""
        if self.done:
            return None
        row = int(self._plan[self.answered])
        return HumanQuestion(row, int(self.indices[row]), self.answered, self.total)

    def find(self, text: str) -> int | None:
        """Return the class that is meant by a key or by what was typed: its name, or the only one that begins so."""
        typed = text.strip().casefold()
        if text in self.words:
            return self.words.index(text)
        if len(typed) == 1 and typed in self.keys:
            return self.keys.index(typed)
        names = [word.strip().casefold() for word in self.words]
        exact = [place for place, name in enumerate(names) if name == typed]
        found = exact or [place for place, name in enumerate(names) if typed and name.startswith(typed)]
        return found[0] if len(found) == 1 else None

    def answer(self, label: int | None, seconds: float = math.nan) -> None:
        """Keep the answer to `next()`: a class as a place in `words`, None for "don't know", and the time it took.

        With a file, the answer is on the disk when this returns.

        Raises:
            InputError: for a class that there is not, or where all was answered.
            NbinspectError: where the file cannot be written, or another process has written to it; then the question
                stays open.
        """
        asked = self.next()
        if asked is None:
            raise InputError(f"all {self.total} questions are answered; there is nothing left to ask")
        whole = isinstance(label, int | np.integer) and not isinstance(label, bool)
        if label is not None and not (whole and 0 <= label < len(self.words)):
            raise InputError(f"expected a class 0 … {len(self.words) - 1} or None for don't know, got {label!r:.80}")
        took = float(seconds) if 0 <= seconds < math.inf else math.nan
        made = Answer(asked.index, -1 if label is None else int(label), took)
        if self._file is not None:
            self._file.add(asked.place, made)
        self._answers.append(made)

    def undo(self) -> bool:
        """Take the last answer back, so that it is asked again; return whether there was one.

        Raises:
            NbinspectError: where the file cannot be written.
        """
        if not self._answers:
            return False
        if self._file is not None:
            self._file.take_back(self.answered - 1)
        self._answers.pop()
        return True

    def result(self, network_correct: ArrayLike | None = None, *, seen: bool = False) -> HumanRecord:
        """Return what the answers so far come to, beside the network on the very same samples.

        Args:
            network_correct: (N,) whether the network is right about each sample, NaN or −1 where that is unknown.
            seen: whether the network was trained on these samples.

        Raises:
            InputError: where `network_correct` has another length.
        """
        right = None if network_correct is None else np.asarray(network_correct, np.float64)
        if right is not None and right.shape != self.labels.shape:
            raise InputError(f"expected whether the network is right of {len(self.labels)} samples, got {right.shape}")
        rows = self._plan[: self.answered]
        return human_record(rows, self._answers, self.labels, self.words, right, seen=seen, notes=self.notes)


def _checked(indices: ArrayLike, labels: ArrayLike, classes: int) -> tuple[Integers, Integers]:
    places, codes = np.asarray(indices), np.asarray(labels)
    if places.ndim != 1 or places.shape != codes.shape or any(each.dtype.kind not in "iu" for each in (places, codes)):
        if not places.size and not codes.size:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        raise InputError(
            f"expected indices (N,) and labels (N,) as integers, got {places.dtype} {places.shape} and "
            f"{codes.dtype} {codes.shape}"
        )
    if len(codes) and int(codes.max()) >= classes:
        raise InputError(f"expected labels below the number of classes, {classes}, got {int(codes.max())}")
    return places.astype(np.int64), codes.astype(np.int64)


def _planned(labels: Integers, count: int, twice: float, *, stratified: bool, seed: int) -> Integers:
    """Return which rows are asked, in their order; a second time comes in the second half, never right after."""
    random = np.random.default_rng(seed)
    rows = random.permutation(np.flatnonzero(labels >= 0))
    if stratified:
        # every so manieth of the samples in the order of their classes: each class gets its share, however many
        rows = rows[np.argsort(labels[rows], kind="stable")]
        rows = rows[((np.arange(count) + random.random()) * len(rows) / count).astype(np.int64)]
    first = random.permutation(rows[:count])
    half, repeats = (count + 1) // 2, round(twice * count)
    early, late = first[:half], first[half:]
    again = random.permutation(early[:-1])[:repeats]
    # those that are first asked late are asked again at the very end, so that others lie between
    more = first[half - 1 :][: repeats - len(again)]
    mixed = random.permutation(np.concatenate([late, again]))
    return np.concatenate([early, mixed, more])
