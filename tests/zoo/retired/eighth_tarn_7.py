"""Reported bugs of initialisation, sums, inference, norms and schedules, each with its mended twin."""

# mypy: disable-error-code="no-any-return, no-untyped-call"

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.eighth_tarn_parts import (
    Matting,
    byte_digits,
    divide,
    matting_step,
    pair_of_loaders,
    perceptron,
    pieces_of_text,
    start,
    train_before,
)


class Autoencoder(nn.Module):
    """A deep autoencoder of sigmoid layers; gives the logits of the pixels."""

    def __init__(self, widths: tuple[int, ...], careful: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(before, after) for before, after in pairwise(widths))
        for layer in self.layers:
            assert isinstance(layer, nn.Linear)
            if careful:
                nn.init.xavier_normal_(layer.weight, gain=4.0)
                nn.init.constant_(layer.bias, 0.0)
            else:
                nn.init.normal_(layer.weight)
                nn.init.normal_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            x = torch.sigmoid(layer(x))
        return self.layers[-1](x)


@pair("saturated-units", "init-scale", group="init", source="scikit-learn")
def weights_of_the_autoencoder_drawn_with_unit_spread(sick: bool) -> Arguments:
    """Every weight is drawn from N(0, 1), whatever the width of its layer. (aymericdamien/TensorFlow-Examples#169)."""
    start()
    images, _ = byte_digits()
    x = torch.from_numpy(images).float().flatten(1) / 255
    parts = divide(x, x)
    model = Autoencoder((64, 256, 128, 256, 64), careful=not sick)
    return dict(
        model=model,
        loss_fn=nn.BCEWithLogitsLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        task="other",
        **pair_of_loaders(parts),
    )


class Block(nn.Module):
    """A causal block that normalises first."""

    def __init__(self, width: int, heads: int = 4) -> None:
        super().__init__()
        self.norm_1, self.norm_2, self.heads = nn.LayerNorm(width), nn.LayerNorm(width), heads
        self.project, self.join = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        n, length, width = x.shape
        parts = self.project(self.norm_1(x)).view(n, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(parts[0], parts[1], parts[2], is_causal=True)
        x = x + self.join(seen.transpose(1, 2).reshape(n, length, width))
        return x + self.mlp(self.norm_2(x))


class MiniGpt(nn.Module):
    """A small language model of characters whose output layer is its embedding."""

    def __init__(self, characters: int, length: int, width: int, careful: bool) -> None:
        super().__init__()
        self.embed, self.place = nn.Embedding(characters, width), nn.Parameter(0.02 * torch.randn(length, width))
        self.blocks, self.norm = nn.Sequential(Block(width), Block(width)), nn.LayerNorm(width)
        self.head = nn.Linear(width, characters, bias=False)
        self.head.weight = self.embed.weight
        if careful:
            nn.init.normal_(self.embed.weight, std=0.02)

    def forward(self, ids: Tensor) -> Tensor:
        logits: Tensor = self.head(self.norm(self.blocks(self.embed(ids) + self.place)))
        return logits


def character_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of all characters."""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


@pair("loss-at-init", "init-scale", group="init", source="published")
def tied_embedding_left_at_unit_spread(sick: bool) -> Arguments:
    """The embedding that is also the output layer keeps its default N(0, 1). (jsboige/CoursIA#13279)."""
    start()
    parts, characters = pieces_of_text(24)
    model = MiniGpt(characters, 24, 48, careful=not sick)
    return dict(
        model=model,
        loss_fn=character_loss,
        optimizer=torch.optim.AdamW(model.parameters(), lr=2e-3),
        task="language-model",
        causal=True,
        **pair_of_loaders(parts),
    )


@pair("loss-reduction", "learning-rate", group="wiring")
def squared_errors_added_up_over_the_samples(sick: bool) -> Arguments:
    """Errors are summed, so more samples make the rate diverge. (peterroelants/peterroelants.github.io#5)."""
    rng = start()
    x = rng.uniform(-1, 1, (800, 6))
    y = x @ np.array([1.0, -0.8, 0.5, 0.9, -0.4, 0.7]) + 0.2 + 0.02 * rng.normal(size=800)
    model = nn.Linear(6, 1)
    return dict(
        model=model,
        loss_fn=nn.MSELoss(reduction="sum" if sick else "mean"),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
        **pair_of_loaders(divide(torch.from_numpy(x).float(), torch.from_numpy(y).float()[:, None]), 40),
    )


@pair("train-val-shift", group="data")
def images_of_inference_not_divided(sick: bool) -> Arguments:
    """At inference bytes are centred without the division by 255. (ClementPinard/SfmLearner-Pytorch#73)."""
    rng = start()
    depth, tilt = rng.uniform(1, 3, (500, 1, 1)), rng.uniform(-0.8, 0.8, (500, 1, 1))
    rows = np.linspace(-1, 1, 12)[None, :, None]
    field = np.broadcast_to(depth + tilt * rows, (500, 12, 12))
    light = 255 / field**1.0 * 0.6 + 12 * rng.normal(size=(500, 12, 12))
    images = torch.from_numpy(light.clip(0, 255).astype(np.uint8)).float()[:, None]
    target = torch.from_numpy((field - field.mean()) / field.std()).float()[:, None]
    parts = divide(images, target)
    val = parts.x_val if sick else parts.x_val / 255
    model = nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2),
        nn.ReLU(),
        nn.Conv2d(16, 16, 5, padding=2),
        nn.ReLU(),
        nn.Conv2d(16, 1, 3, padding=1),
    )
    return dict(
        model=model,
        loss_fn=nn.L1Loss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        task="regression",
        **pair_of_loaders(parts._replace(x=(parts.x / 255 - 0.5) / 0.5, x_val=(val - 0.5) / 0.5), 16),
    )


@pair("frozen-parameters-change", group="training", source="scikit-learn")
def norms_woken_by_the_training_mode(sick: bool) -> Arguments:
    """The norms are frozen once, and each cycle's train() sets them going again. (poppinace/indexnet_matting#35)."""
    start()
    images, classes = byte_digits()
    x = (torch.from_numpy(images).float()[:, None] / 255 - 0.3) / 0.37
    parts = divide(x, torch.from_numpy(classes))
    model = Matting(10)
    train_before(model, pair_of_loaders(parts._replace(x=parts.x[:500], y=parts.y[:500]))["loader"], 60)
    model.freeze_norms()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam((p for p in model.parameters() if p.requires_grad), lr=1e-3),
        train_step=matting_step(frozen_again=not sick),
        **pair_of_loaders(parts),
    )


def piecewise_step(each_piece: bool, pieces: int = 4) -> Any:
    """A step of one piece of a global batch."""
    count = {"pieces": 0}

    def step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer, scheduler: LRScheduler) -> Tensor:
        model.train()
        loss = F.mse_loss(model(batch[0]), batch[1])
        (loss / pieces).backward()
        count["pieces"] += 1
        whole = count["pieces"] % pieces == 0
        if whole:
            optimizer.step()
            optimizer.zero_grad()
        if whole or (each_piece and count["pieces"] > pieces):
            scheduler.step()
        return loss.detach()

    return step


@pair("lr-schedule", group="training")
def linear_decay_turned_by_each_piece(sick: bool) -> Arguments:
    """The schedule counts global batches and is stepped after every piece of one. (nvidia-cosmos/cosmos-rl#207)."""
    rng = start()
    x = rng.normal(0, 1, (960, 8))
    y = np.stack([np.sin(x[:, 0] + x[:, 1]), np.tanh(x[:, 2] - x[:, 3]), 0.5 * x[:, 4] * x[:, 5]], 1)
    y = (y - y.mean(0)) / y.std(0)
    model = perceptron(8, 64, 3)
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    total = 240
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=optimizer,
        scheduler=LambdaLR(optimizer, lambda done: max(0.0, 1 - done / total)),
        total_steps=total,
        train_step=piecewise_step(each_piece=sick),
        **pair_of_loaders(divide(torch.from_numpy(x).float(), torch.from_numpy(y).float()), 16),
    )
