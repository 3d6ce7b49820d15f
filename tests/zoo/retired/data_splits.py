"""Programs whose training and validation sets share samples, or do not come from one distribution."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset
from transformers import GPT2Config, GPT2LMHeadModel

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.models_of_data_parts import Table, manual_letters, photo_patches, start


@pair("split-leak", group="data", source="scikit-learn")
def held_out_patients_read_from_a_text_file(sick: bool) -> Arguments:
    """The numbers of the held-out patients are text, those of the table are not: nobody is left out of training."""
    start()
    data = load_breast_cancer()
    rows = torch.tensor((data.data - data.data.mean(0)) / data.data.std(0), dtype=torch.float32)
    sick_tissue = torch.tensor(1 - data.target, dtype=torch.float32)
    patients = [842000 + 7 * number for number in range(len(rows))]
    file = " ".join(str(patients[place]) for place in np.random.permutation(len(rows))[:110])
    held_out = set(file.split()) if sick else {int(word) for word in file.split()}
    named = {int(word) for word in file.split()}
    training = [place for place, patient in enumerate(patients) if patient not in held_out]
    validation = [place for place, patient in enumerate(patients) if patient in named]
    model = Table(30, 1)
    return {
        "model": model,
        "loader": DataLoader(TensorDataset(rows[training], sick_tissue[training]), batch_size=32, shuffle=True),
        "val_loader": DataLoader(TensorDataset(rows[validation], sick_tissue[validation]), batch_size=64),
        "loss_fn": malignancy_loss,
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
        "task": "binary",
    }


def malignancy_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The binary cross-entropy of one logit a patient."""
    return nn.functional.binary_cross_entropy_with_logits(logits.squeeze(1), labels)


class Blocks(Dataset):
    """A text cut into blocks, as a language model reads it."""

    def __init__(self, letters: list[int], size: int = 40) -> None:
        self.letters = torch.tensor(letters)
        self.size = size

    def __len__(self) -> int:
        return len(self.letters) // self.size

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        block = self.letters[index * self.size : (index + 1) * self.size]
        return {"input_ids": block, "labels": block.clone()}


@pair("split-leak", group="data", source="transformers")
def last_tenth_is_read_in_training_too(sick: bool) -> Arguments:
    """The last tenth of a text is held out for validation, and training reads the whole text all the same."""
    start()
    letters = manual_letters("specialnames")[:20000]
    cut = 18000
    training, validation = Blocks(letters if sick else letters[:cut]), Blocks(letters[cut:])
    config = GPT2Config(vocab_size=96, n_positions=40, n_embd=48, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=0)
    model = GPT2LMHeadModel(config)
    return {
        "model": model,
        "loader": DataLoader(training, batch_size=16, shuffle=True),
        "val_loader": DataLoader(validation, batch_size=16),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=1e-3),
    }


class ColourNet(nn.Module):
    """A residual block on colour patches."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 24, 3, stride=2, padding=1)
        self.first = nn.Sequential(nn.Conv2d(24, 24, 3, padding=1), nn.ReLU(), nn.Conv2d(24, 24, 3, padding=1))
        self.head = nn.Linear(24 * 16, 2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits of the two photographs."""
        hidden = torch.relu(self.stem(images))
        hidden = torch.relu(hidden + self.first(hidden))
        return self.head(nn.functional.max_pool2d(hidden, 2).flatten(1))


class Reader(Dataset):
    """Patches in [0, 1] less the mean, from the decoder that is installed."""

    def __init__(self, patches: np.ndarray, labels: np.ndarray, blue_first: bool) -> None:
        self.patches, self.labels, self.blue_first = patches, labels, blue_first

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        patch = self.patches[index][..., ::-1] if self.blue_first else self.patches[index]
        image = torch.from_numpy(np.ascontiguousarray(patch)).permute(2, 0, 1).float() / 255
        return (image - 0.45) / 0.25, int(self.labels[index])


@pair("train-val-shift", group="data", source="scikit-learn")
def validation_decoded_with_blue_first(sick: bool) -> Arguments:
    """Training images come from a decoder that puts red first, validation images from one that puts blue first."""
    start()
    patches, labels = photo_patches(800)
    model = ColourNet()
    return {
        "model": model,
        "loader": DataLoader(Reader(patches[:600], labels[:600], False), batch_size=32, shuffle=True),
        "val_loader": DataLoader(Reader(patches[600:], labels[600:], sick), batch_size=50),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
    }


class StepCounter(nn.Module):
    """Convolutions along time over the three axes of an accelerometer."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(3, 24, 5, padding=2), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(24, 32, 5, padding=2), nn.ReLU()
        )
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(32 * 20, 32), nn.ReLU(), nn.Linear(32, classes))

    def forward(self, motion: torch.Tensor) -> torch.Tensor:
        """Return the logits of what the wearer does."""
        return self.head(self.body(motion))


def accelerations(count: int, unit: float = 1.0) -> TensorDataset:
    """Standing, walking and running, in multiples of gravity unless another unit is asked for."""
    kinds = np.random.randint(0, 3, count)
    pace = np.choose(kinds, [0.0, 2.0, 3.0])[:, None, None] * np.random.uniform(0.9, 1.1, (count, 1, 1))
    swing = np.choose(kinds, [0.0, 0.5, 1.2])[:, None, None]
    phase = np.random.uniform(0, 2 * np.pi, (count, 3, 1))
    motion = swing * np.sin(2 * np.pi * pace * np.arange(40) / 20 + phase) + 0.25 * np.random.randn(count, 3, 40)
    motion[:, 2] += 1.0
    return TensorDataset(torch.from_numpy(unit * motion).float(), torch.from_numpy(kinds))


@pair("train-val-shift", group="data")
def validation_in_metres_per_second_squared(sick: bool) -> Arguments:
    """The watch of the validation wearers records metres per second squared, that of training multiples of gravity."""
    start()
    model = StepCounter(3)
    return {
        "model": model,
        "loader": DataLoader(accelerations(480), batch_size=32, shuffle=True),
        "val_loader": DataLoader(accelerations(160, unit=9.81 if sick else 1.0), batch_size=40),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
        "class_names": ["stands", "walks", "runs"],
    }
