"""A run on a plain copy of the program: without augmentation and without regularisation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from nbinspect.errors import CaptureError
from nbinspect.records import SanityRecord
from nbinspect.sanity.check import Check, MissingNeed
from nbinspect.sanity.guard import Guard
from nbinspect.sanity.limits import Limits
from nbinspect.sanity.program import Program
from nbinspect.sanity.runner import run_checks
from nbinspect.sanity.trials.running.plain import plain, without_smoothing
from nbinspect.sanity.trials.running.whole import whole_copy
from nbinspect.sanity.unaugmented import unaugmented
from nbinspect.subject import Subject


def run_plain(subject: Subject, checks: Sequence[Check], **options: Any) -> SanityRecord:
    """Run checks on a copy of the program without augmentation and regularisation, and return what they found.

    While they run, names by which the user's own functions reach live objects mean the copies. The originals, the
    loader and its data set are left unchanged.

    Args:
        subject: the live objects.
        checks: the checks to run.
        **options: as `run_checks` takes them.

    Raises:
        CaptureError: if the program cannot be copied, or another thread is at work on it.

    Source: K-simplify, S-regularise.
    """
    program = Program(subject, Limits(float("inf")))
    with Guard(subject):
        try:
            with whole_copy(program) as whole:
                copy = Program(whole.subject, program.limits)
                off = (*plain(copy), *without_smoothing(copy))
                loader, told = unaugmented(subject.loader, subject.val_loader)
                record = run_checks(replace(copy.subject, loader=loader), checks, **options)
        except MissingNeed as missing:
            raise CaptureError(f"a plain run needs {missing}") from missing
    notes = tuple(f"plain: {one}" for one in (told, *off))
    return replace(record, plain=True, notes=(*notes, *record.notes))
