"""Shaken digits, attention over frames, a scaled rate, two digit sets, convolutions in time, and a warm-up."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, get_worker_info

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.eleventh_quill_parts import in_batches, quill_digits, quill_loaders, quill_seed, tensor


def image_net() -> nn.Sequential:
    """Two convolutions, pooling and a linear layer for images of 8 × 8."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 24, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(24 * 16, 10),
    )


class ShakenDigits(Dataset[tuple[Tensor, Tensor]]):
    """Digits, each time with another shift, contrast and brightness from the set's own generator."""

    def __init__(self, images: Tensor, classes: Tensor) -> None:
        self.images = images
        self.classes = classes
        self.chance = random.Random(0)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, row: int) -> tuple[Tensor, Tensor]:
        shift = self.chance.randint(-1, 1)
        image = self.images[row].roll(shift, 2)
        return image * self.chance.uniform(0.85, 1.15) + self.chance.uniform(-0.15, 0.15), self.classes[row]


def own_chance(worker: int) -> None:
    """Give the worker's copy of the set a generator of its own."""
    info = get_worker_info()
    if info is not None and isinstance(info.dataset, ShakenDigits):
        info.dataset.chance.seed(info.seed)


@pair("worker-randomness", group="data", source="scikit-learn")
def shakes_that_both_workers_draw_alike(sick: bool) -> Arguments:
    """The set's own generator is copied into both workers and seeded in none, so they shake their images alike."""
    quill_seed()
    images, classes = quill_digits()
    model = image_net()
    order = torch.Generator().manual_seed(1)
    return {
        "model": model,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "loader": DataLoader(
            ShakenDigits(images[:960], classes[:960]),
            32,
            shuffle=True,
            num_workers=2,
            generator=order,
            worker_init_fn=None if sick else own_chance,
        ),
        "val_loader": in_batches(images[960:], classes[960:], shuffle=False),
    }


class AttentivePooling(nn.Module):
    """The weighted mean of frames, whose weights add up to 1 over time."""

    def __init__(self, width: int, time: int) -> None:
        super().__init__()
        self.time = time
        self.score = nn.Sequential(nn.Linear(width, 16), nn.Tanh(), nn.Linear(16, 1))

    def forward(self, frames: Tensor) -> Tensor:
        weights = self.score(frames).softmax(self.time)
        pooled: Tensor = (weights * frames).sum(1)
        return pooled


class CallNet(nn.Module):
    """Which bird calls somewhere in a recording."""

    def __init__(self, time: int) -> None:
        super().__init__()
        self.frames = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 32))
        self.pooling = AttentivePooling(32, time)
        self.bird = nn.Linear(32, 4)

    def forward(self, recording: Tensor) -> Tensor:
        birds: Tensor = self.bird(self.pooling(self.frames(recording)))
        return birds


@pair("batch-leak", group="wiring")
def weights_of_frames_shared_out_over_recordings(sick: bool) -> Arguments:
    """The pooling was written for one recording (time, features), and in a batch its softmax runs over recordings."""
    rng = quill_seed()
    bird = rng.integers(0, 4, 800)
    recordings = rng.normal(0, 1, (800, 24, 10))
    calls = rng.normal(0, 2.5, (4, 10))
    for recording, which in zip(recordings, bird, strict=True):
        recording[rng.integers(0, 22) :][:3] += calls[which]
    recordings = (recordings - recordings.mean((0, 1))) / recordings.std((0, 1))
    model = CallNet(time=0 if sick else 1)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **quill_loaders(tensor(recordings), torch.as_tensor(bird)),
    )


def rate_for(batch_size: int, base: float = 0.1, reference: int = 256) -> float:
    """The linear scaling rule: the rate that goes with a batch, from the one that goes with a batch of reference."""
    return base * batch_size / reference


@pair("learning-rate", group="training", source="scikit-learn")
def rate_scaled_by_the_batch_and_not_by_its_share(sick: bool) -> Arguments:
    """The linear scaling rule is called with a reference of 1, and 0.1 per 256 rows becomes 0.1 per row."""
    quill_seed()
    model = image_net()
    rate = rate_for(64, reference=1) if sick else rate_for(64)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9, nesterov=True),
        **quill_loaders(*quill_digits(), size=64),
    )


class GreyDigits(Dataset[tuple[Tensor, int]]):
    """Digits as they were scanned, in levels of grey from 0 to 16, less a mean and divided by a deviation."""

    def __init__(self, rows: slice, mean: float = 0.0, deviation: float = 1.0) -> None:
        data = load_digits()
        self.images, self.classes = data.images[rows], data.target[rows]
        self.mean, self.deviation = mean, deviation

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        return (tensor(self.images[row]).unsqueeze(0) - self.mean) / self.deviation, int(self.classes[row])


@pair("train-val-shift", group="data", source="scikit-learn")
def validation_digits_left_at_the_default_scale(sick: bool) -> Arguments:
    """The training set is given mean and deviation of the greys, and the validation set keeps the defaults 0 and 1."""
    quill_seed()
    greys = {"mean": 4.88, "deviation": 6.02}
    train = GreyDigits(slice(0, 1000), **greys)
    val = GreyDigits(slice(1000, 1400)) if sick else GreyDigits(slice(1000, 1400), **greys)
    model = image_net()
    return {
        "model": model,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "loader": DataLoader(train, 32, shuffle=True, generator=torch.Generator().manual_seed(1)),
        "val_loader": DataLoader(val, 32),
    }


class TimeNet(nn.Module):
    """Dilated convolutions over time that guess the next value at each step (TCN)."""

    def __init__(self, *, both_sides: bool, width: int = 20) -> None:
        super().__init__()
        self.both_sides = both_sides
        self.convolutions = nn.ModuleList(nn.Conv1d(1 if i == 0 else width, width, 3, dilation=2**i) for i in range(3))
        self.guess = nn.Conv1d(width, 1, 1)

    def forward(self, series: Tensor) -> Tensor:
        x = series.transpose(1, 2)
        for i, convolution in enumerate(self.convolutions):
            reach = 2 * 2**i
            x = F.pad(x, (reach // 2, reach // 2) if self.both_sides else (reach, 0))
            x = F.leaky_relu(convolution(x), 0.1)
        guesses: Tensor = self.guess(x)
        return guesses.transpose(1, 2)


@pair("causality", group="wiring", source="published")
def convolutions_in_time_padded_on_both_sides(sick: bool) -> Arguments:
    """The convolutions are padded on both sides to keep the length, so the guess of the next value sees that value."""
    rng = quill_seed()
    values = np.zeros((500, 33))
    values[:, :2] = rng.normal(0, 1, (500, 2))
    for t in range(2, 33):
        values[:, t] = 1.2 * values[:, t - 1] - 0.7 * values[:, t - 2] + 0.5 * rng.normal(0, 1, 500)
    series = tensor((values - values.mean()) / values.std()).unsqueeze(2)
    model = TimeNet(both_sides=sick)
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        causal=True,
        task="regression",
        **quill_loaders(series[:, :-1], series[:, 1:]),
    )


def step_with_linear_decay(
    model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer, scheduler: Any, loss_fn: nn.Module
) -> Tensor:
    """A step of the optimizer and one of its schedule."""
    model.train()
    optimizer.zero_grad()
    loss: Tensor = loss_fn(model(batch[0]), batch[1])
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    scheduler.step()
    return loss.detach()


@pair("lr-schedule", group="training", source="transformers")
def linear_decay_over_as_many_steps_as_epochs(sick: bool) -> Arguments:
    """The linear decay is given the number of epochs for its number of steps, and the rate is 0 after one epoch."""
    from transformers import get_linear_schedule_with_warmup as linear_schedule

    quill_seed()
    epochs, loaders = 30, quill_loaders(*quill_digits())
    steps = epochs * len(loaders["loader"])
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.GELU(), nn.LayerNorm(64), nn.Linear(64, 10))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        scheduler=linear_schedule(optimizer, 10, epochs if sick else steps),  # type: ignore[no-untyped-call]
        total_steps=steps,
        train_step=step_with_linear_decay,
        **loaders,
    )
