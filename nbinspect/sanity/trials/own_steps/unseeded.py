"""A step, or a data set, of the user's own that draws from outside the seeds: from the system, or a fresh seed."""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from nbinspect.capture.loader import BatchSource, only_indexes, worker_context
from nbinspect.capture.naming import calling_line
from nbinspect.errors import LoaderError
from nbinspect.nested import tensors_in
from nbinspect.preserve import preserve
from nbinspect.records import Place
from nbinspect.sanity.batches import Batch, reading
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.evidence.numbers.generators import begun_otherwise
from nbinspect.sanity.evidence.source.parsed import is_published
from nbinspect.sanity.program import Program, seed_all
from nbinspect.sanity.trials.running.trainee import trained
from nbinspect.sanity.trials.running.watch import is_same

_SYSTEM = frozenset({os.urandom, getattr(os, "getrandom", os.urandom)})
_CLOCKS = frozenset(
    {
        time.time,
        time.time_ns,
        time.perf_counter,
        time.perf_counter_ns,
        time.monotonic,
        time.monotonic_ns,
        time.clock_gettime,
    }
)
_SEEDS = frozenset({"seed", "manual_seed", "manual_seed_all", "default_rng", "RandomState", "Random", "SeedSequence"})
_UNSEEDED = random.Random.seed.__code__
_FRESH = frozenset({torch.seed.__code__, torch.cuda.seed.__code__, torch.cuda.seed_all.__code__})
_GENERATORS = frozenset({"random", "numpy", "torch"})


@dataclass(frozen=True)
class Unseeded:
    """Two first steps on copies from the same seeds."""

    losses: tuple[float, float]
    place: Place
    """The user's line that asked for randomness which no seed repeats."""


def drawn_elsewhere(program: Program, batch: Batch, rounding: float) -> Unseeded | None:
    """Take the user's own first step twice; None where the losses agree, or no draw from outside the seeds was seen.

    What a step keeps from call to call may change its loss too, so that the draw itself has to be seen, in the user's
    own code: libraries draw names of files and of runs.

    Args:
        program: left unchanged; without a `train_step` nothing is run.
        batch: left unchanged.
        rounding: relative difference up to which losses agree.

    Raises:
        MissingNeed: if the step cannot be taken on a copy.
    """
    if program.subject.train_step is None or sys.getprofile() is not None:
        return None
    draws: list[Place] = []
    one, other = (_first_loss(program, batch, draws) for _ in range(2))
    return Unseeded((one, other), draws[0]) if draws and _differ(one, other, rounding) else None


def turned_by(
    program: Program, batch: Batch, generators: Mapping[str, Any], rounding: float
) -> tuple[float, float] | None:
    """Return the losses of the user's own first step, as it is and with these generators begun otherwise.

    None where they agree, or there is no `train_step`.

    Raises:
        MissingNeed: if the step cannot be taken on a copy.
    """
    if program.subject.train_step is None:
        return None
    one = _first_loss(program, batch, None)
    with begun_otherwise(generators):
        other = _first_loss(program, batch, None)
    return (one, other) if _differ(one, other, rounding) else None


def _first_loss(program: Program, batch: Batch, draws: list[Place] | None) -> float:
    """Return the loss of the user's own first step on a copy, from the same seeds; NaN where it tells none."""
    with trained(program) as trainee, nullcontext() if draws is None else watching(draws):
        loss = trainee.step(batch, held=True).loss
    return float("nan") if loss is None else loss


def _differ(one: float, other: float, rounding: float) -> bool:
    return abs(one - other) > rounding * max(abs(one), abs(other))  # not, where one is not finite


def read_elsewhere(program: Program, batch: Batch) -> Place | None:
    """Return the user's line that draws from outside the seeds while samples are read, which then come out otherwise.

    None where the same seeds give the same first batch, or no such draw was seen.

    Args:
        program: left unchanged, with its loader, whose data set is read in a worker where there can be one.
        batch: the first of the loader, with the indices of its samples.
    """
    loader, draws = program.subject.loader, list[Place]()
    if sys.getprofile() is not None:
        return None
    try:
        with watching(draws):  # what picks the samples does so in this process
            one = _first(program)
        if _agree(one, _first(program)):
            return None
        is_iterable = isinstance(loader, DataLoader) and isinstance(loader.dataset, IterableDataset)
        if draws or not isinstance(loader, DataLoader) or only_indexes(loader) or not (batch.indices or is_iterable):
            return draws[0] if draws else None
        (tensors, draws), (others, _) = (_read(program, loader, batch.indices) for _ in range(2))
    except (MissingNeed, LoaderError):  # it was read before, and need not be readable again
        return None
    return draws[0] if draws and not _agree(tensors, others) else None


def reads_by(program: Program, generators: Mapping[str, Any]) -> bool:
    """Whether the first batch is another one when these generators are begun otherwise, though it repeats as it is."""
    try:
        one = _first(program)
        if not _agree(one, _first(program)):
            return False
        with begun_otherwise(generators):
            return not _agree(one, _first(program))
    except (MissingNeed, LoaderError):
        return False


def _first(program: Program) -> list[Tensor]:
    with preserve(program.subject.loader):
        seed_all(program.seed, "pass")
        with reading(program.subject, program.subject.loader, program.limits) as batches:
            return [tensor for _, tensor in tensors_in(next(batches).raw, "")]


def _read(
    program: Program, loader: DataLoader[Any], indices: tuple[int, ...] | None
) -> tuple[list[Tensor], list[Place]]:
    """Return what a batch of these samples holds, and the lines that drew from outside the seeds as it was read.

    Without indices it is the first of a data set that gives its samples one after the other.
    """
    watched = _Watched(loader)
    picks: dict[str, Any] = {"batch_sampler": [[*indices]]} if indices else {"batch_size": loader.batch_size}
    own = DataLoader(
        loader.dataset,
        **picks,
        collate_fn=watched,
        worker_init_fn=watched.begin,
        multiprocessing_context=loader.multiprocessing_context,
        num_workers=min(1, loader.num_workers),
    )
    with preserve(loader), program.limits.watching():
        seed_all(program.seed, "pass")
        source = BatchSource(own)
        try:
            with watching(watched.draws) if worker_context(own) is None else nullcontext():
                batch, draws = source.next().batch
        finally:
            source.close()
    return [tensor for _, tensor in tensors_in(batch, "")], draws


class _Watched:
    """Puts samples together as a loader does, and tells with them which draws were seen since the worker began."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        self.collate, self.prepare = loader.collate_fn, loader.worker_init_fn
        self.draws: list[Place] = []

    def begin(self, worker: int) -> None:
        if self.prepare is not None:
            self.prepare(worker)
        sys.setprofile(_noting(self.draws))

    def __call__(self, samples: Any) -> tuple[Any, list[Place]]:
        return self.collate(samples), self.draws


def _agree(one: list[Tensor], other: list[Tensor]) -> bool:
    return len(one) == len(other) and all(map(is_same, one, other))


@contextmanager
def watching(draws: list[Place]) -> Iterator[None]:
    """Note in `draws` each line of the user's own that asks the operating system for randomness in this block."""
    sys.setprofile(_noting(draws))
    try:
        yield
    finally:
        sys.setprofile(None)


def _noting(draws: list[Place]) -> Callable[[FrameType, str, Any], None]:
    """Return what notes in `draws` each line of the user's own that asks the operating system for randomness.

    Or the clock, in a function that seeds a generator.
    """

    def note(frame: FrameType, event: str, called: Any) -> None:
        if event == "c_call":
            is_seeded_anew = getattr(called, "__name__", "") == "seed" and isinstance(called.__self__, torch.Generator)
            is_by_clock = _is_clock(called) and bool(_SEEDS & {*frame.f_code.co_names})
            is_draw = called in _SYSTEM or is_seeded_anew or is_by_clock
        else:
            code = frame.f_code
            is_draw = event == "call" and (code in _FRESH or (code is _UNSEEDED and frame.f_locals.get("a") is None))
        if is_draw and (place := _asking(frame)) is not None:
            draws.append(place)

    return note


def _is_clock(called: Any) -> bool:
    return called in _CLOCKS or (getattr(called, "__name__", "") in ("now", "utcnow") and called.__self__ is datetime)


def _asking(frame: FrameType | None) -> Place | None:
    """Return the line that asked a generator for a draw; None where it is of a library, which names a file or a run."""
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _GENERATORS:
        frame = frame.f_back
    place = calling_line(frame)
    is_own = place is not None and frame is not None and place.file == frame.f_code.co_filename
    return place if is_own and not is_published(place) else None
