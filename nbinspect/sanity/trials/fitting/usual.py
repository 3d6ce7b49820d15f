"""Regularisation of a size that is used everywhere, which is not what keeps a batch from being fitted."""

from __future__ import annotations

from collections.abc import Sequence

_DROPOUT, _DECAY = 0.5, 0.01
"""Largest usual sizes; of weight decay the default of AdamW, for as a part of Adam's gradient 0.1 is far too much."""


def is_usual(switched: str) -> bool:
    """Return whether a dropout or weight decay, told by place and size as `plain` does, is of a usual size."""
    place, size = _parts_of(switched)
    most = _DECAY if place == "weight decay" else _DROPOUT if _is_dropout(place) else 0.0
    return size is not None and size <= most


def of_what_is_kept(off: Sequence[str]) -> str:
    """Return what to say of the largest dropout of these, if it drops more than it keeps: maybe the other was meant."""
    shares = [size for place, size in map(_parts_of, off) if size is not None and _is_dropout(place)]
    if not shares or not _DROPOUT < max(shares) < 1:
        return ""
    dropped, kept = f"{max(shares):g}", f"{1 - max(shares):.3g}"
    return f" A dropout of {dropped} keeps {kept}: if {dropped} is the share to keep, write {kept}."


def _parts_of(switched: str) -> tuple[str, float | None]:
    """Return the place and the size of what was switched off; of a layer of the user's own, told by its kind, none."""
    place, _, size = switched.rpartition(" ")
    try:
        return place, float(size)
    except ValueError:
        return place, None


def _is_dropout(place: str) -> bool:
    name = place.rpartition(".")[2].lower()
    return name == "p" or ("drop" in name and "keep" not in name)
