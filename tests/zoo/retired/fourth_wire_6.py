"""Rentals, weights, columns and twins: four broken programs with their twins, and two look-alikes."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, Sampler, TensorDataset

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fourth_wire_parts import both_parts, remarks, reshuffled, seed_generators, small_digits


class Rentals(nn.Module):
    """Rented bicycles: a table with one entry for each hour of the day, and a linear part for the weather."""

    def __init__(self, hours_in_a_unit: float):
        super().__init__()
        self.hours_in_a_unit = hours_in_a_unit
        self.hours = nn.Embedding(24, 8)
        self.head = nn.Sequential(nn.Linear(11, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, features: Tensor) -> Tensor:
        hour = (self.hours_in_a_unit * features[:, 0]).long()
        rented: Tensor = self.head(torch.cat([self.hours(hour), features], dim=1))
        return rented


def rentals(count: int) -> tuple[Tensor, Tensor]:
    """The time as a share of the day, temperature and wind, and standardised rentals with a jagged daily profile."""
    draw = torch.Generator().manual_seed(10)
    time = torch.rand(count, 1, generator=draw)
    weather = torch.randn(count, 2, generator=draw)
    profile = torch.randn(24, generator=draw)[(24 * time).long()]
    rented = profile + 0.5 * weather[:, :1] - 0.3 * weather[:, 1:] + 0.1 * torch.randn(count, 1, generator=draw)
    return torch.cat([time, weather], dim=1), (rented - rented.mean()) / rented.std()


@pair("dtype", group="wiring")
def share_of_the_day_as_an_index(sick: bool) -> Arguments:
    """The time is a share of the day between 0 and 1, and cut to a whole number it is always hour 0."""
    seed_generators(61)
    model = Rentals(1.0 if sick else 24.0)
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=5e-3),
        **both_parts(*rentals(1200), held_out=200),
    )


class Sensors(Dataset[dict[str, Tensor]]):
    """Series with the mean slope to be told, and how far each label is to be trusted."""

    def __init__(self, count: int):
        draw = torch.Generator().manual_seed(11)
        slope = torch.randn(count, generator=draw)
        start = torch.randn(count, 1, generator=draw)
        time = torch.linspace(-1, 1, 20)
        self.series = start + slope[:, None] * time + 0.2 * torch.randn(count, 20, generator=draw)
        poor = torch.rand(count, generator=draw) < 0.4
        self.weight = torch.where(poor, 0.05, 1.0)
        self.target = slope + torch.where(poor, 1.0, 0.05) * torch.randn(count, generator=draw)

    def __len__(self) -> int:
        return len(self.series)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"series": self.series[index], "target": self.target[index], "weight": self.weight[index]}


class SlopeReader(nn.Module):
    """A GRU that ends in one number."""

    def __init__(self) -> None:
        super().__init__()
        self.reader = nn.GRU(1, 24, batch_first=True)
        self.head = nn.Linear(24, 1)

    def forward(self, series: Tensor) -> Tensor:
        _, last = self.reader(series.unsqueeze(-1))
        slope: Tensor = self.head(last[0])
        return slope


def series_and_rest(batch: dict[str, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Inputs, and targets with their weights."""
    return batch["series"], (batch["target"], batch["weight"])


def weighted(slopes: Tensor, wanted: tuple[Tensor, Tensor]) -> Tensor:
    """The squared error of each sample times its weight."""
    target, weight = wanted
    errors = (slopes - target.unsqueeze(1)) ** 2
    return (weight.unsqueeze(1) * errors).mean()


def weighted_by_all(slopes: Tensor, wanted: tuple[Tensor, Tensor]) -> Tensor:
    """The squared error of each sample times the weights."""
    target, weight = wanted
    errors = (slopes - target.unsqueeze(1)) ** 2
    return (weight * errors).mean()


@pair("silent-broadcast", group="wiring")
def every_error_under_every_weight(sick: bool) -> Arguments:
    """Errors (N, 1) times weights (N,) give (N, N), whose mean weighs all samples alike."""
    seed_generators(62)
    model = SlopeReader()
    order = torch.Generator().manual_seed(1)
    return {
        "model": model,
        "loss_fn": weighted_by_all if sick else weighted,
        "optimizer": torch.optim.Adam(model.parameters(), lr=5e-3),
        "split": series_and_rest,
        "loader": DataLoader(Sensors(800), batch_size=32, shuffle=True, drop_last=True, generator=order),
    }


class ColumnReader(nn.Module):
    """Convolutions, and an LSTM that reads the columns of their maps from left to right, after CRNN."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.Conv2d(12, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d((2, 1))
        )
        self.reader = nn.LSTM(48, 48)
        self.head = nn.Linear(48, 10)

    def columns(self, maps: Tensor) -> Tensor:
        return maps.permute(3, 0, 1, 2).flatten(2)

    def forward(self, images: Tensor) -> Tensor:
        states, _ = self.reader(self.columns(self.maps(images)))
        scores: Tensor = self.head(states[-1])
        return scores


class ViewedColumnReader(ColumnReader):
    """The same with another way to the columns."""

    def columns(self, maps: Tensor) -> Tensor:
        count, channels, height, width = maps.shape
        return maps.contiguous().view(width, count, channels * height)


@pair("batch-leak", group="wiring", source="published")
def maps_viewed_as_columns(sick: bool) -> Arguments:
    """The maps are viewed as (width, batch, features) instead of permuted, which mixes the images of a batch."""
    seed_generators(63)
    model = ViewedColumnReader() if sick else ColumnReader()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **both_parts(*small_digits(900), held_out=180),
    )


class SameDigit(nn.Module):
    """Whether two images show the same digit, from the distance of their embeddings."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 24, bias=False)
        )
        self.head = nn.Linear(24, 1)

    def embed(self, images: Tensor) -> Tensor:
        embedded: Tensor = self.encoder(images)
        return embedded

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        score: Tensor = self.head((self.embed(first) - self.embed(second)).abs()).squeeze(1)
        return score


class SearchableSameDigit(SameDigit):
    """The same, whose embeddings also serve a search."""

    @torch.no_grad()
    def embed(self, images: Tensor) -> Tensor:
        embedded: Tensor = self.encoder(images)
        return embedded


@pair("detached-graph", group="wiring", source="scikit-learn")
def embedding_written_for_search(sick: bool) -> Arguments:
    """The method that embeds is decorated with no_grad for use in a search, and training calls the same method."""
    seed_generators(64)
    images, labels = small_digits(1200)
    first, second = torch.arange(1200), torch.randperm(1200)
    for row in range(0, 1200, 2):
        second[row] = int(((labels == labels[row]) & (first != row)).nonzero()[row % 40])
    different = first != second
    same = (labels == labels[second]).float()
    model = SearchableSameDigit() if sick else SameDigit()
    return {
        "model": model,
        "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "loader": reshuffled(images[different], images[second[different]], same[different]),
    }


class ManyTasks(nn.Module):
    """One body, and a head for each of three questions about a digit."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU())
        self.heads = nn.ModuleList(nn.Linear(64, 2) for _ in range(3))

    def forward(self, images: Tensor, tasks: Tensor) -> Tensor:
        states = self.body(images)
        scores: Tensor = states.new_zeros(len(images), 2)
        for task in sorted(set(tasks.tolist())):
            asked = tasks == task
            scores[asked] = self.heads[task](states[asked])
        return scores


class OneTaskAtATime(Sampler[list[int]]):
    """Batches of one task each, in random order."""

    def __init__(self, tasks: Tensor, batch: int):
        self.tasks, self.batch = tasks, batch
        self.generator = torch.Generator().manual_seed(1)

    def __len__(self) -> int:
        return sum(int((self.tasks == task).sum()) // self.batch for task in range(3))

    def __iter__(self) -> Iterator[list[int]]:
        batches: list[list[int]] = []
        for task in range(3):
            rows = (self.tasks == task).nonzero().squeeze(1)
            rows = rows[torch.randperm(len(rows), generator=self.generator)]
            whole = len(rows) // self.batch * self.batch
            batches += rows[:whole].view(-1, self.batch).tolist()
        for index in torch.randperm(len(batches), generator=self.generator).tolist():
            yield batches[index]


@healthy(resembles="unused-parameters", source="scikit-learn")
def three_questions_one_a_batch() -> Arguments:
    """Each batch asks one question, so that two of the three heads get no gradient from it, and another next time."""
    seed_generators(65)
    images, labels = small_digits(1200)
    tasks = torch.randint(3, (1200,))
    answers = torch.stack([labels % 2, (labels >= 5).long(), labels % 3 // 2])[tasks, torch.arange(1200)]
    model = ManyTasks()
    return {
        "model": model,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "loader": DataLoader(TensorDataset(images, tasks, answers), batch_sampler=OneTaskAtATime(tasks, 32)),
    }


class InPlaceAttention(nn.Module):
    """One head of attention over words with many calls that work in place."""

    def __init__(self, width: int = 32):
        super().__init__()
        self.words = nn.Embedding(50, width)
        self.query, self.key, self.value = nn.Linear(width, width), nn.Linear(width, width), nn.Linear(width, width)
        self.reader = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, 3)

    def forward(self, tokens: Tensor) -> Tensor:
        embedded = self.words(tokens)
        scores = self.query(embedded) @ self.key(embedded).transpose(1, 2)
        scores.div_(embedded.shape[-1] ** 0.5)
        scores.masked_fill_(torch.eye(tokens.shape[1], dtype=torch.bool), float("-inf"))
        hidden = self.value(scores.softmax(-1) @ embedded)
        hidden.add_(embedded)
        F.relu(hidden, inplace=True)
        _, last = self.reader(hidden)
        answers: Tensor = self.head(last.squeeze(0))
        return answers


@healthy(resembles="unused-result")
def attention_with_calls_in_place() -> Arguments:
    """Bare calls whose results nobody assigns, all of them in place, and states of a GRU that are dropped."""
    seed_generators(66)
    model = InPlaceAttention()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **both_parts(*remarks(800, seed=6), held_out=160),
    )
