"""Reported bugs of gradients, padding, rates and first weights, each beside the program as it was mended."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader, Dataset, get_worker_info
from transformers import BertConfig, BertForTokenClassification

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.ninth_cove_parts import dealt, digits_as_images, hit_share, pictures_of_blobs, sow_seeds


class SkillContrast(nn.Module):
    """An agent that tells by the features of two observations which skill led from one to the other."""

    def __init__(self, skill: int, encoder_trained: bool, width: int = 32) -> None:
        super().__init__()
        self.encoder_trained = encoder_trained
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 16, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(144, width),
        )
        self.step_net = nn.Sequential(nn.Linear(2 * width, 64), nn.ReLU(), nn.Linear(64, 16))
        self.skill_net = nn.Sequential(nn.Linear(skill, 64), nn.ReLU(), nn.Linear(64, 16))

    def encode(self, observation: Tensor) -> Tensor:
        if self.encoder_trained:
            return self.encoder(observation)  # type: ignore[no-any-return]
        with torch.no_grad():
            return self.encoder(observation)  # type: ignore[no-any-return]

    def forward(self, observation: Tensor, later: Tensor, skill: Tensor) -> Tensor:
        steps = self.step_net(torch.cat([self.encode(observation), self.encode(later)], 1))
        return F.normalize(self.skill_net(skill), dim=1) @ F.normalize(steps, dim=1).T / 0.2


def skill_against_steps(similarity: Tensor, _: Tensor) -> Tensor:
    """Cross-entropy of every skill with the step of its own among those of the batch."""
    return F.cross_entropy(similarity, torch.arange(len(similarity), device=similarity.device))


@pair("detached-graph", group="wiring")
def observations_encoded_outside_the_graph(sick: bool) -> Arguments:
    """Pixels pass the encoder under no_grad, so that the skill discovery never trains it (rll-research/cic#5)."""
    sow_seeds()
    places = 3 + 6 * torch.rand(640, 2)
    skills = torch.randn(640, 2)
    moved = places + 2 * torch.tanh(skills)
    observations, later = (pictures_of_blobs(each, 12, 1.3) for each in (places, moved))
    model = SkillContrast(2, encoder_trained=not sick)
    return dict(
        model=model,
        loss_fn=skill_against_steps,
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        split=lambda batch: ((batch[0], batch[1], batch[2]), batch[2]),
        forward=lambda model, batch: model(*batch),
        task="other",
        **dealt(observations, later, skills),
    )


class RandomTokens(Dataset[tuple[Tensor, Tensor]]):
    """Sequences drawn when they are asked for, each with whether small tokens are in the majority."""

    def __init__(self, count: int, length: int = 11, letters: int = 16) -> None:
        self.count, self.length, self.letters = count, length, letters
        self.rng = np.random.default_rng(1)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        tokens = self.rng.integers(0, self.letters, self.length)
        many = int((tokens < self.letters // 2).sum() > self.length // 2)
        return torch.tensor(tokens), torch.tensor(many)


def seed_legacy(worker: int) -> None:
    """Give a worker a seed of its own."""
    np.random.seed(torch.initial_seed() % 2**32)


def seed_legacy_and_own(worker: int) -> None:
    """Give a worker a seed of its own, and the generator of its data set too."""
    seed = torch.initial_seed() % 2**32
    np.random.seed(seed)
    info = get_worker_info()
    if info is not None:
        info.dataset.rng = np.random.default_rng(seed)  # type: ignore[attr-defined]


class BagOfTokens(nn.Module):
    """Mean embedding, then two layers."""

    def __init__(self, letters: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(letters, 24)
        self.head = nn.Sequential(nn.Linear(24, 32), nn.ReLU(), nn.Linear(32, 2))

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.tokens(ids).mean(1))  # type: ignore[no-any-return]


@pair("worker-randomness", group="data")
def own_generator_copied_into_every_worker(sick: bool) -> Arguments:
    """Workers seed old numpy, not the Generator they all inherit (kubernetes-sigs/inference-perf#539)."""
    sow_seeds()
    model = BagOfTokens(16)
    return {
        "model": model,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=5e-3),
        "loader": DataLoader(
            RandomTokens(640),
            batch_size=32,
            num_workers=2,
            worker_init_fn=seed_legacy if sick else seed_legacy_and_own,
        ),
    }


PAD = 1


class AttentiveClassifier(nn.Module):
    """A bidirectional LSTM whose last state attends over its outputs."""

    def __init__(self, letters: int, classes: int, packed: bool, width: int = 32) -> None:
        super().__init__()
        self.packed = packed
        self.embedding = nn.Embedding(letters, width, padding_idx=PAD)
        self.lstm = nn.LSTM(width, width, bidirectional=True, batch_first=True)
        self.head = nn.Linear(4 * width, classes)

    def forward(self, ids: Tensor) -> Tensor:
        real = ids != PAD
        embedded = self.embedding(ids)
        if self.packed:
            lengths = real.sum(1).cpu()
            packed = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
            outputs, (hidden, _) = self.lstm(packed)
            outputs, _ = pad_packed_sequence(outputs, batch_first=True, total_length=ids.shape[1])
        else:
            outputs, (hidden, _) = self.lstm(embedded)
        last = torch.cat([hidden[0], hidden[1]], 1)
        scores = (outputs @ last.unsqueeze(2)).squeeze(2) / last.shape[1] ** 0.5
        if self.packed:
            scores = scores.masked_fill(~real, float("-inf"))
        context = (scores.softmax(1).unsqueeze(1) @ outputs).squeeze(1)
        return self.head(torch.cat([context, last], 1))  # type: ignore[no-any-return]


def filled_sentences(batch: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Sequences filled up to the longest of the batch, and their classes."""
    ids, classes = zip(*batch, strict=True)
    return pad_sequence(list(ids), batch_first=True, padding_value=PAD), torch.stack(classes)


def reviews(count: int) -> list[tuple[Tensor, Tensor]]:
    """Token sequences of many lengths whose class is that of the rare words in them."""
    samples = []
    for _ in range(count):
        kind = int(torch.randint(3, (1,)))
        length = int(torch.randint(5, 19, (1,)))
        words = torch.randint(12, 40, (length,))
        at = torch.randperm(length)[: 1 + length // 5]
        words[at] = 2 + 3 * kind + torch.randint(0, 3, (len(at),))
        samples.append((words, torch.tensor(kind)))
    return samples


@pair("padding-leak", group="wiring")
def short_sentences_changed_by_long_neighbours(sick: bool) -> Arguments:
    """Padding is read, so that long neighbours change a short sentence.

    (AnubhavGupta3377/Text-Classification-Models-Pytorch#5)
    """
    sow_seeds()
    samples = reviews(800)
    model = AttentiveClassifier(40, 3, packed=not sick)
    return {
        "model": model,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "loader": DataLoader(samples[:640], batch_size=32, shuffle=True, collate_fn=filled_sentences),  # type: ignore[arg-type]
        "val_loader": DataLoader(samples[640:], batch_size=32, collate_fn=filled_sentences),  # type: ignore[arg-type]
        "eval_step": hit_share,
        "padding_value": PAD,
    }


@pair("learning-rate", group="training", source="scikit-learn")
def step_of_the_example_ten_times_too_long(sick: bool) -> Arguments:
    """The example network diverges at its step size, ten times one that works (jax-ml/jax#159)."""
    sow_seeds()
    images, classes = digits_as_images()
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10)
    )
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=2.0 if sick else 0.2),
        **dealt(images, classes, batch=64),
    )


def tagged(count: int, longest: int = 16) -> list[dict[str, Tensor]]:
    """Sentences of many lengths in which every token has the tag of its group, changed after a negation."""
    samples = []
    for _ in range(count):
        length = int(torch.randint(6, longest + 1, (1,)))
        ids = torch.zeros(longest, dtype=torch.long)
        ids[:length] = torch.randint(2, 30, (length,))
        tags = torch.full((longest,), -100)
        tags[:length] = ids[:length] % 3
        after = torch.nonzero(ids[: length - 1] == 2).squeeze(1) + 1
        tags[after] = 3
        samples.append({"input_ids": ids, "attention_mask": (ids > 0).long(), "labels": tags})
    return samples


@healthy(resembles="padding-leak", source="transformers")
def hidden_states_at_padding_are_not_zero() -> Arguments:
    """States at padding are not zero, but real places do not see them (huggingface/transformers#1225)."""
    sow_seeds()
    config = BertConfig(  # type: ignore[call-arg]
        vocab_size=30,
        hidden_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=96,
        max_position_embeddings=16,
        num_labels=4,
        pad_token_id=0,
    )
    model = BertForTokenClassification(config)
    samples = tagged(800)
    return {
        "model": model,
        "loader": DataLoader(samples[:640], batch_size=16, shuffle=True),  # type: ignore[arg-type]
        "val_loader": DataLoader(samples[640:], batch_size=16),  # type: ignore[arg-type]
        "optimizer": torch.optim.AdamW(model.parameters(), lr=1e-3),
        "padding_value": 0,
    }


class Contextualized(nn.Module):
    """A linear model for every sample: its coefficients are mixed from archetypes by the context."""

    def __init__(self, context: int, features: int, draw: Callable[[int, int], Tensor], archetypes: int = 8) -> None:
        super().__init__()
        self.context = context
        self.encoder = nn.Sequential(nn.Linear(context, 24), nn.ReLU(), nn.Linear(24, archetypes))
        self.archetypes = nn.Parameter(draw(archetypes, features))
        self.offset = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        coefficients = self.encoder(x[:, : self.context]).softmax(1) @ self.archetypes
        return (coefficients * x[:, self.context :]).sum(1) + self.offset  # type: ignore[no-any-return]


def drawn_around_zero(rows: int, columns: int) -> Tensor:
    """Small numbers around zero."""
    return 0.02 * torch.rand(rows, columns) - 0.01


@pair("init-scale", "loss-at-init", group="init", source="scikit-learn")
def archetypes_drawn_between_zero_and_one(sick: bool) -> Arguments:
    """The archetypes start as torch.rand, neither small nor around zero (AdaptInfer/Contextualized#33)."""
    sow_seeds()
    table = load_breast_cancer()
    x = torch.tensor((table.data - table.data.mean(0)) / table.data.std(0), dtype=torch.float32)
    y = torch.tensor(table.target, dtype=torch.float32)
    model = Contextualized(6, 24, torch.rand if sick else drawn_around_zero)
    return dict(
        model=model,
        loss_fn=nn.BCEWithLogitsLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        task="binary",
        **dealt(x, y),
    )
