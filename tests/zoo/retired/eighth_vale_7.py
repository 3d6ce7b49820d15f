"""Programs with reported bugs in decisions, rates, softmaxes, summaries and averages, each with its mended twin."""

# mypy: disable-error-code="no-any-return,no-untyped-call"

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.eighth_vale_parts import (
    digits_in_unit_range,
    in_random_order,
    likely_followers,
    loss_of_tokens,
    one_after_another,
    relu_stack,
    seed_all_three,
    train_and_validation,
)


class Ladder(nn.Module):
    """A small network of two scales that marks vessels pixel by pixel."""

    def __init__(self) -> None:
        """Build the layers."""
        super().__init__()
        self.down1, self.down2 = nn.Conv2d(1, 12, 3, padding=1), nn.Conv2d(12, 24, 3, padding=1)
        self.up, self.last = nn.Conv2d(36, 12, 3, padding=1), nn.Conv2d(12, 2, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Logits of background and vessel."""
        fine = F.relu(self.down1(image))
        coarse = F.relu(self.down2(F.max_pool2d(fine, 2)))
        return self.last(F.relu(self.up(torch.cat([fine, F.interpolate(coarse, scale_factor=2)], 1))))


@pair("learning-rate", "overfit-one-batch", group="training", source="published")
def rate_of_another_version(sick: bool) -> Arguments:
    """The script was uploaded with a rate far above the one that had been used, and the loss leaps.

    (juntang-zhuang/LadderNet#1)
    """
    seed_all_three()
    coarse = F.interpolate(torch.randn(320, 1, 4, 4), size=12, mode="bilinear")
    vessel = (coarse.abs() < 0.25).long().squeeze(1)
    images = 0.4 + 0.35 * vessel[:, None] + 0.12 * torch.randn(320, 1, 12, 12)
    train, validation = train_and_validation(images, vessel)
    model = Ladder()
    return {
        "model": model,
        "loader": in_random_order(train, 16),
        "val_loader": one_after_another(validation, 16),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=0.5 if sick else 1e-3),
        "task": "segmentation",
    }


class ScheduledStep:
    """A step of a trainer that moves the schedule once an epoch, or at every batch."""

    def __init__(self, batches: int, every_batch: bool) -> None:
        """Keep the length of an epoch."""
        self.batches, self.every_batch = batches, every_batch
        self.done = 0

    def __call__(
        self,
        model: nn.Module,
        batch: list[Tensor],
        optimizer: torch.optim.Optimizer,
        scheduler: torch.optim.lr_scheduler.LRScheduler,
    ) -> Tensor:
        """One update."""
        optimizer.zero_grad()
        loss = F.cross_entropy(model(batch[0]), batch[1])
        loss.backward()
        optimizer.step()
        self.done += 1
        if self.every_batch or self.done % self.batches == 0:
            scheduler.step()
        return loss.detach()


@pair("lr-schedule", group="training", source="scikit-learn")
def schedule_of_epochs_stepped_by_batches(sick: bool) -> Arguments:
    """The schedule, whose length is in epochs, is stepped at every batch and is through in the first epoch.

    (automl/Auto-PyTorch#210)
    """
    seed_all_three()
    train, validation = train_and_validation(*digits_in_unit_range())
    loader = in_random_order(train, 64)
    epochs = 16
    model = relu_stack(64, 64, 64, 10)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda done: max(1 - done / epochs, 0.0))
    return {
        "model": model,
        "loader": loader,
        "val_loader": one_after_another(validation, 64),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": optimizer,
        "scheduler": scheduler,
        "total_steps": epochs * len(loader),
        "train_step": ScheduledStep(len(loader), every_batch=sick),
    }


class CandidateScorer(nn.Module):
    """Graph convolutions over the mentions of a question, and a score for each candidate answer."""

    def __init__(self, last: nn.Module) -> None:
        """Build the layers."""
        super().__init__()
        self.first, self.second = nn.Linear(12, 48), nn.Linear(48, 48)
        self.score = nn.Sequential(nn.Linear(48, 1), nn.Flatten(1), last)

    def forward(self, mentions: Tensor, edges: Tensor) -> Tensor:
        """One output a candidate; candidates are the first eight mentions."""
        x = F.relu(self.first(mentions))
        x = F.relu(self.second(x + edges @ x))
        return self.score(x[:, :8])


def questions(count: int = 700, mentions: int = 12) -> tuple[Tensor, Tensor, Tensor]:
    """Mentions, their mean matrices, and the candidate that its neighbours favour."""
    nodes = torch.randn(count, mentions, 12)
    edges = (torch.rand(count, mentions, mentions) < 0.3).float()
    edges = edges / edges.sum(2, keepdim=True).clamp(min=1)
    score = (nodes + edges @ nodes) @ torch.randn(12)
    return nodes, edges, score[:, :8].argmax(1)


@pair("loss-input", group="wiring", source="published")
def erroneous_extra_softmax(sick: bool) -> Arguments:
    """The model ends in a softmax, and the cross-entropy has another one (bowang-lab/Transformer-GCN-QA#32)."""
    seed_all_three()
    train, validation = train_and_validation(*questions())
    model = CandidateScorer(nn.Softmax(dim=1) if sick else nn.Identity())
    return {
        "model": model,
        "loader": in_random_order(train),
        "val_loader": one_after_another(validation),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


class BlockSummaries(nn.Module):
    """A language model with causal attention to which each token adds the mean of a block of four."""

    def __init__(self, whole_block: bool, vocabulary: int = 24, width: int = 32) -> None:
        """Build the layers; the summary is of the token's own block, or of the block before it."""
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.position = nn.Parameter(0.1 * torch.randn(16, width))
        self.qkv, self.out, self.summary = nn.Linear(width, 3 * width), nn.Linear(width, width), nn.Linear(width, width)
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary)
        self.whole_block = whole_block

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of the next token at each position."""
        x = self.embedding(tokens) + self.position[: tokens.shape[1]]
        blocks = x.unflatten(1, (-1, 4)).mean(2)
        if not self.whole_block:
            blocks = F.pad(blocks, (0, 0, 1, 0))[:, :-1]
        x = x + self.summary(blocks.repeat_interleave(4, 1))
        query, key, value = self.qkv(self.norm(x)).unflatten(2, (4, -1)).transpose(1, 2).chunk(3, -1)
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.head(x + self.out(mixed.transpose(1, 2).flatten(2)))


@pair("causality", group="wiring", source="published")
def summary_of_the_whole_block(sick: bool) -> Arguments:
    """The mean of a complete block is given back to every position of it, the early ones too.

    (karpathy/nanochat#844)
    """
    seed_all_three()
    tokens = likely_followers(640, 17, 24, seed=11)
    train, validation = train_and_validation(tokens[:, :-1], tokens[:, 1:])
    model = BlockSummaries(whole_block=sick)
    return {
        "model": model,
        "loader": in_random_order(train),
        "val_loader": one_after_another(validation),
        "loss_fn": loss_of_tokens,
        "optimizer": torch.optim.AdamW(model.parameters(), lr=3e-3),
        "task": "language-model",
        "causal": True,
    }


class WithAverage(nn.Module):
    """A denoiser that keeps an exponential average of its weights for sampling."""

    def __init__(self) -> None:
        """Build the layers and the average."""
        super().__init__()
        self.net = relu_stack(64, 96, 64)
        self.average = copy.deepcopy(self.net).requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """The clean image."""
        return self.net(x)

    @torch.no_grad()
    def follow(self, decay: float = 0.98) -> None:
        """Move the average towards the weights."""
        for mean, own in zip(self.average.parameters(), self.net.parameters(), strict=True):
            mean.lerp_(own, 1 - decay)


def denoising_step(model: WithAverage, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """An update of the weights, after which the average follows."""
    optimizer.zero_grad()
    loss = F.mse_loss(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    model.follow()
    return loss.detach()


@torch.no_grad()
def validated_with_average(model: WithAverage, batch: list[Tensor]) -> float:
    """Error under the averaged weights, with the model's own stored beforehand."""
    stored = copy.deepcopy(model.net.state_dict())
    error = validated_after_copy(model, batch)
    model.net.load_state_dict(stored)
    return error


@torch.no_grad()
def validated_after_copy(model: WithAverage, batch: list[Tensor]) -> float:
    """Error under the averaged weights, copied to the model."""
    model.net.load_state_dict(model.average.state_dict())
    return F.mse_loss(model(batch[0]), batch[1]).item()


@pair("evaluation-changes-model", group="training", source="scikit-learn")
def average_copied_and_never_restored(sick: bool) -> Arguments:
    """Validation copies the averaged weights into the model and does not restore its own.

    (PKU-YuanGroup/Open-Sora-Plan#186)
    """
    seed_all_three()
    clean = digits_in_unit_range()[0]
    train, validation = train_and_validation(clean + 0.3 * torch.randn_like(clean), clean)
    model = WithAverage()
    optimizer = torch.optim.Adam(model.net.parameters(), lr=2e-3)
    for _, batch in zip(range(20), in_random_order(train), strict=False):
        denoising_step(model, batch, optimizer)
    return {
        "model": model,
        "loader": in_random_order(train),
        "val_loader": one_after_another(validation),
        "loss_fn": nn.MSELoss(),
        "optimizer": optimizer,
        "train_step": denoising_step,
        "eval_step": validated_after_copy if sick else validated_with_average,
        "task": "regression",
    }
