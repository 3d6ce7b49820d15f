"""Credit tables, a deep plain net, poses, a weighted sampler, spectra by NumPy and proxies of classes."""

# mypy: disable-error-code="no-any-return,no-untyped-call,call-arg"

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.sixth_east_parts import east_digits, east_loader, east_perceptron, east_seed, east_waves


class CreditNet(nn.Module):
    """A perceptron over the columns of a credit table after the row number."""

    def __init__(self, columns: int, first: int) -> None:
        super().__init__()
        self.first = first
        self.net = east_perceptron(columns - first, 2)

    def forward(self, table: Tensor) -> Tensor:
        return self.net(table[:, self.first :])


@pair("unused-input", group="wiring")
def column_skipped_that_is_no_row_number(sick: bool) -> Arguments:
    """The model skips the first column as a row number, which was dropped on reading: it skips the income."""
    east_seed(1)
    rng = np.random.RandomState(1)
    table = rng.randn(900, 9)
    score = 2.0 * table[:, 0] + table[:, 1] * table[:, 2] + 0.5 * table[:, 3] - 0.5 * table[:, 4] + 0.3 * rng.randn(900)
    model = CreditNet(9, first=1 if sick else 0)
    return {
        "model": model,
        "loader": east_loader(torch.tensor(table, dtype=torch.float32), torch.tensor(score > 0).long()),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


def plain_stack(power: float, gain: float, depth: int = 8, channels: int = 16) -> nn.Sequential:
    """A stack of convolutions without norms, with weights of a spread made from the fan-in."""
    layers: list[nn.Module] = []
    for number in range(depth):
        layers += [nn.Conv2d(1 if number == 0 else channels, channels, 3, padding=1), nn.ReLU()]
    net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * channels, 10))
    for layer in net:
        if isinstance(layer, nn.Conv2d):
            fan_in = layer.weight[0].numel()
            nn.init.normal_(layer.weight, std=(gain / fan_in) ** power)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return net


@pair("init-scale", group="init", source="scikit-learn")
def spread_taken_for_variance(sick: bool) -> Arguments:
    """The variance that the rule of He gives is passed as standard deviation, and the signal fades layer by layer."""
    east_seed(2)
    model = plain_stack(power=1.0 if sick else 0.5, gain=2.0)
    return {
        "model": model,
        "loader": east_loader(*east_digits(640)),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
    }


def seen_from_a_camera(count: int = 800) -> tuple[Tensor, Tensor, Tensor]:
    """Where six corners of a body fall on a sensor, the two angles of the body, and its distance in millimetres."""
    rng = np.random.RandomState(3)
    corners = rng.uniform(-200, 200, (6, 3))
    turn, tilt = rng.uniform(-1, 1, count), rng.uniform(-1, 1, count)
    distance = rng.uniform(1500, 3500, count)
    x = corners[:, 0] * np.cos(turn)[:, None] + corners[:, 2] * np.sin(turn)[:, None]
    depth = corners[:, 2] * np.cos(turn)[:, None] - corners[:, 0] * np.sin(turn)[:, None]
    y = corners[:, 1] * np.cos(tilt)[:, None] + depth * np.sin(tilt)[:, None]
    sensor = np.concatenate([x, y], 1) / distance[:, None] + 0.0005 * rng.randn(count, 12)
    sensor = (sensor - sensor.mean(0)) / sensor.std(0)
    angles = np.stack([turn, tilt], 1) / 0.577
    return tuple(torch.tensor(part, dtype=torch.float32) for part in (sensor, angles, distance[:, None]))  # type: ignore


@pair("target-scale", "final-bias", group="data")
def distance_in_millimetres_beside_angles(sick: bool) -> Arguments:
    """One head gives two angles of about one and a distance of some thousand millimetres, under one squared error."""
    east_seed(3)
    sensor, angles, distance = seen_from_a_camera()
    if not sick:
        distance = (distance - distance.mean()) / distance.std()
    model = east_perceptron(12, 3, 64)
    return {
        "model": model,
        "loader": east_loader(sensor, torch.cat([angles, distance], 1)),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


@pair("class-imbalance", group="data")
def sampler_that_favours_the_common(sick: bool) -> Arguments:
    """The weights of the sampler are the counts of the classes, not their inverse: the common class takes all."""
    east_seed(4)
    rng = np.random.RandomState(4)
    labels = rng.choice(3, 900, p=[0.84, 0.1, 0.06])
    centres = rng.randn(3, 10)
    x = torch.tensor(centres[labels] + 0.9 * rng.randn(900, 10), dtype=torch.float32)
    x = (x - x.mean(0)) / x.std(0)
    y = torch.tensor(labels)
    counts = torch.bincount(y).double()
    weights = counts[y] if sick else 1 / counts[y]
    model = east_perceptron(10, 3)
    return {
        "model": model,
        "loader": DataLoader(TensorDataset(x, y), 32, sampler=WeightedRandomSampler(weights.tolist(), len(y))),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
    }


def spectrum_by_numpy(x: Tensor) -> Tensor:
    """Size of the Fourier coefficients, as for the plots."""
    return torch.from_numpy(np.abs(np.fft.rfft(x.detach().cpu().numpy(), norm="ortho"))).float().to(x.device)


def spectrum_by_torch(x: Tensor) -> Tensor:
    """Size of the Fourier coefficients."""
    return torch.fft.rfft(x, norm="ortho").abs()


class SpectralNet(nn.Module):
    """Learnt filters over a series, the spectrum of what they give, and a perceptron."""

    def __init__(self, by_numpy: bool) -> None:
        super().__init__()
        self.by_numpy = by_numpy
        self.filters = nn.Sequential(nn.Conv1d(1, 8, 9, padding=4), nn.Tanh(), nn.Conv1d(8, 4, 9, padding=4))
        self.head = east_perceptron(4 * 25, 3)

    def forward(self, x: Tensor) -> Tensor:
        filtered = self.filters(x)
        spectrum = spectrum_by_numpy(filtered) if self.by_numpy else spectrum_by_torch(filtered)
        return self.head(torch.log1p(spectrum).flatten(1))


@pair("detached-graph", group="wiring")
def spectrum_taken_outside_of_torch(sick: bool) -> Arguments:
    """The spectrum in the middle of the network is computed by NumPy, so that the filters before it never learn."""
    east_seed(5)
    model = SpectralNet(by_numpy=sick)
    return {
        "model": model,
        "loader": east_loader(*east_waves(600)),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


class ProxyLoss(nn.Module):
    """Proxy-NCA (Movshovitz-Attias et al., 2017): one learnt point for each class, and cosine distances to it."""

    def __init__(self, classes: int, width: int, scale: float = 6.0) -> None:
        super().__init__()
        self.proxies = nn.Parameter(torch.randn(classes, width))
        self.scale = scale

    def forward(self, codes: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(self.scale * F.normalize(codes) @ F.normalize(self.proxies).T, labels)


@healthy(resembles="unregistered-parameters", source="published")
def proxies_that_belong_to_the_loss() -> Arguments:
    """The proxies are trained and belong to the loss, not to the model; the optimizer holds them too."""
    east_seed(6)
    model = nn.Sequential(nn.Flatten(), *east_perceptron(64, 16, 64))
    loss_fn = ProxyLoss(10, 16)
    return {
        "model": model,
        "loader": east_loader(*east_digits(800)),
        "loss_fn": loss_fn,
        "optimizer": torch.optim.Adam([*model.parameters(), *loss_fn.parameters()], lr=2e-3),
        "task": "other",
    }
