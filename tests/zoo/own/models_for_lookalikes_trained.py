"""Models of the look-alikes with losses that learn, frozen parts, adapters and results kept aside."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class KeepsFeatures(nn.Module):
    """A small VGG (Simonyan 2014) that works in place and keeps its last features for a picture."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.pool = nn.MaxPool2d(2, return_indices=True)
        self.head = nn.Linear(32, 10)
        self.features: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        x.relu_()
        x, where = self.pool(x)  # noqa: RUF059 - users drop results so
        x = self.conv2(x)
        F.relu(x, inplace=True)
        self.features = x.detach().mean((2, 3))
        best, place = x.flatten(2).max(dim=2)  # noqa: RUF059 - users drop results so
        return self.head(best)


class EmbeddingNet(nn.Module):
    """Embeds an image in 16 dimensions and classifies it from there."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16))
        self.classify = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        embedding = self.embed(x)
        return self.classify(F.relu(embedding)), embedding


class CenterLoss(nn.Module):
    """Cross-entropy plus the distance of each embedding to the learnt centre of its class (Wen 2016)."""

    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        self.centers = nn.Parameter(torch.randn(classes, width))

    def forward(self, outputs: tuple[Tensor, Tensor], labels: Tensor) -> Tensor:
        logits, embedding = outputs
        return F.cross_entropy(logits, labels) + 0.01 * (embedding - self.centers[labels]).square().sum(1).mean()


class TwoTasks(nn.Module):
    """Reads a digit and its share of ink from one trunk."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU())
        self.digit, self.ink = nn.Linear(64, 10), nn.Linear(64, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        features = self.trunk(x)
        return {"digit": self.digit(features), "ink": self.ink(features).squeeze(1)}


class UncertainTasks(nn.Module):
    """Weights two losses by learnt log-variances."""

    def __init__(self) -> None:
        super().__init__()
        self.log_variance = nn.Parameter(torch.zeros(2))

    def forward(self, outputs: dict[str, Tensor], targets: dict[str, Tensor]) -> Tensor:
        losses = torch.stack(
            [F.cross_entropy(outputs["digit"], targets["digit"]), F.mse_loss(outputs["ink"], targets["ink"])]
        )
        return (losses * torch.exp(-self.log_variance) + 0.5 * self.log_variance).sum()


class FrozenTrunk(nn.Module):
    """Features of a frozen LeNet under ``no_grad``, and a head that learns."""

    def __init__(self, trunk: nn.Module) -> None:
        super().__init__()
        self.trunk = trunk.requires_grad_(False)
        self.head = nn.Sequential(nn.Linear(60, 32), nn.ReLU(), nn.Linear(32, 10))

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            x = F.max_pool2d(F.relu(self.trunk.conv1(x)), 2)
            x = F.max_pool2d(F.relu(self.trunk.conv2(x)), 2)
            features = F.relu(self.trunk.fc1(x.flatten(1)))
        return self.head(features)


class LowRank(nn.Module):
    """A perceptron whose first layer is a product of two thin ones."""

    def __init__(self) -> None:
        super().__init__()
        self.reduce, self.expand = nn.Linear(64, 16, bias=False), nn.Linear(16, 128)
        self.head = nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.relu(self.expand(self.reduce(x.flatten(1)))))


class Adapted(nn.Module):
    """A frozen linear layer plus a learnt product of low rank, which starts at zero (Hu 2021)."""

    def __init__(self, layer: nn.Linear, rank: int = 4) -> None:
        super().__init__()
        self.layer = layer
        self.down = nn.Linear(layer.in_features, rank, bias=False)
        self.up = nn.Linear(rank, layer.out_features, bias=False)
        nn.init.zeros_(self.up.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) + 2 * self.up(self.down(x))


def with_adapters(model: nn.Module) -> nn.Module:
    """Freeze a DistilBERT and put adapters on its query and value projections; the two layers of its head stay free."""
    for parameter in model.distilbert.parameters():
        parameter.requires_grad = False
    for layer in model.distilbert.transformer.layer:
        layer.attention.q_lin = Adapted(layer.attention.q_lin)
        layer.attention.v_lin = Adapted(layer.attention.v_lin)
    return model
