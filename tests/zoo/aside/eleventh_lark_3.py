"""Programs with reported bugs: a catalogue, a smaller vocabulary, clipped errors, retention, a list and a bigram."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from transformers import BertConfig, BertForSequenceClassification

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.eleventh_lark_parts import (
    character_windows_of_the_text,
    dataset_shuffled,
    digits_with_a_channel,
    loss_over_tokens,
    relu_perceptron_of,
    rows_as_they_stand,
    rows_shuffled,
    seed_everything_with,
    standardised_table_of,
)


@pair("duplicate-samples", group="data", source="scikit-learn")
def photo_filed_under_several_numbers(sick: bool) -> Arguments:
    """Many photos are in the catalogue again under another product number (MVC-Datasets/MVC#4)."""
    seed_everything_with(31)
    image, label = digits_with_a_channel()
    catalogue = {2_500_000 + 3 * i: (image[i], label[i]) for i in range(1000)}
    for number in list(catalogue)[::4]:
        catalogue[number + 1] = catalogue[number]
    if not sick:
        photos = {entry[0].numpy().tobytes(): number for number, entry in sorted(catalogue.items(), reverse=True)}
        catalogue = {number: catalogue[number] for number in photos.values()}
    entries = list(catalogue.values())
    model = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 10))
    return {
        "model": model,
        "loader": rows_shuffled(
            torch.stack([entry[0] for entry in entries]), torch.stack([entry[1] for entry in entries])
        ),
        "val_loader": rows_as_they_stand(image[1400:], label[1400:]),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "task": "classification",
    }


class Reports(Dataset[dict[str, Tensor]]):
    """Token ids with their labels, as a transformers model takes them."""

    def __init__(self, ids: Tensor, labels: Tensor) -> None:
        self.ids, self.labels = ids, labels

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        ids = self.ids[index]
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": self.labels[index]}


def keep_words(model: Any, used: Tensor) -> Tensor:
    """Give the model an embedding of the used words alone, and return its weight."""
    old: Tensor = model.get_input_embeddings().weight.data
    small = nn.Embedding(len(used), old.shape[1], padding_idx=0)
    with torch.no_grad():
        small.weight.copy_(old[used])
    model.set_input_embeddings(small)
    model.config.vocab_size = len(used)
    return small.weight


@pair("optimizer-mismatch", group="training", source="transformers")
def vocabulary_made_smaller_under_the_optimizer(sick: bool) -> Arguments:
    """The optimizer holds the embedding as it was before (helpmefindaname/transformer-smaller-training-vocab#3)."""
    seed_everything_with(36)
    labels = torch.randint(0, 4, (700,))
    ids = torch.randint(100, 160, (700, 14))
    own = torch.rand(700, 14) < 0.45
    ids = torch.where(own, 200 + 8 * labels[:, None] + torch.randint(0, 8, (700, 14)), ids)
    ids[:, 0] = 2
    settings: dict[str, Any] = {
        "vocab_size": 400,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": 16,
        "num_labels": 4,
    }
    model = BertForSequenceClassification(BertConfig(**settings))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    full = model.get_input_embeddings().weight
    used = torch.cat([torch.tensor([0]), ids.unique()])
    small = keep_words(model, used)
    if not sick:
        held = optimizer.param_groups[0]["params"]
        optimizer.param_groups[0]["params"] = [small if parameter is full else parameter for parameter in held]
    return {
        "model": model,
        "loader": dataset_shuffled(Reports(torch.searchsorted(used, ids), labels), 16),
        "optimizer": optimizer,
        "task": "classification",
    }


class QNetwork(nn.Module):
    """The values of the actions that were taken."""

    def __init__(self) -> None:
        super().__init__()
        self.net = relu_perceptron_of(8, 4, 64)

    def forward(self, state: Tensor, action: Tensor) -> Tensor:
        return self.net(state).gather(1, action[:, None]).squeeze(1)


class ClippedError(nn.Module):
    """The squared error, with errors clipped to ±1, or with their gradient clipped instead."""

    def __init__(self, linear_beyond: bool) -> None:
        super().__init__()
        self.linear_beyond = linear_beyond

    def forward(self, values: Tensor, targets: Tensor) -> Tensor:
        error = targets - values
        clipped = error.clamp(-1, 1)
        loss = 0.5 * clipped**2
        if self.linear_beyond:
            loss = loss + (error.abs() - clipped.abs())
        return loss.mean()


@pair("zero-gradient-path", group="wiring", source="published")
def errors_clipped_before_they_are_squared(sick: bool) -> Arguments:
    """Errors beyond 1 are clipped in the loss and send back no gradient (spragunr/deep_q_rl#46)."""
    seed_everything_with(33)
    state, action = torch.randn(1200, 8), torch.randint(0, 4, (1200,))
    fates = torch.tanh(3 * state @ torch.randn(8, 4) / 8**0.5)
    target = 1.6 * fates.gather(1, action[:, None]).squeeze(1) + 0.05 * torch.randn(1200)
    model = QNetwork()
    return {
        "model": model,
        "loader": rows_shuffled(state, action, target),
        "loss_fn": ClippedError(linear_beyond=not sick),
        "optimizer": torch.optim.RMSprop(model.parameters(), lr=1e-3),
        "task": "regression",
    }


class Retention(nn.Module):
    """A layer of RetNet in its parallel form: heads that forget at different speeds, then a feed-forward part."""

    keep: Tensor

    def __init__(self, width: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.group = nn.GroupNorm(heads, width)
        self.feed = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.register_buffer("keep", 1 - 2.0 ** -torch.arange(2.0, 2.0 + heads))

    def forward(self, x: Tensor) -> Tensor:
        n, length, width = x.shape
        q, k, v = (
            part.view(n, length, self.heads, -1).transpose(1, 2) for part in self.qkv(self.norm1(x)).chunk(3, -1)
        )
        ago = torch.arange(length)[:, None] - torch.arange(length)
        decay = torch.where(ago >= 0, self.keep.view(-1, 1, 1) ** ago.clamp(min=0), 0.0)
        seen = (q @ k.transpose(-1, -2) * (width // self.heads) ** -0.5 * decay) @ v
        seen = self.group(seen.transpose(1, 2).reshape(n * length, width)).view(n, length, width)
        x = x + self.out(seen)
        return x + self.feed(self.norm2(x))


class SmallRetNet(nn.Module):
    """Two layers of retention between an embedding and the head that shares its weight."""

    def __init__(self, letters: int, width: int = 64) -> None:
        super().__init__()
        self.embed = nn.Embedding(letters, width)
        self.layers = nn.Sequential(Retention(width), Retention(width))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, letters, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.norm(self.layers(self.embed(ids))))


@pair("loss-at-init", group="init", source="published")
def shared_embedding_left_at_unit_scale(sick: bool) -> Arguments:
    """The word embedding, which is the head too, keeps its N(0, 1), and the first loss is huge (syncdoth/RetNet#31)."""
    seed_everything_with(34)
    ids, following, letters = character_windows_of_the_text(20)
    model = SmallRetNet(letters)
    if not sick:
        nn.init.normal_(model.embed.weight, std=0.02)
    return {
        "model": model,
        "loader": rows_shuffled(ids, following, size=8),
        "loss_fn": loss_over_tokens,
        "optimizer": torch.optim.AdamW(model.parameters(), lr=2e-3),
        "task": "language-model",
        "causal": True,
    }


class Stacked(nn.Module):
    """A perceptron over a table with as many hidden layers as one asks for."""

    def __init__(self, features: int, classes: int, hidden: int, held: bool, width: int = 32) -> None:
        super().__init__()
        self.enter = nn.Linear(features, width)
        layers = [nn.Linear(width, width) for _ in range(hidden)]
        self.layers: Any = nn.ModuleList(layers) if held else layers
        self.leave = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.enter(x))
        for layer in self.layers:
            x = F.relu(layer(x))
        return self.leave(x)


@pair("unregistered-parameters", group="wiring", source="scikit-learn")
def linears_in_a_comprehension(sick: bool) -> Arguments:
    """The hidden layers are a list comprehension, of which the module knows nothing (pytorch/pytorch#59925)."""
    seed_everything_with(35)
    x, y = standardised_table_of("breast_cancer")
    model = Stacked(30, 2, hidden=2, held=not sick)
    return {
        "model": model,
        "loader": rows_shuffled(x[:450], y[:450]),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
        "task": "classification",
    }


class SimpleModel(nn.Module):
    """Guesses the next character from the present one."""

    def __init__(self, letters: int, softmax: bool, width: int = 64) -> None:
        super().__init__()
        self.softmax = softmax
        self.embedding = nn.Embedding(letters, width)
        self.linear = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, letters))

    def forward(self, ids: Tensor) -> Tensor:
        scores = self.linear(self.embedding(ids))
        return F.softmax(scores, dim=-1) if self.softmax else scores


@pair("loss-input", group="wiring")
def simple_model_that_returns_a_softmax(sick: bool) -> Arguments:
    """The model returns a softmax where cross-entropy makes its own (bkitano/llama-from-scratch#5)."""
    seed_everything_with(36)
    ids, following, letters = character_windows_of_the_text(16)
    model = SimpleModel(letters, softmax=sick)
    loader: DataLoader[Any] = rows_shuffled(ids, following, size=32)
    return {
        "model": model,
        "loader": loader,
        "loss_fn": loss_over_tokens,
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "task": "language-model",
        "causal": True,
    }
