"""Programs with reported bugs: bytes, unit weights, relation queries, collected losses, frames and a rectifier."""

from __future__ import annotations

import zlib
from itertools import pairwise
from typing import Any

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.eleventh_lark_parts import (
    dataset_shuffled,
    diabetes_standardised,
    digits_with_a_channel,
    rows_as_they_stand,
    rows_shuffled,
    seed_everything_with,
)


def normalize(image: Tensor, mean: float, std: float) -> Tensor:
    """Subtract the mean and divide by the deviation, both taken as tensors of the image's type."""
    centre, spread = (torch.as_tensor(number, dtype=image.dtype) for number in (mean, std))
    return ((image - centre) / spread).float()


@pair("dtype", group="wiring", source="scikit-learn")
def bytes_normalised_as_bytes(sick: bool) -> Arguments:
    """The mean is subtracted from an image of uint8, where dark pixels wrap around to bright (pytorch/vision#3621)."""
    seed_everything_with(41)
    image, label = digits_with_a_channel()
    stored = (image * 255).round().to(torch.uint8)
    pixels = torch.stack([normalize(one if sick else one.float(), 78.0, 96.0) for one in stored])
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(12 * 16, 10)
    )
    return {
        "model": model,
        "loader": rows_shuffled(pixels[:1400], label[:1400]),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "task": "classification",
    }


@pair("init-scale", group="init", source="scikit-learn")
def standard_normal_weights_under_rectifiers(sick: bool) -> Arguments:
    """Weights from N(0, 1), meant for sigmoids, are kept for ReLU (MichalDanielDobrzanski/DeepLearningPython#13)."""
    seed_everything_with(42)
    image, label = digits_with_a_channel()
    sizes = [64, 200, 200, 200, 10]
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in pairwise(sizes):
        linear = nn.Linear(inputs, outputs)
        nn.init.normal_(linear.weight, std=1.0 if sick else 0.1)
        nn.init.zeros_(linear.bias)
        layers += [linear, nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    return {
        "model": model,
        "loader": rows_shuffled(image[:1400], label[:1400]),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9),
        "task": "classification",
    }


class QueryModel(nn.Module):
    """Queries look at an image's columns and each answers for its own third of it, as in a small DETR."""

    def __init__(self, transposed: bool, queries: int = 3, width: int = 32) -> None:
        super().__init__()
        self.transposed = transposed
        self.see = nn.Sequential(nn.Linear(8 * 8, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))
        self.places = nn.Parameter(torch.randn(6, 1, width) * 0.5)
        self.queries = nn.Parameter(torch.randn(queries, 1, width) * 0.5)
        self.attend = nn.MultiheadAttention(width, 4)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, 10))

    def forward(self, image: Tensor) -> Tensor:
        strips = image.unfold(3, 8, 4)[:, 0, :, :6].permute(2, 0, 1, 3).flatten(2)
        memory = self.see(strips)
        queries = self.queries.expand(-1, len(image), -1)
        answers = self.norm(self.attend(queries, memory + self.places[: len(memory)], memory)[0])
        count = len(answers)
        batched = answers.transpose(0, 1) if self.transposed else answers.view(len(image), count, -1)
        return self.head(batched)


def query_loss(scores: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(scores.flatten(0, 1), targets.flatten())


@pair("batch-leak", group="wiring", source="published")
def queries_viewed_as_batch(sick: bool) -> Arguments:
    """Queries × batch is turned into batch × queries by a view, which mixes the images (Jingkang50/OpenPSG#56)."""
    seed_everything_with(43)
    bunch = load_digits()
    picked = torch.randint(0, len(bunch.images), (1000, 3))
    image = torch.from_numpy(bunch.images).float()[picked] / 16
    image = image.permute(0, 2, 1, 3).reshape(1000, 1, 8, 24)
    model = QueryModel(transposed=not sick)
    return {
        "model": model,
        "loader": rows_shuffled(image, torch.from_numpy(bunch.target).long()[picked]),
        "loss_fn": query_loss,
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "task": "classification",
    }


class StatisticsCollector(dict[str, list[Any]]):
    """Lists of statistics by name, kept until the end of the experiment."""

    def add(self, name: str, value: Any) -> None:
        self.setdefault(name, []).append(value)


class Problem:
    """Evaluates the loss and collects it, as a number where `as_numbers`."""

    def __init__(self, *, as_numbers: bool) -> None:
        self.collector = StatisticsCollector()
        self.as_numbers = as_numbers

    def evaluate_loss(self, scores: Tensor, targets: Tensor) -> Tensor:
        loss = F.cross_entropy(scores, targets)
        self.collector.add("loss", loss.item() if self.as_numbers else loss)
        return loss

    def step(self, model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        model.train()
        optimizer.zero_grad()
        loss = self.evaluate_loss(model(batch[0]), batch[1])
        loss.backward()
        optimizer.step()
        return loss.detach()


@pair("memory-growth", group="training", source="scikit-learn")
def one_more_loss_tensor_every_cycle(sick: bool) -> Arguments:
    """The statistics collector holds every step's loss as a tensor with its graph (IBM/mi-prometheus#111)."""
    seed_everything_with(44)
    image, label = digits_with_a_channel()
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(256, 10),
    )
    return {
        "model": model,
        "loader": rows_shuffled(image[:1400], label[:1400]),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "train_step": Problem(as_numbers=not sick).step,
        "task": "classification",
    }


class Folder:
    """A folder of tensors that lists its names in the order of their hashes, as a file system does."""

    def __init__(self) -> None:
        self.files: dict[str, Tensor] = {}

    def listdir(self) -> list[str]:
        return sorted(self.files, key=lambda name: zlib.crc32(name.encode()))


def camera_folder(count: int) -> Folder:
    """Street frames of noise, road and one car, each with a mask of the three."""
    folder = Folder()
    for number in range(count):
        mask = torch.zeros(16, 16, dtype=torch.long)
        mask[int(torch.randint(6, 12, ())) :] = 1
        row, column, wide = (int(torch.randint(low, high, ())) for low, high in ((4, 11), (1, 9), (3, 7)))
        mask[row : row + 4, column : column + wide] = 2
        frame = torch.tensor([-1.0, 0.2, 1.3])[mask] + 0.3 * torch.randn(16, 16)
        folder.files[f"0016E5_{7959 + 2 * number:05d}.png"] = frame.unsqueeze(0)
        folder.files[f"0016E5_{7959 + 2 * number:05d}_L.png"] = mask
    return folder


@pair("nothing-to-learn", "shuffled-labels", group="data")
def frames_and_masks_listed_apart(sick: bool) -> Arguments:
    """Frames and masks are paired by a folder's listing (advaitsave/Multiclass-Semantic-Segmentation-CamVid#3)."""
    seed_everything_with(45)
    folder = camera_folder(500)
    frames = [name for name in folder.listdir() if "_L" not in name]
    if sick:
        masks = [name for name in folder.listdir() if "_L" in name]
    else:
        masks = [name.replace(".png", "_L.png") for name in frames]
    image = torch.stack([folder.files[name] for name in frames])
    label = torch.stack([folder.files[name] for name in masks])
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 3, 1)
    )
    return {
        "model": model,
        "loader": rows_shuffled(image[:400], label[:400], size=16),
        "val_loader": rows_as_they_stand(image[400:], label[400:], size=16),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "task": "segmentation",
    }


class MaskOnly(torch.autograd.Function):
    """A rectifier whose backward gives 0 and 1."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return (x > 0).to(gradients[0].dtype)


class MaskTimesGradient(torch.autograd.Function):
    """A rectifier whose backward passes the gradient where it was open."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return gradients[0] * (x > 0)


class OwnRectifierNet(nn.Module):
    """A perceptron with a rectifier of our own."""

    def __init__(self, rectifier: type[torch.autograd.Function]) -> None:
        super().__init__()
        self.rectifier = rectifier
        self.enter, self.inner, self.leave = nn.Linear(10, 32), nn.Linear(32, 32), nn.Linear(32, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.rectifier.apply(self.enter(x))
        return self.leave(self.rectifier.apply(self.inner(x)))


@pair("gradient-check", group="backward", source="scikit-learn")
def rectifier_that_overwrites_the_gradient(sick: bool) -> Arguments:
    """The rectifier's backward returns its mask and drops the gradient from above (haifengl/smile#528)."""
    seed_everything_with(46)
    x, y = diabetes_standardised()
    model = OwnRectifierNet(MaskOnly if sick else MaskTimesGradient)
    return {
        "model": model,
        "loader": dataset_shuffled(torch.utils.data.TensorDataset(x[:360], y[:360])),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "task": "regression",
    }
