"""Scans with masks, slots of a sentence, keypoints, a trainer, masked noise, and a forecaster."""

from __future__ import annotations

import zlib

import torch
from sklearn.datasets import load_breast_cancer
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import lr_scheduler

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.tenth_fjord_parts import centred_columns, dealt_out, inked_digits, seeded_everywhere


class Folder(dict[str, Tensor]):
    """Pictures by file name, listed in the order in which the file system happens to keep them."""

    def listing(self) -> list[str]:
        return sorted(self, key=lambda name: zlib.crc32(name.encode()))


def spotted_scans(count: int) -> tuple[Folder, Folder]:
    """Noisy scans with a bright round spot somewhere, and the masks of the spots."""
    images, masks = Folder(), Folder()
    ys, xs = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    for index in range(count):
        row, column, radius = 2 + 12 * torch.rand(()), 2 + 12 * torch.rand(()), 2.5 + 2 * torch.rand(())
        mask = ((ys - row) ** 2 + (xs - column) ** 2 < radius**2).long()
        images[f"scan_{index:04d}.png"] = (1.6 * mask + 0.7 * torch.randn(16, 16))[None]
        masks[f"scan_{index:04d}_mask.png"] = mask
    return images, masks


@pair("shuffled-labels", group="training")
def scans_and_masks_listed_each_in_its_own_order(sick: bool) -> Arguments:
    """The images and the masks are taken in the order of two unsorted listings (HasnainRaz/SemSegPipeline#9)."""
    seeded_everywhere()
    images, masks = spotted_scans(600)
    image_names, mask_names = images.listing(), masks.listing()
    if not sick:
        image_names, mask_names = sorted(image_names), sorted(mask_names)
    pictures = torch.stack([images[name] for name in image_names])
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 16, 3, padding=2, dilation=2),
        nn.ReLU(),
        nn.Conv2d(16, 2, 3, padding=1),
    )
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=1.5e-3),
        **dealt_out(centred_columns(pictures), torch.stack([masks[name] for name in mask_names])),
    )


class SlotTagger(nn.Module):
    """A two-way LSTM over the words, and a decoder that is fed one word's state at a time."""

    def __init__(self, words: int, slots: int, *, batch_first: bool) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, 16)
        self.encoder = nn.LSTM(16, 16, batch_first=True, bidirectional=True)
        self.decoder = nn.LSTM(32, 24, batch_first=batch_first)
        self.head = nn.Linear(24, slots)

    def forward(self, words: Tensor) -> Tensor:
        states, _ = self.encoder(self.embedding(words))
        memory, outputs = None, []
        for step in range(words.shape[1]):
            output, memory = self.decoder(states[:, step].unsqueeze(1), memory)
            outputs.append(self.head(output))
        return torch.cat(outputs, dim=1)


def slot_loss(logits: Tensor, slots: Tensor) -> Tensor:
    """The mean cross-entropy over all words."""
    return F.cross_entropy(logits.flatten(0, 1), slots.flatten())


@pair("batch-leak", group="wiring", source="published")
def decoder_that_walks_along_the_batch(sick: bool) -> Arguments:
    """The decoder gets (batch, 1, features) but takes the first axis for time (ray075hl/Bi-Model-Intent-And-Slot#2)."""
    seeded_everywhere()
    words = torch.randint(40, (700, 9))
    before = torch.cat([torch.zeros(700, 1, dtype=torch.long), words[:, :-1]], dim=1)
    slots = torch.where(words < 24, words // 8, 3 + (before >= 20).long())
    model = SlotTagger(40, 5, batch_first=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=slot_loss, optimizer=optimizer, **dealt_out(words, slots))


class Hourglass(nn.Module):
    """Down, up again with a skip, and a map of heat for each keypoint."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.stem = self.conv(1, width)
        self.low = nn.Sequential(self.conv(width, width), self.conv(width, width))
        self.skip = self.conv(width, width)
        self.out = nn.Conv2d(width, 2, 1)
        nn.init.normal_(self.out.weight, std=0.01)

    @staticmethod
    def conv(into: int, out: int) -> nn.Sequential:
        return nn.Sequential(nn.Conv2d(into, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU())

    def forward(self, images: Tensor) -> Tensor:
        x = self.stem(images)
        low = F.interpolate(self.low(F.max_pool2d(x, 2)), scale_factor=2.0)
        heat: Tensor = self.out(self.skip(x) + low)
        return heat


def keypoints(count: int) -> tuple[Tensor, Tensor]:
    """Images with an upright and a lying bar, and the heat around the middle of each."""
    ys, xs = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    places = 3 + 10 * torch.rand(count, 2, 2, 1, 1)
    dy, dx = ys - places[:, :, 0], xs - places[:, :, 1]
    upright = (dy[:, 0].abs() < 3) & (dx[:, 0].abs() < 1)
    lying = (dy[:, 1].abs() < 1) & (dx[:, 1].abs() < 3)
    images = (upright | lying).float() + 0.1 * torch.randn(count, 16, 16)
    return centred_columns(images[:, None]), torch.exp(-(dy**2 + dx**2) / 12)


def pose_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step of training."""
    model.train()
    optimizer.zero_grad()
    loss = F.mse_loss(model(batch[0]), batch[1])
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()


@torch.no_grad()
def validated_like_training(model: nn.Module, batch: list[Tensor]) -> float:
    """The loss in the phase of validation."""
    model.train()
    return F.mse_loss(model(batch[0]), batch[1]).item()


@torch.no_grad()
def validated(model: nn.Module, batch: list[Tensor]) -> float:
    """The loss in the phase of validation."""
    model.eval()
    return F.mse_loss(model(batch[0]), batch[1]).item()


@pair("evaluation-changes-model", "train-eval-mode", group="training", source="published")
def norms_that_go_on_counting_in_validation(sick: bool) -> Arguments:
    """The phase of validation runs in train mode too (princeton-vl/pytorch_stacked_hourglass#44)."""
    seeded_everywhere()
    model = Hourglass()
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=1.5e-3),
        train_step=pose_step,
        eval_step=validated_like_training if sick else validated,
        **dealt_out(*keypoints(600)),
    )


@pair("lr-schedule", group="training", source="scikit-learn")
def trainer_that_steps_any_scheduler_per_batch(sick: bool) -> Arguments:
    """The trainer steps the scheduler after every batch, and its milestones are epochs (nodefluxio/vortex#58)."""
    seeded_everywhere()
    features, benign = load_breast_cancer(return_X_y=True)
    x, y = torch.tensor(features, dtype=torch.float32), torch.tensor(benign, dtype=torch.long)
    data = dealt_out(centred_columns(x), y)
    per_epoch = len(data["loader"])
    model = nn.Sequential(nn.Linear(30, 24), nn.ReLU(), nn.Linear(24, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)

    def train_step(
        model: nn.Module,
        batch: list[Tensor],
        optimizer: torch.optim.Optimizer,
        scheduler: lr_scheduler.LRScheduler,
        step: int,
    ) -> Tensor:
        model.train()
        optimizer.zero_grad()
        loss = F.cross_entropy(model(batch[0]), batch[1])
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if sick or (step + 1) % per_epoch == 0:
            scheduler.step()
        return loss.detach()

    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        scheduler=lr_scheduler.MultiStepLR(optimizer, milestones=[12, 17], gamma=0.1),
        total_steps=20 * per_epoch,
        train_step=train_step,
        **data,
    )


class MaskedNoiseLoss(nn.Module):
    """The squared error of the predicted noise, averaged over the subject of each image."""

    def __init__(self, eps: float) -> None:
        super().__init__()
        self.eps = eps

    def forward(self, predicted: Tensor, targets: Tensor) -> Tensor:
        noise, mask = targets[:, :1], targets[:, 1:]
        errors = mask * (predicted - noise) ** 2
        return (errors.sum((1, 2, 3)) / (mask.sum((1, 2, 3)) + self.eps)).mean()


@pair("nonfinite-forward", group="backward", source="scikit-learn")
def error_averaged_over_a_subject_that_is_not_there(sick: bool) -> Arguments:
    """The loss divides by the area of the subject's mask, which is empty in some images (Zhen-Dong/Magic-Me#14)."""
    seeded_everywhere()
    images, _ = inked_digits(1000)
    mask = (images > 0.3).float()
    mask[torch.rand(1000) < 0.06] = 0
    noise = torch.randn_like(images)
    model = nn.Sequential(
        nn.Conv2d(1, 24, 3, padding=1), nn.SiLU(), nn.Conv2d(24, 24, 3, padding=1), nn.SiLU(), nn.Conv2d(24, 1, 1)
    )
    return dict(
        model=model,
        loss_fn=MaskedNoiseLoss(0.0 if sick else 1e-6),
        optimizer=torch.optim.Adam(model.parameters(), lr=1.5e-3),
        task="other",
        **dealt_out(0.6 * images + 0.8 * noise, torch.cat([noise, mask], 1)),
    )


class Forecaster(nn.Module):
    """An encoder of the past and a decoder that is masked in itself, and sees all of the past."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.past = nn.Linear(2, width)
        self.start = nn.Linear(2, width)
        self.encoder = nn.TransformerEncoderLayer(width, 4, 64, dropout=0.0, batch_first=True)
        self.decoder = nn.TransformerDecoderLayer(width, 4, 64, dropout=0.0, batch_first=True)
        self.head = nn.Linear(width, 1)

    def forward(self, past: Tensor, start: Tensor) -> Tensor:
        memory = self.encoder(self.past(past))
        later = torch.ones(start.shape[1], start.shape[1], dtype=torch.bool).triu(1)
        decoded = self.decoder(self.start(start), memory, tgt_mask=later)
        values: Tensor = self.head(decoded[:, -8:])
        return values


@healthy(resembles="causality", source="published")
def decoder_whose_cross_attention_has_no_mask() -> Arguments:
    """Only the decoder's self-attention is masked: all of the past is known (zhouhaoyi/Informer2020#38)."""
    seeded_everywhere()
    time = torch.arange(32.0)
    first = 24 * torch.rand(800, 1)
    phase = 2 * torch.pi * (first + time) / 24
    level = torch.randn(800, 1)
    values = level + torch.sin(phase) + 0.5 * torch.sin(2 * phase + level) + 0.1 * torch.randn(800, 32)
    values = (values - values.mean()) / values.std()
    series = torch.stack([values, torch.sin(phase)], 2)
    start = series[:, 16:].clone()
    start[:, 8:, 0] = 0
    model = Forecaster()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    data = dealt_out(series[:, :24], start, series[:, 24:, :1])
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, task="regression", **data)
