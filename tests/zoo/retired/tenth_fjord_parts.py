"""What several programs of this prefix share: seeding, loaders and the digits."""

from __future__ import annotations

import random

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, TensorDataset


def seeded_everywhere(seed: int = 0) -> None:
    """Seed every generator that a program draws from."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def shuffled_batches(*tensors: Tensor, batch_size: int = 32) -> DataLoader[tuple[Tensor, ...]]:
    """Shuffled batches of these tensors."""
    generator = torch.Generator().manual_seed(1)
    return DataLoader(TensorDataset(*tensors), batch_size=batch_size, shuffle=True, generator=generator)


def dealt_out(
    *tensors: Tensor, batch_size: int = 32, held_out: float = 0.2
) -> dict[str, DataLoader[tuple[Tensor, ...]]]:
    """A training and a validation loader, the rows dealt at random."""
    count = len(tensors[0])
    order = torch.randperm(count, generator=torch.Generator().manual_seed(2))
    first = round(count * (1 - held_out))
    kept, rest = order[:first], order[first:]
    held = TensorDataset(*(tensor[rest] for tensor in tensors))
    train = shuffled_batches(*(tensor[kept] for tensor in tensors), batch_size=batch_size)
    return {"loader": train, "val_loader": DataLoader(held, batch_size=batch_size)}


def inked_digits(count: int = 1200) -> tuple[Tensor, Tensor]:
    """The first handwritten digits as images of one channel, scaled to mean 0 and spread 1."""
    pixels, labels = load_digits(return_X_y=True)
    images = torch.tensor(pixels[:count], dtype=torch.float32).reshape(-1, 1, 8, 8)
    return (images - images.mean()) / images.std(), torch.tensor(labels[:count], dtype=torch.long)


def centred_columns(values: Tensor) -> Tensor:
    """Columns with mean 0 and spread 1."""
    return (values - values.mean(0)) / values.std(0)


class ResidualNet(nn.Module):
    """A small residual network for digits."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        self.first = self.block(width)
        self.second = self.block(width)
        self.head = nn.Linear(width * 4, 10)
        nn.init.normal_(self.head.weight, std=0.02)

    @staticmethod
    def block(width: int) -> nn.Sequential:
        last = nn.BatchNorm2d(width)
        nn.init.zeros_(last.weight)
        return nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            last,
        )

    def forward(self, images: Tensor) -> Tensor:
        x = self.stem(images)
        x = F.relu(x + self.first(x))
        x = F.max_pool2d(x, 2)
        x = F.relu(x + self.second(x))
        logits: Tensor = self.head(F.max_pool2d(x, 2).flatten(1))
        return logits


def pretrained_on_small_digits(steps: int = 150) -> ResidualNet:
    """A residual network that has learnt the digits 0 to 4, with a fresh head for the five others."""
    model = ResidualNet()
    images, labels = inked_digits()
    images, labels = images[labels < 5], labels[labels < 5]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    for _ in range(steps):
        rows = torch.randint(len(images), (32,))
        optimizer.zero_grad()
        F.cross_entropy(model(images[rows]), labels[rows]).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    model.zero_grad()
    model.head = nn.Linear(64, 5)
    nn.init.normal_(model.head.weight, std=0.02)
    return model


def large_digits() -> dict[str, DataLoader[tuple[Tensor, ...]]]:
    """Loaders of the digits 5 to 9, counted from 0."""
    images, labels = inked_digits()
    return dealt_out(images[labels >= 5], labels[labels >= 5] - 5)


def sentences_on_topics(count: int, words: int, classes: int) -> list[tuple[Tensor, Tensor]]:
    """Sentences of 3 to 18 words, most of them about their class."""
    rows = []
    for index in range(count):
        label = index % classes
        length = int(torch.randint(3, 19, ()))
        topic = 1 + label + classes * torch.randint(0, (words - 1) // classes, (length,))
        other = torch.randint(1, words, (length,))
        rows.append((torch.where(torch.rand(length) < 0.45, topic, other), torch.tensor(label)))
    return rows


def filled_with_pads(rows: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Sentences filled up with zeros to the longest."""
    return pad_sequence([row[0] for row in rows], batch_first=True), torch.stack([row[1] for row in rows])


def padded_batches(rows: list[tuple[Tensor, Tensor]], batch_size: int = 32) -> DataLoader[tuple[Tensor, Tensor]]:
    """Shuffled batches of padded sentences."""
    generator = torch.Generator().manual_seed(1)
    return DataLoader(rows, batch_size, shuffle=True, collate_fn=filled_with_pads, generator=generator)  # type: ignore[arg-type]


def earlier_and_later(*tensors: Tensor, last: int = 200, gap: int = 16) -> dict[str, DataLoader[tuple[Tensor, ...]]]:
    """Windows of a series: the earlier ones to train on, the last to validate, none that overlaps both."""
    later = TensorDataset(*(tensor[-last:] for tensor in tensors))
    train = shuffled_batches(*(tensor[: -last - gap] for tensor in tensors))
    return {"loader": train, "val_loader": DataLoader(later, batch_size=32)}


def tunes_of_notes(count: int, length: int) -> Tensor:
    """Different melodies in which each note depends on the two before it."""
    likely = (3 * torch.randn(8, 8, 8)).softmax(-1)
    notes = torch.randint(8, (count, length))
    for step in range(2, length):
        notes[:, step] = torch.multinomial(likely[notes[:, step - 2], notes[:, step - 1]], 1)[:, 0]
    different: Tensor = torch.unique(notes, dim=0)
    return different[torch.randperm(len(different))]
