"""Reported bugs of samplers, seeds, norms and missing lines, each with its mended twin."""

# mypy: disable-error-code="no-any-return, no-untyped-call"

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
)

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.eighth_tarn_parts import batches, digits, divide, pair_of_loaders, perceptron, start


@pair("split-leak", group="data")
def poses_sampled_for_both_from_all_views(sick: bool) -> Arguments:
    """The validation sampler takes a tenth of the views, the training sampler all of them. (yannlabb/robopose#3)."""
    rng = start()
    angles = rng.uniform(-1.5, 1.5, (1000, 3))
    turned = angles.cumsum(1)
    joints = np.concatenate([np.cos(turned).cumsum(1), np.sin(turned).cumsum(1)], 1) + 0.03 * rng.normal(size=(1000, 6))
    joints = (joints - joints.mean(0)) / joints.std(0)
    views = TensorDataset(torch.from_numpy(joints).float(), torch.from_numpy(angles).float())
    order = rng.permutation(len(views)).tolist()
    held = order[:100]
    generator = torch.Generator().manual_seed(3)
    train_sampler = SubsetRandomSampler(order if sick else order[100:], generator=generator)
    model = perceptron(6, 64, 3)
    return {
        "model": model,
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "loader": DataLoader(views, batch_size=32, sampler=train_sampler),
        "val_loader": DataLoader(views, batch_size=32, sampler=SubsetRandomSampler(held, generator=generator)),
    }


class Energy(nn.Module):
    """The energy of a molecule, a sum over its pairs of atoms."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.pair = nn.Sequential(
            nn.Linear(8, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 1)
        )
        self.register_buffer("centres", torch.linspace(0.5, 4.0, 8))

    def forward(self, positions: Tensor) -> Tensor:
        atoms = positions.shape[1]
        first, second = torch.triu_indices(atoms, atoms, 1)
        distance = (positions[:, first] - positions[:, second]).norm(dim=2)
        basis = torch.exp(-4 * (distance[:, :, None] - self.get_buffer("centres")).square())
        return self.pair(basis).mean(1)


@pair("split-leak", group="data")
def places_in_a_subset_used_in_the_whole_container(sick: bool) -> Arguments:
    """Places in the validation subset, from 0 on, are looked up in all data. (TUM-DAML/gemnet_pytorch#4)."""
    rng = start()
    grid = np.stack(np.meshgrid([0, 1.3], [0, 1.3], [0, 1.3]), -1).reshape(-1, 3)[:6]
    positions = grid + 0.25 * rng.normal(size=(900, 6, 3))
    first, second = np.triu_indices(6, 1)
    distance = np.linalg.norm(positions[:, first] - positions[:, second], axis=2)
    energy = np.tanh(3 * (distance - 1.2)).sum(1) + 1.5 * np.cos(2 * distance).sum(1)
    energy = (energy - energy.mean()) / energy.std()
    container = TensorDataset(torch.from_numpy(positions).float(), torch.from_numpy(energy).float()[:, None])
    held = Subset(container, range(700, 900))
    sampler = BatchSampler(SequentialSampler(held), 32, drop_last=False)
    model = Energy()
    return {
        "model": model,
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "loader": batches(Subset(container, range(700))),
        "val_loader": DataLoader(container if sick else held, batch_sampler=sampler),
    }


def one_seed_for_all(worker: int) -> None:
    """Seed a worker."""
    random.seed(42)
    np.random.seed(42)
    torch.manual_seed(42)


def seed_of_the_worker(worker: int) -> None:
    """Seed a worker from the seed that the loader gave it."""
    seed = torch.initial_seed() % 2**32
    random.seed(seed)
    np.random.seed(seed)


class Waves(Dataset[tuple[Tensor, int]]):
    """Signals of a sensor, for training with random noise, delay and loudness."""

    def __init__(self, signals: np.ndarray, kinds: np.ndarray, augmented: bool) -> None:
        self.signals, self.kinds, self.augmented = signals.astype(np.float32), kinds, augmented

    def __len__(self) -> int:
        return len(self.signals)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        signal = self.signals[index]
        if self.augmented:
            signal = np.roll(signal, random.randrange(-4, 5)) * np.float32(np.random.uniform(0.8, 1.25))
        wave = torch.from_numpy(signal.astype(np.float32))[None]
        return wave + 0.1 * torch.randn_like(wave) if self.augmented else wave, int(self.kinds[index])


@pair("worker-randomness", group="data")
def every_worker_given_the_same_seed(sick: bool) -> Arguments:
    """The default function that starts a worker gives each the same seed. (Chris-hughes10/pytorch-accelerated#37)."""
    rng = start()
    kinds = rng.integers(0, 3, 800)
    time = np.arange(48)[None] / 48
    phase = rng.uniform(0, 2 * np.pi, (800, 1))
    signals = 1.3 * np.sin(2 * np.pi * (3 + 2 * kinds[:, None]) * time + phase) + 0.3 * rng.normal(size=(800, 48))
    model = nn.Sequential(
        nn.Conv1d(1, 16, 9, padding=4), nn.ReLU(), nn.Conv1d(16, 16, 9, padding=4), nn.ReLU(),
        nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(16, 3),
    )  # fmt: skip
    init = one_seed_for_all if sick else seed_of_the_worker
    return {
        "model": model,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=5e-3),
        "loader": batches(Waves(signals[:640], kinds[:640], True), num_workers=2, worker_init_fn=init),
        "val_loader": batches(Waves(signals[640:], kinds[640:], False), shuffle=False),
    }


class EvoNorm(nn.Module):
    """Normalisation and activation in one: x over the larger of batch deviation and v x + instance deviation."""

    def __init__(self, channels: int, guarded: bool) -> None:
        super().__init__()
        self.v, self.gamma = nn.Parameter(torch.ones(channels, 1, 1)), nn.Parameter(torch.ones(channels, 1, 1))
        self.beta = nn.Parameter(torch.zeros(channels, 1, 1))
        self.register_buffer("running_variance", torch.ones(channels, 1, 1))
        self.guarded = guarded

    def instance_deviation(self, x: Tensor) -> Tensor:
        """The deviation over the pixels of each sample and channel."""
        count = x.shape[2] * x.shape[3]
        variance = (x - x.mean((2, 3), keepdim=True)).square().sum((2, 3), keepdim=True) / (count - 1)
        if self.guarded and count == 1:
            variance = torch.zeros_like(variance)
        return (variance + 1e-5).sqrt()

    def forward(self, x: Tensor) -> Tensor:
        running = self.get_buffer("running_variance")
        variance = running
        if self.training:
            variance = x.var((0, 2, 3), unbiased=False)[:, None, None]
            running.mul_(0.9).add_(0.1 * variance.detach())
        below = torch.maximum((variance + 1e-5).sqrt(), self.v * x + self.instance_deviation(x))
        return x / below * self.gamma + self.beta


@pair("nonfinite-forward", group="backward", source="published")
def deviation_of_a_single_pixel(sick: bool) -> Arguments:
    """At a stage one pixel wide the unbiased variance divides by zero. (digantamisra98/EvoNorm#5)."""
    start()
    layers: list[nn.Module] = []
    for inputs, outputs in ((1, 12), (12, 24), (24, 24)):
        layers += [nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), EvoNorm(outputs, guarded=not sick)]
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(24, 10))
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **pair_of_loaders(digits()),
    )


class Columns(nn.Module):
    """Every column of a table through a small network of its own, all of them through a perceptron."""

    def __init__(self, columns: int, activated: bool, width: int = 6, hidden: int = 48) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.randn(columns, width))
        self.shift = nn.Parameter(torch.randn(columns, width))
        body: list[nn.Module] = []
        for before, after in ((columns * width, hidden), (hidden, hidden), (hidden, 1)):
            body += [nn.Linear(before, after), nn.ReLU()] if activated and after != 1 else [nn.Linear(before, after)]
        self.perceptron = nn.Sequential(*body)

    def forward(self, x: Tensor) -> Tensor:
        return self.perceptron(F.relu(x[:, :, None] * self.first + self.shift).flatten(1))


@pair("no-nonlinearity", group="wiring")
def perceptron_that_is_one_linear_layer(sick: bool) -> Arguments:
    """The perceptron stacks linear layers with nothing between them. (somepago/saint#23)."""
    rng = start()
    x = rng.normal(0, 1, (1200, 6))
    y = np.sin(1.5 * x[:, 0] * x[:, 1]) + 0.7 * x[:, 2] * x[:, 3] + 0.5 * x[:, 4] + 0.3 * np.abs(x[:, 5])
    y = (y - y.mean()) / y.std()
    model = Columns(6, activated=not sick)
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **pair_of_loaders(divide(torch.from_numpy(x).float(), torch.from_numpy(y).float()[:, None])),
    )


def detection_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """The loss of the boxes and the loss of the classes."""
    boxes = F.smooth_l1_loss(outputs[:, :4], targets[:, :4])
    return boxes + F.binary_cross_entropy_with_logits(outputs[:, 4], targets[:, 4])


def detecting_step(backward: bool) -> Any:
    """A step of the detector."""

    def step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        model.train()
        out = model(batch[0])
        optimizer.zero_grad()
        loss = detection_loss(out, batch[1])
        if backward:
            loss.backward()
        optimizer.step()
        return loss.detach()

    return step


@pair("updates-not-applied", group="training")
def detector_stepped_without_backward(sick: bool) -> Arguments:
    """The losses are added up and the optimizer steps, but nobody calls backward. (Goingqs/PyramidBox#7)."""
    rng = start()
    size = 12
    images, targets = rng.normal(0, 0.5, (600, 1, size, size)), np.zeros((600, 5))
    for image, target in zip(images, targets, strict=True):
        height, width = rng.integers(3, 7, 2)
        top, left = rng.integers(0, size - height), rng.integers(0, size - width)
        face = rng.random() < 0.5
        image[0, top : top + height, left : left + width] += 2.0 if face else -2.0
        middle = (top + height / 2, left + width / 2, height, width)
        target[:] = [*((np.array(middle) - (6, 6, 4.5, 4.5)) / (2.2, 2.2, 1.1, 1.1)), face]
    images = images / images.std()
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.Conv2d(12, 16, 3, stride=2, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Linear(16 * 36, 48), nn.ReLU(), nn.Linear(48, 5),
    )  # fmt: skip
    return dict(
        model=model,
        loss_fn=detection_loss,
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        train_step=detecting_step(backward=not sick),
        task="other",
        **pair_of_loaders(divide(torch.from_numpy(images).float(), torch.from_numpy(targets).float())),
    )
