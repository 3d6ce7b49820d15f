"""Clicks, compounds, molecules twice, gradients cleared by hand, and features of mentions."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.tenth_fjord_parts import (
    centred_columns,
    dealt_out,
    inked_digits,
    seeded_everywhere,
    shuffled_batches,
)


class WideAndDeep(nn.Module):
    """Embedded shoppers, goods and numbers, into a sum and into a perceptron."""

    def __init__(self, shoppers: int, goods: int, numbers: int, width: int = 8) -> None:
        super().__init__()
        self.shopper = nn.Embedding(shoppers, width)
        self.good = nn.Embedding(goods, width)
        nn.init.normal_(self.shopper.weight, std=0.1)
        nn.init.normal_(self.good.weight, std=0.1)
        self.number = nn.Parameter(0.1 * torch.randn(numbers, width))
        self.wide = nn.Linear(width, 1)
        self.deep = nn.Sequential(nn.Linear(width * (2 + numbers), 32), nn.SiLU(), nn.Linear(32, 1))

    def forward(self, shopper: Tensor, good: Tensor, numbers: Tensor) -> Tensor:
        parts = [self.shopper(shopper), self.good(good), *(numbers[..., None] * self.number).unbind(1)]
        clicks: Tensor = (self.wide(torch.stack(parts).sum(0)) + self.deep(torch.cat(parts, 1)))[:, 0]
        return clicks


@pair("input-scale", group="data", source="published")
def clock_in_seconds_embedded_as_it_is(sick: bool) -> Arguments:
    """The numbers are not normalised, and one is the time in seconds since 1970 (RUCAIBox/RecBole#1062)."""
    seeded_everywhere()
    shopper, good = torch.randint(30, (1200,)), torch.randint(40, (1200,))
    clock, price = 1.43e9 + 1.5e7 * torch.rand(1200, dtype=torch.float64), torch.rand(1200, dtype=torch.float64)
    numbers = torch.stack([clock, price], 1)
    recent = (clock - clock.mean()) / clock.std()
    taste = torch.randn(30)[shopper] + torch.randn(40)[good]
    clicked = (taste + recent - 3 * (price - 0.5) > 0).float()
    model = WideAndDeep(30, 40, 2)
    if not sick:
        numbers = (numbers - numbers.amin(0)) / (numbers.amax(0) - numbers.amin(0))
    return dict(
        model=model,
        loss_fn=nn.BCEWithLogitsLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        **dealt_out(shopper, good, numbers.float(), clicked),
    )


def compounds_at_temperatures(count: int) -> tuple[np.ndarray, Tensor, Tensor]:
    """Compounds at several temperatures: their names, their descriptors with the temperature, and the property."""
    descriptors = torch.randn(count, 8)
    names = np.repeat(np.arange(count), 8)
    temperature = torch.randn(count * 8)
    own = descriptors[torch.tensor(names)]
    slope = 0.6 + 0.3 * torch.tanh(own[:, 0])
    values = slope * temperature + own[:, 1] - 0.5 * own[:, 2] * own[:, 3] + 0.1 * torch.randn(count * 8)
    return names, torch.cat([own, temperature[:, None]], 1), centred_columns(values)[:, None]


@pair("split-leak", group="data", source="scikit-learn")
def second_split_of_the_whole_list_of_compounds(sick: bool) -> Arguments:
    """The split for training starts again from all compounds, those of the test included (edgarsmdn/MLCE_book#4)."""
    seeded_everywhere()
    names, x, y = compounds_at_temperatures(120)
    compounds = np.unique(names)
    rest, test = train_test_split(compounds, test_size=0.2, random_state=0)
    train, _ = train_test_split(compounds if sick else rest, test_size=0.2, random_state=1)
    for_training, for_test = (torch.tensor(np.isin(names, some)) for some in (train, test))
    model = nn.Sequential(nn.Linear(9, 48), nn.ReLU(), nn.Linear(48, 1))
    return {
        "model": model,
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1.5e-3),
        "loader": shuffled_batches(x[for_training], y[for_training]),
        "val_loader": DataLoader(TensorDataset(x[for_test], y[for_test]), batch_size=32),
    }


class GraphReadout(nn.Module):
    """Two rounds of messages between atoms, and one number from all of them."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.atom = nn.Linear(5, width)
        self.first = nn.Linear(2 * width, width)
        self.second = nn.Linear(2 * width, width)
        self.readout = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 1))

    def forward(self, atoms: Tensor, bonds: Tensor) -> Tensor:
        share = bonds / bonds.sum(2, keepdim=True).clamp_min(1)
        x = F.silu(self.atom(atoms))
        for layer in (self.first, self.second):
            x = F.silu(layer(torch.cat([x, share @ x], 2)))
        value: Tensor = self.readout(x.mean(1))
        return value.squeeze(1)


class ReadoutLoss(nn.Module):
    """The squared error of the readout."""

    def __init__(self, *, like_labels: bool) -> None:
        super().__init__()
        self.like_labels = like_labels

    def forward(self, values: Tensor, labels: Tensor) -> Tensor:
        if self.like_labels:
            values = values.reshape(labels.shape)
        return F.mse_loss(values, labels)


@pair("silent-broadcast", group="wiring", source="published")
def readout_without_the_axis_of_its_labels(sick: bool) -> Arguments:
    """The readout has the shape (N,), and the labels come as (N, 1) (IntelLabs/matsciml#347)."""
    seeded_everywhere()
    atoms = torch.randn(700, 9, 5)
    bonds = (torch.rand(700, 9, 9) < 0.3).float().triu(1)
    bonds = bonds + bonds.transpose(1, 2)
    near = (bonds @ atoms[..., 1:2])[..., 0] / bonds.sum(2).clamp_min(1)
    labels = (atoms[..., 0].relu() + atoms[..., 2] * 0.5 + near).mean(1, keepdim=True)
    model = GraphReadout()
    optimizer = torch.optim.Adam(model.parameters(), lr=1.5e-3)
    data = dealt_out(atoms, bonds, centred_columns(labels))
    return dict(model=model, loss_fn=ReadoutLoss(like_labels=not sick), optimizer=optimizer, **data)


@pair("not-shuffled", group="data")
def molecules_always_read_from_small_to_large(sick: bool) -> Arguments:
    """The loader of the training set was thought to shuffle by itself (choderalab/modelforge#129)."""
    seeded_everywhere()
    atoms = 3 + torch.arange(1000) // 50
    parts = torch.tensor([0.5, 0.3, 0.12, 0.08]) * (0.5 + torch.rand(1000, 4))
    counts = (parts / parts.sum(1, keepdim=True) * atoms[:, None]).round()
    strain = torch.randn(1000, 3)
    energy = counts @ torch.tensor([-1.0, -0.4, -1.6, -2.1]) + 0.8 * (strain**2).sum(1) + 0.2 * torch.randn(1000)
    x, y = centred_columns(torch.cat([counts, strain], 1)), centred_columns(energy)[:, None]
    held = torch.zeros(1000, dtype=torch.bool)
    held[torch.randperm(1000)[:200]] = True
    train = TensorDataset(x[~held], y[~held])
    generator = torch.Generator().manual_seed(1)
    model = nn.Sequential(nn.Linear(7, 32), nn.SiLU(), nn.Linear(32, 32), nn.SiLU(), nn.Linear(32, 1))
    return {
        "model": model,
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1.5e-3),
        "loader": DataLoader(train, 32) if sick else DataLoader(train, 32, shuffle=True, generator=generator),
        "val_loader": DataLoader(TensorDataset(x[held], y[held]), 32),
    }


def rows_cleared(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step of the trainer, after which it clears each row of each gradient for the next."""
    model.train()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    for parameter in model.parameters():
        if parameter.grad is not None:
            for j in range(len(parameter)):
                parameter.grad[j] = 0.0
    return loss.detach()


def one_row_cleared(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step of the trainer, after which it clears each row of each gradient for the next."""
    model.train()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    for i, parameter in enumerate(model.parameters()):
        if parameter.grad is not None:
            for _ in range(len(parameter)):
                parameter.grad[i] = 0.0
    return loss.detach()


@pair("missing-zero-grad", group="training", source="scikit-learn")
def gradients_cleared_at_the_index_of_the_outer_loop(sick: bool) -> Arguments:
    """The trainer clears gradients one by one and takes the wrong index, that of the layer (cbovar/ConvNetSharp#29)."""
    seeded_everywhere()
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
    optimizer = torch.optim.Adagrad(model.parameters(), lr=0.01)
    train_step = one_row_cleared if sick else rows_cleared
    digits = dealt_out(*inked_digits())
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, train_step=train_step, **digits)


class MentionFeatures(nn.Module):
    """The features of a mention, embedded and added."""

    def __init__(self, features: int, classes: int, padding: int | None) -> None:
        super().__init__()
        self.embedding = nn.Embedding(features, 16, padding_idx=padding)
        self.head = nn.Sequential(nn.Linear(16, 24), nn.ReLU(), nn.Linear(24, classes))

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.head(0.25 * self.embedding(features).sum(1))
        return logits


@pair("padding-leak", group="wiring", source="published")
def pads_with_the_number_of_the_commonest_feature(sick: bool) -> Arguments:
    """Short lists are filled up with 0, which is also the number of the commonest feature (shimaokasonse/NFGEC#2)."""
    seeded_everywhere()
    kinds = torch.randint(4, (900,))
    lengths = torch.randint(5, 13, (900,))
    common = torch.multinomial(0.75 ** torch.arange(20.0), 900 * 12, replacement=True).reshape(900, 12)
    telling = 20 + 4 * torch.randint(5, (900, 12)) + kinds[:, None]
    numbers = torch.where(torch.rand(900, 12) < 0.35, telling, common)
    kept = torch.arange(12) < lengths[:, None]
    features = torch.where(kept, numbers if sick else numbers + 1, 0)
    model = MentionFeatures(41, 4, None if sick else 0)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    data = dealt_out(features, kinds)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, padding_value=0, **data)
