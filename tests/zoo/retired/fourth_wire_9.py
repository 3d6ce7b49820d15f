"""Mixtures, noise, remarks and shared norms: four broken programs with their twins, and a fine-tuning that is right."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fourth_wire_parts import both_parts, noised, remarks, reshuffled, seed_generators, small_digits


class MixtureOfNormals(nn.Module):
    """A mixture density network after Bishop (1994): logits, means and logarithms of spread."""

    def __init__(self, parts: int = 4):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(1, 48), nn.Tanh(), nn.Linear(48, 48), nn.Tanh())
        self.logits, self.means, self.spreads = nn.Linear(48, parts), nn.Linear(48, parts), nn.Linear(48, parts)

    def forward(self, place: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        states = self.body(place)
        return self.logits(states), self.means(states), self.spreads(states).clamp(-4, 4)


class Likelihood(nn.Module):
    """The logarithm of the density of the mixture, mean over samples, times a sign."""

    def __init__(self, sign: float):
        super().__init__()
        self.sign = sign

    def forward(self, outputs: tuple[Tensor, Tensor, Tensor], target: Tensor) -> Tensor:
        logits, means, spreads = outputs
        each = -F.gaussian_nll_loss(means, target, (2 * spreads).exp(), full=True, reduction="none")
        return self.sign * (logits.log_softmax(1) + each).logsumexp(1).mean()


def waves_on_their_side(count: int) -> tuple[Tensor, Tensor]:
    """Bishop's curve read from the side, where one place has up to three answers, standardised."""
    draw = torch.Generator().manual_seed(14)
    answer = 2 * torch.rand(count, 1, generator=draw) - 1
    place = answer + 0.45 * torch.sin(2 * torch.pi * answer) + 0.05 * torch.randn(count, 1, generator=draw)
    return (place - place.mean()) / place.std(), (answer - answer.mean()) / answer.std()


@pair("loss-direction", group="wiring", source="published")
def likelihood_of_the_mixture_minimised(sick: bool) -> Arguments:
    """The mean logarithm of the density is minimised, without its minus, and the mixture flees from the data."""
    seed_generators(91)
    model = MixtureOfNormals()
    return dict(
        model=model,
        loss_fn=Likelihood(1.0 if sick else -1.0),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **both_parts(*waves_on_their_side(1000), held_out=200, batch=64),
    )


class NoiseOfDigits(nn.Module):
    """Predicts the noise in a flat image from the image and its time."""

    def __init__(self, last: nn.Module):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(65, 192), nn.SiLU(), nn.Linear(192, 192), nn.SiLU(), nn.Linear(192, 64), last
        )

    def forward(self, image: Tensor, time: Tensor) -> Tensor:
        noise: Tensor = self.net(torch.cat([image, 2 * time - 1], dim=1))
        return noise


@pair("output-range", group="wiring", source="published")
def noise_predicted_through_tanh(sick: bool) -> Arguments:
    """The noise is normal and a third of it lies beyond ±1, where the tanh at the end, as of an image, cannot go."""
    seed_generators(92)
    images, _ = small_digits(1200)
    model = NoiseOfDigits(nn.Tanh() if sick else nn.Identity())
    return {
        "model": model,
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
        "loader": reshuffled(*noised(2 * images.flatten(1) - 1), batch=64),
    }


class BothWays(nn.Module):
    """An LSTM that reads words in both directions, and the sum of its two last states."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(50, 24)
        self.reader = nn.LSTM(24, 32, batch_first=True, bidirectional=True)
        self.head = nn.Linear(32, 3)

    def last(self, states: Tensor) -> Tensor:
        return states.sum(0)

    def forward(self, tokens: Tensor) -> Tensor:
        _, (states, _) = self.reader(self.words(tokens))
        scores: Tensor = self.head(self.last(states))
        return scores


class OneOfBothWays(BothWays):
    """The same, with the last state as of an LSTM in one direction."""

    def last(self, states: Tensor) -> Tensor:
        return states[0]


@pair("unused-parameters", group="wiring")
def backward_reading_left_out(sick: bool) -> Arguments:
    """The LSTM reads both ways, and the head sees the first entry of its states alone: that of the forward way."""
    seed_generators(93)
    model = OneOfBothWays() if sick else BothWays()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=5e-3),
        **both_parts(*remarks(800, seed=11), held_out=160),
    )


class PlainStack(nn.Module):
    """Three convolutions of one width, each followed by a norm."""

    def __init__(self, norms: list[nn.Module], width: int = 16):
        super().__init__()
        self.entry = nn.Conv2d(1, width, 3, padding=1, bias=False)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.third = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norms = nn.ModuleList(norms)
        self.head = nn.Linear(width * 16, 10)

    def forward(self, images: Tensor) -> Tensor:
        states = F.relu(self.norms[0](self.entry(images)))
        states = F.relu(self.norms[1](self.second(states)))
        states = F.max_pool2d(states, 2)
        states = F.relu(self.norms[2](self.third(states)))
        scores: Tensor = self.head(states.flatten(1))
        return scores


@pair("batchnorm-statistics", group="wiring", source="scikit-learn")
def one_norm_after_three_convolutions(sick: bool) -> Arguments:
    """One BatchNorm is called after each of three layers, and its running statistics are a mixture that fits none."""
    seed_generators(94)
    norms: list[nn.Module] = [nn.BatchNorm2d(16)] * 3 if sick else [nn.BatchNorm2d(16) for _ in range(3)]
    model = PlainStack(norms)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        **both_parts(*small_digits(1000, seed=7), held_out=200),
    )


class FineTuned(nn.Module):
    """A body with batch normalisation that has been trained before, and a new head."""

    def __init__(self, body: nn.Sequential, classes: int):
        super().__init__()
        self.body = body
        self.head = nn.Linear(256, classes)

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.head(self.body(images))
        return scores


def body_of_low_digits(images: Tensor, labels: Tensor) -> nn.Sequential:
    """A body that was trained to tell the digits below five."""
    body = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 16, 3, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Flatten(),
    )
    whole = nn.Sequential(body, nn.Linear(256, 5))
    lessons = torch.optim.Adam(whole.parameters(), lr=3e-3)
    for _ in range(6):
        for part in torch.randperm(len(images)).chunk(11):
            lessons.zero_grad()
            F.cross_entropy(whole(images[part]), labels[part]).backward()  # type: ignore[no-untyped-call]
            lessons.step()
    whole.zero_grad()
    return body


def tune_under_settled_norms(model: FineTuned, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step in training mode, with the norms of the body at the statistics they were trained with."""
    model.train()
    for module in model.body.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()


@torch.no_grad()
def tuned_accuracy(model: FineTuned, batch: list[Tensor]) -> float:
    """The share of right answers."""
    model.eval()
    return float((model(batch[0]).argmax(1) == batch[1]).float().mean())


@healthy(resembles="train-eval-mode", source="scikit-learn")
def fine_tuning_under_settled_norms() -> Arguments:
    """The norms of a body trained before stay in evaluation mode during the step, as fine-tuning on few images does."""
    seed_generators(95)
    images, labels = small_digits(1500)
    low = labels < 5
    model = FineTuned(body_of_low_digits(images[low], labels[low]), classes=5)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=5e-4),
        train_step=tune_under_settled_norms,
        eval_step=tuned_accuracy,
        **both_parts(images[~low], labels[~low] - 5, held_out=140),
    )
