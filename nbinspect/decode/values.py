"""Any tensor as a value map: its last two axes as a picture, with a facet for each index of the axes before them."""

from __future__ import annotations

import math

import numpy as np
from torch import Tensor

from nbinspect.decode.image import picture_layout
from nbinspect.decode.planes import Samples, encode
from nbinspect.errors import InputError
from nbinspect.records import Pictures, Statistics

_FACETS = 16


def decode_values(tensor: Samples, name: str, *, statistics: Statistics | None = None) -> Pictures:
    """Return N samples of any shape as value maps of at most 16 facets, evenly spread; leaves them unchanged.

    (N,) becomes one pixel a sample, (N, F) a row, (N, A, B) a map, (N, C, H, W) a facet a channel, (N, C, D, H, W) a
    facet a slice, and so on. N samples of different sizes come as a list. Source: K-before-net.

    Raises:
        InputError: for an empty list, and for one of which the samples differ in what comes before the last two axes.
    """
    if isinstance(tensor, Tensor):
        tensor = tensor.reshape(1) if tensor.dim() == 0 else tensor
        tensor = tensor.movedim(-1, 1) if picture_layout(tensor.shape, tensor.dtype) == "HWC" else tensor
        samples: Samples = _maps(tensor, 1)
        leading = tuple(tensor.shape[1:-2])
    else:
        kinds = sorted({(sample.dim(), tuple(sample.shape[:-2])) for sample in tensor})
        if len(kinds) != 1:
            raise InputError(
                f"{name}: expected samples that differ only in their last two axes, got {len(tensor)} samples with "
                f"{', '.join(f'{axes} axes beginning {start}' for axes, start in kinds[:4]) or 'no shape'}"
            )
        samples = [_maps(sample, 0) for sample in tensor]
        leading = kinds[0][1]
    shown = slice(0, None, max(1, math.ceil(math.prod(leading) / _FACETS)))
    channels = _facet_names(leading)[shown]
    return encode(samples, name, "values", shown=shown, channels=channels, statistics=statistics)


def _maps(values: Tensor, start: int) -> Tensor:
    """A view with one axis of facets at `start` and two axes after it."""
    while values.dim() < start + 3:
        values = values.unsqueeze(start)
    return values.flatten(start, -3)


def _facet_names(leading: tuple[int, ...]) -> tuple[str, ...]:
    """``[2]`` or ``[0, 2]``, the index of each facet; ``values`` where there is but one map."""
    if not leading:
        return ("values",)
    return tuple(f"[{', '.join(map(str, index))}]" for index in np.ndindex(leading))
