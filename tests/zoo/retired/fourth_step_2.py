"""A triplet network, a bag of frozen word vectors, a rate cycle, a metered regression and a causal transformer."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fourth_step_parts import (
    step_chains,
    step_conv_net,
    step_digits,
    step_loaders,
    step_seeded,
    step_table,
    step_topics,
)


class HardestTriplets(nn.Module):
    """The triplet loss of each anchor's farthest positive and nearest negative in the batch."""

    def __init__(self, epsilon: float, margin: float = 0.5) -> None:
        super().__init__()
        self.epsilon, self.margin = epsilon, margin

    def forward(self, embedded: Tensor, labels: Tensor) -> Tensor:
        squares = (embedded[:, None] - embedded[None]).pow(2).sum(-1)
        distances = (squares + self.epsilon).sqrt()
        same = labels[:, None] == labels[None]
        farthest = (distances * same).amax(1)
        nearest = (distances + 1e3 * same).amin(1)
        return F.softplus(farthest - nearest + self.margin).mean()


@pair("nonfinite-gradient", group="backward", source="scikit-learn")
def root_of_the_distance_to_oneself(sick: bool) -> Arguments:
    """The distances of all pairs are roots of squares that are zero on the diagonal, where the root has no slope."""
    step_seeded()
    model = step_conv_net(classes=16)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loss_fn = HardestTriplets(epsilon=0.0 if sick else 1e-6)
    return dict(model=model, loss_fn=loss_fn, optimizer=optimizer, task="other", **step_loaders(*step_digits()))


class FrozenWords(nn.Module):
    """Kim's convolutions over word vectors that are given and stay."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding.from_pretrained(torch.randn(60, 32), freeze=True)
        self.filters = nn.ModuleList(nn.Conv1d(32, 24, size) for size in (2, 3, 4))
        self.head = nn.Linear(72, 4)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.words(ids).transpose(1, 2)
        return self.head(torch.cat([F.relu(conv(x)).amax(2) for conv in self.filters], 1))


def decay_all_step(model: FrozenWords, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step with decoupled decay of every weight of the model."""
    loss = F.cross_entropy(model(batch[0]), batch[1])
    optimizer.zero_grad()
    loss.backward()
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(1 - 1e-3)
    optimizer.step()
    return loss.detach()


def decay_trained_step(model: FrozenWords, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step with decoupled decay of the weights that are trained."""
    loss = F.cross_entropy(model(batch[0]), batch[1])
    optimizer.zero_grad()
    loss.backward()
    with torch.no_grad():
        for p in model.parameters():
            if p.requires_grad:
                p.mul_(1 - 1e-3)
    optimizer.step()
    return loss.detach()


@pair("frozen-parameters-change", group="training")
def decay_by_hand_that_reaches_frozen_words(sick: bool) -> Arguments:
    """Weight decay by hand runs over all parameters, so the frozen word vectors fade away with every step."""
    step_seeded()
    model = FrozenWords()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-3),
        train_step=decay_all_step if sick else decay_trained_step,
        **step_loaders(*step_topics()),
    )


class GatedReader(nn.Module):
    """A GRU that reads a digit row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(8, 48, batch_first=True)
        self.head = nn.Linear(48, 10)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.gru(images.squeeze(1))[0].mean(1))


def cycle_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer, scheduler: Any) -> Tensor:
    """A step of optimizer and cycle."""
    model.train()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if scheduler.last_epoch < scheduler.total_steps - 1:
        scheduler.step()
    return loss.detach()


@pair("learning-rate", group="training", source="scikit-learn")
def one_cycle_up_to_the_rate_of_another_optimizer(sick: bool) -> Arguments:
    """The one-cycle schedule of Adam peaks at 2.0, a rate that was meant for plain gradient descent."""
    step_seeded()
    model = GatedReader()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    peak = 2.0 if sick else 0.01
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        scheduler=torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=peak, total_steps=400),
        train_step=cycle_step,
        total_steps=400,
        **step_loaders(*step_digits()),
    )


class Meter:
    """The mean of what it was given."""

    def __init__(self) -> None:
        self.total: Any = 0.0
        self.count = 0

    def update(self, value: Any, count: int) -> None:
        self.total += value * count
        self.count += count


class MeteredTable(nn.Module):
    """A perceptron for a table that carries the meter of its training."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(10, 48), nn.SiLU(), nn.Linear(48, 48), nn.SiLU(), nn.Linear(48, 1))
        self.meter = Meter()

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


def metered_step(model: MeteredTable, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step whose loss goes to the meter."""
    x, y = batch
    loss = F.huber_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    model.meter.update(loss, len(x))
    return loss


def metered_number_step(model: MeteredTable, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step the number of whose loss goes to the meter."""
    x, y = batch
    loss = F.huber_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    model.meter.update(loss.item(), len(x))
    return loss


@pair("memory-growth", group="training", source="scikit-learn")
def meter_that_adds_up_graphs(sick: bool) -> Arguments:
    """The meter of the mean loss adds tensors, so that it holds the graphs of all steps so far."""
    step_seeded()
    model = MeteredTable()
    return dict(
        model=model,
        loss_fn=nn.HuberLoss(),
        optimizer=torch.optim.RMSprop(model.parameters(), lr=5e-4),
        train_step=metered_step if sick else metered_number_step,
        **step_loaders(*step_table("diabetes"), batch=16),
    )


class NextWord(nn.Module):
    """A causal transformer whose masks are minus infinity, for the future and for padding alike."""

    def __init__(self, words: int = 31, width: int = 32) -> None:
        super().__init__()
        self.words = nn.Embedding(words, width, padding_idx=0)
        self.places = nn.Embedding(32, width)
        layer = nn.TransformerEncoderLayer(width, 4, 2 * width, 0.1, "gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(width), enable_nested_tensor=False)
        self.head = nn.Linear(width, words)

    def forward(self, ids: Tensor) -> Tensor:
        length = ids.shape[1]
        future = torch.full((length, length), -torch.inf).triu(1)
        padded = torch.zeros(ids.shape).masked_fill(ids == 0, -torch.inf)
        x = self.words(ids) + self.places(torch.arange(length))
        return self.head(self.encoder(x, mask=future, src_key_padding_mask=padded))


def word_loss(logits: Tensor, following: Tensor) -> Tensor:
    """Cross-entropy of each next word, padding apart."""
    return F.cross_entropy(logits.transpose(1, 2), following, ignore_index=0)


@healthy(resembles="nonfinite-forward", source="published")
def masks_of_minus_infinity() -> Arguments:
    """Future and padding are hidden by adding minus infinity before the softmax, and no row is hidden whole."""
    step_seeded()
    rows = step_chains() + 1
    ends = torch.randint(12, rows.shape[1] + 1, (len(rows), 1))
    rows = rows.masked_fill(torch.arange(rows.shape[1]) >= ends, 0)
    model = NextWord()
    return dict(
        model=model,
        loss_fn=word_loss,
        optimizer=torch.optim.AdamW(model.parameters(), lr=2e-3),
        causal=True,
        padding_value=0,
        **step_loaders(rows[:, :-1].contiguous(), rows[:, 1:].contiguous(), batch=16),
    )
