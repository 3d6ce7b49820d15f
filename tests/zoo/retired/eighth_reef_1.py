"""Broken programs as they were reported, each with its mended twin: weights, softmax, classes, sums and pixels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.eighth_reef_parts import reef_digits, reef_loader, reef_loaders, reef_start


class DeepTanhConv(nn.Module):
    """A plain stack of convolutions with tanh, without normalisation or shortcuts."""

    def __init__(self, depth: int = 12, width: int = 12) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Conv2d(1 if i == 0 else width, width, 3, padding=1, padding_mode="circular") for i in range(depth)
        )
        self.head = nn.Linear(width * 16, 10)

    def forward(self, x: Tensor) -> Tensor:
        for i, layer in enumerate(self.layers):
            x = torch.tanh(layer(x))
            if i == 0:
                x = F.avg_pool2d(x, 2)
        head: Tensor = self.head(x.flatten(1))
        return head


@pair("init-scale", "vanishing-gradients", group="init", source="scikit-learn")
def deep_convolutions_short_of_a_root_of_three(sick: bool) -> Arguments:
    """The kernels of a deep stack are drawn within 1/sqrt(n), not sqrt(3)/sqrt(n), and the activations decay.

    (pytorch/pytorch#6950).
    """
    reef_start()
    model = DeepTanhConv()
    for layer in model.modules():
        if not isinstance(layer, nn.Conv2d) or layer.bias is None:
            continue
        bound = (1 if sick else math.sqrt(3)) / math.sqrt(layer.weight[0].numel())
        nn.init.uniform_(layer.weight, -bound, bound)
        nn.init.zeros_(layer.bias)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9),
        **reef_loaders(*reef_digits(), train=1000),
    )


class ExclusiveOr(nn.Module):
    """Two layers and one output unit that says whether exactly one of the two inputs is on."""

    def __init__(self, decide: nn.Module) -> None:
        super().__init__()
        self.hidden = nn.Linear(2, 32)
        self.output = nn.Linear(32, 1)
        self.decide = decide

    def forward(self, x: Tensor) -> Tensor:
        decided: Tensor = self.decide(self.output(torch.tanh(self.hidden(x))))
        return decided.squeeze(1)


@pair("constant-output", "loss-target", group="wiring")
def exclusive_or_decided_by_softmax(sick: bool) -> Arguments:
    """The decision of a single output unit is taken with a softmax, which is 1 for whatever input.

    (marian-nmt/marian-dev#21).
    """
    reef_start()
    bits = torch.randint(0, 2, (900, 2))
    x = 2.0 * bits - 1 + 0.25 * torch.randn(900, 2)
    y = (bits[:, 0] != bits[:, 1]).float()
    model = ExclusiveOr(nn.Softmax(dim=1) if sick else nn.Sigmoid())
    return dict(
        model=model,
        loss_fn=nn.BCELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-2),
        task="binary",
        **reef_loaders(x, y, train=700),
    )


def rare_findings(samples: int) -> tuple[Tensor, Tensor]:
    """Measurements of which one in twenty comes from a finding, that overlaps with the rest."""
    y = (torch.rand(samples) < 0.05).long()
    x = torch.randn(samples, 12)
    x[:, :4] += 0.8 * y[:, None]
    return x, y


@pair("class-imbalance", group="data")
def rare_findings_drawn_as_they_come(sick: bool) -> Arguments:
    """Findings are one in twenty and drawn as rarely, without the weighted sampler; recall stays at 0.

    (ultralytics/yolov5#8766).
    """
    reef_start()
    x, y = rare_findings(1400)
    data = TensorDataset(x[:1000], y[:1000])
    if sick:
        loader: DataLoader[Any] = reef_loader(data, 32)
    else:
        weights = (1 / torch.bincount(y[:1000]).float())[y[:1000]]
        drawn = torch.Generator().manual_seed(7)
        sampler = WeightedRandomSampler(weights.tolist(), 1000, generator=drawn)
        loader = DataLoader(data, batch_size=32, sampler=sampler)
    model = nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 2))
    return {
        "model": model,
        "loader": loader,
        "val_loader": reef_loader(TensorDataset(x[1000:], y[1000:]), shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-3),
    }


def summed_log_likelihood(outputs: Tensor, targets: Tensor) -> Tensor:
    """Minus the log-likelihood of one-hot targets, summed."""
    return -(F.log_softmax(outputs, dim=1) * F.one_hot(targets, 10)).sum()


def averaged_log_likelihood(outputs: Tensor, targets: Tensor) -> Tensor:
    """Minus the log-likelihood of one-hot targets, for a sample."""
    return -(F.log_softmax(outputs, dim=1) * F.one_hot(targets, 10)).sum(1).mean()


@pair("loss-reduction", group="wiring", source="scikit-learn")
def likelihood_summed_without_the_number_of_samples(sick: bool) -> Arguments:
    """The loss is summed without accounting for the number of samples, which explodes with larger batches.

    (jax-ml/jax#3113).
    """
    reef_start()
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    return dict(
        model=model,
        loss_fn=summed_log_likelihood if sick else averaged_log_likelihood,
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
        **reef_loaders(*reef_digits(), train=1000, batch=64),
    )


@pair("input-independent-baseline", "dtype", group="training", source="scikit-learn")
def screenshots_divided_as_integers(sick: bool) -> Arguments:
    """The pixels are brought to [0, 1] in an array that stays an integer one, where each becomes 0.

    (keras-team/keras#255).
    """
    reef_start()
    data = load_digits(n_class=2)
    order = np.random.permutation(len(data.target))
    images = (data.images[order] * 15).astype(np.uint8)
    scaled = np.empty(images.shape, dtype=images.dtype if sick else np.float32)
    scaled[...] = images / 255
    x = torch.tensor(scaled).float()[:, None]
    y = torch.tensor(data.target[order])
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(128, 32),
        nn.ReLU(),
        nn.Linear(32, 2),
    )
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        **reef_loaders(x, y, train=280, batch=16),
    )
