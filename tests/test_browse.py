from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from nbinspect.browse import BatchBrowser, Held, headed_by, held_with
from nbinspect.errors import LoaderError
from nbinspect.subject import make_subject

pytestmark = pytest.mark.slow

X = torch.arange(20.0).reshape(20, 1)
Y = torch.arange(20) % 3


class Stream(IterableDataset):
    def __iter__(self):
        yield from zip(X, Y, strict=True)


def subject(loader=None, **options):
    loader = DataLoader(TensorDataset(X, Y), batch_size=4) if loader is None else loader
    return make_subject(nn.Linear(1, 3), loader, nn.CrossEntropyLoss(), **options)


@pytest.mark.parametrize(
    ("index", "others", "expected"),
    [(7, (1, 2, 3), [7, 1, 2]), (2, (1, 2, 3), [2, 1, 3]), (7, (), [7]), (5, (5,), [5])],
)
def test_a_sample_goes_to_the_head_of_as_many(index, others, expected):
    """The number of samples stays, the sample is first and stands there once."""
    assert headed_by(index, others) == expected


def test_a_batch_is_fetched_around_a_sample():
    """With no batch beside it the loader's first gives the rest; of another split it gives nothing."""
    own = subject(val_loader=DataLoader(TensorDataset(-X, Y), batch_size=3))
    held = held_with(own, "train", 9)
    assert held.indices == (9, 0, 1, 2)
    assert held.batch[0].flatten().tolist() == [9, 0, 1, 2]
    other = held_with(own, "validation", 9, held)
    assert other.indices == (9, 0, 1)
    assert other.batch[0].flatten().tolist() == [-9, 0, -1]
    with pytest.raises(LoaderError, match="no validation loader"):
        held_with(subject(), "validation", 1)
    with pytest.raises(LoaderError, match="tells no indices"):
        held_with(subject(DataLoader(Stream(), batch_size=2)), "train", 1)


class Boxes(Dataset):
    """As many boxes as an index says."""

    def __len__(self):
        return 12

    def __getitem__(self, index):
        count = index % 3 + 1
        return torch.full((1, 4, 4), float(index)), {"boxes": torch.rand(count, 4), "labels": torch.ones(count)}


@pytest.mark.parametrize(
    "collate",
    [
        lambda samples: tuple(zip(*samples, strict=True)),
        lambda samples: (torch.stack([x for x, _ in samples]), [target for _, target in samples]),
        lambda samples: [[x for x, _ in samples], [target for _, target in samples]],
        lambda samples: {"x": [x for x, _ in samples], "t": [target for _, target in samples]},
    ],
)
def test_samples_in_lists_are_counted(collate):
    """A batch of lists, as of boxes, is fetched around a sample, and one that came back smaller is still refused."""
    held = held_with(subject(DataLoader(Boxes(), batch_size=4, collate_fn=collate)), "train", 9)
    assert held.indices == (9, 0, 1, 2)
    images = held.batch["x"] if isinstance(held.batch, dict) else held.batch[0]
    assert [float(image.mean()) for image in images] == [9, 0, 1, 2]
    fewer = DataLoader(Boxes(), batch_size=4, collate_fn=lambda samples: collate(samples[1:]))
    with pytest.raises(LoaderError, match="4 samples were asked for, and 3 came"):
        held_with(subject(fewer), "train", 9)


def test_batches_are_the_same_bit_for_bit_or_not():
    """NaN equals itself, −0 is not 0, and other samples or dtypes are never the same."""
    odd = torch.tensor([float("nan"), 0.0])
    held = Held((odd, torch.tensor(3)), "train", (1, 2))
    assert held.is_same(Held((odd.clone(), torch.tensor(3)), "train", (1, 2)))
    assert not held.is_same(Held((torch.tensor([float("nan"), -0.0]), torch.tensor(3)), "train", (1, 2)))
    assert not held.is_same(Held((odd.double(), torch.tensor(3)), "train", (1, 2)))
    assert not held.is_same(Held((odd, torch.tensor(3)), "train", (2, 1)))
    assert not held.is_same(Held((odd, torch.tensor(3)), "validation", (1, 2)))
    assert not held.is_same(Held((odd,), "train", (1, 2)))
    assert not held.is_same(None)


def test_fetched_and_taken_batches_can_be_fetched_again():
    """What was fetched by index, or taken from another view, is what `again` repeats, and `next` goes on regardless."""
    browser = BatchBrowser(subject())
    browser.next()
    assert browser.fetch("train", [5, 19]).batch.indices == (5, 19)
    assert browser.again().batch.indices == (5, 19)
    taken = browser.take(held_with(browser.subject, "train", 11))
    assert taken.batch.indices == (11, 0, 1, 2)
    assert browser.again().batch.indices == (11, 0, 1, 2)
    assert browser.next().batch.indices == (4, 5, 6, 7)
    assert browser.holding is not None
    assert browser.holding.indices == (4, 5, 6, 7)


def test_a_failed_fetch_leaves_what_is_shown():
    """An index beyond the data, or a split that there is not, changes neither batch nor split."""
    browser = BatchBrowser(subject())
    shown = browser.next()
    for split, indices in (("train", [99]), ("validation", [1])):
        with pytest.raises(LoaderError):
            browser.fetch(split, indices)
        assert browser.shown is shown
        assert browser.split == "train"
