"""A graph network, a clipped reader, a discriminator with classes, recorded features, and a GPT-2 that is clipped."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import GPT2Config, GPT2LMHeadModel, get_cosine_schedule_with_warmup

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fourth_step_parts import (
    step_chains,
    step_digits,
    step_loaders,
    step_mappings,
    step_seeded,
    step_topics,
)


class NeighbourMeans(nn.Module):
    """Two rounds of messages, the means of the neighbours, and the mean over all nodes."""

    def __init__(self, least: float, width: int = 32) -> None:
        super().__init__()
        self.least = least
        self.own = nn.ModuleList([nn.Linear(5, width), nn.Linear(width, width)])
        self.others = nn.ModuleList([nn.Linear(5, width, bias=False), nn.Linear(width, width, bias=False)])
        self.head = nn.Linear(width, 2)

    def forward(self, features: Tensor, edges: Tensor) -> Tensor:
        degree = edges.sum(-1, keepdim=True).clamp(min=self.least)
        x = features
        for own, others in zip(self.own, self.others, strict=True):
            x = F.relu(own(x) + others(edges @ x / degree))
        return self.head(x.mean(1))


def graphs_of_two_kinds(size: int = 500, nodes: int = 12) -> tuple[Tensor, Tensor, Tensor]:
    """Random graphs, whose linked nodes are alike in one kind and unlike in the other."""
    draw = torch.Generator().manual_seed(7)
    x = torch.randn(size, nodes, 5, generator=draw)
    y = torch.randint(0, 2, (size,), generator=draw)
    sign = x[..., 0].sign()
    alike = (sign[:, :, None] == sign[:, None]).long() == y[:, None, None]
    edges = (torch.rand(size, nodes, nodes, generator=draw) < torch.where(alike, 0.3, 0.05)).float().triu(1)
    return x, edges + edges.transpose(1, 2), y


@pair("nonfinite-forward", group="backward")
def mean_over_no_neighbours(sick: bool) -> Arguments:
    """Messages are divided by the number of neighbours, which is zero for nodes without any."""
    step_seeded()
    model = NeighbourMeans(least=0.0 if sick else 1.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **step_loaders(*graphs_of_two_kinds()))


class TopicReader(nn.Module):
    """A bidirectional LSTM over the words of a sentence."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(60, 32)
        self.lstm = nn.LSTM(32, 32, batch_first=True, bidirectional=True)
        self.head = nn.Linear(64, 4)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.lstm(self.words(ids))[0].mean(1))


class ClippedStep:
    """A step with the norm of the gradient clipped."""

    def __init__(self, norm: float) -> None:
        self.norm = norm

    def __call__(self, model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(batch[0]), batch[1])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), self.norm)
        optimizer.step()
        return loss.detach()


@pair("clipping-always-on", group="training")
def norm_clipped_at_a_thousandth(sick: bool) -> Arguments:
    """The gradient's norm, which is about 0.3, is clipped at 0.001 in each step."""
    step_seeded()
    model = TopicReader()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    train_step = ClippedStep(1e-3 if sick else 5.0)
    loss_fn = nn.CrossEntropyLoss()
    return dict(
        model=model, loss_fn=loss_fn, optimizer=optimizer, train_step=train_step, **step_loaders(*step_topics())
    )


class Discriminating(nn.Module):
    """The discriminator of DCGAN with ten outputs."""

    def __init__(self, spread: float) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 24, 3, padding=1, bias=False),
            nn.BatchNorm2d(24),
            nn.LeakyReLU(0.2),
            nn.Conv2d(24, 48, 4, 2, 1, bias=False),
            nn.BatchNorm2d(48),
            nn.LeakyReLU(0.2),
            nn.Conv2d(48, 64, 4, 2, 1, bias=False),
            nn.BatchNorm2d(64),
            nn.LeakyReLU(0.2),
            nn.Conv2d(64, 64, 2, bias=False),
            nn.BatchNorm2d(64),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
        )
        self.head = nn.Linear(64, 10)
        for module in self.net:
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=spread)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.net(images))


@pair("update-ratio", group="training", source="published")
def convolutions_too_large_to_move(sick: bool) -> Arguments:
    """Convolutions before batch normalisation start at a spread of 5, not 0.05, so that steps hardly turn them."""
    step_seeded()
    model = Discriminating(5.0 if sick else 0.05)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.005, momentum=0.9)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **step_loaders(*step_digits()))


class Recorder:
    """Keeps what a layer gave, for a projection after the training."""

    def __init__(self, *, detached: bool) -> None:
        self.detached = detached
        self.kept: list[Any] = []

    def __call__(self, module: nn.Module, inputs: Any, output: Tensor) -> None:
        self.kept.append(output.detach().mean(0) if self.detached else output.mean(0))


class RecordedNet(nn.Module):
    """A convolutional network that records the features before its head."""

    def __init__(self, *, detached: bool) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Conv2d(16, 24, 3), nn.ReLU(), nn.Flatten(), nn.Linear(384, 48), nn.ReLU()
        )
        self.head = nn.Linear(48, 10)
        self.recorder = Recorder(detached=detached)
        self.features.register_forward_hook(self.recorder)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images))


@pair("memory-growth", group="training", source="scikit-learn")
def hook_that_keeps_features_with_their_graphs(sick: bool) -> Arguments:
    """A hook keeps the mean features of each batch together with the graph that made them."""
    step_seeded()
    model = RecordedNet(detached=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **step_loaders(*step_digits()))


def clipped_at_one_step(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer, scheduler: Any) -> Tensor:
    """A step as the examples of transformers write it."""
    model.train()
    loss: Tensor = model(**batch).loss
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    scheduler.step()
    optimizer.zero_grad()
    return loss.detach()


@healthy(resembles="clipping-always-on", source="transformers")
def gpt2_clipped_at_one_while_it_warms_up() -> Arguments:
    """The norm of the gradient is above the usual limit of 1.0 in the first steps, and below it later."""
    step_seeded()
    config = GPT2Config(
        vocab_size=30, n_positions=32, n_embd=32, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=0, use_cache=False
    )
    model = GPT2LMHeadModel(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    rows = step_chains()
    return dict(
        model=model,
        optimizer=optimizer,
        scheduler=get_cosine_schedule_with_warmup(optimizer, 20, 300),
        train_step=clipped_at_one_step,
        total_steps=300,
        **step_mappings(rows, rows.clone()),
    )
