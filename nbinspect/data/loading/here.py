"""Groups of samples read in this process, on a copy of the data set, where no worker can read any."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from typing import Any, TypeAlias

from nbinspect.data.loading.guarded import Read
from nbinspect.data.loading.passes import Reading, groups_read
from nbinspect.data.loading.plan import Plan
from nbinspect.errors import LoaderError

_Groups: TypeAlias = Generator[tuple[list[Any], list[Read] | None], None, None]


def groups_found(reading: Reading, plan: Plan) -> _Groups:
    """Give groups as `groups_read`; where a loader without workers gives nothing in one, read in this process.

    Raises:
        LoaderError: as `groups_read`.
    """
    with closing(groups_read(reading, plan)) as groups:
        first = next(groups, None)
        if first is not None and (reading.loader.num_workers or not _all_failed(first[1])):
            yield first
            yield from groups
            return
    if first is None:
        return
    with closing(groups_read(replace(reading, here=True), plan)) as groups:
        try:
            own = next(groups, None)
        except LoaderError:  # the data set cannot be copied
            own = None
        if own is not None and not _all_failed(own[1]):
            yield own
            yield from groups
            return
    yield from groups_read(reading, plan)


def _all_failed(reads: list[Read] | None) -> bool:
    """Whether each sample of a group raised; one that killed its worker is not tried again."""
    return reads is not None and any(read.failures for read in reads) and not any(len(read.indices) for read in reads)
