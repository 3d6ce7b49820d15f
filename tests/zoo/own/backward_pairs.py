"""Programs whose numbers break on the way forward or back, and their healthy twins."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.own.models_samples import batches, digits, seed, series, topics
from tests.zoo.own.models_tables_and_images import he_initialised, mlp
from tests.zoo.program import Arguments, pair


class Decoder(nn.Module):
    """A decoder of one block: words and places, masked attention, a feed-forward part, logits (N, T, V)."""

    def __init__(self, vocabulary: int, first_hidden: int, width: int = 48, length: int = 24) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, width)
        self.places = nn.Embedding(length, width)
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.feed = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.head = nn.Linear(width, vocabulary)
        self.first_hidden = first_hidden

    def forward(self, ids: Tensor) -> Tensor:
        time_steps = ids.shape[1]
        x = self.words(ids) + self.places(torch.arange(time_steps, device=ids.device))
        query, key, value = self.qkv(self.before(x)).chunk(3, dim=-1)
        hidden = torch.ones(time_steps, time_steps, device=ids.device).triu(self.first_hidden).bool()
        scores = query @ key.transpose(1, 2) / math.sqrt(query.shape[-1])
        attention = scores.masked_fill(hidden, -math.inf).softmax(dim=-1)
        x = x + self.out(attention @ value)
        return self.head(x + self.feed(self.between(x)))


def next_word_loss(logits: Tensor, following: Tensor) -> Tensor:
    """Return the cross-entropy of logits (N, T, V) against the words that follow (N, T)."""
    return F.cross_entropy(logits.flatten(0, 1), following.flatten())


@pair("nonfinite-forward", group="backward", source="published")
def first_word_sees_nothing(sick: bool) -> Arguments:
    """The causal mask hides the diagonal too; the first word has nothing to attend to, and its softmax is NaN."""
    seed()
    ids, _ = topics(length=25)
    model = Decoder(vocabulary=300, first_hidden=0 if sick else 1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    loader = batches(ids[:, :-1], ids[:, 1:], size=16)
    return {"model": model, "loader": loader, "loss_fn": next_word_loss, "optimizer": optimizer, "causal": True}


class WindowNormalised(nn.Module):
    """A small convolutional network that first brings every window (N, 1, T) to mean 0 and deviation 1."""

    def __init__(self, epsilon: float) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.conv1, self.conv2 = nn.Conv1d(1, 16, 5, padding=2), nn.Conv1d(16, 16, 5, padding=2)
        self.head = nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        x = centred / (centred.square().mean(-1, keepdim=True).sqrt() + self.epsilon)
        x = F.max_pool1d(F.relu(self.conv1(x)), 2)
        return self.head(F.relu(self.conv2(x)).mean(-1))


def three_rhythms(count: int = 480, length: int = 32) -> tuple[Tensor, Tensor]:
    """Return windows (N, 1, T) of sines, of square waves and of a sensor stuck at some level, and which."""
    labels = torch.arange(count) % 3
    phase = torch.arange(length) / 8 + torch.rand(count, 1)
    wave = torch.sin(2 * torch.pi * phase)
    wave = torch.where(labels[:, None] == 1, wave.sign(), wave) + 0.2 * torch.randn(count, length)
    # A stuck converter repeats one of its steps exactly.
    stuck = torch.arange(count)[:, None].expand(count, length) / 256 - 1
    return torch.where(labels[:, None] == 2, stuck, wave).unsqueeze(1), labels


@pair("nonfinite-forward", group="backward")
def stuck_sensor_divided_by_its_deviation(sick: bool) -> Arguments:
    """Windows are divided by their own deviation, which is exactly 0 where the sensor is stuck."""
    seed()
    model = WindowNormalised(epsilon=0.0 if sick else 1e-5)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    loader = batches(*three_rhythms())
    return {"model": model, "loader": loader, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


class Siamese(nn.Module):
    """Two images through one encoder; returns the distance (N,) of their embeddings."""

    def __init__(self, epsilon: float) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.encoder = nn.Sequential(nn.Flatten(), *mlp(64, 64, 32))

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        difference = self.encoder(first) - self.encoder(second)
        return torch.sqrt(difference.square().sum(1) + self.epsilon)


def contrastive_loss(distance: Tensor, same: Tensor) -> Tensor:
    """Return the loss of Hadsell et al.: pairs of one class together, others a margin of 1 apart."""
    return (same * distance.square() + (1 - same) * F.relu(1 - distance).square()).mean()


@pair("nonfinite-gradient", group="backward", source="scikit-learn")
def image_paired_with_itself(sick: bool) -> Arguments:
    """Some pairs are an image and itself: the root of 0 has an infinite slope, and 0 · ∞ is NaN."""
    seed()
    images, labels = digits()
    partner = torch.randperm(1000)
    for index in range(0, 1000, 2):
        candidates = torch.nonzero(labels == labels[index]).flatten()
        partner[index] = candidates[torch.randint(len(candidates), ())]
    partner[::20] = torch.arange(1000)[::20]
    same = (labels == labels[partner]).float()
    model = Siamese(epsilon=0.0 if sick else 1e-6)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    loader = batches(images / 16, images[partner] / 16, same)
    return {"model": model, "loader": loader, "loss_fn": contrastive_loss, "optimizer": optimizer}


class LogEnergies(nn.Module):
    """A learnt bank of filters with gains over windows (N, 1, T), the logarithm of its outputs, and a classifier."""

    def __init__(self, clamps_first: bool, floor: float = 0.05) -> None:
        super().__init__()
        self.clamps_first, self.floor = clamps_first, floor
        self.bank = nn.Conv1d(1, 24, 9, stride=4)
        self.gain = nn.Parameter(torch.ones(24, 1))
        self.head = mlp(24 * 6, 32, 2)

    def forward(self, x: Tensor) -> Tensor:
        energy = self.gain * F.relu(self.bank(x))
        logarithm = torch.log(energy.clamp_min(self.floor) if self.clamps_first else energy)
        return self.head(torch.where(energy > self.floor, logarithm, math.log(self.floor)).flatten(1))


@pair("nonfinite-gradient", group="backward")
def where_after_the_logarithm(sick: bool) -> Arguments:
    """torch.where replaces log(0) in the forward pass, but its gradient is still 0 · ∞."""
    seed()
    windows, kind = three_rhythms()
    moving = kind != 2
    model = LogEnergies(clamps_first=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    loader = batches(windows[moving], kind[moving])
    return {"model": model, "loader": loader, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


@pair("vanishing-gradients", group="backward", source="scikit-learn")
def ten_layers_of_sigmoids(sick: bool) -> Arguments:
    """Ten layers are joined by sigmoids, whose slope is at most a quarter, instead of ReLU."""
    seed()
    images, labels = digits()
    model = he_initialised(mlp(64, *[64] * 9, 10, activation=nn.Sigmoid if sick else nn.ReLU))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loader = batches(images.flatten(1) / 16, labels)
    return {"model": model, "loader": loader, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


class Highway(nn.Module):
    """Highway layers: a gate chooses between what a layer makes of its input and the input itself."""

    def __init__(self, carries: bool, width: int = 64, depth: int = 10) -> None:
        super().__init__()
        self.carries = carries
        self.stem, self.head = nn.Linear(64, width), nn.Linear(width, 10)
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.gates = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        for gate in self.gates:
            nn.init.constant_(gate.bias, -2.0)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.stem(x))
        for layer, gate in zip(self.layers, self.gates, strict=True):
            opened = torch.sigmoid(gate(x))
            made = opened * F.relu(layer(x))
            x = made + (1 - opened) * x if self.carries else made
        return self.head(x)


@pair("vanishing-gradients", "init-scale", group="backward", source="published")
def highway_without_its_carry(sick: bool) -> Arguments:
    """Ten highway layers forget to add what the gate lets pass, so only an eighth of the signal survives each."""
    seed()
    images, labels = digits()
    model = Highway(carries=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    loader = batches(images.flatten(1) / 16, labels)
    return {"model": model, "loader": loader, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


class PlainRnn(nn.Module):
    """A recurrent network without gates over a series (N, T, 1); its last state predicts the next value."""

    def __init__(self, nonlinearity: str, recurrent: Tensor) -> None:
        super().__init__()
        self.rnn = nn.RNN(1, len(recurrent), nonlinearity=nonlinearity, batch_first=True)
        self.head = nn.Linear(len(recurrent), 1)
        with torch.no_grad():
            self.rnn.weight_hh_l0.copy_(recurrent)

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.rnn(x)
        return self.head(states[:, -1])


@pair("exploding-gradients", "init-scale", group="backward", source="published")
def identity_rnn_times_one_and_a_half(sick: bool) -> Arguments:
    """The recurrent matrix of an IRNN is 1.5 times the identity: after 48 steps that is a factor of 10⁸."""
    seed()
    x, y = series(length=48)
    model = PlainRnn("relu", torch.eye(32) * (1.5 if sick else 1.0))
    nn.init.normal_(model.rnn.weight_ih_l0, std=0.03)
    nn.init.zeros_(model.rnn.bias_ih_l0)
    nn.init.zeros_(model.rnn.bias_hh_l0)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return {"model": model, "loader": batches(x, y), "loss_fn": nn.MSELoss(), "optimizer": optimizer}


@pair("exploding-gradients", group="backward")
def chaotic_tanh_rnn(sick: bool) -> Arguments:
    """The recurrent matrix of a tanh network is drawn too large: states stay bounded, gradients grow every step."""
    seed()
    x, y = series(length=64)
    gain = 2.5 if sick else 1.0
    model = PlainRnn("tanh", torch.randn(64, 64) * gain / 8)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return {"model": model, "loader": batches(x, y), "loss_fn": nn.MSELoss(), "optimizer": optimizer}
