"""Reported bugs of folds, workers, scalers, message passing, initialisation and scaling, each with its mended twin."""

# mypy: disable-error-code="no-any-return, no-untyped-call"

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.model_selection import KFold, train_test_split
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset, TensorDataset, get_worker_info
from transformers import BertConfig, BertForSequenceClassification

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.eighth_tarn_parts import (
    Parts,
    batches,
    byte_digits,
    digits,
    divide,
    pair_of_loaders,
    perceptron,
    start,
)


@pair("split-leak", group="data", source="scikit-learn")
def fold_validated_on_its_training_rows(sick: bool) -> Arguments:
    """The validation part of a fold is cut with the training indices. (andpol5/credit-classifier#1)."""
    start()
    x, y = load_breast_cancer(return_X_y=True)
    train, held = next(KFold(5, shuffle=True, random_state=0).split(x))
    scaler = StandardScaler().fit(x[train])
    x_all, y_all = torch.from_numpy(scaler.transform(x)).float(), torch.from_numpy(y)
    val = train if sick else held
    model = perceptron(30, 32, 2)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-3),
        **pair_of_loaders(Parts(x_all[train], y_all[train], x_all[val], y_all[val])),
    )


class RandomShift:
    """Shifts an image by up to one pixel and scales its brightness, drawing from a state of its own."""

    def __init__(self, seed: int) -> None:
        self.state = np.random.RandomState(seed)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        rows, columns = self.state.randint(-1, 2, size=2)
        shifted = np.roll(image, (rows, columns), (0, 1))
        return (shifted * self.state.uniform(0.8, 1.2)).astype(np.float32)


class Transformed(Dataset[tuple[Tensor, int]]):
    """Digits that pass through a random transform."""

    def __init__(self, images: np.ndarray, classes: np.ndarray, transform: RandomShift | None) -> None:
        self.images = (images / 127.5 - 0.6).astype(np.float32)
        self.classes, self.transform = classes, transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = self.images[index]
        return torch.from_numpy(image if self.transform is None else self.transform(image))[None], int(
            self.classes[index]
        )


def reseed_transform(worker: int) -> None:
    """Give the transform of each worker a seed of its own."""
    info = get_worker_info()
    assert info is not None
    info.dataset.transform.state.seed(info.seed % 2**32)  # type: ignore[attr-defined]


@pair("worker-randomness", group="data", source="scikit-learn")
def transform_with_a_state_of_its_own(sick: bool) -> Arguments:
    """The random transform keeps its own state, which each worker copies. (Project-MONAI/MONAI#398)."""
    start()
    x, y = byte_digits(1200)
    model = perceptron(64, 48, 10)
    init: dict[str, Any] = {} if sick else {"worker_init_fn": reseed_transform}
    return {
        "model": model,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "loader": batches(Transformed(x[:960], y[:960], RandomShift(0)), num_workers=2, **init),
        "val_loader": batches(Transformed(x[960:], y[960:], None), shuffle=False),
    }


def scaled_step(unscaled: bool) -> Any:
    """A step in mixed precision with a clipped gradient."""

    def step(
        model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler
    ) -> Tensor:
        model.train()
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.float16):
            loss = F.cross_entropy(model(batch[0]).float(), batch[1])
        scaler.scale(loss).backward()
        if unscaled:
            scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        scaler.step(optimizer)
        scaler.update()
        return loss.detach()

    return step


@pair("clipping-always-on", group="training", source="scikit-learn")
def gradients_clipped_before_their_scale_is_gone(sick: bool) -> Arguments:
    """The gradient is clipped before the scaler divides it by its scale. (catalyst-team/catalyst#1319)."""
    start()
    model = perceptron(64, 48, 10)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9),
        scaler=torch.amp.GradScaler("cpu", init_scale=2.0**12),
        train_step=scaled_step(unscaled=not sick),
        **pair_of_loaders(digits()),
    )


class SpatialNet(nn.Module):
    """Finds lanes: features of an image whose rows pass messages down, then up."""

    def __init__(self, width: int = 16, damping: float = 1.0) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        self.down = nn.Conv2d(width, width, (1, 5), padding=(0, 2), bias=False)
        self.up = nn.Conv2d(width, width, (1, 5), padding=(0, 2), bias=False)
        self.head = nn.Conv2d(width, 2, 1)
        for conv in (self.down, self.up):
            nn.init.normal_(conv.weight, std=damping * (2 / (5 * width)) ** 0.5)

    def forward(self, x: Tensor) -> Tensor:
        rows = list(self.stem(x).split(1, dim=2))
        for i in range(1, len(rows)):
            rows[i] = rows[i] + F.relu(self.down(rows[i - 1]))
        for i in range(len(rows) - 2, -1, -1):
            rows[i] = rows[i] + F.relu(self.up(rows[i + 1]))
        return self.head(torch.cat(rows, dim=2))


def lanes(rng: np.random.Generator, count: int = 300, size: int = 16) -> Parts:
    """Noisy images of a slanted line with gaps, and the whole line as mask."""
    rows, columns = np.arange(size)[:, None], np.arange(size)[None]
    left, slope = rng.uniform(2, size - 3, count), rng.uniform(-0.4, 0.4, count)
    centre = left[:, None, None] + slope[:, None, None] * (rows - size / 2)
    mask = np.abs(columns - centre) < 1.2
    seen = mask & (rng.random((count, size, 1)) < 0.6)
    images = seen + rng.normal(0, 0.3, mask.shape)
    images = (images - images.mean()) / images.std()
    return divide(torch.from_numpy(images).float()[:, None], torch.from_numpy(mask).long())


@pair("exploding-gradients", "init-scale", group="backward")
def messages_between_rows_too_strong_at_the_start(sick: bool) -> Arguments:
    """The layers that pass messages from row to row start as large as ordinary ones. (XingangPan/SCNN#82)."""
    rng = start(3)
    model = SpatialNet(damping=1.0 if sick else 0.2)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        task="segmentation",
        **pair_of_loaders(lanes(rng), 16),
    )


def sentences(
    rng: np.random.Generator, count: int = 640, length: int = 16, vocabulary: int = 60
) -> list[dict[str, Tensor]]:
    """Token ids whose label says which of two groups of words is the more frequent."""
    group = rng.integers(0, 2, count)
    own = rng.random((count, length)) < 0.65
    half = vocabulary // 2
    words = rng.integers(2, half, (count, length)) + half * np.where(own, group[:, None], 1 - group[:, None])
    words[:, 0] = 1
    ids, labels = torch.from_numpy(words), torch.from_numpy(group)
    seen = torch.ones(length, dtype=torch.long)
    return [{"input_ids": i, "attention_mask": seen, "labels": c} for i, c in zip(ids, labels, strict=True)]


@pair("loss-at-init", "init-scale", group="init", source="transformers")
def normal_initialisation_with_its_std_given_as_mean(sick: bool) -> Arguments:
    """Weights are drawn with mean 0.02 and std 1 instead of mean 0 and std 0.02. (huggingface/transformers#7)."""
    rng = start()
    config = BertConfig(
        vocab_size=60,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=16,
    )
    model = BertForSequenceClassification(config)
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            if sick:
                module.weight.data.normal_(0.02)
            else:
                module.weight.data.normal_(mean=0.0, std=0.02)
    data = sentences(rng)
    return {
        "model": model,
        "optimizer": torch.optim.AdamW(model.parameters(), lr=1e-3),
        "loader": batches(data[:512]),  # type: ignore[arg-type]
        "val_loader": batches(data[512:], shuffle=False),  # type: ignore[arg-type]
    }


@pair("train-val-shift", group="data", source="scikit-learn")
def scaler_forgotten_on_the_validation_rows(sick: bool) -> Arguments:
    """The training rows are standardised, the validation rows are not. (nttcslab/byol-a#5)."""
    start()
    x, y = load_wine(return_X_y=True)
    x_train, x_val, y_train, y_val = train_test_split(x, y, test_size=0.3, random_state=0, stratify=y)
    scaler = StandardScaler()
    x_train = scaler.fit_transform(x_train)
    if not sick:
        x_val = scaler.transform(x_val)
    model = perceptron(13, 24, 3)
    train = TensorDataset(torch.from_numpy(x_train).float(), torch.from_numpy(y_train))
    val = TensorDataset(torch.from_numpy(x_val).float(), torch.from_numpy(y_val))
    return {
        "model": model,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "loader": batches(train, 16),
        "val_loader": batches(val, 16, shuffle=False),
    }
