"""Published small networks for images, written down; the wiring programs break copies of them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LeNet5(nn.Module):
    """LeNet-5 for images of 28 × 28; the original pads the first convolution by 2."""

    def __init__(self, classes: int = 10, padding: int = 2) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=padding)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.fc1(torch.flatten(x, 1)))
        return self.fc3(F.relu(self.fc2(x)))


def conv_block(inputs: int, outputs: int) -> nn.Sequential:
    """Convolution, BatchNorm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class TinyVGG(nn.Module):
    """VGG with BatchNorm, cut down to two stages; `last` follows the classifier."""

    def __init__(self, last: nn.Module | None = None) -> None:
        super().__init__()
        self.features = nn.Sequential(
            conv_block(1, 16),
            conv_block(16, 16),
            nn.MaxPool2d(2),
            conv_block(16, 32),
            conv_block(32, 32),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(nn.Linear(32 * 4, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 10))
        self.last = last or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.classifier(self.features(x).flatten(1)))


class FunctionalVGG(nn.Module):
    """The same in the functional style, without BatchNorm."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.fc1 = nn.Linear(32 * 4, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        x = F.relu(x)
        x = F.max_pool2d(x, 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.dropout(F.relu(self.fc1(x.flatten(1))), 0.3, training=self.training)
        return self.fc2(x)


class FunctionalVGGDroppingRelu(FunctionalVGG):
    """Calls the first ReLU and throws its result away."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        F.relu(x)
        x = F.max_pool2d(x, 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.dropout(F.relu(self.fc1(x.flatten(1))), 0.3, training=self.training)
        return self.fc2(x)


class FunctionalVGGAlwaysDropping(FunctionalVGG):
    """Drops units in evaluation too."""

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.dropout(F.relu(self.fc1(x.flatten(1))), 0.3)
        return self.fc2(x)


class BasicBlock(nn.Module):
    """ResNet's basic block of two convolutions."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(out)) + self.shortcut(x))


class TinyResNet(nn.Module):
    """ResNet of three basic blocks for images of 8 × 8."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.stem = conv_block(1, 16)
        self.layer1 = BasicBlock(16, 32, 2)
        self.layer2 = BasicBlock(32, 32)
        self.layer3 = BasicBlock(32, 32)
        self.fc = nn.Linear(32, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer1(self.stem(x))
        x = self.layer2(x)
        x = self.layer3(x)
        return self.fc(x.mean((2, 3)))


class TinyResNetLayerTwice(TinyResNet):
    """Passes through its second layer twice and never through its third."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer1(self.stem(x))
        x = self.layer2(x)
        x = self.layer2(x)
        return self.fc(x.mean((2, 3)))


class TinyMobileNet(nn.Module):
    """MobileNet of depthwise separable convolutions; `last` ends the classifier."""

    def __init__(self, last: nn.Module | None = None) -> None:
        super().__init__()
        self.stem = conv_block(1, 16)
        self.blocks = nn.Sequential(self._separable(16, 32, 2), self._separable(32, 48, 1), self._separable(48, 64, 2))
        self.classifier = nn.Sequential(nn.Dropout(0.1), nn.Linear(64, 10))
        if last is not None:
            self.classifier.append(last)

    def _separable(self, inputs: int, outputs: int, stride: int) -> nn.Sequential:
        depthwise = nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False)
        pointwise = nn.Conv2d(inputs, outputs, 1, bias=False)
        return nn.Sequential(
            depthwise, nn.BatchNorm2d(inputs), nn.ReLU(), pointwise, nn.BatchNorm2d(outputs), nn.ReLU()
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.blocks(self.stem(x)).mean((2, 3)))


class UNet(nn.Module):
    """U-Net of two levels: one map of logits from a photograph."""

    def __init__(self, width: int = 12) -> None:
        super().__init__()
        self.down1, self.down2 = conv_block(3, width), conv_block(width, 2 * width)
        self.bottom = conv_block(2 * width, 4 * width)
        self.up2, self.up1 = (
            nn.ConvTranspose2d(4 * width, 2 * width, 2, 2),
            nn.ConvTranspose2d(2 * width, width, 2, 2),
        )
        self.merge2, self.merge1 = conv_block(4 * width, 2 * width), conv_block(2 * width, width)
        self.head = nn.Conv2d(width, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        first = self.down1(x)
        second = self.down2(F.max_pool2d(first, 2))
        x = self.bottom(F.max_pool2d(second, 2))
        x = self.merge2(torch.cat([self.up2(x), second], 1))
        x = self.merge1(torch.cat([self.up1(x), first], 1))
        return self.head(x)


class Discriminator(nn.Module):
    """DCGAN's discriminator for photographs of 32 × 32, cut to three convolutions; `last` ends it."""

    def __init__(self, last: nn.Module) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(3, 16, 4, 2, 1, bias=False),
            nn.LeakyReLU(0.2),
            nn.Conv2d(16, 32, 4, 2, 1, bias=False),
            nn.BatchNorm2d(32),
            nn.LeakyReLU(0.2),
            nn.Conv2d(32, 64, 4, 2, 1, bias=False),
            nn.BatchNorm2d(64),
            nn.LeakyReLU(0.2),
            nn.Conv2d(64, 1, 4),
            last,
        )

    def forward(self, photographs: Tensor) -> Tensor:
        return self.main(photographs).view(-1)


class Autoencoder(nn.Module):
    """Convolutional autoencoder for photographs of 16 × 16; `last` makes the pixels."""

    def __init__(self, last: nn.Module) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(3, 24, 3, 2, 1), nn.ReLU(), nn.Conv2d(24, 48, 3, 2, 1), nn.ReLU(), nn.Conv2d(48, 16, 1)
        )
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(16, 48, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(48, 24, 4, 2, 1), nn.ReLU()
        )
        self.pixels = nn.Sequential(nn.Conv2d(24, 3, 3, padding=1), last)

    def forward(self, photographs: Tensor) -> Tensor:
        return self.pixels(self.decoder(self.code(photographs)))

    def code(self, photographs: Tensor) -> Tensor:
        """The code, (N, 16, 4, 4)."""
        return self.encoder(photographs)


class RoundedAutoencoder(Autoencoder):
    """Rounds its code to whole numbers, so that it can be stored."""

    def code(self, photographs: Tensor) -> Tensor:
        return torch.round(self.encoder(photographs) * 4) / 4


class StraightThroughAutoencoder(Autoencoder):
    """Rounds its code, and passes the gradient straight through the rounding."""

    def code(self, photographs: Tensor) -> Tensor:
        code = self.encoder(photographs)
        rounded = torch.round(code * 4) / 4
        return code + (rounded - code).detach()
