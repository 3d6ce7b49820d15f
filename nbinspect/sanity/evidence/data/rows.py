"""What each sample of a data set is, as a content hash, and which of them are equal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nbinspect.records import Flags, Floats, Integers
from nbinspect.sanity.evidence.data.digest import Digest, Form, numbers_of
from nbinspect.sanity.evidence.data.information import bits_of

_SET, _NEARLY_ALL = 30, 0.9
_MOST_TOLD = 6
_FEW_LEVELS, _FEW_BITS = 4, 64  # neighbours in such rows go together in ways that no count of values tells


@dataclass(frozen=True, eq=False)
class Rows:
    """Samples of a data set, each once, drawn at random where not all were read."""

    indices: Integers
    """(N,) in the data set, or in the order of reading where the loader tells none."""
    inputs: Integers
    """(N,) content hashes, of values, shape and dtype; so are `targets`."""
    targets: Integers
    labels: Floats
    """(N,) the target as a number; NaN where it is no single number."""
    aims: Floats
    """(N, K) the targets as numbers; (N, 1) of NaN where they are not a few numbers, as many for each sample."""
    flat: Flags
    """(N,) whether all of a sample's values are the same."""
    places: Floats
    """(N, ≤ 64) values at places spread evenly over each sample."""
    total: int | None
    """How many samples there are; None where that is unknown."""
    are_own: bool
    """Whether each row is a sample of its own; else the loader may have repeated one on purpose."""
    form: Form
    """Types and shapes of the inputs, -1 for a size that differs from sample to sample."""
    values: int
    """How many values the first sample's inputs have."""

    @property
    def share(self) -> float | None:
        """The share of the data set that was read; None where its size is unknown."""
        return None if not self.total else min(1.0, len(self.inputs) / self.total)

    @cached_property
    def classes(self) -> Floats:
        """(N,) the target as a number, or its class where all are one-hot; NaN where it is neither."""
        found = one_hot_classes(self.aims)
        return self.labels if found is None else found

    @cached_property
    def are_telling(self) -> bool:
        """Whether equal samples can be no coincidence: there are far more rows that could be than rows that are."""
        return self._bits > 2 * self._own_bits + 6

    @cached_property
    def are_of_many(self) -> bool:
        """Whether these are next to none of the rows that could be, though some may be equal: one in a thousand."""
        return self.part < 2**-10

    @property
    def part(self) -> float:
        """How large a part these are of the rows that could be, as far as they tell."""
        return float(2 ** (self._own_bits - self._bits))

    @cached_property
    def _bits(self) -> float:
        _, first = np.unique(self.inputs, return_index=True)
        return bits_of(self.places[first])

    @property
    def _own_bits(self) -> float:
        return float(np.log2(max(2, len(self.inputs))))

    @cached_property
    def are_few_valued(self) -> bool:
        """Whether rows are short and of a few values each, as small pictures of two colours are: equal by nature."""
        levels = len(np.unique(self.places))
        return levels <= _FEW_LEVELS and self.values * math.log2(max(levels, 1)) <= _FEW_BITS

    @property
    def told(self) -> str:
        """The form in words: ``float32[3, 32, 32], int64[any]``; of many parts the first three."""
        parts = [f"{kind}[{', '.join(str(n) if n >= 0 else 'any' for n in shape)}]" for kind, shape in self.form]
        return ", ".join(parts if len(parts) <= _MOST_TOLD else [*parts[:3], f"{len(parts) - 3} more"])

    def is_comparable(self, other: Rows) -> bool:
        """Whether equal samples of both sets would have equal hashes: types agree, and sizes that do not vary."""
        return len(self.form) == len(other.form) and all(
            kind == its_kind
            and len(shape) == len(its_shape)
            and all(a == b or -1 in (a, b) for a, b in zip(shape, its_shape, strict=True))
            for (kind, shape), (its_kind, its_shape) in zip(self.form, other.form, strict=True)
        )


def one_hot_classes(table: Floats) -> Floats | None:
    """Return (N,) the place of the one in each row (N, K) of zeros; None where a row is anything else."""
    if table.shape[1] < 2 or not (((table == 0) | (table == 1)).all() and (table.sum(1) == 1).all()):
        return None
    found: Floats = table.argmax(1).astype(np.float64)
    return found


def repeated(rows: Rows) -> tuple[dict[int, int], Integers]:
    """Return positions of the samples that repeat an earlier one, and the index of that one by position.

    Samples all of whose values are the same, blank pictures and silence, are left out.
    """
    first: dict[tuple[int, int], int] = {}
    earlier: dict[int, int] = {}
    for position in np.flatnonzero(~rows.flat).tolist():
        key = (int(rows.inputs[position]), int(rows.targets[position]))
        where = first.setdefault(key, position)
        if where != position:
            earlier[position] = int(rows.indices[where])
    return earlier, np.array(sorted(earlier), dtype=np.int64)


def is_multiplied(rows: Rows) -> bool:
    """Whether all was read and nearly every sample is there equally often, twice or more, as of a set put together.

    Windows over a text or signal that goes round are no such set: each begins as another one goes on.
    """
    used = ~rows.flat
    _, counts = np.unique(np.stack([rows.inputs[used], rows.targets[used]]), axis=1, return_counts=True)
    usual = np.bincount(counts).argmax() if len(counts) else 0
    if rows.share not in (None, 1.0) or len(counts) < _SET or usual < 2 or (counts == usual).mean() < _NEARLY_ALL:
        return False
    return not are_windows(rows)


def are_windows(rows: Rows) -> bool:
    """Whether half the rows or more begin as another one goes on: windows over a text or a signal."""
    used = np.flatnonzero(~rows.flat)
    kinds = rows.places[used[np.unique(rows.inputs[used], return_index=True)[1]]]
    ends = {row[1:].tobytes() for row in kinds}
    return kinds.shape[1] > 1 and sum(row[:-1].tobytes() in ends for row in kinds) >= max(1, len(kinds) / 2)


def contradicting(rows: Rows) -> Integers:
    """Return positions of the samples whose inputs equal an earlier sample's while the targets differ."""
    first: dict[int, int] = {}
    found = [
        position
        for position in np.flatnonzero(~rows.flat).tolist()
        if rows.targets[position] != rows.targets[first.setdefault(int(rows.inputs[position]), position)]
    ]
    return np.array(found, dtype=np.int64)


def among_equals(rows: Rows) -> tuple[int, float, float]:
    """Return how many inputs several samples share, the share of those samples, and how far their targets disagree.

    That is the variance of targets of equal inputs over that of them all, its mean over several targets: 0 where equal
    inputs have equal targets, 1 where inputs say nothing of them. Rows without numbers for targets are left out.
    """
    used = np.flatnonzero(~rows.flat & np.isfinite(rows.aims).all(1))
    _, kinds, counts = np.unique(rows.inputs[used], return_inverse=True, return_counts=True)
    several = counts[kinds] > 1
    targets, groups = rows.aims[used][several], np.unique(kinds[several], return_inverse=True)[1].reshape(-1)
    number = int(groups.max(initial=-1)) + 1
    spread = targets.var(axis=0, ddof=1) if number else np.zeros(1)
    if not spread.any():
        return number, len(targets) / max(1, len(rows.inputs)), 0.0
    means = np.stack([np.bincount(groups, one) for one in targets.T], 1) / np.bincount(groups)[:, None]
    apart = ((targets - means[groups]) ** 2).sum(0)[spread > 0] / (len(targets) - number)
    return number, len(targets) / len(rows.inputs), float((apart / spread[spread > 0]).mean())


def rows_of(
    digests: Sequence[tuple[Form, Digest]], indices: Integers | None = None, *, total: int | None, are_own: bool
) -> Rows | None:
    """Put the digests of samples together; None where there are none."""
    if not digests:
        return None
    forms = [form for form, _ in digests]
    inputs, targets, labels, flat, places, keys = zip(*(found for _, found in digests), strict=True)
    table = np.full((len(places), max(len(row) for row in places)), -1.0)
    for row, values in zip(table, places, strict=True):
        row[: len(values)] = values
    numbers = np.arange(len(digests)) if indices is None else indices
    given, aimed, named = (np.array(part, dtype=np.int64) for part in (inputs, targets, keys))
    if not _are_names(named, given):
        given ^= named
    aims, single = numbers_of(labels)
    size = sum(math.prod(shape) for _, shape in forms[0])
    return Rows(numbers, given, aimed, single, aims, np.array(flat), table, total, are_own, _merged(forms), size)


def _are_names(keys: Integers, inputs: Integers) -> bool:
    """Whether each of these keys goes with the content of one sample, as a name does, and a user's number does not."""
    return len(np.unique(np.stack([keys, inputs]), axis=1).T) == len(np.unique(keys))


def _merged(forms: Sequence[Form]) -> Form:
    """Return what the samples of a set have in common: sizes that differ from sample to sample are -1."""
    kinds = {tuple((kind, len(shape)) for kind, shape in form) for form in forms}
    if len(kinds) > 1:
        return (("samples of several forms", ()),)
    shapes = zip(*([shape for _, shape in form] for form in set(forms)), strict=True)
    sizes = [tuple(of[0] if len(set(of)) == 1 else -1 for of in zip(*each, strict=True)) for each in shapes]
    return tuple((kind, size) for (kind, _), size in zip(forms[0], sizes, strict=True))
