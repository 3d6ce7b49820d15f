"""Healthy programs that a careless reader would doubt: token types, a slow target, buckets and sums over pixels."""

# mypy: disable-error-code="no-any-return,no-untyped-call,call-arg"

from __future__ import annotations

import copy
import random
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Sampler
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
)

from tests.zoo.program import Arguments, healthy
from tests.zoo.retired.sixth_east_parts import east_ink, east_loader, east_perceptron, east_seed, east_topics


@healthy(resembles="unused-input", source="transformers")
def token_types_and_masks_beside_the_words() -> Arguments:
    """Masks and token types come with every batch; they pick rows and hide places, and have no gradient."""
    east_seed(1)
    config = BertConfig(
        vocab_size=60,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=20,
        num_labels=4,
    )
    model = BertForSequenceClassification(config)
    ids, topics = east_topics(480, length=14)
    ids[:, 0], ids[:, 6], ids[:, 13] = 2, 3, 3
    types = torch.zeros_like(ids)
    types[:, 7:] = 1
    rows = [
        {"input_ids": i, "token_type_ids": t, "attention_mask": torch.ones_like(i), "labels": label}
        for i, t, label in zip(ids, types, topics, strict=True)
    ]
    return {
        "model": model,
        "loader": DataLoader(rows, batch_size=32, shuffle=True),  # type: ignore[arg-type]
        "optimizer": torch.optim.AdamW(model.parameters(), lr=1e-3),
    }


class ActionValues(nn.Module):
    """The values of three actions, and a slow copy of the network for the targets (Mnih et al., 2015)."""

    def __init__(self, states: int = 5, actions: int = 3) -> None:
        super().__init__()
        self.online = east_perceptron(states, actions)
        self.target = copy.deepcopy(self.online).requires_grad_(False)

    def forward(self, state: Tensor) -> Tensor:
        return self.online(state)

    def difference(self, values: Tensor, seen: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """The gap between the value of an action and its reward plus what the slow copy says of the next state."""
        action, reward, after = seen
        with torch.no_grad():
            wanted = reward + 0.8 * self.target(after).amax(1)
        return F.smooth_l1_loss(values.gather(1, action.unsqueeze(1)).squeeze(1), wanted)


def temporal_difference_step(model: ActionValues, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """One step towards reward plus the discounted value that the slow copy gives to the next state."""
    state, action, reward, after = batch
    optimizer.zero_grad()
    loss = model.difference(model(state), (action, reward, after))
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        for slow, fast in zip(model.target.parameters(), model.online.parameters(), strict=True):
            slow.lerp_(fast, 0.02)
    return loss.detach()


@healthy(resembles="detached-graph", source="published")
def values_that_follow_a_slow_target() -> Arguments:
    """The target of Q-learning is made without a graph, from a slow copy that no gradient reaches, as it should be."""
    east_seed(2)
    rng = np.random.RandomState(2)
    state, action = rng.randn(900, 5), rng.randint(0, 3, 900)
    pushes = 0.6 * rng.randn(3, 5)
    after = 0.8 * state + pushes[action] + 0.1 * rng.randn(900, 5)
    reward = np.tanh(after[:, 0] - 0.5 * after[:, 1] ** 2 + 0.5)
    reward = 0.5 * (reward - reward.mean()) / reward.std()
    parts = [torch.tensor(part, dtype=torch.float32) for part in (state, reward, after)]
    model = ActionValues()
    return {
        "model": model,
        "loader": east_loader(parts[0], torch.tensor(action), parts[1], parts[2]),
        "optimizer": torch.optim.Adam(model.online.parameters(), lr=1e-3),
        "train_step": temporal_difference_step,
        "forward": lambda model, batch: model(batch[0]),
        "split": lambda batch: (batch[0], (batch[1], batch[2], batch[3])),
        "loss_fn": model.difference,
        "task": "other",
    }


class LengthBuckets(Sampler[list[int]]):
    """Batches of texts of about the same length, drawn anew and in a new order in each epoch."""

    def __init__(self, lengths: list[int], size: int) -> None:
        self.lengths, self.size = lengths, size
        self.dice = random.Random(5)

    def __len__(self) -> int:
        return len(self.lengths) // self.size

    def __iter__(self) -> Iterator[list[int]]:
        order = sorted(range(len(self.lengths)), key=lambda i: self.lengths[i] + 3 * self.dice.random())
        batches = [order[start : start + self.size] for start in range(0, len(order) - self.size + 1, self.size)]
        self.dice.shuffle(batches)
        return iter(batches)


def padded_texts(rows: list[tuple[Tensor, int]]) -> dict[str, Tensor]:
    """Texts padded to the longest of the batch, with their mask."""
    ids = nn.utils.rnn.pad_sequence([text for text, _ in rows], batch_first=True)
    return {
        "input_ids": ids,
        "attention_mask": (ids != 0).long(),
        "labels": torch.tensor([label for _, label in rows]),
    }


@healthy(resembles="not-shuffled", source="transformers")
def texts_in_buckets_of_their_length() -> Arguments:
    """A batch holds texts of like length, so that the order is no pure chance; their topics are as mixed as ever."""
    east_seed(3)
    ids, topics = east_topics(480, length=16)
    lengths = np.random.RandomState(3).randint(6, 17, 480).tolist()
    texts = [(text[:length], int(topic)) for text, length, topic in zip(ids, lengths, topics, strict=True)]
    config = DistilBertConfig(
        vocab_size=60, dim=32, n_layers=2, n_heads=4, hidden_dim=64, max_position_embeddings=16, num_labels=4
    )
    model = DistilBertForSequenceClassification(config)
    return {
        "model": model,
        "loader": DataLoader(texts, batch_sampler=LengthBuckets(lengths, 24), collate_fn=padded_texts),  # type: ignore[arg-type]
        "optimizer": torch.optim.AdamW(model.parameters(), lr=1e-3),
        "padding_value": 0,
    }


class ConvVAE(nn.Module):
    """A convolutional variational autoencoder (Kingma and Welling, 2014)."""

    def __init__(self, latent: int = 6) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 16, 4, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(256, 48), nn.ReLU()
        )
        self.mean, self.log_variance = nn.Linear(48, latent), nn.Linear(48, latent)
        self.decoder = nn.Sequential(
            nn.Linear(latent, 256),
            nn.ReLU(),
            nn.Unflatten(1, (16, 4, 4)),
            nn.ConvTranspose2d(16, 1, 4, stride=2, padding=1),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        hidden = self.encoder(x)
        mean, log_variance = self.mean(hidden), self.log_variance(hidden)
        return self.decoder(mean + torch.randn_like(mean) * (0.5 * log_variance).exp()), mean, log_variance


def bound_summed_over_pixels(outputs: tuple[Tensor, Tensor, Tensor], target: Tensor) -> Tensor:
    """Pixels and divergence, summed for each image, mean over the images."""
    logits, mean, log_variance = outputs
    pixels = F.binary_cross_entropy_with_logits(logits, target, reduction="none").sum((1, 2, 3))
    divergence = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(1)
    return (pixels + divergence).mean()


@healthy(resembles="loss-at-init", source="published")
def first_loss_of_sixty_four_pixels() -> Arguments:
    """The first loss is 64 · ln 2 ≈ 44, as the theory has it for a sum over 64 pixels and a rate chosen for it."""
    east_seed(4)
    x = east_ink()
    model = ConvVAE()
    return {
        "model": model,
        "loader": east_loader(x, x.clone()),
        "loss_fn": bound_summed_over_pixels,
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }
