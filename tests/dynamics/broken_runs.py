"""Small real trainings that go wrong, each in one way that an alert must name."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.optim import lr_scheduler as schedules
from torch.utils.data import DataLoader, TensorDataset

from tests.dynamics.healthy_runs import CLASSES, PIXELS, Run, adam, digits, mlp, pairs, plainly, sgd


def at(step: int, factor: float) -> Callable[..., schedules.LambdaLR]:
    """A schedule that multiplies the rate by a factor from a step on."""
    return lambda optimizer: schedules.LambdaLR(optimizer, lambda number: factor if number >= step else 1.0)


def flipped(share: float) -> tuple[Tensor, Tensor]:
    """Labels of which a share is another class than the true one, and which those are."""
    draw = torch.Generator().manual_seed(3)
    wrong = torch.rand(len(CLASSES), generator=draw) < share
    others = (CLASSES + torch.randint(1, 10, CLASSES.shape, generator=draw)) % 10
    return torch.where(wrong, others, CLASSES), wrong


def noisy(loop: Callable[[Run], Iterator[None]], share: float = 0.3) -> Run:
    targets, _ = flipped(share)
    return Run(mlp(), pairs(PIXELS[:1400], targets[:1400]), nn.CrossEntropyLoss(), loop)


def dying() -> Run:
    """After some steps the biases before the last ReLU sink, and the head gets nothing but zeros."""

    def loop(run: Run) -> Iterator[None]:
        for number, _ in enumerate(plainly(adam(), 400)(run)):
            if number == 150:
                with torch.no_grad():
                    run.model[3].bias.fill_(-100.0)
            yield

    return digits(mlp(), loop)


def dead_from_the_start() -> Run:
    model = mlp()
    with torch.no_grad():
        model[3].bias.fill_(-100.0)
    return digits(model, plainly(adam(), 300))


class CutOff(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Linear(64, 64), nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x).relu().detach())


class Blocked(nn.Module):
    """A layer whose output is multiplied by zero beside others that learn."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.side, self.head = nn.Linear(64, 64), nn.Linear(64, 64), nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x).relu() + self.side(x).clamp(1e3, 2e3) / 1e4)


def by_heart() -> Run:
    """Forty training samples, half of them with wrong labels, and a large network."""
    targets, _ = flipped(0.3)
    held_out = DataLoader(TensorDataset(PIXELS[1000:], CLASSES[1000:]), 400)
    return Run(
        mlp(width=256), pairs(PIXELS[:40], targets[:40], 20), nn.CrossEntropyLoss(), plainly(adam(2e-3), 3000), held_out
    )


BROKEN: dict[str, tuple[Callable[[], Run], str]] = {
    "rate x30, adam": (lambda: digits(mlp(), plainly(adam(3e-3), 500, at(250, 30.0))), "shaken"),
    "rate x30, sgd": (lambda: digits(mlp(), plainly(sgd(0.1), 500, at(250, 30.0))), "shaken"),
    "rate too high": (lambda: digits(mlp(), plainly(adam(0.1), 400)), "shaken"),
    "rate much too high": (lambda: digits(mlp(), plainly(adam(1.0), 400)), "shaken"),
    "rate too high, sgd": (lambda: digits(mlp(), plainly(sgd(1.5), 400)), "shaken"),
    "rate 1e-7": (lambda: digits(mlp(), plainly(adam(1e-7), 400)), "slow"),
    "rate 1e-6": (lambda: digits(mlp(), plainly(adam(1e-6), 400)), "slow"),
    "rate 1e-5, sgd": (lambda: digits(mlp(), plainly(sgd(1e-5), 400)), "slow"),
    "noisy labels": (lambda: noisy(plainly(adam(), 500)), "labels"),
    "noisy labels, sgd": (lambda: noisy(plainly(sgd(), 500)), "labels"),
    "dying": (dying, "collapsed"),
    "dead from the start": (dead_from_the_start, "collapsed"),
    "cut off": (lambda: digits(CutOff(), plainly(adam(), 300)), "cut off"),
    "blocked": (lambda: digits(Blocked(), plainly(adam(), 300)), "cut off"),
    "schedule to zero": (
        lambda: digits(mlp(), plainly(adam(), 400, lambda o: schedules.LinearLR(o, 1.0, 0.0, 200))),
        "asleep",
    ),
    "by heart": (by_heart, "overfitting"),
    "shuffled": (
        lambda: Run(
            mlp(), pairs(PIXELS, CLASSES[torch.randperm(len(CLASSES))]), nn.CrossEntropyLoss(), plainly(adam(1e-3), 400)
        ),
        "nothing",
    ),
}
