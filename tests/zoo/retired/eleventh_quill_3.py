"""Mixed experts, plain convolutions, gated convolutions, weight norm, missing categories, and a switch transformer."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import torch
from sklearn.datasets import load_wine
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.eleventh_quill_parts import quill_digits, quill_loaders, quill_seed, standard_table, tensor


class MixtureOfExperts(nn.Module):
    """The answers of several experts, mixed as probabilities by a gate."""

    def __init__(self, features: int, classes: int, *, logarithm: bool, experts: int = 3) -> None:
        super().__init__()
        self.logarithm = logarithm
        self.gate = nn.Linear(features, experts)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(features, 16), nn.Tanh(), nn.Linear(16, classes)) for _ in range(experts)
        )

    def forward(self, x: Tensor) -> Tensor:
        answers = torch.stack([expert(x).softmax(1) for expert in self.experts], 1)
        mixed = (self.gate(x).softmax(1).unsqueeze(2) * answers).sum(1)
        outputs: Tensor = mixed.clamp_min(1e-7).log() if self.logarithm else mixed
        return outputs


@pair("loss-input", group="wiring", source="scikit-learn")
def mixture_of_probabilities_into_cross_entropy(sick: bool) -> Arguments:
    """The experts' mixed probabilities go into cross-entropy as if they were logits; their logarithm is missing."""
    quill_seed()
    x, y = standard_table(load_wine)
    model = MixtureOfExperts(13, 3, logarithm=not sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=5e-3),
        **quill_loaders(x, torch.as_tensor(y), size=16),
    )


class PlainNet(nn.Module):
    """Eight convolutions without normalisation, all with the start of the first residual networks."""

    def __init__(self, *, by_channels: bool, width: int = 24, depth: int = 8) -> None:
        super().__init__()
        sizes = [1] + [width] * depth
        layers: list[nn.Module] = []
        for i in range(depth):
            layers += [nn.Conv2d(sizes[i], sizes[i + 1], 3, stride=2 if i == 3 else 1, padding=1), nn.ReLU()]
        self.features = nn.Sequential(*layers)
        self.classes = nn.Linear(width, 10)
        for module in self.features:
            if isinstance(module, nn.Conv2d):
                n = module.kernel_size[0] * module.kernel_size[1] * (module.in_channels if by_channels else 1)
                nn.init.normal_(module.weight, 0, math.sqrt(2 / n))
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.classes(self.features(images).mean((2, 3)))
        return logits


@pair("init-scale", "exploding-gradients", group="init", source="scikit-learn")
def start_of_convolutions_that_forgets_the_channels(sick: bool) -> Arguments:
    """The deviation of the start counts the kernel's places and not its channels, so each layer multiplies by five."""
    quill_seed()
    model = PlainNet(by_channels=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **quill_loaders(*quill_digits()))


class GatedBlock(nn.Module):
    """A dilated convolution whose tanh is gated by a sigmoid (WaveNet)."""

    def __init__(self, width: int, dilation: int, *, skip: bool) -> None:
        super().__init__()
        self.skip = skip
        self.both = nn.Conv1d(width, 2 * width, 3, padding=dilation, dilation=dilation)
        self.mix = nn.Conv1d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        signal, gate = self.both(x).chunk(2, 1)
        mixed: Tensor = self.mix(signal.tanh() * gate.sigmoid())
        return x + mixed if self.skip else mixed


class GatedNet(nn.Module):
    """Nine gated blocks over a series, and the kind of the series."""

    def __init__(self, *, skip: bool, width: int = 16) -> None:
        super().__init__()
        self.start = nn.Conv1d(1, width, 3, padding=1)
        self.blocks = nn.Sequential(*[GatedBlock(width, 2 ** (i % 4), skip=skip) for i in range(9)])
        self.kind = nn.Linear(width, 3)

    def forward(self, series: Tensor) -> Tensor:
        kinds: Tensor = self.kind(self.blocks(self.start(series)).amax(2))
        return kinds


def wobbling_series(count: int = 480) -> tuple[Tensor, Tensor]:
    """Series of three pitches in noise."""
    rng = np.random.default_rng(3)
    kind = rng.integers(0, 3, count)
    pitch = np.array([0.3, 0.6, 1.1])[kind][:, None] * rng.uniform(0.9, 1.1, (count, 1))
    series = 1.2 * np.sin(pitch * np.arange(48) + rng.uniform(0, 6.28, (count, 1))) + rng.normal(0, 0.5, (count, 48))
    return tensor(series).unsqueeze(1), torch.as_tensor(kind)


@pair("vanishing-gradients", "init-scale", group="backward", source="published")
def gated_blocks_without_their_way_around(sick: bool) -> Arguments:
    """The gated blocks return the convolved signal alone, without adding their input, and each one halves it twice."""
    quill_seed()
    model = GatedNet(skip=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **quill_loaders(*wobbling_series()))


class PitchNet(nn.Module):
    """A small convolutional network over a series."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(1, 16, 7, padding=3)
        self.second = nn.Conv1d(16, 32, 5, padding=2, stride=2)
        self.kind = nn.Linear(32, 3)

    def forward(self, series: Tensor) -> Tensor:
        hidden = F.leaky_relu(self.second(F.leaky_relu(self.first(series), 0.1)), 0.1)
        kinds: Tensor = self.kind(hidden.amax(2))
        return kinds

    def with_weight_norm(self) -> None:
        for layer in (self.first, self.second, self.kind):
            weight_norm(layer)


@pair("optimizer-mismatch", group="training")
def weight_norm_put_on_after_the_optimizer_was_built(sick: bool) -> Arguments:
    """Weight norm replaces each weight by a length and a direction, and the optimizer still holds the old weights."""
    quill_seed()
    model = PitchNet()
    if not sick:
        model.with_weight_norm()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    if sick:
        model.with_weight_norm()
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **quill_loaders(*wobbling_series()))


class SmoothedLoss(nn.Module):
    """Cross-entropy with smoothed labels, from rows of the unit matrix."""

    def __init__(self, classes: int, smoothing: float = 0.05) -> None:
        super().__init__()
        self.rows = torch.eye(classes) * (1 - smoothing) + smoothing / classes

    def forward(self, logits: Tensor, classes: Tensor) -> Tensor:
        loss: Tensor = -(self.rows[classes] * logits.log_softmax(1)).sum(1).mean()
        return loss


@pair("label-range", group="data")
def missing_category_of_minus_one_taken_as_the_last(sick: bool) -> Arguments:
    """Pandas codes a missing category as −1, and indexing the rows of the unit matrix by −1 gives the last class."""
    rng = quill_seed()
    kind = rng.integers(0, 4, 900)
    features = rng.normal(0, 1, (4, 8))[kind] * 1.2 + 0.7 * rng.normal(0, 1, (900, 8))
    names = np.array(["ash", "birch", "cedar", "elm"], dtype=object)[kind]
    names[rng.random(900) < 0.2] = None
    codes = pd.Categorical(names, categories=["ash", "birch", "cedar", "elm"]).codes.astype(np.int64)
    known = np.full(900, True) if sick else codes >= 0
    x, y = tensor(features[known]), torch.as_tensor(codes[known])
    model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4))
    return dict(
        model=model,
        loss_fn=SmoothedLoss(4),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        task="classification",
        **quill_loaders((x - x.mean(0)) / x.std(0), y),
    )


class SwitchLayer(nn.Module):
    """Each token goes to the one expert that its router likes best, weighted by that liking (Switch)."""

    def __init__(self, width: int, experts: int) -> None:
        super().__init__()
        self.router = nn.Linear(width, experts)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)) for _ in range(experts)
        )

    def forward(self, x: Tensor) -> Tensor:
        liking, choice = self.router(x).softmax(-1).max(-1)
        out = torch.zeros_like(x)
        for number, expert in enumerate(self.experts):
            chosen = choice == number
            if chosen.any():
                out[chosen] = expert(x[chosen])
        weighted: Tensor = out * liking.unsqueeze(-1)
        return weighted


class SwitchTransformer(nn.Module):
    """Attention over the rows of a digit and a switch of eight experts, some of which a batch may never choose."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.rows = nn.Linear(8, width)
        self.places = nn.Parameter(0.02 * torch.randn(8, width))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.attention = nn.MultiheadAttention(width, 4, batch_first=True)
        self.switch = SwitchLayer(width, 8)
        self.classes = nn.Linear(width, 10)

    def forward(self, images: Tensor) -> Tensor:
        x = self.rows(images.squeeze(1)) + self.places
        h = self.norms[0](x)
        x = x + self.attention(h, h, h, need_weights=False)[0]
        x = x + self.switch(self.norms[1](x))
        logits: Tensor = self.classes(self.norms[2](x).mean(1))
        return logits


@healthy(resembles="unused-parameters", source="published")
def switch_whose_experts_are_not_all_chosen() -> Arguments:
    """Only the chosen experts of a switch get gradients; one that no token of a batch chose rests, as it should."""
    quill_seed()
    model = SwitchTransformer()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.AdamW(model.parameters(), lr=3e-3),
        **quill_loaders(*quill_digits()),
    )
