"""Broken programs and twins: workers with one seed, an Inception block, a reused buffer, a codebook."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_wine
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fifth_ahead_parts import (
    Batch,
    phased_waves,
    scaled_digit_images,
    seed_three_libraries,
    shuffling_loader,
    standardised_table,
    train_and_val_columns,
    two_hidden_layers,
)


class ShiftedDigits(Dataset[Any]):
    """Images with noise and a random cut-out from NumPy's global generator."""

    def __init__(self, x: Tensor, y: Tensor) -> None:
        self.x, self.y = x, y

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image = self.x[index] + torch.from_numpy(np.random.normal(0, 0.2, (1, 8, 8))).float()
        row, column = np.random.randint(0, 7, 2)
        image[:, row : row + 2, column : column + 2] = 0.0
        return image, self.y[index]


def same_seed(_: int) -> None:
    """Seed NumPy in a worker."""
    np.random.seed(42)


def seed_of_worker(_: int) -> None:
    """Seed NumPy in a worker."""
    np.random.seed(torch.initial_seed() % 2**32)


@pair("worker-randomness", group="data", source="scikit-learn")
def every_worker_seeded_with_forty_two(sick: bool) -> Arguments:
    """`worker_init_fn` seeds NumPy with the same constant in every worker and epoch, to be reproducible."""
    seed_three_libraries(801)
    model = nn.Sequential(nn.Flatten(), two_hidden_layers(64, 64, 10))
    loader = shuffling_loader(
        ShiftedDigits(*scaled_digit_images(640)), num_workers=2, worker_init_fn=same_seed if sick else seed_of_worker
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return {"model": model, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer, "loader": loader}


class InceptionBlock(nn.Module):
    """Branches of several kernel sizes side by side."""

    def __init__(self, inputs: int, width: int, joined: tuple[str, ...]) -> None:
        super().__init__()
        self.joined = joined
        self.branches = nn.ModuleDict(
            {
                "one": nn.Conv2d(inputs, width, 1),
                "three": nn.Conv2d(inputs, width, 3, padding=1),
                "five": nn.Conv2d(inputs, width, 5, padding=2),
            }
        )

    def forward(self, x: Tensor) -> Tensor:
        parts = {name: F.relu(branch(x)) for name, branch in self.branches.items()}
        return torch.cat([parts[name] for name in self.joined], 1)


@pair("unused-parameters", group="wiring", source="published")
def widest_branch_left_out_of_the_join(sick: bool) -> Arguments:
    """All three branches run, and by a slip the middle one is joined twice and the widest not at all."""
    seed_three_libraries(802)
    joined = ("one", "three", "three") if sick else ("one", "three", "five")
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1),
        nn.ReLU(),
        InceptionBlock(12, 8, joined),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(24 * 16, 10),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return dict(
        model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **train_and_val_columns(*scaled_digit_images())
    )


@pair("no-nonlinearity", group="wiring")
def wave_filters_without_activation(sick: bool) -> Arguments:
    """The convolutions follow each other without activation up to the mean over time, blind to frequency."""
    seed_three_libraries(803)
    act = nn.Identity if sick else nn.ReLU
    model = nn.Sequential(
        nn.Conv1d(2, 16, 7, padding=3),
        act(),
        nn.Conv1d(16, 32, 5, stride=2, padding=2),
        act(),
        nn.Conv1d(32, 32, 3, padding=1),
        act(),
        nn.AdaptiveAvgPool1d(1),
        nn.Flatten(),
        nn.Linear(32, 4),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    loaders = train_and_val_columns(*phased_waves(800))
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders)


class BufferedRows(Dataset[Any]):
    """Rows of a table, written into one buffer to save allocations."""

    def __init__(self, x: Tensor, y: Tensor, copied: bool) -> None:
        self.x, self.y = x, y
        self.copied = copied
        self.buffer = torch.zeros(x.shape[1])

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        self.buffer.copy_(self.x[index])
        return self.buffer.clone() if self.copied else self.buffer, self.y[index]


@pair("input-independent-baseline", "label-noise", group="training", source="scikit-learn")
def rows_share_one_buffer(sick: bool) -> Arguments:
    """The data set returns its buffer itself, so that all rows of a batch hold the last one when they are stacked."""
    seed_three_libraries(804)
    x, y = standardised_table(load_wine())
    model = two_hidden_layers(13, 32, 3)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    data = BufferedRows(x, y.long(), copied=not sick)
    return {
        "model": model,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": optimizer,
        "loader": shuffling_loader(data, 16),
    }


class Codebook(nn.Module):
    """Vector quantisation with a codebook that follows the mean of what it is chosen for."""

    def __init__(self, guarded: bool, codes: int = 32, width: int = 8) -> None:
        super().__init__()
        self.guarded = guarded
        self.register_buffer("codes", torch.randn(codes, width) * 0.5)
        self.register_buffer("counts", torch.ones(codes))
        self.register_buffer("sums", self.codes.clone())
        self.codes: Tensor
        self.counts: Tensor
        self.sums: Tensor

    def forward(self, h: Tensor) -> tuple[Tensor, Tensor]:
        flat = h.flatten(0, 1)
        chosen = torch.cdist(flat, self.codes).argmin(1)
        if self.training or not self.guarded:
            with torch.no_grad():
                picks = F.one_hot(chosen, len(self.codes)).float()
                self.counts.mul_(0.95).add_(picks.sum(0), alpha=0.05)
                self.sums.mul_(0.95).add_(picks.T @ flat, alpha=0.05)
                self.codes.copy_(self.sums / self.counts.clamp_min(1e-3)[:, None])
        nearest = self.codes[chosen].view_as(h)
        return h + (nearest - h).detach(), F.mse_loss(h, nearest)


class QuantisedAutoencoder(nn.Module):
    """An autoencoder of digits with four codes per image."""

    def __init__(self, guarded: bool) -> None:
        super().__init__()
        self.encode = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32))
        self.codebook = Codebook(guarded)
        self.decode = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 64))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        quantised, distance = self.codebook(self.encode(x).view(len(x), 4, 8))
        return self.decode(quantised.flatten(1)).view_as(x), distance


def image_error_and_code_distance(outputs: tuple[Tensor, Tensor], image: Tensor) -> Tensor:
    """Squared error and the distance to the codes."""
    return F.mse_loss(outputs[0], image) + 0.25 * outputs[1]


def image_for_itself(batch: Batch) -> tuple[Tensor, Tensor]:
    """Inputs and targets."""
    return batch[0], batch[0]


@torch.no_grad()
def error_in_evaluation(model: nn.Module, batch: Batch) -> float:
    """Squared error in evaluation mode."""
    model.eval()
    error = F.mse_loss(model(batch[0])[0], batch[0]).item()
    model.train()
    return error


@pair("evaluation-changes-model", group="training", source="published")
def codebook_that_learns_in_evaluation(sick: bool) -> Arguments:
    """The codebook's moving averages are updated in every forward pass, also in evaluation mode on validation data."""
    seed_three_libraries(805)
    model = QuantisedAutoencoder(guarded=not sick)
    return dict(
        model=model,
        loss_fn=image_error_and_code_distance,
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        split=image_for_itself,
        eval_step=error_in_evaluation,
        task="other",
        **train_and_val_columns(*scaled_digit_images(1200)),
    )


class ReZeroBlock(nn.Module):
    """Attention and a perceptron, each added with a weight that starts at zero."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, 4, batch_first=True)
        self.feed = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, h: Tensor) -> Tensor:
        h = h + self.weight * self.attention(h, h, h, need_weights=False)[0]
        out: Tensor = h + self.weight * self.feed(h)
        return out


class ReZeroTransformer(nn.Module):
    """Rows of an image through blocks that start as identities, and a head that starts at zero."""

    def __init__(self, width: int = 32, depth: int = 3) -> None:
        super().__init__()
        self.embed = nn.Linear(8, width)
        self.place = nn.Parameter(0.1 * torch.randn(8, width))
        self.blocks = nn.Sequential(*(ReZeroBlock(width) for _ in range(depth)))
        self.head = nn.Linear(8 * width, 10)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.blocks(self.embed(x.squeeze(1)) + self.place).flatten(1))
        return out


@healthy(resembles="symmetric-init", source="published")
def branches_and_head_that_begin_at_zero() -> Arguments:
    """ReZero: the weights of all residual branches and the head start at zero, the layers inside them at random."""
    seed_three_libraries(806)
    model = ReZeroTransformer()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(
        model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **train_and_val_columns(*scaled_digit_images())
    )
