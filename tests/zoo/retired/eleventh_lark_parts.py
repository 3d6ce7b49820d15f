"""Seeds, loaders and data that the lark programs share."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

TEXT = """the lighthouse keeper wrote every evening in a small blue book
he noted the wind and the colour of the sea and the ships that passed
on monday a grey trawler came in from the north with torn nets
on tuesday nothing moved but the gulls over the long sand bar
the lamp burned well and the new oil gave a clear white flame
on wednesday the doctor rowed over with letters and fresh bread
they drank tea by the stove and spoke of the winter to come
the doctor left before dark because the tide was already turning
on thursday the fog was so thick that the horn sounded all night
a schooner answered twice from somewhere beyond the black rocks
on friday the sun came back and the keeper painted the iron rail
his daughter counted eleven seals asleep upon the flat stones
on saturday the supply boat brought coal and two sacks of flour
the captain asked for news and the keeper read from his book
on sunday he climbed the hundred steps and cleaned the great lens
from the gallery one could see the white houses of the village
a letter in the post promised a visit from his older brother
he swept the floor and set a second chair beside the window
the brother came in spring when the grass was full of flowers
together they watched the light go round over the quiet water"""


def seed_everything_with(seed: int = 0) -> None:
    """Set every generator that a program draws from."""
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


def rows_shuffled(*tensors: Tensor, size: int = 32) -> DataLoader[Any]:
    """Shuffled batches of the tensors' rows."""
    return dataset_shuffled(TensorDataset(*tensors), size)


def dataset_shuffled(dataset: Dataset[Any], size: int = 32, **options: Any) -> DataLoader[Any]:
    """Shuffled batches of a dataset, in an order of its own generator."""
    return DataLoader(dataset, size, shuffle=True, generator=torch.Generator().manual_seed(1), **options)


def rows_as_they_stand(*tensors: Tensor, size: int = 32) -> DataLoader[Any]:
    """Batches in the order of the rows, for evaluation."""
    return DataLoader(TensorDataset(*tensors), size)


def rows_mixed_once(*tensors: Tensor) -> list[Tensor]:
    """The tensors' rows in one random order."""
    order = torch.randperm(len(tensors[0]), generator=torch.Generator().manual_seed(2))
    return [tensor[order] for tensor in tensors]


def digits_with_a_channel() -> tuple[Tensor, Tensor]:
    """The 8 × 8 digits in [0, 1], with a channel, and their classes."""
    bunch = load_digits()
    x, y = rows_mixed_once(
        torch.from_numpy(bunch.images).float().unsqueeze(1) / 16, torch.from_numpy(bunch.target).long()
    )
    return x, y


def standardised_table_of(name: str) -> tuple[Tensor, Tensor]:
    """A standardised table of scikit-learn and its classes."""
    bunch = {"wine": load_wine, "breast_cancer": load_breast_cancer}[name]()
    x, y = rows_mixed_once(torch.from_numpy(bunch.data).float(), torch.from_numpy(bunch.target).long())
    return (x - x.mean(0)) / x.std(0), y


def diabetes_standardised() -> tuple[Tensor, Tensor]:
    """The diabetes table and its target, both standardised; the target has shape (N, 1)."""
    bunch = load_diabetes()
    x, y = rows_mixed_once(torch.from_numpy(bunch.data).float(), torch.from_numpy(bunch.target).float())
    return (x - x.mean(0)) / x.std(0), ((y - y.mean()) / y.std()).unsqueeze(1)


def character_windows_of_the_text(length: int = 24, step: int = 2) -> tuple[Tensor, Tensor, int]:
    """Windows of `TEXT` as character ids, the same shifted by one, and the number of different characters."""
    letters = sorted(set(TEXT))
    ids = torch.tensor([letters.index(letter) for letter in TEXT])
    windows = ids.unfold(0, length + 1, step)
    return windows[:, :-1].contiguous(), windows[:, 1:].contiguous(), len(letters)


def loss_over_tokens(scores: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of (N, T, C) scores, over all tokens."""
    return nn.functional.cross_entropy(scores.flatten(0, 1), targets.flatten())


def relu_perceptron_of(inputs: int, outputs: int, width: int = 64, depth: int = 2) -> nn.Sequential:
    """A plain perceptron with ReLU."""
    layers: list[nn.Module] = []
    for i in range(depth):
        layers += [nn.Linear(inputs if i == 0 else width, width), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(width, outputs))
