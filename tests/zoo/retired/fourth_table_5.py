"""Pairs and look-alikes of the fourth table, fifth hand: spectra, patches, machines, letters, graphs and tumours."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from torch import Generator, Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset, WeightedRandomSampler, random_split

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fourth_table_parts import batches_of, both_loaders, pictures_of_digits, seed_table, z_scores


@pair("target-scale", group="data")
def concentrations_in_mol_per_litre(sick: bool) -> Arguments:
    """Concentrations of 0.00001 mol/L are the targets of a squared error, which is then 1e-10 for whatever answer."""
    seed_table(71)
    amounts = 0.2 + 1.8 * torch.rand(600, 3)
    channel = torch.arange(64.0)
    bands = torch.stack([torch.exp(-(((channel - at) / width) ** 2)) for at, width in ((15, 8), (28, 6), (45, 10))])
    spectra = (amounts @ bands + 0.03 * torch.randn(600, 64))[:, None]
    model = nn.Sequential(
        nn.Conv1d(1, 12, 7, stride=2),
        nn.ReLU(),
        nn.Conv1d(12, 24, 5, stride=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(24 * 13, 32),
        nn.ReLU(),
        nn.Linear(32, 3),
    )
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        **both_loaders(spectra, amounts * 1e-5 if sick else amounts, held_out=120),
    )


class PatchTransformer(nn.Module):
    """A vision transformer of two layers on the sixteen patches of a digit."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(1, 32, 2, stride=2)
        self.place = nn.Parameter(0.02 * torch.randn(16, 32))
        layer = nn.TransformerEncoderLayer(32, 4, 64, 0.0, "gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(32), enable_nested_tensor=False)
        self.head = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patch(x).flatten(2).transpose(1, 2) + self.place
        scores: Tensor = self.head(self.encoder(tokens).mean(1))
        return scores


def training_part(data: TensorDataset, generator: Generator) -> Subset[Any]:
    """What is left of the data for training."""
    return random_split(data, [0.8, 0.2], generator=generator)[0]


def validation_part(data: TensorDataset, generator: Generator) -> Subset[Any]:
    """What is held out of the data."""
    return random_split(data, [0.8, 0.2], generator=generator)[1]


@pair("split-leak", group="data", source="published")
def two_functions_that_each_draw_a_split(sick: bool) -> Arguments:
    """Training and validation parts come from two random splits with different seeds, so they overlap widely."""
    seed_table(72)
    data = TensorDataset(*pictures_of_digits())
    train = training_part(data, Generator().manual_seed(0))
    held = validation_part(data, Generator().manual_seed(1 if sick else 0))
    model = PatchTransformer()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    return {
        "model": model,
        "loader": DataLoader(train, batch_size=32, shuffle=True, drop_last=True),
        "val_loader": DataLoader(held, batch_size=40),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": optimizer,
        "scheduler": torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 660),
        "total_steps": 660,
    }


class Vibrations(Dataset[dict[str, Tensor]]):
    """Vibrations of three kinds of bearings, rolled and scaled at random where asked."""

    def __init__(self, count: int, augment: bool) -> None:
        self.kind = torch.randint(3, (count,))
        time = torch.arange(128) / 128
        pulses = torch.tensor([5.0, 9.0, 14.0])[self.kind, None] * time + torch.rand(count, 1)
        self.signal = torch.exp(-8 * (pulses % 1)) * torch.sin(6.28 * 30 * time) + 0.1 * torch.randn(count, 128)
        self.augment = augment

    def __len__(self) -> int:
        return len(self.kind)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        signal = self.signal[index]
        if self.augment:
            signal = np.random.uniform(0.8, 1.25) * torch.roll(signal, np.random.randint(128))
            signal = signal + torch.tensor(np.random.normal(0.0, 0.05, 128), dtype=torch.float32)
        return {"signal": signal[None], "label": self.kind[index]}


class BearingNet(nn.Module):
    """A convolutional network on vibrations."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv1d(1, 16, 16, stride=2), nn.ReLU(), nn.Conv1d(16, 32, 16, stride=2), nn.ReLU())
        self.kind = nn.Linear(32, 3)

    def forward(self, signal: Tensor) -> Tensor:
        kind: Tensor = self.kind(self.body(signal).mean(2))
        return kind


def seed_alike(_: int) -> None:
    """Seed a worker as the main process was."""
    random.seed(72)
    np.random.seed(72)
    torch.manual_seed(72)


def seed_apart(_: int) -> None:
    """Seed a worker from the seed that torch gave it."""
    seed = torch.initial_seed() % 2**32
    random.seed(seed)
    np.random.seed(seed)


@pair("worker-randomness", group="data")
def every_worker_seeded_alike(sick: bool) -> Arguments:
    """The function that initialises a worker gives all of them one seed, for the sake of reproducibility."""
    seed_table(73)
    train, held = Vibrations(600, augment=True), Vibrations(120, augment=False)
    start = seed_alike if sick else seed_apart
    model = BearingNet()
    return {
        "model": model,
        "loader": DataLoader(train, batch_size=30, shuffle=True, num_workers=2, worker_init_fn=start),
        "val_loader": DataLoader(held, batch_size=30),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "forward": lambda model, batch: model(batch["signal"]),
        "split": lambda batch: (batch["signal"], batch["label"]),
    }


class TinyGPT(nn.Module):
    """A causal transformer of two layers, whose embedding is its output layer too."""

    def __init__(self, spread: float) -> None:
        super().__init__()
        self.token, self.place = nn.Embedding(40, 48), nn.Embedding(24, 48)
        for table in (self.token, self.place):
            nn.init.normal_(table.weight, std=spread)
        layer = nn.TransformerEncoderLayer(48, 4, 96, 0.0, "gelu", batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(48), enable_nested_tensor=False)

    def forward(self, ids: Tensor) -> Tensor:
        length = ids.shape[1]
        future = torch.ones(length, length, dtype=torch.bool).triu(1)
        hidden = self.token(ids) + self.place.weight[:length]
        scores: Tensor = self.blocks(hidden, mask=future, is_causal=True) @ self.token.weight.t()
        return scores


def over_letters(scores: Tensor, letters: Tensor) -> Tensor:
    """Mean cross-entropy over all letters."""
    return F.cross_entropy(scores.flatten(0, 1), letters.flatten())


@pair("loss-at-init", group="init", source="published")
def tied_embedding_of_unit_normals(sick: bool) -> Arguments:
    """The embedding that is also the output layer is drawn with a spread of one, which makes scores of about seven."""
    seed_table(74)
    text = torch.randint(40, (600, 25))
    for at in range(2, 25):
        rule = (3 * text[:, at - 1] + 5 * text[:, at - 2] + 7) % 40
        text[:, at] = torch.where(torch.rand(600) < 0.1, text[:, at], rule // 4)
    model = TinyGPT(spread=1.0 if sick else 0.02)
    return dict(
        model=model,
        loss_fn=over_letters,
        optimizer=torch.optim.AdamW(model.parameters(), lr=2e-3, betas=(0.9, 0.95)),
        task="language-model",
        causal=True,
        **both_loaders(text[:, :-1], text[:, 1:], held_out=96, size=24),
    )


class GraphLayer(nn.Module):
    """A graph convolution with weights that start as told."""

    def __init__(self, inside: int, outside: int, ones: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(inside, outside) / inside)
        self.bias = nn.Parameter(torch.zeros(outside))
        if not ones:
            nn.init.xavier_uniform_(self.weight)

    def forward(self, nodes: Tensor, links: Tensor) -> Tensor:
        return links @ (nodes @ self.weight) + self.bias


class GraphNet(nn.Module):
    """Three graph convolutions, and the class of a graph as the mean over its nodes."""

    def __init__(self, ones: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList(GraphLayer(a, b, ones) for a, b in ((5, 32), (32, 32), (32, 3)))

    def forward(self, nodes: Tensor, links: Tensor) -> Tensor:
        for layer in self.layers:
            nodes = layer(nodes if layer is self.layers[0] else torch.relu(nodes), links)
        return nodes.mean(1)


@pair("symmetric-init", group="init", source="published")
def graph_convolutions_made_of_ones(sick: bool) -> Arguments:
    """The weights of hand-written graph convolutions stay at the ones they were made of, so all units are one unit."""
    seed_table(75)
    kind = torch.randint(3, (700,))
    centres = 1.2 * torch.randn(3, 2, 5)
    halves = (torch.rand(700, 10) < 0.5).long()
    nodes = centres[kind[:, None], halves] + 0.8 * torch.randn(700, 10, 5)
    links = (torch.rand(700, 10, 10) < torch.where(halves[:, :, None] == halves[:, None], 0.5, 0.1)).float()
    links = (links + links.transpose(1, 2) + torch.eye(10)).clamp(max=1)
    scale = links.sum(2).rsqrt()
    model = GraphNet(ones=sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-2),
        **both_loaders(nodes, scale[:, :, None] * links * scale[:, None], kind, held_out=140),
    )


@healthy(resembles="duplicate-samples", source="scikit-learn")
def rare_tumours_drawn_more_often() -> Arguments:
    """Malignant samples, made rare, come several times in an epoch, since a weighted sampler evens out the classes."""
    seed_table(76)
    x, y = load_breast_cancer(return_X_y=True)
    order = torch.randperm(len(y))
    table, benign = torch.tensor(x, dtype=torch.float32)[order], torch.tensor(y)[order]
    kept = (benign == 1) | (torch.rand(len(y)) < 0.35)
    table, benign = z_scores(table[kept]), benign[kept]
    train = TensorDataset(table[80:], benign[80:])
    weights = 1 / torch.bincount(benign[80:])[benign[80:]]
    model = nn.Sequential(nn.Linear(30, 24), nn.ReLU(), nn.Linear(24, 2))
    return {
        "model": model,
        "loader": DataLoader(train, batch_size=20, sampler=WeightedRandomSampler(weights.tolist(), len(train))),
        "val_loader": batches_of(table[:80], benign[:80], size=20, shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
    }
