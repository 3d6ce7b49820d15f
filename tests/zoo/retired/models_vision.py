"""Image networks of the retired programs, most of them small versions of published ones."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LeNet(nn.Module):
    """LeNet-5 with rectifiers, for scans of 8 by 8."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.fc1 = nn.Linear(32 * 2 * 2, 64)
        self.fc2 = nn.Linear(64, classes)

    def features(self, scans: Tensor) -> Tensor:
        scans = F.max_pool2d(F.relu(self.conv1(scans)), 2)
        scans = F.max_pool2d(F.relu(self.conv2(scans)), 2)
        return F.relu(self.fc1(scans.flatten(1)))

    def forward(self, scans: Tensor) -> Tensor:
        return self.fc2(self.features(scans))


class LeNetWithTwoHeads(LeNet):
    """Names the digit, and says whether it is odd."""

    def __init__(self) -> None:
        super().__init__()
        self.odd = nn.Linear(64, 1)

    def forward(self, scans: Tensor) -> tuple[Tensor, Tensor]:
        features = self.features(scans)
        return self.fc2(features), self.odd(features).squeeze(1)


class Residual(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)

    def forward(self, maps: Tensor) -> Tensor:
        out = F.relu(self.norm1(self.conv1(maps)))
        out = self.norm2(self.conv2(out))
        out = out.add(maps)
        return F.relu(out)


class ForgottenShortcut(Residual):
    """The same, where the sum with the shortcut goes nowhere."""

    def forward(self, maps: Tensor) -> Tensor:
        out = F.relu(self.norm1(self.conv1(maps)))
        out = self.norm2(self.conv2(out))
        out.add(maps)
        return F.relu(out)


def resnet(channels: int, classes: int, width: int = 16, block: type[Residual] = Residual) -> nn.Sequential:
    """Return a stem, two residual blocks with a stride between them, and a head."""
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        block(width),
        nn.Conv2d(width, width, 3, stride=2, padding=1),
        nn.ReLU(),
        block(width),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(width, classes),
    )


def double_conv(before: int, after: int) -> nn.Sequential:
    """Return the pair of convolutions of which a U-Net is made."""
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), nn.Conv2d(after, after, 3, padding=1), nn.ReLU()
    )


class UNet(nn.Module):
    """A U-Net of two levels."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.down1, self.down2 = double_conv(3, 8), double_conv(8, 16)
        self.up = nn.ConvTranspose2d(16, 8, 2, stride=2)
        self.merge = double_conv(16, 8)
        self.head = nn.Conv2d(8, classes, 1)

    def forward(self, photos: Tensor) -> Tensor:
        fine = self.down1(photos)
        coarse = self.down2(F.max_pool2d(fine, 2))
        return self.head(self.merge(torch.cat([fine, self.up(coarse)], 1)))


class InvertedBottleneck(nn.Module):
    """A block of MobileNet: widen, filter each channel alone, narrow."""

    def __init__(self, width: int, widening: int = 3) -> None:
        super().__init__()
        inner = width * widening
        self.block = nn.Sequential(
            nn.Conv2d(width, inner, 1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU6(),
            nn.Conv2d(inner, inner, 3, padding=1, groups=inner, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU6(),
            nn.Conv2d(inner, width, 1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, maps: Tensor) -> Tensor:
        return maps + self.block(maps)


def mobilenet(outputs: int, width: int = 12) -> nn.Sequential:
    """Return a stem, two inverted bottlenecks and a head."""
    return nn.Sequential(
        nn.Conv2d(3, width, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU6(),
        InvertedBottleneck(width),
        nn.MaxPool2d(2),
        InvertedBottleneck(width),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(width, outputs),
    )


class BytesFirstNormalised(nn.Module):
    """Takes photographs as bytes, and normalises them before its first layer."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.39, 0.43, 0.39]).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor([0.37, 0.30, 0.33]).view(1, 3, 1, 1))
        self.network = network

    def forward(self, photos: Tensor) -> Tensor:
        return self.network((photos.float() / 255 - self.mean) / self.deviation)


def vgg(classes: int) -> nn.Sequential:
    """Return two stages of a VGG with batch normalisation, for two scans side by side."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 2 * 4, 64),
        nn.ReLU(),
        nn.Linear(64, classes),
    )


def dcgan_discriminator() -> nn.Sequential:
    """Return the discriminator of DCGAN for images of 16 by 16; like theirs it ends in a sigmoid."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 4, stride=2, padding=1, bias=False),
        nn.LeakyReLU(0.2),
        nn.Conv2d(16, 32, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(32),
        nn.LeakyReLU(0.2),
        nn.Conv2d(32, 1, 4, bias=False),
        nn.Sigmoid(),
        nn.Flatten(),
    )


def denoiser() -> nn.Sequential:
    """Return a convolutional autoencoder of grey patches, without an activation at its end."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(32, 16, 2, stride=2),
        nn.ReLU(),
        nn.Conv2d(16, 1, 3, padding=1),
    )


class LightSwitch(nn.Module):
    """Says from two grey frames, as bytes, whether the light went on or off between them."""

    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Sequential(
            nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 8 * 8, 2)
        )

    def change(self, frames: Tensor) -> Tensor:
        return frames[:, 1:].float() - frames[:, :1].float()

    def forward(self, frames: Tensor) -> Tensor:
        return self.network(self.change(frames) / 64)


class LightSwitchInBytes(LightSwitch):
    """The same, with the frames subtracted before they are made floats."""

    def change(self, frames: Tensor) -> Tensor:
        return (frames[:, 1:] - frames[:, :1]).float()
