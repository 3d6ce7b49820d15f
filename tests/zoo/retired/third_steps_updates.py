"""Training steps whose updates do not reach the parameters: pairs."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from tests.zoo.program import pair
from tests.zoo.retired.models_of_steps_data import digit_loaders, seeded, table, topic_loaders, topic_words
from tests.zoo.retired.models_of_steps_nets import WordLSTM, distilbert, mlp, vit


class MixedPrecisionTrainer:
    """Steps under bfloat16 autocast."""

    def __init__(self, model, optimizer, smoothing=0.0):
        self.model, self.optimizer, self.smoothing = model, optimizer, smoothing

    def loss(self, batch):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = self.model(pixel_values=batch["pixel_values"]).logits
        return F.cross_entropy(logits.float(), batch["labels"], label_smoothing=self.smoothing)

    def training_step(self, batch):
        self.model.train()
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(batch)
        loss.backward()
        self.optimizer.step()
        return loss.item()


class ForgetfulTrainer(MixedPrecisionTrainer):
    """The same with the clearing moved under the backward pass."""

    def training_step(self, batch):
        self.model.train()
        loss = self.loss(batch)
        loss.backward()
        self.optimizer.zero_grad(set_to_none=True)
        self.optimizer.step()
        return loss.item()


@pair("updates-not-applied", group="training", source="transformers")
def gradients_cleared_before_the_step(sick):
    """The gradients are cleared between the backward pass and the optimizer's step."""
    seeded()
    loader, val = digit_loaders(batch=32, unit=False, named=("pixel_values", "labels"))
    model = vit()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    trainer = (ForgetfulTrainer if sick else MixedPrecisionTrainer)(model, optimizer)
    return {
        "model": model, "loader": loader, "val_loader": val, "optimizer": optimizer,
        "train_step": trainer.training_step,
    }  # fmt: skip


def climb(parameters, radius):
    """Move the weights uphill by `radius`, and return where they were."""
    norm = torch.stack([p.grad.norm() for p in parameters]).norm() + 1e-12
    old = [p.detach().clone() for p in parameters]
    with torch.no_grad():
        for p in parameters:
            p.add_(p.grad, alpha=float(radius / norm))
    return old


def put_back(parameters, old):
    """Write the old weights into the parameters."""
    with torch.no_grad():
        for p, q in zip(parameters, old, strict=True):
            p.copy_(q)


def sharpness_aware_undone(model, batch, optimizer, loss_fn):
    """Step first, and put the old weights back afterwards."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer.zero_grad()
    loss = loss_fn(model(batch["text"]), batch["label"])
    loss.backward()
    old = climb(parameters, 0.02)
    optimizer.zero_grad()
    loss_fn(model(batch["text"]), batch["label"]).backward()
    optimizer.step()
    put_back(parameters, old)
    return loss.item()


def sharpness_aware(model, batch, optimizer, loss_fn):
    """Put the old weights back, and step from there."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer.zero_grad()
    loss = loss_fn(model(batch["text"]), batch["label"])
    loss.backward()
    old = climb(parameters, 0.02)
    optimizer.zero_grad()
    loss_fn(model(batch["text"]), batch["label"]).backward()
    put_back(parameters, old)
    optimizer.step()
    return loss.item()


@pair("updates-not-applied", group="training", source="published")
def sharpness_aware_step_undone(sick):
    """Sharpness-aware minimisation puts the weights of before its climb back after the update instead of before it."""
    seeded()
    loader, val = topic_loaders(names=("text", "label"))
    model = WordLSTM(topic_words()[2])
    return {
        "model": model, "loader": loader, "val_loader": val, "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=5e-3),
        "train_step": sharpness_aware_undone if sick else sharpness_aware,
    }  # fmt: skip


def progress_misread(model, batch, optimizer, step):
    """Update when `step + (1 % 4) == 0`."""
    x, y = batch
    loss = F.smooth_l1_loss(model(x), y)
    (loss / 4).backward()
    if step + 1 % 4 == 0:
        optimizer.step()
        optimizer.zero_grad()
    return loss.item()


def progress_by_four(model, batch, optimizer, step):
    """Update when `(step + 1) % 4 == 0`."""
    x, y = batch
    loss = F.smooth_l1_loss(model(x), y)
    (loss / 4).backward()
    if (step + 1) % 4 == 0:
        optimizer.step()
        optimizer.zero_grad()
    return loss.item()


@pair("updates-not-applied", group="training", source="scikit-learn")
def accumulation_by_wrong_precedence(sick):
    """`step + 1 % 4 == 0` binds as `step + (1 % 4) == 0`, so that the accumulated gradients are never applied."""
    seeded()
    loader, val = table("diabetes", 8)
    model = mlp(10, 32, 32, 1, activation=nn.SiLU)
    return {
        "model": model, "loader": loader, "val_loader": val, "loss_fn": nn.SmoothL1Loss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-2),
        "train_step": progress_misread if sick else progress_by_four,
    }  # fmt: skip


def tune_head_twice(model, batch, optimizer):
    """Step the optimizer of the head in both lines."""
    body, head = optimizer["body"], optimizer["head"]
    body.zero_grad()
    head.zero_grad()
    loss = model(**batch).loss
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    head.step()
    head.step()
    return loss.detach()


def tune_both(model, batch, optimizer):
    """Step the body's optimizer and the head's."""
    body, head = optimizer["body"], optimizer["head"]
    body.zero_grad()
    head.zero_grad()
    loss = model(**batch).loss
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    body.step()
    head.step()
    return loss.detach()


@pair("updates-not-applied", group="training", source="transformers")
def body_never_stepped(sick):
    """Of two optimizers the head's is stepped twice and the body's never, so that the body stays as it was drawn."""
    seeded()
    loader, val = topic_loaders()
    model = distilbert(topic_words()[2])
    head = [p for n, p in model.named_parameters() if "classifier" in n]
    return {
        "model": model, "loader": loader, "val_loader": val,
        "optimizer": {
            "body": torch.optim.AdamW(model.distilbert.parameters(), lr=2e-3),
            "head": torch.optim.AdamW(head, lr=2e-3),
        },
        "train_step": tune_both if not sick else tune_head_twice,
    }  # fmt: skip


class HandWrittenDescent:
    """Gradient descent without an optimizer, as in a lecture."""

    def __init__(self, rate):
        self.rate = rate

    def update(self, model):
        with torch.no_grad():
            for p in model.parameters():
                p.sub_(self.rate * p.grad)

    def train_step(self, model, batch):
        x, y = batch
        for p in model.parameters():
            p.grad = None
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        self.update(model)
        return loss.item()


class RebindingDescent(HandWrittenDescent):
    """The same with the subtraction written out."""

    def update(self, model):
        with torch.no_grad():
            for p in model.parameters():
                p = p - self.rate * p.grad  # noqa: PLW2901


@pair("updates-not-applied", group="training", source="scikit-learn")
def descent_rebinds_a_name(sick):
    """`p = p - rate * p.grad` in the loop gives a new tensor to the loop's name and leaves the parameter alone."""
    seeded()
    loader, val = table("wine", 16)
    model = mlp(13, 32, 3, activation=nn.Tanh)
    return {
        "model": model, "loader": loader, "val_loader": val, "loss_fn": nn.CrossEntropyLoss(),
        "train_step": (RebindingDescent if sick else HandWrittenDescent)(0.2).train_step,
    }  # fmt: skip
