"""Broken programs and twins: a forecaster, a mixture of experts, a wild head, descent by hand, a predicted variance."""

from __future__ import annotations

import torch
from sklearn.datasets import load_diabetes
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fifth_ahead_parts import (
    Batch,
    scaled_digit_images,
    seed_three_libraries,
    shuffling_loader,
    standardised_table,
    train_and_val_columns,
    two_hidden_layers,
)

CONTEXT = 24


class Forecaster(nn.Module):
    """The next value of a series from the last day."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.gru = nn.GRU(1, width, batch_first=True)
        self.head = nn.Linear(width, 1)

    def forward(self, window: Tensor) -> Tensor:
        states, _ = self.gru(window[..., None])
        out: Tensor = self.head(states[:, -1])
        return out


def day_windows(series: Tensor) -> TensorDataset:
    """All windows of a series, each with the value that follows it."""
    cut = series.unfold(0, CONTEXT + 1, 1)
    return TensorDataset(cut[:, :-1].contiguous(), cut[:, -1:].contiguous())


@pair("split-leak", group="data")
def validation_series_begins_inside_training(sick: bool) -> Arguments:
    """The validation series starts 200 hours before the training series ends, where they should part at one hour."""
    seed_three_libraries(701)
    t = torch.arange(1200).float()
    series = torch.sin(6.283 * t / 24) + 0.6 * torch.sin(6.283 * t / 37) + 0.25 * torch.randn(1200)
    end = 900
    train, val = day_windows(series[:end]), day_windows(series[end - 200 if sick else end :])
    model = Forecaster()
    return {
        "model": model,
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "loader": shuffling_loader(train),
        "val_loader": DataLoader(val, batch_size=32),
        "task": "regression",
    }


class SoftMixture(nn.Module):
    """Four experts and a gate that weighs them for each image."""

    def __init__(self, axis: int, experts: int = 4) -> None:
        super().__init__()
        self.axis = axis
        self.gate = nn.Linear(64, experts)
        self.experts = nn.ModuleList(two_hidden_layers(64, 24, 10) for _ in range(experts))

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        share = torch.softmax(self.gate(x), self.axis)
        every = torch.stack([expert(x) for expert in self.experts], 1)
        return (share[..., None] * every).sum(1)


@pair("batch-leak", group="wiring", source="scikit-learn")
def gate_shares_add_up_over_the_batch(sick: bool) -> Arguments:
    """The softmax of the gate runs over axis 0: images compete for an expert instead of experts for an image."""
    seed_three_libraries(702)
    model = SoftMixture(axis=0 if sick else 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(
        model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **train_and_val_columns(*scaled_digit_images())
    )


class SmallVGG(nn.Module):
    """Three convolutions, pooling and a linear head."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(width, 2 * width, 3, padding=1),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
            nn.Flatten(),
        )
        self.head = nn.Linear(32 * width, 10)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.features(x))
        return out


@pair("loss-at-init", group="init", source="published")
def head_drawn_with_unit_deviation(sick: bool) -> Arguments:
    """The head over 512 features is drawn with deviation 1 instead of 0.01: training starts from sure wrong answers."""
    seed_three_libraries(703)
    model = SmallVGG()
    nn.init.normal_(model.head.weight, std=1.0 if sick else 0.01)
    nn.init.zeros_(model.head.bias)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return dict(
        model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **train_and_val_columns(*scaled_digit_images())
    )


RATE = 0.1


def descend_by_hand(model: nn.Module, batch: Batch) -> Tensor:
    """One step of gradient descent without an optimizer."""
    model.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()  # type: ignore[no-untyped-call]
    with torch.no_grad():
        for p in model.parameters():
            if p.grad is not None:
                p.sub_(RATE * p.grad)
    return loss.detach()


def descend_by_name_only(model: nn.Module, batch: Batch) -> Tensor:
    """One step of gradient descent without an optimizer."""
    model.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()  # type: ignore[no-untyped-call]
    with torch.no_grad():
        for p in model.parameters():
            if p.grad is not None:
                p = p - RATE * p.grad  # type: ignore[assignment]  # noqa: PLW2901
    return loss.detach()


@pair("updates-not-applied", group="training", source="scikit-learn")
def descent_that_rebinds_a_name(sick: bool) -> Arguments:
    """Descent by hand writes `p = p - rate * grad`, which binds a name anew and leaves the parameter as it was."""
    seed_three_libraries(704)
    model = nn.Sequential(nn.Flatten(), two_hidden_layers(64, 64, 10))
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        train_step=descend_by_name_only if sick else descend_by_hand,
        **train_and_val_columns(*scaled_digit_images()),
    )


class MeanAndVariance(nn.Module):
    """A mean and a variance for each patient."""

    def __init__(self, positive: bool) -> None:
        super().__init__()
        self.positive = positive
        self.body = nn.Sequential(nn.Linear(10, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh())
        self.mean = nn.Linear(32, 1)
        self.variance = nn.Linear(32, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.body(x)
        variance = self.variance(h)
        return self.mean(h), F.softplus(variance) + 1e-3 if self.positive else variance


def patient_log_likelihood(outputs: tuple[Tensor, Tensor], y: Tensor) -> Tensor:
    """Negative log-likelihood of a Gaussian."""
    mean, variance = outputs
    return 0.5 * (torch.log(variance) + (y - mean) ** 2 / variance).mean()


@pair("nonfinite-forward", group="backward", source="scikit-learn")
def logarithm_of_an_unbounded_variance(sick: bool) -> Arguments:
    """The predicted variance is a plain linear output, negative for many patients, and its logarithm is taken."""
    seed_three_libraries(705)
    x, y = standardised_table(load_diabetes())
    y = ((y - y.mean()) / y.std()).float()[:, None]
    model = MeanAndVariance(positive=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return dict(
        model=model,
        loss_fn=patient_log_likelihood,
        optimizer=optimizer,
        task="regression",
        **train_and_val_columns(x, y),
    )


class AveragedViews(nn.Module):
    """The logarithm of the mean of the probabilities that three branches give."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = nn.GRU(8, 32, batch_first=True)
        self.columns = nn.GRU(8, 32, batch_first=True)
        self.heads = nn.ModuleList((nn.Linear(32, 10), nn.Linear(32, 10), two_hidden_layers(64, 32, 10)))

    def forward(self, x: Tensor) -> Tensor:
        image = x.squeeze(1)
        views = (self.rows(image)[1][0], self.columns(image.transpose(1, 2))[1][0], image.flatten(1))
        log_p = torch.stack([head(view).log_softmax(1) for head, view in zip(self.heads, views, strict=True)])
        return log_p.logsumexp(0) - torch.tensor(3.0).log()


@healthy(resembles="loss-input", source="scikit-learn")
def mean_of_probabilities_in_logarithms() -> Arguments:
    """An ensemble returns the logarithm of its mean probabilities, which cross-entropy leaves as they are."""
    seed_three_libraries(706)
    model = AveragedViews()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(
        model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **train_and_val_columns(*scaled_digit_images())
    )
