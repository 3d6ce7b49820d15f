"""Reported bugs, first hand: robot paths, anchors, heads, a frozen network, a penalty and the weather."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.eleventh_heron_parts import SmallConvNet, batches_in_order_of_seed, ordered_digits, with_seeds


class PathDenoiser(nn.Module):
    """Finds the clean path in a noisy one, given how noisy it is."""

    def __init__(self, points: int = 16) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(2 * points + 1, 96), nn.SiLU(), nn.Linear(96, 96), nn.SiLU(), nn.Linear(96, 2 * points)
        )

    def forward(self, noisy: Tensor, level: Tensor) -> Tensor:
        """The clean path."""
        return self.net(torch.cat([noisy, level], 1))


def robot_paths(contexts: int = 24, each: int = 40, points: int = 16) -> tuple[Tensor, Tensor, Tensor]:
    """Noisy paths, noise levels and clean paths, from one start and goal after the other."""
    along = torch.linspace(0, 1, points).view(1, 1, points, 1)
    ends = torch.randn(contexts, 1, 2, 2)
    straight = ends[:, :, :1] * (1 - along) + ends[:, :, 1:] * along
    bend = 0.5 * torch.randn(contexts, each, 1, 2) * torch.sin(torch.pi * along)
    clean = (straight + bend).flatten(0, 1).flatten(1)
    level = torch.rand(len(clean), 1)
    return (1 - level).sqrt() * clean + level.sqrt() * torch.randn_like(clean), level, clean


@pair("not-shuffled", group="data")
def paths_of_one_context_after_the_other(sick: bool) -> Arguments:
    """The training loader lacks `shuffle=True`, and paths lie by context (joaoamcarvalho/mpd-public#6)."""
    with_seeds()
    model = PathDenoiser()
    return {
        "model": model,
        "loader": batches_in_order_of_seed(*robot_paths(), shuffle=not sick),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


class AnchorDecoderLayer(nn.Module):
    """Cross-attention of anchor queries to the picture, and a feed-forward part."""

    def __init__(self, width: int, with_levels: bool) -> None:
        super().__init__()
        self.cross = nn.MultiheadAttention(width, 4, batch_first=True)
        self.norm1 = nn.LayerNorm(width)
        if with_levels:
            self.level_attention = nn.MultiheadAttention(width, 4, batch_first=True)
            self.norm2 = nn.LayerNorm(width)
        self.linear1 = nn.Linear(width, 2 * width)
        self.linear2 = nn.Linear(2 * width, width)
        self.norm3 = nn.LayerNorm(width)

    def forward(self, query: Tensor, memory: Tensor) -> Tensor:
        """Queries that have looked at the picture."""
        query = self.norm1(query + self.cross(query, memory, memory, need_weights=False)[0])
        return self.norm3(query + self.linear2(F.relu(self.linear1(query))))


class AnchorDetector(nn.Module):
    """Finds the box of the one object of a picture, from four anchors."""

    def __init__(self, with_levels: bool, width: int = 32) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(1, width, 5, stride=2, padding=2), nn.ReLU())
        self.places = nn.Parameter(0.5 * torch.randn(1, 64, width))
        self.anchors = nn.Parameter(torch.randn(1, 4, width))
        self.layer = AnchorDecoderLayer(width, with_levels)
        self.score = nn.Linear(width, 1)
        self.box = nn.Linear(width, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Box of each picture, as shares of its sides."""
        memory = self.backbone(x).flatten(2).transpose(1, 2) + self.places
        query = self.layer(self.anchors.expand(len(x), -1, -1), memory)
        return (self.score(query).softmax(1) * self.box(query).sigmoid()).sum(1)


@pair("unused-parameters", group="wiring", source="published")
def decoder_layer_with_idle_parts(sick: bool) -> Arguments:
    """The decoder layer makes an attention and a norm that its forward never calls (megvii-research/AnchorDETR#6)."""
    with_seeds()
    low = torch.randint(0, 9, (600, 2))
    side = torch.randint(4, 8, (600, 2))
    pictures = 0.3 * torch.randn(600, 1, 16, 16)
    for one in range(600):
        (top, left), (height, width) = low[one].tolist(), side[one].tolist()
        pictures[one, 0, top : top + height, left : left + width] += 1.5
    model = AnchorDetector(with_levels=sick)
    return {
        "model": model,
        "loader": batches_in_order_of_seed(pictures, torch.cat([low, low + side], 1) / 16),
        "loss_fn": nn.SmoothL1Loss(beta=0.1),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=2e-3),
        "task": "regression",
    }


class ClassifierWithHead(nn.Module):
    """A small backbone, and a head of three linear layers."""

    def __init__(self, active: bool) -> None:
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.AvgPool2d(2)
        )
        layers: list[nn.Module] = []
        for before, after in ((256, 64), (64, 64)):
            layers.append(nn.Linear(before, after))
            if active:
                layers.append(nn.ReLU())
        self.head = nn.Sequential(*layers, nn.Linear(64, 10))

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        return self.head(self.backbone(x).flatten(1))


@pair("no-nonlinearity", group="wiring", source="scikit-learn")
def head_of_plain_linear_layers(sick: bool) -> Arguments:
    """Between the linear layers of the head there is no activation (Nota-NetsPresso/netspresso-trainer#320)."""
    with_seeds()
    model = ClassifierWithHead(active=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return {
        "model": model,
        "loader": batches_in_order_of_seed(*ordered_digits()),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": optimizer,
    }


class Transfer(nn.Module):
    """Frozen features of a trained network under a new head."""

    def __init__(self, features: SmallConvNet) -> None:
        super().__init__()
        self.features = features
        del self.features.head
        self.features.requires_grad_(False)
        self.head = nn.Linear(128, 5)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the new classes."""
        net = self.features
        x = F.max_pool2d(F.relu(net.norm1(net.conv1(x))), 2)
        x = F.max_pool2d(F.relu(net.norm2(net.conv2(x))), 2)
        return self.head(x.flatten(1))


def fine_tune(model: Transfer, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """One step on the head, in train mode."""
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    return loss.detach()


def fine_tune_held(model: Transfer, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """One step on the head, with the features in eval mode."""
    model.train()
    model.features.eval()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    return loss.detach()


@pair("frozen-parameters-change", group="training", source="scikit-learn")
def frozen_features_whose_statistics_move(sick: bool) -> Arguments:
    """`requires_grad=False` leaves the statistics of the frozen part to the new data (pytorch/pytorch#86590)."""
    with_seeds()
    images, labels = ordered_digits(1797)
    old, new = labels < 5, labels >= 5
    features = SmallConvNet(classes=5)
    first = torch.optim.Adam(features.parameters(), lr=3e-3)
    for _ in range(3):
        for x, y in zip(images[old].split(32), labels[old].split(32), strict=True):
            first.zero_grad()
            F.cross_entropy(features(x), y).backward()
            first.step()
    first.zero_grad()
    model = Transfer(features)
    return {
        "model": model,
        "loader": batches_in_order_of_seed(images[new], labels[new] - 5),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.head.parameters(), lr=3e-3),
        "train_step": fine_tune if sick else fine_tune_held,
    }


class PenalisedTrainer:
    """Adds a penalty on the squares of the weights to the loss."""

    def __init__(self, strength: float) -> None:
        self.strength = strength

    def train_step(self, model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        """One step on the cost, penalty included."""
        optimizer.zero_grad()
        penalty = torch.stack([value.square().sum() for value in model.parameters() if value.dim() > 1]).sum()
        cost = F.cross_entropy(model(batch[0]), batch[1]) + self.strength * penalty
        cost.backward()
        optimizer.step()
        return cost.detach()


@pair("regularised-debug-run", group="training", source="scikit-learn")
def penalty_that_drowns_the_cross_entropy(sick: bool) -> Arguments:
    """The L2 penalty overwhelms the cross-entropy (answerofmath.com/solved-if-l2-regularization-parameter-is…)."""
    with_seeds()
    images, labels = ordered_digits()
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    trainer = PenalisedTrainer(0.3 if sick else 1e-4)
    return {
        "model": model,
        "loader": batches_in_order_of_seed(images.flatten(1), labels),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9),
        "train_step": trainer.train_step,
    }
