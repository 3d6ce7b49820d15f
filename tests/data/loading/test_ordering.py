from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset, IterableDataset, default_collate

from nbinspect.data.loading.reading import Reader
from nbinspect.data.scanning.scan import Scan, scanned
from nbinspect.subject import Subject, make_subject

pytestmark = pytest.mark.slow


class Ragged(Dataset):
    """Series of different length whose first value is their index; the targets as well."""

    def __len__(self):
        return 14

    def __getitem__(self, index):
        return torch.cat([torch.tensor([float(index)]), torch.ones(1 + 5 * index % 7)]), index


class Stream(IterableDataset):
    def __iter__(self):
        return (Ragged()[index] for index in range(14))


def longest_first(samples):
    series, targets = zip(*sorted(samples, key=lambda sample: -len(sample[0])), strict=True)
    return pad_sequence(series, batch_first=True), torch.tensor(targets)


def backwards(samples):
    return default_collate([(series[:1], index) for series, index in samples[::-1]])


def in_order(samples):
    return default_collate([(series[:1], index) for series, index in samples])


def mixed(samples):
    series, targets = in_order(samples)
    return 0.7 * series + 0.3 * series.flip(0), targets


def read_all(loader):
    return [read for read in Reader(Subject(nn.Identity()), loader) if len(read.indices)]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("collate", [longest_first, backwards])
def test_samples_that_a_collation_moves_keep_their_indices(collate, workers):
    """Sorted by length or turned round, each row belongs to its index, and a note says how that was done."""
    reads = read_all(DataLoader(Ragged(), batch_size=4, collate_fn=collate, num_workers=workers))
    for read in reads:
        assert read.value[0][:, 0].tolist() == read.value[1].tolist() == read.indices.tolist()
    assert np.concatenate([read.indices for read in reads]).tolist() == list(range(14))
    assert any("order" in read.note for read in reads)


def test_a_stream_that_a_collation_moves_is_counted_in_its_order():
    """Samples of an iterable data set are counted as they came, not as they were sorted."""
    reads = read_all(DataLoader(Stream(), batch_size=4, collate_fn=longest_first))
    assert [read.value[1].item() for read in reads] == [read.indices.item() for read in reads] == list(range(14))


@pytest.mark.parametrize("collate", [in_order, mixed, None])
def test_collations_that_move_nothing_get_their_groups(collate):
    """Where the order stays, or contents are mixed so that it cannot be told, batches are collated whole."""
    data = Ragged() if collate else [(torch.tensor([float(index)]), index) for index in range(14)]
    reads = read_all(DataLoader(data, batch_size=4, collate_fn=collate))
    assert [len(read.indices) for read in reads] == [4, 4, 4, 2]
    assert not any(read.note for read in reads)


def test_a_collation_that_uses_up_its_samples_is_read():
    """Samples that are taken apart by their collation are there for it still."""

    def popped(samples):
        targets = torch.tensor([sample.pop("y") for sample in samples])
        return torch.stack([sample.pop("x") for sample in samples]).flip(0), targets.flip(0)

    class Named(Dataset):
        def __len__(self):
            return 6

        def __getitem__(self, index):
            return {"x": torch.tensor([float(index)]), "y": index}

    reads = read_all(DataLoader(Named(), batch_size=3, collate_fn=popped))
    assert [read.value[1].item() for read in reads] == [read.indices.item() for read in reads] == list(range(6))


def test_a_scan_says_that_samples_were_moved():
    """Labels stand at their samples, and the record has a note."""
    loader = DataLoader(Ragged(), batch_size=4, collate_fn=longest_first)
    record = scanned(Scan(make_subject(nn.Identity(), loader)), lambda _: None)
    label = record.column("label")
    assert [float(label.words[code]) for code in label.values] == record.columns[0].values.tolist()
    assert sum("changes the order" in note for note in record.notes) == 1
