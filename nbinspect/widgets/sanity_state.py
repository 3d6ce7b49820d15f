"""What the page of a sanity view is told: a run as far as it has come, and the results of several runs as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from nbinspect.records import CheckResult, Progress, SanityRecord
from nbinspect.sanity.check import Check
from nbinspect.sanity.diagnosis import diagnose
from nbinspect.subject import Subject


def so_far(
    subject: Subject,
    results: Sequence[CheckResult],
    seed: int,
    seconds: float,
    cut: str = "",
    *,
    plain: bool = False,
) -> SanityRecord:
    """Return what a run has found that has not ended, or was interrupted; without a diagnosis."""
    return SanityRecord(
        model=type(subject.network).__name__,
        results=tuple(results),
        diagnosis=(),
        task=None,
        device=str(subject.target_device or "cpu"),
        memory=None,
        seed=seed,
        seconds=seconds,
        passes=sum(result.passes for result in results),
        cut=cut,
        notes=(),
        versions=(),
        steps=sum(result.steps for result in results),
        plain=plain,
    )


def merged(before: SanityRecord | None, new: SanityRecord, checks: Sequence[Check]) -> SanityRecord:
    """Return a run with the results of the runs before it that it did not replace, diagnosed as one.

    A check that the new run did not get to keeps its earlier answer. Seconds and passes are those of the results that
    are shown; what the new run does not know, as the task, is taken from the earlier ones.
    """
    earlier = {result.check: result for result in before.results} if before is not None else {}
    fresh = {r.check: r for r in new.results if r.check not in earlier or not _left_out(r, new.cut)}
    kept = [result for name, result in earlier.items() if name not in fresh]
    named = {result.check: result for result in kept} | fresh
    results, diagnosis = diagnose([named[check.name] for check in checks if check.name in named], checks)
    found = replace(
        new,
        results=results,
        diagnosis=diagnosis,
        seconds=new.seconds + sum(result.seconds for result in kept),
        passes=new.passes + sum(result.passes for result in kept),
        steps=new.steps + sum(result.steps for result in kept),
    )
    if before is None:
        return found
    return replace(
        found,
        task=new.task or before.task,
        memory=new.memory or before.memory,
        versions=new.versions or before.versions,
        notes=tuple(dict.fromkeys((*(before.notes if kept else ()), *new.notes))),
    )


def _left_out(result: CheckResult, cut: str) -> bool:
    """Tell whether a run that was cut short did not get to the end of a check."""
    return bool(cut) and result.status == "skip" and result.summary in (f"not run: {cut}", f"not finished: {cut}")


def progress_of(progress: Progress) -> dict[str, Any]:
    """Return how far a run has come, as JSON values, without the results."""
    return {name: getattr(progress, name) for name in ("done", "total", "check", "seconds", "left", "steps")}
