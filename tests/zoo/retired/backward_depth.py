"""Programs whose gradients fade or swell on their way back."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.models_of_learning_data import batches, digit_images, seed_everything, tumours

ACTIVATIONS = {"sigmoid": nn.Sigmoid, "relu": nn.ReLU}


class PortedVGG(nn.Module):
    """A VGG ported layer by layer from a configuration of another library."""

    def __init__(self, config: list[dict]):
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for entry in config:
            if entry["kind"] == "pool":
                layers.append(nn.AvgPool2d(2))
                continue
            layers += [nn.Conv2d(channels, entry["filters"], 3, padding=1), ACTIVATIONS[entry["activation"]]()]
            channels = entry["filters"]
        self.features = nn.Sequential(*layers)
        self.logits = nn.Linear(4 * channels, 10)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.logits(self.features(x).flatten(1))


@pair("vanishing-gradients", group="backward", source="published")
def vgg_ported_with_sigmoids(sick: bool) -> Arguments:
    """The port read the activation of the output for that of all eight convolutions: sigmoids where ReLUs belong."""
    seed_everything()
    kind = "sigmoid" if sick else "relu"
    plan = [16, 16, 0, 24, 24, 24, 0, 32, 32, 32]
    config = [{"kind": "conv", "filters": n, "activation": kind} if n else {"kind": "pool"} for n in plan]
    model = PortedVGG(config)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return {
        "model": model,
        "loader": batches(*digit_images()),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": optimizer,
    }


class GatedLayer(nn.Module):
    """tanh times sigmoid over a dilated convolution, as in WaveNet."""

    def __init__(self, width: int, dilation: int, residual: bool):
        super().__init__()
        self.dilated = nn.Conv1d(width, 2 * width, 2, dilation=dilation, padding=dilation)
        self.mix = nn.Conv1d(width, width, 1)
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        signal, gate = self.dilated(x)[..., : x.shape[-1]].chunk(2, 1)
        h = self.mix(torch.tanh(signal) * torch.sigmoid(gate))
        return x + h if self.residual else h


class SeriesNet(nn.Module):
    """Eight gated layers and the mean over time."""

    def __init__(self, residual: bool, width: int = 16):
        super().__init__()
        self.stem = nn.Conv1d(1, width, 1)
        self.layers = nn.Sequential(*[GatedLayer(width, 2 ** (i % 4), residual) for i in range(8)])
        self.head = nn.Linear(width, 3)

    def forward(self, series: Tensor) -> Tensor:
        return self.head(self.layers(self.stem(series)).mean(-1))


def waves(count: int = 480) -> tuple[Tensor, Tensor]:
    """Sines, saw teeth and squares of a random phase and period."""
    rng = np.random.RandomState(0)
    kind = rng.randint(0, 3, count)
    phase = np.linspace(0, 1, 48) * rng.uniform(3, 5, (count, 1)) + rng.rand(count, 1)
    shapes = [np.sqrt(2) * np.sin(2 * np.pi * phase), np.sqrt(12) * (phase % 1 - 0.5), np.sign(phase % 1 - 0.5)]
    series = np.choose(kind[:, None], shapes) + 0.1 * rng.randn(count, 48)
    return torch.tensor(series[:, None], dtype=torch.float32), torch.from_numpy(kind)


@pair("vanishing-gradients", "init-scale", group="backward", source="published")
def gated_layers_that_forget_what_they_were_given(sick: bool) -> Arguments:
    """The gated layers return their branch and not input plus branch: each passes little on, forwards and backwards."""
    seed_everything()
    model = SeriesNet(residual=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return {"model": model, "loader": batches(*waves()), "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


class Flow(nn.Module):
    """A neural ordinary differential equation, integrated by Euler from time 0 to 1."""

    def __init__(self, columns: int, width: int = 32, steps: int = 40, dt: float | None = None):
        super().__init__()
        self.steps = steps
        self.dt = 1 / steps if dt is None else dt
        self.embed = nn.Linear(columns, width)
        self.field = nn.Sequential(nn.Linear(width, 2 * width), nn.SiLU(), nn.Linear(2 * width, width))
        nn.init.orthogonal_(self.field[0].weight)
        nn.init.orthogonal_(self.field[2].weight)
        self.read = nn.Linear(width, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = self.embed(x)
        for _ in range(self.steps):
            h = h + self.dt * self.field(h)
        return self.read(h)


@pair("exploding-gradients", "init-scale", group="backward", source="scikit-learn")
def steps_of_euler_as_long_as_the_whole_way(sick: bool) -> Arguments:
    """Each of the 40 steps of Euler goes 1 ahead and not 1 / 40: the state runs away, and so does what comes back."""
    seed_everything()
    model = Flow(30, dt=1.0 if sick else None)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return {"model": model, "loader": batches(*tumours()), "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}
