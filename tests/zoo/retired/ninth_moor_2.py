"""Programs after reported bugs: a frozen detector, cubes, a reloaded trainer, a driving net, traffic maps, shuffles."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.ninth_moor_parts import all_digits, loader_over_tensors, ordinary_step, seed_all_generators


class Detector(nn.Module):
    """A convolutional backbone with normalisation and a linear head."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
        )
        self.head = nn.Linear(128, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.backbone(x))


def step_with_the_backbone_at_rest(
    model: Detector, batch: list[Tensor], optimizer: torch.optim.Optimizer, loss_fn: nn.Module
) -> Tensor:
    """A step that trains the head on top of the frozen backbone, whose statistics stay as well."""
    model.train()
    model.backbone.eval()
    optimizer.zero_grad()
    loss: Tensor = loss_fn(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    return loss.detach()


@pair("frozen-parameters-change", group="training", source="scikit-learn")
def rolling_statistics_of_frozen_layers(sick: bool) -> Arguments:
    """The frozen layers before the head go on changing their rolling means and variances (AlexeyAB/darknet#6259)."""
    seed_all_generators()
    images, labels = all_digits()
    model = Detector(10)
    first = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(3):
        for batch in loader_over_tensors(images[:900], labels[:900]):
            ordinary_step(model, batch, first, nn.CrossEntropyLoss())
    model.backbone.requires_grad_(False)
    model.head = nn.Linear(128, 2)
    faint = 0.6 * images[900:] + 0.3
    even = 1 - labels[900:] % 2
    return {
        "model": model,
        "loader": loader_over_tensors(faint[:700], even[:700]),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.head.parameters(), lr=5e-3),
        "train_step": ordinary_step if sick else step_with_the_backbone_at_rest,
        "val_loader": loader_over_tensors(faint[700:], even[700:], shuffle=False),
    }


@pair("target-scale", "input-scale", group="data")
def cubes_of_numbers_up_to_four_thousand(sick: bool) -> Arguments:
    """A small network is to learn the cubes of the numbers up to 4000, and both go in as they are.

    (discuss.pytorch.org/t/neural-network-could-not-learn-on-this-type-of-data-why/96648)
    """
    seed_all_generators()
    x = torch.arange(1, 4000, 4).float().unsqueeze(1)
    y = x**3
    if not sick:
        x = (x - x.mean()) / x.std()
        y = (y - y.mean()) / y.std()
    model = nn.Sequential(nn.Linear(1, 50), nn.ReLU(), nn.Linear(50, 1))
    return {
        "model": model,
        "loader": loader_over_tensors(x, y),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=5e-3),
        "task": "regression",
    }


class Soundscape(nn.Module):
    """A feature block and a classifier block, each with its own rate of learning."""

    def __init__(self) -> None:
        super().__init__()
        self.feature = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(12, 24, 3, padding=1), nn.ReLU()
        )
        self.classifier = nn.Linear(24 * 16, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.feature(x).flatten(1))


class Trainer:
    """A network with the parameters of its optimizer, both of which can be saved and loaded."""

    def __init__(self) -> None:
        self.network = Soundscape()
        self.optimizer_params: dict[str, dict[str, Any]] = {
            "feature": {"params": list(self.network.feature.parameters()), "lr": 0.02, "momentum": 0.9},
            "classifier": {"params": list(self.network.classifier.parameters()), "lr": 0.05, "momentum": 0.9},
        }

    def optimizer(self) -> torch.optim.Optimizer:
        """An optimizer over the groups."""
        return torch.optim.SGD(self.optimizer_params.values())

    def saved(self) -> dict[str, Any]:
        """What goes to disk."""
        return deepcopy({"weights": self.network.state_dict(), "optimizer_params": self.optimizer_params})

    def load(self, saved: dict[str, Any], *, own_parameters: bool) -> None:
        """Take up the weights and the settings of the optimizer."""
        self.network.load_state_dict(saved["weights"])
        self.optimizer_params = saved["optimizer_params"]
        if own_parameters:
            self.optimizer_params["feature"]["params"] = list(self.network.feature.parameters())
            self.optimizer_params["classifier"]["params"] = list(self.network.classifier.parameters())


@pair("optimizer-mismatch", group="training", source="scikit-learn")
def saved_optimizer_settings_bring_their_own_weights(sick: bool) -> Arguments:
    """Loading overwrites the optimizer's settings, and with them its list of parameters, by the saved ones.

    (kitzeslab/opensoundscape#351)
    """
    seed_all_generators()
    images, labels = all_digits()
    loader = loader_over_tensors(images[:1200], labels[:1200])
    before = Trainer()
    optimizer = before.optimizer()
    for _, batch in zip(range(8), loader, strict=False):
        ordinary_step(before.network, batch, optimizer, nn.CrossEntropyLoss())
    trainer = Trainer()
    trainer.load(before.saved(), own_parameters=not sick)
    return {
        "model": trainer.network,
        "loader": loader,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": trainer.optimizer(),
    }


class ConditionalImitation(nn.Module):
    """Steering, throttle and brake from the branch of the command, and the speed from a branch of its own."""

    def __init__(self, commands: int = 4) -> None:
        super().__init__()
        self.see = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8 * 36, 48), nn.ReLU()
        )
        self.branches = nn.ModuleList([nn.Linear(48, 3) for _ in range(commands)])
        self.speed = nn.Sequential(nn.Linear(48, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, image: Tensor, command: Tensor) -> Tensor:
        seen = self.see(image)
        actions = torch.stack([branch(seen) for branch in self.branches], 1)
        chosen = actions[torch.arange(len(command)), command]
        return torch.cat([chosen, self.speed(seen)], 1)


def drives(samples: int) -> tuple[Tensor, Tensor, Tensor]:
    """Images of a lane whose place and brightness vary, commands, and the actions and speed that go with them."""
    place, speed = 2 * torch.rand(samples) - 1, 2 * torch.rand(samples) - 1
    command = torch.randint(4, (samples,))
    columns = torch.linspace(-1, 1, 12)
    lane = torch.exp(-8 * (columns - place[:, None]) ** 2) * (1.5 + speed[:, None])
    images = lane[:, None, None, :] + 0.2 * torch.randn(samples, 1, 12, 12)
    turn = torch.tensor([-0.8, 0.0, 0.8, 0.3])[command]
    targets = torch.stack([place + turn, 0.8 * turn * place, -place, 1.5 * speed], 1)
    return (images - images.mean()) / images.std(), command, targets


def branched_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Squared errors of the actions and of the speed, per sample."""
    errors = (outputs - targets) ** 2
    actions, speed = errors[:, :3], errors[:, 3]
    return actions.sum() / len(targets) + speed.sum() / len(targets)


def branched_loss_with_speed_shared_out(outputs: Tensor, targets: Tensor) -> Tensor:
    """Squared errors of the actions and of the speed, per sample."""
    errors = (outputs - targets) ** 2
    actions, speed = errors[:, :3], errors[:, 3] / len(targets)
    return actions.sum() / len(targets) + speed.sum() / len(targets)


@pair("loss-reduction", group="wiring", source="published")
def speed_error_divided_by_the_batch_twice(sick: bool) -> Arguments:
    """The speed's loss is divided by the batch size where it is made and again where losses are added up.

    (felipecode/coiltraine#37)
    """
    seed_all_generators()
    model = ConditionalImitation()
    return {
        "model": model,
        "loader": loader_over_tensors(*drives(1200), batch_size=64),
        "loss_fn": branched_loss_with_speed_shared_out if sick else branched_loss,
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9),
        "task": "regression",
    }


class NormalisedResidual(nn.Module):
    """Two normalised convolutions around which the input is passed on."""

    def __init__(self, channels: int, *, from_the_input: bool) -> None:
        super().__init__()
        self.from_the_input = from_the_input
        self.norm1, self.norm2 = nn.GroupNorm(1, channels), nn.GroupNorm(1, channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, inputs: Tensor) -> Tensor:
        outputs = F.relu(self.norm1(inputs))
        outputs = self.conv1(outputs)
        outputs = self.norm2(inputs) if self.from_the_input else self.norm2(outputs)
        outputs = self.conv2(F.relu(outputs))
        return outputs + inputs


class TrafficNet(nn.Module):
    """The next map of flows in a city from the last three, through residual units."""

    def __init__(self, units: int = 3, *, from_the_input: bool) -> None:
        super().__init__()
        self.enter = nn.Conv2d(3, 12, 3, padding=1)
        self.units = nn.Sequential(*[NormalisedResidual(12, from_the_input=from_the_input) for _ in range(units)])
        self.leave = nn.Conv2d(12, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.leave(F.relu(self.units(self.enter(x))))


def flows(samples: int, size: int = 8) -> tuple[Tensor, Tensor]:
    """Three maps of waves that travel over a city, and the next one."""
    rows = torch.arange(size).view(1, 1, size, 1)
    columns = torch.arange(size).view(1, 1, 1, size)
    time = torch.arange(4).view(1, 4, 1, 1)
    speed, phase = 0.4 + torch.rand(samples, 1, 1, 1), 6.28 * torch.rand(samples, 1, 1, 1)
    maps = torch.sin(0.7 * rows + 0.4 * columns - speed * time + phase) * torch.cos(0.3 * rows - 0.5 * columns + phase)
    maps = 2 * maps + 0.05 * torch.randn(samples, 4, size, size)
    return maps[:, :3].contiguous(), maps[:, 3:].contiguous()


@pair("unused-result", "unused-parameters", group="wiring", source="published")
def second_norm_starts_from_the_inputs_again(sick: bool) -> Arguments:
    """The second norm of a unit is given the unit's inputs, which throws away what its first convolution made.

    (snehasinghania/STResNet#1)
    """
    seed_all_generators()
    model = TrafficNet(from_the_input=sick)
    return {
        "model": model,
        "loader": loader_over_tensors(*flows(600), batch_size=16),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
        "task": "regression",
    }
