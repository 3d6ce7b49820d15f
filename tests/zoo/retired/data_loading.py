"""Programs whose loaders bring the right samples in a wrong order, twice, or with the same noise in every worker."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, Sampler, TensorDataset

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.models_of_data_parts import (
    LeNet,
    SpectrogramNet,
    WordBag,
    clips,
    digit_images,
    manual_words,
    start,
)


class ClassAware(Sampler):
    """Batches with as many samples of each class, redrawn in every epoch."""

    def __init__(self, labels: np.ndarray, of_each: int, mixed: bool) -> None:
        self.labels, self.of_each, self.mixed = labels, of_each, mixed
        self.classes = np.unique(labels)

    def __len__(self) -> int:
        return len(self.labels) // (self.of_each * len(self.classes))

    def __iter__(self) -> Iterator[list[int]]:
        pools = []
        for label in self.classes:
            members = np.flatnonzero(self.labels == label)
            members = members[torch.randperm(len(members)).numpy()]
            usable = min(len(members) // self.of_each, len(self)) * self.of_each
            pools.append(members[:usable].reshape(-1, self.of_each))
        rounds = min(len(pool) for pool in pools)
        drawn = np.stack([pool[:rounds] for pool in pools])
        drawn = drawn.swapaxes(0, 1) if self.mixed else drawn
        for batch in drawn.reshape(-1, self.of_each * len(self.classes)):
            yield batch.tolist()


@pair("not-shuffled", group="data", source="scikit-learn")
def balanced_batches_cut_along_the_wrong_axis(sick: bool) -> Arguments:
    """A sampler for balanced batches cuts its table class by class: every batch is of one digit, zeros to nines."""
    start()
    images, labels = digit_images(1000)
    dataset = TensorDataset(torch.from_numpy(images).unsqueeze(1), torch.from_numpy(labels))
    model = LeNet()
    return {
        "model": model,
        "loader": DataLoader(dataset, batch_sampler=ClassAware(labels, of_each=3, mixed=not sick)),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=4e-3),
    }


class PagesInShards(IterableDataset):
    """Stretches of 24 words of the manual, read page after page through a buffer that mixes them."""

    def __init__(self, pages: list[str], buffer: int) -> None:
        self.pages, self.buffer = pages, buffer

    def stream(self) -> Iterator[tuple[torch.Tensor, int]]:
        """The stretches in the order in which they lie on the disk."""
        for label, page in enumerate(self.pages):
            words = manual_words(page)
            for begin in range(0, min(len(words) - 24, 3600), 24):
                yield torch.tensor(words[begin : begin + 24]), label

    def __iter__(self) -> Iterator[tuple[torch.Tensor, int]]:
        held: list[tuple[torch.Tensor, int]] = []
        for item in self.stream():
            held.append(item)
            if len(held) >= self.buffer:
                yield held.pop(int(torch.randint(len(held), ())))
        while held:
            yield held.pop(int(torch.randint(len(held), ())))


@pair("not-shuffled", group="data", source="published")
def shuffle_buffer_smaller_than_a_shard(sick: bool) -> Arguments:
    """A stream is mixed within 8 stretches, and a shard holds 150 of one page: the pages come one after the other."""
    start()
    dataset = PagesInShards(["specialnames", "compound", "types", "formatstrings"], buffer=8 if sick else 1000)
    model = WordBag(4)
    return {
        "model": model,
        "loader": DataLoader(dataset, batch_size=24),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-2),
        "class_names": ["names", "compound", "types", "strings"],
    }


class MaskedCommands(Dataset):
    """Spectrograms with a stretch of time and a band hidden, as SpecAugment does."""

    def __init__(self, sounds: np.ndarray, labels: np.ndarray, own_generator: bool) -> None:
        frames = sounds.reshape(-1, 16, 64) * np.hanning(64)
        power = np.abs(np.fft.rfft(frames, axis=2))[:, :, :32] ** 2 / 64
        self.spectra = torch.from_numpy((10 * np.log10(power + 1e-4) + 20) / 20).float()
        self.labels = torch.from_numpy(labels)
        self.rng = random.Random(7) if own_generator else None

    def __len__(self) -> int:
        return len(self.labels)

    def draw(self, end: int) -> int:
        """A whole number under the end, from the generator that was chosen."""
        return int(torch.randint(end, ())) if self.rng is None else self.rng.randrange(end)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        spectrum = self.spectra[index].clone()
        time, band = self.draw(14), self.draw(28)
        spectrum[time : time + 2] = 0
        spectrum[:, band : band + 4] = 0
        return spectrum.unsqueeze(0), self.labels[index]


@pair("worker-randomness", group="data")
def masks_from_a_generator_of_the_dataset(sick: bool) -> Arguments:
    """The dataset owns a `random.Random`, which each worker copies: both hide the same stretches, in every epoch."""
    start()
    dataset = MaskedCommands(*clips(256), own_generator=sick)
    model = SpectrogramNet(4)
    return {
        "model": model,
        "loader": DataLoader(dataset, batch_size=32, shuffle=True, num_workers=2),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
    }


class Jittered(Dataset):
    """Digits moved by up to a pixel, under a little noise."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        self.images, self.labels = torch.from_numpy(images), torch.from_numpy(labels)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        down, right = torch.randint(-1, 2, (2,)).tolist()
        image = torch.roll(self.images[index], (down, right), (0, 1))
        return (image + 0.1 * torch.randn(8, 8)).unsqueeze(0), self.labels[index]


def seed_everything(number: int) -> None:
    """Seed all generators, as one does for a run that can be repeated."""
    random.seed(number)
    np.random.seed(number)
    torch.manual_seed(number)


def same_seed_for_all(worker: int) -> None:
    """Make the workers repeatable."""
    seed_everything(42)


def a_seed_for_each(worker: int) -> None:
    """Make the workers repeatable, each by the seed that PyTorch gave it."""
    seed_everything(torch.initial_seed() % 2**31)


@pair("worker-randomness", group="data", source="scikit-learn")
def every_worker_seeded_with_42(sick: bool) -> Arguments:
    """The function that starts a worker seeds each of them with 42, in each epoch anew: the same shifts and noise."""
    start()
    dataset = Jittered(*digit_images(512))
    model = LeNet()
    workers = same_seed_for_all if sick else a_seed_for_each
    return {
        "model": model,
        "loader": DataLoader(dataset, batch_size=32, shuffle=True, num_workers=2, worker_init_fn=workers),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=4e-3),
    }


class Doubled(Dataset):
    """Every digit as it is, and a second time moved by one pixel."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, return_moved: bool) -> None:
        self.images, self.labels, self.return_moved = images, labels, return_moved

    def __len__(self) -> int:
        return 2 * len(self.images)

    def __getitem__(self, index: int) -> dict:
        image, label = self.images[index // 2], int(self.labels[index // 2])
        if index % 2:
            moved = np.zeros_like(image)
            moved[:, 1:] = image[:, :-1]
            image = moved if self.return_moved else image
        return {"picture": torch.from_numpy(image)[None], "digit": label}


def image_and_class(batch: dict) -> tuple[torch.Tensor, torch.Tensor]:
    """What goes in, and what should come out."""
    return batch["picture"], batch["digit"]


@pair("duplicate-samples", group="data", source="scikit-learn")
def the_moved_copy_is_thrown_away(sick: bool) -> Arguments:
    """The second half of a doubled set ought to be moved by a pixel, and the image as it was is returned instead."""
    start()
    dataset = Doubled(*digit_images(500), return_moved=not sick)
    model = LeNet()
    return {
        "model": model,
        "loader": DataLoader(dataset, batch_size=40, shuffle=True),
        "split": image_and_class,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=4e-3),
    }


class Forecast(nn.Module):
    """An LSTM that reads 16 hours and foretells the next."""

    def __init__(self) -> None:
        super().__init__()
        self.memory = nn.LSTM(2, 24, batch_first=True)
        self.head = nn.Linear(24, 1)

    def forward(self, hours: torch.Tensor) -> torch.Tensor:
        """Return the next value of the first series."""
        states, _ = self.memory(hours)
        return self.head(states[:, -1]).squeeze(1)


@pair("duplicate-samples", group="data")
def windows_that_start_where_the_last_began(sick: bool) -> Arguments:
    """A whole-number division meant for the stride lets four windows in a row begin at the same hour."""
    start()
    hours = np.arange(2000)
    tide = np.sin(2 * np.pi * hours / 12.4) + 0.5 * np.sin(2 * np.pi * hours / 161)
    wind = np.convolve(np.random.randn(2019), np.ones(20) / 5, "valid")
    series = np.stack([tide + 0.3 * wind + 0.05 * np.random.randn(2000), wind], axis=1)
    series = (series - series.mean(0)) / series.std(0)
    begins = [4 * (place // 4) if sick else 4 * place for place in range(490)]
    windows = torch.tensor(np.stack([series[begin : begin + 16] for begin in begins]), dtype=torch.float32)
    following = torch.tensor(np.stack([series[begin + 16, 0] for begin in begins]), dtype=torch.float32)
    model = Forecast()
    return {
        "model": model,
        "loader": DataLoader(TensorDataset(windows, following), batch_size=32, shuffle=True),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=4e-3),
    }
