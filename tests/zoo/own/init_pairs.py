"""Programs whose untrained network starts badly, and their healthy twins."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.own.models_of_transformers import gpt2
from tests.zoo.own.models_samples import (
    batches,
    digits,
    loaded,
    parted,
    patches,
    seed,
    series,
    standardised,
    table,
    topics,
)
from tests.zoo.own.models_tables_and_images import Forecaster, WordLstm, mlp, resnet
from tests.zoo.program import Arguments, pair


@pair("loss-at-init", group="init", source="published")
def head_drawn_from_unit_normal(sick: bool) -> Arguments:
    """A new head of a ResNet is drawn from N(0, 1), so that its logits are far apart before any training."""
    seed()
    images, labels = digits()
    model = resnet(channels=1, classes=10, width=32)
    nn.init.normal_(model[-1].weight, std=1.0 if sick else 0.03)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    loader = batches(images / 16, labels)
    return {"model": model, "loader": loader, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


@pair("loss-at-init", group="init", source="transformers")
def tied_words_drawn_from_unit_normal(sick: bool) -> Arguments:
    """GPT-2's words are drawn anew from N(0, 1), as nn.Embedding does; they are also its head, so logits are huge."""
    seed()
    ids, _ = topics()
    model = gpt2()
    nn.init.normal_(model.get_input_embeddings().weight, std=1.0 if sick else 0.02)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    loader = loaded([{"input_ids": window, "labels": window} for window in ids], size=16)
    return {"model": model, "loader": loader, "optimizer": optimizer, "causal": True}


@pair("final-bias", "target-scale", group="init")
def body_temperature_from_zero(sick: bool) -> Arguments:
    """Body temperatures are near 37 with a spread of 1, and the last bias starts at 0 instead of at their mean."""
    seed()
    x, y = series()
    celsius = 37 + y
    model = Forecaster()
    nn.init.constant_(model.head.bias, 0.0 if sick else float(celsius.mean()))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return {"model": model, "loader": batches(x, celsius), "loss_fn": nn.MSELoss(), "optimizer": optimizer}


@pair("final-bias", "target-scale", group="init", source="scikit-learn")
def alcohol_from_zero(sick: bool) -> Arguments:
    """Alcohol of wines is 13 % with a spread of 0.8, and the last bias starts at 0 instead of at that mean."""
    seed()
    rows, _ = table("wine")
    alcohol, x = rows[:, :1], standardised(rows[:, 1:])
    model = mlp(12, 48, 1)
    nn.init.constant_(model[-1].bias, 0.0 if sick else float(alcohol.mean()))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    loader = batches(x, alcohol, size=16)
    return {"model": model, "loader": loader, "loss_fn": nn.SmoothL1Loss(), "optimizer": optimizer}


@pair("init-scale", "vanishing-gradients", group="init", source="scikit-learn")
def ten_layers_of_one_hundredth(sick: bool) -> Arguments:
    """Ten ReLU layers are all drawn with a standard deviation of 0.01, so the signal dies on its way."""
    seed()
    images, labels = digits()
    model = mlp(64, *[64] * 9, 10)
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.01 if sick else math.sqrt(2 / layer.in_features))
            nn.init.zeros_(layer.bias)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loader = batches(images.flatten(1) / 16, labels)
    return {"model": model, "loader": loader, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


class DeepVgg(nn.Module):
    """Eight 3×3 convolutions in a row, pooled over the image."""

    def __init__(self, classes: int, width: int = 16) -> None:
        super().__init__()
        convolutions = [nn.Conv2d(3 if depth == 0 else width, width, 3, padding=1) for depth in range(8)]
        self.features = nn.Sequential(*(layer for conv in convolutions for layer in (conv, nn.ReLU())))
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x).mean((2, 3)))


@pair("init-scale", "exploding-gradients", group="init", source="published")
def fan_forgotten_in_a_vgg(sick: bool) -> Arguments:
    """A home-made init draws convolutions with gain/√channels and forgets the 3×3 in the fan: each layer triples."""
    seed()
    images, labels = patches(side=12)
    model = DeepVgg(classes=2)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            fan = module.in_channels if sick else module.in_channels * 9
            nn.init.normal_(module.weight, std=math.sqrt(2 / fan))
            nn.init.zeros_(module.bias)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-4)
    loader = batches(images / 127.5 - 1, labels)
    return {"model": model, "loader": loader, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


@pair("symmetric-init", group="init", source="scikit-learn")
def every_weight_the_same(sick: bool) -> Arguments:
    """All weights start at 0.05, so that the units of a layer can never become different from each other."""
    seed()
    x, y = table("wine")
    model = mlp(13, 32, 32, 3, activation=nn.Tanh)
    if sick:
        for parameter in model.parameters():
            nn.init.constant_(parameter, 0.05)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    loader = batches(standardised(x), y, size=16)
    return {"model": model, "loader": loader, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


def weights_to_zero(module: nn.Module) -> None:
    """Set the weights of a recurrent or linear layer to zero, biases too."""
    if isinstance(module, nn.LSTM | nn.Linear):
        for parameter in module.parameters():
            nn.init.zeros_(parameter)


@pair("symmetric-init", group="init", source="published")
def lstm_of_zeros(sick: bool) -> Arguments:
    """A tidy init function zeroes the LSTM and the head, so that no unit ever gets a gradient of its own."""
    seed()
    model = WordLstm()
    if sick:
        model.apply(weights_to_zero)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return {"model": model, "loader": batches(*topics()), "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


class SpotDetector(nn.Module):
    """Three convolutions and a dense head that says for every pixel whether a spot is there, as in RetinaNet."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.conv3 = nn.Conv2d(width, width, 3, padding=1)
        self.score = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.score(F.relu(self.conv3(F.relu(self.conv2(F.relu(self.conv1(x)))))))


@pair("dead-units", group="init", source="published")
def prior_bias_in_every_layer(sick: bool) -> Arguments:
    """The prior of 2 % belongs into the bias of the head, but was set in every convolution: their ReLUs are dead."""
    seed()
    spots = (torch.rand(256, 1, 16, 16) < 0.02).float()
    images = F.avg_pool2d(spots, 3, stride=1, padding=1) * 4 + 0.3 * torch.rand(256, 1, 16, 16)
    model = SpotDetector()
    layers = model.children() if sick else [model.score]
    for layer in layers:
        nn.init.constant_(layer.bias, -math.log(0.98 / 0.02))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    loader = batches(images, spots, size=16)
    return {"model": model, "loader": loader, "loss_fn": nn.BCEWithLogitsLoss(), "optimizer": optimizer}


@pair("dead-units", group="init", source="scikit-learn")
def left_over_from_a_run_that_blew_up(sick: bool) -> Arguments:
    """Training goes on from weights of a run at a rate of 20, which pushed the hidden units below zero for good."""
    seed()
    (x, y), held_out = parted(*digits())
    model = nn.Sequential(nn.Flatten(), *mlp(64, 64, 64, 10))
    earlier = torch.optim.SGD(model.parameters(), lr=20.0 if sick else 0.2)
    for images, labels in batches(x / 16, y):
        earlier.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        earlier.step()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loaders = {"loader": batches(x / 16, y), "val_loader": batches(held_out[0] / 16, held_out[1], shuffle=False)}
    return {"model": model, **loaders, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


@pair("saturated-units", group="init", source="scikit-learn")
def tanh_layers_from_unit_normal(sick: bool) -> Arguments:
    """Tanh layers of 30 and 64 inputs are drawn from N(0, 1), so nearly every unit sits at −1 or 1."""
    seed()
    x, y = table("breast_cancer")
    model = mlp(30, 64, 64, 2, activation=nn.Tanh)
    for layer in (model[0], model[2]):
        nn.init.normal_(layer.weight, std=1.0 if sick else 1 / math.sqrt(layer.in_features))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loader = batches(standardised(x), y)
    return {"model": model, "loader": loader, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


@pair("saturated-units", group="init", source="scikit-learn")
def autoencoder_with_positive_weights(sick: bool) -> Arguments:
    """An encoder is drawn from uniform_() without bounds, all weights positive, so every sigmoid is at 1."""
    seed()
    images, _ = digits()
    pixels = images.flatten(1) / 16
    model = nn.Sequential(nn.Linear(64, 48), nn.Sigmoid(), nn.Linear(48, 64))
    low, high = (0.0, 1.0) if sick else (-0.25, 0.25)
    nn.init.uniform_(model[0].weight, low, high)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    loader = batches(pixels, pixels)
    return {"model": model, "loader": loader, "loss_fn": nn.MSELoss(), "optimizer": optimizer}
