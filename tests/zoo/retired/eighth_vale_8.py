"""Healthy programs that somebody took for broken and was told to be right: modes, momenta, labels, ends and priors."""

# mypy: disable-error-code="no-any-return,no-untyped-call"

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, healthy
from tests.zoo.retired.eighth_vale_parts import (
    digits_in_unit_range,
    in_random_order,
    one_after_another,
    padded_topics,
    seed_all_three,
    train_and_validation,
)


class ReceiptEncoder(nn.Module):
    """A transformer encoder of text segments whose last dropout is a function, told whether the module trains."""

    def __init__(self, vocabulary: int = 40, width: int = 32) -> None:
        """Build the layers."""
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width, padding_idx=0)
        layer = nn.TransformerEncoderLayer(width, 4, 64, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 4)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of the kind of the segment."""
        padded = tokens == 0
        x = self.encoder(self.embedding(tokens), src_key_padding_mask=padded)
        x = x.masked_fill(padded[..., None], 0).sum(1) / (~padded).sum(1, keepdim=True)
        return self.head(F.dropout(self.norm(x), 0.1, training=self.training))


def training_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """One update in train mode."""
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    return loss.detach()


@torch.no_grad()
def answered_right_in_eval(model: nn.Module, batch: list[Tensor]) -> float:
    """Share of right answers of a batch, in eval mode."""
    model.eval()
    return (model(batch[0]).argmax(1) == batch[1]).float().mean().item()


@healthy(resembles="train-eval-mode")
def last_dropout_told_of_the_mode() -> Arguments:
    """The last dropout is no module, but is given the encoder's own flag, and validation is without it.

    (wenwenyu/PICK-pytorch#77)
    """
    seed_all_three()
    train, validation = train_and_validation(*padded_topics(700, seed=12))
    model = ReceiptEncoder()
    return {
        "model": model,
        "loader": in_random_order(train),
        "val_loader": one_after_another(validation),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "train_step": training_step,
        "eval_step": answered_right_in_eval,
        "padding_value": 0,
    }


class AnswerNetwork(nn.Module):
    """Attention of a question over the regions of an image, with dropout, and a classifier of answers."""

    def __init__(self) -> None:
        """Build the layers."""
        super().__init__()
        self.question, self.regions = nn.Linear(8, 32), nn.Linear(12, 32)
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 5))

    def forward(self, question: Tensor, regions: Tensor) -> Tensor:
        """Logits of the answers."""
        asked, seen = self.question(question), self.regions(regions)
        weight = (seen @ asked[:, :, None] / 32**0.5).softmax(1)
        return self.head(self.dropout(torch.cat([asked, (weight * seen).sum(1)], 1)))


def answer_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """One update; the mode was set before the first epoch."""
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0], batch[1]), batch[2])
    loss.backward()
    optimizer.step()
    return loss.detach()


@torch.no_grad()
def answered_by_another_net(model: nn.Module, batch: list[Tensor]) -> float:
    """Share of right answers of a new net in eval mode that has the weights of the one in training."""
    net = copy.deepcopy(model)
    net.eval()
    return (net(batch[0], batch[1]).argmax(1) == batch[2]).float().mean().item()


@healthy(resembles="train-eval-mode")
def evaluation_on_a_net_of_its_own() -> Arguments:
    """Nothing sets train mode again after an evaluation, which has a net of its own for eval mode.

    (MILVLG/mcan-vqa#26)
    """
    seed_all_three()
    question, regions = torch.randn(900, 8), torch.randn(900, 6, 12)
    score = question @ torch.randn(8, 5) + regions.mean(1) @ torch.randn(12, 5)
    train, validation = train_and_validation(question, regions, score.argmax(1))
    model = AnswerNetwork()
    return {
        "model": model,
        "loader": in_random_order(train),
        "val_loader": one_after_another(validation),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "train_step": answer_step,
        "eval_step": answered_by_another_net,
    }


class InvertedBottleneck(nn.Module):
    """Expansion, depthwise convolution, squeeze and excitation, projection; the block of EfficientNet."""

    def __init__(self, channels: int, batch_norm_momentum: float = 0.9, expand: int = 3) -> None:
        """Build the layers."""
        super().__init__()
        momentum, wide = 1 - batch_norm_momentum, expand * channels
        self.expand = nn.Sequential(nn.Conv2d(channels, wide, 1, bias=False), nn.BatchNorm2d(wide, 1e-3, momentum))
        self.depthwise = nn.Sequential(
            nn.Conv2d(wide, wide, 3, padding=1, groups=wide, bias=False), nn.BatchNorm2d(wide, 1e-3, momentum)
        )
        self.squeeze, self.excite = nn.Conv2d(wide, channels // 2, 1), nn.Conv2d(channels // 2, wide, 1)
        self.project = nn.Sequential(nn.Conv2d(wide, channels, 1, bias=False), nn.BatchNorm2d(channels, 1e-3, momentum))

    def forward(self, x: Tensor) -> Tensor:
        """The block and its shortcut."""
        inner = F.silu(self.depthwise(F.silu(self.expand(x))))
        gate = self.excite(F.silu(self.squeeze(inner.mean((2, 3), keepdim=True))))
        return x + self.project(torch.sigmoid(gate) * inner)


class SmallEfficientNet(nn.Module):
    """Stem, two blocks, pooling and a classifier."""

    def __init__(self) -> None:
        """Build the layers."""
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, stride=2, padding=1)
        self.blocks = nn.Sequential(InvertedBottleneck(16), InvertedBottleneck(16))
        self.head = nn.Linear(16 * 16, 10)

    def forward(self, image: Tensor) -> Tensor:
        """Logits of the classes."""
        return self.head(F.silu(self.blocks(self.stem(image))).flatten(1))


@healthy(resembles="batchnorm-statistics", source="published")
def one_minus_the_momentum() -> Arguments:
    """The batch norms get one minus the momentum, since the other framework means the share of the old statistics.

    (lukemelas/EfficientNet-PyTorch#3)
    """
    seed_all_three()
    train, validation = train_and_validation(*digits_in_unit_range(images=True))
    model = SmallEfficientNet()
    return {
        "model": model,
        "loader": in_random_order(train),
        "val_loader": one_after_another(validation),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "train_step": training_step,
        "eval_step": answered_right_in_eval,
    }


class FullyConvolutional(nn.Module):
    """Two scales of convolutions whose scores are added, as in FCN-8s with fewer scales."""

    def __init__(self, classes: int = 4) -> None:
        """Build the layers."""
        super().__init__()
        self.fine, self.coarse = nn.Conv2d(1, 16, 3, padding=1), nn.Conv2d(16, 24, 3, padding=1)
        self.score_fine, self.score_coarse = nn.Conv2d(16, classes, 1), nn.Conv2d(24, classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        """One logit a class and pixel."""
        fine = F.relu(self.fine(image))
        coarse = self.score_coarse(F.relu(self.coarse(F.max_pool2d(fine, 2))))
        return self.score_fine(fine) + F.interpolate(coarse, scale_factor=2, mode="bilinear")


@healthy(resembles="loss-target", source="published")
def binary_entropy_for_one_hot_maps() -> Arguments:
    """Pixels are trained with the binary cross-entropy, as each class has a map of zeros and ones of its own.

    (pochih/FCN-pytorch#9)
    """
    seed_all_three()
    coarse = F.interpolate(torch.randn(360, 4, 3, 3), size=12, mode="bilinear")
    labels = coarse.argmax(1)
    images = torch.tensor([0.1, 0.4, 0.65, 0.95])[labels][:, None] + 0.1 * torch.randn(360, 1, 12, 12)
    train, validation = train_and_validation(images, F.one_hot(labels, 4).permute(0, 3, 1, 2).float())
    model = FullyConvolutional()
    return {
        "model": model,
        "loader": in_random_order(train, 16),
        "val_loader": one_after_another(validation, 16),
        "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=5e-3),
    }


class PositionHead(nn.Module):
    """Scores where things are; the last bias says one place in ten."""

    def __init__(self, prior: float = 0.1) -> None:
        """Build the layers."""
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU()
        )
        self.out = nn.Conv2d(16, 1, 3, padding=1)
        for name, parameter in self.out.named_parameters():
            if name == "bias":
                nn.init.constant_(parameter, -math.log((1 - prior) / prior))
            else:
                nn.init.normal_(parameter, std=0.01)

    def forward(self, image: Tensor) -> Tensor:
        """One logit a place."""
        return self.out(self.features(image))


@healthy(resembles="final-bias", source="published")
def bias_of_minus_two_point_one_nine() -> Arguments:
    """The bias of the position head is -2.19, which gives every place the chance 0.1 of a thing.

    (JIA-Lab-research/PanopticFCN#6)
    """
    seed_all_three()
    axis = torch.arange(12).float()
    row, column = torch.randint(2, 10, (2, 400, 1, 1)).float()
    inside = ((axis[:, None] - row).abs() <= 1.5) & ((axis - column).abs() <= 2)
    things = inside.float()[:, None]
    images = 0.3 + 0.5 * things + 0.12 * torch.randn(400, 1, 12, 12)
    train, validation = train_and_validation(images, things)
    model = PositionHead()
    return {
        "model": model,
        "loader": in_random_order(train, 16),
        "val_loader": one_after_another(validation, 16),
        "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }
