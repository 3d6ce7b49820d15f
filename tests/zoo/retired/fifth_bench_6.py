"""Bench programs, sixth hand: clocks, muted clips, dilated convolutions, silence, a BERT, and a frozen BatchNorm."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import BertConfig, BertModel

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fifth_bench_parts import column_loaders, digit_sheets, sown


class LastState(nn.Module):
    """A GRU whose last state is read by a linear layer."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.read = nn.GRU(features, 24, batch_first=True)
        self.head = nn.Linear(24, 1)

    def forward(self, series: Tensor) -> Any:
        return self.head(self.read(series)[0][:, -1])


@pair("input-scale", group="data")
def seconds_since_1970_beside_the_readings(sick: bool) -> Arguments:
    """The time of a reading goes in as seconds since 1970, and drowns readings of unit scale."""
    sown(29)
    start = 1.6e9 + 3.15e7 * torch.rand(900, 1, dtype=torch.float64)
    seconds = start + 900 * torch.arange(14)
    day = (seconds / 86400 % 1).float()
    readings = torch.randn(900, 14, 2) + 0.5 * torch.randn(900, 1, 2)
    target = readings[:, -6:, 0].mean(1) + 1.2 * torch.sin(2 * math.pi * day[:, -1]) + 0.1 * torch.randn(900)
    time = seconds.float() if sick else day
    series = torch.cat([readings, time.unsqueeze(2)], 2)
    model = LastState(3)
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **column_loaders(series, ((target - target.mean()) / target.std()).unsqueeze(1)),
    )


class SpeakerVector(nn.Module):
    """An x-vector in small: frames, then mean and deviation over time, then a classifier."""

    def __init__(self, floor: float) -> None:
        super().__init__()
        self.floor = floor
        self.frames = nn.Sequential(nn.Conv1d(1, 12, 7, stride=2), nn.ReLU(), nn.Conv1d(12, 16, 5, stride=2))
        self.head = nn.Linear(32, 3)

    def forward(self, clip: Tensor) -> Any:
        frames = self.frames(clip)
        mean = frames.mean(2)
        variance = (frames - mean.unsqueeze(2)).pow(2).mean(2)
        return self.head(torch.cat([mean, (variance + self.floor).sqrt()], 1))


@pair("nonfinite-gradient", group="backward", source="published")
def deviation_over_time_of_a_muted_microphone(sick: bool) -> Arguments:
    """Muted clips stay at their recorder's offset; the root of a variance of zero has an infinite derivative."""
    sown(30)
    kind = torch.randint(0, 3, (900,))
    time = torch.arange(75) / 75
    pitch = torch.tensor([3.0, 8.0, 16.0])[kind].unsqueeze(1) * (1 + 0.05 * torch.randn(900, 1))
    clip = 1.3 * (torch.sin(6.28 * (pitch * time + torch.rand(900, 1))) + 0.3 * torch.randn(900, 75))
    muted = torch.rand(900, 1) < 0.03
    clip = torch.where(muted, 0.2 * torch.randn(900, 1), clip)
    model = SpeakerVector(floor=0.0 if sick else 1e-5)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **column_loaders(clip.unsqueeze(1), kind),
    )


class DilatedStack(nn.Module):
    """A WaveNet in small: dilated convolutions with residuals over embedded tokens."""

    def __init__(self, both_sides: bool) -> None:
        super().__init__()
        self.both_sides = both_sides
        self.embed = nn.Embedding(11, 24)
        self.layers = nn.ModuleList(nn.Conv1d(24, 24, 3, dilation=d) for d in (1, 2, 4))
        self.head = nn.Linear(24, 11)

    def forward(self, tokens: Tensor) -> Any:
        h = self.embed(tokens).transpose(1, 2)
        for width, layer in zip((1, 2, 4), self.layers, strict=True):
            padding = (width, width) if self.both_sides else (2 * width, 0)
            h = h + F.relu(layer(F.pad(h, padding)))
        return self.head(h.transpose(1, 2))


def next_token_error(logits: Tensor, following: Tensor) -> Tensor:
    return F.cross_entropy(logits.transpose(1, 2), following)


@pair("causality", group="wiring", source="published")
def dilated_convolutions_padded_on_both_sides(sick: bool) -> Arguments:
    """The convolutions of a next-token model are padded on both sides, and an output sees the token it is to say."""
    sown(31)
    tokens = torch.randint(0, 11, (800, 21))
    for t in range(2, 21):
        ruled = (tokens[:, t - 1] + tokens[:, t - 2]) % 11
        tokens[:, t] = torch.where(torch.rand(800) < 0.8, ruled, tokens[:, t])
    model = DilatedStack(both_sides=sick)
    return dict(
        model=model,
        loss_fn=next_token_error,
        optimizer=torch.optim.Adam(model.parameters(), lr=4e-3),
        task="language-model",
        causal=True,
        **column_loaders(tokens[:, :-1], tokens[:, 1:]),
    )


@pair("class-imbalance", group="data")
def nearly_every_clip_is_background(sick: bool) -> Arguments:
    """Clips were cut from a day of recording: 94 in 100 are background, and four commands share the rest."""
    sown(32)
    shares = torch.tensor([0.94, 0.015, 0.015, 0.015, 0.015] if sick else [0.2] * 5)
    kind = torch.multinomial(shares, 1400, replacement=True)
    time = torch.arange(64) / 64
    pitch = torch.tensor([0.0, 4.0, 8.0, 12.0, 16.0])[kind].unsqueeze(1)
    clip = 1.1 * torch.sin(6.28 * (pitch * time + torch.rand(1400, 1))) * (pitch > 0) + 0.8 * torch.randn(1400, 64)
    model = nn.Sequential(
        nn.Conv1d(1, 12, 9, stride=2, padding=4),
        nn.BatchNorm1d(12),
        nn.ReLU(),
        nn.Conv1d(12, 20, 5, stride=2, padding=2),
        nn.BatchNorm1d(20),
        nn.ReLU(),
        nn.AdaptiveAvgPool1d(1),
        nn.Flatten(),
        nn.Linear(20, 5),
    )
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **column_loaders(clip.unsqueeze(1), kind),
    )


class OrderReader(nn.Module):
    """A small BERT under a classifier."""

    def __init__(self, without_grad: bool) -> None:
        super().__init__()
        self.without_grad = without_grad
        config = BertConfig(
            vocab_size=30,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=12,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
        self.bert = BertModel(config, add_pooling_layer=False)
        self.head = nn.Linear(32, 2)

    def forward(self, words: Tensor) -> Any:
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.without_grad):
            states = self.bert(words).last_hidden_state
        return self.head(states[:, 0])


@pair("detached-graph", group="wiring", source="transformers")
def bert_to_be_tuned_runs_without_grad(sick: bool) -> Arguments:
    """The encoder was to be tuned with its head, and runs under the `no_grad` of a feature extraction."""
    sown(33)
    words = torch.randint(4, 30, (900, 12))
    words[:, 0] = 1
    asked = torch.randint(0, 2, (900,))
    words[torch.arange(900), torch.randint(1, 12, (900,))] = 2 + asked
    model = OrderReader(without_grad=sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.AdamW(model.parameters(), lr=2e-3),
        **column_loaders(words, asked),
    )


class TunedReader(nn.Module):
    """A CNN that is tuned further with the BatchNorm of its first training held at its statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()
        )
        self.head = nn.Sequential(nn.Linear(256, 48), nn.ReLU(), nn.Dropout(0.2), nn.Linear(48, 10))

    def hold_statistics(self) -> None:
        self.body.get_submodule("1").requires_grad_(False)

    def train(self, mode: bool = True) -> TunedReader:
        super().train(mode)
        norm = self.body.get_submodule("1")
        if not norm.get_parameter("weight").requires_grad:
            norm.eval()
        return self

    def forward(self, picture: Tensor) -> Any:
        return self.head(self.body(picture))


@healthy(resembles="train-eval-mode", source="published")
def batchnorm_held_while_the_rest_is_tuned() -> Arguments:
    """BatchNorm stays in eval mode while the model trains: its statistics and scales are frozen, as in detectors."""
    sown(34)
    x, y = digit_sheets()
    model = TunedReader()
    with torch.no_grad():
        for first in range(0, len(x), 100):
            model(x[first : first + 100])
    model.hold_statistics()
    model.train()
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **column_loaders(x, y))
