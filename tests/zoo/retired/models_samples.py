"""Samples of the retired programs: scanned digits, patches of photographs, tables, words of Python's manual."""

from __future__ import annotations

from collections import Counter
from pydoc_data.topics import topics

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits, load_sample_images
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset, TensorDataset

CHAPTERS = ("formatstrings", "string-methods", "debugger", "execmodel", "import", "assignment")
VOCABULARY = 400


def digit_scans(count: int = 1000) -> tuple[Tensor, Tensor]:
    """Return scans ``(count, 1, 8, 8)`` in [0, 1] and their classes, in random order."""
    bunch = load_digits()
    order = np.random.default_rng(0).permutation(len(bunch.target))[:count]
    scans = torch.tensor(bunch.images[order], dtype=torch.float32).unsqueeze(1) / 16
    return scans, torch.tensor(bunch.target[order])


def photo_patches(side: int = 32, count: int = 520) -> tuple[Tensor, Tensor]:
    """Return byte patches ``(count, 3, side, side)`` of two photographs, and which photograph each is from."""
    photos = torch.from_numpy(np.stack(load_sample_images().images)).permute(0, 3, 1, 2)
    tiles = photos.unfold(2, side, side).unfold(3, side, side).permute(0, 2, 3, 1, 4, 5)
    patches = tiles.reshape(-1, 3, side, side)
    photo = torch.arange(2).repeat_interleave(len(patches) // 2)
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(patches))[:count])
    return patches[order].contiguous(), photo[order]


def standardised(columns: np.ndarray) -> Tensor:
    """Return the columns at mean 0 and standard deviation 1; a missing entry stays missing."""
    return torch.tensor((columns - np.nanmean(columns, 0)) / np.nanstd(columns, 0), dtype=torch.float32)


def chapter_words() -> tuple[list[str], list[int]]:
    """Return the words of a few chapters of Python's manual, and the chapter of each."""
    words, chapters = [], []
    for number, name in enumerate(CHAPTERS):
        found = topics[name].lower().split()
        words += found
        chapters += [number] * len(found)
    return words, chapters


def word_numbers(words: list[str]) -> list[int]:
    """Return a number from 2 for each of the commonest words and 1 for every other; 0 is left for padding."""
    known = {word: number for number, (word, _) in enumerate(Counter(words).most_common(VOCABULARY - 2), start=2)}
    return [known.get(word, 1) for word in words]


def word_passages(length: int = 24) -> tuple[Tensor, Tensor]:
    """Return distinct passages of `length` word numbers, and the chapter of each, in random order."""
    words, chapters = chapter_words()
    numbers = word_numbers(words)
    found: dict[tuple[int, ...], int] = {}
    for start in range(0, len(numbers) - length, length):
        if chapters[start] == chapters[start + length - 1]:
            found.setdefault(tuple(numbers[start : start + length]), chapters[start])
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(found)))
    return torch.tensor(list(found))[order], torch.tensor(list(found.values()))[order]


def bright_masks(patches: Tensor) -> Tensor:
    """Return ``(N, H, W)`` classes of pixels: 1 where a smoothed patch is brighter than 105 of 255, else 0."""
    grey = patches.float().mean(1, keepdim=True)
    return (F.avg_pool2d(grey, 3, stride=1, padding=1, count_include_pad=False) > 105).squeeze(1).long()


def halves(*columns: Tensor, share: float = 0.8) -> tuple[TensorDataset, TensorDataset]:
    """Return the first `share` of the samples for training and the rest for validation."""
    cut = int(share * len(columns[0]))
    return TensorDataset(*(column[:cut] for column in columns)), TensorDataset(*(column[cut:] for column in columns))


def padded_tags(rows: list[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    """Return a batch of word numbers padded with 0, their mask, and their tags padded with -100."""
    ids = pad_sequence([words for words, _ in rows], batch_first=True)
    tags = pad_sequence([tags for _, tags in rows], batch_first=True, padding_value=-100)
    return {"input_ids": ids, "attention_mask": (ids != 0).long(), "labels": tags}


class Rows(Dataset):
    """Samples given as a list of anything."""

    def __init__(self, rows: list) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int):
        return self.rows[index]


class Augmented(Dataset):
    """Photographs that are mirrored at random, a little brighter or darker, and a little noisy."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        photo, source = self.dataset[index]
        if torch.rand(()) < 0.5:
            photo = photo.flip(2)
        return photo * (1 + 0.1 * (2 * torch.rand(()) - 1)) + 0.03 * torch.randn_like(photo), source
