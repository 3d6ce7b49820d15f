"""Pairs and look-alikes of the fourth table, sixth hand: customers, shards, beaches, dense layers, events and a VAE."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch
from sklearn.datasets import load_diabetes
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fourth_table_parts import batches_of, both_loaders, pictures_of_digits, seed_table, z_scores


def customers(count: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Customers with their use of a service, and their contracts with a line for each time one was printed."""
    use = pd.DataFrame(np.random.randn(count, 5), columns=["calls", "data", "roaming", "age", "tickets"])
    use["customer"] = np.arange(count)
    fee = np.random.randn(count)
    score = use["tickets"] + 0.8 * fee - 0.7 * use["calls"] + use["data"] * use["roaming"]
    use["left"] = (score + 0.1 * np.random.randn(count) > 0).astype("float32")
    prints = np.random.randint(1, 4, size=count)
    return use, pd.DataFrame({"customer": np.repeat(np.arange(count), prints), "fee": np.repeat(fee, prints)})


@pair("duplicate-samples", group="data")
def customers_merged_on_a_key_that_repeats(sick: bool) -> Arguments:
    """The table of contracts has several lines for a customer, and each of them makes a row of the merged table."""
    seed_table(81)
    use, contracts = customers(760)
    if not sick:
        contracts = contracts.drop_duplicates("customer")
    merged = use.merge(contracts, on="customer").sample(frac=1.0, random_state=2)
    train, held = merged[merged["customer"] < 600], merged[merged["customer"] >= 600].drop_duplicates("customer")
    columns = ["calls", "data", "roaming", "age", "tickets", "fee"]
    parts = [
        (torch.tensor(part[columns].to_numpy(dtype="float32")), torch.tensor(part[["left"]].to_numpy(dtype="float32")))
        for part in (train, held)
    ]
    model = nn.Sequential(nn.Linear(6, 40), nn.SELU(), nn.Linear(40, 20), nn.SELU(), nn.Linear(20, 1))
    return {
        "model": model,
        "loader": batches_of(*parts[0], size=24),
        "val_loader": batches_of(*parts[1], size=20, shuffle=False),
        "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": torch.optim.NAdam(model.parameters(), lr=3e-3),
    }


class Shards(IterableDataset[tuple[Tensor, Tensor]]):
    """Digits from shards that each hold one class, one shard after the other, with shuffled rows."""

    def __init__(self, pictures: Tensor, labels: Tensor) -> None:
        self.pictures, self.labels = pictures, labels

    def order(self) -> Tensor:
        shards = [torch.nonzero(self.labels == kind).squeeze(1) for kind in range(10)]
        return torch.cat([rows[torch.randperm(len(rows))] for rows in shards])

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for row in self.order().tolist():
            yield self.pictures[row], self.labels[row]


class MixedShards(Shards):
    """The same through a buffer that holds all shards and is shuffled."""

    def order(self) -> Tensor:
        rows = super().order()
        return rows[torch.randperm(len(rows))]


class RowByRow(nn.Module):
    """An LSTM over the rows of a digit in both directions."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(8, 32, batch_first=True, bidirectional=True)
        self.kind = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.lstm(x.squeeze(1))
        kind: Tensor = self.kind(states.amax(1))
        return kind


def step_on_rows(model: RowByRow, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step on a batch of digits."""
    model.train()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()


@pair("not-shuffled", group="data", source="scikit-learn")
def shards_of_classes_streamed_in_turn(sick: bool) -> Arguments:
    """A stream yields the shard of one class after that of another, and shuffles rows only within a shard."""
    seed_table(82)
    x, y = pictures_of_digits()
    model = RowByRow()
    return {
        "model": model,
        "loader": DataLoader((Shards if sick else MixedShards)(x[:1200], y[:1200]), batch_size=30),
        "val_loader": batches_of(x[1500:], y[1500:], size=33, shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "train_step": step_on_rows,
        "optimizer": torch.optim.Adam(model.parameters(), lr=4e-3),
    }


def beaches(count: int) -> tuple[Tensor, Tensor]:
    """Colour pictures of a blue sky over yellow sand, with a red, green or blue ball somewhere."""
    kind = torch.randint(3, (count,))
    rows, columns = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    horizon = torch.randint(5, 11, (count, 1, 1, 1))
    sky, sand = torch.tensor([0.35, 0.55, 0.9]), torch.tensor([0.85, 0.75, 0.4])
    pictures = torch.where(rows < horizon, sky[:, None, None], sand[:, None, None])
    balls = torch.tensor([[0.9, 0.1, 0.1], [0.1, 0.7, 0.1], [0.1, 0.1, 0.8]])[kind][:, :, None, None]
    y, x = (4 + 8 * torch.rand(2, count, 1, 1, 1)).unbind(0)
    inside = (rows - y) ** 2 + (columns - x) ** 2 < 9
    pictures = torch.where(inside, balls, pictures) * (0.8 + 0.4 * torch.rand(count, 1, 1, 1))
    return (pictures + 0.04 * torch.randn(count, 3, 16, 16)).clamp(0, 1), kind


@pair("train-val-shift", group="data")
def validation_pictures_with_blue_first(sick: bool) -> Arguments:
    """Training reads pictures as red, green, blue, while validation reads them as blue, green, red."""
    seed_table(83)
    pictures, kind = beaches(620)
    held = pictures[480:]
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(32, 3),
    )
    return {
        "model": model,
        "loader": batches_of(pictures[:480], kind[:480], size=24),
        "val_loader": batches_of(held.flip(1) if sick else held, kind[480:], size=28, shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9, weight_decay=1e-4),
    }


class Dense(nn.Module):
    """A dense layer by hand, with a gain for what its weights are drawn with."""

    def __init__(self, inside: int, outside: int, gain: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(gain * torch.randn(inside, outside))
        self.bias = nn.Parameter(torch.zeros(outside))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight + self.bias


@pair("init-scale", "exploding-gradients", group="init", source="scikit-learn")
def weights_never_divided_by_the_root_of_the_fan(sick: bool) -> Arguments:
    """Hand-written dense layers take their weights from randn as they come, so each layer multiplies the spread."""
    seed_table(84)
    x, y = load_diabetes(return_X_y=True)
    table, target = torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)[:, None]
    order = torch.randperm(len(y))
    sizes = [10, 64, 64, 64, 64, 1]
    layers: list[nn.Module] = []
    for inside, outside in itertools.pairwise(sizes):
        usual = (1 if outside == 1 else 2) ** 0.5 / inside**0.5
        layers += [Dense(inside, outside, 1.0 if sick else usual), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-3),
        **both_loaders(z_scores(table)[order], z_scores(target)[order], held_out=82, size=24),
    )


class EventNet(nn.Module):
    """Where in a series an event takes place."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv1d(2, 24, 7, padding=3), nn.ReLU(), nn.Conv1d(24, 24, 7, padding=3), nn.ReLU())
        self.event = nn.Conv1d(24, 1, 7, padding=3)

    def forward(self, series: Tensor) -> Tensor:
        event: Tensor = self.event(self.body(series))
        return event


def events(count: int) -> tuple[Tensor, Tensor]:
    """Noise of two channels with a few short chirps, and the middle of each chirp."""
    series, where = 0.3 * torch.randn(count, 2, 96), torch.zeros(count, 1, 96)
    chirp = torch.sin(torch.arange(9.0) ** 2 / 6) * 2
    for row in range(count):
        for start in (torch.randint(40, (2,)) + torch.tensor([0, 47])).tolist():
            series[row, :, start : start + 9] += chirp * torch.tensor([[1.0], [-0.7]])
            where[row, 0, start + 3 : start + 6] = 1.0
    return series, where


@pair("dead-units", group="init")
def prior_of_rare_events_in_every_bias(sick: bool) -> Arguments:
    """The bias of -2.7 that makes events rare at the start is given to all convolutions, not to the last alone."""
    seed_table(85)
    series, where = events(400)
    model = EventNet()
    prior = where[:-80].mean()
    for layer in model.modules():
        if isinstance(layer, nn.Conv1d) and (sick or layer is model.event):
            nn.init.constant_(torch.as_tensor(layer.bias), torch.logit(prior).item())
    return dict(
        model=model,
        loss_fn=nn.BCEWithLogitsLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        **both_loaders(series, where, held_out=80, size=20),
    )


class VAE(nn.Module):
    """A variational autoencoder of digits with eight latent dimensions."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 16))
        self.decoder = nn.Sequential(nn.Linear(8, 96), nn.ReLU(), nn.Linear(96, 64), nn.Unflatten(1, (1, 8, 8)))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, log_variance = self.encoder(x).chunk(2, 1)
        noise = torch.randn_like(mean) if self.training else torch.zeros_like(mean)
        return self.decoder(mean + (log_variance / 2).exp() * noise), mean, log_variance


def evidence_bound(outputs: tuple[Tensor, Tensor, Tensor], x: Tensor) -> Tensor:
    """The negative evidence lower bound of a picture, a sum over its pixels, in the mean over the batch."""
    scores, mean, log_variance = outputs
    pixels = F.binary_cross_entropy_with_logits(scores, x, reduction="none").sum((1, 2, 3))
    divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)
    return (pixels + divergence).mean()


@healthy(resembles="loss-at-init", source="published")
def bound_summed_over_the_pixels() -> Arguments:
    """The loss starts at 45, which is 64 pixels at the logarithm of two, as the bound of a VAE does."""
    seed_table(86)
    x, _ = pictures_of_digits()
    model = VAE()
    return dict(
        model=model,
        loss_fn=evidence_bound,
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-3),
        split=lambda batch: (batch[0], batch[0]),
        task="other",
        **both_loaders(x, held_out=297),
    )
