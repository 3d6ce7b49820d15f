"""Programs with reported bugs in folders, subsets, gradients, ranges, norms and batches, with their mended twins."""

# mypy: disable-error-code="no-any-return,no-untyped-call"

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.eighth_vale_parts import (
    digits_in_unit_range,
    in_random_order,
    one_after_another,
    relu_stack,
    seed_all_three,
    train_and_validation,
)


class ImageFolder(Dataset[tuple[Tensor, int]]):
    """Images by path; the class of an image is the number of its first folder below the root."""

    def __init__(self, files: dict[str, Tensor]) -> None:
        """List the folders and the files."""
        self.classes = sorted({path.split("/")[0] for path in files})
        self.files = [(image, self.classes.index(path.split("/")[0])) for path, image in files.items()]

    def __len__(self) -> int:
        """Count the images."""
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """Give an image and its class."""
        return self.files[index]


@pair("label-range", group="data", source="scikit-learn")
def folders_one_level_too_deep(sick: bool) -> Arguments:
    """The folders of the classes lie in one folder below the root, which makes one class of all images.

    (jindongwang/transferlearning#182)
    """
    seed_all_three()
    x, y = digits_in_unit_range(images=True)
    order = torch.randperm(len(x))[:1000].tolist()
    root = "source/" if sick else ""
    source = ImageFolder({f"{root}{int(y[i])}/{i:04d}.png": x[i] for i in order})
    model = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 10))
    return {
        "model": model,
        "loader": in_random_order(source),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "task": "classification",
    }


class PartOfImages(Dataset[tuple[Tensor, Tensor]]):
    """Images with boxes, of which a fifth is annotated; an image outside is replaced by a random annotated one."""

    def __init__(self, images: Tensor, boxes: Tensor, annotated: set[int], replaced: bool) -> None:
        """Keep the images, and the indices: all of them, or the annotated ones."""
        self.images, self.boxes, self.annotated = images, boxes, annotated
        self.ids = list(range(len(images))) if replaced else sorted(annotated)

    def __len__(self) -> int:
        """Count the indices."""
        return len(self.ids)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Give an annotated image and its box."""
        image_id = self.ids[index]
        while image_id not in self.annotated:
            image_id = self.ids[int(torch.randint(0, len(self.ids), (1,)))]
        return self.images[image_id], self.boxes[image_id]


def images_with_boxes(count: int, size: int = 12) -> tuple[Tensor, Tensor]:
    """Noisy images with one bright rectangle, and its centre and size as shares of the image."""
    axis = torch.arange(size)
    low = torch.randint(0, size // 2, (count, 2))
    high = low + torch.randint(3, size // 2, (count, 2))
    rows = (axis >= low[:, :1]) & (axis < high[:, :1])
    columns = (axis >= low[:, 1:]) & (axis < high[:, 1:])
    images = (rows[:, :, None] & columns[:, None]).float() * 0.8 + 0.2 * torch.rand(count, size, size)
    return images[:, None], torch.cat([low + high, 2 * (high - low)], 1).float() / (2 * size)


@pair("duplicate-samples", group="data", source="published")
def random_image_for_each_without_annotation(sick: bool) -> Arguments:
    """For each image outside the annotated part a random annotated one is given, so that each comes often.

    (mayorx/PointDETR#9)
    """
    seed_all_three()
    images, boxes = images_with_boxes(1200)
    annotated = set(torch.randperm(1000)[:250].tolist())
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        relu_stack(432, 48, 4),
    )
    every = set(range(200))
    return {
        "model": model,
        "loader": in_random_order(PartOfImages(images[:1000], boxes[:1000], annotated, replaced=sick)),
        "val_loader": one_after_another(PartOfImages(images[1000:], boxes[1000:], every, replaced=False)),
        "loss_fn": nn.SmoothL1Loss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "task": "regression",
    }


class ShortMish(torch.autograd.Function):
    """Mish with its derivative by hand, from powers of e^x."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """The input times the tanh of its softplus."""
        ctx.save_for_backward(x)
        return x * torch.tanh(F.softplus(x))

    @staticmethod
    def numerator(x: Tensor) -> Tensor:
        """The numerator of the derivative."""
        return 4 * (x + 1) + 4 * torch.exp(2 * x) + torch.exp(x) * (4 * x + 6)

    @classmethod
    def slope(cls, x: Tensor) -> Tensor:
        """The derivative, for inputs that do not overflow."""
        denominator = 2 * torch.exp(x) + torch.exp(2 * x) + 2
        return torch.exp(x) * cls.numerator(x) / denominator**2

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """The chain rule."""
        (x,) = ctx.saved_tensors
        return grads[0] * torch.where(x < 10, ShortMish.slope(x.clamp(max=10)), torch.ones_like(x))


class FullMish(ShortMish):
    """Mish with its derivative by hand, from powers of e^x."""

    @staticmethod
    def numerator(x: Tensor) -> Tensor:
        """The numerator of the derivative."""
        return ShortMish.numerator(x) + torch.exp(3 * x)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """The chain rule."""
        (x,) = ctx.saved_tensors
        return grads[0] * torch.where(x < 10, FullMish.slope(x.clamp(max=10)), torch.ones_like(x))


class MishTagger(nn.Module):
    """Two hidden layers with that unit."""

    def __init__(self, short: bool) -> None:
        """Build the layers."""
        super().__init__()
        self.first, self.second, self.last = nn.Linear(64, 48), nn.Linear(48, 48), nn.Linear(48, 10)
        self.short = short

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the classes."""
        mish: Any = ShortMish.apply if self.short else FullMish.apply
        return self.last(mish(self.second(mish(self.first(x)))))


@pair("gradient-check", group="backward", source="scikit-learn")
def mish_without_the_cube(sick: bool) -> Arguments:
    """The numerator of the hand-written derivative of mish lacks the term e^3x (explosion/thinc#578)."""
    seed_all_three()
    train, validation = train_and_validation(*digits_in_unit_range())
    model = MishTagger(short=sick)
    return {
        "model": model,
        "loader": in_random_order(train, 64),
        "val_loader": one_after_another(validation, 64),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


class PoseGenerator(nn.Module):
    """An image from a smaller one, by an encoder and a decoder."""

    def __init__(self, bounded: bool, mean: float, std: float) -> None:
        """Build the layers; the end is a tanh, or a sigmoid that is normalised like the images."""
        super().__init__()
        self.net = nn.Sequential(nn.Linear(16, 96), nn.ReLU(), nn.Linear(96, 96), nn.ReLU(), nn.Linear(96, 64))
        self.bounded, self.mean, self.std = bounded, mean, std

    def forward(self, x: Tensor) -> Tensor:
        """The generated image."""
        x = self.net(x)
        return torch.tanh(x) if self.bounded else (torch.sigmoid(x) - self.mean) / self.std


@pair("output-range", group="wiring", source="scikit-learn")
def tanh_for_images_normalised_by_deviation(sick: bool) -> Arguments:
    """Real images are normalised by deviation, and the tanh of the generator never reaches their light parts.

    (yxgeee/FD-GAN#5)
    """
    seed_all_three()
    x, _ = digits_in_unit_range(images=True)
    mean, std = 0.305, 0.376
    images = (x - mean) / std
    small = F.avg_pool2d(images, 2).flatten(1)
    train, validation = train_and_validation(small, images.flatten(1))
    model = PoseGenerator(sick, mean, std)
    return {
        "model": model,
        "loader": in_random_order(train),
        "val_loader": one_after_another(validation),
        "loss_fn": nn.L1Loss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "task": "regression",
    }


class TrackedNorm(nn.Module):
    """Batch norm by hand: batch statistics in training, running ones in evaluation."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, tracking: bool) -> None:
        """Make the statistics and the affine part."""
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self.tracking = tracking

    def forward(self, x: Tensor) -> Tensor:
        """Normalise over all but the channels."""
        mean, var = self.running_mean, self.running_var
        if self.training:
            mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
            if self.tracking:
                self.running_mean.lerp_(mean.detach(), 0.1)
                self.running_var.lerp_(var.detach(), 0.1)
        scale = self.weight * torch.rsqrt(var + 1e-5)
        return (x - mean[:, None, None]) * scale[:, None, None] + self.bias[:, None, None]


class StreetNetwork(nn.Module):
    """A segmentation network of three convolutions."""

    def __init__(self, tracking: bool) -> None:
        """Build the layers."""
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1), TrackedNorm(12, tracking), nn.ReLU(),
            nn.Conv2d(12, 12, 3, padding=1), TrackedNorm(12, tracking), nn.ReLU(), nn.Conv2d(12, 3, 1),
        )  # fmt: skip

    def forward(self, image: Tensor) -> Tensor:
        """Logits of the classes of each pixel."""
        return self.net(image)


@pair("batchnorm-statistics", group="wiring", source="published")
def running_statistics_never_written(sick: bool) -> Arguments:
    """The running statistics of the batch norm are read in evaluation and never updated in training.

    (hiwonjoon/tf-frrn#2)
    """
    seed_all_three()
    coarse = F.interpolate(torch.randn(400, 1, 4, 4), size=12, mode="bilinear")
    labels = ((coarse > -0.3).long() + (coarse > 0.3).long()).squeeze(1)
    images = torch.tensor([0.2, 0.8, 0.5])[labels][:, None] + 0.15 * torch.randn(400, 1, 12, 12)
    train, validation = train_and_validation(images, labels)
    model = StreetNetwork(tracking=not sick)
    return {
        "model": model,
        "loader": in_random_order(train, 16),
        "val_loader": one_after_another(validation, 16),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "task": "segmentation",
    }
