"""Crops of objects, a sharpness-aware optimizer, topics of texts, rare pixels, a paged table and a mean teacher."""

# mypy: disable-error-code="no-any-return,no-untyped-call,call-arg"

from __future__ import annotations

import copy
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from transformers import DistilBertConfig, DistilBertForSequenceClassification

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.sixth_east_parts import (
    DigitNet,
    east_digits,
    east_loader,
    east_perceptron,
    east_seed,
    east_table,
    east_topics,
)


def desk_photos() -> tuple[Tensor, list[dict[str, Any]]]:
    """Canvases with two different digits each, and the annotation of each digit: its image, its corner, its class."""
    digits, labels = east_digits(700, standard=False)
    rng = np.random.RandomState(4)
    photos: list[Tensor] = []
    annotations: list[dict[str, Any]] = []
    for left, right in zip(range(0, 700, 2), range(1, 700, 2), strict=True):
        if labels[left] == labels[right]:
            continue
        photo = torch.zeros(1, 14, 24)
        for which, start in ((left, 0), (right, 12)):
            top, side = int(rng.randint(0, 6)), start + int(rng.randint(0, 4))
            photo[:, top : top + 8, side : side + 8] = digits[which]
            annotations.append({"image": len(photos), "corner": (top, side), "label": int(labels[which])})
        photos.append(photo)
    return torch.stack(photos), annotations


class Crops(Dataset[tuple[Tensor, int]]):
    """One item for each annotated object: the part of the photo inside its box, and its class."""

    def __init__(self, photos: Tensor, annotations: list[dict[str, Any]], by_image: bool) -> None:
        self.photos, self.annotations = photos, annotations
        key = "image" if by_image else "id"
        self.annotations = [{"id": number, **annotation} for number, annotation in enumerate(annotations)]
        self.corners = {annotation[key]: annotation["corner"] for annotation in self.annotations}
        self.key = key

    def __len__(self) -> int:
        return len(self.annotations)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        annotation = self.annotations[index]
        top, side = self.corners[annotation[self.key]]
        return self.photos[annotation["image"]][:, top : top + 8, side : side + 8], annotation["label"]


@pair("label-noise", group="data", source="scikit-learn")
def one_box_for_all_objects_of_a_photo(sick: bool) -> Arguments:
    """Boxes are looked up by image, so that both objects of a photo get the same crop under two labels."""
    east_seed(1)
    photos, annotations = desk_photos()
    model = DigitNet()
    return {
        "model": model,
        "loader": DataLoader(Crops(photos, annotations, by_image=sick), batch_size=32, shuffle=True),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


class SharpnessAware(torch.optim.SGD):
    """SGD that steps with the gradient of the worst place nearby (sharpness-aware minimisation)."""

    def __init__(self, params: Iterable[nn.Parameter], radius: float = 0.05, **options: Any) -> None:
        super().__init__(params, **options)
        for group in self.param_groups:
            group["radius"] = radius

    @torch.no_grad()
    def ascend(self, clear: bool = False) -> None:
        """Go to the worst place nearby."""
        for group in self.param_groups:
            norm = torch.stack([p.grad.norm() for p in group["params"]]).norm() + 1e-12
            for p in group["params"]:
                self.state[p]["away"] = p.grad * (group["radius"] / norm)
                p.add_(self.state[p]["away"])
        if clear:
            self.zero_grad()

    @torch.no_grad()
    def descend(self, clear: bool = False) -> None:
        """Come back and step."""
        for group in self.param_groups:
            for p in group["params"]:
                p.sub_(self.state[p].pop("away"))
        self.step()
        if clear:
            self.zero_grad()


def sharpness_step_by_default(model: nn.Module, batch: list[Tensor], optimizer: SharpnessAware) -> Tensor:
    """The two passes, with the arguments left at their defaults."""
    x, y = batch
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    optimizer.ascend()
    F.cross_entropy(model(x), y).backward()
    optimizer.descend()
    return loss.detach()


def sharpness_step_clearing(model: nn.Module, batch: list[Tensor], optimizer: SharpnessAware) -> Tensor:
    """The two passes, each of which clears what it used."""
    x, y = batch
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    optimizer.ascend(clear=True)
    F.cross_entropy(model(x), y).backward()
    optimizer.descend(clear=True)
    return loss.detach()


@pair("missing-zero-grad", group="training", source="scikit-learn")
def sharpness_passes_leave_their_gradients(sick: bool) -> Arguments:
    """Neither pass of the sharpness-aware step is told to clear, and the default is to leave the gradients."""
    east_seed(2)
    model = east_perceptron(13, 3)
    return {
        "model": model,
        "loader": east_loader(*east_table("wine"), size=16),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": SharpnessAware(model.parameters(), lr=0.05, momentum=0.9),
        "train_step": sharpness_step_by_default if sick else sharpness_step_clearing,
    }


@pair("loss-target", group="wiring", source="transformers")
def topics_under_a_regression_head(sick: bool) -> Arguments:
    """One label unit makes the library take squared error on the numbers of four unordered topics."""
    east_seed(3)
    ids, topics = east_topics()
    config = DistilBertConfig(
        vocab_size=60,
        dim=32,
        n_layers=2,
        n_heads=4,
        hidden_dim=64,
        max_position_embeddings=16,
        num_labels=1 if sick else 4,
    )
    model = DistilBertForSequenceClassification(config)
    labels = topics.float() if sick else topics
    rows = [
        {"input_ids": i, "attention_mask": torch.ones_like(i), "labels": label}
        for i, label in zip(ids, labels, strict=True)
    ]
    return {
        "model": model,
        "loader": DataLoader(rows, batch_size=32, shuffle=True),  # type: ignore[arg-type]
        "optimizer": torch.optim.AdamW(model.parameters(), lr=1e-3),
    }


class SpotFinder(nn.Module):
    """A small convolutional net with one logit for each pixel, whose bias starts at the share of spots."""

    def __init__(self, odds: float) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU())
        self.head = nn.Conv2d(16, 1, 3, padding=1)
        nn.init.constant_(self.head.bias, math.log(odds))  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


def night_skies(count: int = 256) -> tuple[Tensor, Tensor]:
    """Noise with a few bright spots of 2 by 2, and where they are."""
    rng = np.random.RandomState(8)
    masks = np.zeros((count, 1, 16, 16), dtype=np.float32)
    for mask in masks:
        for _ in range(rng.randint(1, 4)):
            top, left = rng.randint(0, 15, 2)
            mask[0, top : top + 2, left : left + 2] = 1
    skies = 2.5 * masks + 0.7 * rng.randn(*masks.shape)
    return torch.tensor(skies, dtype=torch.float32), torch.tensor(masks)


@pair("loss-at-init", "final-bias", group="init")
def prior_odds_turned_over(sick: bool) -> Arguments:
    """The bias of the rare class starts at the log odds of the background, so that every pixel starts as a spot."""
    east_seed(4)
    x, y = night_skies()
    share = 0.03
    model = SpotFinder((1 - share) / share if sick else share / (1 - share))
    return {
        "model": model,
        "loader": east_loader(x, y, size=16),
        "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "task": "segmentation",
    }


def all_pages(rows: Tensor, limit: int, advance: int) -> Tensor:
    """Read a table page by page, as from a service that answers with at most `limit` rows from an offset."""
    pages, offset = [], 0
    while offset < len(rows):
        pages.append(rows[offset : offset + limit])
        offset += advance
    return torch.cat(pages)


@pair("duplicate-samples", group="data", source="scikit-learn")
def pages_that_overlap(sick: bool) -> Arguments:
    """The offset grows by 60 rows while a page holds 100, so that most patients are read twice."""
    east_seed(5)
    x, y = east_table("cancer")
    rows = all_pages(torch.cat([x, y[:, None].float()], 1), limit=100, advance=60 if sick else 100)
    model = east_perceptron(30, 2)
    return {
        "model": model,
        "loader": east_loader(rows[:, :-1].clone(), rows[:, -1].long()),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
    }


class MeanTeacher(nn.Module):
    """A student, and a teacher whose weights are the moving average of the student's."""

    def __init__(self) -> None:
        super().__init__()
        self.student = DigitNet()
        self.teacher = copy.deepcopy(self.student).requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        return self.student(x)

    @torch.no_grad()
    def follow(self, keep: float = 0.98) -> None:
        """Move the teacher towards the student."""
        for old, new in zip(self.teacher.parameters(), self.student.parameters(), strict=True):
            old.lerp_(new, 1 - keep)


def mean_teacher_step(model: MeanTeacher, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """Classes for the student, and agreement with the teacher on another noisy view."""
    x, y = batch
    model.train()
    optimizer.zero_grad()
    logits = model(x + 0.1 * torch.randn_like(x))
    with torch.no_grad():
        taught = model.teacher(x + 0.1 * torch.randn_like(x)).softmax(1)
    loss = F.cross_entropy(logits, y) + 0.5 * F.mse_loss(logits.softmax(1), taught)
    loss.backward()
    optimizer.step()
    model.follow()
    return loss.detach()


@healthy(resembles="frozen-parameters-change", source="published")
def frozen_teacher_drawn_after_the_student() -> Arguments:
    """The frozen teacher of Tarvainen and Valpola changes in every step, as the moving average of the student."""
    east_seed(6)
    model = MeanTeacher()
    return {
        "model": model,
        "loader": east_loader(*east_digits(800)),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.student.parameters(), lr=2e-3),
        "train_step": mean_teacher_step,
    }
