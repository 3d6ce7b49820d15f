"""Data, loaders and plain steps that the programs of tarn share."""

# mypy: disable-error-code="no-any-return, no-untyped-call"

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import sklearn.datasets
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, TensorDataset


class Parts(NamedTuple):
    """Samples to train on and samples to validate on."""

    x: Tensor
    y: Tensor
    x_val: Tensor
    y_val: Tensor


def start(seed: int = 0) -> np.random.Generator:
    """Seed everything; the generator draws synthetic data."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    return np.random.default_rng(seed)


def divide(x: Tensor, y: Tensor, share: float = 0.8) -> Parts:
    """Samples in a random order, the first `share` of them to train on."""
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(1))
    first = int(share * len(x))
    return Parts(x[order[:first]], y[order[:first]], x[order[first:]], y[order[first:]])


def byte_digits(count: int = 1500) -> tuple[np.ndarray, np.ndarray]:
    """Handwritten digits as bytes 0 to 240, shape (N, 8, 8), and their classes."""
    x, y = sklearn.datasets.load_digits(return_X_y=True)
    return (x[:count] * 15).astype(np.uint8).reshape(-1, 8, 8), y[:count].astype(np.int64)


def digits(count: int = 1500) -> Parts:
    """Standardised handwritten digits, shape (N, 1, 8, 8)."""
    x, y = byte_digits(count)
    parts = divide(torch.from_numpy(x).float()[:, None] / 255, torch.from_numpy(y))
    mean, std = parts.x.mean(), parts.x.std()
    return parts._replace(x=(parts.x - mean) / std, x_val=(parts.x_val - mean) / std)


def unscaled_table(name: str) -> Parts:
    """A table of scikit-learn in its own units, and its classes."""
    x, y = getattr(sklearn.datasets, f"load_{name}")(return_X_y=True)
    return divide(torch.from_numpy(x).float(), torch.from_numpy(y))


def table(name: str) -> Parts:
    """A table of scikit-learn with standardised columns, and its classes."""
    parts = unscaled_table(name)
    mean, std = parts.x.mean(0), parts.x.std(0)
    return parts._replace(x=(parts.x - mean) / std, x_val=(parts.x_val - mean) / std)


def batches(data: Dataset[Any], size: int = 32, shuffle: bool = True, **options: Any) -> DataLoader[Any]:
    """A loader with a generator of its own."""
    generator = torch.Generator().manual_seed(2)
    return DataLoader(data, batch_size=size, shuffle=shuffle, generator=generator, **options)


def pair_of_loaders(parts: Parts, size: int = 32) -> dict[str, Any]:
    """Both loaders of a program."""
    train, val = TensorDataset(parts.x, parts.y), TensorDataset(parts.x_val, parts.y_val)
    return {"loader": batches(train, size), "val_loader": batches(val, size, shuffle=False)}


def perceptron(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Two hidden layers of ReLU."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(inputs, hidden),
        nn.ReLU(),
        nn.Linear(hidden, hidden),
        nn.ReLU(),
        nn.Linear(hidden, outputs),
    )


def step_of(loss_fn: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """The plain training step of a loss."""

    def step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        model.train()
        optimizer.zero_grad()
        loss = loss_fn(model(batch[0]), batch[1])
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def train_before(model: nn.Module, loader: DataLoader[Any], steps: int, rate: float = 3e-3) -> None:
    """Train a classifier for a while with Adam."""
    step, optimizer, done = step_of(F.cross_entropy), torch.optim.Adam(model.parameters(), lr=rate), 0
    while done < steps:
        for batch in loader:
            step(model, batch, optimizer)
            done += 1
            if done == steps:
                break
    optimizer.zero_grad()


LINES = """the tarn lies under the northern wall where the snow stays until june and the wind never rests
a path of flat stones leads from the hut down to the water and ends at a boat without oars
in the morning the surface is black and still and the mountain stands in it upside down
nobody knows how deep it is although the schoolmaster once let down a line of forty fathoms
trout live there small and dark as the stones and they rise in the evening when the midges dance
the shepherds say that the water warms on the night before a storm and they bring the sheep down
children throw pebbles and count the rings until the rings meet the rings of the other bank
in winter the ice sings a low note that can be heard in the village when the wind is right
old letters speak of a bell that fell from a sledge and sank and that rings under the ice
the stream that leaves the tarn is loud and young and forgets at once where it came from"""


def pieces_of_text(length: int) -> tuple[Parts, int]:
    """Pieces of the lines, the next characters as targets; the number of characters."""
    text = LINES.replace("\n", " ")
    letters = sorted(set(text))
    ids = torch.tensor([letters.index(letter) for letter in text])
    windows = ids.unfold(0, length + 1, 1)
    windows = windows[: len(windows) // 2 * 2]
    first = int(0.85 * len(windows))
    train, val = windows[:first], windows[first + length :]
    return Parts(train[:, :-1], train[:, 1:], val[:, :-1], val[:, 1:]), len(letters)


class Matting(nn.Module):
    """An encoder with norms and a head; `freeze_norms` puts the norms to rest."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1, bias=False), nn.BatchNorm2d(12), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(12, 24, 3, padding=1, bias=False), nn.BatchNorm2d(24), nn.ReLU(), nn.MaxPool2d(2),
        )  # fmt: skip
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(96, classes))

    def freeze_norms(self) -> None:
        """Let the norms use the statistics that they have, with the scales that they have."""
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval().requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encoder(x))


def matting_step(frozen_again: bool) -> Any:
    """A step of the training cycle."""

    def step(model: Matting, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        model.train()
        if frozen_again:
            model.freeze_norms()
        optimizer.zero_grad()
        loss = F.cross_entropy(model(batch[0]), batch[1])
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step
