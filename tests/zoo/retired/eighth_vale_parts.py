"""Data, loaders and small models that several programs of this set share."""

# mypy: disable-error-code="no-any-return,no-untyped-call"

from __future__ import annotations

import itertools
import random
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, TensorDataset


def seed_all_three(seed: int = 0) -> None:
    """Seed torch, NumPy and Python."""
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


def in_random_order(data: Dataset[Any], batch_size: int = 32, **options: Any) -> DataLoader[Any]:
    """A training loader in random order with a generator of its own."""
    return DataLoader(data, batch_size, shuffle=True, generator=torch.Generator().manual_seed(1), **options)


def one_after_another(data: Dataset[Any], batch_size: int = 32, **options: Any) -> DataLoader[Any]:
    """A validation loader."""
    return DataLoader(data, batch_size, **options)


def train_and_validation(*tensors: Tensor, share: float = 0.8) -> tuple[TensorDataset, TensorDataset]:
    """A random split of the rows."""
    order = torch.randperm(len(tensors[0]), generator=torch.Generator().manual_seed(2))
    cut = int(share * len(order))
    first, rest = order[:cut], order[cut:]
    return TensorDataset(*(t[first] for t in tensors)), TensorDataset(*(t[rest] for t in tensors))


def digits_in_unit_range(images: bool = False) -> tuple[Tensor, Tensor]:
    """The digits of scikit-learn in [0, 1], flat or as images of one channel."""
    bunch = load_digits()
    x = torch.tensor(bunch.data / 16, dtype=torch.float32)
    return (x.view(-1, 1, 8, 8) if images else x), torch.tensor(bunch.target)


def tumour_table() -> tuple[Tensor, Tensor]:
    """Standardised features and labels of the breast cancer data of scikit-learn."""
    bunch = load_breast_cancer()
    x = torch.tensor(bunch.data, dtype=torch.float32)
    return (x - x.mean(0)) / x.std(0), torch.tensor(bunch.target)


def progression_table() -> tuple[Tensor, Tensor]:
    """Standardised features and progression of the diabetes data of scikit-learn."""
    bunch = load_diabetes()
    x = torch.tensor(bunch.data, dtype=torch.float32)
    y = torch.tensor(bunch.target, dtype=torch.float32)
    return (x - x.mean(0)) / x.std(0), (y - y.mean()) / y.std()


def likely_followers(count: int, length: int, vocabulary: int, first: int = 0, seed: int = 3) -> Tensor:
    """Token sequences in which three followers of each token are likely."""
    chance = torch.Generator().manual_seed(seed)
    table = torch.rand(vocabulary, vocabulary, generator=chance) * 0.02
    for row in table:
        row[torch.randperm(vocabulary, generator=chance)[:3]] += torch.tensor([0.6, 0.25, 0.15])
    tokens = torch.randint(vocabulary, (count, length), generator=chance)
    for t in range(1, length):
        tokens[:, t] = torch.multinomial(table[tokens[:, t - 1]], 1, generator=chance).squeeze(1)
    return tokens + first


def loss_of_tokens(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy over all positions."""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def relu_stack(*sizes: int) -> nn.Sequential:
    """Linear layers with ReLU between them."""
    layers: list[nn.Module] = []
    for inner, outer in itertools.pairwise(sizes):
        layers += [nn.Linear(inner, outer), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def padded_topics(count: int, length: int = 14, vocabulary: int = 40, seed: int = 4) -> tuple[Tensor, Tensor]:
    """Sentences of 3 to ``length`` tokens padded with 0; their class is the quarter that most tokens are from."""
    chance = torch.Generator().manual_seed(seed)
    labels = torch.randint(4, (count,), generator=chance)
    lengths = torch.randint(3, length + 1, (count,), generator=chance)
    lengths[0] = length
    quarter = torch.where(torch.rand(count, length, generator=chance) < 0.7, labels[:, None], -1)
    other = torch.randint(4, (count, length), generator=chance)
    quarter = torch.where(quarter < 0, other, quarter)
    within = torch.randint((vocabulary - 1) // 4, (count, length), generator=chance)
    tokens = 1 + quarter * ((vocabulary - 1) // 4) + within
    tokens[torch.arange(length)[None] >= lengths[:, None]] = 0
    return tokens, labels
