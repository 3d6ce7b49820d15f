"""Programs after reported bugs: abstracts, a loss scaler, a contrast transform, signals, heat maps."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.ninth_moor_parts import all_digits, loader_over_tensors, seed_all_generators


def abstracts(texts: int, twice: int, words: int = 400, length: int = 30) -> tuple[Tensor, Tensor]:
    """Abstracts of five specialties; the first `twice` lie between two of them and are entered under both."""
    specialty = torch.randint(5, (texts,))
    other = (specialty + torch.randint(1, 5, (texts,))) % 5
    frequency = torch.softmax(1.3 * torch.randn(5, words), 1)
    mixed = torch.where((torch.arange(texts) < twice)[:, None], 0.5, 0.0)
    chances = (1 - mixed) * frequency[specialty] + mixed * frequency[other]
    tokens = torch.multinomial(chances, length, replacement=True)
    return torch.cat([tokens, tokens[:twice]]), torch.cat([specialty, other[:twice]])


def without_conflicts(tokens: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Only those texts that were entered once."""
    _, entry, count = tokens.unique(dim=0, return_inverse=True, return_counts=True)
    once = count[entry] == 1
    return tokens[once], labels[once]


class BagOfWords(nn.Module):
    """The mean of the embeddings of the words, and a classifier."""

    def __init__(self, words: int, classes: int) -> None:
        super().__init__()
        self.words = nn.EmbeddingBag(words, 32, mode="mean")
        self.classify = nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, classes))

    def forward(self, tokens: Tensor) -> Tensor:
        return self.classify(self.words(tokens))


@pair("label-noise", group="data")
def abstracts_entered_under_two_specialties(sick: bool) -> Arguments:
    """Abstracts of two specialties are entered twice, once with each label.

    (sebischair/Medical-Abstracts-TC-Corpus#2)
    """
    seed_all_generators()
    tokens, labels = abstracts(900, 45)
    if not sick:
        tokens, labels = without_conflicts(tokens, labels)
    model = BagOfWords(400, 5)
    return {
        "model": model,
        "loader": loader_over_tensors(tokens, labels),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=5e-3),
        "task": "classification",
    }


class TwoConvolutions(nn.Module):
    """A small convolutional classifier of digits."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 16, 3, padding=1), nn.Conv2d(16, 32, 3, padding=1)
        self.hidden, self.classify = nn.Linear(32 * 4, 64), nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.classify(F.relu(self.hidden(x.flatten(1))))


def step_that_clips_the_scaled_gradients(
    model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler
) -> Tensor:
    """A step in half precision with clipping."""
    optimizer.zero_grad()
    with torch.autocast("cpu", dtype=torch.float16):
        loss = F.cross_entropy(model(batch[0]), batch[1])
    scaler.scale(loss).backward()
    nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    return loss.detach()


def step_that_clips_the_gradients(
    model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler
) -> Tensor:
    """A step in half precision with clipping."""
    optimizer.zero_grad()
    with torch.autocast("cpu", dtype=torch.float16):
        loss = F.cross_entropy(model(batch[0]), batch[1])
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    scaler.step(optimizer)
    scaler.update()
    return loss.detach()


@pair("clipping-always-on", group="training", source="scikit-learn")
def norm_cut_before_the_scale_is_taken_out(sick: bool) -> Arguments:
    """Half precision: gradients are clipped while they carry the loss's scale, and divided by it after.

    (Lightning-AI/pytorch-lightning#9599)
    """
    seed_all_generators()
    images, labels = all_digits(flat=True)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    return {
        "model": model,
        "loader": loader_over_tensors(images[:1300], labels[:1300]),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9),
        "train_step": step_that_clips_the_scaled_gradients if sick else step_that_clips_the_gradients,
        "scaler": torch.amp.GradScaler("cpu", init_scale=2.0**12),
    }


class Photographs(Dataset[tuple[Tensor, Tensor]]):
    """Photographs of digits in bytes, each stretched to the full range from black to white."""

    def __init__(self, photographs: Tensor, labels: Tensor, *, in_bytes: bool) -> None:
        self.photographs, self.labels, self.in_bytes = photographs, labels, in_bytes

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        stretched = self.stretch(self.photographs[index])
        return (stretched.float() / 255.0 - 0.35) / 0.35, self.labels[index]

    def stretch(self, image: Tensor) -> Tensor:
        """The image with its contrast at the maximum, through a table of the 256 levels."""
        low, high = image.amin(), image.amax()
        if not self.in_bytes:
            low, high = low.float(), high.float()
        scale = 255.0 / (high - low)
        offset = -low * scale
        table = (torch.arange(256) * scale + offset).clamp(0, 255).to(torch.uint8)
        return table[image.long()]


@pair("dtype", group="wiring", source="scikit-learn")
def offset_of_the_contrast_in_bytes(sick: bool) -> Arguments:
    """The offset of a contrast transform, minus the lowest level, is taken in unsigned bytes.

    (iLearn-Lab/MM23-RTQ#2)
    """
    seed_all_generators()
    images, labels = all_digits()
    ink = (images - images.min()) / (images.max() - images.min())
    paper = torch.where(torch.rand(len(ink)) < 0.5, 0.0, 20 + 60 * torch.rand(len(ink)))[:, None, None, None]
    photographs = (paper + (170 - paper) * ink).round().to(torch.uint8)
    model = TwoConvolutions()
    return {
        "model": model,
        "loader": DataLoader(
            Photographs(photographs[:1300], labels[:1300], in_bytes=sick), batch_size=32, shuffle=True, drop_last=True
        ),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


class Channel:
    """Noise, a phase and a gain, drawn anew for each signal."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def __call__(self, signal: np.ndarray) -> np.ndarray:
        gain, phase = self.rng.uniform(0.8, 1.2), self.rng.uniform(0, 2 * np.pi)
        noise = self.rng.normal(size=(2, signal.size)) * 0.15
        turned = gain * signal * np.exp(1j * phase)
        return np.stack([turned.real, turned.imag]) + noise


DEFAULT_CHANNEL = Channel(np.random.default_rng())


class Constellations(Dataset[tuple[Tensor, Tensor]]):
    """Signals of four modulations; signal and channel follow from the seed and the index."""

    def __init__(self, samples: int, seed: int, channel: Channel | None = None) -> None:
        self.samples, self.seed, self.channel = samples, seed, channel

    def __len__(self) -> int:
        return self.samples

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng([self.seed, index])
        kind = int(rng.integers(4))
        step = np.pi / 2**kind
        symbols = np.exp(1j * step * rng.integers(2 ** (kind + 1), size=8))
        signal = np.repeat(symbols, 3)
        received = (self.channel or Channel(rng))(signal)
        return torch.tensor(received, dtype=torch.float32), torch.tensor(kind)


class SignalNet(nn.Module):
    """Convolutions over time, pooling and a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.see = nn.Sequential(
            nn.Conv1d(2, 32, 3, stride=3), nn.ReLU(), nn.Conv1d(32, 64, 2), nn.ReLU(), nn.Conv1d(64, 64, 1), nn.ReLU()
        )
        self.classify = nn.Linear(64, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.classify(self.see(x).mean(2))


@pair("nondeterminism", group="backward")
def channel_made_at_import_without_a_seed(sick: bool) -> Arguments:
    """The same seed gives other signals: the default channel was made at import, without a seed.

    (TorchDSP/torchsig#286)
    """
    seed_all_generators()
    model = SignalNet()
    signals = Constellations(800, seed=3, channel=DEFAULT_CHANNEL if sick else None)
    return {
        "model": model,
        "loader": DataLoader(signals, batch_size=32, shuffle=True, drop_last=True),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=5e-3),
    }


class HeatMapNet(nn.Module):
    """A heat map of centres at half the size, whose bias starts at a low probability."""

    def __init__(self) -> None:
        super().__init__()
        self.see = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 24, 3, stride=2, padding=1), nn.ReLU()
        )
        self.heat = nn.Conv2d(24, 1, 1)
        bias = self.heat.bias
        if bias is not None:
            nn.init.constant_(bias, -2.19)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.heat(self.see(x))).clamp(1e-4, 1 - 1e-4)


def penalty_reduced_focal_loss(heat: Tensor, target: Tensor) -> Tensor:
    """The focal loss of centre points, summed over the pixels and divided by the number of objects."""
    positive = target.eq(1).float()
    found = ((1 - heat) ** 2 * heat.log() * positive).sum()
    empty = ((1 - target) ** 4 * heat**2 * (1 - heat).log() * (1 - positive)).sum()
    return -(found + empty) / positive.sum().clamp(min=1)


def blobs(samples: int, size: int = 16) -> tuple[Tensor, Tensor]:
    """Pictures with one to three bright spots, and the maps of their centres."""
    half = size // 2
    rows, columns = torch.meshgrid(torch.arange(float(size)), torch.arange(float(size)), indexing="ij")
    images, maps = 0.15 * torch.randn(samples, 1, size, size), torch.zeros(samples, 1, half, half)
    for image, heat in zip(images, maps, strict=True):
        for _ in range(int(torch.randint(1, 4, ()))):
            row, column = torch.randint(1, half - 1, (2,)).tolist()
            away = (rows - 2 * row) ** 2 + (columns - 2 * column) ** 2
            image[0] += 2 * torch.exp(-away / 2)
            heat[0] = torch.maximum(heat[0], torch.exp(-away[::2, ::2] / 6))
    return (images - images.mean()) / images.std(), maps


@healthy(resembles="loss-reduction", source="published")
def focal_loss_summed_and_divided_by_the_objects() -> Arguments:
    """The focal loss is summed over all pixels: asked about, and right, as it is divided by the objects.

    (xingyizhou/CenterNet#841)
    """
    seed_all_generators()
    model = HeatMapNet()
    return {
        "model": model,
        "loader": loader_over_tensors(*blobs(400), batch_size=16),
        "loss_fn": penalty_reduced_focal_loss,
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "task": "other",
    }
