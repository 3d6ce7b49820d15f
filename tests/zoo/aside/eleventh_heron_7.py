"""Reported bugs and suspicions: sliding windows, sorted texts, triplets, spectra, and two programs that are right."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from transformers import BertConfig, BertModel

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.eleventh_heron_parts import (
    ALPHABET,
    batches_in_order_of_seed,
    loss_per_character,
    ordered_digits,
    text_windows,
    with_seeds,
)


class WindowedBlock(nn.Module):
    """Causal attention, in some layers only to the last few tokens."""

    def __init__(self, width: int, window: int | None, multiplied: bool) -> None:
        super().__init__()
        self.window, self.multiplied = window, multiplied
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """One layer, under an additive mask."""
        if self.window is not None:
            near = torch.ones_like(mask).tril(-self.window)
            mask = mask * near if self.multiplied else mask.masked_fill(near.bool(), torch.finfo(mask.dtype).min)
        query, key, value = self.qkv(self.norm1(x)).chunk(3, -1)
        scores = query @ key.transpose(1, 2) / key.shape[-1] ** 0.5 + mask
        x = x + self.out(scores.softmax(-1) @ value)
        return x + self.mlp(self.norm2(x))


class WindowedDecoder(nn.Module):
    """A decoder whose every second layer sees a sliding window."""

    def __init__(self, multiplied: bool, width: int = 32, length: int = 32) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(len(ALPHABET), width), nn.Embedding(length, width)
        self.blocks = nn.ModuleList(WindowedBlock(width, window, multiplied) for window in (8, None))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, len(ALPHABET))

    def forward(self, ids: Tensor) -> Tensor:
        """Logits of the next token at every place."""
        length = ids.shape[1]
        mask = torch.full((length, length), torch.finfo(torch.float32).min).triu(1)
        x = self.tokens(ids) + self.places(torch.arange(length))
        for block in self.blocks:
            x = block(x, mask)
        return self.head(self.norm(x))


@pair("causality", group="wiring", source="published")
def additive_mask_times_a_triangle(sick: bool) -> Arguments:
    """Sliding layers multiply an additive mask by a triangle, opening the future (huggingface/transformers#31673)."""
    with_seeds()
    model = WindowedDecoder(multiplied=sick)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    return {
        "model": model,
        "loader": batches_in_order_of_seed(*text_windows()),
        "loss_fn": loss_per_character,
        "optimizer": optimizer,
        "causal": True,
    }


class FastText(nn.Module):
    """The mean of word vectors, and a linear classifier."""

    def __init__(self, words: int, classes: int) -> None:
        super().__init__()
        self.vectors = nn.EmbeddingBag(words, 16)
        self.out = nn.Linear(16, classes)

    def forward(self, words: Tensor) -> Tensor:
        """Logits of the label of each text."""
        return self.out(self.vectors(words))


@pair("not-shuffled", group="data", source="published")
def texts_in_clusters_of_labels(sick: bool) -> Arguments:
    """The lines of the training file come label by label and are read in that order (facebookresearch/fastText#74)."""
    with_seeds()
    label = torch.arange(6).repeat_interleave(150)
    topic = 40 + 20 * label.unsqueeze(1) + torch.randint(0, 20, (900, 14))
    words = torch.where(torch.rand(900, 14) < 0.3, topic, torch.randint(0, 40, (900, 14)))
    model = FastText(160, 6)
    return {
        "model": model,
        "loader": batches_in_order_of_seed(words, label, shuffle=not sick),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=5e-3),
    }


@dataclass
class TripletOutput:
    """The loss of a batch of triplets, and the embeddings of the anchors."""

    loss: Tensor
    embeddings: Tensor


class SentenceEncoder(nn.Module):
    """Mean-pooled BERT, trained on triplets with the euclidean distance."""

    def __init__(self, safe: bool) -> None:
        super().__init__()
        self.safe = safe
        config = BertConfig(
            vocab_size=60,
            hidden_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=16,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
        self.bert = BertModel(config, add_pooling_layer=False)

    def embed(self, ids: Tensor) -> Tensor:
        """One vector of unit length for each sentence."""
        return F.normalize(self.bert(input_ids=ids).last_hidden_state.mean(1), dim=-1)

    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        """Euclidean distance of each pair."""
        if self.safe:
            return torch.linalg.vector_norm(a - b, dim=-1)
        return (a - b).square().sum(-1).sqrt()

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> TripletOutput:
        """Loss with a margin, and embeddings."""
        a, p, n = self.embed(anchor), self.embed(positive), self.embed(negative)
        return TripletOutput(F.relu(self.distance(a, p) - self.distance(a, n) + 0.5).mean(), a)


@pair("nonfinite-gradient", group="backward", source="transformers")
def triplets_whose_sentences_are_equal(sick: bool) -> Arguments:
    """Some anchors equal their positives; zero has no root's gradient (huggingface/sentence-transformers#4033)."""
    with_seeds()
    topic = torch.randint(5, (600,))

    def sentences(of: Tensor) -> Tensor:
        own = 10 + 10 * of.unsqueeze(1) + torch.randint(0, 10, (600, 8))
        return torch.where(torch.rand(600, 8) < 0.6, own, torch.randint(0, 10, (600, 8)))

    anchor, positive = sentences(topic), sentences(topic)
    negative = sentences((topic + torch.randint(1, 5, (600,))) % 5)
    equal = torch.rand(600) < 0.08
    positive[equal] = anchor[equal]
    names = ("anchor", "positive", "negative")
    rows = [dict(zip(names, three, strict=True)) for three in zip(anchor, positive, negative, strict=True)]
    model = SentenceEncoder(safe=not sick)
    return {
        "model": model,
        "loader": DataLoader(rows, 32, shuffle=True, generator=torch.Generator().manual_seed(7)),  # type: ignore[arg-type]
        "optimizer": torch.optim.AdamW(model.parameters(), lr=1e-3),
        "task": "other",
    }


class VoiceConverter(nn.Module):
    """Codes of a mel spectrum through a bottleneck, and the spectrum again."""

    def __init__(self, with_channel: bool) -> None:
        super().__init__()
        self.with_channel = with_channel
        self.encoder = nn.GRU(12, 24, batch_first=True)
        self.bottleneck = nn.Linear(24, 6)
        self.decoder = nn.GRU(6, 24, batch_first=True)
        self.out = nn.Linear(24, 12)

    def forward(self, mel: Tensor) -> Tensor:
        """The spectrum made from the codes."""
        made: Tensor = self.out(self.decoder(self.bottleneck(self.encoder(mel)[0]))[0])
        return made.unsqueeze(1) if self.with_channel else made


@pair("silent-broadcast", group="wiring", source="published")
def spectrum_with_an_extra_channel(sick: bool) -> Arguments:
    """Outputs get an extra axis, and the loss meets every spectrum with every other (auspicious3000/autovc#66)."""
    with_seeds()
    time = torch.arange(16).view(1, -1, 1)
    speed, shape = 0.2 + torch.rand(500, 1, 2), torch.randn(2, 12)
    swing = torch.cos(time * speed + 2 * torch.pi * torch.rand(500, 1, 2)) * (0.5 + torch.rand(500, 1, 2))
    mel = swing @ shape + 0.1 * torch.randn(500, 16, 12)
    model = VoiceConverter(with_channel=sick)
    return {
        "model": model,
        "loader": batches_in_order_of_seed(mel, mel),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=5e-3),
        "task": "regression",
    }


class Encoder(nn.Module):
    """A pre-norm encoder of cloned layers, all redrawn afterwards."""

    def __init__(self, width: int = 32, layers: int = 3) -> None:
        super().__init__()
        self.embed = nn.Linear(8, width)
        self.places = nn.Parameter(0.1 * torch.randn(1, 8, width))
        layer = nn.TransformerEncoderLayer(width, 4, 64, dropout=0.0, batch_first=True, norm_first=True)
        self.layers = nn.ModuleList([copy.deepcopy(layer) for _ in range(layers)])
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, 10)
        for value in self.parameters():
            if value.dim() > 1:
                nn.init.xavier_uniform_(value)

    def forward(self, image: Tensor) -> Tensor:
        """Logits of an image read row by row."""
        x = self.embed(image.squeeze(1)) + self.places
        for layer in self.layers:
            x = layer(x)
        return self.out(self.norm(x).mean(1))


@healthy(resembles="symmetric-init", source="published")
def cloned_layers_redrawn_afterwards() -> Arguments:
    """Layers are copies of one, and drawn anew afterwards, which is fine (harvardnlp/annotated-transformer#9)."""
    with_seeds()
    model = Encoder()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return {
        "model": model,
        "loader": batches_in_order_of_seed(*ordered_digits()),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": optimizer,
    }


@healthy(resembles="loss-reduction")
def saliency_loss_added_up_over_pixels() -> Arguments:
    """The saliency loss is a sum, not a mean, so it looks large; the rate was chosen for it (backseason/PoolNet#44)."""
    with_seeds()
    mask = torch.zeros(400, 1, 16, 16)
    for one in range(400):
        top, left = torch.randint(0, 8, (2,)).tolist()
        mask[one, 0, top : top + 8, left : left + 8] = 1
    pictures = mask * (1 + 0.3 * torch.randn(400, 1, 1, 1)) + 0.5 * torch.randn(400, 1, 16, 16)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 5, padding=2), nn.ReLU(), nn.Conv2d(16, 1, 1)
    )
    return {
        "model": model,
        "loader": batches_in_order_of_seed((pictures - 0.25) / 0.65, mask, size=8),
        "loss_fn": nn.BCEWithLogitsLoss(reduction="sum"),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
    }
