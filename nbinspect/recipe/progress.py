"""How far a program has come with the recipe, told from what has been run of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from nbinspect.figures.words import plural
from nbinspect.recipe.by_checks import by_checks
from nbinspect.recipe.catalogue import CHAPTERS, Advice
from nbinspect.recipe.evidence import Evidence, Scan
from nbinspect.recipe.judged import NO_LOADER, Judged
from nbinspect.records import RecipeChapter, RecipeRecord, RecipeStep, StepState

_ENOUGH = 1_000
"""Samples that are a look at data of which nobody knows where they end."""
_PERSON = 10
"""Answers of a person that say something."""
_READINGS = 2
"""Of a probe, from which its predictions are seen to move."""
_SHOWN = 3
_WEIGHTS: tuple[StepState, ...] = ("attention", "done", "todo", "off")
_NO_VALIDATION = "give the validation data: Inspector(…, val_loader=…)"
_NO_JOURNAL = 'give a journal: Inspector(…, journal="runs.db")'
_BY_HAND = "what was shown was made by hand: take a batch of the loader"


def recipe_of(evidence: Evidence) -> RecipeRecord:
    """Return the recipe as it stands.

    What to do next is the first step where something is certainly wrong; then what has to be given; then the first
    step that has not been done, the first that is worth a look, and last what was tried in vain or takes a person.
    """
    judged = {advice.id: _judged(advice, evidence) for _, steps in CHAPTERS for advice in steps}
    chapters = tuple(
        RecipeChapter(title, tuple(_step(advice, judged[advice.id]) for advice in steps)) for title, steps in CHAPTERS
    )
    following, why = _next(chapters, judged, evidence)
    states = Counter(found.state for found in judged.values())
    return RecipeRecord(chapters, following, why, states["done"], len(judged) - states["off"])


def _step(advice: Advice, found: Judged) -> RecipeStep:
    own = (advice.id, advice.title, advice.advice, advice.sources)
    action = None if found.state == "off" else advice.action
    return RecipeStep(*own, found.state, found.text, found.certain, found.room or advice.room, action)


def _next(chapters: tuple[RecipeChapter, ...], judged: dict[str, Judged], evidence: Evidence) -> tuple[str | None, str]:
    steps = [step for chapter in chapters for step in chapter.steps]
    for step in steps:
        if judged[step.id].certain:
            return step.id, f"Mend first: {step.text}"
    if not evidence.given.loader:
        return steps[0].id, _sentence(NO_LOADER)
    todo = [step for step in steps if step.state == "todo"]
    for step in todo:
        if not judged[step.id].later:
            return step.id, _why(step)
    for step in steps:
        if step.state == "attention":
            return step.id, f"Worth a look: {step.text}"
    if todo:
        return todo[0].id, _why(todo[0])
    off = sum(step.state == "off" for step in steps)
    rest = f"; {plural(off, 'step')} could not be" if off else ""
    return None, f"All that can be done with what was given has been done{rest}."


def _why(step: RecipeStep) -> str:
    return f"{_sentence(step.text)}. {step.advice}" if step.text else step.advice


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _judged(advice: Advice, evidence: Evidence) -> Judged:
    """Judge a step by what it has of its own, and by its checks."""
    own = _OWN.get(advice.id)
    if own is None:
        return by_checks(advice, evidence)
    return _both(own(evidence), by_checks(advice, evidence)) if advice.checks else own(evidence)


def _both(own: Judged, checked: Judged) -> Judged:
    """What is wrong outweighs what was begun and not ended, that what is done, and that the rest."""
    if own.state == "off":
        return own
    if "attention" not in (own.state, checked.state):
        if own.state == "todo" and (own.text or checked.state == "off"):
            return own if own.text else checked
        if checked.state == "todo" and checked.text and not checked.later:
            return checked
    return min(own, checked, key=lambda each: (not each.certain, _WEIGHTS.index(each.state)))


def _looked(evidence: Evidence) -> Judged:
    if not evidence.given.loader:
        return Judged("off", NO_LOADER)
    failed = sum(scan.failed for scan in evidence.scans.values())
    if failed:
        seen = sum(scan.rows + scan.failed for scan in evidence.scans.values())
        return Judged("attention", f"{failed:,} of {plural(seen, 'sample')} could not be read", certain=True)
    scans = {split: scan for split, scan in evidence.scans.items() if scan.rows}
    if "train" not in scans:
        return Judged("todo")
    partly = _partly(evidence, "scanned")
    if partly is not None:
        return partly
    rows = [f"{scan.rows:,} {split}" for split, scan in scans.items()]
    return Judged("done", f"{' and '.join(rows)} samples scanned")


def _is_enough(scan: Scan) -> bool:
    return scan.complete or (scan.total is None and scan.rows >= _ENOUGH)


def _partly(evidence: Evidence, done: str) -> Judged | None:
    """Return how much of a split was scanned where that is not all of it."""
    for split, scan in evidence.scans.items():
        if scan.rows and not _is_enough(scan):
            of = "" if split == "train" else f"{split} "
            total = plural(scan.total, f"{of}sample") if scan.total else f"an unknown number of {of}samples"
            return Judged("todo", f"{scan.rows:,} of {total} {done}", later=scan.rows >= _ENOUGH)
    return None


def _odd(evidence: Evidence) -> Judged:
    kinds = {odd.kind for scan in evidence.scans.values() for odd in scan.warnings}
    return _by_scan(evidence, kinds - {"in both splits", "shift", "order"})


def _apart(evidence: Evidence) -> Judged:
    if not evidence.given.validation:
        return Judged("off", _NO_VALIDATION)
    both = "validation" in evidence.scans and "train" in evidence.scans
    return _by_scan(evidence, {"in both splits", "shift"}) if both else Judged("todo")


def _ordered(evidence: Evidence) -> Judged:
    found = _by_scan(evidence, {"order"})
    return found if found.state in ("attention", "off") else Judged("todo")  # the rest is for checks to say


def _by_scan(evidence: Evidence, kinds: set[str]) -> Judged:
    """Judge by what a scan has found of these kinds."""
    if not evidence.given.loader:
        return Judged("off", NO_LOADER)
    scans = [scan for scan in evidence.scans.values() if scan.rows or scan.failed]
    odd = {each.text: each for scan in scans for each in scan.warnings if each.kind in kinds}
    if odd:
        first = min(odd.values(), key=lambda each: not each.certain)
        more = f" · {len(odd) - 1} more" if len(odd) > 1 else ""
        return Judged("attention", f"{first.text}{more}", certain=first.certain, room="data")
    partly = _partly(evidence, "scanned")
    if partly is not None or not scans:
        return partly or Judged("todo")
    return Judged("done", "the scan found nothing odd")


def _simple(evidence: Evidence) -> Judged:
    if not evidence.given.loader:
        return Judged("off", NO_LOADER)
    found, check = evidence.baseline, evidence.verdicts.get("nothing-to-learn")
    if found is None:
        if check is None or check.status != "pass":
            return Judged("todo")
        return Judged("done", f"by a check alone, no table of simple models was made: {check.title}")
    if found.verdict == "cannot be told":
        return Judged("todo", found.sentence, later=True)
    # a network that was not trained yet is below simple models, and nothing is wrong with it
    below = evidence.trained and found.verdict in ("network below constant", "network below simple")
    return Judged("attention" if below or found.verdict == "nothing to learn" else "done", found.sentence)


def _person(evidence: Evidence) -> Judged:
    if not evidence.given.loader:
        return Judged("off", NO_LOADER)
    labelled = f"{plural(evidence.answered, 'sample')} labelled" if evidence.answered else ""
    if evidence.answered >= _PERSON:
        return Judged("done", labelled)
    why = next((scan.illegible for scan in evidence.scans.values() if scan.rows), "")
    return Judged("off", why) if why else Judged("todo", labelled, later=True)


def _batch(evidence: Evidence) -> Judged:
    seen = evidence.batch
    if seen is None:
        return Judged("todo") if evidence.given.loader else Judged("off", NO_LOADER)
    if seen.error:
        what = f"the forward raised {seen.error}" if seen.size else seen.error
        return _raised(what, evidence, certain=seen.from_loader, plain=bool(seen.size))
    if not seen.from_loader:
        return Judged("todo", _BY_HAND) if evidence.given.loader else Judged("off", NO_LOADER)
    if seen.warnings:
        return Judged("attention", " · ".join(seen.warnings[:_SHOWN]))
    return Judged("done", f"{plural(seen.size, 'sample')} shown")


def _raised(what: str, evidence: Evidence, *, certain: bool, plain: bool) -> Judged:
    """What raised is a defect, but for a plain call of a model that a step of the user's may call in another way."""
    if plain and evidence.given.train_step:
        said = f"{what} · your train_step may call the model in another way: give forward= or split="
        return Judged("attention", said)
    return Judged("attention", what, certain=certain)


def _forward(evidence: Evidence) -> Judged:
    seen = evidence.forward
    if seen is None:
        return Judged("todo") if evidence.given.loader else Judged("off", NO_LOADER)
    if seen.error:
        return _raised(f"the pass ended early: {seen.error}", evidence, certain=seen.from_loader, plain=True)
    if seen.stepped:
        return Judged("done", f"stepped through; {plural(seen.steps, 'step')} recorded")
    if not seen.from_loader:
        return Judged("todo", _BY_HAND) if evidence.given.loader else Judged("off", NO_LOADER)
    return Judged("todo", f"{plural(seen.steps, 'step')} recorded, no step made yet")


def _dynamics(evidence: Evidence) -> Judged:
    run = evidence.run
    if run is None or not run.steps:
        return Judged("todo")
    if run.broken:
        return Judged("attention", run.broken, certain=True)
    if run.raised:
        return Judged("attention", run.raised)
    if run.alerts:
        return Judged("attention", run.alerts[-1])
    read = f"{plural(run.steps, 'step')} watched, the predictions read {plural(run.readings, 'time')}"
    if run.readings < _READINGS:
        return Judged("todo", f"{read}: watch a run with a probe for longer")
    return Judged("done", read)


def _whole(evidence: Evidence) -> Judged:
    if not evidence.given.validation:
        return Judged("off", _NO_VALIDATION)
    scan = evidence.scans.get("validation")
    predicted = scan is not None and scan.predicted
    if predicted and scan is not None and scan.complete:
        return Judged("done", "all of it was predicted")
    if evidence.run is not None and evidence.run.validated:
        return Judged("done", "evaluated while training ran")
    return (_partly(evidence, "predicted") if predicted else None) or Judged("todo")


def _wrong(evidence: Evidence) -> Judged:
    if not evidence.given.loader:
        return Judged("off", NO_LOADER)
    rows = sum(scan.rows for scan in evidence.scans.values() if scan.predicted)
    return Judged("done", f"{plural(rows, 'sample')} predicted") if rows else Judged("todo")


def _journal(evidence: Evidence) -> Judged:
    if not evidence.given.journal:
        return Judged("off", _NO_JOURNAL)
    return Judged("done", "what is run is kept") if evidence.verdicts or evidence.run else Judged("todo")


_OWN: dict[str, Callable[[Evidence], Judged]] = {
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
