"""Which checks a run has, and whether the user's settings name checks and thresholds that there are."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nbinspect.errors import InputError
from nbinspect.sanity.check import Check
from nbinspect.subject import Subject, kind_of


def chosen(
    catalogue: Sequence[Check], only: str | Iterable[str] | None = None, skip: str | Iterable[str] | None = None
) -> tuple[Check, ...]:
    """Return the checks that `only` names, or all, without those that `skip` names; stages stand for all their checks.

    Raises:
        InputError: for an unknown name, with the nearest known one.
    """
    wanted = _names("only", catalogue, only) if only is not None else {check.name for check in catalogue}
    wanted -= _names("skip", catalogue, skip) if skip is not None else set()
    return tuple(check for check in catalogue if check.name in wanted)


def _names(argument: str, catalogue: Sequence[Check], given: str | Iterable[str]) -> set[str]:
    stages = {check.stage for check in catalogue}
    found: set[str] = set()
    for name in [given] if isinstance(given, str) else given:
        if name in stages:
            found |= {check.name for check in catalogue if check.stage == name}
        elif any(check.name == name for check in catalogue):
            found.add(name)
        else:
            known = [*(check.name for check in catalogue), *sorted(stages)]
            raise InputError(f"{argument}: no check or stage {name!r}{near(str(name), known)}")
    return found


def near(name: str, known: Sequence[str]) -> str:
    """Return ``; did you mean 'runs'?`` with the nearest known names, or all names where none is near."""
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if close:
        return f"; did you mean {' or '.join(map(repr, close))}?"
    return f"; known are {', '.join(known)}"


def settings_checked(catalogue: Sequence[Check], subject: Subject) -> None:
    """Raise InputError if `thresholds` or `intended` name a check or a threshold that there is not."""
    names = [check.name for check in catalogue]
    for argument in ("thresholds", "intended"):
        given: Mapping[str, Any] = getattr(subject, argument) or {}
        if not isinstance(given, Mapping):
            raise InputError(f"{argument}: expected a dict by the names of checks, got {kind_of(given)}")
        for name in given:
            if name not in names:
                raise InputError(f"{argument}: no check {name!r}{near(str(name), names)}")
    for check in catalogue:
        own = (subject.thresholds or {}).get(check.name, {})
        for threshold in own:
            if threshold not in check.thresholds:
                known = near(str(threshold), list(check.thresholds)) if check.thresholds else "; it has none"
                raise InputError(f"thresholds: {check.name} has no threshold {threshold!r}{known}")
