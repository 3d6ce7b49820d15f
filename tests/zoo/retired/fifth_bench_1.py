"""Bench programs, first hand: pictures as dicts, a screening table, a small GPT-2, pairs of digits, and bytes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset
from transformers import GPT2Config, GPT2LMHeadModel

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fifth_bench_parts import column_loaders, cut, digit_bytes, digit_sheets, served, sown


class PictureFiles(Dataset[dict[str, Tensor]]):
    """Scanned digits as a dict, brought to [0, 1] by `to_unit` and then by the given scale."""

    def __init__(self, pixels: Tensor, labels: Tensor, scale: float) -> None:
        self.pixels, self.labels, self.scale = pixels, labels, scale

    def __len__(self) -> int:
        return len(self.labels)

    def to_unit(self, picture: Tensor) -> Tensor:
        return picture.float() / 255

    def __getitem__(self, i: int) -> dict[str, Tensor]:
        return {"image": self.to_unit(self.pixels[i]) / self.scale, "label": self.labels[i]}


def see_image(model: nn.Module, batch: dict[str, Tensor]) -> Any:
    return model(batch["image"])


def image_beside_its_label(batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    return batch["image"], batch["label"]


@pair("input-scale", group="data", source="scikit-learn")
def pictures_in_unit_range_divided_by_255_again(sick: bool) -> Arguments:
    """The conversion to tensors already gives [0, 1], and the data set divides by 255 once more."""
    sown()
    train, val = cut(*digit_bytes())
    scale = 255.0 if sick else 1.0
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(12, 24, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(24 * 16, 10),
    )
    return {
        "model": model,
        "loader": served(PictureFiles(train[0], train[1], scale)),
        "val_loader": served(PictureFiles(val[0], val[1], scale), shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9),
        "forward": see_image,
        "split": image_beside_its_label,
    }


@pair("class-imbalance", group="data")
def screening_where_two_in_a_hundred_are_ill(sick: bool) -> Arguments:
    """The cohort was taken as it came: two per cent are ill, and the plain loss learns to call everybody healthy."""
    sown(1)
    x = torch.randn(1400, 12)
    risk = x[:, 0] + 0.8 * x[:, 1] * x[:, 2] - 0.7 * x[:, 3] + 0.4 * torch.randn(1400)
    ill = (risk > risk.quantile(0.98 if sick else 0.55)).float().unsqueeze(1)
    model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.BCEWithLogitsLoss(), optimizer=optimizer, **column_loaders(x, ill))


class Counting(Dataset[dict[str, Tensor]]):
    """Sequences that count in steps of one to four round a ring of 23 tokens."""

    def __init__(self, first: int, count: int, shift: bool) -> None:
        drawn = torch.Generator().manual_seed(first)
        start = torch.randint(0, 23, (count, 1), generator=drawn)
        steps = torch.randint(1, 5, (count, 3), generator=drawn).repeat_interleave(5, 1)
        self.tokens = torch.cat([start, start + steps.cumsum(1)], 1) % 23
        self.shift = shift

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, i: int) -> dict[str, Tensor]:
        tokens = self.tokens[i]
        return {"input_ids": tokens[:-1], "labels": tokens[1:] if self.shift else tokens[:-1]}


@pair("causality", group="wiring", source="transformers")
def labels_shifted_for_a_gpt2_that_shifts_them_itself(sick: bool) -> Arguments:
    """The data set moves the labels on by one token, and GPT-2 does so again: it learns the token after the next."""
    sown(2)
    config = GPT2Config(
        vocab_size=23,
        n_positions=16,
        n_embd=32,
        n_layer=2,
        n_head=2,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=0,
        eos_token_id=0,
    )
    model = GPT2LMHeadModel(config)
    return {
        "model": model,
        "loader": served(Counting(1, 900, sick)),
        "val_loader": served(Counting(2, 120, sick), shuffle=False),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=3e-3),
        "task": "language-model",
    }


class Verifier(nn.Module):
    """A siamese network that gives the distance between two pictures."""

    def __init__(self, floor: float) -> None:
        super().__init__()
        self.floor = floor
        self.embed = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, 12)
        )

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        difference = self.embed(left) - self.embed(right)
        return torch.sqrt(difference.pow(2).sum(1) + self.floor)


def contrastive_by_squares(distance: Tensor, same: Tensor) -> Tensor:
    return (same * distance.pow(2) + (1 - same) * F.relu(2 - distance).pow(2)).mean()


@pair("nonfinite-gradient", group="backward", source="published")
def distance_of_a_picture_to_itself(sick: bool) -> Arguments:
    """Some pairs hold one picture twice: the root of their squared distance, zero, has no finite derivative."""
    sown(3)
    x, y = digit_sheets(900)
    left = torch.arange(900)
    right = torch.randperm(900)
    for i in range(0, 900, 2):
        alike = (y == y[i]).nonzero().squeeze(1)
        right[i] = alike[torch.randint(len(alike), ())] if i % 20 else i
    model = Verifier(floor=0.0 if sick else 1e-6)
    return dict(
        model=model,
        loss_fn=contrastive_by_squares,
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-3),
        task="other",
        **column_loaders(x[left], x[right], (y[left] == y[right]).float()),
    )


@healthy(resembles="input-scale", source="scikit-learn")
def raw_bytes_into_a_first_batchnorm() -> Arguments:
    """The pictures come as bytes up to 240, and the first layer of the network is a BatchNorm that scales them."""
    sown(4)
    x, y = digit_bytes()
    model = nn.Sequential(
        nn.BatchNorm2d(1),
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 24, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(24 * 16, 10),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **column_loaders(x.float(), y))
