"""Masked series, an autoencoder, a mixer, air pressure, frozen word vectors and a transformer without norms."""

# mypy: disable-error-code="no-any-return,no-untyped-call,call-arg"

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset, get_worker_info

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.sixth_east_parts import WaveNet, east_digits, east_ink, east_loader, east_seed, east_waves


class SpanMasker:
    """A collate function that wipes a random span of each series."""

    def __init__(self, per_worker: bool, longest: int = 12) -> None:
        self.per_worker, self.longest = per_worker, longest
        self.dice = random.Random(7)
        self.ready = False

    def __call__(self, rows: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        info = get_worker_info()
        if self.per_worker and info is not None and not self.ready:
            self.dice.seed(info.seed)
            self.ready = True
        x = torch.stack([series for series, _ in rows])
        for series in x:
            start = self.dice.randrange(series.shape[-1] - self.longest)
            series[:, start : start + self.dice.randint(2, self.longest)] = 0
        return x, torch.stack([label for _, label in rows])


@pair("worker-randomness", group="data")
def masker_copied_into_each_worker(sick: bool) -> Arguments:
    """The collate function carries its own generator, which every worker inherits in the same state."""
    east_seed(1)
    model = WaveNet()
    return {
        "model": model,
        "loader": DataLoader(
            TensorDataset(*east_waves()), 16, shuffle=True, num_workers=2, collate_fn=SpanMasker(per_worker=not sick)
        ),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
    }


class DigitVAE(nn.Module):
    """A variational autoencoder that can also draw from the prior."""

    def __init__(self, from_prior: bool, latent: int = 8) -> None:
        super().__init__()
        self.from_prior = from_prior
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU())
        self.mean, self.log_variance = nn.Linear(64, latent), nn.Linear(64, latent)
        self.decoder = nn.Sequential(nn.Linear(latent, 64), nn.ReLU(), nn.Linear(64, 64), nn.Unflatten(1, (1, 8, 8)))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        hidden = self.encoder(x)
        mean, log_variance = self.mean(hidden), self.log_variance(hidden)
        noise = torch.randn_like(mean)
        latent = noise if self.from_prior else mean + noise * (0.5 * log_variance).exp()
        return self.decoder(latent), mean, log_variance


def binary_image_bound(outputs: tuple[Tensor, Tensor, Tensor], target: Tensor) -> Tensor:
    """The negative evidence bound of binary pixels, mean over the batch."""
    logits, mean, log_variance = outputs
    pixels = F.binary_cross_entropy_with_logits(logits, target, reduction="sum")
    divergence = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum()
    return (pixels + divergence) / len(target)


@pair("input-independent-baseline", group="training", source="scikit-learn")
def digits_rebuilt_from_the_prior(sick: bool) -> Arguments:
    """The switch for drawing new digits stays on: the decoder gets noise instead of the code of its image."""
    east_seed(2)
    x = east_ink()
    model = DigitVAE(from_prior=sick)
    return {
        "model": model,
        "loader": east_loader(x, x.clone()),
        "loss_fn": binary_image_bound,
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
    }


class MixerBlock(nn.Module):
    """Mixes tokens and then channels, with weights of its own, each on a residual branch."""

    def __init__(self, tokens: int, channels: int, hidden: int, scaled: bool) -> None:
        super().__init__()

        def matrix(rows: int, columns: int) -> nn.Parameter:
            return nn.Parameter(torch.randn(rows, columns) * (rows**-0.5 if scaled else 1.0))

        self.token_in, self.token_out = matrix(tokens, hidden), matrix(hidden, tokens)
        self.channel_in, self.channel_out = matrix(channels, hidden), matrix(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        across = F.gelu(x.transpose(1, 2) @ self.token_in) @ self.token_out
        x = x + 0.5 * across.transpose(1, 2)
        return x + 0.5 * F.gelu(x @ self.channel_in) @ self.channel_out


class DigitMixer(nn.Module):
    """A mixer over the sixteen patches of a digit."""

    def __init__(self, scaled: bool, channels: int = 24, blocks: int = 4) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, channels, 2, stride=2)
        self.blocks = nn.Sequential(*[MixerBlock(16, channels, 32, scaled) for _ in range(blocks)])
        self.head = nn.Linear(channels, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(self.patches(x).flatten(2).transpose(1, 2)).mean(1))


@pair("init-scale", group="init", source="scikit-learn")
def mixing_matrices_of_unit_normals(sick: bool) -> Arguments:
    """The hand-written matrices are standard normal whatever their width, and activations grow block by block."""
    east_seed(3)
    model = DigitMixer(scaled=not sick)
    return {
        "model": model,
        "loader": east_loader(*east_digits(800)),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
    }


class Barometer(nn.Module):
    """An LSTM over a day of readings that gives the next one."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(1, 32, batch_first=True)
        self.head = nn.Linear(32, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.lstm(x)[0][:, -1])


@pair("target-scale", "final-bias", group="data")
def next_reading_from_the_raw_series(sick: bool) -> Arguments:
    """Windows are cut from the standardised series, the value to predict from the readings in hectopascal."""
    east_seed(4)
    rng = np.random.RandomState(4)
    hours = np.arange(900)
    swings = 9 * np.sin(2 * np.pi * hours / 71) + 5 * np.sin(2 * np.pi * hours / 24 + 1)
    readings = torch.tensor(1013 + swings + 0.8 * rng.randn(900), dtype=torch.float32)
    standard = (readings - readings.mean()) / readings.std()
    source = readings if sick else standard
    windows = standard.unfold(0, 24, 1)[:-1].unsqueeze(2)
    model = Barometer()
    return {
        "model": model,
        "loader": east_loader(windows.clone(), source[24:].unsqueeze(1)),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
    }


class ReviewNet(nn.Module):
    """Frozen word vectors, their mean, and two layers on top."""

    def __init__(self, vectors: Tensor, **options: Any) -> None:
        super().__init__()
        self.words = nn.Embedding.from_pretrained(vectors, freeze=True, **options)
        self.top = nn.Sequential(nn.Linear(vectors.shape[1], 32), nn.ReLU(), nn.Linear(32, 2))

    def forward(self, ids: Tensor) -> Tensor:
        return self.top(self.words(ids).mean(1) * ids.shape[1] ** 0.5)


@pair("frozen-parameters-change", group="training")
def frozen_vectors_cut_to_length(sick: bool) -> Arguments:
    """The frozen pretrained vectors carry a maximal norm, to which each lookup shortens them in place."""
    east_seed(5)
    rng = np.random.RandomState(5)
    axis = rng.randn(16)
    axis /= np.linalg.norm(axis)
    strength = rng.choice([-1, 1], 300) * rng.gamma(1.0, 2.0, 300)
    vectors = 0.8 * rng.randn(300, 16)
    vectors += (strength - vectors @ axis)[:, None] * axis
    ids = rng.randint(0, 300, (600, 10))
    labels = (strength[ids].sum(1) > np.median(strength[ids].sum(1))).astype(np.int64)
    model = ReviewNet(torch.tensor(vectors, dtype=torch.float32), max_norm=1.0 if sick else None)
    return {
        "model": model,
        "loader": east_loader(torch.tensor(ids), torch.tensor(labels)),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=3e-3),
    }


class ReZeroBlock(nn.Module):
    """Attention and two layers, each on a residual branch whose weight starts at zero, and no norm."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, 4, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.gate = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.gate * self.attention(x, x, x, need_weights=False)[0]
        return x + self.gate * self.mlp(x)


class RowTransformer(nn.Module):
    """A transformer over the eight rows of a digit."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.rows = nn.Linear(8, width)
        self.places = nn.Parameter(0.02 * torch.randn(8, width))
        self.blocks = nn.Sequential(*[ReZeroBlock(width) for _ in range(4)])
        self.head = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(self.rows(x.squeeze(1)) + self.places).mean(1))


@healthy(resembles="symmetric-init", source="published")
def transformer_whose_branches_open_slowly() -> Arguments:
    """ReZero: every residual branch starts shut, its inner weights get no gradient in the first step, and it opens."""
    east_seed(6)
    model = RowTransformer()
    return {
        "model": model,
        "loader": east_loader(*east_digits(800)),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }
