from __future__ import annotations

import os
import random
from multiprocessing import active_children

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from nbinspect.data.loading.reading import Reader, fetch
from nbinspect.subject import Subject

pytestmark = pytest.mark.slow

SUBJECT = Subject(nn.Identity())


class AtHome(Dataset):
    """Samples that only the process can read that made the data set, as through a handle that it opened."""

    def __init__(self, handle=None):
        self.process = os.getpid()
        self.handle = handle
        self.reads = 0

    def __len__(self):
        return 7

    def __getitem__(self, index):
        if os.getpid() != self.process:
            raise OSError("the handle is of another process")
        self.reads += 1
        torch.rand(())
        random.random()
        return torch.tensor([float(index)]), index


def read_all(loader):
    reads = list(Reader(SUBJECT, loader))
    return [index for read in reads for index in read.indices.tolist()], [f for read in reads for f in read.failures]


def test_what_no_worker_can_read_is_read_in_this_process():
    """A loader without workers whose first samples all fail in one is read on a copy; nothing of the user's changes."""
    data = AtHome()
    loader = DataLoader(data, batch_size=3, shuffle=True)
    before = torch.get_rng_state(), random.getstate()
    assert read_all(loader) == (list(range(7)), [])
    assert [read.indices.tolist() for read in fetch(SUBJECT, loader, [5, 1])] == [[5], [1]]
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1] == random.getstate()
    assert data.reads == 0
    assert not active_children()


@pytest.mark.parametrize(("workers", "handle"), [(1, None), (0, (number for number in range(3)))])
def test_a_data_set_for_workers_or_that_cannot_be_copied_fails_as_it_does(workers, handle):
    """Where the user's own workers fail, or no copy can be made, each sample is a failure with its error."""
    indices, failures = read_all(DataLoader(AtHome(handle), batch_size=3, num_workers=workers))
    assert (indices, len(failures)) == ([], 7)
    assert "the handle is of another process" in failures[0].error
    assert not active_children()


def test_closing_a_reading_here_ends_it():
    """A reading in this process that is given up leaves the random states as they were."""
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    reader = Reader(SUBJECT, DataLoader(AtHome(), batch_size=3))
    next(reader)
    reader.close()
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])
