"""Regularisation of a size that is used everywhere, which is not what keeps a batch from being fitted."""

from __future__ import annotations

from contextlib import suppress

_DROPOUT, _DECAY = 0.5, 0.01
"""Largest usual sizes; of weight decay the default of AdamW, for as a part of Adam's gradient 0.1 is far too much."""


def is_usual(switched: str) -> bool:
    """Return whether a dropout or weight decay, told by place and size as `plain` does, is of a usual size."""
    place, _, size = switched.rpartition(" ")
    name = place.rpartition(".")[2].lower()
    is_dropout = name == "p" or ("drop" in name and "keep" not in name)
    most = _DECAY if place == "weight decay" else _DROPOUT if is_dropout else 0.0
    with suppress(ValueError):  # a layer of the user's own, told by its kind
        return float(size) <= most
    return False
