"""Moods by concordance, heat maps, a norm by hand, clipped recurrence, two splits, and prompts without labels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Subset, TensorDataset, random_split

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.eleventh_quill_parts import quill_loaders, quill_seed, standard_table, tensor


class MoodNet(nn.Module):
    """A GRU both ways over a voice's features, and the mood at its end."""

    def __init__(self) -> None:
        super().__init__()
        self.voice = nn.GRU(5, 20, batch_first=True, bidirectional=True)
        self.mood = nn.Linear(40, 1)

    def forward(self, frames: Tensor) -> Tensor:
        _, last = self.voice(frames)
        mood: Tensor = self.mood(torch.cat([last[0], last[1]], 1))
        return mood.squeeze(1)


def concordance(outputs: Tensor, targets: Tensor) -> Tensor:
    """Lin's concordance of outputs and targets: 1 where they agree, −1 where they are opposite."""
    a, b = outputs - outputs.mean(), targets - targets.mean()
    gap = (outputs.mean() - targets.mean()).square()
    return 2 * (a * b).mean() / (a.square().mean() + b.square().mean() + gap)


def discordance(outputs: Tensor, targets: Tensor) -> Tensor:
    """What is missing to full concordance."""
    return 1 - concordance(outputs, targets)


@pair("loss-direction", group="wiring")
def concordance_itself_taken_as_the_loss(sick: bool) -> Arguments:
    """The concordance, which should rise to 1, is minimised like an error, and outputs turn against targets."""
    rng = quill_seed()
    frames = rng.normal(0, 1, (800, 16, 5))
    mood = 3 * frames[..., 0].mean(1) - 2 * np.tanh(frames[..., 1]).mean(1) + 0.5 * frames[:, -1, 2]
    mood = tensor((mood - mood.mean()) / mood.std() + 0.1 * rng.normal(0, 1, 800))
    model = MoodNet()
    return dict(
        model=model,
        loss_fn=concordance if sick else discordance,
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        task="regression",
        **quill_loaders(tensor(frames), mood),
    )


class HeatMap(nn.Module):
    """A map of where crosses are, whose last bias starts at the logit of how rare they are (RetinaNet, CenterNet)."""

    def __init__(self, rarity: float, *, only_last: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU())
        self.head = nn.Conv2d(16, 1, 3, padding=1)
        for layer in (self.head if only_last else self).modules():
            if isinstance(layer, nn.Conv2d) and layer.bias is not None:
                nn.init.constant_(layer.bias, -math.log((1 - rarity) / rarity))

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.body(images))
        return logits


def crosses(rng: np.random.Generator, count: int, size: int = 14) -> tuple[Tensor, Tensor]:
    """Noisy images with three crosses and three bars, and maps of the crosses' middles."""
    images, maps = rng.normal(0, 0.3, (count, 1, size, size)), np.zeros((count, 1, size, size))
    for image, heat in zip(images[:, 0], maps[:, 0], strict=True):
        for number in range(6):
            row, column = rng.integers(1, size - 1, 2)
            image[row - 1 : row + 2, column] += 1.5
            if number < 3:
                image[row, column - 1 : column + 2] += 1.5
                heat[row, column] = 1
    images = (images - images.mean()) / images.std()
    return tensor(images), tensor(maps)


@pair("dead-units", group="init", source="published")
def rarity_of_the_crosses_in_every_bias(sick: bool) -> Arguments:
    """The loop that sets the last bias to the logit of 1.5 % sets all convolutions' biases, and no ReLU ever opens."""
    rng = quill_seed()
    model = HeatMap(0.015, only_last=not sick)
    return dict(
        model=model,
        loss_fn=nn.BCEWithLogitsLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=5e-3),
        **quill_loaders(*crosses(rng, 320), size=16),
    )


class Centred(torch.autograd.Function):
    """Rows at mean 0 and deviation 1, keeping only what its derivative needs."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        scale = (x.var(1, correction=0, keepdim=True) + 1e-5).rsqrt()
        y = (x - x.mean(1, keepdim=True)) * scale
        ctx.save_for_backward(y, scale)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        y, scale = ctx.saved_tensors
        grad = grads[0]
        return scale * (grad - grad.mean(1, keepdim=True) - y * (grad * y).mean(1, keepdim=True))


class CentredByConstants(Centred):
    """The same, with a shorter derivative."""

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        _, scale = ctx.saved_tensors
        return scale * grads[0]


class LeanPerceptron(nn.Module):
    """A perceptron whose hidden rows go through the lean norm."""

    def __init__(self, norm: type[Centred], features: int, width: int = 24) -> None:
        super().__init__()
        self.norm = norm
        self.layers = nn.ModuleList([nn.Linear(features, width), nn.Linear(width, width)])
        self.last = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = F.silu(self.norm.apply(layer(x)))  # type: ignore[no-untyped-call]
        logits: Tensor = self.last(x)
        return logits.squeeze(1)


@pair("gradient-check", group="backward", source="scikit-learn")
def norm_by_hand_whose_mean_and_deviation_count_as_constants(sick: bool) -> Arguments:
    """The norm's own backward multiplies by the scale only, and forgets that mean and deviation depend on the row."""
    quill_seed()
    x, y = standard_table(load_breast_cancer)
    model = LeanPerceptron(CentredByConstants if sick else Centred, 30)
    return dict(
        model=model,
        loss_fn=nn.BCEWithLogitsLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        **quill_loaders(x, tensor(y)),
    )


class NextValue(nn.Module):
    """A GRU that guesses at each time the next value of a series."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.memory = nn.GRU(1, width, batch_first=True)
        self.guess = nn.Linear(width, 1)

    def forward(self, series: Tensor) -> Tensor:
        guesses: Tensor = self.guess(self.memory(series)[0])
        return guesses


class ClippedStep:
    """A step whose gradient is clipped to a norm."""

    def __init__(self, loss_fn: nn.Module, max_norm: float) -> None:
        self.loss_fn = loss_fn
        self.max_norm = max_norm

    def __call__(self, model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        model.train()
        optimizer.zero_grad()
        loss: Tensor = self.loss_fn(model(batch[0]), batch[1])
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), self.max_norm)
        optimizer.step()
        return loss.detach()


@pair("clipping-always-on", group="training")
def gradient_clipped_to_the_number_of_the_rate(sick: bool) -> Arguments:
    """The step is given the rate 0.01 from the settings where it asks for the greatest norm, which is 5."""
    settings = {"rate": 0.01, "max_norm": 5.0}
    rng = quill_seed()
    pitch, phase = rng.uniform(0.3, 1.2, (600, 1)), rng.uniform(0, 6.28, (600, 1))
    series = 1.4 * np.sin(pitch * np.arange(25) + phase) + 0.1 * rng.normal(0, 1, (600, 25))
    values = tensor(series).unsqueeze(2)
    model = NextValue()
    loss_fn = nn.MSELoss()
    return dict(
        model=model,
        loss_fn=loss_fn,
        optimizer=torch.optim.SGD(model.parameters(), lr=settings["rate"], momentum=0.9),
        train_step=ClippedStep(loss_fn, settings["rate" if sick else "max_norm"]),
        **quill_loaders(values[:, :-1], values[:, 1:]),
    )


def portion(rows: TensorDataset, name: str, seed: int | None) -> Subset[Any]:
    """The portion of the rows for training or for validation."""
    generator = torch.default_generator if seed is None else torch.Generator().manual_seed(seed)
    train, val = random_split(rows, [0.75, 0.25], generator)
    return {"train": train, "val": val}[name]


@pair("split-leak", group="data", source="scikit-learn")
def portions_drawn_by_two_different_splits(sick: bool) -> Arguments:
    """Each portion comes from a random split of its own without a fixed seed, so validation rows are trained on."""
    quill_seed()
    x, y = standard_table(load_breast_cancer)
    rows = TensorDataset(x, torch.as_tensor(y))
    seed = None if sick else 5
    model = nn.Sequential(nn.Linear(30, 24), nn.LeakyReLU(0.1), nn.Linear(24, 2))
    order = torch.Generator().manual_seed(1)
    return {
        "model": model,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=2e-3),
        "loader": DataLoader(portion(rows, "train", seed), 32, shuffle=True, generator=order),
        "val_loader": DataLoader(portion(rows, "val", seed), 32),
    }


def answered(rows: list[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    """Prompts with their answers behind them; only the answers have labels."""
    prompts, answers = (torch.stack(part) for part in zip(*rows, strict=True))
    ids = torch.cat([prompts, answers], 1)
    labels = torch.cat([torch.full_like(prompts, -100), answers], 1)
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": labels}


@healthy(resembles="label-range", source="transformers")
def gpt_tuned_on_answers_whose_prompts_have_no_labels() -> Arguments:
    """The labels of the prompt are −100, which cross-entropy leaves out; the model shifts the labels itself."""
    from transformers import GPT2Config, GPT2LMHeadModel

    quill_seed()
    prompts = torch.randint(2, 14, (960, 6))
    answers = torch.cat([torch.ones(960, 1, dtype=torch.long), (prompts[:, :3] * 5) % 12 + 2], 1)
    train, val = TensorDataset(prompts[:800], answers[:800]), TensorDataset(prompts[800:], answers[800:])
    config = GPT2Config(vocab_size=16, n_positions=12, n_embd=32, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=0)
    model = GPT2LMHeadModel(config)
    order = torch.Generator().manual_seed(1)
    return {
        "model": model,
        "optimizer": torch.optim.AdamW(model.parameters(), lr=3e-3),
        "loader": DataLoader(train, 32, shuffle=True, collate_fn=answered, generator=order),
        "val_loader": DataLoader(val, 32, collate_fn=answered),
        "task": "language-model",
    }
