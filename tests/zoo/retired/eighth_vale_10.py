"""Programs with reported bugs in last activations, shapes and last batches, each with its mended twin."""

# mypy: disable-error-code="no-any-return,no-untyped-call"

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.eighth_vale_parts import (
    digits_in_unit_range,
    in_random_order,
    one_after_another,
    progression_table,
    relu_stack,
    seed_all_three,
    train_and_validation,
)


class DocumentNetwork(nn.Module):
    """Embedding, a GRU whose zero state is made beforehand for the training, and a logit."""

    def __init__(self, batch_size: int | None) -> None:
        """Build the layers; the state is for ``batch_size`` documents, or for as many as come."""
        super().__init__()
        self.batch_size = batch_size
        self.embedding = nn.Embedding(24, 16)
        self.gru = nn.GRU(16, 32, batch_first=True)
        self.head = nn.Linear(32, 1)

    def forward(self, tokens: Tensor) -> Tensor:
        """One logit a document."""
        zero = torch.zeros(1, self.batch_size or len(tokens), 32)
        output, _ = self.gru(self.embedding(tokens), zero)
        return self.head(output[:, -1]).squeeze(1)


@pair("runs", group="wiring", source="published")
def state_for_full_batches_only(sick: bool) -> Arguments:
    """The hidden state is made for full batches, and the last batch of the training is smaller.

    (vietnh1009/Hierarchical-attention-networks-pytorch#12)
    """
    seed_all_three()
    liked = torch.randint(2, (600,))
    tokens = torch.where(torch.rand(600, 10) < 0.6, liked[:, None], torch.randint(2, (600, 10))) * 12
    tokens += torch.randint(12, (600, 10))
    train, _ = train_and_validation(tokens, liked.float(), share=0.75)
    model = DocumentNetwork(batch_size=64 if sick else None)
    return {
        "model": model,
        "loader": in_random_order(train, 64),
        "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "task": "binary",
    }


def squared_error_of_a_table(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Mean squared error of a table."""
    return ((y_true - y_pred) ** 2).mean()


@pair("silent-broadcast", group="wiring", source="scikit-learn")
def column_of_targets_against_flat_predictions(sick: bool) -> Arguments:
    """The targets of the table are a column and the predictions are flat, and the squared error compares all with all.

    (LAMDA-Tabular/TALENT#92)
    """
    seed_all_three()
    x, y = progression_table()
    train, validation = train_and_validation(x, y[:, None] if sick else y)
    model = nn.Sequential(relu_stack(10, 32, 1), nn.Flatten(0))
    return {
        "model": model,
        "loader": in_random_order(train),
        "val_loader": one_after_another(validation),
        "loss_fn": squared_error_of_a_table,
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "task": "regression",
    }


@pair("runs", "batchnorm-statistics", group="wiring")
def last_batch_of_one_chip(sick: bool) -> Arguments:
    """The number of chips leaves one for the last batch, on which batch norm raises (azavea/raster-vision#1029)."""
    seed_all_three()
    x, y = digits_in_unit_range(images=True)
    order = torch.randperm(len(x))[:513]
    train = TensorDataset(x[order], y[order])
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(),
        nn.Linear(256, 48), nn.BatchNorm1d(48), nn.ReLU(), nn.Linear(48, 10),
    )  # fmt: skip
    return {
        "model": model,
        "loader": in_random_order(train, 32, drop_last=not sick),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }
