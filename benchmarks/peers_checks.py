"""The zoo through nbinspect and through its peers, side by side: bugs found, cause named, false alarms.

Each program runs first here and then in the peer, built anew, in one process after the other. The peers live in an
environment of their own below ``build/`` and are fed by `peers.feeding`: the first batch, split, and the model called,
by the rules that nbinspect has for it, so that no `forward`, `split`, dict batch or second optimizer is held against
them; targets are kept out of the inputs that they vary, and opt-in tests run where their documentation asks for them.

A test of the peer that fails counts as the bug *found*, and as its cause *named* where `TESTS` allows that test to mean
the cause: every check of our catalogue that its documentation or its message speaks of, so that one vague test may name
many. *First* asks this of the first failure reported, ours in the order of the diagnosis. Warnings are no alarms, ours
neither; a last table counts those of both. On a healthy program an exception in the peer is no false alarm: the program
then did *not run*. A user's own training step cannot be given to torchtest2, which makes its own; what goes wrong there
is beyond it, and counts.

Only programs are counted as broken whose cause a check of the registry names.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

import zoo  # puts the project on the path
from peers.environment import CannotInstallError, Peer, answer_of, together
from peers.published import PEERS as PUBLISHED

from nbinspect.sanity.registry import CHECKS
from tests.zoo.every import every_program
from tests.zoo.outcome import Outcome
from tests.zoo.program import GROUPS

PEERS = tuple(peer for peer in PUBLISHED if peer.name in ("torchtest2", "torcheck"))
OURS = "nbinspect"

TESTS: dict[str, dict[str, str]] = {
    "torchtest2": {
        # shapes, types and devices that do not fit are told by the exception; inputs outside of [0, 1] by BCE's own
        "forward": "runs dtype label-range",
        "loss": "runs dtype loss-input loss-target loss-reduction label-range detached-graph nonfinite-forward "
        "nonfinite-data",
        "output_finite": "nonfinite-forward nonfinite-data",
        # "input ignored, collapsed activations or a broadcasting bug"
        "output_varies": "constant-output unused-input dead-units saturated-units symmetric-init silent-broadcast",
        "eval_determinism": "train-eval-mode nondeterminism",
        # "scale down the last layer's init, check input normalisation", and leaking targets
        "initial_loss": "loss-at-init final-bias init-scale input-scale causality",
        "optimizer_coverage": "optimizer-mismatch updates-not-applied unregistered-parameters",
        # "unused in forward, or the graph is cut"; "dead ReLUs, multiplied by zero, masked out"
        "gradient_flow": "unused-parameters unused-result detached-graph zero-gradient-path dead-units "
        "saturated-units symmetric-init vanishing-gradients",
        "gradient_magnitude": "nonfinite-gradient nonfinite-data exploding-gradients init-scale input-scale "
        "target-scale learning-rate",
        # "any of the above, lr=0", and gradients too small to change a parameter
        "params_change": "updates-not-applied optimizer-mismatch learning-rate unused-parameters unused-result "
        "detached-graph zero-gradient-path vanishing-gradients dead-units saturated-units",
        "frozen_params": "frozen-parameters-change",
        # "wrong slicing, ignored inputs/masks"
        "input_dependency": "unused-input constant-output padding-leak dead-units",
        "batch_independence": "batch-leak train-eval-mode",
        # "lr, loss/target mismatch, capacity; NaN gradients"
        "overfit_batch": "overfit-one-batch learning-rate loss-input loss-target loss-direction output-range capacity "
        "regularised-debug-run nonfinite-gradient exploding-gradients",
        "gradcheck": "gradient-check",
    },
    "torcheck": {
        "covered": "optimizer-mismatch updates-not-applied unregistered-parameters",
        "changing": "updates-not-applied learning-rate unused-parameters unused-result detached-graph "
        "zero-gradient-path vanishing-gradients dead-units",
        "unchanging": "frozen-parameters-change",
        # "softmax hasn't been applied before loss calculation"
        "output_range": "loss-input",
        "nan": "nonfinite-data nonfinite-forward nonfinite-gradient exploding-gradients learning-rate",
        "inf": "nonfinite-data nonfinite-forward nonfinite-gradient exploding-gradients learning-rate",
    },
}
"""By peer and test, the causes that a failure may mean. Left out are tests that ask for an expectation, such as an
output's shape, that no program states, and the one for a GPU."""

Results: TypeAlias = list[tuple[str, str, str]]
"""Name, status and message of each test."""
Causes: TypeAlias = tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """A program, and what every tool says of it."""

    program: str
    group: str
    cause: Causes
    aside: bool
    ours: Outcome | None
    failures: dict[str, str]
    """Why a tool could not run, by its name."""
    results: dict[str, Results]
    """By peer."""


@dataclass(frozen=True)
class Said:
    """What a tool says of a program: by each alarm the causes that it may mean, in the order of its report."""

    alarms: tuple[Causes, ...]
    first: Causes
    did_not_run: str = ""


def compare(number: int, peers: dict[str, Path], limit: float) -> Row:
    """Run every tool on the program of this number."""
    program = every_program()[number]
    ours, failures, results = None, {}, {}
    try:
        ours = zoo.run(number)
    except Exception as error:  # noqa: BLE001 - one program must not end the comparison
        failures[OURS] = f"{type(error).__name__}: {error}"
    for peer, python in peers.items():
        answer = answer_of(peer, python, program.name, limit)
        if "error" in answer:
            failures[peer] = answer["error"]
        else:
            results[peer] = answer["results"]
    return Row(program.name, program.group, program.cause, program.is_aside, ours, failures, results)


def said(row: Row, tool: str, levels: Sequence[str]) -> Said:
    """Return what a tool says of a program, where results of these statuses are its alarms."""
    if tool in row.failures:
        return Said((), (), row.failures[tool])
    if tool == OURS:
        assert row.ours is not None
        alarms = [name for name, status in row.ours.statuses.items() if status in levels]
        return Said(tuple((name,) for name in alarms), (row.ours.first,) if row.ours.first in alarms else ())
    results = row.results[tool]
    if not row.cause:
        ended = [message for name, _, message in results if name in ("forward", "loss") and _is_exception(message)]
        if ended:
            return Said((), (), ended[0])
        results = [one for one in results if not _is_exception(one[2])]
    counted = [(status, tuple(TESTS[tool][name].split())) for name, status, _ in results if status in levels]
    # as in our diagnosis, a warning is read first only where nothing fails
    first = sorted(counted, key=lambda alarm: alarm[0] != "fail")[:1]
    return Said(tuple(causes for _, causes in counted), first[0][1] if first else ())


def _is_exception(message: str) -> bool:
    return " raised " in f" {message}"


def counts(rows: Sequence[Row], tool: str, levels: Sequence[str]) -> tuple[int, int, int, int, int]:
    """Return how many bugs are found, named and named first, how many false alarms, and how many did not run."""
    pairs = [(row, said(row, tool, levels)) for row in rows]
    sick = [(row, one) for row, one in pairs if row.cause]
    found = sum(bool(one.alarms) for _, one in sick)
    named = sum(any(set(row.cause).intersection(alarm) for alarm in one.alarms) for row, one in sick)
    first = sum(bool(set(row.cause).intersection(one.first)) for row, one in sick)
    alarmed = sum(bool(one.alarms) for row, one in pairs if not row.cause)
    return found, named, first, alarmed, sum(bool(one.did_not_run) for _, one in pairs)


def table(title: str, rows: Sequence[Row], tools: dict[str, str], levels: Sequence[str] = ("fail",)) -> None:
    """Print a line a group, the sums, and their shares."""
    print(f"\n{title}\n{'':<24}" + "".join(f"   {told:<38}" for told in tools.values()))
    print(
        f"{'group':<10}{'broken':>6}{'healthy':>8}"
        + f"{'found':>10}{'named':>7}{'first':>7}{'alarms':>8}{'not run':>9}" * len(tools)
    )
    for group in (*GROUPS, "all"):
        own = [row for row in rows if group in (row.group, "all")]
        sick = sum(bool(row.cause) for row in own)
        line = f"{group:<10}{sick:>6}{len(own) - sick:>8}"
        for tool in tools:
            found, named, first, alarms, not_run = counts(own, tool, levels)
            line += f"{found:>10}{named:>7}{first:>7}{alarms:>8}{not_run:>9}"
        print(line)
    line = f"{'share':<24}"
    for tool in tools:
        *bugs, alarms, not_run = counts(rows, tool, levels)
        shares = [f"{count / max(1, sick):.0%}" for count in bugs]
        shares += [f"{alarms / max(1, len(rows) - sick):.0%}", f"{not_run / max(1, len(rows)):.0%}"]
        line += "".join(f"{share:>{width}}" for share, width in zip(shares, (10, 7, 7, 8, 9), strict=True))
    print(line)


def told(rows: Sequence[Row], tools: Sequence[str]) -> list[str]:
    """Return the false alarms, and what did not run, a line each."""
    lines = []
    for tool in tools:
        for row in rows:
            one = said(row, tool, ("fail",))
            if one.did_not_run:
                lines.append(f"{tool} did not run on {row.program}: {' '.join(one.did_not_run.split())[:200]}")
            elif one.alarms and not row.cause:
                results = list(row.ours.told.items()) if tool == OURS and row.ours else []
                results += [(name, message) for name, status, message in row.results.get(tool, ()) if status == "fail"]
                lines += [
                    f"{tool}, false alarm on {row.program}: {name}: {' '.join(text.split())[:160]}"
                    for name, text in results[:1]
                ]
    return lines


def installed(peers: Sequence[Peer]) -> dict[str, Path]:
    """Return the interpreter of each peer that can be had on this machine."""
    try:
        shared = together([peer for peer in PUBLISHED if not peer.apart], print)
    except CannotInstallError as error:
        print(f"SKIPPED: nothing can be installed here: {error}")
        return {}
    for name, reason in shared.failed.items():
        print(f"SKIPPED: {name} cannot be installed here: {reason}")
    return {peer.name: shared.python for peer in peers if peer.name not in shared.failed}


def main() -> int:
    """Run, print the tables, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="programs whose name contains this")
    parser.add_argument("--limit", type=int, default=0, help="this many of them, drawn with a fixed seed; 0 for all")
    parser.add_argument("--peer", choices=[peer.name for peer in PEERS], help="this peer alone")
    parser.add_argument("--timeout", type=float, default=120, help="seconds that a peer has for a program")
    parser.add_argument("--json", type=Path, help="also write every row to this file")
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    peers = installed([peer for peer in PEERS if given.peer in (None, peer.name)])
    if not peers:
        return 0
    known = {check.name for check in CHECKS}
    programs = every_program()
    counted = [n for n, one in enumerate(programs) if not one.cause or known.intersection(one.cause)]
    chosen = [n for n in counted if given.only in programs[n].name]
    if 0 < given.limit < len(chosen):
        chosen = sorted(random.Random(0).sample(chosen, given.limit))
    began = time.perf_counter()
    # the loaders of the programs start workers of their own, which a daemonic process may not
    with ProcessPoolExecutor(given.processes, multiprocessing.get_context("spawn")) as pool:
        rows = list(pool.map(partial(compare, peers=peers, limit=given.timeout), chosen))
    if given.json:
        given.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))
    tools = {OURS: OURS, **{peer.name: peer.title for peer in PEERS if peer.name in peers}}
    for aside, title in ((False, "tuned on"), (True, "kept aside")):
        table(title, [row for row in rows if row.aside is aside], tools)
    table("all", rows, tools)
    table("all, with warnings as alarms", rows, tools, ("fail", "warn"))
    print("\nfalse alarms, and what did not run:", *(told(rows, list(tools)) or ["none"]), sep="\n  ")
    left = len(programs) - len(counted)
    print(
        f"\n{len(rows)} programs in {time.perf_counter() - began:.0f} s; {left} whose cause no check names are left out"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
