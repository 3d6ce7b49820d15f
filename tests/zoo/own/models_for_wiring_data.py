"""Small real data sets of the wiring programs: handwritten digits, photographs, tables, English text, noisy waves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pydoc_data.topics import topics
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_sample_images, load_wine
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

CLASSES = ("compound", "string-methods", "debugger", "typesmapping")
VOCABULARY = 240
PADDING, UNKNOWN = 0, 1


def seeded() -> np.random.Generator:
    """Seed torch, and return a seeded generator for NumPy."""
    torch.manual_seed(0)
    return np.random.default_rng(0)


def digits(samples: int = 512) -> tuple[Tensor, Tensor]:
    """Images (samples, 1, 8, 8) in [0, 1] and their digits."""
    pixels, labels = load_digits(return_X_y=True)
    kept = np.random.default_rng(0).permutation(len(labels))[:samples]
    return torch.tensor(pixels[kept] / 16, dtype=torch.float32).view(-1, 1, 8, 8), torch.tensor(labels[kept]).long()


def _standardised(load: Any) -> tuple[Tensor, Tensor]:
    features, targets = load(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(targets))
    features = (features - features.mean(0)) / features.std(0)
    return torch.tensor(features[order], dtype=torch.float32), torch.tensor(targets[order])


def wine() -> tuple[Tensor, Tensor]:
    """Table (178, 13) of standardised measurements and one of three growers."""
    features, labels = _standardised(load_wine)
    return features, labels.long()


def breast_cancer() -> tuple[Tensor, Tensor]:
    """Table (569, 30) of standardised measurements and 0.0 or 1.0."""
    features, labels = _standardised(load_breast_cancer)
    return features, labels.float()


def diabetes() -> tuple[Tensor, Tensor]:
    """Table (442, 10) and a target, all standardised."""
    features, targets = _standardised(load_diabetes)
    targets = (targets - targets.mean()) / targets.std()
    return features, targets.float()


def photographs(samples: int = 256, size: int = 32) -> Tensor:
    """Crops (samples, 3, size, size) in [0, 1] of two photographs."""
    rng = np.random.default_rng(0)
    images = [image / 255 for image in load_sample_images().images]
    tops, lefts = rng.integers(0, 427 - size, samples), rng.integers(0, 640 - size, samples)
    crops = [images[i % 2][tops[i] : tops[i] + size, lefts[i] : lefts[i] + size] for i in range(samples)]
    return torch.tensor(np.stack(crops), dtype=torch.float32).permute(0, 3, 1, 2).contiguous()


def standardised_photographs(samples: int = 256, size: int = 16) -> Tensor:
    """The same crops with each colour at mean 0 and deviation 1."""
    crops = photographs(samples, size)
    return (crops - crops.mean((0, 2, 3), keepdim=True)) / crops.std((0, 2, 3), keepdim=True)


def waves(samples: int = 320, steps: int = 24) -> tuple[Tensor, Tensor]:
    """Noisy waves (samples, steps, 1) of many frequencies, and the value (samples, 1) that follows."""
    rng = np.random.default_rng(0)
    frequency, phase = rng.uniform(0.15, 0.6, (samples, 1)), rng.uniform(0, 2 * np.pi, (samples, 1))
    values = 1.4 * np.sin(frequency * np.arange(steps + 1) + phase) + rng.normal(0, 0.05, (samples, steps + 1))
    tensor = torch.tensor(values, dtype=torch.float32)
    return tensor[:, :-1, None].contiguous(), tensor[:, -1:].contiguous()


def snippets(samples: int = 320, longest: int = 24, shortest: int = 10) -> tuple[list[Tensor], Tensor]:
    """Passages of English as word ids, `shortest` to `longest` words each, and which of four texts they are from."""
    rng = np.random.default_rng(0)
    texts = [topics[name].lower().split() for name in CLASSES]
    common = Counter(word for text in texts for word in text).most_common(VOCABULARY - 2)
    index = {word: i + 2 for i, (word, _) in enumerate(common)}
    ids = [torch.tensor([index.get(word, UNKNOWN) for word in text]) for text in texts]
    starts = [rng.permutation(len(text) - longest) for text in ids]
    labels = torch.tensor([i % len(CLASSES) for i in range(samples)])
    lengths = rng.integers(shortest, longest + 1, samples)
    order = rng.permutation(samples)
    passages = [ids[i % 4][starts[i % 4][i] : starts[i % 4][i] + lengths[i]] for i in order]
    return passages, labels[torch.as_tensor(order)]


def padded(passages: list[Tensor]) -> Tensor:
    """Passages as one tensor (samples, longest), filled up with `PADDING` at the end."""
    return torch.nn.utils.rnn.pad_sequence(passages, batch_first=True, padding_value=PADDING)


def characters(samples: int = 256, length: int = 32) -> tuple[Tensor, int]:
    """Passages (samples, length) of English as ids of letters, and how many different ones there are."""
    text = topics["compound"]
    letters = sorted(set(text))
    ids = torch.tensor([letters.index(letter) for letter in text])
    starts = np.random.default_rng(0).permutation(len(ids) - length)[:samples]
    return torch.stack([ids[start : start + length] for start in starts]), len(letters)


def loader_of(*columns: Tensor, batch_size: int = 32, **options: Any) -> DataLoader[Any]:
    """A shuffling loader of tensors, in an order of its own that is the same for every program."""
    shuffled = {"shuffle": True, "generator": torch.Generator().manual_seed(0), **options}
    return DataLoader(TensorDataset(*columns), batch_size=batch_size, **shuffled)


class Labelled(NamedTuple):
    """One image and its class."""

    image: Tensor
    label: Tensor


class LabelledImages(Dataset[Labelled]):
    """Images and classes as named tuples."""

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self.images, self.labels = images, labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Labelled:
        return Labelled(self.images[index], self.labels[index])


class Records(Dataset[dict[str, Tensor]]):
    """Columns of tensors, handed out as dictionaries."""

    def __init__(self, **columns: Any) -> None:
        self.columns = columns

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {name: column[index] for name, column in self.columns.items()}


class Stream(IterableDataset[tuple[Tensor, Tensor]]):
    """Samples that come one by one, in another order every time."""

    def __init__(self, inputs: Tensor, targets: Tensor) -> None:
        self.inputs, self.targets = inputs, targets

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for i in torch.randperm(len(self.targets)).tolist():
            yield self.inputs[i], self.targets[i]


class Batches:
    """A loader that somebody wrote in a hurry: a generator over shuffled slices."""

    def __init__(self, inputs: Tensor, targets: Tensor, size: int) -> None:
        self.inputs, self.targets, self.size = inputs, targets, size

    def __len__(self) -> int:
        return len(self.targets) // self.size

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        order = torch.randperm(len(self.targets))
        for i in range(len(self)):
            rows = order[i * self.size : (i + 1) * self.size]
            yield self.inputs[rows], self.targets[rows]
