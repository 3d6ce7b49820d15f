"""Optimizers that hold tensors of a model which is no longer trained: pairs."""

from __future__ import annotations

import copy
import math

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import weight_norm
from torch.utils.data import DataLoader, TensorDataset

from tests.zoo.program import pair
from tests.zoo.retired.models_of_steps_data import Mapped, characters, digits, seeded, shuffled, table, text_loaders
from tests.zoo.retired.models_of_steps_nets import CharGRU, LeNet, gpt2, mlp


def pretrained_lenet(steps=40):
    """A LeNet that has seen the digits for a moment."""
    x, y, _, _ = digits(unit=False)
    net = LeNet()
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    for i in range(steps):
        part = slice(i * 20 % 1200, i * 20 % 1200 + 20)
        optimizer.zero_grad()
        F.cross_entropy(net(x[part]), y[part]).backward()
        optimizer.step()
    optimizer.zero_grad()
    return net


@pair("optimizer-mismatch", group="training", source="published")
def head_replaced_under_the_optimizer(sick):
    """The optimizer holds the last layer of ten classes, which is then replaced by one for even and odd."""
    seeded()
    x, y, xv, yv = digits(unit=False)
    model = pretrained_lenet()
    for p in model.parameters():
        p.requires_grad_(False)
    if sick:
        optimizer = torch.optim.Adam(model.classifier[3].parameters(), lr=1e-2)
        model.classifier[3] = nn.Linear(64, 2)
    else:
        model.classifier[3] = nn.Linear(64, 2)
        optimizer = torch.optim.Adam(model.classifier[3].parameters(), lr=1e-2)
    return {
        "model": model, "loader": shuffled(TensorDataset(x, y % 2), 32),
        "val_loader": DataLoader(TensorDataset(xv, yv % 2), batch_size=32),
        "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer, "class_names": ["even", "odd"],
    }  # fmt: skip


def widen(model, size):
    """Give the model embeddings for more tokens, the old rows copied, and tie the output to them."""
    old = model.get_input_embeddings()
    new = nn.Embedding(size, old.embedding_dim)
    nn.init.normal_(new.weight, std=model.config.initializer_range)
    with torch.no_grad():
        new.weight[: len(old.weight)] = old.weight
    model.set_input_embeddings(new)
    model.lm_head = nn.Linear(old.embedding_dim, size, bias=False)
    model.config.vocab_size = size
    model.tie_weights()


class Tuner:
    """Tunes a causal language model with the optimizer of its making."""

    def __init__(self, model, rate):
        decayed = [p for p in model.parameters() if p.dim() > 1]
        rest = [p for p in model.parameters() if p.dim() <= 1]
        groups = [{"params": decayed, "weight_decay": 0.01}, {"params": rest, "weight_decay": 0.0}]
        self.model, self.optimizer = model, torch.optim.AdamW(groups, lr=rate)

    def step(self, model, batch, optimizer):
        model.train()
        loss = model(input_ids=batch["input_ids"], labels=batch["labels"]).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.detach()


@pair("optimizer-mismatch", group="training", source="transformers")
def embeddings_resized_under_the_optimizer(sick):
    """The embeddings, tied to the output, are made anew for two more tokens after the optimizer took the old ones."""
    seeded()
    ids, size = characters()
    marked = torch.cat([torch.full((len(ids), 1), size), ids[:, :46], torch.full((len(ids), 1), size + 1)], 1)
    model = gpt2(size)
    if not sick:
        widen(model, size + 2)
    tuner = Tuner(model, 3e-3)
    if sick:
        widen(model, size + 2)
    return {
        "model": model, "loader": shuffled(Mapped(input_ids=marked[:1000], labels=marked[:1000].clone()), 16),
        "val_loader": DataLoader(Mapped(input_ids=marked[1000:], labels=marked[1000:].clone()), batch_size=16),
        "optimizer": tuner.optimizer, "train_step": tuner.step, "causal": True,
    }  # fmt: skip


class Folds:
    """Cross-validation that begins every fold from the same fresh network."""

    def __init__(self, make):
        self.fresh = make()
        self.model, self.optimizer = self.fresh, None
        self.optimizer = self.make_optimizer()

    def make_optimizer(self):
        return torch.optim.Adam(self.model.parameters(), lr=3e-3)

    def begin_fold(self):
        self.model = copy.deepcopy(self.fresh)

    def train_step(self, batch):
        x, y = batch
        self.optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        return loss.item()


class FoldsWithOptimizer(Folds):
    """The same with an optimizer for every fold."""

    def begin_fold(self):
        super().begin_fold()
        self.optimizer = self.make_optimizer()


@pair("optimizer-mismatch", group="training", source="scikit-learn")
def fold_begun_without_an_optimizer(sick):
    """Every fold of a cross-validation copies a fresh network, while the optimizer keeps the first one."""
    seeded()
    loader, val = table("cancer", 32)
    folds = (Folds if sick else FoldsWithOptimizer)(lambda: mlp(30, 32, 16, 1))
    folds.begin_fold()
    return {
        "model": folds.model, "loader": loader, "val_loader": val, "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": folds.optimizer, "train_step": folds.train_step,
    }  # fmt: skip


class TemporalBlock(nn.Module):
    """A causal convolution with a skip, as in a TCN."""

    def __init__(self, channels, dilation):
        super().__init__()
        self.pad = 2 * dilation
        self.conv = nn.Conv1d(channels, channels, 3, dilation=dilation)

    def forward(self, x):
        return x + torch.relu(self.conv(F.pad(x, (self.pad, 0))))


class TCN(nn.Module):
    """A temporal convolutional network that says the next value of a series."""

    def __init__(self, channels=24):
        super().__init__()
        self.enter = nn.Conv1d(1, channels, 1)
        self.blocks = nn.Sequential(*(TemporalBlock(channels, d) for d in (1, 2, 4)))
        self.leave = nn.Conv1d(channels, 1, 1)

    def forward(self, x):
        return self.leave(self.blocks(self.enter(x)))[:, 0, -1:]

    def normalise(self):
        """Give every convolution a weight of separate length and direction."""
        for module in self.modules():
            if isinstance(module, nn.Conv1d):
                weight_norm(module)
        return self


def waves(count=640, length=32):
    """Windows of noisy sums of two sines, and the value that follows."""
    g = torch.Generator().manual_seed(11)
    t = torch.arange(length + 1.0)
    slow = torch.sin(t / (4 + 4 * torch.rand(count, 1, generator=g)) + 6.28 * torch.rand(count, 1, generator=g))
    fast = torch.sin(t / (0.6 + 0.6 * torch.rand(count, 1, generator=g)) + 6.28 * torch.rand(count, 1, generator=g))
    series = slow + 0.5 * fast + 0.05 * torch.randn(count, length + 1, generator=g)
    return series[:, None, :-1], series[:, -1:]


@pair("optimizer-mismatch", group="training", source="published")
def weights_normalised_under_the_optimizer(sick):
    """Weight normalisation replaces every weight by two new parameters after the optimizer was given the old ones."""
    seeded()
    x, y = waves()
    model = TCN()
    if not sick:
        model.normalise()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    if sick:
        model.normalise()
    return {
        "model": model, "loader": shuffled(TensorDataset(x[:512], y[:512]), 32),
        "val_loader": DataLoader(TensorDataset(x[512:], y[512:]), batch_size=32),
        "loss_fn": nn.MSELoss(), "optimizer": optimizer,
    }  # fmt: skip


def initialise(module):
    """Draw the weights of linear and recurrent layers anew, as new parameters."""
    if isinstance(module, nn.Linear):
        bound = 1 / math.sqrt(module.in_features)
        module.weight = nn.Parameter(torch.empty_like(module.weight).uniform_(-bound, bound))
        module.bias = nn.Parameter(torch.zeros_like(module.bias))
    elif isinstance(module, nn.GRU):
        for name, old in list(module.named_parameters()):
            new = torch.empty_like(old)
            new = nn.init.zeros_(new) if "bias" in name else nn.init.orthogonal_(new)
            setattr(module, name, nn.Parameter(new))


class NextCharacter(nn.Module):
    """The mean entropy of the next character."""

    def forward(self, logits, ids):
        return F.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())


@pair("optimizer-mismatch", group="training", source="own")
def initialised_under_the_optimizer(sick):
    """A home-made initialisation assigns new parameters to the layers after the optimizer was built on the old ones."""
    seeded()
    _, size = characters()
    model = CharGRU(size)
    if sick:
        optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
        model.apply(initialise)
    else:
        model.apply(initialise)
        optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    loader, val = text_loaders()
    return {
        "model": model, "loader": loader, "val_loader": val, "loss_fn": NextCharacter(), "optimizer": optimizer,
        "split": split_text, "causal": True,
    }  # fmt: skip


def split_text(batch):
    """Characters, and the same characters, which the loss shifts."""
    return batch["input_ids"], batch["labels"]
