"""What the programs of one writer share: seeds, data and loaders."""

from __future__ import annotations

import random

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from tests.zoo.program import Arguments


def sow_seeds(seed: int = 0) -> None:
    """Seed every generator a program may draw from."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def dealt(*tensors: Tensor, batch: int = 32, held_out: float = 0.2) -> Arguments:
    """A shuffled training loader and a validation loader of whole batches, from samples dealt at random."""
    order = torch.randperm(len(tensors[0]))
    cut = int(len(order) * (1 - held_out)) // batch * batch
    end = cut + max((len(order) - cut) // batch, 1) * batch
    train, held = (TensorDataset(*(each[part] for each in tensors)) for part in (order[:cut], order[cut:end]))
    return {
        "loader": DataLoader(train, batch_size=batch, shuffle=True),
        "val_loader": DataLoader(held, batch_size=batch),
    }


def digits_as_images(count: int = 1280) -> tuple[Tensor, Tensor]:
    """Standardised digits as images of one channel, with their classes."""
    data = load_digits()
    order = np.random.default_rng(0).permutation(len(data.target))[:count]
    images = torch.tensor(data.images[order], dtype=torch.float32).unsqueeze(1) / 16
    return (images - images.mean()) / images.std(), torch.tensor(data.target[order]).long()


def markov_text(count: int, length: int, letters: int, *, seed: int = 0, sharpness: float = 2.0) -> Tensor:
    """Sequences of tokens, each drawn by its predecessor from a fixed random table."""
    source = torch.Generator().manual_seed(seed)
    table = (sharpness * torch.randn(letters, letters, generator=source)).softmax(1)
    text = torch.randint(0, letters, (count, 1), generator=source)
    for _ in range(length - 1):
        text = torch.cat([text, torch.multinomial(table[text[:, -1]], 1, generator=source)], 1)
    return text


def cross_entropy_of_tokens(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy over all tokens."""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def pictures_of_blobs(places: Tensor, size: int, width: float) -> Tensor:
    """Images of one channel with a round blob at each (row, column)."""
    grid = torch.arange(size).float()
    rows = (grid - places[:, :1]) ** 2
    columns = (grid - places[:, 1:2]) ** 2
    return torch.exp(-(rows.unsqueeze(2) + columns.unsqueeze(1)) / (2 * width**2)).unsqueeze(1)


@torch.no_grad()
def hit_share(model: nn.Module, batch: list[Tensor]) -> float:
    """Share of right classes in a batch."""
    model.eval()
    return (model(batch[0]).argmax(1) == batch[1]).float().mean().item()  # type: ignore[no-any-return]
