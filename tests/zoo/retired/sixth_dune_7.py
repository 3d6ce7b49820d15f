"""Views, bags of words, subclasses, recorders and thresholds: five programs."""

from __future__ import annotations

from typing import Any

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.sixth_dune_parts import batches, digit_images, divided, seeded, sentence_batches, table


class Views(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """A digit, a view of it (every other time with some pixels blotted out), and its class."""

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self.images, self.labels = images, labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        image = view = self.images[index]
        if torch.rand(()) < 0.5:
            view = torch.where(torch.rand(64) < 0.1, torch.zeros(()), image)
        return image, view, self.labels[index]


class Consistent(nn.Module):
    """A classifier that also measures the angle between the features of two views."""

    def __init__(self, margin: float) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 32))
        self.head = nn.Linear(32, 10)
        self.margin = margin

    def forward(self, image: Tensor, view: Tensor) -> tuple[Tensor, Tensor]:
        a, b = self.body(image), self.body(view)
        cosine = F.cosine_similarity(a, b, dim=1)
        return self.head(a), torch.acos(cosine.clamp(-1 + self.margin, 1 - self.margin))


def consistent_loss(outputs: tuple[Tensor, Tensor], targets: Tensor) -> Tensor:
    return F.cross_entropy(outputs[0], targets) + 0.1 * outputs[1].mean()


@pair("nonfinite-gradient", group="backward", source="scikit-learn")
def angle_between_equal_views(sick: bool) -> Arguments:
    """Half of the views equal their images, at an angle of zero, where the slope of the arc cosine is infinite."""
    seeded()
    train, val = digit_images(flat=True)
    model = Consistent(margin=0.0 if sick else 1e-4)
    return {
        "model": model,
        "loader": DataLoader(Views(*train), 32, shuffle=True, drop_last=True),
        "val_loader": DataLoader(Views(*val), 50),
        "loss_fn": consistent_loss,
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


class BagOfWords(nn.Module):
    """The mean of the embeddings of the words that count, and two layers on it."""

    def __init__(self, inverted: bool) -> None:
        super().__init__()
        self.words = nn.Embedding(30, 32, padding_idx=0)
        self.hidden, self.head = nn.Linear(32, 32), nn.Linear(32, 2)
        self.inverted = inverted

    def forward(self, ids: Tensor) -> Tensor:
        counts = (ids.eq(0) if self.inverted else ids.ne(0)).unsqueeze(-1).float()
        mean = (self.words(ids) * counts).sum(1) / counts.sum(1).clamp(min=1)
        out: Tensor = self.head(F.relu(self.hidden(mean)))
        return out


@pair("constant-output", group="wiring")
def mean_over_the_padding_alone(sick: bool) -> Arguments:
    """The mask of the mean is one where there is padding, whose embedding is zero, so all sentences become zero."""
    seeded()
    model = BagOfWords(inverted=sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=5e-3),
        **sentence_batches(),
    )


class Digits(Dataset[tuple[Tensor, Tensor]]):
    """One part of the handwritten digits."""

    def __init__(self, part: str = "train") -> None:
        data = load_digits()
        x = (torch.tensor(data.data, dtype=torch.float32) / 16 - 0.305) / 0.376
        train, val = divided(x, torch.tensor(data.target), train=1300)
        self.x, self.y = train if part == "train" else val

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.x[index], self.y[index]


class DigitsAsRows(Digits):
    """The same as a sequence of eight rows."""

    def __init__(self, part: str = "train", rows: int = 8) -> None:
        super().__init__(part)
        self.rows = rows

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        x, y = super().__getitem__(index)
        return x.view(self.rows, -1), y


class DigitsAsStrips(DigitsAsRows):
    """The same again."""

    def __init__(self, part: str = "train", rows: int = 8) -> None:
        Digits.__init__(self)
        self.part, self.rows = part, rows


class RowReader(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(8, 48, batch_first=True)
        self.head = nn.Linear(48, 10)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.gru(x)[1][-1])
        return out


@pair("split-leak", group="data", source="scikit-learn")
def part_that_the_subclass_does_not_pass_on(sick: bool) -> Arguments:
    """The subclass of the data set calls its parent without the part, so that validation has the rows of training."""
    seeded()
    kind = DigitsAsStrips if sick else DigitsAsRows
    model = RowReader()
    return {
        "model": model,
        "loader": DataLoader(kind("train"), 32, shuffle=True, drop_last=True),
        "val_loader": DataLoader(kind("val"), 50),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
    }


class Recorder:
    """Keeps what a layer gave in training, for a map of the features."""

    def __init__(self, layer: nn.Module, whole: bool) -> None:
        self.seen: list[Any] = []
        self.whole = whole
        layer.register_forward_hook(self.keep)

    def keep(self, layer: nn.Module, inputs: Any, output: Tensor) -> None:
        if layer.training:
            self.seen.append(output if self.whole else output.detach().mean(0).tolist())


@pair("memory-growth", group="training", source="scikit-learn")
def features_recorded_by_a_hook(sick: bool) -> Arguments:
    """A forward hook keeps the hidden features of every batch for a plot, with the graphs that made them."""
    seeded()
    model = nn.Sequential(nn.Linear(30, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 2))
    Recorder(model[2], whole=sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        **batches(table("cancer")),
    )


class SparselyFiring(nn.Module):
    """A layer whose units are standardised and fire well above their mean only."""

    def __init__(self, inputs: int, outputs: int, threshold: float = 1.0) -> None:
        super().__init__()
        self.linear, self.norm = nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs)
        nn.init.constant_(self.norm.bias, -threshold)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.linear(x)))


@healthy(resembles="dead-units", source="scikit-learn")
def units_that_fire_for_one_digit_in_six() -> Arguments:
    """Five of six hidden units are zero for any one digit, other ones for others, as all fire rarely."""
    seeded()
    model = nn.Sequential(SparselyFiring(64, 96), SparselyFiring(96, 96), nn.Linear(96, 10))
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        **batches(digit_images(flat=True)),
    )
