"""Which trainable parameters the loss should reach, and which it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from nbinspect.capture.module_hooks import stepped_modules
from nbinspect.sanity.evidence.passes.flow import memory_of
from nbinspect.sanity.evidence.passes.graph import nodes_of
from nbinspect.sanity.evidence.source.parsed import backward_calls, is_users
from nbinspect.sanity.evidence.source.picking import takes_alike
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded
from nbinspect.subject import Subject, named_optimizers

_TWIN_COSINE = 0.5


def optimised(subject: Subject) -> set[int] | None:
    """Return the ids of the tensors that the optimizer holds; None where there is none, or only a factory."""
    parts = named_optimizers(subject.optimizer).values()
    if not parts or any(not hasattr(part, "param_groups") for part in parts):
        return None
    return {id(tensor) for part in parts for group in part.param_groups for tensor in group["params"]}


def trains_by_one_loss(subject: Subject) -> bool:
    """Return whether the loss of the recorded pass is all that the user trains by, as far as can be told."""
    if len(named_optimizers(subject.optimizer)) > 1:
        return False
    return subject.train_step is None or backward_calls(subject.train_step) == 1


def trains_alike(subject: Subject) -> bool:
    """Return whether every step trains by the same parts of the outputs, all that the optimizer holds."""
    step, loss_fn = subject.train_step, subject.loss_fn
    is_alike = takes_alike(loss_fn) if step is None else takes_alike(step, is_step=True)
    return optimised(subject) is not None and is_alike


def trainable(program: Program) -> dict[str, nn.Parameter]:
    """Return the model's parameters that are to be trained: not frozen, and held by the optimizer if there is one.

    One of no values, kept to ask for its device, is none.
    """
    held = optimised(program.subject)
    named = ((name, one) for name, one in program.network.named_parameters() if one.requires_grad and _has_values(one))
    return {name: one for name, one in named if held is None or id(one) in held}


def _has_values(parameter: Tensor) -> bool:
    return is_lazy(parameter) or parameter.numel() > 0


def unreached(program: Program, recordings: Sequence[Recorded]) -> dict[str, nn.Parameter]:
    """Return the parameters that should get a gradient and get none, not even zeros, in any pass.

    Left out are twins that follow a trained module by hand (moving averages), and what the pass itself writes to.
    """
    wanted = trainable(program)
    reached = {name for one in recordings for name, gradient in one.gradients.items() if gradient is not None}
    missing = {name: parameter for name, parameter in wanted.items() if name not in reached}
    if not missing:
        return {}
    written = {memory_of(one.made[0]) for r in recordings for one in r.operations if one.step.in_place and one.made}
    twins = _twins(program.network, missing, reached)
    return {name: one for name, one in missing.items() if name not in twins and memory_of(one) not in written}


def _twins(network: nn.Module, missing: Mapping[str, Tensor], reached: set[str]) -> set[str]:
    """Return the parameters of modules that follow another of the same make which is trained: a teacher, a target."""
    found: set[str] = set()
    modules = [(path, module) for path, module in network.named_modules() if path]
    makes = {path: _make(module) for path, module in modules}
    for path, _ in modules:
        own = makes[path]
        if not own or not all(f"{path}.{name}" in missing for name in own):
            continue
        for other, make in makes.items():
            alike = make.keys() == own.keys() and all(make[name].shape == own[name].shape for name in own)
            if alike and any(f"{other}.{name}" in reached for name in make) and _follows(own, make):
                found |= {f"{path}.{name}" for name in own}
                break
    return found


def _make(module: nn.Module) -> dict[str, nn.Parameter]:
    return dict(module.named_parameters())


def _follows(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    """Whether weights are a copy, or an average, of others; independent ones stand at right angles.

    Biases count only where there is nothing else, and what is all one value, as fresh norms are, says nothing.
    """
    with torch.no_grad():
        told = [
            name for name, tensor in one.items() if tensor.numel() > 1 and bool((tensor != tensor.flatten()[0]).any())
        ]
        pairs = [(one[name].double(), other[name].double()) for name in told if one[name].dim() > 1] or [
            (one[name].double(), other[name].double()) for name in told
        ]
        product = sum(float((a * b).sum()) for a, b in pairs)
        norms = sum(float((a * a).sum()) for a, _ in pairs) * sum(float((b * b).sum()) for _, b in pairs)
    return bool(product > _TWIN_COSINE * norms**0.5)


def is_library_part(network: nn.Module, name: str) -> bool:
    """Return whether a parameter is of a model of an installed package, whose unused parts are its authors' affair."""
    modules = stepped_modules(network)
    path = name.rpartition(".")[0]
    while True:
        kind = type(modules.get(path, network))
        if kind.__module__.split(".")[0] != "torch":
            return not is_users(kind)
        if not path:
            return False
        path = path.rpartition(".")[0]


def leaves_of(loss: Tensor, enter: Callable[[Any], bool] = lambda _: True) -> dict[int, Tensor]:
    """Return the leaves that a loss's graph reaches, by id; of a path only as far as `enter` allows."""
    if loss.grad_fn is None:
        return {id(loss): loss} if loss.requires_grad else {}
    found = (getattr(node, "variable", None) for node in nodes_of(loss, enter))
    return {id(tensor): tensor for tensor in found if isinstance(tensor, Tensor)}


def modules_of(names: Sequence[str], network: nn.Module) -> str:
    """Return the outermost modules of which all parameters are among these, as one text: ``encoder, module 0``."""
    others = {name for name, _ in network.named_parameters()} - set(names)
    mixed = {path for name in others for path in _paths_to(name)}
    found: dict[str, None] = {}
    for name in names:
        paths = _paths_to(name)
        found[next((path for path in paths if path not in mixed), paths[-1] if paths else name)] = None
    ordered = sorted(found, key=lambda path: path.count("."))
    return _shortened([f"module {path}" if path.isdigit() else path for path in ordered])


def _paths_to(name: str) -> list[str]:
    """Return the modules around a parameter, the outermost first: ``encoder``, ``encoder.0``."""
    return [name[:at] for at, letter in enumerate(name) if letter == "."]


def _shortened(names: Sequence[str], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
