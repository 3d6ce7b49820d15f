"""Programs whose units are dead or at their limits before the first step."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from sklearn.datasets import load_sample_images
from torch import Tensor, nn

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.models_of_learning_data import batches, digit_images, seed_everything, tumours


class HighwayLayer(nn.Module):
    """Transform and carry, after Srivastava, Greff and Schmidhuber."""

    def __init__(self, width: int):
        super().__init__()
        self.transform = nn.Linear(width, width)
        self.gate = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        share = torch.sigmoid(self.gate(x))
        return share * F.relu(self.transform(x)) + (1 - share) * x


class HighwayNetwork(nn.Module):
    """Eight highway layers between two linear ones."""

    def __init__(self, columns: int, width: int, classes: int, sick: bool):
        super().__init__()
        self.embed = nn.Linear(columns, width)
        self.highways = nn.ModuleList(HighwayLayer(width) for _ in range(8))
        self.head = nn.Linear(width, classes)
        for highway in self.highways:
            nn.init.constant_(highway.transform.bias if sick else highway.gate.bias, -4.0 if sick else -1.0)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x)
        for highway in self.highways:
            x = highway(x)
        return self.head(x)


@pair("dead-units", group="init", source="published")
def bias_meant_for_the_gate_kills_the_transform(sick: bool) -> Arguments:
    """The negative bias that should close the highway's gate was set on the layer before its ReLU: no unit fires."""
    seed_everything()
    model = HighwayNetwork(30, 48, 2, sick)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return {"model": model, "loader": batches(*tumours()), "loss_fn": F.cross_entropy, "optimizer": optimizer}


class WideAndBumps(nn.Module):
    """A linear path beside triangular bumps around samples of the training set."""

    def __init__(self, centres: Tensor, radius: float):
        super().__init__()
        self.centres = nn.Parameter(centres.clone())
        self.radius = radius
        self.linear = nn.Linear(centres.shape[1], 1)
        self.bumps = nn.Linear(len(centres), 32)
        self.last = nn.Linear(32, 1)

    def forward(self, x: Tensor) -> Tensor:
        distance = torch.cdist(x, self.centres, compute_mode="donot_use_mm_for_euclid_dist")
        near = F.relu(1 - distance / self.radius)
        return self.linear(x) + self.last(F.relu(self.bumps(near)))


@pair("dead-units", group="init", source="own")
def bumps_too_narrow_for_sixteen_dimensions(sick: bool) -> Arguments:
    """Bumps of radius 1 where points of 16 dimensions lie 5 apart: all are zero everywhere, only the line learns."""
    seed_everything()
    x = torch.randn(800, 16) * (0.4 + 1.2 * torch.rand(800, 1))
    y = (x.norm(dim=1, keepdim=True) > x.norm(dim=1).median()).float()
    model = WideAndBumps(0.9 * torch.randn(96, 16), radius=1.0 if sick else 8.0)
    return {
        "model": model,
        "loader": batches(x, y, size=64),
        "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-2),
    }


class HashNet(nn.Module):
    """Codes of a few soft bits for retrieval, from which the image is classified and drawn again."""

    def __init__(self, sharpness: float, bits: int = 24):
        super().__init__()
        self.sharpness = sharpness
        self.encode = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, bits)
        )
        self.norm = nn.LayerNorm(bits, elementwise_affine=False)
        self.bits = nn.Tanh()
        self.mix = nn.Linear(bits, bits)
        self.soft = nn.Tanh()
        self.last = nn.Linear(bits, 10)

    def forward(self, image: Tensor) -> Tensor:
        code = self.bits(self.sharpness * self.norm(self.encode(image)))
        return self.last(self.soft(self.sharpness * self.mix(code)))


@pair("saturated-units", group="init", source="published")
def codes_as_sharp_as_at_the_end_of_training(sick: bool) -> Arguments:
    """The sharpness that should grow from 1 to 100 starts at 100: every bit is at its limit, none passes a gradient."""
    seed_everything()
    model = HashNet(100.0 if sick else 1.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return {
        "model": model,
        "loader": batches(*digit_images()),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": optimizer,
    }


class PictureOfCoordinates(nn.Module):
    """A network from coordinates to colours."""

    def __init__(self, omega: float, width: int = 64):
        super().__init__()
        self.omega = omega
        self.register_buffer("frequencies", 2.0 * torch.randn(2, 16, generator=torch.Generator().manual_seed(0)))
        self.layers = nn.ModuleList([nn.Linear(32, width)] + [nn.Linear(width, width) for _ in range(5)])
        self.activations = nn.ModuleList(nn.Tanh() for _ in self.layers)
        self.colour = nn.Linear(width, 3)

    def forward(self, where: Tensor) -> Tensor:
        angle = where @ self.frequencies
        h = torch.cat([angle.sin(), angle.cos()], 1)
        for layer, activation in zip(self.layers, self.activations, strict=True):
            h = activation(self.omega * layer(h))
        return self.colour(h)


def flower(count: int = 1536) -> tuple[Tensor, Tensor]:
    picture = torch.tensor(load_sample_images().images[1][100:400:6, 200:500:6]).float() / 255
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, 50), torch.linspace(-1, 1, 50), indexing="ij")
    chosen = torch.randperm(2500)[:count]
    colours = picture.reshape(-1, 3)[chosen]
    return torch.stack([rows, columns], -1).view(-1, 2)[chosen], (colours - colours.mean(0)) / colours.std(0)


@pair("saturated-units", group="init", source="scikit-learn")
def frequency_of_sines_left_before_tanh(sick: bool) -> Arguments:
    """The factor 30 that belongs to sine layers stayed when the sines became tanh: hidden units sit at −1 and 1."""
    seed_everything()
    model = PictureOfCoordinates(30.0 if sick else 1.5)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return {
        "model": model,
        "loader": batches(*flower(), size=64),
        "loss_fn": nn.MSELoss(),
        "optimizer": optimizer,
        "task": "regression",
    }
