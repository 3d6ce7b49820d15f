"""Norms of gradients, weights and updates of each layer, measured around one optimizer step."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import is_
from typing import TypeAlias

import torch
from torch import Tensor, nn

from nbinspect.capture.module_hooks import own_path
from nbinspect.subject import unwrapped

Named: TypeAlias = "tuple[str, nn.Parameter]"
Ref: TypeAlias = "weakref.ref[nn.Parameter]"
Known: TypeAlias = "list[tuple[str, Ref]]"
"""Parameters by their names; they are not kept alive."""

LAYERS = 32
"""Layers that are told apart; of deeper networks the modules that hold them are."""
SAMPLED = 1 << 18
"""Values of a parameter that updates are measured on; of larger ones an even sample."""
NAMED = 3
"""Layers that a sentence names at most."""


@dataclass(frozen=True)
class Norms:
    """Euclidean norms of each layer's trained parameters, around one step."""

    gradient: dict[str, float]
    """As the optimizer got it: after clipping and unscaling."""
    weight: dict[str, float]
    """Before the step."""
    ratio: dict[str, float]
    """Norm of the change over the norm before; NaN where the weights are zero."""

    @property
    def total_gradient(self) -> float:
        """Norm of all gradients together."""
        return float(sum(norm**2 for norm in self.gradient.values()) ** 0.5)


@dataclass(frozen=True, eq=False)
class _Before:
    """What was measured before a step, of the parameters that had a gradient."""

    parameters: list[nn.Parameter]
    layers: list[str]
    gradients: list[Tensor]
    weights: list[Tensor]
    copies: list[Tensor]


class LayerNorms:
    """Measures `Norms`; the parameters and their gradients are left unchanged. Source: S-weights.

    They are those that the model has at the step: layers may be replaced, added and frozen in the midst of a run.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._before: _Before | None = None
        self._names: list[str] = []
        self._layers: list[str] = []
        self._known = _referred(_named(model))
        self._news = ""

    def begin(self) -> None:
        """Measure gradients and weights, and remember the weights; call it right before the step."""
        self._before = None
        everything = _named(self._model)
        if not _same([ref() for _, ref in self._known], [one for _, one in everything]):
            before, self._known = self._known, _referred(everything)
            self._news = _difference(_by_module(before), _by_module(self._known))
        named = _trained(everything)
        names = [name for name, _ in named]
        if names != self._names:
            self._names, self._layers = names, layers_of(names)
        given = [(layer, one) for layer, (_, one) in zip(self._layers, named, strict=True) if one.grad is not None]
        if not given:
            return
        parameters = [one for _, one in given]
        with torch.no_grad():
            gradients = [_dense(one) for one in parameters]
            values = [_sampled(one.detach()) for one in parameters]
            copies = [value.clone() for value in values]
            self._before = _Before(parameters, [layer for layer, _ in given], _norms(gradients), _norms(values), copies)

    def end(self) -> Norms | None:
        """Return the norms, once the step is done; None where no parameter had a gradient. Waits for the device."""
        before, self._before = self._before, None
        if before is None:
            return None
        with torch.no_grad():
            now = [_sampled(one.detach()) for one in before.parameters]
            changes = _norms([new - old for new, old in zip(now, before.copies, strict=True)])
            measured = _on_host([*before.gradients, *before.weights, *changes]).double().square()
        parts = measured.reshape(3, -1).tolist()
        sums: list[dict[str, float]] = [{}, {}, {}]
        for total, squares in zip(sums, parts, strict=True):
            for layer, square in zip(before.layers, squares, strict=True):
                total[layer] = total.get(layer, 0.0) + square
        gradient, weight, change = ({layer: total**0.5 for layer, total in each.items()} for each in sums)
        ratio = {layer: change[layer] / norm if norm else float("nan") for layer, norm in weight.items()}
        return Norms(gradient, weight, ratio)

    def news(self) -> str:
        """Return in a sentence, once, which parameters are others than before; empty where all are the same."""
        told, self._news = self._news, ""
        return told


def trained_parameters(model: nn.Module) -> list[Named]:
    """Return the parameters that require gradients, by the names that they have without wrappers."""
    return _trained(_named(model))


def _trained(named: Sequence[Named]) -> list[Named]:
    return [(name, one) for name, one in named if one.requires_grad and not one.is_meta]


def _named(model: nn.Module) -> list[Named]:
    return [(own_path(name), one) for name, one in unwrapped(model).named_parameters()]


def _referred(named: Sequence[Named]) -> Known:
    return [(name, weakref.ref(one)) for name, one in named]


def _by_module(known: Known) -> dict[str, list[Ref]]:
    found: dict[str, list[Ref]] = {}
    for name, ref in known:
        found.setdefault(name.rpartition(".")[0] or name, []).append(ref)
    return found


def names_of(layers: Sequence[str]) -> str:
    """Return ``'body', 'head' and 4 more layers``."""
    shown = ", ".join(repr(layer) for layer in layers[:NAMED])
    return f"{shown} and {len(layers) - NAMED} more layers" if len(layers) > NAMED else shown


def _same(before: Sequence[object], now: Sequence[object]) -> bool:
    return len(before) == len(now) and all(map(is_, before, now))  # equal references would compare the values


def _difference(before: Mapping[str, Sequence[Ref]], now: Mapping[str, Sequence[Ref]]) -> str:
    """Return in a sentence in which layers a model has other parameters than before."""
    kept = [layer for layer in now if layer in before]
    kinds = (
        ("has been replaced", "have been replaced", [layer for layer in kept if not _same(before[layer], now[layer])]),
        ("is new", "are new", [layer for layer in now if layer not in before]),
        ("is gone", "are gone", [layer for layer in before if layer not in now]),
    )
    told = [f"{names_of(layers)} {one if len(layers) == 1 else many}" for one, many, layers in kinds if layers]
    return f"the model has other parameters from here on: {', '.join(told) or 'in another order'}"


def layers_of(names: Sequence[str], most: int = LAYERS) -> list[str]:
    """Return for each parameter the layer it counts to: its module, or one above where there are too many modules."""
    paths = [name.split(".")[:-1] or [name] for name in names]
    depth = max((len(path) for path in paths), default=1)
    while depth > 1 and len({tuple(path[:depth]) for path in paths}) > most:
        depth -= 1
    layers = [".".join(path[:depth]) for path in paths]
    kept = list(dict.fromkeys(layers))[: most - 1]
    many = len(set(layers)) > most
    return ["the others" if many and layer not in kept else layer for layer in layers]


def _dense(parameter: nn.Parameter) -> Tensor:
    gradient = parameter.grad
    assert gradient is not None
    gradient = gradient.detach()
    return gradient.coalesce().values() if gradient.is_sparse else gradient


def _sampled(values: Tensor) -> Tensor:
    if values.numel() <= SAMPLED:
        return values
    return values.reshape(-1)[:: -(-values.numel() // SAMPLED)]


def _on_host(norms: list[Tensor]) -> Tensor:
    """Return the numbers in one row, with one transfer where they lie on one device, as they mostly do."""
    if len({norm.device for norm in norms}) == 1:
        return torch.stack(norms).cpu()
    return torch.stack([norm.cpu() for norm in norms])


def _norms(tensors: list[Tensor]) -> list[Tensor]:
    """Return the norm of each in float32 at least, in one call where the tensors are alike."""
    tensors = [torch.view_as_real(each.resolve_conj()) if each.is_complex() else each for each in tensors]
    if all(tensor.dtype == torch.float32 for tensor in tensors):
        return list(torch._foreach_norm(tensors))
    return [
        torch.linalg.vector_norm(tensor, dtype=torch.promote_types(tensor.dtype, torch.float32)) for tensor in tensors
    ]
