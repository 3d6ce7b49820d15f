"""Parts of a network that did not run: forgotten, or waiting for their turn."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from torch import nn

from nbinspect.capture.module_hooks import stepped_modules
from nbinspect.sanity.evidence.source import is_users, may_be_used


def gravity_of_uncalled(
    network: nn.Module, name: str, calls: Collection[str], missing: Collection[str]
) -> Literal["fail", "warn", ""]:
    """Return how grave it is that no operation was given a parameter.

    It is grave where the user's class holds it, or its module beside others of the kind that were called, and never
    mentions it again; nothing where other code may pick it.

    Args:
        network: the model.
        name: the parameter.
        calls: paths of the modules that ran.
        missing: the parameters that get no gradient.
    """
    modules = stepped_modules(network)
    part = _uncalled(name, calls)
    path, _, attribute = part.rpartition(".")
    holder = modules.get(path, network)
    if not is_users(type(holder)) or may_be_used(type(holder), attribute):
        return ""
    if part == name:
        return "fail"
    module = modules[part]
    if any(f"{part}.{inner}" not in missing for inner, own in module.named_parameters() if own.requires_grad):
        return ""  # some of it is used without a call
    alike = (key for key, other in holder.named_children() if key != attribute and type(other) is type(module))
    return "fail" if any(f"{path}.{key}".lstrip(".") in calls for key in alike) else "warn"


def _uncalled(name: str, calls: Collection[str]) -> str:
    """Return the outermost module around a parameter of which nothing ran; the parameter itself where its own ran."""
    part = name
    while True:
        above = part.rpartition(".")[0]
        if not above or any(f"{call}.".startswith(f"{above}.") for call in calls):
            return part
        part = above


def is_one_of_many(network: nn.Module, name: str, missing: Collection[str]) -> bool:
    """Return whether a parameter is of one entry of a `ModuleList` or `ModuleDict`, of which another is trained."""
    modules = stepped_modules(network)
    words = name.split(".")
    for depth in range(len(words) - 1):
        path = ".".join(words[:depth])
        if isinstance(modules.get(path), nn.ModuleList | nn.ModuleDict):
            named = {f"{path}.{inner}".lstrip(".") for inner, _ in modules[path].named_parameters()}
            own = {one for one in named if one.startswith(".".join(words[: depth + 1]) + ".")}
            if own <= set(missing) and not named <= set(missing):
                return True
    return False
