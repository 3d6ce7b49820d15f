"""Text, sound and codes: five broken programs with their twins, and a WaveNet that is right."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fourth_wire_parts import both_parts, phrases, remarks, reshuffled, seed_generators, small_digits


class TextCNN(nn.Module):
    """Convolutions of widths 2, 3 and 4 over words, after Kim (2014)."""

    def __init__(self, listed: bool):
        super().__init__()
        self.words = nn.Embedding(50, 24)
        branches = [nn.Conv1d(24, 16, width) for width in (2, 3, 4)]
        self.branches = nn.ModuleList(branches) if listed else branches
        self.head = nn.Linear(48, 3)

    def forward(self, tokens: Tensor) -> Tensor:
        embedded = self.words(tokens).transpose(1, 2)
        peaks = [branch(embedded).relu().amax(-1) for branch in self.branches]
        scores: Tensor = self.head(torch.cat(peaks, dim=1))
        return scores


@pair("unregistered-parameters", group="wiring", source="published")
def text_branches_in_a_python_list(sick: bool) -> Arguments:
    """The three convolutions live in a plain list, so that the optimizer never hears of them."""
    seed_generators(41)
    model = TextCNN(listed=not sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        **both_parts(*remarks(800, seed=4), held_out=160),
    )


class SpectrumOfFilters(nn.Module):
    """A learnt filter bank, the magnitude of its spectrum, and a classifier on top."""

    def __init__(self) -> None:
        super().__init__()
        self.bank = nn.Conv1d(1, 6, 9, padding=4)
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(6 * 33, 48), nn.ReLU(), nn.Linear(48, 4))

    def spectrum(self, filtered: Tensor) -> Tensor:
        magnitude: Tensor = torch.fft.rfft(filtered, norm="ortho").abs()
        return magnitude

    def forward(self, sound: Tensor) -> Tensor:
        scores: Tensor = self.head(self.spectrum(self.bank(sound)))
        return scores


class NumpySpectrumOfFilters(SpectrumOfFilters):
    """The same with the transform of NumPy."""

    def spectrum(self, filtered: Tensor) -> Tensor:
        magnitude = np.abs(np.fft.rfft(filtered.detach().numpy(), norm="ortho"))
        return torch.from_numpy(magnitude).float()


def tones(count: int) -> tuple[Tensor, Tensor]:
    """Sounds (N, 1, 64) of four chords of random phase, with noise."""
    draw = torch.Generator().manual_seed(9)
    kind = torch.randint(4, (count,), generator=draw)
    pitches = torch.tensor([[4.0, 9.0], [4.0, 13.0], [7.0, 9.0], [7.0, 13.0]])[kind]
    pitches = pitches + 0.6 * torch.randn(count, 2, generator=draw)
    phases = 2 * torch.pi * torch.rand(count, 2, 1, generator=draw)
    time = torch.linspace(0, 2 * torch.pi, 64)
    sound = torch.sin(pitches[..., None] * time + phases).sum(1, keepdim=True)
    return sound + 0.4 * torch.randn(count, 1, 64, generator=draw), kind


@pair("detached-graph", group="wiring")
def filter_bank_before_a_numpy_spectrum(sick: bool) -> Arguments:
    """The spectrum is taken in NumPy, which ends the graph there, and the learnt filters get no gradient."""
    seed_generators(42)
    model = NumpySpectrumOfFilters() if sick else SpectrumOfFilters()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        **both_parts(*tones(700), held_out=140),
    )


class CodedDigits(nn.Module):
    """An autoencoder whose code consists of whole numbers from −3 to 3, as in finite scalar quantisation."""

    def __init__(self, passes_straight: bool):
        super().__init__()
        self.passes_straight = passes_straight
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 24))
        self.decoder = nn.Sequential(nn.Linear(24, 96), nn.ReLU(), nn.Linear(96, 64), nn.Unflatten(1, (1, 8, 8)))

    def forward(self, images: Tensor) -> Tensor:
        code = 3 * torch.tanh(2 * self.encoder(images))
        whole = torch.round(code)
        if self.passes_straight:
            whole = code + (whole - code).detach()
        logits: Tensor = self.decoder(whole)
        return logits


@pair("zero-gradient-path", group="wiring", source="scikit-learn")
def code_rounded_on_its_way(sick: bool) -> Arguments:
    """The code is rounded without a straight-through estimator, and the encoder learns nothing."""
    seed_generators(43)
    images, _ = small_digits(1000)
    model = CodedDigits(passes_straight=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    loss_fn = nn.BCEWithLogitsLoss()
    return {"model": model, "loss_fn": loss_fn, "optimizer": optimizer, "loader": reshuffled(images, images)}


class Dropping(nn.Module):
    """Convolutions with batch normalisation and dropout, which remembers its last accuracy."""

    def __init__(self, momentum: float = 0.1, share: float = 0.2):
        super().__init__()
        self.last_accuracy = 0.0
        self.net = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1, bias=False),
            nn.BatchNorm2d(16, momentum=momentum),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1, bias=False),
            nn.BatchNorm2d(32, momentum=momentum),
            nn.ReLU(),
            nn.Flatten(),
            nn.Dropout(share),
            nn.Linear(512, 10),
        )

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.net(images)
        return scores


@torch.no_grad()
def dropping_accuracy(model: Dropping, batch: list[Tensor]) -> float:
    """The share of right answers of the model in use."""
    model.eval()
    return float((model(batch[0]).argmax(1) == batch[1]).float().mean())


def learn(model: Dropping, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """Clear, backward and step."""
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()


def measured_then_learnt(model: Dropping, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """Note the accuracy before the step."""
    model.last_accuracy = dropping_accuracy(model, batch)
    return learn(model, batch, optimizer)


def measured_and_back_then_learnt(model: Dropping, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """Note the accuracy before the step, and return to training."""
    model.last_accuracy = dropping_accuracy(model, batch)
    model.train()
    return learn(model, batch, optimizer)


@pair("train-eval-mode", group="wiring", source="scikit-learn")
def accuracy_noted_before_each_step(sick: bool) -> Arguments:
    """Each step notes the accuracy first, which calls eval(), and then learns without having called train()."""
    seed_generators(44)
    model = Dropping()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-3),
        train_step=measured_then_learnt if sick else measured_and_back_then_learnt,
        eval_step=dropping_accuracy,
        **both_parts(*small_digits(1000), held_out=200),
    )


@pair("batchnorm-statistics", group="wiring", source="scikit-learn")
def statistics_with_a_momentum_of_zero(sick: bool) -> Arguments:
    """A momentum of zero, meant as no smoothing, leaves the running statistics at 0 and 1 for ever."""
    seed_generators(45)
    model = Dropping(momentum=0.0 if sick else 0.1, share=0.1)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-3),
        **both_parts(*small_digits(1000, seed=3), held_out=200),
    )


class Causal(nn.Module):
    """A residual block of a gated, dilated convolution that is filled up on the left."""

    def __init__(self, width: int, dilation: int):
        super().__init__()
        self.reach = dilation
        self.both = nn.Conv1d(width, 2 * width, 2, dilation=dilation)
        self.out = nn.Conv1d(width, width, 1)

    def forward(self, signal: Tensor) -> Tensor:
        value, gate = self.both(F.pad(signal, (self.reach, 0))).chunk(2, dim=1)
        mixed_in: Tensor = self.out(value.tanh() * gate.sigmoid())
        return signal + mixed_in


class WaveNet(nn.Module):
    """Four causal blocks over tokens, after van den Oord and others (2016)."""

    def __init__(self, letters: int = 16, width: int = 24):
        super().__init__()
        self.letters = nn.Embedding(letters, width)
        self.blocks = nn.Sequential(*(Causal(width, dilation) for dilation in (1, 2, 4, 8)))
        self.head = nn.Sequential(nn.ReLU(), nn.Conv1d(width, letters, 1))

    def forward(self, tokens: Tensor) -> Tensor:
        scores: Tensor = self.head(self.blocks(self.letters(tokens).transpose(1, 2)))
        return scores


@healthy(resembles="causality", source="published")
def wavenet_filled_on_the_left() -> Arguments:
    """Convolutions over time that see no future, since each is filled up on the left by its reach."""
    seed_generators(46)
    tokens = phrases(600, seed=2)
    model = WaveNet()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        causal=True,
        **both_parts(tokens[:, :-1].clone(), tokens[:, 1:].clone(), held_out=100),
    )
