"""Networks and batches that several programs on learning share."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader

from tests.zoo.retired.models_of_learning_data import batches


class DepthwiseBlock(nn.Module):
    """Depthwise 3 by 3, pointwise, and the input added (MobileNet v2, without its expansion)."""

    def __init__(self, width: int):
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.pointwise = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.pointwise(F.relu6(self.norm(self.depthwise(x))))


class DepthwiseNet(nn.Module):
    """A stem, two depthwise blocks and a linear head."""

    def __init__(self, width: int = 24, classes: int = 10):
        super().__init__()
        self.stem = nn.Conv2d(1, width, 3, padding=1)
        self.blocks = nn.Sequential(DepthwiseBlock(width), DepthwiseBlock(width))
        self.head = nn.Linear(4 * width, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.adaptive_max_pool2d(F.relu(self.blocks(self.stem(x))), 2).flatten(1))


def marked_words(count: int = 640) -> tuple[Tensor, Tensor]:
    """Sequences of 16 words, and which of four marks stands somewhere in them."""
    rng = np.random.RandomState(0)
    ids = rng.randint(5, 60, (count, 16))
    labels = rng.randint(0, 4, count)
    ids[np.arange(count), rng.randint(1, 16, count)] = labels + 1
    return torch.tensor(ids), torch.tensor(labels)


def as_mapping(rows: list[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    """Collate for a transformers model."""
    return {"input_ids": torch.stack([row[0] for row in rows]), "labels": torch.stack([row[1] for row in rows])}


def marked_sentences(size: int = 32) -> DataLoader:
    return batches(*marked_words(), size=size, collate_fn=as_mapping)
