"""Crops of the two photographs that ship with scikit-learn, as a data set of the usual kind.

It is a module of its own, for worker processes import what they run.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from sklearn.datasets import load_sample_images
from torch import Tensor
from torch.nn import functional
from torch.utils.data import Dataset

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
CLASSES = ("background", "sky or water", "petal")


class PhotographCrops(Dataset[tuple[Tensor, Tensor]]):
    """Square crops, each a normalised picture (3, size, size) and the class of each of its pixels (size, size).

    Args:
        transform: applied to the picture alone, as most image pipelines do.
        joint_transform: applied to picture and mask stacked as (4, size, size).
    """

    def __init__(
        self,
        count: int = 256,
        size: int = 64,
        transform: Callable[[Tensor], Tensor] | None = None,
        joint_transform: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self.pictures = [halved(torch.tensor(image).permute(2, 0, 1) / 255) for image in load_sample_images().images]
        self.masks = [blue(self.pictures[0]), 2 * petal(self.pictures[1])]
        self.count, self.size = count, size
        self.transform, self.joint_transform = transform, joint_transform

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        picture, mask = self.crop(index)
        if self.transform is not None:
            picture = self.transform(picture)
        if self.joint_transform is not None:
            both = self.joint_transform(torch.cat([picture, mask.unsqueeze(0)]))
            picture, mask = both[:3], both[3].long()
        return normalise(picture), mask

    def crop(self, index: int) -> tuple[Tensor, Tensor]:
        """The part of a photograph that belongs to `index`: the same at each call, with more than one class in it."""
        place = torch.Generator().manual_seed(index)
        picture, mask = self.pictures[index % 2], self.masks[index % 2]
        while True:
            top, left = (int(torch.randint(side - self.size, (), generator=place)) for side in mask.shape)
            window = (..., slice(top, top + self.size), slice(left, left + self.size))
            if 0.2 < (mask[window] > 0).float().mean() < 0.8:
                return picture[window], mask[window]


def normalise(picture: Tensor) -> Tensor:
    """Bring a picture (3, H, W) in 0…1 near mean 0 and standard deviation 1."""
    return (picture - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


def random_flip(picture: Tensor) -> Tensor:
    """Mirror left and right, half of the time."""
    return picture.flip(-1) if torch.rand(()) < 0.5 else picture


def halved(picture: Tensor) -> Tensor:
    """Half as wide and half as high, so that a crop shows more than one thing."""
    return functional.avg_pool2d(picture, 2)


def blue(picture: Tensor) -> Tensor:
    """Pixels of the temple's photograph that are bright and bluer than red: 1, others 0."""
    red, _, blue = picture
    return ((blue > 0.62) & (blue >= red)).long()


def petal(picture: Tensor) -> Tensor:
    """Pixels of the flower's photograph that are much redder than green: 1, others 0."""
    red, green, _ = picture
    return (red > green + 0.12).long()
