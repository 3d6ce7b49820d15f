from __future__ import annotations

import os
import random
import signal
from multiprocessing import active_children

import numpy as np
import pytest
import torch
from torch.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    Sampler,
    Subset,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
    get_worker_info,
)

from nbinspect.capture.loader import BatchSource
from nbinspect.errors import InputError, LoaderError, UnreadableLoaderError


class Augmented(Dataset):
    """Ten samples with noise from a generator that the data set owns, and a count of the reads."""

    def __init__(self):
        self.rng = np.random.default_rng(0)
        self.reads = 0

    def __len__(self):
        return 10

    def __getitem__(self, index):
        self.reads += 1
        return torch.tensor([float(index), self.rng.normal(), torch.rand(()).item(), random.random()]), index


class Stream(IterableDataset):
    def __init__(self, length=7):
        self.length = length
        self.position = 0

    def __iter__(self):
        while self.position < self.length:
            self.position += 1
            yield torch.tensor([float(self.position)])


class Endless(IterableDataset):
    def __iter__(self):
        number = 0
        while True:
            yield torch.tensor([number])
            number += 1


class Broken(Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        raise ValueError(f"corrupt file {index}")


class Reiterable:
    """A home-made loader with random numbers of its own, which every pass advances."""

    def __init__(self):
        self.rng = np.random.default_rng(3)
        self.passes = 0

    def __iter__(self):
        self.passes += 1
        for _ in range(3):
            yield torch.from_numpy(self.rng.normal(size=(2, 3)))


def first_indices(loader):
    return next(iter(loader))[1].tolist()


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("persistent", [False, True])
def test_a_users_own_iterator_goes_on_as_if_nothing_had_been_read(workers, persistent):
    """A half-used iterator brings the same samples with the same augmentation, peeked at or not."""
    if persistent and not workers:
        pytest.skip("persistent workers need workers")

    def run(peek):
        torch.manual_seed(0)
        random.seed(0)
        data = Augmented()
        loader = DataLoader(data, batch_size=2, shuffle=True, num_workers=workers, persistent_workers=persistent)
        iterator = iter(loader)
        seen = [next(iterator)[0]]
        if peek:
            source = BatchSource(loader)
            source.next()
            source.next()
            source.again()
            source.close()
        seen += [batch[0] for batch in iterator]
        seen += [batch[0] for batch in loader]
        return torch.cat(seen), data.reads, torch.rand(3), random.random()

    bare, watched = run(peek=False), run(peek=True)
    assert torch.equal(bare[0], watched[0])
    assert bare[1] == watched[1]
    assert torch.equal(bare[2], watched[2])
    assert bare[3] == watched[3]


@pytest.mark.parametrize("own_generator", [False, True])
def test_the_first_batch_holds_the_samples_of_the_next_epoch(own_generator):
    """The batch that is shown before training holds the very samples that the first training batch will hold."""
    torch.manual_seed(5)
    generator = torch.Generator().manual_seed(11) if own_generator else None
    loader = DataLoader(Augmented(), batch_size=4, shuffle=True, generator=generator)
    fetched = BatchSource(loader).next()
    assert fetched.batch[1].tolist() == first_indices(loader)
    assert list(fetched.indices) == fetched.batch[1].tolist()


def test_a_weighted_sampler_and_its_generator_are_left_alone():
    """A sampler with a generator of its own is copied: the user's draws the same indices afterwards."""

    def run(peek):
        generator = torch.Generator().manual_seed(2)
        sampler = WeightedRandomSampler([1.0] * 10, 10, generator=generator)
        loader = DataLoader(Augmented(), batch_size=3, sampler=sampler, generator=generator)
        if peek:
            BatchSource(loader).next()
        return [batch[1].tolist() for batch in loader]

    assert run(peek=True) == run(peek=False)


def test_the_same_samples_can_be_fetched_with_another_augmentation():
    """Fetching again brings the same indices in the same order, and different random numbers."""
    source = BatchSource(DataLoader(Augmented(), batch_size=4, shuffle=True))
    source.next()
    first = source.next()
    again = source.again()
    assert again.indices == first.indices
    assert again.batch[1].tolist() == first.batch[1].tolist()
    assert torch.equal(again.batch[0][:, 0], first.batch[0][:, 0])
    assert not torch.equal(again.batch[0][:, 2], first.batch[0][:, 2])
    assert not torch.equal(source.again().batch[0][:, 2], again.batch[0][:, 2])


def test_the_next_batches_run_through_the_epoch_and_start_again():
    """Successive batches cover the data set once, and then a new pass begins."""
    source = BatchSource(DataLoader(Augmented(), batch_size=4))
    seen = [list(source.next().indices) for _ in range(4)]
    assert seen == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9], [0, 1, 2, 3]]


def test_a_stream_is_read_in_a_process_of_its_own():
    """Peeking at an IterableDataset that counts its position leaves the user's position where it was."""
    data = Stream()
    loader = DataLoader(data, batch_size=2)
    source = BatchSource(loader)
    assert source.next().batch.flatten().tolist() == [1.0, 2.0]
    assert not source.can_repeat
    assert data.position == 0
    assert torch.cat(list(loader)).flatten().tolist() == [1, 2, 3, 4, 5, 6, 7]


def test_an_endless_stream_gives_a_batch_and_ends():
    """A loader without end gives its batch, and closing the source stops its worker."""
    source = BatchSource(DataLoader(Endless(), batch_size=3))
    assert source.next().batch.flatten().tolist() == [0, 1, 2]
    source.close()


def test_batches_without_automatic_collation_are_read():
    """A DataLoader with batch_size=None, whose data set makes whole batches, is read like any other."""
    data = TensorDataset(torch.arange(12).reshape(3, 4))
    source = BatchSource(DataLoader(data, batch_size=None))
    assert source.next().batch[0].tolist() == [0, 1, 2, 3]
    assert source.again().batch[0].tolist() == [0, 1, 2, 3]


class Told(TensorDataset):
    """Says of each row whether a worker read it."""

    def __getitem__(self, index):
        return (*super().__getitem__(index), get_worker_info() is not None)


ROWS = torch.arange(12.0).reshape(6, 2), torch.arange(6)


@pytest.mark.parametrize("dataset", [TensorDataset(*ROWS), Subset(TensorDataset(*ROWS), [5, 4, 3, 2, 1, 0])])
def test_plain_rows_are_read_here_and_as_the_users_own_loader_gives_them(dataset):
    """Rows of tensors need no worker; they come in the loader's own order, as tensors that a network may write to."""
    others = active_children()
    loader = DataLoader(dataset, batch_size=2, shuffle=True, generator=torch.Generator().manual_seed(3))
    source = BatchSource(loader)
    shown = [source.next().batch for _ in range(3)]
    again = source.again().batch
    assert set(active_children()) <= set(others)
    for x, _ in (*shown, again):
        x.add_(100)
    assert torch.equal(ROWS[0], torch.arange(12.0).reshape(6, 2))
    for (x, y), (own, labels) in zip(shown, loader, strict=True):
        assert torch.equal(x, own + 100)
        assert torch.equal(y, labels)
    assert torch.equal(again[0], shown[-1][0])


def double(_):
    get_worker_info().dataset.tensors[0].mul_(2)


class Drawn:
    """Batches of indices that are drawn when they are asked for."""

    def __iter__(self):
        for _ in range(3):
            yield random.sample(range(6), 2)


def test_what_code_of_the_users_reads_is_read_in_a_worker():
    """A collate function, a subclass of TensorDataset and a function for workers run where nothing of theirs stays."""
    rows, seen = TensorDataset(*ROWS), []
    for loader, expected in (
        (DataLoader(rows, batch_size=2, collate_fn=lambda samples: seen.append(samples) or samples[1]), [2.0, 3.0]),
        (DataLoader(Told(*ROWS), batch_size=2, collate_fn=default_collate), [True, True]),
        (DataLoader(rows, batch_size=2, num_workers=2, worker_init_fn=double), [4.0, 6.0]),
    ):
        source = BatchSource(loader)
        x, _, *told = source.next().batch
        source.close()
        assert (told[0] if told else x.view(-1, 2)[-1]).tolist() == expected
    assert seen == []
    assert torch.equal(ROWS[0], torch.arange(12.0).reshape(6, 2))


def test_batches_that_are_drawn_as_they_come_are_the_next_ones():
    """A batch sampler that draws from the global generator gives the second batch, not the first once more."""
    loader = DataLoader(TensorDataset(*ROWS), batch_sampler=Drawn())
    random.seed(4)
    source = BatchSource(loader)
    shown = [source.next().indices for _ in range(2)]
    source.close()
    assert [list(indices) for indices in shown] == [labels.tolist() for _, labels in loader][:2]


def test_a_sampler_that_draws_as_it_goes_is_followed():
    """Batches whose indices are drawn from the global generator one at a time differ, and are the epoch's own."""

    class Drawing:
        def __iter__(self):
            for _ in range(6):
                yield torch.randint(100, (2,)).tolist()

        def __len__(self):
            return 6

    loader = DataLoader(TensorDataset(torch.arange(100)), batch_sampler=Drawing())
    torch.manual_seed(3)
    source = BatchSource(loader)
    found = [source.next().batch[0].tolist() for _ in range(6)]
    assert found == [batch[0].tolist() for batch in loader]


def test_a_list_of_batches_is_not_given_away():
    """Batches of a plain list are handed over as copies, so that a network working in place cannot change them."""
    batch = torch.zeros(2, 2)
    BatchSource([batch]).next().batch.add_(1)
    assert batch.sum() == 0


def test_a_home_made_loader_is_read_as_a_copy():
    """A re-iterable object of the user's own is copied: neither its counters nor its random numbers move."""
    loader = Reiterable()
    shown = BatchSource(loader).next().batch
    assert loader.passes == 0
    assert torch.equal(shown, next(iter(loader)))


class OpenFile(IterableDataset):
    def __init__(self, path):
        self.lines = path.open()

    def __iter__(self):
        return iter(self.lines)


class HoldsAFile:
    def __init__(self, path):
        self.lines = path.open()

    def __iter__(self):
        return iter([torch.zeros(2)])


UNREADABLE = [
    (lambda path: (batch for batch in [torch.zeros(2)]), "one-shot iterator"),
    (lambda path: iter([torch.zeros(2)]), "one-shot iterator"),
    (lambda path: DataLoader(OpenFile(path)), "open file"),
    (HoldsAFile, "cannot be copied"),
]


@pytest.mark.parametrize(("make", "message"), UNREADABLE)
def test_loaders_that_a_peek_would_disturb_are_refused_with_the_reason(make, message, tmp_path):
    """A loader that cannot be read twice is refused with the reason, and nothing is taken from it."""
    path = tmp_path / "lines.txt"
    path.write_text("one\ntwo\n")
    loader = make(path)
    try:
        with pytest.raises(UnreadableLoaderError, match=message):
            BatchSource(loader).next()
        if hasattr(loader, "__next__"):
            assert next(loader).shape == (2,)
    finally:
        lines = getattr(getattr(loader, "dataset", loader), "lines", None)
        if lines is not None:
            assert lines.readline() == "one\n"
            lines.close()


@pytest.mark.parametrize("loader", [[], DataLoader(TensorDataset(torch.zeros(2, 1)), batch_size=4, drop_last=True)])
def test_an_empty_loader_is_named(loader):
    """A loader without a single batch gets an error that says so."""
    with pytest.raises(LoaderError, match="gave no batch"):
        BatchSource(loader).next()


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_in_the_data_set_names_its_line_and_leaves_the_source_usable(workers):
    """An exception of the data set is reported with its message and the line that raised it, each time."""
    source = BatchSource(DataLoader(Broken(), batch_size=2, num_workers=workers))
    for _ in range(2):
        with pytest.raises(LoaderError, match=r"test_loader.py:\d+: ValueError: corrupt file 0"):
            source.next()


class BrokenSamples(Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, index):
        raise ValueError("no sample")


@pytest.mark.parametrize(("workers", "where"), [(0, "raised at"), (1, "raised in its worker at")])
def test_a_worker_is_named_only_where_the_user_has_one(workers, where):
    """What a sample raises is told with its line, and of a worker only where the loader has workers of its own."""
    loader = DataLoader(BrokenSamples(), batch_size=2, num_workers=workers)
    source = BatchSource(loader)
    told = rf"^the loader {where} .*test_loader.py:\d+: ValueError: no sample"
    with pytest.raises(LoaderError, match=told):
        source.next()
    with pytest.raises(LoaderError, match=told):
        source.fetch([3])


class BrokenOrder(Sampler):
    def __iter__(self):
        raise ValueError("no order")


class BrokenLoader:
    def __iter__(self):
        raise ValueError("no order")


@pytest.mark.parametrize("loader", [BrokenLoader(), DataLoader(Augmented(), sampler=BrokenOrder())])
def test_a_pass_that_cannot_be_begun_is_an_error_of_the_loader(loader):
    """An exception of the loader's or the sampler's own `iter` names its line too, each time."""
    source = BatchSource(loader)
    for _ in range(2):
        with pytest.raises(
            LoaderError, match=r"the loader raised .*test_loader.py:\d+: (ValueError: )?no order"
        ) as raised:
            source.next()
        assert isinstance(raised.value.__cause__, ValueError)


@pytest.mark.parametrize("workers", [0, 2])
def test_samples_are_fetched_by_their_index(workers):
    """Asked for by index, in any order, samples come collated as the loader does, and the pass goes on where it was."""
    loader = DataLoader(Augmented(), batch_size=4, shuffle=True, num_workers=workers)
    torch.manual_seed(5)
    source, other = BatchSource(loader), BatchSource(loader)
    first, same = source.next(), other.next()
    fetched = source.fetch([7, 2, 7])
    assert fetched.indices == (7, 2, 7)
    assert fetched.batch[1].tolist() == fetched.batch[0][:, 0].tolist() == [7, 2, 7]
    assert source.again().indices == (7, 2, 7)
    assert source.next().indices == other.next().indices
    assert first.indices == same.indices
    assert loader.dataset.reads == 0
    source.close()
    other.close()


def test_what_is_no_index_is_refused_before_anything_is_read():
    """Fractions, negative numbers and nothing at all are refused, and so is a loader that tells no indices."""
    data = TensorDataset(torch.arange(6.0))
    source = BatchSource(DataLoader(data, batch_size=2))
    for wrong in ([], [-1], [1.5], ["3"], 3, None):
        with pytest.raises(InputError, match="indices: expected whole numbers"):
            source.fetch(wrong)
    for loader in (DataLoader(Stream(), batch_size=2), DataLoader(data, batch_size=None), [torch.zeros(2)]):
        with pytest.raises(LoaderError, match="tells no indices"):
            BatchSource(loader).fetch([1])
    with pytest.raises(LoaderError, match="IndexError"):
        source.fetch([1_000])


def test_a_fetch_that_fails_leaves_no_worker():
    """Where samples cannot be read, no worker process waits on, also while the error is held."""
    before = set(active_children())
    source = BatchSource(DataLoader(Broken(), 2))
    with pytest.raises(LoaderError, match="corrupt file 1") as held:
        source.fetch([1])
    assert held.value.__traceback__ is not None
    assert set(active_children()) <= before


class BeginsAnew:
    """An iterator over batches that shuffles at its end and begins anew, as older scripts have them."""

    def __init__(self):
        self.rows, self.at = [1.0, 2.0, 3.0, 4.0], 0

    def __iter__(self):
        return self

    def __len__(self):
        return 2

    def __next__(self):
        if self.at == len(self):
            random.shuffle(self.rows)
            self.at = 0
            raise StopIteration
        self.at += 1
        return torch.tensor(self.rows[2 * self.at - 2 : 2 * self.at])


FORKED = {"pid": 0}
os.register_at_fork(after_in_parent=lambda: FORKED["pid"] == os.getpid() and os.kill(os.getpid(), signal.SIGINT))


def test_an_interrupt_while_a_worker_is_forked_is_not_lost(monkeypatch):
    """Python drops what is raised while it forks; an interrupt that comes then ends the reading and its worker."""
    source = BatchSource(DataLoader(Augmented(), batch_size=4))
    monkeypatch.setitem(FORKED, "pid", os.getpid())
    with pytest.raises(KeyboardInterrupt):
        source.next()
    monkeypatch.setitem(FORKED, "pid", 0)
    assert active_children() == []
    assert source.next().indices == (0, 1, 2, 3)
    source.close()


def test_an_iterator_that_begins_anew_is_read_as_a_copy():
    """Its position, its rows and the random state are left alone, also over the end of a pass."""
    loader, state = BeginsAnew(), random.getstate()
    next(loader)
    source = BatchSource(loader)
    fetched = [source.next() for _ in range(3)]
    assert [one.batch.tolist() for one in fetched] == [[3.0, 4.0]] * 3
    assert [one.epoch for one in fetched] == [0, 1, 2]
    assert (loader.at, loader.rows) == (1, [1.0, 2.0, 3.0, 4.0])
    assert random.getstate() == state
