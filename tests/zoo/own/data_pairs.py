"""Programs whose values are wrong before the network sees them, and their healthy twins."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from tests.zoo.own.models_of_transformers import distilbert
from tests.zoo.own.models_samples import (
    batches,
    digits,
    loaded,
    parted,
    patches,
    seed,
    series,
    standardised,
    table,
    topics,
)
from tests.zoo.own.models_tables_and_images import Forecaster, LeNet5, UNet, Vgg, mlp
from tests.zoo.program import Arguments, pair


@pair("nonfinite-data", group="data", source="scikit-learn")
def missing_measurements(sick: bool) -> Arguments:
    """A column of the wine table has blanks that were read as NaN and never filled in."""
    seed()
    x, y = table("wine")
    x[torch.randperm(len(x))[:14], 7] = torch.nan
    x = torch.tensor((x.numpy() - np.nanmean(x, 0)) / np.nanstd(x, 0))
    if not sick:
        x = torch.nan_to_num(x, nan=0.0)
    (x, y), held_out = parted(x, y)
    model = mlp(13, 32, 3)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    loaders = {"loader": batches(x, y, size=16), "val_loader": batches(*held_out, size=16, shuffle=False)}
    return {"model": model, **loaders, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


@pair("nonfinite-data", group="data", source="scikit-learn")
def logarithm_of_zero_concavity(sick: bool) -> Arguments:
    """Skewed columns go through log, but concavity is exactly 0 for some tumours, so they become −inf."""
    seed()
    x, y = table("breast_cancer")
    x = x.log() if sick else torch.log(x + 0.01)
    lower, middle, upper = torch.quantile(x, torch.tensor([0.25, 0.5, 0.75]), dim=0)
    x = (x - middle) / (upper - lower)
    model = mlp(30, 48, 24, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    return {
        "model": model,
        "loader": batches(x, y),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": optimizer,
        "class_names": ["malignant", "benign"],
    }


@pair("nonfinite-data", group="data")
def meter_was_offline(sick: bool) -> Arguments:
    """The next reading of a power meter is the target, and NaN while the meter was offline."""
    seed()
    x, y = series()
    offline = torch.zeros(len(y), dtype=torch.bool)
    offline[200:215] = True
    y[offline] = torch.nan
    if not sick:
        x, y = x[~offline], y[~offline]
    model = Forecaster()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return {"model": model, "loader": batches(x, y), "loss_fn": nn.MSELoss(), "optimizer": optimizer}


@pair("input-scale", group="data", source="published")
def bytes_into_lenet(sick: bool) -> Arguments:
    """LeNet-5 gets bytes from 0 to 255 as floats, because nobody divided them."""
    seed()
    images, labels = digits(side=32)
    images = (images / 16 * 255).round()
    if not sick:
        images = images / 255
    train, held_out = parted(images, labels)
    model = LeNet5()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    loaders = {"loader": batches(*train), "val_loader": batches(*held_out, shuffle=False)}
    return {"model": model, **loaders, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


class Photographs(Dataset):
    """Patches turned into floats in [0, 1], and then through whatever transform is given."""

    def __init__(self, images: Tensor, labels: Tensor, transform=None) -> None:
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image = self.images[index].float() / 255
        return (self.transform(image) if self.transform else image), self.labels[index]


def to_unit_range(image: Tensor) -> Tensor:
    """Bring bytes to [0, 1]."""
    return image / 255


@pair("input-scale", group="data", source="scikit-learn")
def divided_by_255_twice(sick: bool) -> Arguments:
    """The data set divides by 255, and its transform divides once more, which leaves almost black images."""
    seed()
    dataset = Photographs(*patches(), transform=to_unit_range if sick else None)
    model = Vgg()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return {"model": model, "loader": loaded(dataset), "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


@pair("input-scale", group="data", source="scikit-learn")
def wine_as_it_comes(sick: bool) -> Arguments:
    """Proline is near 750 and hue near 1; the table goes into the network without standardising."""
    seed()
    x, y = table("wine")
    if not sick:
        x = standardised(x)
    model = mlp(13, 64, 32, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    return {"model": model, "loader": batches(x, y, size=16), "loss_fn": F.cross_entropy, "optimizer": optimizer}


@pair("input-scale", group="data")
def year_beside_standardised_columns(sick: bool) -> Arguments:
    """Rooms and area are standardised, the year of construction (1950 to 2020) was forgotten."""
    seed()
    rooms, area = torch.randn(512), torch.randn(512)
    year = 1950 + 70 * torch.rand(512)
    age = standardised(year)
    value = standardised(0.5 * rooms + area + 0.6 * age + 0.2 * torch.randn(512))
    x = torch.stack([rooms, area, year if sick else age], dim=1)
    rows = [{"features": features, "target": target} for features, target in zip(x, value, strict=True)]
    model = mlp(3, 32, 32, 1)
    return {
        "model": model,
        "loader": loaded(rows),
        "loss_fn": one_column_error,
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.05),
        "forward": features_of_rows,
        "split": features_and_targets,
    }


def features_of_rows(model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    """Call a model with the features of a batch that is a dictionary."""
    return model(batch["features"])


def features_and_targets(batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Split a batch that is a dictionary."""
    return batch["features"], batch["target"]


def one_column_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the squared error between outputs (N, 1) and targets (N,)."""
    return F.mse_loss(outputs.squeeze(1), targets)


@pair("target-scale", group="data", source="scikit-learn")
def diabetes_progression_as_it_comes(sick: bool) -> Arguments:
    """Targets lie between 25 and 346, while the network starts near 0 and moves by thousandths."""
    seed()
    x, y = table("diabetes")
    x, y = standardised(x), y.float().unsqueeze(1)
    if not sick:
        y = standardised(y)
    train, held_out = parted(x, y)
    model = mlp(10, 32, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loaders = {"loader": batches(*train), "val_loader": batches(*held_out, shuffle=False)}
    return {"model": model, **loaders, "loss_fn": nn.MSELoss(), "optimizer": optimizer}


@pair("target-scale", group="data")
def prices_in_euros(sick: bool) -> Arguments:
    """House prices of hundreds of thousands are predicted in euros, not in units of their spread."""
    seed()
    x = torch.randn(600, 6)
    price = 350_000 + 90_000 * x[:, 0] + 40_000 * x[:, 1] * x[:, 2] + 15_000 * torch.randn(600)
    y = price if sick else (price - 350_000) / 100_000
    model = nn.Sequential(mlp(6, 48, 48, 1), nn.Flatten(0))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    rows = list(zip(x, y, strict=True))
    return {"model": model, "loader": loaded(rows), "loss_fn": nn.HuberLoss(), "optimizer": optimizer}


@pair("target-scale", group="data")
def displacement_in_metres(sick: bool) -> Arguments:
    """A sensor moves by a few micrometres and is predicted in metres, so the targets are all but zero."""
    seed()
    x, micrometres = series()
    y = micrometres * 1e-6 if sick else micrometres
    model = Forecaster()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return {"model": model, "loader": batches(x, y), "loss_fn": F.mse_loss, "optimizer": optimizer}


@pair("label-range", group="data", source="scikit-learn")
def cultivars_counted_from_one(sick: bool) -> Arguments:
    """The file counts cultivars 1, 2, 3, cross-entropy counts from 0, and class 3 does not exist."""
    seed()
    x, y = table("wine")
    from_file = y + 1
    labels = from_file if sick else from_file - 1
    model = mlp(13, 32, 3)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    loader = batches(standardised(x), labels, size=16)
    return {"model": model, "loader": loader, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


@pair("label-range", group="data", source="published")
def void_pixels_are_255(sick: bool) -> Arguments:
    """Pixels that annotators left open are 255 in the mask, and the loss was not told to ignore them."""
    seed()
    images, _ = digits(count=400, side=16)
    grey = images[:, 0]
    masks = (grey > 7).long()
    masks[(grey > 5) & (grey < 8)] = 255
    noisy = images / 16 + 0.1 * torch.randn_like(images)
    model = UNet()
    loss_fn = nn.CrossEntropyLoss() if sick else nn.CrossEntropyLoss(ignore_index=255)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return {"model": model, "loader": batches(noisy, masks, size=16), "loss_fn": loss_fn, "optimizer": optimizer}


@pair("label-range", group="data", source="transformers")
def pages_as_floats(sick: bool) -> Arguments:
    """Labels came out of a table with gaps as floats, which DistilBERT takes for a multi-label task."""
    seed()
    ids, pages = topics()
    labels = pages.float() if sick else pages
    mask = torch.ones_like(ids)
    keys = ("input_ids", "attention_mask", "labels")
    rows = [dict(zip(keys, row, strict=True)) for row in zip(ids, mask, labels, strict=True)]
    model = distilbert()
    generator = torch.Generator().manual_seed(0)
    loader = DataLoader(rows, batch_size=16, shuffle=True, drop_last=True, generator=generator)
    return {"model": model, "loader": loader, "optimizer": torch.optim.AdamW(model.parameters(), lr=1e-3)}


@pair("label-range", group="data", source="scikit-learn")
def compared_with_another_spelling(sick: bool) -> Arguments:
    """Names are compared with "Malignant" where the file says "malignant", so that every label is 0."""
    seed()
    x, y = table("breast_cancer")
    names = np.array(["malignant", "benign"])[y.numpy()]
    positive = "Malignant" if sick else "malignant"
    labels = torch.tensor(names == positive).float().unsqueeze(1)
    model = mlp(30, 32, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    loader = batches(standardised(x), labels)
    return {"model": model, "loader": loader, "loss_fn": nn.BCEWithLogitsLoss(), "optimizer": optimizer}
