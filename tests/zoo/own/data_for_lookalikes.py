"""Real data of the look-alikes: digits, tables, photographs and the topics of Python's own documentation."""

from __future__ import annotations

import re
from functools import lru_cache
from pydoc_data.topics import topics
from typing import Any, NamedTuple

import numpy as np
import sklearn.datasets
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset


class Parts(NamedTuple):
    """Training and validation samples of one distribution."""

    x: Tensor
    y: Tensor
    x_val: Tensor
    y_val: Tensor


@lru_cache
def _loaded(name: str) -> tuple[np.ndarray, np.ndarray]:
    if name == "diabetes":
        return sklearn.datasets.load_diabetes(return_X_y=True, scaled=False)
    return getattr(sklearn.datasets, f"load_{name}")(return_X_y=True)


def parted(x: Tensor, y: Tensor, share: float = 0.75) -> Parts:
    """Samples in a fixed random order, the first `share` of them for training."""
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(x)))
    cut = int(share * len(x))
    return Parts(x[order[:cut]], y[order[:cut]], x[order[cut:]], y[order[cut:]])


def digits(count: int = 1600) -> Parts:
    """Images of handwritten digits in [0, 1], shape (N, 1, 8, 8), and their class indices."""
    x, y = _loaded("digits")
    images = torch.from_numpy(x[:count]).float().view(-1, 1, 8, 8) / 16
    return parted(images, torch.from_numpy(y[:count]))


def standard_digits(count: int = 1600) -> Parts:
    """The digits with mean 0 and standard deviation 1 over all pixels of the training part."""
    parts = digits(count)
    mean, std = parts.x.mean(), parts.x.std()
    return parts._replace(x=(parts.x - mean) / std, x_val=(parts.x_val - mean) / std)


def table(name: str) -> Parts:
    """A table with standardised columns: iris, wine, breast_cancer (class indices), diabetes (raw float32)."""
    x, y = _loaded(name)
    parts = parted(torch.from_numpy(x).float(), torch.from_numpy(np.array(y)))
    mean, std = parts.x.mean(0), parts.x.std(0)
    parts = parts._replace(x=(parts.x - mean) / std, x_val=(parts.x_val - mean) / std)
    return parts._replace(y=parts.y.float(), y_val=parts.y_val.float()) if name == "diabetes" else parts


def raw_table(name: str) -> Parts:
    """A table as it was measured, columns in their own units."""
    x, y = _loaded(name)
    return parted(torch.from_numpy(x).float(), torch.from_numpy(np.array(y)))


def diabetes() -> Parts:
    """Standardised columns and progression of diabetes, targets of shape (N, 1) in standard units."""
    parts = table("diabetes")
    mean, std = parts.y.mean(), parts.y.std()
    return parts._replace(y=(parts.y[:, None] - mean) / std, y_val=(parts.y_val[:, None] - mean) / std)


@lru_cache
def _photographs() -> list[np.ndarray]:
    return [np.asarray(image) for image in sklearn.datasets.load_sample_images().images]


def photograph_crops(count: int = 480, size: int = 16) -> Parts:
    """Crops of two photographs as bytes, shape (N, 3, size, size), labelled with the photograph they are from."""
    rng = np.random.default_rng(0)
    crops, labels = [], []
    for index in range(count):
        image = _photographs()[index % 2]
        top, left = (rng.integers(0, side - size) for side in image.shape[:2])
        crops.append(torch.from_numpy(image[top : top + size, left : left + size].copy()).permute(2, 0, 1))
        labels.append(index % 2)
    return parted(torch.stack(crops), torch.tensor(labels))


@lru_cache
def _text() -> tuple[np.ndarray, int]:
    text = re.sub(
        r"[-=*+|\s]+", " ", "".join(topics[key] for key in ("types", "specialnames", "compound", "formatstrings"))
    )
    letters = sorted(set(text))
    return np.array([letters.index(letter) for letter in text[:60_000]]), len(letters)


def letters(length: int, count: int = 400) -> tuple[Tensor, int]:
    """Windows of text as letter indices, shape (count, length), all different, in random order; and the alphabet."""
    ids, alphabet = _text()
    windows = np.unique(ids[: len(ids) // length * length].reshape(-1, length), axis=0)
    return torch.from_numpy(np.random.default_rng(0).permutation(windows)[:count]), alphabet


class Sentences(NamedTuple):
    """Word indices of passages, each labelled with the chapter it is from; 0 is padding, 1 an unknown word."""

    ids: list[Tensor]
    labels: Tensor
    vocabulary: int


@lru_cache
def _chapters() -> tuple[list[list[int]], list[int], int]:
    names = ("types", "formatstrings", "debugger", "compound")
    texts = [re.findall(r"[a-z_]+", topics[name].lower()) for name in names]
    words = sorted({word for text in texts for word in text})
    number = {word: index + 2 for index, word in enumerate(words)}
    rng = np.random.default_rng(0)
    ids, labels = [], []
    for label, text in enumerate(texts):
        start = 0
        while start + 24 < min(len(text), 2_400):
            length = int(rng.integers(12, 25))
            ids.append([number[word] for word in text[start : start + length]])
            labels.append(label)
            start += length
    return ids, labels, len(words) + 2


def sentences() -> Sentences:
    """Passages of 12 to 24 words from four chapters of Python's documentation, in random order."""
    ids, labels, vocabulary = _chapters()
    order = np.random.default_rng(1).permutation(len(ids))
    return Sentences([torch.tensor(ids[i]) for i in order], torch.tensor([labels[i] for i in order]), vocabulary)


def passages_for_transformers() -> tuple[list[dict[str, Tensor]], int]:
    """The passages padded to 24 words, as rows of ``input_ids``, ``attention_mask`` and ``labels``."""
    found = sentences()
    ids = torch.nn.utils.rnn.pad_sequence(found.ids, batch_first=True)
    rows = zip(ids, (ids > 0).long(), found.labels, strict=True)
    return [{"input_ids": i, "attention_mask": m, "labels": y} for i, m, y in rows], found.vocabulary


def loaders(parts: Parts, batch_size: int = 32) -> dict[str, Any]:
    """A shuffled training loader and a validation loader in order, under the names `check` gives them."""
    return {
        "loader": DataLoader(TensorDataset(parts.x, parts.y), batch_size=batch_size, shuffle=True, drop_last=True),
        "val_loader": DataLoader(TensorDataset(parts.x_val, parts.y_val), batch_size=64),
    }
