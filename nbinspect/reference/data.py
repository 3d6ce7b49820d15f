"""Real data sets that come with Python and scikit-learn, one or more a task, ready for training; nothing is downloaded.

Source: S-reference-data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from nbinspect.errors import NbinspectError
from nbinspect.records import Floats

_HELD = 4
"""One sample in this many is kept for validation."""
_LOOPED, _PRIME = (0, 6, 8, 9), (2, 3, 5, 7)
_CANVAS = 24
_INK = 0.5
_TOPICS = 240_000
_NOISE = 0.1


@dataclass(frozen=True, eq=False)
class ReferenceData:
    """A data set that is known to be learnable; two made alike give the same batches in the same order."""

    name: str
    task: str
    """As `nbinspect.check` names it."""
    train: DataLoader[Any]
    """Pairs of inputs and targets, shuffled by a generator of its own."""
    validation: DataLoader[Any]
    """Samples that are not in `train`, in order."""
    class_names: tuple[str, ...]
    """One a class or label; empty where there are none."""
    feature_names: tuple[str, ...]
    """One a column of a table; empty for all else."""
    shape: tuple[int, ...]
    """Of one input."""
    target_shape: tuple[int, ...]
    """Of one target; empty for a single number."""
    classes: int | None
    """Number of classes, labels or tokens; None for a regression."""
    source: str
    """Where the data are from, and what was done to them."""
    metric: str
    """What `chance` and `known` count: ``accuracy``, ``R²``, ``nats a byte``."""
    chance: float
    """Of the best answer that is the same for every sample, on the validation part."""
    known: float | None
    """What the small model of `nbinspect.reference.suited` reaches on the validation part; None of synthetic data."""


def digits() -> ReferenceData:
    """Return 1,797 handwritten digits as images (1, 8, 8), with their class."""
    images, labels = _digit_images()
    pair = _standardised(images[:, None]), torch.from_numpy(labels)
    return _tabled(
        "digits", "classification", pair, 64, source=_DIGITS, known=("accuracy", 0.97), names=_names(range(10))
    )


def wine() -> ReferenceData:
    """Return 178 wines by 13 chemical measurements, with one of three growers."""
    return _table_of("load_wine", "wine", ("accuracy", 0.93))


def iris() -> ReferenceData:
    """Return 150 iris flowers by four lengths, with one of three species."""
    return _table_of("load_iris", "iris", ("accuracy", 0.85))


def breast_cancer() -> ReferenceData:
    """Return 569 tumours by 30 measurements, with 1.0 for benign."""
    loaded = _load("load_breast_cancer")
    pair = _standardised(loaded.data), torch.from_numpy(loaded.target).float()
    source = "Wisconsin breast cancer of scikit-learn, features standardised on the training part"
    names = {"names": _names(loaded.target_names), "features": _names(loaded.feature_names)}
    return _tabled("breast cancer", "binary", pair, 32, source=source, known=("accuracy", 0.94), **names)


def digit_properties() -> ReferenceData:
    """Return the digits as images (1, 8, 8), with four properties each: even, above four, with a loop, prime."""
    images, labels = _digit_images()
    columns = [labels % 2 == 0, labels > 4, np.isin(labels, _LOOPED), np.isin(labels, _PRIME)]
    pair = _standardised(images[:, None]), torch.from_numpy(np.stack(columns, 1)).float()
    names = ("even", "above four", "has a loop", "prime")
    return _tabled("digit properties", "multilabel", pair, 64, source=_DIGITS, known=("accuracy", 0.96), names=names)


def diabetes() -> ReferenceData:
    """Return 442 patients by ten measurements, with the progression of the disease in standard deviations."""
    loaded = _load("load_diabetes")
    pair = _standardised(loaded.data), _standardised(loaded.target)
    source = "diabetes of scikit-learn, features and target standardised on the training part"
    names = _names(loaded.feature_names)
    return _tabled("diabetes", "regression", pair, 32, source=source, known=("R²", 0.35), features=names)


def digits_on_noise() -> ReferenceData:
    """Return images (1, 24, 24) of a digit somewhere on noise, with the class of each pixel: 0 noise, 1 digit."""
    images, _ = _digit_images()
    draws = np.random.default_rng(0)
    large = images.repeat(2, 1).repeat(2, 2)
    canvas = draws.uniform(0, 0.5, (len(large), _CANVAS, _CANVAS)).astype(np.float32)
    mask = np.zeros(canvas.shape, np.int64)
    for place, image in enumerate(large):
        top, left = draws.integers(0, _CANVAS - 15, 2)
        part = (place, slice(top, top + 16), slice(left, left + 16))
        canvas[part] = np.maximum(canvas[part], image)
        mask[part] = image > _INK
    pair = _standardised(canvas[:, None]), torch.from_numpy(mask)
    known = ("overlap (IoU) with the digit", 0.9)
    return _tabled("digits on noise", "segmentation", pair, 32, source=_DIGITS, known=known, names=("noise", "digit"))


def python_topics(*, length: int = 64) -> ReferenceData:
    """Return the help texts of Python as bytes, `length` at a time, with the byte that follows each."""
    from pydoc_data.topics import topics

    text = "\n".join(topics[name] for name in sorted(topics)).encode()[:_TOPICS]
    ids = torch.frombuffer(bytearray(text), dtype=torch.uint8).long()
    rows = (len(ids) - 1) // length
    pair = ids[: rows * length].view(rows, length), ids[1 : rows * length + 1].view(rows, length)
    source = "pydoc_data.topics of this Python, as bytes"
    return _tabled(
        "Python topics", "language-model", pair, 32, source=source, known=("nats a byte", 2.7), names=_names(range(256))
    )


def sines(*, length: int = 64, samples: int = 1024) -> ReferenceData:
    """Return series (T, 1) of two sines and noise of standard deviation 0.1, with the next value (1,) of the sines."""
    draws = np.random.default_rng(0)
    periods, phases = draws.uniform(8, 40, (samples, 2, 1)), draws.uniform(0, 2 * np.pi, (samples, 2, 1))
    clean = np.sin(2 * np.pi * np.arange(length + 1) / periods + phases).sum(1)
    noisy = clean[:, :length, None] + _NOISE * draws.standard_normal((samples, length, 1))
    pair = torch.from_numpy(noisy).float(), torch.from_numpy(clean[:, length:]).float()
    source = "made: two sines of random period and phase, with noise"
    return _tabled("sines", "regression", pair, 32, source=source, known=("R²", 0.9))


REFERENCE_DATA: dict[str, tuple[Callable[[], ReferenceData], ...]] = {
    "classification": (digits, wine, iris),
    "binary": (breast_cancer,),
    "multilabel": (digit_properties,),
    "regression": (diabetes, sines),
    "segmentation": (digits_on_noise,),
    "language-model": (python_topics,),
}
"""The data sets of each task, the usual one first."""
_DIGITS = "digits of scikit-learn (8 × 8 pixels), standardised on the training part"


def _load(name: str) -> Any:
    try:
        from sklearn import datasets
    except ImportError as error:
        raise NbinspectError(
            "this data set comes with scikit-learn, which is not installed: pip install scikit-learn; "
            "sines, python_topics and synthetic need nothing but torch"
        ) from error
    return getattr(datasets, name)()


def _digit_images() -> tuple[Floats, Any]:
    loaded = _load("load_digits")
    return loaded.images.astype(np.float32) / 16, loaded.target


def _table_of(loader: str, name: str, known: tuple[str, float]) -> ReferenceData:
    loaded = _load(loader)
    pair = _standardised(loaded.data), torch.from_numpy(loaded.target)
    source = f"{name} of scikit-learn, features standardised on the training part"
    names = {"names": _names(loaded.target_names), "features": _names(loaded.feature_names)}
    return _tabled(name, "classification", pair, 16, source=source, known=known, **names)


def _names(values: Any) -> tuple[str, ...]:
    return tuple(str(value) for value in values)


def _parts(count: int) -> tuple[Tensor, Tensor]:
    """Return which samples are for training and which for validation."""
    order = torch.from_numpy(np.random.default_rng(0).permutation(count))
    return order[count // _HELD :], order[: count // _HELD]


def _standardised(values: Any) -> Tensor:
    """Return float32 values with mean 0 and standard deviation 1 on the training part: each column, or all pixels."""
    tensor = torch.from_numpy(np.asarray(values, np.float64))
    own = tensor[_parts(len(tensor))[0]]
    axes = [axis for axis in range(tensor.dim()) if axis != 1 or tensor.dim() > 2]
    return ((tensor - own.mean(axes)) / own.std(axes, correction=0)).float()


def _tabled(
    name: str,
    task: str,
    pair: tuple[Tensor, Tensor],
    batch_size: int,
    *,
    source: str,
    known: tuple[str, float],
    names: tuple[str, ...] = (),
    features: tuple[str, ...] = (),
) -> ReferenceData:
    inputs, targets = pair
    parts = _parts(len(inputs))
    chance = chance_score(task, targets[parts[1]])
    train, validation = (loader_of(inputs[part], targets[part], batch_size, shuffle=part is parts[0]) for part in parts)
    return ReferenceData(
        name=name,
        task=task,
        train=train,
        validation=validation,
        class_names=names,
        feature_names=features,
        shape=tuple(inputs.shape[1:]),
        target_shape=tuple(targets.shape[1:]),
        classes=len(names) or None,
        source=source,
        metric=known[0],
        chance=chance,
        known=known[1],
    )


def loader_of(inputs: Tensor, targets: Tensor, batch_size: int, *, shuffle: bool) -> DataLoader[Any]:
    """Return a loader that draws from a generator of its own, so that global random states stay as they are."""
    own = torch.Generator().manual_seed(0)
    return DataLoader(TensorDataset(inputs, targets), batch_size, shuffle=shuffle, generator=own)


def chance_score(task: str, targets: Tensor) -> float:
    """Return what the best answer that is the same for every sample scores on these targets."""
    if task == "regression":
        return 0.0
    if task == "language-model":
        shares = torch.bincount(targets.flatten()).double() / targets.numel()
        return float(-(shares * shares.clamp_min(1e-12).log()).sum())
    if task == "segmentation":
        return float((targets == 1).double().mean())  # all pixels taken for the digit
    return float((targets == targets.round().mode(0).values).double().mean())
