"""Adapters on a language model, timed kernels, encoder counts, sentences, a metric, and a warm-up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader
from transformers import GPT2Config, GPT2LMHeadModel

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.tenth_fjord_parts import (
    ResidualNet,
    centred_columns,
    dealt_out,
    inked_digits,
    padded_batches,
    seeded_everywhere,
    sentences_on_topics,
)

LINES = (
    "the ferry leaves the harbour before the sun is up and comes back with salt on its windows",
    "a small boy counts the boats from the kitchen and writes the numbers on the back of a map",
    "when the fog is thick the captain rings a bell and listens for the answer of the cliffs",
    "her brother sells smoked fish and warm bread to the people who wait for the second crossing",
    "in winter the road along the water is closed and only the post comes through by sledge",
    "they painted the house red because the old paint had gone grey like the stones behind it",
    "nobody remembers who built the light but everybody knows the woman who keeps it burning",
    "on the last day of june the whole village rows to the island and eats under the birches",
)
LETTERS = sorted(set("".join(LINES)))


def windows_of(lines: tuple[str, ...], width: int = 24, stride: int = 2) -> Tensor:
    """Overlapping windows of letters, as indices."""
    text = " ".join(lines)
    ids = torch.tensor([LETTERS.index(letter) for letter in text])
    return ids.unfold(0, width, stride)


class LowRank(nn.Module):
    """A frozen layer of GPT-2 with a trainable update of low rank beside it."""

    def __init__(self, layer: nn.Module, width: int, out: int, rank: int = 8) -> None:
        super().__init__()
        self.layer = layer
        self.down = nn.Parameter(torch.randn(width, rank) / width**0.5)
        self.up = nn.Parameter(torch.zeros(rank, out))

    def forward(self, x: Tensor) -> Tensor:
        frozen: Tensor = self.layer(x)
        return frozen + 2 * (x @ self.down @ self.up)


def pretrained_with_adapters() -> GPT2LMHeadModel:
    """A small GPT-2 that has read the first lines, frozen, with adapters in its blocks."""
    config = GPT2Config(
        vocab_size=len(LETTERS), n_positions=32, n_embd=48, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=0
    )
    config.resid_pdrop = config.embd_pdrop = config.attn_pdrop = 0.0
    model = GPT2LMHeadModel(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    rows = windows_of(LINES[:5])
    for _ in range(120):
        ids = rows[torch.randint(len(rows), (32,))]
        optimizer.zero_grad()
        model(input_ids=ids, labels=ids).loss.backward()
        optimizer.step()
    model.zero_grad()
    model.requires_grad_(False)
    for block in model.transformer.h:
        attention: Any = block.attn
        perceptron: Any = block.mlp
        attention.c_attn = LowRank(attention.c_attn, 48, 144)
        perceptron.c_fc = LowRank(perceptron.c_fc, 48, 192)
        perceptron.c_proj = LowRank(perceptron.c_proj, 192, 48)
    return model


def adapter_step(model: nn.Module, batch: dict[str, Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step of the trainer, which clears the gradients after the update."""
    model.train()
    loss: Tensor = model(**batch).loss
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    optimizer.zero_grad()
    return loss.detach()


def adapter_step_without_clearing(
    model: nn.Module, batch: dict[str, Tensor], optimizer: torch.optim.Optimizer
) -> Tensor:
    """A step of the trainer."""
    model.train()
    loss: Tensor = model(**batch).loss
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()


def windows_with_labels(rows: list[Tensor]) -> dict[str, Tensor]:
    """Windows as the model wants them; it shifts the labels itself."""
    ids = torch.stack(rows)
    return {"input_ids": ids, "labels": ids.clone()}


@pair("missing-zero-grad", group="training", source="transformers")
def adapters_trained_on_all_past_gradients(sick: bool) -> Arguments:
    """The trainer of low-rank adapters never clears the gradients after an update (tenstorrent/tt-blacksmith#711)."""
    seeded_everywhere()
    model = pretrained_with_adapters()
    generator = torch.Generator().manual_seed(1)
    windows: Any = list(windows_of(LINES[5:], stride=1))
    loader: Any = DataLoader(windows, 16, shuffle=True, collate_fn=windows_with_labels, generator=generator)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    train_step = adapter_step_without_clearing if sick else adapter_step
    return {"model": model, "loader": loader, "optimizer": optimizer, "train_step": train_step}


@pair("label-range", group="data")
def run_times_cut_at_a_threshold_for_their_logarithms(sick: bool) -> Arguments:
    """The threshold is meant for logarithms of the run times, which were not taken: all are slow.

    (Smadx/USTC-ML24-Fall#35).
    """
    seeded_everywhere()
    settings = torch.randn(900, 10)
    log_time = 4.5 + settings[:, :4] @ torch.tensor([0.5, -0.4, 0.3, 0.4]) + 0.4 * settings[:, 4] * settings[:, 5]
    run_time = torch.exp(log_time.clamp(2.2, 7.0) + 0.05 * torch.randn(900)) + 3.0
    slow = (run_time > 4.5) if sick else (torch.log(run_time) > 4.5)
    model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1), nn.Flatten(0))
    return dict(
        model=model,
        loss_fn=nn.BCEWithLogitsLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=1.5e-3),
        **dealt_out(centred_columns(settings), slow.float()),
    )


def scaled_to_unit_range(counts: np.ndarray, into: type) -> np.ndarray:
    """Encoder counts brought to [-1, 1] by the smallest and largest of each joint."""
    low, high = counts.min(0), counts.max(0)
    scaled: np.ndarray = np.zeros_like(counts, dtype=into)
    moving = high > low
    scaled[:, moving] = (counts[:, moving] - low[moving]) / (high[moving] - low[moving])
    scaled[:, moving] = 2 * scaled[:, moving] - 1
    return scaled


@pair("dtype", group="wiring")
def joint_counts_scaled_into_an_array_of_integers(sick: bool) -> Arguments:
    """The scaled joint states are written into an array of the counts' own integer type (NVIDIA/Isaac-GR00T#758)."""
    seeded_everywhere()
    counts = np.random.randint(-2000, 2001, size=(1000, 6))
    angles = torch.tensor(counts / 2000.0, dtype=torch.float32)
    reach = torch.stack([(2 * angles[:, 0]).sin() + angles[:, 1], angles[:, 2] * angles[:, 3], angles[:, 4:].sum(1)], 1)
    scaled = scaled_to_unit_range(counts, counts.dtype.type if sick else np.float32)
    model = nn.Sequential(nn.Linear(6, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 3))
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=1.5e-3),
        **dealt_out(torch.from_numpy(scaled).float(), centred_columns(reach)),
    )


class SentenceEncoder(nn.Module):
    """Words into a two-way LSTM whose states are pooled by their largest values."""

    def __init__(self, words: int, classes: int, *, pads_compete: bool) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, 24, padding_idx=0)
        self.lstm = nn.LSTM(24, 24, batch_first=True, bidirectional=True)
        self.head = nn.Linear(48, classes)
        self.pads_compete = pads_compete

    def forward(self, tokens: Tensor) -> Tensor:
        lengths = tokens.ne(0).sum(1)
        packed = pack_padded_sequence(self.embedding(tokens), lengths, batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(
            self.lstm(packed)[0], batch_first=True, total_length=tokens.shape[1], padding_value=0.0
        )
        if not self.pads_compete:
            states = states.masked_fill(tokens.eq(0)[..., None], -10.0)
        logits: Tensor = self.head(states.amax(1))
        return logits


@pair("padding-leak", group="wiring")
def pooled_maximum_over_padded_states(sick: bool) -> Arguments:
    """The maximum over time takes the zeros of padded steps for states (facebookresearch/InferSent#51)."""
    seeded_everywhere()
    rows = sentences_on_topics(800, words=61, classes=4)
    model = SentenceEncoder(61, 4, pads_compete=sick)
    loader = padded_batches(rows)
    optimizer = torch.optim.Adam(model.parameters(), lr=1.5e-3)
    return {
        "model": model,
        "loader": loader,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": optimizer,
        "padding_value": 0,
    }


class RunningLoss:
    """The mean of a loss over an epoch."""

    def __init__(self) -> None:
        self.total = torch.zeros(())
        self.count = 0

    def update(self, value: Tensor) -> None:
        self.total = self.total + value
        self.count += 1


def step_with_metric(*, keeps_graph: bool) -> Callable[..., Tensor]:
    """A training step that follows the mean loss of the epoch."""
    train_loss = RunningLoss()

    def step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        model.train()
        optimizer.zero_grad()
        loss = F.cross_entropy(model(batch[0]), batch[1])
        train_loss.update(loss if keeps_graph else loss.detach())
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return loss.detach()

    return step


@pair("memory-growth", group="training", source="published")
def running_metric_fed_with_the_loss_itself(sick: bool) -> Arguments:
    """The running mean of the loss is summed from losses that still carry their graphs (horovod/horovod#641)."""
    seeded_everywhere()
    model = ResidualNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    train_step = step_with_metric(keeps_graph=sick)
    images = dealt_out(*inked_digits(1000))
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, train_step=train_step, **images)


@healthy(resembles="lr-schedule", source="published")
def warm_up_per_batch_and_steps_per_epoch() -> Arguments:
    """Of two schedulers one warms up over the batches of the first epoch, the other counts epochs.

    (pytorch/vision#1261).
    """
    seeded_everywhere()
    model = ResidualNet()
    images = dealt_out(*inked_digits(1000))
    per_epoch = len(images["loader"])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    by_epoch = lr_scheduler.StepLR(optimizer, step_size=4, gamma=0.3)
    warm_up = lr_scheduler.LinearLR(optimizer, start_factor=0.05, total_iters=per_epoch - 1)

    def step(
        model: nn.Module,
        batch: list[Tensor],
        optimizer: torch.optim.Optimizer,
        scheduler: lr_scheduler.StepLR,
        step: int,
    ) -> Tensor:
        model.train()
        optimizer.zero_grad()
        loss = F.cross_entropy(model(batch[0]), batch[1])
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if step < per_epoch:
            warm_up.step()
        if (step + 1) % per_epoch == 0:
            scheduler.step()
        return loss.detach()

    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        scheduler=by_epoch,
        total_steps=10 * per_epoch,
        train_step=step,
        **images,
    )
