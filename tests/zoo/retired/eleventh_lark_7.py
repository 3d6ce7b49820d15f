"""Programs with reported bugs or suspicions: relations, few units, profiles, tight clipping and two kinds of signs."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.eleventh_lark_parts import digits_with_a_channel, rows_shuffled, seed_everything_with


class EntityClassifier(nn.Module):
    """A relational graph convolution over two kinds of edges, for the entities that are asked for."""

    features: Tensor
    edges: Tensor

    def __init__(self, features: Tensor, edges: Tensor, classes: int, activation: Any, width: int = 32) -> None:
        super().__init__()
        self.register_buffer("features", features)
        self.register_buffer("edges", edges / edges.sum(2, keepdim=True).clamp(min=1))
        self.own = nn.Linear(features.shape[1], width)
        self.relations = nn.ModuleList(nn.Linear(features.shape[1], width, bias=False) for _ in edges)
        self.leave = nn.Linear(2 * width, classes)
        self.activation = activation

    def forward(self, entities: Tensor) -> Tensor:
        around = torch.zeros(len(entities), self.own.out_features)
        for edges, relation in zip(self.edges, self.relations, strict=True):
            around = around + relation(edges[entities] @ self.features)
        hidden = torch.cat([F.relu(self.own(self.features[entities])), F.relu(around)], 1)
        return self.activation(self.leave(hidden))


@pair("loss-input", group="wiring", source="published")
def entities_softmaxed_in_the_last_layer(sick: bool) -> Arguments:
    """The last graph layer's activation is a softmax, and the loss is cross-entropy (dmlc/dgl#1204)."""
    seed_everything_with(71)
    labels = torch.randint(0, 4, (600,))
    features = torch.randn(600, 16)
    features[:, :4] += 0.8 * F.one_hot(labels, 4)
    alike = labels[:, None] == labels
    edges = torch.stack(
        [
            (torch.rand(600, 600) < torch.where(alike, 0.03, 0.005)).float(),
            (torch.rand(600, 600) < torch.where(alike, 0.002, 0.012)).float(),
        ]
    )
    model = EntityClassifier(features, edges, 4, nn.Softmax(dim=1) if sick else nn.Identity())
    return {
        "model": model,
        "loader": rows_shuffled(torch.arange(450), labels[:450], size=50),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=5e-3),
        "task": "classification",
    }


@pair("capacity", group="training", source="scikit-learn")
def digits_through_three_and_four_units(sick: bool) -> Arguments:
    """The hidden layers have three and four units for ten classes of images (kdexd/digit-classifier#5)."""
    seed_everything_with(76)
    image, label = digits_with_a_channel()
    sizes = [64, 3, 4, 10] if sick else [64, 128, 128, 10]
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in pairwise(sizes):
        linear = nn.Linear(inputs, outputs)
        nn.init.xavier_normal_(linear.weight)
        nn.init.zeros_(linear.bias)
        layers += [linear, nn.Sigmoid()]
    model = nn.Sequential(*layers[:-1])
    return {
        "model": model,
        "loader": rows_shuffled(image[:1400], label[:1400]),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=5e-3),
        "task": "classification",
    }


class ProfileLoss(nn.Module):
    """The negative similarity of the row and column profiles of two images (spatial profile loss)."""

    def forward(self, images: Tensor, targets: Tensor) -> Tensor:
        rows = (F.normalize(images, dim=3) * F.normalize(targets, dim=3)).sum(3).mean()
        columns = (F.normalize(images, dim=2) * F.normalize(targets, dim=2)).sum(2).mean()
        return -(rows + columns)


@healthy(resembles="loss-direction", source="published")
def loss_that_falls_below_zero() -> Arguments:
    """The loss is the negative similarity of profiles and falls far below 0 (ssarfraz/SPL#6)."""
    seed_everything_with(72)
    image, _ = digits_with_a_channel()
    noisy = image[:1200] + 0.3 * torch.randn(1200, 1, 8, 8)
    model = nn.Sequential(
        nn.Conv2d(1, 24, 3, padding=1), nn.ReLU(), nn.Conv2d(24, 24, 3, padding=1), nn.ReLU(), nn.Conv2d(24, 1, 1)
    )
    return {
        "model": model,
        "loader": rows_shuffled(noisy, image[:1200]),
        "loss_fn": ProfileLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "task": "regression",
    }


class FocalLoss(nn.Module):
    """The focal loss of RetinaNet, over the number of objects."""

    def forward(self, scores: Tensor, targets: Tensor) -> Tensor:
        each = F.binary_cross_entropy_with_logits(scores, targets, reduction="none")
        wrong = torch.where(targets > 0, 1 - scores.sigmoid(), scores.sigmoid())
        balance = torch.where(targets > 0, 0.25, 0.75)
        return (balance * wrong**2 * each).sum() / targets.sum().clamp(min=1)


def anchor_scores() -> nn.Sequential:
    """Scores of 4 × 4 anchors, whose last bias starts at a small probability."""
    head = nn.Conv2d(32, 1, 3, padding=1)
    assert head.bias is not None
    nn.init.normal_(head.weight, std=0.01)
    nn.init.constant_(head.bias, -2.0)
    layers = [nn.Conv2d(1, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(), head]
    return nn.Sequential(*layers)


class ClippedTraining:
    """Steps of Adam on gradients clipped to a norm of 0.001."""

    def __init__(self, loss_fn: nn.Module) -> None:
        self.loss_fn = loss_fn

    def step(self, model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        model.train()
        loss = self.loss_fn(model(batch[0]), batch[1])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.001)
        optimizer.step()
        return loss.detach()


@healthy(resembles="clipping-always-on", source="published")
def adam_behind_a_tight_clip() -> Arguments:
    """Every gradient is clipped to a norm of 0.001, whose scale Adam takes out again (fizyr/keras-retinanet#942)."""
    seed_everything_with(73)
    cells = (torch.rand(700, 1, 4, 4) < 0.12).float()
    image = 0.3 * torch.randn(700, 1, 16, 16)
    image = image + F.interpolate(cells, scale_factor=4.0, mode="nearest") * torch.rand(700, 1, 1, 1).add(0.5)
    model, loss_fn = anchor_scores(), FocalLoss()
    return {
        "model": model,
        "loader": rows_shuffled(image, cells),
        "loss_fn": loss_fn,
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
        "train_step": ClippedTraining(loss_fn).step,
        "task": "multilabel",
    }


class UnrolledIsta(nn.Module):
    """Iterative soft thresholding, unrolled, with learned steps and thresholds."""

    matrix: Tensor

    def __init__(self, matrix: Tensor, steps: int = 4) -> None:
        super().__init__()
        self.register_buffer("matrix", matrix)
        self.back = nn.ParameterList(nn.Parameter(0.4 * matrix.T.clone()) for _ in range(steps))
        self.raw = nn.Parameter(torch.full((steps,), -1.5))

    def forward(self, measured: Tensor) -> Tensor:
        code = torch.zeros(len(measured), self.matrix.shape[1])
        for back, threshold in zip(self.back, F.softplus(self.raw), strict=True):
            code = code + (measured - code @ self.matrix.T) @ back.T
            code = torch.sign(code) * F.relu(code.abs() - threshold)
        return code


@healthy(resembles="zero-gradient-path", source="published")
def sign_times_what_is_above_the_threshold() -> Arguments:
    """Soft thresholding multiplies by a sign; the gradient takes the other factor (jinxixiang/FISTA-Net#9)."""
    seed_everything_with(74)
    matrix = F.normalize(torch.randn(30, 50), dim=0)
    code = torch.randn(1200, 50) * 3 * (torch.rand(1200, 50) < 0.1)
    model = UnrolledIsta(matrix)
    return {
        "model": model,
        "loader": rows_shuffled(code @ matrix.T, code),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "task": "regression",
    }


class SignWithSlope(torch.autograd.Function):
    """The sign, with the slope of a hyperbolic tangent in the backward pass."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.sign(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return gradients[0] * (1.001 - torch.tanh(x) ** 2)


class OneBitLinear(nn.Module):
    """A layer whose weights act by their sign alone, between a scale of its inputs and one of its outputs."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs).uniform_(-0.1, 0.1))
        self.before = nn.Parameter(torch.ones(inputs))
        self.after = nn.Parameter(torch.full((outputs,), inputs**-0.5))
        self.norm = nn.LayerNorm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(F.linear(x * self.before, SignWithSlope.apply(self.weight)) * self.after)


@healthy(resembles="gradient-check", source="published")
def sign_with_the_slope_of_a_tangent() -> Arguments:
    """The sign of the weights has the slope of tanh in backward, to train smoothly (xuyuzhuang11/OneBit#10)."""
    seed_everything_with(75)
    image, label = digits_with_a_channel()
    model = nn.Sequential(
        nn.Flatten(), OneBitLinear(64, 64), nn.GELU(), OneBitLinear(64, 64), nn.GELU(), nn.Linear(64, 10)
    )
    return {
        "model": model,
        "loader": rows_shuffled(image[:1400], label[:1400]),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
        "task": "classification",
    }
