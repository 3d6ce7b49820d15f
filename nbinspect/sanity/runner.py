"""Running checks: in order, each on what it needs, each guarded, within a budget; one seed gives one record."""

from __future__ import annotations

import platform
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch

from nbinspect.capture.door import refuse_beside_training
from nbinspect.errors import place_in_user_code
from nbinspect.records import CheckResult, Progress, SanityRecord, TaskRecord
from nbinspect.sanity.check import Check, MissingNeed
from nbinspect.sanity.diagnosis import diagnose
from nbinspect.sanity.guard import Guard
from nbinspect.sanity.limits import Ended, Hung, Limits
from nbinspect.sanity.program import Program, seed_all
from nbinspect.sanity.supplies import Supplies
from nbinspect.sanity.trials.proving.proof import proven
from nbinspect.subject import Subject
from nbinspect.version import __version__

_LONG = 50
"""Passes, above which a check that trains waits until the others are done."""
_OUT_OF_MEMORY = re.compile(r"[Tt]ried to allocate ([\d.]+ ?\w+)")


def run_checks(
    subject: Subject,
    checks: Sequence[Check],
    *,
    seed: int = 0,
    time_budget: float = 120,
    progress: Callable[[Progress], Any] | None = None,
) -> SanityRecord:
    """Run checks in the order given, those that train for long at the end, and return what they found, in that order.

    Every check runs on the model's own device. The model, its gradients, buffers, modes and hooks, the optimizer, the
    loaders' generators and the random states are left unchanged, also after an exception or an interrupt.

    Args:
        subject: the live objects.
        checks: the checks to run.
        seed: what random draws depend on.
        time_budget: seconds; checks that no time is left for are skipped.
        progress: called before each check and at the end; False cancels the run, also inside a check.

    Raises:
        CaptureError: if another thread is at work on the model.
    """
    refuse_beside_training(subject.model)
    return _Run(subject, checks, seed, time_budget, progress).run()


class _Run:
    """One run of checks."""

    def __init__(
        self,
        subject: Subject,
        checks: Sequence[Check],
        seed: int,
        time_budget: float,
        progress: Callable[[Progress], Any] | None,
    ) -> None:
        self._checks = checks
        self._progress = progress
        self._cancelled = False
        self._results: list[CheckResult] = []
        self._told: set[str] = set()
        self._cut: Ended | None = None
        self._limits = Limits(time_budget, self._asked)
        self._program = Program(subject, self._limits, seed)
        self._subject = subject
        self._running = ""
        self._needs: dict[str, str] = {}
        self._taken = 0

    def run(self) -> SanityRecord:
        cuda = torch.cuda.is_initialized()  # type: ignore[no-untyped-call] # torch's
        if cuda:
            torch.cuda.reset_peak_memory_stats()
        # whatever mode the caller is in, copies of batches must be able to take part in a graph
        with torch.inference_mode(False), torch.enable_grad(), Guard(self._subject) as guard:
            supplies = Supplies(self._program, guard)
            for check in sorted(self._checks, key=_is_long):  # a budget that runs out costs few answers
                self._tell(check.name)
                self._results.append(self._one(check, supplies, guard))
            given = [check.name for check in self._checks]
            self._results.sort(key=lambda result: given.index(result.check))
            self._prove(supplies)
            self._tell("")
            task = self._task(supplies)
        results, order = diagnose(self._results, self._checks)
        return SanityRecord(
            model=type(self._subject.network).__name__,
            results=results,
            diagnosis=order,
            task=task,
            device=str(self._subject.target_device or "cpu"),
            memory=(torch.cuda.max_memory_allocated(), torch.cuda.mem_get_info()[1]) if cuda else None,
            seed=self._program.seed,
            seconds=self._limits.spent,
            passes=self._program.passes,
            steps=self._program.steps,
            cut=str(self._cut or ""),
            notes=tuple(supplies.notes),
            versions=(
                ("nbinspect", __version__),
                ("torch", str(torch.__version__)),
                ("Python", platform.python_version()),
            ),
        )

    def _one(self, check: Check, supplies: Supplies, guard: Guard) -> CheckResult:
        """Run one check, whatever it comes to."""
        began, before, taken = time.monotonic(), self._program.passes, self._program.steps
        if self._cut:
            found = CheckResult("", "", "skip", f"not run: {self._cut}", hindrance=self._cut.hindrance)
        else:
            found = self._judged(check, supplies)
            changed = guard.changed()
            if changed:
                guard.restore()
                text = f"changed {', '.join(changed[:3])}, which a check must not; it was put back"
                found = CheckResult("", "", "error", text, detail=text)
        reason = (self._subject.intended or {}).get(check.name)
        if reason is not None and found.status in ("fail", "warn"):
            found = replace(found, status="waived", detail=f"intended: {reason}. {found.detail}")
        return replace(
            found,
            check=check.name,
            stage=check.stage,
            sources=check.sources,
            passes=self._program.passes - before,
            steps=self._program.steps - taken,
            seconds=time.monotonic() - began,
        )

    def _judged(self, check: Check, supplies: Supplies) -> CheckResult:
        own = dict((self._subject.thresholds or {}).get(check.name, {}))
        try:
            self._limits.ask()
            needs = supplies.all_of(check.needs)
            seed_all(self._program.seed, check.name)
            return check.run(*needs, **own)
        except MissingNeed as missing:
            need = self._once(str(missing), check.name)
            return CheckResult("", "", "skip", f"needs {need}", hindrance=missing.hindrance)
        except Ended as ended:
            self._cut = ended
            return CheckResult("", "", "skip", f"not finished: {ended}", hindrance=ended.hindrance)
        except Hung as hung:
            return _errored(str(hung), hung)
        except Exception as error:  # noqa: BLE001 - one check's failure must not cost the others' answers
            wanted = memory_wanted(error)
            if wanted is not None:
                return CheckResult("", "", "skip", f"needs {wanted} more memory than there is")
            if not supplies.has_plain_inputs and isinstance(error, RuntimeError):
                return CheckResult("", "", "skip", "needs dense inputs")
            text = f"{type(error).__name__}: {error}"
            return _errored(text, error)

    def _once(self, need: str, name: str) -> str:
        """Return a need, which is told at length where it first comes, and then in short with where that was."""
        first = self._needs.setdefault(need, name)
        short = re.split(r" \(|: |; ", need, maxsplit=1)[0]
        return f"{short}: see `{first}`" if first != name and len(short) + len(first) + 8 < len(need) else need

    def _prove(self, supplies: Supplies) -> None:
        """Try the remedies of what failed, where checks that train are among those asked for."""
        if self._cut or not any(check.stage == "training" for check in self._checks):
            return
        for at, result in enumerate(self._results):
            if result.status == "fail" and not result.confirmed:
                taken, began = self._program.steps, time.monotonic()
                self._tell(result.check)
                try:
                    found = proven(self._program, supplies.supply("recorded"), result)
                except Ended as ended:
                    self._cut = ended
                    return
                except (Hung, Exception):  # noqa: BLE001 - the finding stands without a proof
                    continue
                steps, seconds = self._program.steps - taken, time.monotonic() - began
                self._results[at] = replace(found, steps=found.steps + steps, seconds=found.seconds + seconds)

    def _task(self, supplies: Supplies) -> TaskRecord | None:
        try:
            task: TaskRecord = supplies.supply("task")
        except (Ended, Hung, Exception):  # noqa: BLE001 - the checks have told of it
            return None
        return task

    def _tell(self, running: str) -> None:
        self._running, self._taken = running, self._program.steps
        self._asked()

    def _asked(self) -> bool:
        """Tell how far the run has come, and hear whether it is to end; asked at every pass too."""
        if self._progress is not None and not self._cancelled:
            done, spent = len(self._results), self._limits.spent
            left = None if not done else min(self._limits.left, spent / done * (len(self._checks) - done))
            new = tuple(result for result in self._results if result.check not in self._told)
            self._told |= {result.check for result in new}
            taken = self._program.steps - self._taken
            told = Progress(done, len(self._checks), self._running, spent, left, new, taken)
            self._cancelled = self._progress(told) is False
        return self._cancelled


def _is_long(check: Check) -> bool:
    return check.stage == "training" and check.cost > _LONG


def memory_wanted(error: Exception) -> str | None:
    """Return how much memory an allocation wanted that failed for lack of it: ``20.00 MiB``; None for other errors."""
    text = str(error)
    cpu = re.search(r"you tried to allocate (\d+) bytes", text)
    if cpu:
        return f"{int(cpu[1]) / 2**20:,.0f} MiB"
    if "out of memory" not in text.lower():
        return None
    found = _OUT_OF_MEMORY.search(text)
    return found[1] if found else "some"


def _errored(text: str, error: BaseException) -> CheckResult:
    place = place_in_user_code(error)
    detail = f"{text} (at {place})" if place else text
    return CheckResult("", "", "error", text.splitlines()[0][:200], detail=detail, hindrance="raised" if place else "")
