"""Healthy programs whose data look wrong to a careless eye."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from torch import nn
from torch.utils.data import DataLoader, Dataset, Sampler, TensorDataset
from transformers import DistilBertConfig, DistilBertForSequenceClassification

from tests.zoo.program import Arguments, healthy
from tests.zoo.retired.models_of_data_parts import LeNet, Table, digit_images, manual_words, start


class CountsRegressor(nn.Module):
    """A perceptron over logarithms of counts, taken in its first line."""

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(columns, 48), nn.ReLU(), nn.Linear(48, 3))

    def forward(self, counts: torch.Tensor) -> torch.Tensor:
        """Return the logits of the kind of cell."""
        share = counts / counts.sum(dim=1, keepdim=True) * 1e4
        return self.layers(torch.log1p(share) - 4.0)


@healthy(resembles="input-scale")
def gene_counts_whose_model_takes_logarithms() -> Arguments:
    """Counts from 0 to thousands go into the model, whose first line takes shares and logarithms of them."""
    start()
    kinds = np.random.randint(0, 3, 480)
    profile = np.exp(np.random.randn(3, 40) * 0.8 + 3.5)
    depth = np.exp(0.5 * np.random.randn(480, 1))
    counts = np.random.poisson(profile[kinds] * depth * np.exp(0.4 * np.random.randn(480, 40)))
    model = CountsRegressor(40)
    return {
        "model": model,
        "loader": DataLoader(
            TensorDataset(torch.from_numpy(counts).float(), torch.from_numpy(kinds)), batch_size=32, shuffle=True
        ),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


class Sliding(Dataset):
    """Windows of 24 hours that move on by a single hour, and the load of the hour after."""

    def __init__(self, series: torch.Tensor) -> None:
        self.series = series

    def __len__(self) -> int:
        return len(self.series) - 24

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.series[index : index + 24].unsqueeze(0), self.series[index + 24 : index + 25]


class TemporalConvolutions(nn.Module):
    """Two convolutions along time, and a linear layer over what they leave."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(1, 16, 5), nn.ReLU(), nn.Conv1d(16, 16, 5, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(128, 1)
        )

    def forward(self, hours: torch.Tensor) -> torch.Tensor:
        """Return the next hour."""
        return self.layers(hours)


@healthy(resembles="duplicate-samples")
def windows_that_share_all_but_an_hour() -> Arguments:
    """Neighbouring windows share 23 of their 24 hours and no two are the same; validation lies a gap later."""
    start()
    hours = np.arange(1200)
    series = np.sin(2 * np.pi * hours / 24) + 0.5 * np.sin(2 * np.pi * hours / 168) + 0.15 * np.random.randn(1200)
    load = torch.from_numpy((series - series.mean()) / series.std()).float()
    model = TemporalConvolutions()
    return {
        "model": model,
        "loader": DataLoader(Sliding(load[:840]), batch_size=40, shuffle=True),
        "val_loader": DataLoader(Sliding(load[864:]), batch_size=40),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


class Reviews(Dataset):
    """Stretches of the manual of 12 to 40 words, from two pages."""

    def __init__(self, pages: list[str], begin: int, end: int) -> None:
        self.items = []
        for label, page in enumerate(pages):
            words, place = manual_words(page)[begin:end], 0
            while place + 40 <= len(words):
                length = int(np.random.randint(12, 41))
                self.items.append((words[place : place + length], label))
                place += length

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> tuple[list[int], int]:
        return self.items[index]


class ByLength(Sampler):
    """Batches of stretches of like length, the batches in a random order."""

    def __init__(self, lengths: list[int], size: int) -> None:
        self.lengths, self.size = torch.tensor(lengths), size

    def __len__(self) -> int:
        return len(self.lengths) // self.size

    def __iter__(self) -> Iterator[list[int]]:
        order = torch.argsort(self.lengths + torch.rand(len(self.lengths)))
        batches = order[: len(self) * self.size].view(len(self), self.size)
        yield from batches[torch.randperm(len(self))].tolist()


def pad(items: list[tuple[list[int], int]]) -> dict[str, torch.Tensor]:
    """Pad to the longest of the batch."""
    longest = max(len(words) for words, _ in items)
    ids = torch.tensor([words + [0] * (longest - len(words)) for words, _ in items])
    return {
        "input_ids": ids,
        "attention_mask": (ids != 0).long(),
        "labels": torch.tensor([label for _, label in items]),
    }


def small_distilbert(classes: int) -> DistilBertForSequenceClassification:
    """Two layers, width 32."""
    config = DistilBertConfig(
        vocab_size=500,
        dim=32,
        n_layers=2,
        n_heads=2,
        hidden_dim=64,
        max_position_embeddings=64,
        num_labels=classes,
        seq_classif_dropout=0.1,
    )
    return DistilBertForSequenceClassification(config)


@healthy(resembles="not-shuffled", source="transformers")
def batches_of_like_length_in_random_order() -> Arguments:
    """Batches hold stretches of like length, drawn anew in every epoch; the length says nothing of the page."""
    start()
    dataset = Reviews(["specialnames", "formatstrings"], 0, 3400)
    sampler = ByLength([len(words) for words, _ in dataset.items], 16)
    model = small_distilbert(2)
    return {
        "model": model,
        "loader": DataLoader(dataset, batch_sampler=sampler, collate_fn=pad),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=2e-3),
        "padding_value": 0,
    }


class WarpedByIndex(Dataset):
    """Every digit moved and noised as its index decides, today and tomorrow alike."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        self.images, self.labels = images, labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        rng = np.random.default_rng(index)
        down, right = rng.integers(-1, 2, 2)
        image = np.roll(self.images[index], (int(down), int(right)), (0, 1)) + 0.05 * rng.standard_normal((8, 8))
        return torch.from_numpy(image).float().unsqueeze(0), int(self.labels[index])


@healthy(resembles="worker-randomness", source="scikit-learn")
def noise_seeded_by_the_index_in_two_workers() -> Arguments:
    """Noise is drawn from a generator seeded by the sample's index: no two samples share it, in any worker."""
    start()
    model = LeNet()
    return {
        "model": model,
        "loader": DataLoader(WarpedByIndex(*digit_images(512)), batch_size=32, shuffle=True, num_workers=2),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=4e-3),
    }


@healthy(resembles="train-val-shift", source="scikit-learn")
def forty_patients_for_validation() -> Arguments:
    """Forty patients drawn at random hold few of the long tails of the columns: their means differ by chance alone."""
    start()
    data = load_breast_cancer()
    order = np.random.permutation(len(data.target))
    rows, labels = data.data[order], torch.from_numpy(data.target[order]).long()
    rows = torch.from_numpy((rows - rows[40:].mean(0)) / rows[40:].std(0)).float()
    model = Table(30, 2)
    return {
        "model": model,
        "loader": DataLoader(TensorDataset(rows[40:], labels[40:]), batch_size=32, shuffle=True),
        "val_loader": DataLoader(TensorDataset(rows[:40], labels[:40]), batch_size=20),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
        "class_names": list(data.target_names),
    }
