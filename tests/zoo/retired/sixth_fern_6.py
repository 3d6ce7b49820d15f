"""Programs about panels with a missing next day, patches, groups, sites, sparse gates, and masked attention."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, Sampler, TensorDataset

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.sixth_fern_parts import fern_digits, fern_loaders, fern_seeds, fern_sentences, fern_series


def shop_panel(shops: int = 60, days: int = 21) -> pd.DataFrame:
    """Sales of shops by day, about standard, with the sales of the day before and of the next day."""
    rng = np.random.default_rng(4)
    sales = fern_series(shops, days).numpy()
    frame = pd.DataFrame({
        "shop": np.repeat(np.arange(shops), days),
        "sales": sales.ravel(),
        "price": rng.normal(size=shops * days),
    })  # fmt: skip
    grouped = frame.groupby("shop")["sales"]
    frame["before"] = grouped.shift(1).fillna(0.0)
    frame["next"] = grouped.shift(-1)
    return frame  # type: ignore[no-any-return]


@pair("nonfinite-data", group="data")
def next_day_of_the_last_day(sick: bool) -> Arguments:
    """The target is the shop's next day, which the last day of each shop does not have: its target stays NaN."""
    fern_seeds()
    panel = shop_panel()
    panel = panel.dropna(subset=["shop", "sales", "price"] if sick else ["next"])
    x = torch.tensor(panel[["sales", "price", "before"]].to_numpy(), dtype=torch.float32)
    y = torch.tensor(panel[["next"]].to_numpy(), dtype=torch.float32)
    model = nn.Sequential(nn.Linear(3, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.SmoothL1Loss(), optimizer=optimizer, task="regression", **fern_loaders(x, y))


class PatchMixer(nn.Module):
    """Cuts an image into patches, takes their means and mixes them."""

    def __init__(self, patch: int, width: int = 48) -> None:
        super().__init__()
        self.cut = nn.AvgPool2d(patch)
        patches = (8 // patch) ** 2
        self.norm = nn.BatchNorm1d(patches)
        self.net = nn.Sequential(
            nn.Linear(patches, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 10)
        )

    def forward(self, x: Tensor) -> Any:
        return self.net(self.norm(self.cut(x).flatten(1)))


@pair("capacity", "overfit-one-batch", group="training", source="scikit-learn")
def patch_of_the_whole_image(sick: bool) -> Arguments:
    """The patch has the size of the image: the network sees one mean per image, and no width can make up for it."""
    fern_seeds()
    x, y = fern_digits()
    model = PatchMixer(patch=8 if sick else 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **fern_loaders(x, y))


def linear_decay(total: int, warmup: int) -> Any:
    """The factor of a linear schedule with warm-up."""
    return lambda step: min((step + 1) / warmup, max(0.0, (total - step) / (total - warmup)))


class GroupedStep:
    """A training step that looks at the rate of each group of parameters and moves the schedule on."""

    def __init__(self, in_loop: bool) -> None:
        self.in_loop = in_loop
        self.rates: dict[str, float] = {}

    def __call__(
        self, model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer, scheduler: Any
    ) -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(batch[0]), batch[1])
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        for group in optimizer.param_groups:
            self.rates[group["name"]] = group["lr"]
            if self.in_loop:
                scheduler.step()
        if not self.in_loop:
            scheduler.step()
        return loss.detach()


@pair("lr-schedule", group="training")
def schedule_moves_once_for_each_group(sick: bool) -> Arguments:
    """The schedule counts steps and is moved on for each of five parameter groups: the rate is zero after a fifth."""
    fern_seeds()
    words = fern_sentences(900)
    label = (words[:, 2:10] > 13).sum(1).gt(3).long()
    model = nn.Sequential(nn.Embedding(26, 16), nn.Flatten(), nn.Linear(256, 64), nn.GELU(), nn.Linear(64, 2))
    groups = [
        {"params": [p], "name": name, "weight_decay": 1e-2 if p.ndim > 1 else 0.0}
        for name, p in model.named_parameters()
    ]
    optimizer = torch.optim.AdamW(groups, lr=1e-3)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        scheduler=lr_scheduler.LambdaLR(optimizer, linear_decay(300, 20)),
        train_step=GroupedStep(in_loop=sick),
        total_steps=300,
        **fern_loaders(words, label, batch=64),
    )


class SiteSampler(Sampler[list[int]]):
    """Batches of rows of one site each, or of all sites, in a new order each epoch."""

    def __init__(self, site: Tensor, batch: int, by_site: bool) -> None:
        self.site, self.batch, self.by_site = site, batch, by_site

    def __len__(self) -> int:
        return len(self.site) // self.batch

    def __iter__(self) -> Iterator[list[int]]:
        order = torch.randperm(len(self.site))
        if self.by_site:
            order = order[self.site[order].argsort(stable=True)]
        batches = list(order[: len(self) * self.batch].view(-1, self.batch))
        for i in torch.randperm(len(batches)).tolist():
            yield batches[i].tolist()


@pair("batchnorm-statistics", group="wiring", source="scikit-learn")
def batches_of_one_scanner_each(sick: bool) -> Arguments:
    """Each batch has images of one scanner: BatchNorm takes out the scanner in training and cannot in evaluation."""
    fern_seeds()
    x, y = fern_digits(1280)
    site = torch.arange(1280) % 4
    x = x * torch.tensor([0.4, 1.0, 1.6, 0.7])[site].view(-1, 1, 1, 1) + torch.tensor([-2.0, 0.0, 2.5, 1.5])[site].view(
        -1, 1, 1, 1
    )
    order = torch.randperm(1280)
    x, y, site = x[order], y[order], site[order]
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 24, 3, stride=2, padding=1), nn.BatchNorm2d(24), nn.ReLU(), nn.Flatten(), nn.Linear(384, 10),
    )  # fmt: skip
    return {
        "model": model,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "loader": DataLoader(
            TensorDataset(x[:1024], y[:1024]), batch_sampler=SiteSampler(site[:1024], 32, by_site=sick)
        ),
        "val_loader": DataLoader(TensorDataset(x[1024:], y[1024:]), batch_size=32),
    }


class SparseGateNet(nn.Module):
    """Two of five experts per row; gives the outputs and the entropy of the gate."""

    def __init__(self, eps: float) -> None:
        super().__init__()
        self.gate = nn.Linear(8, 5)
        self.experts = nn.ModuleList(nn.Sequential(nn.Linear(8, 24), nn.ReLU(), nn.Linear(24, 1)) for _ in range(5))
        self.eps = eps

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        score = self.gate(x)
        kept = score >= score.topk(2, 1).values[:, -1:]
        gate = score.masked_fill(~kept, float("-inf")).softmax(1)
        entropy = -(gate * (gate + self.eps).log()).sum(1).mean()
        return (gate * torch.cat([expert(x) for expert in self.experts], 1)).sum(1, keepdim=True), entropy


def squares_less_entropy(outputs: tuple[Tensor, Tensor], target: Tensor) -> Tensor:
    return F.mse_loss(outputs[0], target) - 1e-3 * outputs[1]


@pair("nonfinite-forward", group="backward")
def entropy_of_a_gate_with_zeros(sick: bool) -> Arguments:
    """The entropy of the sparse gate takes the logarithm of the experts not picked: zero times minus infinity."""
    fern_seeds()
    x = torch.randn(800, 8)
    target = torch.where(x[:, :1] > 0, x[:, 1:2], -x[:, 2:3]) + 0.5 * x[:, 3:4].abs()
    target = (target - target.mean()) / target.std()
    model = SparseGateNet(eps=0.0 if sick else 1e-9)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return dict(
        model=model, loss_fn=squares_less_entropy, optimizer=optimizer, task="regression", **fern_loaders(x, target)
    )


class MaskedTagger(nn.Module):
    """A transformer that reads sentences of different lengths and never looks at their padding."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.embedding = nn.Embedding(26, width, padding_idx=0)
        self.place = nn.Parameter(0.1 * torch.randn(16, width))
        self.query, self.key_value = nn.Linear(width, width), nn.Linear(width, 2 * width)
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 64), nn.GELU(), nn.Linear(64, 2))

    def forward(self, tokens: Tensor) -> Any:
        h = self.embedding(tokens) + self.place
        padding = (tokens == 0)[:, None]
        key, value = self.key_value(h).chunk(2, -1)
        score = (self.query(h) @ key.transpose(1, 2) / 32**0.5).masked_fill(padding, float("-inf"))
        h = h + score.softmax(-1) @ value
        return self.head(h.masked_fill(tokens[..., None] == 0, float("-inf")).amax(1))


@healthy(resembles="nonfinite-forward")
def minus_infinity_at_the_padding() -> Arguments:
    """Scores and states at the padding are minus infinity before a softmax and a maximum, which is harmless."""
    fern_seeds()
    words = fern_sentences(700)
    label = (words[:, :8] > 13).sum(1).gt(3).long()
    words[torch.arange(16) >= torch.randint(8, 17, (700, 1))] = 0
    model = MaskedTagger()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(
        model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, padding_value=0, **fern_loaders(words, label)
    )
