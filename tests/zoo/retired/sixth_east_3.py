"""Pairs of recordings, a factorisation machine, a stream of folders, a recommender, small chips and token tags."""

# mypy: disable-error-code="no-any-return,no-untyped-call,call-arg"

from __future__ import annotations

import copy
import random
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, IterableDataset
from transformers import BertConfig, BertForTokenClassification

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.sixth_east_parts import DigitNet, WaveNet, east_digits, east_loader, east_seed, east_waves


class SameShape(nn.Module):
    """Whether two recordings have the same wave shape, from both codes, their distance and their product."""

    def __init__(self, both: bool) -> None:
        super().__init__()
        self.both = both
        self.encoder = WaveNet().body
        self.head = nn.Sequential(nn.Linear(4 * 24, 48), nn.ReLU(), nn.Linear(48, 2))

    def encode(self, series: Tensor) -> Tensor:
        """The mean code over time."""
        return self.encoder(series).mean(2)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        u = self.encode(first)
        v = self.encode(second) if self.both else self.encode(first)
        return self.head(torch.cat([u, v, (u - v).abs(), u * v], 1))


@pair("unused-input", group="wiring")
def second_recording_never_encoded(sick: bool) -> Arguments:
    """A slip of the keyboard encodes the first recording twice, so that the second one is never looked at."""
    east_seed(1)
    x, shapes = east_waves(1200, seed=9)
    first, second = x[:600], x[600:]
    same = shapes[:600] == shapes[600:]
    order = np.random.RandomState(2).permutation(600)
    partner = torch.arange(600)
    for index in order[:200]:
        alike = torch.nonzero(shapes[600:] == shapes[index])[:, 0]
        partner[index] = alike[(alike > index).nonzero()[:1, 0]] if (alike > index).any() else alike[0]
    second = second[partner]
    same = shapes[:600] == shapes[600:][partner]
    model = SameShape(both=not sick)
    return {
        "model": model,
        "loader": east_loader(first, second, same.long()),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
    }


class FactorisationMachine(nn.Module):
    """A linear model plus all products of two features, whose weights are of low rank (Rendle, 2010)."""

    def __init__(self, features: int, spread: float, rank: int = 6) -> None:
        super().__init__()
        self.linear = nn.Linear(features, 1)
        self.factors = nn.Parameter(torch.empty(features, rank))
        nn.init.normal_(self.factors, std=spread)

    def forward(self, x: Tensor) -> Tensor:
        squares = (x @ self.factors).square() - x.square() @ self.factors.square()
        return self.linear(x) + 0.5 * squares.sum(1, keepdim=True)


@pair("symmetric-init", group="init")
def factors_of_spread_nought(sick: bool) -> Arguments:
    """The factors of the products start at zero, where their gradient is zero too: no product is ever learnt."""
    east_seed(2)
    rng = np.random.RandomState(2)
    x = rng.randn(900, 12)
    own = rng.randn(12, 3)
    products = 0.5 * ((x @ own) ** 2 - (x**2) @ (own**2)).sum(1)
    y = 0.4 * x @ rng.randn(12) / 12**0.5 + products / products.std() + 0.1 * rng.randn(900)
    y = (y - y.mean()) / y.std()
    model = FactorisationMachine(12, spread=0.0 if sick else 0.1)
    return {
        "model": model,
        "loader": east_loader(torch.tensor(x, dtype=torch.float32), torch.tensor(y[:, None], dtype=torch.float32)),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-2),
    }


class FolderStream(IterableDataset[tuple[Tensor, Tensor]]):
    """Images read from one folder for each class, through a buffer from which they are drawn at random."""

    def __init__(self, x: Tensor, y: Tensor, buffer: int) -> None:
        self.x, self.y, self.buffer = x, y, buffer
        self.files = torch.argsort(y, stable=True).tolist()
        self.dice = random.Random(3)

    def __len__(self) -> int:
        return len(self.files)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        waiting: list[int] = []
        for name in self.files:
            waiting.append(name)
            if len(waiting) >= self.buffer:
                chosen = waiting.pop(self.dice.randrange(len(waiting)))
                yield self.x[chosen], self.y[chosen]
        self.dice.shuffle(waiting)
        for chosen in waiting:
            yield self.x[chosen], self.y[chosen]


@pair("not-shuffled", group="data", source="scikit-learn")
def shuffle_buffer_smaller_than_a_folder(sick: bool) -> Arguments:
    """A shuffle buffer of 16 images over folders of a hundred leaves the classes one after the other."""
    east_seed(3)
    x, y = east_digits(600, classes=6)
    model = DigitNet(6)
    return {
        "model": model,
        "loader": DataLoader(FolderStream(x, y, buffer=16 if sick else 600), batch_size=32),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


class Ratings(Dataset[dict[str, Tensor]]):
    """Ratings of films by people, both described by a few numbers, scaled to [0, 1] or as stars."""

    def __init__(self, scaled: bool) -> None:
        rng = np.random.RandomState(6)
        people, films = rng.randn(1000, 6), rng.randn(1000, 6)
        taste = (people * films).sum(1) / 6**0.5 + 0.8 * films[:, 0] + 0.3 * rng.randn(1000)
        stars = np.digitize(taste, np.quantile(taste, [0.1, 0.3, 0.6, 0.85])) + 1.0
        self.people = torch.tensor(people, dtype=torch.float32)
        self.films = torch.tensor(films, dtype=torch.float32)
        self.ratings = torch.tensor((stars - 1) / 4 if scaled else stars, dtype=torch.float32)

    def __len__(self) -> int:
        return len(self.ratings)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        liked = (self.ratings[index] >= 4).float()
        return {"person": self.people[index], "film": self.films[index], "label": liked}


class TwoTowers(nn.Module):
    """A tower for the person, a tower for the film, and the product of their codes."""

    def __init__(self) -> None:
        super().__init__()
        self.person = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 16))
        self.film = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 16))
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, person: Tensor, film: Tensor) -> Tensor:
        return (self.person(person) * self.film(film)).sum(1) + self.bias


def towers_forward(model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    """Both towers on their part of a batch."""
    return model(batch["person"], batch["film"])


@pair("label-range", group="data")
def four_stars_asked_of_scaled_ratings(sick: bool) -> Arguments:
    """Ratings were scaled to [0, 1] before "at least four" is asked of them, so that nobody likes anything."""
    east_seed(4)
    model = TwoTowers()
    return {
        "model": model,
        "loader": DataLoader(Ratings(scaled=sick), batch_size=32, shuffle=True),
        "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "forward": towers_forward,
        "task": "binary",
    }


class RowReader(nn.Module):
    """A GRU that reads a digit row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(8, 40, batch_first=True)
        self.head = nn.Linear(40, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.gru(x.squeeze(1))[0][:, -1])


@torch.no_grad()
def quantise_weights(model: nn.Module, bits: int = 4) -> nn.Module:
    """Round all weights of a model to a few levels."""
    for parameter in model.parameters():
        step = parameter.abs().max() / 2 ** (bits - 1) + 1e-12
        parameter.copy_((parameter / step).round() * step)
    return model


@torch.no_grad()
def accuracy_on_a_small_chip(model: nn.Module, batch: list[Tensor]) -> float:
    """Accuracy with the weights that the chip will have."""
    model.eval()
    small = quantise_weights(model)
    return (small(batch[0]).argmax(1) == batch[1]).float().mean().item()


@torch.no_grad()
def accuracy_of_a_small_copy(model: nn.Module, batch: list[Tensor]) -> float:
    """Accuracy of a copy with the weights that the chip will have."""
    model.eval()
    small = quantise_weights(copy.deepcopy(model))
    return (small(batch[0]).argmax(1) == batch[1]).float().mean().item()


@pair("evaluation-changes-model", group="training", source="scikit-learn")
def rounded_for_the_chip_and_left_so(sick: bool) -> Arguments:
    """The accuracy of four-bit weights is measured on the model itself, whose weights stay rounded afterwards."""
    east_seed(5)
    x, y = east_digits(900)
    model = RowReader()
    return {
        "model": model,
        "loader": east_loader(x[:700], y[:700]),
        "val_loader": DataLoader(list(zip(x[700:], y[700:], strict=True)), batch_size=50),  # type: ignore[arg-type]
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "eval_step": accuracy_on_a_small_chip if sick else accuracy_of_a_small_copy,
    }


@healthy(resembles="label-range", source="transformers")
def tags_with_places_that_do_not_count() -> Arguments:
    """Special tokens and padding carry the label −100, which the loss of the library leaves out."""
    east_seed(6)
    rng = np.random.RandomState(6)
    config = BertConfig(
        vocab_size=50,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=20,
        num_labels=3,
    )
    model = BertForTokenClassification(config)
    rows = []
    for _ in range(400):
        length = int(rng.randint(6, 14))
        words = rng.randint(5, 50, length)
        tags = np.where(words < 20, 1, np.where((words >= 35) & (np.roll(words, 1) < 20), 2, 0))
        ids, labels, mask = np.zeros(16, dtype=int), np.full(16, -100), np.zeros(16, dtype=int)
        ids[0], ids[1 : length + 1], ids[length + 1] = 2, words, 3
        labels[1 : length + 1] = tags
        mask[: length + 2] = 1
        row = {"input_ids": ids, "attention_mask": mask, "labels": labels}
        rows.append({name: torch.tensor(value) for name, value in row.items()})
    return {
        "model": model,
        "loader": DataLoader(rows, batch_size=32, shuffle=True),  # type: ignore[arg-type]
        "optimizer": torch.optim.AdamW(model.parameters(), lr=1e-3),
    }
