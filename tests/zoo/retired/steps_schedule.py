"""Schedules that sink too early or never warm up: pairs."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau, StepLR

from tests.zoo.program import pair
from tests.zoo.retired.models_of_steps_data import (
    characters,
    digit_loaders,
    seeded,
    text_loaders,
    topic_loaders,
    topic_words,
)
from tests.zoo.retired.models_of_steps_nets import LeNet, ResNet, bert, gpt2, mlp


class Classifier:
    """A trainer that knows where an epoch ends."""

    def __init__(self, model, optimizer, scheduler, batches_per_epoch):
        self.model, self.optimizer, self.scheduler = model, optimizer, scheduler
        self.batches_per_epoch, self.batch_number = batches_per_epoch, 0

    def advance(self):
        """Count the batch, and step the schedule when the epoch is over."""
        self.batch_number += 1
        if self.batch_number % self.batches_per_epoch == 0:
            self.scheduler.step()

    def train_step(self, batch):
        self.model.train()
        x, y = batch
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        self.advance()
        return loss.item()


class BatchwiseClassifier(Classifier):
    """The same, with the schedule stepped at every batch."""

    def advance(self):
        self.batch_number += 1
        self.scheduler.step()


@pair("lr-schedule", group="training", source="published")
def epochs_of_a_step_schedule_taken_as_batches(sick):
    """`StepLR(10, 0.1)`, meant in epochs, is stepped after every batch: after one of thirty epochs the rate is 1e-6."""
    seeded()
    loader, val = digit_loaders(batch=32, unit=False)
    model = LeNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    scheduler = StepLR(optimizer, step_size=10, gamma=0.1)
    trainer = (BatchwiseClassifier if sick else Classifier)(model, optimizer, scheduler, len(loader))
    return {
        "model": model, "loader": loader, "val_loader": val, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer,
        "scheduler": scheduler, "total_steps": 30 * len(loader), "train_step": trainer.train_step,
    }  # fmt: skip


def tune(model, batch, optimizer, scheduler):
    """One step of tuning, with the schedule stepped after the optimizer."""
    optimizer.zero_grad()
    loss = model(**batch).loss
    loss.backward()
    optimizer.step()
    scheduler.step()
    return loss.item()


@pair("lr-schedule", group="training", source="transformers")
def decay_planned_for_a_single_epoch(sick):
    """The linear decay is planned for the batches of one epoch, and the run has ten: nine of them at rate zero."""
    from transformers import get_linear_schedule_with_warmup

    seeded()
    epochs = 10
    loader, val = topic_loaders()
    model = bert(topic_words()[2])
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    planned = len(loader) if sick else epochs * len(loader)
    return {
        "model": model, "loader": loader, "val_loader": val, "optimizer": optimizer,
        "scheduler": get_linear_schedule_with_warmup(optimizer, planned // 10, planned),
        "total_steps": epochs * len(loader), "train_step": tune,
    }  # fmt: skip


class WarmUp:
    """A rate that rises over so many steps, and then falls with the root of the step."""

    def __init__(self, steps):
        self.steps = steps

    def __call__(self, step):
        return min((step + 1) / self.steps, (self.steps / (step + 1)) ** 0.5)


@pair("lr-schedule", group="training", source="published")
def warm_up_in_batches_stepped_by_epoch(sick):
    """A warm-up over 200 batches is stepped at the end of each of twenty epochs: the rate never passes a tenth."""
    seeded()
    loader, val = digit_loaders(batch=32, unit=False)
    model = ResNet(width=8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
    scheduler = LambdaLR(optimizer, WarmUp(200))
    trainer = (Classifier if sick else BatchwiseClassifier)(model, optimizer, scheduler, len(loader))
    return {
        "model": model, "loader": loader, "val_loader": val, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer,
        "scheduler": scheduler, "total_steps": 20 * len(loader), "train_step": trainer.train_step,
    }  # fmt: skip


class PlateauRun:
    """Classification with a rate that falls by ten when the loss stays where it is."""

    def __init__(self, model, optimizer, scheduler, batches_per_epoch):
        self.model, self.optimizer, self.scheduler = model, optimizer, scheduler
        self.batches_per_epoch, self.losses = batches_per_epoch, []

    def report(self):
        """Tell the schedule the mean loss of an epoch that is over."""
        if len(self.losses) == self.batches_per_epoch:
            self.scheduler.step(sum(self.losses) / len(self.losses))
            self.losses.clear()

    def train_step(self, batch):
        x, y = batch
        self.optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        self.losses.append(loss.item())
        self.report()
        return loss.item()


class NervousRun(PlateauRun):
    """The same, and tells the schedule every batch's loss."""

    def report(self):
        self.scheduler.step(self.losses[-1])


@pair("lr-schedule", group="training", source="scikit-learn")
def plateau_seen_in_single_batches(sick):
    """The plateau schedule, patient for three epochs, is told every batch's noisy loss: it sees plateaus everywhere."""
    seeded()
    loader, val = digit_loaders(batch=16, flat=True, unit=False)
    model = mlp(64, 48, 48, 10, activation=nn.Tanh)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    scheduler = ReduceLROnPlateau(optimizer, factor=0.1, patience=3)
    run = (NervousRun if sick else PlateauRun)(model, optimizer, scheduler, len(loader))
    return {
        "model": model, "loader": loader, "val_loader": val, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer,
        "scheduler": scheduler, "total_steps": 15 * len(loader), "train_step": run.train_step,
    }  # fmt: skip


class LinearFall:
    """A rate that falls in a line to zero."""

    def __init__(self, steps):
        self.steps = steps

    def __call__(self, step):
        return max(0.0, 1.0 - step / self.steps)


class Microbatches:
    """Accumulates over eight micro-batches before an update."""

    every = 8

    def __init__(self):
        self.count = 0

    def __call__(self, model, batch, optimizer, scheduler):
        loss = model(**batch).loss
        (loss / self.every).backward()
        if self.count % self.every == 0:
            nn.utils.clip_grad_norm_(model.parameters(), 2.0)
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad(set_to_none=True)
        self.count += 1
        return loss.detach()


class HastyMicrobatches(Microbatches):
    """The same with the schedule's step outside the branch."""

    def __call__(self, model, batch, optimizer, scheduler):
        loss = model(**batch).loss
        (loss / self.every).backward()
        if self.count % self.every == 0:
            nn.utils.clip_grad_norm_(model.parameters(), 2.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        scheduler.step()
        self.count += 1
        return loss.detach()


@pair("lr-schedule", group="training", source="transformers")
def schedule_stepped_by_every_micro_batch(sick):
    """The schedule is stepped at every micro-batch instead of every eighth: zero after an eighth of the run."""
    seeded()
    loader, val = text_loaders(batch=4)
    model = gpt2(characters()[1], width=32)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    updates = 4 * len(loader) // Microbatches.every
    return {
        "model": model, "loader": loader, "val_loader": val, "optimizer": optimizer,
        "scheduler": LambdaLR(optimizer, LinearFall(updates)), "total_steps": updates,
        "train_step": (HastyMicrobatches if sick else Microbatches)(), "causal": True,
    }  # fmt: skip
