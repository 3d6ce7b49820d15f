"""Models, samples, optimizers and steps of the varied programs on training."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from itertools import chain, pairwise
from pydoc_data.topics import topics
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_sample_image, load_wine
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset


def seed() -> None:
    """Seed PyTorch and NumPy."""
    torch.manual_seed(0)
    np.random.seed(0)


def digits(count: int = 640) -> tuple[Tensor, Tensor]:
    """Return shuffled images `(count, 1, 8, 8)` in [0, 1] and their digits."""
    data = load_digits()
    order = np.random.default_rng(3).permutation(len(data.target))[:count]
    return torch.tensor(data.images[order], dtype=torch.float32)[:, None] / 16, torch.tensor(data.target[order])


def table(load: Callable[[], Any]) -> tuple[Tensor, Tensor]:
    """Return a table in standard units, in random order, and its classes or its targets in standard units."""
    data = load()
    order = np.random.default_rng(4).permutation(len(data.target))
    columns = (data.data - data.data.mean(0)) / data.data.std(0)
    targets = torch.tensor(data.target[order])
    if load is load_diabetes:
        targets = ((targets - targets.mean()) / targets.std()).float()[:, None]
    return torch.tensor(columns[order], dtype=torch.float32), targets


def wine() -> tuple[Tensor, Tensor]:
    """Return the wines and their cultivars."""
    return table(load_wine)


def cancer() -> tuple[Tensor, Tensor]:
    """Return the tumours and whether they are benign."""
    return table(load_breast_cancer)


def diabetes() -> tuple[Tensor, Tensor]:
    """Return the patients and the progression `(N, 1)` in standard units."""
    return table(load_diabetes)


def passages(length: int = 24, count: int = 480) -> tuple[Tensor, Tensor, Tensor]:
    """Return word ids `(N, length)` padded with 0 behind, their lengths, and which of four topics they are of."""
    names = ("specialnames", "typesseq", "class", "formatstrings")
    texts = [topics[name].lower().split() for name in names]
    common = {word: i + 2 for i, (word, _) in enumerate(Counter(chain(*texts)).most_common(398))}
    chance = np.random.default_rng(5)
    rows, lengths, labels = [], [], []
    for index in range(count):
        label = index % 4
        size = int(chance.integers(length // 2, length))
        start = int(chance.integers(0, len(texts[label]) - size))
        ids = [common.get(word, 1) for word in texts[label][start : start + size]]
        rows.append(ids + [0] * (length - size))
        lengths.append(size)
        labels.append(label)
    order = torch.tensor(chance.permutation(count))
    return torch.tensor(rows)[order], torch.tensor(lengths)[order], torch.tensor(labels)[order]


def letters(length: int = 32) -> Tensor:
    """Return the letters of a manual page `(N, length)`, as ids under 96."""
    text = "".join(sign for sign in topics["typesmapping"] + topics["typesseq"] if " " <= sign <= "~")
    ids = torch.tensor([ord(sign) - 32 for sign in text])
    return ids[: len(ids) // length * length].view(-1, length)[:400]


def waves(count: int = 400, length: int = 30) -> tuple[Tensor, Tensor]:
    """Return waves `(count, length, 1)` under a little noise and which of three shapes they have."""
    shape = torch.arange(count)[torch.randperm(count)] % 3
    time = torch.linspace(0, 4 * math.pi, length) + 6.3 * torch.rand(count, 1)
    kinds = torch.stack((time.sin(), time.sin().sign(), 2 * (time / math.pi % 1) - 1), 1)
    return (kinds[torch.arange(count), shape] + 0.1 * torch.randn(count, length))[..., None], shape


def photograph() -> tuple[Tensor, Tensor]:
    """Return coordinates `(N, 2)` and grey values `(N, 1)` of a photograph, both within [-1, 1]."""
    grey = torch.tensor(load_sample_image("china.jpg")[::14, ::14].mean(2), dtype=torch.float32) / 127.5 - 1
    grid = torch.meshgrid(torch.linspace(-1, 1, grey.shape[0]), torch.linspace(-1, 1, grey.shape[1]), indexing="ij")
    return torch.stack(grid, -1).reshape(-1, 2), grey.reshape(-1, 1)


def batches(*tensors: Tensor, size: int = 32) -> DataLoader:
    """Return a shuffling loader of tuples."""
    return DataLoader(TensorDataset(*tensors), batch_size=size, shuffle=True, drop_last=True)


def layers(*sizes: int, between: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    """Return linear layers with an activation between them."""
    parts: list[nn.Module] = []
    for wide, narrow in pairwise(sizes):
        parts += [nn.Linear(wide, narrow), between()]
    return nn.Sequential(*parts[:-1])


def lenet(classes: int = 10, between: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    """Return LeNet for 8 by 8 pixels."""
    return nn.Sequential(
        *(nn.Conv2d(1, 8, 3, padding=1), between(), nn.MaxPool2d(2), nn.Conv2d(8, 24, 3, padding=1), between()),
        *(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(96, 64), between(), nn.Linear(64, classes)),
    )


def discriminator() -> nn.Sequential:
    """Return the lower part of a DCGAN discriminator, with ten classes."""
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(16, 32, 4, 2, 1), nn.LeakyReLU(0.2)),
        *(nn.Flatten(), nn.Linear(128, 10)),
    )


def convolutions_over_time(classes: int) -> nn.Sequential:
    """Return dilated convolutions over time, as of a temporal network, and a mean before the classes."""
    return nn.Sequential(
        *(nn.Conv1d(1, 16, 3), nn.ReLU(), nn.Conv1d(16, 24, 3, dilation=2), nn.ReLU()),
        *(nn.AdaptiveAvgPool1d(4), nn.Flatten(), nn.Linear(96, classes)),
    )


class CosineNet(nn.Module):
    """LeNet whose logits are cosines between features and one direction a class."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.body, self.scale = lenet(32), scale
        self.directions = nn.Parameter(torch.randn(10, 32))

    def forward(self, x: Tensor) -> Tensor:
        return self.scale * F.linear(F.normalize(self.body(x), dim=1), F.normalize(self.directions, dim=1))


class NoisyInput(nn.Module):
    """A classifier that mixes noise into its inputs while it trains."""

    def __init__(self, signal: float, noise: float) -> None:
        super().__init__()
        self.signal, self.noise = signal, noise
        self.net = nn.Sequential(nn.Flatten(), layers(64, 64, 10))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            x = self.signal * x + self.noise * torch.randn_like(x)
        return self.net(x)


class ResidualBlock(nn.Module):
    """Two normalised convolutions and a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.one, self.two = (nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(2))
        self.norm_one, self.norm_two = (nn.GroupNorm(4, width) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.norm_two(self.two(F.relu(self.norm_one(self.one(x))))))


def resnet(width: int = 16, blocks: int = 2) -> nn.Sequential:
    """Return a residual network for 8 by 8 pixels."""
    return nn.Sequential(
        *(nn.Conv2d(1, width, 3, padding=1), *(ResidualBlock(width) for _ in range(blocks))),
        *(nn.AvgPool2d(2), nn.Flatten(), nn.Linear(16 * width, 10)),
    )


class Recurrent(nn.Module):
    """A recurrent layer whose last state is classified."""

    def __init__(self, kind: type[nn.RNNBase], outputs: int) -> None:
        super().__init__()
        self.rnn, self.head = kind(1, 32, batch_first=True), nn.Linear(32, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(x)[0][:, -1])


class BagOfWords(nn.Module):
    """The mean of the word vectors, then two layers."""

    def __init__(self, vectors: nn.Embedding, classes: int = 4) -> None:
        super().__init__()
        self.vectors, self.head = vectors, layers(vectors.embedding_dim, 32, classes)

    def forward(self, ids: Tensor) -> Tensor:
        real = (ids > 0).unsqueeze(-1)
        return self.head((self.vectors(ids) * real).sum(1) / real.sum(1))


class PassageEncoder(nn.Module):
    """A transformer encoder over word ids; its mask tells which positions are ignored."""

    def __init__(self, masks_words: bool) -> None:
        super().__init__()
        self.masks_words = masks_words
        self.words, self.places = nn.Embedding(400, 32), nn.Embedding(24, 32)
        layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(32, 4)

    def forward(self, ids: Tensor) -> Tensor:
        real = ids != 0
        x = self.words(ids) + self.places.weight[: ids.shape[1]]
        x = self.encoder(x, src_key_padding_mask=real if self.masks_words else ~real)
        return self.head((x * real.unsqueeze(-1)).sum(1) / real.sum(1, keepdim=True))


class Siren(nn.Module):
    """Sines of linear layers from coordinates to a grey value."""

    def __init__(self, follows_the_paper: bool, width: int = 64, depth: int = 5) -> None:
        super().__init__()
        self.hidden = nn.ModuleList(nn.Linear(2 if i == 0 else width, width) for i in range(depth))
        self.last = nn.Linear(width, 1)
        if follows_the_paper:
            nn.init.uniform_(self.hidden[0].weight, -0.5, 0.5)
            for layer in (*self.hidden[1:], self.last):
                bound = math.sqrt(6 / width) / 30
                nn.init.uniform_(layer.weight, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.hidden:
            x = torch.sin(30 * layer(x))
        return self.last(x)


class Oscillators(nn.Module):
    """Phases of coupled oscillators, moved on by Euler's rule with new couplings in every step, then classified."""

    def __init__(self, seconds: float, steps: int = 16) -> None:
        super().__init__()
        self.seconds, self.enter, self.head = seconds, nn.Linear(13, 48), nn.Linear(96, 3)
        self.couplings = nn.ModuleList(nn.Linear(48, 48) for _ in range(steps))
        for coupling in self.couplings:
            nn.init.normal_(coupling.weight, std=48**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        phases = self.enter(x)
        for coupling in self.couplings:
            phases = phases + self.seconds * torch.sin(coupling(phases))
        return self.head(torch.cat((phases.sin(), phases.cos()), 1))


class SoftmaxLayer(nn.Softmax):
    """A softmax over the units."""

    def __init__(self) -> None:
        super().__init__(dim=1)


class LayerwiseRates(torch.optim.Optimizer):
    """LARS: every tensor moves by `lr` times a trust coefficient times its own length, along its gradient."""

    def __init__(self, parameters: Any, lr: float, trust: float) -> None:
        super().__init__(parameters, {"lr": lr, "trust": trust})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    size = parameter.norm().clamp(min=1e-2) / parameter.grad.norm().clamp(min=1e-8)
                    parameter.sub_(group["lr"] * group["trust"] * size * parameter.grad)


def plain_step(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer) -> Tensor:
    """Take one step of cross-entropy."""
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    return loss.detach()
