"""Healthy programs that draw at random which way the signal takes, and look as if part of it were cut off."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from tests.zoo.program import Arguments, healthy
from tests.zoo.retired.models_of_wiring_parts import adam, batches, digits, start


class DiscreteCodes(nn.Module):
    """An autoencoder whose code is eight choices of one out of eight, drawn by Gumbel's trick."""

    def __init__(self) -> None:
        super().__init__()
        self.encode = nn.Sequential(nn.Flatten(), nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 64))
        self.decode = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 64))

    def choose(self, scores: torch.Tensor) -> torch.Tensor:
        """One-hot choices, whose gradient is that of the softmax."""
        if self.training:
            return F.gumbel_softmax(scores, tau=1.0, hard=True)
        soft = scores.softmax(dim=-1)
        return F.one_hot(soft.argmax(dim=-1), 8).float() + soft - soft.detach()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the images again."""
        codes = self.choose(self.encode(images).view(-1, 8, 8))
        return self.decode(codes.flatten(1)).view_as(images)


@healthy(resembles="zero-gradient-path", source="published")
def hard_choices_by_gumbels_trick() -> Arguments:
    """The codes are one-hot, and the gradient passes straight through to the softmax beneath them."""
    start()
    images, _ = digits(800)
    model = DiscreteCodes()
    return {
        "model": model,
        "loader": batches(images, images.clone()),
        "loss_fn": nn.MSELoss(),
        "optimizer": adam(model),
        "task": "regression",
    }


class StochasticDepth(nn.Module):
    """Huang's residual network, some of whose branches are left out in each training batch."""

    def __init__(self, keep: float) -> None:
        super().__init__()
        self.keep = keep
        self.stem = nn.Conv2d(1, 24, 3, padding=1)
        self.branches = nn.ModuleList(
            nn.Sequential(nn.Conv2d(24, 24, 3, padding=1), nn.ReLU(), nn.Conv2d(24, 24, 3, padding=1)) for _ in range(4)
        )
        self.head = nn.Linear(24 * 16, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        hidden = F.relu(self.stem(images))
        for branch in self.branches:
            if self.training:
                if torch.rand(()) < self.keep:
                    hidden = F.relu(hidden + branch(hidden))
            else:
                hidden = F.relu(hidden + self.keep * branch(hidden))
        return self.head(F.max_pool2d(hidden, 2).flatten(1))


@healthy(resembles="unused-parameters", source="published")
def branches_left_out_by_chance() -> Arguments:
    """Each batch leaves out a fifth of the residual branches at random: all of them are trained over a few batches."""
    start()
    model = StochasticDepth(keep=0.8)
    return {
        "model": model,
        "loader": batches(*digits(800)),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": adam(model),
    }
