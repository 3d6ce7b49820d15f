"""Programs whose gradients are wrong, written after the checks by people who had not seen them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.models_training_data import digits, scaled_digits, seed_all, shuffled, tumours


class SkewCorrected(nn.Module):
    """A perceptron that takes logarithms of its features first."""

    def __init__(self, signed: bool) -> None:
        super().__init__()
        self.signed = signed
        self.layers = nn.Sequential(nn.Linear(30, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, features: Tensor) -> Tensor:
        logarithms = features.sign() * torch.log1p(features.abs()) if self.signed else torch.log1p(features)
        return self.layers(logarithms).squeeze(1)


@pair("nonfinite-forward", group="backward", source="scikit-learn")
def logarithm_of_standardised_features(sick: bool) -> Arguments:
    """log1p was meant for the raw areas; the standardised ones reach below -1, and the whole loss is NaN."""
    seed_all()
    model = SkewCorrected(signed=not sick)
    features, labels = tumours()
    return {
        "model": model,
        "loader": shuffled(features, labels.float()),
        "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
    }


class Siamese(nn.Module):
    """The Euclidean distance of two digits, each embedded by the same convolutions."""

    def __init__(self, floor: float) -> None:
        super().__init__()
        self.floor = floor
        self.embed = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(256, 16),
        )  # fmt: skip

    def forward(self, one: Tensor, two: Tensor) -> Tensor:
        squared = (self.embed(one) - self.embed(two)).pow(2).sum(1)
        return torch.sqrt(squared + self.floor)


def contrastive(distance: Tensor, same: Tensor, margin: float = 1.0) -> Tensor:
    """Hadsell's loss: the same digits together, others at least a margin apart."""
    return (same * distance.pow(2) + (1 - same) * F.relu(margin - distance).pow(2)).mean()


def _pairs_of_digits(count: int = 800) -> tuple[Tensor, Tensor, Tensor]:
    images, labels = digits(300, only=(0, 1, 4, 7))
    one = torch.randint(len(labels), (count,))
    one[::16] = torch.arange(len(one[::16]))
    two = torch.randint(len(labels), (count,))
    for place in range(0, count, 2):
        alike = (labels == labels[one[place]]).nonzero().squeeze(1)
        two[place] = alike[torch.randint(len(alike), (1,))]
    two[::16] = one[::16]  # the sampler of positives may draw the anchor itself
    return images[one], images[two], (labels[one] == labels[two]).float()


@pair("nonfinite-gradient", group="backward", source="published")
def distance_of_an_image_to_itself(sick: bool) -> Arguments:
    """Some positive pairs are one image twice: the square root's slope at 0 is infinite, and its gradient NaN."""
    seed_all()
    model = Siamese(floor=0.0 if sick else 1e-6)
    return {
        "model": model,
        "loader": shuffled(*_pairs_of_digits()),
        "loss_fn": contrastive,
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
        "task": "other",
    }


def _normalising_network(activation: type[nn.Module], depth: int = 12, width: int = 64) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Flatten()]
    for inside in [64] + [width] * (depth - 1):
        layer = nn.Linear(inside, width)
        nn.init.normal_(layer.weight, std=inside**-0.5)
        nn.init.zeros_(layer.bias)
        layers += [layer, activation()]
    return nn.Sequential(*layers, nn.Linear(width, 10))


@pair("vanishing-gradients", group="backward", source="published")
def self_normalising_network_with_sigmoids(sick: bool) -> Arguments:
    """A twelve-layer SELU network was given sigmoids, and each passes back a quarter of the gradient at most."""
    seed_all()
    model = _normalising_network(nn.Sigmoid if sick else nn.SELU)
    return {
        "model": model,
        "loader": shuffled(*scaled_digits()),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9),
    }


class NormalisedBlock(nn.Module):
    """Linear, BatchNorm, ReLU."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, width, bias=False)
        self.norm = nn.BatchNorm1d(width)

    def forward(self, features: Tensor) -> Tensor:
        return F.relu(self.norm(self.linear(features)))


class DeepPerceptron(nn.Module):
    """Fifty normalised blocks, meant to be residual."""

    def __init__(self, residual: bool, depth: int = 50, width: int = 64) -> None:
        super().__init__()
        self.residual = residual
        self.stem = nn.Linear(30, width)
        self.blocks = nn.ModuleList(NormalisedBlock(width) for _ in range(depth))
        self.norm = nn.BatchNorm1d(width)
        self.head = nn.Linear(width, 2)

    def forward(self, features: Tensor) -> Tensor:
        features = self.stem(features)
        for block in self.blocks:
            features = features + block(features) if self.residual else block(features)
        return self.head(self.norm(features))


@pair("exploding-gradients", group="backward", source="scikit-learn")
def fifty_normalised_blocks_without_shortcuts(sick: bool) -> Arguments:
    """`x = block(x)` where `x = x + block(x)` was meant: through fifty BatchNorms the gradient grows block by block."""
    seed_all()
    model = DeepPerceptron(residual=not sick)
    return {
        "model": model,
        "loader": shuffled(*tumours(), batch=64, drop_last=True),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9),
    }


class ForgetfulSwish(torch.autograd.Function):
    """Swish that keeps only its input; its backward treats the gate as a constant."""

    @staticmethod
    def forward(ctx: Any, features: Tensor) -> Tensor:
        ctx.save_for_backward(features)
        return features * torch.sigmoid(features)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (features,) = ctx.saved_tensors
        return gradient * torch.sigmoid(features)


class Swish(torch.autograd.Function):
    """Swish that keeps only its input."""

    @staticmethod
    def forward(ctx: Any, features: Tensor) -> Tensor:
        ctx.save_for_backward(features)
        return features * torch.sigmoid(features)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (features,) = ctx.saved_tensors
        gate = torch.sigmoid(features)
        return gradient * gate * (1 + features * (1 - gate))


class EfficientNet(nn.Module):
    """A stem and two inverted bottlenecks with squeeze and excitation."""

    def __init__(self, swish: type[torch.autograd.Function]) -> None:
        super().__init__()
        self.swish = swish
        self.stem = nn.Conv2d(1, 16, 3, padding=1)
        self.expand = nn.ModuleList(nn.Conv2d(16, 48, 1) for _ in range(2))
        self.depthwise = nn.ModuleList(nn.Conv2d(48, 48, 3, padding=1, groups=48) for _ in range(2))
        self.gate = nn.ModuleList(nn.Conv2d(48, 48, 1) for _ in range(2))
        self.project = nn.ModuleList(nn.Conv2d(48, 16, 1) for _ in range(2))
        self.head = nn.Linear(16 * 16, 10)

    def forward(self, images: Tensor) -> Tensor:
        x = F.max_pool2d(self.swish.apply(self.stem(images)), 2)
        for expand, depthwise, gate, project in zip(self.expand, self.depthwise, self.gate, self.project, strict=True):
            inner = self.swish.apply(depthwise(self.swish.apply(expand(x))))
            x = x + project(inner * torch.sigmoid(gate(inner.mean((2, 3), keepdim=True))))
        return self.head(x.flatten(1))


@pair("gradient-check", group="backward", source="published")
def frugal_swish_with_half_a_derivative(sick: bool) -> Arguments:
    """A memory-saving Swish of an EfficientNet returns the gate alone: the product rule's second term is missing."""
    seed_all()
    model = EfficientNet(ForgetfulSwish if sick else Swish)
    return {
        "model": model,
        "loader": shuffled(*scaled_digits()),
        "loss_fn": nn.CrossEntropyLoss(label_smoothing=0.05),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }
