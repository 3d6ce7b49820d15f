"""Perceptrons and mixers for tables and digits, whole and broken."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.zoo.own.models_for_wiring_images import TinyResNet


def perceptron(inputs: int, outputs: int, *last: nn.Module) -> nn.Sequential:
    """Two hidden layers of 48 units; `last` follows the output layer."""
    return nn.Sequential(nn.Linear(inputs, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, outputs), *last)


class BinnedTable(nn.Module):
    """An embedding for each of 12 bins of each column; the table lies in [0, 1]."""

    def __init__(self, columns: int, classes: int, bins: int = 12) -> None:
        super().__init__()
        self.bins = bins
        self.embedding = nn.Embedding(columns * (bins + 1), 8)
        self.register_buffer("offsets", torch.arange(columns) * (bins + 1))
        self.head = perceptron(columns * 8, classes)

    def forward(self, table: Tensor) -> Tensor:
        binned = (table * self.bins).long()
        return self.head(self.embedding(binned + self.offsets).flatten(1))


class BinnedTableTruncated(BinnedTable):
    """Truncates before it scales, for a cast binds tighter than a product."""

    def forward(self, table: Tensor) -> Tensor:
        binned = table.long() * self.bins
        return self.head(self.embedding(binned + self.offsets).flatten(1))


class ByteCNN(nn.Module):
    """A small CNN that takes grey values 0–255 as they are stored, and centres them itself."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.fc = nn.Linear(32 * 4, 10)

    def centred(self, images: Tensor) -> Tensor:
        """Grey values about 0."""
        return (images.float() - 128) / 64

    def forward(self, images: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(self.centred(images))), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc(x.flatten(1))


class ByteCNNWrapping(ByteCNN):
    """Subtracts in bytes, where 100 − 128 is 228."""

    def centred(self, images: Tensor) -> Tensor:
        return (images - 128) / 64


class WholeTable(nn.Module):
    """Normalises its hidden layer, and reads every column."""

    def __init__(self, columns: int, classes: int) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(columns, 32), nn.LayerNorm(32), nn.GELU(), nn.Linear(32, classes))

    def forward(self, table: Tensor) -> Tensor:
        return self.net(table)


class WithoutFirstColumn(WholeTable):
    """Cuts off a first column that once held the row's number."""

    def __init__(self, columns: int, classes: int) -> None:
        super().__init__(columns - 1, classes)

    def forward(self, table: Tensor) -> Tensor:
        return self.net(table[:, 1:])


class Siamese(nn.Module):
    """Are two digits the same? One encoder for both."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = TinyResNet(24)
        self.head = nn.Sequential(nn.Linear(72, 48), nn.ReLU(), nn.Linear(48, 1))

    def compared(self, left: Tensor, right: Tensor) -> Tensor:
        """The logit of two codes."""
        return self.head(torch.cat([left, right, left * right], 1)).squeeze(1)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return self.compared(self.encoder(left), self.encoder(right))


class SiameseSeeingOne(Siamese):
    """Encodes the left image twice."""

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        a, b = self.encoder(left), self.encoder(left)
        return self.compared(a, b)


class TwoTasks(nn.Module):
    """Which digit, and is it even: a head for each over one trunk."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU())
        self.digit = nn.Linear(64, 10)
        self.even = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        shared = self.trunk(images)
        return {"digit": self.digit(shared), "even": self.even(shared).squeeze(1)}


class MixerBlock(nn.Module):
    """MLP-Mixer's block: tokens are mixed, then channels."""

    def __init__(self, tokens: int, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.tokens = nn.Sequential(nn.Linear(tokens, 32), nn.GELU(), nn.Linear(32, tokens))
        self.channels = nn.Sequential(nn.Linear(width, 64), nn.GELU(), nn.Linear(64, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.channels(self.norm2(x))


class Mixer(nn.Module):
    """MLP-Mixer on patches of 2 × 2 of digits."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, 32, 2, 2)
        self.blocks = nn.ModuleList([MixerBlock(16, 32) for _ in range(3)])
        self.norm = nn.LayerNorm(32)
        self.head = nn.Linear(32, 10)

    def forward(self, images: Tensor) -> Tensor:
        x = self.patches(images).flatten(2).transpose(1, 2)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x).mean(1))


class MixerOfAList(Mixer):
    """Keeps its blocks in a plain list."""

    def __init__(self) -> None:
        super().__init__()
        del self.blocks
        self.blocks = [MixerBlock(16, 32) for _ in range(3)]


class TinyViT(nn.Module):
    """Vision transformer of one layer on patches of 2 × 2, with positions that are learnt."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, 32, 2, 2)
        self.positions = nn.Parameter(torch.randn(1, 16, 32) * 0.02)
        self.layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True, norm_first=True)
        self.head = nn.Sequential(nn.LayerNorm(32), nn.Linear(32, 10))

    def forward(self, images: Tensor) -> Tensor:
        x = self.patches(images).flatten(2).transpose(1, 2) + self.positions
        return self.head(self.layer(x).mean(1))


class TinyViTPlainPositions(TinyViT):
    """Keeps its positions as a tensor with a gradient, which is no parameter."""

    def __init__(self) -> None:
        super().__init__()
        del self.positions
        self.positions = (torch.randn(1, 16, 32) * 0.02).requires_grad_()
