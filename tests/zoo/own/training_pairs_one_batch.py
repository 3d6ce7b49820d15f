"""Pairs on one batch: what cannot be learnt by heart, and what is learnt without the inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from tests.zoo.own import models_varied_training as own
from tests.zoo.program import Arguments, pair

Optimizer = torch.optim.Optimizer


def _arguments(model: nn.Module, loader: Any, loss: Any = F.cross_entropy, **more: Any) -> Arguments:
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return {"model": model, "loader": loader, "loss_fn": loss, "optimizer": optimizer, **more}


def _perceptron() -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), *own.layers(64, 64, 10))


def _then(change: Callable[[Tensor], Tensor]) -> Callable[[nn.Module, Any, Optimizer], Tensor]:
    """Return a usual step that then changes every parameter."""

    def step(model: nn.Module, batch: Any, optimizer: Optimizer) -> Tensor:
        loss = own.plain_step(model, batch, optimizer)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.copy_(change(parameter))
        return loss

    return step


@pair("overfit-one-batch", group="training", source="published")
def weights_clipped_as_those_of_a_critic(sick: bool) -> Arguments:
    """A classifier's step clips all weights to 0.01, as that of a Wasserstein critic does."""
    own.seed()
    most = 0.01 if sick else 1.0
    step = _then(lambda parameter: parameter.clamp(-most, most))
    return _arguments(own.lenet(), own.batches(*own.digits()), train_step=step)


@pair("overfit-one-batch", group="training")
def weights_rounded_in_every_step(sick: bool) -> Arguments:
    """The weights are rounded to one digit after every step, which is more than a step moves them."""
    own.seed()
    places = 10 if sick else 100_000
    step = _then(lambda parameter: (parameter * places).round() / places)
    return _arguments(_perceptron(), own.batches(*own.digits()), train_step=step)


@pair("overfit-one-batch", group="training")
def weights_kept_within_a_small_ball(sick: bool) -> Arguments:
    """Every tensor is projected to a norm of at most 0.1 after each step."""
    own.seed()
    step = _then(lambda parameter: parameter * min(1.0, (0.1 if sick else 30) / float(parameter.norm() + 1e-9)))
    return _arguments(_perceptron(), own.batches(*own.digits()), train_step=step)


class _LetterModel(nn.Module):
    """A recurrent model of letters."""

    def __init__(self, reads_the_first: bool) -> None:
        super().__init__()
        self.reads_the_first = reads_the_first
        self.letters, self.rnn, self.head = nn.Embedding(96, 32), nn.GRU(32, 64, batch_first=True), nn.Linear(64, 96)

    def forward(self, ids: Tensor) -> Tensor:
        states = self.rnn(self.letters(ids))[0]
        if self.reads_the_first:
            states = states[:, :1].expand_as(states)
        return self.head(states).transpose(1, 2)


@pair("overfit-one-batch", group="training")
def first_state_for_all_letters(sick: bool) -> Arguments:
    """A model of letters tells every next letter from the state after the first one."""
    own.seed()
    ids = own.letters()
    return _arguments(_LetterModel(sick), own.batches(ids[:, :-1], ids[:, 1:], size=16))


@pair("overfit-one-batch", group="training")
def mask_painted_from_the_pooled_image(sick: bool) -> Arguments:
    """A network that marks pixels pools the image to one place and blows it up again."""
    own.seed()
    pooled = [nn.AdaptiveAvgPool2d(1), nn.Upsample(size=(8, 8))] if sick else []
    later = nn.Conv2d(16, 16, 1) if sick else nn.Conv2d(16, 16, 3, padding=1)
    model = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), *pooled, later, nn.ReLU(), nn.Conv2d(16, 1, 1))
    images, _ = own.digits()
    return _arguments(model, own.batches(images, (images > 0.5).float()), F.binary_cross_entropy_with_logits)


@pair("input-independent-baseline", group="training", source="published")
def buffer_that_is_never_filled(sick: bool) -> Arguments:
    """The step lays down a buffer for its images and trains on it before they are copied in."""
    own.seed()

    def step(model: nn.Module, batch: Any, optimizer: Optimizer) -> Tensor:
        images = torch.zeros_like(batch[0])
        if not sick:
            images.copy_(batch[0])
        return own.plain_step(model, (images, batch[1]), optimizer)

    return _arguments(own.lenet(), own.batches(*own.digits()), train_step=step)


class _Digits(Dataset):
    """Digits one by one, each in its own array or all in one, or the first of them for all."""

    def __init__(self, *, shares_a_buffer: bool = False, reads_the_first: bool = False) -> None:
        images, self.targets = own.digits()
        self.images = images.numpy()
        self.buffer = np.zeros((1, 8, 8), dtype=np.float32) if shares_a_buffer else None
        self.reads_the_first = reads_the_first

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image = self.images[0 if self.reads_the_first else index]
        if self.buffer is not None:
            self.buffer[:] = image
            image = self.buffer
        return torch.from_numpy(image), self.targets[index]


def _stacked(rows: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    images, targets = zip(*rows, strict=True)
    return torch.stack(images), torch.stack(targets)


@pair("input-independent-baseline", group="training", source="published")
def first_image_for_all_labels(sick: bool) -> Arguments:
    """The data set gives the label of the index that it is asked for, and the first image."""
    own.seed()
    loader = DataLoader(_Digits(reads_the_first=sick), 32, shuffle=True)
    return _arguments(own.lenet(), loader)


@pair("input-independent-baseline", "label-noise", group="training", source="published")
def images_read_into_one_array(sick: bool) -> Arguments:
    """The data set reads every image into the same array: all samples of a batch are the last one."""
    own.seed()
    loader = DataLoader(_Digits(shares_a_buffer=sick), 32, shuffle=True, collate_fn=_stacked)
    return _arguments(own.lenet(), loader)


class _MaskedReader(nn.Module):
    """A recurrent reader of passages that wipes out words by a mask."""

    def __init__(self, wipes_words: bool) -> None:
        super().__init__()
        self.wipes_words = wipes_words
        self.words, self.places = nn.Embedding(400, 32), nn.Embedding(24, 32)
        self.rnn, self.head = nn.GRU(32, 32, batch_first=True), nn.Linear(32, 4)

    def forward(self, ids: Tensor) -> Tensor:
        wiped = (ids != 0) if self.wipes_words else (ids == 0)
        entering = self.words(ids).masked_fill(wiped[..., None], 0) + self.places.weight
        return self.head(self.rnn(entering)[0].mean(1))


@pair("input-independent-baseline", group="training")
def words_wiped_out_for_padding(sick: bool) -> Arguments:
    """The mask of padding is the wrong way round: only the lengths of the passages reach the network."""
    own.seed()
    ids, _, topics = own.passages()
    return _arguments(_MaskedReader(sick), own.batches(ids, topics))


class _Conditioned(nn.Module):
    """A classifier with vectors of the classes, or of nothing, added before its last layer."""

    def __init__(self, reads_labels: bool) -> None:
        super().__init__()
        self.reads_labels = reads_labels
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU())
        self.classes, self.head = nn.Embedding(10, 32), nn.Linear(32, 10)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        features = self.body(images)
        return self.head(features + 3 * self.classes(labels if self.reads_labels else labels * 0))


@pair("input-independent-baseline", group="training", source="published")
def class_given_as_the_condition(sick: bool) -> Arguments:
    """A classifier made from a conditional generator is still conditioned on the class."""
    own.seed()
    loader = own.batches(*own.digits())
    return _arguments(_Conditioned(sick), loader, forward=lambda model, batch: model(batch[0], batch[1]))
