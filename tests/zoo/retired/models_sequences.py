"""Networks of the retired programs over series, words and sets of points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence
from transformers import DistilBertConfig, DistilBertModel, GPT2Config, GPT2Model
from transformers.utils import ModelOutput


class Forecaster(nn.Module):
    """A GRU whose last state gives the next value."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.gru = nn.GRU(features, 32, batch_first=True)
        self.head = nn.Linear(32, 1)

    def forward(self, series: Tensor) -> Tensor:
        states, _ = self.gru(series)
        return self.head(states[:, -1])


class StateAtPosition(nn.Module):
    """GPT-2, and a linear head on its state at one position."""

    def __init__(self, vocabulary: int, classes: int, position: int) -> None:
        super().__init__()
        sizes = {"n_positions": 32, "n_embd": 48, "n_layer": 2, "n_head": 4}
        self.decoder = GPT2Model(GPT2Config(vocab_size=vocabulary, bos_token_id=0, eos_token_id=0, **sizes))
        self.head = nn.Linear(48, classes)
        self.position = position

    def forward(self, words: Tensor) -> Tensor:
        states = self.decoder(input_ids=words).last_hidden_state
        return self.head(states[:, self.position])


class PackedReader(nn.Module):
    """Sorts passages by their length, reads them packed with a GRU, and puts the answers back in order."""

    def __init__(self, vocabulary: int, classes: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, 32, padding_idx=0)
        self.gru = nn.GRU(32, 32, batch_first=True, bidirectional=True)
        self.head = nn.Linear(64, classes)

    def read(self, words: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(self.embedding(words), lengths.cpu(), batch_first=True)
        _, last = self.gru(packed)
        return self.head(torch.cat([last[0], last[1]], 1))

    def forward(self, words: Tensor, lengths: Tensor) -> Tensor:
        order = torch.argsort(lengths, descending=True)
        logits = self.read(words[order], lengths[order])
        return logits[torch.argsort(order)]


class PackedReaderInItsOrder(PackedReader):
    """The same, with the answers left in the order of the lengths."""

    def forward(self, words: Tensor, lengths: Tensor) -> Tensor:
        order = torch.argsort(lengths, descending=True)
        return self.read(words[order], lengths[order])


class Gated(nn.Module):
    """A layer of WaveNet: a dilated convolution with a gate, which sees the past alone."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.conv = nn.Conv1d(width, 2 * width, 3, dilation=dilation)
        self.mix = nn.Conv1d(width, width, 1)

    def padded(self, series: Tensor) -> Tensor:
        return F.pad(series, (2 * self.dilation, 0))

    def forward(self, series: Tensor) -> Tensor:
        value, gate = self.conv(self.padded(series)).chunk(2, dim=1)
        return series + self.mix(torch.tanh(value) * torch.sigmoid(gate))


class GatedOnBothSides(Gated):
    """The same, padded on both sides so that the length stays."""

    def padded(self, series: Tensor) -> Tensor:
        return F.pad(series, (self.dilation, self.dilation))


def wavenet(layer: type[Gated]) -> nn.Sequential:
    """Return three gated layers between a convolution in and one out."""
    return nn.Sequential(nn.Conv1d(1, 16, 1), layer(16, 1), layer(16, 2), layer(16, 4), nn.ReLU(), nn.Conv1d(16, 1, 1))


class MeanOfStates(nn.Module):
    """DistilBERT, and a linear head on the mean of its states over the words."""

    def __init__(self, vocabulary: int, classes: int) -> None:
        super().__init__()
        config = DistilBertConfig(vocab_size=vocabulary, dim=32, hidden_dim=64, n_layers=2, n_heads=2)
        self.encoder = DistilBertModel(config)
        self.head = nn.Linear(32, classes)

    def pooled(self, states: Tensor, attention_mask: Tensor) -> Tensor:
        mask = attention_mask.unsqueeze(2).to(states.dtype)
        return (states * mask).sum(1) / mask.sum(1)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        states = self.encoder(input_ids, attention_mask=attention_mask).last_hidden_state
        return self.head(self.pooled(states, attention_mask))


class MeanOfAllStates(MeanOfStates):
    """The same, with the states of the padding in the mean."""

    def pooled(self, states: Tensor, attention_mask: Tensor) -> Tensor:
        return states.mean(1)


class PointNet(nn.Module):
    """Names a digit from its inked points ``(N, points, 3)``, through quantiles over the points."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(3, 64), nn.ReLU(), nn.Linear(64, 64))
        self.head = nn.Sequential(nn.Linear(4 * 64, 64), nn.ReLU(), nn.Linear(64, 10))

    def summary(self, features: Tensor) -> Tensor:
        return torch.quantile(features, torch.tensor([0.25, 0.5, 0.75, 1.0]), dim=1)

    def forward(self, points: Tensor) -> Tensor:
        return self.head(self.summary(self.encoder(points)).permute(1, 0, 2).flatten(1))


class PointNetThroughNumpy(PointNet):
    """The same, with the quantiles of NumPy."""

    def summary(self, features: Tensor) -> Tensor:
        quantiles = np.quantile(features.detach().cpu().numpy(), [0.25, 0.5, 0.75, 1.0], axis=1)
        return torch.from_numpy(quantiles.astype(np.float32)).to(features.device)


class TidyReader(nn.Module):
    """An LSTM classifier that drops what it does not need and works in place where it can."""

    def __init__(self, vocabulary: int, classes: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, 32)
        self.lstm = nn.LSTM(32, 32, batch_first=True, bidirectional=True)
        self.hidden = nn.Linear(64, 32)
        self.head = nn.Linear(32, classes)

    def forward(self, words: Tensor) -> Tensor:
        count, _ = words.shape
        states, (_, _) = self.lstm(self.embedding(words))
        strongest, _ = states.max(dim=1)
        hidden = self.hidden(strongest)
        hidden.relu_()
        return self.head(hidden).view(count, -1)


@dataclass
class Matched(ModelOutput):
    """What a matcher returns: its loss, and the similarities ``(N, N)`` of everything in the batch."""

    loss: Tensor | None = None
    similarities: Tensor | None = None


class Matcher(nn.Module):
    """Two towers trained as in CLIP: each left half of a batch is to find its right half among all of them."""

    def __init__(self) -> None:
        super().__init__()
        self.towers = nn.ModuleList(self._tower() for _ in range(2))
        self.log_scale = nn.Parameter(torch.tensor(2.0))

    @staticmethod
    def _tower() -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(3, 16, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * 4 * 2, 32),
        )

    def forward(self, left: Tensor, right: Tensor) -> Matched:
        left, right = (F.normalize(tower(half), dim=1) for tower, half in zip(self.towers, (left, right), strict=True))
        similarities = self.log_scale.exp() * left @ right.T
        partners = torch.arange(len(left), device=left.device)
        loss = (F.cross_entropy(similarities, partners) + F.cross_entropy(similarities.T, partners)) / 2
        return Matched(loss=loss, similarities=similarities)
