"""Regularisation off: dropout, stochastic depth, weight decay and label smoothing of a copy, as far as they show."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn
from torch.nn.modules.dropout import _DropoutNd
from torch.optim import Optimizer

from nbinspect.sanity.program import Program

_NAMED = re.compile(r".*(dropout|drop_?path|p_?drop|drop_?prob|drop_?rate|stochastic_depth).*|drop|survival_prob")
_DROPS_PATHS = re.compile(r".*(DropPath|StochasticDepth|DropBlock).*")


def plain(copy: Program) -> tuple[str, ...]:
    """Switch regularisation off on a copy of a program, and return what was switched off, a few words each.

    Known are dropout modules, the dropout of recurrent and attention modules, numbers between 0 and 1 among a module's
    attributes or in its configuration that are named for dropout or stochastic depth, weight decay of optimizers, and
    a loss's label smoothing. A constant in the text of a `forward` stays.

    Source: K-simplify, S-regularise.
    """
    dropped = sum(_without_dropout(module) for module in copy.network.modules())
    decays = sum(_without_decay(optimizer) for optimizer in _optimizers(copy.subject.optimizer))
    found = [f"dropout of {dropped} module{'s' * (dropped != 1)}"] if dropped else []
    if decays:
        found.append("weight decay")
    loss: Any = copy.loss_module
    if getattr(loss, "label_smoothing", 0.0):
        loss.label_smoothing = 0.0
        found.append("label smoothing")
    return tuple(found)


def _without_dropout(module: nn.Module) -> bool:
    if isinstance(module, _DropoutNd):
        was, module.p = module.p, 0.0
        return was > 0
    if _DROPS_PATHS.fullmatch(type(module).__name__):
        names = [name for name in ("p", "drop_prob", "prob") if _is_share(getattr(module, name, None))]
        for name in names:
            setattr(module, name, 0.0)
        return bool(names)
    owners = [vars(module), *(vars(part) for part in _configurations(module))]
    named = [(owner, name) for owner in owners for name, value in owner.items() if _is_named(name) and _is_share(value)]
    for owner, name in named:
        owner[name] = 1.0 if "survival" in name or "keep" in name else 0.0
    return bool(named)


def _configurations(module: nn.Module) -> Iterator[Any]:
    config = vars(module).get("config")
    if config is not None and hasattr(config, "__dict__"):
        yield config


def _is_named(name: str) -> bool:
    return _NAMED.fullmatch(name.lower()) is not None


def _is_share(value: Any) -> bool:
    return isinstance(value, float) and 0 < value < 1


def _optimizers(given: Any) -> Iterator[Optimizer]:
    parts = given.values() if isinstance(given, Mapping) else [given]
    yield from (part for part in parts if isinstance(part, Optimizer))


def _without_decay(optimizer: Optimizer) -> bool:
    groups = [group for group in optimizer.param_groups if group.get("weight_decay")]
    for group in groups:
        group["weight_decay"] = 0.0
    return bool(groups)
