"""Programs about weighted outcomes, sharpness, the Noam schedule, mixed experts, shuffle buffers, and warm restarts."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, IterableDataset

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.sixth_fern_parts import fern_digits, fern_loaders, fern_seeds, fern_table


class WeightedSquares:
    """Squared error weighted by the last column of the targets."""

    def __init__(self, weights: slice | int) -> None:
        self.weights = weights

    def __call__(self, outcome: Tensor, target: Tensor) -> Tensor:
        observed, weight = target[:, 0], target[:, self.weights]
        return (weight * (outcome.squeeze(-1) - observed) ** 2).mean()


@pair("silent-broadcast", group="wiring")
def weights_sliced_as_a_column(sick: bool) -> Arguments:
    """The weights keep their axis, (N, 1) against errors of (N,): each error meets the weight of every sample."""
    fern_seeds()
    x = torch.randn(800, 6)
    outcome = (x[:, 0] * x[:, 1]).tanh() + x[:, 2].abs() - 0.8 + 0.5 * x[:, 3]
    noisy = torch.rand(800) < 0.5
    outcome = outcome + torch.where(noisy, 1.0, 0.05) * torch.randn(800)
    outcome = (outcome - outcome.mean()) / outcome.std()
    weight = torch.where(noisy, 0.1, 1.9)
    model = nn.Sequential(nn.Linear(6, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(
        model=model,
        loss_fn=WeightedSquares(slice(1, 2) if sick else 1),
        optimizer=optimizer,
        task="regression",
        **fern_loaders(x, torch.stack([outcome, weight], 1)),
    )


class SharpnessAwareStep:
    """Sharpness-aware minimisation: the gradient is taken at the worst point nearby and applied to the weights."""

    def __init__(self, radius: float, and_back: bool) -> None:
        self.radius, self.and_back = radius, and_back

    def __call__(self, model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(batch[0]), batch[1])
        loss.backward()  # type: ignore[no-untyped-call]
        weights = [p for p in model.parameters() if p.grad is not None]
        norm = torch.stack([p.grad.norm() for p in weights if p.grad is not None]).norm() + 1e-12
        with torch.no_grad():
            moves = [self.radius * p.grad / norm for p in weights if p.grad is not None]
            for p, move in zip(weights, moves, strict=True):
                p.add_(move)
        optimizer.zero_grad()
        F.cross_entropy(model(batch[0]), batch[1]).backward()  # type: ignore[no-untyped-call]
        if self.and_back:
            with torch.no_grad():
                for p, move in zip(weights, moves, strict=True):
                    p.sub_(move)
        optimizer.step()
        return loss.detach()


@pair("overfit-one-batch", group="training", source="scikit-learn")
def climb_that_is_never_undone(sick: bool) -> Arguments:
    """The step of SAM climbs to the worst point nearby and does not go back before the update, which is smaller."""
    fern_seeds()
    x, y = fern_table("cancer")
    model = nn.Sequential(nn.Linear(30, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
        train_step=SharpnessAwareStep(0.1, and_back=not sick),
        **fern_loaders(x, y),
    )


class RuledTransformer(nn.Module):
    """A transformer that classifies digits row by row."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.enter = nn.Linear(8, width)
        self.place = nn.Parameter(0.1 * torch.randn(8, width))
        layer = nn.TransformerEncoderLayer(width, 4, 2 * width, dropout=0.0, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Any:
        return self.head(self.encoder(self.enter(x[:, 0]) + self.place).mean(1))


def noam(width: int, warmup: int, power: float) -> Callable[[int], float]:
    """The rate of "Attention is all you need": up for the warm-up, then down with the root of the step."""
    return lambda step: width**power * min((step + 1) ** -0.5, (step + 1) * warmup**-1.5)


@pair("learning-rate", group="training", source="published")
def noam_without_its_minus(sick: bool) -> Arguments:
    """The width enters the Noam schedule with the power 0.5 instead of -0.5, so that Adam's rate peaks near 0.3."""
    fern_seeds()
    x, y = fern_digits()
    model = RuledTransformer(48)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.6, betas=(0.9, 0.98), eps=1e-9)
    scheduler = lr_scheduler.LambdaLR(optimizer, noam(48, 200, 0.5 if sick else -0.5))

    def train_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer, scheduler: Any) -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(batch[0]), batch[1])
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
        total_steps=1000,
        **fern_loaders(x, y),
    )


class SoftExperts(nn.Module):
    """A mixture of experts whose class probabilities are averaged by a gate; gives what its subclass says."""

    def __init__(self, features: int, classes: int, experts: int = 4) -> None:
        super().__init__()
        self.gate = nn.Linear(features, experts)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(features, 32), nn.ReLU(), nn.Linear(32, classes)) for _ in range(experts)
        )

    def mixed(self, x: Tensor) -> Tensor:
        probability = torch.stack([expert(x).softmax(1) for expert in self.experts], 1)
        mean: Tensor = (self.gate(x).softmax(1)[..., None] * probability).sum(1)
        return mean

    def forward(self, x: Tensor) -> Tensor:
        return self.mixed(x)


class LogSoftExperts(SoftExperts):
    def forward(self, x: Tensor) -> Tensor:
        return self.mixed(x).clamp(min=1e-12).log()


@pair("loss-input", group="wiring", source="scikit-learn")
def averaged_probabilities_into_cross_entropy(sick: bool) -> Arguments:
    """The experts' averaged probabilities go into cross-entropy, which takes them for logits."""
    fern_seeds()
    x, y = fern_table("wine")
    model = (SoftExperts if sick else LogSoftExperts)(13, 3)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **fern_loaders(x, y, batch=16))


class BufferedStream(IterableDataset[tuple[Tensor, Tensor]]):
    """A stream of samples, shuffled in a buffer of 400."""

    def __init__(self, inputs: Tensor, targets: Tensor, together: bool) -> None:
        self.inputs, self.targets, self.together = inputs, targets, together

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for start in range(0, len(self.inputs), 400):
            buffered = list(self.inputs[start : start + 400])
            labels = list(self.targets[start : start + 400])
            order = random.sample(range(len(buffered)), len(buffered))
            other = order if self.together else random.sample(range(len(labels)), len(labels))
            for i, j in zip(order, other, strict=True):
                yield buffered[i], labels[j]


@pair("shuffled-labels", group="training", source="scikit-learn")
def stream_with_two_shuffle_buffers(sick: bool) -> Arguments:
    """The stream shuffles the inputs and the targets of its buffer each in an order of its own."""
    fern_seeds()
    x, y = fern_digits(1200)
    order = torch.randperm(len(x))
    x, y = x[order], y[order]
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 96), nn.ReLU(), nn.Linear(96, 10))
    return {
        "model": model,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
        "loader": DataLoader(BufferedStream(x, y, together=not sick), batch_size=40),
    }


@healthy(resembles="lr-schedule", source="scikit-learn")
def cosine_that_restarts_warm() -> Arguments:
    """The rate sinks to nothing every hundred steps and comes back: warm restarts, stepped once per optimizer step."""
    fern_seeds()
    x, y = fern_digits()
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(192, 48),
        nn.ReLU(),
        nn.Linear(48, 10),
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    scheduler = lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=100)

    def train_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer, scheduler: Any) -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(batch[0]), batch[1])
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
