"""A deep stack, a counter of people, scaled cosines, a list of layers, a reader of plates and scaled residuals."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset, TensorDataset

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.tenth_dune_parts import digit_images, digit_rows, for_validation, seeded, shuffled, split_loaders


def he_normal(layer: nn.Linear, *, factor: float) -> None:
    """Start a layer by the rule for rectifiers."""
    nn.init.normal_(layer.weight, 0.0, math.sqrt(factor / layer.in_features))
    nn.init.zeros_(layer.bias)


@pair("vanishing-gradients", "init-scale", group="backward", source="scikit-learn")
def he_rule_that_is_the_rule_of_lecun(sick: bool) -> Arguments:
    """The initialiser called He draws with variance 1 / fan_in, as LeCun's, under rectifiers (LBANN/lbann#316)."""
    seeded()
    layers: list[nn.Module] = []
    for i in range(16):
        layers += [nn.Linear(128 if i else 64, 128), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(128, 10))
    for layer in layers:
        if isinstance(layer, nn.Linear):
            he_normal(layer, factor=1.0 if sick else 2.0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.005, momentum=0.9)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **split_loaders(*digit_rows()))


class Crowds(Dataset[tuple[Tensor, Tensor]]):
    """Pictures of 0 to 255 with bright heads, prepared for the network, and maps of how dense the heads are."""

    def __init__(self, count: int, draw: torch.Generator, *, raw: bool = False) -> None:
        rows, columns = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
        self.pictures = 90.0 + 25.0 * torch.randn(count, 3, 16, 16, generator=draw)
        self.densities = torch.zeros(count, 1, 16, 16)
        for i in range(count):
            for row, column in 2.0 + 12.0 * torch.rand(
                int(torch.randint(1, 7, (1,), generator=draw)), 2, generator=draw
            ):
                head = torch.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 3.0)
                self.pictures[i] += torch.tensor([110.0, 80.0, 60.0])[:, None, None] * head
                self.densities[i, 0] += 2.0 * head
        self.pictures = self.pictures.clamp(0.0, 255.0)
        self.raw = raw

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        picture = self.pictures[index]
        if self.raw:
            picture = picture - torch.tensor([92.8, 95.3, 104.9])[:, None, None]
        else:
            mean, std = torch.tensor([0.41, 0.40, 0.39]), torch.tensor([0.16, 0.13, 0.12])
            picture = (picture / 255.0 - mean[:, None, None]) / std[:, None, None]
        return picture, self.densities[index]


@torch.no_grad()
def error_of_the_count(model: nn.Module, batch: list[Tensor]) -> float:
    model.eval()
    counted, true = model(batch[0]).sum((1, 2, 3)), batch[1].sum((1, 2, 3))
    error: float = ((counted - true).abs() / true).mean().item()
    return error


@pair("train-val-shift", group="data", source="published")
def crowds_validated_without_the_scaling(sick: bool) -> Arguments:
    """Validation subtracts other means and does not divide, unlike training (leeyeehoo/CSRNet-pytorch#25)."""
    seeded()
    draw = torch.Generator().manual_seed(3)
    train, held_out = Crowds(400, draw), Crowds(120, draw, raw=sick)
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(),
        nn.Conv2d(16, 16, 3, padding=2, dilation=2), nn.ReLU(),
        nn.Conv2d(16, 1, 1),
    )  # fmt: skip
    return {
        "model": model,
        "loader": shuffled(train, 16),
        "val_loader": for_validation(held_out),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "eval_step": error_of_the_count,
    }


class MulConstant(torch.autograd.Function):
    """Multiplies by a constant that is not learnt."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, constant: float) -> Tensor:
        ctx.constant = constant
        return tensor * constant

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:
        return grad_outputs[0] * ctx.constant, None


class MulConstantPassedOn(MulConstant):
    """Multiplies by a constant that is not learnt."""

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:
        return grad_outputs[0], None


class ScaledCosines(nn.Module):
    """Cosines between features and prototypes of the classes, sharpened by a constant."""

    def __init__(self, sharpen: type[MulConstant]) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32))
        self.prototypes = nn.Parameter(torch.randn(10, 32) / 32**0.5)
        self.sharpen = sharpen

    def forward(self, x: Tensor) -> Tensor:
        cosines = F.normalize(self.features(x), dim=1) @ F.normalize(self.prototypes, dim=1).t()
        logits: Tensor = self.sharpen.apply(cosines, 6.0)  # type: ignore[no-untyped-call]
        return logits


@pair("gradient-check", group="backward", source="scikit-learn")
def constant_forgotten_on_the_way_back(sick: bool) -> Arguments:
    """The backward of the multiplication hands the gradient on unmultiplied (zergtant/pytorch-handbook#69)."""
    seeded()
    model = ScaledCosines(MulConstantPassedOn if sick else MulConstant)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **split_loaders(*digit_rows()))


class Perceptron(nn.Module):
    """Layers between a first and a last one, as many as asked for."""

    def __init__(self, *, listed: bool) -> None:
        super().__init__()
        self.input = nn.Linear(64, 48)
        layers = [nn.Linear(48, 48) for _ in range(3)]
        self.layers = layers if listed else nn.ModuleList(layers)
        self.output = nn.Linear(48, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.input(x))
        for layer in self.layers:
            x = torch.relu(layer(x))
        logits: Tensor = self.output(x)
        return logits


@pair("unregistered-parameters", group="wiring", source="scikit-learn")
def layers_kept_in_an_array(sick: bool) -> Arguments:
    """The layers in the middle lie in a plain array, where no module looks for parameters (dotnet/TorchSharp#532)."""
    seeded()
    model = Perceptron(listed=sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **split_loaders(*digit_rows()))


class PlateReader(nn.Module):
    """Reads two digits side by side, its features divided by the mean of their squares as a global context."""

    def __init__(self, *, dims: tuple[int, ...]) -> None:
        super().__init__()
        self.early = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)
        )
        self.late = nn.Sequential(nn.Conv2d(16, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU())
        self.container = nn.Conv2d(48, 10, (4, 4), stride=(1, 4))
        self.dims = dims

    def context(self, features: Tensor) -> Tensor:
        f_pow = features.square()
        return features / f_pow.mean(self.dims, keepdim=True)

    def forward(self, x: Tensor) -> Tensor:
        early = self.early(x)
        late = self.late(early)
        logits: Tensor = self.container(torch.cat([self.context(early), self.context(late)], 1))
        return logits.squeeze(2)


@pair("batch-leak", group="wiring", source="published")
def context_averaged_over_all_plates(sick: bool) -> Arguments:
    """The mean of the context runs over the whole batch (xuexingyu24/License_Plate_Detection_Pytorch#22)."""
    seeded()
    images, classes = digit_images(1600)
    plates, read = torch.cat([images[:800], images[800:]], 3), torch.stack([classes[:800], classes[800:]], 1)
    model = PlateReader(dims=(0, 1, 2, 3) if sick else (1, 2, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **split_loaders(plates, read))


class ScaledDenseBlock(nn.Module):
    """Dense convolutions whose sum is scaled down before it joins the main path."""

    def __init__(self, width: int = 16, growth: int = 8) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(nn.Conv2d(width + i * growth, growth, 3, padding=1) for i in range(2))
        self.last = nn.Conv2d(width + 2 * growth, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        features = x
        for convolution in self.convolutions:
            features = torch.cat([features, F.leaky_relu(convolution(features), 0.2)], 1)
        scaled: Tensor = x + 0.2 * self.last(features)
        return scaled


@healthy(resembles="vanishing-gradients", source="published")
def residuals_scaled_down_by_a_fifth() -> Arguments:
    """The blocks of an upscaler add only a fifth of their residual, against instability (XPixelGroup/BasicSR#121)."""
    seeded()
    large, _ = digit_images(700)
    small = F.avg_pool2d(large, 2)
    blocks = [ScaledDenseBlock() for _ in range(4)]
    tail = [nn.Conv2d(16, 64, 3, padding=1), nn.PixelShuffle(2), nn.LeakyReLU(0.2), nn.Conv2d(16, 1, 3, padding=1)]
    model = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), *blocks, *tail)
    return {
        "model": model,
        "loader": shuffled(TensorDataset(small[:560], large[:560]), 16),
        "val_loader": for_validation(TensorDataset(small[560:], large[560:])),
        "loss_fn": nn.L1Loss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "task": "regression",
    }
