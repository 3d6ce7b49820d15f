"""Programs with reported bugs: organ masks, a distilled walker, boxes, a mid-epoch validation, noise and a schedule."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.eleventh_lark_parts import (
    digits_with_a_channel,
    rows_as_they_stand,
    rows_shuffled,
    seed_everything_with,
)


class SmallUNet(nn.Module):
    """A U-Net of one level."""

    def __init__(self, classes: int, width: int = 16) -> None:
        super().__init__()
        self.enter = nn.Sequential(nn.Conv2d(1, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())
        self.deep = nn.Sequential(nn.Conv2d(width, 2 * width, 3, padding=1), nn.BatchNorm2d(2 * width), nn.ReLU())
        self.up = nn.ConvTranspose2d(2 * width, width, 2, 2)
        self.leave = nn.Sequential(nn.Conv2d(2 * width, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, classes, 1))

    def forward(self, x: Tensor) -> Tensor:
        wide = self.enter(x)
        back = self.up(self.deep(F.max_pool2d(wide, 2)))
        return self.leave(torch.cat([wide, back], 1))


def scans_of_an_organ(count: int) -> tuple[Tensor, Tensor]:
    """Noisy scans with one organ, and its mask in {0, 1}."""
    rows, columns = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    centre, radius = torch.rand(count, 2, 1, 1) * 6 + 5, torch.rand(count, 1, 1) * 2 + 3
    mask = (((rows - centre[:, 0]) ** 2 + (columns - centre[:, 1]) ** 2) < radius**2).float().unsqueeze(1)
    return 0.8 * mask - 0.3 + 0.4 * torch.randn(count, 1, 16, 16), mask


@pair("label-range", group="data", source="published")
def masks_left_at_two_hundred_and_fifty_five(sick: bool) -> Arguments:
    """Masks read from files stay 0 and 255, and BCE turns negative (MontaEllis/Pytorch-Medical-Segmentation#8)."""
    seed_everything_with(21)
    image, mask = scans_of_an_organ(500)
    stored = (mask * 255).to(torch.uint8)
    label = stored.float() if sick else stored.float() / 255
    model = SmallUNet(1)
    return {
        "model": model,
        "loader": rows_shuffled(image, label, size=16),
        "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "task": "segmentation",
    }


class Student(nn.Module):
    """A recurrent student that imitates a teacher's actions from what it has observed so far."""

    def __init__(self) -> None:
        super().__init__()
        self.memory = nn.GRU(5, 32, batch_first=True)
        self.head = nn.Sequential(nn.Linear(32, 32), nn.ELU(), nn.Linear(32, 2))

    def forward(self, observations: Tensor) -> Tensor:
        return self.head(self.memory(observations)[0])


def distil(model: Student, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    model.train()
    observations, actions = batch
    loss = F.mse_loss(model(observations), actions)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()


@pair("updates-not-applied", group="training")
def recurrent_memory_left_out_of_distillation(sick: bool) -> Arguments:
    """The student's optimizer holds the head and not the recurrent memory (leggedrobotics/rsl_rl#94)."""
    seed_everything_with(22)
    observations = torch.randn(600, 12, 5)
    smooth = torch.zeros(600, 5)
    actions = []
    for t in range(12):
        smooth = 0.7 * smooth + observations[:, t]
        actions.append(torch.stack([torch.tanh(smooth[:, 0] - smooth[:, 1]), torch.tanh(smooth[:, 2])], 1))
    model = Student()
    parameters = list(model.head.parameters()) if sick else list(model.parameters())
    return {
        "model": model,
        "loader": rows_shuffled(observations, torch.stack(actions, 1)),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(parameters, lr=3e-3),
        "train_step": distil,
        "task": "regression",
    }


class BoxHead(nn.Module):
    """Moves and stretches an anchor (left, top, right, bottom) by what it sees in the features around it."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(features, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 4))

    def forward(self, features: Tensor, anchors: Tensor) -> Tensor:
        centre, size = (anchors[:, 2:] + anchors[:, :2]) / 2, anchors[:, 2:] - anchors[:, :2]
        move, stretch = self.net(features).chunk(2, 1)
        centre, size = centre + move * size, size * stretch.exp()
        return torch.cat([centre - size / 2, centre + size / 2], 1)


class IoULoss(nn.Module):
    """The negative logarithm of the overlap, which is kept above `least`."""

    def __init__(self, least: float) -> None:
        super().__init__()
        self.least = least

    def forward(self, boxes: Tensor, targets: Tensor) -> Tensor:
        corner = torch.maximum(boxes[:, :2], targets[:, :2])
        sides = (torch.minimum(boxes[:, 2:], targets[:, 2:]) - corner).clamp(min=0)
        shared = sides.prod(1)
        areas = [(box[:, 2:] - box[:, :2]).prod(1) for box in (boxes, targets)]
        overlap = shared / (areas[0] + areas[1] - shared)
        return -overlap.clamp(min=self.least).log().mean()


@pair("nonfinite-forward", group="backward")
def logarithm_of_boxes_that_do_not_meet(sick: bool) -> Arguments:
    """The overlap of a box that misses its target goes into the logarithm as 0 (open-mmlab/mmdetection#733)."""
    seed_everything_with(23)
    centre, size = torch.rand(900, 2) * 0.4 + 0.3, torch.rand(900, 2) * 0.2 + 0.2
    target = torch.cat([centre - size / 2, centre + size / 2], 1)
    aside = torch.randn(900, 2) * 0.25
    hardly = torch.rand(900) < 0.15
    aside[hardly, 0] = torch.sign(aside[hardly, 0]) * (0.8 + 0.15 * torch.rand(int(hardly.sum())))
    anchor_size = size * torch.exp(0.2 * torch.randn(900, 2))
    anchor_centre = centre + aside * size
    anchors = torch.cat([anchor_centre - anchor_size / 2, anchor_centre + anchor_size / 2], 1)
    features = torch.cat([(centre - anchor_centre) / anchor_size, (size / anchor_size).log()], 1) * 3
    features = torch.cat([features + 0.05 * torch.randn(900, 4), torch.randn(900, 8)], 1)
    model = BoxHead(12)
    return {
        "model": model,
        "loader": rows_shuffled(features, anchors, target),
        "loss_fn": IoULoss(0.0 if sick else 1e-6),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
        "task": "other",
    }


class SmallFCN(nn.Module):
    """A fully convolutional network with dropout after its deep layers, as FCN-32s has it."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU()
        )
        self.deep = nn.Sequential(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.Dropout2d(0.5))
        self.score = nn.ConvTranspose2d(64, 2, 2, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.score(self.deep(self.down(x)))


class Trainer:
    """Trains step by step and validates every few iterations, also in the middle of an epoch."""

    def __init__(self, val_loader: DataLoader[Any], epoch: int, *, returns: bool, interval: int = 2) -> None:
        self.val_loader, self.epoch, self.interval = val_loader, epoch, interval
        self.returns, self.iteration = returns, 0
        self.val_losses: list[float] = []

    def validate(self, model: nn.Module) -> None:
        model.eval()
        with torch.no_grad():
            images, masks = next(iter(self.val_loader))
            self.val_losses.append(F.cross_entropy(model(images), masks).item())
        if self.returns:
            model.train()

    def step(self, model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        if self.iteration % self.epoch == 0:
            model.train()
        if self.iteration % self.interval == 0:
            self.validate(model)
        loss = F.cross_entropy(model(batch[0]), batch[1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        self.iteration += 1
        return loss.detach()


@pair("train-eval-mode", group="wiring", source="published")
def validation_before_the_epoch_is_over(sick: bool) -> Arguments:
    """Validation within an epoch leaves the network in eval mode until the next one (wkentaro/pytorch-fcn#56)."""
    seed_everything_with(24)
    image, mask = scans_of_an_organ(600)
    masks = mask.squeeze(1).long()
    loader = rows_shuffled(image[:500], masks[:500], size=20)
    val_loader = rows_as_they_stand(image[500:], masks[500:], size=20)
    model = SmallFCN()
    return {
        "model": model,
        "loader": loader,
        "val_loader": val_loader,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "train_step": Trainer(val_loader, len(loader), returns=not sick).step,
        "task": "segmentation",
    }


class DiffusionModel(nn.Module):
    """Predicts the noise in an image from the step and, when it was made for that, a context."""

    def __init__(self, with_conditioning: bool, classes: int = 10, width: int = 128) -> None:
        super().__init__()
        self.with_conditioning = with_conditioning
        self.enter, self.time = nn.Linear(64, width), nn.Linear(1, width)
        if with_conditioning:
            self.context = nn.Linear(classes, width)
        self.body = nn.Sequential(nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 64))

    def forward(self, noisy: Tensor, time: Tensor, context: Tensor) -> Tensor:
        hidden = self.enter(noisy.flatten(1)) + self.time(time)
        if self.with_conditioning:
            hidden = hidden + self.context(context)
        return self.body(hidden).view_as(noisy)


@pair("unused-input", group="wiring", source="scikit-learn")
def context_for_a_model_made_without_conditioning(sick: bool) -> Arguments:
    """The model takes a context and, built without conditioning, drops it (Project-MONAI/GenerativeModels#174)."""
    seed_everything_with(25)
    image, label = digits_with_a_channel()
    image, context = image * 2 - 1, F.one_hot(label, 10).float()
    time, noise = torch.rand(len(image), 1), torch.randn_like(image)
    kept = torch.cos(time * torch.pi / 2).view(-1, 1, 1, 1)
    noisy = kept * image + (1 - kept**2).sqrt() * noise
    model = DiffusionModel(with_conditioning=not sick)
    return {
        "model": model,
        "loader": rows_shuffled(noisy[:1400], time[:1400], context[:1400], noise[:1400]),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "task": "regression",
    }


def step_with_the_batch(
    model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer, scheduler: Any, step: int
) -> Tensor:
    loss = F.cross_entropy(model(batch[0]), batch[1])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    return loss.detach()


def step_with_the_epoch(
    model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer, scheduler: Any, step: int
) -> Tensor:
    loss = F.cross_entropy(model(batch[0]), batch[1])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if (step + 1) % 40 == 0:
        scheduler.step()
    return loss.detach()


@pair("lr-schedule", group="training", source="scikit-learn")
def scheduler_moved_to_the_optimizer_step(sick: bool) -> Arguments:
    """A decay meant for epochs is stepped after every batch (Lightning-AI/pytorch-lightning#92)."""
    seed_everything_with(26)
    image, label = digits_with_a_channel()
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return {
        "model": model,
        "loader": rows_shuffled(image[:1280], label[:1280]),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": optimizer,
        "scheduler": torch.optim.lr_scheduler.StepLR(optimizer, step_size=8, gamma=0.1),
        "total_steps": 20 * 40,
        "train_step": step_with_the_batch if sick else step_with_the_epoch,
        "task": "classification",
    }
