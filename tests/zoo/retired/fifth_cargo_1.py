"""Forecasts, reviews, gestures and pairs of digits: programs of the fifth set, first hand."""
# mypy: disable-error-code="no-any-return, no-untyped-call"

from __future__ import annotations

from typing import Any

import torch
from sklearn.datasets import load_diabetes
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import DistilBertConfig, DistilBertModel

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fifth_cargo_parts import cargo_digits, cargo_loaders, cargo_start, cargo_table


class LoadForecaster(nn.Module):
    """A GRU that reads a day of electric load and forecasts the hour after it."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(3, 32, batch_first=True)
        self.head = nn.Linear(32, 1)

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.gru(x)
        return self.head(states[:, -1]).squeeze(-1)


@pair("target-scale", group="data")
def scaled_history_and_forecast_in_megawatts(sick: bool) -> Arguments:
    """The history goes through the scaler, the hour to forecast is left in tens of thousands of megawatts."""
    cargo_start()
    hours = torch.arange(1000.0)
    daily, weekly = 2 * torch.pi * hours / 24, 2 * torch.pi * hours / 168
    megawatts = 42_000 + 6_000 * torch.sin(daily) + 2_500 * torch.sin(weekly) + 900 * torch.randn(1000)
    scaled = (megawatts - megawatts.mean()) / megawatts.std()
    columns = torch.stack([scaled, 1.4 * torch.sin(daily), 1.4 * torch.cos(daily)], -1)
    windows = columns.unfold(0, 24, 1).transpose(1, 2)[:-1].contiguous()
    following = (megawatts if sick else scaled)[24:]
    model = LoadForecaster()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(
        model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, task="regression", **cargo_loaders(windows, following)
    )


class ReviewClassifier(nn.Module):
    """A small DistilBERT under a linear head at its first token."""

    def __init__(self, *, masked: bool) -> None:
        super().__init__()
        config = DistilBertConfig(
            vocab_size=60, max_position_embeddings=32, dim=32, hidden_dim=64, n_layers=2, n_heads=2
        )
        self.body = DistilBertModel(config)
        self.head = nn.Linear(32, 2)
        self.masked = masked

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        mask = attention_mask if self.masked else None
        return self.head(self.body(input_ids, attention_mask=mask).last_hidden_state[:, 0])


def padded_reviews(count: int = 800, longest: int = 20) -> tuple[Tensor, Tensor, Tensor]:
    """Reviews of praising, complaining and neutral words, padded with zeros, their masks and their verdicts."""
    lengths = torch.randint(8, longest + 1, (count,))
    verdicts = torch.randint(0, 2, (count,))
    praise, complaint = torch.randint(3, 10, (count, longest)), torch.randint(10, 17, (count, longest))
    telling = torch.where(verdicts[:, None] == 1, praise, complaint)
    ids = torch.where(torch.rand(count, longest) < 0.4, telling, torch.randint(17, 60, (count, longest)))
    ids[:, 0] = 1
    mask = (torch.arange(longest) < lengths[:, None]).long()
    return ids * mask, mask, verdicts


@pair("padding-leak", group="wiring", source="transformers")
def attention_mask_taken_and_never_handed_on(sick: bool) -> Arguments:
    """The wrapper takes the attention mask and calls the encoder without it, so the padding is attended to."""
    cargo_start()
    ids, mask, verdicts = padded_reviews()
    model = ReviewClassifier(masked=not sick)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    loaders = cargo_loaders(ids, mask, verdicts)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        padding_value=0,
        task="classification",
        **loaders,
    )


class GestureTransformer(nn.Module):
    """A transformer encoder over the samples of an accelerometer, averaged over time."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(3, 32)
        self.position = nn.Parameter(0.1 * torch.randn(24, 32))
        layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(32, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encoder(self.embed(x) + self.position).mean(1))


def gesture_accelerations(count: int = 800) -> tuple[Tensor, Tensor]:
    """Four gestures as turning directions and speeds of a noisy three-axis signal."""
    kinds = torch.randint(0, 4, (count,))
    speed = torch.where(kinds % 2 == 0, 0.3, 0.8)[:, None] * (0.9 + 0.2 * torch.rand(count, 1))
    turn = speed * torch.arange(24.0) + 1.5 * torch.rand(count, 1)
    lag = torch.where(kinds < 2, 1.57, -1.57)[:, None]
    return 1.3 * torch.stack([turn.sin(), (turn + lag).sin(), (2 * turn).cos()], -1) + 0.3 * torch.randn(
        count, 24, 3
    ), kinds


@pair("learning-rate", group="training")
def sgd_rate_kept_after_the_change_to_adam(sick: bool) -> Arguments:
    """The rate of 0.1 was chosen for plain SGD and was kept when the optimizer became Adam."""
    cargo_start()
    model = GestureTransformer()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1 if sick else 0.001)
    return dict(
        model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **cargo_loaders(*gesture_accelerations())
    )


class SameDigit(nn.Module):
    """A siamese perceptron: the scaled cosine of two images, as a logit of showing the same digit."""

    def __init__(self, *, normalised: bool) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 24))
        self.scale = nn.Parameter(torch.tensor(5.0))
        self.offset = nn.Parameter(torch.tensor(-2.5))
        self.normalised = normalised

    def embed(self, x: Tensor) -> Tensor:
        z = self.encoder(x)
        if self.normalised:
            z = F.normalize(z, dim=-1)
        else:
            F.normalize(z, dim=-1)
        return z

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return self.scale * (self.embed(left) * self.embed(right)).sum(-1) + self.offset


def digit_couples(count: int = 1200) -> tuple[Tensor, Tensor, Tensor]:
    """Couples of images, half of them of the same digit."""
    x, y = cargo_digits(1700, flat=True)
    left = torch.randperm(len(x))[:count]
    same = torch.rand(count) < 0.5
    match = (y[left][:, None] == y[None, :]) == same[:, None]
    match[torch.arange(count), left] = False
    right = torch.multinomial(match.float(), 1).squeeze(1)
    return x[left], x[right], same.float()


@pair("unused-result", group="wiring", source="scikit-learn")
def embedding_normalised_into_nowhere(sick: bool) -> Arguments:
    """`F.normalize(z, dim=-1)` stands alone on its line, so the cosine is computed from embeddings of any length."""
    cargo_start()
    couples = digit_couples()
    model = SameDigit(normalised=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(
        model=model, loss_fn=nn.BCEWithLogitsLoss(), optimizer=optimizer, task="binary", **cargo_loaders(*couples)
    )


class EpochTrainer:
    """Steps, and the sum of the losses of the epoch for the progress line."""

    def __init__(self, *, as_number: bool) -> None:
        self.epoch_loss: Any = 0.0
        self.as_number = as_number

    def step(self, model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        model.train()
        optimizer.zero_grad()
        loss = F.cross_entropy(model(batch[0]), batch[1])
        loss.backward()
        optimizer.step()
        self.epoch_loss += loss.item() if self.as_number else loss
        return loss.detach()


@pair("memory-growth", group="training")
def epoch_loss_summed_with_its_graph(sick: bool) -> Arguments:
    """The trainer adds up the loss tensors of the epoch, each with its graph, instead of their numbers."""
    cargo_start()
    x, kinds = gesture_accelerations()
    model = nn.Sequential(
        nn.Conv1d(3, 16, 5, padding=2), nn.ReLU(), nn.Conv1d(16, 32, 5, padding=2), nn.ReLU(),
        nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(32, 4),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    trainer = EpochTrainer(as_number=not sick)
    loaders = cargo_loaders(x.transpose(1, 2).contiguous(), kinds)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, train_step=trainer.step, **loaders)


class ScaledBack(nn.Module):
    """A perceptron whose unit-scale output is brought to the scale of the targets."""

    mean: Tensor
    std: Tensor

    def __init__(self, features: int, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(features, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, x: Tensor) -> Tensor:
        return self.mean + self.std * self.net(x).squeeze(-1)


def squared_error_in_spreads(outputs: Tensor, targets: Tensor) -> Tensor:
    """Squared error in units of the variance of the progression of diabetes."""
    return F.mse_loss(outputs, targets) / 77.0**2


@healthy(resembles="target-scale", source="scikit-learn")
def progression_scores_scaled_back_by_the_model() -> Arguments:
    """Targets from 25 to 346 as they are: the model itself multiplies by their spread and adds their mean."""
    cargo_start()
    x, y = cargo_table(load_diabetes)
    y = y.float()
    model = ScaledBack(x.shape[1], y.mean(), y.std())
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(
        model=model, loss_fn=squared_error_in_spreads, optimizer=optimizer, task="regression", **cargo_loaders(x, y)
    )
