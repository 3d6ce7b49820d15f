from __future__ import annotations

import random
import threading

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset

from nbinspect.errors import CaptureError, LoaderError
from nbinspect.journal.fingerprint import batch_facts, data_of
from tests.journal.programs import inspector


class Noisy(Dataset):
    """Adds noise from every kind of generator, its own and the global ones."""

    def __init__(self):
        self.own = np.random.default_rng(5)
        self.legacy = np.random.RandomState(5)
        self.python = random.Random(5)
        self.torch = torch.Generator().manual_seed(5)

    def __len__(self):
        return 16

    def __getitem__(self, index):
        draws = [self.own.normal(), self.legacy.normal(), self.python.random(), np.random.rand(), random.random()]
        return torch.tensor([index, *draws]), torch.rand(1, generator=self.torch) + torch.rand(1)


def states(loader):
    data = loader.dataset
    own = [data.own.bit_generator.state, data.legacy.get_state()[2], data.python.getstate(), data.torch.get_state()]
    own += [] if loader.generator is None else [loader.generator.get_state()]
    return repr([torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist(), *own])


@pytest.mark.parametrize("generator", [None, torch.Generator()], ids=["global", "own"])
def test_the_same_data_have_one_digest_however_far_training_has_come(generator):
    """A shuffled, augmented loader gives the same digest before and after an epoch, and under another seed."""
    loader = DataLoader(Noisy(), batch_size=4, shuffle=True, generator=generator)
    subject = inspector().subject.__class__(torch.nn.Linear(6, 1), loader)
    torch.manual_seed(1)
    before = data_of(subject)
    list(loader)
    torch.manual_seed(2)
    assert data_of(subject) == before
    assert before["tensors"] == ["batch[0] float32 (4, 6)", "batch[1] float32 (4, 1)"]


def test_reading_leaves_every_random_state():
    """Global generators and those of loader and data set are the same bytes afterwards, and so is the next batch."""
    loader = DataLoader(Noisy(), batch_size=4, shuffle=True, generator=torch.Generator().manual_seed(7))
    subject = inspector().subject.__class__(torch.nn.Linear(6, 1), loader)
    before = states(loader)
    data_of(subject)
    assert states(loader) == before


def test_other_data_have_another_digest():
    """Another value, order of samples, type, shape or batch size changes the digest, and an equal copy does not."""
    base = data_of(inspector().subject)["batch"]
    assert base == data_of(inspector().subject)["batch"]
    others = [data_of(inspector(offset=1e-3).subject)["batch"], data_of(inspector(size=4).subject)["batch"]]
    x = torch.arange(6.0).reshape(2, 3)
    batches = [x, x.flip(0), x.double(), x.reshape(3, 2), {"x": x}, x.t(), x.bfloat16(), x.to_sparse() * 2]
    assert len({base, *others, *(batch_facts(batch)["batch"] for batch in batches)}) == 11
    assert batch_facts(x.t())["batch"] == batch_facts(x.t().contiguous())["batch"]


def test_a_batch_that_cannot_be_read_has_words_alone():
    """A batch without tensors has no digest, and one without values has that of its form."""
    assert batch_facts(["a", "b"]) == {"batch": None, "tensors": []}
    meta = batch_facts(torch.empty(2, 3, device="meta"))
    assert meta["tensors"] == ["batch float32 (2, 3)"]


def test_training_in_another_thread_is_not_disturbed():
    """While another thread is at work on the model no batch is read, for it draws from the same generators."""
    subject = inspector().subject
    begun, over = threading.Event(), threading.Event()

    def train(model):
        begun.set()
        over.wait(30)

    thread = threading.Thread(target=train, args=(subject.model,))
    thread.start()
    try:
        begun.wait(30)
        with pytest.raises(CaptureError, match="in use in thread"):
            data_of(subject)
    finally:
        over.set()
        thread.join()
    assert data_of(subject)["batch"]


def test_a_loader_without_a_batch_says_so():
    """No loader is nothing, and one that raises or is empty is an error with its words."""
    kind = inspector().subject.__class__
    model = torch.nn.Linear(6, 1)
    assert data_of(kind(model)) is None
    for loader in (iter([1]), DataLoader(TensorDataset(torch.zeros(0, 6)))):
        with pytest.raises(LoaderError):
            data_of(kind(model, loader))
