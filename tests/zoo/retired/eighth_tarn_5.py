"""Reported bugs of pixels, depth, steps, norms, layers and fields, each with its mended twin."""

# mypy: disable-error-code="no-any-return, no-untyped-call"

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.eighth_tarn_parts import Parts, batches, digits, divide, pair_of_loaders, start, table


def pixel_pairs(rng: np.random.Generator, careful: bool, count: int = 1200) -> Parts:
    """Squared differences of two neighbouring pixels, and whether they belong to one segment."""
    same = rng.integers(0, 2, count)
    colour = rng.integers(30, 225, (count, 3))
    other = np.where(same[:, None] == 1, colour, rng.integers(30, 225, (count, 3)))
    first = np.clip(colour + rng.normal(0, 18, (count, 3)), 0, 255).astype(np.uint8)
    second = np.clip(other + rng.normal(0, 18, (count, 3)), 0, 255).astype(np.uint8)
    difference = first.astype(np.int16) - second if careful else first - second
    weight = np.sqrt(np.abs(difference.astype(np.float32)) / 255)
    return divide(torch.from_numpy(weight), torch.from_numpy(same))


@pair("dtype", group="wiring")
def difference_of_pixels_within_bytes(sick: bool) -> Arguments:
    """The difference of two pixels is taken in uint8, where it wraps. (dwave-examples/image-segmentation#10)."""
    rng = start()
    model = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 2))
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **pair_of_loaders(pixel_pairs(rng, careful=not sick)),
    )


@pair("capacity", group="training")
def one_small_hidden_layer_for_rings(sick: bool) -> Arguments:
    """A single small hidden layer cannot tell the rings apart, one more can. (pytorch/glow#599)."""
    rng = start()
    kind = rng.integers(0, 2, 1000)
    radius = np.where(kind == 1, 1.0, np.where(rng.random(1000) < 0.4, 0.3, 1.7)) + rng.normal(0, 0.08, 1000)
    angle = rng.uniform(0, 2 * np.pi, 1000)
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)
    x = x / x.std(0)
    widths = [2, 3] if sick else [2, 24, 24]
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.Tanh()]
    layers.append(nn.Linear(widths[-1], 2))
    model = nn.Sequential(*layers)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-2),
        **pair_of_loaders(divide(torch.from_numpy(x).float(), torch.from_numpy(kind))),
    )


class Refocus(nn.Module):
    """A focal stack in, the image in focus out: a correction of the mean of the stack."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1), nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1), nn.ReLU(),
            nn.Conv2d(width, 1, 3, padding=1),
        )  # fmt: skip

    def forward(self, stack: Tensor) -> Tensor:
        return stack.mean(1, keepdim=True) + self.net(stack)


def refocusing_step(applied: bool) -> Any:
    """A step of the refocusing network."""

    def step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        model.train()
        loss = F.mse_loss(model(batch[0]), batch[1])
        loss.backward()
        if applied:
            optimizer.step()
        optimizer.zero_grad()
        return loss.detach()

    return step


@pair("updates-not-applied", group="training", source="scikit-learn")
def gradients_cleared_before_anyone_stepped(sick: bool) -> Arguments:
    """Backward is followed by zero_grad, the optimizer's step is missing. (tedlasai/learn2refocus#5)."""
    start()
    parts = digits(1000)

    def stack(sharp: Tensor) -> Tensor:
        near, far = F.avg_pool2d(sharp, 3, 1, 1), F.avg_pool2d(sharp, 5, 1, 2)
        return torch.cat([near, far, near - 0.5 * far], 1) + 0.05 * torch.randn(len(sharp), 3, 8, 8)

    model = Refocus()
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.AdamW(model.parameters(), lr=2e-3),
        train_step=refocusing_step(applied=not sick),
        **pair_of_loaders(Parts(stack(parts.x), parts.x, stack(parts.x_val), parts.x_val)),
    )


class FeatureBlock(nn.Module):
    """Attention over the features of a table, then a gated layer, each with a norm of its own."""

    def __init__(self, width: int, second_norm: bool) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.gate, self.mix = nn.Linear(width, width), nn.Linear(width, width)
        self.second_norm = second_norm

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm_1(x)
        x = x + F.scaled_dot_product_attention(self.query(y), self.key(y), self.value(y))
        y = self.norm_2(x) if self.second_norm else x
        return x + torch.tanh(self.gate(y)) * self.mix(y)


class TableFormer(nn.Module):
    """Two blocks over the embedded features of a table."""

    def __init__(self, features: int, classes: int, second_norm: bool, width: int = 16) -> None:
        super().__init__()
        self.scale = nn.Parameter(0.3 * torch.randn(features, width))
        self.shift = nn.Parameter(0.3 * torch.randn(features, width))
        self.blocks = nn.Sequential(*(FeatureBlock(width, second_norm) for _ in range(2)))
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(x[:, :, None] * self.scale + self.shift).mean(1))


@pair("unused-parameters", group="wiring", source="scikit-learn")
def second_norm_of_the_block_left_out(sick: bool) -> Arguments:
    """Each block holds two norms and calls only the first. (pyg-team/pytorch-frame#318)."""
    start()
    model = TableFormer(13, 3, second_norm=not sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **pair_of_loaders(table("wine"), 16),
    )


class Coherence(nn.Module):
    """Sentence vectors of a document through six convolutions; logits of coherent or shuffled."""

    def __init__(self, width: int, last: tuple[int, int]) -> None:
        super().__init__()
        for i in range(1, 7):
            setattr(self, f"conv{i}", nn.Conv1d(width, width, 3, padding=1))
        self.last = last
        self.head = nn.Linear(width, 2)

    def forward(self, sentences: Tensor) -> Tensor:
        x = sentences.transpose(1, 2)
        for i in (1, 2, 3, 4, *self.last):
            x = x + F.relu(getattr(self, f"conv{i}")(x))
        return self.head(x.mean(2))


@pair("unused-parameters", group="wiring")
def last_convolutions_replaced_by_earlier_ones(sick: bool) -> Arguments:
    """The forward calls layers 3 and 4 again where 5 and 6 belong. (taasnim/unified-coherence-model#1)."""
    rng = start()
    drift = rng.normal(0, 0.5, (800, 12, 16)).cumsum(1) + rng.normal(0, 0.5, (800, 1, 16))
    kind = rng.integers(0, 2, 800)
    for document, shuffled in zip(drift, kind, strict=True):
        if shuffled:
            document[:] = document[rng.permutation(12)]
    drift = (drift - drift.mean()) / drift.std()
    model = Coherence(16, (3, 4) if sick else (5, 6))
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        **pair_of_loaders(divide(torch.from_numpy(drift).float(), torch.from_numpy(kind))),
    )


class Fields(Dataset[tuple[Tensor, Tensor]]):
    """Pressure and velocity on a ring, and the same a moment later."""

    def __init__(self, now: Tensor, later: Tensor, statistics: tuple[Tensor, Tensor] | None) -> None:
        self.now, self.later, self.statistics = now, later, statistics

    def __len__(self) -> int:
        return len(self.now)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        now, later = self.now[index], self.later[index]
        if self.statistics is not None:
            mean, std = self.statistics
            now, later = (now - mean) / std, (later - mean) / std
        return now, later


@pair("train-val-shift", group="data")
def normalisation_not_passed_to_the_validation_fields(sick: bool) -> Arguments:
    """The module passes its normalisation to the training fields only. (PolymathicAI/the_well#68)."""
    rng = start()
    place = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    phase, size = rng.uniform(0, 2 * np.pi, (700, 2, 3, 1)), rng.normal(0, 1, (700, 2, 3, 1))

    def fields(time: float) -> Tensor:
        waves = (size * np.sin(np.arange(1, 4)[:, None] * (place - time) + phase)).sum(2)
        return torch.from_numpy(waves * np.array([12.0, 0.02])[:, None] + np.array([101.0, 0.1])[:, None]).float()

    now, later = fields(0.0), fields(0.6)
    statistics = (now[:560].mean((0, 2), keepdim=True)[0], now[:560].std((0, 2), keepdim=True)[0])
    ring: dict[str, Any] = {"padding": 2, "padding_mode": "circular"}
    model = nn.Sequential(
        nn.Conv1d(2, 24, 5, **ring), nn.ReLU(), nn.Conv1d(24, 24, 5, **ring), nn.ReLU(), nn.Conv1d(24, 2, 1)
    )
    return {
        "model": model,
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "loader": batches(Fields(now[:560], later[:560], statistics)),
        "val_loader": batches(Fields(now[560:], later[560:], None if sick else statistics), shuffle=False),
    }
