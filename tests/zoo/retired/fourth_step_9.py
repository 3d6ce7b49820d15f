"""Attention with a softmax of its own, weight norm, a tiny rate, random Fourier features, and two patient models."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm
from transformers import BertConfig, BertForSequenceClassification

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fourth_step_parts import (
    step_digits,
    step_loaders,
    step_mappings,
    step_seeded,
    step_table,
    step_tones,
    step_topics,
)


class SoftmaxByHand(torch.autograd.Function):
    """The softmax over the last axis."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor) -> Tensor:
        y = torch.softmax(scores, -1)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return y * (gradient - (gradient * y).sum(-1, keepdim=True))


class SoftmaxOfTheDiagonal(torch.autograd.Function):
    """The softmax over the last axis, with the slope of each share in its own score only."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor) -> Tensor:
        y = torch.softmax(scores, -1)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return gradient * y * (1 - y)


class PooledByAttention(nn.Module):
    """Words pooled by the attention of four learnt queries."""

    def __init__(self, softmax: type[torch.autograd.Function], width: int = 32) -> None:
        super().__init__()
        self.softmax = softmax
        self.words = nn.Embedding(60, width)
        self.queries = nn.Parameter(torch.randn(4, width))
        self.keys, self.values = nn.Linear(width, width, bias=False), nn.Linear(width, width)
        self.head = nn.Linear(4 * width, 4)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.words(ids)
        scores = self.queries @ self.keys(x).transpose(1, 2) / math.sqrt(x.shape[-1])
        return self.head((self.softmax.apply(scores) @ self.values(x)).flatten(1))


@pair("gradient-check", group="backward")
def softmax_whose_shares_do_not_compete(sick: bool) -> Arguments:
    """The backward of the own softmax is that of a sigmoid: each score's effect on the other shares is missing."""
    step_seeded()
    model = PooledByAttention(SoftmaxOfTheDiagonal if sick else SoftmaxByHand)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **step_loaders(*step_topics()))


class Temporal(nn.Module):
    """A temporal convolutional network: dilated convolutions with residuals."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.first = nn.Conv1d(1, width, 1)
        self.layers = nn.ModuleList(nn.Conv1d(width, width, 3, padding=2**i, dilation=2**i) for i in range(4))
        self.head = nn.Linear(width, 4)

    def forward(self, waves: Tensor) -> Tensor:
        x = self.first(waves)
        for layer in self.layers:
            x = x + F.relu(layer(x))
        return self.head(x.mean(2))

    def normalise_weights(self) -> None:
        for layer in self.layers:
            weight_norm(layer)


@pair("optimizer-mismatch", group="training", source="published")
def norms_of_weights_registered_too_late(sick: bool) -> Arguments:
    """Weight normalisation replaces the weights of the convolutions after the optimizer was given the old ones."""
    step_seeded()
    model = Temporal()
    if not sick:
        model.normalise_weights()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    if sick:
        model.normalise_weights()
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **step_loaders(*step_tones()))


class SmallUNet(nn.Module):
    """A U-Net of two levels, which says for each pixel whether it is ink."""

    def __init__(self) -> None:
        super().__init__()
        self.outer = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.Conv2d(12, 12, 3, padding=1), nn.ReLU()
        )
        self.inner = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(12, 24, 3, padding=1), nn.ReLU())
        self.up = nn.ConvTranspose2d(24, 12, 2, stride=2)
        self.last = nn.Sequential(nn.Conv2d(24, 12, 3, padding=1), nn.ReLU(), nn.Conv2d(12, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        outer = self.outer(images)
        return self.last(torch.cat([outer, self.up(self.inner(outer))], 1))


@pair("learning-rate", group="training", source="published")
def rate_of_adam_fine_tuning_for_plain_descent(sick: bool) -> Arguments:
    """Plain gradient descent gets the 2e-5 of fine-tuning with Adam, at which this network does not move."""
    step_seeded()
    clean, _ = step_digits()
    noisy = clean + 0.25 * torch.randn(clean.shape)
    model = SmallUNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=2e-5 if sick else 0.1, momentum=0.9)
    return dict(
        model=model,
        loss_fn=nn.BCEWithLogitsLoss(),
        optimizer=optimizer,
        task="segmentation",
        **step_loaders(noisy, (clean > 0.5).float()),
    )


class FourierFeatures(nn.Module):
    """Random Fourier features and a linear layer on them."""

    directions: Tensor

    def __init__(self, *, anew: bool, features: int = 13, count: int = 128) -> None:
        super().__init__()
        self.anew = anew
        self.register_buffer("directions", 0.5 * torch.randn(features, count))
        self.hidden = nn.Linear(2 * count, 32)
        self.head = nn.Linear(32, 3)

    def forward(self, x: Tensor) -> Tensor:
        directions = 0.5 * torch.randn_like(self.directions) if self.anew else self.directions
        phases = x @ directions
        waves = math.sqrt(2) * torch.cat([phases.sin(), phases.cos()], 1)
        return self.head(F.relu(self.hidden(waves)))


@pair("input-independent-baseline", "overfit-one-batch", group="training", source="scikit-learn")
def random_features_drawn_in_every_forward(sick: bool) -> Arguments:
    """The random features are drawn anew in each forward, so that nothing about the input can be learnt."""
    step_seeded()
    model = FourierFeatures(anew=sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loaders = step_loaders(*step_table("wine"), batch=16)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders)


class ScaledBranch(nn.Module):
    """A residual branch with the LayerScale of CaiT."""

    def __init__(self, width: int, branch: nn.Module) -> None:
        super().__init__()
        self.norm, self.branch = nn.LayerNorm(width), branch
        self.scale = nn.Parameter(torch.full((width,), 1e-3))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(x)
        y = (
            self.branch(y, y, y, need_weights=False)[0]
            if isinstance(self.branch, nn.MultiheadAttention)
            else self.branch(y)
        )
        return x + self.scale * y


class ImageTransformer(nn.Module):
    """A deep patch transformer whose branches start almost closed."""

    def __init__(self, width: int = 24, depth: int = 4) -> None:
        super().__init__()
        self.embed = nn.Conv2d(1, width, 2, stride=2)
        self.place = nn.Parameter(0.2 * torch.randn(16, width))
        self.branches = nn.Sequential()
        for _ in range(depth):
            self.branches.append(ScaledBranch(width, nn.MultiheadAttention(width, 4, batch_first=True)))
            feed = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
            self.branches.append(ScaledBranch(width, feed))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, images: Tensor) -> Tensor:
        x = self.embed(images).flatten(2).transpose(1, 2) + self.place
        return self.head(self.norm(self.branches(x)).mean(1))


@healthy(resembles="vanishing-gradients", source="published")
def branches_that_start_almost_closed() -> Arguments:
    """LayerScale multiplies each branch and its gradient by 0.001, while the stream passes by undiminished."""
    step_seeded()
    model = ImageTransformer()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    return dict(
        model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **step_loaders(*step_digits(), batch=16)
    )


@healthy(resembles="update-ratio", source="transformers")
def rates_that_fall_towards_the_embedding() -> Arguments:
    """Each layer of a BERT has 0.6 of the rate of the one above it, so that the lowest moves little."""
    step_seeded()
    config = BertConfig(
        vocab_size=60,
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=32,
    )
    config.num_labels = 4
    model = BertForSequenceClassification(config)
    bert: Any = model.bert
    parts = [[bert.pooler, model.classifier], *([layer] for layer in reversed(bert.encoder.layer)), [bert.embeddings]]
    groups = [
        {"params": [p for module in modules for p in module.parameters()], "lr": 1e-3 * 0.6**i}
        for i, modules in enumerate(parts)
    ]
    return dict(model=model, optimizer=torch.optim.AdamW(groups, lr=1e-3), **step_mappings(*step_topics()))
