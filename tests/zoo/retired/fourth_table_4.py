"""Pairs and look-alikes of the fourth table, fourth hand: molecules, streams, temperatures, verdicts and pieces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pandas as pd
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, get_worker_info
from transformers import BertConfig, BertForTokenClassification

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fourth_table_parts import batches_of, both_loaders, pictures_of_digits, seed_table, z_scores


class MessagePassing(nn.Module):
    """Energy of a molecule of nine atoms after three rounds of messages along its bonds."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(4, 32)
        self.own = nn.ModuleList(nn.Linear(32, 32) for _ in range(3))
        self.others = nn.ModuleList(nn.Linear(32, 32, bias=False) for _ in range(3))
        self.energy = nn.Linear(32, 1)

    def forward(self, atoms: Tensor, bonds: Tensor) -> Tensor:
        hidden = torch.relu(self.embed(atoms))
        for own, others in zip(self.own, self.others, strict=True):
            hidden = torch.relu(own(hidden) + others(bonds @ hidden / 3))
        energy: Tensor = self.energy(hidden.mean(1))
        return energy


@pair("target-scale", group="data")
def energies_in_joules_per_mole(sick: bool) -> Arguments:
    """Energies of molecules are learnt in joules per mole, hundreds of thousands of them below zero."""
    seed_table(61)
    kinds = torch.multinomial(torch.tensor([0.4, 0.3, 0.2, 0.1]), 800 * 9, replacement=True).view(800, 9)
    upper = (torch.rand(800, 9, 9) < 0.3).float().triu(1)
    atoms, bonds = nn.functional.one_hot(kinds, 4).float(), upper + upper.transpose(1, 2)
    strength = torch.tensor([[2.0, 3.0, 3.5, 1.0], [3.0, 2.5, 4.0, 1.5], [3.5, 4.0, 1.0, 2.0], [1.0, 1.5, 2.0, 0.5]])
    bound = (bonds * strength[kinds[:, :, None], kinds[:, None]]).sum((1, 2)) / 2
    energy = -1e5 * torch.tensor([1.5, 3.0, 4.0, 7.0])[kinds].sum(1) - 1e5 * bound
    target = energy[:, None] if sick else z_scores(energy[:, None])
    model = MessagePassing()
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        **both_loaders(atoms, bonds, target, held_out=160),
    )


class DigitStream(IterableDataset[tuple[Tensor, Tensor]]):
    """Digits one after the other in a random order, as each reader of the stream draws it."""

    def __init__(self, pictures: Tensor, labels: Tensor) -> None:
        self.pictures, self.labels = pictures, labels

    def rows(self) -> Tensor:
        return torch.arange(len(self.labels))

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        rows = self.rows()
        for row in rows[torch.randperm(len(rows))].tolist():
            yield self.pictures[row], self.labels[row]


class SharedDigitStream(DigitStream):
    """The same with every worker reading its share."""

    def rows(self) -> Tensor:
        worker = get_worker_info()
        rows = super().rows()
        return rows if worker is None else rows[worker.id :: worker.num_workers]


class Mixer(nn.Module):
    """An MLP-Mixer of one block on the sixteen patches of a digit."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(1, 32, 2, stride=2)
        self.across = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16))
        self.within = nn.Sequential(nn.LayerNorm(32), nn.Linear(32, 64), nn.GELU(), nn.Linear(64, 32))
        self.norm, self.last, self.head = nn.LayerNorm(32), nn.LayerNorm(32), nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patch(x).flatten(2).transpose(1, 2)
        tokens = tokens + self.across(self.norm(tokens).transpose(1, 2)).transpose(1, 2)
        tokens = tokens + self.within(tokens)
        scores: Tensor = self.head(self.last(tokens).mean(1))
        return scores


@pair("duplicate-samples", group="data", source="published")
def stream_that_every_worker_reads_whole(sick: bool) -> Arguments:
    """An iterable data set is read by two workers, each of which yields all of it, so every sample comes twice."""
    seed_table(62)
    x, y = pictures_of_digits()
    stream = (DigitStream if sick else SharedDigitStream)(x[:800], y[:800])
    model = Mixer()
    return {
        "model": model,
        "loader": DataLoader(stream, batch_size=32, num_workers=2),
        "val_loader": batches_of(x[1500:], y[1500:], size=33, shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=3e-3),
    }


class Thermometer(nn.Module):
    """Body temperature from twenty readings of three vital signs."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(3, 24, batch_first=True)
        self.degrees = nn.Linear(24, 1)

    def forward(self, signs: Tensor) -> Tensor:
        states, _ = self.gru(signs)
        degrees: Tensor = self.degrees(states.mean(1))
        return degrees


@pair("final-bias", "target-scale", group="init")
def body_temperatures_under_a_zero_bias(sick: bool) -> Arguments:
    """Temperatures lie within a degree of 37, and the last bias starts near zero instead of at their mean."""
    seed_table(63)
    signs = torch.randn(640, 1, 3) + 0.5 * torch.randn(640, 20, 3)
    fever = signs.mean(1) @ torch.tensor([0.6, 0.4, -0.3]) + 0.4 * (signs[:, :, 0] * signs[:, :, 1]).mean(1)
    degrees = 37.0 + 0.8 * fever[:, None] + 0.05 * torch.randn(640, 1)
    model = Thermometer()
    if not sick:
        nn.init.constant_(model.degrees.bias, degrees[:-128].mean().item())
    return dict(
        model=model,
        loss_fn=nn.SmoothL1Loss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=4e-3),
        **both_loaders(signs, degrees, held_out=128),
    )


class TextConv(nn.Module):
    """Kim's convolutional network for sentences with windows of two and three words."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(200, 24)
        self.windows = nn.ModuleList(nn.Conv1d(24, 24, width) for width in (2, 3))
        self.topic = nn.Linear(48, 3)

    def forward(self, ids: Tensor) -> Tensor:
        words = self.words(ids).transpose(1, 2)
        topic: Tensor = self.topic(torch.cat([torch.relu(conv(words)).amax(2) for conv in self.windows], 1))
        return topic


def topical_sentences(count: int) -> tuple[Tensor, Tensor]:
    """Sentences of twelve words, a third of which belong to their topic."""
    topic = torch.randint(3, (count,))
    ids = torch.randint(200, (count, 12))
    own = torch.rand(count, 12) < 0.45
    return torch.where(own, 20 * topic[:, None] + ids % 20, ids), topic


@pair("label-noise", group="data", source="published")
def every_verdict_of_the_annotators_a_row(sick: bool) -> Arguments:
    """Different verdicts of five annotators stay as rows of their own, with the same sentence, instead of a vote."""
    seed_table(64)
    ids, topic = topical_sentences(700)
    wrong = torch.rand(560, 5) < 0.1
    verdicts = torch.where(wrong, (topic[:560, None] + torch.randint(1, 3, (560, 5))) % 3, topic[:560, None])
    frame = pd.DataFrame({"sentence": torch.arange(560).repeat_interleave(5).tolist(), "topic": verdicts.flatten()})
    if sick:
        frame = frame.drop_duplicates(["sentence", "topic"])
    else:
        frame = frame.groupby("sentence", as_index=False).agg(lambda votes: Counter(votes).most_common(1)[0][0])
    rows, labels = torch.tensor(frame["sentence"].tolist()), torch.tensor(frame["topic"].tolist())
    model = TextConv()
    return {
        "model": model,
        "loader": batches_of(ids[rows], labels, size=28),
        "val_loader": batches_of(ids[560:], topic[560:], size=28, shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
    }


class RowReader(nn.Module):
    """An Elman network that reads a digit row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.RNN(8, 64, batch_first=True)
        self.head = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        _, last = self.rnn(x.squeeze(1))
        scores: Tensor = self.head(last[0])
        return scores


@pair("saturated-units", group="init", source="scikit-learn")
def recurrence_of_unit_normals(sick: bool) -> Arguments:
    """All weights of a recurrent layer of 64 are drawn with a spread of one, so its tanh sits at ±1."""
    seed_table(65)
    model = RowReader()
    for name, weight in model.rnn.named_parameters():
        if name.startswith("bias"):
            nn.init.zeros_(weight)
        elif sick:
            nn.init.normal_(weight)
        elif name.startswith("weight_hh"):
            nn.init.orthogonal_(weight)
        else:
            nn.init.xavier_normal_(weight)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    loaders = both_loaders(*pictures_of_digits(), held_out=300)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders)


class Tagged(Dataset[dict[str, Tensor]]):
    """Sentences whose words are cut into pieces, of which only a word's first has a tag."""

    def __init__(self, count: int) -> None:
        self.ids = torch.randint(3, 80, (count, 14))
        self.ids[:, 0], self.ids[:, -1] = 1, 2
        follows = self.ids >= 60
        shifted = torch.roll(self.ids, 1, dims=1)
        tags = self.ids % 3 + 3 * (shifted % 2)
        self.labels = tags.masked_fill(follows | (self.ids < 3), -100)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"input_ids": self.ids[index], "labels": self.labels[index]}


@healthy(resembles="label-range", source="transformers")
def word_pieces_without_a_tag() -> Arguments:
    """Labels of -100 mark the pieces after a word's first and the special tokens, which the loss leaves out."""
    seed_table(66)
    config = BertConfig(  # type: ignore[call-arg]
        vocab_size=80,
        hidden_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=96,
        max_position_embeddings=14,
        type_vocab_size=1,
        num_labels=6,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    model = BertForTokenClassification(config)
    return {
        "model": model,
        "loader": DataLoader(Tagged(600), batch_size=24, shuffle=True),
        "val_loader": DataLoader(Tagged(96), batch_size=24),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=2e-3),
    }
