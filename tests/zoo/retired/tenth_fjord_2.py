"""Digits with a softmax, fused scales, ultrasound frames, logo masks, turned point clouds, and slow scalars."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.tenth_fjord_parts import dealt_out, inked_digits, seeded_everywhere


@pair("loss-input", group="wiring", source="scikit-learn")
def last_layer_activated_before_the_loss_does_it_again(sick: bool) -> Arguments:
    """The last layer has a softmax, and the loss takes logits and applies its own (tflearn/tflearn#562)."""
    seeded_everywhere()
    layers: list[nn.Module] = [nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)]
    if sick:
        layers.append(nn.Softmax(dim=1))
    model = nn.Sequential(*layers)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **dealt_out(*inked_digits()))


class FusionNode(nn.Module):
    """Two maps of features added with positive learnt weights that sum to 1."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight_of = nn.Parameter(torch.ones(2))
        self.conv = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        weights = F.relu(self.weight_of)
        weights = weights / (weights.sum() + 1e-4)
        mixed = weights[0] * fine + weights[1] * coarse
        fused: Tensor = self.norm(self.conv(F.silu(mixed)))
        return fused


class FeaturePyramid(nn.Module):
    """Two scales of a digit, fused downwards and upwards."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.fine = nn.Sequential(nn.Conv2d(1, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.SiLU())
        self.coarse = nn.Sequential(
            nn.Conv2d(width, width, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(width), nn.SiLU()
        )
        self.down = FusionNode(width)
        self.up = FusionNode(width)
        self.head = nn.Linear(width * 4, 10)

    def forward(self, images: Tensor) -> Tensor:
        fine = self.fine(images)
        coarse = self.coarse(fine)
        fine = self.down(fine, F.interpolate(coarse, scale_factor=2.0))
        coarse = self.up(F.max_pool2d(fine, 2), coarse)
        logits: Tensor = self.head(F.max_pool2d(F.silu(coarse), 2).flatten(1))
        return logits


def grouped_by_kind(model: nn.Module, *, with_fusion: bool) -> list[dict[str, object]]:
    """Scales of norms, weights and biases in groups of their own, weight decay on the weights only."""
    scales, weights, biases, fusion = [], [], [], []
    for module in model.modules():
        if isinstance(getattr(module, "bias", None), nn.Parameter):
            biases.append(module.bias)
        if isinstance(module, nn.BatchNorm2d):
            scales.append(module.weight)
        elif isinstance(getattr(module, "weight", None), nn.Parameter):
            weights.append(module.weight)
        elif isinstance(module, FusionNode):
            fusion.append(module.weight_of)
    groups: list[dict[str, object]] = [
        {"params": scales},
        {"params": weights, "weight_decay": 5e-4},
        {"params": biases},
    ]
    return [*groups, {"params": fusion}] if with_fusion else groups


@pair("updates-not-applied", "optimizer-mismatch", group="training", source="published")
def fusion_weights_in_no_group_of_the_optimizer(sick: bool) -> Arguments:
    """The optimizer's groups are gathered by kind of layer, and the fusion weights are of no kind.

    (bubbliiiing/efficientdet-pytorch#37).
    """
    seeded_everywhere()
    model = FeaturePyramid()
    optimizer = torch.optim.Adam(grouped_by_kind(model, with_fusion=not sick), lr=1.5e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **dealt_out(*inked_digits(1000)))


def ultrasound_frames(count: int) -> tuple[Tensor, Tensor]:
    """Frames with a lesion: benign ones are smooth and wide, malignant ones tall and ragged."""
    malignant = torch.arange(count) % 2
    ys, xs = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    centre = 6 + 4 * torch.rand(count, 2, 1, 1)
    tall = torch.where(malignant == 1, 4.2, 2.8) + 0.5 * torch.randn(count)
    wide = torch.where(malignant == 1, 2.8, 4.2) + 0.5 * torch.randn(count)
    dy, dx = ys - centre[:, 0], xs - centre[:, 1]
    ragged = 0.35 * malignant[:, None, None] * torch.sin(5 * torch.atan2(dy, dx) + 6 * torch.rand(count, 1, 1))
    radius = (dy / tall.clamp_min(1.5)[:, None, None]) ** 2 + (dx / wide.clamp_min(1.5)[:, None, None]) ** 2
    frames = -torch.sigmoid(4 * (1 + ragged - radius)) + 0.15 * torch.randn(count, 16, 16)
    return ((frames - frames.mean()) / frames.std())[:, None], malignant


@pair("label-noise", group="data")
def same_lesion_filed_as_benign_and_as_malignant(sick: bool) -> Arguments:
    """Almost identical frames lie in the folders of both classes (jhl-Det/CVA-Net#12)."""
    seeded_everywhere()
    frames, malignant = ultrasound_frames(800)
    if sick:
        copied = torch.randperm(800)[:200]
        again = frames[copied] + 0.01 * torch.randn(200, 1, 16, 16)
        frames, malignant = torch.cat([frames, again]), torch.cat([malignant, 1 - malignant[copied]])
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(12, 24, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(4),
        nn.Flatten(),
        nn.Linear(96, 2),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=1.5e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **dealt_out(frames, malignant))


class LogoMask(nn.Module):
    """A query logo and a picture, out comes the mask of the logo in the picture."""

    def __init__(self, *, activation: nn.Module) -> None:
        super().__init__()
        self.query = nn.Sequential(nn.Conv2d(3, 16, 6), nn.ReLU(), nn.Flatten(), nn.Linear(16, 16))
        self.picture = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU()
        )
        self.decoder = nn.Sequential(nn.Conv2d(32, 24, 3, padding=1), nn.ReLU(), nn.Conv2d(24, 1, 3, padding=1))
        self.activation = activation

    def forward(self, logo: Tensor, picture: Tensor) -> Tensor:
        seen = self.picture(picture)
        wanted = self.query(logo)[:, :, None, None].expand(-1, -1, 16, 16)
        mask: Tensor = self.activation(self.decoder(torch.cat([seen, wanted], 1)))
        return mask


def logos_in_pictures(count: int) -> tuple[Tensor, Tensor, Tensor]:
    """A logo, a picture with it and another one, and the mask of the logo."""
    kinds = torch.randn(6, 3, 6, 6)
    wanted = torch.randint(6, (count,))
    other = (wanted + torch.randint(1, 6, (count,))) % 6
    pictures, masks = 0.5 * torch.randn(count, 3, 16, 16), torch.zeros(count, 1, 16, 16)
    for index in range(count):
        row, other_row = (0, 8) if torch.rand(()) < 0.5 else (8, 0)
        row, other_row = row + int(torch.randint(3, ())), other_row + int(torch.randint(3, ()))
        column, other_column = (int(torch.randint(11, ())) for _ in range(2))
        pictures[index, :, row : row + 6, column : column + 6] = kinds[wanted[index]]
        pictures[index, :, other_row : other_row + 6, other_column : other_column + 6] = kinds[other[index]]
        masks[index, :, row : row + 6, column : column + 6] = 1
    return kinds[wanted] + 0.1 * torch.randn(count, 3, 6, 6), pictures, masks


@pair("loss-target", "constant-output", group="wiring", source="published")
def mask_of_one_channel_through_a_softmax(sick: bool) -> Arguments:
    """A mask of one channel is made by a softmax over it (AyanKumarBhunia/Deep-One-Shot-Logo-Retrieval#7)."""
    seeded_everywhere()
    model = LogoMask(activation=nn.Softmax(dim=1) if sick else nn.Sigmoid())
    optimizer = torch.optim.Adam(model.parameters(), lr=1.5e-3)
    return dict(model=model, loss_fn=nn.BCELoss(), optimizer=optimizer, **dealt_out(*logos_in_pictures(600)))


class TurnedClouds(Dataset[tuple[Tensor, Tensor]]):
    """Point clouds of four solids, turned, mirrored and scaled anew each time."""

    def __init__(self, count: int, *, numpy_random: bool) -> None:
        kind = np.arange(count) % 4
        points = np.random.randn(count, 48, 3)
        points /= np.linalg.norm(points, axis=2, keepdims=True)
        cube = points / np.abs(points).max(2, keepdims=True)
        height = np.random.uniform(-1, 1, (count, 48, 1))
        flat = points[..., :2] / np.linalg.norm(points[..., :2], axis=2, keepdims=True)
        tube = np.concatenate([flat, height], 2)
        cone = np.concatenate([flat * (1 - height) / 2, height], 2)
        solids = np.stack([points, cube, tube, cone])[kind, np.arange(count)]
        self.points = torch.tensor(solids + 0.02 * np.random.randn(count, 48, 3), dtype=torch.float32)
        self.kind = torch.tensor(kind)
        self.random = np.random.RandomState(0) if numpy_random else None

    def __len__(self) -> int:
        return len(self.kind)

    def draw(self) -> tuple[float, float, float]:
        if self.random is not None:
            return tuple(self.random.rand(3))
        return tuple(torch.rand(3).tolist())

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        turn, mirror, scale = self.draw()
        sine, cosine = np.sin(2 * np.pi * turn), np.cos(2 * np.pi * turn)
        rotation = torch.tensor([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]], dtype=torch.float32)
        if mirror < 0.5:
            rotation[0] *= -1
        return (0.95 + 0.1 * scale) * self.points[index] @ rotation, self.kind[index]


class PointNet(nn.Module):
    """Each point by itself, then the largest of every feature."""

    def __init__(self) -> None:
        super().__init__()
        self.points = nn.Sequential(nn.Linear(3, 32), nn.SiLU(), nn.Linear(32, 64), nn.SiLU())
        self.head = nn.Sequential(nn.Linear(64, 32), nn.SiLU(), nn.Linear(32, 4))

    def forward(self, points: Tensor) -> Tensor:
        logits: Tensor = self.head(self.points(points).amax(1))
        return logits


@pair("worker-randomness", group="data", source="published")
def augmentor_with_a_numpy_generator_in_every_worker(sick: bool) -> Arguments:
    """The augmentor draws from a NumPy generator that every worker has a copy of (open-mmlab/OpenPCDet#886)."""
    seeded_everywhere()
    clouds = TurnedClouds(800, numpy_random=sick)
    loader = DataLoader(clouds, 32, shuffle=True, num_workers=2, generator=torch.Generator().manual_seed(1))
    model = PointNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=1.5e-3)
    return {"model": model, "loader": loader, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


class FixupBlock(nn.Module):
    """A residual block without norms, with scalar shifts and a scale; its second layer starts at zero."""

    def __init__(self, width: int, blocks: int) -> None:
        super().__init__()
        self.shifts = nn.ParameterList(nn.Parameter(torch.zeros(1)) for _ in range(4))
        self.scale = nn.Parameter(torch.ones(1))
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        nn.init.normal_(self.first.weight, std=(2 / (9 * width)) ** 0.5 * blocks**-0.5)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        inner = F.relu(self.first(x + self.shifts[0]) + self.shifts[1])
        return F.relu(x + self.scale * self.second(inner + self.shifts[2]) + self.shifts[3])


@healthy(resembles="update-ratio", source="published")
def scalars_of_fixup_at_a_tenth_of_the_rate() -> Arguments:
    """The shifts and scales of a network without norms learn ten times slower, for stability (hongyi-zhang/Fixup#6)."""
    seeded_everywhere()
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        FixupBlock(16, 2),
        nn.MaxPool2d(2),
        FixupBlock(16, 2),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64, 10),
    )
    scalars = [parameter for parameter in model.parameters() if parameter.numel() == 1]
    others = [parameter for parameter in model.parameters() if parameter.numel() > 1]
    groups: list[dict[str, Any]] = [{"params": others}, {"params": scalars, "lr": 0.0015}]
    optimizer = torch.optim.SGD(groups, lr=0.015, momentum=0.9)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **dealt_out(*inked_digits()))
