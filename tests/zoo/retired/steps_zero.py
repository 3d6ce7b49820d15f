"""Training steps in which old gradients stay: pairs."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import TensorDataset

from tests.zoo.program import pair
from tests.zoo.retired.models_of_steps_data import (
    characters,
    digit_loaders,
    digits,
    seeded,
    shuffled,
    table,
    text_loaders,
)
from tests.zoo.retired.models_of_steps_nets import LeNet, ResNet, gpt2, mlp


class EpochTrainer:
    """A trainer with callbacks in the manner of a larger library."""

    def __init__(self, model, optimizer, batches_per_epoch):
        self.model, self.optimizer, self.batches_per_epoch = model, optimizer, batches_per_epoch
        self.batches_seen, self.history = 0, []

    def on_epoch_start(self):
        self.optimizer.zero_grad()
        self.history.append([])

    def on_batch_start(self):
        """Nothing here by default."""

    def train_step(self, batch):
        if self.batches_seen % self.batches_per_epoch == 0:
            self.on_epoch_start()
        self.on_batch_start()
        self.batches_seen += 1
        self.model.train()
        loss = self.model(**batch).loss
        loss.backward()
        self.optimizer.step()
        self.history[-1].append(loss.item())
        return loss.detach()


class ClearingTrainer(EpochTrainer):
    """The same, and every batch starts from no gradient."""

    def on_batch_start(self):
        self.optimizer.zero_grad(set_to_none=True)


@pair("missing-zero-grad", group="training", source="transformers")
def callback_clears_once_an_epoch(sick):
    """The callback that clears the gradients runs at the start of an epoch, so that they pile up over its batches."""
    seeded()
    loader, val = text_loaders()
    model = gpt2(characters()[1])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
    trainer = (EpochTrainer if sick else ClearingTrainer)(model, optimizer, len(loader))
    return {
        "model": model, "loader": loader, "val_loader": val, "optimizer": optimizer,
        "train_step": trainer.train_step, "causal": True,
    }  # fmt: skip


class Accumulator:
    """Counts micro-batches and updates at every fourth."""

    def __init__(self, optimizer, every=4):
        self.optimizer, self.every, self.seen = optimizer, every, 0

    def backward(self, loss):
        (loss / self.every).backward()
        self.seen += 1
        if self.seen == self.every:
            self.optimizer.step()
            self.seen = 0

    def clean(self):
        if self.seen == self.every:
            self.optimizer.zero_grad()


class CleanAccumulator(Accumulator):
    """The same, and asks for the counter that the update leaves."""

    def clean(self):
        if self.seen == 0:
            self.optimizer.zero_grad()


@pair("missing-zero-grad", group="training", source="published")
def counter_reset_before_it_is_asked(sick):
    """The accumulator resets its counter at the update, and then clears only at a full counter: never."""
    seeded()
    loader, val = digit_loaders(batch=8, unit=False)
    model = LeNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    gradients = (Accumulator if sick else CleanAccumulator)(optimizer)
    criterion = nn.CrossEntropyLoss()

    def train_step(model, batch, optimizer):
        images, labels = batch
        loss = criterion(model(images), labels)
        gradients.backward(loss)
        gradients.clean()
        return loss.item()

    return {
        "model": model, "loader": loader, "val_loader": val, "loss_fn": criterion, "optimizer": optimizer,
        "train_step": train_step,
    }  # fmt: skip


class Autoencoder(nn.Module):
    """An encoder to 16 numbers and a decoder back to 64 pixels."""

    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = mlp(64, 96, 16), mlp(16, 96, 64)

    def forward(self, x):
        return self.decoder(self.encoder(x))


def reconstruct_clearing_one_twice(model, batch, optimizer):
    """Clear, by a slip of the keyboard, the encoder's optimizer twice."""
    x, target = batch
    optimizer["encoder"].zero_grad()
    optimizer["encoder"].zero_grad()
    loss = F.mse_loss(model(x), target)
    loss.backward()
    optimizer["encoder"].step()
    optimizer["decoder"].step()
    return loss


def reconstruct(model, batch, optimizer):
    """Clear both optimizers."""
    x, target = batch
    optimizer["encoder"].zero_grad()
    optimizer["decoder"].zero_grad()
    loss = F.mse_loss(model(x), target)
    loss.backward()
    optimizer["encoder"].step()
    optimizer["decoder"].step()
    return loss


@pair("missing-zero-grad", group="training", source="scikit-learn")
def decoder_never_cleared(sick):
    """Of two optimizers the encoder's is cleared twice and the decoder's never."""
    seeded()
    x = digits(flat=True, unit=False)[0]
    model = Autoencoder()
    return {
        "model": model,
        "loader": shuffled(TensorDataset(x, x), 32),
        "loss_fn": F.mse_loss,
        "optimizer": {
            "encoder": torch.optim.SGD(model.encoder.parameters(), lr=0.1, momentum=0.9),
            "decoder": torch.optim.SGD(model.decoder.parameters(), lr=0.1, momentum=0.9),
        },
        "train_step": reconstruct_clearing_one_twice if sick else reconstruct,
    }


def screen_without_parentheses(model, batch, optimizer, loss_fn):
    """Mention the method that clears, and forget to call it."""
    x, y = batch
    model.train()
    optimizer.zero_grad  # noqa: B018
    loss = loss_fn(model(x), y)
    loss.backward()
    optimizer.step()
    return loss.item()


def screen(model, batch, optimizer, loss_fn):
    """Call it."""
    x, y = batch
    model.train()
    optimizer.zero_grad()
    loss = loss_fn(model(x), y)
    loss.backward()
    optimizer.step()
    return loss.item()


@pair("missing-zero-grad", group="training", source="scikit-learn")
def zero_grad_without_parentheses(sick):
    """`optimizer.zero_grad` stands in the step without its parentheses."""
    seeded()
    loader, val = table("cancer", 32)
    model = mlp(30, 48, 48, 1)
    return {
        "model": model, "loader": loader, "val_loader": val, "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9),
        "train_step": screen_without_parentheses if sick else screen,
    }  # fmt: skip


class Lookahead(torch.optim.SGD):
    """Lookahead over SGD, ported from a file written for an early PyTorch."""

    def step(self, closure=None):
        loss = super().step(closure)
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                if "slow" not in state:
                    state["slow"], state["calls"] = p.detach().clone(), 0
                state["calls"] += 1
                if state["calls"] % 5 == 0:
                    state["slow"].lerp_(p.detach(), 0.5)
                    p.data.copy_(state["slow"])
        return loss

    def zero_grad(self, set_to_none=True):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.grad.detach_()
                    p.grad.zero_()


class BadlyPortedLookahead(Lookahead):
    """The same with the line that clears indented too far."""

    def zero_grad(self, set_to_none=True):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    if p.grad.grad_fn is not None:
                        p.grad.detach_()
                        p.grad.zero_()
                    else:
                        p.grad.requires_grad_(False)


@pair("missing-zero-grad", group="training", source="published")
def optimizer_subclass_that_clears_nothing(sick):
    """A ported optimizer clears only gradients that carry a graph of their own, which none does."""
    seeded()
    loader, val = digit_loaders(batch=32, unit=False)
    model = ResNet(width=8)
    optimizer = (BadlyPortedLookahead if sick else Lookahead)(model.parameters(), lr=0.1, momentum=0.9)
    return {
        "model": model, "loader": loader, "val_loader": val, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer,
    }  # fmt: skip
