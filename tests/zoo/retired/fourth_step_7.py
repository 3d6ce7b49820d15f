"""Attention by angles, an optimizer from a course, cosines as logits, a decaying rate, and binary weights."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fourth_step_parts import (
    step_conv_net,
    step_digits,
    step_loaders,
    step_seeded,
    step_table,
    step_topics,
)


class AngularAttention(nn.Module):
    """Words attend to each other by the angle between their vectors, as in the universal sentence encoder."""

    def __init__(self, limit: float, width: int = 32) -> None:
        super().__init__()
        self.limit = limit
        self.words = nn.Embedding(60, width)
        self.place = nn.Parameter(0.1 * torch.randn(20, width))
        self.mix = nn.Linear(width, width)
        self.head = nn.Linear(width, 4)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.words(ids) + self.place
        unit = F.normalize(x, dim=-1)
        cosines = (unit @ unit.transpose(1, 2)).clamp(-self.limit, self.limit)
        likeness = 1 - torch.acos(cosines) / math.pi
        weights = torch.softmax(6 * likeness, -1)
        return self.head(F.relu(self.mix(weights @ x)).mean(1))


@pair("nonfinite-gradient", group="backward", source="published")
def angle_between_a_word_and_itself(sick: bool) -> Arguments:
    """The angle is taken between each word and itself too, at a cosine of one, where the arc cosine has no slope."""
    step_seeded()
    model = AngularAttention(limit=1.0 if sick else 1 - 1e-4)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **step_loaders(*step_topics()))


class CourseDescent(torch.optim.Optimizer):
    """Gradient descent as an exercise asks for it."""

    def __init__(self, params: Any, lr: float) -> None:
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for p in group["params"]:
                p.sub_(p.grad, alpha=group["lr"])


class SubtractingDescent(torch.optim.Optimizer):
    """Gradient descent as an exercise asks for it, in one subtraction."""

    def __init__(self, params: Any, lr: float) -> None:
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for p in group["params"]:
                p.sub(p.grad, alpha=group["lr"])


@pair("updates-not-applied", group="training", source="scikit-learn")
def subtraction_that_is_not_in_place(sick: bool) -> Arguments:
    """The own optimizer subtracts out of place and drops the new weights, so the model keeps its old ones."""
    step_seeded()
    model = nn.Sequential(nn.Linear(13, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 3))
    optimizer = (SubtractingDescent if sick else CourseDescent)(model.parameters(), lr=0.1)
    loaders = step_loaders(*step_table("wine"), batch=16)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders)


class CosineClassifier(nn.Module):
    """Cosines between features and class vectors, as in face recognition, times a scale."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.PReLU(),
            nn.Conv2d(16, 32, 3, 2, 1),
            nn.PReLU(),
            nn.Flatten(),
            nn.Linear(512, 48),
        )
        self.classes = nn.Parameter(torch.randn(10, 48))

    def forward(self, images: Tensor) -> Tensor:
        return self.scale * F.linear(F.normalize(self.features(images)), F.normalize(self.classes))


@pair("overfit-one-batch", "output-range", group="training", source="published")
def cosines_without_a_scale(sick: bool) -> Arguments:
    """Cosines serve as logits without the scale of face recognition, and between -1 and 1 no class becomes certain."""
    step_seeded()
    model = CosineClassifier(1.0 if sick else 8.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **step_loaders(*step_digits()))


class DecayedStep:
    """A step of the optimizer, and one of the scheduler every so many calls."""

    def __init__(self, every: int) -> None:
        self.every = every
        self.calls = 0

    def __call__(
        self, model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer, scheduler: Any
    ) -> Tensor:
        model.train()
        optimizer.zero_grad()
        loss = F.cross_entropy(model(batch[0]), batch[1])
        loss.backward()
        optimizer.step()
        self.calls += 1
        if self.calls % self.every == 0:
            scheduler.step()
        return loss.detach()


@pair("lr-schedule", group="training", source="scikit-learn")
def factor_of_an_epoch_applied_to_every_batch(sick: bool) -> Arguments:
    """The factor of 0.9 meant for each of 30 epochs is applied after each batch: after three no rate is left."""
    step_seeded()
    model = step_conv_net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    loaders = step_loaders(*step_digits())
    epoch = len(loaders["loader"])
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        scheduler=torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.9),
        train_step=DecayedStep(1 if sick else epoch),
        total_steps=30 * epoch,
        **loaders,
    )


class Sign(torch.autograd.Function):
    """The sign, with the gradient of the clamp between -1 and 1 in its place."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.where(x >= 0, 1.0, -1.0)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return gradient * (x.abs() <= 1)


class BinaryLinear(nn.Linear):
    """A layer with weights of one size and either sign, as in BinaryConnect."""

    def forward(self, x: Tensor) -> Tensor:
        size = self.weight.detach().abs().mean(1, keepdim=True)
        return F.linear(x, Sign.apply(self.weight) * size, self.bias)


@healthy(resembles="gradient-check", source="published")
def signs_trained_straight_through() -> Arguments:
    """The backward of a sign is on purpose not its derivative but the straight-through estimate."""
    step_seeded()
    model = nn.Sequential(
        nn.Linear(64, 128),
        nn.ReLU(),
        BinaryLinear(128, 96),
        nn.ReLU(),
        BinaryLinear(96, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return dict(
        model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **step_loaders(*step_digits(flat=True))
    )
