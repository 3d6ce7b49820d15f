"""What a dashboard says of the program that it is about, a few words each."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from torch import nn
from torch.nn.parameter import is_lazy

from nbinspect.figures.words import brief
from nbinspect.subject import Subject, named_optimizers, rate_of

Facts = dict[str, str | None]


def facts_of(subject: Subject) -> Facts:
    """Return short texts by name; None stands for what there is none of, or what cannot be told.

    The objects are asked for their lengths and attributes, and left unchanged.
    """
    network = subject.network
    parameters = [parameter for parameter in network.parameters() if not is_lazy(parameter)]
    lazy = any(map(is_lazy, network.parameters()))
    total = sum(parameter.numel() for parameter in parameters)
    trainable = sum(parameter.numel() for parameter in parameters if parameter.requires_grad)
    optimizer = _optimizer(subject.optimizer)
    return {
        "model": type(network).__name__,
        "parameters": _count(total) + ("+" if lazy else ""),
        "trainable": _count(trainable) + ("+" if lazy else ""),
        "device": _several({str(parameter.device) for parameter in parameters}) or str(subject.target_device or "cpu"),
        "dtype": _several({str(each.dtype).removeprefix("torch.") for each in parameters if each.is_floating_point()}),
        "mode": _mode(network),
        "loader": None if subject.loader is None else type(subject.loader).__name__,
        "samples": _length(lambda: getattr(subject.loader, "dataset")),  # noqa: B009 - any loader, most have one
        "batches": _length(lambda: subject.loader),
        "batch_size": _text(getattr(subject.loader, "batch_size", None)),
        "validation": _validation(subject.val_loader),
        "loss": _loss(subject),
        "optimizer": None if optimizer is None else type(optimizer).__name__,
        "rate": _rate(optimizer),
    }


def _count(number: int) -> str:
    return f"{number:,}" if number < 1_000_000 else f"{number / 1e6:,.4g} M"


def _several(names: set[str]) -> str | None:
    return ", ".join(sorted(names)) or None


def _mode(network: nn.Module) -> str:
    modes = {module.training for module in network.modules()}
    return "train and eval" if len(modes) > 1 else "train" if network.training else "eval"


def _length(part: Callable[[], Any]) -> str | None:
    try:
        return f"{len(part()):,}"
    except Exception:  # noqa: BLE001 - streams have no length, and a user's own may raise anything
        return None


def _validation(loader: Any) -> str | None:
    if loader is None:
        return None
    samples, batches = _length(lambda: loader.dataset), _length(lambda: loader)
    return f"{samples} samples" if samples else f"{batches} batches" if batches else type(loader).__name__


def _text(value: Any) -> str | None:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else None


def _loss(subject: Subject) -> str | None:
    """The loss that was given; else where one comes from, as transformers compute their own from ``labels``."""
    if subject.loss_fn is not None:
        return _named(subject.loss_fn)
    if subject.train_step is not None:
        return "of train_step"
    try:
        takes = inspect.signature(subject.network.forward).parameters
    except (TypeError, ValueError):  # a forward that is not written in Python
        return None
    return "the model's own" if "labels" in takes else None


def _named(function: Any) -> str:
    return str(getattr(function, "__name__", None) or type(function).__name__)


def _optimizer(given: Any) -> Any:
    """Return the optimizer, the first of several; None for a factory, which has made none yet."""
    first = next(iter(named_optimizers(given).values()), None)
    return first if hasattr(first, "param_groups") else None


def _rate(optimizer: Any) -> str | None:
    rates = {rate_of(group) for group in optimizer.param_groups} - {None} if optimizer is not None else set()
    known = sorted(rate for rate in rates if rate is not None)
    return None if not known else brief(known[0]) if len(known) == 1 else f"{brief(known[0])} to {brief(known[-1])}"
