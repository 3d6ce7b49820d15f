"""The last weighted layer before the loss: its bias, and how large it was drawn."""

from __future__ import annotations

from nbinspect.capture.kinds import word_of
from nbinspect.sanity.evidence.depth import Layer, layers_of
from nbinspect.sanity.evidence.lineage import ancestors
from nbinspect.sanity.recorded import Operation, Recorded

_ROWS_OUT = ("linear", "conv1d", "conv2d", "conv3d")
"""Operations whose weight has an output along its first axis."""


def head_before(recorded: Recorded, user: Operation) -> Layer | None:
    """Return the last weighted layer that an operation depends on."""
    before = {one.step.index for one in ancestors(recorded, user)}
    return next((layer for layer in reversed(layers_of(recorded)) if layer.operation.step.index in before), None)


def bias_of(recorded: Recorded, layer: Layer | None, length: int) -> str:
    """Return the name of the trainable bias of this length of a layer; empty where there is none."""
    if layer is None:
        return ""
    pairs = zip(layer.operation.step.inputs, layer.operation.given, strict=True)
    return next(
        (use.origin for use, given in pairs if given.shape == (length,) and use.origin in recorded.gradients), ""
    )


def oversize(layer: Layer | None) -> float:
    """Return the root mean square of a layer's weights over that of usual ones, 1/√(inputs); 0 where none is known."""
    if layer is None or word_of(layer.operation.step.name) not in _ROWS_OUT or not layer.weight.numel():
        return 0.0
    inputs = layer.weight.numel() / layer.weight.shape[0]
    return float(layer.weight.detach().double().square().mean().mul(inputs).sqrt())
