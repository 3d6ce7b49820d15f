"""Small real trainings that go wrong, each in one way that an alert must name."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.optim import lr_scheduler as schedules

from tests.dynamics.healthy_runs import CLASSES, PIXELS, Run, adam, batches, digits, mlp, pairs, plainly, sgd


def at(step: int, factor: float) -> Callable[..., schedules.LambdaLR]:
    """A schedule that multiplies the rate by a factor from a step on."""
    return lambda optimizer: schedules.LambdaLR(optimizer, lambda number: factor if number >= step else 1.0)


def flipped(share: float) -> tuple[Tensor, Tensor]:
    """Labels of which a share is another class than the true one, and which those are."""
    draw = torch.Generator().manual_seed(3)
    wrong = torch.rand(len(CLASSES), generator=draw) < share
    others = (CLASSES + torch.randint(1, 10, CLASSES.shape, generator=draw)) % 10
    return torch.where(wrong, others, CLASSES), wrong


def noisy(loop: Callable[[Run], Iterator[None]]) -> tuple[Run, tuple[Tensor, Tensor]]:
    """A run with three labels in ten wrong, and a probe of which the first eight of twenty-four are."""
    targets, wrong = flipped(0.3)
    chosen = torch.cat([wrong[:1400].nonzero()[:8, 0], (~wrong[:1400]).nonzero()[:16, 0]])
    run = Run(mlp(), pairs(PIXELS[:1400], targets[:1400]), nn.CrossEntropyLoss(), loop)
    return run, (PIXELS[chosen], targets[chosen])


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
    return digits(model, plainly(adam(), 700))


class CutOff(nn.Module):
    """What the body gives is detached."""

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
    """Forty training samples, some with wrong labels, and a large network."""
    targets, _ = flipped(0.3)
    held_out = batches(PIXELS[1000:], CLASSES[1000:], 400)
    return Run(
        mlp(width=256), pairs(PIXELS[:40], targets[:40], 20), nn.CrossEntropyLoss(), plainly(adam(2e-3), 800), held_out
    )


def by_wrong_labels() -> Run:
    """Labels in an order of their own: nothing tells them from the pixels, but by heart."""
    others = CLASSES[torch.randperm(len(CLASSES), generator=torch.Generator().manual_seed(2))]
    return Run(mlp(), pairs(PIXELS, others), nn.CrossEntropyLoss(), plainly(adam(2e-4), 800))


def to_zero() -> Run:
    return digits(mlp(), plainly(adam(), 400, lambda optimizer: schedules.LinearLR(optimizer, 1.0, 0.0, 200)))


BROKEN: dict[str, tuple[Callable[[], Run], str]] = {
    "rate x30 of adam": (
        lambda: digits(mlp(), plainly(adam(3e-3), 800, at(400, 30.0))),
        r"rose .* since step [34]\d\d, when the learning rate went from 0.003 to 0.09: it is likely too high",
    ),
    "rate x30 of sgd": (
        lambda: digits(mlp(), plainly(sgd(0.1), 800, at(400, 30.0))),
        r"since step [34]\d\d.*when the learning rate went from 0.1 to 3: it is likely too high",
    ),
    "rate far too high": (lambda: digits(mlp(), plainly(adam(1.0), 700)), "learning rate is likely too high"),
    "rate 1e-7 of adam": (lambda: digits(mlp(), plainly(adam(1e-7), 700)), "rate of 1e-07 is likely too low"),
    "rate 1e-6 of adam": (lambda: digits(mlp(), plainly(adam(1e-6), 700)), "rate of 1e-06 is likely too low"),
    "rate 1e-5 of sgd": (lambda: digits(mlp(), plainly(sgd(1e-5), 700)), "rate of 1e-05 is likely too low"),
    "dying": (dying, r"rose from|All \d+ samples of the probe get class \d"),
    "dead from the start": (dead_from_the_start, "whatever the input: the layers before the head are likely dead"),
    "cut off": (lambda: digits(CutOff(), plainly(adam(), 900)), "No gradient reaches 'body'"),
    "blocked": (lambda: digits(Blocked(), plainly(adam(), 900)), "gradient of 'side' is exactly zero"),
    "to zero": (to_zero, r"sank to 0 at step 2\d\d"),
    "by heart": (by_heart, "the network overfits since then|by heart"),
    "labels of others": (by_wrong_labels, "Nothing was learnt in"),
}
