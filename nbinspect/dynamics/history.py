"""All that is known of a run so far: what is fresh since somebody was last told, and the whole, thinned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nbinspect.dynamics.thinning import Readings, Traces
from nbinspect.records import DynamicsRecord, Floats, Integers, Moment, ProbeRecord, Reading, Spike, Trace

MOMENTS, SPIKES = 256, 16


@dataclass(frozen=True)
class Facts:
    """What is true of a run as it stands, beside what it has left behind; fields as in `DynamicsRecord`."""

    model: str
    optimizers: tuple[str, ...] = ()
    steps: int = 0
    seconds: float = 0.0
    overhead: float = float("nan")
    budget: float = 0.02
    pins: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


class History:
    """What a run leaves behind. `fresh` hands out each thing once, `whole` all that is kept; memory is bounded."""

    def __init__(self) -> None:
        self._traces = Traces()
        self._probes: list[ProbeRecord] = []
        self._readings: list[Readings] = []
        self._moments: list[Moment] = []
        self._spikes: list[Spike] = []
        self._clear()

    def _clear(self) -> None:
        self._new_values: dict[tuple[str, str], tuple[list[int], list[float]]] = {}
        self._new_readings: dict[int, list[Reading]] = {}
        self._new_moments: list[Moment] = []
        self._new_spikes: list[Spike] = []
        self._new_probes = False

    def value(self, name: str, step: int, value: float, part: str = "") -> None:
        """Add a number after a step."""
        self.values(name, [step], [value], part)

    def values(self, name: str, steps: Sequence[int], values: Sequence[float], part: str = "") -> None:
        """Add a number after several steps."""
        held = self._new_values.setdefault((name, part), ([], []))
        held[0].extend(steps)
        held[1].extend(values)

    def probe(self, record: ProbeRecord) -> None:
        """Add a probe; its number is that of the probes before it."""
        self._probes.append(record)
        self._readings.append(Readings())
        self._new_probes = True

    def reading(self, probe: int, reading: Reading, pins: Sequence[int] = ()) -> None:
        """Add what the network made of a probe."""
        self._readings[probe].add(reading, pins)
        self._new_readings.setdefault(probe, []).append(reading)

    def moment(self, moment: Moment) -> None:
        """Add a mark on the time line; of too many, the oldest go."""
        self._new_moments.append(moment)
        self._moments = [*self._moments, moment][-MOMENTS:]

    def spike(self, spike: Spike) -> None:
        """Add a spike; of too many, the largest stay."""
        self._new_spikes.append(spike)
        self._spikes.append(spike)
        if len(self._spikes) > SPIKES:
            self._spikes.remove(min(self._spikes, key=lambda one: one.loss / max(one.usual, 1e-12)))

    @property
    def has_news(self) -> bool:
        """Whether `fresh` has something to hand out."""
        return bool(self._new_values or self._new_readings or self._new_moments or self._new_spikes)

    def readings(self, probe: int) -> tuple[Reading, ...]:
        """Return the readings of a probe that are kept."""
        return self._readings[probe].readings()

    def numbers(self) -> dict[tuple[str, str], tuple[Integers, Floats]]:
        """Return steps and values (P,) of each number by its name and part, with those not handed out yet.

        A value is that of a step, or the mean of a stretch that was thinned; NaN and Inf are left out.
        """
        found = {(trace.name, trace.part): [trace] for trace in self._traces.traces()}
        for (name, part), held in self._new_values.items():
            found.setdefault((name, part), []).append(_trace(name, part, *held))
        joined = {}
        for key, traces in found.items():
            steps = np.concatenate([trace.step for trace in traces])
            means = np.concatenate([trace.mean for trace in traces])
            joined[key] = steps[np.isfinite(means)], means[np.isfinite(means)]
        return joined

    @property
    def probes(self) -> tuple[ProbeRecord, ...]:
        """The probes, by their numbers."""
        return tuple(self._probes)

    @property
    def moments(self) -> tuple[Moment, ...]:
        """The marks on the time line that are kept."""
        return tuple(self._moments)

    def fresh(self, facts: Facts) -> DynamicsRecord:
        """Return what was added since the last call, and keep it with the rest."""
        traces = tuple(_trace(name, part, *held) for (name, part), held in self._new_values.items())
        self._traces.extend(traces)
        record = DynamicsRecord(
            **vars(facts),
            probes=tuple(self._probes) if self._new_probes else (),
            readings=tuple(tuple(self._new_readings.get(number, ())) for number in range(len(self._probes))),
            traces=traces,
            moments=tuple(self._new_moments),
            spikes=tuple(self._new_spikes),
        )
        self._clear()
        return record

    def whole(self, facts: Facts) -> DynamicsRecord:
        """Return all that is kept, without what `fresh` has not handed out yet of the numbers."""
        return DynamicsRecord(
            **vars(facts),
            probes=tuple(self._probes),
            readings=tuple(each.readings() for each in self._readings),
            traces=self._traces.traces(),
            moments=tuple(self._moments),
            spikes=tuple(self._spikes),
        )

    def append(self, fresh: DynamicsRecord) -> None:
        """Add what another run's `fresh` has told, in order; a probe that is known by its number is not added again."""
        for record in fresh.probes[len(self._probes) :]:
            self.probe(record)
        for number, readings in enumerate(fresh.readings):
            for reading in readings:
                self.reading(number, reading, fresh.pins)
        for moment in fresh.moments:
            self.moment(moment)
        for spike in fresh.spikes:
            self.spike(spike)
        self._traces.extend(fresh.traces)
        self._clear()  # it has been handed out already, by the run itself


def facts_of(record: DynamicsRecord) -> Facts:
    """Return the facts of a record, to make others of the same run."""
    return Facts(**{name: getattr(record, name) for name in Facts.__dataclass_fields__})


def _trace(name: str, part: str, steps: list[int], values: list[float]) -> Trace:
    value = np.array(values, dtype=np.float32)
    finite = np.isfinite(value)
    known = np.where(finite, value, np.float32(np.nan))
    return Trace(name, part, np.array(steps, dtype=np.int64), known, known, known, (~finite).astype(np.int32))
