"""Bench programs, second hand: tags, exposure, wine, word vectors, small graphs, and a teacher that follows."""

from __future__ import annotations

import copy
from typing import Any

import torch
from sklearn.datasets import load_wine
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import TensorDataset

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fifth_bench_parts import (
    column_loaders,
    cut,
    digit_bytes,
    digit_sheets,
    scaled_table,
    served,
    sown,
)


def listed(x: Tensor, y: Tensor, second_tags: bool) -> TensorDataset:
    """The rows of an export: a picture and a tag; with second tags, every third picture comes again under another."""
    if not second_tags:
        return TensorDataset(x, y)
    again = torch.arange(0, len(x), 3)
    other = (y[again] + torch.randint(1, 10, (len(again),))) % 10
    return TensorDataset(torch.cat([x, x[again]]), torch.cat([y, other]))


@pair("label-noise", group="data", source="scikit-learn")
def picture_exported_once_for_every_annotator_who_disagreed(sick: bool) -> Arguments:
    """Pictures over which two annotators disagreed are exported twice, once under each of the two labels."""
    sown(5)
    train, val = cut(*digit_sheets())
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 10))
    return {
        "model": model,
        "loader": served(listed(train[0], train[1], sick)),
        "val_loader": served(TensorDataset(*val), shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


class NightCamera(nn.Module):
    """A small CNN on bytes that lifts the exposure of dark pictures first."""

    def __init__(self, in_bytes: bool) -> None:
        super().__init__()
        self.in_bytes = in_bytes
        self.net = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1),
            nn.BatchNorm2d(12),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(12, 24, 3, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(24 * 16, 10),
        )

    def forward(self, picture: Tensor) -> Any:
        lit = picture + 90 if self.in_bytes else (picture.float() + 90).clamp(max=255)
        return self.net((lit.float() / 255 - 0.55) / 0.25)


@pair("dtype", group="wiring", source="scikit-learn")
def exposure_lifted_while_still_in_bytes(sick: bool) -> Arguments:
    """The exposure is added to bytes: whatever passes 255 begins at 0 again, and bright strokes turn dark."""
    sown(6)
    model = NightCamera(in_bytes=sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **column_loaders(*digit_bytes()))


def squared_against_the_number(outputs: Tensor, cultivar: Tensor) -> Tensor:
    return F.mse_loss(outputs.squeeze(1), cultivar.float())


@pair("loss-target", group="wiring", source="scikit-learn")
def cultivar_number_fitted_by_squares(sick: bool) -> Arguments:
    """The number of the cultivar, a name in disguise, is fitted by squared error through a single output."""
    sown(7)
    x, y = scaled_table(load_wine)
    model = nn.Sequential(nn.Linear(13, 24), nn.Tanh(), nn.Linear(24, 1 if sick else 3))
    return dict(
        model=model,
        loss_fn=squared_against_the_number if sick else nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **column_loaders(x, y, size=16),
    )


class Letters(nn.Module):
    """A GRU over frozen word vectors."""

    def __init__(self, vectors: Tensor, limit: float | None) -> None:
        super().__init__()
        self.words = nn.Embedding.from_pretrained(vectors, freeze=True, max_norm=limit)
        self.read = nn.GRU(vectors.shape[1], 24, batch_first=True)
        self.head = nn.Linear(24, 3)

    def forward(self, words: Tensor) -> Any:
        return self.head(self.read(self.words(words))[0].mean(1))


@pair("frozen-parameters-change", group="training")
def frozen_word_vectors_under_a_norm_limit(sick: bool) -> Arguments:
    """The pretrained vectors are frozen, yet `max_norm` rewrites them in place whenever they are looked up."""
    sown(8)
    vectors = torch.randn(120, 16) * torch.linspace(0.5, 1.5, 120).unsqueeze(1)
    topic = torch.randint(0, 3, (900,))
    words = torch.randint(0, 120, (900, 14))
    about = torch.rand(900, 14) < 0.4
    words = torch.where(about, topic.unsqueeze(1) * 40 + words % 40, words)
    model = Letters(vectors, limit=1.0 if sick else None)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=2e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **column_loaders(words, topic))


class GraphReader(nn.Module):
    """Two rounds of messages on graphs of ten nodes, then the mean over the nodes."""

    def __init__(self, in_numpy: bool) -> None:
        super().__init__()
        self.in_numpy = in_numpy
        self.first, self.second, self.head = nn.Linear(4, 24), nn.Linear(24, 24), nn.Linear(24, 2)

    def averaged(self, links: Tensor, nodes: Tensor) -> Tensor:
        if self.in_numpy:
            return torch.from_numpy(links.numpy() @ nodes.detach().numpy())
        return links @ nodes

    def forward(self, nodes: Tensor, links: Tensor) -> Any:
        nodes = F.relu(self.first(nodes))
        nodes = F.relu(self.second(self.averaged(links, nodes)))
        return self.head(nodes.mean(1))


@pair("detached-graph", group="wiring")
def messages_between_nodes_averaged_in_numpy(sick: bool) -> Arguments:
    """The neighbours' features are averaged with NumPy, so that no gradient passes to the first layer."""
    sown(9)
    nodes = torch.randn(900, 10, 4)
    links = (torch.rand(900, 10, 10) < 0.3).float() + torch.eye(10)
    links = links / links.sum(2, keepdim=True)
    spread = (links @ nodes[:, :, :1].tanh() * 3).tanh().mean((1, 2)) + 0.5 * nodes[:, :, 1].abs().mean(1)
    model = GraphReader(in_numpy=sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **column_loaders(nodes, links, (spread > spread.median()).long()),
    )


class TaughtByItsMean(nn.Module):
    """A student and a frozen teacher that is the moving average of the student."""

    def __init__(self) -> None:
        super().__init__()
        self.student = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
        self.teacher = copy.deepcopy(self.student).requires_grad_(False)

    def forward(self, x: Tensor) -> Any:
        return self.student(x)

    @torch.no_grad()
    def move_teacher(self, keep: float = 0.98) -> None:
        for slow, fast in zip(self.teacher.parameters(), self.student.parameters(), strict=True):
            slow.mul_(keep).add_(fast, alpha=1 - keep)


def agree_with_teacher(model: TaughtByItsMean, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    model.train()
    optimizer.zero_grad()
    x, y = batch
    logits = model(x + 0.1 * torch.randn_like(x))
    wished = model.teacher(x).softmax(1)
    loss = F.cross_entropy(logits, y) + F.mse_loss(logits.softmax(1), wished)
    loss.backward()
    optimizer.step()
    model.move_teacher()
    return loss.detach()


@healthy(resembles="frozen-parameters-change", source="published")
def teacher_averaged_from_its_student() -> Arguments:
    """The teacher asks for no gradient and changes in every step: it is the moving average of the student."""
    sown(10)
    model = TaughtByItsMean()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.student.parameters(), lr=2e-3),
        train_step=agree_with_teacher,
        **column_loaders(*digit_sheets()),
    )
