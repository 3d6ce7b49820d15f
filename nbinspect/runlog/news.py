"""What is fresh of a run, put behind what was there: how parts of a `DynamicsRecord` become one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import chain, zip_longest
from typing import Any

import numpy as np

from nbinspect.dynamics.history import History, facts_of
from nbinspect.records import DynamicsRecord, Trace
from nbinspect.wire import pack


def fold(whole: DynamicsRecord | None, *fresh: DynamicsRecord) -> DynamicsRecord | None:
    """Return all as one record, with nothing thinned: arrays and lists are appended, facts are those of the last one.

    Args:
        whole: what was there; None where nothing was.
        fresh: what came after it, in order.
    """
    parts = fresh if whole is None else (whole, *fresh)
    if len(parts) < 2:
        return parts[0] if parts else None
    readings = zip_longest(*(part.readings for part in parts), fillvalue=())
    return replace(
        parts[-1],
        probes=next((part.probes for part in reversed(parts) if part.probes), ()),
        readings=tuple(tuple(chain.from_iterable(each)) for each in readings),
        traces=_joined(chain.from_iterable(part.traces for part in parts)),
        moments=tuple(chain.from_iterable(part.moments for part in parts)),
        spikes=tuple(chain.from_iterable(part.spikes for part in parts)),
    )


def _joined(traces: Iterable[Trace]) -> tuple[Trace, ...]:
    by_name: dict[tuple[str, str], list[Trace]] = {}
    for trace in traces:
        by_name.setdefault((trace.name, trace.part), []).append(trace)

    def column(parts: list[Trace], name: str) -> Any:
        return np.concatenate([getattr(part, name) for part in parts])

    return tuple(
        Trace(*key, *(column(parts, name) for name in ("step", "low", "mean", "high", "broken")))
        for key, parts in by_name.items()
    )


def thinned(record: DynamicsRecord) -> DynamicsRecord:
    """Return the record in bounded memory: extremes, and recent detail, stay."""
    history = History()
    history.append(record)
    return history.whole(facts_of(record))


def later(record: DynamicsRecord, steps: int, seconds: float) -> DynamicsRecord:
    """Return the record of a run that was resumed after so many steps and seconds, counted from the first beginning."""
    if not steps and not seconds:
        return record
    return replace(
        record,
        steps=record.steps + steps,
        seconds=record.seconds + seconds,
        readings=tuple(tuple(replace(each, step=each.step + steps) for each in part) for part in record.readings),
        traces=tuple(replace(trace, step=trace.step + steps) for trace in record.traces),
        moments=tuple(
            replace(each, step=each.step + steps, since=None if each.since is None else each.since + steps)
            for each in record.moments
        ),
        spikes=tuple(replace(each, step=each.step + steps) for each in record.spikes),
        pins=tuple(step + steps for step in record.pins),
    )


def weight(record: DynamicsRecord) -> int:
    """Return the bytes of a record's arrays."""
    buffers: list[memoryview] = []
    pack(record, buffers)
    return sum(part.nbytes for part in buffers)
