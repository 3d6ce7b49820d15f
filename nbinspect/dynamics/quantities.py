"""Norms of gradients, weights and updates of each layer, measured around one optimizer step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

LAYERS = 32
"""Layers that are told apart; of deeper networks the modules that hold them are."""
SAMPLED = 1 << 18
"""Values of a parameter that updates are measured on; of larger ones an even sample."""


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


class LayerNorms:
    """Measures `Norms`; the parameters and their gradients are left unchanged. Source: S-weights."""

    def __init__(self, model: nn.Module) -> None:
        named = [(name, p) for name, p in model.named_parameters() if p.requires_grad and not p.is_meta]
        self._layers = layers_of([name for name, _ in named])
        self._parameters = [parameter for _, parameter in named]
        self._before: tuple[list[int], list[Tensor], list[Tensor], list[Tensor]] | None = None

    def begin(self) -> None:
        """Measure gradients and weights, and remember the weights; call it right before the step."""
        with torch.no_grad():
            numbers = [n for n, parameter in enumerate(self._parameters) if parameter.grad is not None]
            if not numbers:
                self._before = None
                return
            gradients = [_dense(self._parameters[n]) for n in numbers]
            values = [_sampled(self._parameters[n].detach()) for n in numbers]
            self._before = (numbers, _norms(gradients), _norms(values), [value.clone() for value in values])

    def end(self) -> Norms | None:
        """Return the norms, once the step is done; None where no parameter had a gradient. Waits for the device."""
        if self._before is None:
            return None
        numbers, gradients, weights, copies = self._before
        self._before = None
        with torch.no_grad():
            now = [_sampled(self._parameters[n].detach()) for n in numbers]
            changes = _norms([new - old for new, old in zip(now, copies, strict=True)])
            measured = _on_host([*gradients, *weights, *changes]).double().square()
        parts = measured.reshape(3, -1).tolist()
        sums: list[dict[str, float]] = [{}, {}, {}]
        for total, squares in zip(sums, parts, strict=True):
            for number, square in zip(numbers, squares, strict=True):
                layer = self._layers[number]
                total[layer] = total.get(layer, 0.0) + square
        gradient, weight, change = ({layer: total**0.5 for layer, total in each.items()} for each in sums)
        ratio = {layer: change[layer] / norm if norm else float("nan") for layer, norm in weight.items()}
        return Norms(gradient, weight, ratio)


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
    """Return the norm of each as float32, in one call where the tensors are alike."""
    if all(tensor.dtype == torch.float32 for tensor in tensors):
        return list(torch._foreach_norm(tensors))
    return [torch.linalg.vector_norm(tensor, dtype=torch.float32) for tensor in tensors]
