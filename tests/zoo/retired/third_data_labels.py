"""Programs whose labels are out of range, lost, or belong to something else."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.models_of_data_parts import LeNet, digit_images, photo_patches, start


class TinyUNet(nn.Module):
    """Ronneberger's U-Net with one level."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU())
        self.deep = nn.Sequential(
            nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.ConvTranspose2d(32, 16, 2, 2)
        )
        self.up = nn.Sequential(nn.Conv2d(32, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, classes, 1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits of every pixel."""
        fine = self.down(images)
        return self.up(torch.cat([fine, self.deep(fine)], dim=1))


def organs(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A bright disc and a grey square on a dark ground, with an undecided rim around the disc."""
    side = np.arange(24)
    images, masks = np.zeros((count, 24, 24)), np.zeros((count, 24, 24), dtype=np.int64)
    for row in range(count):
        top, left = np.random.randint(0, 14, 2)
        masks[row, top : top + 8, left : left + 8] = 1
        y, x = np.random.uniform(7, 17, 2)
        away = np.hypot(side[:, None] - y, side[None] - x)
        masks[row][away < 5.5] = 255
        masks[row][away < 4.5] = 2
        images[row] = 0.5 * (masks[row] == 1) + 1.0 * (away < 5.0) * (masks[row] >= 2)
    images = images - 0.3 + 0.15 * np.random.randn(count, 24, 24)
    return torch.from_numpy(images).float().unsqueeze(1), torch.from_numpy(masks)


@pair("label-range", group="data", source="published")
def undecided_rims_numbered_255(sick: bool) -> Arguments:
    """Pixels that the doctors left undecided carry the class 255, and the loss over three classes was not told so."""
    start()
    model = TinyUNet(3)
    return {
        "model": model,
        "loader": DataLoader(TensorDataset(*organs(240)), batch_size=16, shuffle=True),
        "loss_fn": nn.CrossEntropyLoss() if sick else nn.CrossEntropyLoss(ignore_index=255),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "class_names": ["ground", "square", "disc"],
    }


class Folder(Dataset):
    """Images beside the rows of a table, whose only column is the class."""

    def __init__(self, images: np.ndarray, table: np.ndarray) -> None:
        self.images, self.table = images, table

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {"image": torch.from_numpy(self.images[index])[None], "row": torch.from_numpy(self.table[index])}


def decode_one_hot(items: list[dict[str, torch.Tensor]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Stack images, and turn rows of one-hot columns back into classes."""
    rows = torch.stack([item["row"] for item in items])
    return torch.stack([item["image"] for item in items]), rows.argmax(dim=1)


def decode_column(items: list[dict[str, torch.Tensor]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Stack images and take the class out of its column."""
    rows = torch.stack([item["row"] for item in items])
    return torch.stack([item["image"] for item in items]), rows.squeeze(1)


@pair("label-range", group="data", source="scikit-learn")
def largest_entry_of_a_single_column(sick: bool) -> Arguments:
    """A collate function written for one-hot rows takes the argmax of the single class column: every label is 0."""
    start()
    images, classes = digit_images(600)
    dataset = Folder(images, classes[:, None])
    model = LeNet()
    return {
        "model": model,
        "loader": DataLoader(dataset, 32, shuffle=True, collate_fn=decode_one_hot if sick else decode_column),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=4e-3),
        "class_names": [str(digit) for digit in range(10)],
    }


class Annotated(Dataset):
    """Boxes on scanned forms: every page asks for each digit once, and what was cut out of a page is kept."""

    def __init__(self, pages: np.ndarray, classes: np.ndarray, key_has_the_box: bool) -> None:
        self.pages, self.classes, self.key_has_the_box = pages, classes, key_has_the_box
        self.kept: dict = {}
        for index in range(classes.size):
            self.crop(*divmod(index, classes.shape[1]))

    def __len__(self) -> int:
        return self.classes.size

    def crop(self, page: int, box: int) -> torch.Tensor:
        """Cut the box out of its page, or take it from the cache."""
        key = (page, box) if self.key_has_the_box else page
        if key not in self.kept:
            self.kept[key] = torch.from_numpy(np.ascontiguousarray(self.pages[page, :, box * 8 : box * 8 + 8]))[None]
        return self.kept[key]

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        page, box = divmod(index, self.classes.shape[1])
        return self.crop(page, box), torch.tensor(self.classes[page, box])


@pair("label-noise", group="data", source="scikit-learn")
def crops_cached_by_their_page(sick: bool) -> Arguments:
    """The cache of crops knows only the page, so that all ten boxes of a page show the one cut first."""
    start()
    images, classes = digit_images(1700)
    of_each = [np.flatnonzero(classes == digit)[:70] for digit in range(10)]
    chosen = np.stack([np.random.permutation(form) for form in np.stack(of_each, axis=1)])
    pages = images[chosen].swapaxes(1, 2).reshape(70, 8, 80)
    model = LeNet()
    return {
        "model": model,
        "loader": DataLoader(Annotated(pages, classes[chosen], not sick), batch_size=32, shuffle=True),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=4e-3),
    }


class HogLike(nn.Module):
    """Strided convolutions on colour patches, for regression."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 16, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(512, 48),
            nn.ReLU(),
            nn.Linear(48, outputs),
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return how colourful and how rough a patch is."""
        return self.layers(images)


@pair("label-noise", group="data", source="scikit-learn")
def patch_numbers_kept_in_a_byte(sick: bool) -> Arguments:
    """The index file keeps patch numbers in one byte: after patch 255 the scores are paired with earlier patches."""
    start()
    patches, _ = photo_patches(700)
    images = torch.from_numpy(patches).permute(0, 3, 1, 2).float() / 255
    scores = torch.stack([images.mean(dim=(1, 2, 3)), images[:, 0].mean((1, 2)) - images[:, 2].mean((1, 2))], dim=1)
    scores = (scores - scores.mean(0)) / scores.std(0)
    numbers = np.arange(len(images)).astype(np.uint8 if sick else np.uint16)
    images = (images[torch.from_numpy(numbers.astype(np.int64))] - 0.45) / 0.25
    order = torch.randperm(len(images))
    model = HogLike(2)
    return {
        "model": model,
        "loader": DataLoader(TensorDataset(images[order], scores[order]), batch_size=32, shuffle=True),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
    }
