"""How the user's own `train_step` and `eval_step` are called: with what their parameters ask for by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from nbinspect.nested import fields_of
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.subject import Subject

_ALIASES = {
    "model": ("model", "net", "network", "module"),
    "batch": ("batch", "data", "sample", "samples", "minibatch"),
    "optimizer": ("optimizer", "optimiser", "opt", "optim", "optimizers"),
    "loss_fn": ("loss_fn", "criterion", "loss_function", "loss"),
    "scheduler": ("scheduler", "lr_scheduler", "schedule", "sched"),
    "scaler": ("scaler", "grad_scaler"),
    "device": ("device",),
    "step": ("step", "global_step", "iteration", "it", "i", "idx", "batch_idx", "batch_index", "n"),
    "epoch": ("epoch",),
}
_MEANING = {alias: name for name, aliases in _ALIASES.items() for alias in aliases}
_ORDER = ("model", "batch", "optimizer")
_INDICES = ("idx", "batch_idx", "batch_index")


def arguments_of(
    step: Callable[..., Any], subject: Subject, batch: Batch, number: int
) -> tuple[list[Any], dict[str, Any]]:
    """Return the positional and named arguments for a step, by the names of its parameters.

    The first three without a known name are taken as model, batch and optimizer, as far as these are not asked for by
    name; the only one without a default is taken as the batch. A parameter with a default is given only what the
    subject has and the default does not say.

    Raises:
        MissingNeed: for a parameter that nothing is known for.
    """
    try:
        parameters = list(inspect.signature(step).parameters.values())
    except (TypeError, ValueError) as error:
        raise MissingNeed("a step whose parameters can be read") from error
    known = _known(subject, batch, number) | _listed(subject, [p.name for p in parameters])
    asked = {_MEANING.get(p.name) for p in parameters}
    unnamed = [name for name in _ORDER if name not in asked and name in known]
    if unnamed[:2] == ["model", "batch"] and len([p for p in parameters if p.default is p.empty]) == 1:
        unnamed.remove("model")  # which the step reaches another way
    positional, named = [], {}
    for p in parameters:
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            continue
        name = _name_for(p.name, known, subject)
        if p.name in _INDICES and _is_batch_of_indices(parameters, known, subject):
            name = "batch"
        has_default = p.default is not p.empty
        if name is None and has_default:
            continue
        if name is None:
            if not unnamed or p.kind is p.KEYWORD_ONLY:
                raise MissingNeed(f"a step without the parameter {p.name}, for which nothing is known")
            name = unnamed.pop(0)
        if has_default and not (p.default is None or name in ("step", "epoch")):
            continue  # the default says more, and is a copy by now
        if p.kind is p.KEYWORD_ONLY or (has_default and p.kind is not p.POSITIONAL_ONLY):
            named[p.name] = known[name]
        else:
            positional.append(known[name])
    return positional, named


def asks_for_number(step: Callable[..., Any] | None) -> bool:
    """Return whether a step is told how many calls came before, by the name of a parameter."""
    try:
        return step is not None and any(_MEANING.get(name) == "step" for name in inspect.signature(step).parameters)
    except (TypeError, ValueError):
        return False


def _is_batch_of_indices(parameters: list[inspect.Parameter], known: dict[str, Any], subject: Subject) -> bool:
    """Whether the loader gives indices of samples, and no other parameter can stand for these."""
    batch = known.get("batch")
    if not isinstance(batch, Tensor) or batch.dim() != 1 or batch.is_floating_point() or batch.is_complex():
        return False
    return all(_name_for(p.name, known, subject) not in (None, "batch") for p in parameters if p.default is p.empty)


def _known(subject: Subject, batch: Batch, number: int) -> dict[str, Any]:
    found = {
        "model": subject.model,
        "batch": batch.given,
        "optimizer": subject.optimizer,
        "loss_fn": subject.loss_fn,
        "scheduler": subject.scheduler,
        "scaler": subject.scaler,
        "device": subject.target_device or torch.device("cpu"),
        "step": number,
        "epoch": 0,
    }
    if isinstance(subject.optimizer, Mapping):
        found |= {f"optimizer {name}": part for name, part in subject.optimizer.items()}
    return {name: value for name, value in found.items() if value is not None}


def _listed(subject: Subject, parameters: list[str]) -> dict[str, Any]:
    """Return optimizers of a list by the parameters that ask for one each, in their order, where they are as many."""
    given = subject.optimizer
    asking = [name for name in parameters if name not in _MEANING and _words(name) & {*_ALIASES["optimizer"]}]
    if not isinstance(given, list | tuple) or len(asking) != len(given):
        return {}
    return {f"optimizer {name}": part for name, part in zip(asking, given, strict=True)}


def _words(parameter: str) -> set[str]:
    return set(parameter.lower().split("_"))


def _name_for(parameter: str, known: dict[str, Any], subject: Subject) -> str | None:
    """Return under which name what a parameter asks for is known; None where it is not."""
    name = _MEANING.get(parameter)
    if name in known:
        return name
    if f"optimizer {parameter}" in known:
        return f"optimizer {parameter}"
    if isinstance(subject.optimizer, Mapping):
        for role in subject.optimizer:
            if str(role).lower() in _words(parameter) or str(role).lower() == parameter.lower():
                return f"optimizer {role}"
    return None


def loss_in(returned: Any) -> float | None:
    """Return the loss in what a step returned: a number, a tensor of one value, the first or the one named loss."""
    if isinstance(returned, Tensor):
        return float(returned.detach()) if returned.numel() == 1 and not returned.is_complex() else None
    if isinstance(returned, bool) or returned is None:
        return None
    if isinstance(returned, int | float):
        return float(returned)
    named = fields_of(returned) or {}
    for key in ("loss", "train_loss", "total_loss", "total"):
        if key in named:
            return loss_in(named[key])
    if isinstance(returned, list | tuple) and returned:
        return loss_in(returned[0])
    if hasattr(returned, "item") and getattr(returned, "size", 0) == 1:  # a NumPy scalar
        return float(returned.item())
    return None
