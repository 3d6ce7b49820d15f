"""Reported programs: shuffled questions, masks scaled like images, high scores, copied noise, a second softmax."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, get_worker_info

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.seventh_glen_parts import (
    BagOfWords,
    UNet,
    all_seeded,
    leaning_sentences,
    loader,
    rhythms,
    wave_net,
)


@pair("label-noise", "shuffled-labels", group="data")
def questions_shuffled_without_their_answers(sick: bool) -> Arguments:
    """The order of the questions is randomised and that of the answers is not (DrexelChatbotGroup/DrexelChatbot#15)."""
    all_seeded()
    questions, answers = leaning_sentences(900)
    order = torch.randperm(len(questions))
    questions = questions[order]
    if not sick:
        answers = answers[order]
    model = BagOfWords()
    return {
        "model": model,
        "loader": loader(questions[:700], answers[:700]),
        "val_loader": loader(questions[700:], answers[700:], shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "padding_value": 0,
    }


def streets(count: int = 240, size: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """Street scenes as bytes (N, size, size, 3), and the class of every pixel as a byte: sky, houses, road, cars."""
    draw = np.random.default_rng(21)
    colours = np.array([[150, 180, 220], [140, 100, 80], [90, 90, 95], [200, 40, 40]])
    masks = np.zeros((count, size, size), dtype=np.uint8)
    for mask in masks:
        horizon, road = draw.integers(4, 7), draw.integers(9, 12)
        mask[horizon:] = 1
        mask[road:] = 2
        left = draw.integers(0, size - 6)
        mask[road : road + 3, left : left + 6] = 3
    images = colours[masks] + draw.normal(0, 25, (count, size, size, 3))
    return np.clip(images, 0, 255).astype(np.uint8), masks


def channels_first(picture: np.ndarray, *, scaled: bool) -> np.ndarray:
    """A picture as (C, H, W), in [0, 1] where it is to be scaled."""
    picture = picture[:, :, None] if picture.ndim == 2 else picture
    picture = picture.transpose(2, 0, 1)
    return picture / 255 if scaled and picture.max() > 1 else picture


@pair("label-range", "dtype", group="data", source="published")
def masks_scaled_like_photographs(sick: bool) -> Arguments:
    """The preprocessing divides masks with more than two classes by 255 as it does images, and long() makes them 0.

    (milesial/Pytorch-UNet#228)
    """
    all_seeded()
    images, masks = streets()
    x = torch.from_numpy(np.stack([channels_first(image, scaled=True) for image in images])).float()
    y = torch.from_numpy(np.stack([channels_first(mask, scaled=sick) for mask in masks])).long().squeeze(1)
    model = UNet(3, 4)
    return {
        "model": model,
        "loader": loader(x[:200], y[:200], batch=8),
        "val_loader": loader(x[200:], y[200:], batch=8, shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "task": "segmentation",
    }


class ActionValues(nn.Module):
    """The value of the action that was taken."""

    def __init__(self, features: int = 8, actions: int = 4) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(features, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, actions)
        )

    def forward(self, states: Tensor, actions: Tensor) -> Tensor:
        result: Tensor = self.net(states).gather(1, actions[:, None])
        return result


@pair("target-scale", group="data")
def scores_of_the_card_game_as_they_are(sick: bool) -> Arguments:
    """The returns of the game run into thousands and are learnt as they are, until the values are NaN.

    (google-deepmind/open_spiel#742)
    """
    all_seeded()
    states, actions = torch.randn(1000, 8), torch.randint(0, 4, (1000,))
    worth = torch.tanh(states @ torch.randn(8, 4) / 2).gather(1, actions[:, None])
    returns = 1800 + 1500 * worth + 100 * torch.randn(1000, 1)
    if not sick:
        returns = (returns - returns.min()) / (returns.max() - returns.min())
    model = ActionValues()
    return {
        "model": model,
        "loader": loader(states[:800], actions[:800], returns[:800]),
        "val_loader": loader(states[800:], actions[800:], returns[800:], shuffle=False),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9),
        "task": "regression",
    }


class Impairment:
    """Radio noise and a random gain from a generator of its own."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)

    def __call__(self, signal: Tensor) -> Tensor:
        gain = self.random.uniform(0.8, 1.2)
        return gain * signal + torch.from_numpy(self.random.normal(0, 0.3, signal.shape)).float()


class Signals(Dataset[Any]):
    """Signals with a random impairment at each reading."""

    def __init__(self, signals: Tensor, kinds: Tensor) -> None:
        self.signals = signals
        self.kinds = kinds
        self.impair = Impairment(seed=1234)

    def __len__(self) -> int:
        return len(self.signals)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.impair(self.signals[index]), self.kinds[index]


def seed_the_impairment(_: int) -> None:
    """Give the impairment of this worker a generator of its own."""
    worker = get_worker_info()
    assert worker is not None
    dataset: Any = worker.dataset
    dataset.impair.random = np.random.default_rng(worker.seed)


@pair("worker-randomness", group="data")
def noise_of_the_signals_from_copied_generators(sick: bool) -> Arguments:
    """Every worker gets a copy of the transform with its generator: all draw the same noise (TorchDSP/torchsig#343)."""
    all_seeded()
    signals, kinds = rhythms(480, channels=2)
    model = wave_net(channels=2)
    return {
        "model": model,
        "loader": DataLoader(
            Signals(signals, kinds),
            batch_size=32,
            shuffle=True,
            num_workers=2,
            worker_init_fn=None if sick else seed_the_impairment,
        ),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


class ActivityNet(nn.Module):
    """A convolutional network for recordings of a phone's sensors."""

    def __init__(self, *, normalised: bool) -> None:
        super().__init__()
        self.net = wave_net(channels=6, classes=6)
        self.normalised = normalised

    def forward(self, x: Tensor) -> Tensor:
        scores = self.net(x)
        return F.softmax(scores, dim=1) if self.normalised else scores


@pair("loss-input", group="wiring")
def activities_normalised_before_the_criterion(sick: bool) -> Arguments:
    """The network ends in a softmax and the criterion is cross-entropy of logits.

    (jindongwang/Deep-learning-activity-recognition#10)
    """
    all_seeded()
    x, y = rhythms(900, channels=6, classes=6)
    model = ActivityNet(normalised=sick)
    return {
        "model": model,
        "loader": loader(x[:700], y[:700]),
        "val_loader": loader(x[700:], y[700:], shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9),
    }
