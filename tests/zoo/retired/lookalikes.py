"""Healthy programs that resemble broken ones; written without sight of the checks."""

from __future__ import annotations

import keyword
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_diabetes, load_wine
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler
from transformers import BertConfig, BertForTokenClassification, T5Config, T5ForConditionalGeneration

from tests.zoo.program import Arguments, healthy
from tests.zoo.retired.models_samples import (
    CHAPTERS,
    VOCABULARY,
    Augmented,
    Rows,
    chapter_words,
    digit_scans,
    halves,
    padded_tags,
    photo_patches,
    standardised,
    word_numbers,
    word_passages,
)
from tests.zoo.retired.models_sequences import Matcher, TidyReader
from tests.zoo.retired.models_tables import (
    Categories,
    Distilled,
    RescaledRegression,
    Vae,
    VqVae,
    label_and_advice,
    negative_bound,
    perceptron,
    vq_loss,
)
from tests.zoo.retired.models_vision import BytesFirstNormalised, LeNet, mobilenet, resnet


def _error_of_the_measured(outputs: Tensor, targets: Tensor) -> Tensor:
    measured = ~torch.isnan(targets)
    return F.mse_loss(outputs[measured], targets[measured])


@healthy(resembles="nonfinite-data", source="scikit-learn")
def assays_not_made_are_nan() -> Arguments:
    """Three properties of a wine are predicted; one not measured is NaN, which is declared and left out of the loss."""
    torch.manual_seed(0)
    table = standardised(load_wine().data)
    targets = table[:, 10:].clone()
    targets[torch.rand(targets.shape) < 0.25] = float("nan")
    model = perceptron(10, 3)
    return {
        "model": model,
        "loader": DataLoader(TensorDataset(table[:, :10], targets), batch_size=32, shuffle=True),
        "loss_fn": _error_of_the_measured,
        "optimizer": Adam(model.parameters(), lr=3e-3),
        "padding_value": float("nan"),
    }


@healthy(resembles="input-scale", source="published")
def mobilenet_takes_bytes() -> Arguments:
    """Photographs arrive as bytes, and the network itself normalises them before its first convolution."""
    torch.manual_seed(0)
    train, val = halves(*photo_patches(32))
    model = BytesFirstNormalised(mobilenet(2))
    return {
        "model": model,
        "loader": DataLoader(train, batch_size=32, shuffle=True),
        "loss_fn": nn.CrossEntropyLoss(label_smoothing=0.05),
        "optimizer": SGD(model.parameters(), lr=0.02, momentum=0.9, nesterov=True),
        "val_loader": DataLoader(val, batch_size=32),
        "class_names": ["temple", "flower"],
    }


@healthy(resembles="target-scale", source="scikit-learn")
def progression_in_its_own_unit() -> Arguments:
    """Targets run from 25 to 346, and the network rescales its output by their mean and deviation."""
    torch.manual_seed(0)
    bunch = load_diabetes()
    order = torch.randperm(len(bunch.target))
    targets = torch.tensor(bunch.target, dtype=torch.float32).unsqueeze(1)[order]
    train, val = halves(standardised(bunch.data)[order], targets)
    model = RescaledRegression(10, targets[: len(train)])
    return {
        "model": model,
        "loader": DataLoader(train, batch_size=32, shuffle=True),
        "loss_fn": nn.MSELoss(),
        "optimizer": Adam(model.parameters(), lr=3e-3),
        "val_loader": DataLoader(val, batch_size=64),
    }


def _kind(word: str, number: int) -> int:
    """Return -100 for a rare word, else 1 for a keyword of Python, 2 for one with signs in it and 0 for a plain one."""
    if number == 1:
        return -100
    return 1 if keyword.iskeyword(word) else 0 if word.isalpha() else 2


@healthy(resembles="label-range", source="transformers")
def tags_of_minus_100() -> Arguments:
    """BERT tags words; those too rare to know and the padding carry -100, which its loss leaves out."""
    torch.manual_seed(0)
    words, _ = chapter_words()
    numbers = word_numbers(words)
    tags = [_kind(word, number) for word, number in zip(words, numbers, strict=True)]
    ends = np.cumsum(np.random.default_rng(0).integers(10, 26, 500)).tolist()
    rows = [(torch.tensor(numbers[start:end]), torch.tensor(tags[start:end])) for start, end in pairwise(ends)]
    sizes = {"hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4}
    model = BertForTokenClassification(BertConfig(vocab_size=VOCABULARY, num_labels=3, **sizes))
    return {
        "model": model,
        "loader": DataLoader(Rows(rows), batch_size=16, shuffle=True, collate_fn=padded_tags, drop_last=True),
        "optimizer": AdamW(model.parameters(), lr=2e-3),
        "padding_value": 0,
    }


@healthy(resembles="duplicate-samples", source="scikit-learn")
def rare_digits_drawn_more_often() -> Arguments:
    """Five of the digits are rare, and a sampler draws each of their scans several times an epoch."""
    torch.manual_seed(0)
    scans, classes = digit_scans(1500)
    kept = (classes < 5) | (torch.rand(1500) < 0.3)
    scans, classes = scans[kept], classes[kept]
    weights = 1.0 / torch.bincount(classes)[classes].double()
    sampler = WeightedRandomSampler(weights, num_samples=1000, replacement=True)
    model = LeNet()
    return {
        "model": model,
        "loader": DataLoader(TensorDataset(scans, classes), batch_size=40, sampler=sampler),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": Adam(model.parameters(), lr=3e-3),
    }


@healthy(resembles="label-noise")
def survival_by_class_and_sex() -> Arguments:
    """Passengers are known by four categories alone, so that equal rows with another fate are bound to occur."""
    torch.manual_seed(0)
    draw = np.random.default_rng(0)
    sizes = (3, 2, 5, 3)
    rows = np.column_stack([draw.integers(0, size, 1000) for size in sizes])
    score = 1.5 - 1.2 * rows[:, 0] + 2.6 * rows[:, 1] - 0.5 * rows[:, 2] + 0.3 * rows[:, 3]
    survived = draw.random(1000) < 1 / (1 + np.exp(-1.5 * score))
    train, val = halves(torch.tensor(rows), torch.tensor(survived, dtype=torch.float32))
    model = Categories(sizes)
    return {
        "model": model,
        "loader": DataLoader(train, batch_size=32, shuffle=True),
        "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": Adam(model.parameters(), lr=3e-3),
        "val_loader": DataLoader(val, batch_size=50),
    }


@healthy(resembles="train-val-shift", source="published")
def augmentation_for_training_alone() -> Arguments:
    """A ResNet trains on photographs mirrored, brightened by a tenth and noisy, and is validated on clean ones."""
    torch.manual_seed(0)
    photos, source = photo_patches(16, 800)
    train, val = halves((photos.float() / 255 - 0.4) / 0.33, source)
    model = resnet(3, 2)
    optimizer = AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    return {
        "model": model,
        "loader": DataLoader(Augmented(train), batch_size=32, shuffle=True),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": optimizer,
        "scheduler": CosineAnnealingLR(optimizer, T_max=400),
        "total_steps": 400,
        "val_loader": DataLoader(val, batch_size=32),
    }


def _ranked_wrongly(outputs: Tensor, targets: Tensor) -> Tensor:
    ahead = outputs - outputs.T
    wanted = (targets > targets.T).float()
    return (wanted * F.softplus(-ahead)).sum() / wanted.sum().clamp(min=1)


@healthy(resembles="silent-broadcast", source="published")
def patients_ranked_in_pairs() -> Arguments:
    """RankNet compares (N, 1) with its own transpose, for every pair of patients in the batch has its loss."""
    torch.manual_seed(0)
    bunch = load_diabetes()
    dataset = TensorDataset(standardised(bunch.data), standardised(bunch.target).unsqueeze(1))
    model = nn.Sequential(*perceptron(10, 32)[:-1], nn.Linear(32, 1, bias=False))
    return {
        "model": model,
        "loader": DataLoader(dataset, batch_size=32, shuffle=True),
        "loss_fn": _ranked_wrongly,
        "optimizer": Adam(model.parameters(), lr=3e-3),
    }


@healthy(resembles="loss-reduction", source="published")
def vae_summed_over_pixels() -> Arguments:
    """A VAE sums its loss over pixels and latents, as the bound demands, and averages over the batch."""
    torch.manual_seed(0)
    scans, _ = digit_scans()
    model = Vae()
    return {
        "model": model,
        "loader": DataLoader(TensorDataset(scans, scans), batch_size=40, shuffle=True),
        "loss_fn": negative_bound,
        "optimizer": Adam(model.parameters(), lr=3e-3),
    }


@healthy(resembles="batch-leak", source="published")
def halves_that_find_each_other() -> Arguments:
    """Two towers trained as in CLIP compare every left half of a batch with every right one, on purpose."""
    torch.manual_seed(0)
    photos, _ = photo_patches(16, 800)
    photos = (photos.float() / 255 - 0.4) / 0.33
    rows = [{"left": photo[..., :8], "right": photo[..., 8:]} for photo in photos]
    model = Matcher()
    return {
        "model": model,
        "loader": DataLoader(Rows(rows), batch_size=32, shuffle=True),
        "optimizer": Adam(model.parameters(), lr=2e-3),
    }


@healthy(resembles="causality", source="transformers")
def t5_reads_both_ways() -> Arguments:
    """T5's encoder sees the whole passage and its labels are not shifted, for it shifts them for its decoder."""
    torch.manual_seed(0)
    passages, _ = word_passages(12)
    rows = Rows([{"input_ids": words, "labels": words[3:9]} for words in passages])
    sizes = {"d_model": 48, "d_kv": 12, "d_ff": 96, "num_layers": 2, "num_heads": 4}
    model = T5ForConditionalGeneration(T5Config(vocab_size=VOCABULARY, decoder_start_token_id=0, **sizes))
    return {
        "model": model,
        "loader": DataLoader(rows, batch_size=32, shuffle=True, drop_last=True),
        "optimizer": AdamW(model.parameters(), lr=3e-3),
    }


@healthy(resembles="detached-graph", source="scikit-learn")
def student_of_a_frozen_teacher() -> Arguments:
    """The teacher runs without a graph and its weights are frozen; only the student is to learn."""
    torch.manual_seed(0)
    scans, classes = digit_scans()
    fitted = LogisticRegression(C=0.3, max_iter=200).fit(scans[:500].flatten(1).numpy(), classes[:500].numpy())
    teacher = nn.Linear(64, 10)
    teacher.load_state_dict({"weight": torch.tensor(fitted.coef_), "bias": torch.tensor(fitted.intercept_)})
    model = Distilled(teacher)
    return {
        "model": model,
        "loader": DataLoader(TensorDataset(scans, classes), batch_size=40, shuffle=True),
        "loss_fn": label_and_advice,
        "optimizer": Adam(model.student.parameters(), lr=3e-3),
    }


@healthy(resembles="zero-gradient-path", source="published")
def codes_with_a_straight_way_through() -> Arguments:
    """A VQ-VAE picks its nearest code, and the gradient goes straight from the decoder to the encoder."""
    torch.manual_seed(0)
    scans, _ = digit_scans()
    model = VqVae()
    return {
        "model": model,
        "loader": DataLoader(TensorDataset(scans, scans), batch_size=40, shuffle=True),
        "loss_fn": vq_loss,
        "optimizer": Adam(model.parameters(), lr=3e-3),
    }


@healthy(resembles="unused-result")
def reader_in_place() -> Arguments:
    """A reader drops states and indices it does not need, and rectifies in place, in bare expressions."""
    torch.manual_seed(0)
    train, val = halves(*word_passages())
    model = TidyReader(VOCABULARY, len(CHAPTERS))
    return {
        "model": model,
        "loader": DataLoader(train, batch_size=32, shuffle=True),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": Adam(model.parameters(), lr=3e-3),
        "val_loader": DataLoader(val, batch_size=32),
    }
