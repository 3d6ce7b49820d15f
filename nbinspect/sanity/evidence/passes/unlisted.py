"""Tensors that a module holds where `parameters()` does not look: in plain lists, dicts, attributes and objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from nbinspect.records import Step
from nbinspect.sanity.evidence.passes.flow import memory_of
from nbinspect.sanity.evidence.source.parsed import is_users
from nbinspect.sanity.recorded import Recorded

_REGISTERED = frozenset({"_parameters", "_buffers", "_modules"})
_DEPTH = 4


@dataclass(frozen=True, eq=False)
class Unlisted:
    """An attribute of a module that holds tensors unknown to `parameters()`."""

    path: str
    """Of the module; empty for the model itself."""
    holder: nn.Module
    attribute: str
    value: Any
    """What the attribute holds."""
    tensors: tuple[Tensor, ...]

    @property
    def remedy(self) -> str:
        """Return what to wrap the attribute's value in."""
        of_modules = any(isinstance(part, nn.Module) for part in _parts(self.value))
        if isinstance(self.value, Mapping):
            return "nn.ModuleDict" if of_modules else "nn.ParameterDict"
        if isinstance(self.value, list | tuple | set):
            return "nn.ModuleList" if of_modules else "nn.ParameterList"
        return "nn.Parameter"

    def code(self, line: str) -> str:
        """Return how to change the line that sets the attribute; empty where its value goes on after the line."""
        before, _, value = line.partition(" = ")
        whole = value and (value[0], value[-1]) in (("[", "]"), ("{", "}"), ("(", ")"))
        return f"- {line}\n+ {before} = {self.remedy}({value})" if whole and before.startswith("self.") else ""

    @property
    def may_be_meant(self) -> bool:
        """Return whether it may hide a trained model on purpose: one module in a list, or models of a package."""
        modules = [part for part in _parts(self.value) if isinstance(part, nn.Module)]
        kinds = [type(part) for part in modules]
        published = not any(is_users(kind) or kind.__module__.startswith("torch.") for kind in kinds)
        return bool(modules) and (published or (len(modules) == 1 and isinstance(self.value, list | tuple)))


def unlisted_in(network: nn.Module) -> Iterator[Unlisted]:
    """Give the attributes of a network's modules that hold tensors which are not listed."""
    listed = {id(tensor) for tensor in (*network.parameters(), *network.buffers())}
    for path, module in network.named_modules():
        for attribute, value in vars(module).items():
            if attribute in _REGISTERED or attribute.endswith("_hooks"):
                continue
            found = {id(tensor): tensor for tensor in _tensors(value, 0)}
            tensors = tuple(tensor for key, tensor in found.items() if key not in listed)
            if tensors:
                yield Unlisted(path, module, attribute, value, tensors)


def makers_of_new(recorded: Recorded) -> dict[int, Step]:
    """Return the steps of a pass that made tensors out of nothing, or initialised them, by the tensors' memory."""
    made = (one for one in recorded.operations if one.step.name.startswith("torch."))
    new = (one for one in made if not one.given or ".init." in one.step.name)
    return {memory_of(tensor): one.step for one in new for tensor in one.made}


def _tensors(value: Any, depth: int) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, nn.Module):
        yield from value.parameters()
    elif depth < _DEPTH:
        for part in _parts(value):
            yield from _tensors(part, depth + 1)


def _parts(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, list | tuple | set):
        yield from value
    elif hasattr(value, "__dict__") and not isinstance(value, type | nn.Module) and is_users(type(value)):
        yield from vars(value).values()
