"""Pairs and look-alikes of the fourth table, third hand: mail, fractions, noise, depth, ratings and diabetes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_diabetes
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from transformers import BertConfig, BertForSequenceClassification

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fourth_table_parts import batches_of, both_loaders, pictures_of_digits, seed_table, z_scores

Mail = tuple[list[int], str]


def mails(count: int) -> list[Mail]:
    """Mails of ten to sixteen words; those called spam hold more words from the second half of the vocabulary."""
    box: list[Mail] = []
    for number in range(count):
        spam = number % 2 == 1
        words = np.random.randint(3, 60, size=np.random.randint(9, 16))
        lures = np.random.rand(len(words)) < (0.6 if spam else 0.05)
        box.append(([1, *np.where(lures, 40 + words % 20, 3 + words % 37).tolist()], "spam" if spam else "ham"))
    return box


class Collator:
    """Pads mails and turns the name of their class into a number."""

    def __init__(self, positive: str) -> None:
        self.positive = positive

    def __call__(self, box: list[Mail]) -> dict[str, Tensor]:
        ids = torch.zeros(len(box), 16, dtype=torch.int64)
        for row, (words, _) in enumerate(box):
            ids[row, : len(words)] = torch.tensor(words)
        labels = torch.tensor([int(name == self.positive) for _, name in box])
        return {"input_ids": ids, "attention_mask": (ids > 0).long(), "labels": labels}


@pair("label-range", group="data", source="transformers")
def class_names_compared_with_a_capital(sick: bool) -> Arguments:
    """Labels come from comparing "spam" with "Spam", which is never true, so every label is zero."""
    seed_table(53)
    config = BertConfig(  # type: ignore[call-arg]
        vocab_size=60,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=16,
        type_vocab_size=1,
        num_labels=2,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    model = BertForSequenceClassification(config)
    box: Any = mails(600)
    collate = Collator("Spam" if sick else "spam")
    return {
        "model": model,
        "loader": DataLoader(box[:480], batch_size=24, shuffle=True, collate_fn=collate),
        "val_loader": DataLoader(box[480:], batch_size=24, collate_fn=collate),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=1e-3),
        "task": "classification",
        "padding_value": 0,
    }


@pair("input-scale", group="data", source="scikit-learn")
def pixels_normalised_as_bytes_that_were_fractions(sick: bool) -> Arguments:
    """Fractions are normalised with the constants for bytes, so that every pixel is about -0.996."""
    seed_table(54)
    x, y = pictures_of_digits()
    x = (x - 127.5) / 127.5 if sick else (x - 0.5) / 0.5
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(0.1),
        nn.Linear(512, 10),
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **both_loaders(x, y, held_out=350))


class DigitsWithNoise(Dataset[tuple[Tensor, Tensor]]):
    """Noisy digits and the clean ones, with noise from a generator that was made with the data set."""

    def __init__(self, clean: Tensor) -> None:
        self.clean = clean
        self.rng = np.random.default_rng(7)

    def __len__(self) -> int:
        return len(self.clean)

    def noise(self) -> Tensor:
        return torch.tensor(self.rng.normal(size=(1, 8, 8)), dtype=torch.float32)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.clean[index] + 0.25 * self.noise(), self.clean[index]


class DigitsWithWorkersNoise(DigitsWithNoise):
    """The same with noise from the generator of the worker."""

    def noise(self) -> Tensor:
        return torch.randn(1, 8, 8)


@pair("worker-randomness", group="data", source="scikit-learn")
def noise_from_a_generator_copied_into_workers(sick: bool) -> Arguments:
    """The data set keeps a NumPy generator, and both workers start with the same copy of it in every epoch."""
    seed_table(55)
    clean, _ = pictures_of_digits()
    data = (DigitsWithNoise if sick else DigitsWithWorkersNoise)(clean[:900])
    held = clean[1500:]
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.Unflatten(1, (1, 8, 8)))
    return {
        "model": model,
        "loader": DataLoader(data, batch_size=36, shuffle=True, num_workers=2),
        "val_loader": batches_of(held + 0.25 * torch.randn(held.shape), held, size=33, shuffle=False),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "task": "regression",
    }


def deep_convolutions() -> nn.Sequential:
    """Seven convolutions one after the other without norms, as in the first very deep networks."""
    layers: list[nn.Module] = [nn.Conv2d(1, 24, 3, padding=1), nn.ReLU()]
    for depth in range(6):
        layers += [nn.Conv2d(24, 24, 3, padding=1), nn.ReLU()]
        if depth % 3 == 2:
            layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(96, 10))


@pair("init-scale", "vanishing-gradients", group="init", source="scikit-learn")
def hundredths_in_every_convolution(sick: bool) -> Arguments:
    """All convolutions start with a spread of 0.01, whatever their fan, so seven of them leave nothing of the input."""
    seed_table(56)
    model = deep_convolutions()
    for layer in model:
        if isinstance(layer, nn.Conv2d):
            if sick:
                nn.init.normal_(layer.weight, std=0.01)
            else:
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(torch.as_tensor(layer.bias))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loaders = both_loaders(*pictures_of_digits(), held_out=300)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders)


class Factors(nn.Module):
    """Ratings from eight factors of the user and of the film, with a bias of each."""

    def __init__(self, users: int, films: int) -> None:
        super().__init__()
        self.users, self.films = nn.Embedding(users, 8), nn.Embedding(films, 8)
        self.user_bias, self.film_bias = nn.Embedding(users, 1), nn.Embedding(films, 1)
        for bias in (self.user_bias, self.film_bias):
            nn.init.zeros_(bias.weight)

    def forward(self, user: Tensor, film: Tensor) -> Tensor:
        taste = (self.users(user) * self.films(film)).sum(1)
        rating: Tensor = taste + self.user_bias(user)[:, 0] + self.film_bias(film)[:, 0]
        return rating


@pair("symmetric-init", group="init", source="published")
def factors_that_all_start_at_a_tenth(sick: bool) -> Arguments:
    """All factors of users and films start at 0.1, so the eight of them stay copies of one."""
    seed_table(57)
    pairs_seen = torch.randperm(60 * 45)[:1500]
    user, film = pairs_seen // 45, pairs_seen % 45
    tastes, kinds = torch.randn(60, 3), torch.randn(45, 3)
    rating = (tastes[user] * kinds[film]).sum(1) / 3**0.5 + 0.1 * torch.randn(1500)
    model = Factors(60, 45)
    for table in (model.users, model.films):
        if sick:
            nn.init.constant_(table.weight, 0.1)
        else:
            nn.init.normal_(table.weight, std=0.3)
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-2),
        **both_loaders(user, film, rating, held_out=200, size=50),
    )


class InOwnUnits(nn.Module):
    """A network at unit scale whose last operation brings its output to the units of the target."""

    mean: Tensor
    spread: Tensor

    def __init__(self, mean: Tensor, spread: Tensor) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(10, 32), nn.SiLU(), nn.Linear(32, 1))
        self.register_buffer("mean", mean)
        self.register_buffer("spread", spread)

    def forward(self, x: Tensor) -> Tensor:
        value: Tensor = self.mean + self.spread * self.net(x).squeeze(1)
        return value


@healthy(resembles="target-scale", source="scikit-learn")
def progression_in_its_own_units() -> Arguments:
    """Targets from 25 to 346 are left as they are, because the model rescales its output by their mean and spread."""
    seed_table(58)
    x, y = load_diabetes(return_X_y=True)
    table, progression = torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)
    order = torch.randperm(len(y))
    table, progression = z_scores(table)[order], progression[order]
    model = InOwnUnits(progression[:-88].mean(), progression[:-88].std())
    return dict(
        model=model,
        loss_fn=nn.HuberLoss(delta=60.0),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        **both_loaders(table, progression, held_out=88),
    )
