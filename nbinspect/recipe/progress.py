"""How far a program has come with the recipe, told from what has been run of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from nbinspect.figures.words import plural
from nbinspect.recipe.catalogue import CHAPTERS, Advice
from nbinspect.recipe.evidence import Evidence, Scan, Verdict
from nbinspect.records import RecipeChapter, RecipeRecord, RecipeStep, RoomName, StepState

_ENOUGH = 1_000
"""Samples that are a look at the data, where there are too many to scan them all."""
_PERSON = 10
"""Answers of a person that say something."""
_SHOWN = 3
_WEIGHTS: tuple[StepState, ...] = ("attention", "done", "todo", "off")
_NO_LOADER = "give a loader: Inspector(model, loader, loss_fn)"
_NO_VALIDATION = "give the validation data: Inspector(…, val_loader=…)"
_NO_JOURNAL = 'give a journal: Inspector(…, journal="runs.db")'


@dataclass(frozen=True)
class _Judged:
    state: StepState
    text: str = ""
    defect: bool = False
    """Whether something is certainly wrong, and not only worth a look."""
    room: RoomName | None = None
    """Where it was found, if not where the step is done."""


def recipe_of(evidence: Evidence) -> RecipeRecord:
    """Return the recipe as it stands.

    What to do next is the first step with a certain defect, then the first that has not been done, then the first that
    is worth a look.
    """
    judged = {advice.id: _judged(advice, evidence) for _, steps in CHAPTERS for advice in steps}
    chapters = tuple(
        RecipeChapter(title, tuple(_step(advice, judged[advice.id]) for advice in steps)) for title, steps in CHAPTERS
    )
    following, why = _next(chapters, judged)
    states = Counter(found.state for found in judged.values())
    return RecipeRecord(chapters, following, why, states["done"], len(judged) - states["off"])


def _step(advice: Advice, found: _Judged) -> RecipeStep:
    own = (advice.id, advice.title, advice.advice, advice.sources)
    action = None if found.state == "off" else advice.action
    return RecipeStep(*own, found.state, found.text, found.room or advice.room, action)


def _next(chapters: tuple[RecipeChapter, ...], judged: dict[str, _Judged]) -> tuple[str | None, str]:
    steps = [step for chapter in chapters for step in chapter.steps]
    for step in steps:
        if judged[step.id].defect:
            return step.id, f"Mend first: {step.text}"
    for step in steps:
        if step.state == "todo":
            return step.id, step.advice
    for step in steps:
        if step.state == "attention":
            return step.id, f"Worth a look: {step.text}"
    return None, "All that can be done with what was given has been done, and nothing is wrong."


def _judged(advice: Advice, evidence: Evidence) -> _Judged:
    """Judge a step by what it has of its own and by its checks: what is wrong outweighs what is done, that the rest."""
    own = _OWN.get(advice.id)
    found = [own(evidence)] if own is not None else []
    if advice.checks:
        found.append(_by_checks(advice, evidence))
    if found[0].state == "off":
        return found[0]
    return min(found, key=lambda each: (not each.defect, _WEIGHTS.index(each.state)))


def _by_checks(advice: Advice, evidence: Evidence) -> _Judged:
    if not evidence.given.loader:
        return _Judged("off", _NO_LOADER)
    found = [evidence.verdicts[name] for name in advice.checks if name in evidence.verdicts]
    bad = [verdict for verdict in found if verdict.status == "fail"]
    # what another finding explains goes away with its cause, and is not what to mend first
    bad.sort(key=lambda verdict: not verdict.is_cause)
    if bad:
        return _Judged("attention", _titles(bad), defect=bad[0].is_cause)
    odd = [verdict for verdict in found if verdict.status in ("warn", "error")]
    if odd:
        return _Judged("attention", _titles(odd))
    if len(found) < len(advice.checks):
        return _Judged("todo", f"{len(found)} of {plural(len(advice.checks), 'check')} run" if found else "")
    if all(verdict.status == "skip" for verdict in found):
        return _Judged("off", _titles(found))
    counts = Counter(verdict.status for verdict in found)
    words = {"pass": "passed", "inconclusive": "inconclusive", "waived": "waived", "skip": "skipped"}
    return _Judged("done", ", ".join(f"{counts[status]} {word}" for status, word in words.items() if counts[status]))  # type: ignore[index] # these are statuses


def _titles(verdicts: list[Verdict]) -> str:
    titles = list(dict.fromkeys(verdict.title for verdict in verdicts))
    more = len(titles) - _SHOWN
    return " · ".join(titles[:_SHOWN]) + (f" · {more} more" if more > 0 else "")


def _looked(evidence: Evidence) -> _Judged:
    if not evidence.given.loader:
        return _Judged("off", _NO_LOADER)
    scan = evidence.scans.get("train")
    if scan is None or not (scan.rows or scan.failed):
        return _Judged("todo")
    if scan.failed:
        return _Judged("attention", f"{plural(scan.failed, 'sample')} could not be read")
    if not _is_enough(scan):
        return _Judged("todo", f"{scan.rows:,} of {plural(scan.total or scan.rows, 'sample')} scanned")
    rows = [f"{each.rows:,} {split}" for split, each in evidence.scans.items() if each.rows]
    return _Judged("done", f"{' and '.join(rows)} samples scanned")


def _is_enough(scan: Scan) -> bool:
    return scan.complete or scan.rows >= _ENOUGH


def _odd(evidence: Evidence) -> _Judged:
    kinds = {kind for scan in evidence.scans.values() for kind, _ in scan.warnings}
    return _by_scan(evidence, kinds - {"in both splits", "shift", "order"})


def _apart(evidence: Evidence) -> _Judged:
    if not evidence.given.validation:
        return _Judged("off", _NO_VALIDATION)
    both = "validation" in evidence.scans and "train" in evidence.scans
    return _by_scan(evidence, {"in both splits", "shift"}) if both else _Judged("todo")


def _ordered(evidence: Evidence) -> _Judged:
    found = _by_scan(evidence, {"order"})
    return found if found.state in ("attention", "off") else _Judged("todo")  # the rest is for checks to say


def _by_scan(evidence: Evidence, kinds: set[str]) -> _Judged:
    """Judge by what a scan has found of these kinds."""
    scans = [scan for scan in evidence.scans.values() if scan.rows]
    texts = list(dict.fromkeys(text for scan in scans for kind, text in scan.warnings if kind in kinds))
    if texts:
        more = f" · {len(texts) - 1} more" if len(texts) > 1 else ""
        return _Judged("attention", f"{texts[0]}{more}", room="data")
    if scans and all(map(_is_enough, scans)):
        return _Judged("done", "the scan found nothing odd")
    return _Judged("todo") if evidence.given.loader else _Judged("off", _NO_LOADER)


def _simple(evidence: Evidence) -> _Judged:
    if not evidence.given.loader:
        return _Judged("off", _NO_LOADER)
    if evidence.baseline is None:
        return _Judged("todo")
    # a network that was not trained yet is below simple models, and nothing is wrong with it
    state: StepState = "attention" if evidence.baseline.verdict == "nothing to learn" else "done"
    return _Judged(state, evidence.baseline.sentence)


def _person(evidence: Evidence) -> _Judged:
    if not evidence.given.loader:
        return _Judged("off", _NO_LOADER)
    labelled = f"{plural(evidence.answered, 'sample')} labelled" if evidence.answered else ""
    return _Judged("done" if evidence.answered >= _PERSON else "todo", labelled)


def _batch(evidence: Evidence) -> _Judged:
    seen = evidence.batch
    if seen is None:
        return _Judged("todo") if evidence.given.loader else _Judged("off", _NO_LOADER)
    if seen.error:
        return _Judged("attention", f"the forward raised {seen.error}", defect=True)
    if seen.warnings:
        return _Judged("attention", " · ".join(seen.warnings[:_SHOWN]))
    return _Judged("done", f"{plural(seen.size, 'sample')} shown")


def _forward(evidence: Evidence) -> _Judged:
    seen = evidence.forward
    if seen is None:
        return _Judged("todo") if evidence.given.loader else _Judged("off", _NO_LOADER)
    if seen.error:
        return _Judged("attention", f"the pass ended early: {seen.error}", defect=True)
    return _Judged("done", f"{plural(seen.steps, 'step')} recorded")


def _dynamics(evidence: Evidence) -> _Judged:
    run = evidence.run
    if run is None or not run.steps:
        return _Judged("todo")
    if run.alerts:
        return _Judged("attention", run.alerts[-1])
    return _Judged("done", f"{plural(run.steps, 'step')} watched, the predictions read {plural(run.readings, 'time')}")


def _whole(evidence: Evidence) -> _Judged:
    if not evidence.given.validation:
        return _Judged("off", _NO_VALIDATION)
    predicted = "validation" in evidence.scans and evidence.scans["validation"].predicted
    if predicted or (evidence.run is not None and evidence.run.validated):
        return _Judged("done", "all of it was predicted" if predicted else "evaluated while training ran")
    return _Judged("todo")


def _wrong(evidence: Evidence) -> _Judged:
    if not evidence.given.loader:
        return _Judged("off", _NO_LOADER)
    rows = sum(scan.rows for scan in evidence.scans.values() if scan.predicted)
    return _Judged("done", f"{plural(rows, 'sample')} predicted") if rows else _Judged("todo")


def _journal(evidence: Evidence) -> _Judged:
    if not evidence.given.journal:
        return _Judged("off", _NO_JOURNAL)
    return _Judged("done", "what is run is kept") if evidence.verdicts or evidence.run else _Judged("todo")


_OWN: dict[str, Callable[[Evidence], _Judged]] = {
    "look-at-data": _looked,
    "odd-samples": _odd,
    "splits": _apart,
    "order": _ordered,
    "simple-models": _simple,
    "human": _person,
    "exact-batch": _batch,
    "forward-pass": _forward,
    "dynamics": _dynamics,
    "whole-validation": _whole,
    "wrong-predictions": _wrong,
    "journal": _journal,
}
"""How steps are judged that are more than checks."""
