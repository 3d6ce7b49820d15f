from __future__ import annotations

from typing import Any

import torch
from torch.utils.data import DataLoader, IterableDataset, TensorDataset, get_worker_info

from nbinspect.sanity.evidence.data.workers import given_by_every_worker, patience_with, reading_workers
from nbinspect.sanity.limits import Limits

ROWS = torch.randn(60, 8, generator=torch.Generator().manual_seed(1))


class Stream(IterableDataset[Any]):
    """All rows, or every worker's own; of some kinds a few at the end are others."""

    def __init__(self, kind: str = "all") -> None:
        self.kind = kind

    def __iter__(self) -> Any:
        worker = get_worker_info()
        number, count = (worker.id, worker.num_workers) if worker is not None else (0, 1)
        if self.kind == "raises" and number:
            raise OSError("no such shard")
        mine = {"own": range(number, 60, count), "halves": range(20 * number, 20 * number + 40)}
        order = torch.tensor(list(mine.get(self.kind, range(60))))
        for index in order[torch.randperm(len(order))]:
            yield ROWS[index] if self.kind != "flat" else torch.zeros(8)


def given(dataset: Any, *, workers: int = 2, **more: Any) -> int:
    return given_by_every_worker(DataLoader(dataset, num_workers=workers, **more), Limits(60), to_the_end=True)


def test_what_all_workers_give_is_counted_sample_by_sample() -> None:
    """Batched or not, in another order in each worker, the samples that all give are counted."""
    assert given(Stream(), batch_size=7) == 60
    assert given(Stream(), batch_size=None) == 60


def test_workers_with_samples_of_their_own_give_none() -> None:
    """Neither shared rows nor windows that overlap in part nor blank samples count, nor one worker alone."""
    for kind in ("own", "halves", "flat", "raises"):
        assert given(Stream(kind), batch_size=8) == 0
    assert given(Stream(), workers=1, batch_size=8) == 0
    assert given(TensorDataset(ROWS), batch_size=8) == 0


def test_a_longer_stream_is_compared_by_its_beginning() -> None:
    """Without reading on, another order in each worker tells nothing."""
    loader = DataLoader(Stream(), num_workers=2, batch_size=10)
    assert given_by_every_worker(loader, Limits(60), to_the_end=False) == 0


def test_reading_leaves_the_random_states_alone() -> None:
    """The generator of the process and that of the loader are as they were."""
    own = torch.Generator().manual_seed(3)
    loader = DataLoader(TensorDataset(ROWS), batch_size=10, shuffle=True, num_workers=2, generator=own)
    states = torch.get_rng_state(), own.get_state()
    with reading_workers(loader, Limits(60), 2, batch_size=10) as batches:
        assert sum(len(batch) for (batch,) in batches) == 60
    assert torch.equal(torch.get_rng_state(), states[0])
    assert torch.equal(own.get_state(), states[1])


def test_workers_that_are_started_afresh_get_longer_to_answer() -> None:
    """They import the program first, so that they may need nearly half of the time that is left; forked ones do not."""
    data = TensorDataset(ROWS)
    forked, afresh = (DataLoader(data, num_workers=2, multiprocessing_context=how) for how in ("fork", "spawn"))
    assert patience_with(forked, Limits(120)) == 30
    assert 45 < patience_with(afresh, Limits(120)) < 60
    assert patience_with(afresh, Limits(20)) == 30
