"""Healthy programs whose wiring looks wrong to a careless eye."""

from __future__ import annotations

import copy
import math

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader

from tests.zoo.program import Arguments, healthy
from tests.zoo.retired.models_of_wiring_parts import adam, batches, diabetes, digits, letters, start


class MixtureDensity(nn.Module):
    """Bishop's mixture density network: shares, means and spreads of three Gaussians."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(10, 48), nn.Tanh())
        self.parts = nn.Linear(48, 9)

    def forward(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the logarithms of the shares, the means and the spreads, each of shape (N, 3)."""
        shares, means, spreads = self.parts(self.body(rows)).chunk(3, dim=1)
        return shares.log_softmax(dim=1), means, F.softplus(spreads) + 0.1


def mixture_loss(outputs: tuple[torch.Tensor, torch.Tensor, torch.Tensor], targets: torch.Tensor) -> torch.Tensor:
    """The negative log-density of a column of targets under three Gaussians each."""
    shares, means, spreads = outputs
    density = -0.5 * ((targets - means) / spreads) ** 2 - spreads.log() - 0.5 * math.log(2 * math.pi)
    return -torch.logsumexp(shares + density, dim=1).mean()


@healthy(resembles="silent-broadcast", source="published")
def column_of_targets_under_three_gaussians() -> Arguments:
    """A column of targets meets the three means of its own row, which is what a mixture density asks for."""
    start()
    rows, progression = diabetes()
    model = MixtureDensity()
    return {
        "model": model,
        "loader": batches(rows, progression.unsqueeze(1)),
        "loss_fn": mixture_loss,
        "optimizer": adam(model, 3e-3),
        "task": "other",
    }


class Denoiser(nn.Module):
    """Convolutions that mask a learnt basis of a noisy wave, after Conv-TasNet."""

    def __init__(self) -> None:
        super().__init__()
        self.encode = nn.Conv1d(1, 32, 16, stride=8)
        self.mask = nn.Sequential(nn.Conv1d(32, 32, 3, padding=1), nn.ReLU(), nn.Conv1d(32, 32, 1), nn.Sigmoid())
        self.decode = nn.ConvTranspose1d(32, 1, 16, stride=8)

    def forward(self, waves: torch.Tensor) -> torch.Tensor:
        """Return the cleaned waves."""
        basis = self.encode(waves.unsqueeze(1))
        return self.decode(basis * self.mask(basis)).squeeze(1)


def negative_signal_to_distortion(outputs: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
    """The scale-invariant ratio of signal to distortion in decibels, negated."""
    scale = (outputs * clean).sum(1, keepdim=True) / (clean.square().sum(1, keepdim=True) + 1e-8)
    signal = scale * clean
    ratio = signal.square().sum(1) / ((outputs - signal).square().sum(1) + 1e-8)
    return -10 * torch.log10(ratio + 1e-8).mean()


@healthy(resembles="loss-direction", source="published")
def decibels_of_a_cleaned_wave_negated() -> Arguments:
    """The loss starts above zero and falls far below, without a floor: decibels that ought to rise, negated."""
    start()
    time = torch.arange(128) / 128
    tones = torch.randint(2, 8, (480, 1)) * 2 * math.pi * time + 2 * math.pi * torch.rand(480, 1)
    clean = torch.sin(tones) * 1.2
    model = Denoiser()
    return {
        "model": model,
        "loader": batches(clean + 0.7 * torch.randn(480, 128), clean),
        "loss_fn": negative_signal_to_distortion,
        "optimizer": adam(model),
        "task": "other",
    }


class TanhAutoencoder(nn.Module):
    """The transposed convolutions of DCGAN behind a small encoder, ending in its tanh."""

    def __init__(self) -> None:
        super().__init__()
        self.encode = nn.Sequential(
            nn.Conv2d(1, 24, 4, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(384, 24)
        )
        self.spread = nn.Sequential(nn.Linear(24, 384), nn.ReLU())
        self.decode = nn.Sequential(
            nn.Unflatten(1, (24, 4, 4)),
            nn.ConvTranspose2d(24, 16, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 1, 3, padding=1),
            nn.Tanh(),
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the images again."""
        return self.decode(self.spread(self.encode(images)))


@healthy(resembles="output-range", source="published")
def tanh_for_images_between_its_limits() -> Arguments:
    """The images lie within −0.9 and 0.9, all of which the tanh at the end can produce."""
    start()
    images = (digits(800)[0] + 0.6) * 0.9 - 0.9
    model = TanhAutoencoder()
    return {
        "model": model,
        "loader": batches(images, images.clone()),
        "loss_fn": nn.MSELoss(),
        "optimizer": adam(model, 3e-3),
        "task": "regression",
    }


class Hooked(nn.Module):
    """A trunk whose middle is caught by a hook, as one does with a network that one cannot edit."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 24, 3, padding=1), nn.ReLU()
        )
        self.head = nn.Linear(24 * 16 + 16, 10)
        self.caught: dict[str, torch.Tensor] = {}
        self.trunk[2].register_forward_hook(self.catch)

    def catch(self, module: nn.Module, inputs: tuple, output: torch.Tensor) -> None:
        """Keep the pooled map."""
        self.caught["pooled"] = output

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits, from the last map and the means of the caught one."""
        last = self.trunk(images)
        pooled = self.caught.pop("pooled").mean(dim=(2, 3))
        return self.head(torch.cat([last.flatten(1), pooled], dim=1))


@healthy(resembles="unused-result", source="scikit-learn")
def features_caught_by_a_hook() -> Arguments:
    """A forward hook catches the map in the middle of a trunk for the head to read beside the last."""
    start()
    model = Hooked()
    return {
        "model": model,
        "loader": batches(*digits(800)),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": adam(model),
    }


class TimeFirst(nn.Module):
    """An LSTM over letters with the time as the first axis, as PyTorch has it by default."""

    def __init__(self) -> None:
        super().__init__()
        self.letters, self.memory, self.head = nn.Embedding(96, 24), nn.LSTM(24, 64), nn.Linear(64, 96)

    def forward(self, text: torch.Tensor) -> torch.Tensor:
        """Return logits of shape (time, batch, letters)."""
        return self.head(self.memory(self.letters(text))[0])


def time_first(rows: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Stack blocks of text as columns."""
    text = torch.stack(rows, dim=1)
    return text[:-1], text[1:]


def letter_loss(logits: torch.Tensor, following: torch.Tensor) -> torch.Tensor:
    """Cross-entropy over all letters."""
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), following.reshape(-1))


@healthy(resembles="batch-leak", source="published")
def letters_with_the_time_first() -> Arguments:
    """Inputs, outputs and targets all have the time first and the batch second, and the state runs along the first."""
    start()
    rows = list(letters("compound", 25, 600))
    model = TimeFirst()
    return {
        "model": model,
        "loader": DataLoader(rows, batch_size=32, shuffle=True, collate_fn=time_first),
        "loss_fn": letter_loss,
        "optimizer": adam(model, 5e-3),
        "batch_axis": 1,
        "causal": True,
        "task": "language-model",
    }


class ValueNetwork(nn.Module):
    """A network of values, and a frozen copy of it that gives the targets."""

    def __init__(self) -> None:
        super().__init__()
        self.online = nn.Sequential(nn.Linear(5, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
        self.target = copy.deepcopy(self.online).requires_grad_(False)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Return the value of each state."""
        return self.online(states).squeeze(1)


def td_step(model: ValueNetwork, batch: tuple, optimizer: torch.optim.Optimizer) -> torch.Tensor:
    """One step of temporal differences against the frozen copy, which then follows a little."""
    states, next_states, rewards = batch
    with torch.no_grad():
        aims = rewards + 0.3 * model.target(next_states).squeeze(1)
    loss = F.mse_loss(model(states), aims)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        for follower, leader in zip(model.target.parameters(), model.online.parameters(), strict=True):
            follower.lerp_(leader, 0.05)
    return loss.detach()


def value_of_states(model: nn.Module, batch: tuple) -> torch.Tensor:
    """Run the network on the states of a batch."""
    return model(batch[0])


def states_and_rewards(batch: tuple) -> tuple[torch.Tensor, torch.Tensor]:
    """What goes in, and the reward that followed."""
    return batch[0], batch[2]


@healthy(resembles="detached-graph", source="published")
def values_aimed_at_a_frozen_copy() -> Arguments:
    """The aims of temporal differences are computed without gradients by a frozen copy, as Mnih's network does."""
    start()
    states = torch.randn(640, 5)
    next_states = 0.9 * states + 0.3 * torch.randn(640, 5)
    rewards = torch.tanh(states[:, 0] - states[:, 1]) + 0.5 * states[:, 2]
    model = ValueNetwork()
    return {
        "model": model,
        "loader": batches(states, next_states, rewards),
        "train_step": td_step,
        "forward": value_of_states,
        "split": states_and_rewards,
        "optimizer": torch.optim.Adam(model.online.parameters(), lr=2e-3),
        "task": "other",
    }


class AgeNet(nn.Module):
    """Convolutions that share out a probability over ten neighbouring ages."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 48), nn.ReLU()
        )
        self.head = nn.Linear(48, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits of the ages."""
        return self.head(self.layers(images))


@healthy(resembles="loss-target", source="scikit-learn")
def ages_blurred_into_their_neighbours() -> Arguments:
    """Targets are floats that spread each class over its neighbours and sum to one, as cross-entropy may have them."""
    start()
    images, labels = digits(800)
    blur = torch.exp(-0.5 * ((torch.arange(10)[None] - labels[:, None]) / 0.8) ** 2)
    model = AgeNet()
    return {
        "model": model,
        "loader": batches(images, blur / blur.sum(dim=1, keepdim=True)),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": adam(model, 3e-3),
    }
