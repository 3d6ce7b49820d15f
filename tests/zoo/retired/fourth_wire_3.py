"""Phrases, two-headed networks, a heat equation and prototypes: five broken programs with twins, and a distillation."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fourth_wire_parts import (
    both_parts,
    phrases,
    ragged_remarks,
    reshuffled,
    seed_generators,
    small_digits,
)


class SmallGPT(nn.Module):
    """A language model of two layers of torch's own encoder under a mask, where true means hidden."""

    hidden: Tensor

    def __init__(self, hidden: Tensor, letters: int = 16, width: int = 32):
        super().__init__()
        self.letters = nn.Embedding(letters, width)
        self.places = nn.Embedding(len(hidden), width)
        layer = nn.TransformerEncoderLayer(width, 4, 64, dropout=0.0, batch_first=True, norm_first=True)
        self.body = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(width), enable_nested_tensor=False)
        self.head = nn.Linear(width, letters)
        self.register_buffer("hidden", hidden)

    def forward(self, tokens: Tensor) -> Tensor:
        steps = tokens.shape[1]
        embedded = self.letters(tokens) + self.places(torch.arange(steps))
        scores: Tensor = self.head(self.body(embedded, mask=self.hidden[:steps, :steps]))
        return scores


def token_loss(scores: Tensor, wanted: Tensor) -> Tensor:
    """Cross-entropy, mean over tokens."""
    return F.cross_entropy(scores.flatten(0, 1), wanted.flatten())


@pair("causality", group="wiring", source="published")
def mask_that_hides_the_past(sick: bool) -> Arguments:
    """The boolean mask marks the lower triangle, as the positions allowed, where torch reads it as those hidden."""
    seed_generators(31)
    tokens = phrases(600)
    square = torch.ones(24, 24, dtype=torch.bool)
    model = SmallGPT(square.tril(-1) if sick else square.triu(1))
    return dict(
        model=model,
        loss_fn=token_loss,
        optimizer=torch.optim.AdamW(model.parameters(), lr=3e-3),
        causal=True,
        **both_parts(tokens[:, :-1].clone(), tokens[:, 1:].clone(), held_out=100),
    )


class LastStateReader(nn.Module):
    """An LSTM over words whose last state tells the class."""

    def __init__(self, width: int = 32):
        super().__init__()
        self.words = nn.Embedding(50, width, padding_idx=0)
        self.reader = nn.LSTM(width, width, batch_first=True)
        self.head = nn.Linear(width, 3)

    def last(self, states: Tensor, tokens: Tensor) -> Tensor:
        return states[:, -1]

    def forward(self, tokens: Tensor) -> Tensor:
        states, _ = self.reader(self.words(tokens))
        scores: Tensor = self.head(self.last(states, tokens))
        return scores


class LastWordReader(LastStateReader):
    """The same, read at the last word of each sentence."""

    def last(self, states: Tensor, tokens: Tensor) -> Tensor:
        lengths = (tokens != 0).sum(1)
        return states[torch.arange(len(tokens)), lengths - 1]


@pair("padding-leak", group="wiring")
def state_read_after_the_filling(sick: bool) -> Arguments:
    """The state of the last column is read, which for most sentences has been run over many steps of filling."""
    seed_generators(32)
    rows, kind = ragged_remarks(800, longest=30)
    tokens = nn.utils.rnn.pad_sequence(rows, batch_first=True)
    model = LastStateReader() if sick else LastWordReader()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=5e-3),
        padding_value=0,
        **both_parts(tokens, kind, held_out=160),
    )


class WithEarlyHead(nn.Module):
    """Convolutions with a second classifier half-way, after GoogLeNet."""

    def __init__(self) -> None:
        super().__init__()
        self.lower = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        self.upper = nn.Sequential(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.Flatten())
        self.early = nn.Sequential(nn.Flatten(), nn.Linear(256, 32), nn.ReLU(), nn.Linear(32, 10))
        self.late = nn.Linear(512, 10)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        half_way = self.lower(images)
        return self.late(self.upper(half_way)), self.early(half_way)


def late_alone(outputs: tuple[Tensor, Tensor], labels: Tensor) -> Tensor:
    """The loss of the late head."""
    late, _ = outputs
    return F.cross_entropy(late, labels)


def late_and_early(outputs: tuple[Tensor, Tensor], labels: Tensor) -> Tensor:
    """The loss of the late head and a share of that of the early one."""
    late, early = outputs
    return F.cross_entropy(late, labels) + 0.3 * F.cross_entropy(early, labels)


@pair("unused-parameters", group="wiring", source="published")
def early_head_without_its_loss(sick: bool) -> Arguments:
    """The early head is computed at each step, but its loss was never added, so that it stays as it was drawn."""
    seed_generators(33)
    model = WithEarlyHead()
    return dict(
        model=model,
        loss_fn=late_alone if sick else late_and_early,
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-3),
        **both_parts(*small_digits(1000), held_out=200),
    )


class HeatSurrogate(nn.Module):
    """Temperature of a rod at a place and a time."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 48), nn.Tanh(), nn.Linear(48, 48), nn.Tanh(), nn.Linear(48, 1))

    def forward(self, place: Tensor, time: Tensor) -> Tensor:
        heat: Tensor = self.net(torch.cat([place, time], dim=1))
        return heat


class TimelessSurrogate(HeatSurrogate):
    """The same with a slip of the pen."""

    def forward(self, place: Tensor, time: Tensor) -> Tensor:
        heat: Tensor = self.net(torch.cat([place, place], dim=1))
        return heat


@pair("unused-input", group="wiring")
def rod_without_its_time(sick: bool) -> Arguments:
    """The place is joined to itself instead of to the time, which never enters the network."""
    seed_generators(34)
    place, time = 2 * torch.rand(1000, 1) - 1, 2 * torch.rand(1000, 1) - 1
    heat = torch.sin(torch.pi * place) * torch.exp(-time) + 0.5 * torch.cos(2 * place + 2 * time)
    model = TimelessSurrogate() if sick else HeatSurrogate()
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **both_parts(place, time, heat, held_out=200),
    )


class CosineClassifier(nn.Module):
    """Scores are eight times the cosine between an image's embedding and the prototype of each class."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32))
        self.prototypes = nn.Parameter(torch.randn(10, 32))

    def forward(self, images: Tensor) -> Tensor:
        embedded = self.net(images)
        embedded = F.normalize(embedded, dim=1)
        return 8 * embedded @ F.normalize(self.prototypes, dim=1).T


class HalfCosineClassifier(CosineClassifier):
    """The same, but its embeddings keep their lengths."""

    def forward(self, images: Tensor) -> Tensor:
        embedded: Tensor = self.net(images)
        F.normalize(embedded, dim=1)
        return 8 * embedded @ F.normalize(self.prototypes, dim=1).T


@pair("unused-result", group="wiring", source="scikit-learn")
def embedding_normalised_into_nothing(sick: bool) -> Arguments:
    """The normalised embedding is returned by the function and assigned to no name; the raw one is compared."""
    seed_generators(35)
    model = HalfCosineClassifier() if sick else CosineClassifier()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        **both_parts(*small_digits(1000), held_out=200),
    )


class Distilled(nn.Module):
    """A student beside a teacher that is done learning."""

    def __init__(self, teacher: nn.Module, student: nn.Module):
        super().__init__()
        self.teacher, self.student = teacher.requires_grad_(False), student

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            example = self.teacher(images)
        return self.student(images), example


def softened(outputs: tuple[Tensor, Tensor], labels: Tensor) -> Tensor:
    """Cross-entropy on labels and divergence from the teacher at temperature 2, in equal shares."""
    own, example = outputs
    towards = F.kl_div((own / 2).log_softmax(1), (example / 2).softmax(1), reduction="batchmean")
    return 0.5 * F.cross_entropy(own, labels) + 0.5 * 4 * towards


@healthy(resembles="detached-graph", source="scikit-learn")
def student_of_a_fixed_teacher() -> Arguments:
    """The teacher runs without a graph on purpose: it has been trained, is frozen, and only sets targets."""
    seed_generators(36)
    images, labels = small_digits(1000)
    teacher = nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
    lessons = torch.optim.Adam(teacher.parameters(), lr=3e-3)
    for _ in range(60):
        lessons.zero_grad()
        F.cross_entropy(teacher(images[:800]), labels[:800]).backward()  # type: ignore[no-untyped-call]
        lessons.step()
    teacher.zero_grad()
    student = nn.Sequential(nn.Flatten(), nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 10))
    return {
        "model": Distilled(teacher, student),
        "loss_fn": softened,
        "optimizer": torch.optim.Adam(student.parameters(), lr=3e-3),
        "loader": reshuffled(images[:800], labels[:800]),
    }
