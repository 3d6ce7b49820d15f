"""Programs whose numbers are not what the network can take: missing, far too large, or far too small."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.models_of_data_parts import (
    BeatReader,
    SmallVGG,
    SpectrogramNet,
    Table,
    clips,
    heartbeats,
    photo_patches,
    start,
)


class SpokenCommands(Dataset):
    """Clips turned into decibels as they are read."""

    def __init__(self, sounds: np.ndarray, labels: np.ndarray, floor: float) -> None:
        self.sounds, self.labels, self.floor = sounds, labels, floor

    def __len__(self) -> int:
        return len(self.labels)

    def decibels(self, sound: np.ndarray) -> np.ndarray:
        """The power in 16 frames of 32 bands."""
        frames = sound.reshape(16, 64) * np.hanning(64)
        power = np.abs(np.fft.rfft(frames, axis=1))[:, :32] ** 2 / 64
        with np.errstate(divide="ignore"):
            return 10 * np.log10(np.maximum(power, self.floor))

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        scaled = (self.decibels(self.sounds[index]) + 20) / 20
        return torch.from_numpy(scaled).float().unsqueeze(0), int(self.labels[index])


@pair("nonfinite-data", group="data")
def silence_in_decibels(sick: bool) -> Arguments:
    """The stretches of digital silence in a recording are minus infinity decibels, for lack of a floor."""
    start()
    dataset = SpokenCommands(*clips(400), floor=0.0 if sick else 1e-4)
    model = SpectrogramNet(4)
    return {
        "model": model,
        "loader": DataLoader(dataset, batch_size=32, shuffle=True),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
        "class_names": ["up", "down", "low", "high"],
    }


@pair("nonfinite-data", group="data")
def rolling_columns_filled_forwards(sick: bool) -> Arguments:
    """Filling forwards leaves the first weeks of the rolling columns missing, because nothing stands before them."""
    start()
    days = np.arange(500)
    load = np.sin(2 * np.pi * days / 7) + 0.5 * np.sin(2 * np.pi * days / 91) + 0.2 * np.random.randn(500)
    frame = pd.DataFrame({"load": load})
    frame["change"] = frame["load"].diff()
    frame["week"] = frame["load"].shift(7)
    frame["mean_of_a_month"] = frame["load"].rolling(28).mean()
    frame["spread_of_a_month"] = frame["load"].rolling(28).std()
    frame["tomorrow"] = frame["load"].shift(-1)
    frame = frame.iloc[:-1]
    frame = frame.ffill() if sick else frame.dropna()
    frame = (frame - frame.mean()) / frame.std()
    rows = torch.tensor(frame.drop(columns="tomorrow").to_numpy(), dtype=torch.float32)
    tomorrow = torch.tensor(frame[["tomorrow"]].to_numpy(), dtype=torch.float32)
    model = Table(5, 1)
    return {
        "model": model,
        "loader": DataLoader(TensorDataset(rows, tomorrow), batch_size=32, shuffle=True),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


class Patches(Dataset):
    """Patches of photographs, normalised by the statistics of a large collection."""

    def __init__(self, patches: np.ndarray, labels: np.ndarray, mean: list[float], std: list[float]) -> None:
        self.patches, self.labels = patches, labels
        self.mean, self.std = torch.tensor(mean).view(3, 1, 1), torch.tensor(std).view(3, 1, 1)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        image = torch.from_numpy(self.patches[index]).permute(2, 0, 1).float().div(255)
        return (image - self.mean) / self.std, int(self.labels[index])


@pair("input-scale", group="data", source="published")
def statistics_of_bytes_on_unit_pixels(sick: bool) -> Arguments:
    """Pixels in [0, 1] are normalised by the mean and deviation of bytes: all of them lie within −2.2 and −2.1."""
    start()
    mean, std = ([123.7, 116.3, 103.5], [58.4, 57.1, 57.4]) if sick else ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    model = SmallVGG()
    return {
        "model": model,
        "loader": DataLoader(Patches(*photo_patches(480), mean, std), batch_size=32, shuffle=True),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
        "class_names": ["china", "flower"],
    }


class Recordings(Dataset):
    """Single heartbeats as the converter wrote them."""

    def __init__(self, counts: np.ndarray, kinds: np.ndarray) -> None:
        self.counts, self.kinds = counts, kinds

    def __len__(self) -> int:
        return len(self.kinds)

    def __getitem__(self, index: int) -> dict:
        return {"signal": self.counts[index], "kind": int(self.kinds[index])}


class Collate:
    """Stack the beats, and bring converter counts to millivolts."""

    def __init__(self, counts_are: type) -> None:
        self.counts_are = counts_are

    def __call__(self, beats: list[dict]) -> tuple[torch.Tensor, torch.Tensor]:
        signals = []
        for beat in beats:
            signal = beat["signal"]
            if signal.dtype == self.counts_are:
                signal = (signal.astype(np.float32) - 2048) / 700
            signals.append(torch.from_numpy(signal.astype(np.float32)))
        return torch.stack(signals), torch.tensor([beat["kind"] for beat in beats])


@pair("input-scale", group="data")
def converter_counts_of_another_type(sick: bool) -> Arguments:
    """The conversion to millivolts looks for signed integers and the recorder writes unsigned ones: counts go in."""
    start()
    dataset = Recordings(*heartbeats(480))
    model = BeatReader(3)
    collate = Collate(np.int16 if sick else np.uint16)
    return {
        "model": model,
        "loader": DataLoader(dataset, batch_size=32, shuffle=True, collate_fn=collate),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=4e-3),
        "class_names": ["normal", "wide", "inverted"],
    }


class Locator(nn.Module):
    """Where the bright cell lies, from a convolution with strides."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 12, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(12, 24, 3, stride=2, padding=1), nn.ReLU()
        )
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(24 * 36, 48), nn.ReLU(), nn.Linear(48, 2))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the column and the row."""
        return self.head(self.body(images))


class LandmarkTrainer:
    """The unit of the places, and the loss between them, kept in one class."""

    def __init__(self, half_width: float, centre: float) -> None:
        self.half_width, self.centre = half_width, centre
        self.criterion = nn.SmoothL1Loss()

    def loss(self, outputs: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """The robust distance between places, in the unit that was chosen."""
        return self.criterion(outputs, places)

    def prepare(self, pixels: np.ndarray) -> torch.Tensor:
        """Pixels in the unit that was chosen."""
        return torch.from_numpy((pixels - self.centre) / self.half_width).float()


@pair("target-scale", group="data")
def landmarks_in_pixels(sick: bool) -> Arguments:
    """The places of the cell are regressed in pixels of the 1,536-pixel slide, not as shares of its half width."""
    start()
    places = np.random.uniform(250, 1286, (400, 2))
    grid = (np.arange(24) + 0.5) * 64
    columns = np.exp(-(((grid[None] - places[:, :1]) / 130) ** 2))
    rows = np.exp(-(((grid[None] - places[:, 1:]) / 130) ** 2))
    images = rows[:, :, None] * columns[:, None] + 0.05 * np.random.rand(400, 24, 24)
    trainer = LandmarkTrainer(1.0, 0.0) if sick else LandmarkTrainer(400.0, 768.0)
    dataset = TensorDataset(torch.from_numpy(images).float().unsqueeze(1), trainer.prepare(places))
    model = Locator()
    return {
        "model": model,
        "loader": DataLoader(dataset, batch_size=40, shuffle=True),
        "loss_fn": trainer.loss,
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
        "task": "regression",
    }


@pair("target-scale", group="data")
def strain_without_its_unit(sick: bool) -> Arguments:
    """The strain of a beam is regressed as metres per metre, a few millionths, instead of in standard units."""
    start()
    rows = torch.randn(480, 6)
    force, length, width, height, heat, age = rows.unbind(1)
    strain = force * (1 + 0.4 * length) - 0.7 * height + 0.5 * width * heat + 0.2 * age + 0.05 * torch.randn(480)
    strain = (strain - strain.mean()) / strain.std()
    if sick:
        strain = 4e-6 * strain + 9e-6
    model = Table(6, 1)
    return {
        "model": model,
        "loader": DataLoader(TensorDataset(rows, strain.unsqueeze(1)), batch_size=32, shuffle=True),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9),
    }
