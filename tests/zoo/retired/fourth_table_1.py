"""Pairs and look-alikes of the fourth table, first hand: stereo sound, wine, prices, hashes and weather."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from sklearn.datasets import load_wine
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Sampler, TensorDataset

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fourth_table_parts import batches_of, both_loaders, pictures_of_digits, seed_table, z_scores


def stereo_instruments(count: int) -> tuple[Tensor, Tensor]:
    """Stereo clips of four instruments, differing in pitch and overtones; some were recorded on the right only."""
    time = torch.arange(512) / 512
    kind = torch.randint(4, (count,))
    pitch = torch.tensor([9.0, 16.0, 27.0, 40.0])[kind, None] * (1 + 0.05 * torch.randn(count, 1))
    phase = 6.28 * torch.rand(count, 1)
    sound = torch.sin(6.28 * pitch * time + phase) + 0.4 * torch.sin(12.57 * pitch * time + phase)
    clips = torch.stack([sound, 0.7 * sound], 1) * (0.1 + torch.rand(count, 1, 1))
    clips = clips + 0.02 * torch.randn(count, 2, 512)
    clips[torch.rand(count) < 0.06, 0] = 0.0
    return clips, kind


@pair("nonfinite-data", group="data")
def mute_channels_divided_by_their_peak(sick: bool) -> Arguments:
    """Each channel of a clip is divided by its peak, which is zero where only one microphone recorded."""
    seed_table(41)
    clips, kind = stereo_instruments(600)
    peaks = clips.abs().amax(2, keepdim=True)
    clips = clips / (peaks if sick else peaks.clamp(min=1e-4))
    model = nn.Sequential(
        nn.Conv1d(2, 16, 15, stride=3),
        nn.ReLU(),
        nn.Conv1d(16, 32, 9, stride=3),
        nn.ReLU(),
        nn.AdaptiveMaxPool1d(1),
        nn.Flatten(),
        nn.Linear(32, 4),
    )
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        **both_loaders(clips, kind, held_out=120),
    )


class ChunkSampler(Sampler[list[int]]):
    """Batches of neighbouring rows in a random order of the batches."""

    def __init__(self, rows: int, size: int) -> None:
        super().__init__()
        self.rows, self.size = rows, size

    def __len__(self) -> int:
        return self.rows // self.size

    def __iter__(self) -> Iterator[list[int]]:
        for chunk in torch.randperm(len(self)).tolist():
            yield list(range(chunk * self.size, (chunk + 1) * self.size))


class RowSampler(ChunkSampler):
    """Batches of rows in a random order of the rows."""

    def __iter__(self) -> Iterator[list[int]]:
        order = torch.randperm(self.rows)[: len(self) * self.size]
        yield from order.view(-1, self.size).tolist()


def wine_in_two() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The wines in the order of the data set, and every fifth of them held out."""
    x, y = load_wine(return_X_y=True)
    table, kind = torch.tensor(x, dtype=torch.float32), torch.tensor(y)
    held = torch.arange(len(kind)) % 5 == 2
    return table[~held], kind[~held], table[held], kind[held]


@pair("not-shuffled", group="data", source="scikit-learn")
def chunks_shuffled_instead_of_rows(sick: bool) -> Arguments:
    """The batch sampler permutes chunks of neighbours of a table that is sorted by class, so a batch has one class."""
    seed_table(42)
    x, y, val_x, val_y = wine_in_two()
    sampler = (ChunkSampler if sick else RowSampler)(len(y), 8)
    model = nn.Sequential(nn.Linear(13, 32), nn.LayerNorm(32), nn.GELU(), nn.Linear(32, 3))
    return {
        "model": model,
        "loader": DataLoader(TensorDataset(z_scores(x), y), batch_sampler=sampler),
        "val_loader": batches_of(z_scores(val_x, like=x), val_y, size=12, shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=5e-3),
    }


class PriceModel(nn.Module):
    """Logarithm of a flat's price from its district and five numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.district = nn.Embedding(12, 6)
        self.hidden = nn.Sequential(nn.Linear(11, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU())
        self.price = nn.Linear(48, 1)

    def forward(self, district: Tensor, numbers: Tensor) -> Tensor:
        price: Tensor = self.price(self.hidden(torch.cat([self.district(district), numbers], 1)))
        return price.squeeze(1)


@pair("final-bias", "target-scale", group="init")
def logarithms_of_prices_under_a_zero_bias(sick: bool) -> Arguments:
    """Logarithms of prices lie around twelve, and the last bias starts near zero instead of at their mean."""
    seed_table(43)
    district, numbers = torch.randint(12, (900,)), torch.randn(900, 5)
    levels, slopes = 0.5 * torch.randn(12), torch.tensor([0.5, -0.3, 0.2, 0.3, 0.1])
    logs = 12.2 + levels[district] + numbers @ slopes + 0.3 * numbers[:, 0].abs() + 0.05 * torch.randn(900)
    model = PriceModel()
    if not sick:
        nn.init.constant_(model.price.bias, logs[:-200].mean().item())
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        **both_loaders(district, numbers, logs, held_out=200),
    )


class HashNet(nn.Module):
    """Whether two digits are the same, from the agreement of their soft hashes."""

    def __init__(self, steepness: float) -> None:
        super().__init__()
        self.steepness = steepness
        self.features = nn.Sequential(nn.Flatten(), nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 24))
        self.bits = nn.Tanh()
        self.weight = nn.Parameter(torch.tensor(6.0))
        self.bias = nn.Parameter(torch.tensor(0.0))

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        bits = [self.bits(self.steepness * self.features(x)) for x in (one, other)]
        score: Tensor = self.weight * (bits[0] * bits[1]).mean(1) + self.bias
        return score


@pair("saturated-units", group="init", source="scikit-learn")
def hash_layer_at_its_final_steepness(sick: bool) -> Arguments:
    """The slope before the tanh of the hashes starts at the value it should end with, so that all bits sit at ±1."""
    seed_table(44)
    x, y = pictures_of_digits()
    one = torch.randperm(len(y))[:1200]
    same = torch.arange(1200) % 2 == 0
    allowed = (y[one, None] == y[None]) == same[:, None]
    allowed[torch.arange(1200), one] = False
    other = torch.multinomial(allowed.float(), 1).squeeze(1)
    model = HashNet(steepness=400.0 if sick else 2.0)
    return dict(
        model=model,
        loss_fn=nn.BCEWithLogitsLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        **both_loaders(x[one], x[other], same.float(), held_out=240),
    )


class Forecaster(nn.Module):
    """Tomorrow's change of temperature from a day of weather."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(4, 32, batch_first=True)
        self.head = nn.Linear(32, 1)

    def forward(self, day: Tensor) -> Tensor:
        states, _ = self.lstm(day)
        change: Tensor = self.head(states[:, -1])
        return change


def forecast_step(model: Forecaster, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step on a batch of days."""
    model.train()
    optimizer.zero_grad()
    loss = F.mse_loss(model(batch[0]), batch[1])
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()


@torch.no_grad()
def forecast_error(model: Forecaster, batch: list[Tensor]) -> float:
    """The mean absolute error on a batch of days."""
    model.eval()
    return F.l1_loss(model(batch[0]), batch[1]).item()


@pair("input-scale", group="data")
def pressure_in_pascals_beside_degrees(sick: bool) -> Arguments:
    """Pressure comes in pascals and the wind's direction in degrees beside temperatures, and nothing is scaled."""
    seed_table(45)
    walk = torch.randn(800, 24, 4).cumsum(1) * 0.4 + torch.randn(800, 1, 4)
    units = torch.tensor([8.0, 900.0, 60.0, 3.0]), torch.tensor([11.0, 101325.0, 180.0, 6.0])
    weather = walk * units[0] + units[1]
    change = 0.8 * walk[:, -1, 1] - 0.6 * walk[:, -6, 0] + 0.5 * walk[:, -1, 3] + 0.1 * torch.randn(800)
    model = Forecaster()
    return dict(
        model=model,
        loss_fn=F.mse_loss,
        optimizer=torch.optim.Adam(model.parameters(), lr=4e-3),
        train_step=forecast_step,
        eval_step=forecast_error,
        **both_loaders(weather if sick else z_scores(weather), z_scores(change[:, None]), held_out=160),
    )


class AdaptedTable(nn.Module):
    """Three kinds of wine from raw columns, which the model itself brings to unit scale first."""

    mean: Tensor
    spread: Tensor

    def __init__(self, table: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", table.mean(0))
        self.register_buffer("spread", table.std(0))
        self.hidden = nn.Linear(13, 24)
        self.kinds = nn.Linear(24, 3)

    def forward(self, table: Tensor) -> Tensor:
        kinds: Tensor = self.kinds(torch.relu(self.hidden((table - self.mean) / self.spread)))
        return kinds


@healthy(resembles="input-scale", source="scikit-learn")
def raw_wine_for_a_model_that_scales_it() -> Arguments:
    """Columns from 0.1 to 1680 go in raw, and the model's first operation is to standardise them."""
    seed_table(46)
    x, y, val_x, val_y = wine_in_two()
    model = AdaptedTable(x)
    return {
        "model": model,
        "loader": batches_of(x, y, size=16),
        "val_loader": batches_of(val_x, val_y, size=12, shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=5e-3),
    }
