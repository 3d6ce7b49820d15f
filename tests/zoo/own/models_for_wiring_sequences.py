"""Recurrent, convolutional and attention networks for text and series, whole and broken."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from tests.zoo.own.models_for_wiring_data import PADDING, VOCABULARY


class TextLSTM(nn.Module):
    """An LSTM over words that reads its state at the last real word."""

    def __init__(self, classes: int = 4) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 32, padding_idx=PADDING)
        self.lstm = nn.LSTM(32, 48, batch_first=True)
        self.fc = nn.Linear(48, classes)

    def forward(self, tokens: Tensor) -> Tensor:
        states, _ = self.lstm(self.embedding(tokens))
        last = (tokens != PADDING).sum(1) - 1
        return self.fc(states[torch.arange(len(tokens)), last])


class TextLSTMReadingPadding(TextLSTM):
    """Reads its state at the end of the row, wherever the passage ended."""

    def forward(self, tokens: Tensor) -> Tensor:
        states, _ = self.lstm(self.embedding(tokens))
        return self.fc(states[:, -1])


class TimeMajorLSTM(nn.Module):
    """An LSTM with time first: every word's state is averaged."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 32)
        self.lstm = nn.LSTM(32, 32, bidirectional=True)
        self.fc = nn.Linear(64, 4)

    def forward(self, tokens: Tensor) -> Tensor:
        states, _ = self.lstm(self.embedding(tokens).transpose(0, 1))
        return self.fc(states.transpose(0, 1).mean(1))


class TimeMajorLSTMViewed(TimeMajorLSTM):
    """Brings the batch back to the front by a view, which only renames the axes."""

    def forward(self, tokens: Tensor) -> Tensor:
        states, _ = self.lstm(self.embedding(tokens).transpose(0, 1))
        states = states.view(tokens.shape[0], tokens.shape[1], -1)
        return self.fc(states.mean(1))


class TextTransformer(nn.Module):
    """Two encoder layers over words, averaged."""

    def __init__(self, **options: bool) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 32)
        self.position = nn.Parameter(torch.randn(1, 16, 32) * 0.1)
        layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, **options)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(32, 4)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.encoder(self.embedding(tokens) + self.position).mean(1))


class AttentionPooling(nn.Module):
    """A bidirectional GRU whose states are summed by how much attention they get."""

    def __init__(self, dim: int = 1) -> None:
        super().__init__()
        self.dim = dim
        self.embedding = nn.Embedding(VOCABULARY, 32)
        self.gru = nn.GRU(32, 24, batch_first=True, bidirectional=True)
        self.score = nn.Sequential(nn.Linear(48, 24), nn.Tanh(), nn.Linear(24, 1, bias=False))
        self.head = nn.Linear(48, 4)

    def forward(self, tokens: Tensor) -> Tensor:
        states, _ = self.gru(self.embedding(tokens))
        weight = torch.softmax(self.score(states).squeeze(-1), dim=self.dim)
        return self.head((weight.unsqueeze(-1) * states).sum(1))


class GPTBlock(nn.Module):
    """A block of a GPT, in the style of nanoGPT."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def attended(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """What each position collects from those before it."""
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(self.norm1(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        x = x + self.out(self.attended(q, k, v).transpose(1, 2).flatten(2))
        return x + self.mlp(self.norm2(x))


class GPTBlockUnmasked(GPTBlock):
    """Forgets that attention looks ahead unless it is told not to."""

    def attended(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(q, k, v)


class NanoGPT(nn.Module):
    """A GPT of two blocks over letters."""

    def __init__(self, letters: int, block: type[GPTBlock] = GPTBlock) -> None:
        super().__init__()
        self.tokens, self.positions = nn.Embedding(letters, 48), nn.Embedding(64, 48)
        self.blocks = nn.Sequential(block(48, 4), block(48, 4))
        self.norm, self.head = nn.LayerNorm(48), nn.Linear(48, letters, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        positions = torch.arange(tokens.shape[1], device=tokens.device)
        return self.head(self.norm(self.blocks(self.tokens(tokens) + self.positions(positions))))


class WaveNet(nn.Module):
    """Gated dilated convolutions that predict the next value of a series at every step."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.inputs = nn.Conv1d(1, width, 1)
        self.dilations = (1, 2, 4)
        self.gates = nn.ModuleList([nn.Conv1d(width, 2 * width, 3, dilation=d) for d in self.dilations])
        self.outputs = nn.Conv1d(width, 1, 1)

    def padded(self, x: Tensor, dilation: int) -> Tensor:
        """Zeros before the beginning, so that nothing looks ahead."""
        return F.pad(x, (2 * dilation, 0))

    def forward(self, series: Tensor) -> Tensor:
        x = self.inputs(series.transpose(1, 2))
        for gate, dilation in zip(self.gates, self.dilations, strict=True):
            value, gating = gate(self.padded(x, dilation)).chunk(2, 1)
            x = x + torch.tanh(value) * torch.sigmoid(gating)
        return self.outputs(x).transpose(1, 2)


class WaveNetPaddedBothSides(WaveNet):
    """Pads as one pads an image."""

    def padded(self, x: Tensor, dilation: int) -> Tensor:
        return F.pad(x, (dilation, dilation))


class Forecaster(nn.Module):
    """A GRU that predicts how far the next value is from the last one."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(1, 32, batch_first=True)
        self.change = nn.Linear(32, 1)

    def forward(self, series: Tensor) -> Tensor:
        _, state = self.gru(series)
        return series[:, -1] + self.change(state[-1])


class ForecasterBroadcast(Forecaster):
    """Adds a column to a row: every sample's change to every sample's last value."""

    def forward(self, series: Tensor) -> Tensor:
        _, state = self.gru(series)
        last = series[:, -1, 0]
        return last + self.change(state[-1])


class NormalisedGRU(nn.Module):
    """Normalises a series over `normalised_shape` before a GRU reads it."""

    def __init__(self, *normalised_shape: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(normalised_shape)
        self.gru = nn.GRU(1, 32, batch_first=True)
        self.fc = nn.Linear(32, 1)

    def forward(self, series: Tensor) -> Tensor:
        states, _ = self.gru(self.norm(series))
        return self.fc(states[:, -1])


class SeparableBlock(nn.Module):
    """A depthwise and a pointwise convolution over time."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, 5, padding=2, groups=width)
        self.pointwise = nn.Conv1d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = F.gelu(self.depthwise(x))
        h = self.pointwise(h)
        return x + h


class SeparableBlockOverwriting(SeparableBlock):
    """Gives the second convolution the block's input, so that the first one's result is lost."""

    def forward(self, x: Tensor) -> Tensor:
        h = F.gelu(self.depthwise(x))
        h = self.pointwise(x)
        return x + h


class TextConvNet(nn.Module):
    """Separable convolutions over words, averaged."""

    def __init__(self, block: type[SeparableBlock]) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 32)
        self.blocks = nn.Sequential(block(32), nn.GELU(), block(32))
        self.head = nn.Linear(32, 4)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.blocks(self.embedding(tokens).transpose(1, 2)).mean(2))


def small_bert(**changes: float) -> BertConfig:
    """The configuration of a BERT of two layers."""
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    return BertConfig(**{"vocab_size": VOCABULARY, "max_position_embeddings": 40, "num_labels": 4, **shape, **changes})


class BertClassifier(nn.Module):
    """A BERT that is trained together with a head of one's own."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = BertModel(small_bert(hidden_dropout_prob=0.0), add_pooling_layer=False)
        self.head = nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 4))

    def encoded(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """One vector for each passage."""
        states = self.encoder(input_ids=tokens, attention_mask=mask).last_hidden_state
        return (states * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        return self.head(self.encoded(tokens, mask))


class BertClassifierWithoutGradient(BertClassifier):
    """Still encodes as it did when the features were only extracted."""

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        with torch.no_grad():
            features = self.encoded(tokens, mask)
        return self.head(features)


class SpectrumNet(nn.Module):
    """Learnt filters over a series, the strength of each frequency in what they pass, and a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.filters = nn.Conv1d(1, 4, 5, padding=2)
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(4 * 13, 32), nn.ReLU(), nn.Linear(32, 2))

    def spectrum(self, x: Tensor) -> Tensor:
        """Strength of each frequency."""
        return torch.fft.rfft(x, norm="ortho").abs()

    def forward(self, series: Tensor) -> Tensor:
        return self.head(self.spectrum(self.filters(series.transpose(1, 2))))


class SpectrumNetInNumPy(SpectrumNet):
    """Asks NumPy for the spectrum."""

    def spectrum(self, x: Tensor) -> Tensor:
        return torch.tensor(abs(np.fft.rfft(x.detach().numpy(), norm="ortho")), dtype=torch.float32)
