"""Broken programs as they were reported, each with its mended twin: probabilities, batches, bits, masks and matches."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import TensorDataset

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.eighth_reef_parts import (
    reef_blobs,
    reef_digits,
    reef_loader,
    reef_loaders,
    reef_start,
    reef_tones,
)


class InflatedNet(nn.Module):
    """Two convolutions, the mean over time, dropout with the probability of the original, and the logits."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv1d(1, 16, 9, stride=2),
            nn.BatchNorm1d(16),
            nn.ReLU(),
            nn.Conv1d(16, 24, 9, stride=2),
            nn.BatchNorm1d(24),
            nn.ReLU(),
            nn.AdaptiveAvgPool1d(1),
            nn.Flatten(),
        )
        self.dropout = nn.Dropout(dropout)
        self.logits = nn.Linear(24, 5)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.logits(self.dropout(self.features(x)))
        return logits


@pair("constant-output", "regularised-debug-run", group="wiring")
def dropout_given_the_probability_to_keep(sick: bool) -> Arguments:
    """The probability to keep, 1, is handed to a dropout that takes the probability to drop.

    (hassony2/kinetics_i3d_pytorch#6).
    """
    reef_start()
    keep = 1.0
    model = InflatedNet(dropout=keep if sick else 1 - keep)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **reef_loaders(*reef_tones(1000), train=800),
    )


class PatchAttention(nn.Module):
    """Scores the nine patches of a large image, and classifies the mean of their features under these scores."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.score = nn.Sequential(nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 1))
        self.features = nn.Sequential(nn.Linear(64, width), nn.ReLU())
        self.classes = nn.Linear(width, 4)

    def forward(self, image: Tensor) -> Tensor:
        patches = F.unfold(image, 8, stride=8).transpose(1, 2)
        attention = self.score(patches).softmax(dim=1)
        classes: Tensor = self.classes((attention * self.features(patches)).sum(1))
        return classes


@pair("batch-size", group="training", source="scikit-learn")
def large_images_one_at_a_time(sick: bool) -> Arguments:
    """The batch size is 1, as where memory was measured, instead of 32, and the gradients vary too much.

    (idiap/attention-sampling#8).
    """
    reef_start()
    x, y = reef_digits(1797)
    few = y < 4
    x, y = x[few], y[few]
    canvas = 0.5 * torch.randn(len(y), 1, 24, 24)
    for i, (row, column) in enumerate(torch.randint(0, 3, (len(y), 2)).tolist()):
        canvas[i, :, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8] += x[i]
    model = PatchAttention()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9),
        **reef_loaders(canvas, y, train=600, batch=1 if sick else 32),
    )


class SignBits(nn.Module):
    """One bit for each value, 1 where it is positive, as it is or with the gradient of the value itself."""

    def __init__(self, straight_through: bool) -> None:
        super().__init__()
        self.straight_through = straight_through

    def forward(self, x: Tensor) -> Tensor:
        bits = (torch.sign(x) + 1) / 2
        if self.straight_through:
            soft = (x.clamp(-1, 1) + 1) / 2
            return soft + (bits - soft).detach()
        return bits


@pair("zero-gradient-path", group="wiring", source="scikit-learn")
def bits_of_the_signs_between_two_layers(sick: bool) -> Arguments:
    """A layer gives the bits of the signs, with gradient 0 everywhere, and those before it cannot be trained.

    (torch/nn#1174).
    """
    reef_start()
    model = nn.Sequential(
        nn.Flatten(),
        nn.Linear(64, 48),
        nn.ReLU(),
        nn.Linear(48, 12),
        nn.BatchNorm1d(12),
        SignBits(not sick),
        nn.Linear(12, 10),
    )
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=5e-3),
        **reef_loaders(*reef_digits(), train=1000),
    )


class PooledHeads(nn.Module):
    """Embeds the words of a sentence and pools them by several heads, each with scores of its own."""

    def __init__(self, masked: bool, width: int = 24, heads: int = 3) -> None:
        super().__init__()
        self.masked = masked
        self.embed = nn.Embedding(30, width)
        self.hidden = nn.Sequential(nn.Linear(width, width), nn.ReLU())
        self.scores = nn.Linear(width, heads)
        self.classes = nn.Linear(heads * width, 3)

    def forward(self, words: Tensor, mask: Tensor) -> Tensor:
        hidden = self.hidden(self.embed(words))
        scores = self.scores(hidden)
        if self.masked:
            scores = scores.masked_fill(mask[:, :, None] == 0, -1e9)
        pooled = scores.softmax(dim=1).transpose(1, 2) @ hidden
        classes: Tensor = self.classes(pooled.flatten(1))
        return classes


@pair("padding-leak", group="wiring")
def heads_that_pool_without_the_mask(sick: bool) -> Arguments:
    """The multi-headed pooling takes a mask and does not use it, so that the padding is pooled with the words.

    (tomhosking/torchseq#10).
    """
    reef_start()
    lengths, y = torch.randint(4, 25, (1500,)), torch.randint(0, 3, (1500,))
    words = torch.randint(1, 30, (1500, 24))
    about = 1 + 9 * y[:, None] + torch.randint(0, 9, (1500, 24))
    words = torch.where(torch.rand(1500, 24) < 0.5, about, words)
    mask = (torch.arange(24) < lengths[:, None]).long()
    model = PooledHeads(masked=not sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        padding_value=0,
        **reef_loaders(words * mask, mask, y, train=1250),
    )


class GraphMatcher(nn.Module):
    """Represents the nodes of two graphs by their sorted weights, and scores each of one with each of the other."""

    def __init__(self, softmax: bool, nodes: int = 8, width: int = 24) -> None:
        super().__init__()
        self.softmax = softmax
        self.width = width
        self.represent = nn.Sequential(nn.Linear(nodes, 48), nn.ReLU(), nn.Linear(48, width))

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        left, right = (self.represent(graph.sort(dim=2).values) for graph in (first, second))
        scores: Tensor = right @ left.transpose(1, 2) / self.width**0.5
        return scores.softmax(dim=1) if self.softmax else scores


@pair("loss-input", group="wiring")
def matches_through_a_softmax_before_the_loss(sick: bool) -> Arguments:
    """The scores of the graph matching go through a softmax before a cross-entropy that has one of its own.

    (mlelarge/graph_neural_net#37).
    """
    reef_start()
    first = torch.randn(700, 8, 8)
    first = (first + first.transpose(1, 2)) / 2**0.5
    moved = torch.argsort(torch.rand(700, 8), dim=1)
    second = torch.stack([graph[p][:, p] for graph, p in zip(first, moved, strict=True)])
    noise = 0.05 * torch.randn(700, 8, 8)
    model = GraphMatcher(softmax=sick)
    target = torch.argsort(moved, dim=1)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **reef_loaders(first, second + noise + noise.transpose(1, 2), target, train=600, batch=16),
    )


class FewShotRelation(nn.Module):
    """Relates the features of a query image to those of a support image and its mask, and gives the mask."""

    def __init__(self, width: int = 12) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, width, 3, padding=1), nn.ReLU())
        self.relate = nn.Sequential(
            nn.Conv2d(2 * width, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, 1, 3, padding=1), nn.Sigmoid()
        )

    def forward(self, query: Tensor, support: Tensor, support_mask: Tensor) -> Tensor:
        features = self.features(support)
        prototype = (features * support_mask).sum((2, 3), keepdim=True) / support_mask.sum((2, 3), keepdim=True)
        mask: Tensor = self.relate(torch.cat([self.features(query), prototype.expand_as(features)], dim=1))
        return mask


@pair("target-scale", "output-range", group="data")
def masks_left_at_255(sick: bool) -> Arguments:
    """The images are normalised and the label masks, 0 and 255, are not, and a sigmoid never comes near.

    (HKUSTCV/FSS-1000#20).
    """
    reef_start()
    x, mask = reef_blobs(800)
    rng = np.random.default_rng(4)
    support = torch.tensor(rng.permutation(800))
    labels = mask * (255 if sick else 1)
    model = FewShotRelation()
    data = [x, x[support], mask[support], labels]
    return {
        "model": model,
        "loader": reef_loader(TensorDataset(*(t[:600] for t in data)), 16),
        "val_loader": reef_loader(TensorDataset(*(t[600:] for t in data)), 16, shuffle=False),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "task": "regression",
    }
