"""Data sets, networks and an optimizer of the second collection."""

from __future__ import annotations

import re
from collections import Counter
from itertools import chain, pairwise
from pydoc_data.topics import topics
from typing import Any

import numpy as np
import torch
from sklearn import datasets
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, TensorDataset


def seed() -> None:
    """Seed torch and NumPy as every builder does first."""
    torch.manual_seed(0)
    np.random.seed(0)


def given(model: nn.Module, loader: Any, loss_fn: Any = None, optimizer: Any = None, **rest: Any) -> dict[str, Any]:
    """Collect the arguments of a check, without those that are None."""
    arguments = {"model": model, "loader": loader, "loss_fn": loss_fn, "optimizer": optimizer, **rest}
    return {name: value for name, value in arguments.items() if value is not None}


def batches(size: int, *columns: Tensor) -> DataLoader:
    """Shuffle the rows of the columns into batches."""
    return DataLoader(TensorDataset(*columns), batch_size=size, shuffle=True)


def digits(size: int = 960) -> tuple[Tensor, Tensor]:
    """Images (size, 1, 8, 8) in [-1, 1] and their classes, in random order."""
    data = datasets.load_digits()
    order = np.random.RandomState(3).permutation(len(data.target))[:size]
    images = torch.tensor(data.images[order], dtype=torch.float32).unsqueeze(1)
    return images / 8 - 1, torch.tensor(data.target[order])


def table(name: str) -> tuple[Tensor, Tensor]:
    """Standardised rows of ``wine`` or ``breast_cancer`` and their classes, in random order."""
    data = getattr(datasets, f"load_{name}")()
    order = np.random.RandomState(5).permutation(len(data.target))
    rows = (data.data - data.data.mean(0)) / data.data.std(0)
    return torch.tensor(rows[order], dtype=torch.float32), torch.tensor(data.target[order])


def diabetes() -> tuple[Tensor, Tensor]:
    """Standardised rows (442, 10) and standardised targets (442, 1), in random order."""
    data = datasets.load_diabetes()
    order = np.random.RandomState(7).permutation(len(data.target))
    rows = (data.data - data.data.mean(0)) / data.data.std(0)
    targets = (data.target - data.target.mean()) / data.target.std()
    return torch.tensor(rows[order], dtype=torch.float32), torch.tensor(targets[order], dtype=torch.float32)[:, None]


def characters(length: int, size: int) -> Tensor:
    """Windows of text (size, length) as ids below 96, each window read once."""
    text = "".join(topics[key] for key in ("types", "specialnames", "debugger", "typesseq", "with", "try"))
    codes = [min(max(ord(letter) - 31, 0), 95) for letter in text]
    windows = torch.tensor(codes[: len(codes) // length * length]).view(-1, length)
    windows = torch.unique(windows, dim=0)
    return windows[torch.randperm(len(windows), generator=torch.Generator().manual_seed(11))[:size]]


def passages(length: int = 24, vocabulary: int = 500) -> tuple[Tensor, Tensor]:
    """Windows of words (N, length) as ids from 1, and which of four help topics each is from."""
    keys = ("debugger", "specialnames", "formatstrings", "types")
    words = [re.findall(r"[a-z]+|[^a-z\s]", topics[key].lower()) for key in keys]
    known = [word for word, _ in Counter(chain(*words)).most_common(vocabulary - 2)]
    index = {word: place + 2 for place, word in enumerate(known)}
    rows, labels = [], []
    for label, text in enumerate(words):
        ids = [index.get(word, 1) for word in text][: 160 * length]
        for start in range(0, len(ids) - length, length):
            if ids[start : start + length] in rows:
                continue
            rows.append(ids[start : start + length])
            labels.append(label)
    order = np.random.RandomState(13).permutation(len(rows))
    return torch.tensor(rows)[order], torch.tensor(labels)[order]


def waves(size: int = 480, length: int = 32) -> tuple[Tensor, Tensor]:
    """Noisy sine, square and saw-tooth waves (size, length, 1) of random period and phase, and their shape's class."""
    draw = np.random.RandomState(17)
    kinds = draw.randint(0, 3, size)
    phase = draw.rand(size, 1) + np.arange(length) / draw.uniform(8, 14, (size, 1))
    shapes = np.stack([np.sin(2 * np.pi * phase), np.sign(np.sin(2 * np.pi * phase)), 2 * (phase % 1) - 1])
    series = shapes[kinds, np.arange(size)] + 0.1 * draw.randn(size, length)
    return torch.tensor(series, dtype=torch.float32).unsqueeze(-1), torch.tensor(kinds)


def rainfall(size: int = 512) -> tuple[Tensor, Tensor]:
    """Thirty days of rain and warmth (size, 30, 2), standardised, and the run-off (size, 1) of two leaky stores."""
    draw = np.random.RandomState(19)
    rain = draw.gamma(0.6, 1.5, (size, 30))
    warmth = draw.randn(size, 1) + 0.3 * draw.randn(size, 30)
    store = np.zeros(size)
    for day in range(30):
        store = 0.8 * store + rain[:, day] * (1 - 0.3 * np.tanh(warmth[:, day]))
    rain, store = np.log1p(rain), np.log1p(store)
    series = np.stack([(rain - rain.mean()) / rain.std(), warmth], -1)
    return torch.tensor(series, dtype=torch.float32), torch.tensor((store - store.mean()) / store.std()).float()[
        :, None
    ]


class Records(Dataset):
    """Rows handed out as dictionaries under the given names."""

    def __init__(self, **columns: Tensor) -> None:
        self.columns = columns

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {name: column[index] for name, column in self.columns.items()}


def perceptron(*sizes: int, activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    """Linear layers of the given widths with an activation between."""
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(sizes):
        layers += [nn.Linear(fan_in, fan_out), activation()]
    return nn.Sequential(*layers[:-1])


def lenet(classes: int = 10) -> nn.Sequential:
    """LeNet-5 cut down to images (N, 1, 8, 8)."""
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 3, padding=1), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Conv2d(6, 16, 3, padding=1), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Flatten(), nn.Linear(64, 60), nn.Tanh(), nn.Linear(60, classes)),
    )


class ShuffleUnit(nn.Module):
    """A grouped convolution and a shuffle of the channels, after ShuffleNet."""

    def __init__(self, fan_in: int, channels: int, redraw: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(fan_in, channels, 3, padding=1, groups=4 if fan_in > 1 else 1)
        self.norm = nn.BatchNorm2d(channels)
        self.redraw = redraw
        self.register_buffer("order", torch.randperm(channels))

    def forward(self, images: Tensor) -> Tensor:
        features = F.relu(self.norm(self.conv(images)))
        order = torch.randperm(features.shape[1]) if self.redraw else self.order
        return features[:, order]


def shufflenet(redraw: bool) -> nn.Sequential:
    """Three shuffle units, pooling and a linear head for ten classes."""
    units = [ShuffleUnit(1, 24, redraw), nn.MaxPool2d(2), ShuffleUnit(24, 32, redraw), ShuffleUnit(32, 48, redraw)]
    return nn.Sequential(*units, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(48, 10))


class WaveReader(nn.Module):
    """A transformer over patches of a series that reads the class from a learnt first token."""

    def __init__(self, rows: int, width: int = 32) -> None:
        super().__init__()
        self.patches = nn.Linear(4, width)
        self.token = nn.Parameter(0.5 * torch.randn(rows, 1, width))
        self.positions = nn.Parameter(0.5 * torch.randn(1, 9, width))
        self.layer = nn.TransformerEncoderLayer(width, 4, 64, dropout=0.0, batch_first=True, norm_first=True)
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 3))

    def forward(self, series: Tensor) -> Tensor:
        batch = series.shape[0]
        token = self.token[:batch] if len(self.token) > 1 else self.token.expand(batch, -1, -1)
        tokens = torch.cat([token, self.patches(series.view(batch, 8, 4))], 1) + self.positions
        return self.head(self.layer(tokens)[:, 0])


class MeterReader(nn.Module):
    """Cuts the box of the display out of a picture and reads the digit in it."""

    def __init__(self, box: tuple[int, int]) -> None:
        super().__init__()
        self.box = box
        self.convs = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3))
        self.head = nn.Sequential(nn.ReLU(), nn.Flatten(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))

    def forward(self, pictures: Tensor) -> Tensor:
        top, left = self.box
        return self.head(self.convs(pictures[:, :, top : top + 8, left : left + 8]))


class Separable(nn.Sequential):
    """A depthwise and a pointwise convolution, after MobileNet."""

    def __init__(self, fan_in: int, channels: int, stride: int = 1) -> None:
        depthwise = nn.Conv2d(fan_in, fan_in, 3, stride, 1, groups=fan_in, bias=False)
        pointwise = nn.Conv2d(fan_in, channels, 1, bias=False)
        super().__init__(
            *(depthwise, nn.BatchNorm2d(fan_in), nn.ReLU6()), *(pointwise, nn.BatchNorm2d(channels), nn.ReLU6())
        )


def mobilenet() -> nn.Sequential:
    """A stem, three separable blocks and a linear head for ten classes."""
    stem = (nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU6())
    blocks = (Separable(16, 32), Separable(32, 48, 2), Separable(48, 64))
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


class BagOfWords(nn.Module):
    """Mean of word vectors, then a perceptron."""

    def __init__(self, classes: int = 4, width: int = 32) -> None:
        super().__init__()
        self.embedding = nn.Embedding(500, width)
        self.head = perceptron(width, 48, classes)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.embedding(ids).mean(1))


class Tower(nn.Module):
    """Many narrow blocks of linear, ReLU and BatchNorm, with or without a shortcut around each."""

    def __init__(self, features: int, classes: int, depth: int, shortcut: bool) -> None:
        super().__init__()
        self.stem = nn.Linear(features, 32)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.BatchNorm1d(32)) for _ in range(depth)
        )
        self.head = nn.Linear(32, classes)
        self.shortcut = shortcut

    def forward(self, rows: Tensor) -> Tensor:
        hidden = self.stem(rows)
        for block in self.blocks:
            hidden = hidden + block(hidden) / len(self.blocks) ** 0.5 if self.shortcut else block(hidden)
        return self.head(hidden)


class Ensemble(nn.Module):
    """Members that vote with the mean of their probabilities."""

    def __init__(self, members: int, as_logarithm: bool) -> None:
        super().__init__()
        self.members = nn.ModuleList(perceptron(13, 24, 3) for _ in range(members))
        self.as_logarithm = as_logarithm

    def forward(self, rows: Tensor) -> Tensor:
        vote = torch.stack([member(rows).softmax(-1) for member in self.members]).mean(0)
        return vote.log() if self.as_logarithm else vote


class Lookahead(torch.optim.AdamW):
    """AdamW whose weights return, every few steps, a part of the way to slow copies."""

    def __init__(self, params: Any, lr: float, every: int = 5, share: float = 0.5, keep: bool = True) -> None:
        super().__init__(params, lr=lr, weight_decay=0.0)
        for group in self.param_groups:
            group.update(every=every, share=share, keep=keep)

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        start = {weight: weight.clone() for group in self.param_groups for weight in group["params"]}
        loss = super().step(closure)
        for group in self.param_groups:
            for weight in group["params"]:
                state = self.state[weight]
                slow = state.setdefault("slow", start[weight])
                if int(state["step"]) % group["every"] == 0:
                    weight.copy_(slow.lerp(weight, group["share"]))
                    state["slow"] = weight.clone() if group["keep"] else slow
        return loss


class CausalTexts(nn.Module):
    """Dilated causal convolutions over characters, after WaveNet."""

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        self.embedding = nn.Embedding(96, width)
        self.convs = nn.ModuleList(nn.Conv1d(width, width, 2, dilation=2**level) for level in range(4))
        self.head = nn.Linear(width, 96)

    def forward(self, ids: Tensor) -> Tensor:
        hidden = self.embedding(ids).transpose(1, 2)
        for conv in self.convs:
            hidden = hidden + F.relu(conv(F.pad(hidden, (conv.dilation[0], 0))))
        return self.head(hidden.transpose(1, 2))
