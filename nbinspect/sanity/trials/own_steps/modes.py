"""In which mode dropout and BatchNorm ran: in the user's own steps, and where a function ignores the flag."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd
from torch.overrides import TorchFunctionMode

from nbinspect.capture.operations import Call, Tracer
from nbinspect.records import CheckResult, Place
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed, failed, warned
from nbinspect.sanity.evidence.samples.dependence import refusals
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.running.cadence import divisors_in
from nbinspect.sanity.trials.running.calling import asks_for_number
from nbinspect.sanity.trials.running.text import functions_of, mentions_of
from nbinspect.sanity.trials.running.trainee import trained

_CALLS, _ROUNDS = 8, 2
"""First calls of a step that evaluates now and then, and by how many numbers of its text further ones are chosen."""
_ATTENTION = "F.scaled_dot_product_attention"
_DROPS = re.compile(r"(F|torch)\.(feature_)?(alpha_)?dropout[123]?d?_?|F\.feature_alpha_dropout")


@dataclass(frozen=True)
class Active:
    """A dropout that drops in eval mode."""

    name: str
    path: str
    place: Place | None
    changed: float
    """Share of the values that it changed; of the weights that fused attention drops."""


def active_dropout(program: Program, batch: Batch, few: int = 6) -> list[Active]:
    """Return every call of a dropout function that changes what it is given while all modules are in eval mode.

    A model that takes no smaller batches, as of a graph, gets the whole one. What the user's own step drops around the
    model is for training alone, as the step is.
    """
    found: list[Active] = []
    rates = _AttentionRates()

    def ended(call: Call, value: Any) -> Any:
        if call.parent is None and program.goes_through_step:
            return value
        if call.kind == "operation" and call.name == _ATTENTION and rates.last > 0:
            found.append(Active(call.name, call.path, call.place, rates.last))
        drops = call.kind == "operation" and _DROPS.fullmatch(call.name) is not None and bool(call.given)
        if drops and isinstance(value, torch.Tensor):
            # in place, what it was given is gone: that it wrote at all tells
            was = call.given[0]
            differs = (value != was) & ~(value.isnan() & was.isnan())
            changed = 1.0 if call.in_place else float(differs.double().mean())
            if changed > 0 and not bool(torch.isnan(value).all()):
                found.append(Active(call.name, call.path, call.place, changed))
        return value

    smaller = [batch.taken(range(few))] if batch.size > few else []
    for part in (*smaller, batch):
        tracer = Tracer(program.network, "operation", ended, batch=part.raw, by_value=part.of_arrays)
        try:
            with refusals(), program.running(training=False), rates, tracer:
                program.outputs(part)
            break
        except MissingNeed:
            if part is batch:
                raise
            found.clear()
    return found


class _AttentionRates(TorchFunctionMode):
    """Notes with which rate of dropout the fused attention was last called."""

    last = 0.0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        named = kwargs or {}
        if func is functional.scaled_dot_product_attention:
            self.last = float(named.get("dropout_p", args[4] if len(args) > 4 else 0.0))
        return func(*args, **named)


def is_meant(line: str) -> bool:
    """Whether a call says in so many words that it drops in eval mode too."""
    return re.search(r"training\s*=\s*True|,\s*True\s*[,)]", line) is not None


def with_flag(line: str) -> str:
    """Return the change that tells the one call of dropout on a line the mode; empty where there is not just one."""
    calls = re.findall(r"dropout\w*\([^()]*\)", line)
    if len(calls) != 1 or "training" in line or is_meant(line):
        return ""
    return f"- {line}\n+ {line.replace(calls[0], f'{calls[0][:-1]}, training=self.training)')}"


@dataclass
class Seen:
    """What ran in one call of a step, in which mode."""

    roots: list[bool]
    """For each call of the model itself, in a training step with a graph, whether it was in train mode."""
    parts: dict[str, bool]
    """For each dropout and BatchNorm that ran, by path, whether it was in train mode."""
    without_graph: bool = False
    """Whether the step switched gradients off for the model itself, as one does that is a whole evaluation."""
    together: list[set[str]] = field(default_factory=lambda: [set()])
    """The parts that ran before the first call of the model itself, and in each."""
    modes: dict[str, bool] = field(default_factory=dict)
    """For each module, by path, whether it was in train mode as the model itself was called last, in a training step
    with a graph if it was at all."""
    number: int = 0
    """How many calls came before."""
    came_back: bool = False
    """Whether a training step began and ended in train mode, whatever it did between."""

    @property
    def is_aside(self) -> bool:
        """Whether it ran in eval mode by itself, and left nothing in it."""
        return self.came_back and self.is_all(training=False)

    def is_all(self, *, training: bool) -> bool:
        """Whether something heeds the mode, and each call of the model itself ran in this one."""
        return bool(self.parts and self.roots) and all(root is training for root in self.roots)


def watched(program: Program, name: str, batch: Batch) -> list[Seen]:
    """Run the user's own step on a copy, in the modes that the model has now, and return in which modes its parts ran.

    A training step that evaluates now and then is called several times, until one call runs in eval mode alone, which
    it was left in. One that is told the number of its call is called further on, too, in the modes that the last call
    trained it in. Calls that go to eval mode by themselves, and back, are left out, unless each of them does.

    Args:
        program: left unchanged.
        name: ``train_step`` or ``eval_step``.
        batch: what the step is called on.

    Raises:
        MissingNeed: if it cannot be run on a copy.
    """
    trains = name == "train_step"
    found: list[Seen] = []
    with trained(program, idle=not trains) as trainee:
        network = trainee.program.network
        for (path, module), original in zip(network.named_modules(), program.network.modules(), strict=True):
            module.training = original.training
            if not path or _heeds_mode(module):
                module.register_forward_pre_hook(_noted(found, path, trains=trains))
        for number in _numbers(program.subject.train_step) if trains else [0]:
            if found and number > found[-1].number + 1:
                modes = next((one.modes for one in reversed(found) if not one.is_aside), {})
                for path, module in network.named_modules():
                    module.training = modes.get(path, module.training)
            trainee.steps = number
            began = network.training
            found.append(Seen([], {}, number=number))
            try:
                trainee.step(batch) if trains else trainee.evaluate(batch)
            except MissingNeed:
                found.pop()
                if not found:
                    raise
                break  # the calls before tell what they tell
            found[-1].came_back = trains and began and network.training
            if found[-1].is_all(training=not trains) and not found[-1].is_aside:
                break
    return [one for one in found if not one.is_aside] or found[:1]


def teller_of_eval_mode(program: Program, batch: Batch, path: str) -> Callable[..., CheckResult] | None:
    """Return how to tell of a BatchNorm that eval mode cannot rely on; None where eval mode is not used.

    A defect where the model is evaluated, else a warning; nothing where the user's own steps set the momentum.
    """
    subject = program.subject
    if any("momentum" in one.__code__.co_names for one in functions_of(subject.train_step)):
        return None
    if subject.eval_step is not None:
        try:
            return failed if watched(program, "eval_step", batch)[-1].parts.get(path) is False else None
        except MissingNeed:
            return warned
    with program.running(training=False):
        ignores = program.network.get_submodule(path).training
    return None if ignores else failed if subject.val_loader is not None else warned


def _numbers(step: Callable[..., Any] | None) -> list[int]:
    """Return which calls of a training step to make: where it evaluates once in 50, those around the fiftieth too."""
    if not _may_switch(step):
        return [0]
    rounds = [every for every in divisors_in(step) if every >= _CALLS - 1] if asks_for_number(step) else []
    further = {number for every in rounds[:_ROUNDS] for number in (every - 1, every, every + 1)}
    return sorted({*range(_CALLS), *further})


def _may_switch(step: Callable[..., Any] | None) -> bool:
    """Whether the text of a step switches a model to eval mode somewhere."""
    return bool(mentions_of(step, "eval")) or any("False" in one.line for one in mentions_of(step, "train"))


def _noted(found: list[Seen], path: str, *, trains: bool) -> Callable[..., None]:
    def hook(module: nn.Module, *_: Any) -> None:
        seen, graph = found[-1], torch.is_grad_enabled()
        if path:
            seen.parts[path] = module.training
            seen.together[-1].add(path)
            return
        seen.together.append(set())
        if graph or not (trains and seen.roots):
            seen.modes = {own: part.training for own, part in module.named_modules()}
        if graph or not trains:  # what a training step only looks at may well be in eval mode
            seen.roots.append(module.training)
            seen.without_graph |= not graph

    return hook


def rests(network: nn.Module, seen: Seen) -> bool:
    """Whether all that heeds the mode is BatchNorm that is frozen, weight and bias: eval mode then is how it rests."""
    parts = [network.get_submodule(path) for path in seen.parts]
    own = [list(part.parameters(recurse=False)) for part in parts if isinstance(part, _BatchNorm)]
    return len(own) == len(parts) and all(held and not any(one.requires_grad for one in held) for held in own)


def _heeds_mode(module: nn.Module) -> bool:
    if isinstance(module, _DropoutNd):
        return module.p > 0
    if isinstance(module, nn.RNNBase | nn.MultiheadAttention):
        return bool(module.dropout)
    return isinstance(module, _BatchNorm)
