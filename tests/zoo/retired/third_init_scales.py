"""Programs whose weights start at the wrong scale, or all alike."""

from __future__ import annotations

import argparse

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import ViTConfig, ViTForImageClassification

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.models_of_learning_data import batches, diabetes, digit_images, seed_everything


class NormFreeVGG(nn.Module):
    """VGG without batch normalisation, on small images."""

    def __init__(self, plan: tuple[int | str, ...] = (16, 16, "M", 32, 32, "M", 32, 32)):
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for step in plan:
            if isinstance(step, str):
                layers.append(nn.MaxPool2d(2))
            else:
                layers += [nn.Conv2d(channels, step, 3, padding=1), nn.ReLU(inplace=True)]
                channels = step
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(4 * channels, 64), nn.ReLU(), nn.Linear(64, 10))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x))


def weights_init(module: nn.Module, recipe: str) -> None:
    """The recipe of the DCGAN tutorial, or that of He."""
    if isinstance(module, nn.Conv2d | nn.Linear):
        if recipe == "dcgan":
            nn.init.normal_(module.weight, 0.0, 0.02)
        else:
            nn.init.kaiming_normal_(module.weight)
        nn.init.zeros_(module.bias)


@pair("init-scale", group="init", source="published")
def gan_initialisation_of_a_vgg_without_norms(sick: bool) -> Arguments:
    """Weights of deviation 0.02 copied from DCGAN, which has BatchNorm: each layer shrinks its input five times."""
    seed_everything()
    model = NormFreeVGG()
    for module in model.modules():
        weights_init(module, "dcgan" if sick else "he")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    return {
        "model": model,
        "loader": batches(*digit_images()),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": optimizer,
    }


class DeepRegressor(nn.Module):
    """Nine layers, whose scale is set from data before training (LSUV)."""

    def __init__(self, columns: int = 10, width: int = 48, depth: int = 8):
        super().__init__()
        self.hidden = nn.ModuleList(nn.Linear(columns if i == 0 else width, width) for i in range(depth))
        self.head = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.hidden:
            x = F.leaky_relu(layer(x), 0.1)
        return self.head(x)

    @torch.no_grad()
    def set_scale_from(self, x: Tensor, multiply: bool) -> None:
        """Bring the spread of every layer's output to one, a layer after the other."""
        for layer in self.hidden:
            nn.init.orthogonal_(layer.weight, gain=0.5)
            nn.init.zeros_(layer.bias)
            for _ in range(2):
                spread = layer(x).std()
                if multiply:
                    layer.weight *= spread
                else:
                    layer.weight /= spread
            x = F.leaky_relu(layer(x), 0.1)


@pair("init-scale", group="init", source="scikit-learn")
def layers_scaled_the_wrong_way_round(sick: bool) -> Arguments:
    """The initialisation from data multiplies each layer by the spread of its output, where it has to divide by it."""
    seed_everything()
    x, y = diabetes()
    model = DeepRegressor()
    model.set_scale_from(x[:128], multiply=sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return {"model": model, "loader": batches(x, y), "loss_fn": nn.MSELoss(), "optimizer": optimizer}


class Recommender(nn.Module):
    """Matrix factorisation with biases of users and items."""

    def __init__(self, users: int, items: int, factors: int, spread: float):
        super().__init__()
        self.user, self.item = nn.Embedding(users, factors), nn.Embedding(items, factors)
        self.user_bias, self.item_bias = nn.Embedding(users, 1), nn.Embedding(items, 1)
        for table in (self.user, self.item):
            nn.init.zeros_(table.weight) if spread == 0 else nn.init.normal_(table.weight, std=spread)
        for table in (self.user_bias, self.item_bias):
            nn.init.normal_(table.weight, std=0.05)

    def forward(self, who: Tensor) -> Tensor:
        user, item = who.unbind(1)
        bias = self.user_bias(user) + self.item_bias(item)
        return (self.user(user) * self.item(item)).sum(1) + bias.squeeze(1)


def ratings(users: int = 60, items: int = 40, count: int = 1600) -> tuple[Tensor, Tensor]:
    rng = np.random.RandomState(0)
    truth = rng.randn(users, 3) @ rng.randn(3, items) + 0.2 * rng.randn(users, items)
    pairs = np.array([(u, i) for u in range(users) for i in range(items)])[rng.permutation(users * items)[:count]]
    rating = truth[pairs[:, 0], pairs[:, 1]]
    return torch.tensor(pairs), torch.tensor((rating - rating.mean()) / rating.std(), dtype=torch.float32)


@pair("symmetric-init", group="init", source="own")
def factors_of_users_and_items_from_zero(sick: bool) -> Arguments:
    """Both tables of factors start at zero, so that each sends the other a gradient of zero; only the biases learn."""
    seed_everything()
    model = Recommender(60, 40, 8, spread=0.0 if sick else 0.3)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-2)
    return {
        "model": model,
        "loader": batches(*ratings(), size=64),
        "loss_fn": nn.MSELoss(),
        "optimizer": optimizer,
        "task": "regression",
    }


def vision_transformer(initial_spread: float) -> ViTForImageClassification:
    """A small vision transformer, whose matrices are drawn anew with the spread of the experiment."""
    config = ViTConfig(
        hidden_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=96,
        image_size=8,
        patch_size=2,
        num_channels=1,
        num_labels=10,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    model = ViTForImageClassification(config)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            nn.init.normal_(parameter, std=initial_spread)
    return model


@pair("symmetric-init", group="init", source="transformers")
def initial_spread_parsed_as_an_integer(sick: bool) -> Arguments:
    """The option 0.1 went through ``int``: all matrices start at zero, and only the last bias moves."""
    seed_everything()
    parser = argparse.ArgumentParser()
    parser.add_argument("--init-std", type=(lambda text: int(float(text))) if sick else float)
    options = parser.parse_args(["--init-std", "0.1"])
    model = vision_transformer(options.init_std)
    return {
        "model": model,
        "loader": batches(*digit_images()),
        "loss_fn": lambda outputs, labels: F.cross_entropy(outputs.logits, labels),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=2e-3),
    }
