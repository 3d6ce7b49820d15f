"""Five programs around profiles, residuals and rates that somebody reported, seventh part."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional as F
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.seventh_isle_parts import (
    isle_digits,
    isle_loaders,
    isle_perceptron,
    isle_seed,
    isle_step,
    isle_table,
)


def lens_profile(x: Tensor) -> Tensor:
    """Convergence of an NFW lens at the radii x, in units of its scale."""
    inside = (1 - 2 / (1 - x**2).sqrt() * torch.atanh(((1 - x) / (1 + x)).sqrt())) / (x**2 - 1)
    outside = (1 - 2 / (x**2 - 1).sqrt() * torch.atan(((x - 1) / (1 + x)).sqrt())) / (x**2 - 1)
    return torch.where(x < 1, inside, outside)


def lens_profile_by_parts(x: Tensor) -> Tensor:
    """The same, with each formula only where it holds."""
    a, b = torch.where(x < 1, x, 0.5), torch.where(x < 1, 2.0, x)
    inside = (1 - 2 / (1 - a**2).sqrt() * torch.atanh(((1 - a) / (1 + a)).sqrt())) / (a**2 - 1)
    outside = (1 - 2 / (b**2 - 1).sqrt() * torch.atan(((b - 1) / (1 + b)).sqrt())) / (b**2 - 1)
    return torch.where(x < 1, inside, outside)


class LensFitter(nn.Module):
    """Reads scale and strength of a lens from a noisy profile, and draws the profile that follows."""

    def __init__(self, profile: Any) -> None:
        super().__init__()
        self.profile = profile
        self.read = nn.Sequential(nn.Linear(16, 48), nn.ReLU(), nn.Linear(48, 2))
        self.register_buffer("radii", torch.linspace(0.25, 3.1, 16))

    def forward(self, noisy: Tensor) -> Tensor:
        """Profiles at the radii."""
        scale, strength = (0.5 * self.read(noisy)).exp().unbind(1)
        x = self.get_buffer("radii") / scale.unsqueeze(1)
        x = torch.where((x - 1).abs() < 0.01, 1.01, x)
        drawn: Tensor = strength.unsqueeze(1) * self.profile(x)
        return drawn


@pair("nonfinite-gradient", group="backward")
def lens_formula_chosen_after_both_were_computed(sick: bool) -> Arguments:
    """The formulas inside and outside the scale radius are both computed and chosen from by torch.where.

    The one that does not hold is not a number, which comes back through the gradient.
    (Ciela-Institute/caustics#83)
    """
    isle_seed()
    scale, strength = 0.6 + torch.rand(800, 1), 0.7 + torch.rand(800, 1)
    x = torch.linspace(0.25, 3.1, 16) / scale
    clean = strength * lens_profile_by_parts(torch.where((x - 1).abs() < 0.01, 1.01, x))
    noisy = clean + 0.05 * torch.randn_like(clean)
    model = LensFitter(lens_profile if sick else lens_profile_by_parts)
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        task="regression",
        **isle_loaders((noisy - noisy.mean(0)) / noisy.std(0), clean),
    )


class BlockByHand(Function):
    """Two residuals, one of tanh and one of a ReLU layer, with their backward written out."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, w1: Tensor, w2: Tensor) -> Tensor:
        """First residual, second residual."""
        mixed = torch.tanh(x @ w)
        first = x + mixed
        hidden = torch.relu(first @ w1)
        ctx.save_for_backward(x, w, w1, w2, mixed, first, hidden)
        return first + hidden @ w2

    @staticmethod
    def skip(grad: Tensor) -> Tensor:
        """What the second residual hands past its layer."""
        return grad

    @classmethod
    def through(cls, ctx: Any, grad: Tensor) -> tuple[Tensor, ...]:
        """Gradients of the input and the three matrices."""
        x, w, w1, w2, mixed, first, hidden = ctx.saved_tensors
        g_hidden = (grad @ w2.t()) * (hidden > 0)
        g_first = g_hidden @ w1.t() + cls.skip(grad)
        g_mixed = g_first * (1 - mixed**2)
        return g_first + g_mixed @ w.t(), x.t() @ g_mixed, first.t() @ g_hidden, hidden.t() @ grad

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, ...]:
        """Backward with both skips."""
        return BlockByHand.through(ctx, grad)


class BlockByHandOfOneSkip(BlockByHand):
    """The same block with another backward."""

    @staticmethod
    def skip(grad: Tensor) -> Tensor:
        """What the second residual hands past its layer."""
        return torch.zeros_like(grad)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, ...]:
        """Backward of the block."""
        return BlockByHandOfOneSkip.through(ctx, grad)


class StackByHand(nn.Module):
    """Eight blocks between an embedding and a normalised head."""

    def __init__(self, block: type[BlockByHand], width: int = 32) -> None:
        super().__init__()
        self.block = block
        self.embed = nn.Linear(64, width)
        self.weights = nn.ParameterList([0.4 * width**-0.5 * torch.randn(3, width, width) for _ in range(8)])
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the classes."""
        x = self.embed(x.flatten(1))
        for weights in self.weights:
            x = self.block.apply(x, *weights)  # type: ignore[no-untyped-call]
        logits: Tensor = self.head(self.norm(x))
        return logits


@pair("gradient-check", "vanishing-gradients", group="backward", source="scikit-learn")
def backward_that_forgets_the_second_skip(sick: bool) -> Arguments:
    """The hand-written backward of a block leaves the second skip out, so that the gradients die out block by block.

    (paiml/entrenar#313)
    """
    isle_seed()
    model = StackByHand(BlockByHandOfOneSkip if sick else BlockByHand)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **isle_loaders(*isle_digits()))


def stepped_with_its_schedule(
    model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer, scheduler: LRScheduler
) -> Tensor:
    """A step of squared error and one of the schedule."""
    optimizer.zero_grad()
    loss = F.mse_loss(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    scheduler.step()
    return loss.detach()


@pair("learning-rate", "lr-schedule", group="training", source="scikit-learn")
def decay_with_the_sign_of_its_power_turned(sick: bool) -> Arguments:
    """The exponent of the decay has a minus too many, and the rate grows tenfold every few epochs.

    (SYSU-SAIL/PAM#4)
    """
    isle_seed()
    fine = isle_digits()[0]
    coarse = F.interpolate(F.avg_pool2d(fine, 2), scale_factor=2, mode="nearest")
    model = nn.Sequential(
        nn.Conv2d(1, 24, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(24, 24, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(24, 1, 3, padding=1),
    )
    data = isle_loaders(coarse, fine)
    batches, epochs, gamma, every = len(data["loader"]), 14, 0.1, 5
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    sign = -1 if sick else 1
    scheduler = LambdaLR(optimizer, lambda step: gamma ** (sign * (step // batches // every)))
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=optimizer,
        scheduler=scheduler,
        total_steps=epochs * batches,
        train_step=stepped_with_its_schedule,
        task="regression",
        **data,
    )


@pair("output-range", group="wiring", source="scikit-learn")
def stack_that_ends_in_a_relu(sick: bool) -> Arguments:
    """The stack of linear and ReLU layers ends in a ReLU, and its outputs go into cross-entropy as logits.

    (pytorch/tutorials#1644)
    """
    isle_seed()
    model = isle_perceptron(64, 96, 10)
    if sick:
        model.append(nn.ReLU())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **isle_loaders(*isle_digits()))


def table_step_with_schedule(
    model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer, scheduler: LRScheduler
) -> Tensor:
    """A usual step and one of the schedule."""
    loss = isle_step(model, batch, optimizer)
    scheduler.step()
    return loss


@healthy(resembles="lr-schedule", source="scikit-learn")
def warmup_and_decay_counted_in_steps() -> Arguments:
    """The schedule is stepped in every batch, because its warm-up and decay are given in steps.

    (crowsonkb/k-diffusion#50)
    """
    isle_seed()
    model = isle_perceptron(30, 32, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    scheduler = LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / 30) * 0.998**step)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        scheduler=scheduler,
        total_steps=500,
        train_step=table_step_with_schedule,
        **isle_loaders(*isle_table("cancer"), batch=16),
    )
