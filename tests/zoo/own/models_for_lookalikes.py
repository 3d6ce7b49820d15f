"""Image and table models of the look-alikes, most of them small published architectures written down."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class LeNet(nn.Module):
    """LeNet-5 (LeCun 1998) with ReLU and max pooling, cut to images of 8 × 8."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 3, padding=1)
        self.conv2 = nn.Conv2d(6, 16, 3, padding=1)
        self.fc1 = nn.Linear(16 * 2 * 2, 60)
        self.fc2 = nn.Linear(60, 42)
        self.fc3 = nn.Linear(42, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc3(F.relu(self.fc2(x)))


class BasicBlock(nn.Module):
    """The residual block of He et al. 2015."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, norm: type[nn.Module] = nn.BatchNorm2d) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = norm(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = norm(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), norm(outputs))

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(out)) + self.shortcut(x))


class ResNet(nn.Module):
    """A ResNet of three blocks."""

    def __init__(self, channels: int = 1, classes: int = 10, norm: type[nn.Module] = nn.BatchNorm2d) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels, 16, 3, padding=1, bias=False)
        self.bn = norm(16)
        self.blocks = nn.Sequential(
            BasicBlock(16, 16, norm=norm), BasicBlock(16, 32, 2, norm), BasicBlock(32, 32, norm=norm)
        )
        self.fc = nn.Linear(32, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(F.relu(self.bn(self.stem(x))))
        return self.fc(x.mean((2, 3)))


class NormalisingNet(nn.Module):
    """Takes bytes and normalises them itself with the channel means of its training photographs."""

    def __init__(self, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean.view(1, -1, 1, 1))
        self.register_buffer("std", std.view(1, -1, 1, 1))
        self.net = ResNet(channels=3, classes=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.net((x.float() - self.mean) / self.std)


class UNet(nn.Module):
    """U-Net (Ronneberger 2015) with one step down."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.down = self.double(1, 16)
        self.bottom = self.double(16, 32)
        self.up = nn.ConvTranspose2d(32, 16, 2, stride=2)
        self.decoder = self.double(32, 16)
        self.head = nn.Conv2d(16, classes, 1)

    @staticmethod
    def double(inputs: int, outputs: int) -> nn.Sequential:
        first = [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
        again = [nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
        return nn.Sequential(*first, *again)

    def forward(self, x: Tensor) -> Tensor:
        skip = self.down(x)
        x = self.up(self.bottom(F.max_pool2d(skip, 2)))
        return self.head(self.decoder(torch.cat([skip, x], dim=1)))


class VariationalAutoencoder(nn.Module):
    """The Gaussian autoencoder of Kingma and Welling 2013, which samples its code in both modes."""

    def __init__(self, pixels: int = 64, hidden: int = 96, code: int = 8) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(pixels, hidden), nn.ReLU())
        self.mean = nn.Linear(hidden, code)
        self.log_variance = nn.Linear(hidden, code)
        self.decoder = nn.Sequential(nn.Linear(code, hidden), nn.ReLU(), nn.Linear(hidden, pixels))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h = self.encoder(x)
        mean, log_variance = self.mean(h), self.log_variance(h)
        z = mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance)
        return self.decoder(z).view_as(x), mean, log_variance


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Kullback-Leibler divergence from the standard normal, per sample in nats."""
    return -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(1)


class NormalisedTable(nn.Module):
    """A table network whose first layer is BatchNorm, so that columns may come in any unit."""

    def __init__(self, columns: int, outputs: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm1d(columns)
        self.fc1 = nn.Linear(columns, 48)
        self.fc2 = nn.Linear(48, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.relu(self.fc1(self.bn(x))))


class Rescaled(nn.Module):
    """A regressor that thinks in standard units and answers in those of the target."""

    def __init__(self, columns: int, mean: float, std: float) -> None:
        super().__init__()
        self.net = perceptron(columns, 48, 1)
        self.register_buffer("target_mean", torch.tensor(mean))
        self.register_buffer("target_std", torch.tensor(std))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x) * self.target_std + self.target_mean


class Siamese(nn.Module):
    """One tower for two images; answers whether they show the same digit (Bromley 1993)."""

    def __init__(self) -> None:
        super().__init__()
        self.tower = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 48), nn.ReLU()
        )
        self.head = nn.Sequential(nn.Linear(96, 48), nn.ReLU(), nn.Linear(48, 1))

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        a, b = self.tower(left), self.tower(right)
        return self.head(torch.cat([(a - b).abs(), a * b], dim=1)).squeeze(1)


def perceptron(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Two hidden layers of ReLU."""
    return nn.Sequential(
        nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, outputs)
    )


def image_perceptron(classes: int = 10, hidden: int = 64) -> nn.Sequential:
    """A perceptron on flattened images of 8 × 8."""
    return nn.Sequential(nn.Flatten(), *perceptron(64, hidden, classes))
