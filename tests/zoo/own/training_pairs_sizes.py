"""Pairs on the size of updates: rates, groups, losses and gradients that make steps far too small or too large."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from tests.zoo.own import models_varied_training as own
from tests.zoo.program import Arguments, pair

Optimizer = torch.optim.Optimizer


def _arguments(model: nn.Module, loader: Any, optimizer: Optimizer, **more: Any) -> Arguments:
    return {"model": model, "loader": loader, "loss_fn": F.cross_entropy, "optimizer": optimizer, **more}


def _perceptron() -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), *own.layers(64, 64, 10))


@pair("update-ratio", "learning-rate", group="training", source="published")
def encoder_under_plain_descent_at_a_millionth(sick: bool) -> Arguments:
    """A transformer is trained by SGD with momentum at a rate of 1e-6."""
    own.seed()
    model = own.PassageEncoder(False)
    ids, _, topics = own.passages()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6 if sick else 0.05, momentum=0.9)
    return _arguments(model, own.batches(ids, topics), optimizer)


@pair("update-ratio", "learning-rate", group="training", source="published")
def body_in_a_group_of_its_own_rate(sick: bool) -> Arguments:
    """The rate of the group of the body is given in other units than that of the head: 3e-10."""
    own.seed()
    model = own.resnet()
    *body, head = model.children()
    groups = [
        {"params": [p for part in body for p in part.parameters()], "lr": 3e-10 if sick else 3e-3},
        {"params": list(head.parameters()), "lr": 3e-3},
    ]
    return _arguments(model, own.batches(*own.digits()), torch.optim.Adam(groups))


@pair("update-ratio", "learning-rate", group="training")
def lstm_under_plain_descent_at_a_ten_millionth(sick: bool) -> Arguments:
    """A recurrent classifier is trained by SGD with momentum at a rate of 1e-7."""
    own.seed()
    model = own.Recurrent(nn.LSTM, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-7 if sick else 0.5, momentum=0.9)
    return _arguments(model, own.batches(*own.waves()), optimizer)


class _Signs(torch.optim.Optimizer):
    """Moves every weight by the rate along the sign of its averaged gradient."""

    def __init__(self, parameters: Any, lr: float) -> None:
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    average = self.state[parameter].setdefault("average", torch.zeros_like(parameter))
                    average.lerp_(parameter.grad, 0.1)
                    parameter.sub_(group["lr"] * average.sign())


@pair("update-ratio", "learning-rate", group="training", source="scikit-learn")
def signs_at_the_rate_of_plain_descent(sick: bool) -> Arguments:
    """An optimizer that steps by signs gets a rate of 0.2, as if the gradient's size counted."""
    own.seed()
    model = own.layers(13, 32, 3)
    return _arguments(model, own.batches(*own.wine(), size=16), _Signs(model.parameters(), 0.2 if sick else 2e-3))


@pair("update-ratio", "learning-rate", group="training")
def gradient_unscaled_twice(sick: bool) -> Arguments:
    """A step that scales its loss by 1024 divides the gradient by 1024 twice."""
    own.seed()
    model = _perceptron()

    def step(model: nn.Module, batch: Any, optimizer: Optimizer) -> Any:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(batch[0]), batch[1])
        (1024 * loss).backward()
        for parameter in model.parameters():
            parameter.grad /= 1024 ** (2 if sick else 1)
        optimizer.step()
        return loss.detach()

    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return _arguments(model, own.batches(*own.digits()), optimizer, train_step=step)


@pair("update-ratio", "learning-rate", group="training")
def rate_of_one_for_weights_and_biases(sick: bool) -> Arguments:
    """AdamW with two groups, with and without decay, at the rate of 1 that stood for a factor of a schedule."""
    own.seed()
    model = _perceptron()
    groups = [
        {"params": [p for p in model.parameters() if p.dim() > 1], "weight_decay": 0.01},
        {"params": [p for p in model.parameters() if p.dim() < 2], "weight_decay": 0.0},
    ]
    return _arguments(model, own.batches(*own.digits()), torch.optim.AdamW(groups, lr=1.0 if sick else 1e-3))


@pair("update-ratio", "learning-rate", group="training", source="published")
def loss_over_pixels_and_samples(sick: bool) -> Arguments:
    """A loss that is a mean already is divided by the pixels and by a thousand samples."""
    own.seed()
    model, times = own.resnet(), 64_000 if sick else 1

    def loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(logits, targets) / times

    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    return {**_arguments(model, own.batches(*own.digits()), optimizer), "loss_fn": loss}
