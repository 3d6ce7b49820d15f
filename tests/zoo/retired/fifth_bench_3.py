"""Bench programs, third hand: an autoencoder, a decay, a hand-made activation, fruit in colour, and two look-alikes."""

from __future__ import annotations

from typing import Any

import torch
from sklearn.datasets import load_breast_cancer
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset, TensorDataset
from transformers import BertConfig, BertForMaskedLM

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fifth_bench_parts import column_loaders, cut, digit_sheets, scaled_table, served, sown


@pair("output-range", group="wiring", source="scikit-learn")
def standardised_measurements_behind_a_sigmoid_decoder(sick: bool) -> Arguments:
    """The decoder ends in a sigmoid, copied from pictures in [0, 1], and half of the standardised values lie below."""
    sown(11)
    x, _ = scaled_table(load_breast_cancer)
    layers: list[nn.Module] = [nn.Linear(30, 24), nn.ELU(), nn.Linear(24, 8), nn.ELU(), nn.Linear(8, 24), nn.ELU()]
    layers.append(nn.Linear(24, 30))
    if sick:
        layers.append(nn.Sigmoid())
    model = nn.Sequential(*layers)
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        task="regression",
        **column_loaders(x, x),
    )


def decaying_step(
    model: nn.Module,
    batch: list[Tensor],
    optimizer: torch.optim.Optimizer,
    scheduler: torch.optim.lr_scheduler.LRScheduler,
) -> Tensor:
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    scheduler.step()
    return loss.detach()


@pair("lr-schedule", group="training", source="scikit-learn")
def decay_every_ten_epochs_stepped_every_batch(sick: bool) -> Arguments:
    """`StepLR` was set up in epochs, and its step stands in the loop over batches: the rate is gone after one epoch."""
    sown(12)
    loaders = column_loaders(*digit_sheets())
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 48), nn.LayerNorm(48), nn.GELU(), nn.Linear(48, 48), nn.GELU(), nn.Linear(48, 10)
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    batches = len(loaders["loader"])
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=10 if sick else 10 * batches, gamma=0.1)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        scheduler=scheduler,
        train_step=decaying_step,
        total_steps=30 * batches,
        **loaders,
    )


class LeanSwish(torch.autograd.Function):
    """Swish that keeps its input alone and computes the derivative from it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, sign: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.sign = sign
        return x * torch.sigmoid(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        gate = torch.sigmoid(x)
        return grads[0] * gate * (1 + x * (1 + ctx.sign * gate)), None


class WaveReader(nn.Module):
    """A 1-D CNN with lean Swish activations."""

    def __init__(self, sign: float) -> None:
        super().__init__()
        self.sign = sign
        self.first = nn.Conv1d(1, 12, 7, stride=2, padding=3)
        self.second = nn.Conv1d(12, 24, 5, stride=2, padding=2)
        self.head = nn.Linear(24, 4)

    def forward(self, wave: Tensor) -> Any:
        wave = LeanSwish.apply(self.first(wave), self.sign)
        wave = LeanSwish.apply(self.second(wave), self.sign)
        return self.head(wave.amax(2))


@pair("gradient-check", group="backward")
def derivative_of_swish_with_a_wrong_sign(sick: bool) -> Arguments:
    """The hand-written backward of Swish adds the sigmoid where its derivative subtracts it."""
    sown(13)
    kind = torch.randint(0, 4, (900,))
    time = torch.arange(64) / 64
    phase = torch.rand(900, 1) * 6.28
    wave = torch.sin(6.28 * (2 + 3 * kind.unsqueeze(1)) * time + phase) * 1.2 + 0.5 * torch.randn(900, 64)
    model = WaveReader(sign=1.0 if sick else -1.0)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        **column_loaders(wave.unsqueeze(1), kind),
    )


def fruit(count: int) -> tuple[Tensor, Tensor]:
    """Apples, limes and plums of several sizes on a wooden table, as RGB in [0, 1]."""
    table, skins = torch.tensor([0.60, 0.42, 0.22]), torch.tensor([[0.8, 0.2, 0.2], [0.4, 0.7, 0.2], [0.4, 0.2, 0.5]])
    kind = torch.randint(0, 3, (count,))
    grid = torch.arange(12.0)
    centre, radius = 4 + 4 * torch.rand(count, 2, 1, 1), 2 + 2 * torch.rand(count, 1, 1)
    near = (grid.view(1, 12, 1) - centre[:, 0]) ** 2 + (grid.view(1, 1, 12) - centre[:, 1]) ** 2 < radius**2
    colour = torch.where(near.unsqueeze(1), skins[kind].view(-1, 3, 1, 1), table.view(1, 3, 1, 1))
    return (colour * (0.8 + 0.4 * torch.rand(count, 1, 1, 1)) + 0.06 * torch.randn(count, 3, 12, 12)).clamp(0, 1), kind


@pair("train-val-shift", group="data")
def validation_photographs_opened_in_bgr(sick: bool) -> Arguments:
    """The training photographs were opened in RGB and those for validation, by another library, in BGR."""
    sown(14)
    (x, y), (held_x, held_y) = cut(*fruit(800))
    if sick:
        held_x = held_x.flip(1)
    mean, std = x.mean((0, 2, 3), keepdim=True), x.std((0, 2, 3), keepdim=True)
    model = nn.Sequential(
        nn.Conv2d(3, 12, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(12, 16, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 3),
    )
    return {
        "model": model,
        "loader": served(TensorDataset((x - mean) / std, y)),
        "val_loader": served(TensorDataset((held_x - mean) / std, held_y), shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


class Wobbly(Dataset[tuple[Tensor, Tensor]]):
    """Digits that are moved by a pixel at most and get a little noise each time they are asked for."""

    def __init__(self, x: Tensor, y: Tensor) -> None:
        self.x, self.y = x, y

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        across, down = torch.randint(-1, 2, (2,)).tolist()
        moved = torch.roll(self.x[i], (down, across), (1, 2))
        return moved + 0.1 * torch.randn_like(moved), self.y[i]


@healthy(resembles="train-val-shift", source="scikit-learn")
def only_training_digits_wobble() -> Arguments:
    """Training digits are moved and get noise, those for validation stay as they are: that is what augmentation is."""
    sown(15)
    train, val = cut(*digit_sheets())
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 24, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(24 * 16, 10),
    )
    return {
        "model": model,
        "loader": served(Wobbly(*train)),
        "val_loader": served(TensorDataset(*val), shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


class Gaps(Dataset[dict[str, Tensor]]):
    """Sequences that count in equal steps, with a few tokens hidden behind a mask token, which are to be found."""

    def __init__(self, seed: int, count: int) -> None:
        drawn = torch.Generator().manual_seed(seed)
        first, pace = torch.randint(0, 20, (2, count, 1), generator=drawn)
        tokens = (first + (1 + pace % 2) * torch.arange(14)) % 20
        hidden = torch.rand(tokens.shape, generator=drawn) < 0.2
        hidden[:, 5] = True
        self.tokens, self.labels = tokens.masked_fill(hidden, 20), tokens.masked_fill(~hidden, -100)

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, i: int) -> dict[str, Tensor]:
        return {"input_ids": self.tokens[i], "labels": self.labels[i]}


@healthy(resembles="causality", source="transformers")
def bert_looks_both_ways_for_hidden_tokens() -> Arguments:
    """Every output depends on later tokens, and labels stand at the place of their inputs: a masked language model."""
    sown(16)
    config = BertConfig(
        vocab_size=21,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=14,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    model = BertForMaskedLM(config)
    return {
        "model": model,
        "loader": served(Gaps(1, 900)),
        "val_loader": served(Gaps(2, 120), shuffle=False),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=3e-3),
        "task": "language-model",
    }
