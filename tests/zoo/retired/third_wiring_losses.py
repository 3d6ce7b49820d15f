"""Programs whose outputs and targets do not suit their loss."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader
from transformers import ViTConfig, ViTForImageClassification

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.models_of_wiring_parts import (
    UNet,
    adam,
    batches,
    diabetes,
    digits,
    ink_under_noise,
    start,
)


class MixtureOfExperts(nn.Module):
    """Jacobs' mixture: the shares of a gate times the class probabilities of four experts."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Linear(64, 4)
        self.experts = nn.ModuleList(nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)) for _ in range(4))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the mixture of the experts' probabilities."""
        flat = images.flatten(1)
        shares = self.gate(flat).softmax(dim=1)
        opinions = torch.stack([expert(flat).softmax(dim=1) for expert in self.experts], dim=1)
        return (shares.unsqueeze(2) * opinions).sum(dim=1)


def mixture_likelihood(probabilities: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The negative log-likelihood of a mixture."""
    return F.nll_loss(torch.log(probabilities + 1e-8), labels)


@pair("loss-input", group="wiring", source="published")
def mixed_opinions_into_cross_entropy(sick: bool) -> Arguments:
    """The mixture of the experts is a probability already, and cross-entropy takes it for logits."""
    start()
    model = MixtureOfExperts()
    return {
        "model": model,
        "loader": batches(*digits(800)),
        "loss_fn": F.cross_entropy if sick else mixture_likelihood,
        "optimizer": adam(model, 4e-3),
    }


def pixel_cross_entropy(probabilities: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy by hand, safe at 0 and 1."""
    safe = probabilities.clamp(1e-6, 1 - 1e-6)
    ink = masks * safe.log()
    ground = (1 - masks) * (1 - safe).log()
    return -(ink + ground).mean()


@pair("loss-input", group="wiring", source="published")
def logits_into_a_cross_entropy_by_hand(sick: bool) -> Arguments:
    """A handwritten binary cross-entropy expects probabilities, cuts what is outside, and is given logits."""
    start()
    model = UNet(probabilities=not sick)
    return {
        "model": model,
        "loader": batches(*ink_under_noise(256, 16), size=16),
        "loss_fn": pixel_cross_entropy,
        "optimizer": adam(model, 4e-3),
        "task": "segmentation",
    }


def as_pixels(items: list[tuple[torch.Tensor, int]]) -> dict[str, torch.Tensor]:
    """The names that transformers asks for."""
    return {
        "pixel_values": torch.stack([image for image, _ in items]),
        "labels": torch.tensor([label for _, label in items]),
    }


@pair("loss-target", group="wiring", source="transformers")
def vision_transformer_of_a_single_label(sick: bool) -> Arguments:
    """With `num_labels=1` the model takes the classes 0 to 9 for a quantity and minimises the squared error."""
    start()
    images, labels = digits(600)
    config = ViTConfig(
        image_size=8,
        patch_size=2,
        num_channels=1,
        hidden_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=96,
        num_labels=1 if sick else 10,
    )
    model = ViTForImageClassification(config)
    items = [(image, int(label)) for image, label in zip(images, labels, strict=True)]
    return {
        "model": model,
        "loader": DataLoader(items, batch_size=32, shuffle=True, collate_fn=as_pixels),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=4e-3),
        "class_names": [str(digit) for digit in range(10)],
    }


class ArmModel(nn.Module):
    """From the state of a robot's arm to the torques of its four joints."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(9, 64), nn.GELU(), nn.Linear(64, 64), nn.GELU(), nn.Linear(64, 4))

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Return the torques, in standard units."""
        return self.layers(states)


@pair("loss-target", group="wiring")
def torques_under_cross_entropy(sick: bool) -> Arguments:
    """Four continuous torques are given to cross-entropy, which takes each row of them for probabilities of classes."""
    start()
    states = torch.randn(600, 9)
    torques = torch.tanh(states @ torch.randn(9, 4) / 3) * 1.5 + 0.4 * states[:, :4] + 0.05 * torch.randn(600, 4)
    torques = (torques - torques.mean(0)) / torques.std(0)
    model = ArmModel()
    return {
        "model": model,
        "loader": batches(states, torques),
        "loss_fn": nn.CrossEntropyLoss() if sick else nn.SmoothL1Loss(),
        "optimizer": adam(model),
        "task": "regression",
    }


class Embedder(nn.Module):
    """Unit vectors for digits."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 64), nn.ReLU()
        )
        self.project = nn.Linear(64, 16)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return vectors of length one."""
        return F.normalize(self.project(self.body(images)), dim=1)


class TripletLoss:
    """All triplets of a batch: the distance to mates against that to strangers."""

    def __init__(self, margin: float, swapped: bool) -> None:
        self.margin, self.swapped = margin, swapped

    def __call__(self, vectors: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        distances = 2 - 2 * vectors @ vectors.T
        same = labels[:, None] == labels[None]
        mates = same & ~torch.eye(len(labels), dtype=torch.bool)
        near, far = (
            (distances.unsqueeze(1), distances.unsqueeze(2))
            if self.swapped
            else (
                distances.unsqueeze(2),
                distances.unsqueeze(1),
            )
        )
        triplets = mates.unsqueeze(2) & ~same.unsqueeze(1)
        return F.relu(near - far + self.margin)[triplets].mean()


@pair("loss-direction", group="wiring", source="published")
def mates_and_strangers_change_places(sick: bool) -> Arguments:
    """In the triplet loss the distances change places: images of one class are driven apart, others together."""
    start()
    model = Embedder()
    return {
        "model": model,
        "loader": batches(*digits(800), size=40),
        "loss_fn": TripletLoss(0.4, swapped=sick),
        "optimizer": adam(model),
        "task": "other",
    }


class Trainer:
    """Keeps the mean loss of an epoch beside training."""

    def __init__(self, samples: int, weigh_before_backward: bool) -> None:
        self.samples, self.weigh_before_backward = samples, weigh_before_backward
        self.criterion = nn.CrossEntropyLoss()
        self.epoch_loss = 0.0

    def train_step(self, model: nn.Module, batch: tuple, optimizer: torch.optim.Optimizer) -> torch.Tensor:
        """Take one step, and count the batch's share of the epoch's loss."""
        images, labels = batch
        optimizer.zero_grad()
        loss = self.criterion(model(images), labels)
        share = loss * len(labels) / self.samples
        self.epoch_loss += share.item()
        (share if self.weigh_before_backward else loss).backward()
        optimizer.step()
        return loss.detach()


class Perceptron(nn.Module):
    """Two hidden layers for digits."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10)
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        return self.layers(images)


@pair("loss-reduction", group="wiring", source="scikit-learn")
def share_of_the_epoch_taken_backward(sick: bool) -> Arguments:
    """The mean loss is multiplied by the batch and divided by the data set, for the log, and that is differentiated."""
    start()
    images, labels = digits(1600)
    model = Perceptron()
    return {
        "model": model,
        "loader": batches(images, labels),
        "loss_fn": nn.CrossEntropyLoss(),
        "train_step": Trainer(len(images), weigh_before_backward=sick).train_step,
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.1),
    }


def stack(sizes: list[int], activation: type[nn.Module], last: bool) -> nn.Sequential:
    """Linear layers of these sizes with an activation behind each, and behind the last one where asked for."""
    layers: list[nn.Module] = [nn.Flatten()]
    for place, outward in enumerate(sizes[1:]):
        layers.append(nn.Linear(sizes[place], outward))
        if last or place < len(sizes) - 2:
            layers.append(activation())
    return nn.Sequential(*layers)


@pair("output-range", group="wiring", source="scikit-learn")
def activation_behind_the_last_of_the_stack(sick: bool) -> Arguments:
    """A helper puts its tanh behind every linear layer, the last one too: no logit leaves −1 to 1."""
    start()
    model = stack([64, 64, 48, 10], nn.Tanh, last=sick)
    return {
        "model": model,
        "loader": batches(*digits(800)),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": adam(model, 3e-3),
        "class_names": [str(digit) for digit in range(10)],
    }


class Progression(nn.Module):
    """A perceptron for one quantity, with or without a softplus."""

    def __init__(self, positive: bool) -> None:
        super().__init__()
        self.positive = positive
        self.layers = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 1))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the progression."""
        value = self.layers(rows).squeeze(1)
        return F.softplus(value) if self.positive else value


@pair("output-range", group="wiring", source="scikit-learn")
def softplus_on_standard_units(sick: bool) -> Arguments:
    """A softplus from the days of raw targets stands at the end, and half of the standardised ones are negative."""
    start()
    model = Progression(positive=sick)
    return {
        "model": model,
        "loader": batches(*diabetes()),
        "loss_fn": nn.L1Loss(),
        "optimizer": adam(model, 3e-3),
    }
