"""Forecasts of several hours, tags of films, decay by hand, tied word weights, adapted readers and raw tables."""

# mypy: disable-error-code="no-any-return,no-untyped-call,call-arg"

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_wine
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from transformers import BertConfig, BertModel

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.sixth_east_parts import east_digits, east_loader, east_perceptron, east_seed, east_topics


def hourly_load(hours: int = 420) -> Tensor:
    """The load of a grid: a day, a slow swing and noise with memory, standardised."""
    rng = np.random.RandomState(1)
    memory = np.zeros(hours)
    for hour in range(1, hours):
        memory[hour] = 0.8 * memory[hour - 1] + 0.2 * rng.randn()
    time = np.arange(hours)
    load = np.sin(2 * np.pi * time / 24) + 0.5 * np.sin(2 * np.pi * time / 131) + memory
    return torch.tensor((load - load.mean()) / load.std(), dtype=torch.float32)


def rows_of_forecasts(load: Tensor, with_lead: bool, window: int = 24) -> tuple[Tensor, Tensor]:
    """One row for each window and lead time of 1, 4, 8 or 12 hours, and the load at that time."""
    leads = (1, 4, 8, 12)
    inputs, targets = [], []
    for start in range(len(load) - window - max(leads)):
        past = load[start : start + window]
        for lead in leads:
            extra = torch.tensor([(lead - 6) / 4.0]) if with_lead else past.new_empty(0)
            inputs.append(torch.cat([past, extra]))
            targets.append(load[start + window + lead - 1 : start + window + lead])
    return torch.stack(inputs), torch.stack(targets)


@pair("label-noise", group="data")
def lead_time_missing_from_the_row(sick: bool) -> Arguments:
    """One model is asked for four lead times and is not told which one: each window appears with four targets."""
    east_seed(1)
    x, y = rows_of_forecasts(hourly_load(), with_lead=not sick)
    model = east_perceptron(x.shape[1], 1, 48)
    return {
        "model": model,
        "loader": east_loader(x, y),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


class FocalTags(nn.Module):
    """Focal loss for several tags at once, through a softmax or through a sigmoid of each."""

    def __init__(self, one_of_many: bool, gamma: float = 1.0) -> None:
        super().__init__()
        self.one_of_many, self.gamma = one_of_many, gamma

    def forward(self, logits: Tensor, tags: Tensor) -> Tensor:
        if self.one_of_many:
            log_p = F.log_softmax(logits, dim=1)
            return -(tags * (1 - log_p.exp()) ** self.gamma * log_p).sum(1).mean()
        signs = 2 * tags - 1
        log_p = F.logsigmoid(signs * logits)
        return -((1 - log_p.exp()) ** self.gamma * log_p).mean()


@pair("loss-target", group="wiring")
def focal_softmax_over_several_tags(sick: bool) -> Arguments:
    """The focal loss is the one for one class out of many, and a film has several tags at once, or none."""
    east_seed(2)
    rng = np.random.RandomState(2)
    plots = rng.randn(700, 20)
    scores = plots @ rng.randn(20, 6) / 20**0.5 + 0.2 * rng.randn(700, 6)
    tags = torch.tensor(scores > 0.3, dtype=torch.float32)
    model = east_perceptron(20, 6)
    return {
        "model": model,
        "loader": east_loader(torch.tensor(plots, dtype=torch.float32), tags),
        "loss_fn": FocalTags(one_of_many=sick),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "task": "multilabel",
    }


class TunedDigits(nn.Module):
    """Convolutions learnt before and frozen, and a new head."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 24, 3, padding=1), nn.ReLU()
        )
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(24 * 16, 32), nn.ReLU(), nn.Linear(32, 5))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.trunk(x))


def taught_on_five_digits(x: Tensor, y: Tensor) -> nn.Module:
    """The trunk after a short training on the digits below five."""
    net = TunedDigits()
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    for part in torch.arange(len(x)).split(40) * 4:
        optimizer.zero_grad()
        F.cross_entropy(net(x[part]), y[part]).backward()
        optimizer.step()
    return net.trunk.requires_grad_(False)


def decay_by_hand(model: nn.Module, amount: float, everything: bool) -> None:
    """Decoupled weight decay: shrink the weights a little after each step."""
    with torch.no_grad():
        for parameter in model.parameters():
            if everything or parameter.requires_grad:
                parameter.mul_(1 - amount)


def step_with_decay_of_all(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step, and decay of every weight of the model."""
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    decay_by_hand(model, 2e-3, everything=True)
    return loss.detach()


def step_with_decay_of_the_head(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step, and decay of the weights that are trained."""
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    decay_by_hand(model, 2e-3, everything=False)
    return loss.detach()


@pair("frozen-parameters-change", group="training", source="scikit-learn")
def decay_that_eats_the_frozen_trunk(sick: bool) -> Arguments:
    """Weight decay by hand runs over all parameters, and shrinks the frozen trunk that no gradient repairs."""
    east_seed(3)
    x, y = east_digits(1400)
    model = TunedDigits()
    model.trunk = taught_on_five_digits(x[y < 5], y[y < 5])  # type: ignore[assignment]
    return {
        "model": model,
        "loader": east_loader(x[y >= 5], y[y >= 5] - 5),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.head.parameters(), lr=1e-3),
        "train_step": step_with_decay_of_all if sick else step_with_decay_of_the_head,
    }


class TiedLSTM(nn.Module):
    """A language model whose output weights are its word vectors."""

    def __init__(self, words: int, width: int, spread: float | None) -> None:
        super().__init__()
        self.words = nn.Embedding(words, width)
        if spread is not None:
            nn.init.normal_(self.words.weight, std=spread)
        self.norm = nn.LayerNorm(width)
        self.lstm = nn.LSTM(width, width, batch_first=True)
        self.out = nn.LayerNorm(width)

    def forward(self, ids: Tensor) -> Tensor:
        hidden = self.out(self.lstm(self.norm(self.words(ids)))[0])
        return F.linear(hidden, self.words.weight)


def loss_of_following_words(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy over all places."""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def chained_words(count: int = 400, length: int = 17, words: int = 40) -> Tensor:
    """Sentences of a Markov chain in which each word has three likely successors."""
    rng = np.random.RandomState(4)
    successors = np.stack([rng.permutation(words)[:3] for _ in range(words)])
    sentences = np.zeros((count, length), dtype=np.int64)
    sentences[:, 0] = rng.randint(0, words, count)
    for place in range(1, length):
        sentences[:, place] = successors[sentences[:, place - 1], rng.choice(3, count, p=[0.7, 0.2, 0.1])]
    _, first = np.unique(sentences[:, :-1], axis=0, return_index=True)
    return torch.tensor(sentences[np.sort(first)])


@pair("loss-at-init", group="init")
def tied_vectors_of_unit_spread(sick: bool) -> Arguments:
    """Output weights are tied to word vectors that start as standard normal numbers: the first logits are about ±8."""
    east_seed(4)
    sentences = chained_words()
    model = TiedLSTM(40, 64, spread=None if sick else 0.05)
    return {
        "model": model,
        "loader": east_loader(sentences[:, :-1].clone(), sentences[:, 1:].clone(), size=16),
        "loss_fn": loss_of_following_words,
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "task": "language-model",
        "causal": True,
    }


class AdaptedReader(nn.Module):
    """A frozen encoder whose word vectors get a learnt update of low rank, and a linear layer on top."""

    def __init__(self, encoder: Any, registered: bool, rank: int = 4) -> None:
        super().__init__()
        self.encoder = encoder.requires_grad_(False)
        table = encoder.embeddings.word_embeddings.weight
        down, up = 0.5 * torch.randn(len(table), rank), torch.zeros(rank, table.shape[1])
        self.down = nn.Parameter(down) if registered else down.requires_grad_()
        self.up = nn.Parameter(up) if registered else up.requires_grad_()
        self.head = nn.Linear(table.shape[1], 4)

    def forward(self, ids: Tensor) -> Tensor:
        words = self.encoder.embeddings.word_embeddings(ids) + self.down[ids] @ self.up
        return self.head(self.encoder(inputs_embeds=words).last_hidden_state.mean(1))


def read_before(encoder: Any) -> Any:
    """The encoder after a short training on other texts, of which it tells the first two topics from the last two."""
    head = nn.Linear(encoder.config.hidden_size, 2)
    ids, topics = east_topics(640, seed=12)
    optimizer = torch.optim.Adam([*encoder.parameters(), *head.parameters()], lr=3e-3)
    for part in torch.arange(640).repeat(4).split(64):
        optimizer.zero_grad()
        hidden = encoder(input_ids=ids[part]).last_hidden_state
        F.cross_entropy(head(hidden.mean(1)), topics[part] // 2).backward()
        optimizer.step()
    encoder.zero_grad()
    return encoder


@pair("unregistered-parameters", group="wiring", source="transformers")
def low_rank_update_made_of_mere_tensors(sick: bool) -> Arguments:
    """The update of the word vectors is made of tensors that are no parameters, so that the optimizer never sees it."""
    east_seed(5)
    config = BertConfig(
        vocab_size=60,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=24,
    )
    model = AdaptedReader(read_before(BertModel(config, add_pooling_layer=False)), registered=not sick)
    return {
        "model": model,
        "loader": east_loader(*east_topics()),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-2),
    }


@healthy(resembles="input-scale", source="scikit-learn")
def raw_wine_that_is_normalised_inside() -> Arguments:
    """Alcohol near 13 and proline near 750 reach the model as they are, and a BatchNorm without weights comes first."""
    east_seed(6)
    features, target = load_wine(return_X_y=True)
    model = nn.Sequential(nn.BatchNorm1d(13, affine=False), *east_perceptron(13, 3))
    loader: DataLoader[Any] = DataLoader(
        list(zip(torch.tensor(features, dtype=torch.float32), torch.tensor(target), strict=True)),  # type: ignore[arg-type]
        batch_size=32,
        shuffle=True,
        drop_last=True,
    )
    return {
        "model": model,
        "loader": loader,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
    }
