"""How a step of the recipe stands by its sanity checks: done only where those that decide it have passed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from nbinspect.figures.words import plural
from nbinspect.recipe.catalogue import Advice
from nbinspect.recipe.evidence import Evidence, Verdict
from nbinspect.recipe.judged import NO_LOADER, Judged

_SHOWN = 3
_GOOD = ("pass", "waived")
_WORDS = {"pass": "passed", "inconclusive": "inconclusive", "waived": "waived", "skip": "skipped"}


def by_checks(advice: Advice, evidence: Evidence) -> Judged:
    """Judge a step by what its checks said last: what is wrong outweighs what is missing, and that what has passed."""
    if not evidence.given.loader:
        return Judged("off", NO_LOADER)
    found = {name: evidence.verdicts[name] for name in advice.checks if name in evidence.verdicts}
    return _wrong(list(found.values())) or _missing(advice, list(found.values())) or _answered(advice, found)


def _wrong(found: list[Verdict]) -> Judged | None:
    # what another finding explains goes away with its cause, and is not what to mend first
    bad = sorted((each for each in found if each.status == "fail"), key=lambda each: not each.is_cause)
    raised = sorted((each for each in found if each.status == "error"), key=lambda each: each.hindrance != "raised")
    if bad and (bad[0].is_cause or not raised):
        return Judged("attention", titles(bad), certain=bad[0].is_cause)
    if raised:
        return Judged("attention", titles(raised), certain=raised[0].hindrance == "raised")
    odd = [each for each in found if each.status == "warn"]
    if odd:
        return Judged("attention", titles(odd))
    kept = [each for each in found if each.hindrance == "raised"]
    return Judged("attention", f"could not be checked: {titles(kept)}") if kept else None


def _missing(advice: Advice, found: list[Verdict]) -> Judged | None:
    late = [each for each in found if each.hindrance in ("time", "cancelled")]
    if late:
        why = "no time was left" if late[0].hindrance == "time" else "cancelled"
        share = "" if len(late) == len(advice.checks) else f"{len(late)} of {plural(len(advice.checks), 'check')} "
        return Judged("todo", f"{share}not run: {why}")
    if len(found) < len(advice.checks):
        return Judged("todo", f"{len(found)} of {plural(len(advice.checks), 'check')} run" if found else "")
    return None


def _answered(advice: Advice, found: dict[str, Verdict]) -> Judged:
    """Judge checks that have all been run, of which none found anything wrong."""
    wanted = advice.deciding or advice.checks
    counts = Counter(each.status for each in found.values())
    told = ", ".join(f"{count} {_WORDS[status]}" for status, count in sorted(counts.items(), key=_order))
    good = [name for name in wanted if found[name].status in _GOOD]
    if good and (len(good) == len(wanted) or not advice.deciding):
        return Judged("done", told)
    unclear = [name for name in wanted if found[name].status == "inconclusive"]
    if unclear:
        return Judged("todo", f"inconclusive: {titles([found[name] for name in unclear])}", later=True)
    reasons = titles([found[name] for name in wanted if name not in good])
    return Judged("off", f"{told}; the main check {reasons}" if "pass" in counts else reasons)


def _order(count: tuple[str, int]) -> int:
    return list(_WORDS).index(count[0])


def titles(verdicts: Sequence[Verdict]) -> str:
    """Return the first few titles, and how many more there are."""
    found = list(dict.fromkeys(verdict.title for verdict in verdicts))
    more = len(found) - _SHOWN
    return " · ".join(found[:_SHOWN]) + (f" · {more} more" if more > 0 else "")
