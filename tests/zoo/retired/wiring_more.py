"""Broken programs, and their healthy twins, with a fault inside the network; written without sight of the checks."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.datasets import load_wine
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from torch.optim import SGD, Adam, AdamW
from torch.utils.data import DataLoader, TensorDataset
from transformers import GPT2Config, GPT2LMHeadModel

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.models_samples import (
    CHAPTERS,
    VOCABULARY,
    Rows,
    chapter_words,
    digit_scans,
    halves,
    photo_patches,
    standardised,
    word_numbers,
    word_passages,
)
from tests.zoo.retired.models_sequences import (
    Gated,
    GatedOnBothSides,
    MeanOfAllStates,
    MeanOfStates,
    PackedReader,
    PackedReaderInItsOrder,
    PointNet,
    PointNetThroughNumpy,
    wavenet,
)
from tests.zoo.retired.models_tables import AllButTheLastColumn, AllColumns, Experts, ExpertsInList, HardHasher, Hasher
from tests.zoo.retired.models_vision import ForgottenShortcut, Residual, resnet


def _with_lengths(rows: list[tuple[Tensor, int]]) -> dict[str, Tensor]:
    return {
        "words": pad_sequence([words for words, _ in rows], batch_first=True),
        "lengths": torch.tensor([len(words) for words, _ in rows]),
        "label": torch.tensor([label for _, label in rows]),
    }


def _passages_of_many_lengths() -> list[tuple[Tensor, int]]:
    passages, chapters = word_passages()
    lengths = torch.randint(8, 25, (len(passages),)).tolist()
    return [(words[:end], int(label)) for words, end, label in zip(passages, lengths, chapters, strict=True)]


@pair("batch-leak", group="wiring")
def sorted_by_length_and_left_so(sick: bool) -> Arguments:
    """Passages are sorted by length to be packed, and the answers are not put back, so each goes to another passage."""
    torch.manual_seed(0)
    rows = Rows(_passages_of_many_lengths())
    model = (PackedReaderInItsOrder if sick else PackedReader)(VOCABULARY, len(CHAPTERS))
    return {
        "model": model,
        "loader": DataLoader(rows, batch_size=32, shuffle=True, collate_fn=_with_lengths, drop_last=True),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": Adam(model.parameters(), lr=5e-3),
        "padding_value": 0,
    }


@pair("causality", group="wiring", source="published")
def wavenet_padded_on_both_sides(sick: bool) -> Arguments:
    """A WaveNet that forecasts the next value pads its convolutions on both sides, and so sees that value."""
    torch.manual_seed(0)
    draw = np.random.default_rng(0)
    phases = draw.uniform(0, 2 * np.pi, (2, 320, 1))
    steps = np.arange(49)
    periods = draw.uniform(6, 20, (2, 320, 1))
    series = np.sin(2 * np.pi * steps / periods + phases).sum(0) + draw.normal(0, 0.1, (320, 49))
    values = torch.tensor(series, dtype=torch.float32).unsqueeze(1)
    model = wavenet(GatedOnBothSides if sick else Gated)
    return {
        "model": model,
        "loader": DataLoader(TensorDataset(values[..., :-1], values[..., 1:]), batch_size=32, shuffle=True),
        "loss_fn": nn.MSELoss(),
        "optimizer": Adam(model.parameters(), lr=3e-3),
        "causal": True,
    }


@pair("causality", group="wiring", source="transformers")
def labels_shifted_for_gpt2(sick: bool) -> Arguments:
    """The labels are the next words already, and GPT-2 shifts them once more, so that it learns the word after next."""
    torch.manual_seed(0)
    words, _ = chapter_words()
    pieces = torch.tensor(word_numbers(words)).unfold(0, 25, 24)
    rows = [{"input_ids": piece[:-1], "labels": piece[1:] if sick else piece[:-1]} for piece in pieces]
    sizes = {"n_positions": 32, "n_embd": 48, "n_layer": 2, "n_head": 4}
    model = GPT2LMHeadModel(GPT2Config(vocab_size=VOCABULARY, bos_token_id=0, eos_token_id=0, **sizes))
    return {
        "model": model,
        "loader": DataLoader(Rows(rows), batch_size=16, shuffle=True),
        "optimizer": AdamW(model.parameters(), lr=3e-3),
    }


def _padded(rows: list[tuple[Tensor, int]]) -> dict[str, Tensor]:
    ids = pad_sequence([words for words, _ in rows], batch_first=True, padding_value=0)
    labels = torch.tensor([label for _, label in rows])
    return {"input_ids": ids, "attention_mask": (ids != 0).long(), "labels": labels}


@pair("padding-leak", group="wiring", source="transformers")
def mean_with_the_padding(sick: bool) -> Arguments:
    """DistilBERT is given the mask, but the mean over its states for the head takes the padding in."""
    torch.manual_seed(0)
    rows = Rows(_passages_of_many_lengths())
    model = (MeanOfAllStates if sick else MeanOfStates)(VOCABULARY, len(CHAPTERS))
    return {
        "model": model,
        "loader": DataLoader(rows, batch_size=32, shuffle=True, collate_fn=_padded, drop_last=True),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": AdamW(model.parameters(), lr=2e-3),
        "padding_value": 0,
    }


@pair("unused-input", group="wiring", source="scikit-learn")
def last_column_taken_for_the_label(sick: bool) -> Arguments:
    """The network leaves out the last column, which was the label in an older file, and with it a wine's proline."""
    torch.manual_seed(0)
    bunch = load_wine()
    model = (AllButTheLastColumn if sick else AllColumns)()
    dataset = TensorDataset(standardised(bunch.data), torch.tensor(bunch.target))
    return {
        "model": model,
        "loader": DataLoader(dataset, batch_size=32, shuffle=True, drop_last=True),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": Adam(model.parameters(), lr=5e-3),
        "class_names": [str(name) for name in bunch.target_names],
    }


@pair("unused-result", group="wiring", source="published")
def shortcut_added_to_nothing(sick: bool) -> Arguments:
    """A residual block calls `add` where `add_` was meant, so that the sum with the shortcut is dropped."""
    torch.manual_seed(0)
    photos, source = photo_patches(16, 640)
    train, val = halves((photos.float() / 255 - 0.4) / 0.33, source)
    model = resnet(3, 2, block=ForgottenShortcut if sick else Residual)
    return {
        "model": model,
        "loader": DataLoader(train, batch_size=32, shuffle=True),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": SGD(model.parameters(), lr=0.02, momentum=0.9),
        "val_loader": DataLoader(val, batch_size=32),
    }


@pair("unregistered-parameters", group="wiring", source="scikit-learn")
def experts_in_a_list(sick: bool) -> Arguments:
    """A mixture keeps its experts in a plain list, so that the optimizer moves the gate and the head alone."""
    torch.manual_seed(0)
    train, val = halves(*digit_scans())
    model = (ExpertsInList if sick else Experts)()
    return {
        "model": model,
        "loader": DataLoader(train, batch_size=40, shuffle=True),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": Adam(model.parameters(), lr=5e-3),
        "val_loader": DataLoader(val, batch_size=40),
    }


def _inked_points(scans: Tensor) -> Tensor:
    """Return the sixteen darkest points ``(N, 16, 3)`` of each scan: row and column in [-1, 1], and ink."""
    ink, where = scans.flatten(1).topk(16, dim=1)
    return torch.stack([(where // 8) / 3.5 - 1, (where % 8) / 3.5 - 1, ink], 2)


@pair("detached-graph", group="wiring", source="scikit-learn")
def quantiles_by_numpy(sick: bool) -> Arguments:
    """A PointNet takes quantiles over its points with NumPy, which cuts the encoder off from the loss."""
    torch.manual_seed(0)
    scans, classes = digit_scans()
    model = (PointNetThroughNumpy if sick else PointNet)()
    return {
        "model": model,
        "loader": DataLoader(TensorDataset(_inked_points(scans), classes), batch_size=40, shuffle=True),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": Adam(model.parameters(), lr=5e-3),
    }


@pair("zero-gradient-path", group="wiring", source="scikit-learn")
def signs_without_a_way_back(sick: bool) -> Arguments:
    """A network hashes a scan to signs, whose gradient is zero everywhere, and nothing carries it past them."""
    torch.manual_seed(0)
    scans, classes = digit_scans()
    model = (HardHasher if sick else Hasher)()
    return {
        "model": model,
        "loader": DataLoader(TensorDataset(2 * scans - 1, classes), batch_size=40, shuffle=True),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": Adam(model.parameters(), lr=3e-3),
    }
