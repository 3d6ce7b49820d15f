"""Clipping that cuts every step to next to nothing, and gradients that explode: pairs."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from tests.zoo.program import pair
from tests.zoo.retired.models_of_steps_data import characters, digit_loaders, seeded, shuffled, table, text_loaders
from tests.zoo.retired.models_of_steps_nets import CharGRU, LeNet, ResNet, mlp


class Settings:
    """What another project's configuration file said."""

    rate, momentum, max_norm = 0.05, 0.9, 10.0


class CopiedSettings(Settings):
    """The same with a clip that was meant for gradients of another scale."""

    max_norm = 1e-3


class Trainer:
    """Trains under settings."""

    def __init__(self, model, settings):
        self.model, self.settings = model, settings
        self.optimizer = torch.optim.SGD(model.parameters(), lr=settings.rate, momentum=settings.momentum)

    def step(self, batch):
        self.model.train()
        images, labels = batch["image"], batch["label"]
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.model(images), labels)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.max_norm)
        self.optimizer.step()
        return loss.item()


@pair("clipping-always-on", group="training", source="published")
def clip_norm_of_another_project(sick):
    """Gradients of norm around one are clipped to 0.001 at every step, as a copied configuration said."""
    seeded()
    loader, val = digit_loaders(batch=32, unit=False, named=("image", "label"))
    model = ResNet(width=8)
    trainer = Trainer(model, CopiedSettings if sick else Settings)
    return {
        "model": model, "loader": loader, "val_loader": val, "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": trainer.optimizer, "train_step": trainer.step,
    }  # fmt: skip


class ScaledLoss:
    """A fixed loss scale around bfloat16, written by hand."""

    scale = 4096.0

    def __init__(self, criterion, max_norm):
        self.criterion, self.max_norm = criterion, max_norm

    def backward(self, model, batch, optimizer):
        x, y = batch
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            out = model(x)
        loss = self.criterion(out.float(), y)
        (loss * self.scale).backward()
        return loss

    def unscale(self, model):
        for p in model.parameters():
            if p.grad is not None:
                p.grad.div_(self.scale)

    def clip(self, model):
        nn.utils.clip_grad_norm_(model.parameters(), self.max_norm)

    def train_step(self, model, batch, optimizer):
        loss = self.backward(model, batch, optimizer)
        self.unscale(model)
        self.clip(model)
        optimizer.step()
        return loss.detach()


class ClippedBeforeUnscaling(ScaledLoss):
    """The same with the two lines the other way round."""

    def train_step(self, model, batch, optimizer):
        loss = self.backward(model, batch, optimizer)
        self.clip(model)
        self.unscale(model)
        optimizer.step()
        return loss.detach()


@pair("clipping-always-on", group="training", source="published")
def clipped_before_unscaling(sick):
    """Gradients of a loss scaled by 4096 are clipped to 5 before they are scaled back, which leaves a thousandth."""
    seeded()
    loader, val = digit_loaders(batch=32, unit=False)
    model = LeNet()
    criterion = nn.CrossEntropyLoss()
    scaled = (ClippedBeforeUnscaling if sick else ScaledLoss)(criterion, max_norm=5.0)
    return {
        "model": model, "loader": loader, "val_loader": val, "loss_fn": criterion,
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9), "train_step": scaled.train_step,
    }  # fmt: skip


def make_step(criterion, bound):
    """A step that keeps every gradient within the bound."""

    def train_step(model, batch, optimizer):
        x, y = batch
        loss = criterion(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_value_([p for p in model.parameters() if p.requires_grad], bound)
        optimizer.step()
        return float(loss)

    return train_step


@pair("clipping-always-on", group="training", source="scikit-learn")
def values_clipped_at_a_tiny_bound(sick):
    """Every entry of the gradients is clipped to 1e-5, the value of a weight decay that stood beside it."""
    seeded()
    loader, val = table("diabetes", 16)
    model = mlp(10, 32, 32, 1, activation=nn.GELU)
    return {
        "model": model, "loader": loader, "val_loader": val, "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9),
        "train_step": make_step(nn.MSELoss(), 1e-5 if sick else 5.0),
    }  # fmt: skip


class AveragedSGD(torch.optim.SGD):
    """SGD that keeps each tensor's gradient within a norm, as some recurrent code bases do inside the step."""

    def __init__(self, params, lr, momentum=0.0, limit=1.0):
        super().__init__(params, lr=lr, momentum=momentum)
        for group in self.param_groups:
            group["limit"] = limit

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None and p.grad.norm() > group["limit"]:
                    p.grad.mul_(group["limit"] / p.grad.norm())
        return super().step(closure)


def read_text(model, batch, optimizer):
    """Say the next character, in the step that the user wrote."""
    ids = batch["input_ids"]
    logits = model(ids[:, :-1])
    loss = F.cross_entropy(logits.reshape(-1, logits.size(-1)), ids[:, 1:].reshape(-1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def shifted(batch):
    """Characters, and those that follow them."""
    return batch["input_ids"][:, :-1], batch["input_ids"][:, 1:]


def entropy(logits, ids):
    """The mean entropy of the next character."""
    return F.cross_entropy(logits.flatten(0, 1), ids.flatten())


@pair("clipping-always-on", group="training", source="own")
def clipped_inside_the_optimizer(sick):
    """An optimizer clips each tensor's gradient inside its step, at 1e-4 instead of 1."""
    seeded()
    loader, val = text_loaders()
    model = CharGRU(characters()[1])
    return {
        "model": model, "loader": loader, "val_loader": val, "loss_fn": entropy, "split": shifted, "causal": True,
        "optimizer": AveragedSGD(model.parameters(), lr=0.5, momentum=0.9, limit=1e-4 if sick else 1.0),
        "train_step": read_text,
    }  # fmt: skip


class DeepStack(nn.Module):
    """Forty layers of linear, batch norm and ReLU, two by two."""

    def __init__(self, width=48, blocks=20, skip=True):
        super().__init__()
        self.enter, self.skip = nn.Linear(64, width), skip
        self.leave = nn.Sequential(nn.BatchNorm1d(width), nn.Linear(width, 10))
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Linear(width, width, bias=False), nn.BatchNorm1d(width), nn.ReLU(),
                nn.Linear(width, width, bias=False), nn.BatchNorm1d(width),
            )
            for _ in range(blocks)
        )  # fmt: skip

    def forward(self, x):
        x = torch.relu(self.enter(x))
        for block in self.blocks:
            y = block(x)
            x = torch.relu(x + y) if self.skip else torch.relu(y)
        return self.leave(x)


@pair("exploding-gradients", group="backward", source="published")
def deep_batch_norm_without_its_skips(sick):
    """Forty batch-normalised layers lost their skip connections: the gradient grows by some tenths at every layer."""
    seeded()
    loader, val = digit_loaders(batch=32, flat=True, unit=False)
    model = DeepStack(skip=not sick)
    return {
        "model": model, "loader": loader, "val_loader": val, "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9),
    }  # fmt: skip


class Siren(nn.Module):
    """A sine network over the coordinates of a picture."""

    def __init__(self, width=64, depth=6, omega=10.0, later_bound=None):
        super().__init__()
        self.omega = omega
        self.layers = nn.ModuleList(nn.Linear(2 if i == 0 else width, width) for i in range(depth))
        self.out = nn.Linear(width, 1)
        with torch.no_grad():
            self.layers[0].weight.uniform_(-1 / 2, 1 / 2)
            for layer in self.layers[1:]:
                bound = math.sqrt(6 / width) / omega if later_bound is None else later_bound
                layer.weight.uniform_(-bound, bound)

    def forward(self, xy):
        for layer in self.layers:
            xy = torch.sin(self.omega * layer(xy))
        return self.out(xy)


@pair("exploding-gradients", group="backward", source="published")
def sine_layers_drawn_too_wide(sick):
    """Layers of sine(10 x) are drawn without the division by ten: values stay bounded, gradients grow tenfold each."""
    from sklearn.datasets import load_sample_images

    seeded()
    grey = torch.tensor(load_sample_images().images[0], dtype=torch.float32).mean(2)[100:356, 200:456]
    grey = F.avg_pool2d(grey[None, None], 24, 8, 8)[0, 0]
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, 32), torch.linspace(-1, 1, 32), indexing="ij")
    xy = torch.stack([rows, columns], -1).view(-1, 2)
    values = ((grey - grey.mean()) / grey.std()).view(-1, 1)
    model = Siren(later_bound=math.sqrt(6 / 64) if sick else None)
    return {
        "model": model, "loader": shuffled(TensorDataset(xy, values), 64), "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
    }  # fmt: skip


class TanhRNN(nn.Module):
    """A plain recurrent network that reads a long series and says how many bumps it had."""

    def __init__(self, gain, width=48):
        super().__init__()
        self.cell = nn.RNN(1, width, batch_first=True)
        self.head = nn.Linear(width, 3)
        nn.init.orthogonal_(self.cell.weight_hh_l0, gain=gain)

    def forward(self, x):
        return self.head(self.cell(x)[0].mean(1))


@pair("exploding-gradients", group="backward", source="own")
def recurrent_matrix_drawn_with_gain_three(sick):
    """A tanh RNN over 100 steps starts with a recurrent matrix of gain 3, chaotic: bounded states, huge gradients."""
    seeded()
    g = torch.Generator().manual_seed(4)
    count, t = torch.randint(0, 3, (600,), generator=g), torch.linspace(0, 1, 100)
    x = torch.sin(6.28 * (t * (1 + 2 * count[:, None]) + torch.rand(600, 1, generator=g)))
    x = (x + 0.1 * torch.randn(600, 100, generator=g))[..., None]
    model = TanhRNN(3.0 if sick else 0.9)
    return {
        "model": model, "loader": shuffled(TensorDataset(x[:480], count[:480]), 16),
        "val_loader": DataLoader(TensorDataset(x[480:], count[480:]), batch_size=16),
        "loss_fn": nn.CrossEntropyLoss(), "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
    }  # fmt: skip
