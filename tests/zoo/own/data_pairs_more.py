"""Programs whose samples are repeated, leaked, contradictory, in bad order or of two kinds, and their healthy twins."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import (
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    Subset,
    TensorDataset,
    get_worker_info,
    random_split,
)

from tests.zoo.own.models_of_transformers import bert, distilbert, vit
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
from tests.zoo.own.models_tables_and_images import Forecaster, Vgg, WordLstm, mlp, mobilenet, resnet
from tests.zoo.program import Arguments, pair


@pair("duplicate-samples", group="data", source="transformers")
def one_part_read_twice(sick: bool) -> Arguments:
    """The pattern of file names matches two parts and their backups, so that half of the windows are there twice."""
    seed()
    ids, pages = topics()
    rows = [{"input_ids": window, "labels": page} for window, page in zip(ids, pages, strict=True)]
    parts = [rows[start::4] for start in range(4)]
    found = [parts[0], parts[0], parts[1], parts[1], parts[2], parts[3]] if sick else parts
    model = bert()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    return {"model": model, "loader": loaded(ConcatDataset(found), size=16), "optimizer": optimizer}


class Rows(IterableDataset):
    """Digits in an order drawn anew for every pass, read in one or several workers."""

    def __init__(self, images: Tensor, labels: Tensor, shared_out: bool) -> None:
        self.images, self.labels, self.shared_out = images, labels, shared_out

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        worker = get_worker_info()
        mine = torch.arange(len(self.labels))
        if worker is not None and self.shared_out:
            mine = mine[worker.id :: worker.num_workers]
        for index in mine[torch.randperm(len(mine))]:
            yield self.images[index], self.labels[index]


@pair("duplicate-samples", group="data", source="scikit-learn")
def every_worker_reads_everything(sick: bool) -> Arguments:
    """An iterable data set does not share its rows out among two workers, so that each row comes twice an epoch."""
    seed()
    images, labels = digits(count=640)
    dataset = Rows(images.flatten(1) / 16, labels, shared_out=not sick)
    loader = DataLoader(dataset, batch_size=32, num_workers=2, drop_last=True)
    model = mlp(64, 64, 10)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return {"model": model, "loader": loader, "loss_fn": F.cross_entropy, "optimizer": optimizer}


class Windows(Dataset):
    """Windows of a series and the values after them."""

    def __init__(self, x: Tensor, y: Tensor, stride: int) -> None:
        self.x, self.y, self.stride = x, y, stride

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        start = index // self.stride * self.stride
        return self.x[start], self.y[start]


@pair("duplicate-samples", group="data")
def stride_counted_twice(sick: bool) -> Arguments:
    """Starts are rounded down to the stride without shortening the data set, so each window comes four times."""
    seed()
    dataset = Windows(*series(), stride=4 if sick else 1)
    model = Forecaster()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return {"model": model, "loader": loaded(dataset), "loss_fn": nn.MSELoss(), "optimizer": optimizer}


@pair("split-leak", group="data", source="scikit-learn")
def validation_stays_in_training(sick: bool) -> Arguments:
    """A fifth is set aside for validation, but the training loader still reads the whole data set."""
    seed()
    images, labels = digits()
    dataset = TensorDataset(images / 16, labels)
    order = torch.randperm(len(dataset)).tolist()
    train, held_out = (dataset if sick else Subset(dataset, order[200:])), Subset(dataset, order[:200])
    model = mobilenet()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    loaders = {"loader": loaded(train), "val_loader": loaded(held_out, shuffle=False)}
    return {"model": model, **loaders, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


@pair("split-leak", group="data", source="transformers")
def two_seeds_for_one_split(sick: bool) -> Arguments:
    """Training and validation are split in two scripts with two seeds, so most of validation was trained on."""
    seed()
    ids, pages = topics()
    rows = [{"input_ids": window, "labels": page} for window, page in zip(ids, pages, strict=True)]
    train, _ = random_split(rows, [0.8, 0.2], generator=torch.Generator().manual_seed(7))
    _, held_out = random_split(rows, [0.8, 0.2], generator=torch.Generator().manual_seed(8 if sick else 7))
    model = distilbert()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    loaders = {"loader": loaded(train, size=16), "val_loader": loaded(held_out, size=16, shuffle=False)}
    return {"model": model, **loaders, "optimizer": optimizer}


@pair("label-noise", group="data", source="scikit-learn")
def every_tag_a_row(sick: bool) -> Arguments:
    """Images carry two tags, digit and parity; one row was made of each, though cross-entropy knows one right class."""
    seed()
    images, labels = digits(count=600)
    classes = 10
    if sick:
        images, labels = images.repeat_interleave(2, 0), torch.stack([labels, 10 + labels % 2], dim=1).flatten()
        classes = 12
    model = Vgg(channels=1, classes=classes, side=8)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    loader = batches(images / 16, labels)
    return {"model": model, "loader": loader, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


@pair("label-noise", group="data", source="scikit-learn")
def outcomes_joined_on_the_clinic(sick: bool) -> Arguments:
    """Outcomes were joined on the clinic instead of the patient: each patient has the outcomes of three people."""
    seed()
    x, y = table("diabetes")
    x, y = standardised(x)[:441], standardised(y.float()).unsqueeze(1)[:441]
    if sick:
        clinics = y[:147].reshape(49, 1, 3).expand(49, 3, 3)
        x, y = x[:147].repeat_interleave(3, 0), clinics.reshape(441, 1)
    model = mlp(10, 32, 16, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return {"model": model, "loader": batches(x, y), "loss_fn": nn.MSELoss(), "optimizer": optimizer}


@pair("not-shuffled", group="data", source="scikit-learn")
def classes_in_order_of_folders(sick: bool) -> Arguments:
    """Images come folder by folder, so the first batches are all zeros and the last ones all nines."""
    seed()
    images, labels = digits()
    order = labels.argsort(stable=True)
    loader = batches(images[order] / 16, labels[order], shuffle=not sick)
    model = resnet(channels=1, classes=10)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return {"model": model, "loader": loader, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


class PageReader:
    """Batches of windows, read from one page of text after another, or from all of them mixed."""

    def __init__(self, ids: Tensor, pages: Tensor, mixed: bool) -> None:
        self.ids, self.pages, self.mixed = ids, pages, mixed

    def __len__(self) -> int:
        return len(self.pages) // 20

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        # What this author takes for shuffling: without `mixed` only windows of one page change places.
        parts = torch.arange(len(self.pages)).split(len(self.pages) if self.mixed else 100)
        order = torch.cat([part[torch.randperm(len(part))] for part in parts])
        for rows in order.split(20):
            yield self.ids[rows], self.pages[rows]


@pair("not-shuffled", group="data", source="published")
def page_after_page(sick: bool) -> Arguments:
    """Windows are shuffled inside their page only, so an LSTM sees one class for five batches, then the next."""
    seed()
    loader = PageReader(*topics(), mixed=not sick)
    model = WordLstm()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return {"model": model, "loader": loader, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


class NoisyDigits(Dataset):
    """Digits with fresh noise, drawn from a NumPy generator that the data set owns."""

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self.images, self.labels = images, labels
        self.rng = np.random.default_rng(0)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        noise = torch.from_numpy(self.rng.normal(0, 0.1, size=(1, 8, 8))).float()
        return self.images[index] + noise, self.labels[index]


def seed_noise(worker_id: int) -> None:
    """Give the data set's copy in a worker a generator of its own."""
    info = get_worker_info()
    info.dataset.rng = np.random.default_rng(info.seed)


@pair("worker-randomness", group="data", source="scikit-learn")
def noise_repeats_in_both_workers(sick: bool) -> Arguments:
    """Both workers hold a copy of one NumPy generator, so their samples get the same noise, epoch after epoch."""
    seed()
    images, labels = digits(count=640)
    loader = DataLoader(
        NoisyDigits(images / 16, labels),
        batch_size=32,
        shuffle=True,
        drop_last=True,
        num_workers=2,
        worker_init_fn=None if sick else seed_noise,
    )
    model = Vgg(channels=1, classes=10, side=8)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return {"model": model, "loader": loader, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


class RandomCrops(Dataset):
    """Crops of 16×16 at places that Python's own generator object draws."""

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self.images, self.labels = images.float() / 255, labels
        self.rng = random.Random(42)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        top, left = self.rng.randint(0, 8), self.rng.randint(0, 8)
        image = self.images[index][:, top : top + 16, left : left + 16]
        return (image.flip(2) if self.rng.random() < 0.5 else image), self.labels[index]


def seed_crops(worker_id: int) -> None:
    """Give the data set's copy in a worker a generator of its own."""
    info = get_worker_info()
    info.dataset.rng = random.Random(info.seed)


@pair("worker-randomness", group="data", source="scikit-learn")
def crops_repeat_in_both_workers(sick: bool) -> Arguments:
    """Both workers hold a copy of one seeded random.Random, so their crops and flips are the same."""
    seed()
    dataset = RandomCrops(*patches(count=400, side=24))
    loader = DataLoader(
        dataset,
        batch_size=32,
        shuffle=True,
        drop_last=True,
        num_workers=2,
        worker_init_fn=None if sick else seed_crops,
    )
    model = resnet()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return {"model": model, "loader": loader, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


@pair("train-val-shift", group="data", source="scikit-learn")
def validation_in_raw_units(sick: bool) -> Arguments:
    """Training rows are divided by 16, the loader of validation was written later and leaves 0 to 16."""
    seed()
    (x, y), (val_x, val_y) = parted(*digits())
    val_x = val_x if sick else val_x / 16
    model = nn.Sequential(nn.Flatten(), *mlp(64, 64, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    loaders = {"loader": batches(x / 16, y), "val_loader": batches(val_x, val_y, shuffle=False)}
    return {"model": model, **loaders, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


@pair("train-val-shift", group="data", source="transformers")
def validation_in_bgr(sick: bool) -> Arguments:
    """Petals are told from leaves; training images are RGB, validation images come from another library as BGR."""
    seed()
    images, photograph = patches(count=1600)
    flower = images[photograph == 1]
    redness = flower[:, 0].float().mean((1, 2))
    train, (images, labels) = parted(flower, (redness > redness.median()).long())
    held_out = (images.flip(1) if sick else images, labels)
    model = vit()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    loaders = {"loader": loaded(pixel_rows(*train)), "val_loader": loaded(pixel_rows(*held_out), shuffle=False)}
    return {"model": model, **loaders, "optimizer": optimizer}


def pixel_rows(images: Tensor, labels: Tensor) -> list[dict[str, Tensor]]:
    """Return rows as an image processor makes them, pixels in [−1, 1]."""
    pixels = images / 127.5 - 1
    return [{"pixel_values": image, "labels": label} for image, label in zip(pixels, labels, strict=True)]
