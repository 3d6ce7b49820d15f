"""Programs whose last layer starts far from what the targets ask for."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.models_of_learning_data import batches, digit_images, seed_everything, tumours


class ImageTower(nn.Sequential):
    """Depthwise separable convolutions in the manner of MobileNet, then an embedding."""

    def __init__(self, width: int = 32, embedding: int = 64):
        super().__init__(
            nn.Conv2d(1, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU6(),
            nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU6(),
            nn.Conv2d(width, 2 * width, 1, bias=False),
            nn.BatchNorm2d(2 * width),
            nn.ReLU6(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(8 * width, embedding),
        )


class ImagesAgainstNames(nn.Module):
    """Cosine of image and class name, times a learnt scale that is kept as a logarithm."""

    def __init__(self, scale: float, classes: int = 10):
        super().__init__()
        self.images = ImageTower()
        self.names = nn.Embedding(classes, 64)
        self.logit_scale = nn.Parameter(torch.tensor(scale))

    def forward(self, image: Tensor) -> Tensor:
        image = F.normalize(self.images(image), dim=-1)
        names = F.normalize(self.names.weight, dim=-1)
        return self.logit_scale.exp() * image @ names.t()


@pair("loss-at-init", group="init", source="published")
def scale_of_cosines_is_not_its_logarithm(sick: bool) -> Arguments:
    """The learnt scale of the cosines is exponentiated in the forward, but starts as 10 and not as log 10."""
    seed_everything()
    model = ImagesAgainstNames(10.0 if sick else math.log(10.0))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    return {
        "model": model,
        "loader": batches(*digit_images()),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": optimizer,
    }


class TriageNet(nn.Module):
    """A table classifier whose head knows how often each class comes."""

    def __init__(self, prior: Tensor):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(30, 64), nn.GELU(), nn.Linear(64, 64), nn.GELU())
        self.head = nn.Linear(64, len(prior))
        with torch.no_grad():
            self.head.bias.copy_(prior)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


@pair("loss-at-init", "final-bias", group="init", source="scikit-learn")
def class_counts_as_the_bias(sick: bool) -> Arguments:
    """The head's bias is set to how many samples each class has, 212 and 357, and not to the logarithm of its share."""
    seed_everything()
    x, y = tumours()
    counts = y.bincount().float()
    model = TriageNet(counts if sick else (counts / counts.sum()).log())
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return {"model": model, "loader": batches(x, y), "loss_fn": F.cross_entropy, "optimizer": optimizer}


class CentreDetector(nn.Module):
    """A heat map that says where digits lie on a canvas, as keypoint detectors do."""

    def __init__(self, bias: float, width: int = 24):
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(1, width, 5, padding=2),
            nn.ReLU(),
            nn.Conv2d(width, width, 5, padding=2),
            nn.ReLU(),
        )
        self.heat = nn.Conv2d(width, 1, 3, padding=1)
        nn.init.constant_(self.heat.bias, bias)

    def forward(self, canvas: Tensor) -> Tensor:
        return self.heat(self.backbone(canvas)).squeeze(1)


def canvases(count: int = 256) -> tuple[Tensor, Tensor]:
    digits, _ = digit_images(count)
    rng = np.random.RandomState(3)
    canvas, heat = torch.full((count, 1, 20, 20), digits.min().item()), torch.zeros(count, 20, 20)
    for i in range(count):
        top, left = rng.randint(0, 13, 2)
        canvas[i, :, top : top + 8, left : left + 8] = digits[i]
        heat[i, top + 4, left + 4] = 1
    return canvas, heat


@pair("final-bias", "loss-at-init", group="init", source="own")
def prior_of_the_detector_with_its_sign_flipped(sick: bool) -> Arguments:
    """The bias of the heat map is +log((1 − p) / p): every pixel starts as a sure detection, where 1 in 400 is one."""
    seed_everything()
    prior = 1 / 400
    bias = math.log((1 - prior) / prior)
    model = CentreDetector(bias if sick else -bias)
    return {
        "model": model,
        "loader": batches(*canvases(), size=16),
        "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-4),
    }


class PriceNet(nn.Module):
    """A wide table network for the logarithm of a price."""

    def __init__(self, mean: float | None):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(8, 64), nn.Linear(64, 64), nn.Linear(64, 32)])
        self.price = nn.Linear(32, 1)
        if mean is not None:
            nn.init.constant_(self.price.bias, mean)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = F.silu(layer(x))
        return self.price(x).squeeze(-1)


@pair("final-bias", "target-scale", group="init", source="own")
def logarithm_of_prices_from_zero(sick: bool) -> Arguments:
    """Logarithms of prices lie at 12.3 and spread by a half; the output starts at zero and has to climb there first."""
    seed_everything()
    x = torch.randn(600, 8)
    log_price = 12.3 + 0.3 * x[:, 0] + 0.25 * (x[:, 1] * x[:, 2]).tanh() - 0.2 * x[:, 3].abs() + 0.1 * torch.randn(600)
    model = PriceNet(None if sick else log_price.mean().item())
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4)
    return {"model": model, "loader": batches(x, log_price), "loss_fn": nn.MSELoss(), "optimizer": optimizer}


class Barometer(nn.Module):
    """A GRU that reads 24 hours of standardised weather and says the pressure of the next."""

    def __init__(self, last: nn.Linear):
        super().__init__()
        self.gru = nn.GRU(4, 32, batch_first=True)
        self.last = last

    def forward(self, hours: Tensor) -> Tensor:
        return self.last(self.gru(hours)[0][:, -1])


def weather(count: int = 400) -> tuple[Tensor, Tensor]:
    """Overlap-free days of four standardised series; the next hour's pressure in kilopascals."""
    rng = np.random.RandomState(1)
    drive = rng.randn(count, 25, 4)
    series = np.zeros_like(drive)
    for hour in range(1, 25):
        series[:, hour] = 0.9 * series[:, hour - 1] + 0.44 * drive[:, hour]
    series[:, :, 0] += 0.3 * series[:, :, 1]
    pressure = 101.3 + 0.9 * series[:, 24, :1]
    hours = (series[:, :24] - series[:, :24].mean((0, 1))) / series[:, :24].std((0, 1))
    return torch.tensor(hours, dtype=torch.float32), torch.tensor(pressure, dtype=torch.float32)


@pair("final-bias", "target-scale", group="init", source="own")
def pressure_in_kilopascals_from_zero(sick: bool) -> Arguments:
    """The pressure is always near 101 kPa, the GRU's last bias starts at zero, a hundred deviations below."""
    seed_everything()
    hours, pressure = weather()
    last = nn.Linear(32, 1)
    if not sick:
        nn.init.constant_(last.bias, pressure.mean().item())
    model = Barometer(last)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return {"model": model, "loader": batches(hours, pressure), "loss_fn": nn.SmoothL1Loss(), "optimizer": optimizer}
