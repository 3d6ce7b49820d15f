"""What is said of tensors, and above all when nothing is said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn import datasets
from torch import Tensor

from nbinspect.capture.tensors import describe
from nbinspect.records import Finding, Role

N = 64


def findings(values: Any, role: Role = "input", name: str = "x") -> tuple[Finding, ...]:
    return describe(values, name, role, batch_size=len(values)).findings


def warned(values: Any, role: Role = "input", name: str = "x") -> list[tuple[str, int | None, str]]:
    return [(one.kind, one.row, one.text) for one in findings(values, role, name) if one.level == "warn"]


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def uniform(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def digits() -> Tensor:
    return torch.tensor(datasets.load_digits().images[:N], dtype=torch.float32).unsqueeze(1)


def table(name: str) -> Tensor:
    data = getattr(datasets, f"load_{name}")().data
    rows = np.random.default_rng(0).permutation(len(data))[:N]
    return torch.tensor(data[rows], dtype=torch.float32)


def standardised(name: str) -> Tensor:
    data = getattr(datasets, f"load_{name}")().data
    rows = np.random.default_rng(0).permutation(len(data))[:N]
    return torch.tensor(((data - data.mean(0)) / data.std(0))[rows], dtype=torch.float32)


def photographs() -> Tensor:
    images = datasets.load_sample_images().images
    crops = [image[y : y + 64, x : x + 64] for image in images for y in (0, 200) for x in (0, 300)]
    return torch.tensor(np.stack(crops)).permute(0, 3, 1, 2)


def imagenet(images: Tensor) -> Tensor:
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    return (images / 255 - mean[:, None, None]) / std[:, None, None]


def one_hot(classes: int) -> Tensor:
    return torch.nn.functional.one_hot(torch.arange(N) % 7, classes).float()


def boards() -> Tensor:
    planes = torch.zeros(N, 12, 8, 8)
    planes[:, :5, 2, 3] = 1
    return planes


def silence_then_sound(samples: int = 16_000) -> Tensor:
    wave = 0.02 * normal(N, samples).clamp(-4, 4)
    wave[:, :800] = 0
    return wave


HEALTHY: dict[str, Tensor] = {
    "normal images": normal(N, 3, 16, 16),
    "ImageNet-normalised photographs": imagenet(photographs()),
    "photographs in 0…1": photographs() / 255,
    "photographs in -1…1": photographs() / 127.5 - 1,
    "one photograph": imagenet(photographs())[:1],
    "dark images in 0…1": uniform(N, 3, 8, 8) * 0.01,
    "normalised digits": (digits() / 16 - 0.3) / 0.37,
    "normalised digits laid out in a row": ((digits() / 16 - 0.3) / 0.37).flatten(1),
    "digits in 0…1": digits() / 16,
    "digits in 0…1 laid out in a row": (digits() / 16).flatten(1),
    "half precision": normal(N, 3, 8, 8).half(),
    "standardised iris": standardised("iris"),
    "standardised wine": standardised("wine"),
    "standardised cancer": standardised("breast_cancer"),
    "diabetes as it ships": table("diabetes"),
    "one-hot with classes that are absent": one_hot(40),
    "standardised numbers beside one-hot": torch.cat([normal(N, 3), one_hot(12)], dim=1),
    "planes of a board game": boards(),
    "binary masks": (uniform(N, 1, 8, 8) > 0.9).float(),
    "binary masks as bytes": (uniform(N, 8, 8) > 0.9).to(torch.uint8),
    "one sample of features": normal(1, 10) * 3,
    "two samples that are alike": 4 + 0.001 * normal(2, 5),
    "word counts": torch.poisson(0.2 * torch.ones(N, 500), generator=torch.Generator().manual_seed(0)),
    "shares of words": torch.nn.functional.normalize((uniform(N, 900) > 0.98).float() * uniform(N, 900) + 1e-9, dim=1),
    "unit embeddings": torch.nn.functional.normalize(normal(N, 768), dim=1),
    "quiet sound": silence_then_sound(),
    "quiet sound with a channel": silence_then_sound().unsqueeze(1),
    "shares that hardly move": torch.cat([uniform(N, 3), 0.5 + 0.005 * normal(N, 1)], dim=1),
    "sparse shares beside numbers": torch.cat([normal(N, 3), 0.01 * uniform(N, 1) * (normal(N, 1) > 1)], dim=1),
    "the rim of pictures laid out in a row": torch.cat(
        [normal(N, 3).clamp(min=-0.42), torch.where(normal(N, 3, seed=1) > 2, -0.3, -0.42)], dim=1
    ),
    "token ids": torch.arange(N * 16).reshape(N, 16) * 29,
    "short token ids": (torch.arange(N * 16).reshape(N, 16) * 29).int(),
    "segments all zero": torch.zeros(N, 16, dtype=torch.int64),
    "flags all true": torch.ones(N, 16, dtype=torch.bool),
    "additive mask": torch.triu(torch.full((N, N), -torch.inf), diagonal=1),
    "no samples": torch.zeros(0, 3, 8, 8),
    "no features": torch.zeros(N, 0),
    "class maps as bytes": torch.arange(N * 64).reshape(N, 8, 8).remainder(20).to(torch.uint8),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_nothing_is_said_of_healthy_inputs(name: str) -> None:
    """Inputs of every usual and healthy kind give no warning."""
    assert warned(HEALTHY[name]) == []


def holed(place: tuple[int, ...], value: float) -> Tensor:
    images = normal(N, 3, 4, 4)
    images[place] = value
    return images


def stuck(values: Tensor, row: int, value: float) -> Tensor:
    values = values.clone()
    values[:, row] = value
    return values


SUSPICIOUS: dict[str, tuple[Tensor, list[tuple[str, int | None, str]]]] = {
    "raw digits": (digits(), [("unscaled", 0, "not normalised: std 6.0")]),
    "raw bytes": (
        photographs(),
        [("unscaled", row, "raw bytes 0…255: divide by 255 and normalise") for row in range(3)],
    ),
    "raw bytes as floats": (
        photographs().float()[:, :1],
        [("unscaled", 0, "raw bytes 0…255: divide by 255 and normalise")],
    ),
    "grey bytes": (photographs()[:, 0], [("unscaled", 0, "raw bytes 0…255: divide by 255 and normalise")]),
    "bytes laid out in a row": (
        (255 * uniform(N, 2)).round(),
        [("unscaled", 0, "not normalised: std "), ("unscaled", 1, "not normalised: std ")],
    ),
    "a long way off": (
        300 + normal(N, 2),
        [("unscaled", 0, "not centred: mean 300.0, std "), ("unscaled", 1, "not centred")],
    ),
    "a feature in tiny units": (
        torch.cat([normal(N, 1), 0.001 * normal(N, 1)], dim=1),
        [("unscaled", 1, "hardly varies: std 0.001")],
    ),
    "a channel in tiny units": (1e-5 * normal(N, 1, 50), [("unscaled", 0, "hardly varies: std 1e-05")]),
    "raw wine": (
        table("wine"),
        [
            ("unscaled", 4, "not normalised"),
            ("unscaled", 12, "not normalised"),
            ("unscaled", 0, "not centred"),
            ("unscaled", 3, "not centred"),
        ],
    ),
    "constant feature": (stuck(normal(N, 5), 2, 3), [("constant", 2, "constant: every value is 3")]),
    "constant channel": (stuck(normal(N, 3, 4, 4), 1, 0), [("constant", 1, "constant: every value is 0")]),
    "black channel of a picture in 0…1": (
        stuck(uniform(N, 3, 4, 4), 2, 0),
        [("constant", 2, "constant: every value is 0")],
    ),
    "all zero": (torch.zeros(N, 3, 4, 4), [("constant", None, "constant: every value is 0")]),
    "all zero, many features": (torch.zeros(N, 5000), [("constant", None, "constant: every value is 0")]),
    "one NaN": (holed((2, 1, 0, 0), torch.nan), [("nan", 1, "NaN: 1 of 1,024 values")]),
    "all NaN": (torch.full((N, 1, 2, 2), torch.nan), [("nan", 0, "NaN: every value")]),
    "one +Inf": (holed((0, 0, 0, 0), torch.inf), [("inf", 0, "+Inf: 1 of 1,024 values")]),
    "one −Inf": (holed((0, 2, 0, 0), -torch.inf), [("inf", 2, "−Inf: 1 of 1,024 values")]),
}


@pytest.mark.parametrize("name", SUSPICIOUS)
def test_what_is_said_of_suspicious_inputs(name: str) -> None:
    """Each fault is named once, at its row, with its number, and nothing else is said."""
    values, expected = SUSPICIOUS[name]
    found = warned(values)
    assert [(kind, row) for kind, row, _ in found] == [(kind, row) for kind, row, _ in expected]
    for (_, _, text), (_, _, start) in zip(found, expected, strict=True):
        assert text.startswith(start)


def test_masks_are_known_by_their_name() -> None:
    """An attention mask of ones, or of large negative numbers, is a mask and not bad data."""
    assert warned(torch.ones(N, 10), name="attention_mask") == []
    assert warned(-1e4 * (uniform(N, 10) > 0.5).float(), name="x['mask']") == []
    assert warned(torch.ones(N, 10), name="x") == [("constant", None, "constant: every value is 1")]


def test_many_suspicious_rows_are_counted() -> None:
    """Of hundreds of rows with one fault the first 64 are named and the others counted."""
    found = findings(100 * normal(N, 500))
    assert [one.row for one in found] == [*range(64), None]
    assert found[-1].text.startswith("436 more of 500 like this: not normalised: std ")


def labels(*counts: int) -> Tensor:
    return torch.cat([torch.full((count,), label) for label, count in enumerate(counts)])


TARGETS: dict[str, tuple[Tensor, list[tuple[str, str, int | None, str]]]] = {
    "balanced": (torch.tensor(datasets.load_digits().target[:N]), [("ok", "classes", 0, "10 classes, balanced")]),
    "balanced by chance": (
        torch.from_numpy(np.random.default_rng(1).integers(0, 10, N)),
        [("ok", "classes", 0, "10 classes, balanced")],
    ),
    "uneven": (labels(60, 2, 2), [("ok", "classes", 0, "3 classes, most often 0 (94 %)")]),
    "more labels than half of the samples": (
        torch.arange(N),
        [("ok", "classes", 0, "64 different labels in 64 samples")],
    ),
    "one label": (torch.full((N,), 3), [("warn", "one-label", 0, "all labels equal: 3")]),
    "one label as a column": (torch.full((N, 1), 3), [("warn", "one-label", 0, "all labels equal: 3")]),
    "one label among few": (torch.full((4,), 3), []),
    "ignored labels": (
        torch.cat([labels(16, 16), torch.full((8,), -100)]),
        [("ok", "classes", 0, "2 classes, balanced")],
    ),
    "binary as floats": (labels(30, 34).float(), [("ok", "classes", 0, "2 classes, balanced")]),
    "binary as one float": (torch.ones(N, 1), [("warn", "one-label", 0, "all labels equal: 1")]),
    "flags": (labels(32, 32).bool(), [("ok", "classes", 0, "2 classes, balanced")]),
    "regression": (normal(N), []),
    "regression in the tens": (40 + 8 * normal(N), []),
    "regression far off": (120 * normal(N), [("warn", "unscaled", 0, "targets spread far from unit scale: std ")]),
    "regression far from zero": (
        5000 + normal(N, 1),
        [("warn", "unscaled", 0, "targets far from zero: mean 5e+03, std ")],
    ),
    "real diabetes": (
        torch.tensor(datasets.load_diabetes().target[:N]),
        [("warn", "unscaled", 0, "targets spread far from unit scale: std ")],
    ),
    "one number": (torch.full((N,), 2.5), [("warn", "one-label", None, "all targets equal: 2.5")]),
    "one number among few": (torch.full((4,), 2.5), []),
    "NaN": (torch.tensor([torch.nan] + [0.5, 1.5] * 8), [("warn", "nan", 0, "NaN: 1 of 17 values")]),
    "soft labels": (normal(N, 10).softmax(1), []),
    "one-hot": (one_hot(10), []),
    "masks": (torch.arange(N * 64).reshape(N, 8, 8) % 3, []),
    "masks of one class": (
        torch.zeros(N, 8, 8, dtype=torch.int64),
        [("warn", "one-label", None, "all targets equal: 0")],
    ),
    "tokens": (torch.arange(N * 16).reshape(N, 16), []),
}


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_said_of_targets(name: str) -> None:
    """Targets are judged as labels, numbers or maps: balance is stated, one label is a warning."""
    values, expected = TARGETS[name]
    found = findings(values, "target", "y")
    assert [(one.level, one.kind, one.row) for one in found] == [each[:3] for each in expected]
    for one, (*_, start) in zip(found, expected, strict=True):
        assert one.text.startswith(start)


def test_chance_alone_raises_no_alarm() -> None:
    """Of a thousand batches drawn from ten equal classes nearly all are called balanced; of 9 to 1 none is."""
    generator = np.random.default_rng(0)
    even = [findings(torch.from_numpy(generator.integers(0, 10, N)), "target")[0].text for _ in range(1000)]
    uneven = [findings(torch.from_numpy((generator.random(N) < 0.1).astype(int)), "target")[0].text for _ in range(300)]
    assert sum("balanced" in text for text in even) >= 985
    assert not any("balanced" in text for text in uneven)


def test_standardised_features_of_many_seeds_raise_no_alarm() -> None:
    """Standardised features, also skewed and heavy-tailed ones, give no warning in any of fifty batches."""
    for seed in range(50):
        generator = np.random.default_rng(seed)
        data = np.stack(
            [generator.normal(size=5000), generator.exponential(size=5000), generator.standard_t(4, 5000)], axis=1
        )
        data = (data - data.mean(0)) / data.std(0)
        assert warned(torch.tensor(data[:32], dtype=torch.float32)) == []
