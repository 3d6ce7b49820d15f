"""Norms of one's own, weighed words, rates per layer, sensors, a teacher's features, and fine-tuned digits."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.tenth_fjord_parts import (
    centred_columns,
    dealt_out,
    earlier_and_later,
    inked_digits,
    large_digits,
    padded_batches,
    pretrained_on_small_digits,
    seeded_everywhere,
    sentences_on_topics,
)


def batch_norm(
    x: Tensor, scale: Tensor, shift: Tensor, mean: Tensor, variance: Tensor, *, training: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """The normalised maps, and the running mean and variance after this batch."""
    if training:
        now, spread = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
        mean, variance = 0.9 * mean + 0.1 * now.detach(), 0.9 * variance + 0.1 * spread.detach()
    else:
        now, spread = mean, variance
    normal = (x - now[:, None, None]) / (spread[:, None, None] + 1e-5).sqrt()
    return normal * scale[:, None, None] + shift[:, None, None], mean, variance


class NormedConv(nn.Module):
    """A convolution with a norm by hand."""

    mean: Tensor
    variance: Tensor

    def __init__(self, into: int, out: int, *, remembers: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(into, out, 3, padding=1, bias=False)
        self.scale = nn.Parameter(torch.ones(out))
        self.shift = nn.Parameter(torch.zeros(out))
        self.register_buffer("mean", torch.zeros(out))
        self.register_buffer("variance", torch.ones(out))
        self.remembers = remembers

    def forward(self, x: Tensor) -> Tensor:
        result = batch_norm(self.conv(x), self.scale, self.shift, self.mean, self.variance, training=self.training)
        if self.training and self.remembers:
            self.mean.copy_(result[1])
            self.variance.copy_(result[2])
        return F.relu(result[0])


@pair("batchnorm-statistics", group="wiring", source="scikit-learn")
def running_statistics_computed_and_dropped(sick: bool) -> Arguments:
    """The new running mean and variance come back from the function and are thrown away.

    (HomericIntelligence/Odyssey#5532).
    """
    seeded_everywhere()
    model = nn.Sequential(
        NormedConv(1, 16, remembers=not sick),
        nn.MaxPool2d(2),
        NormedConv(16, 24, remembers=not sick),
        NormedConv(24, 24, remembers=not sick),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(96, 10),
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.015, momentum=0.9)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **dealt_out(*inked_digits(1000)))


class WeighedWords(nn.Module):
    """Words weighed by attention and added."""

    def __init__(self, words: int, classes: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, 24)
        self.key = nn.Sequential(nn.Linear(24, 24), nn.Tanh(), nn.Linear(24, 1))
        self.head = nn.Linear(24, classes)

    def weights(self, words: Tensor, pads: Tensor) -> Tensor:
        scores: Tensor = self.key(words)[..., 0]
        scores = scores.masked_fill(pads, -1e4)
        return scores.softmax(1)

    def forward(self, tokens: Tensor) -> Tensor:
        words = self.embedding(tokens)
        weights = self.weights(words, tokens.eq(0))
        logits: Tensor = self.head((weights[..., None] * words).sum(1))
        return logits


class WeighedPads(WeighedWords):
    """Words weighed by attention and added."""

    def weights(self, words: Tensor, pads: Tensor) -> Tensor:
        scores: Tensor = self.key(words)[..., 0]
        scores.masked_fill(pads, -1e4)
        return scores.softmax(1)


@pair("unused-result", "padding-leak", group="wiring")
def mask_filled_into_a_copy(sick: bool) -> Arguments:
    """The mask of the pads is filled in out of place, and the result dropped (facebookresearch/ParlAI#3068)."""
    seeded_everywhere()
    model = (WeighedPads if sick else WeighedWords)(61, 4)
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    loader = padded_batches(sentences_on_topics(800, words=61, classes=4))
    return {
        "model": model,
        "loader": loader,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": optimizer,
        "padding_value": 0,
    }


def rates_per_layer(model: nn.Sequential, base: float, *, already_times_base: bool) -> list[dict[str, object]]:
    """One group for each layer, its last one learning twice as fast."""
    layers = [layer for layer in model if list(layer.parameters())]
    factors = {id(layer): 1.0 for layer in layers} | {id(layers[-1]): 2.0}
    groups: list[dict[str, object]] = []
    for layer in layers:
        rate = base * factors[id(layer)]
        groups.append({"params": list(layer.parameters()), "lr": base * rate if already_times_base else rate})
    return groups


@pair("update-ratio", "learning-rate", group="training", source="scikit-learn")
def base_rate_multiplied_in_twice(sick: bool) -> Arguments:
    """The rate of each layer, a multiple of the base rate, is multiplied by it once more (gpleiss/nnlr#4)."""
    seeded_everywhere()
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(256, 48),
        nn.ReLU(),
        nn.Linear(48, 10),
    )
    groups = rates_per_layer(model, 0.01, already_times_base=sick)
    optimizer = torch.optim.SGD(groups, lr=0.01, momentum=0.9)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **dealt_out(*inked_digits()))


def sensor_series(hours: int) -> Tensor:
    """Four sensors of air by the hour: two gases, temperature and wind."""
    time = torch.arange(float(hours))
    wind = torch.zeros(hours)
    noise = torch.randn(hours)
    for hour in range(1, hours):
        wind[hour] = 0.95 * wind[hour - 1] + 0.3 * noise[hour]
    warmth = torch.sin(2 * torch.pi * time / 24) + 0.1 * torch.randn(hours)
    gas = torch.sin(2 * torch.pi * (time - 6) / 12) - 0.8 * wind + 0.1 * torch.randn(hours)
    other = 0.7 * gas.roll(2) + 0.4 * warmth + 0.1 * torch.randn(hours)
    return centred_columns(torch.stack([gas, other, warmth, wind], 1))


@pair("nonfinite-data", group="data")
def sensor_log_with_hours_missing(sick: bool) -> Arguments:
    """The sensors' log has hours without a value, and its windows are kept as they are (circleAhn/TESLA-tf#1)."""
    seeded_everywhere()
    series = sensor_series(1100)
    for start in torch.randint(50, 1050, (8,)).tolist():
        series[start : start + int(torch.randint(1, 6, ())), int(torch.randint(4, ()))] = torch.nan
    windows = series.unfold(0, 17, 1)
    past, following = windows[..., :16], windows[:, 0, 16:]
    if not sick:
        whole = windows.isfinite().all(2).all(1)
        past, following = past[whole], following[whole]
    model = nn.Sequential(
        nn.Conv1d(4, 24, 3), nn.ReLU(), nn.Conv1d(24, 24, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 1)
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    data = earlier_and_later(past, following)
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, **data)


def similarity(features: Tensor, wanted: Tensor) -> Tensor:
    """The mean cosine similarity of features and their targets."""
    return F.cosine_similarity(features, wanted).mean()


def negative_similarity(features: Tensor, wanted: Tensor) -> Tensor:
    """The negative of the mean cosine similarity of features and their targets."""
    return -F.cosine_similarity(features, wanted).mean()


@pair("loss-direction", group="wiring")
def similarity_taken_for_a_loss_without_its_minus(sick: bool) -> Arguments:
    """The cosine similarity that should grow is the loss, and its minus is missing (Kim-Minseon/RoCL#3)."""
    seeded_everywhere()
    x = torch.randn(1000, 20)
    with torch.no_grad():
        teacher = nn.Sequential(nn.Linear(20, 32), nn.Tanh(), nn.Linear(32, 12, bias=False))
        features = centred_columns(teacher(x))
    model = nn.Sequential(nn.Linear(20, 48), nn.ReLU(), nn.Linear(48, 12))
    optimizer = torch.optim.Adam(model.parameters(), lr=1.5e-3)
    return dict(
        model=model,
        loss_fn=similarity if sick else negative_similarity,
        optimizer=optimizer,
        **dealt_out(x, features),
    )


def step_with_settled_statistics(
    model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer, loss_fn: nn.Module
) -> Tensor:
    """A step in which the norms use and keep the statistics that they came with."""
    model.train()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    optimizer.zero_grad()
    loss: Tensor = loss_fn(model(batch[0]), batch[1])
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()


@healthy(resembles="frozen-parameters-change", source="scikit-learn")
def norms_frozen_in_their_statistics_only() -> Arguments:
    """Of the norms only mean and variance are frozen, scale and shift are meant to be learnt (idstcv/SoftTriple#4)."""
    seeded_everywhere()
    model = pretrained_on_small_digits()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9),
        train_step=step_with_settled_statistics,
        **large_digits(),
    )
