"""NumPy's generators that a program holds, and which of them the operating system began, as it does without a seed."""

from __future__ import annotations

import inspect
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from nbinspect.copies.reach import attributes, bindings_of, elements
from nbinspect.preserve import preserve
from nbinspect.sanity.program import Program
from nbinspect.settings import GENERATORS, generators_in
from nbinspect.whose import is_users_file

_OF_SYSTEM = 2**96  # which 128 bits of the system's exceed; nobody counts so far
_TWISTS, _WORDS = 2000, 624
_OTHER = 20_011
_CONTAINERS = (dict, list, tuple, set, deque)


def module_generators(program: Program) -> Iterator[Any]:
    """Give the seeded generators that the user's files hold, which are to begin both of two passes in one state."""
    kinds = (torch.Generator, np.random.Generator, np.random.RandomState)
    homes = {type(module).__module__ for module in program.network.modules()}
    homes |= {getattr(part, "__module__", "") for part in (program.given.loss_fn, program.given.forward)}
    for home in homes:
        if home and not home.startswith("torch."):
            yield from (part for part in vars(sys.modules.get(home, object)).values() if isinstance(part, kinds))


def begun_by_system(program: Program) -> dict[str, Any]:
    """Return by name the generators that model, loss, data and functions hold whose state nobody's seed has begun."""
    found: dict[int, tuple[str, Any]] = {}
    for name, generator in _held(program):
        if id(generator) not in found and _is_of_system(generator):
            found[id(generator)] = (name, generator)
    return dict(found.values())


@contextmanager
def begun_otherwise(generators: Mapping[str, Any], other: int = 0) -> Iterator[None]:
    """Have these generators begin as another run of the program may begin them; their states are put back after.

    Args:
        generators: of NumPy, by name.
        other: the number of that run; each draws otherwise.
    """
    with preserve(*generators.values()):
        for generator in generators.values():
            bits = _bits(generator)
            bits.state = type(bits)(_OTHER + other).state
        yield


def _held(program: Program) -> Iterator[tuple[str, Any]]:
    subject = program.given
    own: list[Any] = [subject.network, subject.loss_fn, subject.forward, subject.split, subject.train_step]
    loader: Any = subject.loader
    yield from generators_in("loader", loader)
    if isinstance(loader, DataLoader):
        parts = (loader.dataset, loader.sampler, loader.batch_sampler)
        own += [loader.collate_fn, loader.worker_init_fn, type(loader.dataset)]
        own += [vars(part) for part in parts if hasattr(part, "__dict__")]
    else:
        own.append(loader)
    waiting = deque((one.name, one.value) for one in bindings_of([part for part in own if part is not None]))
    seen: dict[int, Any] = {}
    while waiting:
        name, value = waiting.popleft()
        if isinstance(value, GENERATORS):
            yield name, value
        elif id(value) not in seen:
            seen[id(value)] = value
            waiting.extend(_parts(name, value))


def _parts(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, _CONTAINERS):
        yield from value.items() if isinstance(value, dict) else ((name, part) for part in elements(value))
    elif inspect.getattr_static(value, "__self__", None) is not None and not isinstance(value, nn.Module):
        yield "self", value.__self__  # of a bound method; whatever answers to any name is not asked
    else:
        yield from attributes(value).items()


def _bits(generator: Any) -> Any:
    return generator.bit_generator if isinstance(generator, np.random.Generator) else generator._bit_generator


def _is_of_system(generator: Any) -> bool:
    """Whether NumPy began it with the system's randomness, and it has gone on from there; the global one aside."""
    if not isinstance(generator, np.random.Generator | np.random.RandomState) or generator is np.random.mtrand._rand:
        return False
    bits = _bits(generator)
    sequence = getattr(bits, "seed_seq", None) or getattr(bits, "_seed_seq", None)  # NumPy ≥ 1.25, and before
    entropy = getattr(sequence, "entropy", None)
    if not isinstance(entropy, int) or entropy < _OF_SYSTEM or not _goes_on(bits, sequence):
        return False
    return not _is_written(entropy)


def _goes_on(bits: Any, sequence: Any) -> bool:
    """Whether a state is one that this beginning leads to; states can be set as well."""
    fresh, state = type(bits)(sequence), bits.state["state"]
    if "inc" in state:
        return bool(fresh.state["state"]["inc"] == state["inc"])
    if "key" not in state:
        return False
    for _ in range(_TWISTS):
        if np.array_equal(fresh.state["state"]["key"], state["key"]):
            return True
        if len(state["key"]) != _WORDS:  # a key that stays as it began
            return False
        fresh.random_raw(_WORDS, output=False)
    return False


def _is_written(entropy: int) -> bool:
    """Whether the user's files write down this number: a long seed of their own."""
    files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    for file in files:
        if file and file.endswith(".py") and is_users_file(file):
            try:
                text = Path(file).read_text(encoding="utf-8").replace("_", "").lower()
            except (OSError, UnicodeDecodeError):
                continue
            if str(entropy) in text or f"{entropy:x}" in text:
                return True
    return False
