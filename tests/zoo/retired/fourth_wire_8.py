"""Genres, phrases and patches: three broken programs with their twins, and two look-alikes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from sklearn.datasets import make_moons
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import DistilBertConfig, DistilBertModel, GPT2Config, GPT2Model
from transformers.utils.generic import ModelOutput

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fourth_wire_parts import (
    both_parts,
    noised,
    ragged_loader,
    ragged_remarks,
    remarks,
    reshuffled,
    seed_generators,
    small_digits,
)


class PlotReader(nn.Module):
    """The mean embedding of a plot's words, and a score of each genre."""

    def __init__(self, genres: int):
        super().__init__()
        self.words = nn.EmbeddingBag(60, 32, mode="mean")
        self.net = nn.Sequential(nn.Linear(32, 48), nn.ReLU(), nn.Linear(48, genres))

    def forward(self, tokens: Tensor) -> Tensor:
        scores: Tensor = self.net(self.words(tokens))
        return scores


def plots(count: int, genres: int = 6) -> tuple[Tensor, Tensor]:
    """Plots of sixteen words with one to three genres, each of which adds three of its own five words."""
    draw = torch.Generator().manual_seed(13)
    tokens = torch.randint(5 * genres, 60, (count, 16), generator=draw)
    labels = torch.zeros(count, genres)
    for row in range(count):
        present = torch.randperm(genres, generator=draw)[: 1 + row % 3]
        labels[row, present] = 1
        for slot, genre in enumerate(present.tolist()):
            tokens[row, 4 * slot : 4 * slot + 3] = 5 * genre + torch.randint(5, (3,), generator=draw)
    return tokens, labels


@pair("loss-target", group="wiring")
def genres_that_compete(sick: bool) -> Arguments:
    """A plot may have three genres at once, and the softmax of cross-entropy makes them share one probability."""
    seed_generators(81)
    model = PlotReader(6)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss() if sick else nn.BCEWithLogitsLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=5e-3),
        **both_parts(*plots(900), held_out=180),
    )


class PhraseClassifier(nn.Module):
    """A small GPT-2 as encoder, of which one position is read."""

    def __init__(self, position: int):
        super().__init__()
        self.position = position
        config = GPT2Config(
            vocab_size=50,
            n_positions=16,
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
        self.body = GPT2Model(config)
        self.head = nn.Linear(32, 3)

    def forward(self, tokens: Tensor) -> Tensor:
        states = self.body(input_ids=tokens, use_cache=False).last_hidden_state
        scores: Tensor = self.head(states[:, self.position])
        return scores


@pair("constant-output", group="wiring", source="transformers")
def causal_states_read_at_the_opening_token(sick: bool) -> Arguments:
    """The first position is read as in BERT, but under a causal mask it sees only the opening token of all phrases."""
    seed_generators(82)
    tokens, kind = remarks(800, seed=9)
    opened = torch.cat([torch.zeros(len(tokens), 1, dtype=torch.long), tokens], dim=1)
    model = PhraseClassifier(position=0 if sick else -1)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.AdamW(model.parameters(), lr=2e-3),
        **both_parts(opened, kind, held_out=160),
    )


class ClassTokenViT(nn.Module):
    """A vision transformer on sixteen patches that is read at an extra token."""

    token: Tensor

    def __init__(self, registered: bool, width: int = 32):
        super().__init__()
        self.patches = nn.Conv2d(1, width, 2, stride=2)
        self.places = nn.Parameter(0.3 * torch.randn(1, 17, width))
        token = 0.3 * torch.randn(1, 1, width)
        self.token = nn.Parameter(token) if registered else token.requires_grad_()
        layer = nn.TransformerEncoderLayer(width, 4, 64, dropout=0.0, batch_first=True, norm_first=True)
        self.body = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(width), enable_nested_tensor=False)
        self.head = nn.Linear(width, 10)

    def forward(self, images: Tensor) -> Tensor:
        patches = self.patches(images).flatten(2).transpose(1, 2)
        states = torch.cat([self.token.expand(len(images), -1, -1), patches], dim=1) + self.places
        scores: Tensor = self.head(self.body(states)[:, 0])
        return scores


@pair("unregistered-parameters", group="wiring", source="published")
def class_token_as_a_bare_tensor(sick: bool) -> Arguments:
    """The class token requires a gradient and gets one, but it is no Parameter, and no optimizer moves it."""
    seed_generators(83)
    model = ClassTokenViT(registered=not sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.AdamW(model.parameters(), lr=2e-3),
        **both_parts(*small_digits(1000, seed=5), held_out=200),
    )


class ModulatedBlock(nn.Module):
    """A residual block whose norm is scaled, shifted and gated by the time, all of which begins at zero, as in DiT."""

    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.net = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.modulation = nn.Linear(width, 3 * width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, states: Tensor, time: Tensor) -> Tensor:
        scale, shift, gate = self.modulation(time).chunk(3, dim=1)
        change: Tensor = self.net(self.norm(states) * (1 + scale) + shift)
        moved: Tensor = states + gate * change
        return moved


class NoiseOfMoons(nn.Module):
    """Predicts the noise in a point of the plane; its last layer begins at zero."""

    def __init__(self, width: int = 64):
        super().__init__()
        self.point = nn.Linear(2, width)
        self.time = nn.Sequential(nn.Linear(1, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        self.blocks = nn.ModuleList(ModulatedBlock(width) for _ in range(2))
        self.head = nn.Linear(width, 2)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, point: Tensor, time: Tensor) -> Tensor:
        states, moment = self.point(point), self.time(time)
        for block in self.blocks:
            states = block(states, moment)
        noise: Tensor = self.head(states)
        return noise


@healthy(resembles="constant-output", source="published")
def diffusion_that_begins_at_zero() -> Arguments:
    """Every output is zero before the first step, since gates and last layer begin at zero, as in DiT."""
    seed_generators(84)
    points, _ = make_moons(1200, noise=0.05, random_state=0)
    clean = torch.tensor((points - points.mean(0)) / points.std(0), dtype=torch.float32)
    model = NoiseOfMoons()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return {
        "model": model,
        "loss_fn": nn.MSELoss(),
        "optimizer": optimizer,
        "loader": reshuffled(*noised(clean), batch=64),
    }


@dataclass
class Answered(ModelOutput):
    """The loss and the scores."""

    loss: Tensor | None = None
    logits: Tensor | None = None


class MeanOfWords(nn.Module):
    """A small DistilBERT, the mean of its states over real words, and a head."""

    def __init__(self) -> None:
        super().__init__()
        config = DistilBertConfig(
            vocab_size=50,
            max_position_embeddings=32,
            dim=32,
            hidden_dim=64,
            n_layers=2,
            n_heads=4,
            initializer_range=0.1,
        )
        self.body = DistilBertModel(config)
        self.head = nn.Linear(32, 3)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor | None = None) -> Answered:
        states = self.body(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        filled = attention_mask.unsqueeze(-1) == 0
        summed = states.masked_fill(filled, 0.0).sum(1)
        logits = self.head(summed / attention_mask.sum(1, keepdim=True))
        return Answered(loss=None if labels is None else F.cross_entropy(logits, labels), logits=logits)


@healthy(resembles="padding-leak", source="transformers")
def mean_over_the_real_words() -> Arguments:
    """The states of filled positions are computed and do depend on them, but the mean leaves them out."""
    seed_generators(85)
    model = MeanOfWords()
    loader = ragged_loader(*ragged_remarks(640, longest=24, seed=10), batch=20)
    return {"model": model, "optimizer": torch.optim.AdamW(model.parameters(), lr=1e-3), "loader": loader}
