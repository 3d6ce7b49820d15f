"""Parts of a network that did not run: forgotten, or waiting for their turn."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Collection, Sequence
from functools import partial
from types import MethodType
from typing import Any, Literal

from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd

from nbinspect.capture.module_hooks import stepped_modules
from nbinspect.sanity.evidence.passes.lineage import roots
from nbinspect.sanity.evidence.source.classes import may_be_used, mentioned_elsewhere, used_beside_forward
from nbinspect.sanity.evidence.source.parsed import is_users
from nbinspect.sanity.evidence.source.picking import passes_alike
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Operation, Recorded
from nbinspect.subject import Subject

_Layer = nn.Linear | _ConvNd | _NormBase | nn.LayerNorm | nn.GroupNorm


def gravity_of_uncalled(
    subject: Subject, name: str, calls: Collection[str], missing: Collection[str]
) -> Literal["fail", "warn", ""]:
    """Return how grave it is that no operation was given a parameter.

    It is grave where the user's class holds it, or its module beside others of the kind that were called, and never
    mentions it again; not where the class was told to leave it out; nothing where other code may pick it.

    Args:
        subject: the model, and the user's functions, which may reach for it too.
        name: the parameter.
        calls: paths of the modules that ran.
        missing: the parameters that get no gradient.
    """
    network = subject.network
    modules = stepped_modules(network)
    part = _uncalled(name, calls)
    path, _, attribute = part.rpartition(".")
    holder = modules.get(path, network)
    if isinstance(holder, nn.ModuleList | nn.ModuleDict):
        return "fail" if part != name and _is_left_out(network, path, calls) else ""
    if not is_users(type(holder)) or may_be_used(type(holder), attribute, holder):
        return ""
    if any(mentioned_elsewhere(one, attribute) for one in _users_code(subject)):
        return ""
    if may_be_used(type(holder), attribute):
        return "warn"  # a switch that the object was made with
    if part == name:
        return "fail"
    module = modules[part]
    if any(f"{part}.{inner}" not in missing for inner, own in module.named_parameters() if own.requires_grad):
        return ""  # some of it is used without a call
    alike = (key for key, other in holder.named_children() if key != attribute and _is_like(other, module))
    return "fail" if any(f"{path}.{key}".lstrip(".") in calls for key in alike) else "warn"


def _users_code(subject: Subject) -> list[Any]:
    """Return the user's functions, or their classes, that are called beside the model."""
    given = (subject.train_step, subject.eval_step, subject.loss_fn, subject.forward, subject.split)
    called = (_function_of(one) for one in given if one is not None)
    kinds = (one if inspect.isfunction(one) else type(one) for one in called)
    return [kind for kind in kinds if inspect.isfunction(kind) or is_users(kind)]


def _function_of(called: Any) -> Any:
    """Return the function behind a method of an object, or behind one with arguments put in."""
    while isinstance(called, partial | MethodType):
        called = called.func if isinstance(called, partial) else called.__func__
    return called


def _is_like(one: nn.Module, other: nn.Module) -> bool:
    """Whether two parts are of one kind, or both single layers of torch's that turn one tensor into another."""
    return type(one) is type(other) or all(isinstance(part, _Layer) for part in (one, other))


def _is_left_out(network: nn.Module, path: str, calls: Collection[str]) -> bool:
    """Whether a list of layers, some of which run, is gone through in the same way by every pass there is."""
    above, _, attribute = path.rpartition(".")
    holder = stepped_modules(network).get(above, network)
    some = any(call.rpartition(".")[0] == path for call in calls)
    return (
        some
        and bool(path)
        and is_users(type(holder))
        and passes_alike(network)
        and not used_beside_forward(type(holder), attribute)
        and not mentioned_elsewhere(type(holder), attribute)
    )


def _uncalled(name: str, calls: Collection[str]) -> str:
    """Return the outermost module around a parameter of which nothing ran; the parameter itself where its own ran."""
    part = name
    while True:
        above = part.rpartition(".")[0]
        if not above or any(f"{call}.".startswith(f"{above}.") for call in calls):
            return part
        part = above


def may_be_picked(program: Program, name: str, missing: Collection[str], recordings: Sequence[Recorded]) -> bool:
    """Return whether a parameter is of one entry of a `ModuleList` or `ModuleDict`, another of which is trained.

    Not where several of them are used and no text of a pass picks among results, or where every pass joins the result
    of another entry twice, in its place.
    """
    network, subject = program.network, program.subject
    entry = _entry_of(network, name, missing)
    if entry is None:
        return False
    path, key = entry
    is_called_whole = subject.forward is None and subject.train_step is None
    entries = dict(stepped_modules(network)[path].named_children())
    used = [own for own, part in entries.items() if not _is_missing(path, own, part, missing)]
    return not (
        (is_called_whole and len(used) > 1 and passes_alike(network))
        or all(_joins_twice(one, path, entries.keys() - {key}) for one in recordings)
    )


def _is_missing(path: str, key: str, part: nn.Module, missing: Collection[str]) -> bool:
    return all(f"{path}.{key}.{name}".lstrip(".") in missing for name, _ in part.named_parameters())


def _entry_of(network: nn.Module, name: str, missing: Collection[str]) -> tuple[str, str] | None:
    """Return the path of the list and the key of the entry that a parameter is of, where another entry is trained."""
    modules = stepped_modules(network)
    words = name.split(".")
    for depth in range(len(words) - 1):
        path = ".".join(words[:depth])
        if isinstance(modules.get(path), nn.ModuleList | nn.ModuleDict):
            named = {f"{path}.{inner}".lstrip(".") for inner, _ in modules[path].named_parameters()}
            own = {one for one in named if one.startswith(".".join(words[: depth + 1]) + ".")}
            if own <= set(missing) and not named <= set(missing):
                return path, words[depth]
    return None


def _joins_twice(recorded: Recorded, path: str, others: Collection[str]) -> bool:
    """Return whether a pass joins the results of all other entries of a list, and that of one of them twice."""
    for one in recorded.named("torch.cat", "torch.concat", "torch.concatenate", "torch.stack"):
        behind = [_entries_behind(recorded, one, number, path) for number in range(len(one.given))]
        counts = Counter(own for entries in behind for own in entries if len(entries) == 1)
        if set(counts) == set(others) and len(behind) == len(others) + 1 == counts.total():
            return True
    return False


def _entries_behind(recorded: Recorded, one: Operation, number: int, path: str) -> set[str]:
    """Return the entries of a list of modules whose parameters one of the tensors that are joined is made of."""
    inside = f"{path}." if path else ""
    names = (origin for origin in roots(recorded, one, number) if origin.startswith(inside))
    return {origin.removeprefix(inside).split(".")[0] for origin in names}
