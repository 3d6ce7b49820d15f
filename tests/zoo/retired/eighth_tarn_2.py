"""Reported bugs of units, rates, attention, masks and layers, each with its mended twin."""

# mypy: disable-error-code="no-any-return, no-untyped-call"

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from sklearn.datasets import make_moons
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import TensorDataset

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.eighth_tarn_parts import Parts, batches, byte_digits, digits, divide, pair_of_loaders, start


class Actor(nn.Module):
    """The policy of DDPG: a state in, a linear and an angular velocity in [-1, 1] out."""

    def __init__(self, states: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(states, 48), nn.Tanh(), nn.Linear(48, 48), nn.Tanh(), nn.Linear(48, 2))

    def forward(self, state: Tensor) -> Tensor:
        return torch.tanh(self.body(state))


@pair("saturated-units", "input-scale", group="init")
def states_of_the_actor_not_normalised(sick: bool) -> Arguments:
    """Laser ranges in centimetres and headings in degrees go raw into the tanh policy. (ZhihanLee/DDPG_Learning#2)."""
    rng = start()
    ranges = rng.uniform(20, 400, (1000, 8))
    goal = rng.uniform(20, 600, (1000, 1))
    heading = rng.uniform(-180, 180, (1000, 1))
    state = np.concatenate([ranges, goal, heading], 1)
    clear = np.clip(ranges[:, 3] / 300, 0, 1)
    turn = 0.8 * np.sin(np.radians(heading[:, 0])) + 0.2 * np.tanh((ranges[:, 0] - ranges[:, 7]) / 150)
    action = np.stack([1.6 * clear * np.clip(goal[:, 0] / 300, 0.2, 1) - 0.8, np.clip(turn, -0.9, 0.9)], 1)
    if not sick:
        low, high = state.min(0), state.max(0)
        state = 2 * (state - low) / (high - low) - 1
    model = Actor(10)
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        **pair_of_loaders(divide(torch.from_numpy(state).float(), torch.from_numpy(action).float())),
    )


class Boltzmann(nn.Module):
    """Visible and hidden units that share one matrix of weights, up and down once, in their means."""

    def __init__(self, visible: int, hidden: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(0.1 * torch.randn(hidden, visible))
        self.hidden_bias, self.visible_bias = nn.Parameter(torch.zeros(hidden)), nn.Parameter(torch.zeros(visible))

    def forward(self, visible: Tensor) -> Tensor:
        hidden = torch.sigmoid(F.linear(visible, self.weight, self.hidden_bias))
        return F.linear(hidden, self.weight.t(), self.visible_bias)


def per_sample(outputs: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy summed over the units of a sample."""
    return F.binary_cross_entropy_with_logits(outputs, targets, reduction="none").sum(1).mean()


@pair("update-ratio", "learning-rate", group="training", source="scikit-learn")
def rate_divided_by_the_visible_units(sick: bool) -> Arguments:
    """The rate is silently divided by the number of visible units. (dfdx/Boltzmann.jl#12)."""
    start()
    images, _ = byte_digits()
    x = torch.from_numpy(images).float().flatten(1) / 255
    model = Boltzmann(64, 48)
    rate = 0.05
    return dict(
        model=model,
        loss_fn=per_sample,
        optimizer=torch.optim.SGD(model.parameters(), lr=rate / x.shape[1] if sick else rate),
        task="other",
        **pair_of_loaders(divide(x, x)),
    )


class SelectiveKernel(nn.Module):
    """Kernels of several sizes, of which every sample weighs its own mixture."""

    def __init__(self, channels: int, dim: int) -> None:
        super().__init__()
        self.kernels = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels, channels, k, padding=k // 2, bias=False), nn.BatchNorm2d(channels), nn.ReLU()
            )
            for k in (1, 3, 5)
        )
        self.squeeze = nn.Linear(channels, channels // 2)
        self.weigh = nn.ModuleList(nn.Linear(channels // 2, channels) for _ in range(3))
        self.softmax = nn.Softmax(dim=dim)

    def forward(self, x: Tensor) -> Tensor:
        features = torch.stack([kernel(x) for kernel in self.kernels])
        squeezed = self.squeeze(features.sum(0).mean((2, 3)))
        scores = torch.stack([weigh(squeezed) for weigh in self.weigh])
        return (features * self.softmax(scores)[:, :, :, None, None]).sum(0)


class KernelNet(nn.Module):
    """A small network of images around one selective kernel."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1, bias=False), nn.BatchNorm2d(12), nn.ReLU(), nn.MaxPool2d(2)
        )
        self.select, self.head = SelectiveKernel(12, dim), nn.Linear(12 * 4, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.max_pool2d(self.select(self.stem(x)), 2).flatten(1))


@pair("batch-leak", group="wiring", source="published")
def kernels_weighed_across_the_batch(sick: bool) -> Arguments:
    """The softmax over kernels runs over axis 1, the batch. (xmu-xiaoma666/External-Attention-pytorch#18)."""
    start()
    model = KernelNet(dim=1 if sick else 0)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **pair_of_loaders(digits()),
    )


class LetterAttention(nn.Module):
    """Letters of a name through a GRU, time first, and an attention that pools the letters."""

    def __init__(self, letters: int, classes: int, axis: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(letters, 16)
        self.gru = nn.GRU(16, 24)
        self.score, self.head, self.axis = nn.Linear(24, 1), nn.Linear(24, classes), axis

    def forward(self, names: Tensor) -> Tensor:
        states, _ = self.gru(self.embed(names.t()))
        weights = self.score(torch.tanh(states)).softmax(self.axis)
        return self.head((weights * states).sum(0))


def names(rng: np.random.Generator, count: int = 900, length: int = 8, letters: int = 20) -> Parts:
    """Strings of letters in which a pair of neighbours, anywhere, tells the class."""
    words, group = rng.integers(4, letters, (count, length)), rng.integers(0, 4, count)
    place = rng.integers(0, length - 1, count)
    words[np.arange(count), place], words[np.arange(count), place + 1] = group, (group + 1) % 4
    return divide(torch.from_numpy(words), torch.from_numpy(group))


@pair("batch-leak", group="wiring")
def letters_weighed_across_the_names(sick: bool) -> Arguments:
    """The softmax over letters, axis 0, runs over axis 1, the batch. (ssw-nlp-study-group/nlp_study#2)."""
    rng = start()
    model = LetterAttention(20, 4, axis=1 if sick else 0)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=5e-3),
        **pair_of_loaders(names(rng)),
    )


class MaskedDecoder(nn.Module):
    """One query a class, which in each layer attends to the pixels of the mask that it has drawn so far."""

    def __init__(self, classes: int, width: int = 24, layers: int = 2, guarded: bool = True) -> None:
        super().__init__()
        self.pixels = nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
        )
        self.queries = nn.Parameter(torch.randn(classes, width))
        self.to_query = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))
        self.to_value = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers))
        self.guarded = guarded

    def forward(self, x: Tensor) -> Tensor:
        features = self.pixels(x)
        flat = features.flatten(2).transpose(1, 2)
        queries = self.queries.expand(len(x), -1, -1)
        scale = flat.shape[2] ** -0.5
        for to_query, to_value, norm in zip(self.to_query, self.to_value, self.norms, strict=True):
            outside = (queries @ flat.transpose(1, 2)).sigmoid().detach() < 0.5
            if self.guarded:
                outside = outside & ~outside.all(2, keepdim=True)
            scores = (to_query(queries) @ flat.transpose(1, 2) * scale).masked_fill(outside, float("-inf"))
            queries = norm(queries + scores.softmax(2) @ to_value(flat))
        return torch.einsum("bqc,bchw->bqhw", queries * scale, features)


def shapes(rng: np.random.Generator, count: int = 320, size: int = 14) -> Parts:
    """Images that hold a bright square, a dark disc, both or none, and the class of every pixel."""
    rows, columns = np.arange(size)[:, None], np.arange(size)[None]
    images, masks = rng.normal(0, 0.3, (count, size, size)), np.zeros((count, size, size), dtype=np.int64)
    for mask in masks:
        if rng.random() < 0.6:
            top, left = rng.integers(0, size - 5, 2)
            mask[top : top + 5, left : left + 5] = 1
        if rng.random() < 0.6:
            row, column = rng.integers(3, size - 3, 2)
            mask[(rows - row) ** 2 + (columns - column) ** 2 < 7] = 2
    images = images + 1.5 * (masks == 1) - 1.5 * (masks == 2)
    return divide(torch.from_numpy(images / images.std()).float()[:, None], torch.from_numpy(masks))


@pair("nonfinite-forward", group="backward", source="published")
def masked_attention_of_a_class_that_is_absent(sick: bool) -> Arguments:
    """Where a class has no pixel in an image its query attends to nothing. (facebookresearch/Mask2Former#243)."""
    rng = start()
    model = MaskedDecoder(3, guarded=not sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        task="segmentation",
        **pair_of_loaders(shapes(rng), 16),
    )


class Splitter(nn.Module):
    """A perceptron of a given depth for tables."""

    def __init__(self, inputs: int, outputs: int, hidden: int = 32, layers: int = 3, activated: bool = True) -> None:
        super().__init__()
        widths = [inputs] + [hidden] * (layers - 1)
        body: list[nn.Module] = []
        for before, after in pairwise(widths):
            body.append(nn.Linear(before, after))
            if activated:
                body.append(nn.ReLU())
        self.body, self.head = nn.Sequential(*body), nn.Linear(hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


@pair("no-nonlinearity", group="wiring", source="scikit-learn")
def hidden_units_without_their_relu(sick: bool) -> Arguments:
    """The hidden layers of the perceptron follow each other without the ReLU of the paper. (YujiaBao/ls#1)."""
    start()
    x, y = make_moons(1000, noise=0.12, random_state=0)
    x = (x - x.mean(0)) / x.std(0)
    parts = divide(torch.from_numpy(x).float(), torch.from_numpy(y))
    model = Splitter(2, 2, activated=not sick)
    return {
        "model": model,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=5e-3),
        "loader": batches(TensorDataset(parts.x, parts.y)),
        "val_loader": batches(TensorDataset(parts.x_val, parts.y_val), shuffle=False),
    }
