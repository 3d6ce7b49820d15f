"""Sequence and set models of the look-alikes."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence


class PackedGRU(nn.Module):
    """Reads padded word indices with a packed GRU, so that its last state is that of the last real word."""

    def __init__(self, vocabulary: int, classes: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, 32, padding_idx=0)
        self.gru = nn.GRU(32, 48, batch_first=True)
        self.head = nn.Linear(48, classes)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(self.embedding(ids), lengths.cpu(), batch_first=True, enforce_sorted=False)
        _, state = self.gru(packed)
        return self.head(state[-1])


class MaskedRows(nn.Module):
    """Reads sequences whose missing steps are NaN: they are filled with zero, and told by a mask, before the GRU."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.gru = nn.GRU(2 * features, 48, batch_first=True)
        self.head = nn.Linear(48, classes)

    def forward(self, x: Tensor) -> Tensor:
        missing = torch.isnan(x)
        filled = torch.where(missing, torch.zeros_like(x), x)
        states, _ = self.gru(torch.cat([filled, (~missing).to(x.dtype)], dim=2))
        last = (~missing).any(2).sum(1) - 1
        return self.head(states[torch.arange(len(x)), last])


class RowsFirst(nn.Module):
    """An LSTM over image rows that takes (T, N, F), as torch's recurrent layers do by default."""

    def __init__(self, features: int = 8, classes: int = 10) -> None:
        super().__init__()
        self.lstm = nn.LSTM(features, 48)
        self.head = nn.Linear(48, classes)

    def forward(self, x: Tensor) -> Tensor:
        _, (hidden, _) = self.lstm(x)
        return self.head(hidden[-1])


class ContextNet(nn.Module):
    """The neural language model of Bengio 2003: the next letter from the embeddings of those before."""

    def __init__(self, alphabet: int, context: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(alphabet, 16)
        self.hidden = nn.Linear(16 * context, 96)
        self.output = nn.Linear(96, alphabet)

    def forward(self, ids: Tensor) -> Tensor:
        return self.output(torch.tanh(self.hidden(self.embedding(ids).flatten(1))))


class CausalBlock(nn.Module):
    """A pre-norm transformer block with a causal mask of −inf, written out (Vaswani 2017, Radford 2019)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        count, length, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(count, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-2, -1) / math.sqrt(width // self.heads)
        future = torch.ones(length, length, dtype=torch.bool, device=x.device).triu(1)
        weights = scores.masked_fill(future, float("-inf")).softmax(-1)
        x = x + self.proj((weights @ v).transpose(1, 2).reshape(count, length, width))
        return x + self.mlp(self.norm2(x))


class LetterModel(nn.Module):
    """A small GPT over letters whose caller shifts the targets."""

    def __init__(self, alphabet: int, length: int, width: int = 48) -> None:
        super().__init__()
        self.tokens, self.positions = nn.Embedding(alphabet, width), nn.Embedding(length, width)
        nn.init.normal_(self.tokens.weight, std=0.1)
        nn.init.normal_(self.positions.weight, std=0.1)
        self.blocks = nn.Sequential(CausalBlock(width, 4), CausalBlock(width, 4))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, alphabet)

    def forward(self, ids: Tensor) -> Tensor:
        positions = torch.arange(ids.shape[1], device=ids.device)
        return self.head(self.norm(self.blocks(self.tokens(ids) + self.positions(positions))))


def next_letter(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy over all positions, in nats per letter."""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


class SwitchLayer(nn.Module):
    """A mixture of experts that sends each word to the one it scores best (Fedus 2021)."""

    def __init__(self, width: int, experts: int) -> None:
        super().__init__()
        self.router = nn.Linear(width, experts)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width)) for _ in range(experts)
        )

    def forward(self, x: Tensor) -> Tensor:
        share, chosen = self.router(x).softmax(-1).max(-1)
        out = torch.zeros_like(x)
        for index, expert in enumerate(self.experts):
            here = chosen == index
            if here.any():
                out[here] = expert(x[here]) * share[here].unsqueeze(-1)
        return x + out


class SwitchClassifier(nn.Module):
    """Digits through a layer of experts, most of which a small batch never reaches."""

    def __init__(self, experts: int = 16) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Flatten(), nn.Linear(64, 48), nn.ReLU())
        self.experts = SwitchLayer(48, experts)
        self.head = nn.Linear(48, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.experts(self.stem(x)))


class AttentionPool(nn.Module):
    """An LSTM with gated features and attention whose states, weights and gates are computed and partly dropped."""

    def __init__(self, features: int = 8, classes: int = 10) -> None:
        super().__init__()
        self.lstm = nn.LSTM(features, 32, batch_first=True, bidirectional=True)
        self.attention = nn.MultiheadAttention(64, 4, batch_first=True)
        self.gate = nn.Linear(64, 128)
        self.head = nn.Linear(64, classes)

    def forward(self, x: Tensor) -> Tensor:
        batch, steps, _ = x.shape  # noqa: RUF059 - users drop results so
        states, (hidden, cell) = self.lstm(x)  # noqa: RUF059 - users drop results so
        mixed, weights = self.attention(states, states, states)  # noqa: RUF059 - users drop results so
        value, gate = self.gate(mixed).chunk(2, dim=-1)
        best, where = (value * torch.sigmoid(gate)).max(dim=1)  # noqa: RUF059 - users drop results so
        return self.head(best)
