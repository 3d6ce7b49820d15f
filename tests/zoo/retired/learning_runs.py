"""Programs whose step raises."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from sklearn.datasets import load_wine
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from transformers import GPT2Config, GPT2LMHeadModel

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.models_of_learning_data import (
    batches,
    digit_images,
    letter_windows,
    seed_everything,
    standardised,
)


class RowReader(nn.Module):
    """An LSTM over the rows of an image, with states made by hand."""

    def __init__(self, batch: int, hidden: int = 32):
        super().__init__()
        self.batch, self.hidden = batch, hidden
        self.lstm = nn.LSTM(8, hidden, num_layers=2, batch_first=True)
        self.head = nn.Linear(hidden, 10)

    def states(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        batch = self.batch or rows.shape[0]
        return rows.new_zeros(2, batch, self.hidden), rows.new_zeros(2, batch, self.hidden)

    def forward(self, image: Tensor) -> Tensor:
        rows = image.squeeze(1)
        out, _ = self.lstm(rows, self.states(rows))
        return self.head(out[:, -1])


@pair("runs", group="training", source="scikit-learn")
def state_of_another_batch_size(sick: bool) -> Arguments:
    """The states of the LSTM are made for 64 samples, the size before the loader was changed to 32."""
    seed_everything()
    model = RowReader(batch=64 if sick else 0)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    return {
        "model": model,
        "loader": batches(*digit_images()),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": optimizer,
    }


class WineRows(Dataset):
    """Rows of the wine table, standardised, as they come out of NumPy."""

    def __init__(self, single: bool):
        x, y = load_wine(return_X_y=True)
        self.x = standardised(x).astype("float32") if single else standardised(x)
        self.y = y

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return torch.from_numpy(self.x[index]), int(self.y[index])


class TableNet(nn.Module):
    """A residual network on a table."""

    def __init__(self, columns: int, classes: int, width: int = 32):
        super().__init__()
        self.enter = nn.Linear(columns, width)
        self.mix = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
        self.leave = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        h = self.enter(x)
        return self.leave(F.relu(h + self.mix(h)))


@pair("runs", group="training", source="scikit-learn")
def rows_of_numpy_in_double_precision(sick: bool) -> Arguments:
    """The rows come as float64 from NumPy and the weights are float32: the first product of matrices raises."""
    seed_everything()
    model = TableNet(13, 3)
    return {
        "model": model,
        "loader": DataLoader(WineRows(single=not sick), batch_size=16, shuffle=True),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
    }


class UNet(nn.Module):
    """Two levels down, two up, and skip connections."""

    def __init__(self, fit: bool, width: int = 12):
        super().__init__()
        self.fit = fit
        self.down1, self.down2 = self.block(1, width), self.block(width, 2 * width)
        self.middle = self.block(2 * width, 2 * width)
        self.up2, self.up1 = self.block(4 * width, width), self.block(2 * width, width)
        self.last = nn.Conv2d(width, 1, 1)

    @staticmethod
    def block(before: int, after: int) -> nn.Sequential:
        return nn.Sequential(nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU())

    def join(self, below: Tensor, beside: Tensor) -> Tensor:
        above = F.interpolate(below, scale_factor=2.0)
        if self.fit:
            above = F.interpolate(below, size=beside.shape[-2:])
        return torch.cat([above, beside], 1)

    def forward(self, x: Tensor) -> Tensor:
        first = self.down1(x)
        second = self.down2(F.max_pool2d(first, 2))
        h = self.middle(F.max_pool2d(second, 2))
        h = self.up2(self.join(h, second))
        return self.last(self.up1(self.join(h, first)))


@pair("runs", group="training", source="published")
def unet_on_images_of_eighteen_pixels(sick: bool) -> Arguments:
    """Halved twice, 18 pixels are 9 and then 4; doubled again they are 8, and the skip connection of 9 does not fit."""
    seed_everything()
    digits, _ = digit_images(200)
    scene = torch.full((200, 1, 18, 18), digits.min().item())
    for i, (top, left) in enumerate(torch.randint(0, 11, (200, 2)).tolist()):
        scene[i, :, top : top + 8, left : left + 8] = digits[i]
    mask = (scene > 0).float()
    noisy = scene + 0.5 * torch.randn_like(scene)
    model = UNet(fit=not sick)
    return {
        "model": model,
        "loader": batches(noisy, mask, size=16),
        "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
    }


def as_language(rows: list[Tensor]) -> dict[str, Tensor]:
    """Collate windows of letters for a model that shifts its labels itself."""
    ids = torch.stack(rows)
    return {"input_ids": ids, "labels": ids.clone()}


@pair("runs", group="training", source="transformers")
def gpt2_with_fewer_positions_than_letters(sick: bool) -> Arguments:
    """The windows were lengthened to 48 letters, GPT-2 has vectors for 32 positions: a look-up out of range."""
    seed_everything()
    config = GPT2Config(
        vocab_size=28,
        n_positions=32 if sick else 48,
        n_embd=48,
        n_layer=2,
        n_head=4,
        bos_token_id=27,
        eos_token_id=27,
    )
    model = GPT2LMHeadModel(config)
    windows = list(letter_windows(48, 400))
    return {
        "model": model,
        "loader": DataLoader(windows, batch_size=16, shuffle=True, collate_fn=as_language),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=3e-3),
    }
