"""How results of checks are said: marks, tones, headlines, one sentence for the thing to mend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nbinspect.figures.steps import file_name
from nbinspect.figures.words import clean, plural
from nbinspect.records import CheckResult, SanityRecord

MARKS = {"pass": "●", "warn": "▲", "fail": "✕", "inconclusive": "?", "skip": "–", "waived": "○", "error": "!"}
TONES = {"pass": "ok", "warn": "warn", "fail": "bad", "inconclusive": "soft", "skip": "soft", "waived": "soft"}
TONES["error"] = "bad"
_ORDER = ("fail", "error", "warn", "pass", "inconclusive", "waived", "skip")
_NOUNS = {"fail": "failed", "error": "error", "warn": "warning", "pass": "passed"}


def counts(results: Sequence[CheckResult]) -> str:
    """Return ``2 failed · 1 warning · 38 passed · 4 skipped``; what did not occur is left out."""
    found = {status: sum(result.status == status for result in results) for status in _ORDER}
    nouns = {**_NOUNS, "inconclusive": "inconclusive", "waived": "waived", "skip": "skipped"}
    parts = []
    for status, count in found.items():
        if count:
            noun = nouns[status]
            parts.append(plural(count, noun) if status in ("error", "warn") else f"{count} {noun}")
    return " · ".join(parts) or "no check was run"


def at(result: CheckResult) -> str:
    """Return ``net.py:36`` or where else it is; empty where it is nowhere."""
    if result.place is not None:
        return f"{file_name(result.place.file)}:{result.place.line}"
    return clean(result.where, 80)


def headline(result: CheckResult) -> str:
    """Return a finding as a headline."""
    return clean(result.title or f"{result.check}: {result.summary}", 160)


def sentence(record: SanityRecord) -> str:
    """Return the thing to mend first in one sentence; what the run came to where there is none."""
    named = {result.check: result for result in record.results}
    first = named.get(record.diagnosis[0]) if record.diagnosis else None
    if first is None:
        cut = f", but the run was cut short ({clean(record.cut)})" if record.cut else ""
        return f"No defect was found by {plural(ran(record), 'check')}{cut}."
    place = f" at {at(first)}" if at(first) else ""
    return f"{headline(first)}{place}: {clean(first.remedy or first.detail, 400)}"


def ran(record: SanityRecord) -> int:
    """Return how many checks came to an answer."""
    return sum(result.status in ("pass", "warn", "fail", "inconclusive", "waived") for result in record.results)


def findings(record: SanityRecord) -> Iterator[CheckResult]:
    """Give what failed or warned, causes first, and then the errors."""
    named = {result.check: result for result in record.results}
    yield from (named[name] for name in record.diagnosis)
    yield from (result for result in record.results if result.status == "error")


def follows(result: CheckResult) -> str:
    """Return ``follows from loss-input`` or ``explains 2 other findings: …``; empty where neither holds."""
    if result.explained_by:
        return f"follows from {result.explained_by}"
    if result.explains:
        return f"explains {plural(len(result.explains), 'other finding')}: {', '.join(result.explains)}"
    return ""


def facts_of_run(record: SanityRecord) -> Iterator[str]:
    """Give the device, memory, time, passes and seed of a run."""
    yield clean(record.model, 60)
    yield record.device
    if record.memory is not None:
        yield f"{record.memory[0] / 2**30:.1f} of {record.memory[1] / 2**30:.0f} GiB"
    yield f"{record.seconds:.1f} s"
    yield f"{record.passes:.1f} passes"
    yield f"seed {record.seed}"


def told(record: SanityRecord) -> Iterator[str]:
    """Give what a reader should know of the run: the task and from what it was told, and the notes."""
    if record.task is not None:
        classes = f" of {record.task.classes} classes" if record.task.classes else ""
        how = "as you said" if record.task.given else f"inferred: {clean(record.task.why, 300)}"
        yield f"task: {record.task.kind}{classes} ({how})"
    yield from (clean(note, 400) for note in record.notes)
    if record.cut:
        yield f"cut short: {clean(record.cut)}"
