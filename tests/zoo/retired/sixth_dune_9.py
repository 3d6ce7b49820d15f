"""Tags, negatives, normed weights, pads and heads: five programs."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations
from torch.utils.data import DataLoader, TensorDataset
from transformers import BertConfig, BertModel

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.sixth_dune_parts import batches, divided, seeded, sentence_batches, waves


class WordTagger(nn.Module):
    """A GRU that gives every word a tag."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(12, 16)
        self.gru = nn.GRU(16, 32, batch_first=True)
        self.head = nn.Linear(32, 4)

    def forward(self, ids: Tensor) -> Tensor:
        out: Tensor = self.head(self.gru(self.words(ids))[0])
        return out


def per_word(logits: Tensor, tags: Tensor) -> Tensor:
    return F.cross_entropy(logits.flatten(0, 1), tags.flatten())


def per_word_of_the_words(logits: Tensor, tags: Tensor) -> Tensor:
    return F.cross_entropy(logits.flatten(0, 1), tags.flatten()) / tags.numel()


@pair("loss-reduction", group="wiring")
def mean_over_words_divided_by_the_words(sick: bool) -> Arguments:
    """The loss is the mean over the words of a batch, divided by the number of its words a second time."""
    seeded()
    ids = torch.randint(12, (500, 12))
    tags = (ids + F.pad(ids, (1, 0))[:, :-1]) // 3 % 4
    model = WordTagger()
    return dict(
        model=model,
        loss_fn=per_word_of_the_words if sick else per_word,
        optimizer=torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9),
        **batches(divided(ids, tags, train=380)),
    )


class Taste(nn.Module):
    """How much users like items: inner products of embeddings."""

    def __init__(self, users: int, items: int, width: int = 12) -> None:
        super().__init__()
        self.user, self.item = nn.Embedding(users, width), nn.Embedding(items, width)
        for table in (self.user, self.item):
            nn.init.normal_(table.weight, std=0.2)

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        return torch.einsum("nc,nc->n", self.user(user), self.item(item))


class RankingStep:
    """A step of ranking what a user chose above an item drawn at random."""

    def __init__(self, items: int, by_numpy: bool) -> None:
        self.items, self.by_numpy = items, by_numpy

    def others(self, count: int) -> Tensor:
        if self.by_numpy:
            return torch.from_numpy(np.random.default_rng().integers(self.items, size=count))
        return torch.randint(self.items, (count,))

    def __call__(self, model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        user, item = batch
        loss = F.softplus(model(user, self.others(len(user))) - model(user, item)).mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return loss.detach()


@pair("nondeterminism", group="backward", source="published")
def negatives_from_an_unseeded_generator(sick: bool) -> Arguments:
    """Negative items come from a NumPy generator made anew, without a seed, in every step."""
    seeded()
    liking = torch.randn(100, 4) @ torch.randn(4, 60)
    user, rank = torch.randint(100, (1400,)), torch.randint(10, (1400,))
    pairs = torch.stack([user, liking.argsort(1, descending=True)[user, rank]], 1)
    chosen = torch.tensor(sorted(set(map(tuple, pairs.tolist()))))
    model = Taste(100, 60)
    return {
        "model": model,
        "loader": DataLoader(TensorDataset(chosen[:, 0], chosen[:, 1]), 64, shuffle=True, drop_last=True),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-2),
        "train_step": RankingStep(60, by_numpy=sick),
        "task": "other",
    }


def temporal_network() -> nn.Sequential:
    """Dilated convolutions over a series."""
    layers: list[nn.Module] = []
    for inputs, dilation in ((1, 1), (16, 2), (16, 4)):
        layers += [nn.Conv1d(inputs, 16, 5, padding=2 * dilation, dilation=dilation), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(16, 3))


def with_normed_weights(model: nn.Sequential) -> nn.Sequential:
    for layer in model:
        if isinstance(layer, nn.Conv1d):
            parametrizations.weight_norm(layer)
    return model


@pair("optimizer-mismatch", group="training", source="published")
def weights_normed_after_the_optimizer_was_made(sick: bool) -> Arguments:
    """Weight norm, which makes new parameters of every weight, comes after the optimizer has taken the old ones."""
    seeded()
    x, kind = waves(700)
    model = temporal_network()
    if not sick:
        with_normed_weights(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    if sick:
        with_normed_weights(model)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        **batches(divided(x.unsqueeze(1), kind, train=500)),
    )


def bert_of_two_layers(pad: int, dropout: float = 0.1) -> BertModel:
    config = BertConfig(
        vocab_size=30,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=16,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        pad_token_id=pad,
    )
    return BertModel(config, add_pooling_layer=False)


class Sentiment(nn.Module):
    """BERT under a mask of its padding, read at the first word."""

    def __init__(self, encoder: BertModel) -> None:
        super().__init__()
        self.encoder = encoder
        self.pad: int = encoder.config.pad_token_id or 0
        self.head = nn.Linear(encoder.config.hidden_size, 2)

    def forward(self, ids: Tensor) -> Tensor:
        mask = ids.ne(self.pad).long()
        h = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        out: Tensor = self.head(h[:, 0])
        return out


@pair("padding-leak", group="wiring", source="transformers")
def mask_for_the_pad_of_another_tokenizer(sick: bool) -> Arguments:
    """The model masks id 1, the padding of another tokenizer, while its batches are padded with 0."""
    seeded()
    model = Sentiment(bert_of_two_layers(pad=1 if sick else 0))
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.AdamW(model.parameters(), lr=2e-3),
        **sentence_batches(),
    )


class Probe(nn.Module):
    """Two layers on the mean features of an encoder that is left as it is."""

    def __init__(self, encoder: BertModel) -> None:
        super().__init__()
        self.encoder = encoder.requires_grad_(False)
        width = encoder.config.hidden_size
        self.head = nn.Sequential(nn.Linear(width, 64), nn.ReLU(), nn.Linear(64, 2))

    def forward(self, ids: Tensor) -> Tensor:
        real = (ids != 0).long()
        h = self.encoder(input_ids=ids, attention_mask=real).last_hidden_state
        mean = (h * real.unsqueeze(-1)).sum(1) / real.sum(1, keepdim=True)
        out: Tensor = self.head(mean)
        return out


@healthy(resembles="optimizer-mismatch", source="transformers")
def probe_whose_optimizer_has_the_head_alone() -> Arguments:
    """The optimizer lacks nearly all parameters of the model, which are frozen: only the probe on top is trained."""
    seeded()
    model = Probe(bert_of_two_layers(pad=0, dropout=0.0))
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.head.parameters(), lr=3e-3),
        **sentence_batches(),
    )
