"""Broken programs and twins: jittered waves, one head per site, circles, padded attention and eight bits."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from sklearn.datasets import make_circles
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset, get_worker_info

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fifth_ahead_parts import (
    Batch,
    Named,
    phased_waves,
    record_loaders,
    scaled_digit_images,
    seed_three_libraries,
    shuffling_loader,
    topic_sentences,
    train_and_val_columns,
    two_hidden_layers,
)


class JitteredWaves(Dataset[Any]):
    """Waves with fresh noise and a random gain each time they are read, from a generator of the data set."""

    def __init__(self, x: Tensor, y: Tensor) -> None:
        self.x, self.y = x, y
        self.rng = np.random.default_rng(0)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        gain = self.rng.uniform(0.7, 1.3)
        noise = self.rng.normal(0, 0.3, tuple(self.x[index].shape))
        return (gain * self.x[index] + torch.from_numpy(noise)).float(), self.y[index]


def reseed_copy_in_worker(_: int) -> None:
    """Give the copy of the data set in this worker a generator seeded by the worker's own seed."""
    info = get_worker_info()
    if info is not None:
        info.dataset.rng = np.random.default_rng(info.seed)  # type: ignore[attr-defined]


def wave_network(classes: int = 4) -> nn.Sequential:
    """Two convolutions along time and a mean."""
    return nn.Sequential(
        nn.Conv1d(2, 16, 7, padding=3),
        nn.ReLU(),
        nn.MaxPool1d(2),
        nn.Conv1d(16, 32, 5, padding=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool1d(1),
        nn.Flatten(),
        nn.Linear(32, classes),
    )


@pair("worker-randomness", group="data")
def generator_of_the_waves_copied_to_workers(sick: bool) -> Arguments:
    """The augmentation draws from a generator made with the data set, of which both workers get the same copy."""
    seed_three_libraries(401)
    model = wave_network()
    return {
        "model": model,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "loader": shuffling_loader(
            JitteredWaves(*phased_waves(512)), 32, num_workers=2, worker_init_fn=None if sick else reseed_copy_in_worker
        ),
    }


class OneHeadPerSite(nn.Module):
    """A trunk for the scans of all hospitals and a calibrated head for each."""

    def __init__(self, listed: bool, sites: int = 4, width: int = 48) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(12, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        heads = {f"site{i}": nn.Linear(width, 1) for i in range(sites)}
        self.heads: Any = nn.ModuleDict(heads) if listed else heads

    def forward(self, x: Tensor, site: Tensor) -> Tensor:
        h = self.trunk(x)
        every = torch.cat([head(h) for head in self.heads.values()], 1)
        return every.gather(1, site[:, None]).squeeze(1)


@pair("unregistered-parameters", group="wiring")
def heads_of_sites_in_a_plain_dictionary(sick: bool) -> Arguments:
    """The heads of the sites live in a Python dict, so that the optimizer never sees them."""
    seed_three_libraries(402)
    x, site = torch.randn(1000, 12), torch.randint(4, (1000,))
    slope, shift = torch.tensor([1.0, -1.0, 0.5, 1.5])[site], torch.tensor([0.0, 0.5, -0.5, 0.2])[site]
    y = slope * torch.tanh(x[:, 0] + x[:, 1] * x[:, 2]) + shift + 0.1 * torch.randn(1000)
    model = OneHeadPerSite(listed=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    loaders = train_and_val_columns(x, site, y)
    return dict(model=model, loss_fn=nn.SmoothL1Loss(), optimizer=optimizer, task="regression", **loaders)


@pair("no-nonlinearity", group="wiring", source="scikit-learn")
def circles_through_linear_layers_alone(sick: bool) -> Arguments:
    """The activations between the linear layers were forgotten, and two circles cannot be told apart by a line."""
    seed_three_libraries(403)
    points, inside = make_circles(800, noise=0.08, factor=0.5, random_state=0)
    x = torch.tensor(points, dtype=torch.float32) * 1.6
    y = torch.tensor(inside, dtype=torch.float32)[:, None]
    first, second, third = nn.Linear(2, 64), nn.Linear(64, 64), nn.Linear(64, 1)
    layers = [first, second, third] if sick else [first, nn.ReLU(), second, nn.ReLU(), third]
    model = nn.Sequential(*layers)
    return dict(
        model=model,
        loss_fn=nn.BCEWithLogitsLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        task="binary",
        **train_and_val_columns(x, y),
    )


class TopicEncoder(nn.Module):
    """A class token that attends to the words, twice."""

    def __init__(self, vocab: int = 60, width: int = 32, length: int = 14) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocab, width)
        self.place = nn.Parameter(0.1 * torch.randn(length + 1, width))
        self.start = nn.Parameter(0.1 * torch.randn(1, 1, width))
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(width, 4, 2 * width, dropout=0.0, batch_first=True) for _ in range(2)
        )
        self.head = nn.Linear(width, 3)

    def forward(self, ids: Tensor, hidden: Tensor) -> Tensor:
        start = self.start.expand(len(ids), -1, -1)
        h = torch.cat([start, self.embed(ids)], 1) + self.place
        for layer in self.layers:
            h = layer(h, src_key_padding_mask=hidden)
        out: Tensor = self.head(h[:, 0])
        return out


def topics_with_real_hidden(model: nn.Module, batch: Named) -> Tensor:
    """The model on one batch, whose mask is true at real tokens."""
    mask = F.pad(batch["mask"], (1, 0), value=True)
    out: Tensor = model(batch["ids"], mask)
    return out


def topics_with_padding_hidden(model: nn.Module, batch: Named) -> Tensor:
    """The model on one batch, whose mask is true at real tokens."""
    mask = F.pad(batch["mask"], (1, 0), value=True)
    out: Tensor = model(batch["ids"], ~mask)
    return out


def ids_and_labels(batch: Named) -> tuple[Tensor, Tensor]:
    """Inputs and targets."""
    return batch["ids"], batch["labels"]


@pair("input-independent-baseline", "padding-leak", group="training")
def attention_that_sees_nothing_but_padding(sick: bool) -> Arguments:
    """The mask is true at real tokens, and torch ignores what is true: the class token sees padding alone."""
    seed_three_libraries(404)
    ids, real, y = topic_sentences(800)
    model = TopicEncoder()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-3),
        forward=topics_with_real_hidden if sick else topics_with_padding_hidden,
        split=ids_and_labels,
        task="classification",
        padding_value=0,
        **record_loaders(ids=ids, mask=real, labels=y),
    )


def rounded(model: nn.Module) -> nn.Module:
    """The model with its weights rounded to sixteen steps per side."""
    with torch.no_grad():
        for p in model.parameters():
            step = p.abs().max().clamp_min(1e-8) / 16
            p.copy_((p / step).round() * step)
    return model


@torch.no_grad()
def accuracy_rounded_in_place(model: nn.Module, batch: Batch) -> float:
    """Accuracy as it will be after quantisation."""
    model.eval()
    right: float = (rounded(model)(batch[0]).argmax(1) == batch[1]).float().mean().item()
    model.train()
    return right


@torch.no_grad()
def accuracy_of_a_rounded_copy(model: nn.Module, batch: Batch) -> float:
    """Accuracy as it will be after quantisation."""
    model.eval()
    right: float = (rounded(copy.deepcopy(model))(batch[0]).argmax(1) == batch[1]).float().mean().item()
    model.train()
    return right


@pair("evaluation-changes-model", group="training", source="scikit-learn")
def weights_left_rounded_by_evaluation(sick: bool) -> Arguments:
    """Evaluation rounds the weights to see what quantisation will cost, on the model itself instead of on a copy."""
    seed_three_libraries(405)
    model = nn.Sequential(nn.Flatten(), two_hidden_layers(64, 64, 10))
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-3),
        eval_step=accuracy_rounded_in_place if sick else accuracy_of_a_rounded_copy,
        **train_and_val_columns(*scaled_digit_images()),
    )


class TwoTowers(nn.Module):
    """Similarities of each query to all documents of the batch."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.query = two_hidden_layers(32, 64, width)
        self.document = two_hidden_layers(32, 64, width)
        self.scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, query: Tensor, document: Tensor) -> Tensor:
        q, d = F.normalize(self.query(query), dim=1), F.normalize(self.document(document), dim=1)
        return self.scale.exp() * q @ d.T


class InBatchLoss(nn.Module):
    """CLIP's loss: each query belongs to the document at its own position."""

    def forward(self, scores: Tensor, _: Tensor) -> Tensor:
        own = torch.arange(len(scores), device=scores.device)
        return (F.cross_entropy(scores, own) + F.cross_entropy(scores.T, own)) / 2


@healthy(resembles="batch-leak", source="published")
def queries_against_documents_of_the_batch() -> Arguments:
    """In-batch negatives as in CLIP: each row of the output compares one query with all documents of the batch."""
    seed_three_libraries(406)
    meaning = torch.randn(900, 6)
    query = meaning @ torch.randn(6, 32) / 6**0.5 + 0.2 * torch.randn(900, 32)
    document = torch.tanh(meaning @ torch.randn(6, 32) / 6**0.5) * 1.5 + 0.2 * torch.randn(900, 32)
    model = TwoTowers()
    return dict(
        model=model,
        loss_fn=InBatchLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        task="other",
        **train_and_val_columns(query, document, torch.arange(900)),
    )
