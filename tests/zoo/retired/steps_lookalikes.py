"""Unusual training steps that are right: look-alikes with several networks, optimizers or moving averages."""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from tests.zoo.program import healthy
from tests.zoo.retired.models_of_steps_data import (
    digit_loaders,
    digits,
    seeded,
    shuffled,
    table,
    topic_loaders,
    topic_words,
)
from tests.zoo.retired.models_of_steps_nets import LeNet, ResNet, distilbert, mlp


class Adversaries(nn.Module):
    """A generator of digits and the discriminator of real ones; forward is the discriminator."""

    def __init__(self, noise=16):
        super().__init__()
        self.noise = noise
        self.generator = nn.Sequential(
            nn.Linear(noise, 32 * 4), nn.ReLU(), nn.Unflatten(1, (32, 2, 2)),
            nn.ConvTranspose2d(32, 16, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(16, 1, 4, 2, 1), nn.Tanh(),
        )  # fmt: skip
        self.discriminator = nn.Sequential(
            nn.Conv2d(1, 16, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(16, 32, 4, 2, 1), nn.LeakyReLU(0.2),
            nn.Flatten(), nn.Linear(128, 1),
        )  # fmt: skip

    def forward(self, images):
        return self.discriminator(images)


def adversarial_step(model, batch, optimizer):
    """Train the discriminator on real and made digits, then the generator through the discriminator."""
    real = batch[0]
    z = torch.randn(len(real), model.noise)
    optimizer["d"].zero_grad()
    made = model.generator(z)
    right, wrong = model.discriminator(real), model.discriminator(made.detach())
    loss = F.softplus(-right).mean() + F.softplus(wrong).mean()
    loss.backward()
    optimizer["d"].step()
    optimizer["g"].zero_grad()
    F.softplus(-model.discriminator(made)).mean().backward()
    optimizer["g"].step()
    return loss.detach()


@healthy(resembles="missing-zero-grad", source="published")
def generator_leaves_gradients_in_the_discriminator():
    """The generator's pass fills the discriminator's gradients, which the discriminator clears before its own pass."""
    seeded()
    x, _, _, _ = digits()
    model = Adversaries()
    return {
        "model": model, "loader": shuffled(TensorDataset(x * 2 - 1), 32), "train_step": adversarial_step,
        "optimizer": {
            "d": torch.optim.Adam(model.discriminator.parameters(), lr=2e-3, betas=(0.5, 0.999)),
            "g": torch.optim.Adam(model.generator.parameters(), lr=2e-3, betas=(0.5, 0.999)),
        },
        "task": "other",
    }  # fmt: skip


class MeanTeacher(nn.Module):
    """A student, and a frozen teacher that is the moving average of the student."""

    def __init__(self, student):
        super().__init__()
        self.student, self.teacher = student, copy.deepcopy(student).requires_grad_(False)

    def forward(self, x):
        return self.student(x)

    @torch.no_grad()
    def follow(self, decay=0.97):
        for t, s in zip(self.teacher.parameters(), self.student.parameters(), strict=True):
            t.lerp_(s, 1 - decay)


def consistent_step(model, batch, optimizer):
    """Learn the labels, and to agree with the teacher on a noisy copy of the pictures."""
    x, y = batch
    optimizer.zero_grad()
    with torch.no_grad():
        taught = model.teacher(x).softmax(1)
    noisy = model.student(x + 0.1 * torch.randn_like(x))
    loss = F.cross_entropy(model(x), y) + 0.5 * (noisy.softmax(1) - taught).square().sum(1).mean()
    loss.backward()
    optimizer.step()
    model.follow()
    return loss.item()


@healthy(resembles="frozen-parameters-change", source="published")
def mean_teacher_follows_its_student():
    """A mean teacher has no gradients, and moves all the same: it is the average of the student, on purpose."""
    seeded()
    loader, val = digit_loaders(batch=32, unit=False)
    model = MeanTeacher(LeNet())
    return {
        "model": model, "loader": loader, "val_loader": val, "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.student.parameters(), lr=2e-3), "train_step": consistent_step,
    }  # fmt: skip


class TurnTaking:
    """Steps the head at every call, and the body at every third."""

    def __init__(self, every=3):
        self.every, self.calls = every, 0

    def train_step(self, model, batch, optimizer):
        self.calls += 1
        optimizer["head"].zero_grad()
        loss = model(**batch).loss
        loss.backward()
        optimizer["head"].step()
        if self.calls % self.every == 0:
            for p in model.distilbert.parameters():
                if p.grad is not None:
                    p.grad.div_(self.every)
            optimizer["body"].step()
            optimizer["body"].zero_grad()
        return loss.detach()


@healthy(resembles="updates-not-applied", source="transformers")
def body_updated_at_every_third_call():
    """The head is updated at every call, and the body at every third with the mean gradient of three calls."""
    seeded()
    loader, val = topic_loaders()
    model = distilbert(topic_words()[2])
    head = [p for n, p in model.named_parameters() if "classifier" in n]
    return {
        "model": model, "loader": loader, "val_loader": val, "train_step": TurnTaking().train_step,
        "optimizer": {
            "head": torch.optim.AdamW(head, lr=2e-3),
            "body": torch.optim.AdamW(model.distilbert.parameters(), lr=4e-3),
        },
    }  # fmt: skip


class WeighedLosses(nn.Module):
    """Two losses, each weighed by an uncertainty that is learned."""

    def __init__(self):
        super().__init__()
        self.log_variance = nn.Parameter(torch.zeros(2))

    def forward(self, outputs, targets):
        digit = F.cross_entropy(outputs[:, :10], targets)
        parity = F.binary_cross_entropy_with_logits(outputs[:, 10], (targets % 2).float())
        both = torch.stack([digit, parity])
        return (both * torch.exp(-self.log_variance) + 0.5 * self.log_variance).sum()


@healthy(resembles="optimizer-mismatch", source="published")
def optimizer_also_holds_the_losses_weights():
    """The optimizer holds two numbers that are not the model's: the uncertainties that the loss learns."""
    seeded()
    loader, val = digit_loaders(batch=32, unit=False)
    model, criterion = LeNet(classes=11), WeighedLosses()
    return {
        "model": model, "loader": loader, "val_loader": val, "loss_fn": criterion, "task": "other",
        "optimizer": torch.optim.Adam([*model.parameters(), *criterion.parameters()], lr=2e-3),
    }  # fmt: skip


class NoisyReport:
    """Evaluates with noise in the weights, to see how flat the minimum is, and puts the very weights back."""

    def __init__(self, spread):
        self.spread = spread

    @torch.no_grad()
    def __call__(self, model, batch):
        model.eval()
        kept = [p.clone() for p in model.parameters()]
        plain = F.cross_entropy(model(batch[0]), batch[1]).item()
        for p in model.parameters():
            p.add_(torch.randn_like(p) * self.spread)
        shaken = F.cross_entropy(model(batch[0]), batch[1]).item()
        for p, old in zip(model.parameters(), kept, strict=True):
            p.copy_(old)
        model.train()
        return {"loss": plain, "sharpness": shaken - plain}


@healthy(resembles="evaluation-changes-model", source="scikit-learn")
def weights_shaken_and_put_back():
    """Evaluation writes noise into the weights to measure sharpness, and copies the weights of before back."""
    seeded()
    loader, val = table("wine", 16)
    model = mlp(13, 32, 32, 3)
    return {
        "model": model, "loader": loader, "val_loader": val, "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=5e-3), "eval_step": NoisyReport(0.05),
    }  # fmt: skip


def swapped_loss(averaged):
    """An evaluation of the averaged copy that `torch.optim.swa_utils` keeps."""

    @torch.no_grad()
    def eval_step(model, batch):
        averaged.eval()
        x, y = batch
        return {"loss": F.cross_entropy(averaged(x), y).item()}

    return eval_step


def averaging_step(averaged):
    """A step after which the averaged copy follows."""

    def train_step(model, batch, optimizer):
        model.train()
        x, y = batch
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        averaged.update_parameters(model)
        return loss.item()

    return train_step


@healthy(resembles="evaluation-changes-model", source="published")
def average_evaluated_in_a_copy():
    """Evaluation runs the average of the weights in a model of its own, and leaves the trained one alone."""
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

    seeded()
    loader, val = digit_loaders(batch=32, unit=False)
    model = ResNet(width=8)
    averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.95), use_buffers=True)
    return {
        "model": model, "loader": loader, "val_loader": val, "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "train_step": averaging_step(averaged), "eval_step": swapped_loss(averaged),
    }  # fmt: skip


class FrozenFeatures(nn.Module):
    """A frozen backbone that stays in eval mode whatever mode is asked for, and a head."""

    def __init__(self, backbone):
        super().__init__()
        self.backbone, self.head = backbone.requires_grad_(False), nn.Linear(16, 2)
        self.backbone.fc = nn.Identity()
        self.train()

    def train(self, mode=True):
        super().train(mode)
        self.backbone.eval()
        return self

    def forward(self, x):
        return self.head(self.backbone(x))


@healthy(resembles="frozen-parameters-change", source="published")
def backbone_that_stays_in_eval_mode():
    """The optimizer lists a frozen backbone too, whose batch norms stay in eval mode by an overridden `train`."""
    seeded()
    x, y, xv, yv = digits(unit=False)
    backbone = ResNet(width=8)
    optimizer = torch.optim.Adam(backbone.parameters(), lr=5e-3)
    for i in range(14):
        optimizer.zero_grad()
        F.cross_entropy(backbone(x[i * 32 : i * 32 + 32]), y[i * 32 : i * 32 + 32]).backward()
        optimizer.step()
    optimizer.zero_grad()
    model = FrozenFeatures(backbone)
    return {
        "model": model, "loader": shuffled(TensorDataset(x, y % 2), 32),
        "val_loader": DataLoader(TensorDataset(xv, yv % 2), batch_size=32), "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=1e-2),
    }  # fmt: skip
