"""Graphs, norms, splits, task weights and queues: five programs."""

from __future__ import annotations

from itertools import pairwise

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.sixth_dune_parts import batches, digit_images, divided, seeded, table


class MeanAggregation(nn.Module):
    """A layer of GraphSAGE: a node's own features, and the mean of its neighbours'."""

    def __init__(self, inputs: int, outputs: int, guarded: bool) -> None:
        super().__init__()
        self.guarded = guarded
        self.own = nn.Linear(inputs, outputs)
        self.neighbours = nn.Linear(inputs, outputs, bias=False)

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        degree = adjacency.sum(-1, keepdim=True)
        total = adjacency @ self.neighbours(x)
        if self.guarded:
            mean = total / degree.clamp(min=1)
        else:
            mean = torch.where(degree > 0, total / degree, torch.zeros_like(total))
        return F.relu(self.own(x) + mean)


class GraphSage(nn.Module):
    def __init__(self, features: int, guarded: bool) -> None:
        super().__init__()
        self.first = MeanAggregation(features, 32, guarded)
        self.second = MeanAggregation(32, 32, guarded)
        self.head = nn.Linear(32, 2)

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        x = self.second(self.first(x, adjacency), adjacency)
        out: Tensor = self.head(x.mean(1))
        return out


@pair("nonfinite-gradient", group="backward", source="published")
def lone_nodes_divided_by_their_degree(sick: bool) -> Arguments:
    """The mean over neighbours divides by zero for lone nodes, which a where hides from the forward alone."""
    seeded()
    x = torch.randn(500, 12, 6)
    upper = (torch.rand(500, 12, 12) < 0.15).float().triu(1)
    adjacency = upper + upper.transpose(1, 2)
    agreement = (x[:, :, :1] * (adjacency @ x[:, :, :1])).sum((1, 2)) + x[:, :, 1].sum(1)
    model = GraphSage(6, guarded=not sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=5e-3),
        **batches(divided(x, adjacency, (agreement > 0).long(), train=380)),
    )


def perceptron(*widths: int, norm_at_the_end: bool) -> nn.Sequential:
    """Linear layers, each normalised and bent but for the last one."""
    layers: list[nn.Module] = []
    for depth, (inputs, outputs) in enumerate(pairwise(widths), start=2):
        last = depth == len(widths)
        layers.append(nn.Linear(inputs, outputs))
        if norm_at_the_end or not last:
            layers.append(nn.LayerNorm(outputs))
        if not last:
            layers.append(nn.GELU())
    return nn.Sequential(*layers)


@pair("constant-output", group="wiring", source="scikit-learn")
def norm_over_a_single_output(sick: bool) -> Arguments:
    """The last layer, too, gets a LayerNorm, over its only output, which so is the norm's bias for everybody."""
    seeded()
    model = perceptron(10, 48, 48, 1, norm_at_the_end=sick)
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.AdamW(model.parameters(), lr=2e-3),
        **batches(table("diabetes")),
    )


def rows(part: str, seed: int) -> tuple[Tensor, Tensor]:
    """The training or the validation part of the table."""
    x, y = load_breast_cancer(return_X_y=True)
    x_train, x_val, y_train, y_val = train_test_split(x, y, test_size=0.25, stratify=y, random_state=seed)
    x, y = (x_train, y_train) if part == "train" else (x_val, y_val)
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y)


@pair("split-leak", group="data", source="scikit-learn")
def two_splits_with_two_seeds(sick: bool) -> Arguments:
    """Training rows come from one call of the split and validation rows from another one with another seed."""
    seeded()
    (x1, y1), (x2, y2) = rows("train", seed=0), rows("val", seed=1 if sick else 0)
    mean, std = x1.mean(0), x1.std(0)
    model = nn.Sequential(nn.Linear(30, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 2))
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-4),
        **batches((((x1 - mean) / std, y1), ((x2 - mean) / std, y2))),
    )


class TwoTasks(nn.Module):
    """A shared trunk with one head for the digit and one for how much ink there is."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU())
        self.digit, self.ink = nn.Linear(64, 10), nn.Linear(64, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.trunk(x)
        return self.digit(h), self.ink(h)


class DynamicWeights:
    """Weights of tasks by how fast each one's loss fell of late (dynamic weight averaging)."""

    def __init__(self, tasks: int, detached: bool) -> None:
        self.history: list[list[Tensor]] = [[] for _ in range(tasks)]
        self.detached = detached

    def add(self, losses: list[Tensor]) -> None:
        for row, loss in zip(self.history, losses, strict=True):
            row.append(loss.detach() if self.detached else loss)

    def weights(self) -> list[float]:
        if len(self.history[0]) < 2:
            return [1.0] * len(self.history)
        rates = torch.tensor([row[-1].item() / (row[-2].item() + 1e-8) for row in self.history])
        found: list[float] = (len(rates) * (rates / 2.0).softmax(0)).tolist()
        return found


class Trainer:
    """Training of several tasks with weights that follow their losses."""

    def __init__(self, weighting: DynamicWeights) -> None:
        self.weighting = weighting

    def step(self, model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        x, digit, ink = batch
        logits, amount = model(x)
        losses = [F.cross_entropy(logits, digit), F.mse_loss(amount, ink)]
        weights = self.weighting.weights()
        self.weighting.add(losses)
        total = torch.stack([w * loss for w, loss in zip(weights, losses, strict=True)]).sum()
        optimizer.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return total.detach()


@pair("memory-growth", group="training", source="scikit-learn")
def task_losses_remembered_for_their_weights(sick: bool) -> Arguments:
    """The history from which tasks get their weights keeps every loss with its graph."""
    seeded()
    (x, y), _ = digit_images(flat=True)
    ink = x.mean(1, keepdim=True)
    model = TwoTasks()
    return {
        "model": model,
        "loader": DataLoader(TensorDataset(x, y, (ink - ink.mean()) / ink.std()), 32, shuffle=True, drop_last=True),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
        "train_step": Trainer(DynamicWeights(2, detached=not sick)).step,
        "task": "other",
    }


class MomentumContrast(nn.Module):
    """A query encoder, its slowly moving copy, and a queue of the copy's last 128 keys."""

    queue: Tensor

    def __init__(self, width: int = 24, length: int = 128) -> None:
        super().__init__()
        self.query, self.key = self.encoder(width), self.encoder(width)
        self.key.load_state_dict(self.query.state_dict())
        self.key.requires_grad_(False)
        self.register_buffer("queue", F.normalize(torch.randn(length, width), dim=1))

    def encoder(self, width: int) -> nn.Sequential:
        return nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, width))

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        query = F.normalize(self.query(x), dim=1)
        with torch.no_grad():
            key = F.normalize(self.key(y), dim=1)
        alike = (query * key).sum(1, keepdim=True)
        return torch.cat([alike, query @ self.queue.clone().T], dim=1) / 0.2, key

    @torch.no_grad()
    def follow(self, keys: Tensor) -> None:
        for slow, fast in zip(self.key.parameters(), self.query.parameters(), strict=True):
            slow.lerp_(fast, 0.02)
        self.queue.copy_(torch.cat([self.queue[len(keys) :], keys]))


def step_against_the_queue(model: MomentumContrast, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    (x,) = batch
    one, other = (x + 0.3 * torch.randn_like(x) for _ in range(2))
    logits, keys = model(one, other)
    loss = F.cross_entropy(logits, torch.zeros(len(x), dtype=torch.long))
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    model.follow(keys)
    return loss.detach()


@healthy(resembles="memory-growth", source="published")
def queue_of_keys_that_stays_as_long_as_it_is() -> Arguments:
    """Keys go into a queue at every step, without a graph, and as many old ones leave it."""
    seeded()
    (x, _), _ = digit_images(flat=True)
    model = MomentumContrast()
    return {
        "model": model,
        "loader": DataLoader(TensorDataset(x), 32, shuffle=True, drop_last=True),
        "optimizer": torch.optim.Adam(model.query.parameters(), lr=2e-3),
        "train_step": step_against_the_queue,
        "task": "other",
    }
