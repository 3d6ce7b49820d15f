"""Programs about sensors, hashed identities, decaying rates, shared norms, empty histories, small embeddings."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import lr_scheduler
from transformers import AlbertConfig, AlbertForSequenceClassification

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.sixth_fern_parts import fern_digits, fern_loaders, fern_seeds, fern_sentences, fern_waves


class PerRecordingScaler:
    """A collate function that standardises each channel of each recording."""

    def __init__(self, eps: float) -> None:
        self.eps = eps

    def __call__(self, rows: list[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
        signal = torch.stack([row[0] for row in rows])
        signal = signal - signal.mean(-1, keepdim=True)
        return {
            "signal": signal / (signal.std(-1, keepdim=True) + self.eps),
            "label": torch.stack([row[1] for row in rows]),
        }


@pair("nonfinite-data", group="data")
def stuck_sensor_divided_by_its_spread(sick: bool) -> Arguments:
    """Each channel is divided by its standard deviation, which is zero where a sensor was stuck: NaN."""
    fern_seeds()
    x, y = fern_waves(600, 48, channels=3)
    stuck = torch.rand(len(x)) < 0.15
    x[stuck, 2] = 0.5
    model = nn.Sequential(
        nn.Conv1d(3, 24, 7, padding=3), nn.ReLU(), nn.MaxPool1d(4), nn.Conv1d(24, 24, 5, padding=2), nn.ReLU(),
        nn.Flatten(), nn.Linear(24 * 12, 3),
    )  # fmt: skip
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        split=lambda batch: (batch["signal"], batch["label"]),
        **fern_loaders(x, y, collate=PerRecordingScaler(0.0 if sick else 1e-6)),
    )


class HashedRecommender(nn.Module):
    """A click model whose identities are hashed into buckets."""

    def __init__(self, buckets: int, width: int = 16) -> None:
        super().__init__()
        self.buckets = buckets
        self.users, self.items = nn.Embedding(buckets, width), nn.Embedding(buckets, width)
        self.head = nn.Sequential(nn.Linear(2 * width, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))

    def forward(self, ids: Tensor) -> Any:
        bucket = (ids * 2654435761 >> 7) % self.buckets
        return self.head(torch.cat([self.users(bucket[:, 0]), self.items(bucket[:, 1])], 1)).squeeze(1)


@pair("capacity", "overfit-one-batch", group="training")
def identities_hashed_into_three_buckets(sick: bool) -> Arguments:
    """All users and items share three hash buckets each, so that no width of the network can tell them apart."""
    fern_seeds()
    cells = torch.randperm(40 * 40)[:1200]
    ids = torch.stack([cells // 40, cells % 40], 1)
    taste, kind = torch.randn(40), torch.randn(40)
    clicked = (taste[ids[:, 0]] + kind[ids[:, 1]] > 0).float()
    model = HashedRecommender(buckets=3 if sick else 4096)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(
        model=model, loss_fn=nn.BCEWithLogitsLoss(), optimizer=optimizer, task="binary", **fern_loaders(ids, clicked)
    )


@pair("lr-schedule", group="training", source="scikit-learn")
def decay_that_compounds_its_own_factor(sick: bool) -> Arguments:
    """The factor 0.99 ** step, meant for the base rate, multiplies the last rate: gone after a tenth of the run."""
    fern_seeds()
    x, y = fern_digits()
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(256, 10),
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    scheduler_type = lr_scheduler.MultiplicativeLR if sick else lr_scheduler.LambdaLR
    scheduler = scheduler_type(optimizer, lambda step: 0.99**step)

    def train_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer, scheduler: Any) -> Tensor:
        optimizer.zero_grad()
        loss: Tensor = nn.functional.cross_entropy(model(batch[0]), batch[1])
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        scheduler.step()
        return loss.detach()

    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        scheduler=scheduler,
        train_step=train_step,
        total_steps=400,
        **fern_loaders(x, y),
    )


class TwoTowers(nn.Module):
    """A network of an image and a spectrum, each with its own encoder, put together after normalisation."""

    def __init__(self, shared: bool, width: int = 32) -> None:
        super().__init__()
        self.image = nn.Sequential(nn.Flatten(), nn.Linear(64, width))
        self.spectrum = nn.Linear(20, width)
        self.image_norm = nn.BatchNorm1d(width)
        self.spectrum_norm = self.image_norm if shared else nn.BatchNorm1d(width)
        self.head = nn.Sequential(nn.Linear(2 * width, 48), nn.ReLU(), nn.Linear(48, 10))

    def forward(self, image: Tensor, spectrum: Tensor) -> Any:
        a = torch.relu(self.image_norm(self.image(image)))
        b = torch.relu(self.spectrum_norm(self.spectrum(spectrum)))
        return self.head(torch.cat([a, b], 1))


@pair("batchnorm-statistics", group="wiring", source="scikit-learn")
def one_norm_for_two_modalities(sick: bool) -> Arguments:
    """One BatchNorm serves both modalities: its running statistics describe neither, and evaluation goes wrong."""
    fern_seeds()
    x, y = fern_digits()
    spectrum = torch.rand(10, 20)[y] * 2 + 0.5 * torch.randn(len(y), 20) + 2.0
    model = TwoTowers(shared=sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **fern_loaders(x, spectrum, y))


class HistoryTower(nn.Module):
    """Scores a film for a user who is the mean of the films seen."""

    def __init__(self, films: int, at_least: int, width: int = 24) -> None:
        super().__init__()
        self.films = nn.Embedding(films + 1, width, padding_idx=0)
        self.head = nn.Sequential(nn.Linear(2 * width, 48), nn.ReLU(), nn.Linear(48, 1))
        self.at_least = at_least

    def forward(self, history: Tensor, film: Tensor) -> Any:
        seen = (history > 0).sum(1, keepdim=True).clamp(min=self.at_least)
        user = self.films(history).sum(1) / seen
        return self.head(torch.cat([user, self.films(film)], 1)).squeeze(1)


@pair("nonfinite-forward", group="backward", source="published")
def mean_of_an_empty_history(sick: bool) -> Arguments:
    """A user is the mean of the films seen; for new users that is zero divided by zero."""
    fern_seeds()
    genre = torch.arange(81) % 2
    favourite = torch.randint(2, (1200,))
    history = 2 * torch.randint(1, 40, (1200, 8)) + favourite[:, None]
    history[torch.arange(8) >= torch.randint(3, 9, (1200, 1))] = 0
    history[torch.rand(1200) < 0.05] = 0
    cold = (history == 0).all(1)
    film = torch.randint(1, 81, (1200,))
    film[cold] = torch.randperm(80)[: int(cold.sum())] + 1
    liked = (genre[film] == favourite).float()
    liked[cold] = (film[cold] > 40).float()
    model = HistoryTower(80, at_least=0 if sick else 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return dict(
        model=model,
        loss_fn=nn.BCEWithLogitsLoss(),
        optimizer=optimizer,
        task="binary",
        **fern_loaders(history, film, liked),
    )


def as_albert_batch(rows: list[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    tokens = torch.stack([row[0] for row in rows])
    return {
        "input_ids": tokens,
        "attention_mask": torch.ones_like(tokens),
        "labels": torch.stack([row[1] for row in rows]),
    }


@healthy(resembles="no-nonlinearity", source="transformers")
def albert_factors_its_embedding() -> Arguments:
    """ALBERT maps small embeddings up by a linear layer with nothing between, which is its way of saving parameters."""
    fern_seeds()
    words = fern_sentences(600)
    label = (words[:, 3:9] > 13).sum(1).gt(3).long()
    config = AlbertConfig(
        vocab_size=26, embedding_size=8, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=64, max_position_embeddings=16, hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0, classifier_dropout_prob=0.0, initializer_range=0.1, pad_token_id=0,
    )  # fmt: skip
    model = AlbertForSequenceClassification(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.0)
    return dict(
        model=model, optimizer=optimizer, task="classification", **fern_loaders(words, label, collate=as_albert_batch)
    )
