"""What was to be frozen and is not: norms forgotten beside others that are kept still, or words that do nothing."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from itertools import takewhile
from types import CodeType
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import CheckResult, MissingNeed, failed, measured
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.own_steps.modes import Seen, watched

_WORD = re.compile(r"require[sd]?_?grads?")
_BY_NAME = ("setattr", "__dict__", "vars")
_STILL = re.compile(r"\w*(frozen|fixed)\w*norm\w*", re.IGNORECASE)


def of_vain(network: nn.Module, changed: Collection[str]) -> CheckResult | None:
    """Tell of what was set to False and froze nothing, for parameters change in spite of it; None where nothing was.

    A parameter takes any attribute, a misspelt one too, and a module's ``requires_grad`` means nothing, unless its own
    class heeds it.

    Args:
        network: the user's, on which it was set.
        changed: parameters that a step trains, by name; a moving average that it writes is as good as frozen.
    """
    found = {word: sorted(names & set(changed)) for word, names in _set_in(network).items()}
    word, told = next(((word, names) for word, names in found.items() if names), ("", []))
    if not told:
        return None
    return failed(
        f"{word} = False freezes nothing",
        measured("parameters that were to be frozen, and that the step changed", len(told), "0"),
        title="Freezing that has no effect",
        detail=f"{word} was set to False, which Python stores and nothing reads: {', '.join(told[:3])} are trained.",
        remedy="Set requires_grad of each parameter, or call requires_grad_(False) on the module.",
        code=f"- {word} = False\n+ module.requires_grad_(False)",
        where=told[0],
    )


def _set_in(network: nn.Module) -> dict[str, set[str]]:
    """Return the words that were set to False, each with the parameters that it was meant for."""
    found: dict[str, set[str]] = {}
    for path, module in network.named_modules():
        for name, parameter in module.named_parameters(prefix=path, recurse=False):
            for word in _set_to_false(parameter):
                found.setdefault(f"parameter.{word}", set()).add(name)
        for word in _set_to_false(module):
            if not _heeds(type(module), word):
                names = {name for name, one in module.named_parameters(prefix=path) if one.requires_grad}
                found.setdefault(f"{type(module).__name__}.{word}", set()).update(names)
    return found


def _set_to_false(part: Any) -> list[str]:
    own = getattr(part, "__dict__", {})
    return [word for word, value in own.items() if value is False and _WORD.fullmatch(word)]


def _heeds(kind: type, word: str) -> bool:
    """Whether a method of a class that is not torch's reads or sets an attribute, or whatever it is told by name."""
    own = (vars(base).values() for base in kind.__mro__ if not base.__module__.startswith("torch."))
    codes = (getattr(getattr(one, "fget", one), "__code__", None) for part in own for one in part)
    return any(isinstance(code, CodeType) and not _mentioned(code).isdisjoint({word, *_BY_NAME}) for code in codes)


def _mentioned(code: CodeType) -> set[str]:
    inner = (_mentioned(one) for one in code.co_consts if isinstance(one, CodeType))
    return {*code.co_names, *(one for one in code.co_consts if isinstance(one, str))}.union(*inner)


def forgotten_beside(program: Program, batch: Batch, paths: Sequence[str]) -> dict[str, str]:
    """Return, of these BatchNorm layers that go on learning, each beside which another rests in one frozen module.

    It rests in eval mode during the step, or as a norm of fixed statistics, such as a FrozenBatchNorm2d. What freezes
    layers by their kind, or by their place, forgot the others; not so where the module rests and one was switched on,
    nor of norms that never run in one call of the model, as those of two domains do.

    Args:
        program: left unchanged; a step is taken on a copy.
        batch: of that step.
        paths: of frozen BatchNorm layers whose statistics change.
    """
    try:
        seen = watched(program, "train_step", batch)[-1]
    except MissingNeed:
        return {}
    resting = list(_resting(program.network, seen.parts, paths))
    found = {path: next((one for one in resting if _is_beside(program.network, seen, path, one)), "") for path in paths}
    return {path: other for path, other in found.items() if other}


def _resting(network: nn.Module, ran: dict[str, bool], paths: Sequence[str]) -> Iterator[str]:
    """Give the norms that are kept still, by path."""
    for path, module in network.named_modules():
        is_norm = isinstance(module, _BatchNorm) and module.running_mean is not None
        stays = is_norm and ran.get(path) is False and path not in paths
        fixed = not is_norm and _STILL.fullmatch(type(module).__name__) is not None and not any(module.children())
        if (stays or (fixed and any(True for _ in module.buffers()))) and not _trains(module):
            yield path


def _is_beside(network: nn.Module, seen: Seen, path: str, other: str) -> bool:
    """Whether two norms lie in one module that is frozen as a whole but not at rest, and run in one call."""
    pairs = zip(path.split("."), other.split("."), strict=False)
    shared = ".".join(name for name, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    if not shared or _trains(network.get_submodule(shared)) or not seen.modes.get(shared, True):
        return False
    return other not in seen.parts or any({path, other} <= ran for ran in seen.together)


def _trains(module: nn.Module) -> bool:
    return any(parameter.requires_grad for parameter in module.parameters())
