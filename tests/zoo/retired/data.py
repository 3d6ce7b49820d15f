"""Broken programs, and their healthy twins, whose fault lies in the data; written without sight of the checks."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer
from torch import Generator, Tensor, nn
from torch.optim import SGD, Adam, AdamW
from torch.utils.data import ConcatDataset, DataLoader, Dataset, TensorDataset, random_split
from transformers import (
    DistilBertConfig,
    DistilBertForSequenceClassification,
    ViTConfig,
    ViTForImageClassification,
)

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.models_samples import (
    CHAPTERS,
    VOCABULARY,
    Rows,
    bright_masks,
    digit_scans,
    halves,
    photo_patches,
    standardised,
    word_passages,
)
from tests.zoo.retired.models_sequences import Forecaster
from tests.zoo.retired.models_tables import perceptron
from tests.zoo.retired.models_vision import LeNet, UNet, mobilenet, resnet


@pair("nonfinite-data", group="data", source="scikit-learn")
def ratio_of_two_zeros(sick: bool) -> Arguments:
    """A derived column divides concavity by concave points, both zero in thirteen tumours, so it holds NaN."""
    torch.manual_seed(0)
    bunch = load_breast_cancer()
    with np.errstate(invalid="ignore"):
        ratio = bunch.data[:, 6] / bunch.data[:, 7]
    ratio = ratio if sick else np.nan_to_num(ratio, nan=np.nanmean(ratio))
    rows = standardised(np.column_stack([bunch.data, ratio]))
    order = torch.randperm(len(rows))
    train, val = halves(rows[order], torch.tensor(bunch.target, dtype=torch.float32)[order].unsqueeze(1))
    model = perceptron(31, 1)
    return {
        "model": model,
        "loader": DataLoader(train, batch_size=32, shuffle=True),
        "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": Adam(model.parameters(), lr=3e-3),
        "val_loader": DataLoader(val, batch_size=64),
    }


def _weather(sick: bool) -> list[tuple[Tensor, Tensor]]:
    """Return days of temperature, humidity and clock, each with the temperature an hour later."""
    draw = np.random.default_rng(0)
    seconds = 1.7e9 + 3600.0 * np.arange(800)
    day = 2 * np.pi * (seconds % 86400) / 86400
    slow = np.convolve(draw.normal(0, 1, 831), np.hanning(32) / 6, mode="valid")
    temperature = np.sin(day) + slow + draw.normal(0, 0.1, 800)
    humidity = np.cos(day + 1) - 0.5 * temperature + draw.normal(0, 0.1, 800)
    clock = seconds if sick else (seconds % 86400) / 43200 - 1
    table = torch.tensor(np.column_stack([temperature, humidity, clock]), dtype=torch.float32)
    return [(table[start : start + 24], table[start + 24, :1]) for start in range(800 - 24)]


@pair("input-scale", group="data")
def clock_in_seconds_since_1970(sick: bool) -> Arguments:
    """The time of a reading enters as seconds since 1970 instead of as a share of the day."""
    torch.manual_seed(0)
    model = Forecaster(3)
    return {
        "model": model,
        "loader": DataLoader(Rows(_weather(sick)), batch_size=32, shuffle=True),
        "loss_fn": F.mse_loss,
        "optimizer": Adam(model.parameters(), lr=3e-3),
    }


@pair("target-scale", group="data", source="published")
def compressed_size_in_bytes(sick: bool) -> Arguments:
    """A MobileNet predicts to how many bytes a patch compresses, in bytes instead of in standard deviations."""
    torch.manual_seed(0)
    photos, _ = photo_patches()
    sizes = torch.tensor([[float(len(zlib.compress(photo.numpy().tobytes())))] for photo in photos])
    targets = sizes if sick else (sizes - sizes.mean()) / sizes.std()
    train, val = halves((photos.float() / 255 - 0.4) / 0.33, targets)
    model = mobilenet(1)
    return {
        "model": model,
        "loader": DataLoader(train, batch_size=32, shuffle=True),
        "loss_fn": nn.MSELoss(),
        "optimizer": Adam(model.parameters(), lr=3e-3),
        "val_loader": DataLoader(val, batch_size=32),
    }


@pair("label-range", group="data", source="published")
def void_pixels_of_255(sick: bool) -> Arguments:
    """Pixels on a boundary are annotated 255, as in Pascal VOC, and the loss is not told to leave them out."""
    torch.manual_seed(0)
    photos, _ = photo_patches(16, 400)
    masks = bright_masks(photos)
    around = F.max_pool2d(masks.float().unsqueeze(1), 3, 1, 1) + F.max_pool2d(-masks.float().unsqueeze(1), 3, 1, 1)
    masks[around.squeeze(1) > 0] = 255
    model = UNet(2)
    return {
        "model": model,
        "loader": DataLoader(TensorDataset((photos.float() / 255 - 0.4) / 0.33, masks), batch_size=16, shuffle=True),
        "loss_fn": nn.CrossEntropyLoss() if sick else nn.CrossEntropyLoss(ignore_index=255),
        "optimizer": Adam(model.parameters(), lr=2e-3),
    }


@pair("duplicate-samples", group="data", source="scikit-learn")
def shard_listed_twice(sick: bool) -> Arguments:
    """The list of shards names one of five twice, for the pattern also matched its backup."""
    torch.manual_seed(0)
    scans, classes = digit_scans()
    shards = [TensorDataset(scans[start : start + 200], classes[start : start + 200]) for start in range(0, 1000, 200)]
    if sick:
        shards.insert(3, shards[2])
    model = LeNet()
    return {
        "model": model,
        "loader": DataLoader(ConcatDataset(shards), batch_size=40, shuffle=True),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": SGD(model.parameters(), lr=0.1, momentum=0.9),
    }


@pair("split-leak", group="data", source="transformers")
def split_anew_for_validation(sick: bool) -> Arguments:
    """Training and validation each split the passages for themselves, with seeds of their own."""
    torch.manual_seed(0)
    passages, chapters = word_passages()
    rows = Rows([{"input_ids": ids, "labels": label} for ids, label in zip(passages, chapters, strict=True)])
    train, _ = random_split(rows, [0.8, 0.2], generator=Generator().manual_seed(1))
    _, val = random_split(rows, [0.8, 0.2], generator=Generator().manual_seed(2 if sick else 1))
    config = DistilBertConfig(
        vocab_size=VOCABULARY, dim=48, hidden_dim=96, n_layers=2, n_heads=4, num_labels=len(CHAPTERS)
    )
    model = DistilBertForSequenceClassification(config)
    return {
        "model": model,
        "loader": DataLoader(train, batch_size=32, shuffle=True),
        "optimizer": AdamW(model.parameters(), lr=2e-3),
        "val_loader": DataLoader(val, batch_size=32),
    }


@pair("label-noise", group="data", source="scikit-learn")
def corrections_beside_mistakes(sick: bool) -> Arguments:
    """The file of corrected labels is appended to the scans, and the mislabelled rows that it corrects stay."""
    torch.manual_seed(0)
    scans, classes = digit_scans()
    mistaken = (classes[:120] + torch.randint(1, 10, (120,))) % 10
    first = 0 if sick else 120
    rows = torch.cat([scans[first:], scans[:120]])
    labels = torch.cat([mistaken[first:], classes[120:], classes[:120]])
    model = nn.Sequential(nn.Flatten(), perceptron(64, 10, width=48))
    return {
        "model": model,
        "loader": DataLoader(TensorDataset(rows, labels), batch_size=32, shuffle=True),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": Adam(model.parameters(), lr=3e-3),
    }


class FolderStream:
    """Gives batches of scans as they lie on disc, a folder for each digit, or in an order drawn anew every time."""

    def __init__(self, scans: Tensor, classes: Tensor, batch_size: int, mixed: bool) -> None:
        self.scans, self.classes, self.batch_size, self.mixed = scans, classes, batch_size, mixed

    def __len__(self) -> int:
        return len(self.classes) // self.batch_size

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        order = torch.randperm(len(self.classes)) if self.mixed else torch.argsort(self.classes, stable=True)
        for chosen in order.split(self.batch_size):
            yield {"pixel_values": self.scans[chosen], "labels": self.classes[chosen]}


@pair("not-shuffled", group="data", source="transformers")
def folder_after_folder(sick: bool) -> Arguments:
    """A stream reads the folder of zeros to its end, then that of ones, and so on, and feeds a ViT in this order."""
    torch.manual_seed(0)
    scans, classes = digit_scans(800)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    model = ViTForImageClassification(ViTConfig(image_size=8, patch_size=2, num_channels=1, num_labels=10, **sizes))
    return {
        "model": model,
        "loader": FolderStream(2 * scans - 1, classes, batch_size=32, mixed=not sick),
        "optimizer": AdamW(model.parameters(), lr=2e-3),
    }


class JitteredScans(Dataset):
    """Scans moved by a pixel at random and with noise, both from PyTorch's generator."""

    def __init__(self, scans: Tensor, classes: Tensor) -> None:
        self.scans, self.classes = scans, classes

    def __len__(self) -> int:
        return len(self.classes)

    def draw(self) -> tuple[list[int], Tensor]:
        return torch.randint(-1, 2, (2,)).tolist(), torch.randn(1, 8, 8)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        moves, noise = self.draw()
        return torch.roll(self.scans[index], moves, (1, 2)) + 0.1 * noise, self.classes[index]


class JitteredScansOfOwnSeed(JitteredScans):
    """The same, from a generator of NumPy made once with the data set."""

    def __init__(self, scans: Tensor, classes: Tensor) -> None:
        super().__init__(scans, classes)
        self.generator = np.random.default_rng(7)

    def draw(self) -> tuple[list[int], Tensor]:
        moves, noise = self.generator.integers(-1, 2, 2), self.generator.standard_normal((1, 8, 8))
        return moves.tolist(), torch.tensor(noise, dtype=torch.float32)


@pair("worker-randomness", group="data", source="scikit-learn")
def generator_in_every_worker(sick: bool) -> Arguments:
    """The augmentation draws from a generator kept in the data set, of which both workers get the same copy."""
    torch.manual_seed(0)
    scans, classes = digit_scans(640)
    dataset = (JitteredScansOfOwnSeed if sick else JitteredScans)(scans, classes)
    model = LeNet()
    return {
        "model": model,
        "loader": DataLoader(dataset, batch_size=32, shuffle=True, num_workers=2),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": Adam(model.parameters(), lr=3e-3),
    }


@pair("train-val-shift", group="data", source="published")
def validation_not_normalised(sick: bool) -> Arguments:
    """The transform for training normalises by mean and deviation, the one for validation stops at [0, 1]."""
    torch.manual_seed(0)
    photos, source = photo_patches(16, 640)
    photos = photos.float() / 255
    mean, deviation = torch.tensor([0.39, 0.43, 0.39]), torch.tensor([0.37, 0.30, 0.33])
    normal = (photos - mean.view(3, 1, 1)) / deviation.view(3, 1, 1)
    val_photos = photos if sick else normal
    model = resnet(3, 2)
    return {
        "model": model,
        "loader": DataLoader(TensorDataset(normal[:512], source[:512]), batch_size=32, shuffle=True),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": SGD(model.parameters(), lr=0.02, momentum=0.9),
        "val_loader": DataLoader(TensorDataset(val_photos[512:], source[512:]), batch_size=32),
    }
