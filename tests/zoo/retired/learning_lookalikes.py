"""Healthy programs that look as if they learnt badly, or remembered too much."""

from __future__ import annotations

import math
from collections import deque

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.zoo.program import Arguments, healthy
from tests.zoo.retired.models_of_learning_data import batches, digit_images, seed_everything, tumours
from tests.zoo.retired.models_of_learning_nets import DepthwiseNet


@healthy(resembles="learning-rate", source="scikit-learn")
def adagrad_at_a_twentieth() -> Arguments:
    """A rate of 0.05 is fifty times that of Adam, and right for Adagrad, whose steps shrink as it goes."""
    seed_everything()
    model = nn.Sequential(nn.Linear(30, 48), nn.Tanh(), nn.Linear(48, 48), nn.Tanh(), nn.Linear(48, 2))
    optimizer = torch.optim.Adagrad(model.parameters(), lr=0.05)
    return {"model": model, "loader": batches(*tumours()), "loss_fn": F.cross_entropy, "optimizer": optimizer}


class Logbook:
    """Losses as numbers, a short window of detached logits, and counts of confusions."""

    def __init__(self):
        self.losses: list[float] = []
        self.recent: deque[Tensor] = deque(maxlen=4)
        self.confusions = torch.zeros(10, 10, dtype=torch.long)

    def train_step(self, model: nn.Module, batch: tuple[Tensor, Tensor], optimizer: torch.optim.Optimizer) -> float:
        images, labels = batch
        logits = model(images)
        loss = F.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        self.losses.append(loss.item())
        self.recent.append(logits.detach().clone())
        self.confusions.index_put_((labels, logits.argmax(1)), torch.ones_like(labels), accumulate=True)
        return loss.item()


@healthy(resembles="memory-growth", source="published")
def logbook_of_numbers_and_a_short_window() -> Arguments:
    """A logbook grows by a plain number a step and keeps the last four logits, detached: no graph outlives its step."""
    seed_everything()
    model = DepthwiseNet()
    return {
        "model": model,
        "loader": batches(*digit_images()),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "train_step": Logbook().train_step,
    }


@healthy(resembles="regularised-debug-run", source="scikit-learn")
def dropout_decay_and_smoothing_in_moderation() -> Arguments:
    """Dropout of a fifth, a decay of 0.02 and smoothed labels together still let the network fit its batch."""
    seed_everything()
    model = nn.Sequential(
        nn.Flatten(),
        nn.Linear(64, 128),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(128, 64),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(64, 10),
    )
    return {
        "model": model,
        "loader": batches(*digit_images()),
        "loss_fn": nn.CrossEntropyLoss(label_smoothing=0.05),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.02),
    }


class MixtureNet(nn.Module):
    """Says a mixture of three normal densities over the target (Bishop)."""

    def __init__(self, parts: int = 3):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, 48), nn.Tanh(), nn.Linear(48, 48), nn.Tanh())
        self.share, self.mean, self.log_spread = (nn.Linear(48, parts) for _ in range(3))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h = self.body(x)
        return self.share(h).log_softmax(-1), self.mean(h), self.log_spread(h).clamp(-4, 4)


def mixture_loss(outputs: tuple[Tensor, Tensor, Tensor], y: Tensor) -> Tensor:
    """The negative logarithm of the density, which falls below zero where the density is above one."""
    log_share, mean, log_spread = outputs
    z = (y - mean) * torch.exp(-log_spread)
    log_density = -0.5 * z.square() - log_spread - 0.5 * math.log(2 * math.pi)
    return -torch.logsumexp(log_share + log_density, -1).mean()


@healthy(resembles="overfit-one-batch", source="published")
def two_answers_for_every_question() -> Arguments:
    """Each target is one of two branches at random: the density is learnt, and its loss has no floor at zero."""
    seed_everything()
    x = torch.rand(800, 2) * 3.4 - 1.7
    branch = torch.where(torch.rand(800, 1) < 0.5, 1.0, -1.0)
    y = branch * (0.9 + 0.3 * torch.sin(2 * x[:, :1])) + 0.1 * torch.randn(800, 1)
    model = MixtureNet()
    return {
        "model": model,
        "loader": batches(x, y, size=64),
        "loss_fn": mixture_loss,
        "optimizer": torch.optim.Adam(model.parameters(), lr=5e-3),
        "task": "other",
    }
