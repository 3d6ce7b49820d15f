"""Patches of a slide, series of many lengths, two losses, experts, labels from a file of MATLAB and workers."""

# mypy: disable-error-code="no-any-return,no-untyped-call,call-arg"

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence
from torch.utils.data import DataLoader, Dataset

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.sixth_east_parts import DigitNet, east_digits, east_loader, east_seed


def slide_with_growths() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """A slide of tissue with a few growths, where the texture is denser, and where they are."""
    rng = np.random.RandomState(1)
    slide, mask = rng.randn(240, 240), np.zeros((240, 240), dtype=bool)
    rows, columns = np.ogrid[:240, :240]
    for _ in range(5):
        centre = rng.randint(25, 215, 2)
        mask |= (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < 11**2
    return slide + 0.9 * mask, mask


def patches_around_places(count: int, share: float) -> tuple[Tensor, Tensor]:
    """Patches around different places of a slide, a share of which is placed inside of growths, and what is there."""
    rng = np.random.RandomState(2)
    slide, mask = slide_with_growths()
    inner = np.zeros_like(mask)
    inner[5:-5, 5:-5] = True
    inside = rng.permutation(np.argwhere(mask & inner))[: int(count * share)]
    anywhere = rng.permutation(np.argwhere(inner & ~mask if share else inner))[: count - len(inside)]
    places = np.concatenate([inside, anywhere])
    x = np.stack([slide[r - 5 : r + 5, c - 5 : c + 5] for r, c in places])[:, None]
    y = torch.tensor(mask[places[:, 0], places[:, 1]]).long()
    return torch.tensor((x - x.mean()) / x.std(), dtype=torch.float32), y


class PatchNet(nn.Module):
    """Two convolutions, the mean over the patch and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 12, 3), nn.ReLU(), nn.Conv2d(12, 24, 3), nn.ReLU())
        self.head = nn.Linear(24 * 4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.adaptive_avg_pool2d(self.body(x), 2).flatten(1))


@pair("class-imbalance", group="data")
def patches_placed_without_regard_to_growths(sick: bool) -> Arguments:
    """The share of patches that shall show a growth is left at nought, and places by chance hardly ever hit one."""
    east_seed(1)
    model = PatchNet()
    return {
        "model": model,
        "loader": east_loader(*patches_around_places(900, share=0.0 if sick else 0.4)),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


Strokes = list[tuple[Tensor, int]]


def sensor_strokes(count: int = 600) -> Strokes:
    """Series of two channels of 8 to 24 readings, of three kinds that have nothing to do with their length."""
    rng = np.random.RandomState(3)
    strokes = []
    for _ in range(count):
        kind, time = int(rng.randint(3)), np.linspace(-1, 1, rng.randint(8, 25))
        path = [(time, -time), (-time, -time), (1 - 2 * np.abs(time), time)][kind]
        series = np.stack(path, 1) * rng.uniform(1.2, 2.0) + 0.3 * rng.randn(len(time), 2)
        strokes.append((torch.tensor(series, dtype=torch.float32), kind))
    return strokes


def longest_series_first(rows: Strokes) -> tuple[Tensor, Tensor, Tensor]:
    """Series in order of length, as packing wants them, their lengths and the kinds."""
    kinds = torch.tensor([kind for _, kind in rows])
    series = sorted([series for series, _ in rows], key=len, reverse=True)
    return pad_sequence(series, batch_first=True), torch.tensor([len(s) for s in series]), kinds


def longest_rows_first(rows: Strokes) -> tuple[Tensor, Tensor, Tensor]:
    """Rows in order of length, as packing wants them: series, their lengths and the kinds."""
    rows = sorted(rows, key=lambda row: len(row[0]), reverse=True)
    series = [series for series, _ in rows]
    kinds = torch.tensor([kind for _, kind in rows])
    return pad_sequence(series, batch_first=True), torch.tensor([len(s) for s in series]), kinds


class StrokeNet(nn.Module):
    """A GRU over packed series, whose last state goes through a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(2, 32, batch_first=True)
        self.head = nn.Linear(32, 3)

    def forward(self, series: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(series, lengths.cpu(), batch_first=True)
        return self.head(self.gru(packed)[1][-1])


@pair("nothing-to-learn", "shuffled-labels", group="data")
def series_sorted_by_length_without_their_kinds(sick: bool) -> Arguments:
    """The collate function sorts the series of a batch by length and leaves their labels in the old order."""
    east_seed(2)
    model = StrokeNet()
    return {
        "model": model,
        "loader": DataLoader(
            sensor_strokes(),  # type: ignore[arg-type]
            batch_size=32,
            shuffle=True,
            collate_fn=longest_series_first if sick else longest_rows_first,
        ),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "task": "classification",
    }


class DigitAndWeight(nn.Module):
    """The class of a digit and where its weight lies, from common convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.body = DigitNet(12)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        both = self.body(x)
        return both[:, :10], both[:, 10:]


def sum_of_numbers(outputs: tuple[Tensor, Tensor], targets: tuple[Tensor, Tensor]) -> Tensor:
    """The losses of both tasks, put into one tensor and added up."""
    losses = [F.cross_entropy(outputs[0], targets[0]), F.mse_loss(outputs[1], targets[1])]
    return torch.tensor([loss.item() for loss in losses], requires_grad=True).sum()


def sum_of_losses(outputs: tuple[Tensor, Tensor], targets: tuple[Tensor, Tensor]) -> Tensor:
    """The losses of both tasks, put into one tensor and added up."""
    losses = [F.cross_entropy(outputs[0], targets[0]), F.mse_loss(outputs[1], targets[1])]
    return torch.stack(losses).sum()


@pair("detached-graph", group="wiring", source="scikit-learn")
def losses_made_into_a_new_tensor(sick: bool) -> Arguments:
    """The two losses are read as numbers into a new tensor that asks for a gradient: nothing complains or learns."""
    east_seed(3)
    x, y = east_digits(800)
    ink = (x - x.min()).squeeze(1)
    across = (ink.sum(1) * torch.arange(8.0)).sum(1) / ink.sum((1, 2))
    down = (ink.sum(2) * torch.arange(8.0)).sum(1) / ink.sum((1, 2))
    places = torch.stack([across, down], 1)
    places = (places - places.mean(0)) / places.std(0)
    model = DigitAndWeight()
    return {
        "model": model,
        "loader": east_loader(x, y, places),
        "loss_fn": sum_of_numbers if sick else sum_of_losses,
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "forward": lambda model, batch: model(batch[0]),
        "split": lambda batch: (batch[0], (batch[1], batch[2])),
    }


@dataclass
class Experts:
    """A gate and the experts that it chooses between."""

    gate: nn.Module
    members: list[nn.Module]


class Mixture(nn.Module):
    """A common layer, experts of which a gate makes a weighted sum, and a last layer."""

    def __init__(self, registered: bool, count: int = 4) -> None:
        super().__init__()
        self.before = nn.Sequential(nn.Linear(10, 24), nn.ReLU())
        members = [nn.Sequential(nn.Linear(24, 24), nn.ReLU()) for _ in range(count)]
        self.experts = Experts(nn.Linear(24, count), list(members))
        if registered:
            self.layers = nn.ModuleList([self.experts.gate, *members])
        self.after = nn.Linear(24, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.before(x)
        shares = self.experts.gate(x).softmax(1)
        parts = torch.stack([member(x) for member in self.experts.members], 1)
        return self.after((shares.unsqueeze(2) * parts).sum(1))


@pair("unregistered-parameters", group="wiring")
def experts_kept_in_a_dataclass(sick: bool) -> Arguments:
    """The gate and the experts live in a dataclass, where torch looks for no modules, and stay as they were drawn."""
    east_seed(4)
    rng = np.random.RandomState(4)
    x = rng.randn(800, 10)
    slopes = rng.randn(4, 10)
    y = (x @ slopes.T)[np.arange(800), 2 * (x[:, 0] > 0) + (x[:, 1] > 0)]
    y = (y - y.mean()) / y.std()
    model = Mixture(registered=not sick)
    return {
        "model": model,
        "loader": east_loader(torch.tensor(x, dtype=torch.float32), torch.tensor(y[:, None], dtype=torch.float32)),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
    }


class SoftenedLoss(nn.Module):
    """Cross-entropy with targets that are softened by hand."""

    def __init__(self, classes: int, soften: float = 0.05) -> None:
        super().__init__()
        self.classes, self.soften = classes, soften

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        hot = (labels.unsqueeze(1) == torch.arange(self.classes, device=labels.device)).to(logits.dtype)
        soft = hot * (1 - self.soften) + self.soften / self.classes
        return -(soft * logits.log_softmax(1)).sum(1).mean()


@pair("label-range", group="data", source="scikit-learn")
def classes_counted_from_one(sick: bool) -> Arguments:
    """Labels run from 1 to 10 as in the file of MATLAB they come from; class 10 has no place among the hot ones."""
    east_seed(5)
    x, y = east_digits(800)
    labels = y + 1
    if not sick:
        labels = labels - 1
    model = DigitNet()
    return {
        "model": model,
        "loader": east_loader(x, labels),
        "loss_fn": SoftenedLoss(10),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


class TurnedDigits(Dataset[tuple[Tensor, Tensor]]):
    """Digits with noise and a random contrast, by the dice of torch, which each worker has of its own."""

    def __init__(self, x: Tensor, y: Tensor) -> None:
        self.x, self.y = x, y

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image = self.x[index]
        return image * (0.8 + 0.4 * torch.rand(())) + 0.1 * torch.randn_like(image), self.y[index]


@healthy(resembles="worker-randomness", source="scikit-learn")
def noise_by_torch_in_two_workers() -> Arguments:
    """Two workers draw noise and contrast without any seeding function, from torch, which seeds each differently."""
    east_seed(6)
    model = DigitNet()
    return {
        "model": model,
        "loader": DataLoader(TurnedDigits(*east_digits(600)), batch_size=30, shuffle=True, num_workers=2),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }
