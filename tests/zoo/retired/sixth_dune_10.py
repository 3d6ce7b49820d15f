"""Hashes, highways, spreads, hard examples and clipping: five programs."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from transformers import GPT2Config, GPT2LMHeadModel

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.sixth_dune_parts import batches, digit_images, seeded, table


class Hash(nn.Module):
    """Digits as 32 signs, and their class read off those."""

    def __init__(self, straight_through: bool) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 96), nn.ReLU(), nn.Linear(96, 32))
        self.head = nn.Linear(32, 10)
        self.straight_through = straight_through

    def signs(self, h: Tensor) -> Tensor:
        if self.straight_through:
            soft = torch.tanh(h)
            return soft + (torch.sign(h) - soft).detach()
        return torch.sign(h)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.signs(self.encoder(x)))
        return out


@pair("zero-gradient-path", group="wiring", source="scikit-learn")
def hash_signs_that_send_nothing_back(sick: bool) -> Arguments:
    """The features of a hash are replaced by their signs, which send no gradient to the encoder."""
    seeded()
    model = Hash(straight_through=not sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        **batches(digit_images(flat=True)),
    )


class Gated(nn.Module):
    """A highway layer: partly a sigmoid layer, partly its input."""

    def __init__(self, width: int, bias: float) -> None:
        super().__init__()
        self.change, self.gate = nn.Linear(width, width), nn.Linear(width, width)
        nn.init.constant_(self.gate.bias, bias)

    def forward(self, x: Tensor) -> Tensor:
        gate = torch.sigmoid(self.gate(x))
        return gate * torch.sigmoid(self.change(x)) + (1 - gate) * x


@pair("vanishing-gradients", group="backward", source="published")
def highway_that_starts_without_a_way_through(sick: bool) -> Arguments:
    """The gates of sixteen highway layers start at +3 instead of −3, so that all passes sixteen sigmoids."""
    seeded()
    model = nn.Sequential(nn.Linear(13, 32), *[Gated(32, 3.0 if sick else -3.0) for _ in range(16)], nn.Linear(32, 3))
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9),
        **batches(table("wine"), 16),
    )


def spread(layer: nn.Linear, std: float = 1.0) -> nn.Linear:
    """Draw the weights of a layer from a normal distribution."""
    nn.init.normal_(layer.weight, std=std)
    nn.init.zeros_(layer.bias)
    return layer


@pair("saturated-units", group="init", source="scikit-learn")
def weights_drawn_with_the_default_spread(sick: bool) -> Arguments:
    """The weights of wide tanh layers are drawn with the helper's default spread of 1 instead of one over the root."""
    seeded()
    layers: list[nn.Module] = []
    for inputs, outputs in ((30, 128), (128, 128), (128, 128)):
        linear = nn.Linear(inputs, outputs)
        layers += [spread(linear) if sick else spread(linear, std=inputs**-0.5), nn.Tanh()]
    model = nn.Sequential(*layers, nn.Linear(128, 2))
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-3),
        **batches(table("cancer")),
    )


def image_network() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(256, 10),
    )


@torch.no_grad()
def losses_of(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """The loss of every sample as an evaluation would give it."""
    model.eval()
    return F.cross_entropy(model(x), y, reduction="none")


@torch.no_grad()
def losses_on_the_side(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """The same, and back to the mode there was."""
    mode = model.training
    model.eval()
    losses = F.cross_entropy(model(x), y, reduction="none")
    model.train(mode)
    return losses


def hard_half_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    model.train()
    hard = losses_on_the_side(model, *batch).topk(len(batch[1]) // 2).indices
    loss = F.cross_entropy(model(batch[0][hard]), batch[1][hard])
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()


def hard_half_step_as_left(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    model.train()
    hard = losses_of(model, *batch).topk(len(batch[1]) // 2).indices
    loss = F.cross_entropy(model(batch[0][hard]), batch[1][hard])
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()


@pair("train-eval-mode", group="wiring", source="scikit-learn")
def hard_examples_looked_for_in_eval_mode(sick: bool) -> Arguments:
    """The step looks for its hard examples in eval mode and stays in it: no dropout, and BatchNorm never counts."""
    seeded()
    model = image_network()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        train_step=hard_half_step_as_left if sick else hard_half_step,
        **batches(digit_images(), 64),
    )


def counted(rows: int = 500, length: int = 16) -> list[Tensor]:
    """Sequences that count on in steps of one to five, with many slips."""
    start, pace = torch.randint(40, (rows, 1)), torch.randint(1, 6, (rows, 1))
    tokens = (start + pace * torch.arange(length)) % 40
    slips = torch.rand(rows, length) < 0.2
    return list(torch.where(slips, torch.randint(40, (rows, length)), tokens))


def as_labelled_counts(rows: list[Tensor]) -> dict[str, Tensor]:
    ids = torch.stack(rows)
    return {"input_ids": ids, "labels": ids.clone()}


def warm(step: int) -> float:
    return min((step + 1) / 30, max(0.0, (600 - step) / 570))


def clipped_step(
    model: nn.Module,
    batch: dict[str, Tensor],
    optimizer: torch.optim.Optimizer,
    scheduler: torch.optim.lr_scheduler.LambdaLR,
) -> Tensor:
    optimizer.zero_grad()
    loss: Tensor = model(**batch).loss
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    scheduler.step()
    return loss.detach()


@healthy(resembles="clipping-always-on", source="transformers")
def language_model_clipped_at_one_while_it_warms_up() -> Arguments:
    """Gradients of a language model are clipped at 1, as published recipes do, which cuts a step now and then."""
    seeded()
    config = GPT2Config(vocab_size=40, n_positions=16, n_embd=32, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0)
    model = GPT2LMHeadModel(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    rows = counted()
    return {
        "model": model,
        "loader": DataLoader(rows[:400], 16, shuffle=True, collate_fn=as_labelled_counts),  # type: ignore[arg-type]
        "val_loader": DataLoader(rows[400:], 25, collate_fn=as_labelled_counts),  # type: ignore[arg-type]
        "optimizer": optimizer,
        "scheduler": torch.optim.lr_scheduler.LambdaLR(optimizer, warm),
        "total_steps": 600,
        "train_step": clipped_step,
    }
