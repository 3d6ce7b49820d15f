"""The user's own training and evaluation step, run once on copies of model, loss and optimizer."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.program import Program

_LIVE = (nn.Module, Optimizer)


def run_step(program: Program, copy: Program, step: Callable[..., Any], batch: Batch) -> Any:
    """Call a step with what its parameters ask for by name, all of it copies, and return what it returns.

    Modes are those of the original at the start. What it writes to the copy is left there.

    Raises:
        MissingNeed: if it asks for something that cannot be handed over as a copy, reaches the model by another way
            than its arguments, or raises.
    """
    reached = _reached_otherwise(step)
    if reached:
        raise MissingNeed(f"a step that is given all it works on: it uses {reached} from outside")
    arguments = [_argument(program, copy, name, batch) for name in _asked(step)]
    with copy.running(gradients=True):
        copy.count(batch)
        with copy.limits.watching():
            try:
                return step(*arguments)
            except Exception as error:
                raise MissingNeed(f"a step that runs on a copy ({type(error).__name__}: {error})") from error


def _asked(step: Callable[..., Any]) -> list[str]:
    """Return the names of the parameters that have no default."""
    try:
        parameters = inspect.signature(step).parameters.values()
    except (TypeError, ValueError) as error:
        raise MissingNeed("a step whose parameters can be read") from error
    if any(p.kind is p.KEYWORD_ONLY and p.default is p.empty for p in parameters):
        raise MissingNeed("a step that takes its arguments by position")
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p.name for p in parameters if p.kind in plain and p.default is p.empty]


def _argument(program: Program, copy: Program, name: str, batch: Batch) -> Any:
    subject = copy.subject
    if name in ("model", "net", "network"):
        return subject.model
    if name == "batch":
        return batch.raw
    if name in ("optimizer", "optimiser", "opt"):
        return _rebuilt(program, copy)
    if name in ("loss_fn", "criterion") and subject.loss_fn is not None:
        return subject.loss_fn
    if name == "device":
        return subject.target_device or torch.device("cpu")
    if name == "step":
        return 0
    raise MissingNeed(f"a step without the parameter {name}, which cannot be handed over as a copy")


def _rebuilt(program: Program, copy: Program) -> Optimizer:
    """Return an optimizer of the same kind and groups over the copy's parameters; its state begins anew."""
    optimizer = program.subject.optimizer
    twins = {id(own): copy.parameters[name] for name, own in program.parameters.items()}
    if isinstance(optimizer, Optimizer):
        given = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        if any(id(parameter) not in twins for parameter in given):
            raise MissingNeed("an optimizer over parameters of the model alone")
        groups = [{**group, "params": [twins[id(p)] for p in group["params"]]} for group in optimizer.param_groups]
        kind: Any = type(optimizer)
        return kind(groups)  # type: ignore[no-any-return] # an optimizer
    if callable(optimizer) and not isinstance(optimizer, Mapping):
        return optimizer(list(twins.values()))  # type: ignore[no-any-return] # what the user's factory makes
    raise MissingNeed("optimizer")


def _reached_otherwise(step: Any) -> str:
    """Return the name by which a step reaches a live model or optimizer that is no argument; empty if none."""
    function = inspect.unwrap(step)
    code = getattr(function, "__code__", None)
    if code is None or inspect.ismethod(function):
        return getattr(step, "__qualname__", type(step).__name__)
    for name, value in _outside(function):
        if _is_live(value):
            return name
    return ""


def _outside(function: Any) -> Iterator[tuple[str, Any]]:
    """Give what a function, and those of the same file that it calls, can reach beyond its arguments."""
    seen, waiting = set(), [function]
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        found = [(name, one.__globals__[name]) for name in _names(one.__code__) if name in one.__globals__]
        cells = zip(one.__code__.co_freevars, one.__closure__ or (), strict=True)
        for name, cell in cells:
            try:
                found.append((name, cell.cell_contents))
            except ValueError:  # noqa: PERF203 - an empty cell
                continue
        found += [(one.__name__, value) for value in one.__defaults__ or ()]
        for name, value in found:
            yield name, value
            if inspect.isfunction(value) and value.__globals__ is one.__globals__:
                waiting.append(value)


def _names(code: Any) -> set[str]:
    inner = [constant for constant in code.co_consts if inspect.iscode(constant)]
    return set(code.co_names).union(*(_names(one) for one in inner))


def _is_live(value: Any) -> bool:
    if isinstance(value, list | tuple | dict):
        parts = value.values() if isinstance(value, dict) else value
        return any(isinstance(part, _LIVE) for part in parts)
    plain = isinstance(value, type | ModuleType | FunctionType | Tensor | nn.Module | Optimizer)
    if not plain and any(isinstance(part, _LIVE) for part in getattr(value, "__dict__", {}).values()):
        return True
    has_parameters = isinstance(value, nn.Module) and next(value.parameters(), None) is not None
    return has_parameters or isinstance(value, Optimizer) or (isinstance(value, Tensor) and value.requires_grad)
