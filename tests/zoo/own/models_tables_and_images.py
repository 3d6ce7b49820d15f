"""Small models for tables, images, series and words, as users write them down from papers and tutorials."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def mlp(*widths: int, activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    """Return linear layers with an activation between each two."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths[:-1]):
        layers += [nn.Linear(before, after), activation()]
    return nn.Sequential(*layers, nn.Linear(widths[-2], widths[-1]))


def he_initialised(model: nn.Module) -> nn.Module:
    """Draw linear and convolution weights for ReLU, and set their biases to zero."""
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return model


class LeNet5(nn.Module):
    """LeNet-5 with ReLU, for images (N, 1, 32, 32)."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc3(F.relu(self.fc2(x)))


class Vgg(nn.Module):
    """Two stages of two 3×3 convolutions each, as in VGG without batch normalisation, and a classifier."""

    def __init__(self, channels: int = 3, classes: int = 2, side: int = 16, width: int = 12) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *(nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1), nn.ReLU()),
            nn.MaxPool2d(2),
            *(nn.Conv2d(width, 2 * width, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(2 * width, 2 * width, 3, padding=1), nn.ReLU()),
            nn.MaxPool2d(2),
        )
        flat = 2 * width * (side // 4) ** 2
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(flat, 64), nn.ReLU(), nn.Linear(64, classes))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x))


class Separable(nn.Sequential):
    """A depthwise and a pointwise convolution with batch normalisation, the block of MobileNet."""

    def __init__(self, before: int, after: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(before, before, 3, stride, 1, groups=before, bias=False),
            nn.BatchNorm2d(before),
            nn.ReLU6(),
            nn.Conv2d(before, after, 1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU6(),
        )


def mobilenet(channels: int = 1, classes: int = 10) -> nn.Sequential:
    """Return a small MobileNet (v1) for small images."""
    return nn.Sequential(
        *(nn.Conv2d(channels, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU6()),
        *(Separable(16, 32), Separable(32, 48, stride=2)),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(48, classes)),
    )


class Residual(nn.Module):
    """The basic block of ResNet."""

    def __init__(self, before: int, after: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after)
        self.conv2, self.bn2 = nn.Conv2d(after, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after)
        self.shortcut = nn.Identity()
        if stride != 1 or before != after:
            self.shortcut = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(out + self.shortcut(x))


def resnet(channels: int = 3, classes: int = 2, width: int = 12) -> nn.Sequential:
    """Return a small ResNet of three blocks."""
    return nn.Sequential(
        *(nn.Conv2d(channels, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()),
        *(Residual(width, width), Residual(width, 2 * width, 2), Residual(2 * width, 2 * width)),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2 * width, classes)),
    )


class UNet(nn.Module):
    """A U-Net of one level: down, bottom, up, with the skip joined by channels."""

    def __init__(self, channels: int = 1, classes: int = 2, width: int = 12) -> None:
        super().__init__()
        self.down = self._twice(channels, width)
        self.bottom = self._twice(width, 2 * width)
        self.up = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.join = self._twice(2 * width, width)
        self.head = nn.Conv2d(width, classes, 1)

    @staticmethod
    def _twice(before: int, after: int) -> nn.Sequential:
        convolutions = (nn.Conv2d(before, after, 3, padding=1), nn.Conv2d(after, after, 3, padding=1))
        return nn.Sequential(convolutions[0], nn.ReLU(), convolutions[1], nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        skip = self.down(x)
        up = self.up(self.bottom(F.max_pool2d(skip, 2)))
        return self.head(self.join(torch.cat([skip, up], dim=1)))


class Forecaster(nn.Module):
    """A GRU over a series (N, T, F) whose last state predicts the next value (N, 1)."""

    def __init__(self, features: int = 1, width: int = 32) -> None:
        super().__init__()
        self.rnn = nn.GRU(features, width, batch_first=True)
        self.head = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        _, last = self.rnn(x)
        return self.head(last[-1])


class WordLstm(nn.Module):
    """An LSTM over word ids (N, T), its states averaged over time into logits (N, C)."""

    def __init__(self, vocabulary: int = 300, classes: int = 4, width: int = 32) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.rnn = nn.LSTM(width, width, batch_first=True)
        self.head = nn.Linear(width, classes)

    def forward(self, ids: Tensor) -> Tensor:
        states, _ = self.rnn(self.embedding(ids))
        return self.head(states.mean(1))
