"""Indices of a data set: those that a loader asks for, and those that a person does."""

from __future__ import annotations

import operator
from collections import deque
from collections.abc import Iterator
from typing import Any

from nbinspect.errors import InputError


class RecordedIndices:
    """A sampler that passes on another's indices and remembers them: workers prefetch, so several are ahead."""

    def __init__(self, sampler: Any) -> None:
        self._sampler = sampler
        self.groups: deque[Any] = deque()
        """Those whose batches have not come yet."""
        self.error: Exception | None = None
        """What the other raised. It ends the pass: raised in the loader, it would leave a worker that nobody stops."""

    def __iter__(self) -> Iterator[Any]:
        try:
            for group in self._sampler:
                self.groups.append(group)
                yield group
        except Exception as error:  # noqa: BLE001 - whatever the sampler raises; told once the pass has ended
            self.error = error


def as_indices(group: Any) -> tuple[int, ...] | None:
    """Return what a sampler gave for one batch as indices; None where it gave something else."""
    if isinstance(group, int):
        return None
    try:
        return tuple(int(index) for index in group)
    except (TypeError, ValueError):
        return None


def checked_indices(indices: Any) -> list[int]:
    """Return indices that were asked for as a list.

    Raises:
        InputError: for what is no sequence of whole numbers from 0, or an empty one.
    """
    try:
        found = [operator.index(index) for index in indices]
    except TypeError as error:
        raise InputError(f"indices: expected whole numbers such as [417, 12], got {indices!r:.80}") from error
    if not found or min(found) < 0:
        raise InputError(f"indices: expected whole numbers from 0, one or more, got {found!r:.80}")
    return found
