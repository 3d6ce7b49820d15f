"""Pairs and look-alikes of the fourth table, second hand: rivers, masks, digits, tumours and triplets."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import torch
from sklearn.datasets import load_breast_cancer
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Sampler, TensorDataset

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fourth_table_parts import batches_of, both_loaders, pictures_of_digits, seed_table, z_scores


class RiverModel(nn.Module):
    """Discharge of a river from a month of rain and temperature."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(2, 32, batch_first=True)
        self.discharge = nn.Linear(32, 1)

    def forward(self, month: Tensor) -> Tensor:
        _, last = self.gru(month)
        discharge: Tensor = self.discharge(last[0])
        return discharge


@pair("nonfinite-data", group="data")
def logarithm_of_dry_days(sick: bool) -> Arguments:
    """The logarithm of the rain is taken without adding one, although two days of five are dry."""
    seed_table(47)
    rain = torch.empty(700, 30).exponential_(0.3) * (torch.rand(700, 30) > 0.4)
    warmth = torch.randn(700, 1) + 0.4 * torch.randn(700, 30)
    discharge = (rain * 0.85 ** torch.arange(29, -1, -1)).sum(1) - 1.5 * warmth.mean(1)
    month = torch.stack([rain.log() if sick else rain.log1p(), warmth], 2)
    model = RiverModel()
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    loaders = both_loaders(month, z_scores(discharge[:, None]), held_out=140)
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, **loaders)


def twice(inside: int, outside: int) -> nn.Sequential:
    """Two convolutions of a U-Net's stage."""
    return nn.Sequential(
        nn.Conv2d(inside, outside, 3, padding=1), nn.ReLU(), nn.Conv2d(outside, outside, 3, padding=1), nn.ReLU()
    )


class SmallUNet(nn.Module):
    """A U-Net of two stages with one class."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.bottom, self.up = twice(1, 8), twice(8, 16), twice(24, 8)
        self.mask = nn.Conv2d(8, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        fine = self.down(x)
        coarse = self.bottom(F.max_pool2d(fine, 2))
        mask: Tensor = self.mask(self.up(torch.cat([fine, F.interpolate(coarse, scale_factor=2)], 1)))
        return mask


def cells(count: int) -> tuple[Tensor, Tensor]:
    """Noisy pictures of cells, brighter inside, and where they are as bytes."""
    rows, columns = torch.meshgrid(torch.arange(24.0), torch.arange(24.0), indexing="ij")
    mask = torch.zeros(count, 24, 24, dtype=torch.bool)
    for _ in range(3):
        y, x, radius = (24 * torch.rand(3, count, 1, 1)).unbind(0)
        mask |= (rows - y) ** 2 + (columns - x) ** 2 < (2.5 + radius / 9) ** 2
    pictures = 0.3 + 0.4 * mask + 0.12 * torch.randn(count, 24, 24)
    return pictures.clamp(0, 1)[:, None], (255 * mask[:, None]).to(torch.uint8)


@pair("label-range", group="data", source="published")
def masks_read_as_bytes(sick: bool) -> Arguments:
    """The masks come from files of 0 and 255, and go into binary cross-entropy as they are."""
    seed_table(48)
    pictures, masks = cells(260)
    model = SmallUNet()
    return dict(
        model=model,
        loss_fn=nn.BCEWithLogitsLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        task="segmentation",
        **both_loaders(pictures, masks.float() if sick else masks.float() / 255, held_out=52, size=16),
    )


class PooledConvNet(nn.Module):
    """Convolutions with group norm and a head on the pooled features."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1),
            nn.GroupNorm(4, 32),
            nn.SiLU(),
            nn.Conv2d(32, 64, 3, stride=2, padding=1),
            nn.GroupNorm(4, 64),
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(1024, 128),
            nn.LayerNorm(128),
        )
        self.head = nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.head(self.body(x))
        return scores


@pair("loss-at-init", group="init", source="scikit-learn")
def head_of_unit_normal_weights(sick: bool) -> Arguments:
    """The new head's weights are drawn with a spread of one, so the untrained network is very sure of nonsense."""
    seed_table(49)
    model = PooledConvNet()
    nn.init.normal_(model.head.weight, std=1.0 if sick else 0.02)
    nn.init.zeros_(model.head.bias)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    loaders = both_loaders(*pictures_of_digits(), held_out=300)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders)


class TumourNet(nn.Module):
    """A small residual network on a table."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(30, 32)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(32), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 32)) for _ in range(2)
        )
        self.malignant = nn.Linear(32, 1)

    def forward(self, table: Tensor) -> Tensor:
        hidden = self.first(table)
        for block in self.blocks:
            hidden = hidden + block(hidden)
        malignant: Tensor = self.malignant(torch.relu(hidden))
        return malignant.squeeze(1)


def tensors_of(frame: pd.DataFrame, scale: pd.DataFrame) -> tuple[Tensor, Tensor]:
    """Standardised measurements and the diagnosis."""
    features = frame.drop(columns="target")
    other = scale.drop(columns="target")
    table = ((features - other.mean()) / other.std()).to_numpy(dtype="float32")
    return torch.tensor(table), torch.tensor(frame["target"].to_numpy(dtype="float32"))


@pair("split-leak", group="data", source="scikit-learn")
def rest_taken_by_an_index_that_was_reset(sick: bool) -> Arguments:
    """The index of the sampled rows is numbered anew before they are dropped, so the rest holds rows of the sample."""
    seed_table(50)
    frame = load_breast_cancer(as_frame=True).frame
    frame.columns = [name.replace(" ", "_") for name in frame.columns]
    train = frame.sample(frac=0.75, random_state=1)
    if sick:
        train = train.reset_index(drop=True)
    held = frame.drop(index=train.index)
    model = TumourNet()
    return {
        "model": model,
        "loader": batches_of(*tensors_of(train, train), size=24),
        "val_loader": batches_of(*tensors_of(held, train), size=24, shuffle=False),
        "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-3),
    }


@pair("dead-units", group="init", source="scikit-learn")
def first_phase_at_a_rate_that_killed_the_units(sick: bool) -> Arguments:
    """A first phase at a rate of 0.2 pushed nearly all ReLUs below zero for good, and training goes on from there."""
    seed_table(51)
    x, y = pictures_of_digits()
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
    first = torch.optim.Adam(model.parameters(), lr=0.2 if sick else 0.003)
    for start in range(0, 1024, 32):
        first.zero_grad()
        F.cross_entropy(model(x[start : start + 32]), y[start : start + 32]).backward()  # type: ignore[no-untyped-call]
        first.step()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **both_loaders(x, y, held_out=300))


class EvenBatches(Sampler[list[int]]):
    """Four digits of each of eight classes, drawn anew for every batch, one class after the other."""

    def __init__(self, labels: Tensor, batches: int) -> None:
        super().__init__()
        self.rows = [torch.nonzero(labels == kind).squeeze(1) for kind in range(10)]
        self.batches = batches

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[list[int]]:
        for _ in range(self.batches):
            kinds = torch.randperm(10)[:8].tolist()
            yield [i for kind in kinds for i in self.rows[kind][torch.randperm(len(self.rows[kind]))[:4]].tolist()]


def batch_hard(embedded: Tensor, labels: Tensor) -> Tensor:
    """The triplet loss with the hardest positive and negative of the batch, with a soft margin."""
    distance = (embedded[:, None] - embedded[None]).square().sum(2).clamp(min=1e-12).sqrt()
    same = labels[:, None] == labels[None]
    farthest = distance.masked_fill(~same, 0.0).amax(1)
    nearest = distance.masked_fill(same, 1e4).amin(1)
    return F.softplus(farthest - nearest).mean()


@healthy(resembles="not-shuffled", source="published")
def triplets_from_batches_of_eight_classes() -> Arguments:
    """Each batch lists its classes one after the other, as the triplet loss needs, but holds eight drawn at random."""
    seed_table(52)
    x, y = pictures_of_digits()
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 16))
    return {
        "model": model,
        "loader": DataLoader(TensorDataset(x[:1400], y[:1400]), batch_sampler=EvenBatches(y[:1400], 40)),
        "loss_fn": batch_hard,
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "task": "other",
    }
