"""Programs with a bug that was reported: a wave, last states, an extractor, edges, and a wider network."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from transformers import GPT2Config, GPT2LMHeadModel

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.seventh_heath_parts import (
    fitted,
    keyed_sentences,
    seed_torch_and_friends,
    small_digit_images,
    train_and_val,
    train_and_val_records,
    word_chains,
)


class GatedLayer(nn.Module):
    """A gated dilated convolution with a residual and a skip."""

    def __init__(self, width: int, dilation: int, *, padding: str) -> None:
        super().__init__()
        self.conv = nn.Conv1d(width, 2 * width, 3, dilation=dilation)
        self.out = nn.Conv1d(width, 2 * width, 1)
        self.edges = (2 * dilation, 0) if padding == "causal" else (dilation, dilation)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        signal, gate = self.conv(F.pad(x, self.edges)).chunk(2, 1)
        residual, skip = self.out(torch.tanh(signal) * torch.sigmoid(gate)).chunk(2, 1)
        return x + residual, skip


class WaveNet(nn.Module):
    """Predicts each next level of a wave."""

    def __init__(self, *, padding: str, levels: int = 16, width: int = 24) -> None:
        super().__init__()
        self.embed = nn.Embedding(levels, width)
        self.layers = nn.ModuleList(GatedLayer(width, dilation, padding=padding) for dilation in (1, 2, 4))
        self.head = nn.Sequential(nn.ReLU(), nn.Conv1d(width, 32, 1), nn.ReLU(), nn.Conv1d(32, levels, 1))

    def forward(self, wave: Tensor) -> Tensor:
        x = self.embed(wave).transpose(1, 2)
        skips = torch.zeros_like(x)
        for layer in self.layers:
            x, skip = layer(x)
            skips = skips + skip
        out: Tensor = self.head(skips).transpose(1, 2)
        return out


def level_loss(logits: Tensor, levels: Tensor) -> Tensor:
    """Cross-entropy of the levels."""
    return F.cross_entropy(logits.flatten(0, 1), levels.flatten())


@pair("causality", group="wiring", source="published")
def wave_generator_with_same_padding(sick: bool) -> Arguments:
    """The convolutions of the WaveNet are padded as 'same' where they should be 'causal' (peustr/wavenet#1)."""
    seed_torch_and_friends()
    time = torch.arange(33)[None]
    phase, pitch = torch.rand(480, 1) * 2 * math.pi, 0.3 + 0.6 * torch.rand(480, 1)
    wave = torch.sin(time * pitch + phase) + 0.35 * torch.randn(480, 33)
    levels = ((wave / 2 + 1) * 8).long().clamp(0, 15)
    model = WaveNet(padding="same" if sick else "causal")
    return dict(
        model=model,
        loss_fn=level_loss,
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        task="language-model",
        causal=True,
        **train_and_val(levels[:, :-1], levels[:, 1:], train=384, batch=16),
    )


class LastStateReader(nn.Module):
    """Classifies a sentence by the state at its end."""

    def __init__(self, *, at_its_own_end: bool) -> None:
        super().__init__()
        self.embed = nn.Embedding(20, 24, padding_idx=0)
        self.rnn = nn.LSTM(24, 40, batch_first=True)
        self.head = nn.Linear(40, 4)
        self.at_its_own_end = at_its_own_end

    def forward(self, tokens: Tensor) -> Tensor:
        lengths = (tokens != 0).sum(1)
        packed = pack_padded_sequence(self.embed(tokens), lengths.cpu(), batch_first=True, enforce_sorted=False)
        hidden, _ = pad_packed_sequence(self.rnn(packed)[0], batch_first=True, total_length=tokens.shape[1])
        last = hidden[torch.arange(len(tokens)), lengths - 1] if self.at_its_own_end else hidden[:, -1]
        out: Tensor = self.head(last)
        return out


@pair("padding-leak", group="wiring")
def short_sentences_that_end_in_zeros(sick: bool) -> Arguments:
    """The final encoder state is taken at the batch's last step, where shorter sentences hold zeros.

    (allenai/allennlp#1713)
    """
    seed_torch_and_friends()
    model = LastStateReader(at_its_own_end=not sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=5e-3),
        padding_value=0,
        **train_and_val(*keyed_sentences(padded=True), train=768),
    )


class PatchTransformer(nn.Module):
    """A vision transformer without a head."""

    def __init__(self, dim: int = 32) -> None:
        super().__init__()
        self.patch = nn.Conv2d(1, dim, 2, 2)
        self.place = nn.Parameter(0.02 * torch.randn(16, dim))
        layer = nn.TransformerEncoderLayer(dim, 4, 64, dropout=0.0, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.encoder(self.patch(x).flatten(2).transpose(1, 2) + self.place)
        return out


class Extractor(nn.Module):
    """Gives the embeddings of a vision transformer."""

    def __init__(self, vit: nn.Module, *, detached: bool) -> None:
        super().__init__()
        self.vit = vit
        self.detached = detached

    def forward(self, x: Tensor) -> Tensor:
        latents: Tensor = self.vit(x)
        return latents.clone().detach() if self.detached else latents


class Captioner(nn.Module):
    """Queries attend to the embeddings of an image and name it."""

    def __init__(self, *, detached: bool) -> None:
        super().__init__()
        self.image = Extractor(PatchTransformer(), detached=detached)
        self.query = nn.Parameter(0.1 * torch.randn(1, 1, 32))
        self.pool = nn.MultiheadAttention(32, 4, batch_first=True)
        self.norm = nn.LayerNorm(32)
        self.head = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.image(x)
        pooled, _ = self.pool(self.query.expand(len(x), -1, -1), tokens, tokens, need_weights=False)
        out: Tensor = self.head(self.norm(pooled[:, 0]))
        return out


@pair("detached-graph", group="wiring", source="published")
def caption_model_on_an_extractor_that_clones(sick: bool) -> Arguments:
    """The extractor around the vision transformer returns detached clones, so the image encoder is not trained.

    (lucidrains/CoCa-pytorch#6)
    """
    seed_torch_and_friends()
    model = Captioner(detached=sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        **train_and_val(*small_digit_images(), train=1024),
    )


class EquivariantGraph(nn.Module):
    """One layer of messages between points, by their features, distances and edges."""

    def __init__(self, *, with_edges: bool) -> None:
        super().__init__()
        self.message = nn.Sequential(nn.Linear(9 + 2 * with_edges, 48), nn.SiLU(), nn.Linear(48, 48), nn.SiLU())
        self.update = nn.Sequential(nn.Linear(52, 48), nn.SiLU(), nn.Linear(48, 1))
        self.with_edges = with_edges

    def forward(self, nodes: Tensor, places: Tensor, edges: Tensor) -> Tensor:
        count = nodes.shape[1]
        distance = ((places[:, :, None] - places[:, None]) ** 2).sum(-1, keepdim=True)
        one, other = nodes[:, :, None].expand(-1, -1, count, -1), nodes[:, None].expand(-1, count, -1, -1)
        pairs = [one, other, distance] + ([edges] if self.with_edges else [])
        messages = self.message(torch.cat(pairs, -1)).mean(2)
        out: Tensor = self.update(torch.cat([nodes, messages], -1)).mean(1).squeeze(-1)
        return out


@pair("unused-input", group="wiring", source="published")
def bonds_thrown_out_of_the_messages(sick: bool) -> Arguments:
    """The layer takes features of the edges and does not put them into its messages (lucidrains/egnn-pytorch#6)."""
    seed_torch_and_friends()
    nodes, places, edges = torch.randn(640, 5, 4), 0.5 * torch.randn(640, 5, 3), torch.randn(640, 5, 5, 2)
    near = torch.exp(-((places[:, :, None] - places[:, None]) ** 2).sum(-1))
    y = (near * (edges[..., 0] + nodes[:, None, :, 0])).mean((1, 2))
    model = EquivariantGraph(with_edges=not sick)
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        task="regression",
        **train_and_val(nodes, places, edges, (y - y.mean()) / y.std(), train=512),
    )


class Perceptron(nn.Module):
    """One hidden layer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Linear(64, width)
        self.last = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.last(torch.tanh(self.first(x)))
        return out


def widened(teacher: Perceptron, factor: int, noise: float) -> Perceptron:
    """A network with `factor` copies of each hidden unit, which computes the same."""
    wide = Perceptron(factor * teacher.first.out_features)
    first, last = teacher.first.weight.repeat(factor, 1), teacher.last.weight.repeat(1, factor) / factor
    with torch.no_grad():
        wide.first.weight.copy_(first + noise * torch.randn_like(first))
        wide.first.bias.copy_(teacher.first.bias.repeat(factor))
        wide.last.weight.copy_(last + noise * torch.randn_like(last))
        wide.last.bias.copy_(teacher.last.bias)
    return wide


@pair("symmetric-init", group="init", source="scikit-learn")
def student_widened_by_plain_copies(sick: bool) -> Arguments:
    """The wider network gets copies of the teacher's units without noise, which stay alike for ever.

    (soumith/net2net.torch#3)
    """
    seed_torch_and_friends()
    x, y = small_digit_images()
    data = train_and_val(x.flatten(1), y, train=1024)
    teacher = Perceptron(4)
    fitted(teacher, nn.CrossEntropyLoss(), data["loader"], steps=96)
    model = widened(teacher, 8, noise=0.0 if sick else 0.05)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **data)


@healthy(resembles="causality", source="transformers")
def gpt2_with_its_inputs_as_labels() -> Arguments:
    """The labels are the inputs, because the model shifts them inside (tatsu-lab/stanford_alpaca#45)."""
    seed_torch_and_friends()
    ids = word_chains()
    config = GPT2Config(vocab_size=24, n_positions=16, n_embd=32, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=0)
    model = GPT2LMHeadModel(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    return dict(model=model, optimizer=optimizer, **train_and_val_records(512, 16, input_ids=ids, labels=ids.clone()))
