"""Models of the look-alikes with unusual starts, depths, activations and numbers."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.own.models_for_lookalikes import ResNet


class DeepResidual(nn.Module):
    """Ten residual blocks without any norm, whose stream grows with the depth, and a norm before the head."""

    def __init__(self, depth: int = 10, width: int = 48) -> None:
        super().__init__()
        self.stem = nn.Linear(64, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width)) for _ in range(depth)
        )
        for block in self.blocks:
            nn.init.kaiming_normal_(block[0].weight, nonlinearity="relu")
            nn.init.xavier_normal_(block[2].weight)
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x.flatten(1))
        for block in self.blocks:
            x = x + block(x)
        return self.head(self.norm(x))


class ReZero(nn.Module):
    """Residual branches under a learnt gain that starts at zero (Bachlechner 2020)."""

    def __init__(self, depth: int = 6, width: int = 48) -> None:
        super().__init__()
        self.stem = nn.Linear(64, width)
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.gains = nn.ParameterList(nn.Parameter(torch.zeros(())) for _ in range(depth))
        self.head = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x.flatten(1))
        for layer, gain in zip(self.layers, self.gains, strict=True):
            x = x + gain * torch.relu(layer(x))
        return self.head(x)


def zero_gamma_resnet() -> ResNet:
    """A ResNet whose residual branches end in a norm that starts at zero (Goyal 2017)."""
    model = ResNet()
    for block in model.blocks:
        nn.init.zeros_(block.bn2.weight)
    return model


class SparseCode(nn.Module):
    """An autoencoder that keeps the eight largest of 96 units of each sample (Makhzani 2013)."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Linear(64, 96), nn.Linear(96, 64)

    def forward(self, x: Tensor) -> Tensor:
        code = self.encoder(x.flatten(1))
        kept = torch.zeros_like(code).scatter(1, code.topk(8, dim=1).indices, 1.0)
        return self.decoder(code * kept).view_as(x)


class Highway(nn.Module):
    """A highway network (Srivastava 2015): gates start almost shut, at a bias of −3, and carry the input on."""

    def __init__(self, depth: int = 4, width: int = 48) -> None:
        super().__init__()
        self.stem, self.head = nn.Linear(64, width), nn.Linear(width, 10)
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.gates = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        for gate in self.gates:
            nn.init.constant_(gate.bias, -3.0)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.stem(x.flatten(1)))
        for layer, gate in zip(self.layers, self.gates, strict=True):
            share = torch.sigmoid(gate(x))
            x = share * torch.relu(layer(x)) + (1 - share) * x
        return self.head(x)


class MaskedAttention(nn.Module):
    """Attention over the rows of an image, of which some are padding: −inf before the softmax, which stays finite."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.stem, self.positions = nn.Linear(8, width), nn.Parameter(0.1 * torch.randn(8, width))
        self.qkv, self.head = nn.Linear(width, 3 * width), nn.Linear(width, 10)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        hidden = F.gelu(self.stem(x) + self.positions)
        q, k, v = self.qkv(hidden).chunk(3, dim=2)
        padding = torch.arange(8) >= lengths[:, None]
        scores = (q @ k.transpose(1, 2) / math.sqrt(q.shape[2])).masked_fill(padding[:, None], -torch.inf)
        hidden = hidden + scores.softmax(2) @ v
        return self.head(hidden.masked_fill(padding[..., None], -torch.inf).amax(1))


class Distances(nn.Module):
    """Classifies by the distance to learnt prototypes (Snell 2017), with a root that is safe at zero."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 24), nn.ReLU(), nn.Linear(24, 8))
        self.prototypes = nn.Parameter(torch.randn(3, 8))

    def forward(self, x: Tensor) -> Tensor:
        gap = self.net(x)[:, None] - self.prototypes
        square = gap.square().sum(2)
        safe = torch.where(square > 0, square, torch.ones_like(square))
        return -2 * torch.where(square > 0, safe.sqrt(), torch.zeros_like(square))


class HalfwayFloat(nn.Module):
    """Computes its norm in float32 whatever comes in, as transformers' RMS norms do."""

    def __init__(self, features: int, outputs: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(features, 48), nn.Linear(48, outputs)
        self.weight = nn.Parameter(torch.ones(48))

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.fc1(x)
        precise = hidden.float()
        scaled = precise * torch.rsqrt(precise.square().mean(1, keepdim=True) + 1e-6)
        return self.fc2(F.silu(self.weight * scaled.to(hidden.dtype)))


class Detector(nn.Module):
    """Scores each place of a picture, from a prior of one in a hundred set in the last bias (Lin 2017)."""

    def __init__(self, prior: float = 0.01) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 24, 3, padding=1), nn.ReLU(), nn.Conv2d(24, 24, 3, padding=1), nn.ReLU(), nn.Conv2d(24, 1, 1)
        )
        nn.init.normal_(self.net[-1].weight, std=0.05)
        nn.init.constant_(self.net[-1].bias, -math.log((1 - prior) / prior))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x).squeeze(1)


def focal_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Focal loss with γ = 2, summed and divided by the number of objects."""
    p = torch.sigmoid(logits)
    error = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    weight = torch.where(targets > 0, (1 - p).square(), p.square())
    return (weight * error).sum() / targets.sum().clamp(min=1)
