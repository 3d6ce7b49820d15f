"""Passes over a loader in worker processes, which may die: what they had in hand is read again, one by one."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any

from torch.utils.data import DataLoader, Dataset

from nbinspect.capture.loader import arrays_of, copied, explained, worker_context
from nbinspect.capture.undisturbed import OwnDraws, undisturbed
from nbinspect.capture.workers import death_told, heard, tells_death, unheard
from nbinspect.data.loading.guarded import Collating, Read, WorkerStart
from nbinspect.data.loading.plan import Plan

_PREFETCH = 2
_DEATHS = 100


@dataclass(frozen=True, eq=False)
class Reading:
    """How groups of samples of a user's loader are read."""

    loader: DataLoader[Any]
    guard: Callable[[Any], Dataset[Any]]
    """Makes of a data set one that survives samples that raise."""
    collating: Collating
    workers: int
    here: bool = False
    """Whether a copy of the data set is read in this process, without workers."""


def groups_read(reading: Reading, plan: Plan) -> Generator[tuple[list[Any], list[Read] | None], None, None]:
    """Give each group of keys with what was read of it; None where reading it killed the worker.

    Raises:
        LoaderError: if workers cannot be started, or die again and again.
    """
    number = deaths = 0
    ahead = max(1, reading.workers) * (reading.loader.prefetch_factor or _PREFETCH)
    while number < plan.groups:
        try:
            for reads in _pass(reading, _Groups(plan, number), reading.workers):
                yield plan.group(number), reads
                number += 1
        except _WorkerDeathError as death:
            cause = death.cause
        else:
            return
        for key, alone in _one_by_one(reading, list(chain(*map(plan.group, range(number, number + ahead))))):
            deaths += alone is None
            if deaths > _DEATHS:
                raise death_told(cause) from cause
            yield [key], alone
        number += ahead


def _one_by_one(reading: Reading, keys: list[Any]) -> Iterator[tuple[Any, list[Read] | None]]:
    """Give each key with what was read of it by one worker; the first one that was not read is the cause of its death.

    A worker is sent the next group before a group is handed out, so that an empty one stands between any two keys.
    """
    pausing = replace(reading, guard=partial(_Pausing, reading.guard))
    while keys:
        try:
            groups = [group for key in keys for group in ([key], [])]
            for number, reads in enumerate(_pass(pausing, groups, 1, prefetch=1)):
                if number % 2 == 0:
                    yield keys.pop(0), reads
        except _WorkerDeathError:  # noqa: PERF203 - each death ends a pass
            if keys:
                yield keys.pop(0), None


class _Pausing(Dataset[Any]):
    """A guarded data set of which nothing is read for an empty group."""

    def __init__(self, guard: Callable[[Any], Any], dataset: Any) -> None:
        self._guarded = guard(dataset)

    def __getitems__(self, keys: list[Any]) -> list[Any]:
        samples: list[Any] = self._guarded.__getitems__(keys) if keys else []
        return samples


def stream_read(reading: Reading) -> Iterator[list[Read]]:
    """Give what was read of each batch of an iterable data set, in one pass as the loader makes it.

    Raises:
        LoaderError: if a worker cannot be started, or dies.
    """
    try:
        yield from _pass(reading, None, reading.workers)
    except _WorkerDeathError as death:
        raise death_told(death.cause) from death.cause


class _Groups:
    """A batch sampler over the groups of a plan, none of which is made before it is asked for."""

    def __init__(self, plan: Plan, first: int) -> None:
        self._plan = plan
        self._numbers = range(first, plan.groups)

    def __iter__(self) -> Iterator[list[Any]]:
        return map(self._plan.group, self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)


class _WorkerDeathError(Exception):
    """A worker process ended before its work."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


def _pass(reading: Reading, groups: Any, workers: int, *, prefetch: int | None = None) -> Iterator[list[Read]]:
    loader = reading.loader
    draws = OwnDraws(loader)
    context = None if reading.here else worker_context(loader)
    try:
        with undisturbed(loader):
            batches = _started(reading, groups, context, workers, prefetch)
    except RuntimeError as error:
        if tells_death(error):
            raise _WorkerDeathError(error) from error
        raise
    try:
        while True:
            with draws.go_on() if context is None else contextlib.nullcontext():
                reads = _next(batches, loader)
            if reads is None:
                return
            yield reads
    finally:
        stop = getattr(batches, "_shutdown_workers", None)
        if stop is not None:
            stop()  # now, and not when Python collects it, which may be in another worker's process


def _started(reading: Reading, groups: Any, context: Any, workers: int, prefetch: int | None) -> Any:
    """Begin a pass over the user's data set, in workers where there can be any, else over a copy of it."""
    loader = reading.loader
    dataset = loader.dataset
    own = copy.deepcopy(loader.generator) if loader.generator is not None else None
    options: dict[str, Any] = {"collate_fn": reading.collating, "generator": own}
    if groups is not None:
        options["batch_sampler"] = groups
    else:
        # an item that is a batch already comes as a group of its own
        options |= {"batch_size": loader.batch_size or 1, "drop_last": loader.drop_last}
    if context is None:
        dataset = copied(dataset, arrays_of(dataset), "its data set")
    else:
        options |= {"num_workers": workers, "multiprocessing_context": context, "timeout": loader.timeout}
        options |= {"prefetch_factor": prefetch or loader.prefetch_factor or _PREFETCH}
        options |= {"worker_init_fn": WorkerStart(dataset, loader.worker_init_fn)}
    batches = iter(DataLoader(reading.guard(dataset), **options))
    unheard(batches)
    return batches


def _next(batches: Any, loader: DataLoader[Any]) -> list[Read] | None:
    """Return what is next, None at the end; only meanwhile may PyTorch tell the main thread that a worker died."""
    try:
        with heard(batches):
            reads: list[Read] | None = next(batches, None)
    except Exception as error:
        if hasattr(batches, "_workers") and tells_death(error):
            raise _WorkerDeathError(error) from error
        raise explained(error, loader) from error
    return reads
