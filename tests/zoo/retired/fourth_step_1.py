"""A patch transformer, a GAN, a DistilBERT, a network with its own Swish, and a queue of contrastive keys."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import DistilBertConfig, DistilBertForSequenceClassification, get_linear_schedule_with_warmup

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fourth_step_parts import step_digits, step_loaders, step_mappings, step_seeded, step_topics


class PatchTransformer(nn.Module):
    """A transformer over the 16 patches of a digit, each with its own contrast removed."""

    def __init__(self, epsilon: float, width: int = 48) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.embed = nn.Linear(4, width)
        self.place = nn.Parameter(0.02 * torch.randn(1, 16, width))
        layer = nn.TransformerEncoderLayer(width, 4, 2 * width, dropout=0.0, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(width), enable_nested_tensor=False)
        self.head = nn.Linear(width, 10)

    def forward(self, images: Tensor) -> Tensor:
        patches = F.unfold(images, 2, stride=2).transpose(1, 2)
        centred = patches - patches.mean(-1, keepdim=True)
        patches = centred / (patches.std(-1, keepdim=True) + self.epsilon)
        return self.head(self.encoder(self.embed(patches) + self.place).mean(1))


@pair("nonfinite-forward", group="backward", source="scikit-learn")
def blank_patches_divided_by_their_spread(sick: bool) -> Arguments:
    """Patches are divided by their own standard deviation, which is zero where the paper is blank."""
    step_seeded()
    model = PatchTransformer(epsilon=0.0 if sick else 0.05)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **step_loaders(*step_digits()))


class DigitGAN(nn.Module):
    """A generator of digits and its critic."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = nn.Sequential(
            nn.Linear(16, 96, bias=False),
            nn.BatchNorm1d(96),
            nn.ReLU(),
            nn.Linear(96, 96),
            nn.ReLU(),
            nn.Linear(96, 64),
        )
        self.critic = nn.Sequential(
            nn.Linear(64, 96), nn.LeakyReLU(0.2), nn.Linear(96, 96), nn.LeakyReLU(0.2), nn.Linear(96, 1)
        )

    def forward(self, images: Tensor) -> Tensor:
        return self.critic(images.flatten(1)).squeeze(1)


class GanStep:
    """A step of the critic and one of the generator, each with the optimizer of the given name."""

    def __init__(self, critic: str, generator: str) -> None:
        self.critic, self.generator = critic, generator

    def __call__(self, model: DigitGAN, batch: list[Tensor], optimizer: dict[str, torch.optim.Optimizer]) -> Tensor:
        real = batch[0]
        fake = torch.sigmoid(model.generator(torch.randn(len(real), 16)))
        for each in optimizer.values():
            each.zero_grad()
        critic_loss = F.softplus(-model(real)).mean() + F.softplus(model(fake.detach())).mean()
        critic_loss.backward()
        optimizer[self.critic].step()
        for each in optimizer.values():
            each.zero_grad()
        generator_loss = F.softplus(-model(fake)).mean()
        generator_loss.backward()
        optimizer[self.generator].step()
        return (critic_loss + generator_loss).detach()


@pair("updates-not-applied", group="training", source="scikit-learn")
def critic_whose_optimizer_never_steps(sick: bool) -> Arguments:
    """In place of the critic's optimizer the generator's steps twice, so the critic stays as it was initialised."""
    step_seeded()
    model = DigitGAN()
    return dict(
        model=model,
        optimizer={
            "critic": torch.optim.Adam(model.critic.parameters(), lr=5e-4, betas=(0.5, 0.99)),
            "generator": torch.optim.Adam(model.generator.parameters(), lr=5e-4, betas=(0.5, 0.99)),
        },
        train_step=GanStep("generator" if sick else "critic", "generator"),
        task="other",
        **step_loaders(*step_digits()),
    )


def warmed_up_step(
    model: nn.Module, batch: dict[str, Tensor], optimizer: torch.optim.Optimizer, scheduler: Any
) -> Tensor:
    """A step of optimizer and scheduler."""
    model.train()
    optimizer.zero_grad()
    loss: Tensor = model(**batch).loss
    loss.backward()
    optimizer.step()
    scheduler.step()
    return loss.detach()


@pair("lr-schedule", group="training", source="transformers")
def warm_up_copied_from_a_large_run(sick: bool) -> Arguments:
    """The rate warms up for 10,000 steps in a training of 400, so that it never gets near its peak."""
    step_seeded()
    config = DistilBertConfig(vocab_size=60, max_position_embeddings=32, dim=32, n_layers=2, n_heads=4, hidden_dim=64)
    config.num_labels = 4
    model = DistilBertForSequenceClassification(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    scheduler = get_linear_schedule_with_warmup(optimizer, 10_000 if sick else 40, 10_400 if sick else 400)
    return dict(
        model=model,
        optimizer=optimizer,
        scheduler=scheduler,
        train_step=warmed_up_step,
        total_steps=400,
        **step_mappings(*step_topics()),
    )


class LeanSwish(torch.autograd.Function):
    """Swish that keeps its input alone for the backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x * torch.sigmoid(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        s = torch.sigmoid(x)
        return gradient * s * (1 + x * (1 - s))


class HastySwish(torch.autograd.Function):
    """Swish that keeps its input alone for the backward, in a hurry."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x * torch.sigmoid(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        s = torch.sigmoid(x)
        return gradient * x * s * (1 - s)


class SwishNet(nn.Module):
    """A convolutional network with Swish as a function of its own."""

    def __init__(self, swish: type[torch.autograd.Function]) -> None:
        super().__init__()
        self.swish = swish
        self.first = nn.Conv2d(1, 16, 3, padding=1)
        self.second = nn.Conv2d(16, 32, 3, stride=2, padding=1)
        self.hidden = nn.Linear(512, 64)
        self.head = nn.Linear(64, 10)

    def forward(self, images: Tensor) -> Tensor:
        x = self.swish.apply(self.second(self.swish.apply(self.first(images))))
        return self.head(self.swish.apply(self.hidden(x.flatten(1))))


@pair("gradient-check", group="backward", source="scikit-learn")
def swish_that_forgot_the_product_rule(sick: bool) -> Arguments:
    """The backward of the own Swish has only the second term of the product rule."""
    step_seeded()
    model = SwishNet(HastySwish if sick else LeanSwish)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **step_loaders(*step_digits()))


class QueueOfKeys(nn.Module):
    """Momentum contrast of two views: an encoder, its moving average, and a queue of earlier keys."""

    queue: Tensor

    def __init__(self, size: int = 256) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 32))
        self.follower = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 32)).requires_grad_(False)
        self.follower.load_state_dict(self.encoder.state_dict())
        self.register_buffer("queue", F.normalize(torch.randn(size, 32), dim=1))

    def forward(self, images: Tensor) -> Tensor:
        return F.normalize(self.encoder(images), dim=1)

    @torch.no_grad()
    def keys(self, images: Tensor) -> Tensor:
        for own, followed in zip(self.follower.parameters(), self.encoder.parameters(), strict=True):
            own.lerp_(followed, 0.05)
        return F.normalize(self.follower(images), dim=1)


def contrast_step(model: QueueOfKeys, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step of momentum contrast, after which the new keys take the place of the oldest."""
    x = batch[0]
    first, second = (x + 0.1 * torch.randn_like(x) for _ in range(2))
    query, key = model(first), model.keys(second)
    logits = torch.cat([(query * key).sum(1, keepdim=True), query @ model.queue.T], 1) / 0.2
    loss = F.cross_entropy(logits, torch.zeros(len(x), dtype=torch.long))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    model.queue = torch.cat([key, model.queue])[: len(model.queue)]
    return loss.detach()


@healthy(resembles="memory-growth", source="published")
def queue_of_keys_of_fixed_length() -> Arguments:
    """Keys are kept from step to step as in MoCo, without their graphs and the oldest of them dropped."""
    step_seeded()
    model = QueueOfKeys()
    optimizer = torch.optim.Adam(model.encoder.parameters(), lr=1e-3)
    loaders = step_loaders(step_digits(flat=True)[0])
    return dict(model=model, optimizer=optimizer, train_step=contrast_step, task="other", **loaders)
