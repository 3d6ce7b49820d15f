"""Programs with reported bugs or suspicions: a rate, a test, unlabelled pixels, molecules and a list of images."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from transformers import BertConfig, BertForSequenceClassification

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.eleventh_lark_parts import (
    character_windows_of_the_text,
    dataset_shuffled,
    digits_with_a_channel,
    loss_over_tokens,
    rows_as_they_stand,
    rows_shuffled,
    seed_everything_with,
)


class WordRnn(nn.Module):
    """The recurrent language model of PyTorch's word_language_model example, of characters."""

    def __init__(self, letters: int, width: int = 64) -> None:
        super().__init__()
        self.encoder = nn.Embedding(letters, width)
        self.rnn = nn.RNN(width, width, batch_first=True)
        self.decoder = nn.Linear(width, letters)

    def forward(self, ids: Tensor) -> Tensor:
        return self.decoder(self.rnn(self.encoder(ids))[0])


@pair("learning-rate", group="training", source="published")
def language_model_at_a_rate_of_twenty(sick: bool) -> Arguments:
    """Plain SGD runs at the script's default rate of 20 (pytorch/examples#223)."""
    seed_everything_with(61)
    ids, following, letters = character_windows_of_the_text()
    model = WordRnn(letters)
    return {
        "model": model,
        "loader": rows_shuffled(ids, following, size=16),
        "loss_fn": loss_over_tokens,
        "optimizer": torch.optim.SGD(model.parameters(), lr=20.0 if sick else 1.0),
        "task": "language-model",
        "causal": True,
    }


@torch.no_grad()
def tested_as_it_is(model: nn.Module, batch: list[Tensor]) -> float:
    """The accuracy on a batch."""
    return (model(batch[0]).argmax(1) == batch[1]).float().mean().item()


@torch.no_grad()
def tested_in_eval_mode(model: nn.Module, batch: list[Tensor]) -> float:
    """The accuracy on a batch, without dropout."""
    model.eval()
    accuracy = (model(batch[0]).argmax(1) == batch[1]).float().mean().item()
    model.train()
    return accuracy


def trained_on(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    return loss.detach()


@pair("train-eval-mode", group="wiring", source="scikit-learn")
def perceptron_tested_with_its_dropout(sick: bool) -> Arguments:
    """The test runs without `model.eval()`, with dropout on (udacity/deep-learning-v2-pytorch#3)."""
    seed_everything_with(62)
    image, label = digits_with_a_channel()
    model = nn.Sequential(
        nn.Flatten(),
        nn.Linear(64, 128),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(128, 128),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(128, 10),
    )
    return {
        "model": model,
        "loader": rows_shuffled(image[:1400], label[:1400], size=20),
        "val_loader": rows_as_they_stand(image[1400:], label[1400:], size=20),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
        "train_step": trained_on,
        "eval_step": tested_as_it_is if sick else tested_in_eval_mode,
        "task": "classification",
    }


class PyramidPooling(nn.Module):
    """A scene parser with a pooled context beside its features, as PSPNet has it; gives log-probabilities."""

    def __init__(self, classes: int, width: int = 24) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1), nn.ReLU()
        )
        self.pooled = nn.Sequential(
            nn.AdaptiveAvgPool2d(2), nn.Conv2d(width, 8, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU()
        )
        self.last = nn.Conv2d(width + 8, classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        features = self.features(image)
        context = F.interpolate(self.pooled(features), size=features.shape[2:], mode="bilinear")
        return F.log_softmax(self.last(torch.cat([features, context], 1)), dim=1)


@healthy(resembles="label-range", source="published")
def class_zero_of_the_files_is_no_class() -> Arguments:
    """Files number unlabelled pixels 0; less 1, NLL ignores them (CSAILVision/semantic-segmentation-pytorch#76)."""
    seed_everything_with(63)
    colours = torch.tensor([[0.0, 0.0, 0.0], [1.0, -0.5, 0.0], [-0.6, 1.0, 0.3], [0.0, -0.4, 1.2]])
    stored = torch.randint(1, 4, (500, 1, 4, 4)).float()
    stored = F.interpolate(stored, scale_factor=4.0, mode="nearest").squeeze(1).long()
    image = colours[stored].permute(0, 3, 1, 2) + 0.4 * torch.randn(500, 3, 16, 16)
    stored[torch.rand(500, 16, 16) < 0.08] = 0
    model = PyramidPooling(3)
    return {
        "model": model,
        "loader": rows_shuffled(image, stored - 1, size=16),
        "loss_fn": nn.NLLLoss(ignore_index=-1),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "task": "segmentation",
    }


class Molecules(Dataset[dict[str, Tensor]]):
    """Token ids of molecules and a property of theirs."""

    def __init__(self, ids: Tensor, labels: Tensor) -> None:
        self.ids, self.labels = ids, labels

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        ids = self.ids[index]
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": self.labels[index]}


class LightningTrainer:
    """Calls the module's own steps, in train mode and in eval mode."""

    def training_step(self, model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        return model(**batch).loss

    def validation_step(self, model: nn.Module, batch: dict[str, Tensor]) -> dict[str, float]:
        return {"val_loss": model(**batch).loss.item()}

    def fit_step(self, model: nn.Module, batch: dict[str, Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        loss = self.training_step(model, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    def validate_step(self, model: nn.Module, batch: dict[str, Tensor]) -> dict[str, float]:
        model.eval()
        with torch.no_grad():
            logs = self.validation_step(model, batch)
        model.train()
        return logs


@healthy(resembles="train-eval-mode", source="transformers")
def validation_step_that_never_says_eval() -> Arguments:
    """The module's validation step leaves dropout to the trainer, which switches it off (IBM/molformer#8)."""
    seed_everything_with(64)
    ids = torch.randint(3, 23, (600, 12))
    ids[:, 0] = 2
    amount = (ids[:, 1:] < 9).sum(1) - 0.5 * (ids[:, 1:] > 18).sum(1)
    labels = ((amount - amount.mean()) / amount.std()).float()
    settings: dict[str, Any] = {
        "vocab_size": 23,
        "hidden_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": 12,
        "num_labels": 1,
        "problem_type": "regression",
    }
    model = BertForSequenceClassification(BertConfig(**settings))
    model.train()
    trainer = LightningTrainer()
    loader: DataLoader[Any] = dataset_shuffled(Molecules(ids[:500], labels[:500]), 20)
    return {
        "model": model,
        "loader": loader,
        "val_loader": DataLoader(Molecules(ids[500:], labels[500:]), 20),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=2e-3),
        "train_step": trainer.fit_step,
        "eval_step": trainer.validate_step,
        "task": "regression",
    }


@healthy(resembles="duplicate-samples", source="scikit-learn")
def some_names_twice_in_the_list() -> Arguments:
    """Less than one in a hundred of the training images is listed twice (Scalsol/mega.pytorch#23)."""
    seed_everything_with(65)
    image, label = digits_with_a_channel()
    names = [f"ILSVRC2013_train_{i:05d}" for i in range(1300)]
    names += names[400:1300:90]
    rows = torch.tensor([int(name[-5:]) for name in names])
    model = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 10))
    return {
        "model": model,
        "loader": rows_shuffled(image[rows], label[rows]),
        "val_loader": rows_as_they_stand(image[1400:], label[1400:]),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "task": "classification",
    }
