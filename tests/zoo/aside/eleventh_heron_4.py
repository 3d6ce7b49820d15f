"""Reported bugs, first hand: changed pixels, tumours, frozen statistics, holdings and an audit."""

from __future__ import annotations

from typing import Any

import torch
from sklearn.datasets import load_breast_cancer
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, TensorDataset

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.eleventh_heron_parts import SmallConvNet, batches_in_order_of_seed, ordered_digits, with_seeds


class ChangeNetwork(nn.Module):
    """Marks the pixels that changed between two pictures of a place."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.Conv2d(12, 12, 3, padding=1), nn.ReLU()
        )
        self.classify = nn.Sequential(nn.Conv2d(12, 12, 3, padding=1), nn.ReLU(), nn.Conv2d(12, 1, 1))

    def forward(self, before: Tensor, after: Tensor) -> Tensor:
        """A map of logits."""
        return self.classify((self.features(before) - self.features(after)).abs())


def places(count: int = 400) -> tuple[Tensor, Tensor, Tensor]:
    """Pairs of pictures, and the few pixels that differ beyond the noise."""
    before = F.avg_pool2d(torch.randn(count, 1, 18, 18), 3, 1) * 2.5
    mask = torch.zeros(count, 1, 16, 16)
    for one in range(count):
        top, left = torch.randint(0, 14, (2,)).tolist()
        mask[one, 0, top : top + 3, left : left + 3] = 1
    after = before + 1.1 * mask
    return before + 0.4 * torch.randn_like(before), after + 0.4 * torch.randn_like(before), mask


@pair("class-imbalance", group="data")
def changed_pixels_without_a_weight(sick: bool) -> Arguments:
    """Three per cent of the pixels changed; their loss has no weight (AndreaCodegoni/Tiny_model_4_CD#16)."""
    with_seeds()
    model = ChangeNetwork()
    return {
        "model": model,
        "loader": batches_in_order_of_seed(*places(), size=16),
        "loss_fn": nn.BCEWithLogitsLoss(pos_weight=None if sick else torch.tensor([5.0])),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
    }


@pair("constant-output", "loss-target", group="wiring", source="scikit-learn")
def softmax_of_the_only_node(sick: bool) -> Arguments:
    """A single output node ends in softmax, which is 1 for every sample (geek-tips.imtqy.com/articles/557592)."""
    with_seeds()
    data = load_breast_cancer()
    x = torch.tensor((data.data - data.data.mean(0)) / data.data.std(0), dtype=torch.float32)
    y = torch.tensor(data.target, dtype=torch.float32).unsqueeze(1)
    last = nn.Softmax(dim=1) if sick else nn.Sigmoid()
    model = nn.Sequential(nn.Linear(30, 24), nn.ReLU(), nn.Linear(24, 1), last)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return {"model": model, "loader": batches_in_order_of_seed(x, y), "loss_fn": nn.BCELoss(), "optimizer": optimizer}


def hold_statistics(model: nn.Module, update: bool) -> None:
    """Let BatchNorm statistics follow the batches, or hold them."""
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            if update:
                layer.momentum = getattr(layer, "usual_momentum", layer.momentum)
            else:
                layer.usual_momentum = layer.momentum  # type: ignore[assignment]
                layer.momentum = 0.0


def hold_statistics_once(model: nn.Module, update: bool) -> None:
    """Let BatchNorm statistics follow the batches, or hold them, also when they are held already."""
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            if update:
                layer.momentum = getattr(layer, "usual_momentum", layer.momentum)
            else:
                if layer.momentum:
                    layer.usual_momentum = layer.momentum  # type: ignore[assignment]
                layer.momentum = 0.0


def model_fn(model: nn.Module, x: Tensor, update_batch_norm: bool, hold: Any) -> Tensor:
    """A forward pass of the workload."""
    hold(model, update_batch_norm)
    logits: Tensor = model(x)
    return logits


class Submission:
    """Looks at the loss of both halves of a batch, then takes a step on all of it."""

    def __init__(self, hold: Any) -> None:
        self.hold = hold

    def train_step(self, model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        """One step of training."""
        model.train()
        with torch.no_grad():
            for part in batch[0].chunk(2):
                model_fn(model, part, update_batch_norm=False, hold=self.hold)
        optimizer.zero_grad()
        loss = F.cross_entropy(model_fn(model, batch[0], update_batch_norm=True, hold=self.hold), batch[1])
        loss.backward()
        optimizer.step()
        return loss.detach()


@pair("batchnorm-statistics", group="wiring", source="scikit-learn")
def momentum_lost_when_held_twice(sick: bool) -> Arguments:
    """Held twice, BatchNorm's momentum is remembered as 0 and stays 0 (mlcommons/algorithmic-efficiency#783)."""
    with_seeds()
    images, labels = ordered_digits()
    model = SmallConvNet()
    submission = Submission(hold_statistics if sick else hold_statistics_once)
    return {
        "model": model,
        "loader": batches_in_order_of_seed(images[:1200], labels[:1200]),
        "val_loader": batches_in_order_of_seed(images[1200:], labels[1200:], shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "train_step": submission.train_step,
    }


class Portfolio(nn.Module):
    """Holdings of sixteen assets, and their weights at the prices of a day."""

    def __init__(self) -> None:
        super().__init__()
        self.shares = nn.Parameter(1 + 49 * torch.rand(16))

    def forward(self, prices: Tensor) -> Tensor:
        """Weights, in multiples of an equal share."""
        values = self.shares.clamp(min=0.0) * prices
        return 16 * values / values.sum(1, keepdim=True).clamp_min(1e-6)


@pair("update-ratio", "learning-rate", group="training")
def holdings_moved_by_crumbs(sick: bool) -> Arguments:
    """Holdings between 1 and 50 move by 1e-4 a step, so they hardly change (php.xlycwl.com/faq/1710634.html)."""
    with_seeds()
    prices = (1 + 0.25 * torch.randn(600, 16)).clamp(0.3, 2.0)
    wanted = (5 + 40 * torch.rand(16)) * prices
    model = Portfolio()
    return {
        "model": model,
        "loader": batches_in_order_of_seed(prices, 16 * wanted / wanted.sum(1, keepdim=True)),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-4 if sick else 0.1),
        "task": "regression",
    }


class Handler:
    """Keeps the population of an audit, and gives loaders and labels of it."""

    def __init__(self, population: Dataset[Any]) -> None:
        self.population = population

    def get_loader(self, shuffle: bool) -> DataLoader[Any]:
        """A loader over the population."""
        return DataLoader(self.population, 64, shuffle=shuffle, generator=torch.Generator().manual_seed(5))

    def get_labels(self, shuffle: bool) -> Tensor:
        """The labels, as the loader gives them."""
        return torch.cat([labels for _, labels in self.get_loader(shuffle)])


@pair("shuffled-labels", group="training", source="scikit-learn")
def labels_read_through_a_shuffling_loader(sick: bool) -> Arguments:
    """The labels for an audit come from a shuffling loader, the images by index (aidotse/LeakPro#315)."""
    with_seeds()
    images, labels = ordered_digits(1200)
    handler = Handler(TensorDataset(images, labels))
    model = SmallConvNet()
    return {
        "model": model,
        "loader": batches_in_order_of_seed(images, handler.get_labels(shuffle=sick)),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }
