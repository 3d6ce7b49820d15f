"""What the programs of several files share: seeds, loaders, digits, a text of its own, a plain training step."""

from __future__ import annotations

import random

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

LINES = (
    "the heron stands in the shallow water and waits for the fish",
    "a grey boat drifts past the reeds while the rain begins",
    "two children count the stones along the narrow river bank",
    "the miller opens the gate and the old wheel turns again",
    "in winter the pond is frozen and the birds fly to the sea",
    "somebody left a red coat on the bench beside the bridge",
    "the wind carries the smell of bread across the market place",
    "every evening the lamps are lit along the quiet harbour",
    "she writes a short letter and folds the paper with care",
    "the train was late so they walked home over the hill",
    "a small dog follows the postman from door to door",
    "the garden is full of beans and the fence needs paint",
    "nobody knows who built the tower at the edge of the wood",
    "he keeps seven clocks and none of them shows the hour",
    "the teacher reads aloud and the class listens at last",
    "under the stairs there is a box of letters and maps",
    "the fisherman mends his nets before the storm arrives",
    "they drink black tea and talk about the price of wool",
    "at noon the square is empty and the shutters are closed",
    "the first snow covers the roofs of the sleeping town",
)
ALPHABET = sorted(set("".join(LINES) + "\n"))


def with_seeds(seed: int = 0) -> None:
    """Seed torch, numpy and random."""
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


def batches_in_order_of_seed(
    *tensors: Tensor, size: int = 32, shuffle: bool = True, drop_last: bool = False
) -> DataLoader[object]:
    """A loader over tensors, with an order of its own seed."""
    own = torch.Generator().manual_seed(7)
    return DataLoader(TensorDataset(*tensors), size, shuffle=shuffle, drop_last=drop_last, generator=own)


def ordered_digits(count: int = 1500) -> tuple[Tensor, Tensor]:
    """Digits in random order: standardised images of one channel, and their labels."""
    data = load_digits()
    order = torch.randperm(len(data.target), generator=torch.Generator().manual_seed(3))[:count]
    images = torch.tensor(data.images, dtype=torch.float32)[order].unsqueeze(1) / 16
    return (images - 0.305) / 0.376, torch.tensor(data.target, dtype=torch.long)[order]


def text_windows(length: int = 32, step: int = 3) -> tuple[Tensor, Tensor]:
    """Windows of the text as character numbers, and the same one character further."""
    text = torch.tensor([ALPHABET.index(letter) for letter in "\n".join(LINES)])
    cut = text.unfold(0, length + 1, step)
    return cut[:, :-1].contiguous(), cut[:, 1:].contiguous()


def loss_per_character(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy over all positions."""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


class SmallConvNet(nn.Module):
    """Two convolutions with BatchNorm, and a linear classifier."""

    def __init__(self, width: int = 16, classes: int = 10, channels: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, 2 * width, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(2 * width)
        self.head = nn.Linear(2 * width * 4, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        x = F.max_pool2d(F.relu(self.norm1(self.conv1(x))), 2)
        x = F.max_pool2d(F.relu(self.norm2(self.conv2(x))), 2)
        return self.head(x.flatten(1))
