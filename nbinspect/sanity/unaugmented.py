"""Loaders without random augmentation, as far as a data set shows where it is; the user's own stay as they are."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from torch.utils.data import DataLoader, Dataset

_TRANSFORMS = ("transform", "transforms")
_FLAGS = ("augment", "augmented", "augmentation", "do_augment", "use_augmentation", "training", "train", "is_train")
_RANDOM = (
    "Random",
    "ColorJitter",
    "AutoAugment",
    "TrivialAugment",
    "AugMix",
    "RandAugment",
    "MixUp",
    "CutMix",
    "Jitter",
)


def unaugmented(loader: Any, val_loader: Any) -> tuple[Any, str]:
    """Return a loader over the same samples without augmentation, and a sentence that says what was switched off.

    A data set's `transform` gives way to the one that validation uses, where both data sets are of one class; else
    random transforms are left out of a list of them (random crops stay, for they also set the size); a flag such as
    `augment` is switched off. Only copies are changed.

    Args:
        loader: the training loader; anything but a DataLoader over a map-style data set is given back itself.
        val_loader: that of validation, if there is one.
    """
    dataset = getattr(loader, "dataset", None)
    if not isinstance(loader, DataLoader) or not isinstance(dataset, Dataset):
        return loader, "augmentation stays on: the loader does not show a data set"
    own, told = _plain(dataset, _innermost(getattr(val_loader, "dataset", None)))
    if own is dataset:
        return loader, "no augmentation was found to switch off: nothing in the data set names one"
    again = copy.copy(loader)
    again.__dict__["dataset"] = own  # the class refuses to have it set
    return again, told


def _plain(dataset: Any, other: Any) -> tuple[Any, str]:
    """Return a copy of a data set, and of those that it wraps, without augmentation; itself where there is none."""
    inner = getattr(dataset, "dataset", None)
    if inner is not None and isinstance(inner, Dataset):
        own, told = _plain(inner, other)
        return (dataset, told) if own is inner else (_with(dataset, "dataset", own), told)
    for name in _TRANSFORMS:
        found = getattr(dataset, name, None)
        if found is None:
            continue
        theirs = getattr(other, name, None) if type(other) is type(dataset) else None
        if theirs is not None and theirs is not found:
            return _with(dataset, name, theirs), f"{name} is that of validation"
        kept, left_out = _without_random(found)
        if left_out:
            return _with(dataset, name, kept), f"without {', '.join(left_out)}"
    for flag in _FLAGS:
        if getattr(dataset, flag, None) is True and flag in vars(dataset) and _is_of_samples(dataset, flag, other):
            return _with(dataset, flag, False), f"{flag} is switched off"
    return dataset, ""


def _is_of_samples(dataset: Any, flag: str, other: Any) -> bool:
    """Whether a flag says how samples are drawn: one named for augmentation, or one that validation has off."""
    return "aug" in flag or (type(other) is type(dataset) and getattr(other, flag, None) is False)


def _without_random(transform: Any) -> tuple[Any, list[str]]:
    parts = getattr(transform, "transforms", None)
    if not isinstance(parts, list | tuple):
        return transform, []
    left_out = [type(part).__name__ for part in parts if _is_random(part)]
    kept: Iterable[Any] = (part for part in parts if not _is_random(part))
    return (_with(transform, "transforms", list(kept)), left_out) if left_out else (transform, [])


def _is_random(part: Any) -> bool:
    name = type(part).__name__
    return any(word in name for word in _RANDOM) and "Crop" not in name


def _with(value: Any, name: str, other: Any) -> Any:
    again = copy.copy(value)
    setattr(again, name, other)
    return again


def _innermost(dataset: Any) -> Any:
    while isinstance(getattr(dataset, "dataset", None), Dataset):
        dataset = dataset.dataset
    return dataset
