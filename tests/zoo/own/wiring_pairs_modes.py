"""Programs that train or evaluate in the wrong mode, or whose BatchNorm cannot do its work."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer
from torch.utils.data import DataLoader
from transformers import DistilBertConfig, DistilBertForSequenceClassification

from tests.zoo.own.models_for_wiring_data import (
    PADDING,
    VOCABULARY,
    Records,
    breast_cancer,
    digits,
    loader_of,
    padded,
    seeded,
    snippets,
)
from tests.zoo.own.models_for_wiring_images import FunctionalVGG, FunctionalVGGAlwaysDropping, TinyMobileNet
from tests.zoo.program import Arguments, pair

Pair = tuple[Tensor, Tensor]


def accuracy(model: nn.Module, batch: Pair) -> float:
    """Share of a batch that is classified rightly, in evaluation mode."""
    images, labels = batch
    model.eval()
    with torch.no_grad():
        return (model(images).argmax(1) == labels).float().mean().item()


def updated(model: nn.Module, batch: Pair, optimizer: Optimizer) -> Tensor:
    """One step on one batch."""
    images, labels = batch
    optimizer.zero_grad()
    loss = F.cross_entropy(model(images), labels)
    loss.backward()
    optimizer.step()
    return loss.detach()


@pair("train-eval-mode", group="wiring", source="published")
def trained_in_evaluation_mode(sick: bool) -> Arguments:
    """Each step measures the accuracy in evaluation mode first, and trains without going back to train mode."""
    seeded()
    model = TinyMobileNet()
    history: list[float] = []

    def train_step(model: nn.Module, batch: Pair, optimizer: Optimizer) -> Tensor:
        history.append(accuracy(model, batch))
        return updated(model, batch, optimizer)

    def train_step_in_train_mode(model: nn.Module, batch: Pair, optimizer: Optimizer) -> Tensor:
        history.append(accuracy(model, batch))
        model.train()
        return updated(model, batch, optimizer)

    return {
        "model": model,
        "loader": loader_of(*digits(), batch_size=64),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": SGD(model.parameters(), 0.05, 0.9),
        "train_step": train_step if sick else train_step_in_train_mode,
    }


@pair("train-eval-mode", group="wiring", source="published")
def dropout_that_ignores_the_mode(sick: bool) -> Arguments:
    """A VGG calls `F.dropout` without `training=`, and drops units in evaluation too."""
    seeded()
    model = FunctionalVGGAlwaysDropping() if sick else FunctionalVGG()
    return {
        "model": model,
        "loader": loader_of(*digits()),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": Adam(model.parameters(), 2e-3),
    }


def evaluated_as_it_is(model: nn.Module, batch: dict[str, Tensor]) -> dict[str, float]:
    """Loss and accuracy of a batch, in whichever mode the model was left."""
    with torch.no_grad():
        answer = model(**batch)
    right = answer.logits.argmax(1) == batch["labels"]
    return {"loss": answer.loss.item(), "accuracy": right.float().mean().item()}


def evaluated(model: nn.Module, batch: dict[str, Tensor]) -> dict[str, float]:
    """Loss and accuracy of a batch, in evaluation mode."""
    model.eval()
    return evaluated_as_it_is(model, batch)


def step_of_transformer(model: nn.Module, batch: dict[str, Tensor], optimizer: Optimizer) -> Tensor:
    """One step in train mode on the loss that the model computes."""
    model.train()
    loss = model(**batch).loss
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.detach()


@pair("train-eval-mode", group="wiring", source="transformers")
def evaluated_in_train_mode(sick: bool) -> Arguments:
    """DistilBERT is evaluated under `no_grad` alone, which leaves its dropout on."""
    seeded()
    passages, labels = snippets(400)
    tokens = padded(passages)
    shape = {"vocab_size": VOCABULARY, "dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64, "num_labels": 4}
    model = DistilBertForSequenceClassification(DistilBertConfig(max_position_embeddings=32, **shape))
    columns = {"input_ids": tokens, "attention_mask": (tokens != PADDING).long(), "labels": labels}
    train = Records(**{name: column[:320] for name, column in columns.items()})
    held = Records(**{name: column[320:] for name, column in columns.items()})
    return {
        "model": model,
        "loader": DataLoader(train, batch_size=32, shuffle=True),
        "val_loader": DataLoader(held, batch_size=32),
        "optimizer": Adam(model.parameters(), 2e-3),
        "train_step": step_of_transformer,
        "eval_step": evaluated_as_it_is if sick else evaluated,
    }


@pair("batchnorm-statistics", "runs", group="wiring", source="scikit-learn")
def last_batch_of_one(sick: bool) -> Arguments:
    """481 samples leave a last batch of one, on which BatchNorm has one value per channel and raises."""
    seeded()
    table, labels = breast_cancer()
    hidden = [nn.Linear(30, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 16), nn.BatchNorm1d(16), nn.ReLU()]
    model = nn.Sequential(*hidden, nn.Linear(16, 1), nn.Flatten(0))
    return {
        "model": model,
        "loader": loader_of(table[:481], labels[:481], batch_size=32, drop_last=not sick),
        "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": Adam(model.parameters(), 2e-3),
    }


class NormedCNN(nn.Module):
    """Two convolutions with a BatchNorm after each that takes `numbers`: its epsilon and its momentum."""

    def __init__(self, *numbers: float) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16, *numbers)
        self.conv2, self.norm2 = nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32, *numbers)
        self.fc = nn.Linear(32 * 4, 10)

    def forward(self, images: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.norm1(self.conv1(images))), 2)
        x = F.max_pool2d(F.relu(self.norm2(self.conv2(x))), 2)
        return self.fc(x.flatten(1))


@pair("batchnorm-statistics", group="wiring", source="scikit-learn")
def momentum_and_epsilon_swapped(sick: bool) -> Arguments:
    """BatchNorm's epsilon and momentum are given in the wrong order, and its statistics hardly ever move."""
    seeded()
    images, labels = digits()
    model = NormedCNN(0.1, 1e-5) if sick else NormedCNN(1e-5, 0.1)
    optimizer = SGD(model.parameters(), 0.05, 0.9)
    loader = loader_of(images, labels, batch_size=32)
    for _ in range(4):
        for batch in loader:
            updated(model, batch, optimizer)
    return {"model": model, "loader": loader, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}
