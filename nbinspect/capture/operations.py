"""Every step of a forward pass as it runs: calls of modules, and the operations between and inside them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import FrameType
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor, nn

from nbinspect.capture.kinds import COUNTS, word_of
from nbinspect.capture.module_hooks import add_hooks, stepped_modules
from nbinspect.capture.naming import calling_line
from nbinspect.capture.operation_mode import LEAVES_THE_GRAPH, OperationMode
from nbinspect.capture.origins import Given, Origins, share_memory, type_name
from nbinspect.records import Place, TensorUse

Level = Literal["module", "operation"]


@dataclass(eq=False)
class Call:
    """A step as it runs; its live tensors are let go of when it has ended."""

    index: int
    kind: Literal["module", "operation"]
    name: str
    path: str
    number: int
    parent: Call | None
    depth: int
    """How many modules it runs in."""
    place: Place | None
    facts: tuple[Given, ...]
    parameters: tuple[str, ...]
    grad_enabled: bool
    autocast: str | None
    given: tuple[Tensor, ...] = field(repr=False)
    """The tensors that it was given, in the order of `uses`."""
    module: nn.Module | None = field(default=None, repr=False)
    handling: BaseException | None = field(default=None, repr=False)
    """The exception that was being handled when a module was called."""
    memory: int = 0
    started: float = 0.0
    observed: float = 0.0
    """Seconds that observing steps inside it took, no part of its own time."""
    seconds: float = 0.0
    in_place: bool = False
    constant: bool = False
    """Whether it works on nothing but numbers that are counted or written down, as of positions."""
    axes: list[int | None] = field(default_factory=list, repr=False)
    """That of channels or features in each tensor that it made, once that is recorded; None for none."""
    failed: bool = False
    note: str = ""

    @cached_property
    def uses(self) -> tuple[TensorUse, ...]:
        """What it was given, as a record has it."""
        return tuple(given.use() for given in self.facts)


Ended: TypeAlias = "Callable[[Call, Any], Any]"


def _ignored(_: Call) -> None:
    return None


class Tracer:
    """While entered, sees every step of what runs on this thread, in the modules of `network` and between them.

    Args:
        network: hooks are added to its modules on entering and removed on leaving; it is otherwise left unchanged.
        level: with ``module`` only calls of modules are steps.
        ended: gets each step as it ends, a failed one too (with None for what it made); the pass goes on with what
            it returns. What an assignment to ``x[…]`` made is the tensor that was written to.
        begins: gets each module step as it begins.
        batch: its tensors are known as ``batch``, ``batch['x']``; left unchanged.
    """

    def __init__(
        self,
        network: nn.Module,
        level: Level,
        ended: Ended,
        begins: Callable[[Call], None] = _ignored,
        *,
        batch: Any = None,
        by_value: bool = False,
    ) -> None:
        self.failed: Call | None = None
        """The innermost step that raised the last exception."""
        self._modules = stepped_modules(network)
        self._ended = ended
        self._begins = begins
        self._count = 0
        self._stack: list[Call] = []
        self._numbers: dict[str, int] = {}
        self._constant: set[int] = set()
        self._origins = Origins(self._modules, batch, by_value=by_value)
        self._mode = OperationMode(self) if level == "operation" else None
        self._handles: list[Any] = []
        self._error: BaseException | None = None

    def __enter__(self) -> Tracer:
        self._handles = add_hooks(self._modules, self._entered, self._left)
        if self._mode is not None:
            self._mode.__enter__()  # type: ignore[no-untyped-call] # torch's
        return self

    def __exit__(self, *exception: Any) -> None:
        if self._mode is not None:
            self._mode.__exit__(*exception)  # type: ignore[no-untyped-call] # torch's
        self._remove()
        while self._stack:  # an interrupt passes the hooks by
            self._failed(self._stack.pop(), exception[1])
        self._origins.forget()
        self._error = None

    def _remove(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _entered(self, path: str) -> Any:
        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            with torch._C.DisableTorchFunction():
                began = time.perf_counter()
                call = self._call(type(module).__name__, path, args, kwargs, sys._getframe(1))
                call.kind = "module"
                own = tuple(parameter for _, parameter in module.named_parameters(recurse=False))
                call.parameters = self._origins.parameters(own)
                call.module, call.handling = module, sys.exc_info()[1]
                call.number = self._numbers.get(path, 0)
                self._numbers[path] = call.number + 1
                self._begins(call)
                self._discount(began)
                self._stack.append(call)
                call.memory = _allocated(call.given)
                call.started = time.perf_counter()

        return hook

    def _left(self, module: nn.Module, _: Any, output: Any) -> Any:
        error = sys.exc_info()[1]
        with torch._C.DisableTorchFunction():
            if all(call.module is not module for call in self._stack):
                return None  # a hook of the user's own raised before the module was entered
            while (call := self._stack.pop()).module is not module:
                self._failed(call, error)  # it raised, and the hook that should have told was itself skipped
            if error is not None and error is not call.handling:
                self._failed(call, error)
                return None
            replaced = self._finish(call, output)
            return None if replaced is output else replaced

    def operation_failed(
        self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], frame: FrameType, error: Exception
    ) -> None:
        """Note that an operation raised."""
        began = time.perf_counter()
        call = self._operation(name, args, kwargs, frame)
        call.started = began
        self._failed(call, error)

    def operation_ended(
        self,
        name: str,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        frame: FrameType,
        *,
        value: Any,
        written: tuple[Tensor, ...],
        seconds: float,
    ) -> Any:
        """Note an operation that has run, and hand on what it made; gives what the pass goes on with."""
        began = time.perf_counter()
        call = self._operation(name, args, kwargs, frame)
        call.started = began - seconds
        call.in_place = bool(written)
        if name == "Tensor.__setitem__":
            replaced = self._finish(call, written[0], written, began)
            if replaced is not written[0]:
                written[0][...] = replaced
            return None
        call.note = _note(call, value)
        return self._finish(call, value, written, began)

    def _operation(self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], frame: FrameType) -> Call:
        call = self._call(name, self._stack[-1].path if self._stack else "", args, kwargs, frame)
        makers = {given.maker for given in call.facts}
        if makers <= self._constant and (makers or COUNTS.fullmatch(word_of(name))):
            call.constant = True
            self._constant.add(call.index)
        return call

    def _call(self, name: str, path: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], frame: FrameType) -> Call:
        facts, given = self._origins.given(args, kwargs)
        parent = self._stack[-1] if self._stack else None
        index = self._count
        self._count += 1
        return Call(
            index=index,
            kind="operation",
            name=name,
            path=path,
            number=0,
            parent=parent,
            depth=0 if parent is None else parent.depth + 1,
            place=calling_line(frame),
            facts=facts,
            parameters=self._origins.parameters(given),
            grad_enabled=torch.is_grad_enabled(),
            autocast=_autocast(given),
            given=given,
        )

    def _finish(self, call: Call, value: Any, written: tuple[Tensor, ...] = (), ended: float | None = None) -> Any:
        began = time.perf_counter() if ended is None else ended
        call.seconds = began - call.started - call.observed
        call.memory = _allocated(call.given) - call.memory
        replaced = self._ended(call, value)
        if replaced is not None:
            self._origins.made(replaced, call.index)
        for tensor in written:
            self._origins.wrote(tensor, call.index)
        call.given, call.module, call.handling = (), None, None
        self._discount(began)
        return replaced

    def _failed(self, call: Call, error: BaseException | None) -> None:
        call.failed = True
        # the first step to tell of an exception is the innermost
        again = error is not None and (error is self._error or error.__cause__ is self._error)
        if self.failed is None or not again:
            self.failed = call
        self._error = error
        self._finish(call, None)

    def _discount(self, began: float) -> None:
        """Take time spent on observing out of the modules that are running."""
        spent = time.perf_counter() - began
        for running in self._stack:
            running.observed += spent


def _note(call: Call, value: Any) -> str:
    if call.name in LEAVES_THE_GRAPH:
        return f"leaves the graph: {str(value)[:60]}"
    if call.given and isinstance(value, Tensor):
        first = call.given[0]
        if value is first:
            return "" if call.in_place else "its input, unchanged"
        if share_memory(value, first):
            return "a view of its input"
    return ""


def _autocast(given: tuple[Tensor, ...]) -> str | None:
    kind = given[0].device.type if given else "cpu"
    if kind == "meta" or not torch.is_autocast_enabled(kind):
        return None
    return type_name(torch.get_autocast_dtype(kind))


def _allocated(given: tuple[Tensor, ...]) -> int:
    cuda = bool(given) and given[0].is_cuda
    return torch.cuda.memory_allocated(given[0].device) if cuda else 0
