"""Every step of a forward pass as it runs: calls of modules, and the operations between and inside them."""

from __future__ import annotations

import sys
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from nbinspect.capture.naming import calling_line, spelled
from nbinspect.nested import tensors_in
from nbinspect.records import Place, TensorUse

Level = Literal["module", "operation"]

_LEAVES_THE_GRAPH = frozenset(
    f"Tensor.{name}"
    for name in ("item", "tolist", "numpy", "__bool__", "__float__", "__int__", "__index__", "__array__", "__complex__")
)
_WRAPPED = frozenset({"_orig_mod", "_checkpoint_wrapped_module"})


@dataclass(eq=False)
class Call:
    """A step as it runs; its live tensors are let go of when it has ended."""

    index: int
    kind: Literal["module", "operation"]
    name: str
    path: str
    number: int
    parent: Call | None
    place: Place | None
    uses: tuple[TensorUse, ...]
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
    failed: bool = False
    note: str = ""

    @property
    def depth(self) -> int:
        """How many modules it runs in."""
        return 0 if self.parent is None else self.parent.depth + 1


Ended: TypeAlias = "Callable[[Call, Any], Any]"


def _ignored(_: Call) -> None:
    return None


class Tracer:
    """While entered, sees every step of what runs on this thread, in the modules of `network` and between them.

    Args:
        network: hooks are added to its modules on entering and removed on leaving; it is otherwise left unchanged.
        level: with ``module`` only calls of modules are steps.
        ended: gets each step as it ends, a failed one too (with None for what it made); the pass goes on with what
            it returns.
        begins: gets each module step as it begins.
    """

    def __init__(self, network: nn.Module, level: Level, ended: Ended, begins: Callable[[Call], None] = _ignored):
        self.failed: Call | None = None
        """The innermost step that raised last."""
        self._modules = _modules(network)
        self._level = level
        self._ended = ended
        self._begins = begins
        self._count = 0
        self._stack: list[Call] = []
        self._numbers: dict[str, int] = {}
        self._makers: dict[int, tuple[weakref.ref[Tensor], int]] = {}
        self._names = {id(tensor): name for name, tensor in _named_tensors(self._modules)}
        self._mode = _Operations(self)
        self._handles: list[Any] = []

    def __enter__(self) -> Tracer:
        try:
            for path, module in self._modules.items():
                self._handles.append(module.register_forward_pre_hook(self._entered(path), with_kwargs=True))
                self._handles.append(module.register_forward_hook(self._left, always_call=True))
        except BaseException:
            self._remove()
            raise
        if self._level == "operation":
            self._mode.__enter__()  # type: ignore[no-untyped-call] # torch's
        return self

    def __exit__(self, *exception: Any) -> None:
        if self._level == "operation":
            self._mode.__exit__(*exception)  # type: ignore[no-untyped-call] # torch's
        self._remove()
        self._makers.clear()
        self._stack.clear()

    def _remove(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _entered(self, path: str) -> Any:
        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            with torch._C.DisableTorchFunction():
                began = time.perf_counter()
                call = self._call(type(module).__name__, path, (args, kwargs), sys._getframe(1))
                call.kind = "module"
                own = module.named_parameters(recurse=False)
                call.parameters = tuple(self._names[id(parameter)] for _, parameter in own)
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
            while self._stack:
                call = self._stack.pop()
                if call.module is not module:
                    self._failed(call)  # it raised, and the hook that should have told was itself skipped
                elif error is not None and error is not call.handling:
                    self._failed(call)
                    return None
                else:
                    replaced = self._finish(call, output)
                    return None if replaced is output else replaced
        return None

    def operation(
        self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], frame: FrameType, started: float
    ) -> Call:
        """Note an operation that has just run, or raised."""
        ended = time.perf_counter()
        path = self._stack[-1].path if self._stack else ""
        call = self._call(name, path, (args, kwargs), frame)
        call.started = started + (time.perf_counter() - ended)
        return call

    def finish_operation(self, call: Call, value: Any) -> Any:
        """Hand on what an operation made; gives what the pass goes on with."""
        if call.name in _LEAVES_THE_GRAPH:
            call.note = f"leaves the graph: {str(value)[:60]}"
        elif call.given and isinstance(value, Tensor):
            first = call.given[0]
            if value is first:
                call.note = "" if call.in_place else "its input, unchanged"
            elif _share_memory(value, first):
                call.note = "a view of its input"
        return self._finish(call, value)

    def fail_operation(self, call: Call) -> None:
        """Note that an operation raised."""
        self._failed(call)

    def _call(
        self, name: str, path: str, arguments: tuple[tuple[Any, ...], Mapping[str, Any]], frame: FrameType
    ) -> Call:
        args, kwargs = arguments
        found = [*_positional(args), *((n, t) for key, part in kwargs.items() for n, t in tensors_in(part, key))]
        given = tuple(tensor for _, tensor in found)
        names = (self._names.get(id(tensor)) for tensor in given if isinstance(tensor, nn.Parameter))
        call = Call(
            index=self._count,
            kind="operation",
            name=name,
            path=path,
            number=0,
            parent=self._stack[-1] if self._stack else None,
            place=calling_line(frame),
            uses=tuple(self._use(name, tensor) for name, tensor in found),
            parameters=tuple(filter(None, names)),
            grad_enabled=torch.is_grad_enabled(),
            autocast=_autocast(given),
            given=given,
        )
        self._count += 1
        return call

    def _finish(self, call: Call, value: Any) -> Any:
        began = time.perf_counter()
        call.seconds = began - call.started - call.observed
        call.memory = _allocated(call.given) - call.memory
        replaced = self._ended(call, value)
        self._enter_maker(call, replaced)
        call.given = ()
        self._discount(began)
        return replaced

    def _failed(self, call: Call) -> None:
        call.failed = True
        innermost = self.failed is None or call.depth >= self.failed.depth
        if innermost:
            self.failed = call
        self._finish(call, None)

    def _discount(self, began: float) -> None:
        """Take time spent on observing out of the modules that are running."""
        spent = time.perf_counter() - began
        for running in self._stack:
            running.observed += spent

    def _use(self, name: str, tensor: Tensor) -> TensorUse:
        maker = self._maker(tensor)
        known = self._names.get(id(tensor))
        origin = known or ("made outside the pass" if maker is None else f"step {maker}")
        return TensorUse(name, origin, maker, tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))

    def _maker(self, tensor: Tensor) -> int | None:
        reference, index = self._makers.get(id(tensor), (None, 0))
        return index if reference is not None and reference() is tensor else None

    def _enter_maker(self, call: Call, value: Any) -> None:
        """Remember which step made each tensor; a module does not take that from the operation inside it."""
        for _, tensor in tensors_in(value, ""):
            if call.kind == "operation" or self._maker(tensor) is None:
                self._makers[id(tensor)] = weakref.ref(tensor), call.index
        if call.in_place and call.given:
            written = call.given[0]
            for key, (reference, _) in list(self._makers.items()):
                other = reference()
                if other is None:
                    del self._makers[key]
                elif _share_memory(other, written):
                    self._makers[key] = reference, call.index
            self._makers[id(written)] = weakref.ref(written), call.index


class _Operations(TorchFunctionMode):
    """Sees every call of torch from Python on this thread."""

    def __init__(self, tracer: Tracer) -> None:
        super().__init__()
        self._tracer = tracer

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name = spelled(function)
        first = args[0] if args and isinstance(args[0], Tensor) else None
        version = _version(first)
        started = time.perf_counter()
        try:
            value = function(*args, **kwargs)
        except Exception:
            with torch._C.DisableTorchFunction():
                frame = sys._getframe(1)
                self._tracer.fail_operation(self._tracer.operation(name, args, kwargs, frame, started))
            raise
        in_place = _writes(name, kwargs) or (value is first and version != _version(first))
        if not (in_place or name in _LEAVES_THE_GRAPH or _makes_tensors(value)):
            return value
        with torch._C.DisableTorchFunction():
            call = self._tracer.operation(name, args, kwargs, sys._getframe(1), started)
            call.in_place = in_place
            return self._tracer.finish_operation(call, value)


def _modules(network: nn.Module) -> dict[str, nn.Module]:
    """Return the modules whose calls are steps, by path: none inside a scripted one, which is opaque."""
    found: dict[str, nn.Module] = {}
    opaque: list[str] = []
    for name, module in network.named_modules():
        if any(name.startswith(prefix) for prefix in opaque):
            continue
        path = ".".join(part for part in name.split(".") if part not in _WRAPPED)
        found[path] = module
        if isinstance(module, torch.jit.ScriptModule):
            opaque.append(f"{name}." if name else "")
    return found


def _named_tensors(modules: Mapping[str, nn.Module]) -> Iterator[tuple[str, Tensor]]:
    for path, module in modules.items():
        for parts in (module._parameters, module._buffers):
            for name, tensor in parts.items():
                if tensor is not None:
                    yield f"{path}.{name}".lstrip("."), tensor


def _positional(args: tuple[Any, ...]) -> Iterator[tuple[str, Tensor]]:
    for position, part in enumerate(args):
        yield from tensors_in(part, "input" if position == 0 else f"args[{position}]")


def _makes_tensors(value: Any) -> bool:
    if isinstance(value, Tensor):
        return True
    return isinstance(value, tuple | list) and any(map(_makes_tensors, value))


def _writes(name: str, kwargs: Mapping[str, Any]) -> bool:
    method = name.endswith("_") and not name.endswith("__")
    return method or name == "Tensor.__setitem__" or kwargs.get("out") is not None


def _version(tensor: Tensor | None) -> int:
    return -1 if tensor is None or tensor.is_inference() else tensor._version


def _share_memory(one: Tensor, other: Tensor) -> bool:
    strided = one.layout is torch.strided and other.layout is torch.strided
    return strided and bool(torch._C._is_alias_of(one, other))  # type: ignore[attr-defined] # not in torch's own stubs


def _autocast(given: tuple[Tensor, ...]) -> str | None:
    kind = given[0].device.type if given else "cpu"
    if kind == "meta" or not torch.is_autocast_enabled(kind):
        return None
    return str(torch.get_autocast_dtype(kind)).removeprefix("torch.")


def _allocated(given: tuple[Tensor, ...]) -> int:
    cuda = bool(given) and given[0].device.type == "cuda"
    return torch.cuda.memory_allocated(given[0].device) if cuda else 0
