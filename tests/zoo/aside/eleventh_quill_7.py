"""A recurrent forecast, a kept spectrum, a stream with a buffer, norms before pooling, sorted batches, and pairs."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.eleventh_quill_parts import in_batches, quill_digits, quill_loaders, quill_seed, tensor


class Load(nn.Module):
    """Two recurrent layers over a day of weather, and the load of the net on the next day."""

    def __init__(self, last: nn.Module) -> None:
        super().__init__()
        self.day = nn.GRU(3, 24, batch_first=True)
        self.last = last

    def forward(self, weather: Tensor) -> Tensor:
        hidden, _ = self.day(weather)
        load = self.last(hidden)
        load = load[0] if isinstance(load, tuple) else load
        answer: Tensor = load[:, -1]
        return answer


@pair("output-range", group="wiring")
def state_of_a_single_recurrent_unit_as_the_forecast(sick: bool) -> Arguments:
    """The last layer is a GRU of one unit, as in tutorials, whose state lies in (−1, 1), and loads reach ±3."""
    rng = quill_seed()
    weather = rng.normal(0, 1, (900, 20, 3))
    load = weather[:, -6:, 0].mean(1) - 0.8 * weather[:, -4:, 1].mean(1) + 0.3 * weather[:, -1, 2]
    load = tensor((load - load.mean()) / load.std()).unsqueeze(1)
    model = Load(nn.GRU(24, 1, batch_first=True) if sick else nn.Linear(24, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, **quill_loaders(tensor(weather), load))


class SpectrumNet(nn.Module):
    """A perceptron on the cosine spectrum of an image, which is dear to compute and may be kept."""

    waves: Tensor
    spread: Tensor

    def __init__(self, images: Tensor, *, keep: bool) -> None:
        super().__init__()
        self.keep = keep
        self.kept: Tensor | None = None
        k = torch.arange(8.0)
        waves = torch.cos(torch.pi * (k + 0.5) * k[:, None] / 8)
        self.register_buffer("waves", waves / waves.norm(dim=1, keepdim=True))
        self.register_buffer("spread", torch.ones(64))
        spectra = self.spectrum(images)
        self.spread = spectra.std(0)
        self.classes = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))

    def spectrum(self, images: Tensor) -> Tensor:
        return (self.waves @ images @ self.waves.T).flatten(1) / self.spread

    def forward(self, images: Tensor) -> Tensor:
        spectra = self.kept
        if spectra is None or len(spectra) != len(images):
            spectra = self.spectrum(images)
        if self.keep:
            self.kept = spectra.detach()
        logits: Tensor = self.classes(spectra)
        return logits


@pair("input-independent-baseline", "unused-input", group="training", source="scikit-learn")
def spectrum_of_the_first_batch_kept_for_all(sick: bool) -> Arguments:
    """The spectra are kept by the size of the batch alone, so all later batches are answered for the first one."""
    quill_seed()
    images, classes = quill_digits()
    model = SpectrumNet(images, keep=sick)
    return {
        "model": model,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "loader": in_batches(images[:960], classes[:960], drop_last=True),
        "val_loader": in_batches(images[960:], classes[960:], shuffle=False, drop_last=True),
    }


class Shards(IterableDataset[tuple[Tensor, Tensor]]):
    """Images read one shard after the other, through a buffer out of which they come in random order."""

    def __init__(self, images: Tensor, classes: Tensor, buffer: int) -> None:
        self.shards = [[(images[i], classes[i]) for i in torch.where(classes == c)[0].tolist()] for c in range(10)]
        self.buffer = buffer

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        chance = random.Random(int(torch.randint(2**31, ())))
        waiting: list[tuple[Tensor, Tensor]] = []
        for shard in self.shards:
            for row in shard:
                waiting.append(row)
                if len(waiting) > self.buffer:
                    yield waiting.pop(chance.randrange(len(waiting)))
        chance.shuffle(waiting)
        yield from waiting


@pair("not-shuffled", group="data", source="scikit-learn")
def stream_of_one_class_per_shard_through_a_small_buffer(sick: bool) -> Arguments:
    """Each shard of the stream holds one class, and the shuffle buffer of 16 rows is smaller than a shard of 96."""
    quill_seed()
    images, classes = quill_digits()
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16 * 16, 10)
    )
    return {
        "model": model,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "loader": DataLoader(Shards(images[:960], classes[:960], buffer=16 if sick else 2000), 32),
        "val_loader": in_batches(images[960:], classes[960:], shuffle=False),
    }


def convolved(channels: int, width: int) -> list[nn.Module]:
    """A convolution, ReLU, and a norm within each image."""
    return [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(), nn.InstanceNorm2d(width)]


@pair("constant-output", group="wiring", source="scikit-learn")
def mean_of_maps_whose_mean_was_just_taken_away(sick: bool) -> Arguments:
    """The maps end with a norm within each image, and their mean over the image, which is pooled, is zero for all."""
    quill_seed()
    model = nn.Sequential(
        *convolved(1, 16),
        *convolved(16, 32),
        nn.AdaptiveAvgPool2d(1) if sick else nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
        nn.LayerNorm(32),
        nn.Linear(32, 10),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **quill_loaders(*quill_digits()))


class Gestures(Dataset[tuple[Tensor, int]]):
    """Paths of a hand, of different lengths, and which of four gestures they are."""

    def __init__(self, rng: np.random.Generator, count: int) -> None:
        self.kinds = rng.integers(0, 4, count).tolist()
        ways = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]])
        self.paths = [tensor(0.5 * ways[k] + rng.normal(0, 0.9, (rng.integers(6, 24), 2))) for k in self.kinds]

    def __len__(self) -> int:
        return len(self.kinds)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        return self.paths[row], self.kinds[row]


class LongestFirst:
    """Batches of padded paths, the longest first, as packing wants them."""

    def __init__(self, *, kinds_too: bool) -> None:
        self.kinds_too = kinds_too

    def __call__(self, rows: list[tuple[Tensor, int]]) -> tuple[Tensor, Tensor, Tensor]:
        lengths, order = torch.tensor([len(path) for path, _ in rows]).sort(descending=True)
        kinds = torch.tensor([kind for _, kind in rows])
        padded = pad_sequence([rows[i][0] for i in order.tolist()], batch_first=True)
        return padded, lengths, kinds[order] if self.kinds_too else kinds


class GestureNet(nn.Module):
    """An LSTM over the real steps of a path."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = nn.LSTM(2, 24, batch_first=True)
        self.kind = nn.Linear(24, 4)

    def forward(self, paths: Tensor, lengths: Tensor) -> Tensor:
        _, (last, _) = self.steps(pack_padded_sequence(paths, lengths.cpu(), batch_first=True))
        kinds: Tensor = self.kind(last[-1])
        return kinds


@pair("shuffled-labels", group="training")
def paths_sorted_by_length_and_their_kinds_not(sick: bool) -> Arguments:
    """The collate function sorts the paths of a batch by length for packing, and leaves the kinds in the old order."""
    rng = quill_seed()
    train, val = Gestures(rng, 800), Gestures(rng, 200)
    model = GestureNet()
    collate = LongestFirst(kinds_too=not sick)
    order = torch.Generator().manual_seed(1)
    return {
        "model": model,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=5e-3),
        "loader": DataLoader(train, 32, shuffle=True, collate_fn=collate, generator=order),
        "val_loader": DataLoader(val, 32, collate_fn=collate),
    }


@dataclass
class Matches:
    """The loss of a batch of pairs and how like each first one is to each second one."""

    loss: Tensor
    likeness: Tensor


class PairNet(nn.Module):
    """Two encoders whose outputs should be most alike for two sides of the same thing (CLIP)."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.pictures = nn.Sequential(nn.Linear(20, 48), nn.GELU(), nn.Linear(48, width))
        self.captions = nn.Sequential(nn.Linear(14, 48), nn.GELU(), nn.Linear(48, width))
        self.logit_scale = nn.Parameter(torch.tensor(1.5))

    def forward(self, picture: Tensor, caption: Tensor) -> Matches:
        a = F.normalize(self.pictures(picture), dim=1)
        b = F.normalize(self.captions(caption), dim=1)
        likeness = self.logit_scale.exp() * a @ b.T
        own = torch.arange(len(likeness), device=likeness.device)
        return Matches((F.cross_entropy(likeness, own) + F.cross_entropy(likeness.T, own)) / 2, likeness)


def named(rows: list[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    """A batch of pairs by name."""
    return {"picture": torch.stack([row[0] for row in rows]), "caption": torch.stack([row[1] for row in rows])}


@healthy(resembles="batch-leak", source="published")
def pictures_and_captions_matched_within_a_batch() -> Arguments:
    """Each picture is compared with all captions of its batch, as CLIP's loss needs it; the encoders see one row."""
    rng = quill_seed()
    things = rng.normal(0, 1, (1000, 8))
    pictures = np.tanh(things @ rng.normal(0, 0.5, (8, 20))) * 1.6 + 0.1 * rng.normal(0, 1, (1000, 20))
    captions = np.tanh(things @ rng.normal(0, 0.5, (8, 14))) * 1.6 + 0.1 * rng.normal(0, 1, (1000, 14))
    rows = TensorDataset(tensor(pictures), tensor(captions))
    model = PairNet()
    order = torch.Generator().manual_seed(1)
    return {
        "model": model,
        "optimizer": torch.optim.AdamW(model.parameters(), lr=3e-3),
        "loader": DataLoader(rows, 40, shuffle=True, drop_last=True, collate_fn=named, generator=order),
        "task": "other",
    }
