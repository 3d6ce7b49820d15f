"""Remarks, wines, letters and patches: five broken programs with their twins, and a contrastive pair that is right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from transformers import DistilBertConfig, DistilBertForSequenceClassification, GPT2Config, GPT2LMHeadModel
from transformers.utils.generic import ModelOutput

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fourth_wire_parts import (
    both_parts,
    phrases,
    ragged_loader,
    ragged_remarks,
    reshuffled,
    seed_generators,
    small_digits,
    standard_wines,
)


@pair("runs", group="wiring", source="transformers")
def remarks_longer_than_the_table_of_places(sick: bool) -> Arguments:
    """The sentences have up to 40 tokens, and the configuration has a table of 32 places."""
    seed_generators(51)
    rows, kind = ragged_remarks(480, longest=40, seed=1)
    config = DistilBertConfig(
        vocab_size=50,
        max_position_embeddings=32 if sick else 48,
        dim=32,
        hidden_dim=64,
        n_layers=2,
        n_heads=4,
        initializer_range=0.1,
    )
    config.num_labels = 3
    model = DistilBertForSequenceClassification(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    return {"model": model, "optimizer": optimizer, "loader": ragged_loader(rows, kind, batch=16)}


class TwoSides(nn.Module):
    """One branch for the plain chemistry of a wine and one for its phenols and colour."""

    def __init__(self, second_from: int):
        super().__init__()
        self.second_from = second_from
        self.chemistry = nn.Sequential(nn.Linear(6, 16), nn.ReLU())
        self.colour = nn.Sequential(nn.Linear(13 - second_from, 16), nn.ReLU())
        self.head = nn.Linear(32, 3)

    def forward(self, features: Tensor) -> Tensor:
        chemistry = self.chemistry(features[:, :6])
        colour = self.colour(features[:, self.second_from :])
        scores: Tensor = self.head(torch.cat([chemistry, colour], dim=1))
        return scores


@pair("unused-input", group="wiring", source="scikit-learn")
def column_between_two_slices(sick: bool) -> Arguments:
    """The first branch ends before column 6 and the second begins after it: the flavanoids are read by neither."""
    seed_generators(52)
    model = TwoSides(second_from=7 if sick else 6)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=5e-3),
        **both_parts(*standard_wines(), held_out=34, batch=24),
    )


class LetterGRU(nn.Module):
    """A language model of one GRU."""

    def __init__(self, letters: int = 16, width: int = 48):
        super().__init__()
        self.letters = nn.Embedding(letters, width)
        self.reader = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, letters)

    def forward(self, tokens: Tensor) -> Tensor:
        states, _ = self.reader(self.letters(tokens))
        scores: Tensor = self.head(states)
        return scores


def mean_over_tokens(scores: Tensor, wanted: Tensor) -> Tensor:
    """Cross-entropy, mean over tokens."""
    return F.cross_entropy(scores.flatten(0, 1), wanted.flatten())


def mean_over_tokens_by_their_number(scores: Tensor, wanted: Tensor) -> Tensor:
    """Cross-entropy, mean over tokens, by the number of tokens."""
    return F.cross_entropy(scores.flatten(0, 1), wanted.flatten()) / wanted.numel()


@pair("loss-reduction", group="wiring")
def letters_averaged_a_second_time(sick: bool) -> Arguments:
    """The mean over tokens is divided by the number of tokens once more, and plain SGD hardly moves."""
    seed_generators(53)
    tokens = phrases(700, seed=3)
    model = LetterGRU()
    return dict(
        model=model,
        loss_fn=mean_over_tokens_by_their_number if sick else mean_over_tokens,
        optimizer=torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9),
        **both_parts(tokens[:, :-1].clone(), tokens[:, 1:].clone(), held_out=100, batch=40),
    )


class PatchTransformer(nn.Module):
    """Sixteen patches of 2 by 2, two layers of attention, and the mean of their states."""

    def __init__(self, width: int = 32):
        super().__init__()
        self.patches = nn.Conv2d(1, width, 2, stride=2)
        self.places = nn.Parameter(0.5 * torch.randn(1, 16, width))
        layer = nn.TransformerEncoderLayer(width, 4, 64, dropout=0.0, batch_first=True, norm_first=True)
        self.body = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(width), enable_nested_tensor=False)
        self.head = nn.Linear(width, 10)

    def forward(self, images: Tensor) -> Tensor:
        patches = self.patches(images).flatten(2).transpose(1, 2)
        scores: Tensor = self.head(self.body(patches + self.places).mean(1))
        return scores


def bounded_cross_entropy(scores: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy that is no more than 1, against outliers."""
    return F.cross_entropy(scores, labels).clamp(max=1.0)


@pair("zero-gradient-path", group="wiring", source="scikit-learn")
def loss_kept_below_one(sick: bool) -> Arguments:
    """The loss, which begins at 2.3, is clamped to at most 1 against spikes, and its gradient there is zero."""
    seed_generators(54)
    model = PatchTransformer()
    return dict(
        model=model,
        loss_fn=bounded_cross_entropy if sick else F.cross_entropy,
        optimizer=torch.optim.AdamW(model.parameters(), lr=2e-3),
        **both_parts(*small_digits(1000, seed=2), held_out=200),
    )


class Phrases(Dataset[dict[str, Tensor]]):
    """Phrases as inputs and labels of a language model."""

    def __init__(self, tokens: Tensor, shifts: bool):
        self.tokens, self.shifts = tokens, shifts

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        tokens = self.tokens[index]
        return {"input_ids": tokens[:-1], "labels": tokens[1:] if self.shifts else tokens[:-1]}


@pair("causality", group="wiring", source="transformers")
def labels_moved_before_a_model_that_moves_them(sick: bool) -> Arguments:
    """The data set shifts the labels by one, and so does the model: each position learns the token after the next."""
    seed_generators(55)
    config = GPT2Config(
        vocab_size=16,
        n_positions=32,
        n_embd=32,
        n_layer=2,
        n_head=4,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        initializer_range=0.1,
        bos_token_id=0,
        eos_token_id=0,
    )
    model = GPT2LMHeadModel(config)
    order = torch.Generator().manual_seed(1)
    data = Phrases(phrases(600, seed=5), shifts=sick)
    loader: DataLoader[Any] = DataLoader(data, batch_size=32, shuffle=True, drop_last=True, generator=order)
    return {"model": model, "optimizer": torch.optim.AdamW(model.parameters(), lr=3e-3), "loader": loader}


@dataclass
class Matched(ModelOutput):
    """The loss and the similarities of all left halves to all right halves."""

    loss: Tensor | None = None
    logits_per_left: Tensor | None = None


class HalvesOfImages(nn.Module):
    """Two towers that learn which left half belongs to which right half, after CLIP."""

    def __init__(self) -> None:
        super().__init__()
        self.left = nn.Sequential(nn.Flatten(), nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 32))
        self.right = nn.Sequential(nn.Flatten(), nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 32))
        self.log_scale = nn.Parameter(torch.tensor(2.3))

    def forward(self, left: Tensor, right: Tensor) -> Matched:
        towards = F.normalize(self.left(left), dim=1) @ F.normalize(self.right(right), dim=1).T
        logits = self.log_scale.exp() * towards
        own = torch.arange(len(logits))
        loss = 0.5 * (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own))
        return Matched(loss=loss, logits_per_left=logits)


def cut_in_halves(samples: list[tuple[Tensor]]) -> dict[str, Tensor]:
    """Collate images into their left and right halves."""
    images = torch.stack([image for (image,) in samples])
    return {"left": images[..., :4], "right": images[..., 4:]}


@healthy(resembles="batch-leak", source="published")
def halves_matched_within_the_batch() -> Arguments:
    """Each output compares a sample with all others of its batch, as contrastive learning does on purpose."""
    seed_generators(56)
    images, _ = small_digits(1000)
    model = HalvesOfImages()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return {"model": model, "optimizer": optimizer, "loader": reshuffled(images, collate_fn=cut_in_halves)}
