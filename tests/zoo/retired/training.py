"""Programs whose own training step is wrong, written after the checks by people who had not seen them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.models_training import Forecaster, LeNet, Perceptron, WordBag, vit
from tests.zoo.retired.models_training_data import (
    TOPICS,
    VOCABULARY,
    digits,
    documents,
    scaled_digits,
    seed_all,
    shuffled,
    shuffled_fields,
)


class Trainer:
    """Model, loss and optimizer in one object, as in a thousand repositories."""

    def __init__(self, model: nn.Module, clears_late: bool) -> None:
        self.model = model
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
        self.clears_late = clears_late

    def train_step(self, batch: list[Tensor]) -> Tensor:
        """One update of `self.model`."""
        images, labels = batch
        self.model.train()
        if not self.clears_late:
            self.optimizer.zero_grad()
        loss = self.criterion(self.model(images), labels)
        loss.backward()
        if self.clears_late:
            self.optimizer.zero_grad()
        self.optimizer.step()
        return loss


@pair("updates-not-applied", group="training", source="published")
def trainer_clears_between_backward_and_step(sick: bool) -> Arguments:
    """The trainer calls zero_grad after backward and before step, so every step finds no gradient at all."""
    seed_all()
    trainer = Trainer(LeNet(), clears_late=sick)
    return {
        "model": trainer.model,
        "loader": shuffled(*scaled_digits()),
        "loss_fn": trainer.criterion,
        "optimizer": trainer.optimizer,
        "train_step": trainer.train_step,
    }


def _vectors_of_words(words: Tensor, width: int = 32) -> Tensor:
    """Word vectors from which words share documents: scaled left singular vectors of their counts."""
    counts = torch.stack([row.bincount(minlength=VOCABULARY) for row in words]).float().t()
    left, _, _ = torch.linalg.svd(torch.log1p(counts), full_matrices=False)
    return left[:, :width] * math.sqrt(VOCABULARY)


def decay(parameters: list[nn.Parameter], share: float = 2e-4) -> None:
    """Decoupled weight decay, by hand."""
    with torch.no_grad():
        for parameter in parameters:
            parameter.mul_(1 - share)


def _step_with_decay(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    decay(list(model.parameters()))
    return loss


def _step_with_decay_of_trained(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    decay([parameter for parameter in model.parameters() if parameter.requires_grad])
    return loss


@pair("frozen-parameters-change", group="training", source="published")
def handmade_decay_reaches_frozen_word_vectors(sick: bool) -> Arguments:
    """Weight decay by hand runs over all parameters, and melts the frozen word vectors away a little every step."""
    seed_all()
    words, labels = documents()
    model = WordBag()
    model.vectors = nn.Embedding.from_pretrained(_vectors_of_words(words), freeze=True)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return {
        "model": model,
        "loader": shuffled(words, labels),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(trained, lr=3e-3),
        "train_step": _step_with_decay if sick else _step_with_decay_of_trained,
        "class_names": list(TOPICS),
    }


@pair("optimizer-mismatch", group="training", source="transformers")
def vit_gets_its_head_after_the_optimizer(sick: bool) -> Arguments:
    """The classifier of a ViT is replaced once AdamW holds the old one: the new head is never trained."""
    seed_all()
    model = vit()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    model.classifier = nn.Sequential(nn.LayerNorm(48), nn.Linear(48, 10))
    if not sick:
        optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    images, labels = scaled_digits(800)
    return {
        "model": model,
        "loader": shuffled_fields(pixel_values=images, labels=labels, batch=32),
        "optimizer": optimizer,
    }


NETWORK: nn.Module | None = None
OPTIMIZER: torch.optim.Optimizer | None = None


def update(loss: Tensor) -> None:
    """Move NETWORK down the gradient of the loss."""
    loss.backward()
    OPTIMIZER.step()


def _step_that_never_clears(batch: list[Tensor]) -> Tensor:
    series, following = batch
    loss = F.mse_loss(NETWORK(series), following)
    update(loss)
    return loss.detach()


def _step_that_clears(batch: list[Tensor]) -> Tensor:
    series, following = batch
    OPTIMIZER.zero_grad()
    loss = F.mse_loss(NETWORK(series), following)
    update(loss)
    return loss.detach()


def _waves(count: int = 640, length: int = 25) -> tuple[Tensor, Tensor]:
    start, pace = 6.3 * torch.rand(count, 1), 0.3 + 0.4 * torch.rand(count, 1)
    waves = 1.4 * torch.sin(start + pace * torch.arange(length)) + 0.05 * torch.randn(count, length)
    return waves[:, :-1, None], waves[:, -1:]


@pair("missing-zero-grad", group="training")
def global_forecaster_piles_up_gradients(sick: bool) -> Arguments:
    """Network and optimizer are globals, the update is a helper, and nobody ever clears the gradients."""
    global NETWORK, OPTIMIZER  # noqa: PLW0603 - notebooks keep their network and optimizer like this
    seed_all()
    NETWORK = Forecaster()
    OPTIMIZER = torch.optim.SGD(NETWORK.parameters(), lr=0.1)
    return {
        "model": NETWORK,
        "loader": shuffled(*_waves()),
        "loss_fn": nn.MSELoss(),
        "optimizer": OPTIMIZER,
        "train_step": _step_that_never_clears if sick else _step_that_clears,
    }


def make_step(largest: float) -> Callable[..., Tensor]:
    """Return a training step whose gradients are clipped at `largest`."""

    def step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer, loss_fn: nn.Module) -> Tensor:
        model.train()
        optimizer.zero_grad(set_to_none=True)
        loss = loss_fn(model(batch[0]), batch[1])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=largest)
        optimizer.step()
        return loss

    return step


@pair("clipping-always-on", group="training", source="published")
def clipping_at_a_hundredth(sick: bool) -> Arguments:
    """Gradients of norm one are clipped at 0.01 in every step of an SGD, which then hardly moves."""
    seed_all()
    model = LeNet(width=12)
    return {
        "model": model,
        "loader": shuffled(*scaled_digits()),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9),
        "train_step": make_step(0.01 if sick else 10.0),
    }


@pair("overfit-one-batch", group="training")
def word_ids_cut_at_the_number_of_topics(sick: bool) -> Arguments:
    """Ids are clamped to the number of classes instead of the vocabulary: nearly all words become one word."""
    seed_all()
    model = WordBag(largest=(len(TOPICS) if sick else VOCABULARY) - 1)
    return {
        "model": model,
        "loader": shuffled(*documents()),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-2),
        "class_names": list(TOPICS),
    }


def _noisy(images: Tensor, keeps: bool, spread: float = 0.1) -> Tensor:
    noise = spread * torch.randn_like(images)
    return images + noise if keeps else noise


def make_noisy_step(keeps: bool) -> Callable[..., Tensor]:
    """Return a training step that adds noise to the images, or leaves nothing but noise."""

    def train_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        images, labels = batch
        optimizer.zero_grad()
        loss = F.cross_entropy(model(_noisy(images, keeps)), labels)
        loss.backward()
        optimizer.step()
        return loss

    return train_step


@pair("input-independent-baseline", group="training", source="scikit-learn")
def noise_instead_of_noisy_digits(sick: bool) -> Arguments:
    """The augmentation of the step returns the noise and forgets to add the images: training never sees a digit."""
    seed_all()
    model = Perceptron(64, 10)
    return {
        "model": model,
        "loader": shuffled(*digits()),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "train_step": make_noisy_step(keeps=not sick),
    }


class ShuffledDigits(Dataset):
    """Digits in a random order."""

    def __init__(self, together: bool) -> None:
        bunch = load_digits()
        self.images = (bunch.data[:800] / 16).astype(np.float32)
        self.labels = bunch.target[:800].copy()
        order = np.random.permutation(len(self.images))
        self.images = self.images[order]
        self.labels = self.labels[order] if together else np.random.permutation(self.labels)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        return self.images[index], int(self.labels[index])


@pair("shuffled-labels", group="training", source="scikit-learn")
def images_and_labels_shuffled_apart(sick: bool) -> Arguments:
    """The data set shuffles its images and its labels by two different permutations."""
    seed_all()
    model = Perceptron(64, 10, width=256)
    loader = DataLoader(ShuffledDigits(together=not sick), 32, shuffle=True, generator=torch.Generator().manual_seed(0))
    return {
        "model": model,
        "loader": loader,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }
