"""A network of sines, an encoder and decoder with an optimizer each, labels of a frame, noisy digits and BYOL."""

from __future__ import annotations

import copy
import math

import numpy as np
import pandas as pd
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fourth_step_parts import step_digits, step_loaders, step_order, step_seeded, step_tones


class SineLayer(nn.Module):
    """A layer of SIREN, whose weights lie between plus and minus a bound at first."""

    def __init__(self, before: int, after: int, bound: float, omega: float = 30.0) -> None:
        super().__init__()
        self.omega = omega
        self.linear = nn.Linear(before, after)
        nn.init.uniform_(self.linear.weight, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(self.omega * self.linear(x))


class Siren(nn.Module):
    """An image as a function of its coordinates, by Sitzmann et al."""

    def __init__(self, *, divided: bool, width: int = 64) -> None:
        super().__init__()
        bound = math.sqrt(6 / width) / (30.0 if divided else 1.0)
        self.layers = nn.Sequential(SineLayer(2, width, 1 / 2), *(SineLayer(width, width, bound) for _ in range(4)))
        self.head = nn.Linear(width, 1)

    def forward(self, points: Tensor) -> Tensor:
        return self.head(self.layers(points))


def points_of_a_picture(size: int = 1500) -> tuple[Tensor, Tensor]:
    """Points of the plane and a smooth picture's brightness there."""
    points = 2 * torch.rand(size, 2, generator=torch.Generator().manual_seed(2)) - 1
    u, v = points.T
    brightness = torch.sin(4 * u + 2 * v) + torch.cos(5 * v * u) * u
    return points, ((brightness - brightness.mean()) / brightness.std()).unsqueeze(1)


@pair("exploding-gradients", "init-scale", group="backward", source="published")
def sines_initialised_without_their_frequency(sick: bool) -> Arguments:
    """The hidden weights of a SIREN are not divided by the frequency of 30 by which each layer raises the gradient."""
    step_seeded()
    model = Siren(divided=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-4)
    loaders = step_loaders(*points_of_a_picture(), batch=64)
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, **loaders)


class ToneModel(nn.Module):
    """An encoder of tones and a classifier of what it gives."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv1d(1, 16, 7, stride=2), nn.ReLU(), nn.Conv1d(16, 24, 5, stride=2), nn.ReLU(), nn.AdaptiveAvgPool1d(4)
        )
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(96, 32), nn.ReLU(), nn.Linear(32, 4))

    def forward(self, waves: Tensor) -> Tensor:
        return self.classifier(self.encoder(waves))


def clear_one_step(model: ToneModel, batch: list[Tensor], optimizer: dict[str, torch.optim.Optimizer]) -> Tensor:
    """A step of both optimizers after clearing the classifier's."""
    optimizer["classifier"].zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    for each in optimizer.values():
        each.step()
    return loss.detach()


def clear_both_step(model: ToneModel, batch: list[Tensor], optimizer: dict[str, torch.optim.Optimizer]) -> Tensor:
    """A step of both optimizers after clearing both."""
    for each in optimizer.values():
        each.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    for each in optimizer.values():
        each.step()
    return loss.detach()


@pair("missing-zero-grad", group="training")
def second_optimizer_never_cleared(sick: bool) -> Arguments:
    """Of two optimizers only the classifier's is cleared, and the encoder's gradients pile up."""
    step_seeded()
    model = ToneModel()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer={
            "encoder": torch.optim.SGD(model.encoder.parameters(), lr=0.03, momentum=0.9),
            "classifier": torch.optim.SGD(model.classifier.parameters(), lr=0.03, momentum=0.9),
        },
        train_step=clear_one_step if sick else clear_both_step,
        **step_loaders(*step_tones()),
    )


@pair("shuffled-labels", group="training", source="scikit-learn")
def frame_shuffled_without_its_labels(sick: bool) -> Arguments:
    """The frame of pixels is shuffled by pandas, and the labels are taken from the frame as it was before."""
    step_seeded()
    bunch = load_digits()
    pixels = pd.DataFrame(bunch.data / 16)
    labels = pd.Series(bunch.target)
    rows = pixels.iloc[step_order(len(pixels)).numpy()]
    if not sick:
        labels = labels.loc[rows.index]
    x = torch.tensor(rows.to_numpy()[:1400], dtype=torch.float32)
    y = torch.tensor(labels.to_numpy()[:1400])
    model = nn.Sequential(
        nn.Linear(64, 128), nn.LeakyReLU(0.1), nn.Linear(128, 64), nn.LeakyReLU(0.1), nn.Linear(64, 10)
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **step_loaders(x, y))


class Denoiser(nn.Module):
    """An autoencoder that removes the noise it adds while it trains."""

    def __init__(self, *, own_generator: bool) -> None:
        super().__init__()
        self.own_generator = own_generator
        self.net = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 24), nn.ReLU(), nn.Linear(24, 64))

    def noise(self, x: Tensor) -> Tensor:
        if self.own_generator:
            return torch.from_numpy(np.random.default_rng().standard_normal(x.shape)).to(x)
        return torch.randn_like(x)

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            x = x + 0.2 * self.noise(x)
        return torch.sigmoid(self.net(x))


@pair("nondeterminism", group="backward", source="scikit-learn")
def noise_of_a_generator_without_a_seed(sick: bool) -> Arguments:
    """The noise comes from a NumPy generator that is made anew without a seed, which no seed of the program reaches."""
    step_seeded()
    model = Denoiser(own_generator=sick)
    x, _ = step_digits(flat=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, task="regression", **step_loaders(x, x.clone()))


class BootstrapLatent(nn.Module):
    """BYOL: an online network that predicts what its moving average makes of another view."""

    def __init__(self) -> None:
        super().__init__()
        self.online = nn.Sequential(nn.Linear(64, 96), nn.BatchNorm1d(96), nn.ReLU(), nn.Linear(96, 32))
        self.predictor = nn.Sequential(nn.Linear(32, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 32))
        self.target = copy.deepcopy(self.online).requires_grad_(False)

    def forward(self, view: Tensor) -> Tensor:
        return self.predictor(self.online(view))


def bootstrap_step(model: BootstrapLatent, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step of the online network, after which the target follows."""
    model.train()
    x = batch[0]
    views = [x * (torch.rand_like(x) > 0.2) + 0.05 * torch.randn_like(x) for _ in range(2)]
    with torch.no_grad():
        goals = [model.target(view) for view in reversed(views)]
    likeness = [F.cosine_similarity(model(v), g).mean() for v, g in zip(views, goals, strict=True)]
    loss = 2 - likeness[0] - likeness[1]
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        for own, followed in zip(model.target.parameters(), model.online.parameters(), strict=True):
            own.lerp_(followed, 0.02)
    return loss.detach()


@healthy(resembles="frozen-parameters-change", source="published")
def target_network_that_follows_the_online_one() -> Arguments:
    """Parameters without gradients change in each step, as the moving average of BYOL's online network should."""
    step_seeded()
    model = BootstrapLatent()
    trained = [*model.online.parameters(), *model.predictor.parameters()]
    loaders = step_loaders(step_digits(flat=True)[0])
    optimizer = torch.optim.Adam(trained, lr=1e-3)
    return dict(model=model, optimizer=optimizer, train_step=bootstrap_step, task="other", **loaders)
