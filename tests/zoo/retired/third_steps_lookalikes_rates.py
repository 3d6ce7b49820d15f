"""Unusual training steps that are right: look-alikes of schedules, clipping, accumulation and checkpointing."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts, MultiStepLR
from torch.utils.checkpoint import checkpoint

from tests.zoo.program import healthy
from tests.zoo.retired.models_of_steps_data import (
    characters,
    digit_loaders,
    seeded,
    table,
    text_loaders,
    topic_loaders,
    topic_words,
)
from tests.zoo.retired.models_of_steps_nets import LeNet, ResNet, bert, gpt2, mlp, vit


class Accumulation:
    """Micro-batches of four, eight to an update."""

    def __init__(self, model, optimizer, every=8):
        self.model, self.optimizer, self.every, self.number = model, optimizer, every, 0

    def train_step(self, batch):
        x, y = batch
        loss = F.cross_entropy(self.model(x), y)
        (loss / self.every).backward()
        self.number += 1
        if self.number % self.every == 0:
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
        return loss.item()


@healthy(resembles="missing-zero-grad", source="published")
def eight_micro_batches_to_an_update():
    """Gradients of eight micro-batches add up, each divided by eight, and are cleared after their update."""
    seeded()
    loader, val = digit_loaders(batch=4, unit=False)
    model = LeNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return {
        "model": model, "loader": loader, "val_loader": val, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer,
        "train_step": Accumulation(model, optimizer).train_step,
    }  # fmt: skip


def warmed_step(model, batch, optimizer, scheduler):
    """Clip at one and step both, as examples of transformers do."""
    model.train()
    loss = model(**batch).loss
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    scheduler.step()
    optimizer.zero_grad()
    return loss.detach()


@healthy(resembles="updates-not-applied", source="transformers")
def first_step_of_a_warm_up_at_rate_zero():
    """A linear warm-up has rate zero at the first step, which therefore changes nothing, and rises from there."""
    from transformers import get_linear_schedule_with_warmup

    seeded()
    loader, val = text_loaders()
    model = gpt2(characters()[1])
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    total = 10 * len(loader)
    return {
        "model": model, "loader": loader, "val_loader": val, "optimizer": optimizer, "train_step": warmed_step,
        "scheduler": get_linear_schedule_with_warmup(optimizer, 40, total), "total_steps": total, "causal": True,
    }  # fmt: skip


@healthy(resembles="clipping-always-on", source="transformers")
def clipped_at_one_while_it_warms_up():
    """A BERT is clipped at a norm of one, which cuts some steps a little and costs nothing under AdamW."""
    from transformers import get_cosine_schedule_with_warmup

    seeded()
    loader, val = topic_loaders()
    model = bert(topic_words()[2])
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    total = 12 * len(loader)
    return {
        "model": model, "loader": loader, "val_loader": val, "optimizer": optimizer, "train_step": warmed_step,
        "scheduler": get_cosine_schedule_with_warmup(optimizer, 20, total), "total_steps": total,
    }  # fmt: skip


def restarting_step(model, batch, optimizer, scheduler, loss_fn):
    """Step the schedule at every batch."""
    x, y = batch
    optimizer.zero_grad()
    loss = loss_fn(model(x), y)
    loss.backward()
    optimizer.step()
    scheduler.step()
    return loss.item()


@healthy(resembles="lr-schedule", source="published")
def cosine_that_restarts():
    """The rate falls to almost nothing after 40, 80 and 160 batches, and restarts at the top."""
    seeded()
    loader, val = digit_loaders(batch=32, unit=False)
    model = ResNet(width=8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
    return {
        "model": model, "loader": loader, "val_loader": val, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer,
        "scheduler": CosineAnnealingWarmRestarts(optimizer, T_0=len(loader), T_mult=2, eta_min=1e-5),
        "total_steps": 7 * len(loader), "train_step": restarting_step,
    }  # fmt: skip


class EpochSchedule:
    """Steps the schedule when the loader has been through once."""

    def __init__(self, batches):
        self.batches, self.left = batches, batches

    def train_step(self, model, batch, optimizer, scheduler):
        x, y = batch
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(model(x), y)
        loss.backward()
        optimizer.step()
        self.left -= 1
        if self.left == 0:
            scheduler.step()
            self.left = self.batches
        return loss.item()


@healthy(resembles="lr-schedule", source="scikit-learn")
def milestones_in_epochs():
    """Milestones at epochs 15 and 25 of 30 cut the rate by ten; the schedule is stepped once an epoch, as it counts."""
    seeded()
    loader, val = table("cancer", 16)
    model = mlp(30, 32, 32, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return {
        "model": model, "loader": loader, "val_loader": val, "loss_fn": nn.BCEWithLogitsLoss(), "optimizer": optimizer,
        "scheduler": MultiStepLR(optimizer, [15, 25]), "total_steps": 30 * len(loader),
        "train_step": EpochSchedule(len(loader)).train_step,
    }  # fmt: skip


class Checkpointed(nn.Module):
    """A LeNet whose features are computed anew in the backward pass."""

    def __init__(self):
        super().__init__()
        self.net = LeNet()

    def forward(self, x):
        return self.net.classifier(checkpoint(self.net.features, x, use_reentrant=False))


@healthy(resembles="updates-not-applied", source="published")
def features_recomputed_by_checkpointing():
    """Gradient checkpointing drops the features' activations, and the gradients are those of the plain network."""
    seeded()
    loader, val = digit_loaders(batch=32, unit=False)
    model = Checkpointed()
    return {
        "model": model, "loader": loader, "val_loader": val, "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }  # fmt: skip


def closure_step(model, batch, optimizer, loss_fn):
    """Let the optimizer call for the loss and its gradient as often as it likes."""
    x, y = batch

    def again():
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        return loss

    return optimizer.step(again).item()


@healthy(resembles="update-ratio", source="scikit-learn")
def limited_memory_bfgs_by_a_closure():
    """LBFGS searches along a line: it calls the loss several times a step, and its steps have no usual size."""
    seeded()
    loader, val = table("diabetes", 64)
    model = mlp(10, 16, 1, activation=nn.Tanh)
    return {
        "model": model, "loader": loader, "val_loader": val, "loss_fn": nn.MSELoss(), "train_step": closure_step,
        "optimizer": torch.optim.LBFGS(model.parameters(), lr=0.2, max_iter=3, line_search_fn="strong_wolfe"),
    }  # fmt: skip


@healthy(resembles="update-ratio", source="transformers")
def rates_that_fall_gently_with_depth():
    """The head of a ViT learns at 0.003 and each part below it at 0.7 of that above, as is usual in fine-tuning."""
    seeded()
    loader, val = digit_loaders(batch=32, unit=False, named=("pixel_values", "labels"))
    model = vit(spread=0.1)
    head = list(model.classifier.parameters())
    top = {id(p) for p in head}
    body = [p for p in model.parameters() if id(p) not in top]
    half = len(body) // 2
    groups = [
        {"params": head, "lr": 3e-3},
        {"params": body[half:], "lr": 2.1e-3},
        {"params": body[:half], "lr": 1.5e-3},
    ]
    return {
        "model": model, "loader": loader, "val_loader": val, "optimizer": torch.optim.AdamW(groups, weight_decay=0.01),
    }  # fmt: skip
