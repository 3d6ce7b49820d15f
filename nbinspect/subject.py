"""What is under inspection: the live objects and what is known of the data, each checked on the way in."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from nbinspect.errors import InputError

TASKS = ("classification", "binary", "multilabel", "regression", "segmentation", "language-model", "other")


@dataclass(frozen=True)
class Subject:
    """The live objects under inspection, as the user gave them; none is changed by being held here."""

    model: nn.Module
    loader: Iterable[Any] | None = None
    loss_fn: Callable[..., Any] | None = None
    optimizer: Any = None
    val_loader: Iterable[Any] | None = None
    forward: Callable[[Any, Any], Any] | None = None
    split: Callable[[Any], tuple[Any, Any]] | None = None
    class_names: Sequence[Any] | Mapping[Any, Any] | None = None
    feature_names: Sequence[str] | None = None
    normalisation: Any = None
    tokenizer: Any = None
    vocabulary: Any = None
    sample_rate: float | None = None
    padding_value: float | None = None
    device: torch.device | str | None = None
    train_step: Callable[..., Any] | None = None
    eval_step: Callable[..., Any] | None = None
    scheduler: Any = None
    scaler: Any = None
    total_steps: int | None = None
    task: str | None = None
    causal: bool | None = None
    batch_axis: int = 0
    intended: Mapping[str, str] | None = None
    thresholds: Mapping[str, Mapping[str, Any]] | None = None

    @property
    def network(self) -> nn.Module:
        """The user's own module, inside DataParallel, DistributedDataParallel and `torch.compile` wrappers."""
        return unwrapped(self.model)

    @property
    def target_device(self) -> torch.device | None:
        """The device asked for, else that of the first parameter or buffer; None for a model that has neither."""
        if self.device is not None:
            return torch.device(self.device)
        for tensor in (*self.model.parameters(), *self.model.buffers()):
            if not tensor.is_meta:
                return tensor.device
        return None


def make_subject(model: Any, loader: Any = None, loss_fn: Any = None, **options: Any) -> Subject:
    """Return the `Subject` of these objects after checking each; nothing is called or changed.

    Raises:
        InputError: for an unknown keyword (with the nearest known one) or an object of the wrong kind.
    """
    known = [field.name for field in fields(Subject)][3:]
    for name in options:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            raise InputError(f"unknown keyword {name!r}: {hint}")
    _check_model(model)
    if loader is not None:
        _check_loader("loader", loader)
    if options.get("val_loader") is not None:
        _check_loader("val_loader", options["val_loader"])
    _check_callable("loss_fn", loss_fn, "nn.CrossEntropyLoss()")
    _check_callable("forward", options.get("forward"), "a function (model, batch) -> outputs")
    _check_callable("split", options.get("split"), "a function batch -> (inputs, targets)")
    _check_callable("train_step", options.get("train_step"), "a function (model, batch, optimizer) -> loss")
    _check_callable("eval_step", options.get("eval_step"), "a function (model, batch) -> loss or metrics")
    _check_optimizer(options.get("optimizer"))
    if options.get("task") not in (None, *TASKS):
        raise InputError(f"task: expected one of {', '.join(TASKS)}, got {options['task']!r}")
    for name in ("class_names", "feature_names"):
        if isinstance(options.get(name), str):
            raise InputError(
                f"{name}: expected a list of names, got one string {options[name]!r}; write [{options[name]!r}, …]"
            )
    return Subject(model, loader, loss_fn, **options)


def _check_model(model: Any) -> None:
    if isinstance(model, type):
        raise InputError(f"model: expected an instance, got the class {model.__name__}; write {model.__name__}(…)")
    if not isinstance(model, nn.Module):
        raise InputError(f"model: expected a torch.nn.Module, got {kind_of(model)}; wrap a function in a small Module")
    if any(kind.__name__ in ("FullyShardedDataParallel", "FSDPModule") for kind in type(model).__mro__):
        raise InputError(
            "model: a sharded (FSDP) model cannot be probed on one rank alone: its parameters are elsewhere and the "
            "other ranks would wait for ever; inspect the model before it is sharded"
        )


def _check_loader(name: str, loader: Any) -> None:
    if isinstance(loader, type):
        raise InputError(f"{name}: expected an instance, got the class {loader.__name__}; write {loader.__name__}(…)")
    if isinstance(loader, Dataset):
        raise InputError(
            f"{name}: expected an iterable of batches, got the data set {type(loader).__name__}, whose items are "
            f"single samples; write DataLoader(dataset, batch_size=…), or batch_size=None if its items are batches"
        )
    frame = type(loader).__module__.split(".")[0] in ("pandas", "polars", "numpy")
    if frame or isinstance(loader, Tensor | str | bytes | Mapping | nn.Module):
        raise InputError(
            f"{name}: expected an iterable of batches such as a DataLoader, got {kind_of(loader)}; "
            f"write [(x, y)] for one batch"
        )
    if not hasattr(loader, "__iter__") and not hasattr(loader, "__getitem__"):
        raise InputError(f"{name}: expected an iterable of batches such as a DataLoader, got {kind_of(loader)}")


def _check_callable(name: str, value: Any, example: str) -> None:
    if isinstance(value, type):
        raise InputError(
            f"{name}: expected an instance or a function, got the class {value.__name__}; write {value.__name__}()"
        )
    if value is not None and not callable(value):
        raise InputError(f"{name}: expected a callable such as {example}, got {kind_of(value)}")


def _check_optimizer(optimizer: Any) -> None:
    for part in named_optimizers(optimizer).values():
        if isinstance(part, type):
            raise InputError(
                f"optimizer: expected an instance, got the class {part.__name__}; write "
                f"{part.__name__}(model.parameters(), lr=…)"
            )
        if part is not None and not callable(part) and not hasattr(part, "param_groups"):
            raise InputError(
                f"optimizer: expected a torch.optim.Optimizer, a dict or list of them or a factory, got {kind_of(part)}"
            )


def kind_of(value: Any) -> str:
    """Return an object's type as an error message names it: ``a torch.Tensor``."""
    return f"a {type(value).__module__}.{type(value).__qualname__}".replace("a builtins.", "a ")


def named_optimizers(optimizer: Any) -> dict[str, Any]:
    """Return optimizers or factories by name, as they were given: one, a dict of them, or a list, by their places."""
    if optimizer is None:
        return {}
    if isinstance(optimizer, Mapping):
        return dict(optimizer)
    if isinstance(optimizer, list | tuple):
        return {f"optimizer {place}": part for place, part in enumerate(optimizer)}
    return {"optimizer": optimizer}


def rate_of(group: Mapping[str, Any], *, base: bool = False) -> float | None:
    """Return the learning rate of an optimizer's group; None where the optimizer makes its own, as Adafactor may.

    Args:
        group: one of `param_groups`.
        base: whether to read what a schedule starts from, where there is one, and not the rate of the moment.
    """
    rate = group.get("initial_lr", group.get("lr")) if base else group.get("lr")
    return None if rate is None else float(rate)


def note_of(subject: Subject) -> tuple[str, ...]:
    """Return what is to be told of how the model is called, where its `split` is none of the user's."""
    note = getattr(subject.split, "nbinspect_note", None)
    return () if note is None else (note,)


def keeps_samples(subject: Subject) -> bool:
    """Return whether the samples that the model gets are those of the batch, each in its place."""
    return bool(getattr(subject.split, "nbinspect_keeps_samples", True))


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the user's own module inside `torch.compile`, DataParallel and DistributedDataParallel wrappers."""
    while True:
        parts = dict(model.named_children())  # `_modules` of a scripted model is no plain dict
        original = parts.get("_orig_mod")
        parallel = isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel)
        inner = original if original is not None else parts.get("module") if parallel else None
        if inner is None:
            return model
        model = inner
