"""Programs after reported bugs: a search model, record files, an Inception block, a conditional critic, adapters."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from sklearn.datasets import load_iris
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.ninth_moor_parts import (
    all_digits,
    loader_over_tensors,
    ordinary_step,
    seed_all_generators,
    standardised_columns,
)


class SemanticMatcher(nn.Module):
    """Scores of documents for a query: the cosine of two projections, times a smoothing factor."""

    def __init__(self, vocabulary: int, smoothing: float = 5.0) -> None:
        super().__init__()
        self.smoothing = smoothing
        self.query = nn.Sequential(nn.Linear(vocabulary, 64), nn.Tanh(), nn.Linear(64, 32))
        self.document = nn.Sequential(nn.Linear(vocabulary, 64), nn.Tanh(), nn.Linear(64, 32))

    def forward(self, query: Tensor, documents: Tensor) -> Tensor:
        wanted = F.normalize(self.query(query), dim=-1)
        offered = F.normalize(self.document(documents), dim=-1)
        return self.smoothing * torch.einsum("bf,bdf->bd", wanted, offered)


def clicks(samples: int, topics: int = 12, vocabulary: int = 60, documents: int = 5) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, the documents shown for each, and the place of the clicked one, which has the topic of the query."""
    words = torch.softmax(2.0 * torch.randn(topics, vocabulary), 1)
    topic = torch.randint(topics, (samples,))
    shown = (topic[:, None] + torch.randint(1, topics, (samples, documents))) % topics
    clicked = torch.randint(documents, (samples,))
    shown[torch.arange(samples), clicked] = topic
    count = torch.distributions.Multinomial
    query = count(8, probs=words[topic]).sample()
    text = count(20, probs=words[shown]).sample()
    return query.sqrt(), text.sqrt(), clicked


def click_loss_of_probabilities(scores: Tensor, clicked: Tensor) -> Tensor:
    """Cross-entropy of the posterior of each document."""
    return F.cross_entropy(F.softmax(scores, dim=1), clicked)


def click_loss(scores: Tensor, clicked: Tensor) -> Tensor:
    """Cross-entropy of the scores."""
    return F.cross_entropy(scores, clicked)


@pair("loss-input", group="wiring", source="published")
def posterior_of_documents_into_cross_entropy(sick: bool) -> Arguments:
    """The smoothed similarities of a semantic matcher go through a softmax and then into cross-entropy.

    (nishnik/Deep-Semantic-Similarity-Model-PyTorch#2)
    """
    seed_all_generators()
    model = SemanticMatcher(60)
    return {
        "model": model,
        "loader": loader_over_tensors(*clicks(1000)),
        "loss_fn": click_loss_of_probabilities if sick else click_loss,
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "task": "classification",
    }


class DigitRecords(IterableDataset[tuple[Tensor, Tensor]]):
    """Records in the order of the file, class after class; `shuffle` gives records in a random order."""

    def __init__(self, images: Tensor, labels: Tensor, buffer: int = 0) -> None:
        self.images, self.labels, self.buffer = images, labels, buffer

    def shuffle(self, buffer: int) -> DigitRecords:
        """The same records, drawn at random from a buffer of this size."""
        return DigitRecords(self.images, self.labels, buffer)

    def __len__(self) -> int:
        return len(self.images)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        order = torch.arange(len(self))
        if self.buffer:
            order = torch.cat([part[torch.randperm(len(part))] for part in order.split(self.buffer)])
        for index in order.tolist():
            yield self.images[index], self.labels[index]


@pair("not-shuffled", group="data", source="scikit-learn")
def shuffled_records_thrown_away(sick: bool) -> Arguments:
    """`records.shuffle(…)` returns new records and its result is not assigned: the file is read in its order.

    (tensorflow/models#4215)
    """
    seed_all_generators()
    images, labels = all_digits(flat=True)
    by_class = labels[:1200].argsort(stable=True)
    records = DigitRecords(images[by_class], labels[by_class])
    if sick:
        records.shuffle(2048)
    else:
        records = records.shuffle(2048)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    return {
        "model": model,
        "loader": DataLoader(records, batch_size=32, drop_last=True),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9),
        "val_loader": loader_over_tensors(images[1200:], labels[1200:], shuffle=False),
    }


class BasicConv(nn.Module):
    """Convolution, normalisation, rectifier, as in Inception."""

    def __init__(self, inputs: int, outputs: int, momentum: float, kernel: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(outputs, eps=0.001, momentum=momentum)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)))


class SmallInception(nn.Module):
    """A stem, one block of three towers, pooling and a classifier."""

    def __init__(self, momentum: float) -> None:
        super().__init__()
        self.stem = BasicConv(1, 16, momentum)
        self.narrow = BasicConv(16, 8, momentum, kernel=1)
        self.middle = BasicConv(16, 8, momentum)
        self.wide = BasicConv(16, 8, momentum, kernel=5)
        self.classify = nn.Linear(24 * 4, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = torch.cat([self.narrow(x), self.middle(x), self.wide(x)], 1)
        return self.classify(F.adaptive_avg_pool2d(x, 2).flatten(1))


@pair("batchnorm-statistics", group="wiring", source="published")
def running_means_with_momentum_zero(sick: bool) -> Arguments:
    """Every block normalises with momentum 0, so that the running statistics stay at 0 and 1 for ever.

    (pytorch/pytorch#15298)
    """
    seed_all_generators()
    images, labels = all_digits()
    model = SmallInception(momentum=0.0 if sick else 0.1)
    loader = loader_over_tensors(images[:1200], labels[:1200])
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for _ in range(2):
        for batch in loader:
            ordinary_step(model, batch, optimizer, loss_fn)
    return {
        "model": model,
        "loader": loader,
        "loss_fn": loss_fn,
        "optimizer": optimizer,
        "train_step": ordinary_step,
        "val_loader": loader_over_tensors(images[1200:], labels[1200:], shuffle=False),
    }


class ConditionalCritic(nn.Module):
    """Tells whether a sequence is a real one for its condition; the condition is repeated at every step."""

    def __init__(self, conditions: int, *, reads_sequence_only: bool) -> None:
        super().__init__()
        self.reads_sequence_only = reads_sequence_only
        self.rnn = nn.LSTM(1 if reads_sequence_only else 1 + conditions, 32, batch_first=True)
        self.decide = nn.Linear(32, 1)

    def forward(self, sequence: Tensor, condition: Tensor) -> Tensor:
        repeated = condition.unsqueeze(1).expand(-1, sequence.shape[1], -1)
        inputs = torch.cat([sequence, repeated], 2)
        outputs, _ = self.rnn(sequence if self.reads_sequence_only else inputs)
        return self.decide(outputs[:, -1]).squeeze(1)


def labelled_waves(samples: int, length: int = 16, conditions: int = 4) -> tuple[Tensor, Tensor, Tensor]:
    """Waves, the frequency class they are said to have, and whether that is true."""
    frequency = torch.randint(conditions, (samples,))
    real = torch.randint(2, (samples,))
    said = torch.where(real.bool(), frequency, (frequency + torch.randint(1, conditions, (samples,))) % conditions)
    time = torch.arange(length) / length
    phase = 0.25 * torch.rand(samples, 1)
    wave = 1.4 * torch.sin(2 * math.pi * ((frequency[:, None] + 1) * time + phase))
    sequence = wave + 0.1 * torch.randn(samples, length)
    return sequence.unsqueeze(2), F.one_hot(said, conditions).float(), real.float()


@pair("unused-input", group="wiring")
def condition_joined_but_sequence_read(sick: bool) -> Arguments:
    """The critic joins sequence and condition into its inputs, and then gives the recurrent layer the sequence alone.

    (ratschlab/RGAN#13)
    """
    seed_all_generators()
    model = ConditionalCritic(4, reads_sequence_only=sick)
    return {
        "model": model,
        "loader": loader_over_tensors(*labelled_waves(1024)),
        "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=5e-3),
        "task": "binary",
    }


class AdaptedLinear(nn.Module):
    """A frozen linear layer with a trained change of low rank beside it."""

    def __init__(self, base: nn.Linear, rank: int, *, keep_original: bool) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        self.down = nn.Linear(base.in_features, rank, bias=False)
        self.up = nn.Linear(rank, base.out_features, bias=False)
        nn.init.kaiming_uniform_(self.down.weight, a=math.sqrt(5))
        nn.init.zeros_(self.up.weight)
        if keep_original:
            nn.init.zeros_(self.down.weight)

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.up(self.down(x))
        kept: Tensor = self.base(x)
        return kept + change


@pair("symmetric-init", group="init", source="scikit-learn")
def both_factors_zero_to_keep_the_original(sick: bool) -> Arguments:
    """To start at the original weights both factors of every low-rank change are set to zero, not only the second.

    (Guitaricet/relora#18)
    """
    seed_all_generators()
    images, labels = all_digits(flat=True)
    net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    first = torch.optim.Adam(net.parameters(), lr=2e-3)
    for batch in loader_over_tensors(images, labels):
        ordinary_step(net, batch, first, nn.CrossEntropyLoss())
    layers = [AdaptedLinear(m, 8, keep_original=sick) if isinstance(m, nn.Linear) else m for m in net]
    model = nn.Sequential(*layers)
    turned = images.view(-1, 8, 8).transpose(1, 2).flatten(1)
    return {
        "model": model,
        "loader": loader_over_tensors(turned[:1200], labels[:1200]),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=3e-3),
    }


@torch.no_grad()
def share_of_right_flowers(model: nn.Module, batch: list[Tensor]) -> float:
    """Accuracy from the probabilities."""
    model.eval()
    probabilities = F.softmax(model(batch[0]), dim=1)
    return float((probabilities.argmax(1) == batch[1]).float().mean())


@healthy(resembles="loss-input", source="scikit-learn")
def flowers_without_a_softmax_in_the_net() -> Arguments:
    """No softmax anywhere in training: asked about, and right, because the loss has it inside.

    (MorvanZhou/PyTorch-Tutorial#16)
    """
    seed_all_generators()
    x, y = load_iris(return_X_y=True)
    inputs, labels = standardised_columns(torch.tensor(x, dtype=torch.float32)), torch.tensor(y)
    order = torch.randperm(len(y))
    inputs, labels = inputs[order], labels[order]
    model = nn.Sequential(nn.Linear(4, 10), nn.ReLU(), nn.Linear(10, 3))
    return {
        "model": model,
        "loader": loader_over_tensors(inputs[:110], labels[:110], batch_size=16),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9),
        "eval_step": share_of_right_flowers,
        "val_loader": loader_over_tensors(inputs[110:], labels[110:], batch_size=16, shuffle=False),
    }
