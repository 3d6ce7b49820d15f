"""Runs one check on a program, through the real runner."""

from __future__ import annotations

from typing import Any

from nbinspect.records import CheckResult
from nbinspect.sanity.check import Check
from nbinspect.sanity.runner import run_checks
from nbinspect.subject import make_subject


def run_one(check: Check, *, seed: int = 0, **arguments: Any) -> CheckResult:
    """The result of one check on the program that these arguments of `nbinspect.check` make."""
    named = dict(arguments)
    subject = make_subject(named.pop("model"), named.pop("loader", None), named.pop("loss_fn", None), **named)
    (result,) = run_checks(subject, (check,), seed=seed).results
    return result
