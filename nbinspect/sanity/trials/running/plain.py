"""Regularisation switched off on a copy: dropout in all its forms, noise, and the optimizers' weight decay."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from torch import nn
from torch.nn.modules.dropout import _DropoutNd
from torch.optim import Optimizer

from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.running.trainee import Trainee
from nbinspect.subject import named_optimizers

_RATE = re.compile(r"(\w+_)?(p?drop(out|connect|block)?(path)?|pdrop|layerdrop)(_?(p|prob|probs|rate|ratio|path))*")
"""Names of attributes that hold the probability of dropping something, of modules and of their configurations."""
_DROPS = re.compile(r"\w*(Drop(out|Path|Block|Connect|Layer)|StochasticDepth)\w*")
"""Names of classes whose ``p`` is such a probability."""
_NOISE = re.compile(r"(Gaussian|Additive|Feature|Input|Random)?Noise\w*")
_SIZE = re.compile(r"std|sigma|scale|stddev|noise(_std|_level)?|p")


def plain(copy: Program) -> tuple[str, ...]:
    """Switch off dropout and noise in a copy's modules, and its optimizers' weight decay; return what was on.

    A probability that a forward writes down as a number, a penalty in the loss, and augmentation in the data set or
    in the user's own step are not reached.

    Args:
        copy: changed in place.

    Source: K-simplify, S-regularise.
    """
    found = quieted(copy)
    optimizers = named_optimizers(copy.subject.optimizer)
    return (*found, *without_decay(one for one in optimizers.values() if isinstance(one, Optimizer)))


def quieted(copy: Program) -> list[str]:
    """Switch off dropout and noise in a copy's modules, and return what was on."""
    return [text for path, module in copy.network.named_modules() for text in _quieted(path, module)]


def plain_trainee(trainee: Trainee) -> tuple[str, ...]:
    """Switch off the regularisation of a copy under training, its optimizers' too; return what was on."""
    return (*plain(trainee.program), *without_decay(trainee.optimizers.values()))


def without_decay(optimizers: Iterable[Optimizer]) -> tuple[str, ...]:
    """Set the weight decay of optimizers to 0 in place, and return what it was."""
    found = []
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            if group.get("weight_decay"):
                found.append(f"weight decay {float(group['weight_decay']):g}")
                group["weight_decay"] = 0.0
    return tuple(dict.fromkeys(found))


def without_smoothing(copy: Program) -> tuple[str, ...]:
    """Switch off label smoothing in a copy's cross-entropies, of the model and its loss; return what was on."""
    loss = copy.subject.loss_fn
    modules = [*copy.network.modules(), *(loss.modules() if isinstance(loss, nn.Module) else ())]
    found = []
    for module in modules:
        if isinstance(module, nn.CrossEntropyLoss) and module.label_smoothing:
            found.append(f"label smoothing {module.label_smoothing:g}")
            module.label_smoothing = 0.0
    return tuple(dict.fromkeys(found))


def _quieted(path: str, module: nn.Module) -> Iterator[str]:
    """Switch off what one module does at random, and give a word for each."""
    for holder, prefix in ((module, ""), (getattr(module, "config", None), "config.")):
        for name in [] if holder is None else list(_names(module, holder)):
            value = vars(holder)[name]
            vars(holder)[name] = 1.0 if name == "keep_prob" else type(value)(0)
            yield f"{f'{path}.' if path else ''}{prefix}{name} {value:g}"


def _names(module: nn.Module, holder: Any) -> Iterator[str]:
    """Give the attributes that are to be switched off, which are on."""
    kind = type(module).__name__
    drops = isinstance(module, _DropoutNd) or _DROPS.fullmatch(kind) is not None
    for name, value in getattr(holder, "__dict__", {}).items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not value:
            continue
        is_own, is_share = holder is module, 0 < value <= 1
        is_rate = _RATE.fullmatch(name) or (drops and is_own and name == "p")
        is_noise = is_own and _NOISE.fullmatch(kind) and _SIZE.fullmatch(name)
        if (is_share and is_rate) or is_noise or (name == "keep_prob" and value < 1):
            yield name
