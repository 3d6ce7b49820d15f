"""Reported programs: sentences listed again, divided twice, rare feelings, a mean of a mean, a single channel."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.seventh_glen_parts import (
    BagOfWords,
    Pairs,
    UNet,
    all_seeded,
    leaning_sentences,
    loader,
    tissue_photographs,
)


def causal_input(texts: list[Tensor], tags: list[int], *, again: bool) -> list[tuple[Tensor, int]]:
    """The tagged sentences, document by document."""
    rows: list[tuple[Tensor, int]] = []
    document: list[tuple[Tensor, int]] = []
    for place, (text, tag) in enumerate(zip(texts, tags, strict=True)):
        document.append((text, tag))
        if again:
            rows.extend(document)
        if place % 5 == 4:
            if not again:
                rows.extend(document)
            document = []
    return rows


@pair("duplicate-samples", group="data")
def sentences_listed_again_for_each_that_follows(sick: bool) -> Arguments:
    """The input builder adds all sentences of a document so far for each further one (yseop/YseopLab#26)."""
    all_seeded()
    texts, tags = leaning_sentences(600)
    rows = causal_input(list(texts[:450]), tags[:450].tolist(), again=sick)
    model = BagOfWords()
    return {
        "model": model,
        "loader": DataLoader(Pairs(list(rows)), batch_size=32, shuffle=True),
        "val_loader": loader(texts[450:], tags[450:], shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "padding_value": 0,
    }


MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


def normalised(images: Tensor, largest: float = 255.0) -> Tensor:
    """Images with the mean and deviation of ImageNet taken out, whose largest possible value is `largest`."""
    return (images - MEAN * largest) / (STD * largest)


@pair("input-scale", group="data", source="published")
def images_divided_before_a_normalize_that_divides(sick: bool) -> Arguments:
    """The dataset divides bytes by 255 for a Normalize that does so itself (4uiiurz1/pytorch-nested-unet#62)."""
    all_seeded()
    images, masks = tissue_photographs(240)
    x = normalised(images.float() / 255) if sick else normalised(images.float())
    model = UNet(3, 1)
    return {
        "model": model,
        "loader": loader(x[:200], masks[:200], batch=8),
        "val_loader": loader(x[200:], masks[200:], batch=8, shuffle=False),
        "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "task": "segmentation",
    }


class Dialogue(nn.Module):
    """A recurrent reader of the features of an utterance, which gives one logit."""

    def __init__(self, features: int = 6) -> None:
        super().__init__()
        self.reader = nn.GRU(features, 16, batch_first=True)
        self.head = nn.Linear(16, 1)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.head(self.reader(x)[1][-1])
        return result


@pair("class-imbalance", group="data")
def rare_feeling_without_class_weights(sick: bool) -> Arguments:
    """One utterance in fifteen shows the feeling, nothing weights it, and it is never predicted.

    (amanshenoy/multilogue-net#8)
    """
    all_seeded()
    draw = np.random.default_rng(6)
    afraid = draw.random(1400) < 1 / 15
    x = draw.normal(size=(1400, 8, 6))
    x[:, :, :3] += 0.32 * afraid[:, None, None]
    features, labels = torch.from_numpy(x).float(), torch.from_numpy(afraid).float()[:, None]
    model = Dialogue()
    return {
        "model": model,
        "loader": loader(features[:1100], labels[:1100]),
        "val_loader": loader(features[1100:], labels[1100:], shuffle=False),
        "loss_fn": nn.BCEWithLogitsLoss(pos_weight=None if sick else (1 - labels).sum() / labels.sum()),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=2e-3),
        "task": "binary",
    }


class SegmentationLoss(nn.Module):
    """Cross-entropy of the pixels, ignoring the border."""

    def __init__(self, *, batch_average: bool) -> None:
        super().__init__()
        self.batch_average = batch_average
        self.criterion = nn.CrossEntropyLoss(ignore_index=255)

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        loss: Tensor = self.criterion(logits, target)
        return loss / len(logits) if self.batch_average else loss


def bordered_cells() -> tuple[Tensor, Tensor]:
    """Standardised photographs of cells and the class of each pixel, 255 along the border of the picture."""
    images, masks = tissue_photographs(240)
    x = normalised(images.float())
    target = masks.squeeze(1).long()
    for edge in (target[:, :1], target[:, -1:], target[:, :, :1], target[:, :, -1:]):
        edge.fill_(255)
    return x, target


@pair("loss-reduction", group="wiring", source="published")
def mean_of_the_pixels_divided_by_the_batch(sick: bool) -> Arguments:
    """The loss is the mean over all pixels of the batch and is divided by the batch size once more.

    (jfzhang95/pytorch-deeplab-xception#55)
    """
    all_seeded()
    x, target = bordered_cells()
    model = UNet(3, 2)
    return {
        "model": model,
        "loader": loader(x[:200], target[:200], batch=16),
        "val_loader": loader(x[200:], target[200:], batch=16, shuffle=False),
        "loss_fn": SegmentationLoss(batch_average=sick),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9),
        "task": "segmentation",
    }


class DiceAndEntropy(nn.Module):
    """One minus the soft Dice overlap, plus the cross-entropy of the pixels."""

    def __init__(self, entropy: nn.Module) -> None:
        super().__init__()
        self.entropy = entropy

    def forward(self, logits: Tensor, masks: Tensor) -> Tensor:
        found = torch.sigmoid(logits)
        both = (found * masks).sum((1, 2, 3))
        dice = 1 - (2 * both + 1) / (found.sum((1, 2, 3)) + masks.sum((1, 2, 3)) + 1)
        loss: Tensor = dice.mean() + self.entropy(logits, masks)
        return loss


@pair("loss-target", group="wiring", source="published")
def cross_entropy_of_a_single_channel(sick: bool) -> Arguments:
    """The cross-entropy beside the Dice loss takes a softmax over the one channel of the mask, and is always 0.

    (bowang-lab/MedSAM#99)
    """
    all_seeded()
    images, masks = tissue_photographs(240)
    x = normalised(images.float())
    model = UNet(3, 1)
    return {
        "model": model,
        "loader": loader(x[:200], masks[:200], batch=8),
        "val_loader": loader(x[200:], masks[200:], batch=8, shuffle=False),
        "loss_fn": DiceAndEntropy(nn.CrossEntropyLoss() if sick else nn.BCEWithLogitsLoss()),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "task": "segmentation",
    }
