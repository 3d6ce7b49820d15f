"""The random generators and the process-wide settings of torch, NumPy and Python: how to read and put back each."""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import torch

Undo: TypeAlias = tuple[str, Callable[..., object], tuple[Any, ...]]
"""What is put back, in words, by which function of which arguments; doing it twice does no harm."""
Setting: TypeAlias = tuple[str, Callable[[], Any], Callable[[Any], object]]

GENERATORS = (torch.Generator, np.random.Generator, np.random.RandomState, random.Random)

_PARTS_OF_LOADERS = frozenset(
    ["batch_sampler", "collate_fn", "dataset", "datasets", "sampler", "target_transform", "transform", "transforms"]
)
_FP32_PRECISION = (
    ("generic", "all"),
    *((backend, operation) for backend in ("cuda", "mkldnn") for operation in ("all", "matmul", "conv", "rnn")),
)


class _Guard(threading.local):
    """Whether this thread is inside a guard that puts the random states back."""

    is_open = False


_GUARD = _Guard()


def is_guarded() -> bool:
    """Tell whether a guard around this code, on this thread, will put the random states back."""
    return _GUARD.is_open


def guard_opened() -> Undo:
    """Note that a guard of the random states has been opened on this thread; give how to note that it is closed."""
    before, _GUARD.is_open = _GUARD.is_open, True
    return "the note that states are guarded", setattr, (_GUARD, "is_open", before)


def autocast_devices() -> list[str]:
    """Give the types of device that this torch knows autocast for."""
    return [device for device in ("cpu", "cuda", "mps", "xpu") if torch.amp.is_autocast_available(device)]


def random_undos() -> Iterator[Undo]:
    """Give how to put back each global random state; of accelerators only those in use, none is woken."""
    yield "torch's random state", torch.set_rng_state, (torch.get_rng_state(),)
    yield "Python's random state", random.setstate, (random.getstate(),)
    yield "NumPy's random state", np.random.set_state, (np.random.get_state(legacy=False),)
    for name, backend in (("CUDA", torch.cuda), ("XPU", torch.xpu)):
        if backend.is_initialized():
            yield f"{name}'s random state", backend.set_rng_state_all, (backend.get_rng_state_all(),)
    if torch.backends.mps.is_available():
        yield "MPS's random state", torch.mps.set_rng_state, (torch.mps.get_rng_state(),)


def generator_undo(name: str, generator: Any) -> Undo:
    """Give how to put back one generator of torch, NumPy or Python."""
    if isinstance(generator, np.random.Generator):
        return name, setattr, (generator.bit_generator, "state", generator.bit_generator.state)
    if isinstance(generator, random.SystemRandom):
        return name, bool, ()  # draws from the operating system and has no state
    if isinstance(generator, random.Random):
        return name, generator.setstate, (generator.getstate(),)
    return name, generator.set_state, (generator.get_state(),)


def generators_in(name: str, loader: object) -> Iterator[tuple[str, object]]:
    """Give the generators that a loader, its samplers, its data sets and their transforms hold, with their paths."""
    pending: deque[tuple[str, object]] = deque([(name, loader)])
    seen: dict[int, object] = {}
    while pending:
        path, thing = pending.popleft()
        if id(thing) in seen:
            continue
        seen[id(thing)] = thing
        if isinstance(thing, GENERATORS):
            yield path, thing
            continue
        for key, part in getattr(thing, "__dict__", {}).items():
            if key in {"datasets", "transforms"} and isinstance(part, (list, tuple)):
                pending.extend((f"{path}.{key}[{number}]", one) for number, one in enumerate(part))
            elif key in _PARTS_OF_LOADERS or isinstance(part, GENERATORS):
                pending.append((f"{path}.{key}", part))


def setting_undos() -> Iterator[Undo]:
    """Give how to put back each process-wide or thread-wide setting, where it has changed."""
    for name, read, write in _settings():
        before = _read(read)
        if before is not None:
            yield name, _write_back, (read, write, before)


def _settings() -> Iterator[Setting]:
    yield "grad mode", torch.is_grad_enabled, torch.set_grad_enabled
    yield "anomaly detection", _anomaly, lambda state: torch.autograd.set_detect_anomaly(*state)
    yield "default dtype", torch.get_default_dtype, torch.set_default_dtype
    yield "default device", _default_device, _set_default_device
    yield "deterministic algorithms", _deterministic, _set_deterministic
    yield "fast path of attention", torch.backends.mha.get_fastpath_enabled, torch.backends.mha.set_fastpath_enabled
    yield "autocast cache", torch.is_autocast_cache_enabled, torch.set_autocast_cache_enabled
    for device in autocast_devices():
        yield f"autocast on {device}", partial(_autocast, device), partial(_set_autocast, device)
    cudnn = torch.backends.cudnn
    for flag in ("enabled", "benchmark", "deterministic", "allow_tf32"):
        yield f"cudnn.{flag}", partial(getattr, cudnn, flag), partial(setattr, cudnn, flag)
    yield "float32 matmul precision", torch.get_float32_matmul_precision, torch.set_float32_matmul_precision
    if hasattr(torch._C, "_get_fp32_precision_getter"):  # torch ≥ 2.9; after the older names, which write these too
        for place in _FP32_PRECISION:
            read, write = torch._C._get_fp32_precision_getter, torch._C._set_fp32_precision_setter
            yield f"float32 precision of {' '.join(place)}", partial(read, *place), partial(write, *place)


def _read(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except RuntimeError:  # torch refuses an older name once its newer one has been set otherwise
        return None


def _write_back(read: Callable[[], Any], write: Callable[[Any], object], before: Any) -> None:
    if _read(read) != before:
        write(before)


def _anomaly() -> tuple[bool, bool]:
    return torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()


def _default_device() -> tuple[torch.device | None]:
    context = getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None)
    return (None if context is None else context.device,)  # torch.get_default_device cannot tell None from cpu


def _set_default_device(state: tuple[torch.device | None]) -> None:
    torch.set_default_device(*state)
    if state == (None,):  # which before torch 2.5 lies there as a device that `torch.get_default_device` falls over
        torch._GLOBAL_DEVICE_CONTEXT.__dict__.pop("device_context", None)


def _deterministic() -> tuple[bool, bool]:
    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()


def _set_deterministic(state: tuple[bool, bool]) -> None:
    torch.use_deterministic_algorithms(state[0], warn_only=state[1])


def _autocast(device: str) -> tuple[bool, torch.dtype]:
    return torch.is_autocast_enabled(device), torch.get_autocast_dtype(device)


def _set_autocast(device: str, state: tuple[bool, torch.dtype]) -> None:
    torch.set_autocast_enabled(device, state[0])
    torch.set_autocast_dtype(device, state[1])
