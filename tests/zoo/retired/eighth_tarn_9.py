"""Reported bugs met on an open search, each with its mended twin, and one look-alike."""

# mypy: disable-error-code="no-any-return, no-untyped-call"

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.eighth_tarn_parts import digits, pair_of_loaders, start


class Robust(nn.Module):
    """A classifier with norms and dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Dropout(0.3), nn.Linear(256, 48), nn.ReLU(), nn.Dropout(0.3), nn.Linear(48, 10),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


def robust_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step of training in training mode."""
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    return loss.detach()


def accuracy_by_mode(switched: bool) -> Any:
    """The evaluation of one batch."""

    @torch.no_grad()
    def evaluate(model: nn.Module, batch: list[Tensor]) -> float:
        if switched:
            model.eval()
        return (model(batch[0]).argmax(1) == batch[1]).float().mean().item()

    return evaluate


@pair("train-eval-mode", group="wiring", source="scikit-learn")
def accuracy_measured_in_training_mode(sick: bool) -> Arguments:
    """The evaluation of the trained model never calls eval. (PaulCCCCCCH/Robustar_implementation#165)."""
    start()
    model = Robust()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        train_step=robust_step,
        eval_step=accuracy_by_mode(switched=not sick),
        **pair_of_loaders(digits()),
    )


class ChannelWeights(nn.Module):
    """Channels of a source image, weighed by a softmax of a linear layer that starts at zero."""

    def __init__(self, channels: int = 12) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, channels, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        self.weigh, self.head = nn.Linear(channels, channels), nn.Linear(channels * 16, 10)
        nn.init.zeros_(self.weigh.weight)
        nn.init.zeros_(self.weigh.bias)

    def forward(self, x: Tensor) -> Tensor:
        features = self.features(x)
        weights = self.weigh(features.mean((2, 3))).softmax(1) * features.shape[1]
        return self.head((features * weights[:, :, None, None]).flatten(1))


@healthy(resembles="symmetric-init", source="scikit-learn")
def weights_of_channels_uniform_at_the_start() -> Arguments:
    """The layer before the softmax starts at zero so that all channels weigh the same. (alinlab/L2T-ww#7)."""
    start()
    model = ChannelWeights()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **pair_of_loaders(digits()),
    )


class ScaledTwice(nn.Module):
    """Attention of a diffusion network over the pixels of an image, with the root of the usual scale on each side."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, width, 3, stride=2, padding=1)
        self.norm, self.project, self.join = (
            nn.GroupNorm(4, width),
            nn.Conv1d(width, 3 * width, 1),
            nn.Conv1d(width, width, 1),
        )
        self.head = nn.Linear(width * 16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.stem(x)).flatten(2)
        query, key, value = self.project(self.norm(x)).chunk(3, 1)
        scale = query.shape[1] ** -0.25
        weights = torch.einsum("bct,bcs->bts", query * scale, key * scale).softmax(2)
        x = x + self.join(torch.einsum("bts,bcs->bct", weights, value))
        return self.head(x.flatten(1))


@healthy(resembles="init-scale", source="published")
def fourth_root_on_queries_and_on_keys() -> Arguments:
    """Queries and keys are each scaled by the fourth root, together by the root. (openai/improved-diffusion#54)."""
    start()
    model = ScaledTwice()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **pair_of_loaders(digits()),
    )
