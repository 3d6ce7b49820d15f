"""Which checks a run has, and whether the user's settings are of the right kind and name checks that there are."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import torch

from nbinspect.errors import InputError
from nbinspect.sanity.check import Check
from nbinspect.subject import Subject, kind_of


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


_KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "total_steps": (lambda value: _is_whole(value) and value > 0, "a number of steps above 0"),
    "batch_axis": (lambda value: _is_whole(value) and value >= 0, "an axis, 0 or above"),
    "causal": (lambda value: isinstance(value, bool), "True or False"),
    "padding_value": (_is_number, "a number"),
    "scheduler": (lambda value: hasattr(value, "step") or callable(value), "a scheduler of torch.optim.lr_scheduler"),
    "scaler": (lambda value: hasattr(value, "scale"), "a torch.amp.GradScaler"),
}
"""What a setting must be, where it is given."""


def chosen(
    catalogue: Sequence[Check], only: str | Iterable[str] | None = None, skip: str | Iterable[str] | None = None
) -> tuple[Check, ...]:
    """Return the checks that `only` names, or all, without those that `skip` names; stages stand for all their checks.

    Raises:
        InputError: for an unknown name, with the nearest known one, or what is no name.
    """
    wanted = _names("only", catalogue, only) if only is not None else {check.name for check in catalogue}
    wanted -= _names("skip", catalogue, skip) if skip is not None else set()
    return tuple(check for check in catalogue if check.name in wanted)


def _names(argument: str, catalogue: Sequence[Check], given: str | Iterable[str]) -> set[str]:
    stages = {check.stage for check in catalogue}
    found: set[str] = set()
    if not isinstance(given, Iterable):
        raise InputError(f"{argument}: expected names of checks or stages, got {kind_of(given)}")
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
    close = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.5)
    if close:
        return f"; did you mean {' or '.join(map(repr, close))}?"
    return f"; known are {', '.join(known)}" if known else "; there is none"


def settings_checked(catalogue: Sequence[Check], subject: Subject) -> None:
    """Return if the subject's settings can be used; nothing is run.

    Raises:
        InputError: for a setting of the wrong kind, a device that is not there, or if `thresholds` or `intended` name
            a check or a threshold that there is not, with the nearest that there is.
    """
    for name, (fits, kind) in _KINDS.items():
        value = getattr(subject, name)
        if value is not None and not fits(value):
            raise InputError(f"{name}: expected {kind}, got {value!r}")
    _check_device(subject.device)
    checks = {check.name: check for check in catalogue}
    for argument in ("thresholds", "intended"):
        given: Any = getattr(subject, argument)
        if given is not None and not isinstance(given, Mapping):
            raise InputError(f"{argument}: expected a dict by the names of checks, got {kind_of(given)}")
        for name in given or ():
            if name not in checks:
                raise InputError(f"{argument}: no check {name!r}{near(str(name), list(checks))}")
    for name, reason in (subject.intended or {}).items():
        if not isinstance(reason, str):
            raise InputError(f"intended: expected the reason for {name} as a string, got {kind_of(reason)}")
    for name, own in (subject.thresholds or {}).items():
        _check_thresholds(checks[name], own)


def _check_device(device: Any) -> None:
    if device is None:
        return
    try:
        torch.empty(0, device=device)
    except (RuntimeError, TypeError, AssertionError) as error:
        raise InputError(f"device: {device!r} cannot be used: {str(error).splitlines()[0]}") from error


def _check_thresholds(check: Check, own: Any) -> None:
    if not isinstance(own, Mapping):
        raise InputError(f"thresholds: expected a dict of {check.name}'s thresholds, got {kind_of(own)}")
    for threshold, value in own.items():
        if threshold not in check.thresholds:
            known = near(str(threshold), list(check.thresholds))
            raise InputError(f"thresholds: {check.name} has no threshold {threshold!r}{known}")
        if _is_number(check.thresholds[threshold]) and not _is_number(value):
            raise InputError(f"thresholds: {check.name}: expected a number for {threshold}, got {value!r}")
