"""Models that keep something from step to step, or take more than the image."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class Conditioned(nn.Module):
    """Classifies an image under a hint: a class index, or 10 for none."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU())
        self.hint = nn.Embedding(11, 64)
        self.head = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))

    def forward(self, x: Tensor, hint: Tensor) -> Tensor:
        return self.head(self.stem(x) + self.hint(hint))


class Logged(nn.Module):
    """A network with a list for the history of its losses."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.history: list[object] = []

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class WithMovingMean(nn.Module):
    """A network that follows the mean of its features for a plot."""

    def __init__(self, trunk: nn.Module, detached: bool) -> None:
        super().__init__()
        self.trunk, self.head = trunk, nn.Linear(24, 10)
        self.detached = detached
        self.moving: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        features = torch.relu(self.trunk(x))
        if self.training:
            mean = features.mean(0)
            mean = mean.detach() if self.detached else mean
            self.moving = mean if self.moving is None else 0.9 * self.moving + 0.1 * mean
        return self.head(features)


class Averaged(nn.Module):
    """A network and the moving average of its weights, which is not trained."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.average = copy.deepcopy(net).requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

    @torch.no_grad()
    def follow(self, share: float = 0.1) -> None:
        """Move the average towards the weights and statistics of the network."""
        for mean, value in zip(self.average.state_dict().values(), self.net.state_dict().values(), strict=True):
            if mean.is_floating_point():
                mean.lerp_(value, share)
            else:
                mean.copy_(value)


class CachedPositions(nn.Module):
    """A transformer encoder over image rows that keeps its sinusoids for each length it has met."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.stem, self.head = nn.Linear(8, width), nn.Linear(width, 10)
        self.encoder = nn.TransformerEncoderLayer(width, 4, 64, dropout=0.0, batch_first=True, norm_first=True)
        self.width = width
        self.cache: dict[int, Tensor] = {}

    def positions(self, length: int) -> Tensor:
        if length not in self.cache:
            angle = torch.arange(length)[:, None] * 10.0 ** (-torch.arange(self.width // 2) / 8)
            self.cache[length] = torch.cat([angle.sin(), angle.cos()], dim=1)
        return self.cache[length]

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.encoder(self.stem(x) + self.positions(x.shape[1]))
        return self.head(hidden.mean(1))
