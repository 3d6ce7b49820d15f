"""What the workers of a loader give, read from a copy of it: each on its own, or all of them the same."""

from __future__ import annotations

import multiprocessing
import re
import time
import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from nbinspect.preserve import preserve
from nbinspect.sanity.evidence.data.digest import Digest, Form, digest
from nbinspect.sanity.evidence.data.rows import rows_of
from nbinspect.sanity.limits import Limits

_ANSWER_SECONDS, _AFRESH = 30, 0.45
"""How long a worker may take to answer, and of the time that is left where it has to import the program first."""
_TIMED_OUT = re.compile(r"DataLoader timed out after (\d+)")
_SECONDS = 20.0
_FEW = 20
_ALIKE = 0.95


class NoAnswer(Exception):  # noqa: N818 - no error of the user's
    """No worker gave a batch in time; the message says how long was waited."""


@contextmanager
def reading_workers(loader: DataLoader[Any], limits: Limits, workers: int, **options: Any) -> Iterator[Iterator[Any]]:
    """Give the batches of a copy of a loader with so many workers; the loader and the random states are unchanged.

    Raises:
        NoAnswer: in time.
    """
    seeds = torch.Generator()
    seeds.manual_seed(1)
    with preserve(loader), warnings.catch_warnings():
        # workers that are forked from a kernel with threads are what the user's own loader has as well
        warnings.filterwarnings("ignore", message=".*multi-threaded.*fork.*|This DataLoader will create.*")
        twin = DataLoader(
            loader.dataset,
            num_workers=workers,
            worker_init_fn=loader.worker_init_fn,
            multiprocessing_context=loader.multiprocessing_context,
            generator=seeds,
            timeout=patience_with(loader, limits),
            **options,
        )
        batches = iter(twin)
        try:
            yield _each(batches, limits)
        finally:
            # at once, for what an exception keeps alive would be ended in the next worker, which waits and complains
            getattr(batches, "_shutdown_workers", lambda: None)()


def patience_with(loader: DataLoader[Any], limits: Limits) -> int:
    """Return how many seconds a worker may take; more where it is started afresh, as by default outside of Linux."""
    context = loader.multiprocessing_context or multiprocessing
    if context.get_start_method() == "fork":
        return _ANSWER_SECONDS
    return max(_ANSWER_SECONDS, int(_AFRESH * limits.left))


def _each(batches: Iterator[Any], limits: Limits) -> Iterator[Any]:
    while True:
        try:
            with limits.watching():
                batch = next(batches, None)
        except RuntimeError as error:
            waited = _TIMED_OUT.match(str(error))
            if waited is None:
                raise
            raise NoAnswer(f"no worker gave a batch within {waited[1]} s") from error
        if batch is None:
            return
        yield batch


def given_by_every_worker(loader: Any, limits: Limits, *, to_the_end: bool) -> int:
    """Return how many samples of a stream each of its workers gives; 0 where they give samples of their own.

    Their first samples are compared in order, and if those differ and `to_the_end` is true, all that they give.
    """
    if not isinstance(loader, DataLoader) or not isinstance(loader.dataset, IterableDataset) or loader.num_workers < 2:
        return 0
    try:
        found, ended = _read(loader, limits, to_the_end=to_the_end)
    except Exception:  # noqa: BLE001 - the user's own data set may raise anything, then nothing is known
        return 0
    rows = rows_of([one for part in found.values() for one in part], total=None, are_own=False)
    if len(found) < loader.num_workers or rows is None or not rows.are_telling:
        return 0
    streams = [[told[0] for _, told in part] for part in found.values()]
    if _begin_alike(streams):
        return min(map(len, streams))
    return _common(streams) if ended else 0


def _read(loader: DataLoader[Any], limits: Limits, *, to_the_end: bool) -> tuple[dict[int, list[Any]], bool]:
    """Return the digests of the samples of each worker, and whether these are all that there are."""
    found: dict[int, list[tuple[Form, Digest]]] = defaultdict(list)
    hashed = partial(_hashed, single=loader.batch_size is None)
    until = 0.0
    with reading_workers(
        loader, limits, loader.num_workers, batch_size=loader.batch_size, collate_fn=hashed
    ) as batches:
        for worker, samples in batches:
            found[worker] += samples
            until = until or time.monotonic() + min(_SECONDS, limits.left / 5)  # that workers start may take as long
            begun = len(found) == loader.num_workers and min(map(len, found.values())) >= _FEW
            decided = begun and (not to_the_end or _begin_alike([[t[0] for _, t in part] for part in found.values()]))
            if decided or time.monotonic() > until:
                return found, False
    return found, True


def _hashed(samples: Any, *, single: bool) -> tuple[int, list[tuple[Form, Digest]]]:
    """Digest samples in the worker that reads them, and say which one that is."""
    info = get_worker_info()
    return (info.id if info is not None else 0), [digest(one, ()) for one in ([samples] if single else samples)]


def _begin_alike(streams: Sequence[Sequence[int]]) -> bool:
    """Whether all begin with the same samples in the same order, many enough and no two of them equal."""
    length = min(map(len, streams))
    first = list(streams[0][:length])
    return length >= _FEW and len(set(first)) == length and all(list(one[:length]) == first for one in streams)


def _common(streams: Sequence[Sequence[int]]) -> int:
    """Return how many samples all have, where that is nearly all of each, and none repeats many of its own."""
    kinds = [set(one) for one in streams]
    shared = len(set.intersection(*kinds))
    alike = shared >= max(_FEW, _ALIKE * max(map(len, kinds)))
    return (
        shared if alike and all(len(kind) >= _ALIKE * len(one) for kind, one in zip(kinds, streams, strict=True)) else 0
    )
