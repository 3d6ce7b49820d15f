"""Data sets of the look-alikes as users write them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset, Sampler


class Digits(Dataset):
    """Digits as a user's own data set, shifted at random by up to one pixel where asked."""

    def __init__(self, x: Tensor, y: Tensor, shift: bool = False, noise: float = 0.0) -> None:
        self.x, self.y, self.shift, self.noise = x, y, shift, noise

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = self.x[index]
        if self.shift:
            down, right = torch.randint(-1, 2, (2,)).tolist()
            image = torch.roll(image, (down, right), dims=(1, 2))
        if self.noise:
            image = image + self.noise * torch.randn_like(image)
        return image, int(self.y[index])


class Endless(IterableDataset):
    """A stream of photographs of digits under new noise, too long for anyone to read to its end."""

    def __init__(self, x: Tensor, y: Tensor, seed: int) -> None:
        self.x, self.y, self.seed = x, y, seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        generator = torch.Generator().manual_seed(self.seed)
        while True:
            index = int(torch.randint(len(self.x), (1,), generator=generator))
            yield self.x[index] + 0.1 * torch.randn(1, 8, 8, generator=generator), self.y[index]


class Pairs(Dataset):
    """Two digits and whether they are the same."""

    def __init__(self, x: Tensor, y: Tensor, count: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.items = []
        for index in range(count):
            left = int(rng.integers(len(x)))
            others = ((y == y[left]) if index % 2 else (y != y[left])).nonzero().flatten()
            right = int(others[rng.integers(len(others))])
            self.items.append((x[left], x[right], torch.tensor(float(index % 2))))

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        return self.items[index]


class Seasons(Dataset):
    """Windows of an hourly load with a daily and a weekly rhythm; the target is the hour after the window."""

    def __init__(self, series: Tensor, first: int, last: int) -> None:
        self.series, self.first, self.last = series, first, last

    def __len__(self) -> int:
        return self.last - self.first

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        start = self.first + index
        return self.series[start : start + 24], self.series[start + 24 : start + 25]


def survey(rows: int, seed: int) -> tuple[Tensor, Tensor]:
    """Five yes-or-no answers, and a choice that they make likely but not certain."""
    rng = np.random.default_rng(seed)
    answers = rng.integers(0, 2, (rows, 5))
    score = answers @ np.array([2.0, -2.0, 1.5, 1.0, -1.0]) - 0.75
    choice = rng.random(rows) < 1 / (1 + np.exp(-1.5 * score))
    return torch.from_numpy(answers).float(), torch.from_numpy(choice).long()


def digit_graphs(x: Tensor, y: Tensor) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Each digit as a graph: its inked pixels with place and ink, edges between neighbours, the class."""
    graphs = []
    for image, label in zip(x.squeeze(1), y, strict=True):
        place = (image > 0.3).nonzero()
        near = (place[:, None] - place[None]).abs().amax(2) == 1
        ink = image[place[:, 0], place[:, 1]][:, None]
        graphs.append((torch.cat([(place - 3.5) / 2.3, 2 * ink - 1], dim=1), near.nonzero().T, label))
    return graphs


class Domains(Sampler):
    """Batches of one domain each, in random order: even indices are of the first, odd ones of the second."""

    def __init__(self, count: int, batch_size: int) -> None:
        self.count, self.batch_size = count, batch_size

    def __len__(self) -> int:
        return 2 * (self.count // 2 // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        batches = []
        for domain in (0, 1):
            order = (2 * torch.randperm(self.count // 2) + domain).tolist()
            batches += [order[i : i + self.batch_size] for i in range(0, len(order), self.batch_size)]
        full = [batch for batch in batches if len(batch) == self.batch_size]
        return iter([full[i] for i in torch.randperm(len(full)).tolist()])


class Views(Dataset):
    """Two views of each digit under their own shift and noise, and its class, which pretraining does not look at."""

    def __init__(self, x: Tensor, y: Tensor) -> None:
        self.x, self.y = x, y

    def __len__(self) -> int:
        return len(self.x)

    def view(self, image: Tensor) -> Tensor:
        return torch.roll(image, int(torch.randint(-1, 2, ())), dims=2) + 0.2 * torch.randn_like(image)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        return self.view(self.x[index]), self.view(self.x[index]), self.y[index]
