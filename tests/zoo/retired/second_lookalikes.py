"""Healthy training loops that look broken, and two that are, second collection."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any

import torch
from sklearn.decomposition import PCA
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset
from transformers import GPT2Config, GPT2LMHeadModel, get_cosine_schedule_with_warmup

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired import models_second as own

Pair = tuple[Tensor, Tensor]


class Accumulator:
    """Four small batches for one step, counted by the trainer."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.optimizer, self.left = optimizer, 4

    def __call__(self, model: nn.Module, batch: Pair) -> float:
        if self.left == 4:
            self.optimizer.zero_grad()
        loss = F.mse_loss(model(batch[0]), batch[1])
        (loss / 4).backward()
        self.left -= 1
        if self.left == 0:
            self.optimizer.step()
            self.left = 4
        return loss.item()


@healthy(resembles="missing-zero-grad", source="scikit-learn")
def four_batches_for_one_step() -> Arguments:
    """Gradients add up over four batches, and are cleared before the next four."""
    own.seed()
    rows, targets = own.diabetes()
    model = own.perceptron(10, 40, 20, 1, activation=nn.SiLU)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return own.given(model, own.batches(13, rows, targets), F.mse_loss, optimizer, train_step=Accumulator(optimizer))


class MeanTeacher(nn.Module):
    """A student and the moving average of its weights, which is no subject of gradients."""

    def __init__(self, student: nn.Module) -> None:
        super().__init__()
        self.student = student
        self.teacher = copy.deepcopy(student).requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        return self.student(images)


def consistent_step(model: MeanTeacher, batch: Pair, optimizer: torch.optim.Optimizer) -> Tensor:
    """Fit labels and the teacher's view of a noisier image, then move the teacher."""
    images, labels = batch
    optimizer.zero_grad()
    logits = model(images)
    with torch.no_grad():
        wanted = model.teacher(images + 0.1 * torch.randn_like(images))
    loss = F.cross_entropy(logits, labels) + 0.1 * F.mse_loss(logits.softmax(-1), wanted.softmax(-1))
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        for slow, fast in zip(model.teacher.parameters(), model.student.parameters(), strict=True):
            slow.lerp_(fast, 0.02)
    return loss.detach()


@healthy(resembles="frozen-parameters-change", source="published")
def teacher_follows_the_student() -> Arguments:
    """The frozen teacher changes with every step, as the moving average of the trained student."""
    own.seed()
    images, labels = own.digits()
    model = MeanTeacher(own.lenet())
    optimizer = torch.optim.Adam(model.student.parameters(), lr=4e-3)
    return own.given(model, own.batches(32, images, labels), F.cross_entropy, optimizer, train_step=consistent_step)


class Memory:
    """A trainer that remembers losses as numbers and a bounded queue of detached codes."""

    def __init__(self, room: int) -> None:
        self.room, self.codes, self.losses = room, [], []

    def step(self, model: nn.Module, batch: Pair, optimizer: torch.optim.Optimizer) -> float:
        rows, labels = batch
        codes = model[:-1](rows)
        loss = F.cross_entropy(model[-1](codes), labels)
        if self.codes:
            old, kinds = (torch.cat(part) for part in zip(*self.codes, strict=True))
            likeness = F.cosine_similarity(codes[:, None], old[None], dim=-1)
            loss = loss + 0.1 * (likeness * (labels[:, None] != kinds)).relu().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        self.codes = [*self.codes, (codes.detach(), labels)][-self.room :]
        self.losses.append(loss.item())
        return loss.item()


@healthy(resembles="memory-growth", source="scikit-learn")
def queue_of_detached_codes() -> Arguments:
    """The queue holds detached codes of the last eight batches, the history plain numbers."""
    own.seed()
    rows, labels = own.table("wine")
    model = nn.Sequential(nn.Linear(13, 32), nn.Tanh(), nn.Linear(32, 16), nn.Tanh(), nn.Linear(16, 3))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    return own.given(model, own.batches(16, rows, labels), F.cross_entropy, optimizer, train_step=Memory(room=8).step)


def attacked(model: nn.Module, batch: Pair) -> dict[str, float]:
    """Loss on clean images and on images moved along the sign of their gradient."""
    images, labels = batch
    was_training = model.training
    model.eval()
    images = images.clone().requires_grad_()
    loss = F.cross_entropy(model(images), labels)
    (gradient,) = torch.autograd.grad(loss, images)
    with torch.no_grad():
        worse = F.cross_entropy(model(images + 0.1 * gradient.sign()), labels)
    model.train(was_training)
    return {"loss": loss.item(), "attacked": worse.item()}


@healthy(resembles="evaluation-changes-model", source="published")
def evaluation_under_attack() -> Arguments:
    """The evaluation runs a backward pass, but only to the images, and leaves the weights' gradients alone."""
    own.seed()
    images, labels = own.digits()
    model = own.mobilenet()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    loader = own.batches(32, images[:768], labels[:768])
    held_out = DataLoader(TensorDataset(images[768:], labels[768:]), batch_size=32)
    return own.given(model, loader, F.cross_entropy, optimizer, val_loader=held_out, eval_step=attacked)


def in_turns(model: own.BagOfWords, batch: Pair, optimizer: dict[str, torch.optim.Optimizer], step: int) -> float:
    """Train the head on every batch, the word vectors on every third."""
    for each in optimizer.values():
        each.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    optimizer["head"].step()
    if step % 3 == 0:
        optimizer["words"].step()
    return loss.item()


@healthy(resembles="updates-not-applied")
def word_vectors_move_every_third_step() -> Arguments:
    """Two optimizers; that of the word vectors has its turn on every third step."""
    own.seed()
    ids, labels = own.passages()
    model = own.BagOfWords()
    turns = {
        "words": torch.optim.Adam(model.embedding.parameters(), lr=1e-2),
        "head": torch.optim.Adam(model.head.parameters(), lr=3e-3),
    }
    return own.given(model, own.batches(24, ids, labels), F.cross_entropy, turns, train_step=in_turns)


@healthy(resembles="learning-rate", source="published")
def adadelta_at_rate_one() -> Arguments:
    """A rate of 1.0 is Adadelta's own, which scales its steps itself."""
    own.seed()
    images, labels = own.digits()
    convs = (nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3), nn.ReLU(), nn.MaxPool2d(2))
    model = nn.Sequential(*convs, nn.Flatten(), nn.Linear(288, 64), nn.ReLU(), nn.Linear(64, 10), nn.LogSoftmax(-1))
    optimizer = torch.optim.Adadelta(model.parameters(), lr=1.0)
    loader = own.batches(32, images, labels)
    return own.given(model, loader, nn.NLLLoss(), optimizer)


def scheduled(model: nn.Module, batch: dict[str, Tensor], optimizer: Any, scheduler: Any) -> Tensor:
    """Train on one batch of text and move the schedule on."""
    loss = model(**batch).loss
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    scheduler.step()
    optimizer.zero_grad()
    return loss.detach()


@healthy(resembles="lr-schedule", source="transformers")
def cosine_after_a_short_warm_up() -> Arguments:
    """The rate starts at nothing, rises for a twentieth of the run, and sinks to nothing at its very end."""
    own.seed()
    sizes = {"n_embd": 48, "n_layer": 2, "n_head": 4, "resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
    model = GPT2LMHeadModel(GPT2Config(vocab_size=96, n_positions=48, bos_token_id=1, eos_token_id=1, **sizes))
    ids = own.characters(40, 640)
    loader = DataLoader(own.Records(input_ids=ids, labels=ids), batch_size=16, shuffle=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    total = 8 * len(loader)
    return own.given(
        model,
        loader,
        optimizer=optimizer,
        train_step=scheduled,
        causal=True,
        scheduler=get_cosine_schedule_with_warmup(optimizer, total // 20, total),
        total_steps=total,
    )


class CentreLoss(nn.Module):
    """Cross-entropy plus the distance of logits from learnt centres of their classes."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.centres = nn.Parameter(torch.randn(classes, classes))

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(logits, labels) + 0.01 * (logits - self.centres[labels]).square().mean()


@healthy(resembles="optimizer-mismatch", source="scikit-learn")
def centres_of_the_loss_are_trained() -> Arguments:
    """The optimizer holds a tensor that is none of the model's: the centres that the loss learns."""
    own.seed()
    rows, labels = own.table("breast_cancer")
    model, loss_fn = own.perceptron(30, 32, 2, activation=nn.GELU), CentreLoss(2)
    optimizer = torch.optim.SGD([*model.parameters(), *loss_fn.parameters()], lr=0.05, momentum=0.9)
    loader = own.batches(32, rows, labels)
    return own.given(model, loader, loss_fn, optimizer)


def decayed_step(model: nn.Module, batch: Pair, optimizer: torch.optim.Optimizer, every: bool = True) -> Tensor:
    """Train on one batch, with a weight decay written by hand."""
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        for weight in model.parameters():
            if every or weight.requires_grad:
                weight.mul_(1 - 1e-4)
    return loss.detach()


@pair("frozen-parameters-change", group="training", source="scikit-learn")
def decay_by_hand_reaches_the_frozen_projection(sick: bool) -> Arguments:
    """The decay written by hand shrinks all parameters, the frozen principal components among them."""
    own.seed()
    images, labels = own.digits()
    components = PCA(24, whiten=True, random_state=0).fit(images.flatten(1).numpy())
    projection = nn.Linear(64, 24)
    axes = torch.tensor(components.components_ / components.explained_variance_[:, None] ** 0.5)
    projection.weight.data.copy_(axes)
    projection.bias.data.copy_(-axes @ torch.tensor(components.mean_))
    model = nn.Sequential(nn.Flatten(), projection.requires_grad_(False), own.perceptron(24, 48, 10))
    optimizer = torch.optim.Adam([weight for weight in model.parameters() if weight.requires_grad], lr=2e-3)
    loader = own.batches(40, images, labels)
    return own.given(model, loader, F.cross_entropy, optimizer, train_step=partial(decayed_step, every=sick))


def efficiency(outputs: Tensor, runoff: Tensor) -> Tensor:
    """Nash-Sutcliffe efficiency of standardised run-off, as hydrologists report it."""
    return 1 - ((outputs - runoff) ** 2).mean()


def inefficiency(outputs: Tensor, runoff: Tensor) -> Tensor:
    """One minus the Nash-Sutcliffe efficiency of standardised run-off."""
    return 1 - (1 - ((outputs - runoff) ** 2).mean())


@pair("loss-direction", group="wiring")
def skill_score_minimised(sick: bool) -> Arguments:
    """The Nash-Sutcliffe efficiency, which is best at 1, is minimised as if it were a loss."""
    own.seed()
    series, runoff = own.rainfall()
    model = nn.Sequential(nn.Flatten(), nn.Linear(60, 48), nn.SELU(), nn.Linear(48, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return own.given(
        model, own.batches(32, series, runoff), efficiency if sick else inefficiency, optimizer, task="regression"
    )
