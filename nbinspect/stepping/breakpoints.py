"""Where a pass is to be suspended: at a line, a module, an operation, or where what a step made meets a condition."""

from __future__ import annotations

import difflib
import inspect
import itertools
import weakref
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from nbinspect.capture.operations import Call, Level
from nbinspect.errors import InputError
from nbinspect.nested import tensors_in
from nbinspect.records import Step
from nbinspect.stepping.conditions import CONDITIONS, Earlier, Made
from nbinspect.subject import kind_of

__all__ = ["CONDITIONS", "Breakpoint", "StopRule", "Where", "at_step", "breakpoint_at", "breakpoint_in"]

Where: TypeAlias = "str | int | Callable[..., Any]"
Match: TypeAlias = "Callable[[Call, Any], str | None]"
"""Gives a sentence about a step and what it made where the pass is to be suspended, else None."""

_numbers = itertools.count(1)


@dataclass
class Breakpoint:
    """Suspends every pass at one place or condition, until it is switched off."""

    text: str
    """In words: ``F.relu``, ``line 33``, ``non-finite``."""
    matches: Match = field(repr=False)
    id: int = field(default_factory=lambda: next(_numbers))
    place: bool = True
    """Whether it is a place or a predicate; else a condition, which a module only hands on from its last operation."""
    on: bool = True
    hits: int = 0

    def hit(self, call: Call, value: Any, size: int, earlier: Earlier = tuple) -> str | None:
        """Return why the pass is to be suspended after this step, or None; a predicate that raises is switched off."""
        if not self.on:
            return None
        try:
            with torch.no_grad():
                said = self.matches(call, Made(value, size, earlier))
        except Exception as error:  # noqa: BLE001 - the user's own predicate may raise anything; the pass is not to end
            self.on = False
            said = f"{self.text} raised {type(error).__name__}: {error}; it is switched off"
        self.hits += said is not None
        return said


@dataclass
class StopRule:
    """When a pass is to be suspended: by the last command, or at a breakpoint.

    What a module made, the last step inside it made: it is not asked for conditions again, unless its own code made
    something else of it (with steps of modules alone, where that code is not seen).
    """

    command: Callable[[Call, Any], bool]
    breakpoints: tuple[Breakpoint, ...]
    size: int
    """Number of samples in the batch."""
    level: Level
    earlier: Earlier = tuple
    """Gives the steps that have ended."""
    target: Breakpoint | None = None
    """Where the command itself goes to."""
    hit: str | None = None
    """Which breakpoint did, and why."""
    _last: tuple[int, weakref.ref[Tensor] | None] = (-1, None)

    def __call__(self, call: Call, value: Any) -> bool:
        """Return whether to suspend after this step."""
        first = next((tensor for _, tensor in tensors_in(value, "")), None)
        handed_on = call.kind == "module" and self._inside(call, first)
        self._last = max(call.index, self._last[0]), None if first is None else weakref.ref(first)
        said: list[str | None] = [
            each.hit(call, value, self.size, self.earlier) for each in self.breakpoints if each.place or not handed_on
        ]
        self.hit = next(filter(None, said), None)
        target = self.target if self.target and (self.target.place or not handed_on) else None
        arrived = target is not None and target.hit(call, value, self.size, self.earlier) is not None
        return self.hit is not None or arrived or self.command(call, value)

    def _inside(self, call: Call, first: Tensor | None) -> bool:
        """Whether what a module made was seen before, as made by a step inside it."""
        index, last = self._last
        if index < 0:  # the rule is new, and what came before is not in it
            ended = self.earlier()
            index = max((step.index for step in ended), default=-1)
            return index > call.index
        if self.level == "operation":
            return index > call.index
        return first is not None and last is not None and last() is first


def breakpoint_in(network: nn.Module, where: Where, steps: tuple[Step, ...], share: float = 0.5) -> Breakpoint:
    """Return a breakpoint at a place of a model or condition, as `breakpoint_at`; operations in `steps` are known."""
    modules = dict(network.named_modules())
    names = {type(module).__name__ for module in modules.values()} | {step.name for step in steps}
    return breakpoint_at(where, share=share, paths=modules.keys(), names=names)


def breakpoint_at(where: Where, *, share: float, paths: Collection[str], names: Collection[str]) -> Breakpoint:
    """Return a breakpoint at a place or condition.

    Args:
        where: a line (``33`` or ``"net.py:33"``), a module (``"layer1.0"``), a class or operation (``"Conv2d"``,
            ``"F.relu"``), one of `CONDITIONS`, or a function of the tensor, or of the tensor and the step.
        share: of units that are dead, or values that are saturated, from which on the pass is suspended.
        paths: of the modules that there are.
        names: of classes and operations that are known to occur; others are allowed if they look like operations.

    Raises:
        InputError: if there is no such place or condition.
    """
    if callable(where):
        return Breakpoint(getattr(where, "__name__", "predicate"), _predicate(where))
    if isinstance(where, int) and not isinstance(where, bool) and where > 0:
        return Breakpoint(f"line {where}", _at_line("", where))
    if not isinstance(where, str):
        raise InputError(f"expected a line, a module, an operation, a condition or a function, got {kind_of(where)}")
    if where in CONDITIONS:
        shares = where in ("dead", "saturated")
        text = f"{where}, from {share:.0%} on" if shares else where
        return Breakpoint(text, lambda call, made: CONDITIONS[where](call, made, share), place=False)
    if where in paths:
        return Breakpoint(where, lambda call, _: where if call.kind == "module" and call.path == where else None)
    file, _, line = where.rpartition(":")
    if line.isdecimal():
        return Breakpoint(where, _at_line(file, int(line)))
    if where in names or where.startswith(("F.", "torch.", "Tensor.")):
        return Breakpoint(where, lambda call, _: where if call.name == where else None)
    near = difflib.get_close_matches(where, [*CONDITIONS, *paths, *names], n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"conditions are {', '.join(CONDITIONS)}"
    raise InputError(f"no line, module, operation or condition {where!r}: {hint}")


def at_step(index: int) -> Breakpoint:
    """Return a breakpoint at a step by its index."""
    return Breakpoint(f"step {index}", lambda call, _: f"step {index}" if call.index == index else None)


def _at_line(file: str, line: int) -> Match:
    parts = PurePath(file).parts

    def match(call: Call, _: Any) -> str | None:
        place = call.place
        if place is None or place.line != line or (call.parent is not None and call.parent.place == place):
            return None  # elsewhere, or inside a module that this very line calls
        return f"line {line}" if not parts or PurePath(place.file).parts[-len(parts) :] == parts else None

    return match


def _predicate(function: Callable[..., Any]) -> Match:
    try:
        parameters = inspect.signature(function).parameters.values()
        asked = [
            p for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]
        with_step = len(asked) > 1
    except (TypeError, ValueError):
        with_step = False
    name = getattr(function, "__name__", "predicate")

    def match(call: Call, made: Made) -> str | None:
        tensors = [tensor.detach() for _, tensor in tensors_in(made.value, "")]
        found = any(bool(function(tensor, call) if with_step else function(tensor)) for tensor in tensors)
        return f"{name} holds for {call.name}" if found else None

    return match
