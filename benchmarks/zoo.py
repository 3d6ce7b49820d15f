"""The checks on every program of the zoo: bugs found, cause named, first diagnosis right, false alarms.

Thresholds are never tuned on the third that is kept aside; both parts are printed. With ``--check`` the exit status is
1 where a check fails on a healthy program, or ends in an error on any.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
import zlib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from limits import print_limit  # noqa: E402 - after the path

from nbinspect.sanity.registry import CHECKS  # noqa: E402 - after the path
from tests.zoo.every import every_program  # noqa: E402
from tests.zoo.outcome import Outcome, outcome_of  # noqa: E402

NAMED, FIRST = 0.90, 0.85


def run(number: int) -> Outcome:
    """Run the checks on the program of this number."""
    import torch

    torch.set_num_threads(1)
    return outcome_of(every_program()[number])


def table(title: str, outcomes: Sequence[Outcome]) -> None:
    """Print a line a check, and the sums."""
    known = {check.name for check in CHECKS}
    sick = [one for one in outcomes if known.intersection(one.cause)]
    healthy = [one for one in outcomes if not one.cause]
    print(f"\n{title}: {len(sick)} broken programs, {len(healthy)} healthy ones")
    print(f"{'check':<26}{'bugs':>6}{'found':>7}{'named':>7}{'first':>7}{'false alarms':>14}{'warns on healthy':>18}")
    for name in [check.name for check in CHECKS]:
        own = [one for one in sick if one.cause[0] == name]
        alarms = sum(one.statuses.get(name) == "fail" for one in healthy)
        warns = sum(one.statuses.get(name) == "warn" for one in healthy)
        print(f"{name:<26}{_counts(own)}{alarms:>14}{warns:>18}")
    alarmed = sum(bool(one.failed) for one in healthy)
    print(f"{'all':<26}{_counts(sick)}{alarmed:>14}")
    print(f"cause named {_share(sick, 'is_named')}, first diagnosis right {_share(sick, 'is_first')}")


def _counts(own: Sequence[Outcome]) -> str:
    found, named, first = (sum(bool(getattr(one, key)) for one in own) for key in ("failed", "is_named", "is_first"))
    return f"{len(own):>6}{found:>7}{named:>7}{first:>7}"


def _share(sick: Sequence[Outcome], key: str) -> str:
    return f"{sum(getattr(one, key) for one in sick)} of {len(sick)} ({_rate(sick, key):.0%})"


def _rate(sick: Sequence[Outcome], key: str) -> float:
    return sum(getattr(one, key) for one in sick) / len(sick) if sick else 1.0


def faults(outcomes: Sequence[Outcome]) -> list[str]:
    """Return what is not as it must be, a line each."""
    lines = []
    for one in outcomes:
        shown = [name for name in one.failed if not one.cause] + list(one.errors)
        lines += [f"{one.program}: {name}: {one.told[name][:300]}" for name in shown]
    return lines


def missed(outcomes: Sequence[Outcome]) -> list[str]:
    """Return the bugs whose cause is not named first, a line each."""
    known = {check.name for check in CHECKS}
    return [
        f"{one.program}: {' or '.join(one.cause)}; first {one.first or 'nothing'}, failed {', '.join(one.failed)}"
        for one in outcomes
        if known.intersection(one.cause) and not one.is_first
    ]


def main() -> int:
    """Run, print the tables, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="programs whose name contains this")
    parser.add_argument("--tuned", action="store_true", help="leave the part that is kept aside alone")
    parser.add_argument("--share", type=int, default=1, help="one in so many programs, always the same")
    parser.add_argument("--aside", action="store_true", help="of the part that is kept aside all, whatever the share")
    parser.add_argument("--check", action="store_true", help="exit 1 where the targets are missed")
    parser.add_argument("--json", type=Path, help="also write every outcome to this file")
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    programs = every_program()
    named = [n for n, one in enumerate(programs) if given.only in one.name and not (given.tuned and one.is_aside)]
    lots = {n: zlib.crc32(f"share {programs[n].name}".encode()) % given.share for n in named}
    chosen = [n for n in named if lots[n] == 0 or (given.aside and programs[n].is_aside)]
    if not chosen:
        parser.error(f"there is no such program: --only {given.only!r}, --share {given.share}")
    began = time.perf_counter()
    # the loaders of the programs start workers of their own, which a daemonic process may not
    with ProcessPoolExecutor(given.processes, multiprocessing.get_context("spawn")) as pool:
        outcomes = list(pool.map(run, chosen))
    parts = {aside: [one for one in outcomes if one.aside is aside] for aside in (False, True)}
    for aside, title in ((False, "tuned on"), (True, "kept aside")):
        if parts[aside]:
            table(title, parts[aside])
    if given.json:
        given.json.write_text(json.dumps([vars(one) for one in outcomes], indent=1))
    bad = faults(outcomes)
    print("\nnot named first:", *missed(parts[False]), sep="\n  ")
    print("\nfalse alarms and errors:", *(bad or ["none"]), sep="\n  ")
    seconds = [one.seconds for one in outcomes]
    print(f"\n{len(outcomes)} programs in {time.perf_counter() - began:.0f} s; the slowest took {max(seconds):.1f} s")
    print(f"passes: median {sorted(one.passes for one in outcomes)[len(outcomes) // 2]:.1f}", end=", ")
    print(f"most {max(one.passes for one in outcomes):.1f}")
    sick = [one for one in parts[True] if {check.name for check in CHECKS}.intersection(one.cause)]
    print_limit("kept aside: share whose cause is named", _rate(sick, "is_named"), least=NAMED)
    print_limit("kept aside: share whose first diagnosis is right", _rate(sick, "is_first"), least=FIRST)
    print_limit("false alarms and errors", len(bad), most=0)
    return int(given.check and bool(bad))


if __name__ == "__main__":
    sys.exit(main())
