"""Pairs on gradients that grow: through time, through a graph, through plain depth."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence

from tests.zoo.own import models_varied_training as own
from tests.zoo.program import Arguments, pair


def _arguments(model: nn.Module, *tensors: Tensor, loss: Any = F.cross_entropy) -> Arguments:
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return {"model": model, "loader": own.batches(*tensors), "loss_fn": loss, "optimizer": optimizer}


class _PackedReader(nn.Module):
    """Rectified recurrent units over packed passages."""

    def __init__(self, radius: float) -> None:
        super().__init__()
        self.words = nn.Embedding(400, 16, padding_idx=0)
        self.rnn = nn.RNN(16, 32, nonlinearity="relu", batch_first=True)
        self.head = nn.Linear(32, 4)
        nn.init.orthogonal_(self.rnn.weight_hh_l0, gain=radius)

    def forward(self, ids: Tensor) -> Tensor:
        lengths = (ids > 0).sum(1)
        packed = pack_padded_sequence(self.words(ids), lengths, batch_first=True, enforce_sorted=False)
        return self.head(self.rnn(packed)[1][-1])


@pair("exploding-gradients", group="backward", source="own")
def packed_passages_through_large_weights(sick: bool) -> Arguments:
    """The recurrent weights of a reader of packed passages begin with a radius of 2.2."""
    own.seed()
    ids, _, topics = own.passages()
    return _arguments(_PackedReader(2.2 if sick else 1.0), ids, topics)


class _StateSpace(nn.Module):
    """A linear state, carried on by the transpose of a matrix, read at the end."""

    def __init__(self, radius: float) -> None:
        super().__init__()
        self.again = nn.Parameter(radius * torch.linalg.qr(torch.randn(24, 24))[0])
        self.enter, self.read = nn.Linear(1, 24), nn.Linear(24, 3)

    def forward(self, x: Tensor) -> Tensor:
        state = x.new_zeros(len(x), 24)
        for time in range(x.shape[1]):
            state = state @ self.again.T + self.enter(x[:, time])
        return self.read(state)


@pair("exploding-gradients", group="backward")
def linear_state_that_grows(sick: bool) -> Arguments:
    """A linear state is carried on by a matrix of radius 1.35, over thirty times."""
    own.seed()
    return _arguments(_StateSpace(1.35 if sick else 0.97), *own.waves())


class _Channels(nn.Module):
    """A state of independent channels, each with its own rate of growth, as of a diagonal state space."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rates = nn.Parameter(rate + 0.02 * torch.randn(24))
        self.enter, self.read = nn.Linear(1, 24), nn.Linear(24, 3)
        nn.init.normal_(self.read.weight, std=0.02)  # as sums over time are large

    def forward(self, x: Tensor) -> Tensor:
        entering, state = self.enter(x), x.new_zeros(len(x), 24)
        for time in range(x.shape[1]):
            state = torch.exp(self.rates) * state + entering[:, time]
        return self.read(state)


@pair("exploding-gradients", "init-scale", group="backward")
def channels_that_grow_where_they_should_fade(sick: bool) -> Arguments:
    """The rates of a diagonal state space have lost their sign: each time multiplies the state by 1.35."""
    own.seed()
    return _arguments(_Channels(0.3 if sick else -0.1), *own.waves(length=40))


class _Graph(nn.Module):
    """Six convolutions on one graph of 24 nodes."""

    def __init__(self, neighbours: Tensor) -> None:
        super().__init__()
        self.register_buffer("neighbours", neighbours)
        self.enter, self.read = nn.Linear(1, 16), nn.Linear(16, 3)
        self.layers = nn.ModuleList(nn.Linear(16, 16) for _ in range(6))

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x)
        for layer in self.layers:
            x = F.relu(layer(self.neighbours @ x))
        return self.read(x.mean(1))


@pair("exploding-gradients", "init-scale", group="backward")
def neighbours_summed_where_the_mean_is_meant(sick: bool) -> Arguments:
    """A graph network sums over a dozen neighbours in each of six layers, without dividing by their number."""
    own.seed()
    near = (torch.rand(24, 24) < 0.3).float()
    near = ((near + near.T) > 0).float() + torch.eye(24)
    return _arguments(_Graph(near if sick else near / near.sum(1, keepdim=True)), *own.waves(length=24))


class _Forecaster(nn.Module):
    """A rectified recurrent network by hand, which tells the next value at each time."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.enter, self.again, self.read = nn.Linear(1, 32), nn.Linear(32, 32, bias=False), nn.Linear(32, 1)
        nn.init.normal_(self.again.weight, std=scale / 32**0.5)

    def forward(self, x: Tensor) -> Tensor:
        state, told = x.new_zeros(len(x), 32), []
        for time in range(x.shape[1]):
            state = F.relu(self.enter(x[:, time]) + self.again(state))
            told.append(self.read(state))
        return torch.stack(told, 1)


@pair("exploding-gradients", group="backward")
def forecaster_with_wide_recurrent_weights(sick: bool) -> Arguments:
    """A recurrent network written as a loop begins with weights of twice the usual size."""
    own.seed()
    waves, _ = own.waves(length=25)
    return _arguments(_Forecaster(2.5 if sick else 1.2), waves[:, :-1], waves[:, 1:], loss=nn.MSELoss())


class _Block(nn.Module):
    """Attention and two layers with shortcuts, and norms before them or none."""

    def __init__(self, is_normed: bool) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(32, 4, batch_first=True)
        self.layers = own.layers(32, 64, 32, between=nn.GELU)
        self.one, self.two = (nn.LayerNorm(32) if is_normed else nn.Identity() for _ in range(2))
        for weight in self.parameters():
            if weight.dim() > 1 and not is_normed:
                nn.init.normal_(weight, std=0.4)

    def forward(self, x: Tensor) -> Tensor:
        seen = self.one(x)
        x = x + self.attention(seen, seen, seen)[0]
        return x + self.layers(self.two(x))


class _Reader(nn.Module):
    """Six such blocks over word ids."""

    def __init__(self, is_normed: bool) -> None:
        super().__init__()
        self.words, self.norm, self.head = nn.Embedding(400, 32), nn.LayerNorm(32), nn.Linear(32, 4)
        self.blocks = nn.Sequential(*(_Block(is_normed) for _ in range(6)))

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.norm(self.blocks(self.words(ids))).mean(1))


@pair("exploding-gradients", "init-scale", group="backward")
def transformer_without_its_norms(sick: bool) -> Arguments:
    """The blocks of a transformer are drawn with a std of 0.4 and have lost their norms."""
    own.seed()
    ids, _, topics = own.passages()
    return _arguments(_Reader(not sick), ids, topics)
