"""Shares of a batch, ratios, frozen norms and random masks: four programs."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.sixth_dune_parts import batches, digit_images, divided, seeded


def share(rows: TensorDataset, of_all: int, machines: int) -> DataLoader[tuple[Tensor, ...]]:
    """What one of several machines reads of every batch."""
    return DataLoader(rows, of_all // machines, shuffle=True, drop_last=True)


@pair("batch-size", group="training")
def batch_divided_by_machines_that_are_not_there(sick: bool) -> Arguments:
    """The batch of 64 is divided by the 32 machines of the settings, though a single one trains, on two samples."""
    seeded()
    x = torch.randn(1500, 10)
    chance = torch.sigmoid(1.5 * (x[:, 0] - x[:, 1] + x[:, 2] * x[:, 3]))
    (x1, y1), val = divided(x, (torch.rand(1500) < chance).long(), train=1200)
    model = nn.Sequential(nn.Linear(10, 24), nn.ReLU(), nn.Linear(24, 2))
    return {
        "model": model,
        "loader": share(TensorDataset(x1, y1), 64, machines=32 if sick else 1),
        "val_loader": DataLoader(TensorDataset(*val), 50),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9),
    }


class Projected(nn.Module):
    """Unit vectors for two views of each digit."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 24))

    def forward(self, one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
        return F.normalize(self.body(one), dim=1), F.normalize(self.body(other), dim=1)


def two_views(rows: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    images = torch.stack(rows)
    one, other = (images + 0.4 * torch.randn_like(images) for _ in range(2))
    return one, other, torch.arange(len(rows))


def log_ratio(outputs: tuple[Tensor, Tensor]) -> Tensor:
    """The log share of the right partner among all of the batch."""
    similarity = outputs[0] @ outputs[1].T / 0.2
    return similarity.diagonal() - similarity.logsumexp(1)


def contrast(outputs: tuple[Tensor, Tensor], targets: Tensor) -> Tensor:
    return -log_ratio(outputs).mean()


def contrast_as_derived(outputs: tuple[Tensor, Tensor], targets: Tensor) -> Tensor:
    return log_ratio(outputs).mean()


@pair("loss-direction", group="wiring", source="published")
def log_ratio_returned_without_its_minus(sick: bool) -> Arguments:
    """The contrastive loss is the log share of the right partner without its minus, so views are driven apart."""
    seeded()
    (x1, _), (x2, _) = digit_images(flat=True)
    model = Projected()
    return {
        "model": model,
        "loader": DataLoader(list(x1), 32, shuffle=True, drop_last=True, collate_fn=two_views),  # type: ignore[arg-type]
        "val_loader": DataLoader(list(x2), 32, drop_last=True, collate_fn=two_views),  # type: ignore[arg-type]
        "loss_fn": contrast_as_derived if sick else contrast,
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
        "task": "other",
    }


class ResidualNet(nn.Module):
    """A small residual network whose norms keep the statistics they came with."""

    def __init__(self, images: Tensor, width: int = 16) -> None:
        super().__init__()
        self.enter, self.norm0 = nn.Conv2d(1, width, 3, padding=1, bias=False), self.norm(width)
        self.conv1, self.norm1 = nn.Conv2d(width, width, 3, padding=1, bias=False), self.norm(width)
        self.conv2, self.norm2 = nn.Conv2d(width, width, 3, padding=1, bias=False), self.norm(width)
        self.head = nn.Linear(width * 4, 10)
        nn.init.normal_(self.head.weight, std=0.05)
        with torch.no_grad():
            self(images)

    def norm(self, width: int) -> nn.BatchNorm2d:
        found = nn.BatchNorm2d(width, momentum=None)
        return found.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.norm0(self.enter(x))), 2)
        x = F.relu(x + self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x))))))
        out: Tensor = self.head(F.avg_pool2d(x, 2).flatten(1))
        return out


def step_with_frozen_norms(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    model.train()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()


@healthy(resembles="train-eval-mode", source="published")
def norms_frozen_while_the_rest_is_tuned() -> Arguments:
    """The step trains with all BatchNorm in eval mode on purpose, with settled statistics and frozen scales."""
    seeded()
    split = digit_images()
    model = ResidualNet(split[0][0])
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-3),
        train_step=step_with_frozen_norms,
        **batches(split),
    )


class MaskedAutoencoder(nn.Module):
    """Fills in the half of sixteen patches that it hides anew in every forward."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.enter, self.leave = nn.Linear(4, width), nn.Linear(width, 4)
        self.hidden = nn.Parameter(0.02 * torch.randn(width))
        self.places = nn.Parameter(0.02 * torch.randn(1, 16, width))
        layer = nn.TransformerEncoderLayer(width, 4, 2 * width, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        patches = F.pixel_unshuffle(x, 2).flatten(2).transpose(1, 2)
        hide = torch.rand(len(x), 16).argsort(1) < 8
        h = torch.where(hide.unsqueeze(-1), self.hidden, self.enter(patches)) + self.places
        return self.leave(self.encoder(h)), hide


def loss_of_what_was_hidden(outputs: tuple[Tensor, Tensor], targets: Tensor) -> Tensor:
    patches = F.pixel_unshuffle(targets, 2).flatten(2).transpose(1, 2)
    return (outputs[0] - patches)[outputs[1]].square().mean()


@healthy(resembles="nondeterminism", source="published")
def other_patches_hidden_in_every_forward() -> Arguments:
    """The loss of a batch changes from forward to forward, as other patches are hidden, yet not under one seed."""
    seeded()
    (x1, _), (x2, _) = digit_images()
    model = MaskedAutoencoder()
    return dict(
        model=model,
        loss_fn=loss_of_what_was_hidden,
        optimizer=torch.optim.AdamW(model.parameters(), lr=2e-3),
        task="other",
        **batches(((x1, x1), (x2, x2))),
    )
