"""Six programs around layers, losses and loops that somebody reported, first part."""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional as F

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.seventh_isle_parts import (
    IsleConvNet,
    isle_accuracy,
    isle_digits,
    isle_loaders,
    isle_perceptron,
    isle_seed,
    isle_step,
)


@pair("init-scale", "vanishing-gradients", group="init", source="scikit-learn")
def relu_stack_filled_from_a_narrow_normal(sick: bool) -> Arguments:
    """All weights of a stack of ReLU layers are drawn with a spread of 0.01 instead of one that keeps the scale.

    (leonardoaraujosantos/DLMatFramework#16)
    """
    isle_seed()
    sizes = (64, 96, 96, 96, 96)
    layers: list[nn.Module] = [nn.Flatten()]
    for before, after in itertools.pairwise(sizes):
        layers += [nn.Linear(before, after), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(96, 10))
    for layer in model:
        if isinstance(layer, nn.Linear):
            if sick:
                nn.init.normal_(layer.weight, std=0.01)
            elif layer is not model[-1]:
                nn.init.kaiming_normal_(layer.weight)
            nn.init.zeros_(layer.bias)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **isle_loaders(*isle_digits()))


class OnsetNet(nn.Module):
    """Two convolutions over the frames of a clip; one score of an onset a frame."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(6, 32, 5, padding=2)
        self.second = nn.Conv1d(32, 1, 5, padding=2)

    def forward(self, x: Tensor) -> Tensor:
        """Scores, as (clips, frames)."""
        scores: Tensor = self.second(F.relu(self.first(x))).squeeze(1)
        return scores


class LossAroundOnsets(nn.Module):
    """Cross-entropy of the frames around onsets, averaged within each clip."""

    def __init__(self, floor: float) -> None:
        super().__init__()
        self.floor = floor

    def forward(self, scores: Tensor, onsets: Tensor) -> Tensor:
        """Weigh the frames by their distance to an onset, and average over clips."""
        weight = F.max_pool1d(onsets.unsqueeze(1), 7, stride=1, padding=3).squeeze(1)
        loss = F.binary_cross_entropy_with_logits(scores, onsets, reduction="none")
        return ((loss * weight).sum(1) / (weight.sum(1) + self.floor)).mean()


def clips_of_notes() -> tuple[Tensor, Tensor]:
    """Clips of 24 frames with up to three notes, whose starts are the onsets."""
    count, frames = 600, 24
    notes = torch.randint(0, 4, (count,))
    onsets = torch.zeros(count, frames)
    x = 0.5 * torch.randn(count, 6, frames)
    for clip, number in enumerate(notes.tolist()):
        for start in (torch.randperm(6)[:number] * 4).tolist():
            onsets[clip, start] = 1
            x[clip, :, start : start + 3] += torch.tensor([2.0, 1.2, 0.6])
    return x, onsets


@pair("nonfinite-forward", group="backward")
def clips_without_any_onset(sick: bool) -> Arguments:
    """The weighted loss of a clip is divided by the sum of its weights, which is zero where no onset occurs.

    (york135/CTC_CE_for_AST#3)
    """
    isle_seed()
    model = OnsetNet()
    return dict(
        model=model,
        loss_fn=LossAroundOnsets(0.0 if sick else 1e-6),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **isle_loaders(*clips_of_notes()),
    )


class RootUnit(Function):
    """Inverse square root linear unit, x / sqrt(1 + x²) for negative x."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Keep the factor for the backward."""
        negative = x.clamp(max=0)
        factor = torch.rsqrt(1 + negative**2)
        ctx.factor = factor
        return x * factor

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        """Scale what arrives by the cube of the factor."""
        result: Tensor = grad * ctx.factor**3
        return result


class RootUnitAlone(RootUnit):
    """The same unit, with the cube of the factor as its gradient."""

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        """Cube of the factor."""
        result: Tensor = ctx.factor**3
        return result


class RootNet(nn.Module):
    """Three linear layers with the unit between them."""

    def __init__(self, unit: type[RootUnit]) -> None:
        super().__init__()
        self.unit = unit
        self.first, self.second, self.third = nn.Linear(64, 96), nn.Linear(96, 96), nn.Linear(96, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the classes."""
        x = self.unit.apply(self.first(x.flatten(1)))  # type: ignore[no-untyped-call]
        logits: Tensor = self.third(self.unit.apply(self.second(x)))  # type: ignore[no-untyped-call]
        return logits


@pair("gradient-check", group="backward", source="scikit-learn")
def activation_whose_backward_ignores_what_arrives(sick: bool) -> Arguments:
    """The backward of a hand-written activation returns its own slope and leaves out the incoming gradient.

    (pytorch/pytorch#4355)
    """
    isle_seed()
    model = RootNet(RootUnitAlone if sick else RootUnit)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **isle_loaders(*isle_digits()))


def step_up_to_the_gradients(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """Loss and gradients of one batch."""
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    return loss.detach()


@pair("updates-not-applied", group="training", source="scikit-learn")
def trainer_that_stops_at_the_gradients(sick: bool) -> Arguments:
    """The trainer computes loss and gradients and never lets the optimizer step. (microsoft/nni#3339)."""
    isle_seed()
    model = IsleConvNet()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9),
        train_step=step_up_to_the_gradients if sick else isle_step,
        eval_step=isle_accuracy,
        **isle_loaders(*isle_digits()),
    )


class FoldedWithMean(nn.Module):
    """A classifier and the moving average of its weights."""

    def __init__(self, net: nn.Module, mean: nn.Module) -> None:
        super().__init__()
        self.net, self.mean = net, mean.requires_grad_(False)
        self.mean.load_state_dict(self.net.state_dict())

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the classes."""
        logits: Tensor = self.net(x)
        return logits

    @torch.no_grad()
    def follow(self) -> None:
        """Move the average a little towards the weights."""
        for mean, own in zip(self.mean.parameters(), self.net.parameters(), strict=True):
            mean.lerp_(own, 0.02)


def followed_step(model: FoldedWithMean, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A usual step, after which the average follows."""
    loss = isle_step(model, batch, optimizer)
    model.follow()
    return loss


def accuracy_with_a_cached_reference(model: FoldedWithMean, batch: list[Tensor]) -> float:
    """Accuracy of the average; the weights are cached before and loaded again after."""
    cached = model.net.state_dict()
    model.net.load_state_dict(model.mean.state_dict())
    accuracy = isle_accuracy(model, batch)
    model.net.load_state_dict(cached)
    return accuracy


def accuracy_with_a_cached_copy(model: FoldedWithMean, batch: list[Tensor]) -> float:
    """Accuracy of the average; the weights are cached before and loaded again after."""
    cached = {name: value.clone() for name, value in model.net.state_dict().items()}
    model.net.load_state_dict(model.mean.state_dict())
    accuracy = isle_accuracy(model, batch)
    model.net.load_state_dict(cached)
    return accuracy


@pair("evaluation-changes-model", group="training", source="scikit-learn")
def weights_cached_by_reference_during_validation(sick: bool) -> Arguments:
    """The weights cached before the average is loaded are references that the loading overwrites.

    (aqlaboratory/openfold#90)
    """
    isle_seed()
    model = FoldedWithMean(isle_perceptron(64, 64, 10), isle_perceptron(64, 64, 10))
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.net.parameters(), lr=2e-3),
        train_step=followed_step,
        eval_step=accuracy_with_a_cached_reference if sick else accuracy_with_a_cached_copy,
        **isle_loaders(*isle_digits()),
    )


@healthy(resembles="learning-rate", source="scikit-learn")
def adadelta_at_its_own_rate_of_one() -> Arguments:
    """Adadelta at the rate 1.0 looks a thousand times too fast, and is its default. (Canjie-Luo/MORAN_v2#46)."""
    isle_seed()
    model = IsleConvNet()
    optimizer = torch.optim.Adadelta(model.parameters(), lr=1.0)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        train_step=isle_step,
        eval_step=isle_accuracy,
        **isle_loaders(*isle_digits()),
    )
