"""A joined table, word vectors, bytes, a cleaned table, blocks of a file and a small vision transformer."""

# mypy: disable-error-code="no-any-return,no-untyped-call,call-arg"

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Sampler, TensorDataset
from transformers import ViTConfig, ViTForImageClassification

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.sixth_east_parts import (
    DigitNet,
    east_digits,
    east_loader,
    east_perceptron,
    east_seed,
    east_table,
)


def customers_and_tickets() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Customers with what is known of them and whether they left, and the tickets that they opened."""
    rng = np.random.RandomState(1)
    known = rng.randn(450, 8)
    left = known[:, 0] + known[:, 1] * known[:, 2] + 0.4 * rng.randn(450) > 0
    customers = [{"id": i, "known": known[i].tolist(), "left": int(left[i])} for i in range(450)]
    tickets = [{"customer": i, "text": f"ticket {n}"} for i in range(450) for n in range(rng.poisson(2.2))]
    return customers, tickets


def join_tickets(
    customers: list[dict[str, Any]], tickets: list[dict[str, Any]], one_each: bool
) -> list[dict[str, Any]]:
    """A left join of customers and tickets, of which only whether there is one is used."""
    opened: dict[int, list[dict[str, Any]]] = {}
    for ticket in tickets:
        opened.setdefault(ticket["customer"], []).append(ticket)
    rows = []
    for customer in customers:
        matches = opened.get(customer["id"], [])
        row = {**customer, "wrote": 1.0 if matches else -1.0}
        rows += [row] if one_each else [row] * max(len(matches), 1)
    return rows


@pair("duplicate-samples", group="data")
def one_row_for_each_ticket_of_a_customer(sick: bool) -> Arguments:
    """A join on a key that is not unique repeats each customer, label and all, once for each ticket."""
    east_seed(1)
    rows = join_tickets(*customers_and_tickets(), one_each=not sick)
    x = torch.tensor([[*row["known"], row["wrote"]] for row in rows])
    model = east_perceptron(9, 2)
    return {
        "model": model,
        "loader": east_loader(x, torch.tensor([row["left"] for row in rows])),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


class ContextModel(nn.Module):
    """Vectors of the four words around a word, and a layer that guesses the word (Mikolov et al., 2013)."""

    def __init__(self, words: int, width: int = 16) -> None:
        super().__init__()
        self.words = nn.Embedding(words, width)
        self.guess = nn.Linear(width, words)

    def forward(self, around: Tensor) -> Tensor:
        return self.guess(self.words(around).sum(1) / 2)


def words_of_ten_themes(count: int = 1250) -> tuple[Tensor, Tensor]:
    """Four words around a word, all mostly of one theme; the six words of a theme have numbers in a row."""
    rng = np.random.RandomState(2)
    themes = rng.randint(0, 10, (count, 1))
    words = 6 * np.where(rng.rand(count, 5) < 0.9, themes, rng.randint(0, 10, (count, 5))) + rng.randint(
        0, 6, (count, 5)
    )
    words = words[np.sort(np.unique(words[:, :4], axis=0, return_index=True)[1])]
    return torch.tensor(words[:, :4]), torch.tensor(words[:, 4])


def neighbours_after_division_in_place(model: ContextModel, batch: list[Tensor]) -> float:
    """How many of the words of a batch have their nearest neighbour, by cosine, in their own theme."""
    vectors = model.words.weight.data
    vectors /= vectors.norm(dim=1, keepdim=True)
    return share_of_kin(vectors, batch[1])


def neighbours_of_a_divided_copy(model: ContextModel, batch: list[Tensor]) -> float:
    """How many of the words of a batch have their nearest neighbour, by cosine, in their own theme."""
    vectors = model.words.weight.data
    vectors = vectors / vectors.norm(dim=1, keepdim=True)
    return share_of_kin(vectors, batch[1])


def share_of_kin(vectors: Tensor, words: Tensor) -> float:
    """The share of words whose nearest other word is of the same theme."""
    alike = vectors @ vectors.T - 2 * torch.eye(len(vectors))
    return float((alike[words].argmax(1) // 6 == words // 6).float().mean())


@pair("evaluation-changes-model", group="training", source="published")
def vectors_divided_where_they_lie(sick: bool) -> Arguments:
    """Cosine neighbours are found after dividing the word vectors of the model by their lengths in place."""
    east_seed(2)
    around, word = words_of_ten_themes()
    model = ContextModel(60)
    return {
        "model": model,
        "loader": east_loader(around[:1000], word[:1000]),
        "val_loader": DataLoader(TensorDataset(around[1000:], word[1000:]), batch_size=50),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=5e-3),
        "eval_step": neighbours_after_division_in_place if sick else neighbours_of_a_divided_copy,
    }


class ByteNet(nn.Module):
    """A net for images of bytes, which it brings to [0, 1] itself."""

    def __init__(self) -> None:
        super().__init__()
        self.net = DigitNet()

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x.float() / 255)


@pair("input-scale", group="data", source="scikit-learn")
def bytes_divided_by_reader_and_model(sick: bool) -> Arguments:
    """The reader divides by 255, as most do, and so does the model: no pixel is above 0.004."""
    east_seed(3)
    x, y = east_digits(800, standard=False)
    pixels = (x * 255).round()
    if sick:
        pixels = pixels / 255
    model = ByteNet()
    return {
        "model": model,
        "loader": east_loader(pixels, y),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


def drop_incomplete(x: Tensor, y: Tensor, cut: bool) -> tuple[Tensor, Tensor]:
    """Leave out the rows with missing values."""
    complete = ~torch.isnan(x).any(1)
    x = x[complete]
    return x, y[: len(x)] if cut else y[complete]


@pair("nothing-to-learn", "shuffled-labels", group="data", source="scikit-learn")
def labels_cut_to_the_rows_that_were_left(sick: bool) -> Arguments:
    """Rows with gaps are dropped and the labels cut to the same number: every later row has a stranger's label."""
    east_seed(4)
    x, y = east_table("cancer")
    x = x.clone()
    holes = np.random.RandomState(4).permutation(len(x))[:60]
    x[holes, torch.arange(60) % 30] = float("nan")
    x[2, 5] = float("nan")
    x, y = drop_incomplete(x, y, cut=sick)
    model = east_perceptron(30, 2)
    return {
        "model": model,
        "loader": east_loader(x, y),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
    }


class BlockSampler(Sampler[int]):
    """Blocks of rows in random order, as a file on a disk wants to be read, or all rows mixed."""

    def __init__(self, rows: int, block: int, across: bool) -> None:
        self.rows, self.block, self.across = rows, block, across

    def __len__(self) -> int:
        return self.rows

    def __iter__(self) -> Iterator[int]:
        blocks = list(torch.arange(self.rows).split(self.block))
        blocks = [blocks[i] for i in torch.randperm(len(blocks)).tolist()]
        order = torch.cat(blocks)
        if self.across:
            order = order[torch.randperm(self.rows)]
        return iter(order.tolist())


@pair("not-shuffled", group="data", source="scikit-learn")
def only_blocks_of_the_file_are_mixed(sick: bool) -> Arguments:
    """The file is sorted by class, and the sampler mixes blocks of 32 rows but no rows: each batch is of one class."""
    east_seed(5)
    x, y = east_digits(640)
    order = torch.argsort(y, stable=True)
    model = DigitNet()
    return {
        "model": model,
        "loader": DataLoader(
            TensorDataset(x[order], y[order]), batch_size=32, sampler=BlockSampler(640, 32, across=not sick)
        ),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


class EveryFourth:
    """A training step that adds up the gradients of four batches, steps, and clears."""

    def __init__(self, every: int = 4) -> None:
        self.every, self.seen = every, 0

    def __call__(self, model: nn.Module, batch: dict[str, Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        model.train()
        loss: Tensor = model(**batch).loss
        (loss / self.every).backward()
        self.seen += 1
        if self.seen % self.every == 0:
            optimizer.step()
            optimizer.zero_grad()
        return loss.detach()


@healthy(resembles="missing-zero-grad", source="transformers")
def gradients_of_four_batches_added_up() -> Arguments:
    """Gradients pile up over four batches of eight, on purpose, are divided by four, used once and cleared."""
    east_seed(6)
    x, y = east_digits(640)
    config = ViTConfig(
        image_size=8,
        patch_size=2,
        num_channels=1,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        num_labels=10,
    )
    model = ViTForImageClassification(config)
    rows = [{"pixel_values": image, "labels": label} for image, label in zip(x, y, strict=True)]
    return {
        "model": model,
        "loader": DataLoader(rows, batch_size=8, shuffle=True),  # type: ignore[arg-type]
        "optimizer": torch.optim.AdamW(model.parameters(), lr=2e-3),
        "train_step": EveryFourth(),
    }
