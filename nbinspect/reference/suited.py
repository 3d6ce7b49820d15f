"""The reference model for a user's batch: chosen by the shapes of inputs and outputs, and sized for them.

Source: S-reference-data, D-depth.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from nbinspect.errors import InputError
from nbinspect.reference.models import Shaped, cnn, mlp, recurrent, transformer, unet

_MOST_OUTPUTS = 4096


def suited(inputs: Tensor, outputs: tuple[int, ...], *, tokens: int | None = None, causal: bool = False) -> nn.Module:
    """Return a small network for inputs like these, whose outputs have the shape (N, *outputs).

    Images (N, C, H, W), rows (N, F), series (N, T, F) and token ids (N, T) are known. Inputs that are numbers are
    standardised by the mean and deviation of `inputs`, so that their scale does not matter. Source: D-normalise.

    Args:
        inputs: a batch, N samples.
        outputs: of one sample: (K,), (), (K, H, W), (T, K) or (K, T).
        tokens: size of the vocabulary, where inputs are token ids.
        causal: of tokens, whether a step may see those after it.

    Raises:
        InputError: for shapes that none of the networks fits.
    """
    shape = tuple(inputs.shape[1:])
    count = math.prod(outputs)
    if tokens is not None and len(shape) == 1:
        return _shaped(_for_tokens(shape, outputs, count, tokens, causal), outputs)
    network = _for_numbers(shape, outputs, count)
    return _shaped(nn.Sequential(Standardised(inputs), network), outputs)


def _for_tokens(shape: tuple[int, ...], outputs: tuple[int, ...], count: int, tokens: int, causal: bool) -> nn.Module:
    if len(outputs) == 2 and outputs[0] == shape[0]:
        return transformer(tokens, outputs[1], causal=causal, per_step=True)
    if len(outputs) == 2 and outputs[1] == shape[0]:
        return nn.Sequential(transformer(tokens, outputs[0], causal=causal, per_step=True), _Swapped())
    if count <= _MOST_OUTPUTS:
        return transformer(tokens, count)
    raise InputError(f"no reference model is known for tokens {shape} and outputs {outputs}")


def _for_numbers(shape: tuple[int, ...], outputs: tuple[int, ...], count: int) -> nn.Module:
    if len(shape) == 3:
        if len(outputs) == 3 and outputs[1:] == shape[1:]:
            return unet(shape[0], outputs[0])
        if len(outputs) == 2 and outputs == shape[1:]:
            return unet(shape[0], 1)
        if count <= _MOST_OUTPUTS:
            return cnn(shape[0], count)
    elif len(shape) == 2:
        if len(outputs) == 2 and outputs[0] == shape[0]:
            return recurrent(shape[1], outputs[1], per_step=True)
        if len(outputs) == 2 and outputs[1] == shape[0]:
            return nn.Sequential(recurrent(shape[1], outputs[0], per_step=True), _Swapped())
        if count <= _MOST_OUTPUTS:
            return recurrent(shape[1], count)
    elif len(shape) < 2 and count <= _MOST_OUTPUTS:
        return mlp(math.prod(shape), count)
    raise InputError(
        f"no reference model is known for inputs {shape} and outputs {outputs}; known are images (C, H, W), rows (F,), "
        f"series (T, F) and tokens (T,), with up to {_MOST_OUTPUTS:,} outputs or some at each place"
    )


def _shaped(network: nn.Module, outputs: tuple[int, ...]) -> nn.Module:
    return nn.Sequential(network, Shaped(outputs))


class _Swapped(nn.Module):
    def forward(self, found: Tensor) -> Tensor:
        return found.transpose(1, 2)


class Standardised(nn.Module):
    """Gives inputs less their mean, by their standard deviation, as `like` has them: a column each, or a channel.

    Args:
        like: (N, …) numbers, of which those that are not finite do not count.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, like: Tensor) -> None:
        super().__init__()
        values = like.detach().float()
        axis = values.dim() - 1 if values.dim() <= 3 else 1
        rows = values.movedim(axis, 0).reshape(values.shape[axis], -1) if values.dim() > 1 else values[None]
        finite = rows.isfinite()
        count = finite.sum(1).clamp_min(1)
        mean = torch.where(finite, rows, 0.0).sum(1) / count
        std = (torch.where(finite, rows - mean[:, None], 0.0).square().sum(1) / count).sqrt()
        view = [-1 if at == axis else 1 for at in range(values.dim())]
        self.register_buffer("mean", mean.view(view))
        self.register_buffer("std", torch.where(std > 1e-6 * mean.abs(), std, 1.0).clamp_min(1e-12).view(view))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return standardised inputs, float32; what is not finite is handed on."""
        return (inputs.float() - self.mean) / self.std


class Rescaled(nn.Module):
    """Gives outputs times the standard deviation of targets, plus their mean, so that a network meets unit scale.

    Args:
        targets: (N, …) numbers, shaped as the outputs are.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, targets: Tensor) -> None:
        super().__init__()
        values = targets.detach().float()
        self.register_buffer("mean", values.mean(0))
        self.register_buffer("std", values.std(0, correction=0).mean().clamp_min(1e-12))

    def forward(self, outputs: Tensor) -> Tensor:
        """Return outputs in the targets' unit."""
        return outputs * self.std + self.mean
