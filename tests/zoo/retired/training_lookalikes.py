"""Healthy programs whose training steps look odd, written after the checks by people who had not seen them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader
from transformers import get_cosine_schedule_with_warmup

from tests.zoo.program import Arguments, healthy
from tests.zoo.retired.models_training import (
    ActorCritic,
    Generator,
    LeNet,
    MeanTeacher,
    MobileNet,
    Perceptron,
    llama,
)
from tests.zoo.retired.models_training_data import (
    digits,
    scaled_digits,
    seed_all,
    sentences,
    shuffled,
    shuffled_fields,
)


@healthy(resembles="overfit-one-batch", source="published")
def mobilenet_with_smoothed_labels() -> Arguments:
    """Labels smoothed by 0.2 leave a loss that no network can go below, and this one goes down to it."""
    seed_all()
    model = MobileNet()
    return {
        "model": model,
        "loader": shuffled(*scaled_digits()),
        "loss_fn": nn.CrossEntropyLoss(label_smoothing=0.2),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
    }


def make_accumulating_step(parts: int) -> Callable[..., Tensor]:
    """Return a training step that updates, and clears, after every `parts` batches."""
    seen = 0

    def train_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        nonlocal seen
        loss = F.cross_entropy(model(batch[0]), batch[1])
        (loss / parts).backward()
        seen += 1
        if seen % parts == 0:
            optimizer.step()
            optimizer.zero_grad()
        return loss.detach()

    return train_step


@healthy(resembles="missing-zero-grad", source="published")
def four_small_batches_for_one_update() -> Arguments:
    """Gradients of four batches of eight pile up on purpose, and the fourth updates and clears."""
    seed_all()
    model = LeNet()
    return {
        "model": model,
        "loader": shuffled(*scaled_digits(), batch=8),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=5e-3),
        "train_step": make_accumulating_step(4),
    }


def _scaled_step(
    model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler
) -> Tensor:
    optimizer.zero_grad()
    with torch.autocast("cpu", dtype=torch.float16):
        loss = F.cross_entropy(model(batch[0]).float(), batch[1])
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
    return loss.detach()


@healthy(resembles="updates-not-applied", source="scikit-learn")
def scaler_that_skips_its_first_steps() -> Arguments:
    """The scale of half precision starts too high: some steps overflow and are skipped until it has come down."""
    seed_all()
    model = Perceptron(64, 10)
    return {
        "model": model,
        "loader": shuffled(*digits()),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "scaler": torch.amp.GradScaler("cpu", init_scale=2.0**24),
        "train_step": _scaled_step,
    }


def _fit(model: nn.Module, loader: DataLoader, epochs: int, rate: float = 3e-3) -> None:
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    for _ in range(epochs):
        for images, labels in loader:
            optimizer.zero_grad()
            F.cross_entropy(model(images), labels).backward()
            optimizer.step()
    model.zero_grad()


@healthy(resembles="optimizer-mismatch", source="published")
def new_head_on_a_frozen_lenet() -> Arguments:
    """A LeNet that knows the digits 0 to 4 is frozen; a new head learns 5 to 9, and the optimizer holds it alone."""
    seed_all()
    model = LeNet(classes=5, width=16)
    _fit(model, shuffled(*digits(only=(0, 1, 2, 3, 4))), epochs=3)
    model.requires_grad_(False)
    model.classifier = nn.Linear(64, 5)
    return {
        "model": model,
        "loader": shuffled(*digits(only=(5, 6, 7, 8, 9))),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.classifier.parameters(), lr=1e-2),
    }


class Adversaries:
    """A classifier of digits with one more class for forgeries (Salimans 2016), and the forger."""

    def __init__(self) -> None:
        self.critic, self.forger = LeNet(classes=11, width=16), Generator()
        self.critic_optimizer = torch.optim.Adam(self.critic.parameters(), lr=4e-3, betas=(0.5, 0.999))
        self.forger_optimizer = torch.optim.Adam(self.forger.parameters(), lr=5e-4, betas=(0.5, 0.999))

    def train_step(self, batch: list[Tensor]) -> dict[str, Tensor]:
        """One update of the critic, then one of the forger."""
        images, labels = batch
        forged = self.forger(torch.randn(len(images), self.forger.latent))
        wrong = torch.full_like(labels, 10)
        self.critic_optimizer.zero_grad()
        told = F.cross_entropy(self.critic(images), labels) + F.cross_entropy(self.critic(forged.detach()), wrong)
        told.backward()
        self.critic_optimizer.step()
        self.forger_optimizer.zero_grad()
        fooled = -F.log_softmax(self.critic(forged), 1)[:, :10].logsumexp(1).mean()
        fooled.backward()
        self.forger_optimizer.step()
        return {"loss": told.detach(), "fooled": fooled.detach()}


@healthy(resembles="updates-not-applied", source="published")
def forger_against_classifier() -> Arguments:
    """A semi-supervised GAN: one step moves two networks by two optimizers, both reached through the trainer."""
    seed_all()
    both = Adversaries()
    images, labels = digits()
    return {
        "model": both.critic,
        "loader": shuffled(2 * images - 1, labels),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": both.critic_optimizer,
        "train_step": both.train_step,
    }


def clipped_advantage(outputs: tuple[Tensor, Tensor], targets: tuple[Tensor, Tensor]) -> Tensor:
    """PPO's clipped surrogate for actions that a fair coin chose, and the squared error of the value."""
    (logits, value), (action, reward) = outputs, targets
    ratio = 2 * logits.softmax(1).gather(1, action[:, None]).squeeze(1)
    advantage = reward - value.detach()
    surrogate = torch.minimum(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage)
    return F.mse_loss(value, reward) - surrogate.mean()


def _two_optimizers_step(
    model: ActorCritic, batch: list[Tensor], optimizer: dict[str, torch.optim.Optimizer]
) -> Tensor:
    states, action, reward = batch
    loss = clipped_advantage(model(states), (action, reward))
    for one in optimizer.values():
        one.zero_grad()
    loss.backward()
    for one in optimizer.values():
        one.step()
    return loss.detach()


@healthy(resembles="optimizer-mismatch")
def actor_and_critic_by_two_optimizers() -> Arguments:
    """Actor and critic of one model have an optimizer each, and the loss of a policy may be negative."""
    seed_all()
    states, action = torch.randn(640, 4), torch.randint(2, (640,))
    right = (states[:, 0] + 0.5 * states[:, 1] > 0).long() == action
    reward = torch.where(right, 1.0, -1.0) + torch.tanh(2 * states[:, 2]) + 0.3 * torch.randn(640)
    model = ActorCritic()
    return {
        "model": model,
        "loader": shuffled(states, action, reward),
        "loss_fn": clipped_advantage,
        "split": lambda batch: (batch[0], (batch[1], batch[2])),
        "optimizer": {
            "actor": torch.optim.Adam(model.actor.parameters(), lr=3e-3),
            "critic": torch.optim.Adam(model.critic.parameters(), lr=1e-2),
        },
        "train_step": _two_optimizers_step,
        "task": "other",
        "intended": {"loss-direction": "policy gradient"},
    }


def _clipped_and_scheduled(
    model: nn.Module, batch: dict[str, Tensor], optimizer: torch.optim.Optimizer, scheduler: LRScheduler
) -> Tensor:
    loss = model(**batch).loss
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    scheduler.step()
    optimizer.zero_grad()
    return loss


@healthy(resembles="lr-schedule", source="transformers")
def llama_with_warm_up_and_cosine() -> Arguments:
    """Thirty steps of warm-up from a rate of 0, a cosine down to 0, clipping at 1: everybody's recipe."""
    seed_all()
    text = sentences()
    model = llama()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, betas=(0.9, 0.95), weight_decay=0.1)
    return {
        "model": model,
        "loader": shuffled_fields(input_ids=text, labels=text.clone()),
        "optimizer": optimizer,
        "scheduler": get_cosine_schedule_with_warmup(optimizer, 30, 300),
        "total_steps": 300,
        "train_step": _clipped_and_scheduled,
        "causal": True,
    }


TWINS: MeanTeacher | None = None


def _teaching_step(batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    images, labels = batch
    noisy = images + 0.1 * torch.randn_like(images)
    logits = TWINS(noisy)
    with torch.no_grad():
        taught = TWINS.teacher(images).softmax(1)
    loss = F.cross_entropy(logits, labels) + 0.1 * F.mse_loss(logits.softmax(1), taught)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    TWINS.follow()
    return loss


@healthy(resembles="frozen-parameters-change", source="published")
def frozen_teacher_follows_its_student() -> Arguments:
    """A mean teacher: no gradient ever reaches the frozen twin, which the step moves towards the student."""
    global TWINS  # noqa: PLW0603 - notebooks keep their network like this
    seed_all()
    TWINS = MeanTeacher(LeNet(), LeNet())
    return {
        "model": TWINS,
        "loader": shuffled(*scaled_digits()),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(TWINS.student.parameters(), lr=2e-3),
        "train_step": _teaching_step,
    }
