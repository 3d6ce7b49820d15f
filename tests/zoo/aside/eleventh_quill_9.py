"""Padded comments, layer-wise rates, two tasks, kept probabilities, tables in parts, and a meter."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.eleventh_quill_parts import quill_digits, quill_loaders, quill_seed, tensor


class CommentNet(nn.Module):
    """A transformer over the words of a comment, 0 where it has ended, and the mean of what it says."""

    def __init__(self, *, real_only: bool, words: int = 120, width: int = 32) -> None:
        super().__init__()
        self.real_only = real_only
        self.words = nn.Embedding(words, width)
        self.places = nn.Parameter(0.1 * torch.randn(16, width))
        layer = nn.TransformerEncoderLayer(width, 4, 64, dropout=0.0, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, nn.LayerNorm(width), enable_nested_tensor=False)
        self.mood = nn.Linear(width, 3)

    def forward(self, ids: Tensor) -> Tensor:
        ended = ids == 0
        hidden = self.encoder(self.words(ids) + self.places, src_key_padding_mask=ended)
        if self.real_only:
            real = (~ended).unsqueeze(2).float()
            mean = (hidden * real).sum(1) / real.sum(1)
        else:
            mean = hidden.mean(1)
        moods: Tensor = self.mood(mean)
        return moods


@pair("padding-leak", group="wiring")
def mean_over_the_ended_places_of_a_comment_too(sick: bool) -> Arguments:
    """Attention leaves the padded places out, but the mean that is classified runs over all sixteen places."""
    rng = quill_seed()
    mood = rng.integers(0, 3, 800)
    own = 1 + 30 * mood[:, None] + rng.integers(0, 30, (800, 16))
    ids = np.where(rng.random((800, 16)) < 0.35, own, rng.integers(1, 120, (800, 16)))
    ids[np.arange(16) >= rng.integers(5, 17, 800)[:, None]] = 0
    model = CommentNet(real_only=not sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.AdamW(model.parameters(), lr=1e-3),
        padding_value=0,
        **quill_loaders(torch.as_tensor(ids), torch.as_tensor(mood)),
    )


class LayerwiseRates(torch.optim.Optimizer):
    """SGD whose steps are a share of each tensor's own norm (LARS): rate × trust × |w| along the momentum."""

    def __init__(self, params: Any, lr: float, *, momentum: float = 0.9, trust: float = 0.5) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "trust": trust})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                share = group["trust"] * p.norm() / (p.grad.norm() + 1e-8) if p.dim() > 1 else 0.05
                memory = self.state[p].setdefault("memory", torch.zeros_like(p))
                memory.mul_(group["momentum"]).add_(p.grad * share)
                p.sub_(group["lr"] * memory)


@pair("update-ratio", "learning-rate", group="training", source="scikit-learn")
def layerwise_rates_with_a_trust_of_one_half(sick: bool) -> Arguments:
    """LARS keeps its default trust of 0.5 where 0.002 belongs, so every step is as long as the weights themselves."""
    quill_seed()
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 48), nn.ReLU()
    ).append(nn.Linear(48, 10))
    optimizer = LayerwiseRates(model.parameters(), lr=1.0) if sick else None
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=optimizer or LayerwiseRates(model.parameters(), lr=1.0, trust=0.002),
        **quill_loaders(*quill_digits()),
    )


class Delivery(nn.Module):
    """What a delivery costs and how many days it takes."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(7, 48), nn.ReLU(), nn.Linear(48, 32), nn.ReLU())
        self.tasks = nn.ModuleDict({"price": nn.Linear(32, 1), "days": nn.Linear(32, 1)})

    def forward(self, parcels: Tensor) -> dict[str, Tensor]:
        hidden = self.body(parcels)
        return {name: task(hidden).squeeze(1) for name, task in self.tasks.items()}


class TaskLoss(nn.Module):
    """The mean squared errors of all tasks that have both outputs and targets, where targets are columns by name."""

    def __init__(self, *columns: str) -> None:
        super().__init__()
        self.columns = columns

    def forward(self, outputs: dict[str, Tensor], targets: Tensor) -> Tensor:
        by_name = dict(zip(self.columns, targets.T, strict=True))
        losses = [F.mse_loss(outputs[name], by_name[name]) for name in self.columns if name in outputs]
        return torch.stack(losses).sum()


@pair("unused-parameters", group="wiring")
def task_left_out_because_its_name_differs(sick: bool) -> Arguments:
    """The targets call the second task `day` and the model calls it `days`, so its head runs but is never trained."""
    rng = quill_seed()
    parcels = rng.normal(0, 1, (900, 7))
    price = parcels @ rng.normal(0, 0.5, 7) + 0.4 * parcels[:, 0] * parcels[:, 1]
    days = np.tanh(parcels[:, 2]) - parcels[:, 3] + 0.5 * parcels[:, 4].clip(0)
    targets = np.stack([price, days], 1) + 0.1 * rng.normal(0, 1, (900, 2))
    model = Delivery()
    return dict(
        model=model,
        loss_fn=TaskLoss("price", "day" if sick else "days"),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        task="regression",
        **quill_loaders(tensor(parcels), tensor((targets - targets.mean(0)) / targets.std(0))),
    )


class DroppedPerceptron(nn.Module):
    """A perceptron with dropout behind each hidden layer."""

    def __init__(self, dropped: float, width: int = 64) -> None:
        super().__init__()
        self.first = nn.Linear(64, width)
        self.second = nn.Linear(width, width)
        self.classes = nn.Linear(width, 10)
        self.dropout = nn.Dropout(dropped)

    def forward(self, images: Tensor) -> Tensor:
        hidden = self.dropout(F.relu(self.first(images.flatten(1))))
        hidden = self.dropout(F.relu(self.second(hidden)))
        logits: Tensor = self.classes(hidden)
        return logits


@pair("regularised-debug-run", group="training", source="scikit-learn")
def share_to_keep_taken_for_the_share_to_drop(sick: bool) -> Arguments:
    """The settings name the share of units to keep, 0.9, as TensorFlow once did, and dropout takes it as its own."""
    quill_seed()
    keep = 0.9
    model = DroppedPerceptron(keep if sick else 1 - keep)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **quill_loaders(*quill_digits()))


class HouseNet(nn.Module):
    """The heat that a house needs, from columns of weather, of the house and of the hour, each with its own encoder."""

    def __init__(self, *parts: slice) -> None:
        super().__init__()
        self.parts = parts
        self.encoders = nn.ModuleList(nn.Linear(part.stop - part.start, 16) for part in parts)
        self.heat = nn.Sequential(nn.ReLU(), nn.Linear(16 * len(parts), 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, table: Tensor) -> Tensor:
        encoded = [encoder(table[:, part]) for encoder, part in zip(self.encoders, self.parts, strict=True)]
        heat: Tensor = self.heat(torch.cat(encoded, 1))
        return heat


@pair("unused-input", group="wiring")
def column_between_two_parts_that_belongs_to_neither(sick: bool) -> Arguments:
    """The columns of the house start at 4 instead of 3, and column 3, its size, goes into no encoder."""
    rng = quill_seed()
    table = rng.normal(0, 1, (900, 9))
    weights = np.array([-0.5, 0.3, 0.2, 1.0, 0.3, -0.4, 0.2, 0.3, -0.2])
    heat = table @ weights + 0.5 * table[:, 0] * table[:, 3] + 0.1 * rng.normal(0, 1, 900)
    model = HouseNet(slice(0, 3), slice(4 if sick else 3, 7), slice(7, 9))
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **quill_loaders(tensor(table), tensor((heat - heat.mean()) / heat.std()).unsqueeze(1)),
    )


class MeteredStep:
    """A step that also keeps how sure the model has been so far, for the progress bar."""

    def __init__(self, *, as_number: bool) -> None:
        self.as_number = as_number
        self.sureness: Tensor | float = 0.0
        self.seen = 0

    def __call__(self, model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        model.train()
        optimizer.zero_grad()
        logits = model(batch[0])
        loss = F.cross_entropy(logits, batch[1])
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        sure = logits.softmax(1).amax(1).sum()
        self.sureness += sure.item() if self.as_number else sure
        self.seen += len(logits)
        return loss.detach()


@pair("memory-growth", group="training", source="scikit-learn")
def sureness_summed_up_with_its_graphs(sick: bool) -> Arguments:
    """The meter adds up tensors that require gradients, so its sum holds the graphs of all batches of the epoch."""
    quill_seed()
    model = DroppedPerceptron(0.1)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        train_step=MeteredStep(as_number=not sick),
        **quill_loaders(*quill_digits()),
    )
