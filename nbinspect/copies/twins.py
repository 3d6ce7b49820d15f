"""Copies of live objects in one go, so that what refers to one another does so among the copies too."""

from __future__ import annotations

import copy
import functools
import random
import types
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.overrides import _pop_mode, _push_mode
from torch.utils.data import DataLoader, Dataset

from nbinspect.clone import off_its_graph, prepared, rebind_functions
from nbinspect.copies.reach import attributes, elements
from nbinspect.copies.scripted import scripted_twins
from nbinspect.copies.sinks import sink_for
from nbinspect.errors import CaptureError
from nbinspect.preserve import bytes_of
from nbinspect.subject import unwrapped

LIVE = (nn.Module, Optimizer, LRScheduler, torch.amp.GradScaler, Tensor, torch.Generator)
"""What training changes, and a copy of a program therefore needs copies of."""
_DRAWN_FROM = frozenset({np.random.Generator, np.random.RandomState, random.Random})
_SHARED = (DataLoader, Dataset)


class Twins:
    """Copies of live objects, and of the containers and objects that hold them.

    One deep copy: parameters that an optimizer holds are those of the model's copy. Gradients, optimizer state and the
    states of generators are copied too; hooks of optimizers are not. Loaders, data sets, and what refuses to be copied
    (locks, open files, Python generators) are shared.

    Args:
        held: what is to be copied; left unchanged.
        instead: what is to stand for some of it, by its id, in place of a copy.

    Raises:
        CaptureError: if something live cannot be copied, with the reason, or there is no memory for it, with the bytes.
    """

    def __init__(self, held: Iterable[Any], instead: Mapping[int, Any] | None = None) -> None:
        held = list(held)
        parts = list(walked(held, instead or ()))
        with _unseen(), torch.inference_mode(False), torch.enable_grad():
            _require_memory(parts)
            self._memo: dict[Any, Any] = {**(instead or {}), **{id(part): own for part, own in _ready(parts)}}
            self._kept = parts  # an id is an object's own only while the object lives
            known = dict(self._memo)
            try:
                self._copy(held)
            except Exception:  # noqa: BLE001 - a class's own way of copying may raise anything; what it refuses is shared
                known |= {id(part): part for part in _refused(parts, known)}
                self._memo = dict(known)
                try:
                    self._copy(held)
                except Exception as error:
                    text = f"the program cannot be copied ({type(error).__name__}: {error})"
                    raise CaptureError(text) from error
            _hand_over_gradients(parts, self._memo)
            self._complete_optimizers(parts)
        for part in parts:
            if isinstance(part, nn.Module) and id(part) in self._memo:
                rebind_functions(self._memo[id(part)], self._memo)

    def of(self, value: Any) -> Any:
        """Return the copy of a value; the value itself where nothing live is in it."""
        if id(value) in self._memo:
            return self._memo[id(value)]
        if not is_live(value):
            return value
        with _unseen(), torch.inference_mode(False), torch.enable_grad():
            later = list(walked([value], self._memo))  # a container may have been filled since
            self._kept += later
            self._memo |= {id(part): own for part, own in _ready(later)}
            return copy.deepcopy(value, self._memo)

    def _complete_optimizers(self, parts: list[Any]) -> None:
        """Give copies of optimizers what a deep copy of one drops, such as the list of parameters of LBFGS."""
        for part in parts:
            own = self._memo.get(id(part))
            if isinstance(part, Optimizer) and own is not None and own is not part:
                for name in vars(part).keys() - vars(own).keys():
                    value = vars(part)[name]
                    if not callable(value) and "hook" not in name:
                        vars(own)[name] = self.of(value)

    def _copy(self, held: list[Any]) -> None:
        for part in self._kept:
            inner = unwrapped(part) if isinstance(part, nn.Module) else part
            if inner is not part:  # the copy of a compiled model would be compiled anew
                self._memo[id(part)] = copy.deepcopy(inner, self._memo)
        copy.deepcopy(held, self._memo)


@contextmanager
def _unseen() -> Iterator[None]:
    """Let nobody who follows the operations of a pass hear of those that copy."""
    modes = [_pop_mode() for _ in range(torch._C._len_torch_function_stack())]  # type: ignore[no-untyped-call] # torch's
    try:
        yield
    finally:
        for mode in reversed(modes):
            _push_mode(mode)  # type: ignore[no-untyped-call] # torch's


def is_live(value: Any) -> bool:
    """Return whether a value is, or holds, something that training changes, or draws from."""
    return any(isinstance(part, LIVE) or type(part) in _DRAWN_FROM for part in walked([value]))


def walked(values: Iterable[Any], without: Collection[int] = ()) -> Iterator[Any]:
    """Yield values and all that they hold, each once: elements of containers, attributes of objects, gradients not.

    What has one of the ids `without` is not among them, nor what it alone holds.
    """
    seen: dict[int, Any] = dict.fromkeys(without)
    waiting = deque(values)
    while waiting:
        value = waiting.popleft()
        if id(value) in seen:
            continue
        seen[id(value)] = value
        yield value
        if isinstance(value, dict | list | tuple | set | deque):
            waiting.extend(elements(value))
            if isinstance(value, dict):
                waiting.extend(key for key in value if isinstance(key, Tensor))  # as in an optimizer's state
        elif isinstance(value, Optimizer):
            waiting.extend((value.param_groups, value.state))
        elif isinstance(value, types.MethodType):
            waiting.append(value.__self__)
        elif isinstance(value, functools.partial):
            waiting.extend((value.func, *value.args, *value.keywords.values()))
        elif not isinstance(value, torch.amp.GradScaler):
            waiting.extend(attributes(value).values())


def _ready(parts: list[Any]) -> Iterator[tuple[Any, Any]]:
    """Yield what a plain deep copy would get wrong, with what is to stand for it."""
    modules = {part for part in parts if isinstance(part, nn.Module)}
    known: set[int] = set()
    for part in parts:
        if isinstance(part, torch.jit.ScriptModule):
            if id(part) not in known:  # one within another came with it
                known |= set(map(id, part.modules()))
                yield from scripted_twins(part)
        elif isinstance(part, nn.Module):
            yield from prepared(part, modules)
        elif isinstance(part, Tensor) and not part.is_leaf:
            yield part, off_its_graph(part)
        elif isinstance(part, torch.Generator):
            yield part, torch.Generator(part.device).set_state(part.get_state())
        elif isinstance(part, _SHARED):
            yield part, part
        elif (sink := sink_for(part)) is not None:
            yield part, sink


def _refused(parts: list[Any], known: dict[int, Any]) -> Iterator[Any]:
    """Yield what refuses to be copied, parts before the objects that hold them; nothing that training changes."""
    others = {id(part): part for part in parts if isinstance(part, LIVE)}
    shared = dict(known)
    for part in sorted(parts, key=lambda part: bool(attributes(part))):
        if isinstance(part, (*LIVE, dict, list, tuple, set, deque)) or id(part) in shared:
            continue
        try:
            copy.deepcopy(part, {**shared, **others})
        except Exception:  # noqa: BLE001 - whatever it raises, it cannot be copied
            shared[id(part)] = part
            yield part


def _hand_over_gradients(parts: list[Any], memo: dict[Any, Any]) -> None:
    """Give the copies of parameters their gradients, which a deep copy drops: momentum and accumulation need them."""
    for part in parts:
        if isinstance(part, nn.Parameter) and part.grad is not None and part.is_leaf:
            memo[id(part)].grad = part.grad.detach().clone()


def _require_memory(parts: list[Any]) -> None:
    """Refuse a copy for which there is no memory, before anything is made."""
    wanted: dict[torch.device, int] = {}
    tensors = [part for part in parts if isinstance(part, Tensor) and not is_lazy(part) and not part.is_meta]
    for tensor in {id(tensor): tensor for tensor in tensors}.values():
        times = 2 if tensor.requires_grad else 1  # with its gradient
        wanted[tensor.device] = wanted.get(tensor.device, 0) + times * bytes_of(tensor)
    for device, needed in wanted.items():
        free = _free(device)
        if free is not None and needed > free:
            raise CaptureError(
                f"{needed / 2**20:,.0f} MiB of memory on {device} for a copy of the program, {free / 2**20:,.0f} MiB "
                f"are free; the checks of the other stages need no copy"
            )


def _free(device: torch.device) -> int | None:
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    meminfo = Path("/proc/meminfo")  # of Linux; elsewhere nothing tells without a further package
    lines = meminfo.read_text(encoding="ascii").splitlines() if device.type == "cpu" and meminfo.exists() else []
    return next((int(line.split()[1]) * 2**10 for line in lines if line.startswith("MemAvailable")), None)
