"""Tumours, records of patients, digits of a test set, notes, houses, and shadows."""

from __future__ import annotations

import torch
from sklearn.datasets import load_breast_cancer, load_digits
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset
from transformers import GPT2Config, GPT2LMHeadModel

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.tenth_fjord_parts import (
    centred_columns,
    dealt_out,
    seeded_everywhere,
    shuffled_batches,
    tunes_of_notes,
)


class BinaryOutput(nn.Module):
    """The last block of a model for clicks and the like: one probability, and the loss that goes with it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.to_call = nn.Linear(width, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        return torch.sigmoid(self.to_call(hidden))


@pair("loss-input", group="wiring", source="scikit-learn")
def default_loss_that_expects_logits_of_a_sigmoid_block(sick: bool) -> Arguments:
    """The output block ends in a sigmoid, and its default loss applies another (NVIDIA-Merlin/models#1175)."""
    seeded_everywhere()
    features, benign = load_breast_cancer(return_X_y=True)
    x, y = torch.tensor(features, dtype=torch.float32), torch.tensor(benign, dtype=torch.float32)[:, None]
    model = nn.Sequential(nn.Linear(30, 24), nn.ReLU(), BinaryOutput(24))
    default_loss = nn.BCEWithLogitsLoss() if sick else nn.BCELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=default_loss, optimizer=optimizer, **dealt_out(centred_columns(x), y))


def small_gpt(tokens: int, dropout: float) -> GPT2LMHeadModel:
    """A GPT-2 of two small blocks."""
    config = GPT2Config(
        vocab_size=tokens, n_positions=24, n_embd=32, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=0
    )
    config.resid_pdrop = config.embd_pdrop = config.attn_pdrop = dropout
    return GPT2LMHeadModel(config)


def as_rows(rows: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Rows of tokens and labels as one batch."""
    return {key: torch.stack([row[key] for row in rows]) for key in rows[0]}


def token_batches(ids: Tensor, labels: Tensor, *, shuffle: bool = True) -> DataLoader[dict[str, Tensor]]:
    """Batches of tokens and labels."""
    rows = [{"input_ids": row, "labels": label} for row, label in zip(ids, labels, strict=True)]
    generator = torch.Generator().manual_seed(1)
    return DataLoader(rows, 32, shuffle=shuffle, collate_fn=as_rows, generator=generator)  # type: ignore[arg-type]


def timeline_step(model: nn.Module, batch: dict[str, Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step of training."""
    model.train()
    optimizer.zero_grad()
    loss: Tensor = model(**batch).loss
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()


@torch.inference_mode()
def loss_for_the_log_as_it_stands(model: nn.Module, batch: dict[str, Tensor]) -> float:
    """The loss of a batch, for the log."""
    return float(model(**batch).loss)


@torch.inference_mode()
def loss_for_the_log(model: nn.Module, batch: dict[str, Tensor]) -> float:
    """The loss of a batch, for the log."""
    model.eval()
    return float(model(**batch).loss)


@pair("train-eval-mode", group="wiring", source="transformers")
def inference_mode_taken_for_evaluation_mode(sick: bool) -> Arguments:
    """The loss is estimated in inference mode, and no one calls eval(): dropout is on (ipolharvard/ethos-ares#20)."""
    seeded_everywhere()
    ids = tunes_of_notes(1000, 17)
    model = small_gpt(8, dropout=0.1)
    return {
        "model": model,
        "optimizer": torch.optim.AdamW(model.parameters(), lr=1e-3),
        "train_step": timeline_step,
        "eval_step": loss_for_the_log_as_it_stands if sick else loss_for_the_log,
        "loader": token_batches(ids[:800], ids[:800]),
        "val_loader": token_batches(ids[800:], ids[800:], shuffle=False),
    }


@pair("train-val-shift", group="data", source="scikit-learn")
def test_digits_left_as_they_were_read(sick: bool) -> Arguments:
    """The training pixels are normalised, and those of the test set are not (mlpack/examples#213)."""
    seeded_everywhere()
    pixels, labels = load_digits(return_X_y=True)
    order = torch.randperm(1400)
    x, y = torch.tensor(pixels, dtype=torch.float32)[order], torch.tensor(labels, dtype=torch.long)[order]
    train, test = x[:1100] / 16, x[1100:]
    if not sick:
        test = test / 16
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    return {
        "model": model,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "loader": shuffled_batches(train, y[:1100]),
        "val_loader": DataLoader(TensorDataset(test, y[1100:]), 32),
    }


@pair("causality", group="wiring", source="transformers")
def labels_moved_for_a_model_that_moves_them(sick: bool) -> Arguments:
    """The preparation moves the labels by one, and the model does so too (huggingface/transformers#562)."""
    seeded_everywhere()
    ids = tunes_of_notes(1000, 17)
    labels = F.pad(ids[:, 1:], (0, 1), value=-100) if sick else ids
    model = small_gpt(8, dropout=0.0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    return {"model": model, "loader": token_batches(ids, labels), "optimizer": optimizer, "causal": True}


@pair("target-scale", "input-scale", group="data")
def houses_in_their_own_units(sick: bool) -> Arguments:
    """Neither the features nor the prices of the houses are normalised (blackportal-ai/delta#248)."""
    seeded_everywhere()
    income, age = 3.9 + 1.7 * torch.randn(1000), 1 + 51 * torch.rand(1000)
    rooms, homes = 5.4 + 1.1 * torch.randn(1000), 400 * torch.exp(0.6 * torch.randn(1000))
    people, north, east = 2.9 * homes * torch.exp(0.2 * torch.randn(1000)), torch.randn(1000), torch.randn(1000)
    x = torch.stack([income, age, rooms, homes, people, 35.6 + 2.1 * north, -119.6 + 2.0 * east], 1)
    rest = 0.15 * (age - 26) / 15 - 0.3 * north - 0.3 * east + 0.3 * torch.randn(1000)
    price = (206_000 + 85_000 * ((income - 3.9) / 1.7 + rest))[:, None]
    if not sick:
        x, price = centred_columns(x), centred_columns(price)
    model = nn.Linear(7, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, **dealt_out(x, price))


def shadowed(count: int) -> tuple[Tensor, Tensor]:
    """Pictures with a shadow and its mask, and the same pictures without."""
    bright = F.interpolate(torch.randn(count, 1, 5, 5), size=(16, 16), mode="bilinear")
    ys, xs = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    place = 3 + 10 * torch.rand(count, 2, 1, 1)
    radius = 2.5 + 2 * torch.rand(count, 1, 1)
    mask = ((ys - place[:, 0]) ** 2 + (xs - place[:, 1]) ** 2 < radius**2).float()[:, None]
    clear = bright + 0.1 * torch.randn(count, 1, 16, 16)
    return torch.cat([clear - (0.8 + 0.3 * clear) * mask, mask], 1), clear


@pair("duplicate-samples", group="data")
def one_picture_in_the_set_hundreds_of_times(sick: bool) -> Arguments:
    """One picture with its mask is in the set again and again (bcmi/Object-Shadow-Generation-Dataset-DESOBAv2#13)."""
    seeded_everywhere()
    pictures, clear = shadowed(700)
    rows = torch.cat([torch.arange(700), torch.full((400 if sick else 0,), 17)])
    model = nn.Sequential(
        nn.Conv2d(2, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 1, 1)
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    loader = shuffled_batches(pictures[rows], clear[rows])
    return {"model": model, "loss_fn": nn.MSELoss(), "optimizer": optimizer, "task": "regression", "loader": loader}
