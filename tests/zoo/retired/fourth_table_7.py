"""Pairs and look-alikes of the fourth table, seventh hand: corrections, patients, answers, workers and loudness."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset, get_worker_info

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fourth_table_parts import batches_of, both_loaders, pictures_of_digits, seed_table


class SmallResNet(nn.Module):
    """Two residual blocks with group norm."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 16, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.GroupNorm(4, 16), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1)) for _ in range(2)
        )
        self.head = nn.Sequential(nn.GroupNorm(4, 16), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(256, 10))

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.first(x)
        for block in self.blocks:
            hidden = hidden + block(hidden)
        scores: Tensor = self.head(hidden)
        return scores


@pair("label-noise", group="data", source="scikit-learn")
def corrections_appended_instead_of_put_in(sick: bool) -> Arguments:
    """Corrected labels are appended as new rows, while the rows with the wrong labels stay where they are."""
    seed_table(91)
    x, y = pictures_of_digits()
    x, y, held_x, held_y = x[:1300], y[:1300], x[1400:], y[1400:]
    wrong = torch.rand(1300) < 0.2
    first = torch.where(wrong, (y + torch.randint(1, 10, (1300,))) % 10, y)
    if sick:
        x, y = torch.cat([x, x[wrong]]), torch.cat([first, y[wrong]])
    else:
        y = first.masked_scatter(wrong, y[wrong])
    model = SmallResNet()
    return {
        "model": model,
        "loader": batches_of(x, y),
        "val_loader": batches_of(held_x, held_y, shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
    }


class Spectra(Dataset[dict[str, Tensor]]):
    """Spectrograms of whistles that rise, fall or stay, in decibels or in power, as read by two functions."""

    def __init__(self, count: int, decibels: bool) -> None:
        self.way = torch.randint(3, (count,))
        middle = 5.5 + 5 * torch.rand(count, 1) + (self.way[:, None] - 1) * torch.linspace(-4, 4, 20)
        heard = torch.exp(-((torch.arange(16.0) - middle[:, :, None]) ** 2) / 2)
        power = (heard + 0.02) * torch.empty(count, 20, 16).exponential_(1.0).clamp(min=0.05)
        self.frames = (10 * power.log10() + 18) / 8 if decibels else power

    def __len__(self) -> int:
        return len(self.way)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"frames": self.frames[index], "label": self.way[index]}


class WhistleNet(nn.Module):
    """A GRU over the frames of a spectrogram."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(16, 32, batch_first=True)
        self.way = nn.Linear(32, 3)

    def forward(self, frames: Tensor) -> Tensor:
        states, _ = self.gru(frames)
        way: Tensor = self.way(states[:, -1])
        return way


@pair("train-val-shift", group="data")
def validation_spectra_left_in_power(sick: bool) -> Arguments:
    """Training spectra are scaled decibels, while those for validation are still powers."""
    seed_table(92)
    train, held = Spectra(540, decibels=True), Spectra(135, decibels=not sick)
    model = WhistleNet()
    return {
        "model": model,
        "loader": DataLoader(train, batch_size=27, shuffle=True),
        "val_loader": DataLoader(held, batch_size=27),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=5e-3),
        "forward": lambda model, batch: model(batch["frames"]),
        "split": lambda batch: (batch["frames"], batch["label"]),
    }


class PatientSet(nn.Module):
    """Deep sets: the mean of what a network says of each visit that took place, and a network on it."""

    def __init__(self) -> None:
        super().__init__()
        self.visit = nn.Sequential(nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 32))
        self.patient = nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, visits: Tensor) -> Tensor:
        took_place = ~visits.isnan().any(2, keepdim=True)
        said = self.visit(visits.nan_to_num(0.0)) * took_place
        risk: Tensor = self.patient(said.sum(1) / took_place.sum(1))
        return risk


@healthy(resembles="nonfinite-data", source="published")
def visits_padded_with_nan_and_left_out() -> Arguments:
    """Patients have four to ten visits, and the rest of the rows is NaN, which is declared and masked."""
    seed_table(93)
    visits = torch.randn(640, 1, 3) + 0.5 * torch.randn(640, 10, 3)
    took_place = torch.arange(10) < torch.randint(4, 11, (640, 1))
    means = (visits * took_place[:, :, None]).sum(1) / took_place.sum(1, keepdim=True)
    ill = (means[:, 0] + means[:, 1].abs() - 0.5 * means[:, 2] > 0.7).float()[:, None]
    model = PatientSet()
    return dict(
        model=model,
        loss_fn=nn.BCEWithLogitsLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=4e-3),
        padding_value=float("nan"),
        **both_loaders(visits.masked_fill(~took_place[:, :, None], float("nan")), ill, held_out=128),
    )


@healthy(resembles="split-leak")
def answers_of_which_there_are_few() -> Arguments:
    """Five questions with yes and no have 32 answers, so rows of validation are in training too, without any leak."""
    seed_table(94)
    answers = (torch.rand(900, 5) < torch.tensor([0.5, 0.4, 0.6, 0.5, 0.3])).float()
    score = 5 * (answers - 0.5) @ torch.tensor([1.5, -1.0, 1.2, 0.4, -0.8])
    buys = (torch.rand(900) < torch.sigmoid(score)).float()[:, None]
    model = nn.Sequential(nn.Linear(5, 24), nn.Tanh(), nn.Linear(24, 1))
    return dict(
        model=model,
        loss_fn=nn.BCEWithLogitsLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=5e-3),
        **both_loaders(answers, buys, held_out=200),
    )


class ShiftedDigits(Dataset[tuple[Tensor, Tensor]]):
    """Digits moved by up to a pixel, as a generator of the data set draws it."""

    def __init__(self, pictures: Tensor, labels: Tensor) -> None:
        self.pictures, self.labels = pictures, labels
        self.rng = np.random.default_rng(0)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        down, right = self.rng.integers(-1, 2, size=2).tolist()
        noise = torch.tensor(self.rng.normal(0.0, 0.05, size=(1, 8, 8)), dtype=torch.float32)
        return self.pictures[index].roll((down, right), dims=(1, 2)) + noise, self.labels[index]


def own_generator(_: int) -> None:
    """Give the copy of the data set in a worker a generator of its own, new in every epoch."""
    worker: Any = get_worker_info()
    worker.dataset.rng = np.random.default_rng(worker.seed)


@healthy(resembles="worker-randomness", source="scikit-learn")
def generator_replaced_in_every_worker() -> Arguments:
    """The data set keeps a generator that workers would copy, but each worker puts in its own when it starts."""
    seed_table(95)
    x, y = pictures_of_digits()
    model = nn.Sequential(
        nn.Conv2d(1, 24, 3), nn.ReLU(), nn.Conv2d(24, 32, 3), nn.ReLU(), nn.Flatten(), nn.Linear(512, 10)
    )
    data = ShiftedDigits(x[:900], y[:900])
    return {
        "model": model,
        "loader": DataLoader(data, batch_size=30, shuffle=True, num_workers=2, worker_init_fn=own_generator),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


class Louder(Dataset[tuple[Tensor, Tensor]]):
    """Digits with a contrast that differs by a tenth and faint noise."""

    def __init__(self, data: TensorDataset) -> None:
        self.data = data

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        x, y = self.data[index]
        return x * (0.9 + 0.2 * torch.rand(1)) + 0.05 * torch.randn(x.shape), y


@healthy(resembles="train-val-shift", source="scikit-learn")
def training_digits_of_varied_contrast() -> Arguments:
    """Only training digits vary a little in contrast and carry faint noise, as augmentation does."""
    seed_table(96)
    x, y = pictures_of_digits()
    model = SmallResNet()
    return {
        "model": model,
        "loader": DataLoader(Louder(TensorDataset(x[:1200], y[:1200])), batch_size=32, shuffle=True, drop_last=True),
        "val_loader": batches_of(x[1200:], y[1200:], shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=3e-3),
    }
