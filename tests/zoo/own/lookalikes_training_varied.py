"""Healthy programs, varied, that a careless check of training would take for broken."""

from __future__ import annotations

import copy
from collections import deque
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.own import models_varied_training as own
from tests.zoo.program import Arguments, healthy

Optimizer = torch.optim.Optimizer


def _arguments(model: nn.Module, loader: Any, optimizer: Optimizer, **more: Any) -> Arguments:
    return {"model": model, "loader": loader, "loss_fn": F.cross_entropy, "optimizer": optimizer, **more}


def _mixed_step(model: nn.Module, batch: Any, optimizer: Optimizer) -> Tensor:
    images, targets = batch
    share = torch.distributions.Beta(0.4, 0.4).sample()
    other = torch.randperm(len(images))
    optimizer.zero_grad()
    logits = model(share * images + (1 - share) * images[other])
    loss = share * F.cross_entropy(logits, targets) + (1 - share) * F.cross_entropy(logits, targets[other])
    loss.backward()
    optimizer.step()
    return loss.detach()


@healthy(resembles="overfit-one-batch", source="published")
def images_and_losses_mixed_anew_in_every_step() -> Arguments:
    """Mixup in the user's own step: its loss has a floor well above zero, and the network learns."""
    own.seed()
    model, loader = own.resnet(), own.batches(*own.digits(800))
    return _arguments(model, loader, torch.optim.Adam(model.parameters(), lr=3e-3), train_step=_mixed_step)


class _Window:
    """A training step that keeps the losses of the last eight steps, graphs and all."""

    def __init__(self) -> None:
        self.losses: deque[Tensor] = deque(maxlen=8)

    def step(self, model: nn.Module, batch: Any, optimizer: Optimizer) -> float:
        optimizer.zero_grad()
        loss = F.mse_loss(model(batch[0]), batch[1])
        loss.backward()
        optimizer.step()
        self.losses.append(loss)
        return sum(kept.item() for kept in self.losses) / len(self.losses)


@healthy(resembles="memory-growth", source="scikit-learn")
def window_of_the_last_eight_losses() -> Arguments:
    """The step keeps eight losses with their graphs and no more: wasteful, but it stops growing."""
    own.seed()
    model, loader = own.layers(10, 24, 12, 1, between=nn.SiLU), own.batches(*own.diabetes(), size=34)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return _arguments(model, loader, optimizer, train_step=_Window().step) | {"loss_fn": nn.MSELoss()}


class _Reader(nn.Module):
    """A letter model that goes on from the state in which the piece before ended, cut off from its graph."""

    def __init__(self) -> None:
        super().__init__()
        self.letters, self.rnn = nn.Embedding(96, 24), nn.GRU(24, 48, batch_first=True)
        self.head, self.state = nn.Linear(48, 96), None

    def forward(self, ids: Tensor) -> Tensor:
        start = self.state if self.state is not None and self.state.shape[1] == len(ids) else None
        outputs, state = self.rnn(self.letters(ids), start if self.training else None)
        if self.training:
            self.state = state.detach()
        return self.head(outputs).transpose(1, 2)


@healthy(resembles="memory-growth")
def state_carried_over_and_cut_off() -> Arguments:
    """A state goes from step to step through the model, detached each time: nothing grows."""
    own.seed()
    ids, model = own.letters(33), _Reader()
    loader = own.batches(ids[:, :-1], ids[:, 1:], size=16)
    return _arguments(model, loader, torch.optim.Adam(model.parameters(), lr=5e-3), train_step=own.plain_step)


def _scheduled_step(model: nn.Module, batch: Any, optimizer: Optimizer, scheduler: Any) -> Tensor:
    loss = own.plain_step(model, batch, optimizer)
    scheduler.step()
    return loss


@healthy(resembles="lr-schedule", source="scikit-learn")
def cosine_that_starts_again_four_times() -> Arguments:
    """Warm restarts bring the rate to nothing several times in a run, and back to its peak each time."""
    own.seed()
    model, loader = own.layers(13, 32, 3, between=nn.GELU), own.batches(*own.wine(), size=16)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 5 * len(loader))
    total = 20 * len(loader)
    return _arguments(model, loader, optimizer, scheduler=scheduler, train_step=_scheduled_step, total_steps=total)


@healthy(resembles="lr-schedule")
def rate_by_the_root_of_the_step() -> Arguments:
    """A factor of thousandths times a base rate of one: the schedule of the first transformer, warm after 40 steps."""
    own.seed()
    ids, _, topics = own.passages()
    model, loader = own.PassageEncoder(masks_words=False), own.batches(ids, topics)
    optimizer = torch.optim.Adam(model.parameters(), lr=1.0, betas=(0.9, 0.98), eps=1e-9)
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: 0.1 * 32**-0.5 * min((step + 1) ** -0.5, (step + 1) * 40**-1.5)
    )
    more = {"scheduler": scheduler, "train_step": _scheduled_step, "total_steps": 300, "padding_value": 0}
    return _arguments(model, loader, optimizer, **more)


class _Averaged:
    """A model, a moving average of its weights, and an evaluation that borrows the average."""

    def __init__(self, model: nn.Module) -> None:
        self.average = copy.deepcopy(model).requires_grad_(False)

    def train_step(self, model: nn.Module, batch: Any, optimizer: Optimizer) -> Tensor:
        loss = own.plain_step(model, batch, optimizer)
        for slow, fast in zip(self.average.parameters(), model.parameters(), strict=True):
            slow.lerp_(fast.detach(), 0.05)
        return loss

    @torch.no_grad()
    def eval_step(self, model: nn.Module, batch: Any) -> float:
        kept = copy.deepcopy(model.state_dict())
        try:
            model.load_state_dict(self.average.state_dict())
            return F.cross_entropy(model(batch[0]), batch[1]).item()
        finally:
            model.load_state_dict(kept)


@healthy(resembles="evaluation-changes-model", source="published")
def average_borrowed_for_evaluation() -> Arguments:
    """The evaluation loads averaged weights into the model and puts its own back, whatever happens."""
    own.seed()
    model, loader = own.resnet(8, 1), own.batches(*own.digits(640), size=40)
    averaged = _Averaged(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return _arguments(model, loader, optimizer, train_step=averaged.train_step, eval_step=averaged.eval_step)


def _sharpness_aware_step(model: nn.Module, batch: Any, optimizer: Optimizer) -> Tensor:
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    gradients = [weight.grad.clone() for weight in model.parameters()]
    length = torch.stack([gradient.norm() for gradient in gradients]).norm()
    moves = [0.05 * gradient / (length + 1e-12) for gradient in gradients]
    with torch.no_grad():
        for weight, move in zip(model.parameters(), moves, strict=True):
            weight.add_(move)
    optimizer.zero_grad()
    F.cross_entropy(model(batch[0]), batch[1]).backward()
    with torch.no_grad():
        for weight, move in zip(model.parameters(), moves, strict=True):
            weight.sub_(move)
    optimizer.step()
    return loss.detach()


@healthy(resembles="missing-zero-grad", source="scikit-learn")
def two_backward_passes_for_a_flat_minimum() -> Arguments:
    """Sharpness-aware steps climb first and go back through the network twice, with a clearing before each."""
    own.seed()
    model, loader = own.lenet(), own.batches(*own.digits(640))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return _arguments(model, loader, optimizer, train_step=_sharpness_aware_step)


def _clipped_step(model: nn.Module, batch: Any, optimizer: Optimizer) -> Tensor:
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 0.05)
    optimizer.step()
    return loss.detach()


@healthy(resembles="clipping-always-on", source="scikit-learn")
def clipping_that_adam_does_not_feel() -> Arguments:
    """The norm is cut in every step, but Adam divides by it again: the network learns as without."""
    own.seed()
    model, loader = own.layers(30, 32, 2), own.batches(*own.cancer(), size=38)
    return _arguments(model, loader, torch.optim.Adam(model.parameters(), lr=2e-3), train_step=_clipped_step)


@healthy(resembles="learning-rate", source="scikit-learn")
def rate_of_one_half_for_a_linear_model() -> Arguments:
    """Softmax regression on pixels in [0, 1] has small gradients: a rate of one half suits it, huge as it looks."""
    own.seed()
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    loader = own.batches(*own.digits(1200), size=64)
    return _arguments(model, loader, torch.optim.SGD(model.parameters(), lr=0.5))


@healthy(resembles="shuffled-labels", source="scikit-learn")
def every_fifth_label_is_wrong() -> Arguments:
    """One label in five was drawn by chance, as crowds do: the others teach the digits well enough."""
    own.seed()
    images, targets = own.digits(960)
    wrong = torch.rand(len(targets)) < 0.2
    targets = torch.where(wrong, torch.randint(0, 10, targets.shape), targets)
    model, loader = own.lenet(), own.batches(images, targets, size=48)
    return _arguments(model, loader, torch.optim.Adam(model.parameters(), lr=4e-3))
