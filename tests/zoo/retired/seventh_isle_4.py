"""Six programs around schedules, seeds and scalers that somebody reported, fourth part."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import ExponentialLR, LRScheduler
from torch.utils.data import DataLoader, Dataset
from transformers import BertConfig, BertForSequenceClassification

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.seventh_isle_parts import (
    ISLE_LETTERS,
    ISLE_LINES,
    IsleConvNet,
    isle_accuracy,
    isle_digits,
    isle_loaders,
    isle_perceptron,
    isle_seed,
    isle_step,
)


@pair("lr-schedule", group="training", source="scikit-learn")
def decay_meant_for_epochs_stepped_in_the_batch_loop(sick: bool) -> Arguments:
    """The decay of a tenth an epoch is stepped in the loop over batches. (ivadomed/ivadomed#55)."""
    isle_seed()
    model = IsleConvNet()
    data = isle_loaders(*isle_digits())
    batches, epochs = len(data["loader"]), 20
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    scheduler = ExponentialLR(optimizer, gamma=0.9)

    def train_step(
        model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer, scheduler: LRScheduler, step: int
    ) -> Tensor:
        loss = isle_step(model, batch, optimizer)
        if sick or (step + 1) % batches == 0:
            scheduler.step()
        return loss

    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        scheduler=scheduler,
        total_steps=epochs * batches,
        train_step=train_step,
        eval_step=isle_accuracy,
        **data,
    )


def image_of_a_shape(kind: int, rng: np.random.Generator) -> Tensor:
    """A disc, a square or a cross on 12 by 12 pixels, somewhere, with a little noise."""
    row, column = np.mgrid[:12, :12] - rng.uniform(3.5, 7.5, (2, 1, 1))
    size = rng.uniform(2.2, 3.4)
    disc = row**2 + column**2 < size**2
    square = np.maximum(abs(row), abs(column)) < size
    cross = (np.minimum(abs(row), abs(column)) < 0.8) & (np.maximum(abs(row), abs(column)) < size)
    image = np.stack([disc, square, cross])[kind] + rng.normal(0, 0.1, (12, 12))
    return torch.tensor(image, dtype=torch.float32).unsqueeze(0)


class Shapes(Dataset[tuple[Tensor, int]]):
    """Shapes that are drawn when they are asked for."""

    def __init__(self, count: int, seed: int, *, own: bool) -> None:
        np.random.seed(seed)
        self.kinds = np.random.randint(0, 3, count).tolist()
        self.seed, self.own = seed, own

    def __len__(self) -> int:
        return len(self.kinds)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        rng = np.random.default_rng((self.seed, index)) if self.own else np.random.default_rng()
        return image_of_a_shape(self.kinds[index], rng), self.kinds[index]


@pair("nondeterminism", group="backward")
def shapes_from_generators_without_the_seed(sick: bool) -> Arguments:
    """The images are drawn by generators made without a seed, which do not hear of the seed that the dataset sets.

    (datawhalechina/learn-world-model#12)
    """
    isle_seed()
    model = isle_perceptron(144, 64, 3)
    return {
        "model": model,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "loader": DataLoader(Shapes(600, 1, own=not sick), batch_size=32, shuffle=True),
        "val_loader": DataLoader(Shapes(150, 2, own=not sick), batch_size=32),
    }


class Outliner(nn.Module):
    """A small U-Net of one level."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(1, 12, 3, padding=1, bias=False), nn.BatchNorm2d(12), nn.ReLU())
        self.deep = nn.Sequential(
            nn.MaxPool2d(2), nn.Conv2d(12, 24, 3, padding=1, bias=False), nn.BatchNorm2d(24), nn.ReLU()
        )
        self.up = nn.ConvTranspose2d(24, 12, 2, stride=2)
        self.out = nn.Sequential(nn.Conv2d(24, 12, 3, padding=1), nn.ReLU(), nn.Conv2d(12, 2, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Scores of ink and paper at each pixel."""
        shallow = self.down(x)
        scores: Tensor = self.out(torch.cat([shallow, self.up(self.deep(shallow))], 1))
        return scores


def step_clipped_before_unscaling(
    model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler
) -> Tensor:
    """A scaled step with clipping."""
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    scaler.scale(loss).backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    scaler.step(optimizer)
    scaler.update()
    return loss.detach()


def step_clipped_after_unscaling(
    model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler
) -> Tensor:
    """A scaled step with clipping."""
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    scaler.step(optimizer)
    scaler.update()
    return loss.detach()


@pair("clipping-always-on", group="training", source="scikit-learn")
def gradients_clipped_while_still_scaled(sick: bool) -> Arguments:
    """Gradients are clipped to norm 1 while they are still multiplied by the scale of the loss.

    (milesial/Pytorch-UNet#468)
    """
    isle_seed()
    images = isle_digits(900)[0]
    model = Outliner()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9),
        scaler=torch.amp.GradScaler("cpu"),
        train_step=step_clipped_before_unscaling if sick else step_clipped_after_unscaling,
        task="segmentation",
        **isle_loaders(images + 0.4 * torch.randn_like(images), (images.squeeze(1) > 0.4).long()),
    )


class Finetuning:
    """A training function with the sum of its losses for the log."""

    def __init__(self, *, plain: bool) -> None:
        self.plain = plain
        self.loss_sum: Any = 0.0

    def train_step(self, model: nn.Module, batch: dict[str, Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        """One step, whose loss is added to the sum."""
        model.train()
        loss: Tensor = model(**batch).loss
        self.loss_sum += loss.item() if self.plain else loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.detach()


def windows_of_lines() -> list[dict[str, Tensor]]:
    """Windows of 20 letters, and whether more than five of them are vowels."""
    rows = []
    vowels = {ISLE_LETTERS.index(letter) for letter in "aeiou"}
    for line in ISLE_LINES:
        letters = [ISLE_LETTERS.index(letter) for letter in line]
        for start in range(0, len(letters) - 19, 2):
            window = letters[start : start + 20]
            rows.append((window, int(sum(letter in vowels for letter in window) > 5)))
    order = torch.randperm(len(rows)).tolist()
    return [{"input_ids": torch.tensor(rows[i][0]), "labels": torch.tensor(rows[i][1])} for i in order]


@pair("memory-growth", group="training", source="transformers")
def sum_of_losses_of_the_finetuning(sick: bool) -> Arguments:
    """The training function adds the losses themselves, with their graphs, to a running sum.

    (ray-project/ray#40940)
    """
    isle_seed()
    config = BertConfig(  # type: ignore[call-arg]
        vocab_size=27,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=32,
        num_labels=2,
    )
    model = BertForSequenceClassification(config)
    return {
        "model": model,
        "optimizer": torch.optim.AdamW(model.parameters(), lr=1e-3),
        "train_step": Finetuning(plain=not sick).train_step,
        "loader": DataLoader(windows_of_lines(), batch_size=16, shuffle=True, drop_last=True),  # type: ignore[arg-type]
    }


def pruned(model: nn.Sequential, share: float) -> nn.Sequential:
    """Take the weakest hidden units out of a perceptron, with smaller layers in place of the old ones."""
    for place in (1, 3):
        layer, after = model[place], model[place + 2]
        assert isinstance(layer, nn.Linear)
        assert isinstance(after, nn.Linear)
        keep = layer.weight.abs().sum(1).argsort(descending=True)[: int(layer.out_features * share)].sort().values
        small, smaller_after = nn.Linear(layer.in_features, len(keep)), nn.Linear(len(keep), after.out_features)
        with torch.no_grad():
            small.weight.copy_(layer.weight[keep])
            small.bias.copy_(layer.bias[keep])
            smaller_after.weight.copy_(after.weight[:, keep])
            smaller_after.bias.copy_(after.bias)
        model[place], model[place + 2] = small, smaller_after
    return model


@pair("optimizer-mismatch", group="training", source="scikit-learn")
def finetuned_by_the_optimizer_from_before_the_pruning(sick: bool) -> Arguments:
    """Pruning puts smaller layers in place of the old ones, which the optimizer goes on updating.

    (microsoft/nni#4521)
    """
    isle_seed()
    model = isle_perceptron(64, 96, 10)
    data = isle_loaders(*isle_digits())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    for batch in list(data["loader"])[:8]:
        isle_step(model, batch, optimizer)
    model.zero_grad()
    model = pruned(model, 0.4)
    if not sick:
        optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        train_step=isle_step,
        eval_step=isle_accuracy,
        **data,
    )


def step_at_the_rate_of_its_number(
    model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer, step: int
) -> Tensor:
    """A step whose rate rises from zero over 40 steps and then falls with a cosine until step 600."""
    if step < 40:
        rate = 0.05 * step / 40
    else:
        rate = 0.05 * (0.001 + 0.999 * 0.5 * (1 + math.cos(math.pi * min(1.0, (step - 40) / 560))))
    for group in optimizer.param_groups:
        group["lr"] = rate
    return isle_step(model, batch, optimizer)


@healthy(resembles="updates-not-applied", source="scikit-learn")
def warmup_whose_first_step_has_rate_zero() -> Arguments:
    """The warm-up gives the very first step the rate zero, which then changes nothing.

    (facebookresearch/barlowtwins#45)
    """
    isle_seed()
    model = IsleConvNet()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9),
        train_step=step_at_the_rate_of_its_number,
        total_steps=600,
        **isle_loaders(*isle_digits()),
    )
