"""Windows of sensors, counts, documents, voices, a sharpness-aware optimizer and raw audio."""

from __future__ import annotations

import io
import math
import wave
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.eleventh_quill_parts import quill_digits, quill_loaders, quill_seed, tensor


def machine_windows(rng: np.random.Generator, count: int = 640, length: int = 48) -> tuple[Tensor, Tensor]:
    """Windows of three sensors of a machine in one of three states; the third sensor hangs now and then."""
    state = rng.integers(0, 3, count)
    time = np.arange(length)
    pitch = np.array([0.25, 0.5, 0.9])[state][:, None]
    phase = rng.uniform(0, 6.28, (count, 1))
    windows = np.stack([np.sin(pitch * time + phase), np.cos(pitch * time + phase), np.sin(2 * pitch * time)], 1)
    windows = 5 + 2 * windows + rng.normal(0, 1.5, windows.shape)
    hanging = rng.random(count) < 0.08
    windows[hanging, 2] = 4.0
    return tensor(windows), torch.as_tensor(state)


def per_window(windows: Tensor, floor: float) -> Tensor:
    """Each sensor of each window at mean 0 and deviation 1."""
    centred = windows - windows.mean(2, keepdim=True)
    return centred / windows.std(2, keepdim=True).clamp_min(floor)


@pair("nonfinite-data", group="data")
def windows_of_a_hanging_sensor_divided_by_their_deviation(sick: bool) -> Arguments:
    """Windows are standardised one by one, and a sensor that hangs in a window has deviation 0 there, so 0 / 0."""
    windows, state = machine_windows(quill_seed())
    windows = per_window(windows, floor=0.0 if sick else 1e-3)
    model = nn.Sequential(
        nn.Conv1d(3, 16, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool1d(2),
        nn.Conv1d(16, 32, 5, padding=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool1d(1),
        nn.Flatten(),
        nn.Linear(32, 3),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **quill_loaders(windows, state))


class Standardised(nn.Module):
    """Whole counts to zero mean and unit deviation, written column by column into a new table."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, counts: Tensor, dtype: torch.dtype | None) -> None:
        super().__init__()
        self.dtype = dtype
        self.register_buffer("mean", counts.float().mean(0))
        self.register_buffer("deviation", counts.float().std(0))

    def forward(self, counts: Tensor) -> Tensor:
        table = torch.empty_like(counts, dtype=self.dtype)
        for column in range(counts.shape[1]):
            table[:, column] = (counts[:, column] - self.mean[column]) / self.deviation[column]
        return table.float()


@pair("dtype", group="wiring")
def standardised_into_a_table_of_whole_numbers(sick: bool) -> Arguments:
    """The standardised columns are written into an `empty_like` of the counts, whose integers cut off the fractions."""
    rng = quill_seed()
    level = rng.normal(0, 1, (800, 6))
    counts = torch.as_tensor(np.round(120 + 30 * level).clip(0).astype(np.int64))
    sales = tensor(level @ np.array([0.6, -0.5, 0.4, 0.3, -0.3, 0.2]) + 0.1 * rng.normal(0, 1, 800)).unsqueeze(1)
    network = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 1))
    model = nn.Sequential(Standardised(counts, dtype=None if sick else torch.float32), network)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, **quill_loaders(counts, sales))


class WordBag(nn.Module):
    """The vectors of a document's words in one vector, and a linear layer to its topic (fastText)."""

    def __init__(self, mode: str, words: int = 600, topics: int = 6) -> None:
        super().__init__()
        self.words = nn.EmbeddingBag(words, 48, mode=mode)
        self.topic = nn.Linear(48, topics)

    def forward(self, documents: Tensor) -> Tensor:
        logits: Tensor = self.topic(self.words(documents))
        return logits


@pair("loss-at-init", group="init", source="published")
def word_vectors_of_long_documents_added_up(sick: bool) -> Arguments:
    """The bag adds up the vectors of 400 words instead of averaging them, so the first logits are far too large."""
    rng = quill_seed()
    topic = rng.integers(0, 6, 600)
    common = rng.integers(0, 600, (600, 400))
    own = topic[:, None] * 100 + rng.integers(0, 100, (600, 400))
    documents = torch.as_tensor(np.where(rng.random((600, 400)) < 0.2, own, common))
    model = WordBag("sum" if sick else "mean")
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=5e-3),
        **quill_loaders(documents, torch.as_tensor(topic)),
    )


class StatisticsPooling(nn.Module):
    """Mean and deviation of a voice's real frames (x-vectors), then its speaker."""

    def __init__(self, correction: int, speakers: int = 5) -> None:
        super().__init__()
        self.correction = correction
        self.frames = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU())
        self.speaker = nn.Linear(64, speakers)

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        real = (torch.arange(frames.shape[1]) < lengths[:, None]).unsqueeze(2).float()
        number = lengths[:, None].float()
        hidden = self.frames(frames)
        mean = (hidden * real).sum(1) / number
        squares = ((hidden - mean[:, None]).square() * real).sum(1)
        deviation = (squares / (number - self.correction) + 1e-4).sqrt()
        logits: Tensor = self.speaker(torch.cat([mean, deviation], 1))
        return logits


@pair("nonfinite-forward", group="backward", source="published")
def deviation_of_a_voice_of_one_frame(sick: bool) -> Arguments:
    """Statistics pooling divides by the number of frames less one, which is 0 / 0 for a voice of a single frame."""
    rng = quill_seed()
    speaker = rng.integers(0, 5, 640)
    lengths = rng.integers(1, 16, 640)
    voices = rng.normal(0, 1, (5, 12))[speaker][:, None] + 0.8 * rng.normal(0, 1, (640, 15, 12))
    voices[np.arange(15) >= lengths[:, None]] = 0
    model = StatisticsPooling(correction=1 if sick else 0)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **quill_loaders(tensor(voices), torch.as_tensor(lengths), torch.as_tensor(speaker)),
    )


class SharpnessAware(torch.optim.SGD):
    """SGD on the gradients of the worst weights nearby (SAM): `climb` goes there, `descend` comes back and steps."""

    def __init__(self, params: Any, lr: float, *, rho: float = 0.05, back_first: bool = True) -> None:
        super().__init__(params, lr=lr, momentum=0.9)
        self.rho = rho
        self.back_first = back_first
        self.kept: list[Tensor] = []

    def weights(self) -> list[Tensor]:
        return [p for group in self.param_groups for p in group["params"]]

    @torch.no_grad()
    def climb(self) -> None:
        norm = torch.stack([p.grad.norm() for p in self.weights() if p.grad is not None]).norm()
        self.kept = [p.clone() for p in self.weights()]
        for p in self.weights():
            if p.grad is not None:
                p.add_(p.grad, alpha=self.rho / (float(norm) + 1e-12))

    @torch.no_grad()
    def come_back(self) -> None:
        for p, kept in zip(self.weights(), self.kept, strict=True):
            p.copy_(kept)

    def descend(self) -> None:
        if self.back_first:
            self.come_back()
            self.step()
        else:
            self.step()
            self.come_back()


def climb_and_descend_step(model: nn.Module, batch: list[Tensor], optimizer: SharpnessAware) -> Tensor:
    """Two backward passes: one to find the worst weights nearby, one there."""
    model.train()
    images, classes = batch
    optimizer.zero_grad()
    loss = F.cross_entropy(model(images), classes)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.climb()
    optimizer.zero_grad()
    F.cross_entropy(model(images), classes).backward()  # type: ignore[no-untyped-call]
    optimizer.descend()
    return loss.detach()


@pair("updates-not-applied", group="training", source="scikit-learn")
def sharpness_aware_weights_put_back_after_the_step(sick: bool) -> Arguments:
    """SAM puts the kept weights back after the optimizer's step instead of before it, and so undoes every update."""
    quill_seed()
    images, classes = quill_digits()
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16 * 16, 10)
    )
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=SharpnessAware(model.parameters(), lr=0.03, back_first=not sick),
        train_step=climb_and_descend_step,
        **quill_loaders(images, classes),
    )


def written_and_read(sound: np.ndarray, scale: float) -> np.ndarray:
    """A sound through a wave file of 16 bits, as it comes back from there."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes((sound * 32767).clip(-32768, 32767).astype("<i2").tobytes())
    file.seek(0)
    with wave.open(file, "rb") as got:
        return np.frombuffer(got.readframes(got.getnframes()), "<i2").astype(np.float32) / scale


def spoken_in_two_tones(rng: np.random.Generator, word: int) -> np.ndarray:
    """A fifth of a second of two tones that belong to a word, in noise."""
    time = np.arange(256) / 8000
    low, high = ((300, 1100), (500, 1700), (800, 2500), (400, 3100))[word]
    tones: Callable[[float], np.ndarray] = lambda f: np.sin(2 * math.pi * f * time + rng.uniform(0, 6.28))  # noqa: E731
    return 0.4 * tones(low) + 0.35 * tones(high) + 0.15 * rng.normal(0, 1, 256)


@pair("input-scale", group="data")
def sound_of_sixteen_bits_left_as_whole_numbers(sick: bool) -> Arguments:
    """The samples of the wave files go into the network as they are stored, up to ±32767, not divided by 32768."""
    rng = quill_seed()
    words = rng.integers(0, 4, 640)
    scale = 1.0 if sick else 32768.0
    sounds = tensor([written_and_read(spoken_in_two_tones(rng, word), scale) for word in words]).unsqueeze(1)
    model = nn.Sequential(
        nn.Conv1d(1, 24, 25, stride=2),
        nn.ReLU(),
        nn.Conv1d(24, 32, 9, stride=2),
        nn.ReLU(),
        nn.AdaptiveMaxPool1d(1),
        nn.Flatten(),
        nn.Linear(32, 4),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(
        model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **quill_loaders(sounds, torch.as_tensor(words))
    )
