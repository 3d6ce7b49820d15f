"""Data and small pieces that the programs about wiring share."""

from __future__ import annotations

import random
from pydoc_data.topics import topics

import numpy as np
import torch
from sklearn.datasets import load_diabetes, load_digits, load_sample_images
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def start() -> None:
    """Seed every generator, as the first line of each program."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


def digits(count: int, channels: bool = True) -> tuple[torch.Tensor, torch.Tensor]:
    """So many digits about zero, in a random order, and their classes."""
    data = load_digits()
    order = np.random.permutation(len(data.target))[:count]
    images = torch.from_numpy(data.images[order] / 8 - 0.6).float()
    return (images.unsqueeze(1) if channels else images), torch.from_numpy(data.target[order]).long()


def diabetes() -> tuple[torch.Tensor, torch.Tensor]:
    """Ten columns and the progression of diabetes, in standard units."""
    data = load_diabetes()
    rows = (data.data - data.data.mean(0)) / data.data.std(0)
    target = (data.target - data.target.mean()) / data.target.std()
    order = np.random.permutation(len(target))
    return torch.from_numpy(rows[order]).float(), torch.from_numpy(target[order]).float()


def photo_bytes(count: int, size: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    """Patches of two photographs as bytes, channels first, and which photograph they come from."""
    patches, labels = [], []
    for label, photo in enumerate(load_sample_images().images):
        rows, columns = photo.shape[0] // size, photo.shape[1] // size
        grid = photo[: rows * size, : columns * size].reshape(rows, size, columns, size, 3).swapaxes(1, 2)
        tiles = grid.reshape(-1, size, size, 3)
        tiles = tiles[tiles.astype(np.float32).std(axis=(1, 2, 3)) > 12]
        patches.append(tiles[np.random.permutation(len(tiles))[: count // 2]])
        labels.append(np.full(len(patches[-1]), label))
    order = np.random.permutation(sum(len(part) for part in patches))
    images = torch.from_numpy(np.ascontiguousarray(np.concatenate(patches)[order].transpose(0, 3, 1, 2)))
    return images, torch.from_numpy(np.concatenate(labels)[order]).long()


def stretches(pages: list[str], longest: int, shortest: int, words: int = 3600) -> list[tuple[list[int], int]]:
    """Stretches of pages of Python's manual, as numbers of words from 1 to 499, with the number of the page."""
    items = []
    for label, page in enumerate(pages):
        numbers = [sum(ord(c) * 31**i for i, c in enumerate(word)) % 499 + 1 for word in topics[page].split()][:words]
        place = 0
        while place + longest <= len(numbers):
            length = int(np.random.randint(shortest, longest + 1))
            items.append((numbers[place : place + length], label))
            place += length
    return items


def letters(page: str, block: int, count: int) -> torch.Tensor:
    """So many blocks of letters of a page of the manual, numbered from 0 to 95."""
    text = " ".join(topics[page].split())
    signs = [ord(sign) - 32 if " " <= sign <= "~" else 95 for sign in text][: block * count]
    return torch.tensor(signs).view(count, block)


def batches(*tensors: torch.Tensor, size: int = 32) -> DataLoader:
    """A shuffled loader over tensors."""
    return DataLoader(TensorDataset(*tensors), batch_size=size, shuffle=True)


def adam(model: nn.Module, rate: float = 2e-3) -> torch.optim.Adam:
    """Adam over all parameters."""
    return torch.optim.Adam(model.parameters(), lr=rate)


def ink_under_noise(count: int, side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Noisy squares that hold a digit somewhere, and where its ink lies."""
    images, _ = digits(count, channels=False)
    clean = torch.full((count, side, side), -0.6)
    for row in range(count):
        top, left = np.random.randint(0, side - 7, 2)
        clean[row, top : top + 8, left : left + 8] = images[row]
    return (clean + 0.3 * torch.randn(clean.shape)).unsqueeze(1), (clean > 0.3).float().unsqueeze(1)


class UNet(nn.Module):
    """Ronneberger's U-Net with one level, for masks of one class."""

    def __init__(self, width: int = 12, fit_sizes: bool = True, probabilities: bool = False) -> None:
        super().__init__()
        self.fit_sizes, self.probabilities = fit_sizes, probabilities
        self.down = nn.Sequential(nn.Conv2d(1, width, 3, padding=1), nn.ReLU())
        self.deep = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(width, 2 * width, 3, padding=1), nn.ReLU())
        self.widen = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.up = nn.Sequential(nn.Conv2d(2 * width, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, 1, 1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return a map of logits, or of probabilities where asked for."""
        fine = self.down(images)
        coarse = self.widen(self.deep(fine))
        if self.fit_sizes:
            coarse = nn.functional.interpolate(coarse, size=fine.shape[-2:])
        logits = self.up(torch.cat([fine, coarse], dim=1))
        return torch.sigmoid(logits) if self.probabilities else logits
