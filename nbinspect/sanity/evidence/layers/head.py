"""The last weighted layer before the loss: its bias, and how large it was drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2

from nbinspect.capture.kinds import word_of
from nbinspect.sanity.evidence.layers.depth import Layer, layers_of
from nbinspect.sanity.evidence.passes.lineage import ancestors
from nbinspect.sanity.recorded import Operation, Recorded
from nbinspect.sanity.task import loss_call

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


def slipped(layers: Sequence[Layer], least: float, left: float) -> int | None:
    """Return the first layer but the last that was drawn too small, where no layer behind it sees the signal any more.

    A branch beside others is seen past, and behind a norm the signal is back.

    Args:
        layers: all of a network, from input to output.
        least: times the usual size of weights, below which they are too small.
        left: of the variation at the input, or of 1 where that is less, what no later layer may be given.
    """
    for at, layer in enumerate(layers[:-1]):
        behind = [later.entering for later in layers[at + 1 :]]
        if 0 < oversize(layer) < least and max(behind) < left * min(1.0, layers[0].entering):
            return at
    return None


@dataclass(frozen=True, eq=False)
class NarrowHead:
    """The last layer before cross-entropy, which reads so few units that on and off of each cannot tell the classes."""

    layer: Layer
    units: int
    """What it reads."""
    classes: int
    """Of the batch."""


def narrow_head(recorded: Recorded) -> NarrowHead | None:
    """Return the last layer before cross-entropy where it reads too few trained units for the classes; else None."""
    call = loss_call(recorded)
    if call is None or call.name != "F.cross_entropy" or call.targets.is_floating_point():
        return None
    layer = head_before(recorded, call.operation)
    if layer is None or word_of(layer.operation.step.name) != "linear" or layer.weight.dim() != 2:
        return None
    outputs, units = layer.weight.shape
    labels = call.targets.detach()
    classes = len(set(labels[labels >= 0].tolist()))
    is_trained = any(given.requires_grad and given.shape[-1:] == (units,) for given in layer.operation.given[:1])
    if (
        not is_trained
        or outputs != call.outputs.shape[min(1, call.outputs.dim() - 1)]
        or units >= log2(max(classes, 1))
    ):
        return None
    return NarrowHead(layer, units, classes)
