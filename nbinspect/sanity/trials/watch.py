"""What a training step does to gradients and parameters, seen from outside: by hooks and by the parameters' bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook


@dataclass(frozen=True, eq=False)
class Update:
    """One call of an optimizer's step."""

    optimizer: Optimizer
    """The copy's."""
    gradient: float
    """Norm of the gradients of its parameters, as it found them."""
    rates: tuple[float, ...]
    """Learning rate of each group."""
    sizes: Mapping[str, float]
    """How far each of its parameters moved, as a share of its norm before; infinite from zero."""
    rewritten: frozenset[str]
    """Names of its parameters whose bytes it changed."""


@dataclass(eq=False)
class Events:
    """What happened in one call of a training step."""

    carried: float = 0.0
    """Norm of the gradients that lay there, left by earlier calls, when the first new ones came."""
    arrived: dict[str, float] = field(default_factory=dict)
    """Norm of the last gradient that came for each parameter, before it was added."""
    gradient: float = 0.0
    """Norm of all gradients after the last backward pass, what was carried included."""
    passes: int = 0
    """How many backward passes reached a parameter."""
    updates: list[Update] = field(default_factory=list)
    scale: float = 1.0
    """What a gradient scaler multiplied the loss with; the norms above have it in them until it is taken out."""


@contextmanager
def watching(parameters: Mapping[str, nn.Parameter]) -> Iterator[Events]:
    """Note what happens to parameters, by name, while the block runs; nothing of it is changed.

    Steps of every optimizer are seen, also of one that the block makes.
    """
    events = Events()
    names = {id(parameter): name for name, parameter in parameters.items()}
    watch = _Watch(events, names)
    with ExitStack() as stack:
        for name, parameter in parameters.items():
            if parameter.requires_grad and parameter.is_leaf:
                tensor: Any = parameter  # torch's hooks are not typed
                stack.callback(tensor.register_hook(watch.arriving(name, parameter)).remove)
                stack.callback(tensor.register_post_accumulate_grad_hook(watch.added).remove)
        stack.callback(register_optimizer_step_pre_hook(watch.before).remove)
        stack.callback(register_optimizer_step_post_hook(watch.after).remove)
        yield events


class _Watch:
    """The hooks that note what happens."""

    def __init__(self, events: Events, names: dict[int, str]) -> None:
        self._events = events
        self._names = names
        self._carried: dict[str, float] = {}
        self._now: dict[int, float] = {}
        self._counts: dict[str, int] = {}
        self._before: dict[int, Tensor] = {}
        self._found = 0.0

    def arriving(self, name: str, parameter: nn.Parameter) -> Any:
        """Return a hook for the gradient that comes for a parameter, before it is added to what is there."""

        def hook(gradient: Tensor) -> None:
            events = self._events
            if name not in self._carried and not events.updates:
                self._carried[name] = norm_of(parameter.grad)
                events.carried = _joint(self._carried.values())
            events.arrived[name] = norm_of(gradient)
            self._counts[name] = self._counts.get(name, 0) + 1
            events.passes = max(events.passes, self._counts[name])

        return hook

    def added(self, parameter: Tensor) -> None:
        """Note a gradient after it was added."""
        self._now[id(parameter)] = norm_of(parameter.grad)
        self._events.gradient = _joint(self._now.values())

    def before(self, optimizer: Optimizer, *_: Any) -> None:
        """Note what an optimizer finds."""
        own = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        self._before = {id(parameter): parameter.detach().clone() for parameter in own}
        self._found = _joint(norm_of(parameter.grad) for parameter in own)

    def after(self, optimizer: Optimizer, *_: Any) -> None:
        """Note what an optimizer did."""
        sizes, rewritten = {}, set()
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                was = self._before.get(id(parameter))
                name = self._names.get(id(parameter))
                if was is None or name is None:
                    continue
                moved, size = float((parameter.detach() - was).norm()), float(was.norm())
                sizes[name] = moved / size if size else (float("inf") if moved else 0.0)
                if not torch.equal(parameter.detach(), was):
                    rewritten.add(name)
        rates = tuple(float(group["lr"]) for group in optimizer.param_groups if "lr" in group)
        self._events.updates.append(Update(optimizer, self._found, rates, sizes, frozenset(rewritten)))
        self._before = {}


def norm_of(gradient: Tensor | None) -> float:
    """Return the Euclidean norm of a gradient, sparse or dense; 0 for none."""
    if gradient is None or not gradient.numel():
        return 0.0
    dense = gradient.detach()
    if dense.is_sparse:
        dense = dense.coalesce().values()
    return float(dense.abs().norm()) if dense.is_complex() else float(torch.linalg.vector_norm(dense.float()))


def _joint(norms: Any) -> float:
    return float(sum(norm * norm for norm in norms) ** 0.5)
