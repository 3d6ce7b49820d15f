"""How results of checks are said: marks, tones, headlines, one sentence for the thing to mend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nbinspect.figures.steps import file_name
from nbinspect.figures.words import brief, clean, clean_lines, plural
from nbinspect.records import CheckResult, SanityRecord

LONG = 1200
"""Characters that are shown of a finding's detail and of a remedy."""
MARKS = {"fail": "✕", "error": "!", "warn": "▲", "pass": "●", "inconclusive": "?", "waived": "○", "skip": "–"}
TONES = {"fail": "bad", "error": "bad", "warn": "warn", "pass": "ok"}
_WORDS = {"fail": "failed", "error": "error", "warn": "warning", "pass": "passed", "skip": "skipped"}
_ANSWERS = ("pass", "warn", "fail", "inconclusive", "waived")


def tone(result: CheckResult) -> str:
    """Return the colour of a result by name: ``bad``, ``warn``, ``ok`` or ``soft``."""
    return TONES.get(result.status, "soft")


def counts(results: Sequence[CheckResult]) -> str:
    """Return ``2 failed · 1 warning · 38 passed · 4 skipped``; what did not occur is left out."""
    parts = []
    for status in MARKS:
        count, word = sum(result.status == status for result in results), _WORDS.get(status, status)
        if count:
            parts.append(plural(count, word) if status in ("error", "warn") else f"{count} {word}")
    return " · ".join(parts) or "no check was run"


def at(result: CheckResult) -> str:
    """Return ``net.py:36`` or where else it is; empty where it is nowhere."""
    if result.place is not None:
        return f"{file_name(result.place.file)}:{result.place.line}"
    return clean(result.where, 80)


def headline(result: CheckResult) -> str:
    """Return a finding as a headline, without the name of its check."""
    return clean(result.title or result.summary or result.status, 160)


def sentence(record: SanityRecord) -> str:
    """Return the thing to mend first in one sentence; what the run came to where there is none."""
    first = next(findings(record), None)
    if first is not None and first.status != "error":
        place = f" at {at(first)}" if at(first) else ""
        return f"{headline(first)}{place}: {clean(first.remedy or first.detail, 400)}"
    cut = f", but the run was cut short ({clean(record.cut)})" if record.cut else ""
    answered = sum(result.status in _ANSWERS for result in record.results)
    if first is not None:
        broken = plural(sum(result.status == "error" for result in record.results), "check")
        return f"{broken} could not finish; no defect was found by {plural(answered, 'other check')}{cut}."
    return (
        f"No defect was found by {plural(answered, 'check')}{cut}." if answered else f"No check came to an answer{cut}."
    )


def findings(record: SanityRecord) -> Iterator[CheckResult]:
    """Give what failed or warned, causes first, and then the errors."""
    named = {result.check: result for result in record.results}
    yield from (named[name] for name in record.diagnosis)
    yield from (result for result in record.results if result.status == "error")


def left_open(record: SanityRecord) -> Iterator[CheckResult]:
    """Give what is neither: the inconclusive results, with what would settle them, and the waived ones."""
    yield from (result for result in record.results if result.status in ("inconclusive", "waived"))


def further(record: SanityRecord) -> list[str]:
    """Return the names of what else is to be looked at beside the first finding and what follows from it."""
    return [result.check for result in list(findings(record))[1:] if not result.explained_by]


def follows(result: CheckResult) -> str:
    """Return ``follows from loss-input`` or ``explains 2 other findings: …``; empty where neither holds."""
    if result.explained_by:
        return f"follows from {result.explained_by}"
    if result.explains:
        return f"explains {plural(len(result.explains), 'other finding')}: {', '.join(result.explains)}"
    return ""


def lines_of(result: CheckResult) -> Iterator[str]:
    """Give a result as lines of text: headline, detail, numbers beside what was expected, remedy, code."""
    confirmed = " (confirmed)" if result.confirmed else ""
    place = f" · {at(result)}" if at(result) else ""
    yield f"{MARKS[result.status]} {result.check}: {headline(result)}{confirmed}{place}"
    if result.detail:
        yield f"    {clean(result.detail, LONG)}"
    for one in result.measurements:
        yield f"    {clean(one.quantity)}: {clean(one.measured)} (expected {clean(one.expected)})"
    if result.remedy:
        yield f"    remedy: {clean(result.remedy, LONG)}"
    yield from (f"      {line}" for line in clean_lines(result.code).splitlines())
    if follows(result):
        yield f"    {follows(result)}"


def facts_of_run(record: SanityRecord) -> Iterator[str]:
    """Give the model, device, memory, time, passes and seed of a run."""
    yield clean(record.model, 60)
    yield clean(record.device, 60)
    if record.memory is not None:
        yield f"{record.memory[0] / 2**30:.1f} of {record.memory[1] / 2**30:.0f} GiB"
    yield f"{record.seconds:.1f} s"
    yield passes(record.passes)
    if record.steps:
        yield training(record.steps)
    yield f"seed {record.seed}"


def passes(count: float) -> str:
    """Return ``no pass``, ``1 pass`` or ``2.5 passes``."""
    return f"{brief(count)} passes" if count not in (0, 1) else "1 pass" if count else "no pass"


def training(steps: int) -> str:
    """Return ``1 training step`` or ``190 training steps``."""
    return plural(steps, "training step")


def told(record: SanityRecord) -> Iterator[str]:
    """Give what a reader should know of the run: the task and from what it was told, and the notes."""
    if record.task is not None:
        noun = ("label", "labels") if record.task.kind == "multilabel" else ("class", "classes")
        classes = f" of {record.task.classes} {noun[record.task.classes != 1]}" if record.task.classes else ""
        how = "as you said" if record.task.given else f"inferred: {clean(record.task.why, 300)}"
        yield f"task: {record.task.kind}{classes} ({how})"
    yield from (clean(note, 400) for note in record.notes)
    if record.cut:
        yield f"cut short: {clean(record.cut)}"
