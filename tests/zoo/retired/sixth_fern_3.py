"""Programs about sounds, prior biases, pooled sentences, messages on graphs, noise, and experts picked by a router."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import BertConfig, BertModel

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.sixth_fern_parts import fern_digits, fern_loaders, fern_seeds, fern_sentences


class EnvelopeNet(nn.Module):
    """Tells the envelope of a sound from the logarithm of the energy in 24 frames of its samples."""

    def __init__(self, as_float: bool) -> None:
        super().__init__()
        self.as_float = as_float
        self.net = nn.Sequential(nn.Linear(24, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 4))

    def forward(self, samples: Tensor) -> Any:
        if self.as_float:
            samples = samples.float()
        energy = (samples * samples).view(len(samples), 24, 20).float().mean(2)
        return self.net((energy.clamp(min=1.0).log() - 14) / 2)


def sounds_of_sixteen_bits(count: int = 700) -> tuple[Tensor, Tensor]:
    """Noise in 16 bits whose envelope rises, falls, swells or sinks in the middle."""
    kind, time = torch.randint(4, (count,)), torch.linspace(0, 1, 480)
    swell = (3.1416 * time).sin()
    envelope = torch.stack([time, 1 - time, swell, 1 - swell])[kind]
    loudness = 2000 + 4000 * torch.rand(count, 1)
    return (loudness * (0.15 + envelope) * torch.randn(count, 480)).clamp(-32768, 32767).to(torch.int16), kind


@pair("dtype", group="wiring")
def energy_of_samples_in_sixteen_bits(sick: bool) -> Arguments:
    """The samples are squared while they are 16-bit integers, so that every square above 32767 wraps around."""
    fern_seeds()
    samples, kind = sounds_of_sixteen_bits()
    model = EnvelopeNet(as_float=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **fern_loaders(samples, kind))


VITALS = {"temperature": 36.9, "rate": 71.0, "breaths": 15.0}


class VitalsNet(nn.Module):
    """A shared trunk and one output for each vital sign, whose bias starts at what is normal for it."""

    def __init__(self, normal: dict[str, float]) -> None:
        super().__init__()
        self.gru = nn.GRU(4, 32, batch_first=True)
        self.head = nn.Linear(32, len(normal))
        with torch.no_grad():
            self.head.bias.copy_(torch.tensor(list(normal.values())))

    def forward(self, x: Tensor) -> Any:
        return self.head(self.gru(x)[0][:, -1])


@pair("final-bias", "target-scale", group="init")
def normal_values_in_alphabetical_order(sick: bool) -> Arguments:
    """The prior biases are set in alphabetical order of the signs, while the columns of the targets have another."""
    fern_seeds()
    x = torch.randn(500, 10, 4)
    path = x.cumsum(1) / 10**0.5
    target = torch.stack([path[:, -1, 0].tanh(), path[:, -1, 1], path[:, -3:, 2].mean(1) - path[:, -1, 3]], 1)
    target = (target - target.mean(0)) / target.std(0) + torch.tensor(list(VITALS.values()))
    model = VitalsNet(dict(sorted(VITALS.items())) if sick else VITALS)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, task="regression", **fern_loaders(x, target))


class MeanBert(nn.Module):
    """A classifier on the mean of BERT's last hidden states."""

    def __init__(self, pooler: bool) -> None:
        super().__init__()
        config = BertConfig(
            vocab_size=26, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
            max_position_embeddings=16, hidden_dropout_prob=0.0, initializer_range=0.1,
            attention_probs_dropout_prob=0.0,
        )  # fmt: skip
        self.bert = BertModel(config, add_pooling_layer=pooler)
        self.classifier = nn.Linear(32, 2)

    def forward(self, tokens: Tensor) -> Any:
        return self.classifier(self.bert(tokens).last_hidden_state.mean(1))


@pair("unused-parameters", group="wiring", source="transformers")
def pooler_left_on_under_a_mean(sick: bool) -> Arguments:
    """BERT is built with its pooler, which runs in every pass, while the classifier reads the mean of the states."""
    fern_seeds()
    words = fern_sentences(600)
    label = (words[:, 3:9] > 13).sum(1).gt(3).long()
    model = MeanBert(pooler=sick)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **fern_loaders(words, label))


class MessageLayer(nn.Module):
    """Sums the messages along the edges of a batch of graphs in one big graph."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.message, self.update = nn.Linear(2 * width, width), nn.Linear(2 * width, width)

    def forward(self, h: Tensor, source: Tensor, target: Tensor) -> Tensor:
        message = torch.relu(self.message(torch.cat([h[source], h[target]], 1)))
        received = torch.zeros_like(h)
        received.index_add_(0, target, message)
        return h + torch.relu(self.update(torch.cat([h, received], 1)))


class LostMessageLayer(MessageLayer):
    def forward(self, h: Tensor, source: Tensor, target: Tensor) -> Tensor:
        message = torch.relu(self.message(torch.cat([h[source], h[target]], 1)))
        received = torch.zeros_like(h)
        received.index_add(0, target, message)
        return h + torch.relu(self.update(torch.cat([h, received], 1)))


class RingGraphNet(nn.Module):
    """Graphs of twelve nodes, each with a pointer to another: predicts a number for the graph."""

    def __init__(self, layer: type[MessageLayer], width: int = 24) -> None:
        super().__init__()
        self.enter = nn.Linear(3, width)
        self.layers = nn.ModuleList(layer(width) for _ in range(2))
        self.head = nn.Linear(width, 1)

    def forward(self, nodes: Tensor, pointer: Tensor) -> Any:
        graphs, size, _ = nodes.shape
        h = torch.relu(self.enter(nodes.flatten(0, 1)))
        first = torch.arange(graphs)[:, None] * size
        source, target = (pointer + first).flatten(), torch.arange(graphs * size)
        for layer in self.layers:
            h = layer(h, source, target)
        return self.head(h.view(graphs, size, -1).mean(1))


@pair("unused-result", group="wiring", source="published")
def messages_added_to_a_copy(sick: bool) -> Arguments:
    """The graph layer calls index_add without the underscore and drops its result: no node receives a message."""
    fern_seeds()
    nodes, pointer = torch.randn(500, 12, 3), torch.randint(12, (500, 12))
    other = torch.gather(nodes, 1, pointer[..., None].expand(-1, -1, 3))
    target = (nodes[..., 0] * other[..., 1]).mean(1, keepdim=True) + 0.5 * (nodes[..., 2] - other[..., 2]).abs().mean(
        1, keepdim=True
    )
    target = (target - target.mean()) / target.std()
    model = RingGraphNet(LostMessageLayer if sick else MessageLayer)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=optimizer,
        task="regression",
        **fern_loaders(nodes, pointer, target),
    )


def perceptron_with_end(sizes: list[int], end: type[nn.Module]) -> nn.Sequential:
    """A perceptron with SiLU between its layers and the given module after the last."""
    layers: list[nn.Module] = []
    for a, b in pairwise(sizes):
        layers += [nn.Linear(a, b), nn.SiLU()]
    return nn.Sequential(*layers[:-1], end())


class NoisePredictor(nn.Module):
    """Predicts the noise in a point from the noisy point and the level of noise."""

    def __init__(self, end: type[nn.Module]) -> None:
        super().__init__()
        self.net = perceptron_with_end([17, 128, 128, 16], end)

    def forward(self, noisy: Tensor, level: Tensor) -> Any:
        return self.net(torch.cat([noisy, level], 1))


@pair("output-range", group="wiring", source="published")
def generator_end_on_the_noise_predictor(sick: bool) -> Arguments:
    """The noise predictor of a diffusion model ends with a generator's tanh; a third of the noise is beyond ±1."""
    fern_seeds()
    angle = 6.28 * torch.rand(1000, 1)
    clean = torch.cat([angle.cos(), angle.sin(), (2 * angle).cos()], 1) @ torch.randn(3, 16) / 1.5**0.5
    noise, level = torch.randn(1000, 16), 0.3 + 0.7 * torch.rand(1000, 1)
    noisy = (1 - level**2).sqrt() * clean + level * noise
    model = NoisePredictor(nn.Tanh if sick else nn.Identity)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(
        model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, task="regression", **fern_loaders(noisy, level, noise)
    )


class SwitchNet(nn.Module):
    """A switch layer: each image goes to the one expert that the router likes best."""

    def __init__(self, experts: int = 6, width: int = 48) -> None:
        super().__init__()
        self.enter, self.router = nn.Linear(64, width), nn.Linear(width, experts)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width)) for _ in range(experts)
        )
        self.head = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Any:
        h = F.relu(self.enter(x.flatten(1)))
        weight, picked = self.router(h).softmax(1).max(1)
        mixed = torch.zeros_like(h)
        for i, expert in enumerate(self.experts):
            rows = (picked == i).nonzero()[:, 0]
            if len(rows):
                mixed = mixed.index_add(0, rows, weight[rows, None] * expert(h[rows]))
        return self.head(h + mixed)


@healthy(resembles="unused-parameters", source="scikit-learn")
def switch_whose_experts_wait_their_turn() -> Arguments:
    """Only the experts that the router picks run: some get no gradient in one batch and get one in another."""
    fern_seeds()
    x, y = fern_digits()
    model = SwitchNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **fern_loaders(x, y, batch=16))
