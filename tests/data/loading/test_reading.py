from __future__ import annotations

import os
import random
import threading
from contextlib import closing
from multiprocessing import active_children
from multiprocessing.connection import wait

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    SequentialSampler,
    Subset,
    TensorDataset,
    WeightedRandomSampler,
    get_worker_info,
)

from nbinspect.data.loading.reading import Reader, fetch
from nbinspect.errors import InputError, LoaderError, UnreadableLoaderError
from nbinspect.subject import Subject

pytestmark = pytest.mark.slow

SUBJECT = Subject(nn.Identity())


class Numbers(Dataset):
    """Samples (index, index²); those in `bad` raise, those in `deadly` end the process that reads them."""

    def __init__(self, length=23, bad=(), deadly=()):
        self.length = length
        self.bad = bad
        self.deadly = deadly
        self.reads = 0
        self.rng = np.random.default_rng(0)

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        self.reads += 1
        self.rng.normal()
        torch.rand(())
        random.random()
        if index in self.bad:
            raise OSError(f"cannot identify image file {index}")
        if index in self.deadly:
            os._exit(11)
        return torch.tensor([float(index)]), torch.tensor(index**2)


class Together(Numbers):
    """Gives many samples at once, as data sets with a fast store do."""

    def __getitems__(self, indices):
        return [self[index] for index in indices]


class Gone(Dataset):
    """The fifth sample cannot be received, as when its worker has gone before it was."""

    def __init__(self, raised):
        self.raised = raised

    def __len__(self):
        return 7

    def __getitem__(self, index):
        return _Unreceived(self.raised) if index == 4 else torch.tensor([float(index)])


class _Unreceived:
    def __init__(self, raised):
        self.raised = raised

    def __reduce__(self):
        return _receive, (self.raised,)


def _receive(raised):
    raise raised("the worker has gone")


class Ragged(Numbers):
    def __getitem__(self, index):
        return torch.full((index % 3 + 1,), float(index)), index


class Stream(IterableDataset):
    """Numbers below `length`; its iterator goes on after the bad ones."""

    def __init__(self, length=10, bad=()):
        self.length = length
        self.bad = bad

    def __iter__(self):
        info = get_worker_info()
        return _Numbers(range(info.id, self.length, info.num_workers) if info else range(self.length), self.bad)


class _Numbers:
    def __init__(self, numbers, bad):
        self.numbers = iter(numbers)
        self.bad = bad

    def __iter__(self):
        return self

    def __next__(self):
        number = next(self.numbers)
        if number in self.bad:
            raise ValueError(f"corrupt record {number}")
        return torch.tensor([float(number)]), number


class Shifted(Dataset):
    """Adds one in its transform."""

    def __init__(self):
        self.transform = lambda value: value + 1.0

    def __len__(self):
        return 5

    def __getitem__(self, index):
        return self.transform(torch.tensor([float(index)])), index


def all_of(loader, **options):
    """Indices, values of the first input, and failures of a whole reading."""
    reads = list(Reader(SUBJECT, loader, **options))
    indices = np.concatenate([read.indices for read in reads])
    values = [read.value[0].flatten() for read in reads if len(read.indices)]
    failures = [failure for read in reads for failure in read.failures]
    return indices.tolist(), torch.cat(values).tolist() if values else [], failures


def sums(batch, indices):
    """Work in a worker: what it makes of a batch, and where."""
    return float(batch[0].sum()), indices.tolist(), get_worker_info() is not None


def contents(batch, indices, told):
    return told


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("data", [Numbers, Together])
def test_each_sample_comes_once_in_ascending_order(data, workers):
    """A shuffled loader that drops its last batch is read whole, in the order of the data set."""
    loader = DataLoader(data(), batch_size=4, shuffle=True, drop_last=True, num_workers=workers)
    reader = Reader(SUBJECT, loader)
    assert reader.total == 23
    reads = list(reader)
    assert [len(read.indices) for read in reads] == [4] * 5 + [3]
    assert np.concatenate([read.indices for read in reads]).tolist() == list(range(23))
    for read in reads:
        assert read.value[1].tolist() == (read.indices**2).tolist()
    assert not active_children()


def test_nothing_of_the_users_changes():
    """Loader, data set, generators and random states are what they were, bit for bit, and so is what comes next."""

    def run(read):
        torch.manual_seed(1)
        random.seed(1)
        np.random.seed(1)
        generator = torch.Generator().manual_seed(3)
        data = Numbers()
        loader = DataLoader(data, batch_size=4, shuffle=True, generator=generator)
        iterator = iter(loader)
        seen = [next(iterator)[0]]
        if read:
            list(Reader(SUBJECT, loader))
            list(fetch(SUBJECT, loader, [3, 4]))
        seen += [batch[0] for batch in iterator] + [batch[0] for batch in loader]
        states = generator.get_state(), torch.get_rng_state(), torch.from_numpy(np.random.get_state()[1].copy())
        return torch.cat(seen), torch.cat([state.long() for state in states]), random.getstate(), data.reads, data.rng

    bare, watched = run(read=False), run(read=True)
    assert torch.equal(bare[0], watched[0])
    assert torch.equal(bare[1], watched[1])
    assert bare[2:4] == watched[2:4]
    assert bare[4].bit_generator.state == watched[4].bit_generator.state


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("data", [Numbers, Together])
def test_samples_that_raise_are_failures_with_their_line(data, workers):
    """The others of their group still come, collated by the user's function, which is not told of the bad ones."""
    indices, values, failures = all_of(DataLoader(data(bad=(0, 5, 6, 22)), batch_size=4, num_workers=workers))
    assert indices == [index for index in range(23) if index not in (0, 5, 6, 22)]
    assert values == [float(index) for index in indices]
    assert [failure.index for failure in failures] == [0, 5, 6, 22]
    assert failures[1].error.startswith("OSError: cannot identify image file 5 (")
    assert "test_reading.py:" in failures[1].error


@pytest.mark.parametrize("workers", [0, 2])
def test_workers_that_die_are_survived(workers):
    """Only the samples that kill are failures, also when several follow each other; no process is left."""
    indices, values, failures = all_of(DataLoader(Numbers(deadly=(2, 3, 13)), batch_size=4, num_workers=workers))
    assert sorted(indices) == [index for index in range(23) if index not in (2, 3, 13)]
    assert sorted(values) == [float(index) for index in sorted(indices)]
    assert [failure.index for failure in failures] == [2, 3, 13]
    assert "died" in failures[0].error
    assert not active_children()


@pytest.mark.parametrize("workers", [0, 2])
def test_a_death_is_survived_whenever_it_is_told(workers):
    """However the signal of a death falls, run after run the same samples are failures and all others come."""
    loader = DataLoader(Numbers(16, deadly=(5, 6, 12)), batch_size=4, num_workers=workers)
    for _ in range(3):
        indices, _, failures = all_of(loader)
        assert sorted(indices) == [index for index in range(16) if index not in (5, 6, 12)]
        assert [failure.index for failure in failures] == [5, 6, 12]


@pytest.mark.parametrize("raised", [ConnectionResetError, EOFError, FileNotFoundError])
def test_what_a_dead_worker_took_along_is_a_death(raised):
    """Where contents cannot be fetched from a worker that has gone, only the sample that they are of is lost."""
    loader = DataLoader(Gone(raised), batch_size=3, collate_fn=list)
    reads = list(Reader(SUBJECT, loader))
    assert sorted(np.concatenate([read.indices for read in reads]).tolist()) == [0, 1, 2, 3, 5, 6]
    assert [failure.index for read in reads for failure in read.failures] == [4]


def test_a_death_is_not_told_between_the_reads():
    """A worker that is killed while the reader's user is at work interrupts nothing there."""
    with closing(Reader(SUBJECT, DataLoader(Numbers(40), batch_size=4))) as reader:
        first = next(reader)
        for process in active_children():
            process.kill()
            wait([process.sentinel])
        rest = list(reader)
    assert np.concatenate([first.indices, *(read.indices for read in rest)]).tolist() == list(range(40))


def test_samples_of_different_shapes_come_one_by_one():
    """Where the user's collation refuses a group, each sample is a batch of its own."""
    reads = list(Reader(SUBJECT, DataLoader(Ragged(7), batch_size=3)))
    assert [read.indices.tolist() for read in reads] == [[index] for index in range(7)]
    assert [tuple(read.value[0].shape) for read in reads] == [(1, index % 3 + 1) for index in range(7)]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_stream_is_read_once_as_it_comes(workers):
    """Samples of an iterable data set are counted in the order of reading, bad ones too."""
    loader = DataLoader(Stream(11, bad=(4,)), batch_size=3, num_workers=workers)
    indices, values, failures = all_of(loader)
    wanted = [batch[1].tolist() for batch in DataLoader(Stream(11), batch_size=3, num_workers=workers)]
    order = [number for batch in wanted for number in batch]
    assert values == [float(number) for number in order if number != 4]
    assert [failure.index for failure in failures] == [order.index(4)]
    assert failures[0].error.startswith("ValueError: corrupt record 4")
    assert sorted([*indices, *(failure.index for failure in failures)]) == list(range(11))


@pytest.mark.parametrize("as_tensors", [False, True])
@pytest.mark.parametrize("workers", [0, 2])
def test_work_is_done_where_samples_are_read(workers, as_tensors):
    """What is yielded is what the work made, in a worker unless the rows are plain tensors."""
    rows = TensorDataset(torch.arange(10.0).unsqueeze(1), torch.arange(10))
    loader = DataLoader(rows if as_tensors else Numbers(10), batch_size=4, shuffle=True, num_workers=workers)
    found = [read.value for read in Reader(SUBJECT, loader, work=sums)]
    wanted = [(6.0, [0, 1, 2, 3]), (22.0, [4, 5, 6, 7]), (17.0, [8, 9])]
    assert found == [(total, indices, not as_tensors) for total, indices in wanted]


def test_a_tap_tells_what_the_transform_was_given():
    """The content before the transform reaches the work, also through a subset; the data set keeps its transform."""
    data = Shifted()
    own = data.transform
    loader = DataLoader(Subset(data, [4, 2]), batch_size=2)
    assert [read.value for read in Reader(SUBJECT, loader, work=contents, tap=float)] == [[4.0, 2.0]]
    assert data.transform is own
    loader = DataLoader(Numbers(2), batch_size=2)
    assert [read.value for read in Reader(SUBJECT, loader, work=contents, tap=float)] == [[None, None]]


def test_rows_of_tensors_are_put_together_as_the_loader_does():
    """Batches of plain tensors have the values, types and container of the loader's own, nested subsets included."""
    rows = TensorDataset(torch.randn(9, 2, 3), torch.arange(9, dtype=torch.int16))
    loader = DataLoader(Subset(Subset(rows, [8, 1, -2, 3]), [3, 0, 2]), batch_size=2)
    reads = list(Reader(SUBJECT, loader))
    for read, batch in zip(reads, loader, strict=True):
        assert type(read.value) is type(batch)
        for one, other in zip(read.value, batch, strict=True):
            assert one.dtype == other.dtype
            assert torch.equal(one, other)
    reads[0].value[0].zero_()
    assert rows.tensors[0][3].abs().sum() > 0


@pytest.mark.parametrize(
    ("loader", "wanted"),
    [
        (DataLoader(Numbers(9), sampler=WeightedRandomSampler([1, 0] * 4 + [1], 5), batch_size=2), [0, 2, 4, 6, 8]),
        (DataLoader(Numbers(9), sampler=[7, 3, 3, 1], batch_size=2), [1, 3, 7]),
        (DataLoader(Numbers(9), batch_sampler=[[5, 4], [0, 8]]), [0, 4, 5, 8]),
        (DataLoader(Numbers(9), batch_size=4), list(range(9))),
    ],
)
def test_what_the_sampler_draws_from_is_read(loader, wanted):
    """Each index that can come up is read once, however often and in which order the sampler gives it."""
    assert all_of(loader)[0] == wanted


def test_items_that_are_batches_keep_their_indices():
    """A data set that is asked for lists of indices is read in groups of them; one bad sample spares the others."""

    class Blocks(Numbers):
        def __getitem__(self, indices):
            samples = [Numbers.__getitem__(self, index) for index in indices]
            return torch.stack([x for x, _ in samples]), torch.stack([y for _, y in samples])

    sampler = BatchSampler(SequentialSampler(range(10)), 4, drop_last=False)
    indices, values, failures = all_of(DataLoader(Blocks(10, bad=(5,)), sampler=sampler, batch_size=None))
    assert indices == [0, 1, 2, 3, 4, 6, 7, 8, 9]
    assert values == [float(index) for index in indices]
    assert [failure.index for failure in failures] == [5]


def test_numbered_batches_are_counted():
    """Where an index stands for a whole batch, samples are counted in the order of reading."""

    class Batches(Dataset):
        def __len__(self):
            return 3

        def __getitem__(self, number):
            return torch.full((number + 1, 2), float(number)), torch.arange(number + 1)

    reads = list(Reader(SUBJECT, DataLoader(Batches(), batch_size=None, shuffle=True)))
    assert [read.indices.tolist() for read in reads] == [[0], [1, 2], [3, 4, 5]]


class Labelled(Numbers):
    """A row of features and a label that is a plain number."""

    def __getitem__(self, index):
        return torch.full((6,), float(index)), index % 2


@pytest.mark.parametrize(
    "data",
    [
        TensorDataset(torch.arange(20.0)[:, None].expand(20, 6), torch.arange(20) % 2),
        TensorDataset(torch.arange(20.0)[:, None].expand(20, 6), torch.arange(20)[:, None] % 2),
        Labelled(20),
    ],
)
def test_samples_that_come_one_by_one_are_counted_as_such(data):
    """Without a batch size each item of plain samples is one sample, as a batch of one; one that is a batch is not."""
    reads = list(Reader(SUBJECT, DataLoader(data, batch_size=None)))
    assert [read.indices.tolist() for read in reads] == [[index] for index in range(20)]
    assert [tuple(read.value[0].shape) for read in reads] == [(1, 6)] * 20
    assert [int(read.value[1].reshape(())) for read in reads] == [0, 1] * 10
    batches = TensorDataset(torch.rand(5, 8, 6), torch.arange(40).reshape(5, 8))
    reads = list(Reader(SUBJECT, DataLoader(batches, batch_size=None)))
    assert [len(read.indices) for read in reads] == [8] * 5


def test_keys_that_are_no_numbers_are_read():
    """A data set whose samples have names is read by them, and its samples are counted."""

    class Named(Dataset):
        rows = {"a": 1.0, "b": 2.0, "c": 3.0}  # noqa: RUF012 - read only

        def __getitem__(self, name):
            return torch.tensor([self.rows[name]]), 0

    assert all_of(DataLoader(Named(), sampler=["b", "x", "c"], batch_size=2))[:2] == ([0, 2], [2.0, 3.0])


def test_other_loaders_are_gone_through():
    """A list of batches is read in its order, and is not given away."""
    batches = [(torch.ones(2, 1), torch.zeros(2)), (torch.ones(3, 1), torch.zeros(3))]
    reads = list(Reader(SUBJECT, batches))
    assert [read.indices.tolist() for read in reads] == [[0, 1], [2, 3, 4]]
    reads[0].value[0].zero_()
    assert batches[0][0].sum() == 2


def test_a_loader_that_stops_half_way_keeps_what_it_gave():
    """What a home-made loader gave before it raised is there, and the failure comes last."""

    class HalfWay:
        def __iter__(self):
            yield torch.ones(2, 1), torch.zeros(2)
            raise RuntimeError("connection lost")

    indices, _, failures = all_of(HalfWay())
    assert indices == [0, 1]
    assert [failure.index for failure in failures] == [2]
    assert "connection lost" in failures[0].error


@pytest.mark.parametrize("workers", [0, 2])
def test_a_limit_draws_the_same_samples_every_time(workers):
    """Of more samples than wanted some are drawn at random, sorted, and the rest is counted but not read."""
    loader = DataLoader(Numbers(200), batch_size=8, num_workers=workers)
    reader = Reader(SUBJECT, loader, limit=20)
    assert (reader.total, reader.plan.population) == (20, 200)
    first = np.concatenate([read.indices for read in reader]).tolist()
    assert first == sorted(set(first))
    assert len(first) == 20
    assert first[-1] > 100
    assert all_of(loader, limit=20)[0] == first


def test_an_endless_stream_ends_at_the_limit():
    """A limit ends a stream that has no end of its own, after whole batches."""
    indices, _, _ = all_of(DataLoader(Stream(10**12), batch_size=4), limit=10)
    assert indices == list(range(12))
    assert not active_children()


@pytest.mark.parametrize(
    "loader",
    [DataLoader(Numbers(0)), DataLoader(Numbers(4), sampler=[]), DataLoader(Stream(0), batch_size=2), []],
    ids=["data set", "sampler", "stream", "list"],
)
def test_an_empty_loader_is_refused(loader):
    """There is one clear error for a loader with nothing to read."""
    with pytest.raises(LoaderError, match="empty"):
        list(Reader(SUBJECT, loader))


def test_what_cannot_be_read_undisturbed_is_refused():
    """A one-shot iterator and a senseless limit are refused at once."""
    with pytest.raises(UnreadableLoaderError, match="one-shot"):
        Reader(SUBJECT, iter([1]))
    with pytest.raises(InputError, match="limit"):
        Reader(SUBJECT, DataLoader(Numbers()), limit=0)


def test_closing_leaves_no_worker():
    """A reading that is given up half-way, or by an interrupt, ends its workers."""
    loader = DataLoader(Numbers(500), batch_size=2, num_workers=2)
    reader = Reader(SUBJECT, loader)
    next(reader)
    assert active_children()
    reader.close()
    assert not active_children()

    def interrupted():
        with closing(Reader(SUBJECT, loader)) as again:
            for _ in again:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not active_children()


def test_a_thread_of_its_own_may_read():
    """Reading works off the main thread, too."""
    found = []
    thread = threading.Thread(target=lambda: found.append(all_of(DataLoader(Numbers(6), batch_size=4))[0]))
    thread.start()
    thread.join()
    assert found == [list(range(6))]


def test_a_worker_finds_the_users_own_data_set():
    """The user's start function of workers is run, and sees the data set that it knows."""
    data = Numbers(4)
    data.offset = 0

    def begin(worker):
        get_worker_info().dataset.bad = (1,)

    assert all_of(DataLoader(data, batch_size=2, num_workers=1, worker_init_fn=begin))[0] == [0, 2, 3]
    assert data.bad == ()


def test_single_samples_are_fetched_again_in_the_order_asked_for():
    """Each is a batch of one, as the network gets it; one that raises is a failure."""
    reads = list(fetch(SUBJECT, DataLoader(Numbers(9, bad=(4,)), batch_size=4, shuffle=True), [7, 4, 0]))
    assert [read.indices.tolist() for read in reads] == [[7], [], [0]]
    assert reads[1].failures[0].index == 4
    assert reads[0].value[0].tolist() == [[7.0]]
    rows = DataLoader(TensorDataset(torch.arange(6.0).unsqueeze(1)), batch_size=4)
    assert [read.value[0].item() for read in fetch(SUBJECT, rows, np.array([5, 1]))] == [5.0, 1.0]


def test_samples_of_a_stream_are_fetched_by_going_through_it():
    """They come in the order of reading, cut from their batches, and reading ends at the last of them."""
    loader = DataLoader(Stream(10**12, bad=(2,)), batch_size=4)
    reads = list(fetch(SUBJECT, loader, [9, 2, 1]))
    assert [read.indices.tolist() for read in reads] == [[], [1], [9]]
    assert [read.value[0].tolist() for read in reads[1:]] == [[[1.0]], [[9.0]]]
    assert not active_children()


@pytest.mark.parametrize("workers", [0, 2])
def test_a_stream_of_batches_is_read_batch_by_batch(workers):
    """Each item of a stream without automatic batching is a batch, whatever length the stream tells."""

    class Batches(IterableDataset):
        def __len__(self):
            return 3

        def __iter__(self):
            info = get_worker_info()
            for number in range(info.id, 3, info.num_workers):
                yield torch.full((4, 3), float(number)), torch.arange(4)

    loader = DataLoader(Batches(), batch_size=None, num_workers=workers)
    reader = Reader(SUBJECT, loader)
    assert reader.total is None
    reads = list(reader)
    assert [read.indices.tolist() for read in reads] == np.arange(12).reshape(3, 4).tolist()
    assert sorted(float(read.value[0][0, 0]) for read in reads) == [0.0, 1.0, 2.0]
