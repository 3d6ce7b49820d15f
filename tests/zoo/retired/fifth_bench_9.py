"""Bench programs, ninth hand: a skipped column, sorted lengths, visitors, an evaluation, a lopsided start."""

from __future__ import annotations

from typing import Any

import torch
from sklearn.datasets import load_wine
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence
from torch.utils.data import Dataset

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.fifth_bench_parts import column_loaders, digit_bytes, digit_sheets, scaled_table, served, sown


class Cellar(nn.Module):
    """A perceptron on a wine's measurements, from a given column on."""

    def __init__(self, first: int) -> None:
        super().__init__()
        self.first = first
        self.net = nn.Sequential(nn.Linear(13 - first, 24), nn.Tanh(), nn.Linear(24, 3))

    def forward(self, rows: Tensor) -> Any:
        return self.net(rows[:, self.first :])


@pair("unused-input", group="wiring", source="scikit-learn")
def alcohol_skipped_as_if_it_were_the_index(sick: bool) -> Arguments:
    """The first column is skipped as the index of the table, which is not in it any more: it is the alcohol."""
    sown(46)
    model = Cellar(first=1 if sick else 0)
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        **column_loaders(*scaled_table(load_wine), size=16),
    )


class Walks(Dataset[tuple[Tensor, Tensor]]):
    """Walks of 5 to 16 steps that drift down, nowhere or up."""

    def __init__(self, seed: int, count: int) -> None:
        drawn = torch.Generator().manual_seed(seed)
        self.drift = torch.randint(0, 3, (count,), generator=drawn)
        lengths = torch.randint(5, 17, (count,), generator=drawn).tolist()
        self.steps = [
            torch.randn(length, 2, generator=drawn) + (way - 1.0) * torch.tensor([1.0, 0.5])
            for length, way in zip(lengths, self.drift, strict=True)
        ]

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        return self.steps[i], self.drift[i]


def longest_first(rows: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor, Tensor]:
    rows = sorted(rows, key=lambda row: -len(row[0]))
    lengths = torch.tensor([len(walk) for walk, _ in rows])
    return pad_sequence([walk for walk, _ in rows], True), lengths, torch.stack([drift for _, drift in rows])


def longest_walk_first(rows: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor, Tensor]:
    walks = sorted((walk for walk, _ in rows), key=lambda walk: -len(walk))
    lengths = torch.tensor([len(walk) for walk in walks])
    return pad_sequence(walks, True), lengths, torch.stack([drift for _, drift in rows])


class PackedReader(nn.Module):
    """A GRU over packed walks."""

    def __init__(self) -> None:
        super().__init__()
        self.read = nn.GRU(2, 24, batch_first=True)
        self.head = nn.Linear(24, 3)

    def forward(self, walks: Tensor, lengths: Tensor) -> Any:
        packed = pack_padded_sequence(walks, lengths.cpu(), batch_first=True, enforce_sorted=False)
        return self.head(self.read(packed)[1][-1])


@pair("shuffled-labels", group="training")
def walks_sorted_by_length_without_their_labels(sick: bool) -> Arguments:
    """The collate function sorts the sequences of a batch by length for packing and leaves their labels alone."""
    sown(47)
    collate = longest_walk_first if sick else longest_first
    model = PackedReader()
    return {
        "model": model,
        "loader": served(Walks(1, 900), collate=collate),
        "val_loader": served(Walks(2, 160), shuffle=False, collate=collate),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


class VisitorRate(nn.Module):
    """A rate of visitors, the exponential of a perceptron."""

    def __init__(self, usual: float) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(6, 32), nn.Tanh(), nn.Linear(32, 1))
        nn.init.constant_(self.net.get_submodule("2").get_parameter("bias"), usual)

    def forward(self, day: Tensor) -> Any:
        return self.net(day).exp()


def poisson_error(rate: Tensor, count: Tensor) -> Tensor:
    return F.poisson_nll_loss(rate, count, log_input=False)


@pair("final-bias", "target-scale", group="init")
def visitors_counted_from_a_rate_that_starts_at_one(sick: bool) -> Arguments:
    """Some fifty visitors come a day, and the bias of the log-rate starts at zero: one visitor a day."""
    sown(48)
    day = torch.randn(1000, 6)
    count = torch.poisson(torch.exp(3.9 + 0.3 * day[:, 0] - 0.2 * day[:, 1] * day[:, 2])).unsqueeze(1)
    model = VisitorRate(usual=0.0 if sick else count.mean().log().item())
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return dict(model=model, loss_fn=poisson_error, optimizer=optimizer, **column_loaders(day, count))


def fit_in_train_mode(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    return loss.detach()


@torch.no_grad()
def error_as_it_stands(model: nn.Module, batch: list[Tensor]) -> Tensor:
    return F.cross_entropy(model(batch[0]), batch[1])


@torch.no_grad()
def error_in_eval_mode(model: nn.Module, batch: list[Tensor]) -> Tensor:
    model.eval()
    return F.cross_entropy(model(batch[0]), batch[1])


@pair("train-eval-mode", group="wiring", source="scikit-learn")
def evaluation_that_never_leaves_train_mode(sick: bool) -> Arguments:
    """The evaluation runs without gradients, but with dropout: it forgets `model.eval()`."""
    sown(49)
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.3), nn.Linear(64, 48), nn.ReLU(), nn.Dropout(0.3)
    )
    model.append(nn.Linear(48, 10))
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        train_step=fit_in_train_mode,
        eval_step=error_as_it_stands if sick else error_in_eval_mode,
        **column_loaders(*digit_sheets()),
    )


@torch.no_grad()
def start_evenly(layer: nn.Linear, lopsided: bool) -> None:
    bound = (6 / layer.in_features) ** 0.5
    drawn = torch.rand_like(layer.weight)
    layer.weight.copy_(drawn * bound - bound if lopsided else 2 * drawn * bound - bound)
    layer.bias.zero_()


@pair("dead-units", group="init", source="scikit-learn")
def weights_drawn_on_the_negative_side_alone(sick: bool) -> Arguments:
    """A factor of two is missing where weights are drawn: all are negative, and on ink in [0, 1] no ReLU ever opens."""
    sown(50)
    x, y = digit_bytes()
    first, second, last = nn.Linear(64, 48), nn.Linear(48, 32), nn.Linear(32, 10)
    start_evenly(first, lopsided=sick)
    start_evenly(second, lopsided=False)
    model = nn.Sequential(nn.Flatten(), first, nn.ReLU(), second, nn.ReLU(), last)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **column_loaders(x.float() / 240, y))


@pair("batch-size", group="training")
def whole_table_in_every_step(sick: bool) -> Arguments:
    """All 1000 rows go into each step, one step an epoch, though a few dozen rows give the same direction."""
    sown(51)
    x = torch.randn(1250, 10)
    value = x[:, 0] * x[:, 1] + torch.sin(2 * x[:, 2]) + 0.5 * x[:, 3] + 0.1 * torch.randn(1250)
    model = nn.Sequential(nn.Linear(10, 48), nn.GELU(), nn.Linear(48, 32), nn.GELU(), nn.Linear(32, 1))
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        **column_loaders(x, ((value - value.mean()) / value.std()).unsqueeze(1), size=1000 if sick else 32),
    )
