"""Sensors, sentences, shards and residual blocks: programs of the fifth set, fifth hand."""
# mypy: disable-error-code="no-any-return, no-untyped-call"

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, IterableDataset

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fifth_cargo_parts import cargo_digits, cargo_loader, cargo_loaders, cargo_start

Line = tuple[Tensor, int]


class MessageLSTM(nn.Module):
    """An LSTM over the words of a message, and a class from the state at its end."""

    def __init__(self, *, at_own_end: bool) -> None:
        super().__init__()
        self.embed = nn.Embedding(40, 24, padding_idx=0)
        self.lstm = nn.LSTM(24, 32, batch_first=True)
        self.head = nn.Linear(32, 3)
        self.at_own_end = at_own_end

    def forward(self, words: Tensor, lengths: Tensor) -> Tensor:
        states, _ = self.lstm(self.embed(words))
        last = states[torch.arange(len(words)), lengths - 1] if self.at_own_end else states[:, -1]
        return self.head(last)


def padded_messages(lines: list[Line]) -> tuple[Tensor, Tensor, Tensor]:
    """Messages padded with zeros to the longest, their lengths and their classes."""
    words = pad_sequence([line for line, _ in lines], batch_first=True)
    return words, torch.tensor([len(line) for line, _ in lines]), torch.tensor([kind for _, kind in lines])


@pair("padding-leak", group="wiring")
def state_read_after_the_padding(sick: bool) -> Arguments:
    """The class is read from the state at the last column, which for most messages lies behind their padding."""
    cargo_start()
    lines: list[Line] = []
    for _ in range(800):
        kind, length = int(torch.randint(0, 3, ())), int(torch.randint(4, 25, ()))
        words = torch.randint(10, 40, (length,))
        own = torch.rand(length) < 0.35
        words[own] = 1 + 3 * kind + torch.randint(0, 3, (int(own.sum()),))
        lines.append((words, kind))
    generator = torch.Generator().manual_seed(6)
    train: Any = lines[:640]
    held_out: Any = lines[640:]
    loader: DataLoader[Any]
    loader = DataLoader(train, batch_size=32, shuffle=True, generator=generator, collate_fn=padded_messages)
    val_loader: DataLoader[Any] = DataLoader(held_out, batch_size=32, collate_fn=padded_messages)
    model = MessageLSTM(at_own_end=not sick)
    return {
        "model": model,
        "loader": loader,
        "val_loader": val_loader,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "padding_value": 0,
        "task": "classification",
    }


@pair("target-scale", group="data")
def capacitances_left_in_farads(sick: bool) -> Arguments:
    """Capacitances of some nanofarads are given in farads, so any output near zero has a tiny squared error."""
    cargo_start()
    x = torch.randn(900, 6)
    nanofarads = 1.2 * torch.tanh(x[:, 0] + 0.5 * x[:, 1]) + 0.6 * x[:, 2] * x[:, 3] + 0.1 * torch.randn(900)
    targets = nanofarads * 1e-9 if sick else nanofarads
    model = nn.Sequential(nn.Linear(6, 32), nn.SiLU(), nn.Linear(32, 32), nn.SiLU(), nn.Linear(32, 1), nn.Flatten(0))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, task="regression", **cargo_loaders(x, targets))


@pair("learning-rate", group="training", source="scikit-learn")
def exponent_of_the_rate_mistyped(sick: bool) -> Arguments:
    """A network that starts from nothing is trained with 3e-8 in place of 3e-3."""
    cargo_start()
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Linear(512, 10),
    )  # fmt: skip
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-8 if sick else 3e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **cargo_loaders(*cargo_digits()))


class ResidualTable(nn.Module):
    """A perceptron with three residual blocks for tables."""

    def __init__(self, *, joined: bool) -> None:
        super().__init__()
        self.stem = nn.Linear(8, 32)
        self.blocks = nn.ModuleList(nn.Sequential(nn.LayerNorm(32), nn.Linear(32, 32), nn.GELU()) for _ in range(3))
        self.head = nn.Linear(32, 1)
        self.joined = joined

    def forward(self, x: Tensor) -> Tensor:
        h = self.stem(x)
        for block in self.blocks:
            kept = h
            h = block(h)
            if self.joined:
                h = h.add(kept)
            else:
                h.add(kept)
        return self.head(h).squeeze(-1)


@pair("unused-result", group="wiring")
def residual_added_out_of_place_and_dropped(sick: bool) -> Arguments:
    """`h.add(kept)` returns the sum, which nobody takes, and leaves `h` as it was, so no block has its residual."""
    cargo_start()
    x = torch.randn(1000, 8)
    y = torch.sin(x[:, 0]) + x[:, 1] * x[:, 2] + 0.5 * x[:, 3:].sum(1) + 0.2 * torch.randn(1000)
    y = (y - y.mean()) / y.std()
    model = ResidualTable(joined=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, task="regression", **cargo_loaders(x, y))


class ShardStream(IterableDataset[tuple[Tensor, Tensor]]):
    """All rows of the shards whose names match one of the patterns, in a new order each time."""

    def __init__(self, shards: dict[str, tuple[Tensor, Tensor]], patterns: list[str]) -> None:
        names = [name for pattern in patterns for name in shards if fnmatch(name, pattern)]
        self.x = torch.cat([shards[name][0] for name in names])
        self.y = torch.cat([shards[name][1] for name in names])

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for i in torch.randperm(len(self.x)).tolist():
            yield self.x[i], self.y[i]


@pair("duplicate-samples", group="data")
def shards_matched_by_two_patterns(sick: bool) -> Arguments:
    """The patterns for the northern stations and for winter both match the northern winter, which is streamed twice."""
    cargo_start()
    shards: dict[str, tuple[Tensor, Tensor]] = {}
    for name in ("north_winter", "north_summer", "south_winter", "south_summer"):
        readings = torch.randn(200, 2, 32).cumsum(-1)
        readings = (readings - readings.mean(-1, keepdim=True)) / readings.std()
        shards[name] = readings, (readings[:, 0, -6:].mean(-1) > readings[:, 1, -6:].mean(-1)).long()
    second = "*_winter" if sick else "south_winter"
    stream = ShardStream(shards, ["north_*", second])
    model = nn.Sequential(
        nn.Conv1d(2, 16, 5, padding=2), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(16, 16, 5, padding=2), nn.ReLU(),
        nn.Flatten(), nn.Linear(256, 2),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    val_loader = cargo_loader(*shards["south_summer"], shuffle=False)
    loader: DataLoader[Any] = DataLoader(stream, batch_size=32)
    return {
        "model": model,
        "loader": loader,
        "val_loader": val_loader,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": optimizer,
    }


class BasicBlock(nn.Module):
    """The basic block of He et al.: two convolutions beside an identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        self.conv2, self.bn2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        nn.init.zeros_(self.bn2.weight)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))


@healthy(resembles="constant-output", source="published")
def resnet_that_starts_from_a_zero_head() -> Arguments:
    """A residual network whose head and last norms start at zero, as in large-batch recipes: equal only at first."""
    cargo_start()
    head = nn.Linear(24, 10)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    model = nn.Sequential(
        nn.Conv2d(1, 24, 3, padding=1, bias=False), nn.BatchNorm2d(24), nn.ReLU(),
        BasicBlock(24), nn.MaxPool2d(2), BasicBlock(24),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), head,
    )  # fmt: skip
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **cargo_loaders(*cargo_digits()))
