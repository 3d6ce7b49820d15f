"""Reported bugs of freezing, rates, symmetry and schedules, each with its mended twin."""

# mypy: disable-error-code="no-any-return, no-untyped-call"

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import LRScheduler

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.eighth_tarn_parts import (
    Parts,
    digits,
    divide,
    pair_of_loaders,
    perceptron,
    start,
    train_before,
)


class Backbone(nn.Module):
    """A small convolutional backbone with a head."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1, bias=False), nn.BatchNorm2d(12), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(12, 24, 3, padding=1, bias=False), nn.BatchNorm2d(24), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        )  # fmt: skip
        self.head = nn.Linear(96, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


def freeze(body: nn.Module) -> None:
    """Take a body, its norms among it, out of the training."""
    for parameter in body.parameters():
        parameter.requires_grad = False


def step_of_the_head(norms_rest: bool) -> Any:
    """A step that trains the head upon the frozen body."""

    def step(model: Backbone, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        model.train()
        if norms_rest:
            for module in model.body.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        optimizer.zero_grad()
        loss = F.cross_entropy(model(batch[0]), batch[1])
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


@pair("frozen-parameters-change", group="training", source="scikit-learn")
def statistics_go_on_in_a_frozen_backbone(sick: bool) -> Arguments:
    """Frozen with train_bn=False, the norms still collect statistics. (Lightning-AI/pytorch-lightning#15062)."""
    start()
    parts = digits()
    old = Parts(*(part[: len(part) // 2] for part in parts))
    model = Backbone(10)
    train_before(model, pair_of_loaders(old)["loader"], 120)
    freeze(model.body)
    model.head = nn.Linear(96, 2)
    new = Parts(0.7 * parts.x[600:] - 0.3, parts.y[600:] % 2, 0.7 * parts.x_val - 0.3, parts.y_val % 2)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.head.parameters(), lr=5e-3),
        train_step=step_of_the_head(norms_rest=not sick),
        **pair_of_loaders(new),
    )


class Speech(nn.Module):
    """Phonemes to frames of a spectrogram: transformer blocks, each phoneme held for two frames, more blocks."""

    def __init__(self, phonemes: int = 30, width: int = 48, bands: int = 8, length: int = 12) -> None:
        super().__init__()
        self.embed = nn.Embedding(phonemes, width)
        self.place = nn.Parameter(0.02 * torch.randn(2 * length, width))
        self.encoder = nn.ModuleList(self.block(width) for _ in range(2))
        self.decoder = nn.ModuleList(self.block(width) for _ in range(2))
        self.head = nn.Linear(width, bands)

    @staticmethod
    def block(width: int) -> nn.TransformerEncoderLayer:
        """One block, normalised after each part."""
        return nn.TransformerEncoderLayer(width, 4, 2 * width, dropout=0.0, batch_first=True)

    def forward(self, phonemes: Tensor) -> Tensor:
        x = self.embed(phonemes) + self.place[: phonemes.shape[1]]
        for block in self.encoder:
            x = block(x)
        x = x.repeat_interleave(2, 1) + self.place
        for block in self.decoder:
            x = block(x)
        return self.head(x)


def spoken(rng: np.random.Generator, count: int = 500, length: int = 12) -> Parts:
    """Phonemes and the spectrogram of a voice that glides between their sounds."""
    phonemes = rng.integers(0, 30, (count, length))
    sounds = rng.normal(0, 1, (30, 8))
    frames = sounds[phonemes]
    glide = 0.5 * (frames + np.roll(frames, -1, 1))
    spectrum = np.stack([frames, glide], 2).reshape(count, 2 * length, 8) + 0.1 * rng.normal(
        size=(count, 2 * length, 8)
    )
    spectrum = (spectrum - spectrum.mean()) / spectrum.std()
    return divide(torch.from_numpy(phonemes), torch.from_numpy(spectrum).float())


@pair("learning-rate", group="training")
def frozen_rate_too_big_for_the_blocks(sick: bool) -> Arguments:
    """The fixed rate is so big that the loss of the spectrogram cannot converge. (xcmyz/FastSpeech#37)."""
    rng = start()
    model = Speech()
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-2 if sick else 1e-3, betas=(0.9, 0.98), eps=1e-9),
        **pair_of_loaders(spoken(rng), 16),
    )


class StepValue(nn.Module):
    """A value for each step of a solution; the last good step should get the highest."""

    def __init__(self, tokens: int, width: int = 32) -> None:
        super().__init__()
        self.embed, self.gru = nn.Embedding(tokens, width), nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, 1)

    def forward(self, solutions: Tensor) -> Tensor:
        n, steps, length = solutions.shape
        _, state = self.gru(self.embed(solutions.view(n * steps, length)))
        return self.head(state[-1]).view(n, steps)


def solutions(rng: np.random.Generator, count: int = 640, steps: int = 5, length: int = 6) -> Parts:
    """Steps of a solution as tokens, one of them with the tokens of a sound argument."""
    tokens, best = rng.integers(6, 40, (count, steps, length)), rng.integers(0, steps, count)
    tokens[np.arange(count), best, rng.integers(0, length, count)] = rng.integers(0, 6, count)
    return divide(torch.from_numpy(tokens), torch.from_numpy(best))


@pair("learning-rate", group="training")
def rate_of_a_far_larger_model_for_the_values(sick: bool) -> Arguments:
    """The rate is hundreds of times too small for the ranking loss to move. (WindyLee0822/Process_Q_Model#6)."""
    rng = start()
    model = StepValue(40)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.AdamW(model.parameters(), lr=2e-6 if sick else 2e-3),
        **pair_of_loaders(solutions(rng), 16),
    )


def gathering_step(after_each_update_only: bool, pieces: int = 4, every: int = 40) -> Any:
    """A step of one piece of a batch: the update comes after `pieces`, the decay after `every` updates."""
    count = {"pieces": 0, "updates": 0}

    def step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer, scheduler: LRScheduler) -> Tensor:
        model.train()
        loss = F.mse_loss(model(batch[0]), batch[1])
        (loss / pieces).backward()
        count["pieces"] += 1
        done = count["pieces"] % pieces == 0
        if done:
            optimizer.step()
            optimizer.zero_grad()
            count["updates"] += 1
        due = count["updates"] > 0 and count["updates"] % every == 0
        if due and (done or not after_each_update_only):
            scheduler.step()
        return loss.detach()

    return step


@pair("lr-schedule", group="training")
def decay_repeated_for_every_piece_of_a_batch(sick: bool) -> Arguments:
    """While one batch is gathered its number stands, and each piece decays the rate again. (amoudgl/pygoturn#16)."""
    rng = start()
    box = rng.uniform(-1, 1, (1200, 4))
    move = rng.normal(0, 0.5, (1200, 4))
    seen = np.concatenate([box, np.sin(box + move), move * box], 1) + 0.05 * rng.normal(size=(1200, 12))
    target = np.tanh(box + move)
    model = perceptron(12, 48, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=optimizer,
        scheduler=torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.3),
        total_steps=150,
        train_step=gathering_step(after_each_update_only=not sick),
        **pair_of_loaders(
            divide(torch.from_numpy(seen / seen.std(0)).float(), torch.from_numpy(target / target.std()).float()), 16
        ),
    )
