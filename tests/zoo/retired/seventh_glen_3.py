"""Reported programs: an unused feature, classes in a row, a lost channel, one-sided scaling, a factor in bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, TensorDataset

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.seventh_glen_parts import DigitNet, UNet, all_seeded, bytes_of_digits, loader, tissue_photographs


@pair("nonfinite-data", group="data")
def features_divided_by_their_largest_value(sick: bool) -> Arguments:
    """Each feature of a function is divided by its maximum, which is 0 for an instruction that never occurs.

    (evandowning/deepreflect#11)
    """
    all_seeded()
    counts = torch.poisson(torch.rand(900, 4) @ torch.rand(4, 18) * 6)
    counts[:, 11] = 0
    if not sick:
        counts = counts[:, counts.amax(0) > 0]
    features = counts / counts.amax(0)
    width = features.shape[1]
    model = nn.Sequential(nn.Linear(width, 32), nn.ReLU(), nn.Linear(32, 6), nn.Tanh(), nn.Linear(6, 32), nn.ReLU())
    model.append(nn.Linear(32, width))
    return {
        "model": model,
        "loader": loader(features[:700], features[:700]),
        "val_loader": loader(features[700:], features[700:], shuffle=False),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
    }


def training_data(dataset: Dataset[Any], options: dict[str, Any]) -> DataLoader[Any]:
    """A loader of the recipe, whose options the caller may replace."""
    return DataLoader(dataset, **{"batch_size": 64, "drop_last": False, **options})


@pair("not-shuffled", group="data", source="scikit-learn")
def recipe_whose_default_keeps_the_order(sick: bool) -> Arguments:
    """The loader of the recipe does not shuffle by default, and the images lie class by class.

    (Deci-AI/super-gradients#416)
    """
    all_seeded()
    images, labels = bytes_of_digits()
    x, y = (images.float() / 255 - 0.3) / 0.37, labels
    folders = y[:1000].argsort(stable=True)
    model = DigitNet()
    options: dict[str, Any] = {"batch_size": 32} if sick else {"batch_size": 32, "shuffle": True}
    return {
        "model": model,
        "loader": training_data(TensorDataset(x[:1000][folders], y[:1000][folders]), options),
        "val_loader": loader(x[1000:], y[1000:], batch=64, shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9),
    }


def depth_scenes(count: int = 240, size: int = 16) -> tuple[Tensor, Tensor]:
    """Standardised pictures (N, 3, size, size) of tilted ground with a ball, and their depth (N, size, size)."""
    draw = np.random.default_rng(8)
    row, column = np.mgrid[:size, :size] / size
    depths = []
    for _ in range(count):
        ground = 1 - row + draw.uniform(-0.5, 0.5) * column
        y, x = draw.uniform(0.2, 0.8, 2)
        depths.append(np.where((row - y) ** 2 + (column - x) ** 2 < 0.04, draw.uniform(-0.6, 0), ground))
    depth = np.stack(depths)
    depth = (depth - depth.mean()) / depth.std()
    shade = np.stack([np.cos(depth), depth, -0.5 * depth], 1)
    shade = (shade - shade.mean()) / shade.std() + draw.normal(0, 0.1, shade.shape)
    return torch.from_numpy(shade).float(), torch.from_numpy(depth).float()


@pair("silent-broadcast", group="wiring", source="published")
def depth_maps_without_their_channel(sick: bool) -> Arguments:
    """Predicted depth is (N, 1, H, W), measured depth (N, H, W): every map meets all the others (jiwei0921/CoNet#3)."""
    all_seeded()
    pictures, depth = depth_scenes()
    if not sick:
        depth = depth.unsqueeze(1)
    model = UNet(3, 1)
    return {
        "model": model,
        "loader": loader(pictures[:200], depth[:200], batch=8),
        "val_loader": loader(pictures[200:], depth[200:], batch=8, shuffle=False),
        "loss_fn": nn.SmoothL1Loss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "task": "regression",
    }


class Residual(nn.Module):
    """A residual block (He et al. 2015)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        inner = F.relu(self.norm1(self.conv1(x)))
        return F.relu(x + self.norm2(self.conv2(inner)))


class ImageSet(Dataset[Any]):
    """Images in [0, 1] that a transform may change on reading."""

    def __init__(self, images: Tensor, labels: Tensor, mean: float | None = None, std: float = 1.0) -> None:
        self.images = images
        self.labels = labels
        self.mean = mean
        self.std = std

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image = self.images[index].float() / 255
        return (image if self.mean is None else (image - self.mean) / self.std), self.labels[index]


def share_of_right_answers(model: nn.Module, batch: list[Tensor]) -> float:
    """Accuracy on a batch."""
    model.eval()
    with torch.no_grad():
        result: float = (model(batch[0]).argmax(1) == batch[1]).float().mean().item()
        return result


@pair("train-val-shift", group="data", source="published")
def test_images_left_as_they_were_read(sick: bool) -> Arguments:
    """The training images are normalised and the test images are not (JeasunLok/ResNet-pytorch#1)."""
    all_seeded()
    images, labels = bytes_of_digits()
    mean, std = 0.305, 0.376
    train = ImageSet(images[:1000], labels[:1000], mean, std)
    test = ImageSet(images[1000:], labels[1000:]) if sick else ImageSet(images[1000:], labels[1000:], mean, std)
    model = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), Residual(16))
    model.extend([Residual(16), nn.AvgPool2d(4), nn.Flatten(), nn.Linear(64, 10)])
    return {
        "model": model,
        "loader": DataLoader(train, batch_size=64, shuffle=True),
        "val_loader": DataLoader(test, batch_size=64),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9),
        "eval_step": share_of_right_answers,
    }


class Brightened(Dataset[Any]):
    """Photographs of cells as bytes, each brightened by a random factor, and whether they show many cell pixels."""

    def __init__(self, images: Tensor, labels: Tensor, *, clipped_last: bool) -> None:
        self.images = images.numpy()
        self.labels = labels
        self.clipped_last = clipped_last

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image = self.images[index].astype(np.float32) * (0.9 + 0.9 * torch.rand(()).item())
        if self.clipped_last:
            bright = np.clip(image.astype(np.int32).astype(np.uint8), 0, 255)
        else:
            bright = np.clip(image, 0, 255).astype(np.uint8)
        return torch.from_numpy((bright / 255 - 0.63) / 0.24).float(), self.labels[index]


@pair("dtype", group="wiring")
def factor_put_back_into_bytes_before_the_clip(sick: bool) -> Arguments:
    """The augmentation multiplies and makes bytes before it clips: bright pixels turn dark (aleju/imgaug#105)."""
    all_seeded()
    images, masks = tissue_photographs(500)
    share = masks.mean((1, 2, 3))
    labels = (share > share.median()).long()
    model = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1))
    model.extend([nn.ReLU(), nn.AvgPool2d(4), nn.Flatten(), nn.Linear(128, 2)])
    return {
        "model": model,
        "loader": DataLoader(Brightened(images, labels, clipped_last=sick), batch_size=32, shuffle=True),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }
