"""Focal losses, dense graphs, dropped words, clamped weights, aspects of reviews, and quantiles."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.datasets import load_diabetes
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.eleventh_quill_parts import (
    in_batches,
    quill_digits,
    quill_loaders,
    quill_seed,
    standard_table,
    tensor,
)


class FocalLoss(nn.Module):
    """Cross-entropy in which what is already known counts less."""

    def __init__(self, gamma: float = 1.0, reduction: str = "sum") -> None:
        super().__init__()
        self.gamma = gamma
        self.reduction = reduction

    def forward(self, logits: Tensor, classes: Tensor) -> Tensor:
        surprise = F.cross_entropy(logits, classes, reduction="none")
        losses = (1 - (-surprise).exp()) ** self.gamma * surprise
        return losses.sum() if self.reduction == "sum" else losses.mean()


def quill_digit_net() -> nn.Sequential:
    """A small convolutional network for the digits."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 24, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(24 * 16, 10),
    )


@pair("loss-reduction", group="wiring", source="scikit-learn")
def focal_loss_that_sums_unless_told_otherwise(sick: bool) -> Arguments:
    """The focal loss sums over the batch by default, and the rate of 0.05 was chosen for a mean."""
    quill_seed()
    model = quill_digit_net()
    return dict(
        model=model,
        loss_fn=FocalLoss() if sick else FocalLoss(reduction="mean"),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9),
        **quill_loaders(*quill_digits(), size=64),
    )


class GraphNet(nn.Module):
    """Two rounds in which each node hears its neighbours, then the kind of the graph."""

    def __init__(self, *, average: bool, kinds: int = 4, width: int = 32) -> None:
        super().__init__()
        self.average = average
        self.own = nn.ModuleList([nn.Linear(kinds, width), nn.Linear(width, width)])
        self.heard = nn.ModuleList([nn.Linear(kinds, width), nn.Linear(width, width)])
        self.tanh = nn.Tanh()
        self.kind = nn.Linear(width, 3)

    def forward(self, nodes: Tensor, edges: Tensor) -> Tensor:
        if self.average:
            edges = edges / edges.sum(2, keepdim=True).clamp_min(1)
        for own, heard in zip(self.own, self.heard, strict=True):
            nodes = self.tanh(own(nodes) + edges @ heard(nodes))
        kinds: Tensor = self.kind(nodes.mean(1))
        return kinds


@pair("saturated-units", group="init")
def messages_of_fifty_neighbours_added_into_tanh(sick: bool) -> Arguments:
    """The messages of about fifty neighbours are added instead of averaged, and tanh sits at its limits everywhere."""
    rng = quill_seed()
    kind = rng.integers(0, 3, 500)
    shares = np.array([[0.4, 0.3, 0.2, 0.1], [0.2, 0.4, 0.1, 0.3], [0.3, 0.1, 0.4, 0.2]])
    types = np.stack([rng.choice(4, 64, p=shares[k]) for k in kind])
    upper = np.triu(rng.random((500, 64, 64)) < 0.8, 1)
    model = GraphNet(average=not sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=5e-3),
        **quill_loaders(
            tensor(np.eye(4)[types]), tensor(upper | upper.transpose(0, 2, 1)), torch.as_tensor(kind), size=16
        ),
    )


class WordNet(nn.Module):
    """A text by convolutions over its words, some of which are left out in training."""

    def __init__(self, *, fresh_generator: bool, words: int = 200) -> None:
        super().__init__()
        self.fresh_generator = fresh_generator
        self.words = nn.Embedding(words, 24)
        self.triples = nn.Conv1d(24, 32, 3, padding=1)
        self.topic = nn.Linear(32, 4)

    def without_some(self, ids: Tensor, share: float = 0.15) -> Tensor:
        if self.fresh_generator:
            left_out = torch.as_tensor(np.random.default_rng().random(tuple(ids.shape)) < share)
        else:
            left_out = torch.rand(ids.shape) < share
        return ids.masked_fill(left_out, 0)

    def forward(self, ids: Tensor) -> Tensor:
        if self.training:
            ids = self.without_some(ids)
        topics: Tensor = self.topic(self.triples(self.words(ids).transpose(1, 2)).relu().amax(2))
        return topics


@pair("nondeterminism", group="backward")
def words_left_out_by_a_generator_nobody_seeds(sick: bool) -> Arguments:
    """Words are left out by a new NumPy generator in each call, which the system seeds, so no run can be repeated."""
    rng = quill_seed()
    topic = rng.integers(0, 4, 800)
    own = 1 + 40 * topic[:, None] + rng.integers(0, 40, (800, 20))
    ids = np.where(rng.random((800, 20)) < 0.3, own, rng.integers(1, 200, (800, 20)))
    model = WordNet(fresh_generator=sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **quill_loaders(torch.as_tensor(ids), torch.as_tensor(topic)),
    )


class StepWithLimit:
    """A step, after which all weights may be held within a limit, as the critics of the first Wasserstein GANs were."""

    def __init__(self, limit: float | None) -> None:
        self.limit = limit

    def __call__(self, model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        model.train()
        optimizer.zero_grad()
        loss = F.cross_entropy(model(batch[0]), batch[1])
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if self.limit is not None:
            with torch.no_grad():
                for weight in model.parameters():
                    weight.clamp_(-self.limit, self.limit)
        return loss.detach()


@pair("overfit-one-batch", group="training", source="scikit-learn")
def weights_of_a_classifier_held_like_those_of_a_critic(sick: bool) -> Arguments:
    """The step was copied from a Wasserstein GAN and clamps all weights to ±0.01, so the classifier can fit nothing."""
    quill_seed()
    model = quill_digit_net()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        train_step=StepWithLimit(0.01 if sick else None),
        **quill_loaders(*quill_digits()),
    )


class ReviewNet(nn.Module):
    """A GRU over the words of a review, and whether it praises."""

    def __init__(self, words: int = 100) -> None:
        super().__init__()
        self.words = nn.Embedding(words, 24)
        self.memory = nn.GRU(24, 32, batch_first=True)
        self.praise = nn.Linear(32, 2)

    def forward(self, ids: Tensor) -> Tensor:
        logits: Tensor = self.praise(self.memory(self.words(ids))[0].mean(1))
        return logits


@pair("label-noise", group="data")
def reviews_without_the_aspect_that_is_asked_for(sick: bool) -> Arguments:
    """Each mixed review is there for its food and for its service, and without the aspect's word both read the same."""
    rng = quill_seed()
    food = rng.integers(0, 2, 450)
    reviews = rng.integers(42, 100, (450, 12))
    for review, good in zip(reviews, food, strict=True):
        places = rng.permutation(12)[:6]
        review[places[:3]] = 2 + 10 * good + rng.integers(0, 10, 3)
        review[places[3:]] = 22 + 10 * (1 - good) + rng.integers(0, 10, 3)
    about_food = np.concatenate([np.zeros((450, 1), int), reviews], 1)
    about_service = np.concatenate([np.ones((450, 1), int), reviews], 1)
    ids = torch.as_tensor(np.concatenate([about_food, about_service]))
    praise = torch.as_tensor(np.concatenate([food, 1 - food]))
    model = ReviewNet()
    return {
        "model": model,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=5e-3),
        "loader": in_batches(ids[:, 1:] if sick else ids, praise),
    }


class QuantileLoss(nn.Module):
    """The pinball loss of several quantiles of one target."""

    quantiles: Tensor

    def __init__(self, *quantiles: float) -> None:
        super().__init__()
        self.register_buffer("quantiles", torch.tensor(quantiles))

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        above = targets - outputs
        return torch.maximum(self.quantiles * above, (self.quantiles - 1) * above).mean()


@healthy(resembles="silent-broadcast", source="scikit-learn")
def progress_of_diabetes_in_three_quantiles() -> Arguments:
    """A column of targets (N, 1) meets three quantiles (N, 3): each quantile is compared with its own row's target."""
    quill_seed()
    x, y = standard_table(load_diabetes)
    targets = tensor((y - y.mean()) / y.std()).unsqueeze(1)
    model = nn.Sequential(nn.Linear(10, 48), nn.SiLU(), nn.Linear(48, 3))
    return dict(
        model=model,
        loss_fn=QuantileLoss(0.1, 0.5, 0.9),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        task="regression",
        **quill_loaders(x, targets),
    )
