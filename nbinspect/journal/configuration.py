"""What a program was when an entry was made: its parts, its seed, the packages, the commit, the device, the data."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from types import FunctionType
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy
from torch.utils.data import RandomSampler

from nbinspect.journal.fingerprint import data_of
from nbinspect.journal.plain import code_digest, described, plain
from nbinspect.records import SanityRecord
from nbinspect.subject import Subject
from nbinspect.version import __version__

_CALLED = ("loss_fn", "train_step", "eval_step", "forward", "split", "scheduler", "scaler")
_GIVEN = ("task", "total_steps", "causal", "padding_value", "batch_axis", "thresholds", "intended")
_GIT = ("git", "--no-optional-locks", "-c", "core.fsmonitor=false")
"""Without taking the index's lock, and without running what a repository may name."""
_PATIENCE = 5.0
"""Seconds that git may take."""


def configuration_of(
    subject: Subject | None = None, config: Any = None, record: SanityRecord | None = None
) -> dict[str, Any]:
    """Return what is known, in sections, as values of JSON; what is not known has no section.

    One batch is read through a copy of the loader, but for a run of checks that was cut short, as its loader may be
    what took so long; the live objects and the random states are left unchanged.

    Args:
        subject: the live objects.
        config: the user's own configuration: a mapping, a dataclass or a namespace.
        record: a run of checks, with its seed, device and task.

    Source: S-journal, S-versions.
    """
    found: dict[str, Any] = {}
    if config is not None:
        found["config"] = plain(config)
    if subject is not None:
        found |= _program(subject, cut="" if record is None else record.cut)
    elif record is not None:
        found["model"] = {"class": record.model}
    if record is not None and record.task is not None:
        found["task"] = record.task.kind
    found["seed"] = {"torch": torch.initial_seed()} | ({} if record is None else {"checks": record.seed})
    found["versions"] = _versions()
    found |= _commit()
    if record is not None:
        found.setdefault("device", record.device)
    return found


def _program(subject: Subject, cut: str) -> dict[str, Any]:
    parts: dict[str, Callable[[], Any]] = {
        "model": lambda: _model(subject.network),
        "optimizer": lambda: _optimizer(subject.optimizer),
        "loader": lambda: _loader(subject.loader),
        "val_loader": lambda: _loader(subject.val_loader),
        "steps": lambda: {name: described(getattr(subject, name)) for name in _CALLED},
        "settings": lambda: {name: plain(getattr(subject, name)) for name in _GIVEN},
        "device": lambda: _device(subject),
        "data": lambda: data_of(subject),
    }
    found, unread = {}, {}
    if cut:
        del parts["data"]
        unread["data"] = f"the run was cut short: {cut}"
    for name, read in parts.items():
        try:
            found[name] = read()
        except Exception as error:  # noqa: BLE001, PERF203 - a user's object may raise anything; the rest is still told
            unread[name] = f"{type(error).__name__}: {error}"[:200]
    return found | ({"unread": unread} if unread else {})


def _model(network: nn.Module) -> dict[str, Any]:
    parameters = list(network.named_parameters())
    sizes = [0 if is_lazy(parameter) else parameter.numel() for _, parameter in parameters]
    trained = [size for size, (_, p) in zip(sizes, parameters, strict=True) if p.requires_grad]
    return {
        "class": type(network).__qualname__,
        "parameters": sum(sizes),
        "trainable": sum(trained),
        "architecture": blake2b("\n".join(_architecture(network)).encode(), digest_size=6).hexdigest(),
        "code": code_digest([function.__code__ for function in _own_functions(network)]),
    }


def _architecture(network: nn.Module) -> Iterator[str]:
    for path, module in network.named_modules():
        yield f"{path} {type(module).__qualname__} {plain(module.extra_repr())!r}"
    for name, tensor in (*network.named_parameters(), *network.named_buffers()):
        shape = "lazy" if is_lazy(tensor) else tuple(tensor.shape)
        yield f"{name!r} {tensor.dtype} {shape}"


def _own_functions(network: nn.Module) -> Iterator[FunctionType]:
    """Give the methods of the user's own classes: a changed `forward` leaves no other trace."""
    kinds = {type(module): None for module in network.modules()}
    for kind in kinds:
        if kind.__module__.partition(".")[0] != "torch":
            yield from (part for _, part in sorted(vars(kind).items()) if isinstance(part, FunctionType))


def _optimizer(optimizer: Any) -> Any:
    if isinstance(optimizer, Mapping):
        return {str(name): _optimizer(part) for name, part in optimizer.items()}
    if isinstance(optimizer, list | tuple):
        return [_optimizer(part) for part in optimizer]
    groups = getattr(optimizer, "param_groups", None)
    if groups is None:
        return described(optimizer)
    told = [
        {
            **{str(name): plain(value) for name, value in group.items() if name not in ("params", "param_names")},
            "tensors": len(group["params"]),
        }
        for group in groups
    ]
    return {"class": type(optimizer).__qualname__, "groups": told}


def _loader(loader: Any) -> Any:
    if loader is None:
        return None
    sampler, dataset = getattr(loader, "sampler", None), getattr(loader, "dataset", None)
    found: dict[str, Any] = {"class": type(loader).__qualname__}
    for name in ("batch_size", "drop_last", "num_workers"):
        if hasattr(loader, name):
            found[name] = plain(getattr(loader, name))
    if sampler is not None:
        found |= {"shuffle": isinstance(sampler, RandomSampler), "sampler": type(sampler).__qualname__}
    if dataset is not None:
        found["dataset"] = type(dataset).__qualname__
    sized = loader if dataset is None else dataset
    if hasattr(type(sized), "__len__"):
        found["batches" if dataset is None else "samples"] = len(sized)
    return found


def _device(subject: Subject) -> str:
    device = subject.target_device or torch.device("cpu")
    named = device.type == "cuda" and torch.cuda.is_initialized()  # type: ignore[no-untyped-call] # torch's
    return f"{device} ({torch.cuda.get_device_name(device)})" if named else str(device)


def _versions() -> dict[str, str]:
    """Return the versions of Python and of each package that is loaded and says its own."""
    found = {"Python": platform.python_version(), "nbinspect": __version__}
    for name, module in sorted(sys.modules.items()):
        version = getattr(module, "__dict__", {}).get("__version__")  # a lazy module is not to load for this
        if "." not in name and name[:1] != "_" and name not in sys.stdlib_module_names and version is not None:
            found[name] = str(version)[:60]
    return found


def _commit() -> dict[str, Any]:
    """Return the commit of the folder that Python runs in, and whether tracked files differ from it."""
    name = _answer("rev-parse", "--verify", "HEAD")
    changed = None if name is None else _answer("status", "--porcelain", "--untracked-files=no")
    return {} if name is None else {"commit": {"id": name, "dirty": None if changed is None else bool(changed)}}


def _answer(*words: str) -> str | None:
    """Return what git says; None where there is no git, no repository, no commit, or no answer in time."""
    try:
        done = subprocess.run(
            [*_GIT, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else None
