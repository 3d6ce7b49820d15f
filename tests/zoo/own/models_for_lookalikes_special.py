"""Models and losses of the look-alikes with something unusual in their wiring."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.own.models_for_lookalikes import ResNet, perceptron

BatchOnlyNorm = partial(nn.BatchNorm2d, track_running_stats=False)
"""BatchNorm that keeps no running statistics and uses the batch's in both modes."""


class Modulated(nn.Module):
    """Scales, shifts, masks and tempers by broadcasting: FiLM (Perez 2018) with a learnt temperature."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.stem = nn.Linear(features, 48)
        self.scale = nn.Parameter(torch.ones(48))
        self.shift = nn.Parameter(torch.zeros(1, 48))
        self.condition = nn.Linear(1, 96)
        self.log_temperature = nn.Parameter(torch.zeros(()))
        self.head = nn.Linear(48, classes)

    def forward(self, x: Tensor, flag: Tensor) -> Tensor:
        hidden = F.relu(self.stem(x)) * self.scale + self.shift
        gain, bias = self.condition(flag[:, None]).chunk(2, dim=1)
        hidden = hidden * (1 + gain) + bias
        known = (x.abs().sum(1, keepdim=True) > 0).float()
        return self.head(hidden * known) / self.log_temperature.exp()


def ranking_loss(scores: Tensor, targets: Tensor) -> Tensor:
    """RankNet (Burges 2005): every pair of the batch, its order by score against its order by target."""
    difference = scores - scores.T
    first = (targets > targets.T).float()
    return (F.softplus(-difference) * first).sum() / first.sum()


def quantile_loss(predicted: Tensor, targets: Tensor) -> Tensor:
    """Pinball loss of the three columns of `predicted`, (N, 3), against targets of shape (N, 1)."""
    quantiles = torch.tensor([0.1, 0.5, 0.9])
    error = targets - predicted
    return torch.maximum(quantiles * error, (quantiles - 1) * error).mean()


class MeanAndDeviation(nn.Module):
    """Predicts a normal distribution: mean and log-deviation."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.net = perceptron(features, 48, 2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_deviation = self.net(x).chunk(2, dim=1)
        return mean, log_deviation.clamp(-6, 3)


def normal_density(outputs: tuple[Tensor, Tensor], targets: Tensor) -> Tensor:
    """Negative log-density of the targets, which falls below zero as the deviation shrinks."""
    mean, log_deviation = outputs
    return (log_deviation + 0.5 * ((targets - mean) / log_deviation.exp()).square()).mean()


class ContrastiveLoss(nn.Module):
    """NT-Xent (Chen 2020): the views of one image are each other's class among all images of the batch."""

    def forward(self, views: tuple[Tensor, Tensor], _: object) -> Tensor:
        first, second = (F.normalize(view, dim=1) for view in views)
        scores = first @ second.T / 0.2
        same = torch.arange(len(scores), device=scores.device)
        return 0.5 * (F.cross_entropy(scores, same) + F.cross_entropy(scores.T, same))


class TwoViews(nn.Module):
    """One encoder and projector for two views of the same images."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = ResNet(classes=32)
        self.projector = nn.Sequential(nn.ReLU(), nn.Linear(32, 32))

    def forward(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        return self.projector(self.encoder(first)), self.projector(self.encoder(second))


class Affinity(nn.Module):
    """Answers for every two images of the batch how alike they are, shape (N, N)."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), perceptron(64, 64, 24))
        self.scale, self.bias = nn.Parameter(torch.tensor(5.0)), nn.Parameter(torch.tensor(-2.0))

    def forward(self, x: Tensor) -> Tensor:
        code = F.normalize(self.net(x), dim=1)
        return self.scale * (code @ code.T) + self.bias


def same_class(scores: Tensor, labels: Tensor) -> Tensor:
    """Binary cross-entropy of the (N, N) scores against whether two labels are equal, without the diagonal."""
    same = (labels[:, None] == labels[None, :]).float()
    off = ~torch.eye(len(labels), dtype=torch.bool)
    return F.binary_cross_entropy_with_logits(scores[off], same[off])


class Graphs(NamedTuple):
    """Several graphs as one: features of all nodes, edges as node indices, the graph of each node."""

    nodes: Tensor
    edges: Tensor
    graph: Tensor


class GraphNet(nn.Module):
    """GraphSAGE (Hamilton 2017) with mean pooling over each graph of the batch."""

    def __init__(self, features: int, classes: int, width: int = 48) -> None:
        super().__init__()
        sizes = (features, width, width)
        self.own = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.around = nn.ModuleList(nn.Linear(a, b, bias=False) for a, b in pairwise(sizes))
        self.head = nn.Linear(width, classes)

    def forward(self, batch: Graphs) -> Tensor:
        x, (source, target) = batch.nodes, batch.edges
        degree = torch.zeros(len(x)).index_add(0, target, torch.ones(len(target))).clamp(min=1)
        for own, around in zip(self.own, self.around, strict=True):
            mean = torch.zeros_like(x).index_add(0, target, x[source]) / degree[:, None]
            x = F.relu(own(x) + around(mean))
        count = int(batch.graph.max()) + 1
        sizes = torch.zeros(count).index_add(0, batch.graph, torch.ones(len(x)))
        return self.head(torch.zeros(count, x.shape[1]).index_add(0, batch.graph, x) / sizes[:, None])


class TwoDomains(nn.Module):
    """A shared trunk and a head for each of two domains; a batch is of one domain."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU())
        self.heads = nn.ModuleList([nn.Linear(64, 10), nn.Linear(64, 10)])

    def forward(self, x: Tensor, domain: Tensor) -> Tensor:
        return self.heads[int(domain[0])](self.trunk(x))


class WithOptions(nn.Module):
    """Scores each permitted option under the question asked and answers with the best of them."""

    def __init__(self) -> None:
        super().__init__()
        self.questions = nn.Embedding(5, 5)
        self.score = nn.Sequential(nn.Linear(15, 48), nn.ReLU(), nn.Linear(48, 1))

    def forward(self, options: Tensor, mask: Tensor, asked: Tensor) -> Tensor:
        question = self.questions(asked)[:, None].expand(-1, options.shape[1], -1)
        scores = self.score(torch.cat([options, question, options * question], dim=2)).squeeze(2)
        return scores.masked_fill(~mask, -1e4).logsumexp(1, keepdim=True)


class SimSiam(nn.Module):
    """SimSiam (Chen and He 2020): each view predicts the code of the other, which gets no gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Flatten(), nn.Linear(64, 96), nn.BatchNorm1d(96), nn.ReLU(), nn.Linear(96, 32), nn.BatchNorm1d(32)
        )
        self.predictor = nn.Sequential(nn.Linear(32, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 32))

    def forward(self, first: Tensor, second: Tensor) -> tuple[Tensor, ...]:
        a, b = self.encoder(first), self.encoder(second)
        return self.predictor(a), self.predictor(b), a.detach(), b.detach()


def negative_cosine(outputs: tuple[Tensor, ...], _: object) -> Tensor:
    """Mean negative cosine similarity of the predictions and the codes of the other view, at best −1."""
    first, second, a, b = outputs
    return -0.5 * (F.cosine_similarity(first, b).mean() + F.cosine_similarity(second, a).mean())


class StraightThroughSign(torch.autograd.Function):
    """The sign, whose gradient passes where the input lies within ±1 (Hubara 2016)."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.where(x >= 0, 1.0, -1.0)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return gradient * (x.abs() <= 1)


class BinaryUnits(nn.Module):
    """A perceptron whose hidden layer is ±1."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.norm, self.fc2 = nn.Linear(64, 96), nn.BatchNorm1d(96), nn.Linear(96, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(StraightThroughSign.apply(self.norm(self.fc1(x.flatten(1)))))


class Quantised(nn.Module):
    """VQ-VAE (van den Oord 2017): codes are replaced by the nearest of a book, the gradient passes straight through."""

    def __init__(self, book: int = 64, code: int = 8) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(1, 24, 4, 2, 1), nn.ReLU(), nn.Conv2d(24, code, 1))
        self.book = nn.Embedding(book, code)
        nn.init.normal_(self.book.weight, std=0.2)
        self.decoder = nn.Sequential(nn.Conv2d(code, 24, 1), nn.ReLU(), nn.ConvTranspose2d(24, 1, 4, 2, 1))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        code = self.encoder(x).permute(0, 2, 3, 1)
        nearest = torch.cdist(code.flatten(0, 2), self.book.weight).argmin(1).view(code.shape[:-1])
        entry = self.book(nearest)
        cost = F.mse_loss(entry, code.detach()) + 0.25 * F.mse_loss(code, entry.detach())
        passed = code + (entry - code).detach()
        return self.decoder(passed.permute(0, 3, 1, 2)), cost


def quantised_loss(outputs: tuple[Tensor, Tensor], targets: Tensor) -> Tensor:
    """Squared error of the images plus the cost of the code book."""
    return F.mse_loss(outputs[0], targets) + outputs[1]
