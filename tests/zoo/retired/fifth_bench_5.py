"""Bench programs, fifth hand: a logged accuracy, a prior on biases, two rows a step, and three look-alikes."""

from __future__ import annotations

import math
from typing import Any

import torch
from sklearn.datasets import load_diabetes
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import TensorDataset

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fifth_bench_parts import column_loaders, cut, digit_sheets, scaled_table, served, sown


class LoggedReader(nn.Module):
    """A CNN with BatchNorm and dropout that remembers its last accuracy."""

    accuracy = 0.0

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(256, 48),
            nn.ReLU(),
            nn.Dropout(0.3),
            nn.Linear(48, 10),
        )

    def forward(self, picture: Tensor) -> Any:
        return self.net(picture)


@torch.no_grad()
def note_accuracy(model: LoggedReader, x: Tensor, y: Tensor) -> None:
    model.eval()
    model.accuracy = (model(x).argmax(1) == y).float().mean().item()


def step_after_a_look(model: LoggedReader, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    x, y = batch
    note_accuracy(model, x, y)
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    return loss.detach()


def step_after_a_look_and_back(model: LoggedReader, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    x, y = batch
    note_accuracy(model, x, y)
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    return loss.detach()


@pair("train-eval-mode", group="wiring", source="scikit-learn")
def training_goes_on_in_eval_mode_after_the_log(sick: bool) -> Arguments:
    """The accuracy for the log is taken in eval mode before each step, and nobody goes back to train mode."""
    sown(23)
    model = LoggedReader()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        train_step=step_after_a_look if sick else step_after_a_look_and_back,
        **column_loaders(*digit_sheets()),
    )


@pair("dead-units", group="init", source="scikit-learn")
def prior_of_the_rare_digit_on_every_bias(sick: bool) -> Arguments:
    """The negative bias that belongs to the last layer, the prior of a rare class, is set on all convolutions."""
    sown(24)
    x, y = digit_sheets()
    sevens = (y == 7).float().unsqueeze(1)
    share = sevens.mean().item()
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 24, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(24, 24, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(24 * 16, 1),
    )
    for layer in list(model.children())[0 if sick else -1 :]:
        if isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None:
            nn.init.constant_(layer.bias, math.log(share / (1 - share)))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return dict(model=model, loss_fn=nn.BCEWithLogitsLoss(), optimizer=optimizer, **column_loaders(x, sevens))


@pair("batch-size", group="training", source="scikit-learn")
def two_patients_a_step_on_a_noisy_target(sick: bool) -> Arguments:
    """Steps are taken on two patients at a time, though the target is half noise and single gradients disagree."""
    sown(25)
    x, progress = scaled_table(load_diabetes)
    target = ((progress - progress.mean()) / progress.std()).float().unsqueeze(1)
    model = nn.Sequential(nn.Linear(10, 24), nn.ReLU(), nn.Linear(24, 1))
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.03),
        **column_loaders(x, target, size=2 if sick else 32),
    )


class FewOfMany(nn.Module):
    """A k-sparse autoencoder: of each code only the strongest units are kept."""

    def __init__(self, keep: int) -> None:
        super().__init__()
        self.keep = keep
        self.encode, self.decode = nn.Linear(64, 32), nn.Linear(32, 64)

    def forward(self, picture: Tensor) -> Any:
        code = F.relu(self.encode(picture.flatten(1)))
        strongest = code.topk(self.keep, dim=1)
        kept = torch.zeros_like(code).scatter(1, strongest.indices, strongest.values)
        return self.decode(kept)


@healthy(resembles="dead-units", source="published")
def code_of_which_a_third_speaks_at_a_time() -> Arguments:
    """Two thirds of the code are zero on every sample, but not the same ones: a k-sparse autoencoder."""
    sown(26)
    x, _ = digit_sheets()
    model = FewOfMany(keep=10)
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        task="regression",
        **column_loaders(x, x.flatten(1)),
    )


class Reversal(torch.autograd.Function):
    """The identity forward; backward the gradient times minus a strength."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return -ctx.strength * grads[0], None


class Adversarial(nn.Module):
    """Features that serve the digit's classifier and, through the reversal, confuse the one of the scanner."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Flatten(), nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 32), nn.ReLU())
        self.digit = nn.Linear(32, 10)
        self.scanner = nn.Sequential(nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 2))

    def forward(self, picture: Tensor) -> tuple[Any, Any]:
        features = self.features(picture)
        return self.digit(features), self.scanner(Reversal.apply(features, 0.1))


def picture_and_both_labels(batch: list[Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    return batch[0], (batch[1], batch[2])


def see_picture(model: nn.Module, batch: list[Tensor]) -> Any:
    return model(batch[0])


def both_errors(outputs: tuple[Tensor, Tensor], targets: tuple[Tensor, Tensor]) -> Tensor:
    return F.cross_entropy(outputs[0], targets[0]) + F.cross_entropy(outputs[1], targets[1])


@healthy(resembles="gradient-check", source="published")
def gradient_turned_round_against_the_scanner() -> Arguments:
    """The backward of one function is not the derivative of its forward, on purpose: domain-adversarial training."""
    sown(27)
    x, y = digit_sheets()
    scanner = torch.randint(0, 2, (len(x),))
    x = x + 0.4 * scanner.view(-1, 1, 1, 1) * torch.linspace(-1, 1, 8) + 0.1 * torch.randn_like(x)
    model = Adversarial()
    return dict(
        model=model,
        loss_fn=both_errors,
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        forward=see_picture,
        split=picture_and_both_labels,
        task="other",
        **column_loaders(x, y, scanner),
    )


def blended(rows: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Mixup: each picture is blended with another of its batch, and their labels in the same shares."""
    x, y = torch.stack([row[0] for row in rows]), F.one_hot(torch.stack([row[1] for row in rows]), 10).float()
    other, share = torch.randperm(len(x)), 0.7 + 0.3 * torch.rand(())
    return share * x + (1 - share) * x[other], share * y + (1 - share) * y[other]


@healthy(resembles="loss-target", source="scikit-learn")
def cross_entropy_on_blended_labels() -> Arguments:
    """Cross-entropy gets floats for targets: the shares of two labels of a mixup, which sum to one."""
    sown(28)
    (x, y), (held_x, held_y) = cut(*digit_sheets())
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    return {
        "model": model,
        "loader": served(TensorDataset(x, y), collate=blended),
        "val_loader": served(TensorDataset(held_x, F.one_hot(held_y, 10).float()), shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }
