"""Healthy programs that look as if they began badly, or as if their gradients were wrong."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.zoo.program import Arguments, healthy
from tests.zoo.retired.models_of_learning_data import batches, digit_images, letter_windows, seed_everything
from tests.zoo.retired.models_of_learning_nets import DepthwiseNet, marked_words


class ThreeQuestions(nn.Module):
    """Which digit, which column of the keypad, and which row: three heads on one body."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 48), nn.ReLU())
        self.heads = nn.ModuleList([nn.Linear(48, 10), nn.Linear(48, 3), nn.Linear(48, 4)])

    def forward(self, image: Tensor) -> list[Tensor]:
        h = self.body(image)
        return [head(h) for head in self.heads]


def three_losses(logits: list[Tensor], labels: Tensor) -> Tensor:
    return sum(F.cross_entropy(each, labels[:, i]) for i, each in enumerate(logits))


@healthy(resembles="loss-at-init", source="scikit-learn")
def three_questions_about_one_digit() -> Arguments:
    """The first loss is 4.8 and not log 10, because it is the sum of three entropies: of 10, 3 and 4 answers."""
    seed_everything()
    images, digit = digit_images()
    labels = torch.stack([digit, digit % 3, digit // 3], 1)
    model = ThreeQuestions()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return {"model": model, "loader": batches(images, labels), "loss_fn": three_losses, "optimizer": optimizer}


@healthy(resembles="final-bias", source="own")
def visits_counted_under_a_logarithm() -> Arguments:
    """Counts lie near 40 and the output near 3.7, which is right: it is the logarithm of the rate."""
    seed_everything()
    x = torch.randn(640, 6)
    rate = torch.exp(3.6 + 0.3 * x[:, :1] - 0.2 * x[:, 1:2] * x[:, 2:3])
    visits = torch.poisson(rate)
    model = nn.Sequential(nn.Linear(6, 48), nn.SiLU(), nn.Linear(48, 48), nn.SiLU(), nn.Linear(48, 1))
    nn.init.constant_(model[-1].bias, math.log(visits.mean().item()))
    return {
        "model": model,
        "loader": batches(x, visits),
        "loss_fn": nn.PoissonNLLLoss(log_input=True, full=True),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


class ReZeroLayer(nn.Module):
    """A residual layer whose branch is weighted by a number that starts at zero."""

    def __init__(self, width: int):
        super().__init__()
        self.branch = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))
        self.share = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.share * self.branch(x)


@healthy(resembles="symmetric-init", source="published")
def twelve_layers_that_start_as_nothing() -> Arguments:
    """Every residual branch is multiplied by zero at first (ReZero): no gradient for twelve layers until step two."""
    seed_everything()
    layers = [ReZeroLayer(48) for _ in range(12)]
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 48), *layers, nn.Linear(48, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return {"model": model, "loader": batches(*digit_images()), "loss_fn": F.cross_entropy, "optimizer": optimizer}


class BothSigns(nn.Module):
    """Concatenated ReLU: what is above zero beside what is below."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([F.relu(x), F.relu(-x)], 1)


@healthy(resembles="dead-units", source="published")
def units_beside_their_opposites() -> Arguments:
    """Half of all activations are zero on every sample, by design: a unit and its opposite never fire at once."""
    seed_everything()
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1),
        BothSigns(),
        nn.MaxPool2d(2),
        nn.Conv2d(24, 16, 3, padding=1),
        BothSigns(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(128, 10),
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
    return {"model": model, "loader": batches(*digit_images()), "loss_fn": F.cross_entropy, "optimizer": optimizer}


class LongMemory(nn.Module):
    """An LSTM whose forget gates start nearly open (Jozefowicz and others)."""

    def __init__(self, hidden: int = 48):
        super().__init__()
        self.words = nn.Embedding(64, 32)
        self.lstm = nn.LSTM(32, hidden, batch_first=True)
        with torch.no_grad():
            self.lstm.bias_ih_l0[hidden : 2 * hidden] = 3.0
        self.head = nn.Linear(hidden, 4)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.lstm(self.words(ids))[1][0][-1])


@healthy(resembles="saturated-units", source="published")
def gates_that_forget_nothing_at_first() -> Arguments:
    """The forget gates sit near 0.95 at the start, on purpose, so that a mark seen early is there at the end."""
    seed_everything()
    model = LongMemory()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    return {"model": model, "loader": batches(*marked_words()), "loss_fn": F.cross_entropy, "optimizer": optimizer}


class PlainAttention(nn.Module):
    """One causal block written by hand, with −inf above the diagonal."""

    def __init__(self, width: int = 48, length: int = 23):
        super().__init__()
        self.letters, self.places = nn.Embedding(28, width), nn.Embedding(length, width)
        self.queries, self.keys, self.values = (nn.Linear(width, width, bias=False) for _ in range(3))
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.out = nn.Linear(width, 28)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.letters(ids) + self.places(torch.arange(ids.shape[1]))
        h = self.norms[0](x)
        future = torch.full((ids.shape[1], ids.shape[1]), float("-inf")).triu(1)
        scores = self.queries(h) @ self.keys(h).transpose(1, 2) / math.sqrt(h.shape[-1]) + future
        x = x + scores.softmax(-1) @ self.values(h)
        return self.out(x + self.feed(self.norms[1](x))).transpose(1, 2)


@healthy(resembles="nonfinite-forward", source="published")
def minus_infinity_added_above_the_diagonal() -> Arguments:
    """Half of all scores are −inf before softmax, which gives them a weight of exactly zero; every row keeps one."""
    seed_everything()
    windows = letter_windows(24, 640)
    model = PlainAttention()
    return {
        "model": model,
        "loader": batches(windows[:, :-1].contiguous(), windows[:, 1:].contiguous()),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=3e-3),
        "causal": True,
    }


class SoftplusByHand(torch.autograd.Function):
    """Softplus of sharpness four, with the derivative written down."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return F.softplus(4 * x) / 4

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return grad_output * torch.sigmoid(4 * x)


class SharpSoftplus(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return SoftplusByHand.apply(x)


@healthy(resembles="gradient-check", source="scikit-learn")
def softplus_with_its_derivative_by_hand() -> Arguments:
    """The derivative of the activation is written by hand, and it is the right one."""
    seed_everything()
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 64), SharpSoftplus(), nn.Linear(64, 48), SharpSoftplus(), nn.Linear(48, 10)
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return {"model": model, "loader": batches(*digit_images()), "loss_fn": F.cross_entropy, "optimizer": optimizer}


def mixing_step(model: nn.Module, batch: tuple[Tensor, Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """Mixup with NumPy's global generator, which the first cell seeded."""
    x, y = batch
    share = float(np.random.beta(0.3, 0.3))
    order = torch.from_numpy(np.random.permutation(len(x)))
    logits = model(share * x + (1 - share) * x[order])
    loss = share * F.cross_entropy(logits, y) + (1 - share) * F.cross_entropy(logits, y[order])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()


@healthy(resembles="nondeterminism", source="published")
def mixup_by_the_seeded_generator_of_numpy() -> Arguments:
    """Mixup draws from NumPy's global generator: the same seed gives the same shares, partners and loss."""
    seed_everything()
    model = DepthwiseNet()
    return {
        "model": model,
        "loader": batches(*digit_images()),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "train_step": mixing_step,
    }
