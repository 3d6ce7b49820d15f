"""The samples of a data set without its random transforms, where it has any, read by a worker and digested there."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any, TypeAlias

import numpy as np
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from nbinspect.calling import Accepts, split_batch, usual_pair
from nbinspect.capture.loader import BatchSource
from nbinspect.records import Integers
from nbinspect.sanity.evidence.data.digest import Digest, Form, digest, sizes
from nbinspect.sanity.evidence.data.order import Order, origin_of
from nbinspect.sanity.evidence.data.rows import Rows, rows_of
from nbinspect.sanity.limits import Limits
from nbinspect.subject import Subject

_MOST, _MOST_VALUES, _SECONDS = 20_000, 2**28, 20.0
_GROUP, _AGAIN = 64, 8
_COMPARED, _AS_FAR = 24, 0.85
_DRAWN, _FEW_DRAWN = 1024, 5
_TRANSFORMS = ("transform", "transforms", "augment", "augmentation", "augmentations", "target_transform")

_NO_SUBJECT = Subject(nn.Identity())
"""Arrays are split without the model."""

Split: TypeAlias = "Callable[[Any], tuple[Any, Any]]"


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
        split = _split_of(subject, loader, is_pair=prepared is _Stored)
        try:
            found = _steady(prepared(loader.dataset), chosen, split, limits, until)
        except Exception:  # noqa: BLE001 - the user's own data set may raise anything, then without its rows
            found = None
        if found is not None:
            return rows_of(found, chosen[: len(found)], total=total, are_own=True)
    return None


def is_drawn_anew(subject: Subject, loader: Any, order: Order | None, limits: Limits) -> bool:
    """Whether an index chooses no sample: what it gives, read again, is as far from that as other samples are."""
    if order is None:
        return False
    few = np.random.default_rng(0).permutation(order.population)[:_COMPARED]
    split, until = _split_of(subject, loader, is_pair=False), time.monotonic() + min(_SECONDS, limits.left / 5)
    try:
        with closing(_read(loader.dataset, (few, few), split, limits, until)) as given:
            places = np.stack([found[4] for _, found in given])
    except Exception:  # noqa: BLE001 - samples of other sizes, or none that can be read, tell nothing
        return False
    once, again = places[: len(few)], places[len(few) :]
    others = [float(abs(np.roll(once, turn, 0) - again).mean()) for turn in range(1, len(few))]
    return any(others) and float(abs(once - again).mean()) > _AS_FAR * float(np.mean(others))


@dataclass(frozen=True)
class Drawn:
    """Indices that choose no sample of their own, beside others that do."""

    read: int
    """Indices that were read, twice each."""
    changing: int
    """Those that gave two samples."""
    shared: float
    """Share of those samples that another index gave as well."""


def drawn_from_others(subject: Subject, loader: Any, order: Order | None, limits: Limits) -> Drawn | None:
    """Return it where some indices give, at each reading, a sample that other indices give too, and the rest their own.

    None where samples are made at random, or each index draws one, as a set that is to be sampled so. A few are asked
    first, for most random samples are none of others.
    """
    if order is None:
        return None
    chosen = np.random.default_rng(0).permutation(order.population)
    split, until = _split_of(subject, loader, is_pair=False), time.monotonic() + min(_SECONDS, limits.left / 5)
    found = None
    for most, share in ((_GROUP, 0.0), (_DRAWN, 0.5)):
        groups = np.split(chosen[:most], range(_GROUP, len(chosen[:most]), _GROUP))
        try:
            with closing(_read(loader.dataset, [*groups, *groups], split, limits, until)) as given:
                rows = rows_of(list(given), np.tile(chosen[:most], 2), total=None, are_own=False)
        except Exception:  # noqa: BLE001 - samples that cannot be read twice tell nothing
            return None
        found = None if rows is None else _drawn_in(rows)
        if found is None or found.shared <= share:
            return None
    return found


def _drawn_in(rows: Rows) -> Drawn | None:
    """Compare rows, the second half of which are readings of the indices of the first; None without both kinds."""
    count, keys = len(rows.inputs) // 2, [*zip(rows.inputs.tolist(), rows.targets.tolist(), strict=True)]
    changing = [at for at in range(count) if keys[at] != keys[at + count] and not rows.flat[[at, at + count]].any()]
    givers: dict[tuple[int, int], set[int]] = {}
    for at, key in enumerate(keys):
        givers.setdefault(key, set()).add(at % count)
    if min(len(changing), count - len(changing)) < max(_FEW_DRAWN, count / 10) or not rows.are_telling:
        return None
    shared = [len(givers[keys[at + turn]]) > 1 for at in changing for turn in (0, count)]
    return Drawn(count, len(changing), float(np.mean(shared)))


def _split_of(subject: Subject, loader: DataLoader[Any], *, is_pair: bool) -> Split | None:
    """Return how samples are split in the worker, to which the model need not travel."""
    if is_pair:
        return None
    if subject.split is not None:
        return partial(_split_one, subject.split, loader.collate_fn)
    return partial(usual_pair, Accepts.of(subject.network))


def _split_one(split: Split, collate: Callable[[Any], Any], sample: Any) -> tuple[Any, Any]:
    """Split a sample, as a batch of one where the user's function takes nothing but batches."""
    try:
        return split(sample)
    except Exception:  # noqa: BLE001 - it is made for batches, and may raise anything
        return split(collate([sample]))


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
) -> list[tuple[Form, Digest]] | None:
    """Return the digests of samples; None where the first few, read twice by one worker, are not the same."""
    few = indices[:_AGAIN]
    groups = [few, few, *np.split(indices, range(_GROUP, len(indices), _GROUP))]
    with closing(_read(dataset, groups, split, limits, until)) as given:
        once, again = ([found[:2] for _, found in islice(given, len(few))] for _ in range(2))
        return list(given) if once == again else None


def _read(
    dataset: Any, groups: Sequence[Integers], split: Split | None, limits: Limits, until: float
) -> Generator[tuple[Form, Digest], None, None]:
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


def _digests(split: Split | None, samples: Sequence[Any]) -> list[tuple[Form, Digest]]:
    """Digest samples in the worker that reads them, for numbers travel faster than pictures."""
    found = []
    for sample in samples:
        parts = split_batch(replace(_NO_SUBJECT, split=split), sample)
        found.append(digest(parts.inputs, parts.targets))
    return found
