"""Reported bugs of adapters, epochs, images and colours, each with its mended twin."""

# mypy: disable-error-code="no-any-return, no-untyped-call"

from __future__ import annotations

import random

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.eighth_tarn_parts import (
    Parts,
    batches,
    byte_digits,
    digits,
    divide,
    pair_of_loaders,
    perceptron,
    start,
    train_before,
)


class Adapted(nn.Module):
    """A frozen linear layer and a trainable product of two thin matrices beside it."""

    def __init__(self, layer: nn.Linear, rank: int, spread: float) -> None:
        super().__init__()
        self.layer = layer.requires_grad_(False)
        self.lora_a = nn.Parameter(spread * torch.randn(layer.in_features, rank))
        self.lora_b = nn.Parameter(torch.zeros(rank, layer.out_features))

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) + 2.0 * (x @ self.lora_a @ self.lora_b)


class RowReader(nn.Module):
    """One block of attention over the rows of an image."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.embed, self.place = nn.Linear(8, width), nn.Parameter(0.1 * torch.randn(8, width))
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.hidden, self.head = nn.Linear(8 * width, 2 * width), nn.Linear(2 * width, 10)

    def forward(self, x: Tensor) -> Tensor:
        rows = self.embed(x[:, 0]) + self.place
        rows = rows + F.scaled_dot_product_attention(self.query(rows), self.key(rows), self.value(rows))
        return self.head(F.relu(self.hidden(rows.flatten(1))))


@pair("symmetric-init", group="init", source="scikit-learn")
def both_thin_matrices_of_the_adapters_at_zero(sick: bool) -> Arguments:
    """Both factors of every adapter start at zero, so neither ever gets a gradient. (circle-hit/SAPT#11)."""
    start()
    parts = digits()
    model = RowReader()
    train_before(model, pair_of_loaders(parts)["loader"], 120)
    model.requires_grad_(False)
    rank = 8
    for name in ("query", "value", "hidden", "head"):
        setattr(model, name, Adapted(getattr(model, name), rank, 0.0 if sick else rank**-0.5))
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.AdamW(trained, lr=2e-3),
        **pair_of_loaders(parts._replace(x=parts.x.flip(2), x_val=parts.x_val.flip(2))),
    )


class ColourImages(Dataset[tuple[Tensor, int]]):
    """Colour images, for training with random brightness and saturation."""

    def __init__(self, images: np.ndarray, classes: np.ndarray, augmented: bool, saturation_unit: float) -> None:
        self.images, self.classes = images, classes
        self.augmented, self.saturation_unit = augmented, saturation_unit

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = self.images[index].astype(np.float32) / 255
        if self.augmented:
            image = image + random.uniform(-0.05, 0.05)
            if random.random() < 0.5:
                image = image / self.saturation_unit
                grey = image.mean(0, keepdims=True)
                image = grey + random.uniform(0.8, 1.2) * (image - grey)
        return torch.from_numpy((image.astype(np.float32) - 0.45) / 0.25), int(self.classes[index])


class ColourNet(nn.Module):
    """A small convolutional classifier of colour images."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(12, 24, 3, padding=1), nn.ReLU()
        )
        self.head = nn.Linear(24, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x).amax((2, 3)))


def bars(rng: np.random.Generator, count: int = 800, size: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """Coloured noise with a bar: upright or lying, reddish or bluish."""
    images, classes = rng.normal(115, 45, (count, 3, size, size)), rng.integers(0, 4, count)
    for image, kind in zip(images, classes, strict=True):
        at = rng.integers(1, size - 2)
        colour = np.array([90, 0, -90] if kind < 2 else [-90, 0, 90])[:, None, None]
        if kind % 2:
            image[:, at : at + 2] += colour
        else:
            image[:, :, at : at + 2] += colour
    return images.clip(0, 255).astype(np.uint8), classes


@pair("input-scale", "train-val-shift", group="data")
def change_of_saturation_divides_again(sick: bool) -> Arguments:
    """Where a training image changes its saturation it is divided by 255 a second time. (RangiLyu/nanodet#55)."""
    rng = start()
    images, classes = bars(rng)
    unit = 255.0 if sick else 1.0
    model = ColourNet(4)
    return {
        "model": model,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "loader": batches(ColourImages(images[:640], classes[:640], True, unit)),
        "val_loader": batches(ColourImages(images[640:], classes[640:], False, unit), shuffle=False),
    }


def brightened(images: np.ndarray, percent: int, careful: bool) -> np.ndarray:
    """Images made brighter by a percentage."""
    source = images.astype(np.float32) if careful else images
    return np.clip(source * percent / 100, 0, 255).astype(np.uint8)


@pair("dtype", group="wiring", source="scikit-learn")
def brightness_multiplied_within_bytes(sick: bool) -> Arguments:
    """The image is multiplied by the percentage while it is still uint8, and wraps. (LCAV/LenslessPiCam#173)."""
    start()
    images, classes = byte_digits()
    bright = torch.from_numpy(brightened(images, 105, careful=not sick)).float()[:, None] / 255
    parts = divide(bright, torch.from_numpy(classes))
    model = perceptron(64, 48, 10)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        **pair_of_loaders(Parts(*parts)),
    )
