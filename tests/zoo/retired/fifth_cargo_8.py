"""Gated stacks, clicks, shared norms, cosines and decays: programs of the fifth set, eighth hand."""
# mypy: disable-error-code="no-any-return, no-untyped-call"

from __future__ import annotations

import random

import torch
from sklearn.datasets import load_wine
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fifth_cargo_parts import cargo_digits, cargo_loaders, cargo_start, cargo_table


class GatedStack(nn.Module):
    """Nine gated convolutions in the manner of WaveNet and a class from their mean."""

    def __init__(self, *, residual: bool) -> None:
        super().__init__()
        self.lift = nn.Conv1d(1, 16, 1)
        self.gates = nn.ModuleList(nn.Conv1d(16, 32, 3, padding=1) for _ in range(9))
        self.head = nn.Linear(16, 3)
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        h = self.lift(x)
        for conv in self.gates:
            signal, gate = conv(h).chunk(2, 1)
            gated = torch.tanh(signal) * torch.sigmoid(gate)
            h = h + gated if self.residual else gated
        return self.head(h.mean(-1))


@pair("vanishing-gradients", "init-scale", group="backward", source="published")
def gated_stack_without_its_residuals(sick: bool) -> Arguments:
    """Nine gated layers without the residual connections of the paper: each more than halves signal and gradient."""
    cargo_start()
    kinds = torch.randint(0, 3, (600,))
    level = torch.tensor([-0.7, 0.0, 0.7])[kinds][:, None]
    series = level + 0.6 * torch.sin(torch.arange(32.0) * (0.4 + 0.4 * torch.rand(600, 1))) + 0.6 * torch.randn(600, 32)
    model = GatedStack(residual=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    series = (series - series.mean()) / series.std()
    return dict(
        model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **cargo_loaders(series[:, None], kinds)
    )


class ClickModel(nn.Module):
    """Bayesian personalised ranking: a clicked article against one that was not."""

    def __init__(self, readers: int, articles: int, source: random.Random | None) -> None:
        super().__init__()
        self.reader, self.article = nn.Embedding(readers, 12), nn.Embedding(articles, 12)
        nn.init.normal_(self.reader.weight, std=0.3)
        nn.init.normal_(self.article.weight, std=0.3)
        self.source = source

    def draw_articles(self, count: int) -> Tensor:
        """Articles to compare with."""
        last = self.article.num_embeddings - 1
        if self.source is not None:
            return torch.tensor([self.source.randint(0, last) for _ in range(count)])
        return torch.tensor([random.randint(0, last) for _ in range(count)])

    def forward(self, reader: Tensor, clicked: Tensor) -> Tensor:
        taste = self.reader(reader)
        other = self.draw_articles(len(reader))
        return (taste * (self.article(clicked) - self.article(other))).sum(-1)


def clicked_first(margins: Tensor, clicked: Tensor) -> Tensor:
    """The clicked article should score above the other one."""
    return F.softplus(-margins).mean()


def click_inputs(batch: list[Tensor]) -> tuple[tuple[Tensor, Tensor], Tensor]:
    """Readers and their clicks, of which the clicks are also what is to be ranked first."""
    return (batch[0], batch[1]), batch[1]


@pair("nondeterminism", group="backward", source="published")
def other_articles_drawn_by_the_system(sick: bool) -> Arguments:
    """The articles to compare with come from `random.SystemRandom`, which no seed reaches."""
    cargo_start()
    tastes = torch.randint(0, 5, (50,))
    readers = torch.randint(0, 50, (1200,))
    clicked = torch.where(
        torch.rand(1200) < 0.8, tastes[readers] * 12 + torch.randint(0, 12, (1200,)), torch.randint(0, 60, (1200,))
    )
    model = ClickModel(50, 60, random.SystemRandom() if sick else None)
    return dict(
        model=model,
        loss_fn=clicked_first,
        optimizer=torch.optim.Adam(model.parameters(), lr=5e-3),
        split=click_inputs,
        task="other",
        **cargo_loaders(readers, clicked),
    )


class OneNormForAll(nn.Module):
    """Three convolutions of equal width for digits, with a norm after each."""

    def __init__(self, *, shared: bool) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(i, 16, 3, padding=1, bias=False) for i in (1, 16, 16))
        norm = nn.BatchNorm2d(16)
        self.norms = nn.ModuleList([norm, norm, norm] if shared else [norm, nn.BatchNorm2d(16), nn.BatchNorm2d(16)])
        self.head = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.relu(norm(conv(x)))
        return self.head(F.adaptive_avg_pool2d(x, 2).flatten(1))


@pair("batchnorm-statistics", group="wiring", source="scikit-learn")
def one_batchnorm_behind_three_convolutions(sick: bool) -> Arguments:
    """A single BatchNorm serves three layers, so its running statistics are a mixture that fits none of them."""
    cargo_start()
    model = OneNormForAll(shared=sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **cargo_loaders(*cargo_digits()))


class CosineClassifier(nn.Module):
    """Cosines between features and one direction for each digit."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32))
        self.directions = nn.Parameter(torch.randn(10, 32))
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        return self.scale * F.linear(F.normalize(self.body(x)), F.normalize(self.directions))


@pair("overfit-one-batch", "output-range", group="training", source="scikit-learn")
def cosines_as_logits_without_a_temperature(sick: bool) -> Arguments:
    """Cosines between minus one and one go into the cross-entropy without a scale, which keeps every loss above 0.8."""
    cargo_start()
    model = CosineClassifier(1.0 if sick else 5.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(
        model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **cargo_loaders(*cargo_digits(flat=True))
    )


@pair("regularised-debug-run", group="training", source="scikit-learn")
def weight_decay_a_thousand_times_the_usual(sick: bool) -> Arguments:
    """A weight decay of 0.5 was typed for 5e-4, and the penalty outweighs the loss."""
    cargo_start()
    x, y = cargo_table(load_wine)
    model = nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=0.5 if sick else 5e-4)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **cargo_loaders(x, y.long(), size=16))


class BinaryPerceptron(nn.Module):
    """A network of Hubara et al. whose hidden activations are plus or minus one."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm1 = nn.Linear(64, 128, bias=False), nn.BatchNorm1d(128)
        self.second, self.norm2 = nn.Linear(128, 128, bias=False), nn.BatchNorm1d(128)
        self.out = nn.Linear(128, 10)

    def binary(self, h: Tensor) -> Tensor:
        """The signs, with the gradient of the identity between minus one and one."""
        near = h.clamp(-1, 1)
        return near + (torch.where(h >= 0, 1.0, -1.0) - near).detach()

    def forward(self, x: Tensor) -> Tensor:
        h = self.binary(self.norm1(self.first(x)))
        return self.out(self.binary(self.norm2(self.second(h))))


@healthy(resembles="zero-gradient-path", source="published")
def signs_with_a_straight_way_back() -> Arguments:
    """The signs of the hidden units have no gradient, but the layers below get that of the identity."""
    cargo_start()
    model = BinaryPerceptron()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(
        model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **cargo_loaders(*cargo_digits(flat=True))
    )
