"""Broken programs as they were reported, each with its mended twin: triples, merged layers, edges, names and losses."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.eighth_reef_parts import reef_digits, reef_loader, reef_loaders, reef_start, reef_tones


class TripleScorer(nn.Module):
    """Says from the embeddings of a triple (subject, relation, object) whether it holds."""

    def __init__(self, entities: int, relations: int, width: int = 8) -> None:
        super().__init__()
        self.width = width
        self.entity = nn.Embedding(entities, width)
        self.relation = nn.Embedding(relations, width * width)
        self.offset = nn.Parameter(torch.zeros(1))

    def forward(self, triples: Tensor) -> Tensor:
        subject, relation, obj = triples.unbind(1)
        matrix = self.relation(relation).view(-1, self.width, self.width)
        score = torch.einsum("bi,bij,bj->b", self.entity(subject), matrix, self.entity(obj))
        return score / self.width + self.offset


def corrupted(triples: np.ndarray, entities: int, filtered: bool) -> np.ndarray:
    """One negative for each triple, its subject or its object replaced by an entity drawn at random."""
    rng = np.random.default_rng(2)
    seen = {tuple(triple) for triple in triples.tolist()}
    negatives = []
    for triple in triples.tolist():
        while True:
            negative = list(triple)
            negative[rng.choice([0, 2])] = int(rng.integers(entities))
            if not filtered or tuple(negative) not in seen:
                break
        seen.add(tuple(negative))
        negatives.append(negative)
    return np.array(negatives)


@pair("label-noise", group="data")
def negatives_drawn_among_the_triples_that_hold(sick: bool) -> Arguments:
    """The random negatives include the positive triples themselves, which then occur with both labels.

    (dmlc/dgl#1458).
    """
    reef_start()
    entities, relations = 30, 4
    group = np.random.permutation(np.arange(entities) % 3)
    everything = np.stack(np.meshgrid(np.arange(entities), np.arange(relations), np.arange(entities)), -1).reshape(
        -1, 3
    )
    holds = (group[everything[:, 0]] + everything[:, 1]) % 3 == group[everything[:, 2]]
    positives = everything[holds]
    negatives = corrupted(positives, entities, filtered=not sick)
    triples = torch.tensor(np.concatenate([positives, negatives]))
    y = torch.cat([torch.ones(len(positives)), torch.zeros(len(negatives))])
    order = torch.randperm(len(y))
    model = TripleScorer(entities, relations)
    return dict(
        model=model,
        loss_fn=nn.BCEWithLogitsLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-2),
        task="binary",
        **reef_loaders(triples[order], y[order], train=2000),
    )


class MergeLayer(nn.Module):
    """Feeds its input to several layers and joins what they give."""

    def __init__(self, layers: list[nn.Module], listed: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers) if listed else layers

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([layer(x).relu().amax(2) for layer in self.layers], dim=1)


@pair("unregistered-parameters", group="wiring")
def merged_convolutions_in_a_python_list(sick: bool) -> Arguments:
    """The layer that merges several convolutions keeps them in a Python list, which hides their parameters.

    (asyml/texar-pytorch#72).
    """
    reef_start()
    merge = MergeLayer([nn.Conv1d(1, 8, size) for size in (5, 9, 13)], listed=not sick)
    model = nn.Sequential(merge, nn.Linear(24, 5))
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-2),
        **reef_loaders(*reef_tones(1000), train=800),
    )


class SobelNet(nn.Module):
    """A learnt blur, the strength of its edges by two fixed filters, and a classifier of the edges."""

    kernels: Tensor

    def __init__(self, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.blur = nn.Conv2d(1, 1, 3, padding=1, bias=False)
        nn.init.constant_(self.blur.weight, 1 / 9)
        across = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
        self.register_buffer("kernels", torch.stack([across, across.t()])[:, None])
        self.classify = nn.Sequential(nn.Flatten(), nn.Linear(144, 48), nn.ReLU(), nn.Linear(48, 10))

    def forward(self, x: Tensor) -> Tensor:
        slopes = F.conv2d(self.blur(x), self.kernels, padding=1)
        edges = torch.sqrt(slopes.square().sum(1) + self.eps)
        logits: Tensor = self.classify(edges)
        return logits


@pair("nonfinite-gradient", group="backward", source="scikit-learn")
def edges_without_an_epsilon_under_the_root(sick: bool) -> Arguments:
    """The edges are the root of a sum of squares without an epsilon, with no finite gradient where it is flat.

    (chaddy1004/sobel-operator-pytorch#1).
    """
    reef_start()
    data = load_digits()
    order = np.random.permutation(len(data.target))[:1200]
    x = F.pad(torch.tensor(data.images[order], dtype=torch.float32) / 16, (2, 2, 2, 2))[:, None]
    y = torch.tensor(data.target[order])
    model = SobelNet(eps=0.0 if sick else 1e-6)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        **reef_loaders(x, y, train=1000),
    )


class Portraits(Dataset[tuple[Tensor, Tensor]]):
    """Pictures found by their file name, of one split of a table of names, labels and splits."""

    def __init__(self, names: list[str], labels: Tensor, splits: Tensor, split: int, sick: bool) -> None:
        images, _ = reef_digits(len(names))
        self.pictures = dict(zip(names, images, strict=True))
        mask = splits == split
        self.labels = labels[mask]
        self.names = names if sick else [name for name, kept in zip(names, mask.tolist(), strict=True) if kept]

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.pictures[self.names[index]], self.labels[index]

    def __len__(self) -> int:
        return len(self.labels)


@pair("shuffled-labels", group="training", source="scikit-learn")
def names_of_every_split_with_labels_of_one(sick: bool) -> Arguments:
    """The labels are masked by the split and the file names are not, so that pictures and labels do not match.

    (pytorch/vision#4209).
    """
    reef_start()
    _, labels = reef_digits(1400)
    names = [f"{i:06d}.jpg" for i in range(len(labels))]
    splits = (torch.rand(len(labels)) < 0.25).long()
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3), nn.BatchNorm2d(12), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(108, 10)
    )
    return {
        "model": model,
        "loader": reef_loader(Portraits(names, labels, splits, 0, sick)),
        "val_loader": reef_loader(Portraits(names, labels, splits, 1, sick), shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
    }


class LabelModel(nn.Module):
    """The likelihood of the votes of several noisy labellers on a hidden label of two classes."""

    def __init__(self, labellers: int) -> None:
        super().__init__()
        self.balance = nn.Parameter(torch.zeros(2))
        self.accuracy = nn.Parameter(torch.full((labellers,), 0.5))
        self.running_loss: Tensor | float = 0.0

    def forward(self, votes: Tensor) -> Tensor:
        right, wrong = F.logsigmoid(self.accuracy), F.logsigmoid(-self.accuracy)
        per_class = [torch.where(votes == c, right, wrong).sum(1) for c in (0, 1)]
        return torch.logsumexp(torch.stack(per_class, 1) + F.log_softmax(self.balance, 0), dim=1)


def step_that_sums_the_losses(model: LabelModel, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step that adds its loss to the running loss."""
    optimizer.zero_grad()
    loss = -model(batch[0]).mean()
    loss.backward()
    optimizer.step()
    model.running_loss += loss
    value: Tensor = loss.detach()
    return value


def step_that_sums_the_numbers(model: LabelModel, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step that adds the number of its loss to the running loss."""
    optimizer.zero_grad()
    loss = -model(batch[0]).mean()
    loss.backward()
    optimizer.step()
    model.running_loss += loss.item()
    value: Tensor = loss.detach()
    return value


def votes_alone(batch: list[Tensor]) -> tuple[Tensor, Tensor]:
    """The votes are input and target."""
    return batch[0], batch[0]


def unlikelihood(outputs: Tensor, targets: Tensor) -> Tensor:
    """Minus the mean log-likelihood."""
    return -outputs.mean()


@pair("memory-growth", group="training")
def running_loss_of_a_label_model_with_its_graphs(sick: bool) -> Arguments:
    """The running loss of an epoch is a sum of tensors that were not detached, and holds the graph of each batch.

    (BatsResearch/labelmodels#4).
    """
    reef_start()
    hidden = (torch.rand(1200, 1) < 0.4).long()
    right = torch.rand(1200, 15) < torch.linspace(0.55, 0.95, 15)
    votes = torch.where(right, hidden, 1 - hidden)
    model = LabelModel(15)
    return dict(
        model=model,
        loss_fn=unlikelihood,
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-2),
        train_step=step_that_sums_the_losses if sick else step_that_sums_the_numbers,
        split=votes_alone,
        task="other",
        **reef_loaders(votes, train=1000),
    )


class Recogniser(nn.Module):
    """Learnt filters, the energy that each finds, and an encoder of the energies."""

    def __init__(self, detached: bool) -> None:
        super().__init__()
        self.detached = detached
        self.filters = nn.Conv1d(1, 12, 21, stride=2, bias=False)
        self.encoder = nn.Sequential(nn.Conv1d(12, 24, 3), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten())
        self.output = nn.Linear(24, 5)

    def forward(self, wave: Tensor) -> Tensor:
        features = torch.log1p(self.filters(wave).square())
        if self.detached:
            features = features.detach()
        pitch: Tensor = self.output(self.encoder(features))
        return pitch


@pair("detached-graph", group="wiring")
def features_detached_before_the_encoder(sick: bool) -> Arguments:
    """The features are detached when the encoder is called, which cuts off what computes them.

    (speechbrain/speechbrain#1396).
    """
    reef_start()
    model = Recogniser(detached=sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **reef_loaders(*reef_tones(1000), train=800),
    )
