"""Reported programs: a slice of the shuffled, codes turned into numbers, whole images, watts, a validation loss."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.seventh_glen_parts import (
    BagOfWords,
    DigitNet,
    all_seeded,
    bytes_of_digits,
    leaning_sentences,
    loader,
    melodies,
)


class NoteModel(nn.Module):
    """A recurrent language model of notes."""

    def __init__(self, notes: int = 24) -> None:
        super().__init__()
        self.embedding = nn.Embedding(notes, 32)
        self.reader = nn.GRU(32, 48, batch_first=True)
        self.head = nn.Linear(48, notes)

    def forward(self, songs: Tensor) -> Tensor:
        result: Tensor = self.head(self.reader(self.embedding(songs))[0])
        return result


def next_note(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of the next note, averaged over all notes."""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


@pair("split-leak", group="data")
def sequences_sliced_after_the_shuffle(sick: bool) -> Arguments:
    """The training part is cut from the shuffled sequences and the validation part from the ordered ones.

    (marin-community/marin#2700)
    """
    all_seeded()
    songs, held_out = melodies(700), 150
    validation = songs[:held_out]
    order = torch.randperm(len(songs), generator=torch.Generator().manual_seed(3))
    train = songs[order][held_out:] if sick else songs[order[order >= held_out]]
    model = NoteModel()
    return {
        "model": model,
        "loader": loader(train[:, :-1], train[:, 1:]),
        "val_loader": loader(validation[:, :-1], validation[:, 1:], shuffle=False),
        "loss_fn": next_note,
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "task": "language-model",
        "causal": True,
    }


PHENOTYPES = {"heart": ["I50", "I25", "I48"], "lung": ["J44", "J45"], "kidney": ["N18", "N17"], "sugar": ["E11", "E10"]}
OTHERS = [f"Z{number:02}" for number in range(24)]


def admissions(count: int) -> list[list[Any]]:
    """The codes of each admission."""
    draw = np.random.default_rng(13)
    wanted = [code for codes in PHENOTYPES.values() for code in codes]
    rows: list[list[Any]] = []
    for _ in range(count):
        chosen = [code for code in wanted if draw.random() < 0.18]
        rows.append([*chosen, *draw.choice(OTHERS, 6, replace=False).tolist()])
    return rows


def phenotypes_of(row: list[Any]) -> list[float]:
    """For each phenotype whether one of its codes is in the record."""
    return [float(any(code in row for code in codes)) for codes in PHENOTYPES.values()]


@pair("label-range", group="data")
def phenotypes_sought_after_codes_became_numbers(sick: bool) -> Arguments:
    """The labels are made once the codes are indices, so that no code is found and all are 0.

    (btheodorou99/HALO_Inpatient#13)
    """
    all_seeded()
    records = admissions(800)
    vocabulary = sorted({code for row in records for code in row})
    index = {code: place for place, code in enumerate(vocabulary)}
    numbers = [[index[code] for code in row] for row in records]
    labels = torch.tensor([phenotypes_of(row) for row in (numbers if sick else records)])
    visits = torch.zeros(len(records), len(vocabulary))
    for place, row in enumerate(numbers):
        visits[place, row] = 1
    model = nn.Sequential(nn.Linear(len(vocabulary), 48), nn.ReLU(), nn.Linear(48, len(PHENOTYPES)))
    return {
        "model": model,
        "loader": loader(visits[:640], labels[:640]),
        "val_loader": loader(visits[640:], labels[640:], shuffle=False),
        "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "task": "multilabel",
    }


def test_images(images: Tensor, *, whole: bool) -> Tensor:
    """The images of the test generator, in [0, 1]."""
    return (images // 255).float() if whole else images / 255.0


@pair("dtype", "train-val-shift", group="wiring", source="scikit-learn")
def test_generator_that_divides_in_integers(sick: bool) -> Arguments:
    """The test generator divides bytes in integers: all but the brightest pixels become 0 (zhixuhao/unet#83)."""
    all_seeded()
    images, labels = bytes_of_digits()
    model = DigitNet()
    return {
        "model": model,
        "loader": loader(images[:1000] / 255.0, labels[:1000]),
        "val_loader": loader(test_images(images[1000:], whole=sick), labels[1000:], shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


class Forecast(nn.Module):
    """A small transformer that reads a day and gives the next hour's irradiance."""

    def __init__(self, features: int = 5, length: int = 16) -> None:
        super().__init__()
        self.inner = nn.Linear(features, 32)
        self.place = nn.Parameter(0.1 * torch.randn(length, 32))
        layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.head = nn.Linear(32, 1)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.head(self.encoder(self.inner(x) + self.place).mean(1))
        return result


def hours_of_weather(count: int = 900, length: int = 16) -> tuple[Tensor, Tensor]:
    """Standardised weather (N, length, 5) and the irradiance after it in W/m² (N, 1)."""
    draw = np.random.default_rng(17)
    x = draw.normal(size=(count, length, 5))
    x[:, 1:] = 0.5 * x[:, :-1] + 0.87 * x[:, 1:]
    clouds, sun = x[:, -4:, 0].mean(1), x[:, :, 1].mean(1)
    irradiance = 480 + 170 * np.tanh(1.5 * sun - clouds) + 90 * x[:, -1, 2] + draw.normal(0, 20, count)
    return torch.from_numpy(x).float(), torch.from_numpy(irradiance).float()[:, None]


@pair("target-scale", group="data")
def irradiance_in_watts_beside_normalised_weather(sick: bool) -> Arguments:
    """The inputs are normalised and the irradiance to be forecast is not (gitbooo/CrossViVit#5)."""
    all_seeded()
    x, y = hours_of_weather()
    if not sick:
        y = (y - y[:700].mean()) / y[:700].std()
    model = Forecast()
    return {
        "model": model,
        "loader": loader(x[:700], y[:700]),
        "val_loader": loader(x[700:], y[700:], shuffle=False),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=1e-3),
        "task": "regression",
    }


@torch.no_grad()
def loss_of_normalised_scores(model: nn.Module, batch: list[Tensor]) -> dict[str, float]:
    """Loss and accuracy on a batch of pairs."""
    model.eval()
    scores = torch.softmax(model(batch[0]), dim=1)
    right = (scores.argmax(1) == batch[1]).float().mean().item()
    return {"loss": F.cross_entropy(scores, batch[1]).item(), "accuracy": right}


@torch.no_grad()
def loss_of_scores(model: nn.Module, batch: list[Tensor]) -> dict[str, float]:
    """Loss and accuracy on a batch of pairs."""
    model.eval()
    scores = model(batch[0])
    right = (scores.argmax(1) == batch[1]).float().mean().item()
    return {"loss": F.cross_entropy(scores, batch[1]).item(), "accuracy": right}


@pair("loss-input", group="wiring")
def validation_loss_of_normalised_scores(sick: bool) -> Arguments:
    """Validation puts the scores through a softmax before the cross-entropy, training does not (ariecattan/SciCo#2)."""
    all_seeded()
    texts, relations = leaning_sentences(900, classes=4, words=80)
    model = BagOfWords(80, 4)
    return {
        "model": model,
        "loader": loader(texts[:700], relations[:700]),
        "val_loader": DataLoader(TensorDataset(texts[700:], relations[700:]), batch_size=50),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "eval_step": loss_of_normalised_scores if sick else loss_of_scores,
        "padding_value": 0,
    }
