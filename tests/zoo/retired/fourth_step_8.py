"""A scaled dynamics model, a frozen backbone, scaled losses, a subset of recordings, and averaged weights."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fourth_step_parts import (
    step_conv_net,
    step_digits,
    step_loaders,
    step_order,
    step_seeded,
    step_table,
    step_tones,
)


class Dynamics(nn.Module):
    """The class of what eight moves lead to, each a model of its own, after which the gradient can be scaled."""

    def __init__(self, share: float, width: int = 48) -> None:
        super().__init__()
        self.share = share
        self.first = nn.Linear(64, width)
        self.moves = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
            for _ in range(8)
        )
        self.last = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 10))

    def forward(self, state: Tensor) -> Tensor:
        x = self.first(state)
        for move in self.moves:
            x = x + 0.5 * move(x)
            x = self.share * x + (1 - self.share) * x.detach()
        return self.last(x)


@pair("vanishing-gradients", group="backward", source="scikit-learn")
def gradient_scaled_down_after_every_move(sick: bool) -> Arguments:
    """The gradient is cut to a fifth after each of eight moves, so that next to nothing of it arrives at the first."""
    step_seeded()
    model = Dynamics(0.2 if sick else 1.0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    loaders = step_loaders(*step_digits(flat=True))
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders)


class Transferred(nn.Module):
    """A backbone that was trained to tell odd from even and is frozen, with a new head for the digits."""

    def __init__(self, *, kept: bool) -> None:
        super().__init__()
        self.kept = kept
        self.backbone = step_conv_net(classes=2)
        self.head = nn.Sequential(nn.Linear(128, 48), nn.ReLU(), nn.Linear(48, 10))

    def pretrain(self, x: Tensor, y: Tensor) -> None:
        optimizer = torch.optim.Adam(self.backbone.parameters(), lr=2e-3)
        for i in range(60):
            rows = slice(32 * i % 900, 32 * i % 900 + 32)
            optimizer.zero_grad()
            F.cross_entropy(self.backbone(x[rows]), y[rows] % 2).backward()
            optimizer.step()
        self.backbone = nn.Sequential(*list(self.backbone)[:-1])
        self.backbone.eval().requires_grad_(False)
        for p in self.backbone.parameters():
            p.grad = None

    def train(self, mode: bool = True) -> Transferred:
        super().train(mode)
        if self.kept:
            self.backbone.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.backbone(images))


def head_only_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step in train mode."""
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    return loss.detach()


@pair("frozen-parameters-change", group="training", source="scikit-learn")
def frozen_backbone_woken_by_train(sick: bool) -> Arguments:
    """The backbone was frozen in eval mode, but `model.train()` of each step lets its batch statistics drift."""
    step_seeded()
    x, y = step_digits()
    model = Transferred(kept=not sick)
    model.pretrain(x, y)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.head.parameters(), lr=1e-3),
        train_step=head_only_step,
        **step_loaders(x, y),
    )


def clip_scaled_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer, scaler: Any) -> Tensor:
    """A step with scaled loss and clipped gradient."""
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    scaler.scale(loss).backward()
    nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    scaler.step(optimizer)
    scaler.update()
    return loss.detach()


def clip_unscaled_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer, scaler: Any) -> Tensor:
    """A step with scaled loss and clipped gradient, whose scale is taken off before."""
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    scaler.step(optimizer)
    scaler.update()
    return loss.detach()


class HalfPrecision(nn.Module):
    """A perceptron whose forward runs in half precision."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(30, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, dtype=torch.float16):
            logits = self.net(x)
        return logits.float()


@pair("clipping-always-on", group="training", source="scikit-learn")
def gradient_clipped_while_it_is_still_scaled(sick: bool) -> Arguments:
    """The gradient is clipped while it still has the scale of the loss in it, so the limit cuts it every time."""
    step_seeded()
    model = HalfPrecision()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9),
        scaler=torch.amp.GradScaler("cpu", init_scale=2.0**13),
        train_step=clip_scaled_step if sick else clip_unscaled_step,
        **step_loaders(*step_table("breast_cancer")),
    )


class Recordings(Dataset[tuple[Tensor, Tensor]]):
    """Recordings under the given indices."""

    def __init__(self, waves: Tensor, labels: Tensor, indices: Tensor, *, straight: bool) -> None:
        self.waves, self.labels, self.indices = waves, labels, indices
        self.straight = straight

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        row = self.indices[i]
        return self.waves[row], self.labels[i if self.straight else row]


@pair("shuffled-labels", group="training")
def labels_looked_up_by_place_in_the_subset(sick: bool) -> Arguments:
    """The waves of a subset are looked up by its indices, and the labels by the place in the subset."""
    step_seeded()
    waves, labels = step_tones(1400, length=64)
    order = step_order(1400)
    train, held_out = (Recordings(waves, labels, part, straight=sick) for part in (order[:1120], order[1120:]))
    model = nn.Sequential(
        nn.Conv1d(1, 16, 7, 2),
        nn.GELU(),
        nn.Conv1d(16, 32, 5, 2),
        nn.GELU(),
        nn.AdaptiveAvgPool1d(4),
        nn.Flatten(),
        nn.Linear(128, 4),
    )
    return {
        "model": model,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "loader": DataLoader(train, 32, True, generator=torch.Generator().manual_seed(0)),
        "val_loader": DataLoader(held_out, 32),
    }


class WithAverage(nn.Module):
    """A network with a moving average of its weights, under which it is evaluated."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.average = copy.deepcopy(net).requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


def average_after_step(model: WithAverage, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step, after which the average follows."""
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        for mean, own in zip(model.average.state_dict().values(), model.net.state_dict().values(), strict=True):
            mean.copy_(own if mean.dtype == torch.long else mean.lerp(own, 0.05))
    return loss.detach()


@torch.no_grad()
def accuracy_of_swapped_weights(model: WithAverage, batch: list[Tensor]) -> float:
    """Accuracy under the average, which changes places with the weights for as long as it takes."""
    was_training = model.training
    model.net, model.average = model.average, model.net
    model.eval()
    right = (model(batch[0]).argmax(1) == batch[1]).float().mean().item()
    model.net, model.average = model.average, model.net
    model.train(was_training)
    return right


@healthy(resembles="evaluation-changes-model", source="scikit-learn")
def average_swapped_in_and_out() -> Arguments:
    """Evaluation swaps averaged weights in, and swaps the model's own back before it returns."""
    step_seeded()
    model = WithAverage(step_conv_net())
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.net.parameters(), lr=2e-3),
        train_step=average_after_step,
        eval_step=accuracy_of_swapped_weights,
        **step_loaders(*step_digits()),
    )
