"""A transformer with residuals, a fit by LBFGS, a clamped network, an information bottleneck and sparse embeddings."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fourth_step_parts import step_digits, step_loaders, step_seeded, step_table, step_topics


class Sublayer(nn.Module):
    """Normalisation, a layer and dropout, with or without the residual."""

    def __init__(self, layer: nn.Module, width: int, *, residual: bool) -> None:
        super().__init__()
        self.norm, self.layer, self.residual = nn.LayerNorm(width), layer, residual

    def forward(self, x: Tensor) -> Tensor:
        inner = self.layer(self.norm(x))
        return x + inner if self.residual else inner


class SelfAttention(nn.Module):
    """Attention of a sequence to itself."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, 4, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.attention(x, x, x, need_weights=False)[0]


class ResidualReader(nn.Module):
    """A deep and narrow reader of sentences."""

    def __init__(self, *, twice: bool, depth: int = 6, width: int = 32) -> None:
        super().__init__()
        self.words = nn.Embedding(60, width)
        self.places = nn.Parameter(0.1 * torch.randn(20, width))
        self.sublayers = nn.ModuleList()
        for _ in range(depth):
            self.sublayers.append(Sublayer(SelfAttention(width), width, residual=twice))
            feed = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
            self.sublayers.append(Sublayer(feed, width, residual=twice))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 4)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.words(ids) + self.places
        for sublayer in self.sublayers:
            x = x + sublayer(x)
        return self.head(self.norm(x).mean(1))


@pair("exploding-gradients", "init-scale", group="backward", source="published")
def residual_added_inside_and_outside(sick: bool) -> Arguments:
    """The sublayer adds its input and the loop adds it again, so that stream and gradient double twelve times."""
    step_seeded()
    model = ResidualReader(twice=sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-4)
    return dict(
        model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **step_loaders(*step_topics(), batch=16)
    )


def closure_that_adds_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step of LBFGS with a closure of loss and backward."""

    def closure() -> Any:
        loss = F.mse_loss(model(batch[0]), batch[1])
        loss.backward()
        return loss

    return torch.as_tensor(optimizer.step(closure)).detach()


def closure_that_clears_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step of LBFGS with a closure of clearing, loss and backward."""

    def closure() -> Any:
        optimizer.zero_grad()
        loss = F.mse_loss(model(batch[0]), batch[1])
        loss.backward()
        return loss

    return torch.as_tensor(optimizer.step(closure)).detach()


@pair("missing-zero-grad", group="training")
def closure_of_lbfgs_that_never_clears(sick: bool) -> Arguments:
    """The closure, which LBFGS calls several times a step, adds to the gradients and never clears them."""
    step_seeded()
    t = torch.rand(512, 2, generator=torch.Generator().manual_seed(4)) * 2 - 1
    heat = torch.sin(3 * t[:, :1]) * torch.exp(-t[:, 1:]) / 1.2
    model = nn.Sequential(nn.Linear(2, 24), nn.Tanh(), nn.Linear(24, 24), nn.Tanh(), nn.Linear(24, 1))
    return {
        "model": model,
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.LBFGS(model.parameters(), max_iter=4, line_search_fn="strong_wolfe"),
        "train_step": closure_that_adds_step if sick else closure_that_clears_step,
        "loader": [[t[:400], heat[:400]]],
        "val_loader": [[t[400:], heat[400:]]],
    }


class ClampedStep:
    """A step after which the weights are clamped, if a bound is given."""

    def __init__(self, bound: float | None) -> None:
        self.bound = bound

    def __call__(self, model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        loss = F.cross_entropy(model(batch[0]), batch[1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if self.bound is not None:
            with torch.no_grad():
                for p in model.parameters():
                    p.clamp_(-self.bound, self.bound)
        return loss.detach()


@pair("overfit-one-batch", group="training", source="scikit-learn")
def weights_clamped_as_in_a_wasserstein_critic(sick: bool) -> Arguments:
    """A step taken over from a Wasserstein critic clamps all weights to 0.01, with which no classifier can fit."""
    step_seeded()
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(12, 24, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(96, 10),
    )
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        train_step=ClampedStep(0.01 if sick else None),
        **step_loaders(*step_digits()),
    )


class Bottleneck(nn.Module):
    """The deep variational information bottleneck of Alemi et al."""

    def __init__(self, *, prior: bool) -> None:
        super().__init__()
        self.prior = prior
        self.encoder = nn.Sequential(nn.Linear(13, 48), nn.ReLU(), nn.Linear(48, 16))
        self.decoder = nn.Sequential(nn.Linear(8, 24), nn.ReLU(), nn.Linear(24, 3))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, log_variance = self.encoder(x).chunk(2, 1)
        noise = torch.randn_like(mean)
        z = noise if self.prior else mean + noise * torch.exp(log_variance / 2)
        return self.decoder(z), mean, log_variance


def bottleneck_loss(outputs: tuple[Tensor, Tensor, Tensor], y: Tensor) -> Tensor:
    """Cross-entropy, and the divergence of the code from its prior."""
    logits, mean, log_variance = outputs
    divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1).mean()
    return F.cross_entropy(logits, y) + 1e-3 * divergence


@pair("input-independent-baseline", "overfit-one-batch", group="training", source="published")
def code_drawn_from_the_prior(sick: bool) -> Arguments:
    """The classifier gets a code drawn from the prior, not around the encoded input, of which it never sees a thing."""
    step_seeded()
    model = Bottleneck(prior=sick)
    loaders = step_loaders(*step_table("wine"), batch=16)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=bottleneck_loss, optimizer=optimizer, task="classification", **loaders)


class SparseRatings(nn.Module):
    """Matrix factorisation with sparse gradients and a dense correction."""

    def __init__(self, users: int = 60, items: int = 80, rank: int = 4) -> None:
        super().__init__()
        self.users = nn.Embedding(users, rank, sparse=True)
        self.items = nn.Embedding(items, rank, sparse=True)
        for table in (self.users, self.items):
            nn.init.normal_(table.weight, std=0.5)
        self.correction = nn.Sequential(nn.Linear(2 * rank, 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        u, v = self.users(user), self.items(item)
        return (u * v).sum(1) + self.correction(torch.cat([u, v], 1)).squeeze(1)


def two_optimizers_step(
    model: SparseRatings, batch: list[Tensor], optimizer: dict[str, torch.optim.Optimizer]
) -> Tensor:
    """A step of the sparse and the dense optimizer."""
    user, item, rating = batch
    loss = F.mse_loss(model(user, item), rating)
    for each in optimizer.values():
        each.zero_grad()
    loss.backward()
    for each in optimizer.values():
        each.step()
    return loss.detach()


@healthy(resembles="optimizer-mismatch")
def sparse_and_dense_optimizers() -> Arguments:
    """Each of two optimizers misses the other's parameters: one for sparse embeddings, one for the dense rest."""
    step_seeded()
    draw = np.random.default_rng(6)
    kindness, quality = draw.standard_normal(60), draw.standard_normal(80)
    seen = draw.permutation(60 * 80)[:1500]
    user, item = seen // 80, seen % 80
    rating = kindness[user] + quality[item] + 0.3 * draw.standard_normal(1500)
    standard = torch.tensor((rating - rating.mean()) / rating.std(), dtype=torch.float32)
    model = SparseRatings()
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer={
            "sparse": torch.optim.SparseAdam([model.users.weight, model.items.weight], lr=0.01),
            "dense": torch.optim.Adam(model.correction.parameters(), lr=1e-3),
        },
        train_step=two_optimizers_step,
        **step_loaders(torch.tensor(user), torch.tensor(item), standard),
    )
