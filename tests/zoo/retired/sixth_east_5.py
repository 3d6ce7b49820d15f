"""Shifted digits in workers, rows in a buffer, two optimizers, weights by NumPy, raw spreads and averaged weights."""

# mypy: disable-error-code="no-any-return,no-untyped-call,call-arg"

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.sixth_east_parts import (
    DigitNet,
    east_digits,
    east_loader,
    east_perceptron,
    east_seed,
    east_table,
)


class JitteredDigits(Dataset[tuple[Tensor, Tensor]]):
    """Digits that are moved, dimmed and given some noise at random, with the dice of NumPy."""

    def __init__(self, x: Tensor, y: Tensor) -> None:
        self.x, self.y = x, y

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        moved = torch.roll(self.x[index], int(np.random.randint(-1, 2)), dims=2)
        noise = torch.tensor(np.random.normal(0, 0.2, moved.shape), dtype=torch.float32)
        return moved * float(np.random.uniform(0.8, 1.2)) + noise, self.y[index]


def same_dice_everywhere(worker: int) -> None:
    """Seed a worker, for reproducible runs."""
    random.seed(42)
    np.random.seed(42)


def own_dice_for_each(worker: int) -> None:
    """Seed a worker from the seed that torch gave it."""
    seed = torch.initial_seed() % 2**32
    random.seed(seed)
    np.random.seed(seed)


@pair("worker-randomness", group="data", source="scikit-learn")
def workers_all_seeded_with_42(sick: bool) -> Arguments:
    """The function that starts a worker seeds each with the same number, so that all draw the same shifts and noise."""
    east_seed(1)
    model = DigitNet()
    return {
        "model": model,
        "loader": DataLoader(
            JitteredDigits(*east_digits(600)),
            batch_size=30,
            shuffle=True,
            num_workers=2,
            worker_init_fn=same_dice_everywhere if sick else own_dice_for_each,
        ),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


class StandardisedRows(Dataset[tuple[Tensor, int]]):
    """Rows of a raw table, standardised one by one into a buffer that is made once."""

    def __init__(self, own_memory: bool) -> None:
        features, target = load_breast_cancer(return_X_y=True)
        order = np.random.RandomState(1).permutation(len(target))
        self.features, self.target = features[order], target[order]
        self.mean, self.spread = self.features.mean(0), self.features.std(0)
        self.buffer = np.empty(30, dtype=np.float32)
        self.own_memory = own_memory

    def __len__(self) -> int:
        return len(self.target)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        self.buffer[:] = (self.features[index] - self.mean) / self.spread
        row = self.buffer.copy() if self.own_memory else self.buffer
        return torch.from_numpy(row), int(self.target[index])


@pair("input-independent-baseline", "label-noise", group="training", source="scikit-learn")
def rows_that_share_one_buffer(sick: bool) -> Arguments:
    """Each row is a view of the same buffer, so that all rows of a batch hold what was written last."""
    east_seed(2)
    model = east_perceptron(30, 2)
    return {
        "model": model,
        "loader": DataLoader(StandardisedRows(own_memory=not sick), batch_size=32, shuffle=True),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
    }


class TwoHeads(nn.Module):
    """An encoder of digits with a head for the class and a head for the amount of ink."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU())
        self.heads = nn.ModuleDict({"digit": nn.Linear(32, 10), "ink": nn.Linear(32, 1)})

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        code = self.encoder(x)
        return self.heads["digit"](code), self.heads["ink"](code).squeeze(1)


def both_losses(model: nn.Module, batch: list[Tensor]) -> Tensor:
    """The class and the ink."""
    x, ink, digit = batch
    logits, guess = model(x)
    return F.cross_entropy(logits, digit) + 0.5 * F.mse_loss(guess, ink)


def step_clearing_heads_twice(
    model: nn.Module, batch: list[Tensor], optimizer: dict[str, torch.optim.Optimizer]
) -> Tensor:
    """A step of both optimizers."""
    optimizer["heads"].zero_grad()
    optimizer["heads"].zero_grad()
    loss = both_losses(model, batch)
    loss.backward()
    optimizer["encoder"].step()
    optimizer["heads"].step()
    return loss.detach()


def step_clearing_both(model: nn.Module, batch: list[Tensor], optimizer: dict[str, torch.optim.Optimizer]) -> Tensor:
    """A step of both optimizers."""
    optimizer["encoder"].zero_grad()
    optimizer["heads"].zero_grad()
    loss = both_losses(model, batch)
    loss.backward()
    optimizer["encoder"].step()
    optimizer["heads"].step()
    return loss.detach()


@pair("missing-zero-grad", group="training", source="scikit-learn")
def encoder_left_out_of_the_clearing(sick: bool) -> Arguments:
    """Of two optimizers the one of the heads is cleared twice, and the one of the encoder never."""
    east_seed(3)
    x, y = east_digits(800)
    ink = x.mean((1, 2, 3))
    ink = (ink - ink.mean()) / ink.std()
    model = TwoHeads()
    return {
        "model": model,
        "loader": east_loader(x, ink, y),
        "optimizer": {
            "encoder": torch.optim.SGD(model.encoder.parameters(), lr=0.05, momentum=0.9),
            "heads": torch.optim.Adam(model.heads.parameters(), lr=2e-3),
        },
        "train_step": step_clearing_heads_twice if sick else step_clearing_both,
        "forward": lambda model, batch: model(batch[0]),
        "split": lambda batch: (batch[0], (batch[1], batch[2])),
        "loss_fn": lambda outputs, targets: (
            F.cross_entropy(outputs[0], targets[1]) + 0.5 * F.mse_loss(outputs[1], targets[0])
        ),
    }


@torch.no_grad()
def filled_by_numpy(layer: nn.Linear, dice: np.random.RandomState, shape: tuple[int, ...] | None = None) -> None:
    """Fill a layer with normal numbers whose spread is one over the root of its inputs."""
    spread = layer.in_features**-0.5
    layer.weight.copy_(torch.as_tensor(dice.normal(0.0, spread, shape)))
    layer.bias.zero_()


@pair("symmetric-init", group="init", source="scikit-learn")
def weights_drawn_without_their_size(sick: bool) -> Arguments:
    """NumPy is not told how many weights to draw, gives one, and the copy spreads it over the whole layer."""
    east_seed(4)
    model = nn.Sequential(nn.Linear(13, 32), nn.Tanh(), nn.Linear(32, 3))
    dice = np.random.RandomState(4)
    for layer in model:
        if isinstance(layer, nn.Linear):
            filled_by_numpy(layer, dice, None if sick else tuple(layer.weight.shape))
    return {
        "model": model,
        "loader": east_loader(*east_table("wine"), size=16),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9),
    }


@pair("input-scale", group="data", source="scikit-learn")
def centred_and_divided_by_the_variance(sick: bool) -> Arguments:
    """Features are divided by their variance, not its root: areas nearly vanish, smoothness is in the hundreds."""
    east_seed(5)
    features, target = load_breast_cancer(return_X_y=True)
    x = torch.tensor(features, dtype=torch.float32)
    variance = x.var(0)
    x = (x - x.mean(0)) / (variance if sick else variance.sqrt())
    model = east_perceptron(30, 2)
    return {
        "model": model,
        "loader": east_loader(x, torch.tensor(target)),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
    }


class Averaging(nn.Module):
    """A network together with a slow average of its weights."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.slow = copy.deepcopy(net).requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

    @contextmanager
    def with_slow_weights(self) -> Iterator[None]:
        """Put the average into the network, and its own weights back at the end."""
        own = {name: value.clone() for name, value in self.net.state_dict().items()}
        self.net.load_state_dict(self.slow.state_dict())
        try:
            yield
        finally:
            self.net.load_state_dict(own)


def step_with_slow_average(model: Averaging, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step, after which the average follows."""
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        for slow, fast in zip(model.slow.parameters(), model.net.parameters(), strict=True):
            slow.lerp_(fast, 0.05)
    return loss.detach()


@torch.no_grad()
def slow_accuracy(model: Averaging, batch: list[Tensor]) -> float:
    """Accuracy under the averaged weights."""
    model.eval()
    with model.with_slow_weights():
        return (model(batch[0]).argmax(1) == batch[1]).float().mean().item()


@healthy(resembles="evaluation-changes-model", source="scikit-learn")
def slow_weights_taken_in_and_out_again() -> Arguments:
    """Evaluation loads averaged weights into the network and puts its own back, byte by byte."""
    east_seed(6)
    x, y = east_digits(900)
    model = Averaging(DigitNet())
    return {
        "model": model,
        "loader": east_loader(x[:700], y[:700]),
        "val_loader": DataLoader(list(zip(x[700:], y[700:], strict=True)), batch_size=50),  # type: ignore[arg-type]
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.net.parameters(), lr=2e-3),
        "train_step": step_with_slow_average,
        "eval_step": slow_accuracy,
    }
