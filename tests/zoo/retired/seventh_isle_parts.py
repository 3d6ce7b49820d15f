"""Data, models and steps that several of the isle programs share."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

ISLE_LINES = (
    "the ferry leaves the island at nine and comes back before the tide turns",
    "a keeper climbs the narrow stairs and lights the lamp when evening falls",
    "gulls follow every boat that carries fish and quarrel over what is thrown",
    "in winter nobody visits and the shop sells little more than rope and bread",
    "my aunt kept seven goats behind the chapel and knew the weather by them",
    "when fog rolls over the harbour bells ring out from both of the long piers",
    "children learn to row here long before anybody thinks of teaching sums",
    "the old map shows a village where there is now only heather and sheep",
    "two sisters mend the nets under the wall and sing a song about a drowned king",
    "every june the whole place smells of seaweed drying on the southern beach",
    "our schoolmaster collected shells and wrote their latin names on small cards",
    "a storm once took the roof of the post office and set it upon the green",
    "letters arrive on thursday unless the swell is high or the postman is ill",
    "behind the lighthouse grows a single apple tree bent eastward by the wind",
    "visitors ask for the way to the cave and are told to wait for low water",
    "the doctor rows over from the mainland twice a month with his black bag",
    "at midsummer they burn an upturned boat and dance until the sun is up again",
    "no car has ever crossed the bridge because the bridge was never finished",
    "quartz veins run through the cliff and glitter after rain like broken glass",
    "grandfather said that the sea gives slowly and takes everything at once",
)
ISLE_LETTERS = " abcdefghijklmnopqrstuvwxyz"


def isle_seed() -> None:
    """Seed everything that draws numbers."""
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)


def isle_digits(count: int = 1200) -> tuple[Tensor, Tensor]:
    """Digits as (N, 1, 8, 8) images around zero, in random order, and their classes."""
    data = load_digits()
    order = np.random.RandomState(1).permutation(len(data.target))[:count]
    images = torch.tensor(data.images[order], dtype=torch.float32).unsqueeze(1) / 16
    return (images - 0.3) / 0.37, torch.tensor(data.target[order])


def isle_table(name: str) -> tuple[Tensor, Tensor]:
    """A table of scikit-learn, each column standardised, in random order, and its classes."""
    data = load_wine() if name == "wine" else load_breast_cancer()
    order = np.random.RandomState(2).permutation(len(data.target))
    x = torch.tensor(data.data[order], dtype=torch.float32)
    return (x - x.mean(0)) / x.std(0), torch.tensor(data.target[order])


def isle_letters(context: int = 8) -> tuple[Tensor, Tensor]:
    """Every distinct context of the text once, and the letter after it."""
    text = [ISLE_LETTERS.index(letter) for letter in " ".join(ISLE_LINES)]
    pairs = {tuple(text[i : i + context]): text[i + context] for i in range(len(text) - context)}
    keys = list(pairs)
    return torch.tensor(keys), torch.tensor([pairs[key] for key in keys])


def isle_passages(length: int = 24) -> Tensor:
    """Passages of the text as letters, each beginning three letters after the one before."""
    text = torch.tensor([ISLE_LETTERS.index(letter) for letter in " ".join(ISLE_LINES)])
    return text.unfold(0, length, 3).clone()


def isle_loaders(*tensors: Tensor, batch: int = 32, held: float = 0.2) -> dict[str, Any]:
    """Shuffled training batches, and validation batches of the rest."""
    cut = int(len(tensors[0]) * (1 - held))
    train, rest = (TensorDataset(*(t[part] for t in tensors)) for part in (slice(cut), slice(cut, None)))
    return {
        "loader": DataLoader(train, batch_size=batch, shuffle=True, drop_last=True),
        "val_loader": DataLoader(rest, batch_size=batch),
    }


def isle_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """One usual step of a classifier."""
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    return loss.detach()


@torch.no_grad()
def isle_accuracy(model: nn.Module, batch: list[Tensor]) -> float:
    """Share of right answers in eval mode."""
    model.eval()
    right: Tensor = model(batch[0]).argmax(1) == batch[1]
    return right.float().mean().item()


def isle_perceptron(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Two hidden layers of ReLU after flattening."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(inputs, hidden),
        nn.ReLU(),
        nn.Linear(hidden, hidden),
        nn.ReLU(),
        nn.Linear(hidden, outputs),
    )


class IsleConvNet(nn.Module):
    """Two normalised convolutions and a linear head for 8 by 8 images."""

    def __init__(self, width: int = 12, classes: int = 10) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(width, 2 * width, 3, padding=1, bias=False),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
            nn.AvgPool2d(2),
        )
        self.head = nn.Linear(8 * width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the classes."""
        logits: Tensor = self.head(self.features(x).flatten(1))
        return logits


class IsleLetterModel(nn.Module):
    """A language model of one LSTM layer over letters."""

    def __init__(self, hidden: int = 64) -> None:
        super().__init__()
        self.embed = nn.Embedding(27, 16)
        self.lstm = nn.LSTM(16, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 27)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the next letter at every place, as (N, T, letters)."""
        logits: Tensor = self.head(self.lstm(self.embed(x))[0])
        return logits


def isle_letter_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy over all places."""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())
