"""What a training step does to gradients and parameters, seen from outside: by hooks and by the parameters' bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from nbinspect.capture.hook import remove_step_hooks
from nbinspect.sanity.trials.running.inner_steps import inner_steps
from nbinspect.subject import rate_of

_LEAST = 8
"""Entries of a tensor, below which that all were multiplied by one number may be chance."""
_ULPS = 4


@dataclass(frozen=True, eq=False)
class Update:
    """One call of an optimizer's step."""

    optimizer: Optimizer
    """The copy's."""
    gradient: float
    """Norm of the gradients of its parameters, as it found them."""
    arrived: float
    """Norm of the same right after the last backward pass, before anything clipped, scaled or cleared them."""
    carried: float
    """Norm of what an earlier update had used already and nobody cleared, as it lay there when the next came."""
    rates: tuple[float, ...]
    """Learning rate of each group."""
    groups: tuple[frozenset[str], ...]
    """Names of the parameters of each group."""
    doubled: frozenset[str]
    """Names of those that it was given two times."""
    found: Mapping[str, float]
    """Norm of the gradient of each of its parameters, as it found it."""
    sizes: Mapping[str, float]
    """How far each of its parameters moved, as a share of its norm before; infinite from zero."""
    rewritten: frozenset[str]
    """Names of its parameters whose bytes it changed."""
    frozen: frozenset[str]
    """Names of those among them that had no `requires_grad` then."""
    nil: frozenset[str]
    """Names of those for which the last gradient of this call that came before it was 0."""


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
    rewritten_after: frozenset[str] = frozenset()
    """Names of the parameters that were written to once more after their optimizer had updated them."""
    scaled: dict[str, float] = field(default_factory=dict)
    """By the name of a parameter that something else than an optimizer multiplied by one number, that number."""
    scale: float = 1.0
    """What a gradient scaler multiplied the loss with; the norms above have it in them until it is taken out."""


@contextmanager
def watching(
    parameters: Mapping[str, nn.Parameter], used: set[str], began: Mapping[str, Tensor] | None = None
) -> Iterator[Events]:
    """Note what happens to parameters, by name, while the block runs; nothing of it is changed.

    Steps of every optimizer are seen, also of one that the block makes.

    Args:
        parameters: what is watched.
        used: names of the parameters whose gradient an update has used and nobody cleared since; kept up to date.
        began: copies of them as they are now, by name; without them `scaled` stays empty.
    """
    events = Events()
    names = {id(parameter): name for name, parameter in parameters.items()}
    watch = _Watch(events, names, used, began or {})
    with ExitStack() as stack:
        for name, parameter in parameters.items():
            if parameter.requires_grad and parameter.is_leaf:
                tensor: Any = parameter  # torch's hooks are not typed
                stack.callback(tensor.register_hook(watch.arriving(name, parameter)).remove)
                stack.callback(tensor.register_post_accumulate_grad_hook(watch.added).remove)
        before, after = register_optimizer_step_pre_hook(watch.before), register_optimizer_step_post_hook(watch.after)
        stack.callback(remove_step_hooks, (before, after))
        stack.enter_context(inner_steps(watch.before, watch.after))
        yield events
        events.rewritten_after = watch.rewritten_after(parameters)
        for name, parameter in parameters.items():
            watch.reached(name, parameter)


class _Watch:
    """The hooks that note what happens."""

    def __init__(self, events: Events, names: dict[int, str], used: set[str], began: Mapping[str, Tensor]) -> None:
        self._events = events
        self._names = names
        self._used = used
        self._began = began
        self._lying: dict[str, float] = {}
        self._carried: dict[str, float] = {}
        self._now: dict[int, float] = {}
        self._counts: dict[str, int] = {}
        self._before: dict[int, Tensor] = {}
        self._updated: dict[str, Tensor] = {}
        self._found: dict[int, float] = {}
        self._nil: frozenset[str] = frozenset()
        self._came = 0
        self._running: list[Optimizer] = []

    def arriving(self, name: str, parameter: nn.Parameter) -> Any:
        """Return a hook for the gradient that comes for a parameter, before it is added to what is there."""

        def hook(gradient: Tensor) -> None:
            events = self._events
            lying = norm_of(parameter.grad)
            self._came += 1
            if lying == 0:
                self._used.discard(name)
            self._lying[name] = lying
            if name not in self._carried and not events.updates:
                self._carried[name] = lying
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
        """Note what an optimizer finds; a step of its class inside its own finds what the outer one has made of it."""
        own = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        self._found = {id(parameter): norm_of(parameter.grad) for parameter in own}
        self._running.append(optimizer)
        if any(one is optimizer for one in self._running[:-1]):
            return
        self._before = {id(parameter): parameter.detach().clone() for parameter in own}
        self._nil = frozenset(name for name, norm in self._events.arrived.items() if norm == 0)
        self._came = 0
        for parameter in own:
            self.reached(self._names.get(id(parameter), ""), parameter)

    def reached(self, name: str, parameter: Tensor) -> None:
        """Note by what a parameter was multiplied that no optimizer has updated yet."""
        was = None if name in self._updated else self._began.get(name)
        factor = None if was is None else factor_of(was, parameter.detach())
        if factor is not None:
            self._events.scaled[name] = factor

    def after(self, optimizer: Optimizer, *_: Any) -> None:
        """Note what an optimizer did, and of gradients that its closure made what it found."""
        del self._running[-1:]
        if any(one is optimizer for one in self._running):
            return
        sizes, rewritten, frozen = {}, set(), set()
        if self._came:
            own = (parameter for group in optimizer.param_groups for parameter in group["params"])
            self._found = {id(parameter): norm_of(parameter.grad) for parameter in own}
        names = {self._names.get(key, "") for key in self._found}
        piled = _joint(self._lying.get(name, 0.0) for name in names & self._used)
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                was = self._before.get(id(parameter))
                name = self._names.get(id(parameter))
                if was is None or name is None:
                    continue
                before = _numbers(was)
                moved, size = float((_numbers(parameter.detach()) - before).norm()), float(before.norm())
                self._updated[name] = parameter.detach().clone()
                sizes[name] = moved / size if size else (float("inf") if moved else 0.0)
                if not is_same(parameter.detach(), was):
                    rewritten.add(name)
                    if not parameter.requires_grad:
                        frozen.add(name)
        groups = optimizer.param_groups
        arrived = _joint(self._now.get(key, 0.0) for key in self._before)
        update = Update(
            optimizer,
            _joint(self._found.values()),
            arrived,
            piled,
            tuple(1.0 if rate is None else rate for rate in map(rate_of, groups)),
            tuple(frozenset(self._names.get(id(p), "") for p in group["params"]) for group in groups),
            self._doubled(groups),
            {self._names.get(key, ""): norm for key, norm in self._found.items()},
            sizes,
            frozenset(rewritten),
            frozenset(frozen),
            self._nil,
        )
        self._events.updates.append(update)
        self._used.update(sizes)
        self._before = {}

    def _doubled(self, groups: Sequence[Mapping[str, Any]]) -> frozenset[str]:
        counts = Counter(self._names.get(id(one), "") for group in groups for one in group["params"])
        return frozenset(name for name, count in counts.items() if count == 2)

    def rewritten_after(self, parameters: Mapping[str, nn.Parameter]) -> frozenset[str]:
        """Return which parameters are no longer what their optimizer made them."""
        updated = self._updated.items()
        return frozenset(name for name, was in updated if not is_same(parameters[name].detach(), was))


def norm_of(gradient: Tensor | None) -> float:
    """Return the Euclidean norm of a gradient, sparse or dense; 0 for none."""
    if gradient is None or not gradient.numel():
        return 0.0
    dense = gradient.detach()
    if dense.is_sparse:
        dense = dense.coalesce().values()
    return float(dense.abs().norm()) if dense.is_complex() else float(torch.linalg.vector_norm(dense.float()))


def factor_of(was: Tensor, now: Tensor) -> float | None:
    """Return the number other than 1 that every entry of a tensor was multiplied by; None where there is no such."""
    if was.shape != now.shape or was.numel() < _LEAST or not was.is_floating_point() or is_same(now, was):
        return None
    if any(tensor.layout is not torch.strided for tensor in (was, now)):
        return None
    before, after = was.double().flatten(), now.double().flatten()
    size = float(before @ before)
    factor = float(before @ after) / size if size else 1.0
    rounding = _ULPS * torch.finfo(was.dtype).eps * float(before.abs().max())
    return factor if float((after - factor * before).abs().max()) <= rounding < abs(1 - factor) * size**0.5 else None


def is_same(one: Tensor, other: Tensor) -> bool:
    """Return whether two tensors have one shape, one dtype and the same values; NaN is the same as NaN."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    if torch.equal(one, other):
        return True
    if one.layout is not torch.strided or not (one.is_floating_point() or one.is_complex()):
        return False
    missing = one.isnan()
    return bool(missing.any()) and bool(((one == other) | (missing & other.isnan())).all())


def are_same(ones: Sequence[Tensor], others: Sequence[Tensor]) -> bool:
    """Return whether as many tensors have the same values, each as its counterpart."""
    pairs = zip(ones, others, strict=False)
    return len(ones) == len(others) and all(is_same(one, other) for one, other in pairs)


def _numbers(tensor: Tensor) -> Tensor:
    """Return a tensor as one that has a norm: whole numbers, as in quantised layers, have none."""
    return tensor if tensor.is_floating_point() or tensor.is_complex() else tensor.double()


def _joint(norms: Any) -> float:
    return float(sum(norm * norm for norm in norms) ** 0.5)
