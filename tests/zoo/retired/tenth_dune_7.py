"""A narrow recogniser of speech, blocks without residual, a cloned classifier, a pointer and a diffusion model."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.tenth_dune_parts import digit_images, digit_rows, for_validation, seeded, shuffled, split_loaders


class SpeechFrames(nn.Module):
    """Clipped rectifiers over each frame, a recurrence over all of them, and the phoneme of each."""

    def __init__(self, n_hidden: int) -> None:
        super().__init__()
        self.frames = nn.Sequential(
            nn.Linear(12, n_hidden), nn.Hardtanh(0.0, 20.0), nn.Linear(n_hidden, n_hidden), nn.Hardtanh(0.0, 20.0)
        )
        self.recurrence = nn.LSTM(n_hidden, n_hidden, batch_first=True, bidirectional=True)
        self.phonemes = nn.Linear(2 * n_hidden, 8)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.phonemes(self.recurrence(self.frames(x))[0])
        return logits


def per_frame(logits: Tensor, phonemes: Tensor) -> Tensor:
    return F.cross_entropy(logits.flatten(0, 1), phonemes.flatten())


@pair("capacity", group="training", source="published")
def layers_too_narrow_for_the_speech(sick: bool) -> Arguments:
    """Even on its training data it makes a fifth of errors, until the layers are wider (mozilla/DeepSpeech#311)."""
    seeded()
    voices = 1.3 * torch.randn(8, 3, 12)
    phonemes = torch.randint(0, 8, (600, 10))
    x = voices[phonemes, torch.randint(0, 3, (600, 10))] + 0.4 * torch.randn(600, 10, 12)
    model = SpeechFrames(2 if sick else 48)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    x = (x - x.mean()) / x.std()
    return dict(model=model, loss_fn=per_frame, optimizer=optimizer, **split_loaders(x, phonemes, batch=16))


class SequenceBlock(nn.Module):
    """A layer over a sequence behind its norm, with or without a residual."""

    def __init__(self, width: int, *, residual: bool, forgets: bool) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.layer = nn.Conv1d(width, width, 5, padding=2)
        self.residual, self.forgets = residual, forgets

    def forward(self, x: Tensor) -> Tensor:
        y = F.gelu(self.layer(self.norm(x).transpose(1, 2)).transpose(1, 2))
        if self.residual:
            x = x + y
        elif not self.forgets:
            x = y
        return x


class SequenceClassifier(nn.Module):
    def __init__(self, *, forgets: bool) -> None:
        super().__init__()
        self.encoder = nn.Linear(2, 24)
        self.blocks = nn.ModuleList(SequenceBlock(24, residual=False, forgets=forgets) for _ in range(2))
        self.decoder = nn.Linear(24, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.encoder(x)
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.decoder(x.mean(1))
        return logits


@pair("unused-parameters", "unused-result", group="wiring", source="published")
def block_without_residual_returns_what_it_got(sick: bool) -> Arguments:
    """Where no residual is asked for, the output of the layer is forgotten (state-spaces/s4#30)."""
    seeded()
    kind = torch.randint(0, 3, (800,))
    time = torch.arange(24.0) + 24.0 * torch.rand(800, 1)
    beat = torch.sin(time * torch.tensor([0.5, 1.0, 1.8])[kind][:, None])
    x = torch.stack([beat, torch.randn(800, 24)], 2) + 0.2 * torch.randn(800, 24, 2)
    model = SequenceClassifier(forgets=sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **split_loaders(x, kind))


class FittedClassifier:
    """A network together with the optimizer that fits it."""

    def __init__(self, network: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        self.network, self.optimizer = network, optimizer

    def clone_for_refitting(self, *, shares: bool) -> FittedClassifier:
        """A classifier like this one that is to be fitted anew."""
        network = copy.deepcopy(self.network)
        for layer in network.modules():
            if isinstance(layer, nn.Linear):
                layer.reset_parameters()
        if shares:
            return FittedClassifier(network, self.optimizer)
        settings = {key: value for key, value in self.optimizer.defaults.items() if key in ("lr", "momentum")}
        return FittedClassifier(network, type(self.optimizer)(network.parameters(), **settings))


@pair("optimizer-mismatch", group="training", source="scikit-learn")
def clone_refitted_by_the_optimizer_of_the_original(sick: bool) -> Arguments:
    """The clone takes over the optimizer of the original (Trusted-AI/adversarial-robustness-toolbox#1580)."""
    seeded()
    network = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    original = FittedClassifier(network, torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9))
    clone = original.clone_for_refitting(shares=sick)
    return dict(
        model=clone.network,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=clone.optimizer,
        **split_loaders(*digit_rows()),
    )


class PointedPool(nn.Module):
    """Reads a passage and pools its words by scores that a question has to do with."""

    def __init__(self, *, expanded_first: bool) -> None:
        super().__init__()
        self.words = nn.Embedding(30, 24)
        self.passage = nn.GRU(24, 24, batch_first=True, bidirectional=True)
        self.attention = nn.Sequential(nn.Linear(72, 32), nn.Tanh(), nn.Linear(32, 1, bias=False))
        self.answer = nn.Linear(48, 30)
        self.expanded_first = expanded_first

    def forward(self, passage: Tensor, question: Tensor) -> Tensor:
        states = self.passage(self.words(passage))[0]
        asked = self.words(question)[:, None].expand(-1, states.shape[1], -1)
        scores = self.attention(torch.cat([states, asked], -1)).squeeze(-1)
        if self.expanded_first:
            scores = torch.softmax(scores.unsqueeze(-1), -1)
        else:
            scores = torch.softmax(scores, -1).unsqueeze(-1)
        logits: Tensor = self.answer((scores * states).sum(1))
        return logits


@pair("zero-gradient-path", group="wiring", source="published")
def scores_expanded_before_their_softmax(sick: bool) -> Arguments:
    """The softmax of the scores runs over an axis of one, so that all weights are one (localminimum/R-net#8)."""
    seeded()
    passage = torch.stack([torch.randperm(30)[:6] for _ in range(1200)])
    at = torch.randint(0, 5, (1200,))
    question, answer = passage[torch.arange(1200), at], passage[torch.arange(1200), at + 1]
    model = PointedPool(expanded_first=sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return dict(
        model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **split_loaders(passage, question, answer)
    )


class NoisedDigits(Dataset[tuple[Tensor, Tensor, Tensor, Tensor]]):
    """Digits that are noised to a random degree, the degree, the class, and the noise that was added."""

    def __init__(self, images: Tensor, classes: Tensor) -> None:
        self.images, self.classes = images, classes

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        degree, noise = torch.rand(()), torch.randn(1, 8, 8)
        noised = torch.cos(degree * 1.5708) * self.images[index] + torch.sin(degree * 1.5708) * noise
        return noised, degree, self.classes[index], noise


class ModulatedBlock(nn.Module):
    """A transformer block that the condition scales, shifts and gates, all of it starting at nothing."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, elementwise_affine=False)
        self.norm2 = nn.LayerNorm(width, elementwise_affine=False)
        self.attention = nn.MultiheadAttention(width, 4, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 6 * width))
        nn.init.zeros_(self.modulation[1].weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.modulation[1].bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        shift1, scale1, gate1, shift2, scale2, gate2 = self.modulation(condition).unsqueeze(1).chunk(6, -1)
        h = self.norm1(x) * (1 + scale1) + shift1
        x = x + gate1 * self.attention(h, h, h, need_weights=False)[0]
        changed: Tensor = x + gate2 * self.mlp(self.norm2(x) * (1 + scale2) + shift2)
        return changed


class SmallDiT(nn.Module):
    def __init__(self, width: int = 48) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, width, 2, stride=2)
        self.places = nn.Parameter(0.3 * torch.randn(1, 16, width))
        self.degree = nn.Sequential(nn.Linear(1, width), nn.SiLU(), nn.Linear(width, width))
        self.classes = nn.Embedding(10, width)
        self.blocks = nn.ModuleList(ModulatedBlock(width) for _ in range(2))
        self.out = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 4))
        nn.init.zeros_(self.out[1].weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.out[1].bias)  # type: ignore[arg-type]

    def forward(self, noised: Tensor, degree: Tensor, classes: Tensor) -> Tensor:
        x = self.patches(noised).flatten(2).transpose(1, 2) + self.places
        condition = self.degree(degree[:, None]) + self.classes(classes)
        for block in self.blocks:
            x = block(x, condition)
        noise: Tensor = F.pixel_shuffle(self.out(x).transpose(1, 2).unflatten(2, (4, 4)), 2)
        return noise


@healthy(resembles="symmetric-init", source="published")
def modulation_and_output_that_start_at_zero() -> Arguments:
    """Somebody met zero gradients in a diffusion transformer; it starts with zeros on purpose (Vchitect/Latte#45)."""
    seeded()
    images, classes = digit_images(800)
    model = SmallDiT()
    return {
        "model": model,
        "loader": shuffled(NoisedDigits(images[:640], classes[:640])),
        "val_loader": for_validation(NoisedDigits(images[640:], classes[640:])),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=2e-3),
        "task": "regression",
    }
