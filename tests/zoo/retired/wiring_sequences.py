"""Programs over sequences and groups that look into the future, at padding, or at nothing."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader
from transformers import T5Config, T5ForConditionalGeneration

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.models_of_wiring_parts import adam, batches, digits, letters, start, stretches


class LetterModel(nn.Module):
    """Karpathy's recurrent model of letters."""

    def __init__(self, both_ways: bool) -> None:
        super().__init__()
        self.letters = nn.Embedding(96, 24)
        self.memory = nn.LSTM(24, 64, batch_first=True, bidirectional=both_ways)
        self.head = nn.Linear(128 if both_ways else 64, 96)

    def forward(self, text: torch.Tensor) -> torch.Tensor:
        """Return the logits of each following letter."""
        return self.head(self.memory(self.letters(text))[0])


def letter_loss(logits: torch.Tensor, following: torch.Tensor) -> torch.Tensor:
    """Cross-entropy over all letters of all blocks."""
    return F.cross_entropy(logits.flatten(0, 1), following.flatten())


@pair("causality", group="wiring", source="published")
def next_letter_read_from_both_sides(sick: bool) -> Arguments:
    """The LSTM that foretells the next letter runs both ways, and reads that letter from behind."""
    start()
    blocks = letters("compound", 33, 600)
    model = LetterModel(both_ways=sick)
    return {
        "model": model,
        "loader": batches(blocks[:, :-1], blocks[:, 1:], size=24),
        "loss_fn": letter_loss,
        "optimizer": adam(model, 5e-3),
        "causal": True,
        "task": "language-model",
    }


class Collator:
    """Names the tensors of a batch as T5 asks for them: 24 letters of a text to read, and the 12 after to write."""

    def __init__(self, give_decoder_inputs: bool) -> None:
        self.give_decoder_inputs = give_decoder_inputs

    def __call__(self, rows: list[torch.Tensor]) -> dict[str, torch.Tensor]:
        text = torch.stack(rows) + 2
        read, labels = text[:, :24].contiguous(), text[:, 24:].contiguous()
        batch = {"input_ids": read, "attention_mask": torch.ones_like(read), "labels": labels}
        if self.give_decoder_inputs:
            batch["decoder_input_ids"] = labels.clone()
        return batch


@pair("causality", group="wiring", source="transformers")
def t5_is_fed_its_own_labels(sick: bool) -> Arguments:
    """The collator gives T5 the labels as the decoder's inputs too, unshifted: each letter has only to be copied."""
    start()
    config = T5Config(
        vocab_size=98,
        d_model=48,
        d_kv=12,
        d_ff=96,
        num_layers=2,
        num_heads=4,
        dropout_rate=0.0,
        decoder_start_token_id=0,
        pad_token_id=0,
        eos_token_id=1,
    )
    model = T5ForConditionalGeneration(config)
    rows = list(letters("specialnames", 36, 600))
    return {
        "model": model,
        "loader": DataLoader(rows, batch_size=16, shuffle=True, collate_fn=Collator(give_decoder_inputs=sick)),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=3e-3),
    }


class Attentive(nn.Module):
    """Word vectors, a layer over each, and their average by learnt attention."""

    def __init__(self, attend_to_padding: bool) -> None:
        super().__init__()
        self.attend_to_padding = attend_to_padding
        self.words = nn.Embedding(500, 32)
        self.layer = nn.Sequential(nn.Linear(32, 48), nn.GELU())
        self.score = nn.Sequential(nn.Linear(48, 16), nn.Tanh(), nn.Linear(16, 1, bias=False))
        self.head = nn.Linear(48, 3)

    def pool(self, hidden: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """The mean of the words, weighted by their scores."""
        scores = self.score(hidden).squeeze(-1)
        if not self.attend_to_padding:
            behind = torch.arange(hidden.shape[1])[None] >= lengths[:, None]
            scores = scores.masked_fill(behind, float("-inf"))
        return (scores.softmax(dim=1).unsqueeze(-1) * hidden).sum(dim=1)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Return the logits of the page."""
        return self.head(self.pool(self.layer(self.words(ids)), (ids != 0).sum(dim=1)))


def pad_words(items: list[tuple[list[int], int]]) -> dict[str, torch.Tensor]:
    """Pad to 64 words with zeros."""
    ids = torch.tensor([words + [0] * (64 - len(words)) for words, _ in items])
    return {"ids": ids, "label": torch.tensor([label for _, label in items])}


def words_and_label(batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """What the model takes, and the page."""
    return batch["ids"], batch["label"]


@pair("padding-leak", group="wiring")
def attention_pools_the_padding_too(sick: bool) -> Arguments:
    """The attention that averages the words is not told where they end: padding has a share in every average."""
    start()
    items = stretches(["specialnames", "compound", "formatstrings"], 22, 8)
    model = Attentive(attend_to_padding=sick)
    return {
        "model": model,
        "loader": DataLoader(items, batch_size=32, shuffle=True, collate_fn=pad_words),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": adam(model, 4e-3),
        "split": words_and_label,
        "padding_value": 0,
    }


class MeanOfWords(nn.Module):
    """An average of word vectors over the places that count, and two layers."""

    def __init__(self, inverted: bool) -> None:
        super().__init__()
        self.inverted = inverted
        self.words = nn.Embedding(500, 32, padding_idx=0)
        self.head = nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 3))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Return the logits of the page."""
        padded = ids == 0
        weight = (padded if self.inverted else ~padded).unsqueeze(-1).float()
        mean = (weight * self.words(ids)).sum(dim=1) / weight.sum(dim=1).clamp(min=1)
        return self.head(mean)


def pad_ids(items: list[tuple[list[int], int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Pad to 30 words with zeros."""
    ids = torch.tensor([words + [0] * (30 - len(words)) for words, _ in items])
    return ids, torch.tensor([label for _, label in items])


@pair("constant-output", group="wiring")
def padding_is_kept_and_words_are_dropped(sick: bool) -> Arguments:
    """The mask means padding and is used as if it meant words: the mean is over padding, whose vectors are zero."""
    start()
    items = stretches(["specialnames", "types", "formatstrings"], 29, 12)
    model = MeanOfWords(inverted=sick)
    return {
        "model": model,
        "loader": DataLoader(items, batch_size=24, shuffle=True, collate_fn=pad_ids),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": adam(model, 5e-3),
        "padding_value": 0,
    }


class GroupNormed(nn.Module):
    """A convolution, pooled and normalised in groups, for digits."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 48, 3, stride=2, padding=1), nn.ReLU()
        )
        self.norm, self.head = nn.GroupNorm(groups, 48), nn.Linear(48, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        pooled = self.body(images).amax(dim=(2, 3))
        return self.head(self.norm(pooled))


@pair("constant-output", group="wiring", source="scikit-learn")
def groups_of_a_single_pooled_channel(sick: bool) -> Arguments:
    """Group normalisation with as many groups as channels sees one number each after pooling, and makes it zero."""
    start()
    model = GroupNormed(48 if sick else 4)
    return {
        "model": model,
        "loader": batches(*digits(800)),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": adam(model, 3e-3),
    }
