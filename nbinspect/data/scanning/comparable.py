"""By which hashes samples are compared: of what the network gets, or of what the data set held before its transform."""

from __future__ import annotations

import numpy as np

from nbinspect.records import Integers

_NONE = np.zeros(0, np.int64)
_RANDOM = "samples differ at each reading, as by random augmentation: values are of one reading; "


def comparable(inputs: Integers, held: Integers, *, random: bool) -> tuple[Integers, str]:
    """Return the hashes that tell equal samples, (0,) where none do, and a note; the arguments are left unchanged.

    Args:
        inputs: (N,) of what the network gets, or (0,).
        held: (N,) of what the transform was given, or (0,).
        random: whether inputs differ at each reading.
    """
    if not random:
        # what was held can be compared with another split, whose transform differs, but must not say more than inputs
        return (held if len(held) == len(inputs) and _tells(held, inputs) else inputs), ""
    if not len(held):
        return _NONE, _RANDOM + "equal samples cannot be told"
    return held, _RANDOM + "equal samples are told by what the transform is given"


def _tells(held: Integers, inputs: Integers) -> bool:
    """Whether samples of equal content also have equal inputs."""
    order = np.argsort(held, kind="stable")
    same = np.diff(held[order]) == 0
    return not bool((same & (np.diff(inputs[order]) != 0)).any())
