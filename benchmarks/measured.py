"""A benchmark run as a process of its own, and what it printed, kept below ``build/benchmarks``."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

from machine import ROOT, commit, load

KEPT = ROOT / "build" / "benchmarks"
_HOUR = 3600


@dataclass(frozen=True)
class Measured:
    """What a benchmark printed, and when."""

    printed: str
    failed: str
    """The last line of its errors, or its exit status, where it ended early; empty otherwise."""
    when: str
    commit: str
    load: tuple[float, float] | None
    """Of the machine, before and after; None where it is not known."""
    seconds: float
    options: tuple[str, ...] = ()


def run(name: str, python: Path, options: tuple[str, ...], *, quick: bool) -> Measured:
    """Run ``benchmarks/NAME.py`` with an interpreter, and keep and return what it printed."""
    surroundings = {**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg", "HF_HUB_OFFLINE": "1"}
    command = [str(python), str(ROOT / "benchmarks" / f"{name}.py"), *options]
    before, began = load(), time.perf_counter()
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=2 * _HOUR, env=surroundings, cwd=ROOT, check=False
        )
        printed, failed = ended.stdout, _why(ended)
    except subprocess.TimeoutExpired:
        printed, failed = "", "it took more than two hours"
    now = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    told = printed.replace(f"{ROOT}/", "").replace(str(ROOT), ".").strip("\n")
    found = Measured(told, failed, now, commit(), (before, load()), time.perf_counter() - began, options)
    KEPT.mkdir(parents=True, exist_ok=True)
    _place(name, quick=quick).write_text(json.dumps(asdict(found), indent=1))
    return found


def _why(ended: subprocess.CompletedProcess[str]) -> str:
    """Return why a benchmark ended early; a status of 1 without a traceback says that a limit is missed."""
    if ended.returncode == 0 or (ended.returncode == 1 and "Traceback" not in ended.stderr):
        return ""
    return (ended.stderr.splitlines() or [f"exit status {ended.returncode}"])[-1]


def kept(name: str, *, quick: bool) -> Measured | None:
    """Return what a benchmark printed last; None where it was never run here."""
    place = _place(name, quick=quick)
    if not place.is_file():
        return None
    known = json.loads(place.read_text())
    return Measured(**{**known, "load": known["load"] and tuple(known["load"]), "options": tuple(known["options"])})


def _place(name: str, *, quick: bool) -> Path:
    return KEPT / f"{name}{'.quick' if quick else ''}.json"
