"""Reported programs: one state for all volumes, a rare class, cut keypoints, a reused buffer, a second sigmoid."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, get_worker_info

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.seventh_glen_parts import UNet, all_seeded, loader, rhythms, tissue_photographs, wave_net


class Volumes(Dataset[Any]):
    """Volumes and their masks, turned and with another contrast on each reading, by one random state."""

    def __init__(self, volumes: np.ndarray, masks: np.ndarray, seed: int = 47) -> None:
        self.volumes = volumes
        self.masks = masks
        self.state = np.random.RandomState(seed)

    def __len__(self) -> int:
        return len(self.volumes)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        turns, contrast = self.state.randint(4), self.state.uniform(0.7, 1.3)
        volume = np.rot90(self.volumes[index], turns, (2, 3)) * contrast
        mask = np.rot90(self.masks[index], turns, (2, 3))
        return torch.from_numpy(volume.copy()).float(), torch.from_numpy(mask.copy()).float()


def own_state(_: int) -> None:
    """Seed the random state of this worker's volumes with the seed of the worker."""
    worker = get_worker_info()
    assert worker is not None
    dataset: Any = worker.dataset
    dataset.state.seed(worker.seed % 2**32)


def nuclei(count: int = 200, size: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Standardised volumes (N, 1, size, size, size) of a bright ball in noise, and their masks."""
    draw = np.random.default_rng(41)
    grid = np.mgrid[:size, :size, :size] + 0.5
    centre, radius = draw.uniform(2, size - 2, (count, 3)), draw.uniform(1.6, 3, count)
    distance = np.linalg.norm(grid[None] - centre[:, :, None, None, None], axis=1)
    masks = (distance < radius[:, None, None, None])[:, None]
    volumes = masks * 2.0 + draw.normal(0, 0.7, masks.shape)
    return (volumes - volumes.mean()) / volumes.std(), masks


@pair("worker-randomness", group="data")
def volumes_turned_by_a_state_with_a_fixed_seed(sick: bool) -> Arguments:
    """The random state of the augmentation has a fixed seed, and all workers turn their volumes alike.

    (wolny/pytorch-3dunet#32)
    """
    all_seeded()
    volumes, masks = nuclei()
    model = nn.Sequential(nn.Conv3d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv3d(8, 8, 3, padding=1), nn.ReLU())
    model.append(nn.Conv3d(8, 1, 1))
    return {
        "model": model,
        "loader": DataLoader(
            Volumes(volumes, masks),
            batch_size=8,
            shuffle=True,
            num_workers=2,
            worker_init_fn=None if sick else own_state,
        ),
        "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "task": "segmentation",
    }


class MixtureOfExperts(nn.Module):
    """A mixture of small experts under a softmax gate (Jacobs et al. 1991), which gives logits."""

    def __init__(self, features: int = 10, classes: int = 3, experts: int = 4) -> None:
        super().__init__()
        self.gate = nn.Linear(features, experts)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(features, 16), nn.Tanh(), nn.Linear(16, classes)) for _ in range(experts)
        )

    def forward(self, x: Tensor) -> Tensor:
        share = F.softmax(self.gate(x), dim=1)
        said = torch.stack([expert(x) for expert in self.experts], 1)
        return (share.unsqueeze(-1) * said).sum(1)


@pair("class-imbalance", group="data", source="published")
def one_class_of_six_in_a_hundred(sick: bool) -> Arguments:
    """One class holds 6 % of the samples, nothing weights it, and it is never predicted (cgrtml/neural-trees#75)."""
    all_seeded()
    draw = np.random.default_rng(51)
    y = draw.choice(3, 800, p=[0.5, 0.44, 0.06])
    centres = np.zeros((3, 10))
    centres[0, :3], centres[1, :3], centres[2, :5] = 1.3, -1.3, [1.0, 1.0, 1.0, 0.8, 0.8]
    x = torch.from_numpy(centres[y] + draw.normal(0, 1, (800, 10))).float()
    x, labels = (x - x.mean(0)) / x.std(0), torch.from_numpy(y).long()
    weight = None if sick else len(labels) / (3 * torch.bincount(labels[:600]).float())
    model = MixtureOfExperts()
    return {
        "model": model,
        "loader": loader(x[:600], labels[:600]),
        "val_loader": loader(x[600:], labels[600:], shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(weight=None if weight is None else weight / weight.mean()),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=3e-3),
    }


def faces(count: int = 700, size: int = 12) -> tuple[Tensor, np.ndarray]:
    """Standardised pictures (N, 1, size, size) with a bright and a dark mark, and where they are, from −1 to 1."""
    draw = np.random.default_rng(61)
    places = draw.uniform(-0.95, 0.95, (count, 4))
    row, column = np.mgrid[:size, :size] / (size - 1) * 2 - 1
    pictures = draw.normal(0, 0.1, (count, size, size))
    for sign, first in ((1.0, 0), (-1.0, 2)):
        y, x = places[:, first, None, None], places[:, first + 1, None, None]
        pictures += sign * np.exp(-((row - y) ** 2 + (column - x) ** 2) / 0.08)
    return torch.from_numpy(pictures / pictures.std()).float()[:, None], places


@pair("dtype", group="wiring")
def keypoints_turned_into_a_long_tensor(sick: bool) -> Arguments:
    """The positions of the keypoints lie between −1 and 1, are put into a LongTensor, and all become 0.

    (pytorch/pytorch#3346)
    """
    all_seeded()
    pictures, places = faces()
    targets = torch.from_numpy(places).type("torch.LongTensor" if sick else "torch.FloatTensor").float()
    model = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 16, 3, padding=1))
    model.extend([nn.ReLU(), nn.Flatten(), nn.Linear(576, 64), nn.ReLU(), nn.Linear(64, 4)])
    return {
        "model": model,
        "loader": loader(pictures[:560], targets[:560]),
        "val_loader": loader(pictures[560:], targets[560:], shuffle=False),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
        "task": "regression",
    }


def sessions(files: list[list[Tensor]], *, reused: bool) -> list[tuple[Tensor, Tensor]]:
    """Trials and labels of each recorded session, read through arrays of the size of a session."""
    trials, labels = torch.zeros_like(files[0][0]), torch.zeros_like(files[0][1])
    data = []
    for read_trials, read_labels in files:
        if not reused:
            trials, labels = torch.zeros_like(trials), torch.zeros_like(labels)
        trials.copy_(read_trials)
        labels.copy_(read_labels)
        data.append((trials, labels))
    return data


@pair("split-leak", group="data")
def sessions_read_into_one_array(sick: bool) -> Arguments:
    """Both sessions are read into one array, so that the list holds the test session twice (tiehangd/MUPS-EEG#4)."""
    all_seeded()
    train, test = sessions([rhythms(288, seed=71), rhythms(288, seed=72)], reused=sick)
    model = wave_net()
    return {
        "model": model,
        "loader": loader(*train),
        "val_loader": loader(*test, shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


class Masker(nn.Module):
    """A U-Net whose output may pass through a sigmoid."""

    def __init__(self, *, squashed: bool) -> None:
        super().__init__()
        self.net = UNet(3, 1)
        self.squashed = squashed

    def forward(self, x: Tensor) -> Tensor:
        found = self.net(x)
        return torch.sigmoid(found) if self.squashed else found


@pair("loss-input", group="wiring", source="published")
def mask_squashed_before_the_loss_squashes_it(sick: bool) -> Arguments:
    """The network ends in a sigmoid and its loss applies one too (avBuffer/UNet3plus_pth#23)."""
    all_seeded()
    images, masks = tissue_photographs(240)
    x = (images.float() - 130) / 45
    model = Masker(squashed=sick)
    return {
        "model": model,
        "loader": loader(x[:200], masks[:200], batch=8),
        "val_loader": loader(x[200:], masks[200:], batch=8, shuffle=False),
        "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "task": "segmentation",
    }
