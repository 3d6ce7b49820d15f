"""Ratings, exports of a clinic, and autoencoders of digits: programs of the fifth set, second hand."""
# mypy: disable-error-code="no-any-return, no-untyped-call"

from __future__ import annotations

import itertools

import torch
from sklearn.datasets import load_breast_cancer
from torch import Tensor, nn
from torch.utils.data import ConcatDataset, DataLoader, TensorDataset, WeightedRandomSampler

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fifth_cargo_parts import (
    cargo_digits,
    cargo_halves,
    cargo_loader,
    cargo_loaders,
    cargo_start,
    cargo_table,
)


def tumour_classifier() -> nn.Sequential:
    """A perceptron on the thirty measures of a biopsy."""
    return nn.Sequential(nn.Linear(30, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 2))


@pair("duplicate-samples", group="data", source="scikit-learn")
def monthly_exports_that_overlap(sick: bool) -> Arguments:
    """Two exports of the clinic are concatenated although the second begins before the first one ends."""
    cargo_start()
    x, y = cargo_table(load_breast_cancer)
    (x, y), (x_val, y_val) = cargo_halves(x, y.long())
    spring = TensorDataset(x[:280], y[:280])
    begins = 130 if sick else 280
    summer = TensorDataset(x[begins:], y[begins:])
    both: ConcatDataset[tuple[Tensor, ...]] = ConcatDataset([spring, summer])
    loader = DataLoader(both, batch_size=32, shuffle=True, generator=torch.Generator().manual_seed(1))
    model = tumour_classifier()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    val_loader = cargo_loader(x_val, y_val, shuffle=False)
    return {
        "model": model,
        "loader": loader,
        "val_loader": val_loader,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": optimizer,
    }


class MatrixFactors(nn.Module):
    """Ratings as the product of the factors of a reader and a book, with a bias of each."""

    def __init__(self, readers: int, books: int, *, kept_column: bool) -> None:
        super().__init__()
        self.reader, self.book = nn.Embedding(readers, 8), nn.Embedding(books, 8)
        self.reader_bias, self.book_bias = nn.Embedding(readers, 1), nn.Embedding(books, 1)
        for table in (self.reader, self.book, self.reader_bias, self.book_bias):
            nn.init.normal_(table.weight, std=0.3)
        self.kept_column = kept_column

    def forward(self, reader: Tensor, book: Tensor) -> Tensor:
        product = (self.reader(reader) * self.book(book)).sum(-1, keepdim=True)
        rating = product + self.reader_bias(reader) + self.book_bias(book)
        return rating if self.kept_column else rating.squeeze(-1)


def log_cosh(outputs: Tensor, targets: Tensor) -> Tensor:
    """A smooth absolute error."""
    return torch.log(torch.cosh(outputs - targets)).mean()


@pair("silent-broadcast", group="wiring")
def column_of_ratings_less_a_row_of_ratings(sick: bool) -> Arguments:
    """The model gives a column, the ratings are a row, and their difference is a square."""
    cargo_start()
    readers, books = torch.randint(0, 60, (1500,)), torch.randint(0, 40, (1500,))
    left, right = torch.randn(60, 2), torch.randn(40, 2)
    ratings = (left[readers] * right[books]).sum(-1) + 0.7 * torch.randn(60)[readers] + 0.7 * torch.randn(40)[books]
    ratings = (ratings - ratings.mean()) / ratings.std()
    model = MatrixFactors(60, 40, kept_column=sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return dict(
        model=model, loss_fn=log_cosh, optimizer=optimizer, task="regression", **cargo_loaders(readers, books, ratings)
    )


class DeepAutoencoder(nn.Module):
    """Eight affine layers around a code of sixteen numbers."""

    def __init__(self, hidden_std: float | None) -> None:
        super().__init__()
        widths = [64, 64, 48, 32, 16, 32, 48, 64]
        layers = [nn.Linear(a, b) for a, b in itertools.pairwise(widths)]
        self.hidden = nn.ModuleList(layers)
        self.out = nn.Linear(64, 64)
        for layer in layers:
            if hidden_std is None:
                nn.init.kaiming_normal_(layer.weight, nonlinearity="leaky_relu", a=0.1)
            else:
                nn.init.normal_(layer.weight, std=hidden_std)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.hidden:
            x = nn.functional.leaky_relu(layer(x), 0.1)
        return self.out(x)


@pair("init-scale", group="init", source="scikit-learn")
def hidden_weights_of_spread_one(sick: bool) -> Arguments:
    """The weights of seven hidden layers are drawn with a standard deviation of one, whatever their width."""
    cargo_start()
    x, _ = cargo_digits(flat=True)
    model = DeepAutoencoder(1.0 if sick else None)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, task="regression", **cargo_loaders(x, x))


class QuantisedAutoencoder(nn.Module):
    """A convolutional encoder to numbers of three bits, and a decoder."""

    def __init__(self, *, straight_through: bool) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(),
            nn.Flatten(), nn.Linear(256, 16),
        )  # fmt: skip
        self.decoder = nn.Sequential(nn.Linear(16, 96), nn.ReLU(), nn.Linear(96, 64), nn.Unflatten(1, (1, 8, 8)))
        self.straight_through = straight_through

    def forward(self, x: Tensor) -> Tensor:
        code = torch.sigmoid(self.encoder(x))
        bits = torch.round(code * 7) / 7
        if self.straight_through:
            bits = code + (bits - code).detach()
        return self.decoder(2 * bits - 1)


@pair("zero-gradient-path", group="wiring", source="scikit-learn")
def code_rounded_without_a_way_back(sick: bool) -> Arguments:
    """The code is rounded to three bits with nothing straight through, so no gradient reaches the encoder."""
    cargo_start()
    x, _ = cargo_digits()
    model = QuantisedAutoencoder(straight_through=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, task="regression", **cargo_loaders(x, x))


class TanhPerceptron(nn.Module):
    """Two tanh layers on flat digits."""

    def __init__(self, *, standard_normal: bool) -> None:
        super().__init__()
        self.first, self.second, self.out = nn.Linear(64, 96), nn.Linear(96, 96), nn.Linear(96, 10)
        for layer in (self.first, self.second):
            if standard_normal:
                nn.init.normal_(layer.weight)
            else:
                nn.init.xavier_normal_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(torch.tanh(self.second(torch.tanh(self.first(x)))))


@pair("saturated-units", group="init", source="scikit-learn")
def tanh_layers_under_standard_normal_weights(sick: bool) -> Arguments:
    """`nn.init.normal_` with its default spread of one puts nearly all tanh units at plus or minus one."""
    cargo_start()
    x, y = cargo_digits(flat=True)
    model = TanhPerceptron(standard_normal=sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **cargo_loaders(x, y))


@healthy(resembles="duplicate-samples", source="scikit-learn")
def malignant_rows_drawn_with_replacement() -> Arguments:
    """A weighted sampler draws the rare class with replacement, so that its rows come several times an epoch."""
    cargo_start()
    x, y = cargo_table(load_breast_cancer)
    malignant, benign = torch.where(y == 0)[0], torch.where(y == 1)[0]
    kept = torch.cat([malignant[:110], benign])
    (x, y), (x_val, y_val) = cargo_halves(x[kept], y[kept].long())
    weights = (1.0 / torch.bincount(y).float())[y]
    sampler = WeightedRandomSampler(weights.tolist(), len(y), generator=torch.Generator().manual_seed(5))
    model = tumour_classifier()
    return {
        "model": model,
        "loader": DataLoader(TensorDataset(x, y), batch_size=32, sampler=sampler),
        "val_loader": cargo_loader(x_val, y_val, shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }
