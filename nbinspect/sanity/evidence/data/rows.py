"""What each sample of a data set is, as a content hash: before its random transforms, where it has any."""

from __future__ import annotations

import copy
import math
import re
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import islice
from typing import Any, TypeAlias

import numpy as np
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from nbinspect.calling import split_batch
from nbinspect.capture.loader import BatchSource
from nbinspect.records import Flags, Floats, Integers
from nbinspect.sanity.evidence.data.digest import Digest, digest, numbers_of, sizes
from nbinspect.sanity.evidence.data.information import bits_of
from nbinspect.sanity.evidence.data.order import Order, origin_of
from nbinspect.sanity.limits import Limits
from nbinspect.subject import Subject

_MOST, _MOST_VALUES, _SECONDS = 20_000, 2**28, 20.0
_GROUP, _AGAIN = 64, 8
_SET, _NEARLY_ALL = 30, 0.9
_FEW_LEVELS, _FEW_BITS = 4, 64  # neighbours in such rows go together in ways that no count of values tells
_TRANSFORMS = ("transform", "transforms", "augment", "augmentation", "augmentations", "target_transform")

_NO_SUBJECT = Subject(nn.Identity())
"""Samples are split without the model, which need not travel to the worker."""

Split: TypeAlias = "Callable[[Any], tuple[Any, Any]]"


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
    form: str
    """Shape and dtype of the first sample's inputs: hashes of different forms cannot be compared."""

    @property
    def share(self) -> float | None:
        """The share of the data set that was read; None where its size is unknown."""
        return None if not self.total else min(1.0, len(self.inputs) / self.total)

    @cached_property
    def are_telling(self) -> bool:
        """Whether equal samples can be no coincidence: there are far more rows that could be than rows that are."""
        _, first = np.unique(self.inputs, return_index=True)
        return bits_of(self.places[first]) > 2 * float(np.log2(max(2, len(self.inputs)))) + 6

    @cached_property
    def are_few_valued(self) -> bool:
        """Whether rows are short and of a few values each, as small pictures of two colours are: equal by nature."""
        levels = len(np.unique(self.places))
        return levels <= _FEW_LEVELS and self.values * math.log2(max(levels, 1)) <= _FEW_BITS

    @property
    def values(self) -> int:
        """How many values the first sample's inputs have."""
        return sum(math.prod(map(int, re.findall(r"\d+", shape))) for shape in re.findall(r"\[(.*?)\]", self.form))


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
    _, first, counts = np.unique(
        np.stack([rows.inputs[used], rows.targets[used]]), axis=1, return_index=True, return_counts=True
    )
    usual = np.bincount(counts).argmax() if len(counts) else 0
    if rows.share not in (None, 1.0) or len(counts) < _SET or usual < 2 or (counts == usual).mean() < _NEARLY_ALL:
        return False
    kinds = rows.places[used][first]
    ends = {row[1:].tobytes() for row in kinds}
    return kinds.shape[1] < 2 or sum(row[:-1].tobytes() in ends for row in kinds) < len(kinds) / 2


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


def stored_rows(
    subject: Subject, loader: DataLoader[Any], order: Order, limits: Limits, *, size: int = 0
) -> Rows | None:
    """Return the samples of a data set without its transforms: 20,000, fewer where one has a great `size` in values.

    Only a data set that takes longer than twenty seconds for that is cut short by the clock.
    They are read in a worker process, from a copy of the data set whose transforms do nothing; if that cannot be read,
    with its transforms; if they are random then, from the arrays that it holds. None where nothing of this helps.
    """
    total = len(order.population)
    most = min(_MOST, max(_GROUP, _MOST_VALUES // max(1, size)))
    chosen = np.random.default_rng(0).permutation(order.population)[:most]
    until = time.monotonic() + min(_SECONDS, limits.left / 5)
    for prepared in (_untransformed, _as_it_is, _Stored):
        split = subject.split if prepared is not _Stored else None
        try:
            found = _steady(prepared(loader.dataset), chosen, split, limits, until)
        except Exception:  # noqa: BLE001 - the user's own data set may raise anything, then without its rows
            found = None
        if found is not None:
            return rows_of(found, chosen[: len(found)], total=total, are_own=True)
    return None


def rows_of(
    digests: Sequence[tuple[str, Digest]], indices: Integers | None = None, *, total: int | None, are_own: bool
) -> Rows | None:
    """Put the digests of samples together; None where there are none."""
    if not digests:
        return None
    inputs, targets, labels, flat, places = zip(*(found for _, found in digests), strict=True)
    table = np.full((len(places), max(len(row) for row in places)), -1.0)
    for row, values in zip(table, places, strict=True):
        row[: len(values)] = values
    numbers = np.arange(len(digests)) if indices is None else indices
    given, aimed = (np.array(part, dtype=np.int64) for part in (inputs, targets))
    form, (aims, single) = digests[0][0], numbers_of(labels)
    return Rows(numbers, given, aimed, single, aims, np.array(flat), table, total, are_own, form)


def _untransformed(dataset: Any) -> Any:
    """Return a copy of a data set, and of those inside it, whose transforms hand on what they get."""
    again = copy.copy(dataset)
    for name, part in vars(dataset).items():
        if name.lstrip("_") in _TRANSFORMS and callable(part):
            object.__setattr__(again, name, _handed_on)
        elif isinstance(part, Dataset):
            object.__setattr__(again, name, _untransformed(part))
        elif isinstance(part, list | tuple) and part and all(isinstance(one, Dataset) for one in part):
            object.__setattr__(again, name, type(part)(_untransformed(one) for one in part))
    return again


def _handed_on(*parts: Any, **named: Any) -> Any:
    """Stand in for a transform of one part, of several, or of named parts as some libraries have them."""
    if named and not parts:
        return named
    return parts if len(parts) > 1 else parts[0]


def _as_it_is(dataset: Any) -> Any:
    return dataset


class _Stored(Dataset[Any]):
    """The rows of arrays that a data set holds and makes its samples from: one row, of the same size, for each."""

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset
        base, self._rows = origin_of(dataset, np.arange(len(dataset)))
        held = (part for part in vars(base).values() if isinstance(part, Tensor | np.ndarray) and part.ndim)
        self._arrays = [part for part in held if len(part) == len(base)]

    def __getitem__(self, index: int) -> Any:
        parts = split_batch(_NO_SUBJECT, self._dataset[index])
        rows = [array[self._rows[index]] for array in self._arrays]
        given = [[row for row in rows if np.asarray(row).size == size] for size in sizes(parts.inputs)]
        if not given or not all(given):
            raise LookupError("samples of other sizes than the rows of the arrays")
        return given, parts.targets


def _steady(
    dataset: Any, indices: Integers, split: Split | None, limits: Limits, until: float
) -> list[tuple[str, Digest]] | None:
    """Return the digests of samples; None where the first few, read twice by one worker, are not the same."""
    few = indices[:_AGAIN]
    groups = [few, few, *np.split(indices, range(_GROUP, len(indices), _GROUP))]
    with closing(_read(dataset, groups, split, limits, until)) as given:
        once, again = ([found[:2] for _, found in islice(given, len(few))] for _ in range(2))
        return list(given) if once == again else None


def _read(
    dataset: Any, groups: Sequence[Integers], split: Split | None, limits: Limits, until: float
) -> Generator[tuple[str, Digest], None, None]:
    """Give the digests of samples, four groups at least, and then as far as the time allows."""
    listed = [group.tolist() for group in groups]
    source = BatchSource(DataLoader(dataset, batch_sampler=listed, collate_fn=partial(_digests, split)))
    try:
        for number in range(len(groups)):
            with limits.watching():
                fetched = source.next()
            yield from fetched.batch
            if time.monotonic() > until and number > 2:
                return
    finally:
        source.close()


def _digests(split: Split | None, samples: Sequence[Any]) -> list[tuple[str, Digest]]:
    """Digest samples in the worker that reads them, for numbers travel faster than pictures."""
    found = []
    for sample in samples:
        parts = split_batch(replace(_NO_SUBJECT, split=split), sample)
        found.append(digest(parts.inputs, parts.targets))
    return found
